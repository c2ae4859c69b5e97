"""How far a forecast can be trusted, in one of four words, by stated limits.

Two things are measured: the relative width of the 80 % intervals (their sum over the months ahead,
divided by the sum of the forecasts) and, where earlier forecasts were scored, their WAPE, that is
the sum of the misses divided by the sum of the sales.

=========  ==================  =========================
word       width at most       WAPE, if known, at most
=========  ==================  =========================
high       0.8                 0.3
fair       1.6                 0.6
low        anything else       anything else
=========  ==================  =========================

``unknown`` stands where nothing can be measured: fewer than 12 months of history, or a forecast of
zero, which has no relative width.

>>> confidence(width=0.7, months=30, wape=None)
'high'
>>> confidence(width=0.7, months=30, wape=0.45)
'fair'
>>> confidence(width=0.7, months=5, wape=None)
'unknown'
"""

from __future__ import annotations

__all__ = ["CONFIDENCES", "confidence"]

CONFIDENCES = ("high", "fair", "low", "unknown")

_LIMITS = (("high", 0.8, 0.3), ("fair", 1.6, 0.6))
_MONTHS = 12


def confidence(width: float | None, months: int, wape: float | None) -> str:
    """The word for a relative width, months of history, and the WAPE of earlier forecasts."""
    if width is None or months < _MONTHS:
        return "unknown"
    for word, widest, worst in _LIMITS:
        if width <= widest and (wape is None or wape <= worst):
            return word
    return "low"
