"""A merchant leaves the lake: its folders go, shared files are written again without its rows.

Every step looks at what is there and leaves it without the merchant, so that a job that was killed
is simply run again. What others have stays as it is, to the byte where a file holds rows alone;
manifests tell the new hashes and counts, and a month that was up to date still is, so that nothing
is built again. `Departure` remembers, from before the first file is touched, what cannot be told
afterwards.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl.closing import first_days, gather
from etl.errors import IncompleteError, LakeError
from etl.lake import Lake
from etl.lineage import sha256_of
from etl.mentions import file_without
from etl.monthly import monthly_manifest, narrow_month
from etl.registry import Store, read_stores, remove_stores
from etl.settings import Settings

__all__ = [
    "Departure",
    "begin_departure",
    "departure_of",
    "end_departure",
    "leave_etl",
    "own_folders",
    "sweep_files",
    "take_out_rows",
]

_FOLDER = "leaving"


@dataclass(frozen=True)
class Departure:
    """Who leaves; of each month, whether it was up to date and its hash; of each run, its hash.

    Kept in the lake until all is done; it is the one file that names the merchant meanwhile.
    """

    merchant_id: str
    months: dict[str, dict[str, Any]]
    runs: dict[str, str | None]

    @property
    def path(self) -> str:
        """Where it is kept while the merchant leaves."""
        return f"{_FOLDER}/{hashlib.sha256(self.merchant_id.encode()).hexdigest()[:12]}.json"


def departure_of(lake: Lake, merchant_id: str) -> Departure | None:
    """The departure of the merchant that was begun and not ended; None where there is none."""
    path = Departure(merchant_id, {}, {}).path
    return Departure(**lake.read_json(path)) if lake.exists(path) else None


def begin_departure(lake: Lake, merchant_id: str) -> Departure:
    """Note, before anything is touched, what cannot be told afterwards."""
    stores = read_stores(lake)
    begun = first_days(lake, stores)
    months = {f"{month:%Y-%m}": _state(lake, month, stores, begun) for month in _built(lake)}
    runs = {
        path.split("/")[1].removeprefix("run_id="): sha256_of(lake, path)
        for path in lake.paths("predictions", "manifest.json")
    }
    departure = Departure(merchant_id, months, runs)
    lake.write_json(departure.path, asdict(departure))
    return departure


def end_departure(lake: Lake, departure: Departure) -> None:
    """Forget that there ever was one: the last step."""
    lake.delete(departure.path)


def leave_etl(lake: Lake, departure: Departure, settings: Settings) -> None:
    """Take the merchant out of registry, raw, months and shards, and all folders of its own."""
    merchant_id = departure.merchant_id
    remove_stores(lake, merchant_id)
    for folder in own_folders(lake, merchant_id):
        lake.delete_folder(folder)
    _narrow_months(lake, departure, settings)
    _narrow_shards(lake, departure)


def own_folders(lake: Lake, merchant_id: str) -> list[str]:
    """The folders that are of the merchant alone, wherever they stand in the lake."""
    return sorted(_own_folders(lake, "", f"merchant_id={merchant_id}", depth=4))


def sweep_files(lake: Lake, merchant_id: str) -> list[str]:
    """Take the merchant out of every file that many share; the paths that were changed.

    Of JSON what is about the merchant goes, of parquet its rows; a file that is all about it goes
    whole. Files in other merchants' own folders are left alone.
    """
    changed = []
    for path in lake.paths(""):
        if "/merchant_id=" in path or path.startswith(f"{_FOLDER}/"):
            continue
        if path.endswith(".parquet") and take_out_rows(lake, path, merchant_id):
            changed.append(path)
        if path.endswith(".json"):
            before = lake.read_json(path)
            after = file_without(path, before, merchant_id)
            if after is None:
                lake.delete(path)
            elif after != before:
                lake.write_json(path, after)
            if after != before:
                changed.append(path)
    return changed


def take_out_rows(lake: Lake, path: str, merchant_id: str) -> int:
    """Write the parquet file at `path` again without the merchant's rows; how many there were.

    A file without any stays untouched. One row group is in memory at a time. Raises `LakeError`
    where the file cannot be read: what it holds cannot be told.
    """
    try:
        return _take_out_rows(lake, path, merchant_id)
    except pa.ArrowInvalid as error:
        raise LakeError(
            f"{lake.url}/{path} is not readable parquet ({error}); build it again, or remove it, "
            "then go on"
        ) from error


def _take_out_rows(lake: Lake, path: str, merchant_id: str) -> int:
    with lake.local_files([path]) as (local,), pq.ParquetFile(local) as file:
        if "merchant_id" not in file.schema_arrow.names:
            return 0
        count = sum(
            _rows_of(file.read_row_group(n, ["merchant_id"]), merchant_id) for n in _n(file)
        )
        if not count:
            return 0
        with tempfile.TemporaryDirectory(prefix="storecast-") as folder:
            rest = Path(folder) / "rest.parquet"
            with pq.ParquetWriter(rest, file.schema_arrow, compression="zstd") as writer:
                for n in _n(file):
                    rows = file.read_row_group(n)
                    kept = rows.filter(pc.not_equal(rows["merchant_id"], pa.scalar(merchant_id)))
                    if kept.num_rows:
                        writer.write_table(kept)
            lake.move_in(path, rest)
    return count


def _own_folders(lake: Lake, prefix: str, name: str, depth: int) -> Iterator[str]:
    for folder in lake.folders(prefix):
        path = f"{prefix}/{folder}" if prefix else folder
        if folder == name:
            yield path
        elif depth and not folder.startswith("merchant_id="):
            yield from _own_folders(lake, path, name, depth - 1)


def _rows_of(rows: pa.Table, merchant_id: str) -> int:
    return rows.filter(pc.equal(rows["merchant_id"], pa.scalar(merchant_id))).num_rows


def _n(file: pq.ParquetFile) -> range:
    return range(file.num_row_groups)


def _built(lake: Lake) -> list[date]:
    paths = lake.paths("monthly_sales", "manifest.json")
    return sorted(date.fromisoformat(path.split("month=")[1][:7] + "-01") for path in paths)


def _state(
    lake: Lake, month: date, stores: Sequence[Store], begun: dict[tuple[str, str], date]
) -> dict[str, Any]:
    """Whether the month is made from the days that are there now, and the hash of its file."""
    manifest = monthly_manifest(lake, month)
    if manifest is None:
        return {"fresh": False, "sha256": None}
    try:
        inputs = gather(lake, month, stores, begun, monthly_manifest)
    except IncompleteError:
        return {"fresh": False, "sha256": manifest["sha256"]}
    return {
        "fresh": inputs.fingerprint == manifest["fingerprint"],
        "sha256": manifest["sha256"],
    }


def _narrow_months(lake: Lake, departure: Departure, settings: Settings) -> None:
    """Each month without the merchant; those before anyone else's first day go whole."""
    stores = read_stores(lake)
    begun = first_days(lake, stores)
    first = min(begun.values()).replace(day=1) if begun else None
    for name, state in sorted(departure.months.items()):
        month = date.fromisoformat(f"{name}-01")
        if monthly_manifest(lake, month) is None:
            continue
        manifest = narrow_month(
            lake, month, departure.merchant_id, stores, begun, settings, fresh=state["fresh"]
        )
        if (first is None or month < first) and manifest["rows"] == 0:
            lake.delete_folder(f"sales/month={name}")
            lake.delete_folder(f"monthly_sales/month={name}")


def _narrow_shards(lake: Lake, departure: Departure) -> None:
    """Every cutoff's shards, and a manifest that tells what they are now."""
    for path in lake.paths("shards", "manifest.json"):
        manifest = lake.read_json(path)
        entries = [_narrowed(lake, entry, departure.merchant_id) for entry in manifest["shards"]]
        manifest["shards"] = [entry for entry in entries if entry["series"]]
        manifest["series"] = sum(entry["series"] for entry in manifest["shards"])
        if "months" in manifest:
            manifest["months"] = dict(_used_months(lake, manifest["months"], departure))
        for entry in entries:
            if not entry["series"]:
                lake.delete(entry["path"])
        lake.write_json(path, manifest)


def _narrowed(lake: Lake, entry: dict[str, Any], merchant_id: str) -> dict[str, Any]:
    """The manifest's entry of a shard, after the merchant's series were taken out of its file."""
    if not lake.exists(entry["path"]):
        return {**entry, "series": 0}
    removed = take_out_rows(lake, entry["path"], merchant_id)
    content = lake.read_bytes(entry["path"])
    series = pq.ParquetFile(pa.BufferReader(content)).metadata.num_rows
    if not removed and series == entry["series"]:
        return entry
    return {**entry, "series": series, "hash": hashlib.sha256(content).hexdigest()}


def _used_months(
    lake: Lake, used: dict[str, str | None], departure: Departure
) -> Iterator[tuple[str, str | None]]:
    """The months that the shards were cut from: a hash that was right then is the new one now."""
    for name, digest in used.items():
        manifest = monthly_manifest(lake, date.fromisoformat(f"{name}-01"))
        if manifest is not None:
            was = departure.months.get(name, {}).get("sha256")
            yield name, manifest["sha256"] if digest == was else digest
