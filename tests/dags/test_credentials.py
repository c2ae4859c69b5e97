"""The marketplaces' tokens, where Airflow's connections hold them."""

from __future__ import annotations

import json
from datetime import date
from urllib.parse import urlsplit

import pytest

from etl.errors import SettingError
from etl.ledger import read_days
from etl.registry import read_stores
from etl.settings import Settings

DAY = date(2026, 10, 20)


@pytest.fixture
def connect(airflow_home, monkeypatch):
    """Puts a connection into Airflow's environment."""

    def put(name: str, **connection: str | int) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))

    return put


@pytest.fixture
def tokens(airflow_home):
    """What the settings know after a look at the connections of stores S1 and S2 of M1."""
    from dags.credentials import with_connections

    def run(settings: Settings) -> dict[str, object]:
        told = with_connections([["M1", "S1"], ["M1", "S2"]], settings).source_tokens
        return json.loads(told) if told else {}

    return run


def test_a_store_s_own_connection_stands_beside_its_merchant_s(connect, tokens):
    connect("storecast_M1", conn_type="http", password="general")
    connect("storecast_M1__S2", conn_type="http", host="shop.example", port=8443, password="own")
    assert tokens(Settings(source_tokens='{"M2": "other"}')) == {
        "M1": {"token": "general", "url": ""},
        "M1/S2": {"token": "own", "url": "https://shop.example:8443"},
        "M2": {"token": "other", "url": ""},
    }


def test_the_address_is_by_https_unless_the_connection_says_otherwise(connect, tokens):
    for told, address in (
        ({"host": "a.example"}, "https://a.example"),
        ({"host": "a.example", "schema": "http"}, "http://a.example"),
        ({"host": "http://a.example", "port": 80}, "http://a.example:80"),
    ):
        connect("storecast_M1", conn_type="http", password="general", **told)
        assert tokens(Settings())["M1"] == {"token": "general", "url": address}


def test_what_the_setting_knows_is_not_looked_up(connect, tokens):
    connect("storecast_M1", conn_type="http", password="general")
    assert tokens(Settings(source_tokens='{"M1": "set"}')) == {"M1": {"token": "set", "url": ""}}
    known = tokens(Settings(source_tokens='{"M1/S1": "own"}'))
    assert known["M1/S1"] == {"token": "own", "url": ""}
    assert known["M1"] == {"token": "general", "url": ""}


def test_a_connection_without_a_password_is_told(connect, tokens):
    connect("storecast_M1", conn_type="http", login="somebody")
    with pytest.raises(SettingError, match="the connection storecast_M1 has no password"):
        tokens(Settings())


def test_the_dag_pulls_with_the_token_and_at_the_address_of_a_connection(
    connect, house, run_dag, monkeypatch, capfd
):
    ((merchant, token),) = house.tokens.items()
    address = urlsplit(house.url)
    monkeypatch.delenv("STORECAST_SOURCE_TOKENS")
    monkeypatch.setenv("STORECAST_SOURCE_URL", "http://127.0.0.1:9")
    connect(
        f"storecast_{merchant}",
        conn_type="http",
        schema="http",
        host=address.hostname,
        port=address.port,
        password=token,
    )
    day = f"{DAY}"
    run_dag("ingest_sales", **{"from": day, "to": day, "at": "2026-11-03T06:00:00Z"})
    pulled = read_days(house.lake, read_stores(house.lake), [DAY])
    assert len(pulled) == 3
    assert sum(one.orders for one in pulled) > 0
    assert token not in "".join(capfd.readouterr())
