"""What a marketplace gives: the protocol that every connector fulfils, one file each.

A connector knows paging, windows, limits, time zones, money and refund shapes of one marketplace.
It hands over documents as received, without their customer, and reads one document into an
`Order`: lines in common terms, and refusals where a line cannot be read. What a line must be to
count is decided for all marketplaces alike, in `etl.door`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, cast

from etl.errors import SettingError, SourceDeniedError
from etl.registry import Store
from etl.settings import PREFIX, Settings

__all__ = [
    "CONNECTORS",
    "Document",
    "Listing",
    "Order",
    "OrderLine",
    "OrderReader",
    "Refusal",
    "RetailSource",
    "add_tokens",
    "document_text",
    "knows_token",
    "open_merchant",
    "open_source",
    "reader_of",
    "tokens_of",
]

Document = dict[str, Any]
"""One order as the marketplace sent it, numbers exact, its customer's data taken out."""


@dataclass(frozen=True)
class OrderLine:
    """One line of an order in common terms, not judged yet; money and units as received."""

    line_id: str
    product_id: str
    listing_id: str
    product_name: str
    status: str
    units_ordered: int
    units_cancelled: int
    unit_price: Decimal | None
    currency: str


@dataclass(frozen=True)
class Refusal:
    """One line (or ``*``, the whole document) that is kept out, with its reason and net units."""

    line_id: str
    reason: str
    units: int = 0


@dataclass(frozen=True)
class Order:
    """One order document, read: when it was placed and last changed, its lines, its refusals."""

    order_id: str
    created_at: datetime
    updated_at: datetime
    lines: tuple[OrderLine, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Listing:
    """One product on sale at the source; see PRODUCTS for the meaning of each."""

    listing_id: str
    product_id: str
    name: str
    category: str
    price: Decimal | None
    currency: str
    status: str
    stock_on_hand: int | None = None
    listed_on: date | None = None
    last_listed_on: date | None = None
    promotions: str | None = None


class OrderReader(Protocol):
    """What can be done with a document without reaching its marketplace."""

    def read_order(self, document: Any, store: Store, fallback: datetime) -> Order:
        """`document` in common terms; never raises. `fallback` is the instant that an order
        without a readable one is taken to be created at."""

    def drift(self, document: Any) -> Iterable[str]:
        """Where the document differs from the documented shape: ``new field`` or ``gone field``."""


class RetailSource(OrderReader, Protocol):
    """A marketplace as seen by one merchant's credentials.

    Every method raises `SourceDeniedError`, `SourceUnreachableError` or `SourceContractError`.
    """

    def stores(self) -> list[Store]:
        """The merchant's stores."""

    def orders(self, store: Store, start: datetime, end: datetime) -> Iterator[Document]:
        """Orders created in [start, end), each once, in its latest state, by time of creation."""

    def changed_orders(self, store: Store, start: datetime, end: datetime) -> Iterator[Document]:
        """Orders last changed in [start, end), each once, as far as the search still shows them."""

    def listings(self, store: Store) -> Iterator[Listing]:
        """What the store has on sale, and had, as far as the marketplace remembers."""

    def stockouts(self, store: Store, first: date, last: date) -> dict[date, list[str]] | None:
        """Products with an empty shelf by local day, first to last; None where it is not told."""


class Connector(OrderReader, Protocol):
    """A connector's class: reads documents by itself, and opens a source with a token."""

    def open(self, settings: Settings, merchant_id: str, token: str) -> RetailSource:
        """The marketplace as `merchant_id` sees it with `token`."""


CONNECTORS = {
    "mercadolibre": "etl.retail.mercadolibre:MercadoLibre",
    "shopify": "etl.retail.shopify:Shopify",
    "vendure": "etl.retail.vendure:Vendure",
}
"""Connectors by the name that STORES.source carries: module and class, imported when used."""


def reader_of(name: str) -> Connector:
    """The connector called `name`. Raises `SettingError` where there is none."""
    if name not in CONNECTORS:
        raise SettingError(f"no connector is called {name!r}; there are {', '.join(CONNECTORS)}")
    module, _, kind = CONNECTORS[name].partition(":")
    return cast("Connector", getattr(importlib.import_module(module), kind))


def open_source(settings: Settings, store: Store) -> RetailSource:
    """The marketplace that `store` sells on, seen with its own token or else its merchant's."""
    own = f"{store.merchant_id}/{store.store_id}"
    return _open(settings, store.source, store.merchant_id, (own, store.merchant_id))


def open_merchant(settings: Settings, connector: str, merchant_id: str) -> RetailSource:
    """The marketplace `connector` as `merchant_id` sees it.

    Raises `SourceDeniedError` where no token of the merchant is known.
    """
    return _open(settings, connector, merchant_id, (merchant_id,))


def _open(
    settings: Settings, connector: str, merchant_id: str, names: tuple[str, ...]
) -> RetailSource:
    """The marketplace as seen with the first token known under one of `names`."""
    tokens = _Tokens(settings.source_tokens).by_name()
    found = next((tokens[name] for name in names if name in tokens), None)
    if found is None or not found.token:
        raise SourceDeniedError(
            f"no token is known for merchant {merchant_id}; put it into {PREFIX}SOURCE_TOKENS, "
            f'as in {{"{merchant_id}": "…"}} or the path of such a file; under Airflow, a '
            f"connection storecast_{merchant_id} may hold it"
        )
    settings = replace(settings, source_url=found.url or settings.source_url)
    return reader_of(connector).open(settings, merchant_id, found.token)


def knows_token(settings: Settings, merchant_id: str, store_id: str) -> bool:
    """Whether the setting opens the store's marketplace, by its own token or its merchant's.

    Raises `SettingError` where it cannot be read.
    """
    known = _Tokens(settings.source_tokens).by_name()
    return merchant_id in known or f"{merchant_id}/{store_id}" in known


def add_tokens(settings: Settings, tokens: dict[str, dict[str, str]]) -> Settings:
    """`settings` that know further `tokens`, each a ``token`` and a ``url``, by name."""
    known = _Tokens(settings.source_tokens).by_name()
    told = {name: {"token": one.token, "url": one.url} for name, one in known.items()}
    return replace(settings, source_tokens=json.dumps(told | tokens))


def tokens_of(settings: Settings) -> set[str]:
    """Every token of the setting, or of the file that it names, so that none is shown.

    Raises `SettingError` where they cannot be read.
    """
    return {found.token for found in _Tokens(settings.source_tokens).by_name().values()}


def document_text(document: Any) -> str:
    """`document` as one line of JSON, ASCII only, so that any text a source sends can be kept.

    >>> document_text({"price": Decimal("12.50"), "title": "mañana"})
    '{"price": 12.5, "title": "ma\\\\u00f1ana"}'
    """
    return json.dumps(document, default=_number)


def _number(value: Any) -> float | str:
    number = float(value)
    return number if abs(number) < float("inf") else str(value)


@dataclass(frozen=True)
class _Credential:
    """What opens a marketplace: a token, and its address where it is not that of the setting."""

    token: str = field(repr=False)
    url: str = ""


@dataclass(frozen=True)
class _Tokens:
    """The setting, text or path; never shown."""

    setting: str = field(repr=False)

    def by_name(self) -> dict[str, _Credential]:
        """Credentials by merchant, or by merchant/store."""
        text = self.setting.strip()
        if not text:
            return {}
        try:
            content = text if text.startswith("{") else Path(text).read_text("utf-8")
            tokens = json.loads(content)
            return {name: _credential(told) for name, told in tokens.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            # The cause is left out: it would quote the tokens.
            raise SettingError(_TOKENS_SHAPE) from None


def _credential(told: Any) -> _Credential:
    """A token by itself, or with the address that it is for."""
    found = _Credential(told) if isinstance(told, str) else _Credential(**told)
    if not isinstance(found.token, str) or not isinstance(found.url, str):
        raise TypeError("token and url are text")
    return found


_TOKENS_SHAPE = (
    f"{PREFIX}SOURCE_TOKENS must be a JSON object of tokens by merchant (or merchant/store), each "
    'a text or {"token": "…", "url": "https://…"}, or the path of a file that holds one; what was '
    "found is neither"
)
