"""The SQL of one page of products: the index `listing` finds the rows, only those are then read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from api.store.documents import ProductQuery, Scope

__all__ = ["listing_statement", "marks", "stores_asked"]


def stores_asked(scope: Scope, query: ProductQuery) -> tuple[str, ...] | None:
    """Stores that both the scope and the query name; None for all of the merchant's."""
    if query.stores is None:
        return None if scope.stores is None else tuple(sorted(scope.stores))
    return tuple(store for store in query.stores if scope.allows(store))


def listing_statement(
    load: int, scope: Scope, query: ProductQuery, stores: tuple[str, ...] | None
) -> tuple[str, list[Any]]:
    """The statement of one page, and its values."""
    key, direction, beyond = (
        ("search", "", ">") if query.sort == "name" else (query.sort, "DESC", "<")
    )
    terms, values = ["load = ?", "merchant_id = ?"], [load, scope.merchant_id]
    for column, accepted in (
        ("store_id", stores),
        ("category", query.categories),
        ("confidence", query.confidences),
    ):
        if accepted:
            terms.append(f"{column} IN ({marks(accepted)})")
            values += accepted
    if query.text:
        terms.append("instr(search, ?) > 0")
        values.append(query.text)
    if query.sort == "attention":
        terms.append("attention > 0")
    if query.after is not None:
        terms.append(f"({key} {beyond} ? OR ({key} = ? AND (store_id, product_id) > (?, ?)))")
        values += [query.after[0], *query.after]
    order = f"{key} {direction}, store_id, product_id"
    return (
        f"SELECT f.{key}, f.store_id, f.product_id, f.line FROM "  # noqa: S608
        f"(SELECT rowid AS id FROM forecasts INDEXED BY listing WHERE {' AND '.join(terms)} "
        f"ORDER BY {order} LIMIT ?) page JOIN forecasts f ON f.rowid = page.id "
        f"ORDER BY f.{key} {direction}, f.store_id, f.product_id",
        [*values, query.limit],
    )


def marks(values: Collection[Any]) -> str:
    """Placeholders for that many values."""
    return ", ".join("?" * len(values))
