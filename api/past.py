"""How earlier forecasts turned out, from the scores in the lake.

The latest six scored months at a lead time of one month stand beside each product; for stores,
categories and merchants the last twelve scored months are summed by lead time. Where a month was
forecast by several revisions of one cutoff, the last revision counts.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from etl.lake import Lake

__all__ = ["PastForecasts", "ShownForecasts", "accuracy_of", "past_forecasts"]

_FOLDER = "storecast-past-"
_MONTHS_SHOWN = 6
_MONTHS_SUMMED = 12
_ROWS_AT_ONCE = 20_480
_SHOWN_COLUMNS = (
    "merchant_id, store_id, product_id, month, horizon, run_id, "
    "units_forecast, lo80, hi80, units_sold"
)
_LAST_REVISION = """
    qualify row_number() over (
        partition by merchant_id, store_id, product_id, month, horizon
        order by cast(split_part(run_id, '.', 2) as integer) desc) = 1
"""
_MEASURES = """
    count(*) as forecasts,
    sum(units_sold) as units_sold, sum(units_forecast) as units_forecast,
    sum(abs(units_forecast - units_sold)) as missed,
    sum(abs(units_naive - units_sold)) as missed_naive,
    sum(units_sold) filter (units_naive is not null) as units_beside_naive,
    sum(abs(units_forecast - units_sold)) filter (units_naive is not null) as missed_beside_naive,
    avg(cast(units_sold between lo80 and hi80 as integer)) as coverage80,
    avg(cast(units_sold between lo95 and hi95 as integer)) as coverage95
"""


@contextmanager
def past_forecasts(lake: Lake, cutoff_month: date) -> Iterator[PastForecasts]:
    """The last scored months of the lake up to a cutoff, at hand while the block lasts."""
    months = {
        f"{path.split('month=')[1][:7]}-01": path for path in lake.paths("scores", "part.parquet")
    }
    known = [month for month in sorted(months) if month <= cutoff_month.isoformat()]
    last = known[-_MONTHS_SUMMED:]
    with lake.local_files([months[month] for month in last]) as files:
        yield PastForecasts(last, files)


class ShownForecasts:
    """Files with the scored months that stand beside products."""

    def __init__(self, files: Sequence[str]) -> None:
        self._shown = list(files)

    def of_series(
        self, keys: Sequence[tuple[str, str, str]]
    ) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
        """Scored months of each series at one month's lead, the oldest first."""
        if not self._shown or not keys:
            return {}
        merchants, stores, products = zip(*keys, strict=True)
        with _database() as database:
            database.register("keys", pa.table({"m": merchants, "s": stores, "p": products}))
            rows = database.execute(
                f"""
                select merchant_id, store_id, product_id, strftime(month, '%Y-%m-%d'), run_id,
                       units_forecast, lo80, hi80, units_sold
                from read_parquet(?, hive_partitioning = false)
                semi join keys on merchant_id = m and store_id = s and product_id = p
                where horizon = 1 {_LAST_REVISION} order by month
                """,  # noqa: S608
                [self._shown],
            ).fetchall()
        found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        names = ("month", "run_id", "units_forecast", "lo80", "hi80", "units_sold")
        for merchant, store, product, *values in rows:
            found.setdefault((merchant, store, product), []).append(
                dict(zip(names, map(_rounded, values), strict=True))
            )
        return found

    @contextmanager
    def in_small_files(self) -> Iterator[ShownForecasts]:
        """The same from local copies of the rows that `of_series` needs, for many questions.

        A month's file has the predictions of a year of runs; looking through it, or only through
        its directory of row groups, takes longer than rendering a few thousand products.
        """
        _remove_left_behind()
        prefix = f"{_FOLDER}{os.getpid()}-"
        with tempfile.TemporaryDirectory(prefix=prefix) as folder:
            copies = [f"{folder}/{place}.parquet" for place in range(len(self._shown))]
            with _database() as database:
                for file, copy in zip(self._shown, copies, strict=True):
                    database.execute(
                        f"""
                        copy (select {_SHOWN_COLUMNS}
                        from read_parquet(?, hive_partitioning = false) where horizon = 1)
                        to '{copy}' (format parquet, row_group_size {_ROWS_AT_ONCE})
                        """,  # noqa: S608
                        [file],
                    )
            yield ShownForecasts(copies)


class PastForecasts(ShownForecasts):
    """Scored months and their files, the oldest first; `months_summed` names the months."""

    def __init__(self, months: Sequence[str], files: Sequence[str]) -> None:
        super().__init__(files[-_MONTHS_SHOWN:])
        self.months_summed = list(months)
        self._summed = list(files)

    def by_lead_time(self) -> Iterator[tuple[tuple[str, str, str], list[dict[str, Any]]]]:
        """Accuracy by lead time of every (merchant, store, category), '' standing for all."""
        if not self._summed:
            return
        with _database() as database:
            rows = database.execute(
                f"""
                with scored as (
                    select * from read_parquet(?, hive_partitioning = false) {_LAST_REVISION})
                select merchant_id, coalesce(store_id, ''), coalesce(category, ''),
                       horizon, {_MEASURES}
                from scored group by grouping sets (
                    (merchant_id, horizon), (merchant_id, category, horizon),
                    (merchant_id, store_id, horizon), (merchant_id, store_id, category, horizon))
                order by 1, 2, 3, 4
                """,  # noqa: S608
                [self._summed],
            )
            names = [column[0] for column in rows.description or ()]
            found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
            for row in rows.fetchall():
                measured = dict(zip(names[3:], row[3:], strict=True))
                found.setdefault(row[:3], []).append(_ratios(measured))
        yield from found.items()


def accuracy_of(months: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """WAPE, bias and coverage over scored months of one series; None where nothing was sold.

    >>> accuracy_of([{"units_forecast": 9.0, "lo80": 7.0, "hi80": 11.0, "units_sold": 10.0}])
    {'wape': 0.1, 'bias': -0.1, 'coverage80': 1.0}
    """
    sold = sum(m["units_sold"] for m in months)
    missed = sum(abs(m["units_forecast"] - m["units_sold"]) for m in months)
    over = sum(m["units_forecast"] - m["units_sold"] for m in months)
    inside = sum(m["lo80"] <= m["units_sold"] <= m["hi80"] for m in months)
    return {
        "wape": round(missed / sold, 3) if sold > 0 else None,
        "bias": round(over / sold, 3) if sold > 0 else None,
        "coverage80": round(inside / len(months), 3) if months else None,
    }


def _ratios(measured: dict[str, Any]) -> dict[str, Any]:
    """Ratios of sums; None where the divisor is zero or unknown."""
    sold, beside = measured["units_sold"], measured["units_beside_naive"]
    naive = measured["missed_naive"]
    return {
        "horizon": measured["horizon"],
        "forecasts": measured["forecasts"],
        "units_sold": round(sold, 3),
        "units_forecast": round(measured["units_forecast"], 3),
        "wape": round(measured["missed"] / sold, 4) if sold else None,
        "bias": round((measured["units_forecast"] - sold) / sold, 4) if sold else None,
        "wape_naive": round(naive / beside, 4) if naive is not None and beside else None,
        "skill": round(1 - measured["missed_beside_naive"] / naive, 4) if naive else None,
        "coverage80": round(measured["coverage80"], 4),
        "coverage95": round(measured["coverage95"], 4),
    }


def _remove_left_behind() -> None:
    """Remove the small files of processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        owner = re.match(rf"{_FOLDER}(\d+)-", folder.name)
        if owner and _is_gone(int(owner[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)  # asks only
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # there, and another user's
    return False


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


@contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"threads": 1}) as database:
        yield database
