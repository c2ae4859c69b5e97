"""One store-day on its way into the lake: documents, lines and refusals, then the manifest.

The day's files carry the hash of their content, and its manifest, written last, names them: a
reader sees the old day or the new one, and equal documents make equal bytes. The compressed day is
all that is held in memory.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from etl.door import Door, reason_code
from etl.lake import Lake
from etl.ledger import DayManifest, day_folder, day_window, read_day, write_day
from etl.registry import Store
from etl.retail.source import Document, Order, Refusal, document_text
from etl.tables import ORDER_LINES, QUARANTINE, Table

__all__ = ["StoreDay", "read_documents"]

_ROWS_AT_ONCE = 5_000
_LEVEL = 5
# Tuned for many small files: dictionaries only where values repeat, no statistics.
_PARQUET: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["merchant_id", "store_id", "product_name", "document"],
    "write_statistics": False,
}


def read_documents(lake: Lake, store: Store, manifest: DayManifest) -> Iterator[Document]:
    """The documents of a pulled day, as they were received, numbers exact."""
    if "orders" not in manifest.files:
        return
    packed = lake.read_bytes(f"{day_folder(store, manifest.day)}/{manifest.files['orders']}")
    with gzip.open(io.BytesIO(packed)) as lines:
        for line in lines:
            yield json.loads(line, parse_float=Decimal)


class StoreDay:
    """One store-day while it is read: compressed documents, lines, refusals, and their counts."""

    def __init__(self, store: Store, day: date) -> None:
        self.store = store
        self.day = day
        self._documents = _Documents()
        self._lines = _Rows(ORDER_LINES)
        self._refusals = _Rows(QUARANTINE)
        self._units = 0
        self._refused: dict[str, dict[str, int]] = {}
        self._drift: Counter[str] = Counter()

    def add(self, order: Order, document: Document, door: Door, drift: Iterable[str] = ()) -> None:
        """Take in one order: its document, its lines as `door` judges them, its `drift`."""
        rows, refusals = door.judge(order)
        self._drift.update(drift)
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
            drift=dict(sorted(self._drift.items())),
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
