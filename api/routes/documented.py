"""What every route says in the OpenAPI description: its problems, and documents sent as bytes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from api.responses import PROBLEM_TYPE
from api.shapes import Problem

__all__ = ["answers"]

_PROBLEMS = {
    400: "The request cannot be read as asked",
    401: "No token, or one that is unknown, expired or revoked",
    403: "The token's role or stores do not reach that far",
    404: "The token's merchant has no such thing",
    409: "It is there already, or has changed",
    413: "The body is too long",
    422: "A parameter breaks its rule",
    429: "Too many requests; Retry-After says when to return",
    503: "The store does not answer, or no run is published yet; Retry-After says when to return",
}


def answers(
    shape: type[BaseModel] | None,
    *problems: int,
    status: int = 200,
    csv: bool = False,
    cached: bool = False,
) -> dict[int | str, dict[str, Any]]:
    """Responses of a route: its document, CSV and 304 where it has them, and its problems."""
    found: dict[int | str, dict[str, Any]] = {}
    if shape is not None:
        found[status] = {"model": shape, "description": (shape.__doc__ or "").split("\n")[0]}
        if csv:
            found[status]["content"] = {"text/csv": {"schema": {"type": "string"}}}
    if cached:
        found[304] = {"description": "The client has it already (If-None-Match)"}
    for problem in sorted({*problems, 401, 422, 429, 503}):
        found[problem] = {
            "description": _PROBLEMS[problem],
            "content": {
                PROBLEM_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
            },
        }
    return found
