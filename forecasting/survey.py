"""What the ensemble knows of a whole fleet before it forecasts any one series.

Shapes are summed over every series. The race, which costs most, is run for a sample chosen by a
hash of the key, so that neither the order of the series nor how they are cut into shards has a say;
its ranking and its misses stand for the fleet.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from forecasting.calendar_effects import CalendarFindings, CalendarSample, judge_calendar
from forecasting.candidates import History
from forecasting.cold_start import Courses
from forecasting.forecaster import Series
from forecasting.held_out import calibrate, held_out
from forecasting.intervals import Calibration
from forecasting.launches import every_launch
from forecasting.models.pooled import FLAT, Pool, Shape, Shapes
from forecasting.never_sold import FirstSales, Starts
from forecasting.race import ALL_ORIGINS, Race, history_of, run_race
from forecasting.ranks import rank_of
from forecasting.slow_movers import SlowMovers
from forecasting.slow_spread import Spread
from forecasting.weights import Ranking

__all__ = ["Findings", "findings_of", "survey"]

_SHIPPED = Path(__file__).with_name("shipped_findings.json")

FEWEST_RACED, MOST_RACED = 150, 400
"""Series of the sample: a quarter of the fleet, between these."""

SHARE_RACED = 0.25
SHORTEST_RACED = 12
"""Months below which a series has no origin to be judged at."""


@dataclass(frozen=True, eq=False)
class Findings:
    """Shapes now and at each origin, ranking, how far forecasts miss, and how launches go on.

    `spread` is how sales of slow movers lie around what is expected of them; `elsewhere` has the
    store that already sold the product of a new series; `starts` and `first_sales` are how launches
    begin, and how soon; `calendar` is what working days, feasts and sales days do, where that
    helps.
    """

    shapes: dict[int, Shapes] = field(default_factory=dict)
    ranking: Ranking = field(default_factory=Ranking.level)
    calibration: Calibration = field(default_factory=Calibration.laplace)
    courses: dict[str, Courses] = field(default_factory=dict)
    spread: Spread = field(default_factory=Spread.usual)
    elsewhere: dict[str, str] = field(default_factory=dict)
    calendar: CalendarFindings = field(default_factory=CalendarFindings)
    starts: dict[str, Starts] = field(default_factory=dict)
    first_sales: dict[str, FirstSales] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The findings as JSON."""
        return {
            "shapes": {str(months): known.rows for months, known in self.shapes.items()},
            "ranking": self.ranking.to_json(),
            "calibration": self.calibration.to_json(),
            "courses": {group: known.to_json() for group, known in self.courses.items()},
            "spread": self.spread.to_json(),
            "elsewhere": self.elsewhere,
            "calendar": self.calendar.to_json(),
            "starts": {group: known.to_json() for group, known in self.starts.items()},
            "first_sales": {name: known.to_json() for name, known in self.first_sales.items()},
        }

    def history_of(self, series: Series) -> History:
        """The history of a series in the light of its fleet."""
        return history_of(series, self.shapes.get(0), self.calendar.effects.get(0))

    def shape_of(self, series: Series) -> Shape:
        """The shape of the year that a series shares with its neighbours."""
        known = self.shapes.get(0)
        return known.shape(series.merchant_id, series.category) if known else FLAT

    @classmethod
    def shipped(cls) -> Findings:
        """What public series taught, to start from where a fleet is small or of another kind."""
        return cls.from_json(json.loads(_SHIPPED.read_text()))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Findings:
        """The findings that `to_json` wrote; what ships has no stores to name."""
        return cls(
            {int(months): Shapes(rows) for months, rows in value["shapes"].items()},
            Ranking.from_json(value["ranking"]),
            Calibration.from_json(value["calibration"]),
            {group: Courses.from_json(rows) for group, rows in value["courses"].items()},
            Spread.from_json(value["spread"]),
            value.get("elsewhere", {}),
            CalendarFindings.from_json(value.get("calendar", {})),
            {group: Starts.from_json(rows) for group, rows in value.get("starts", {}).items()},
            {
                name: FirstSales.from_json(counts)
                for name, counts in value.get("first_sales", {}).items()
            },
        )


def survey(everything: Iterable[Series]) -> tuple[Findings, list[tuple[Series, Race]]]:
    """The findings of a fleet, and the races of its sample."""
    if isinstance(everything, Iterator):  # else read twice rather than held in memory
        everything = list(everything)
    pools = {months: Pool() for months in (0, *ALL_ORIGINS)}
    sample, slow, months_told = _Sample(), SlowMovers(), CalendarSample()
    for series in everything:
        if series.active and series.months:
            _add_to_pools(pools, series)
            months_told.add(series)
            if series.units.any():
                slow.add(series)
                if series.months >= SHORTEST_RACED:
                    sample.add(series)
    raced = sample.chosen()
    shapes = {months: pool.shapes() for months, pool in pools.items()}
    calendar = judge_calendar(months_told.chosen(), (0, *ALL_ORIGINS))
    races = [run_race(series, shapes, effects=calendar.effects) for series in raced]
    findings = findings_of(shapes, raced, races, Findings.shipped())
    donors = every_launch(everything, shapes[0])
    findings = replace(
        findings,
        courses=donors.courses,
        spread=slow.spread(),
        elsewhere=donors.elsewhere,
        calendar=calendar,
        starts=donors.starts,
        first_sales=donors.first_sales,
    )
    # Rounded as JSON keeps them, so that the models made here are those of an informed engine.
    findings = Findings.from_json(findings.to_json())
    return findings, list(zip(raced, races, strict=True))


def findings_of(
    shapes: dict[int, Shapes], raced: Sequence[Series], races: Sequence[Race], prior: Findings
) -> Findings:
    """What the races of a sample teach, drawn toward what was known before."""
    ranking = Ranking.of(races, prior.ranking)
    held = [held_out(race, ranking) for race in races]
    calibration = calibrate(raced, held, prior.calibration)
    return Findings(shapes, ranking, calibration)


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
        entry = (-rank_of(*series.key), self._added, series)
        if len(self._heap) < MOST_RACED:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def chosen(self) -> list[Series]:
        """A quarter of what was added, within the limits, in the order of their hashes."""
        wanted = min(max(FEWEST_RACED, round(SHARE_RACED * self._added)), MOST_RACED)
        return [series for _, _, series in sorted(self._heap, reverse=True)[:wanted]]
