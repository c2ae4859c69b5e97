"""A fitted ARIMA model as a small value: weighted fits, each an order with its parameters.

A model holds no data. It forecasts from the history it is handed, says by a hash which history it
was estimated on, and is kept as JSON of at most 1 kB.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etl.errors import InputError
from forecasting.arima.blend import Path, blend
from forecasting.arima.history import mean_and_spread, read_history
from forecasting.arima.project import project
from forecasting.forecaster import SEASON, Forecast

if TYPE_CHECKING:
    from pmdarima import ARIMA

__all__ = ["MAX_JSON", "ArimaFit", "ArimaModel", "hash_of"]

MAX_JSON = 1000
"""Bytes that the JSON of a model takes at most."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class ArimaFit:
    """One model of a series, or of its logarithm.

    `parameters` are `φ1…φp, θ1…θq, Φ1…ΦP, Θ1…ΘQ` and, with `constant`, the mean of the differenced
    series, in the signs of statsmodels. `sigma2` is the variance of the innovations.
    """

    order: tuple[int, int, int]
    seasonal_order: tuple[int, int, int]
    constant: bool
    log: bool
    parameters: tuple[float, ...]
    sigma2: float
    weight: float

    @property
    def polynomials(self) -> NDArray[np.int64]:
        """The order as the compiled kernels take it: p, q, P, Q, constant, season."""
        (p, _, q), (seasonal_p, _, seasonal_q) = self.order, self.seasonal_order
        return np.array([p, q, seasonal_p, seasonal_q, int(self.constant), SEASON])

    def path(self, units: Vector, horizon: int) -> Path:
        """Mean and standard deviation of the next `horizon` months, on the fit's own scale."""
        mean, variance, _ = project(
            np.log(units) if self.log else units,
            self.polynomials,
            self.order[1],
            self.seasonal_order[1],
            np.array(self.parameters, dtype=np.float64),
            horizon,
        )
        return Path(mean, np.sqrt(variance * self.sigma2), self.weight, self.log)


@dataclass(frozen=True)
class ArimaModel:
    """What was learnt from one series: its fits, whose weights add up to 1, or a plain rule.

    `rule` is empty, or `zero` or `mean` where no fit serves; `reason` then says why. `months` and
    `data_hash` tell the history it was estimated on.
    """

    fits: tuple[ArimaFit, ...]
    months: int
    data_hash: str
    rule: str = ""
    reason: str = ""

    def saw(self, units: Vector) -> bool:
        """True where `units` are the very history that the model was estimated on."""
        return len(units) == self.months and hash_of(units) == self.data_hash

    def forecast(self, units: Vector, horizon: int) -> Forecast:
        """The next `horizon` months of the history `units`, never negative, always finite."""
        reading = read_history(units)
        rule, reason = reading.rule or self.rule, reading.reason or self.reason
        if rule:
            level, deviation = mean_and_spread(rule, reading.units)
            path = Path(np.full(horizon, level), np.full(horizon, deviation))
            return blend([path], reading.units, rule, reason)
        paths = [
            fit.path(reading.units, horizon)
            for fit in self.fits
            if not fit.log or reading.units.min() > 0
        ]
        return blend(paths, reading.units, "arima", reason)

    def to_json(self) -> str:
        """The model as JSON of at most 1 kB; `from_json` gives it back exactly."""
        fits = [
            [
                *(*fit.order, *fit.seasonal_order, int(fit.constant), int(fit.log)),
                *([*fit.parameters], fit.sigma2, fit.weight),
            ]
            for fit in self.fits
        ]
        value: dict[str, Any] = {"months": self.months, "hash": self.data_hash, "fits": fits}
        if self.rule:
            value["rule"] = self.rule
        if self.reason:
            value["reason"] = self.reason
        return json.dumps(value, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ArimaModel:
        """The model that `to_json` wrote; `InputError` where the text is something else."""
        try:
            value = json.loads(text)
            fits = tuple(_fit_from(row) for row in value["fits"])
            return cls(
                fits,
                int(value["months"]),
                str(value["hash"]),
                str(value.get("rule", "")),
                str(value.get("reason", "")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"not the JSON of an ARIMA model ({error}): {text[:80]!r}; fit the series again"
            ) from error

    def to_pmdarima(self, units: Vector) -> list[ARIMA]:
        """The `pmdarima.ARIMA` of each fit, in order, which predicts what the fit does.

        `units` is the history to predict from. The object of a fit with `log` is a model of
        log units.
        """
        from forecasting.arima.reference import as_pmdarima  # noqa: PLC0415 (seconds to import)

        history = read_history(units).units
        return [as_pmdarima(fit, history) for fit in self.fits]


def hash_of(units: Vector) -> str:
    """Sixteen hexadecimal digits that name exactly these numbers."""
    return hashlib.sha256(np.ascontiguousarray(units, dtype=np.float64).tobytes()).hexdigest()[:16]


def _fit_from(row: list[Any]) -> ArimaFit:
    p, d, q, seasonal_p, seasonal_d, seasonal_q, constant, log, parameters, sigma2, weight = row
    return ArimaFit(
        (int(p), int(d), int(q)),
        (int(seasonal_p), int(seasonal_d), int(seasonal_q)),
        bool(constant),
        bool(log),
        tuple(float(value) for value in parameters),
        float(sigma2),
        float(weight),
    )
