"""The report of a month in the lake: one HTML file, and the same as JSON and parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from etl.lake import Lake
from forecasting.report import charts, words
from forecasting.report.facts import month_facts

__all__ = ["page_of", "write_report"]

_TILES = [
    ("WAPE", "wape"),
    ("rule's WAPE", "wape_naive"),
    ("skill over the rule", "skill"),
    ("bias", "bias"),
    ("held by 80 %", "coverage80"),
    ("held by 95 %", "coverage95"),
]
_MEASURES = [
    ("forecasts", "rows", "number"),
    ("units sold", "units_sold", "number"),
    ("WAPE", "wape", "percent"),
    ("rule's", "wape_naive", "percent"),
    ("skill", "skill", "percent"),
    ("bias", "bias", "percent"),
    ("MASE", "mase", "number"),
    ("RMSSE", "rmsse", "number"),
    ("80 % held", "coverage80", "percent"),
    ("95 % held", "coverage95", "percent"),
    ("WAPE of money", "wape_money", "percent"),
]
_TITLES = {
    "store": "store",
    "category": "category",
    "class": "demand class",
    "model": "model",
    "horizon": "lead time in months",
    "run": "run",
}
_LABELS = {
    "store": ("merchant_id", "store_id"),
    "category": ("category",),
    "class": ("demand_class",),
    "model": ("model",),
    "horizon": ("horizon",),
    "run": ("run_id",),
    "quantile": ("bound",),
}


def write_report(
    lake: Lake,
    month: date,
    *,
    feedback: Sequence[dict[str, Any]] = (),
    adjustments: Sequence[dict[str, Any]] = (),
    quality: Sequence[dict[str, Any]] = (),
    told_before: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Write the report of `month`; the path of each of its three forms.

    See `forecasting.report.facts.month_facts` for what is handed in. The page is written last: as
    long as it is the old one, the report is not made anew.
    """
    facts = month_facts(
        lake,
        month,
        feedback=feedback,
        adjustments=adjustments,
        quality=quality,
        told_before=told_before,
    )
    folder = f"reports/month={month:%Y-%m}"
    paths = {kind: f"{folder}/report.{kind}" for kind in ("html", "json", "parquet")}
    lake.write_json(paths["json"], facts)
    lake.write_bytes(paths["parquet"], _parquet(facts))
    lake.write_bytes(paths["html"], page_of(facts).encode())
    return paths


def page_of(facts: dict[str, Any]) -> str:
    """The report as one HTML file that needs nothing beside it."""
    folder = Path(__file__).parent
    pages = Environment(
        loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters |= _filters()
    months = [*facts["before"], facts["headline"]]
    return pages.get_template("page.html.j2").render(
        facts=facts,
        verdict=words.verdict(facts),
        tiles=_TILES,
        measures=_MEASURES,
        titles=_TITLES,
        befores={name: _mean([month.get(name) for month in facts["before"]]) for _, name in _TILES},
        trends={
            name: Markup(charts.trend([month.get(name) for month in months]))  # noqa: S704 - our SVG
            for _, name in _TILES
        },
    )


def _filters() -> dict[str, Callable[..., Any]]:
    return {
        "percent": words.percent,
        "number": words.number,
        "reason_words": words.reason_words,
        "alert_words": words.alert_words,
        "month_words": words.month_words,
        "gate_words": words.gate_words,
        "label": _label,
        "verdict_words": words.verdict_words,
        "came_true": words.came_true,
        "helped_words": words.helped_words,
        "ledger_chart": lambda ledger: Markup(charts.ledger_chart(ledger)),  # noqa: S704
        "product_chart": lambda product: Markup(charts.product_chart(product)),  # noqa: S704
    }


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _label(row: dict[str, Any], group: str) -> str:
    return " / ".join(str(row[name]) for name in _LABELS[group])


def _parquet(facts: dict[str, Any]) -> bytes:
    """The measures of every group, a row for each, by `group` and `label`."""
    sink = io.BytesIO()
    table = pa.Table.from_pandas(pd.DataFrame(_rows(facts)), preserve_index=False)
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _rows(facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    names = [name for _, name, _ in _MEASURES]
    groups = {"month ahead": [facts["headline"]], **facts["groups"]}
    for group, rows in groups.items():
        for row in rows:
            label = _label(row, group) if group in _LABELS else facts["month"]
            numbers = {name: row.get(name) for name in [*names, "promised", "reached", "pinball"]}
            yield {"month": facts["month"], "group": group, "label": label, **numbers}
