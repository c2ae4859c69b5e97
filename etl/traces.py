"""The proof that nothing of a merchant is left in the lake: every file is looked through.

A file is *of* the merchant where its path says so, a row or an object in it has the merchant's id,
or a job told of it there in words. A *mention* is the id as a word of other text, as in a product's
name: for a person to judge, since a short id may be a word as well. Files in other merchants' own
folders are looked at by name alone: what is there is theirs.
"""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, field
from html import unescape

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from etl.lake import Lake
from etl.leaving import own_folders
from etl.mentions import file_without, named_in, word_of

__all__ = ["Traces", "traces_of"]


@dataclass
class Traces:
    """What was looked through, what is the merchant's, and where its id is a word of other text."""

    read: int = 0
    by_name: int = 0
    own: list[str] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)


def traces_of(lake: Lake, merchant_id: str, apart_from: str = "") -> Traces:
    """Everything in the lake that is the merchant's or names it, but for one file."""
    traces = Traces(own=own_folders(lake, merchant_id))
    folders = tuple(f"{folder}/" for folder in traces.own)
    for path in lake.paths(""):
        if path == apart_from:
            continue
        if path.startswith(folders):
            traces.own.append(path)
        elif "/merchant_id=" in path:
            traces.by_name += 1
        else:
            traces.read += 1
            _look(traces, path, lake.read_bytes(path), merchant_id)
    return traces


def _look(traces: Traces, path: str, content: bytes, merchant_id: str) -> None:
    if path.endswith(".gz"):
        content = gzip.decompress(content)
    own, mentioned = _found(path, content, merchant_id)
    if own:
        traces.own.append(path)
    elif mentioned:
        traces.mentions.append(path)


def _found(path: str, content: bytes, merchant_id: str) -> tuple[bool, bool]:
    """Whether something in the file is the merchant's, and whether any of its text names it."""
    if path.endswith(".parquet"):
        return _in_table(pq.read_table(io.BytesIO(content)), merchant_id)
    if path.endswith(".json"):
        document = json.loads(content)
        own = file_without(path, document, merchant_id) != document
        return own, named_in(document, merchant_id)
    text = content.decode(errors="replace")
    text = unescape(text) if path.endswith(".html") else text
    mentioned = bool(word_of(merchant_id).search(text))
    if path.endswith(".csv") and mentioned:
        options = pacsv.ConvertOptions(column_types={"merchant_id": pa.string()})
        rows = pacsv.read_csv(io.BytesIO(content), convert_options=options)
        return _in_table(rows, merchant_id)[0], True
    return False, mentioned


def _in_table(rows: pa.Table, merchant_id: str) -> tuple[bool, bool]:
    """Whether rows are the merchant's, and whether any text names it."""
    if "merchant_id" in rows.column_names:
        same = pc.equal(rows["merchant_id"], pa.scalar(merchant_id))
        if rows.filter(same).num_rows:
            return True, True
    pattern = word_of(merchant_id)
    for column in rows.columns:
        if pa.types.is_string(column.type):
            texts = pc.drop_null(pc.unique(column)).to_pylist()
            if any(pattern.search(str(text)) for text in texts):
                return False, True
    return False, False
