"""Whatever is written of a merchant in shared files is found, however its id is spelt there."""

from __future__ import annotations

import json

import pytest

from etl.lake import Lake
from etl.leaving import sweep_files
from etl.traces import traces_of


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path)


def test_an_id_that_json_and_html_spell_otherwise_is_found(lake):
    key = json.dumps(["Café & Sons", "centro", "MUG"])
    lake.write_json("predictions/run_id=2026-10.1/survey-e-1.json", {"models": {key: "{}"}})
    lake.write_bytes(
        "reports/month=2026-10/report.html", b"<td>Caf\xc3\xa9 &amp; Sons / centro</td>"
    )
    found = traces_of(lake, "Café & Sons")
    assert found.own == ["predictions/run_id=2026-10.1/survey-e-1.json"]
    assert found.mentions == ["reports/month=2026-10/report.html"]


def test_another_merchant_whose_id_begins_alike_is_not_taken_for_it(lake):
    lake.write_json("a.json", {"M10|toys": 1, "=M10": 2, "why": "store M10 / S1 would get worse"})
    lake.write_json("alerts/code=drift/1.json", {"text": "M-1 / S1"})
    found = traces_of(lake, "M1")
    assert (found.own, found.mentions, found.read) == ([], [], 2)
    assert traces_of(lake, "M").mentions == []


@pytest.mark.parametrize("name", ["series", "models", "arima", "first", "merchant_id", "centro"])
def test_a_merchant_who_is_called_as_a_name_of_ours_takes_nothing_of_it_along(lake, name):
    document = {
        "series": 3,
        "models": {"arima": 2, "ets": 1},
        "engines": ["arima", "ets"],
        "shards": [{"first": ["M2", "centro", "A"], "last": ["M2", "sur", "B"]}],
        "courses": {"M2": [], "M2|centro": []},
    }
    own = {
        "courses": {name: [], f"{name}|centro": []},
        "days": {f"{name}/centro": ["2026-10-01"]},
        "keys": [{"merchant_id": name, "n": 1}],
    }
    lake.write_json("a.json", document)
    lake.write_json("b.json", own)
    assert traces_of(lake, name).own == ["b.json"]
    assert sweep_files(lake, name) == ["b.json"]
    assert lake.read_json("a.json") == document
    assert lake.read_json("b.json") == {"courses": {}, "days": {}, "keys": []}
