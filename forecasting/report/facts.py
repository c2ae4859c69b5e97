"""What the report of a month says, as plain values; the page only shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from etl.errors import IncompleteError
from etl.lake import Lake
from forecasting.forecaster import add_months
from forecasting.predictions import age_of, cutoff_of
from forecasting.report.own_numbers import own_numbers
from forecasting.report.said import said_of_month
from forecasting.report.worst import worst_by_money
from forecasting.rollout import rollout
from forecasting.run_files import run_manifest, runs_with

__all__ = ["FALLBACKS", "ledger_of", "month_facts"]

FALLBACKS = ("short_history", "engine_failed", "bad_output", "worker_died", "beyond_budget")
"""Reasons with which a rule served in the engine's stead; a new product's donors are no rule."""

_MONTHS_BEFORE = 12
_FLAGGED_SHOWN = 20
_GROUPS = ("store", "category", "class", "model", "horizon", "run", "quantile")


def month_facts(
    lake: Lake,
    month: date,
    *,
    feedback: Sequence[dict[str, Any]] = (),
    adjustments: Sequence[dict[str, Any]] = (),
    quality: Sequence[dict[str, Any]] = (),
    told_before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All that the report of `month` says.

    `feedback` is what merchants said (see `said_of_month`), as rows with `verdict, note` besides;
    `adjustments` their own numbers (see `own_numbers`); `quality` what was wrong with the data, as
    rows with `what, count` and where it is known `where`: all three are handed in by whoever knows.
    Where an old report is made anew, `told_before` is what it said: the gate has moved on since.
    Raises `IncompleteError` where the month is not scored.
    """
    summary = _summary(lake, month)
    if summary is None:
        raise IncompleteError(
            f"{month:%Y-%m} is not scored; score it with "
            f"python -m forecasting score --month {month:%Y-%m}"
        )
    alerts = f"scores/month={month:%Y-%m}/alerts.json"
    ledger = _ledger(lake, month, summary["runs"])
    return {
        "month": f"{month:%Y-%m}",
        "runs": summary["runs"],
        "headline": _month_ahead(summary),
        "before": _before(lake, month),
        "groups": {name: summary[name] for name in _GROUPS if name in summary},
        "retired": summary["retired"],
        "gate": told_before.get("gate") if told_before else _gate(lake),
        "alerts": lake.read_json(alerts)["alerts"] if lake.exists(alerts) else [],
        "ledger": ledger,
        "flagged": _flagged(lake, ledger["run_id"]) if ledger else [],
        "worst": worst_by_money(lake, month, summary["runs"]),
        "feedback": said_of_month(lake, month, summary["runs"], feedback),
        "own_numbers": own_numbers(lake, month, adjustments),
        "quality": list(quality),
    }


def ledger_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """How many series of a run were forecast, served by a rule, or got zero, and why; adds up.

    Beside them the shards that failed, and how many series are missing with those of no answer.

    >>> ledger_of({"run_id": "2026-10.1", "series": 5, "models": {"arima": 3, "zero": 1, "mean": 1},
    ...     "reasons": {"retired": 1, "short_history": 1}})["forecast"]
    3
    >>> ledger_of({"run_id": "2026-10.1", "series": 4, "models": {"launch": 3, "mean": 1},
    ...     "reasons": {"never_sold": 2, "short_history": 2}})["fallback"]
    1
    """
    reasons = manifest["reasons"]
    none = manifest["models"].get("zero", 0)
    launched = manifest["models"].get("launch", 0) - reasons.get("never_sold", 0)
    fallback = sum(count for code, count in reasons.items() if code in FALLBACKS) - launched
    return {
        "run_id": manifest["run_id"],
        "series": manifest["series"],
        "forecast": manifest["series"] - fallback - none,
        "fallback": fallback,
        "none": none,
        "missing": manifest.get("missing_series", 0),
        "failed": manifest.get("failed", []),
        "models": manifest["models"],
        "reasons": reasons,
        "flags": manifest.get("flags", {}),
    }


def _flagged(lake: Lake, run_id: str) -> list[dict[str, Any]]:
    """What the run's flags call extreme, the twenty farthest off, those first."""
    path = f"predictions/run_id={run_id}/flags.parquet"
    rows = lake.read_table(path).drop_columns(["run_id"]).to_pylist() if lake.exists(path) else []
    rows.sort(key=lambda row: -abs(row["units_forecast"] - row["units_expected"]))
    return rows[:_FLAGGED_SHOWN]


def _gate(lake: Lake) -> dict[str, Any] | None:
    state = rollout(lake)
    return state.told() if state else None


def _summary(lake: Lake, month: date) -> dict[str, Any] | None:
    path = f"scores/month={month:%Y-%m}/summary.json"
    return lake.read_json(path) if lake.exists(path) else None


def _month_ahead(summary: dict[str, Any]) -> dict[str, Any]:
    """The measures at the shortest lead time, which is what merchants acted on."""
    horizons: list[dict[str, Any]] = summary.get("horizon", [])
    return horizons[0] if horizons else {"horizon": None, "rows": 0}


def _before(lake: Lake, month: date) -> list[dict[str, Any]]:
    """The headline of the months before that were scored, oldest first."""
    found = []
    for back in range(_MONTHS_BEFORE, 0, -1):
        earlier = add_months(month, -back)
        summary = _summary(lake, earlier)
        if summary and _month_ahead(summary)["rows"]:
            found.append({"month": f"{earlier:%Y-%m}", **_month_ahead(summary)})
    return found


def _ledger(lake: Lake, month: date, runs: list[str]) -> dict[str, Any] | None:
    """The ledger of the newest run made from the month, or else of the newest that was scored."""
    closed = runs_with(lake, "manifest.json")
    made = [run_id for run_id in closed if cutoff_of(run_id) == month] or runs
    return ledger_of(run_manifest(lake, max(made, key=age_of))) if made else None
