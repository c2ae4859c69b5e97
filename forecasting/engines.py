"""The engines by name. A further model is one file in `models/` and one line here.

>>> open_engine("seasonal_naive").name
'seasonal_naive'
"""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from typing import Any, cast

from etl.errors import InputError
from etl.settings import Settings
from forecasting.forecaster import Forecaster

__all__ = ["ENGINES", "configuration", "configuration_hash", "engine_of", "open_engine"]

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
    return open_engine(settings.engine, **_options(settings))


def configuration(settings: Settings) -> dict[str, Any]:
    """What decides a run's numbers beside its data."""
    return {"engine": settings.engine, "horizon": settings.horizon, **_options(settings)}


def configuration_hash(settings: Settings) -> str:
    """Twelve hexadecimal digits that are the same for the same configuration.

    >>> configuration_hash(Settings(engine="seasonal_naive"))
    '51d6a0d9ccec'
    """
    text = json.dumps(configuration(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _options(settings: Settings) -> dict[str, Any]:
    if settings.engine == "pmdarima":
        return {"best_sellers": settings.pmdarima_best_sellers}
    return {}
