"""What share of months intervals held, by class, and how sure that share is.

Months of one series are missed together, and so are all series of a fleet in one month: standard
errors are given clustered by series, and by series and months both. Beside them stands the share of
months in which nothing was sold, which every interval that zero is in holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from held_out import HeldOut
from numpy.typing import NDArray

from forecasting.routing import route

__all__ = ["Coverage"]

Vector = NDArray[np.float64]

SPARSE = ("intermittent", "lumpy")
"""Classes of which what was taken for ended stands apart."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Whether 80 and 95 % intervals held each month of each series (months of all series, 2).

    Beside each stand the class, whether the series was taken for ended, the series, the month,
    counted from the cutoff of its set, and what was sold in it.
    """

    kinds: NDArray[np.str_]
    ended: NDArray[np.bool_]
    series: NDArray[np.str_]
    months: NDArray[np.str_]
    sold: Vector
    held: Vector

    @classmethod
    def of(
        cls, name: str, held: Sequence[HeldOut], units: Vector, inside: Sequence[Vector]
    ) -> Coverage:
        """That of a set; `inside` (series, months) tells of the 80 and of the 95 % intervals.

        `units` (series, months) are the forecasts: a series of zeros alone was taken for ended.
        """
        count, horizon = units.shape
        kinds = np.array([route(one.series.units).kind for one in held])
        keys = np.array(["|".join(one.series.key) for one in held])
        months = np.array([f"{name} {ahead}" for ahead in range(horizon)])
        return cls(
            np.repeat(kinds, horizon),
            np.repeat(~units.any(axis=1), horizon),
            np.repeat(keys, horizon),
            np.tile(months, count),
            np.concatenate([one.actual for one in held]),
            np.stack([one.ravel() for one in inside], axis=1).astype(float),
        )

    @classmethod
    def together(cls, parts: Sequence[Coverage]) -> Coverage:
        """That of several sets."""
        names = ("kinds", "ended", "series", "months", "sold", "held")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def print(self, title: str) -> None:
        """The share held by class; standard errors by series, and by series and months together."""
        print(f"\n| {title} | series | 80 % held | 95 % held | by months too | sold nothing |")
        print("|---|---|---|---|---|---|")
        self._print_row("all", np.full(len(self.kinds), True))
        for kind in sorted(set(self.kinds)):
            mine = self.kinds == kind
            self._print_row(kind, mine)
            if kind in SPARSE and 0 < self.ended[mine].sum() < mine.sum():
                self._print_row(f"{kind}, taken for ended", mine & self.ended)
                self._print_row(f"{kind}, the others", mine & ~self.ended)

    def _print_row(self, name: str, mine: NDArray[np.bool_]) -> None:
        held, series, months = self.held[mine], self.series[mine], self.months[mine]
        apart = held - held.mean(axis=0)
        by_series, by_month = _clustered(apart, series), _clustered(apart, months)
        # Cameron, Gelbach and Miller (2011): what both count is taken off once.
        both = by_series + by_month - (apart**2).sum(axis=0)
        errors = 100 * np.sqrt(by_series) / len(held)
        wider = 100 * np.sqrt(np.maximum(both, by_series)) / len(held)
        pairs = zip(100 * held.mean(axis=0), errors, strict=True)
        cells = " | ".join(f"{share:.1f} ± {error:.1f}" for share, error in pairs)
        nothing = 100 * (self.sold[mine] == 0).mean()
        both_levels = ", ".join(f"{error:.1f}" for error in wider)
        print(f"| {name} | {len(set(series))} | {cells} | {both_levels} | {nothing:.0f} |")


def _clustered(apart: Vector, cluster: NDArray[np.str_]) -> Vector:
    """Sum of the squared sums of each cluster, by column."""
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.zeros((place.max() + 1, apart.shape[1]))
    np.add.at(sums, place, apart)
    squares: Vector = (sums**2).sum(axis=0)
    return squares
