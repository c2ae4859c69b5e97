"""What the documents of every marketplace have in common: names, titles, days, fields."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, TypeAdapter, ValidationError

from etl.registry import Store
from etl.retail.source import document_text

__all__ = [
    "Amount",
    "Name",
    "Title",
    "differences",
    "field_of",
    "instant",
    "local_day",
    "order_key",
    "product_id",
    "units_of",
]

_INSTANT = TypeAdapter(AwareDatetime)
_MOST_UNITS = 10**9


def _printable(text: str) -> str:
    """Text that can name something: no control characters, no halves of characters."""
    if not text.isprintable():
        raise ValueError("holds characters that cannot be shown")
    return text


Name = Annotated[str, AfterValidator(_printable)]
Amount = Annotated[Decimal, Field(gt=Decimal("-1e30"), lt=Decimal("1e30"))]
"""Money that can be reckoned with; whether an order can hold it is for the door to say."""
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


def instant(document: Any, field: str) -> datetime | None:
    """The instant that `field` of the document tells, in UTC; None where it tells none readably."""
    try:
        return _INSTANT.validate_python(document[field]).astimezone(UTC)
    except (ValidationError, OverflowError, KeyError, TypeError):
        return None


def order_key(document: Any) -> str:
    """The order's name, or a digest of the document where it has none that can be read."""
    name = document.get("id") if isinstance(document, dict) else None
    if isinstance(name, int) and not isinstance(name, bool) and abs(name) < 10**30:
        return str(name)
    if isinstance(name, str) and 0 < len(name) <= 100 and name.isprintable():
        return name
    return f"unreadable-{hashlib.sha256(document_text(document).encode()).hexdigest()[:12]}"


def units_of(line: Any, field: str) -> int:
    """The units that `field` of a line tells, 0 where it tells none that a line could hold."""
    quantity = line.get(field) if isinstance(line, dict) else None
    if (
        isinstance(quantity, int)
        and not isinstance(quantity, bool)
        and abs(quantity) <= _MOST_UNITS
    ):
        return quantity
    return 0


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
