"""What a refresh will take, from what earlier ones took.

Kept for each configuration: seconds until a refresh trains (pulling and building), and seconds for
each product, as running means over about the last thousand products.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from api.store.protocol import ForecastStore

__all__ = ["Cost", "note_cost", "read_cost"]

_KIND = "refresh_cost"
_NOBODY = ("", "", "")
_SERIES_REMEMBERED = 1000
_REFRESHES_REMEMBERED = 20


@dataclass(frozen=True)
class Cost:
    """Mean seconds before training, and per product; of so many refreshes and products.

    >>> once = Cost().with_refresh(before=1.0, seconds=20.0, series=100)
    >>> once.seconds_for(200)
    41.0
    """

    before: float = 0.0
    per_series: float = 0.0
    refreshes: int = 0
    series: int = 0

    def seconds_for(self, series: int) -> float | None:
        """Seconds that so many products will take; None where nothing was measured."""
        return self.before + series * self.per_series if self.series else None

    def with_refresh(self, before: float, seconds: float, series: int) -> Cost:
        """The cost after another refresh, which trained so many products in so many seconds."""
        refreshes = min(self.refreshes + 1, _REFRESHES_REMEMBERED)
        known = min(self.series, _SERIES_REMEMBERED)
        return Cost(
            self.before + (before - self.before) / refreshes,
            (self.per_series * known + seconds) / (known + series),
            refreshes,
            known + series,
        )


def read_cost(store: ForecastStore, configuration: str) -> Cost:
    """What refreshes under that configuration took so far."""
    found = store.record(_KIND, configuration)
    return Cost(**found) if found else Cost()


def note_cost(
    store: ForecastStore, configuration: str, before: float, seconds: float, series: int
) -> None:
    """Remember what a refresh took that trained; two at once may forget one of them."""
    if series:
        cost = read_cost(store, configuration).with_refresh(before, seconds, series)
        store.put_record(_KIND, configuration, asdict(cost), _NOBODY)
