"""The engines by name. A further model is one file in `models/` and one line here.

>>> open_engine("seasonal_naive").name
'seasonal_naive'
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from etl.errors import InputError
from etl.settings import Settings
from forecasting.forecaster import Forecaster

__all__ = [
    "ENGINES",
    "OPTIONS",
    "configuration",
    "configuration_hash",
    "engine_of",
    "hash_of",
    "open_engine",
    "options_of",
]

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


def engine_of(settings: Settings) -> Forecaster:
    """The engine that the monthly run uses, as the settings have it."""
    return open_engine(settings.engine, **options_of(settings))


def options_of(settings: Settings) -> dict[str, Any]:
    """What the settings give the engine that they name."""
    return OPTIONS[settings.engine](settings) if settings.engine in OPTIONS else {}


def configuration(settings: Settings) -> dict[str, Any]:
    """What decides a run's numbers beside its data."""
    return {"engine": settings.engine, "horizon": settings.horizon, **options_of(settings)}


def configuration_hash(settings: Settings) -> str:
    """Twelve hexadecimal digits that are the same for the same configuration.

    >>> configuration_hash(Settings(engine="seasonal_naive"))
    '51d6a0d9ccec'
    """
    return hash_of(configuration(settings))


def hash_of(told: Mapping[str, Any]) -> str:
    """The hash of a configuration that `configuration` told."""
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
