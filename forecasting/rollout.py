"""Which engine serves: the state of the gate in the lake, and how it moves from month to month.

::

    serving ──judge: better──▶ canary, a share of series ──review: held──▶ serving, in its place
        └────judge: not──▶ refused              └──review: fell──▶ returned

A new engine that fell within three months of taking over goes back too. The state moves only in
`judge`, before a run, and in `review`, after a month was scored; a run reads it once. An engine
that was never judged serves as it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from etl.lake import Lake
from etl.settings import Settings
from etl.tables import SERIES_KEY
from forecasting.canary import CanaryForecaster, chosen
from forecasting.engines import engine_of
from forecasting.forecaster import Forecaster, Series, add_months
from forecasting.gate import Comparison, compare
from forecasting.metrics import skill, wape
from forecasting.origins import rolling_scores
from forecasting.series import every_series, shard_manifest
from forecasting.summary import retired

__all__ = ["YARDSTICKS", "Rollout", "judge", "planned_engine", "review", "rollout"]

YARDSTICKS = frozenset({"pmdarima"})
"""Engines that others are held against; they cost too much to serve, or to be judged."""

_PATH = "gate/state.json"
_LARGEST_FALL = 0.05
_MONTHS_ON_TRIAL = 3
_FEWEST_ROWS = 30


@dataclass(frozen=True)
class Rollout:
    """Who serves, who is tried on which share of series, and the last decision in words.

    `stage` is serving (nobody is tried), canary, refused or returned; `since` the month in which
    it came to be; `previous` the engine that a new one replaced.
    """

    serving: str
    stage: str = "serving"
    candidate: str = ""
    share: float = 0.0
    since: str = ""
    previous: str = ""
    why: str = ""


def rollout(lake: Lake) -> Rollout | None:
    """The state of the gate; None before the first judgement."""
    return Rollout(**lake.read_json(_PATH)) if lake.exists(_PATH) else None


def judge(lake: Lake, cutoff_month: date, settings: Settings) -> dict[str, Any]:
    """Decide, before a run, whether the engine that the settings want may begin to serve.

    It is compared with the serving one over rolling origins of a sample of series. The first engine
    ever serves without a comparison; one that was returned is not tried again until another was
    wanted; a yardstick is never judged.
    """
    state = rollout(lake)
    wanted = settings.engine
    if wanted in YARDSTICKS:
        return asdict(state or Rollout(wanted, why="a yardstick serves as it is asked for"))
    if state is None:
        return _decide(lake, Rollout(wanted, since=f"{cutoff_month:%Y-%m}", why="the first engine"))
    if wanted == state.serving:
        kept = Rollout(wanted, since=state.since, previous=state.previous, why=state.why)
        return _decide(lake, state if state.stage == "returned" else kept)
    if wanted == state.candidate and state.stage in {"canary", "returned"}:
        return _decide(lake, state)
    found = _compared(lake, cutoff_month, replace(settings, engine=state.serving), settings)
    return _decide(
        lake,
        Rollout(
            state.serving,
            "canary" if found.better else "refused",
            wanted,
            settings.canary_share if found.better else 0.0,
            f"{cutoff_month:%Y-%m}",
            why=found.why,
        ),
    )


def review(lake: Lake, month: date) -> dict[str, Any] | None:
    """Decide, after `month` was scored, whether who is on trial goes on; None before any gate.

    A canary that kept its skill over seasonal naive beside the serving engine's takes over; one
    that fell more than five points behind goes back. An engine that took over goes back where its
    skill falls below zero within three months.
    """
    state = rollout(lake)
    path = f"scores/month={month:%Y-%m}/part.parquet"
    if state is None or not lake.exists(path) or f"{month:%Y-%m}" <= state.since:
        return asdict(state) if state else None
    columns = ["run_id", *SERIES_KEY, "reason", "units_forecast", "units_naive", "units_sold"]
    scores = lake.read_table(path, columns=columns).to_pandas()
    scores = scores[(scores["run_id"] == scores["run_id"].max()) & ~retired(scores)]
    if state.stage == "canary":
        return _decide(lake, _after_canary(state, scores, f"{month:%Y-%m}"))
    if state.previous and f"{add_months(month, -_MONTHS_ON_TRIAL):%Y-%m}" <= state.since:
        return _decide(lake, _after_takeover(state, scores, f"{month:%Y-%m}"))
    return asdict(state)


def planned_engine(lake: Lake, run_id: str, settings: Settings) -> Forecaster:
    """The engine of a run, by the state of the gate when the run was begun."""
    path = f"predictions/run_id={run_id}/plan.json"
    plan = lake.read_json(path) if lake.exists(path) else None
    if plan is None or plan["wanted"] != settings.engine:
        plan = _plan(rollout(lake), settings.engine)
        if plan["gated"]:
            lake.write_json(path, plan)
    serving = engine_of(replace(settings, engine=plan["serving"]))
    if not plan["candidate"]:
        return serving
    candidate = engine_of(replace(settings, engine=plan["candidate"]))
    return CanaryForecaster(serving, candidate, plan["share"])


def _plan(state: Rollout | None, wanted: str) -> dict[str, Any]:
    if state is None or wanted not in {state.serving, state.candidate}:
        return {"wanted": wanted, "gated": False, "serving": wanted, "candidate": "", "share": 0.0}
    tried = state.stage == "canary" and wanted == state.candidate
    return {
        "wanted": wanted,
        "gated": True,
        "serving": state.serving,
        "candidate": state.candidate if tried else "",
        "share": state.share if tried else 0.0,
    }


def _decide(lake: Lake, state: Rollout) -> dict[str, Any]:
    """Keep the state, and give it as the report shows it."""
    lake.write_json(_PATH, asdict(state))
    return asdict(state)


def _compared(lake: Lake, cutoff: date, serving: Settings, candidate: Settings) -> Comparison:
    """Both engines over the same origins of the same sample."""
    sample = list(_sample(lake, cutoff, candidate.gate_series))
    scores = [
        pd.concat(
            table.to_pandas()
            for table in rolling_scores(
                sample, engine_of(one), one.gate_origins, one.gate_origins, one.jobs
            )
        )
        for one in (serving, candidate)
    ]
    return compare(scores[0], scores[1])


def _sample(lake: Lake, cutoff: date, most: int) -> Iterator[Series]:
    """About `most` series that are alive, chosen by a hash."""
    share = most / max(shard_manifest(lake, cutoff)["series"], 1)
    for series in every_series(lake, cutoff):
        if series.active and series.months > 1 and chosen(("gate", *series.key), share):
            yield series


def _after_canary(state: Rollout, scores: pd.DataFrame, month: str) -> Rollout:
    keys = scores[list(SERIES_KEY)].itertuples(index=False)
    tried = pd.Series([chosen(key, state.share) for key in keys], index=scores.index, dtype=bool)
    ours, theirs = _skill(scores[~tried]), _skill(scores[tried])
    told = f"skill over seasonal naive {theirs:.1%} on its share in {month}, {ours:.1%} on the rest"
    if tried.sum() < _FEWEST_ROWS or (~tried).sum() < _FEWEST_ROWS:
        return replace(state, why=f"too few forecasts to tell yet: {tried.sum()} of {len(tried)}")
    if theirs < ours - _LARGEST_FALL:
        return replace(state, stage="returned", share=0.0, since=month, why=f"fell behind: {told}")
    return Rollout(state.candidate, since=month, previous=state.serving, why=f"held: {told}")


def _after_takeover(state: Rollout, scores: pd.DataFrame, month: str) -> Rollout:
    now = _skill(scores)
    if len(scores) < _FEWEST_ROWS or now >= 0:
        return state
    why = f"worse than seasonal naive by {-now:.1%} in {month}, soon after it took over"
    return Rollout(state.previous, "returned", state.serving, since=month, why=why)


def _skill(scores: pd.DataFrame) -> float:
    sold, naive = scores["units_sold"].to_numpy(float), scores["units_naive"].to_numpy(float)
    return skill(wape(sold, scores["units_forecast"].to_numpy(float)), wape(sold, naive))
