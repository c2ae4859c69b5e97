"""Pulling orders: one (merchant, store, local business day) at a time, replaced exactly.

`ingest_day` pulls one day, `backfill` a range of them by searching whole months; both leave the
same files. A day's files carry the hash of their content, and its manifest, written last, names
them: a reader sees the old day or the new one, and a day pulled twice is the same bytes. Memory is
bounded by one window of the marketplace and the compressed day, not by the day's size.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from etl.door import Door, reason_code
from etl.lake import Lake
from etl.ledger import (
    DayManifest,
    day_folder,
    day_window,
    days_between,
    month_days,
    months_between,
    read_day,
    unpulled_days,
    write_day,
)
from etl.registry import Store
from etl.retail.source import Document, Order, Refusal, RetailSource, document_text
from etl.settings import Settings
from etl.tables import ORDER_LINES, QUARANTINE, Table

__all__ = ["Progress", "backfill", "ingest_day", "trailing_days"]

Progress = Callable[[int, int], None]
"""Told how many days are done, and of how many."""

_ROWS_AT_ONCE = 5_000
_DOCUMENTS_AHEAD = 100
_LEVEL = 5
# Tuned for many small files: dictionaries only where values repeat, no statistics.
_PARQUET: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["merchant_id", "store_id", "product_name", "document"],
    "write_statistics": False,
}


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
    orders = _orders(store, source, day_window(store, first, last))
    by_day = groupby(orders, key=lambda read: read[0].created_at.astimezone(store.zone).date())
    manifests: list[DayManifest] = []
    awaited = iter(days_between(first, last))

    def commit(draft: _Draft) -> None:
        empty_shelves = None if stockouts is None else sorted(set(stockouts.get(draft.day, [])))
        manifests.append(draft.commit(lake, pulled_at, empty_shelves))

    for day, orders_of_day in by_day:
        while (next_day := next(awaited)) != day:
            commit(_Draft(store, next_day))
        draft = _Draft(store, day)
        for order, document in orders_of_day:
            draft.add(order, document, *door.judge(order))
        commit(draft)
    for next_day in awaited:
        commit(_Draft(store, next_day))
    return manifests


def _orders(
    store: Store, source: RetailSource, window: tuple[datetime, datetime]
) -> Iterator[tuple[Order, Document]]:
    """Orders of the window beside their documents, by time of creation."""
    latest = window[0]
    for document in _ahead(source.orders(store, *window)):
        order = source.read_order(document, store, fallback=latest)
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


class _Draft:
    """One store-day while it is read: compressed documents, lines, refusals, and their counts."""

    def __init__(self, store: Store, day: date) -> None:
        self.store = store
        self.day = day
        self._documents = _Documents()
        self._lines = _Rows(ORDER_LINES)
        self._refusals = _Rows(QUARANTINE)
        self._units = 0
        self._refused: dict[str, dict[str, int]] = {}

    def add(
        self,
        order: Order,
        document: Document,
        rows: list[dict[str, Any]],
        refusals: list[Refusal],
    ) -> None:
        """Take in one order: its document, its lines that count and its refusals."""
        text = document_text(document)
        self._documents.add(text)
        for row in rows:
            self._units += row["units_ordered"] - row["units_cancelled"]
            self._lines.add(row)
        for refusal in refusals:
            count = self._refused.setdefault(reason_code(refusal.reason), {"lines": 0, "units": 0})
            count["lines"] += 1
            count["units"] += refusal.units
            self._refusals.add(self._refusal_row(order, refusal, text))

    def commit(self, lake: Lake, pulled_at: datetime, stockouts: list[str] | None) -> DayManifest:
        """Write what differs from the day that is there, then the manifest; tidy up after it."""
        before = read_day(lake, self.store, self.day)
        contents = self._contents()
        start, end = day_window(self.store, self.day, self.day)
        manifest = DayManifest(
            source=self.store.source,
            merchant_id=self.store.merchant_id,
            store_id=self.store.store_id,
            day=self.day,
            time_zone=self.store.time_zone,
            window_from=start,
            window_to=end,
            pulled_at=pulled_at,
            orders=self._documents.count,
            lines=self._lines.count,
            units=self._units,
            refused=dict(sorted(self._refused.items())),
            files={kind: name for kind, (name, _) in contents.items()},
            stockouts=stockouts,
        )
        folder = day_folder(self.store, self.day)
        already = set(before.files.values()) if before else set()
        for name, content in contents.values():
            if name not in already:
                lake.write_bytes(f"{folder}/{name}", content)
        write_day(lake, self.store, manifest)
        for name in already - set(manifest.files.values()):
            lake.delete(f"{folder}/{name}")
        return manifest

    def _contents(self) -> dict[str, tuple[str, bytes]]:
        """The day's files: kind to name and bytes; none of what has no rows."""
        contents = {}
        if self._documents.count:
            digest, content = self._documents.close()
            contents["orders"] = (f"orders-{digest[:12]}.jsonl.gz", content)
        for kind, rows in (("lines", self._lines), ("quarantine", self._refusals)):
            if rows.count:
                content = rows.close()
                digest = hashlib.sha256(content).hexdigest()
                contents[kind] = (f"{kind}-{digest[:12]}.parquet", content)
        return contents

    def _refusal_row(self, order: Order, refusal: Refusal, document: str) -> dict[str, Any]:
        return {
            "merchant_id": self.store.merchant_id,
            "store_id": self.store.store_id,
            "order_id": order.order_id,
            "line_id": refusal.line_id,
            "date": self.day,
            "reason": refusal.reason,
            "units": refusal.units,
            "document": document,
        }


class _Documents:
    """Documents as compressed lines of JSON, named by the hash of what they say."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = hashlib.sha256()
        self._sink = io.BytesIO()
        self._gzip: gzip.GzipFile | None = None

    def add(self, text: str) -> None:
        """Append one document."""
        if self._gzip is None:
            self._gzip = gzip.GzipFile("", "wb", _LEVEL, self._sink, mtime=0)
        line = text.encode() + b"\n"
        self._digest.update(line)
        self._gzip.write(line)
        self.count += 1

    def close(self) -> tuple[str, bytes]:
        """The hash of the documents, and the compressed bytes."""
        if self._gzip is not None:
            self._gzip.close()
        return self._digest.hexdigest(), self._sink.getvalue()


class _Rows:
    """Rows of a table as parquet, written in groups of a fixed size: equal rows, equal bytes."""

    def __init__(self, table: Table) -> None:
        self.count = 0
        self._table = table
        self._waiting: list[dict[str, Any]] = []
        self._sink = io.BytesIO()
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; the door vouches for its types and its key."""
        self._waiting.append(row)
        self.count += 1
        if len(self._waiting) == _ROWS_AT_ONCE:
            self._flush()

    def close(self) -> bytes:
        """The file's bytes."""
        if self._waiting:
            self._flush()
        if self._writer is not None:
            self._writer.close()
        return self._sink.getvalue()

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._sink,
                self._table.schema,
                **_PARQUET,
            )
        self._writer.write_table(pa.Table.from_pylist(self._waiting, self._table.schema))
        self._waiting.clear()
