"""`python -m api forget`: nothing of the merchant is left, and nothing of the others changes."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow.compute as pc
import pytest

from api import forget as forgetting
from api.__main__ import main
from api.forget import find_merchant, forget
from api.lineage import explain
from api.publish import publish_run
from api.store import open_store
from api.store.documents import Scope
from api.tokens import issue_token
from dags import daily_jobs, jobs
from etl import lake as lakes
from etl.errors import IncompleteError, LakeError
from etl.monthly import build_changed_months
from etl.registry import read_stores
from forecasting.configured import Configured
from forecasting.predictions import read_predictions
from forecasting.rollout import Rollout

AT = datetime(2026, 11, 4, tzinfo=UTC)
NOVEMBER = date(2026, 10, 1)


@pytest.fixture
def opened(months):
    """The copied months with their store open, a token and feedback of either merchant."""
    with closing(open_store(months.settings.store_url)) as store:
        for merchant in ("andes", "plata"):
            issue_token(store, "merchant", merchant, (), AT, None)
            said = {"merchant_id": merchant, "store_id": "x", "product_id": "MUG", "note": "no"}
            store.put_record("feedback", merchant, said, (merchant, "x", "MUG"))
        yield store


def run(months, store, merchant="andes"):
    return forget(months.lake, store, merchant, months.settings, AT)


def served(store, merchant):
    load, scope = store.current().load, Scope(merchant)
    stores = store.stores(load, scope)
    return stores, [store.forecasts(load, scope, one.store_id, "", 100) for one in stores]


def test_nothing_of_the_merchant_is_left_in_lake_and_store(months, opened):
    before = find_merchant(months.lake, opened, "andes", months.settings)
    assert before.anything and len(before.files) > 500
    assert {"forecasts", "records", "stores", "summaries"} <= set(before.documents)
    receipt = run(months, opened)
    found = find_merchant(months.lake, opened, "andes", months.settings)
    assert (found.files, found.mentions, found.documents) == ([], [], {})
    assert not list((months.folder / "lake").rglob("*andes*"))
    assert receipt["left"] == 0 and "andes" not in json.dumps(receipt)
    assert served(opened, "andes") == ([], [])
    store_file = (months.folder / "store.sqlite").read_bytes()
    assert b"andes" not in store_file and b"plata" in store_file


def test_what_others_were_shown_stays_to_the_byte(months, opened):
    shown = served(opened, "plata")
    files = {p: c for p, c in months.files().items() if "merchant_id=plata" in p}
    rows = predictions_of(months, "plata")
    run(months, opened)
    after = months.files()
    assert served(opened, "plata") == shown
    assert files and {path: after[path] for path in files} == files
    assert predictions_of(months, "plata") == rows
    assert {kind for kind, _ in records(opened, "feedback")} == {"plata"}


def predictions_of(months, merchant):
    """The merchant's rows of every run, as they stand in the files."""
    found = {}
    for path in months.lake.paths("predictions", ".csv"):
        lines = months.lake.read_bytes(path).split(b"\n")
        found[path] = [line for line in lines if f'"{merchant}"'.encode() in line]
    assert any(found.values())
    return {path: lines for path, lines in found.items() if lines}


def records(store, kind):
    return list(store.records(kind))


def test_the_months_are_those_of_a_lake_that_never_knew_it(
    months, opened, live, settings_at, tmp_path
):
    run(months, opened)
    tokens = json.loads(months.settings.source_tokens)
    alone = replace(
        settings_at(tmp_path / "alone"), source_tokens=json.dumps({"plata": tokens["plata"]})
    )
    live(alone)
    expected = files_of(alone, "monthly_sales", "registry", "stockouts")
    made = files_of(months.settings, "monthly_sales", "registry", "stockouts")
    assert made == expected


def files_of(settings, *folders):
    lake = lakes.Lake(settings.lake_url)
    return {path: lake.read_bytes(path) for name in folders for path in lake.paths(name)}


def test_nothing_is_built_or_published_again_afterwards(months, opened):
    run(months, opened)
    lake, settings = months.lake, months.settings
    assert build_changed_months(lake, read_stores(lake), NOVEMBER, settings) == []
    before = months.files()
    published = publish_run(lake, opened, "2026-10.1", settings)
    assert published["loaded"] is False and published["series"] == 3
    assert opened.current().details["series"] == 3
    assert months.files() == before
    told = explain(lake, opened, ("plata", "norte", "BOX"))
    assert [check for check in told["checks"] if not check["agrees"]] == []


def test_the_next_forecast_goes_on_without_it(months, opened):
    run(months, opened)
    settings = replace(months.settings, engine="ensemble")
    run_id = jobs.open_run(NOVEMBER, settings)
    assert run_id == "2026-10.2"
    jobs.predict_shards(run_id, jobs.list_shards(NOVEMBER, settings), settings)
    closed = jobs.close_run(run_id, settings)
    assert closed["series"] == 3
    kept, made = (
        {
            row["product_id"]
            for path in paths
            for row in read_predictions(months.lake, path).to_pylist()
        }
        for paths in (
            months.lake.paths("predictions/run_id=2026-10.1", ".csv"),
            months.lake.paths("predictions/run_id=2026-10.2", ".csv"),
        )
    )
    assert kept == made == {"BOX", "PEN", "TOY"}


def test_a_month_that_was_out_of_date_still_is(months, opened):
    path = "monthly_sales/month=2026-08/manifest.json"
    manifest = months.lake.read_json(path)
    months.lake.write_json(path, manifest | {"fingerprint": "of other days"})
    run(months, opened)
    lake = months.lake
    rebuilt = build_changed_months(lake, read_stores(lake), NOVEMBER, months.settings)
    assert [f"{month:%Y-%m}" for month in rebuilt] == ["2026-08"]


class KilledError(BaseException):
    """Not an Exception, so that nothing on the way can mend it."""


@pytest.fixture
def changes(monkeypatch):
    """Counts what the lake writes and removes, and stops it at the one that is set."""

    class Changes:
        made, stop_at = 0, None

    def counted(original):
        def change(self, *arguments):
            if Changes.made == Changes.stop_at:
                raise KilledError
            Changes.made += 1
            return original(self, *arguments)

        return change

    for name in ("write", "move_in", "delete", "delete_folder"):
        monkeypatch.setattr(lakes._Folder, name, counted(getattr(lakes._Folder, name)))
    return Changes


@pytest.mark.slow
def test_killed_anywhere_it_goes_on_to_the_same_end(copy_of, tmp_path, changes):
    def end(name, stop_at=None):
        months = copy_of(tmp_path / name)
        with closing(open_store(months.settings.store_url)) as store:
            changes.made, changes.stop_at = 0, stop_at
            if stop_at is not None:
                with pytest.raises(KilledError):
                    run(months, store)
                changes.stop_at = None
            run(months, store)
        return months.files()

    expected = end("undisturbed")
    total = changes.made
    assert total > 60
    for share in (0.03, 0.5, 0.8):
        found = end(f"killed-{share}", round(share * total))
        assert found.keys() == expected.keys()
        assert [path for path in found if found[path] != expected[path]] == [], share


def test_a_damaged_run_is_told_before_anything_is_touched(months, opened):
    path = months.lake.paths("predictions/run_id=2026-10.1", ".csv")[0]
    months.lake.write_bytes(path, months.lake.read_bytes(path).replace(b",1,", b",01,", 1))
    before = months.files()
    with pytest.raises(LakeError, match="is not the file that its run was closed with"):
        run(months, opened)
    assert months.files() == before


def test_what_a_task_writes_meanwhile_is_found(months, opened, monkeypatch):
    lake = months.lake
    late = "raw/source=mercadolibre/merchant_id=andes/store_id=sur/day=2026-11-01/manifest.json"
    write_month_report = forgetting.write_month_report

    def write_late(*arguments):
        lake.write_json(late, {})
        return write_month_report(*arguments)

    monkeypatch.setattr(forgetting, "write_month_report", write_late)
    with pytest.raises(IncompleteError, match="a task may have written meanwhile: pause the DAGs"):
        run(months, opened)
    monkeypatch.undo()
    assert run(months, opened)["left"] == 0


@pytest.fixture
def command(months, monkeypatch, capsys, tmp_path):
    """Runs `python -m api forget`; answers status, output and errors."""
    log = tmp_path / "requests.jsonl"
    lines = [json.dumps({"merchant_id": m}, separators=(",", ":")) for m in ("andes", "plata")]
    log.write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("STORECAST_LAKE_URL", months.settings.lake_url)
    monkeypatch.setenv("STORECAST_STORE_URL", months.settings.store_url)
    monkeypatch.setenv("STORECAST_REQUEST_LOG", str(log))

    def run(*arguments):
        status = main(["forget", *arguments])
        told = capsys.readouterr()
        return status, told.out, told.err, log.read_text()

    return run


def test_by_hand_it_asks_for_the_merchant_again(command, months):
    before = months.files()
    status, out, err, _ = command("andes", "--yes", "plata")
    assert (status, out) == (2, "") and "say it again: --yes andes" in err
    status, out, _, _ = command("andes", "--dry-run")
    assert status == 0 and "raw/source=mercadolibre/merchant_id=andes\n" in out
    assert "1 lines of the request log" in out
    assert months.files() == before
    status, out, _, log = command("andes", "--yes", "andes")
    assert status == 0 and "nothing of andes is left in lake, store and request log" in out
    assert log == '{"merchant_id":"plata"}\n'
    stores = months.lake.read_table("registry/stores.parquet")
    assert pc.unique(stores["merchant_id"]).to_pylist() == ["plata"]


@pytest.mark.slow
def test_the_next_seven_days_go_too(months, opened):
    stores = [["andes", "sur"], ["plata", "norte"]]
    assert daily_jobs.forecast_days(stores, AT, months.settings)["trained"] == 4
    found = find_merchant(months.lake, opened, "andes", months.settings)
    assert {"daily", "refreshes", "leases"} <= set(found.documents)
    for folder in ("daily", "models/daily"):
        assert f"{folder}/merchant_id=andes" in found.files
    shown = opened.daily.one(Scope("plata"), "norte", "BOX")
    assert run(months, opened)["left"] == 0
    assert opened.daily.one(Scope("andes"), "sur", "MUG") is None
    assert opened.daily.one(Scope("plata"), "norte", "BOX") == shown
    assert shown is not None
    assert months.lake.paths("models/daily/merchant_id=plata")


def test_a_file_that_cannot_be_read_is_named_and_then_it_goes_on(months, opened):
    path = "predictions/run_id=2026-10.1/flags.parquet"
    content = months.lake.read_bytes(path)
    months.lake.write_bytes(path, b"PAR1 is all that is left")
    with pytest.raises(LakeError, match=r"flags\.parquet is not readable parquet"):
        run(months, opened)
    months.lake.write_bytes(path, content)
    assert run(months, opened)["left"] == 0
    assert opened.current().details["reasons"] == {"raced": 3}


def test_what_was_learnt_and_told_of_it_goes_too(months, opened):
    lake, run = months.lake, "predictions/run_id=2026-10.1"
    surveys = [path for path in lake.paths(run) if "/survey-" in path]
    survey = next(path for path in surveys if "merchant_id=" not in path)
    own = {
        who: next(p for p in surveys if f"merchant_id={who}/" in p) for who in ("andes", "plata")
    }
    of_plata = lake.read_bytes(own["plata"])
    learnt = lake.read_json(survey)
    one_of_each = {f"{mark}{who}|x": [] for mark in ("", "=") for who in ("andes", "plata")}
    learnt["findings"]["courses"] = one_of_each
    learnt["findings"]["elsewhere"] = {'["andes", "sur", "CUP"]': "centro"}
    lake.write_json(survey, learnt)
    note, gate = f"{run}/notes/shard=0009.json", "gate/state.json"
    lake.write_json(note, {"message": "TableError: 2 rows for (andes, sur, CUP)", "tries": 3})
    why = "better in all, but store andes / sur would get worse"
    arima, ensemble = Configured("arima"), Configured("ensemble")
    refused = Rollout(arima, "refused", ensemble, since="2026-10", why=why)
    lake.write_json(gate, refused.to_json())
    alerts = {who: f"alerts/code=days_missing/{who}.json" for who in ("andes", "plata")}
    for who, path in alerts.items():
        lake.write_json(path, {"what": "days are missing", "text": f"what:\n{who}/sur: 2026-10-01"})
    told = {survey, note, gate, alerts["andes"]}
    assert told <= set(find_merchant(lake, opened, "andes", months.settings).files)
    assert forget(lake, opened, "andes", months.settings, AT)["mentions_to_judge"] == 0
    assert set(lake.read_json(survey)["findings"]["courses"]) == {"plata|x", "=plata|x"}
    assert lake.read_json(survey)["findings"]["elsewhere"] == {}
    assert not lake.exists(own["andes"]) and lake.read_bytes(own["plata"]) == of_plata
    assert lake.read_json(note)["tries"] == 3 and lake.read_json(gate)["stage"] == "refused"
    assert lake.paths("alerts") == [alerts["plata"]]


def test_a_report_written_anew_keeps_the_gates_decision_of_its_time(months, opened):
    report, then = (
        "reports/month=2026-10/report.json",
        Rollout(Configured("arima"), since="2026-10", why="then"),
    )
    before = months.lake.read_json(report)
    months.lake.write_json(report, before | {"gate": then.told()})
    months.lake.write_json("gate/state.json", replace(then, why="moved on since").to_json())
    run(months, opened)
    after = months.lake.read_json(report)
    assert after["gate"] == then.told()
    assert after["groups"]["store"] != before["groups"]["store"]


def test_the_last_merchant_can_be_forgotten_too(months, opened):
    run(months, opened)
    assert run(months, opened, "plata")["left"] == 0
    assert read_stores(months.lake) == []
    assert b"plata" not in (months.folder / "store.sqlite").read_bytes()
    assert not [path for path, content in months.files().items() if b"plata" in content]
