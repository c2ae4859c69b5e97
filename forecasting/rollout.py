"""Who serves: the state of the gate in the lake, and how it moves from month to month.

::

    serving ──judge: better──▶ canary, a share of series ──review: held──▶ serving, in its place
        └────judge: not──▶ refused              └──review: fell──▶ returned

What is judged is an engine with its options. A new engine that fell within three months of taking
over goes back too. A new *version* of the serving engine (`forecasting.versions`) cannot be tried
beside the old one, whose code is gone: it is judged by what that has published, and takes over, or
is refused; refused or taken back, its runs are made but held, so that the last run of the old one
goes on being served. The state moves only in `judge`, before a run, in `review`, after a month was
scored, and in `accept`; a run reads it once. An engine that was never judged serves as it is asked
for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from etl.errors import InputError
from etl.lake import Lake
from etl.settings import Settings
from forecasting import versions
from forecasting.backtest import scored_runs
from forecasting.configured import Configured, configured
from forecasting.forecaster import add_months
from forecasting.judging import compare_engines, compare_with_published
from forecasting.predictions import age_of, cutoff_of
from forecasting.run_files import manifest_path, run_manifest, runs_with
from forecasting.shown import shown_of
from forecasting.trial import beyond_chance, misses_of, skill_of

__all__ = ["YARDSTICKS", "Rollout", "accept", "judge", "review", "rollout", "run_before_the_fall"]

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
    it came to be; `previous` what a new one replaced.
    """

    serving: Configured
    stage: str = "serving"
    candidate: Configured | None = None
    share: float = 0.0
    since: str = ""
    previous: Configured | None = None
    why: str = ""

    @property
    def of_versions(self) -> bool:
        """Whether what was refused or taken back is another version of what serves."""
        refused = self.stage in {"refused", "returned"}
        return refused and self.serving.is_version_of(self.candidate)

    @property
    def holds_runs(self) -> bool:
        """Whether today's code is the version that was refused, so that its runs are held."""
        tried = self.candidate.version if self.candidate else None
        return self.of_versions and tried is not None and tried.code == versions.code_now()

    def version_in_code(self) -> str:
        """The name of the version of the serving engine that today's code is, where it is known."""
        now = versions.code_now()
        same = [one for one in (self.serving, self.candidate) if one and one == self.serving]
        names = [o.version.name for o in same if o.version and o.version.code == now]
        return names[0] if names else ""

    def told(self) -> dict[str, Any]:
        """The state in names and words, as alerts and the report show it."""
        return {
            "serving": _named(self.serving, self.of_versions),
            "stage": self.stage,
            "candidate": _named(self.candidate, self.of_versions),
            "share": self.share,
            "since": self.since,
            "previous": _named(self.previous, self.of_versions),
            "why": self.why,
            "held": self.of_versions,
        }

    def to_json(self) -> dict[str, Any]:
        """The state as it is kept."""
        candidate, previous = self.candidate, self.previous
        return {
            "serving": self.serving.to_json(),
            "stage": self.stage,
            "candidate": candidate.to_json() if candidate else None,
            "share": self.share,
            "since": self.since,
            "previous": previous.to_json() if previous else None,
            "why": self.why,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rollout:
        """The state that was kept, also as names alone, as it once was."""
        who = {name: value.get(name) for name in ("serving", "candidate", "previous")}
        found = {name: Configured.from_json(one) for name, one in who.items() if one}
        return cls(**{**value, "candidate": None, "previous": None, **found})


def rollout(lake: Lake) -> Rollout | None:
    """The state of the gate; None before the first judgement."""
    return Rollout.from_json(lake.read_json(_PATH)) if lake.exists(_PATH) else None


def judge(lake: Lake, cutoff_month: date, settings: Settings) -> dict[str, Any]:
    """Decide, before a run, whether what the settings and the code want may begin to serve.

    A new version of the serving engine is compared with what the old one published; another engine,
    or other options, with the serving one over rolling origins of a sample of series. The first
    engine ever serves without a comparison; one that was returned is not tried again until another
    was wanted; a yardstick is never judged.
    """
    state, wanted = rollout(lake), configured(settings)
    if wanted.engine in YARDSTICKS:
        why = "a yardstick serves as it is asked for"
        return (state or Rollout(wanted, why=why)).told()
    if state is None:
        first = Rollout(wanted.by_todays_code(), since=f"{cutoff_month:%Y-%m}")
        return _decide(lake, replace(first, why="the first engine"))
    state = _by_todays_code(lake, cutoff_month, state, settings)
    if state.of_versions:
        return _decide(lake, state)
    return _decide(lake, _after_wish(lake, cutoff_month, state, wanted, settings))


def accept(lake: Lake) -> dict[str, Any]:
    """Let the version that the gate refused serve all the same: a person has decided it.

    Raises `InputError` where no version was refused.
    """
    state = rollout(lake)
    if state is None or state.candidate is None or not state.of_versions:
        found = "nothing was judged yet" if state is None else f"the gate's state is {state.stage}"
        raise InputError(f"no version of the serving engine waits to be accepted: {found}")
    why = f"accepted by hand, though {state.why}"
    taken = Rollout(state.candidate, since=state.since, previous=state.serving, why=why)
    return _decide(lake, taken)


def review(lake: Lake, month: date) -> dict[str, Any] | None:
    """Decide, after `month` was scored, whether who is on trial goes on; None before any gate.

    A canary that kept its skill over seasonal naive beside the serving engine's takes over; one
    that fell more than five points behind, and by more than chance, goes back. An engine or version
    that took over goes back where its skill falls below zero within three months.
    """
    state = rollout(lake)
    if state is None or f"{month:%Y-%m}" <= state.since or not (runs := scored_runs(lake, month)):
        return state.told() if state else None
    scores = misses_of(lake, month, _newest_run(lake, runs, state), state.share)
    if state.stage == "canary" and state.candidate:
        return _decide(lake, _after_canary(state, state.candidate, scores, f"{month:%Y-%m}"))
    if state.previous and f"{add_months(month, -_MONTHS_ON_TRIAL):%Y-%m}" <= state.since:
        return _decide(lake, _after_takeover(state, state.previous, scores, f"{month:%Y-%m}"))
    return state.told()


def run_before_the_fall(lake: Lake, month: date, served: str) -> str | None:
    """The run to serve instead of `served`, whose version was taken back when `month` was scored.

    It is the last one that merchants were shown of the version before; None where no version was
    taken back then, or `served` was made by another, or since: a person has published that one.
    """
    state = rollout(lake)
    if state is None or state.stage != "returned" or not state.of_versions:
        return None
    if state.since != f"{month:%Y-%m}" or cutoff_of(served) >= month:
        return None
    if _maker(lake, served) != _name_of(state.candidate):
        return None
    runs = shown_of(lake, runs_with(lake, "manifest.json"))
    by_serving = [run for run in runs if _maker(lake, run) == _name_of(state.serving)]
    there = [run for run in by_serving if "removed_at" not in run_manifest(lake, run)]
    return max(there, key=age_of, default=None)


def _maker(lake: Lake, run_id: str) -> tuple[str, str | None]:
    """Engine and version that a run was made by."""
    made = run_manifest(lake, run_id) if lake.exists(manifest_path(run_id)) else {}
    return made.get("engine", ""), made.get("version")


def _name_of(one: Configured | None) -> tuple[str, str | None]:
    if one is None:
        return "", None
    return one.open().name, one.version.name if one.version else None


def _decide(lake: Lake, state: Rollout) -> dict[str, Any]:
    """Keep the state, and give it as the report shows it."""
    lake.write_json(_PATH, state.to_json())
    return state.told()


def _by_todays_code(lake: Lake, cutoff: date, state: Rollout, settings: Settings) -> Rollout:
    """The state, once today's version of the serving engine was judged where it is another.

    A state from before versions were kept takes today's.
    """
    now = state.serving.by_todays_code(state.candidate)
    if not now.is_version_of(state.serving):
        if state.of_versions:
            return Rollout(now, since=f"{cutoff:%Y-%m}", why="the version before is back")
        return replace(state, serving=now)
    if state.stage == "returned" and state.of_versions and not now.is_version_of(state.candidate):
        return replace(state, candidate=now)
    found = compare_with_published(lake, cutoff, state.serving, now, settings)
    since = f"{cutoff:%Y-%m}"
    if found is None or not found.enough:
        why = "a new version; too little that the one before published was scored to compare with"
    elif found.better:
        why = f"a new version: {found.why}"
    elif found.harmless and now.differs_in_bounds_alone(state.serving):
        why = f"a new version of the bounds alone, which are not worse: {found.why_bounds}"
    else:
        return Rollout(state.serving, "refused", now, since=since, why=found.why)
    return Rollout(now, since=since, previous=state.serving, why=why)


def _after_wish(
    lake: Lake, cutoff: date, state: Rollout, wanted: Configured, settings: Settings
) -> Rollout:
    """The state once what the settings want was compared with what serves, where it is another."""
    if wanted == state.serving:
        kept = Rollout(state.serving, since=state.since, previous=state.previous, why=state.why)
        return state if state.stage == "returned" else kept
    known = state.candidate if state.candidate == wanted else None
    candidate = wanted.by_todays_code(known)
    if known and state.stage in {"canary", "returned"} and not candidate.is_version_of(known):
        return replace(state, candidate=candidate)
    found = compare_engines(lake, cutoff, state.serving, candidate, settings)
    return Rollout(
        state.serving,
        "canary" if found.better else "refused",
        candidate,
        settings.canary_share if found.better else 0.0,
        f"{cutoff:%Y-%m}",
        why=found.why,
    )


def _newest_run(lake: Lake, runs: Sequence[str], state: Rollout) -> str:
    """The newest scored run that was made by what serves, with the canary where there is one.

    Not one that was held, or that a person had made by another engine.
    """
    engine = state.serving.open().name
    if state.stage == "canary" and state.candidate:
        engine = f"{engine}+{state.candidate.open().name}"
    version = state.serving.version.name if state.serving.version else ""

    def is_its(run_id: str) -> bool:
        made = run_manifest(lake, run_id) if lake.exists(manifest_path(run_id)) else {}
        return (made.get("engine", engine), made.get("version", version)) == (engine, version)

    return max(filter(is_its, runs), key=age_of, default="")


def _after_canary(
    state: Rollout, candidate: Configured, scores: pd.DataFrame, month: str
) -> Rollout:
    tried = scores["tried"]
    ours, theirs = skill_of(scores[~tried]), skill_of(scores[tried])
    told = f"skill over seasonal naive {theirs:.1%} on its share in {month}, {ours:.1%} on the rest"
    if tried.sum() < _FEWEST_ROWS or (~tried).sum() < _FEWEST_ROWS:
        return replace(state, why=f"too few forecasts to tell yet: {tried.sum()} of {len(tried)}")
    if theirs < ours - _LARGEST_FALL:
        if beyond_chance(ours - theirs, scores, tried):
            why = f"fell behind: {told}"
            return replace(state, stage="returned", share=0.0, since=month, why=why)
        return replace(state, why=f"behind, which may be chance; tried for another month: {told}")
    return Rollout(candidate, since=month, previous=state.serving, why=f"held: {told}")


def _after_takeover(
    state: Rollout, previous: Configured, scores: pd.DataFrame, month: str
) -> Rollout:
    now = skill_of(scores)
    if len(scores) < _FEWEST_ROWS or not now < 0:
        return state
    why = f"worse than seasonal naive by {-now:.1%} in {month}, soon after it took over"
    return Rollout(previous, "returned", state.serving, since=month, why=why)


def _named(one: Configured | None, with_version: bool) -> str:
    if one is None:
        return ""
    return f"{one.text} version {one.version.name}" if with_version and one.version else one.text
