"""The report's charts as small SVG: a line with its band, and a trend of a few months.

>>> trend([0.3, 0.25]).startswith("<svg")
True
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

__all__ = ["ledger_chart", "product_chart", "trend"]

_WIDTH, _HEIGHT, _MARGIN = 360, 120, 18


def product_chart(product: dict[str, Any]) -> str:
    """History, what was promised with its 80 % band, and what was sold, of one product."""
    before, ahead = product["units_before"], product["units_forecast_ahead"]
    lower, upper = product["lo80_ahead"], product["hi80_ahead"]
    horizon = product["horizon"]
    highest = max([*before, *upper, product["units_sold"], 1.0])
    last = len(before) + len(ahead) - 1

    def place(index: int, units: float) -> tuple[float, float]:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * index / max(last, 1)
        return x, _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * units / highest

    start = len(before)
    band = [place(start + i, value) for i, value in enumerate(upper)]
    band += [place(start + i, value) for i, value in reversed(list(enumerate(lower)))]
    history = [place(i, value) for i, value in enumerate(before)]
    promised = [*history[-1:], *(place(start + i, value) for i, value in enumerate(ahead))]
    x, y = place(start + horizon - 1, product["units_sold"])
    title = f"{product['product_id']}: sold {product['units_sold']:g}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<polygon class="band" points="{_points(band)}"/>'
        f'<polyline class="history" points="{_points(history)}"/>'
        f'<polyline class="promised" points="{_points(promised)}"/>'
        f'<circle class="sold" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
        f'<text x="{_MARGIN}" y="12">{highest:,.0f}</text>'
        f'<text x="{_MARGIN}" y="{_HEIGHT - 4}">{escape(product["first_month"])}</text>'
        f'<text x="{_WIDTH - _MARGIN}" y="{_HEIGHT - 4}" class="end">'
        f"{escape(product['months_ahead'][-1])}</text></svg>"
    )


def trend(values: Sequence[float | None]) -> str:
    """A line of a few months with its last point marked; gaps where nothing is known."""
    known = [(i, value) for i, value in enumerate(values) if value is not None]
    if not known:
        return ""
    low, high = min(v for _, v in known), max(v for _, v in known)
    span = high - low or 1.0
    points = [(4 + 92 * i / max(len(values) - 1, 1), 24 - 20 * (v - low) / span) for i, v in known]
    x, y = points[-1]
    return (
        '<svg class="trend" viewBox="0 0 100 28" aria-hidden="true">'
        f'<polyline points="{_points(points)}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></svg>'
    )


def ledger_chart(ledger: dict[str, Any]) -> str:
    """A bar of how many series the engine served, a rule, or nobody; with its key."""
    parts = (("served", "forecast"), ("ruled", "fallback"), ("zeroed", "none"))
    words = {"served": "by the engine", "ruled": "by a rule", "zeroed": "zero for a reason"}
    left, bars, keys = 0.0, "", ""
    for style, name in parts:
        width = 360 * ledger[name] / max(ledger["series"], 1)
        bars += f'<rect class="{style}" x="{left:.1f}" y="0" width="{width:.1f}" height="14"/>'
        left += width
        keys += (
            f'<span class="key"><svg viewBox="0 0 10 10"><rect class="{style}" width="10" '
            f'height="10"/></svg></span> {words[style]} &nbsp; '
        )
    return (
        f'<figure><svg viewBox="0 0 360 14" preserveAspectRatio="none" aria-hidden="true">{bars}'
        f'</svg><figcaption class="soft">{keys}</figcaption></figure>'
    )


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
