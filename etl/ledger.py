"""The completeness ledger: what is known about each (merchant, store, local business day).

A day is **pulled** (it has orders), known **empty**, **partial** (pulled before it was over) or
**missing**. The ledger is the manifests themselves: `…/day=YYYY-MM-DD/manifest.json` is written
last, so a day is there whole or not at all. A partial or missing day is an alert and a re-pull,
never a silent zero. A store's ledger begins with the first day that was ever pulled for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from etl.errors import LakeError
from etl.lake import Lake
from etl.registry import Store

__all__ = [
    "DayManifest",
    "day_folder",
    "day_window",
    "days_between",
    "first_day",
    "missing_days",
    "month_days",
    "month_is_complete",
    "months_between",
    "neighbouring",
    "next_month",
    "previous_month",
    "pulled_days",
    "read_day",
    "read_days",
    "unpulled_days",
    "write_day",
]

_READERS = 8


@dataclass(frozen=True)
class DayManifest:
    """One store-day as pulled: its window, counts, refusals by reason code, and files by name.

    `drift` counts documents by the field in which they differ from the documented shape.
    """

    source: str
    merchant_id: str
    store_id: str
    day: date
    time_zone: str
    window_from: datetime
    window_to: datetime
    pulled_at: datetime
    orders: int
    lines: int
    units: int
    refused: dict[str, dict[str, int]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    stockouts: list[str] | None = None
    drift: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether the day was over when it was pulled."""
        return self.pulled_at >= self.window_to

    @property
    def state(self) -> str:
        """pulled, empty, or partial."""
        if not self.complete:
            return "partial"
        return "pulled" if self.orders else "empty"

    @property
    def content(self) -> list[Any]:
        """What the month is made from; equal content makes an equal month."""
        where = [self.source, self.merchant_id, self.store_id, self.day.isoformat()]
        return [*where, self.files, self.stockouts]


def day_folder(store: Store, day: date) -> str:
    """The folder of one store-day in `raw`."""
    return f"{_store_folder(store)}/day={day.isoformat()}"


def day_window(store: Store, first: date, last: date) -> tuple[datetime, datetime]:
    """The instants [start, end) of the local days first to last, DST and all.

    >>> store = Store("M", "S", "", "", "GB", "Europe/London", "GBP", 9, "x", "1")
    >>> start, end = day_window(store, date(2026, 3, 29), date(2026, 3, 29))
    >>> (end - start).total_seconds() / 3600
    23.0
    """
    start = datetime.combine(first, time.min, store.zone)
    end = datetime.combine(last + timedelta(days=1), time.min, store.zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def read_day(lake: Lake, store: Store, day: date) -> DayManifest | None:
    """The manifest of a store-day; None where the day is missing."""
    path = f"{day_folder(store, day)}/manifest.json"
    return _from_json(path, lake.read_json(path)) if lake.exists(path) else None


def read_days(lake: Lake, stores: Iterable[Store], days: Iterable[date]) -> list[DayManifest]:
    """The manifests of the days of the stores, by store and day; missing days are left out."""
    wanted = [(store, day) for store in stores for day in days]
    with ThreadPoolExecutor(_READERS) as readers:
        found = readers.map(lambda one: read_day(lake, *one), wanted)
        return [manifest for manifest in found if manifest is not None]


def write_day(lake: Lake, store: Store, manifest: DayManifest) -> None:
    """Make the store-day visible: its manifest, whose files must be there already."""
    lake.write_json(f"{day_folder(store, manifest.day)}/manifest.json", _to_json(manifest))


def first_day(lake: Lake, store: Store) -> date | None:
    """The first day of the store that has a manifest; None where nothing was ever pulled."""
    for name in lake.folders(_store_folder(store)):
        day = date.fromisoformat(name.removeprefix("day="))
        if lake.exists(f"{day_folder(store, day)}/manifest.json"):
            return day
    return None


def pulled_days(lake: Lake, store: Store) -> list[date]:
    """Days of the store that have a manifest, in order."""
    paths = lake.paths(_store_folder(store), "manifest.json")
    return sorted(date.fromisoformat(path.split("/")[-2].removeprefix("day=")) for path in paths)


def missing_days(lake: Lake, store: Store, start: date, end: date) -> list[date]:
    """Days from start to end, both included, that are missing or partial.

    Days before the store's first pulled day are before its time and not missing; a store of
    which nothing was ever pulled misses all.
    """
    begun = max(start, first_day(lake, store) or start)
    return unpulled_days(lake, store, begun, end)


def unpulled_days(lake: Lake, store: Store, start: date, end: date) -> list[date]:
    """Days from start to end, both included, without a complete pull."""
    days = days_between(start, end)
    complete = {manifest.day for manifest in read_days(lake, [store], days) if manifest.complete}
    return [day for day in days if day not in complete]


def month_is_complete(lake: Lake, stores: Iterable[Store], month: date) -> bool:
    """Whether every day of `month` is pulled or known empty in every store."""
    first, last = month_days(month)
    return not any(missing_days(lake, store, first, last) for store in stores)


def days_between(start: date, end: date) -> list[date]:
    """The days from start to end, both included."""
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def neighbouring(days: Iterable[date]) -> list[tuple[date, date]]:
    """Ordered days as stretches without a gap, each as its first and last.

    >>> [f"{a:%d}-{b:%d}" for a, b in neighbouring([date(2026, 1, d) for d in (1, 2, 4)])]
    ['01-02', '04-04']
    """
    stretches: list[tuple[date, date]] = []
    for day in days:
        if stretches and day - stretches[-1][1] == timedelta(days=1):
            stretches[-1] = (stretches[-1][0], day)
        else:
            stretches.append((day, day))
    return stretches


def months_between(start: date, end: date) -> list[date]:
    """First days of the months from that of `start` to that of `end`, both included.

    >>> [str(month) for month in months_between(date(2025, 12, 5), date(2026, 1, 1))]
    ['2025-12-01', '2026-01-01']
    """
    months, month = [], start.replace(day=1)
    while month <= end:
        months.append(month)
        month = next_month(month)
    return months


def month_days(month: date) -> tuple[date, date]:
    """First and last day of `month`."""
    first = month.replace(day=1)
    return first, next_month(first) - timedelta(days=1)


def next_month(month: date) -> date:
    """First day of the month after `month`."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def previous_month(month: date) -> date:
    """First day of the month before `month`."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def _store_folder(store: Store) -> str:
    return f"raw/source={store.source}/merchant_id={store.merchant_id}/store_id={store.store_id}"


def _to_json(manifest: DayManifest) -> dict[str, Any]:
    document = asdict(manifest)
    document["day"] = manifest.day.isoformat()
    for name in ("window_from", "window_to", "pulled_at"):
        document[name] = document[name].astimezone(UTC).isoformat()
    return document


def _from_json(path: str, document: Any) -> DayManifest:
    try:
        values = dict(document)
        values["day"] = date.fromisoformat(values["day"])
        for name in ("window_from", "window_to", "pulled_at"):
            values[name] = datetime.fromisoformat(values[name])
        return DayManifest(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise LakeError(f"{path} is no manifest of a store-day ({error}); pull it again") from error
