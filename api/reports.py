"""The analysts' reports as they lie in the lake: which months have one, and each of its forms."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import lru_cache
from typing import Any

import orjson

from api.errors import NotFoundError
from etl.lake import Lake

__all__ = ["REPORT_TYPES", "list_reports", "read_report", "report_policy"]

REPORT_TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_LINES_KEPT = 240
_SHOWN = ("wape", "wape_naive", "skill", "bias", "coverage80")


def list_reports(lake: Lake) -> list[dict[str, Any]]:
    """Each month that has a report, the newest first, with its headline."""
    versions = lake.versions("reports", "report.json")
    months = {path.split("month=")[1][:7]: version for path, version in versions.items()}
    return [_line(lake.url, month, months[month]) for month in sorted(months, reverse=True)]


def read_report(lake: Lake, month: str, kind: str) -> bytes:
    """One form of the report of a month. Raises `NotFoundError` where there is none."""
    path = f"reports/month={month}/report.{kind}"
    if not lake.exists(path):
        raise NotFoundError(f"there is no report of {month}; GET /v1/reports lists those there are")
    return lake.read_bytes(path)


def report_policy(page: bytes) -> str:
    """The Content-Security-Policy of a report: its own style sheet, and nothing from elsewhere."""
    found = _STYLE.search(page)
    digest = hashlib.sha256(found[1] if found else b"").digest()
    style = f"style-src 'sha256-{b64encode(digest).decode()}'"
    return f"default-src 'none'; {style}; frame-ancestors 'none'; base-uri 'none'"


@lru_cache(maxsize=_LINES_KEPT)
def _line(url: str, month: str, version: str) -> dict[str, Any]:
    """A month with its headline; null where no earlier run had predicted it.

    Its report is read once, and again when the file is replaced, which gives it another version.
    """
    facts = orjson.loads(read_report(Lake(url), month, "json"))
    headline = facts["headline"]
    address = f"/v1/reports/{month}"
    return {
        "month": month,
        "runs": facts["runs"],
        "forecasts": headline["rows"],
        **{name: headline.get(name) for name in _SHOWN},
        "alerts": len(facts["alerts"]),
        "html": address,
        "json": f"{address}?format=json",
        "parquet": f"{address}?format=parquet",
    }
