"""Who lends to a new product: groups of earlier launches, the nearest first, and their names.

Groups never hold the launches of two merchants.

>>> groups("M1", "S1", "toys")
('M1|S1|toys', 'M1|S1', 'M1')
>>> donor_text("M1|S1|toys", 41, None), donor_text("=M1", 20, "S2")
('donor=S1|toys launches=41', 'donor=merchant launches=20 sold_in=S2')
"""

from __future__ import annotations

from forecasting.forecaster import Series

__all__ = ["FEWEST_LAUNCHES", "KNOWN", "NO_DONOR", "donor_text", "groups", "nearest"]

FEWEST_LAUNCHES = 15
"""Earlier launches from which they are donors."""

KNOWN = "="
"""Before a group's name: launches of products that another store already sold."""

NO_DONOR = "donor=none launches=0"
"""As the `reason` has it where there are too few launches."""


def groups(merchant: str, store: str, category: str) -> tuple[str, str, str]:
    """The launches of its store and category, of its store, of the merchant."""
    return f"{merchant}|{store}|{category}", f"{merchant}|{store}", merchant


def nearest(series: Series, sold_in: str | None) -> list[str]:
    """The groups that may lend to a series, nearest first.

    Launches of products that another store already sold come first where it is one of them.
    """
    near = groups(*series.key[:2], series.category)
    return [*(KNOWN + name for name in near if sold_in), *near]


def donor_text(group: str, launches: int, sold_in: str | None) -> str:
    """The donor as the `reason` of a forecast names it, without its merchant."""
    name = group.partition("|")[2] or "merchant"
    first = f" sold_in={sold_in}" if group.startswith(KNOWN) else ""
    return f"donor={name} launches={launches}{first}"
