"""The engine `ensemble` beside statsforecast's models, on months that none of them saw.

`PYTHONPATH=. python tests/bench/bench_ensemble.py [--scale] [SET …]` prints Markdown tables for m1,
tourism, retail and launches: accuracy, interval coverage by class (of each set, and of all that are
asked for at once), mean interval score, and series per second and core. Without `--scale` every
twelfth series of m1 and retail. The peers' forecasts are computed once and kept under `.bench/`;
the whole of tourism costs AutoARIMA two hours. All seconds are CPU seconds of one process.
`--without-calendar` leaves out what working days and feasts do, whether it helps or not.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from held_by_class import Coverage
from held_out import CUTOFF, RETAIL_FILE, HeldOut, launches, monthly_series, read_set
from numpy.typing import NDArray
from peers import PEERS, peer_forecasts

from forecasting import survey
from forecasting.calendar_effects import CalendarFindings
from forecasting.ensemble import EnsembleForecaster
from forecasting.forecaster import LEVELS, SEASON, Forecast, Series
from forecasting.models.intermittent import intermittent_rates
from forecasting.models.seasonal_naive import SeasonalNaive
from forecasting.routing import route

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """Points (series, horizon) and bounds (series, level, horizon) of one forecaster."""

    name: str
    units: Vector
    lower: Vector
    upper: Vector

    @classmethod
    def of(cls, name: str, forecasts: Sequence[Forecast]) -> Answers:
        return cls(
            name,
            np.array([one.units for one in forecasts]),
            np.array([one.lower for one in forecasts]),
            np.array([one.upper for one in forecasts]),
        )


QUICK_STEP = 12


def main(names: Sequence[str], scale: bool) -> None:
    if not scale:
        names = [name for name in names if name in ("m1", "retail")]
    if not RETAIL_FILE.exists():
        names = [name for name in names if name not in ("retail", "launches")]
        print("Online Retail II is not at hand: retail and launches are left out")
    covered = []
    for name in names:
        if name == "launches":
            _compare_launches()
        else:
            covered.append(_compare(name, read_set(name)[:: 1 if scale else QUICK_STEP]))
    if len(covered) > 1:
        Coverage.together(covered).print("class, over all sets")


def _compare(name: str, held: Sequence[HeldOut]) -> Coverage:
    ours = _ours(name, held)
    peers = [_peer(peer, held) for peer in PEERS]
    told = np.logical_and.reduce([np.isfinite(peer.units).all(axis=1) for peer in peers])
    mean = Answers(
        "mean of the four", np.mean([p.units for p in peers], axis=0), *_mean_bounds(peers)
    )
    naive = Answers.of(
        "seasonal_naive", SeasonalNaive().forecast([h.series for h in held], len(held[0].actual))
    )
    kept = [one for one, known in zip(held, told, strict=True) if known]
    print(f"\n### {name}: {len(kept)} of {len(held)} series (those that every peer answered)\n")
    print("| forecaster | MASE | sMAPE | WAPE | bias | 80 % held | 95 % held | interval score 80 |")
    print("|---|---|---|---|---|---|---|---|")
    for answers in (ours, mean, *peers, naive):
        _print_row(kept, _only(answers, told))
    coverage = _coverage(name, kept, _only(ours, told))
    coverage.print("class")
    return coverage


def _mean_bounds(peers: Sequence[Answers]) -> tuple[Vector, Vector]:
    """The mean of the peers' bounds."""
    return np.mean([p.lower for p in peers], axis=0), np.mean([p.upper for p in peers], axis=0)


def _ours(name: str, held: Sequence[HeldOut]) -> Answers:
    """The ensemble's answers, with its speed cold and a month later."""
    batch, horizon = [one.series for one in held], len(held[0].actual)
    engine = EnsembleForecaster()
    engine.forecast(batch[:1], horizon)
    start = time.process_time()
    informed = engine.informed(engine.survey(batch))
    cold = informed.forecast_warm(batch, horizon, [None] * len(batch))
    seconds = time.process_time() - start
    later = [_a_month_later(one) for one in held]
    start = time.process_time()
    again = engine.informed(engine.survey(later))
    surveyed = time.process_time()
    again.forecast_warm(later, horizon, [model for _, model in cold])
    warm = time.process_time() - surveyed
    size = np.mean([len(model) for _, model in cold if model])
    print(
        f"\n{name}: cold {len(batch) / seconds:.1f} series/s; warm {len(batch) / warm:.1f} "
        f"after a survey of {surveyed - start:.0f} s; model {size:.0f} bytes; "
        f"served {dict(Counter(one.model for one, _ in cold).most_common(6))}"
    )
    return Answers.of("**ensemble**", [one for one, _ in cold])


def _a_month_later(one: HeldOut) -> Series:
    units = np.append(one.series.units, one.actual[0])
    return Series(*one.series.key, one.series.first_month, units)


def _peer(name: str, held: Sequence[HeldOut]) -> Answers:
    told = peer_forecasts(name, held)
    return Answers(name, np.maximum(told.units, 0.0), told.lower, told.upper)


def _only(answers: Answers, kept: NDArray[np.bool_]) -> Answers:
    return Answers(answers.name, answers.units[kept], answers.lower[kept], answers.upper[kept])


def _scale(units: Vector) -> float:
    """Mean absolute seasonal difference in sample; from month to month where there is none."""
    seasonal = float(np.abs(units[SEASON:] - units[:-SEASON]).mean()) if len(units) > SEASON else 0
    return seasonal or float(np.abs(np.diff(units)).mean()) or 1.0


def _print_row(held: Sequence[HeldOut], answers: Answers) -> None:
    actual = np.array([one.actual for one in held])
    scales = np.array([_scale(one.series.units) for one in held])
    errors = np.abs(actual - answers.units)
    both = np.abs(actual) + np.abs(answers.units)
    smape = 200 * np.where(both > 0, errors / np.where(both > 0, both, 1), 0).mean()
    held80, held95 = (100 * _inside(actual, answers, level).mean() for level in (80, 95))
    print(
        f"| {answers.name} | {(errors.mean(axis=1) / scales).mean():.4f} | {smape:.3f} "
        f"| {errors.sum() / actual.sum():.4f} | {answers.units.sum() / actual.sum() - 1:+.3f} "
        f"| {held80:.1f} | {held95:.1f} "
        f"| {(_interval_score(actual, answers, 80).mean(axis=1) / scales).mean():.3f} |"
    )


def _inside(actual: Vector, answers: Answers, level: int) -> Vector:
    row = LEVELS.index(level)
    inside: Vector = (actual >= answers.lower[:, row]) & (actual <= answers.upper[:, row])
    return inside


def _coverage(name: str, held: Sequence[HeldOut], answers: Answers) -> Coverage:
    actual = np.array([one.actual for one in held])
    inside = [_inside(actual, answers, level) for level in (80, 95)]
    return Coverage.of(name, held, answers.units, inside)


def _interval_score(actual: Vector, answers: Answers, level: int) -> Vector:
    """Gneiting and Raftery (2007): width, and misses at 2/alpha."""
    row, alpha = LEVELS.index(level), 1 - level / 100
    lower, upper = answers.lower[:, row], answers.upper[:, row]
    outside = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
    score: Vector = upper - lower + 2 / alpha * outside
    return score


def _compare_launches() -> None:
    """New products, and slow movers, of Online Retail II beside the intermittent methods."""
    everything = monthly_series(CUTOFF)
    batch = [one.series for one in everything]
    engine = EnsembleForecaster()
    told = engine.informed(engine.survey(batch))
    fresh = launches(CUTOFF)
    slow = [one for one in everything if one.series.months >= 7 and route(one.series.units).sparse]
    slow = [one for one in slow if np.count_nonzero(one.series.units) >= 3]
    usual = _store_means(batch)
    for name, held in (("launches", fresh), ("slow movers", slow)):
        found = told.forecast([one.series for one in held], len(held[0].actual))
        print(f"\n### {name}: {len(held)} series\n")
        print("| forecaster | RMSSE | pinball | bias | 80 % held | 95 % held |")
        print("|---|---|---|---|---|---|")
        ours = Answers.of("**ensemble**", found)
        _print_slow(held, ours)
        for position, peer in enumerate(("croston_sba", "tsb")):
            rates = [float(intermittent_rates(one.series.units)[position]) for one in held]
            _print_slow(held, _poisson(peer, rates, len(held[0].actual)))
        means = [usual[one.series.store_id] for one in held]
        _print_slow(held, _poisson("mean of the store", means, len(held[0].actual)))
        _print_slow(held, _poisson("all zero", [0.0] * len(held), len(held[0].actual)))
        _coverage(name, held, ours).print("class")


def _store_means(batch: Sequence[Series]) -> dict[str, float]:
    stores: dict[str, list[float]] = {}
    for series in batch:
        stores.setdefault(series.store_id, []).append(float(series.units[-6:].mean()))
    return {store: float(np.mean(means)) for store, means in stores.items()}


def _poisson(name: str, rates: Sequence[float], horizon: int) -> Answers:
    """Flat rates with the quantiles of a Poisson distribution, as they have none of their own."""
    from scipy.stats import poisson

    units = np.tile(np.array(rates)[:, np.newaxis], (1, horizon))
    lower = [poisson.ppf((1 - level / 100) / 2, units) for level in LEVELS]
    upper = [poisson.ppf((1 + level / 100) / 2, units) for level in LEVELS]
    return Answers(name, units, np.stack(lower, axis=1), np.stack(upper, axis=1))


def _print_slow(held: Sequence[HeldOut], answers: Answers) -> None:
    """RMSSE over the larger of in-sample steps and level, so that one month has a scale too."""
    actual = np.array([one.actual for one in held])
    scales = np.array(
        [
            max(np.sqrt(np.mean(np.diff(u) ** 2)) if len(u) > 1 else 0.0, u.mean(), 1e-9)
            for u in (one.series.units for one in held)
        ]
    )
    rmsse = (np.sqrt(((actual - answers.units) ** 2).mean(axis=1)) / scales).mean()
    losses = [_pinball(actual, answers.units, 0.5)]
    for row, level in enumerate(LEVELS):
        losses.append(_pinball(actual, answers.lower[:, row], (1 - level / 100) / 2))
        losses.append(_pinball(actual, answers.upper[:, row], (1 + level / 100) / 2))
    pinball = (np.mean(losses, axis=0).mean(axis=1) / scales).mean()
    bias = answers.units.sum() / actual.sum() - 1
    held80, held95 = (100 * _inside(actual, answers, level).mean() for level in (80, 95))
    print(
        f"| {answers.name} | {rmsse:.4f} | {pinball:.4f} | {bias:+.3f} "
        f"| {held80:.1f} | {held95:.1f} |"
    )


def _pinball(actual: Vector, quantile: Vector, probability: float) -> Vector:
    above = actual - quantile
    loss: Vector = np.maximum(probability * above, (probability - 1) * above)
    return loss


if __name__ == "__main__":
    if "--without-calendar" in sys.argv:
        survey.judge_calendar = lambda *_: CalendarFindings()
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    main(wanted or ["m1", "tourism", "retail", "launches"], "--scale" in sys.argv)
