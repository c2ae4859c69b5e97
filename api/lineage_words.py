"""An explanation (`api.lineage.explain`) as text: from the page's number down to its orders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["in_words"]

_LINES_SHOWN = 40
_LONGEST_MODEL = 600


def in_words(explained: dict[str, Any]) -> str:
    """The explanation for a person to read."""
    parts = (_forecast, _made_from, _model, _history, _sales, _orders, _verdict)
    return "\n".join(line for part in parts for line in part(explained))


def _forecast(told: dict[str, Any]) -> Iterator[str]:
    shown, row = told["document"], told["prediction"]
    yield f"{told['merchant_id']} / {told['store_id']} / {told['product_id']}"
    yield (
        f"served      {shown['month']}: {shown['units_forecast']} units "
        f"(80 %: {shown['lo80']} to {shown['hi80']}), confidence {shown['confidence']}"
    )
    yield f"            run {shown['run_id']}, published {shown['published_at']}"
    file = told["predictions"]
    yield f"predicted   {row['units_forecast']!r} units, horizon {row['horizon']}"
    yield f"            {file['path']} lines {file['lines']}, sha256 {file['sha256']}"


def _made_from(told: dict[str, Any]) -> Iterator[str]:
    run, shard = told["run"], told["shard"]
    yield (
        f"run         engine {run['engine']}, configuration {run['configuration_hash']}, "
        f"cutoff {run['cutoff_month']}, {run['horizon']} months ahead"
    )
    yield f"            {run['path']}, sha256 {run['sha256']}"
    yield f"shard       {shard['months']} months from {shard['first_month']}"
    yield f"            {shard['path']}, sha256 {shard['sha256']}"


def _model(told: dict[str, Any]) -> Iterator[str]:
    row, model = told["prediction"], told["model"]
    yield f"model       {row['model']}" + (f": {row['reason']}" if row["reason"] else "")
    if model is None:
        yield "            no fitted model is kept of it"
    else:
        text = json.dumps(model["model"], separators=(",", ":"))
        yield f"            {model['path']}, fitted to the history {model['data_hash']}"
        yield f"            {_cut(text)}"
    for month in told["corrections"]:
        yield (
            f"corrected   {month['month']}: {month['units_sold']:g} sold, "
            f"{month['units_used']:g} learnt from ({month['why']})"
        )
    if told["corrections"]:
        yield f"            {told['run']['corrections']}"


def _history(told: dict[str, Any]) -> Iterator[str]:
    history = told["history"]
    yield f"months      {len(history)} partitions of monthly_sales"
    for month in history[-12:]:
        fingerprint = (month["fingerprint"] or "none")[:12]
        sold = "no row" if month["units_sold"] is None else f"{month['units_sold']} units"
        yield (f"            {month['month']}: {sold}, {month['path']}, fingerprint {fingerprint}")


def _sales(told: dict[str, Any]) -> Iterator[str]:
    sales = told["sales"]
    row = sales["row"] or {"units_sold": 0, "units_remainder": 0, "revenue": "0", "currency": ""}
    yield (
        f"sold        {sales['month']}: {row['units_sold']} units, remainder "
        f"{row['units_remainder']}, {row['revenue']} {row['currency']}"
    )
    lines = sales["sales"]["lines"]
    for line in lines[:_LINES_SHOWN]:
        yield (
            f"            {line['date']} order {line['order_id']} line {line['line_id']}: "
            f"{line['units_ordered']} ordered, {line['units_cancelled']} cancelled, "
            f"{line['revenue_net']} {line['currency']} ({line['status']})"
        )
    if len(lines) > _LINES_SHOWN:
        yield f"            and {len(lines) - _LINES_SHOWN} more lines; --json shows all"


def _orders(told: dict[str, Any]) -> Iterator[str]:
    days = told["sales"]["days"]
    kept = "" if told["sales"]["raw_kept"] else "; those of that month are no longer kept"
    yield f"raw         {len(days)} store-days{kept}"
    for day in days:
        yield f"            {day['files']['orders']}, pulled {day['pulled_at']}"
        yield f"            orders {', '.join(day['orders'])}"


def _verdict(told: dict[str, Any]) -> Iterator[str]:
    checks = told["checks"]
    wrong = [check for check in checks if not check["agrees"]]
    if not wrong:
        yield f"checked     {len(checks)} numbers and hashes, all agree"
        return
    yield f"checked     {len(wrong)} of {len(checks)} numbers and hashes DISAGREE:"
    for check in wrong:
        yield f"            {check['what']}: {check['told']} and {check['found']}"


def _cut(text: str) -> str:
    longest = _LONGEST_MODEL
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters; --json)"
