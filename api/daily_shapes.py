"""The JSON of the next seven days and of refreshes, as the OpenAPI description shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.shapes import Reason

__all__ = [
    "AskedRefresh",
    "DailyForecast",
    "DailyPage",
    "NewRefresh",
    "NewStoreRefresh",
    "Refresh",
]

ProductId = Annotated[str, Field(min_length=1, max_length=200)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RecentDays(_Shape):
    """The last four weeks of a product, a day each, without gaps."""

    first_day: str = Field(examples=["2026-10-08"])
    units: list[float]
    states: list[Literal["on_sale", "shelf_empty", "closed", "unknown"]] = Field(
        description="Whether it could be bought that day; unknown: the day was never pulled"
    )


class DailyForecast(_Shape):
    """The next seven days of one product in one store; vectors run along `days`."""

    merchant_id: str = Field(examples=["M1"])
    store_id: str = Field(examples=["S1"])
    product_id: str = Field(examples=["MUG-GREEN"])
    name: str = Field(examples=["Green mug"])
    category: str = Field(examples=["kitchen"])
    data_until: str = Field(description="Last day of sales that it knows", examples=["2026-11-04"])
    trained_at: str = Field(examples=["2026-11-05T08:12:44+00:00"])
    model: str = Field(examples=["prophet"])
    reason: Reason | None = Field(description="Why another model served, or what it had to say")
    days: list[str] = Field(examples=[["2026-11-05", "2026-11-06"]])
    units_forecast: list[float]
    lo50: list[float]
    hi50: list[float]
    lo80: list[float]
    hi80: list[float]
    lo95: list[float]
    hi95: list[float]
    recent: RecentDays
    fresh: bool = Field(
        description="Whether it knows every day that is over in the store, by the store's own time"
    )


class DailyTotals(_Shape):
    """Sums over a store's products, or over those of the categories asked for."""

    products: int = Field(description="Products with a daily forecast")
    days: list[str]
    units_forecast: list[float]
    products_per_day: list[int] = Field(
        description="How many products are in the sum of each day; fewer on the last day while a "
        "refresh is under way"
    )
    recent_days: list[str] = Field(description="The last four weeks")
    recent_units: list[float]


class DailyPage(_Shape):
    """The next seven days of a store; `next` is the cursor of the page after it, null at the end.

    Before the first daily forecast `products` is empty and the times are null.
    """

    merchant_id: str = Field(examples=["M1"])
    store_id: str = Field(examples=["S1"])
    today: str = Field(description="The day in the store's time zone", examples=["2026-11-05"])
    data_until: str | None = Field(description="Last day of sales that every product knows")
    trained_at: str | None = Field(description="When the oldest of the models was trained")
    fresh: bool = Field(description="Whether every product's forecast is fresh")
    refresh_id: str | None = Field(description="The refresh of the store that is under way")
    totals: DailyTotals
    products: list[DailyForecast]
    next: str | None


class NewStoreRefresh(_Shape):
    """Which part of the store to forecast anew: all of it, some products, or a category."""

    products: list[ProductId] | None = Field(default=None, min_length=1, max_length=200)
    category: str | None = Field(default=None, min_length=1, max_length=200)


class NewRefresh(_Shape):
    """Which stores to forecast anew: those of a region, or those named."""

    region: str | None = Field(default=None, min_length=1, max_length=200)
    stores: list[ProductId] | None = Field(default=None, min_length=1, max_length=200)


class RefreshScope(_Shape):
    """What a refresh is about."""

    merchant_id: str = Field(examples=["M1"])
    stores: list[str] = Field(examples=[["S1"]])
    region: str | None = None
    category: str | None = None
    products: list[str] | None = None


class Refresh(_Shape):
    """A refresh: how far it is, and how it ended."""

    id: str | None = Field(
        description="Null where what is served was not made by a refresh that is still kept",
        examples=["5f2c7e01a3b4c6d8-0"],
    )
    state: Literal["queued", "pulling", "training", "done", "failed"]
    scope: RefreshScope
    done: int = Field(description="Products whose new forecast can be read", examples=[120])
    of: int | None = Field(description="Products to forecast; null before that is known")
    trained: int = Field(description="Products whose model had to be trained", examples=[118])
    estimate_seconds: float | None = Field(
        description="Seconds until it ends, by what earlier ones took; null where none was measured"
    )
    requested_at: str | None = Field(examples=["2026-11-05T08:12:31+00:00"])
    started_at: str | None
    finished_at: str | None
    data_until: str | None = Field(examples=["2026-11-04"])
    reason: Reason | None = Field(
        description="A code for `message`: nothing_changed, source_unreachable, source_denied, "
        "backfill_needed, no_daily_sales, store_unknown, worker_lost, failed"
    )
    message: str = Field(examples=["The sales up to 2026-11-04 are in it."])


class AskedRefresh(Refresh):
    """A refresh as answered to who asked for it."""

    outcome: Literal["started", "joined", "present"] = Field(
        description="started: a new one; joined: one that was under way already; present: nothing "
        "has changed since the forecasts that are there"
    )
