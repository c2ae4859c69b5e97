"""The daily engines by name. A further one is a candidate, and one line here.

>>> open_daily_engine("weekday_naive").name
'weekday_naive'
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from etl.errors import InputError
from etl.settings import Settings
from forecasting.daily.series import DailySeries
from forecasting.forecaster import Forecast

__all__ = ["DAILY_ENGINES", "HORIZON", "DailyEngine", "daily_configuration", "open_daily_engine"]

HORIZON = 7
"""Days that a store's forecast looks ahead."""

_VERSION = 1
"""Counted up when a model of the same name forecasts differently, so that all are trained anew."""

DAILY_ENGINES: dict[str, tuple[str, ...]] = {
    "daily": (),
    "ets": ("ets",),
    "prophet": ("prophet",),
    "theta": ("theta",),
    "tsb": ("tsb",),
    "weekday_naive": ("weekday_naive",),
}
"""The candidates that each engine lets race; all of them where none is named."""


class DailyEngine(Protocol):
    """An engine of daily series, which gives its fitted models as JSON and starts from them."""

    @property
    def name(self) -> str:
        """The name that `--engine` knows it by."""

    def forecast_warm(
        self, batch: Sequence[DailySeries], horizon: int, previous: Sequence[str | None]
    ) -> list[tuple[Forecast, str | None]]:
        """A forecast of `horizon` days for each series, with its model; an earlier one in.

        Where the earlier model saw the very history, it is not fitted again.
        """

    def heavy(self, series: DailySeries) -> bool:
        """Whether fitting the series takes long; those are served after the others."""


def open_daily_engine(name: str) -> DailyEngine:
    """The engine of that name. Raises `InputError` where there is none."""
    if name not in DAILY_ENGINES:
        known = ", ".join(sorted(DAILY_ENGINES))
        raise InputError(f"there is no daily engine {name!r}; choose one of {known}")
    # Imported when it is asked for: what it needs to race takes a while to load.
    module = import_module("forecasting.daily.engine")
    return cast(DailyEngine, module.DailyForecaster(name, DAILY_ENGINES[name]))


def daily_configuration(settings: Settings) -> str:
    """Sixteen hexadecimal digits of what shapes a daily forecast beside its data.

    >>> daily_configuration(Settings()) == daily_configuration(Settings(daily_engine="prophet"))
    False
    """
    content = [_VERSION, settings.daily_engine, HORIZON, _findings_digest()]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


@cache
def _findings_digest() -> str:
    """The hash of the findings that ship with the product."""
    return hashlib.sha256(Path(__file__).with_name("shipped.json").read_bytes()).hexdigest()
