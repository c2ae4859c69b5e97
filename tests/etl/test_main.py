"""The command line: what it prints, and what it says when something is wrong."""

import io
import json
import subprocess
import sys

import pytest
from tqdm import tqdm

from etl import by_hand
from etl.__main__ import main
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens

ORDERS = """\
merchant_id,store_id,order_id,line_id,product_id,created_at,units_ordered,unit_price,currency
shop,north,1,1,A,2026-03-02T10:00:00Z,2,10.0,BRL
shop,north,2,1,A,2026-03-03T10:00:00Z,1,,BRL
shop,north,3,1,E,2026-03-04T10:00:00Z,4,5.0,BRL
"""
DAYS = ("--from", "2026-03-01", "--to", "2026-03-31", "--as-of", "2026-04-05")


@pytest.fixture
def environment(monkeypatch, tmp_path):
    def set_(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"STORECAST_{name.upper()}", value)

    set_(lake_url=str(tmp_path / "lake"), source_attempts="2", quarantine_limit="0.5")
    return set_


@pytest.fixture
def shop(tmp_path, environment):
    """The sandbox over three orders, one of them without a price."""
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)
    tokens = sandbox_tokens(["shop"])
    with running(sandbox_app(read_history(file), Behaviour(rate=0, fault_share=0))) as url:
        environment(source_url=url, source_tokens=json.dumps(tokens))
        yield tokens["shop"]


@pytest.fixture
def run(capsys):
    """Runs a command; returns its code, its output and its errors."""

    def call(*arguments):
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_from_marketplace_to_shards_by_hand(shop, run):
    assert run("store", "sync", "--merchant", "shop")[1] == (
        "registered shop/north with 2 products\n"
    )
    assert run("ingest", *DAYS)[1] == "shop/north: 31 days, 3 orders, 2 lines, 1 in quarantine\n"
    assert run("ledger", *DAYS[:4])[1] == "shop/north: complete\n"
    assert run("monthly", "--month", "2026-03")[1] == "2026-03: 2 rows, 6 units\n"
    assert run("monthly", "--month", "2026-03")[1] == "nothing changed up to 2026-03\n"
    assert run("shards", "--cutoff", "2026-03")[1] == "2 series in 1 shards\n"


def test_a_store_asks_for_its_days_by_a_command(shop, run):
    run("store", "sync", "--merchant", "shop")
    assert run("store", "set", "--daily", "yes")[1] == "shop/north: daily forecasts yes\n"
    run("store", "sync", "--merchant", "shop")
    assert run("store", "list")[1].endswith("\tdaily\n")


def test_the_daily_series_of_a_store_are_made_by_a_command(shop, run):
    run("store", "sync", "--merchant", "shop")
    run("ingest", *DAYS)
    code, told, _ = run("daily", "--store", "north")
    assert code == 0
    assert told.startswith("shop/north: 2 series up to 2026-03-31, watermark ")
    assert run("daily")[1] == told


def test_an_order_without_a_price_is_listed_with_its_reason(shop, run):
    run("store", "sync", "--merchant", "shop")
    run("ingest", *DAYS)
    code, out, _ = run("quarantine", "list", "--month", "2026-03")
    assert code == 0
    assert "2026-03-03\tshop/north\torder 2 line 1\t1 units\tno_price" in out
    assert out.endswith("1 lines in quarantine in 2026-03\n")


def test_a_month_is_judged_again_by_the_rules_of_now(shop, run, environment):
    run("store", "sync", "--merchant", "shop")
    environment(non_products="^E$")
    run("ingest", *DAYS)
    environment(non_products="^POST$")
    assert run("quarantine", "replay", "--month", "2026-03")[1] == (
        "2 lines were in quarantine in 2026-03, 1 are\n"
    )


def test_the_sweep_and_the_drift_are_reported(shop, run):
    run("store", "sync", "--merchant", "shop")
    run("ingest", *DAYS)
    assert run("sweep", "--since", "2026-03-01", "--as-of", "2026-04-06")[1] == (
        "shop/north: 0 older days changed and were pulled again\n"
    )
    assert run("drift", "--month", "2026-03")[1] == "0 fields differ in 3 documents\n"


def test_the_bar_of_a_backfill_ends_where_its_days_do(shop, run, monkeypatch):
    bars = []

    def bar(**told):
        bars.append(tqdm(**told | {"file": io.StringIO(), "disable": False}))
        return bars[-1]

    monkeypatch.setattr(by_hand, "tqdm", bar)
    run("store", "sync", "--merchant", "shop")
    run("ingest", "--from", "2026-02-15", "--to", "2026-04-15", "--as-of", "2026-05-05")
    (ended,) = bars
    assert (ended.n, ended.total) == (60, 60)


def test_a_month_is_closed_without_missing_days_for_a_reason(shop, run):
    run("store", "sync", "--merchant", "shop")
    run("ingest", "--from", "2026-03-01", "--to", "2026-03-30", "--as-of", "2026-04-05")
    code, _, errors = run("monthly", "--month", "2026-03")
    assert (code, "2026-03 is not closed" in errors) == (2, True)
    out = run("monthly", "--month", "2026-03", "--without-missing", "shop burnt down")[1]
    assert out == "1 missing days accepted in 1 stores\n2026-03: 2 rows, 6 units\n"


def test_stores_are_added_and_listed_by_hand(environment, run):
    scope = ["--merchant", "M", "--store", "S", "--country", "CL", "--currency", "CLP"]
    assert (
        run("store", "add", *scope, "--time-zone", "America/Santiago", "--source-ref", "9")[0] == 0
    )
    assert run("store", "list")[1] == "M/S\tS\t\tCL\tAmerica/Santiago\tCLP\tmercadolibre 9\n"


def test_a_wrong_token_says_whose_and_where(shop, run, environment):
    environment(source_tokens='{"shop": "SANDBOX-wrong"}')
    code, _, errors = run("store", "sync", "--merchant", "shop")
    assert code == 2
    assert errors.startswith("error: the marketplace at http://127.0.0.1:")
    assert "refused merchant shop (401 for /stores: invalid access token)" in errors
    assert "STORECAST_SOURCE_TOKENS" in errors
    assert "SANDBOX-wrong" not in errors


def test_an_unreachable_marketplace_says_which_and_what_to_do(environment, run):
    environment(source_url="http://127.0.0.1:9", source_tokens='{"shop": "x"}')
    code, _, errors = run("store", "sync", "--merchant", "shop")
    assert code == 2
    assert "the marketplace at http://127.0.0.1:9 does not answer /stores" in errors
    assert "STORECAST_SOURCE_URL" in errors


def test_a_file_without_a_needed_column_is_named_with_it(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS.replace("units_ordered", "amount"))
    command = [sys.executable, "-m", "etl", "sandbox", "--orders", str(file), "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert str(file) in ended.stderr
    assert "units_ordered" in ended.stderr


def test_a_range_the_wrong_way_round_is_refused(shop, run):
    run("store", "sync", "--merchant", "shop")
    code, _, errors = run("ingest", "--from", "2026-03-05", "--to", "2026-03-01")
    assert (code, errors) == (
        2,
        "error: --from 2026-03-05 is after --to 2026-03-01; swap them\n",
    )


def test_without_a_store_it_says_how_to_add_one(environment, run):
    code, _, errors = run("ingest", *DAYS)
    assert code == 2
    assert "python -m etl store add" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("monthly", "--month", "2026-13"), "a month is written YYYY-MM, as in 2026-10"),
        (("ledger", "--from", "1.3.26", "--to", "x"), "a day is written YYYY-MM-DD"),
        (("sweep", "--since", "yesterday"), "an instant is written as 2026-11-03T06:00:00Z"),
    ],
)
def test_a_date_that_cannot_be_read_is_answered_with_its_shape(arguments, message, run):
    code, _, errors = run(*arguments)
    assert (code, message in errors) == (2, True)
    assert f"found {arguments[2]!r}" in errors


def test_a_month_of_which_nothing_was_pulled_says_what_to_run(shop, run):
    run("store", "sync", "--merchant", "shop")
    nothing = "no day of any store was pulled up to it; pull them with `python -m etl ingest"
    code, _, errors = run("monthly", "--month", "2026-03")
    assert (code, nothing in errors) == (2, True)
    run("ingest", *DAYS)
    code, _, errors = run("monthly", "--month", "2026-02")
    assert (code, nothing in errors) == (2, True)


def test_a_pattern_of_fees_that_is_none_is_named(shop, run, environment):
    run("store", "sync", "--merchant", "shop")
    environment(non_products="(POST")
    code, _, errors = run("ingest", *DAYS)
    assert code == 2
    assert "STORECAST_NON_PRODUCTS must be a regular expression of SKUs; found '(POST'" in errors


def test_an_address_without_http_is_refused_at_once(environment, run, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("asked a second time"))
    environment(source_url="market.example", source_tokens='{"shop": "x"}')
    code, _, errors = run("store", "sync", "--merchant", "shop")
    assert code == 2
    assert "STORECAST_SOURCE_URL must be an address such as https://api.example.com" in errors


def test_a_stopped_command_ends_without_a_traceback(run, monkeypatch):
    def stopped(chosen, settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("etl.by_hand.list_stores", stopped)
    code, _, errors = run("store", "list")
    assert (code, errors) == (130, "stopped; what was pulled and built until then stays\n")
