"""What the ensemble knows of a whole fleet before it forecasts any one series.

Shapes are summed over every series. The race, which costs most, is run for a sample chosen by a
hash of the key, so that neither the order of the series nor how they are cut into shards has a say;
its ranking and its misses stand for the fleet.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from forecasting.forecaster import Series
from forecasting.held_out import calibrate, held_out
from forecasting.intervals import Calibration
from forecasting.models.pooled import Pool
from forecasting.race import ORIGINS, Race, run_race
from forecasting.weights import Ranking

__all__ = ["Findings", "survey"]

FEWEST_RACED, MOST_RACED = 150, 400
"""Series of the sample: a quarter of the fleet, between these."""

SHARE_RACED = 0.25
SHORTEST_RACED = 12
"""Months below which a series has no origin to be judged at."""


@dataclass(frozen=True, eq=False)
class Findings:
    """Shapes now and at each origin, the ranking of candidates, and how far forecasts miss."""

    pools: dict[int, Pool] = field(default_factory=dict)
    ranking: Ranking = field(default_factory=Ranking.shipped)
    calibration: Calibration = field(default_factory=Calibration.shipped)

    def to_json(self) -> dict[str, Any]:
        """The findings as JSON."""
        return {
            "pools": {str(months): pool.to_json() for months, pool in self.pools.items()},
            "ranking": self.ranking.to_json(),
            "calibration": self.calibration.to_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Findings:
        """The findings that `to_json` wrote."""
        return cls(
            {int(months): Pool.from_json(rows) for months, rows in value["pools"].items()},
            Ranking.from_json(value["ranking"]),
            Calibration.from_json(value["calibration"]),
        )


def survey(everything: Iterable[Series]) -> tuple[Findings, list[tuple[Series, Race]]]:
    """The findings of a fleet, and the races of its sample."""
    pools = {months: Pool() for months in (0, *ORIGINS)}
    sample = _Sample()
    for series in everything:
        if series.active and series.months:
            _add_to_pools(pools, series)
            if series.months >= SHORTEST_RACED and series.units.any():
                sample.add(series)
    raced = sample.chosen()
    races = [run_race(series, pools) for series in raced]
    findings = _findings(pools, raced, races)
    return findings, list(zip(raced, races, strict=True))


def _findings(pools: dict[int, Pool], raced: Sequence[Series], races: Sequence[Race]) -> Findings:
    ranking = Ranking.of(races, Ranking.shipped())
    held = [held_out(race, ranking) for race in races]
    calibration = calibrate([series.units for series in raced], held, Calibration.shipped())
    return Findings(pools, ranking, calibration)


def _add_to_pools(pools: dict[int, Pool], series: Series) -> None:
    for months, pool in pools.items():
        if series.months > months:
            pool.add(series.until(series.months - months))


class _Sample:
    """The series with the least hashes of all that were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Series]] = []
        self._added = 0

    def add(self, series: Series) -> None:
        self._added += 1
        digest = hashlib.sha256("\0".join(series.key).encode()).digest()
        entry = (-int.from_bytes(digest[:8], "big"), self._added, series)
        if len(self._heap) < MOST_RACED:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def chosen(self) -> list[Series]:
        """A quarter of what was added, within the limits, in the order of their hashes."""
        wanted = min(max(FEWEST_RACED, round(SHARE_RACED * self._added)), MOST_RACED)
        return [series for _, _, series in sorted(self._heap, reverse=True)[:wanted]]
