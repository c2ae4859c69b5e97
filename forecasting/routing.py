"""Which models may race for a series: by its length and its Syntetos-Boylan class.

>>> route(np.array([5.0, 6, 4, 5, 6, 5, 4, 6, 5, 5, 6, 4])).kind
'smooth'
>>> route(np.array([0.0, 0, 4, 0, 0, 4, 0, 0, 0, 4, 0, 0])).text
'class=intermittent length=short'
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.forecaster import SEASON, Vector

__all__ = ["KINDS", "LENGTHS", "Route", "route"]

KINDS = ("smooth", "erratic", "intermittent", "lumpy")
"""Syntetos, Boylan and Croston (2005): by how often, and how unevenly, a product sells."""

LENGTHS = ("new", "short", "long")

LONGEST_GAP = 1.32
"""Mean months between selling months above which a series is intermittent or lumpy."""

MOST_VARIATION = 0.49
"""Squared coefficient of variation of selling months above which it is erratic or lumpy."""

NEW_MONTHS = 7
SHORT_MONTHS = 3 * SEASON


@dataclass(frozen=True)
class Route:
    """The kind and length of a series, which decide who races."""

    kind: str
    length: str

    @property
    def text(self) -> str:
        """As the `reason` of a forecast has it."""
        return f"class={self.kind} length={self.length}"

    @property
    def sparse(self) -> bool:
        """Whether months without a sale are usual."""
        return self.kind in ("intermittent", "lumpy")


def route(units: Vector) -> Route:
    """The route of a history: new below seven months, long from three years."""
    months = len(units)
    length = "new" if months < NEW_MONTHS else "short" if months < SHORT_MONTHS else "long"
    return Route(_kind(units), length)


def _kind(units: Vector) -> str:
    selling = units[units > 0]
    if len(selling) < 2:
        return "intermittent"
    sparse = np.size(units) / len(selling) > LONGEST_GAP
    uneven = (selling.std() / selling.mean()) ** 2 > MOST_VARIATION
    return KINDS[2 * sparse + uneven]
