import json

import pytest

from etl.errors import SettingError, SourceDeniedError
from etl.retail.source import CONNECTORS, open_merchant, open_source, reader_of
from etl.settings import Settings


@pytest.mark.parametrize("tokens", ["", '{"M2": "x"}', '{"M1": ""}'])
def test_a_merchant_without_a_token_is_told_which_setting_lacks_it(tokens, store):
    with pytest.raises(SourceDeniedError, match="merchant M1; put it into STORECAST_SOURCE_TOKENS"):
        open_source(Settings(source_tokens=tokens), store)


def test_tokens_may_stand_in_a_file(tmp_path, store):
    file = tmp_path / "tokens.json"
    file.write_text('{"M1": "secret"}')
    source = open_source(Settings(source_tokens=str(file)), store)
    assert source.merchant_id == "M1"


@pytest.mark.parametrize(
    "tokens",
    [
        "not-a-file.json",
        '{"M1": "secret-7"',
        '{"M1": 7}',
        '{"M1": {"key": "secret-7"}}',
        '{"M1": {"token": "secret-7", "url": 7}}',
    ],
)
def test_tokens_that_cannot_be_read_are_not_quoted(tokens, store):
    with pytest.raises(SettingError, match="must be a JSON object of tokens") as raised:
        open_source(Settings(source_tokens=tokens), store)
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_source_does_not_show_its_token(store):
    source = open_source(Settings(source_tokens='{"M1": "secret-7"}'), store)
    assert "secret-7" not in repr(source)


def test_an_unknown_connector_is_named_beside_the_known():
    with pytest.raises(SettingError, match="no connector is called 'ebay'; there are mercadolibre"):
        reader_of("ebay")


@pytest.mark.parametrize("name", CONNECTORS)
def test_every_connector_can_be_loaded(name):
    assert callable(reader_of(name).read_order)


def test_a_store_s_own_token_and_address_go_before_its_merchant_s(store):
    tokens = {"M1": "general", "M1/S1": {"token": "own", "url": "https://own.example"}}
    settings = Settings(source_url="https://all.example", source_tokens=json.dumps(tokens))
    assert open_source(settings, store).connection.url == "https://own.example"
    merchant = open_merchant(settings, store.source, store.merchant_id)
    assert merchant.connection.url == "https://all.example"
