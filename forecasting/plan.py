"""Who makes a run: its plan, kept beside its predictions when it is begun.

The plan holds what the gate let through with all its options, so that every shard is made by the
same, whatever the gate or the environment says by then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from etl.lake import Lake
from etl.settings import Settings
from forecasting.canary import CanaryForecaster
from forecasting.configured import Configured, configured
from forecasting.forecaster import Forecaster
from forecasting.rollout import YARDSTICKS, Rollout, rollout
from forecasting.run_files import manifest_path, plan_path

__all__ = ["Plan", "begin_run", "plan_of", "why_held"]


@dataclass(frozen=True)
class Plan:
    """What was wanted, who serves, and who is tried beside it on which share of series.

    Not `gated` is what a person asked for by hand. `version` is the name of the version that
    serves, empty where nobody looked; `held` whether the gate refused it, so that the run waits.
    """

    wanted: Configured
    serving: Configured
    candidate: Configured | None = None
    share: float = 0.0
    gated: bool = False
    version: str = ""
    held: bool = False

    def open(self) -> Forecaster:
        """The engine of the run."""
        serving = self.serving.open()
        if self.candidate is None:
            return serving
        return CanaryForecaster(serving, self.candidate.open(), self.share)

    def configuration(self, horizon: int) -> dict[str, Any]:
        """What decides the run's numbers beside its data and its code."""
        serving = {"engine": self.serving.engine, "horizon": horizon, **self.serving.options}
        if self.candidate is None:
            return serving
        tried = {"engine": self.candidate.engine, **self.candidate.options}
        return serving | {"candidate": tried, "share": self.share}

    def configuration_hash(self, horizon: int) -> str:
        """The hash of that configuration, by which models are kept.

        >>> Plan(Configured("seasonal_naive"), Configured("seasonal_naive")).configuration_hash(12)
        '51d6a0d9ccec'
        """
        text = json.dumps(self.configuration(horizon), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "wanted": _told(self.wanted),
            "serving": _told(self.serving),
            "candidate": _told(self.candidate) if self.candidate else None,
            "share": self.share,
            "gated": self.gated,
            "version": self.version,
            "held": self.held,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` gave, or one of names alone, as was kept once."""
        candidate = value["candidate"]
        return cls(
            Configured.from_json(value["wanted"]),
            Configured.from_json(value["serving"]),
            Configured.from_json(candidate) if candidate else None,
            value["share"],
            value["gated"],
            value.get("version", ""),
            value.get("held", False),
        )


def begin_run(lake: Lake, run_id: str, settings: Settings, *, judged: bool = False) -> Plan:
    """Plan the run by the gate as it stands now, in place of an earlier plan.

    Where what the settings want was `judged`, the gate's word holds; else what the gate does not
    know serves as it is asked for. The plan of a closed run stays as it is.
    """
    if lake.exists(manifest_path(run_id)):
        return plan_of(lake, run_id, settings)
    plan = _plan(rollout(lake), configured(settings), judged)
    if plan.gated:
        lake.write_json(plan_path(run_id), plan.to_json())
    elif lake.exists(plan_path(run_id)):
        lake.delete(plan_path(run_id))
    return plan


def plan_of(lake: Lake, run_id: str, settings: Settings) -> Plan:
    """The plan that the run was begun with; the run is begun where it was not."""
    if lake.exists(plan_path(run_id)):
        plan = Plan.from_json(lake.read_json(plan_path(run_id)))
        if plan.wanted == configured(settings):
            return plan
    plan = _plan(rollout(lake), configured(settings))
    if plan.gated and not lake.exists(manifest_path(run_id)):
        lake.write_json(plan_path(run_id), plan.to_json())
    return plan


def why_held(lake: Lake, run_id: str) -> str:
    """Why the run may not be published by itself: the gate's words; nothing where it may."""
    if not lake.exists(plan_path(run_id)):
        return ""
    plan, state = Plan.from_json(lake.read_json(plan_path(run_id))), rollout(lake)
    if not plan.held or state is None or state.serving.version is None:
        return ""
    return state.why if state.serving.version.name != plan.version else ""


def _plan(state: Rollout | None, wanted: Configured, judged: bool = False) -> Plan:
    if state is None or wanted.engine in YARDSTICKS:
        return Plan(wanted, wanted)
    if not judged and wanted not in (state.serving, state.candidate):
        return Plan(wanted, wanted)
    tried = state.candidate if state.stage == "canary" and wanted == state.candidate else None
    return Plan(
        wanted,
        state.serving,
        tried,
        state.share if tried else 0.0,
        gated=True,
        version=state.version_in_code(),
        held=state.holds_runs,
    )


def _told(one: Configured) -> dict[str, Any]:
    """Without the version's numbers, which only the gate needs."""
    return {"engine": one.engine, "options": dict(one.options)}
