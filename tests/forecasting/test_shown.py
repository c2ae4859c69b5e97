"""Scores are taken against what merchants were shown, not against every run that was made."""

from __future__ import annotations

from datetime import date

import pytest

from etl.lake import Lake
from forecasting.backtest import vintages
from forecasting.shown import note_shown, shown_of


@pytest.fixture
def lake(tmp_path) -> Lake:
    """A lake in which the gate held the first run of September."""
    lake = Lake(tmp_path)
    for run_id in ("2026-08.1", "2026-09.1", "2026-09.2", "2026-10.1"):
        lake.write_json(f"predictions/run_id={run_id}/manifest.json", {"horizon": 12})
    lake.write_json("predictions/run_id=2026-09.1/plan.json", {"held": True})
    return lake


def test_where_nothing_is_published_all_count_but_those_that_were_held(lake):
    assert vintages(lake, date(2026, 11, 1)) == ["2026-08.1", "2026-09.2", "2026-10.1"]


def test_from_the_first_published_run_on_only_published_ones_count(lake):
    note_shown(lake, "2026-09.2")
    assert vintages(lake, date(2026, 11, 1)) == ["2026-08.1", "2026-09.2"]


def test_a_held_run_that_a_person_published_counts(lake):
    note_shown(lake, "2026-09.1")
    assert shown_of(lake, ["2026-09.1", "2026-09.2"]) == ["2026-09.1"]


def test_a_month_whose_vintages_were_not_published_has_none(lake):
    """A mark older than all that predict the month says that publishing leaves marks."""
    lake.write_json("predictions/run_id=2025-01.1/manifest.json", {"horizon": 12})
    note_shown(lake, "2025-01.1")
    assert vintages(lake, date(2026, 11, 1)) == []


def test_a_run_that_is_not_there_leaves_no_mark(lake):
    note_shown(lake, "2026-11.1")
    assert not lake.paths("predictions", "published.json")
