"""The analysts' reports of the months: which there are, and each as a page, JSON or parquet."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from api.caller import Caller
from api.render import etag_of
from api.reports import REPORT_TYPES, list_reports, read_report, report_policy
from api.responses import CACHED, json_response, tag_matches
from api.routes.documented import answers
from api.shapes import ReportList
from etl.lake import Lake

__all__ = ["router"]

router = APIRouter(prefix="/v1/reports", tags=["reports"])

_READERS = ("analyst", "operator")
Month = Annotated[str, Path(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", examples=["2026-10"])]
_SCHEMAS = {
    "html": {"type": "string"},
    "json": {"type": "object"},
    "parquet": {"type": "string", "format": "binary"},
}
_FORMS = {kind.split(";")[0]: {"schema": _SCHEMAS[form]} for form, kind in REPORT_TYPES.items()}


@router.get("", responses=answers(ReportList, 403))
def read_reports(caller: Annotated[Caller, Depends()]) -> Response:
    """Months that have a report, the newest first; for analysts and operators."""
    caller.require(*_READERS)
    return json_response({"reports": list_reports(Lake(caller.desk.settings.lake_url))})


@router.get(
    "/{month}",
    responses={
        **answers(None, 403, 404, cached=True),
        200: {"description": "The report", "content": _FORMS},
    },
)
def read_month(
    month: Month,
    caller: Annotated[Caller, Depends()],
    format: Annotated[Literal["html", "json", "parquet"], Query()] = "html",
) -> Response:
    """The report of a month; for analysts and operators."""
    caller.require(*_READERS)
    body = read_report(Lake(caller.desk.settings.lake_url), month, format)
    headers = {"etag": etag_of(body), "cache-control": CACHED}
    if tag_matches(headers["etag"], caller.if_none_match):
        return Response(status_code=304, headers=headers)
    if format == "html":
        headers["content-security-policy"] = report_policy(body)
    if format == "parquet":
        headers["content-disposition"] = f'attachment; filename="report-{month}.parquet"'
    return Response(body, headers=headers, media_type=REPORT_TYPES[format])
