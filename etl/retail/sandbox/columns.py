"""Values of a column as they come from CSV, XLSX or parquet, in one type, or what is wrong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from etl.errors import InputError

__all__ = ["numbers", "texts", "times", "whole_numbers"]


def texts(rows: pd.DataFrame, column: str, file: Path) -> pd.Series:
    """Texts without blanks at either end, as categories; none may be empty."""
    values = rows[column].astype("category")
    _refuse_empty(values, column, file)
    return _renamed(values)


def titles(rows: pd.DataFrame, column: str) -> pd.Series:
    """Texts, as categories; may be empty."""
    return _renamed(rows[column].astype("category"))


def _renamed(values: pd.Series) -> pd.Series:
    """Categories as stripped texts: a spreadsheet's 22041 is the code "22041"."""
    clean = [_as_text(name) for name in values.cat.categories]
    if len(set(clean)) == len(clean):
        return values.cat.rename_categories(clean)
    return values.map(dict(zip(values.cat.categories, clean, strict=True))).astype("category")


def _as_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def numbers(rows: pd.DataFrame, column: str, file: Path) -> pd.Series:
    """Numbers, NaN where empty."""
    found = rows[column]
    if isinstance(found.dtype, pd.CategoricalDtype):
        found = found.astype(object)
    values = pd.to_numeric(found, errors="coerce").astype("float64")
    wrong = values.isna() & found.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise InputError(
            f"{file}: {column} must be a number; found {found.iloc[row]!r} in row {row + 1}"
        )
    return values


def whole_numbers(rows: pd.DataFrame, column: str, file: Path) -> pd.Series:
    """Whole numbers; none may be empty."""
    values = numbers(rows, column, file)
    _refuse_empty(values, column, file)
    if (values % 1 != 0).any():
        row = int((values % 1 != 0).to_numpy().argmax())
        raise InputError(
            f"{file}: {column} must be a whole number; found {values.iloc[row]} in row {row + 1}"
        )
    return values.astype("int64")


def times(rows: pd.DataFrame, column: str, zones: pd.Series, file: Path) -> pd.Series:
    """Milliseconds since 1970 UTC; a time without offset is local to its row's zone.

    An hour that occurs twice is taken as its first, one that the clock leaps over as the next.
    """
    found = rows[column]
    _refuse_empty(found, column, file)
    if isinstance(found.dtype, pd.DatetimeTZDtype):
        return _milliseconds(found)
    moments = _parse(found.astype(object), column, file)
    if isinstance(moments.dtype, pd.DatetimeTZDtype):
        return _milliseconds(moments)
    result = pd.Series(0, index=found.index, dtype="int64")
    for zone in zones.unique():
        here = (zones == zone).to_numpy()
        ambiguous = [True] * int(here.sum())
        local = moments[here].dt.tz_localize(
            zone, nonexistent="shift_forward", ambiguous=pd.Series(ambiguous).to_numpy(dtype=bool)
        )
        result[here] = _milliseconds(local)
    return result


def _parse(found: pd.Series, column: str, file: Path) -> pd.Series:
    if pd.api.types.infer_dtype(found, skipna=True).startswith("datetime"):
        return pd.to_datetime(found)
    distinct = found.drop_duplicates()
    offset = distinct.astype(str).str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True)
    try:
        if offset.all():
            read = pd.to_datetime(distinct, format="ISO8601", utc=True)
        elif not offset.any():
            read = pd.to_datetime(distinct, format="ISO8601")
        else:
            raise ValueError(f"{int(offset.sum())} have an offset and others have none")
    except ValueError as error:
        raise InputError(
            f"{file}: {column} must be ISO 8601, as in 2024-05-01T09:30:00-03:00, with an offset "
            f"everywhere or nowhere: {str(error).splitlines()[0]}"
        ) from error
    return pd.Series(found.map(dict(zip(distinct, read, strict=True))))


def _milliseconds(moments: pd.Series) -> pd.Series:
    return pd.Series(moments.dt.tz_convert("UTC").dt.as_unit("ms").astype("int64"))


def _refuse_empty(values: pd.Series, column: str, file: Path) -> None:
    if values.isna().any():
        row = int(values.isna().to_numpy().argmax())
        raise InputError(f"{file}: {column} may not be empty; row {row + 1} is")
