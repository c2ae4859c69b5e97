"""Measure the findings that ship with the daily engine: `forecasting/daily/shipped.json`.

Run `python tests/bench/shipped_daily.py`. Only days before those that `bench_daily.py` looks at
are used: races from origins 21 to 31 weeks before the end of each set.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from daily_sets import HORIZON, ORIGINS, daily_set

from forecasting.daily.engine import fit_of, idle
from forecasting.daily.findings import DailyFindings, in_sample_scale
from forecasting.daily.intervals import DailyCalibration, DailyMisses
from forecasting.daily.race import DailyRace, run_race
from forecasting.daily.series import DailySeries
from forecasting.daily.weights import CORE, held_out_errors, weights_of
from forecasting.forecaster import Vector
from forecasting.routing import KINDS

BACK = tuple(HORIZON * ORIGINS + 7 + 22 * step for step in range(4))
"""Days before the end, each on another weekday, so that a day ahead is not always the same one."""

FEWEST_DAYS = 120
USUAL_SERIES = 20.0
"""Series of a kind at which they count as much as those of all kinds."""

ROUNDS = 2

Raced = list[tuple[DailySeries, DailyRace, Vector]]


def main(step: int) -> None:
    series = [one for name in ("retail", "sample") for one in daily_set(name)[1::step]]
    with Pool(2) as pool:
        raced = [found for found in pool.imap(_race, series, chunksize=4) if found]
    ranking = _ranking(raced)
    misses = defaultdict(list)
    for found in raced:
        kind, missed = _misses(found, ranking)
        misses[kind].append(missed)
    everything = [one for some in misses.values() for one in some]
    overall = _calibration(everything, DailyCalibration.laplace())
    calibration = {kind: _calibration(misses[kind], overall) for kind in KINDS}
    path = Path(__file__).resolve().parents[2] / "forecasting" / "daily" / "shipped.json"
    value = DailyFindings(ranking, calibration).to_json()
    path.write_text(json.dumps(value, indent=1) + "\n")
    print(f"{len(raced)} series, by kind { {kind: len(some) for kind, some in misses.items()} }")


def _race(series: DailySeries) -> Raced:
    found = []
    for back in BACK:
        known = series.days - back
        earlier = series.until(max(known, 0))
        if known >= FEWEST_DAYS and not idle(earlier):
            ahead = slice(known, known + HORIZON)
            sold = np.where(series.on_sale[ahead], series.units[ahead], np.nan)
            found.append((earlier, run_race(earlier), sold))
    return found


def _ranking(raced: Sequence[Raced]) -> dict[str, dict[str, float]]:
    """Logarithm of each candidate's error over the yardstick's by kind, drawn toward all kinds.

    Errors are added up in scales before they are compared, so that a dead product, of which the
    quickest to forget misses nothing, counts for no more than what it sold.
    """
    told = defaultdict(list)
    for found in raced:
        for series, race, _ in found:
            told[race.kind].append(_scaled_errors(series, race))
    everything = [row for rows in told.values() for row in rows]
    names = sorted({name for row in everything for name in row})
    usual = {name: _relative(everything, name) for name in names}
    ranking = {}
    for kind in KINDS:
        share = len(told[kind]) / (len(told[kind]) + USUAL_SERIES * len(BACK))
        ranking[kind] = {
            name: round(share * _relative(told[kind], name) + (1 - share) * usual[name], 4)
            for name in names
        }
    return ranking


def _scaled_errors(series: DailySeries, race: DailyRace) -> dict[str, float]:
    """Mean held-out error by candidate, in scales of the series."""
    total, days = held_out_errors(race.trials, len(race.names))
    scale = in_sample_scale(series)
    return {
        name: total[i] / days[i] / scale
        for i, name in enumerate(race.names)
        if days[i] and days[i] == days.max()
    }


def _relative(rows: Sequence[dict[str, float]], name: str) -> float:
    told = [row for row in rows if name in row and all(core in row for core in CORE)]
    if not told:
        return 0.0
    yardstick = sum(np.mean([row[core] for core in CORE]) for row in told)
    return float(np.log(sum(row[name] for row in told) / yardstick))


def _misses(found: Raced, ranking: dict[str, dict[str, float]]) -> tuple[str, DailyMisses]:
    """What the engine would have missed of one series, in the scale that it knew then."""
    parts: list[list[Vector]] = [[], [], [], []]
    for series, race, sold in found:
        fit = fit_of(series, race, weights_of(race.names, race.trials, ranking[race.kind]))
        units, told = fit.ahead(series, HORIZON), np.isfinite(sold)
        columns = (np.arange(1.0, HORIZON + 1), units, sold, np.full(HORIZON, fit.scale))
        for part, column in zip(parts, columns, strict=True):
            part.append(column[told])
    return found[-1][1].kind, DailyMisses(*(np.concatenate(part) for part in parts))


def _calibration(pooled: Sequence[DailyMisses], prior: DailyCalibration) -> DailyCalibration:
    """The bounds that those misses give; the prior is taken up again until little of it is left."""
    names = ("ahead", "forecast", "sold", "scale")
    if not pooled:
        return prior
    together = DailyMisses(
        *(np.concatenate([getattr(one, name) for one in pooled]) for name in names)
    )
    found = prior
    for _ in range(ROUNDS):
        found = DailyCalibration.of(together, found)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
