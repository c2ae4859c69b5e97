"""What the monthly run finds and an operator should know, as alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dags.alerts import Alert
from forecasting.report.words import alert_words, gate_words

__all__ = ["drift_alerts", "gate_alerts", "shard_alerts"]

_SHOWN = 20


def drift_alerts(month: date, found: Sequence[dict[str, Any]]) -> list[Alert]:
    """One alert for all that drifted in a scored month."""
    if not found:
        return []
    stores = {(one["merchant_id"], one["store_id"]) for one in found}
    what = f"{len(found)} signs of drift in {len(stores)} stores in {month:%Y-%m}"
    return [Alert("drift", what, tuple(alert_words(one) for one in found[:_SHOWN]))]


def gate_alerts(state: Mapping[str, Any] | None) -> list[Alert]:
    """An alert where the gate kept an engine or a version from serving, or took it back."""
    if state is None or state["stage"] not in {"refused", "returned"}:
        return []
    what = f"{gate_words(dict(state))} (since {state['since']})"
    code = "runs_held" if state.get("held") else "gate_refused"
    return [Alert(code, what, (str(state["why"]),))]


def shard_alerts(run_id: str, failed: Sequence[dict[str, Any]]) -> list[Alert]:
    """One alert for the shards without which a run was closed.

    >>> one = {"shard": 7, "series": 9, "message": "no memory", "tries": 3, "served": "rule"}
    >>> shard_alerts("2026-10.1", [one])[0].what
    'run 2026-10.1 was closed without 1 shard of 9 series'
    """
    if not failed:
        return []
    series = sum(entry["series"] for entry in failed)
    shards = f"{len(failed)} shard{'s' if len(failed) > 1 else ''}"
    told = {"rule": "a rule served", "nothing": "nothing served"}
    return [
        Alert(
            "shards_failed",
            f"run {run_id} was closed without {shards} of {series} series",
            tuple(
                f"shard {entry['shard']}, {told[entry['served']]}: {entry['message']}"
                for entry in failed[:_SHOWN]
            ),
        )
    ]
