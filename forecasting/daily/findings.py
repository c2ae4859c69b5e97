"""What was learnt from many daily series, and ships with the product.

By kind of series: how the candidates usually rank, and how far forecasts usually miss. Both were
measured by `tests/bench/shipped_daily.py` on weeks before those that the benchmark looks at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.daily.intervals import DailyCalibration
from forecasting.daily.series import WEEK, DailySeries
from forecasting.forecaster import Vector

__all__ = ["DailyFindings", "in_sample_scale", "scale_of"]

_SHIPPED = Path(__file__).with_name("shipped.json")

SCALE_DAYS = 182
HELD_DAYS = 28.0
"""Held-out days at which a series' own misses count as much as its in-sample scale."""

LEAST_SCALE, LEAST_SHARE = 1e-9, 0.02
"""Units, and share of the mean day, below which no scale is believed."""


@dataclass(frozen=True)
class DailyFindings:
    """By kind: the candidates' usual relative errors (logarithms), and the calibration."""

    ranking: Mapping[str, Mapping[str, float]]
    calibration: Mapping[str, DailyCalibration]

    @classmethod
    @cache
    def shipped(cls) -> DailyFindings:
        """The findings that ship with the product."""
        return cls.from_json(json.loads(_SHIPPED.read_text()))

    def to_json(self) -> dict[str, Any]:
        """The findings as JSON."""
        calibration = {kind: one.to_json() for kind, one in self.calibration.items()}
        return {"ranking": self.ranking, "calibration": calibration}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DailyFindings:
        """The findings that `to_json` wrote."""
        told = {kind: DailyCalibration.from_json(one) for kind, one in value["calibration"].items()}
        return cls(value["ranking"], told)


def in_sample_scale(series: DailySeries) -> float:
    """How much a history moves: mean absolute difference from week to week over half a year."""
    told = series.on_sale[-SCALE_DAYS:]
    units = series.units[-SCALE_DAYS:]
    both = told[WEEK:] & told[:-WEEK]
    moves = np.abs(units[WEEK:] - units[:-WEEK])[both]
    known: Vector = units[told]
    usual = float(moves.mean()) if len(moves) else float(known.mean()) if len(known) else 0.0
    return max(usual, LEAST_SHARE * float(series.units.mean()), LEAST_SCALE)


def scale_of(in_sample: float, missed: float, days: float) -> float:
    """The scale of a series: its mean held-out miss, drawn toward its in-sample scale."""
    drawn = HELD_DAYS * np.log(max(in_sample, LEAST_SCALE))
    drawn += days * np.log(max(missed, 0.05 * in_sample, LEAST_SCALE))
    return float(np.exp(drawn / (HELD_DAYS + days)))
