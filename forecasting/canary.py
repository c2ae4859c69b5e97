"""Two engines in one: the candidate serves a stated share of series, the serving one the rest.

Which series is decided by a hash of the key, so that a product stays on its side from month to
month and from shard to shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forecasting.forecaster import Forecast, Forecaster, Series, SurveyingForecaster
from forecasting.guard import answers

__all__ = ["CanaryForecaster", "chosen"]


def chosen(key: Sequence[str], share: float) -> bool:
    """Whether the series of that key is among the `share` that the candidate serves.

    >>> chosen(("M", "S", "A"), 0.0), chosen(("M", "S", "A"), 1.0)
    (False, True)
    """
    digest = hashlib.sha256("\x1f".join(key).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < share


@dataclass(frozen=True)
class CanaryForecaster:
    """The engine `serving+candidate`; models are not kept while both serve."""

    serving: Forecaster
    candidate: Forecaster
    share: float

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.serving.name}+{self.candidate.name}"

    def survey(self, everything: Iterable[Series]) -> dict[str, Any]:
        """What each of the two needs to know of all series."""
        # Read twice rather than held in memory, where it can be.
        again = list(everything) if isinstance(everything, Iterator) else everything
        return {
            "serving": _survey(self.serving, again),
            "candidate": _survey(self.candidate, again),
        }

    def informed(self, findings: dict[str, Any]) -> CanaryForecaster:
        """Both, with their findings."""
        return replace(
            self,
            serving=_informed(self.serving, findings["serving"]),
            candidate=_informed(self.candidate, findings["candidate"]),
        )

    def forecast(self, batch: Sequence[Series], horizon: int) -> list[Forecast]:
        """One forecast for each series, by the engine whose side it is on.

        A series that the candidate fails on falls back to the rule, as it would if it served.
        """
        found: dict[int, Forecast] = {}
        for engine, side in ((self.candidate, True), (self.serving, False)):
            places = [i for i, s in enumerate(batch) if chosen(s.key, self.share) is side]
            given = answers(engine, [batch[i] for i in places], horizon)
            found |= {i: one.forecast for i, one in zip(places, given, strict=True)}
        return [found[i] for i in range(len(batch))]


def _survey(engine: Forecaster, everything: Iterable[Series]) -> dict[str, Any] | None:
    return engine.survey(everything) if isinstance(engine, SurveyingForecaster) else None


def _informed(engine: Forecaster, findings: dict[str, Any] | None) -> Forecaster:
    if findings is None or not isinstance(engine, SurveyingForecaster):
        return engine
    return engine.informed(findings)
