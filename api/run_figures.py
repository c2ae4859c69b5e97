"""What is known of a run beside its forecasts: who was answered how, at what cost, how good it is.

Read from the run's manifest and the scores of its cutoff month when the run is published, kept with
its edition, and shown by run information and metrics.
"""

from __future__ import annotations

from typing import Any

from api.vintage import Run
from etl.lake import Lake

__all__ = ["run_figures"]


def run_figures(lake: Lake, run: Run) -> dict[str, Any]:
    """Series by reason and of failed shards, seconds that the tasks took, the month's accuracy."""
    manifest = lake.read_json(f"predictions/run_id={run.run_id}/manifest.json")
    failed = manifest.get("failed", [])
    return {
        "reasons": manifest.get("reasons", {}),
        "series_by_rule": sum(one["series"] for one in failed if one["served"] == "rule"),
        "series_missing": manifest.get("missing_series", 0),
        "seconds": (manifest.get("cost") or {}).get("seconds"),
        "last_month": _last_month(lake, run),
    }


def _last_month(lake: Lake, run: Run) -> dict[str, Any] | None:
    """How earlier runs did in the run's cutoff month; None where none had predicted it."""
    path = f"scores/month={run.cutoff_month:%Y-%m}/summary.json"
    total = lake.read_json(path)["total"] if lake.exists(path) else {"rows": 0}
    if not total["rows"]:
        return None
    month = f"{run.cutoff_month:%Y-%m}"
    return {"month": month, "wape": total["wape"], "coverage80": total["coverage80"]}
