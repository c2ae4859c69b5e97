"""The next seven days of a store: from stored models where they are fresh, else trained.

Small batches come as they are ready: first what needs no training, then what is quickly trained,
then the series that deserve the costly models.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from threadpoolctl import threadpool_limits

from etl.daily import DailyManifest
from etl.lake import Lake
from etl.settings import Settings
from forecasting.daily.engines import HORIZON, daily_configuration, open_daily_engine
from forecasting.daily.guard import DailyGuard
from forecasting.daily.month import MonthForecast, agreed, month_forecasts, open_month
from forecasting.daily.series import DailySeries, data_hash, read_series
from forecasting.daily.store import DailyModel, DailyModels
from forecasting.fleet import Work, cores, forecast_fleet
from forecasting.forecaster import Forecast, Vector

__all__ = ["RECENT_DAYS", "DailyForecast", "forecast_daily"]

RECENT_DAYS = 28
"""Days of the history that stand beside a forecast."""

FEW = 4
"""Series that are trained in this process first, while others would only start."""

_Stored = tuple[DailySeries, DailyModel | None]
"""A series with what is kept of it, fresh or not."""

_BATCH = 25
_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class DailyForecast:
    """The next days of one series.

    `units` has shape (7,); `lower` and `upper` (3, 7), a row for each of `LEVELS`. `recent` are
    the last 28 days: date, units, state as in DAILY_SERIES. `trained` says whether the model had
    to be fitted now, `trained_at` when it was.
    """

    merchant_id: str
    store_id: str
    product_id: str
    category: str
    cutoff_date: date
    dates: tuple[date, ...]
    units: Vector
    lower: Vector
    upper: Vector
    recent: tuple[tuple[date, float, int], ...]
    model: str
    reason: str
    trained_at: datetime | None
    trained: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Merchant, store and product."""
        return self.merchant_id, self.store_id, self.product_id


def forecast_daily(
    lake: Lake,
    manifest: DailyManifest,
    settings: Settings,
    product_ids: Collection[str] | None = None,
    trained_at: datetime | None = None,
) -> Generator[list[DailyForecast], None, None]:
    """Forecasts of the store's products, or of `product_ids`, in batches as they are ready.

    A series whose stored model saw the same history under the same configuration is not trained;
    others are, over `settings.jobs` processes, and their models kept with `trained_at`.
    """
    configuration = daily_configuration(settings)
    everything = read_series(lake, manifest, product_ids)
    models = DailyModels(lake)
    stored = models.load(everything)
    known = [
        (series, model)
        for series, model in zip(everything, stored, strict=True)
        if model is not None and model.fits(series, configuration)
    ]
    fresh = {series.key for series, _ in known}
    stale = [pair for pair in zip(everything, stored, strict=True) if pair[0].key not in fresh]
    engine = open_daily_engine(settings.daily_engine)
    stale.sort(key=lambda pair: engine.heavy(pair[0]))
    guard, promised = DailyGuard(engine), _promised(lake, manifest)

    def trained(pairs: Sequence[_Stored], jobs: int) -> Iterator[_Answered]:
        return _trained(models, pairs, guard, configuration, jobs, trained_at)

    parts = (
        _from_stored(known, guard),
        trained(stale[:FEW], 1),
        trained(stale[FEW:], cores(settings.jobs)),
    )
    for answered in parts:
        yield from _batches(_told(answered, promised))


def _promised(lake: Lake, manifest: DailyManifest) -> Mapping[str, MonthForecast]:
    """What the open month was promised to sell, by product."""
    month = open_month(manifest.data_until)
    return month_forecasts(lake, manifest.merchant_id, manifest.store_id, month)


@dataclass(frozen=True, eq=False)
class _Answered:
    """One series with its forecast, and whether and when its model was fitted."""

    series: DailySeries
    forecast: Forecast
    trained_at: datetime | None
    trained: bool


def _told(
    answered: Iterator[_Answered], promised: Mapping[str, MonthForecast]
) -> Iterator[DailyForecast]:
    """Each answer beside what the month was promised."""
    for one in answered:
        forecast = agreed(one.forecast, one.series, promised.get(one.series.product_id))
        yield _daily_forecast(one.series, forecast, one.trained_at, trained=one.trained)


def _from_stored(
    known: Sequence[tuple[DailySeries, DailyModel]], guard: DailyGuard
) -> Iterator[_Answered]:
    # Threads of linear algebra cost more than they save on models of this size.
    with threadpool_limits(1):
        for series, model in known:
            (answer,) = guard.answers([series], HORIZON, [model.model])
            yield _Answered(series, answer.forecast, model.trained_at, False)


def _trained(
    models: DailyModels,
    stale: Sequence[_Stored],
    guard: DailyGuard,
    configuration: str,
    jobs: int,
    trained_at: datetime | None,
) -> Iterator[_Answered]:
    works = [Work(series, _usable(model, configuration)) for series, model in stale]
    for done in forecast_fleet(works, guard, HORIZON, jobs):
        if done.model is not None:
            digest = data_hash(done.series)
            models.save(done.series, DailyModel(done.model, digest, configuration, trained_at))
        yield _Answered(done.series, done.forecast, trained_at, True)


def _usable(model: DailyModel | None, configuration: str) -> str | None:
    """The earlier model to start from, if it is of the same configuration."""
    return model.model if model is not None and model.configuration == configuration else None


def _daily_forecast(
    series: DailySeries, forecast: Forecast, trained_at: datetime | None, *, trained: bool
) -> DailyForecast:
    recent = min(RECENT_DAYS, series.days)
    first = series.cutoff_date - timedelta(days=recent - 1)
    return DailyForecast(
        *series.key,
        series.category,
        series.cutoff_date,
        tuple(series.dates_ahead(HORIZON)),
        forecast.units,
        forecast.lower,
        forecast.upper,
        tuple(
            (first + timedelta(days=n), float(units), int(state))
            for n, (units, state) in enumerate(
                zip(series.units[-recent:], series.state[-recent:], strict=True)
            )
        ),
        forecast.model,
        forecast.reason,
        trained_at,
        trained,
    )


def _batches(answered: Iterator[DailyForecast]) -> Iterator[list[DailyForecast]]:
    """Some at a time, none kept back for more than about a second."""
    batch: list[DailyForecast] = []
    since = time.monotonic()
    for forecast in answered:
        batch.append(forecast)
        if len(batch) == _BATCH or time.monotonic() - since > _SECONDS:
            yield batch
            batch, since = [], time.monotonic()
    if batch:
        yield batch
