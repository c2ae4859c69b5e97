"""Read a file or folder of orders, CSV, XLSX or parquet, in either of two column sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from openpyxl import load_workbook

from etl.errors import InputError
from etl.retail.sandbox import storecast_columns, uci_columns
from etl.retail.sandbox.history import OrderHistory

__all__ = ["read_history", "read_merchants"]

_SUFFIXES = (".parquet", ".csv", ".xlsx")
_BESIDE = ("stores", "listings", "changes", "stockouts", "stock")


def read_history(path: str | Path) -> OrderHistory:
    """The orders of a file, or of a folder that holds a file `order_lines`.

    In Storecast's own columns the files `stores`, `listings`, `changes`, `stockouts` and `stock`
    are read too where they lie beside a file named `order_lines`. Raises `InputError` where the
    file is missing, cannot be read, or lacks a column of both sets.
    """
    file = _orders_file(Path(path))
    found = _columns(file)
    if _is_uci(file, found):
        return uci_columns.history(_read(file, uci_columns.NEEDED), file)
    wanted = [c for c in (*storecast_columns.NEEDED, *storecast_columns.OPTIONAL) if c in found]
    beside = {}
    if file.stem == "order_lines":
        beside = {name: _read(f) for name in _BESIDE if (f := _beside(file, name)) is not None}
    return storecast_columns.history(_read(file, wanted), file, beside)


def read_merchants(path: str | Path) -> list[str]:
    """The merchants whose orders a file holds, without reading all of it."""
    file = _orders_file(Path(path))
    if _is_uci(file, _columns(file)):
        return [uci_columns.MERCHANT]
    return sorted(_read(file, ["merchant_id"])["merchant_id"].unique())


def _orders_file(path: Path) -> Path:
    if path.is_dir():
        found = [f for suffix in _SUFFIXES if (f := path / f"order_lines{suffix}").is_file()]
        if not found:
            raise InputError(f"{path} holds no order_lines.parquet, .csv or .xlsx")
        return found[0]
    if not path.is_file():
        raise InputError(
            f"there are no orders at {path}; name a file of order lines, or make the sample with "
            "`python -m etl sample --out FOLDER`"
        )
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(f"{path} must end in .parquet, .csv or .xlsx")
    return path


def _beside(file: Path, name: str) -> Path | None:
    found = (file.with_name(name + suffix) for suffix in _SUFFIXES)
    return next((f for f in found if f.is_file()), None)


def _is_uci(file: Path, found: Sequence[str]) -> bool:
    """Whether the columns are UCI's; raises where they are neither set's."""
    sets = {"UCI": uci_columns.NEEDED, "Storecast": storecast_columns.NEEDED}
    missing = {name: [c for c in needed if c not in found] for name, needed in sets.items()}
    nearest = min(missing, key=lambda name: len(missing[name]) / len(sets[name]))
    if missing[nearest]:
        raise InputError(
            f"{file} lacks {', '.join(missing[nearest])}; "
            f"found {', '.join(found) or 'no columns'}. "
            f"Orders need Storecast's columns ({', '.join(storecast_columns.NEEDED)}) or those of "
            f"UCI's Online Retail II ({', '.join(uci_columns.NEEDED)})"
        )
    return nearest == "UCI"


def _columns(file: Path) -> list[str]:
    try:
        if file.suffix.lower() == ".parquet":
            return list(pq.read_schema(file).names)
        if file.suffix.lower() == ".csv":
            return list(pd.read_csv(file, nrows=0, encoding=_encoding(file)).columns)
        book = load_workbook(file, read_only=True)
        header = next(book.worksheets[0].iter_rows(values_only=True), ())
        book.close()
    except Exception as error:
        raise InputError(f"{file} cannot be read as {file.suffix[1:]}: {error}") from error
    return [str(name).strip() for name in header if name is not None]


def _read(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The file's columns, all of them unless named; values of CSV and XLSX still as written."""
    reader = {".parquet": _read_parquet, ".csv": _read_csv, ".xlsx": _read_xlsx}
    try:
        return reader[file.suffix.lower()](file, columns)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{file} cannot be read as {file.suffix[1:]}: {error}") from error


def _read_parquet(file: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    names = list(columns) if columns else None
    # Names repeat a thousandfold: each is kept once.
    texts = [field.name for field in pq.read_schema(file) if pa.types.is_string(field.type)]
    table = pq.read_table(file, columns=names, read_dictionary=texts)
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    pa.default_memory_pool().release_unused()
    return frame


def _read_csv(file: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    names = list(columns) if columns else _columns(file)
    table = pyarrow.csv.read_csv(
        file,
        read_options=pyarrow.csv.ReadOptions(encoding=_encoding(file)),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    return table.to_pandas(categories=names, split_blocks=True, self_destruct=True)


def _encoding(file: Path) -> str:
    """Copies of the UCI file go round in Latin-1."""
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            try:
                (block + content.readline()).decode("utf-8")
            except UnicodeDecodeError:
                return "latin-1"
    return "utf-8"


def _read_xlsx(file: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    """All sheets one below the other, as UCI delivers its two years."""
    book = load_workbook(file, read_only=True)
    frames = [_read_sheet(sheet.iter_rows(values_only=True), columns) for sheet in book.worksheets]
    book.close()
    return pd.concat(frames, ignore_index=True)


def _read_sheet(rows: Iterator[tuple[object, ...]], columns: Sequence[str] | None) -> pd.DataFrame:
    header = [str(name).strip() for name in next(rows, ()) if name is not None]
    names = list(columns or header)
    if not header:
        return pd.DataFrame(columns=names)
    places = [header.index(name) for name in names]
    values: list[list[object]] = [[] for _ in names]
    # A million cells hold few distinct values: each is kept once.
    known: dict[tuple[type, object], object] = {}
    for row in rows:
        if any(value is not None for value in row):
            for column, place in zip(values, places, strict=True):
                value = row[place]
                column.append(known.setdefault((type(value), value), value))
    return pd.DataFrame(dict(zip(names, values, strict=True)), dtype=object)
