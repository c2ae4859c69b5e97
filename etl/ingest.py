"""Pulling orders: one (merchant, store, local business day) at a time, replaced exactly.

`ingest_day` pulls one day, `backfill` a range of them by searching whole months; both leave the
same files, and a day pulled twice is the same bytes. `sweep` pulls again older days whose orders
changed since they were pulled, `replay_day` reads a day's own documents again. Memory is bounded by
one window of the marketplace and the compressed day, not by the day's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from itertools import groupby, islice

from etl.changes import noting_change
from etl.door import Door
from etl.lake import Lake
from etl.ledger import (
    DayManifest,
    day_window,
    days_between,
    month_days,
    months_between,
    neighbouring,
    pulled_days,
    read_day,
    read_days,
    unpulled_days,
)
from etl.registry import Store
from etl.retail.source import Document, Order, OrderReader, RetailSource, reader_of
from etl.settings import Settings
from etl.store_day import StoreDay, read_documents

__all__ = [
    "Progress",
    "backfill",
    "changed_days",
    "ingest_day",
    "replay_day",
    "sweep",
    "trailing_days",
    "unswept_since",
]

Progress = Callable[[int, int], None]
"""Told how many days are done, and of how many."""

_DOCUMENTS_AHEAD = 100
_TOLD_LATE = timedelta(hours=2)


def trailing_days(day: date, settings: Settings) -> list[date]:
    """The days to pull with `day`, oldest first: itself and those before whose orders may change.

    >>> [str(day) for day in trailing_days(date(2026, 3, 1), Settings(trailing_days=1))]
    ['2026-02-28', '2026-03-01']
    """
    return days_between(day - timedelta(days=settings.trailing_days), day)


def ingest_day(
    lake: Lake,
    store: Store,
    day: date,
    source: RetailSource,
    settings: Settings,
    pulled_at: datetime,
) -> DayManifest:
    """Pull one local business day of `store` and put it in the place of what was there.

    `pulled_at` is the time of the pull; a day that is not over by then stays partial.
    """
    return _pull(lake, store, (day, day), source, settings, pulled_at)[0]


def backfill(
    lake: Lake,
    store: Store,
    start: date,
    end: date,
    source: RetailSource,
    settings: Settings,
    pulled_at: datetime,
    progress: Progress | None = None,
    only_missing: bool = False,
) -> list[DayManifest]:
    """Pull the local days start to end, a month at a time, as `ingest_day` would each of them.

    With `only_missing`, months whose days are all there are not asked for again, so that a
    back-fill that was stopped goes on where it was. Returns the manifests of what was pulled.
    """
    manifests: list[DayManifest] = []
    total = (end - start).days + 1
    for first, last in _chunks(start, end):
        if not only_missing or unpulled_days(lake, store, first, last):
            manifests += _pull(lake, store, (first, last), source, settings, pulled_at)
        if progress:
            progress((last - start).days + 1, total)
    return manifests


def changed_days(
    lake: Lake, store: Store, since: datetime, until: datetime, source: RetailSource
) -> list[date]:
    """Pulled days with an order that changed in [since, until), after the day was pulled.

    For the sweep beyond the trailing window. An order that left the marketplace's search, as
    cancelled ones do, is not seen here; the trailing window is there for those.
    """
    changed: dict[date, datetime] = {}
    for order, _ in _orders(store, source, source.changed_orders(store, since, until), since):
        day = order.created_at.astimezone(store.zone).date()
        changed[day] = max(order.updated_at, changed.get(day, order.updated_at))
    pulled = {day.day: day.pulled_at for day in read_days(lake, [store], changed)}
    return sorted(day for day, at in pulled.items() if at < changed[day])


def sweep(
    lake: Lake,
    store: Store,
    since: datetime,
    until: datetime,
    source: RetailSource,
    settings: Settings,
    before: date | None = None,
) -> list[date]:
    """Pull again the days that `changed_days` finds, or those of them before a day; which."""
    found = changed_days(lake, store, since, until, source)
    days = [day for day in found if before is None or day < before]
    for first, last in neighbouring(days):
        _pull(lake, store, (first, last), source, settings, until)
    return days


def unswept_since(lake: Lake, store: Store, window: Sequence[date]) -> datetime | None:
    """From when on it is not known which days before `window` changed; None before the first pull.

    That is when the whole window was last pulled, or the latest day where nothing of it was, and
    two hours before, since marketplaces tell the time of a change to the hour.
    """
    known = read_days(lake, [store], window)
    if not known:
        known = read_days(lake, [store], pulled_days(lake, store)[-1:])
    return min(day.pulled_at for day in known) - _TOLD_LATE if known else None


def replay_day(lake: Lake, store: Store, day: date, settings: Settings) -> DayManifest | None:
    """Read the day's own documents again through the door of now; None where it was never pulled.

    After a fix of the connector or of a setting, what was refused may count, without asking the
    marketplace. Documents, time of the pull and empty shelves stay as they were.
    """
    manifest = read_day(lake, store, day)
    if manifest is None:
        return None
    reader, door, draft = reader_of(store.source), Door(store, settings), StoreDay(store, day)
    documents = read_documents(lake, store, manifest)
    for order, document in _orders(store, reader, documents, manifest.window_from):
        draft.add(order, document, door, reader.drift(document))
    with noting_change(lake, [day]):
        return draft.commit(lake, manifest.pulled_at, manifest.stockouts)


def _chunks(start: date, end: date) -> Iterator[tuple[date, date]]:
    for month in months_between(start, end):
        first, last = month_days(month)
        yield max(first, start), min(last, end)


def _pull(
    lake: Lake,
    store: Store,
    days: tuple[date, date],
    source: RetailSource,
    settings: Settings,
    pulled_at: datetime,
) -> list[DayManifest]:
    """Pull the days in one search; each is made visible as soon as its last order is read."""
    first, last = days
    door = Door(store, settings)
    stockouts = source.stockouts(store, first, last)
    window = day_window(store, first, last)
    orders = _orders(store, source, _ahead(source.orders(store, *window)), window[0])
    by_day = groupby(orders, key=lambda read: read[0].created_at.astimezone(store.zone).date())
    manifests: list[DayManifest] = []
    awaited = iter(days_between(first, last))

    def commit(draft: StoreDay) -> None:
        empty_shelves = None if stockouts is None else sorted(set(stockouts.get(draft.day, [])))
        manifests.append(draft.commit(lake, pulled_at, empty_shelves))

    with noting_change(lake, months_between(first, last)):
        for day, orders_of_day in by_day:
            while (next_day := next(awaited)) != day:
                commit(StoreDay(store, next_day))
            draft = StoreDay(store, day)
            for order, document in orders_of_day:
                draft.add(order, document, door, source.drift(document))
            commit(draft)
        for next_day in awaited:
            commit(StoreDay(store, next_day))
    return manifests


def _orders(
    store: Store, reader: OrderReader, documents: Iterator[Document], latest: datetime
) -> Iterator[tuple[Order, Document]]:
    """Orders beside their documents, by time of creation from `latest` on."""
    for document in documents:
        order = reader.read_order(document, store, fallback=latest)
        latest = order.created_at
        yield order, document


def _ahead(documents: Iterator[Document]) -> Iterator[Document]:
    """The same documents, the next ones asked for while these are worked on."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(_take, documents)
        while taken := coming.result():
            coming = reader.submit(_take, documents)
            yield from taken


def _take(documents: Iterator[Document]) -> list[Document]:
    return list(islice(documents, _DOCUMENTS_AHEAD))
