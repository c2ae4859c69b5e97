"""Earlier forecasts beside what was sold, wherever the lake is."""

from __future__ import annotations

import os
import subprocess
import tempfile
from datetime import date

import pytest

from api.past import past_forecasts
from etl.lake import Lake


@pytest.fixture(params=["folder", "blobs"])
def scored(request, tmp_path, write) -> Lake:
    """A lake with three scored months of one product."""
    blobs = request.param == "blobs"
    url = f"az://lake/{request.getfixturevalue('blob_path')}" if blobs else tmp_path / "scored"
    lake = Lake(url)
    write.scores(lake)
    return lake


def test_the_scored_months_of_a_product_are_found_up_to_the_cutoff(scored):
    key = ("M1", "S1", "MUG")
    with past_forecasts(scored, date(2026, 9, 1)) as past:
        found = past.of_series([key, ("M1", "S1", "POT/2")])
        by_lead_time = dict(past.by_lead_time())
        with past.in_small_files() as small:
            assert small.of_series([key]) == found
    assert {(m["month"], m["units_forecast"], m["units_sold"]) for m in found[key]} == {
        ("2026-08-01", 9.0, 10.0),
        ("2026-09-01", 11.0, 10.0),
    }
    assert list(found) == [key]
    (measured,) = by_lead_time["M1", "S1", ""]
    assert (measured["forecasts"], measured["wape"]) == (2, 0.1)


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, held = (tmp_path / f"storecast-past-{pid}-x" for pid in (ended.pid, os.getppid()))
    for folder in (left, held):
        folder.mkdir()
        (folder / "0.parquet").touch()
    with (
        past_forecasts(Lake(tmp_path / "empty"), date(2026, 9, 1)) as past,
        past.in_small_files(),
    ):
        assert not left.exists() and (held / "0.parquet").exists()
        assert len(list(tmp_path.glob("storecast-past-*"))) == 2
    assert list(tmp_path.glob("storecast-past-*")) == [held]


def test_a_lake_without_scores_has_no_past(tmp_path):
    with past_forecasts(Lake(tmp_path / "empty"), date(2026, 9, 1)) as past:
        assert past.of_series([("M1", "S1", "MUG")]) == {}
        assert list(past.by_lead_time()) == []
        with past.in_small_files() as small:
            assert small.of_series([("M1", "S1", "MUG")]) == {}
