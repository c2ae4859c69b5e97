"""What the documents of every marketplace have in common: names, titles, days, fields."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError

from etl.registry import Store

__all__ = ["Name", "Title", "differences", "field_of", "local_day", "product_id"]


def _printable(text: str) -> str:
    """Text that can name something: no control characters, no halves of characters."""
    if not text.isprintable():
        raise ValueError("holds characters that cannot be shown")
    return text


Name = Annotated[str, AfterValidator(_printable)]
Title = Annotated[str, AfterValidator(lambda text: text.encode(errors="replace").decode())]


def product_id(sku: str | None, listing_id: str) -> str:
    """The seller's SKU, or the listing's id where there is none.

    >>> product_id(" LAMP-1 ", "77"), product_id(" ", "77")
    ('LAMP-1', '77')
    """
    return (sku or "").strip() or listing_id


def local_day(instant: datetime | None, store: Store) -> date | None:
    """The store's calendar day of `instant`."""
    return instant.astimezone(store.zone).date() if instant else None


def field_of(error: ValidationError) -> str:
    """The first field that did not fit, as in ``item.id``."""
    return ".".join(str(part) for part in error.errors()[0]["loc"]) or "document"


def differences(name: str, value: Any, known: frozenset[str], needed: frozenset[str]) -> set[str]:
    """``new`` and ``gone`` fields of `value`, called `name`, against those known and needed."""
    if not isinstance(value, dict):
        return {f"gone {name}"}
    fields = value.keys()
    if fields <= known and fields >= needed:
        return set()
    new = {f"new {name}.{field}" for field in fields - known if field.isprintable()}
    return new | {f"gone {name}.{field}" for field in needed - fields}
