"""Write `forecasting/shipped_findings.json`: what M3's monthly series teach the ensemble.

Every second series is raced, whole (for long histories) and by its first 30 months (for short
ones); the ranking is that of their trials, and the calibration is that of the 18 months that
followed. M3 is in none of the benchmarks. Takes a few minutes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from held_out import HeldOut, competition

from forecasting import survey
from forecasting.dormancy import dormant
from forecasting.forecaster import SEASON
from forecasting.held_out import held_out, mean_miss
from forecasting.intervals import Calibration, Misses, naive_scale, series_scale
from forecasting.race import Race, run_race
from forecasting.survey import Findings, findings_of
from forecasting.weights import Ranking, combine, weights_of

TARGET = Path(survey.__file__).with_name("shipped_findings.json")
SHORT = 30
AHEAD = 18


def main() -> None:
    """Race M3 and keep ranking and calibration, without its shapes."""
    whole = competition("M3")[::2]
    everything = whole + [_shortened(one) for one in whole if one.series.months >= SHORT + SEASON]
    races = [run_race(one.series, {}, AHEAD) for one in everything]
    found = findings_of({}, [one.series for one in everything], races, Findings())
    pairs = [
        pair for pair in zip(everything, races, strict=True) if not dormant(pair[0].series.units)
    ]
    misses = [_misses(one, race, found.ranking, found.calibration) for one, race in pairs]
    measured = Calibration.of(misses, found.calibration)
    shipped = replace(found, calibration=replace(measured, ratio=found.calibration.ratio))
    TARGET.write_text(json.dumps(shipped.to_json()) + "\n")


def _shortened(one: HeldOut) -> HeldOut:
    later = one.series.units[SHORT : SHORT + AHEAD]
    return HeldOut(one.series.until(SHORT), later)


def _misses(one: HeldOut, race: Race, ranking: Ranking, calibration: Calibration) -> Misses:
    """What the combination missed in the months that nobody had seen."""
    months = len(one.actual)
    units = combine(weights_of(race, ranking), race.ahead)[:months]
    in_sample = calibration.ratio * naive_scale(one.series.units)
    scale = series_scale(in_sample, *mean_miss(held_out(race, ranking), calibration.growth))
    ahead, scales = np.arange(1.0, months + 1), np.full(months, scale)
    return Misses(ahead, units, one.actual, scales, race.route.kind)


if __name__ == "__main__":
    main()
