"""Answers: rendered documents with their tags, lists, CSV, and problems (RFC 9457)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from api.errors import ApiError, kind_of
from api.render import etag_of
from api.store.documents import Body

__all__ = [
    "CACHED",
    "PROBLEM_TYPE",
    "REVALIDATED",
    "UNCACHED",
    "csv_response",
    "document_response",
    "json_response",
    "problem_body",
    "problem_response",
    "tag_matches",
]

PROBLEM_TYPE = "application/problem+json"
CACHED = "private, max-age=60"
"""Published documents: a private cache may show them for a minute, then asks by their tag."""
REVALIDATED = "private, no-cache"
"""Documents that change one by one: a private cache asks by their tag before it shows them."""
UNCACHED = "no-store"


def document_response(body: Body, if_none_match: str | None, cached: str = CACHED) -> Response:
    """A document with its tag, or 304 where the client has it."""
    headers = {"etag": body.etag, "cache-control": cached}
    if tag_matches(body.etag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(body.json, media_type="application/json", headers=headers)


def json_response(content: Any, status: int = 200) -> Response:
    """Content that may change at any moment."""
    return Response(
        orjson.dumps(content), status, {"cache-control": UNCACHED}, media_type="application/json"
    )


def csv_response(
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    name: str,
    if_none_match: str | None,
    headers: Mapping[str, str] | None = None,
    cached: str = CACHED,
) -> Response:
    """Rows as CSV with a header, offered for download under `name`.

    Text that a spreadsheet would take for a formula is led by an apostrophe.
    """
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(row.get(column)) for column in columns])
    body = sink.getvalue().encode()
    headers = {
        **(headers or {}),
        "etag": etag_of(body),
        "cache-control": cached,
        "content-disposition": f'attachment; filename="{_file_name(name)}.csv"',
    }
    if tag_matches(headers["etag"], if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="text/csv; charset=utf-8")


def problem_body(error: BaseException, request_id: str, detail: str | None = None) -> bytes:
    """An error as problem+json. What is our own fault is told without its inside."""
    kind = kind_of(error)
    if detail is None:
        detail = str(error) if kind.status < 500 or isinstance(error, ApiError) else kind.title
    return orjson.dumps(
        {
            "type": f"urn:storecast:problem:{kind.name}",
            "title": kind.title,
            "status": kind.status,
            "detail": detail,
            "instance": f"urn:storecast:request:{request_id}",
        }
    )


def problem_response(error: BaseException, request_id: str, detail: str | None = None) -> Response:
    """An error as a whole answer."""
    kind = kind_of(error)
    headers = {"cache-control": UNCACHED}
    retry_after = getattr(error, "retry_after", None)
    if kind.status == 503:
        retry_after = retry_after or 5
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    if kind.status == 401:
        headers["www-authenticate"] = "Bearer"
    body = problem_body(error, request_id, detail)
    return Response(body, kind.status, headers, media_type=PROBLEM_TYPE)


def tag_matches(etag: str, if_none_match: str | None) -> bool:
    """Whether a client's If-None-Match names this tag (weak comparison, RFC 9110, 13.1.2).

    >>> tag_matches('W/"a1"', '"zz", "a1"')
    True
    """
    if not if_none_match:
        return False
    if if_none_match == etag or if_none_match.strip() == "*":
        return True
    opaque = etag.removeprefix("W/")
    return any(tag.strip().removeprefix("W/") == opaque for tag in if_none_match.split(","))


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def _file_name(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
