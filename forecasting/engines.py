"""The engines by name. A further model is one file in `models/` and one line here.

>>> open_engine("seasonal_naive").name
'seasonal_naive'
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from etl.errors import InputError
from etl.settings import Settings
from forecasting.forecaster import Forecaster

__all__ = ["ENGINES", "OPTIONS", "open_engine", "options_of"]

ALONE = ("ets", "theta", "ces", "croston_sba", "tsb", "adida", "imapa")
"""The models of the ensemble's race that also serve by themselves."""

ENGINES = {
    **dict.fromkeys(ALONE, "forecasting.alone:AloneForecaster"),
    "arima": "forecasting.arima.engine:ArimaForecaster",
    "ensemble": "forecasting.ensemble:EnsembleForecaster",
    "pmdarima": "forecasting.models.pmdarima_reference:PmdarimaReference",
    "seasonal_naive": "forecasting.models.seasonal_naive:SeasonalNaive",
}
"""Where each engine is found, `module:class`; nothing is imported before it is asked for."""

OPTIONS: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "pmdarima": lambda settings: {"best_sellers": settings.pmdarima_best_sellers},
}
"""What settings give an engine: a setting that shapes its forecasts has its line here, and none
reaches an engine otherwise. The gate judges engines with their options."""


def open_engine(name: str, **options: Any) -> Forecaster:
    """The engine of that name, made with `options`. Raises `InputError` where there is none."""
    if name not in ENGINES:
        raise InputError(f"there is no engine {name!r}; choose one of {', '.join(sorted(ENGINES))}")
    if name in ALONE:
        options = {"name": name, **options}
    module, _, factory = ENGINES[name].partition(":")
    return cast(Forecaster, getattr(import_module(module), factory)(**options))


def options_of(settings: Settings) -> dict[str, Any]:
    """What the settings give the engine that they name."""
    return OPTIONS[settings.engine](settings) if settings.engine in OPTIONS else {}
