"""Pages of products: the query as a caller writes it, and the cursor from one page to the next.

A cursor names the edition and the place of the last line. It stays with the run that it began in,
as long as that run is kept, so that a list read while a new run is published is a list of one run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from api.confidence import CONFIDENCES
from api.cursors import cursor_of, place_of
from api.errors import BadRequestError
from api.render import folded
from api.store.documents import SORTS, ListedProduct, ProductQuery

__all__ = [
    "MOST",
    "USUAL",
    "after_cursor",
    "cursor_after",
    "page_body",
    "page_size",
    "product_query",
]

MOST = 200
"""Lines that one page may have."""

USUAL = 50
"""Lines that one page has where the caller does not say."""


def page_size(format: str, limit: int | None, cursor: str | None) -> tuple[int, bool]:
    """Lines of one page, and whether all pages are asked for: a CSV without limit and cursor.

    >>> page_size("csv", None, None), page_size("json", None, None), page_size("csv", 10, None)
    ((200, True), (50, False), (10, False))
    """
    whole = format == "csv" and limit is None and cursor is None
    return limit or (MOST if whole else USUAL), whole


def product_query(
    stores: list[str] | None,
    categories: list[str],
    confidences: list[str],
    text: str,
    sort: str,
    limit: int,
) -> ProductQuery:
    """The query as the store takes it. Raises `BadRequestError` for an unknown sort or word."""
    if sort not in SORTS:
        raise BadRequestError(f"sort must be one of {', '.join(SORTS)}; found {sort!r}")
    for word in confidences:
        if word not in CONFIDENCES:
            raise BadRequestError(
                f"confidence must be one of {', '.join(CONFIDENCES)}; found {word!r}"
            )
    return ProductQuery(
        None if stores is None else tuple(sorted(set(stores))),
        tuple(sorted(set(categories))),
        tuple(sorted(set(confidences))),
        folded("".join(sign for sign in text if sign.isprintable()).strip()),
        sort,
        limit=limit,
    )


def cursor_after(load: int, merchant_id: str, query: ProductQuery, last: ListedProduct) -> str:
    """The cursor of the page after that line."""
    place = [load, last.sort_key, last.store_id, last.product_id]
    return cursor_of(_parts(merchant_id, query), place)


def after_cursor(merchant_id: str, query: ProductQuery, cursor: str) -> tuple[int, ProductQuery]:
    """The edition that a cursor began in, and the query of the page that it asks for.

    Raises `BadRequestError` where it is damaged or comes from another list.
    """
    types = (int, str if query.sort == "name" else int | float, str, str)
    load, *place = place_of(_parts(merchant_id, query), cursor, types)
    return load, replace(query, after=tuple(place))


def page_body(run_id: str, lines: list[ListedProduct], following: str | None) -> bytes:
    """The JSON of one page, put together from rendered lines."""
    return b"".join(
        (
            b'{"run_id":',
            orjson.dumps(run_id),
            b',"products":[',
            b",".join([line.line for line in lines]),
            b'],"next":',
            orjson.dumps(following),
            b"}",
        )
    )


def _parts(merchant_id: str, query: ProductQuery) -> list[Any]:
    """What makes the list that a cursor belongs to."""
    return [
        merchant_id,
        query.stores,
        query.categories,
        query.confidences,
        query.text,
        query.sort,
    ]
