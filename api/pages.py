"""Rendered pages of products, kept while there is room: a published run does not change."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from api.listing import after_cursor, cursor_after, page_body
from api.render import etag_of
from api.store.documents import Body, ProductQuery, Scope
from api.view import MerchantView

__all__ = ["PageCache", "read_page"]

_Key = tuple[int, Scope, ProductQuery]


class PageCache:
    """The pages asked for last, within a number of bytes; safe to use from several threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0
        self._pages: OrderedDict[_Key, Body] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _Key) -> Body | None:
        """The page kept under that edition, scope and query."""
        with self._lock:
            body = self._pages.get(key)
            if body is not None:
                self._pages.move_to_end(key)
            return body

    def put(self, key: _Key, body: Body) -> None:
        """Keep a page; those not asked for longest go when there is no room."""
        with self._lock:
            replaced = self._pages.pop(key, None)
            self._held += len(body.json) - (len(replaced.json) if replaced else 0)
            self._pages[key] = body
            while self._held > self._most and self._pages:
                self._held -= len(self._pages.popitem(last=False)[1].json)


def read_page(
    view: MerchantView, query: ProductQuery, cursor: str | None, cache: PageCache
) -> Body:
    """One page of products of the view, rendered. Raises as `after_cursor` and the view do."""
    if cursor is not None:
        load, query = after_cursor(view.merchant_id, query, cursor)
        view = view.at(load)
    key = (view.edition.load, view.scope, query)
    found = cache.get(key)
    if found is None:
        found = _render(view, query)
        cache.put(key, found)
    return found


def _render(view: MerchantView, query: ProductQuery) -> Body:
    """One line more than asked for is read, to know whether a page follows."""
    lines = view.products(replace(query, limit=query.limit + 1))
    following = None
    if len(lines) > query.limit:
        lines = lines[: query.limit]
        unplaced = replace(query, after=None)
        following = cursor_after(view.edition.load, view.merchant_id, unplaced, lines[-1])
    body = page_body(view.edition.run_id, lines, following)
    return Body(body, etag_of(body))
