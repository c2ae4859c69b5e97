"""How often to difference: d by the KPSS test, D by the strength of the season.

d is how often the KPSS test (Kwiatkowski et al. 1992; lags 3√n/13) rejects level stationarity at
5 %, at most twice, as in `forecast::auto.arima`. The strength of the season is the share of the
variance that an STL decomposition (Cleveland et al. 1990; seasonal window 11 of degree 0, as
`forecast::mstl` has it) explains beside the trend (Wang, Smith and Hyndman 2006). auto.arima takes
a seasonal difference where it is above 0.64; here it says how much models with one count, from
nothing at 0.5 to everything at 0.95, because forecasts averaged over both were measured the better
(docs/decisions/arima-averaging.md).
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import Floats, kernel

__all__ = [
    "difference",
    "kpss_statistic",
    "ordinary_differences",
    "seasonal_share",
    "seasonal_strength",
]

_WEAK_SEASON, _STRONG_SEASON = 0.5, 0.95
KPSS_CRITICAL = 0.463
_SEASONAL_WINDOW = 11
_STL_ROUNDS = 5


@kernel
def difference(y: Floats, lag: int, times: int) -> Floats:
    """`y` less itself `lag` months before, `times` over; shorter by lag × times."""
    for _ in range(times):
        y = y[lag:] - y[: y.size - lag]
    return y.copy()


@kernel
def _is_constant(y: Floats) -> bool:
    return y.size == 0 or bool(np.all(y == y[0]))


@kernel
def kpss_statistic(y: Floats) -> float:
    """The KPSS statistic of stationarity about a level."""
    n = y.size
    lags = math.floor(3.0 * math.sqrt(n) / 13.0)
    left = y - np.mean(y)
    total = 0.0
    squares = 0.0
    for t in range(n):
        total += left[t]
        squares += total * total
    spread = np.dot(left, left)
    for lag in range(1, lags + 1):
        spread += 2.0 * np.dot(left[lag:], left[: n - lag]) * (1.0 - lag / (lags + 1.0))
    return float(squares / (n * spread))


@kernel
def _local_fit(
    y: Floats, n: int, window: int, degree: int, at: int, left: int, right: int
) -> float:
    """Loess of `y` (months 1…n) at month `at` from months left…right."""
    reach = max(at - left, right - at)
    if window > n:
        reach += (window - n) // 2
    weights = np.zeros(right - left + 1)
    for j in range(left, right + 1):
        distance = abs(j - at)
        if distance <= 0.999 * reach:
            near = distance <= 0.001 * reach
            weights[j - left] = 1.0 if near else (1.0 - (distance / reach) ** 3) ** 3
    weights /= np.sum(weights)
    if degree > 0 and reach > 0:
        mean = 0.0
        for j in range(left, right + 1):
            mean += weights[j - left] * j
        spread = 0.0
        for j in range(left, right + 1):
            spread += weights[j - left] * (j - mean) ** 2
        if math.sqrt(spread) > 0.001 * (n - 1):
            slope = (at - mean) / spread
            for j in range(left, right + 1):
                weights[j - left] *= slope * (j - mean) + 1.0
    return float(np.dot(weights, y[left - 1 : right]))


@kernel
def _loess(y: Floats, window: int, degree: int) -> Floats:
    """Loess of `y` at each of its months from the nearest `window` months."""
    n = y.size
    smooth = np.empty(n)
    if n < 2:
        smooth[:] = y
        return smooth
    half = (window + 1) // 2
    if window >= n:
        for i in range(1, n + 1):
            smooth[i - 1] = _local_fit(y, n, window, degree, i, 1, n)
        return smooth
    for i in range(1, half + 1):
        smooth[i - 1] = _local_fit(y, n, window, degree, i, 1, window)
    last = n - window + half
    middle = _tricube(window)
    for i in range(half, last + 1):
        smooth[i - 1] = np.dot(middle, y[i - half : i - half + window])
    for i in range(last + 1, n + 1):
        smooth[i - 1] = _local_fit(y, n, window, degree, i, n - window + 1, n)
    return smooth


@kernel
def _tricube(window: int) -> Floats:
    """Weights of a month amid its window, where the local line has no part in the fit."""
    half = (window + 1) // 2
    weights = np.zeros(window)
    for j in range(window):
        distance = abs(j + 1 - half)
        if distance <= 0.999 * (half - 1):
            weights[j] = (1.0 - (distance / (half - 1.0)) ** 3) ** 3
    return weights / np.sum(weights)


@kernel
def _moving_average(y: Floats, width: int) -> Floats:
    means = np.empty(y.size - width + 1)
    total = np.sum(y[:width])
    means[0] = total / width
    for i in range(1, means.size):
        total += y[i + width - 1] - y[i - 1]
        means[i] = total / width
    return means


@kernel
def _cycle(y: Floats, season: int) -> Floats:
    """Each calendar month smoothed over the years and extended by a year at either end."""
    n = y.size
    cycle = np.empty(n + 2 * season)
    for j in range(season):
        years = y[j::season].copy()
        k = years.size
        cycle[season + j : season + n : season] = _loess(years, _SEASONAL_WINDOW, 0)
        window = min(_SEASONAL_WINDOW, k)
        cycle[j] = _local_fit(years, k, _SEASONAL_WINDOW, 0, 0, 1, window)
        cycle[j + season * (k + 1)] = _local_fit(
            years, k, _SEASONAL_WINDOW, 0, k + 1, k - window + 1, k
        )
    return cycle


@kernel
def seasonal_strength(y: Floats, season: int) -> float:
    """Share of the detrended variance that the season of an STL decomposition explains, 0 to 1.

    `y` needs two seasons at least.
    """
    n = y.size
    trend_window = math.ceil(1.5 * season / (1.0 - 1.5 / _SEASONAL_WINDOW))
    trend_window += 1 - trend_window % 2
    low_pass = season + 1 + season % 2
    trend = np.zeros(n)
    seasonal = np.zeros(n)
    for _ in range(_STL_ROUNDS):
        cycle = _cycle(y - trend, season)
        level = _moving_average(_moving_average(_moving_average(cycle, season), season), 3)
        seasonal = cycle[season : season + n] - _loess(level, low_pass, 1)
        trend = _loess(y - seasonal, trend_window, 1)
    rest = y - trend - seasonal
    spread = np.var(y - trend)
    if not spread > 0.0:
        return 0.0
    return max(0.0, min(1.0, 1.0 - float(np.var(rest) / spread)))


@kernel
def seasonal_share(y: Floats, season: int) -> float:
    """Weight, 0 to 1, of models that difference `y` (n,) over the season; 0 up to two seasons."""
    if y.size <= 2 * season or _is_constant(y):
        return 0.0
    share = (seasonal_strength(y, season) - _WEAK_SEASON) / (_STRONG_SEASON - _WEAK_SEASON)
    return max(0.0, min(1.0, share))


@kernel
def ordinary_differences(y: Floats) -> int:
    """How often `y` (n,), n ≥ 1, is differenced from month to month: 0, 1 or 2."""
    for times in range(2):
        if y.size < 3 or _is_constant(y) or not kpss_statistic(y) > KPSS_CRITICAL:
            return times
        y = difference(y, 1, 1)
    return 2
