"""The JSON of the API, as its OpenAPI description shows it.

Published documents are rendered once and sent as bytes; these models describe them, and a test
holds documents and models together.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Accuracy",
    "Adjustment",
    "AdjustmentList",
    "Change",
    "CurrentRun",
    "Feedback",
    "FeedbackList",
    "Forecast",
    "ForecastPage",
    "Health",
    "MerchantList",
    "NewAdjustment",
    "NewFeedback",
    "Problem",
    "ProductLine",
    "ProductPage",
    "PublishedRun",
    "ReportList",
    "RunList",
    "Session",
    "SignIn",
    "Store",
    "StoreList",
    "Totals",
    "Trail",
]

Confidence = Literal["high", "fair", "low", "unknown"]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Shape):
    """What every error looks like (RFC 9457)."""

    type: str = Field(examples=["urn:storecast:problem:not-found"])
    title: str = Field(examples=["There is no such thing here"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no store 'S9'; GET /v1/stores lists yours"])
    instance: str = Field(examples=["urn:storecast:request:9f2c1e77a0b14c55"])


class Reason(_Shape):
    """A reason code with its parameters."""

    code: str = Field(examples=["short_history"])
    parameters: dict[str, Any] = Field(examples=[{"months": "4"}])


class Attention(Reason):
    """Why to look at a product, and the money at stake (units, where no price is known)."""

    money_at_stake: float


class Store(_Shape):
    """One store."""

    merchant_id: str = Field(examples=["M1"])
    store_id: str = Field(examples=["S1"])
    name: str = Field(examples=["Centro"])
    region: str = Field(examples=["AMBA"])
    country: str = Field(examples=["AR"])
    time_zone: str = Field(examples=["America/Argentina/Buenos_Aires"])
    currency: str = Field(examples=["ARS"])
    opening_hour: int = Field(examples=[9])
    series: int = Field(description="Products that the run forecasts", examples=[120])


class StoreList(_Shape):
    """The caller's stores."""

    run_id: str = Field(examples=["2026-10.1"])
    stores: list[Store]


class MerchantList(_Shape):
    """Every merchant of the platform."""

    merchants: list[str] = Field(examples=[["M1", "M2"]])


class _Product(_Shape):
    merchant_id: str = Field(examples=["M1"])
    store_id: str = Field(examples=["S1"])
    product_id: str = Field(examples=["MUG-GREEN"])
    name: str = Field(examples=["Green mug"])
    category: str = Field(examples=["kitchen"])
    currency: str = Field(examples=["ARS"])
    model: str = Field(examples=["arima"])
    reason: Reason | None = Field(description="Why another model served, or what it had to say")
    confidence: Confidence
    active: bool = Field(description="Sold or listed within the last 12 months")
    stock_on_hand: int | None
    horizon_units: float = Field(description="Units forecast, all months together")
    horizon_money: float | None = Field(description="The same as money, at the mean net price")
    units_last_year: float | None = Field(description="Units of the last 12 months")
    change_on_last_year: float | None = Field(description="Forecast of 12 months over those, − 1")
    attention: Attention | None


class ProductLine(_Product):
    """One product in a list."""

    next_month: str = Field(examples=["2026-11-01"])
    next_units_forecast: float
    next_lo80: float
    next_hi80: float
    recent_units: list[float] = Field(description="Units of the last 12 months")
    units_forecast: list[float] = Field(description="Units of the months ahead")


class ProductPage(_Shape):
    """A page of products; `next` is the cursor of the page after it, null at the end."""

    run_id: str
    products: list[ProductLine]
    next: str | None


class History(_Shape):
    """Monthly units, from `first_month` on without gaps."""

    first_month: str = Field(examples=["2023-11-01"])
    units_sold: list[float]


class EmptyShelf(_Shape):
    """A month in which the product could not be bought on some days."""

    month: str = Field(examples=["2026-05-01"])
    days: int


class CorrectedMonth(_Shape):
    """A month that the models took otherwise than it was sold."""

    month: str = Field(examples=["2026-05-01"])
    units_corrected: float = Field(description="What they took for the month's demand")
    cause: Literal["empty_shelf", "bulk_order"] = Field(
        description="empty_shelf raises a month, bulk_order lowers it"
    )


class ProductHistory(History):
    """Monthly units of a product as sold, and the months whose sales were not the demand."""

    shelf_empty: list[EmptyShelf] | None = Field(description="Null where nobody tells")
    corrected: list[CorrectedMonth]


class ScoredMonth(_Shape):
    """What was forecast a month ahead, beside what was sold."""

    month: str
    run_id: str
    units_forecast: float
    lo80: float
    hi80: float
    units_sold: float


class ProductAccuracy(_Shape):
    """How the last forecasts of a product did, a month ahead."""

    wape: float | None
    bias: float | None
    coverage80: float | None
    months: list[ScoredMonth]


class Forecast(_Product):
    """The forecast of one product in one store; vectors run along `months`."""

    run_id: str
    cutoff_month: str
    price: float | None = Field(description="Listed price")
    status: str | None = Field(description="active, paused or closed")
    mean_net_price: float | None = Field(description="Of the last three selling months")
    months: list[str]
    units_forecast: list[float]
    lo50: list[float]
    hi50: list[float]
    lo80: list[float]
    hi80: list[float]
    lo95: list[float]
    hi95: list[float]
    money_forecast: list[float | None]
    history: ProductHistory
    accuracy: ProductAccuracy | None


class ForecastPage(_Shape):
    """Forecasts of a store by product id; `next` is `after` of the next page, null at the end."""

    run_id: str
    forecasts: list[Forecast]
    next: str | None


class ChangeOfForecast(_Shape):
    """From last month's forecast of its next month to this one's, in parts that add up."""

    run_id: str = Field(description="The run before")
    units_then: float
    units_now: float
    parts: dict[str, float] = Field(
        description="calendar: another month is next; correction: earlier sales were corrected; "
        "model: another model serves; new_data: the latest sales; products: came or went",
        examples=[{"calendar": 120.0, "correction": 0.0, "model": -4.0, "new_data": 9.5}],
    )


class Totals(_Shape):
    """Sums of forecasts over a merchant, a store, or a category within either."""

    run_id: str
    cutoff_month: str
    merchant_id: str
    store_id: str | None
    category: str | None
    since_last_run: ChangeOfForecast | None = Field(
        description="Of a merchant or store, where a run of the month before was published"
    )
    categories: list[str] = Field(description="Those within it; none within a category")
    series: int
    confidences: dict[Confidence, int]
    months: list[str]
    units_forecast: list[float]
    interval: Reason | None = Field(description="Why no interval is shown; null where one is")
    lo50: list[float] | None
    hi50: list[float] | None
    lo80: list[float] | None
    hi80: list[float] | None
    lo95: list[float] | None
    hi95: list[float] | None
    horizon_interval: dict[str, float] | None = Field(
        description="The bounds of all months together, by name"
    )
    money_forecast: dict[str, list[float]] = Field(description="By currency, never added across")
    series_without_price: int
    horizon_units: float
    units_last_year: float | None
    change_on_last_year: float | None
    history: History


class LeadTime(_Shape):
    """Accuracy at one lead time in months."""

    horizon: int
    forecasts: int
    units_sold: float
    units_forecast: float
    wape: float | None
    bias: float | None
    wape_naive: float | None = Field(description="WAPE of seasonal naive")
    skill: float | None = Field(description="1 − misses / misses of seasonal naive")
    coverage80: float
    coverage95: float


class Accuracy(_Shape):
    """How earlier forecasts did, by lead time, over the months scored."""

    run_id: str
    merchant_id: str
    store_id: str | None
    category: str | None
    months_scored: list[str]
    by_lead_time: list[LeadTime]


class LastMonth(_Shape):
    """How earlier runs did in the month that a run was made from."""

    month: str = Field(examples=["2026-10"])
    wape: float | None
    coverage80: float | None = Field(description="Share of sales that the 80 % intervals held")


class CurrentRun(_Shape):
    """The run that is served."""

    run_id: str
    published_at: str
    cutoff_month: str
    engine: str
    series: int
    units_forecast: float
    manifest_sha256: str
    reasons: dict[str, int] = Field({}, description="Series by the code of their reason")
    series_by_rule: int = Field(0, description="Of shards that failed, answered by a simple rule")
    series_missing: int = Field(0, description="Of shards that failed, without a forecast")
    seconds: float | None = Field(None, description="Time that all forecasting tasks took")
    last_month: LastMonth | None = None


class PublishedRun(CurrentRun):
    """A run that is kept, and whether it is the one served."""

    serving: bool


class RunList(_Shape):
    """Published runs, the oldest first."""

    runs: list[PublishedRun]


class Report(_Shape):
    """The analysts' report of a month: its headline, and where its forms are."""

    month: str = Field(examples=["2026-10"])
    runs: list[str] = Field(description="Runs that are scored in it", examples=[["2026-09.1"]])
    forecasts: int = Field(description="Forecasts scored at the shortest lead time")
    wape: float | None
    wape_naive: float | None = Field(description="WAPE of seasonal naive")
    skill: float | None = Field(description="1 − misses / misses of seasonal naive")
    bias: float | None
    coverage80: float | None
    alerts: int = Field(description="Stores whose data or errors drifted")
    html: str = Field(examples=["/v1/reports/2026-10"])
    json_: str = Field(alias="json", examples=["/v1/reports/2026-10?format=json"])
    parquet: str = Field(examples=["/v1/reports/2026-10?format=parquet"])


class ReportList(_Shape):
    """Months that have a report, the newest first."""

    reports: list[Report]


class NewFeedback(_Shape):
    """What looks wrong about a forecast."""

    verdict: Literal["too_high", "too_low", "other"]
    note: str = Field(default="", max_length=2000, examples=["We close for works in January"])
    month: date | None = Field(default=None, examples=["2027-01-01"])


class Feedback(NewFeedback):
    """Feedback as kept."""

    feedback_id: str
    at: str
    by: str = Field(description="Id of the token that gave it")
    run_id: str
    merchant_id: str
    store_id: str
    product_id: str


class FeedbackList(_Shape):
    """Feedback, the oldest first."""

    feedback: list[Feedback]


class NewAdjustment(_Shape):
    """One's own number for a month."""

    units: float = Field(ge=0, le=1e12, examples=[25])
    note: str = Field(default="", max_length=2000)


class Adjustment(NewAdjustment):
    """The merchant's number beside the model's."""

    at: str
    by: str = Field(description="Id of the token that made it")
    run_id: str
    merchant_id: str
    store_id: str
    product_id: str
    month: str
    units_forecast: float


class AdjustmentList(_Shape):
    """Adjustments, by store, product and month."""

    adjustments: list[Adjustment]


class Change(BaseModel):
    """One line of the audit trail, with what it was about."""

    model_config = ConfigDict(extra="allow")

    at: str
    action: str = Field(examples=["adjustment made"])
    by: str
    merchant_id: str | None


class Trail(_Shape):
    """Changes, the oldest first; `next` is `after` of the page that follows."""

    changes: list[Change]
    next: str | None


class Health(_Shape):
    """State of an API process."""

    status: str = Field(examples=["ok"])
    run_id: str | None = None


class SignIn(_Shape):
    """What signs in to the dashboard."""

    token: str = Field(min_length=1, max_length=8192)


class Session(_Shape):
    """Who is signed in, and the token that changes must carry in `X-CSRF-Token`; else nulls."""

    role: str | None
    merchant_id: str | None
    stores: list[str] | None
    csrf_token: str | None
    expires_at: float | None = Field(description="Seconds since 1970")
