"""What the forecast store keeps of refreshes: who asked for what, how far it is, who works on it.

A refresh's id is made from what it is about, so that of two requests for the same thing one is
added and the other joins. A *lease* gives a store to one worker at a time; it is over when its time
runs out, so that what a lost worker held can be taken by another. `until` and `taken_at` are in
seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol

__all__ = [
    "ACTIVE",
    "AskedTooOftenError",
    "Lease",
    "Limit",
    "RefreshQueue",
    "RefreshRow",
    "row_from",
]

ACTIVE = ("queued", "pulling", "training")
"""States in which a refresh is still to be worked on."""


@dataclass(frozen=True)
class RefreshRow:
    """One refresh of one store, or (with `parts`) one that stands for refreshes of several.

    `watermark` is that of the data it was asked on, then of the data it trains on; `pulled_at` when
    the last day of those was pulled. `holder` is the worker that has it, '' where none does,
    `turn_at` when that began, `losses` how often a worker was lost over it. `asked` is 1 where a
    person's request is counted for it.
    """

    id: str
    merchant_id: str
    store_id: str
    requested_at: str
    requested_by: str = ""
    asked: int = 1
    region: str | None = None
    category: str | None = None
    products: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None
    configuration: str = ""
    watermark: str = ""
    pulled_at: str = ""
    state: str = "queued"
    done: int = 0
    of: int | None = None
    trained: int = 0
    estimate_seconds: float | None = None
    started_at: str | None = None
    finished_at: str | None = None
    data_until: str | None = None
    reason: str = ""
    message: str = ""
    dispatched_at: str | None = None
    holder: str = ""
    turn_at: float = 0.0
    losses: int = 0

    @property
    def active(self) -> bool:
        """Whether it is still to be worked on."""
        return self.state in ACTIVE


def row_from(document: Mapping[str, Any]) -> RefreshRow:
    """The refresh that a kept document describes; what it holds besides is left out."""
    values = {field.name: document[field.name] for field in _FIELDS if field.name in document}
    for name in ("products", "parts"):
        if values.get(name) is not None:
            values[name] = tuple(values[name])
    return RefreshRow(**values)


_FIELDS = fields(RefreshRow)


class Lease(NamedTuple):
    """Who has a store, until when, and when they took it; it stays as a note of the last turn."""

    merchant_id: str
    store_id: str
    holder: str
    until: float
    taken_at: float


class Limit(NamedTuple):
    """How many refreshes a merchant's people may ask for since an instant."""

    since: str
    most: int


class AskedTooOftenError(Exception):
    """A merchant's people have asked for as many refreshes as the limit allows."""


class RefreshQueue(Protocol):
    """Refreshes and leases as a home of the store keeps them, safe between processes."""

    def add(self, refresh: RefreshRow, limit: Limit | None = None) -> bool:
        """Keep a new refresh; False where its id is taken, and nothing is changed then.

        Raises `AskedTooOftenError` where it would go beyond the merchant's limit. Counting and
        keeping are one step, so that of processes that ask at the same instant none slips through.
        """

    def get(self, refresh_id: str) -> RefreshRow | None:
        """The refresh of that id."""

    def latest(self, merchant_id: str, store_id: str, limit: int = 20) -> list[RefreshRow]:
        """The refreshes of a store that were asked for last, the newest first."""

    def active(self) -> list[RefreshRow]:
        """Every refresh of a store that is to be worked on, the oldest first."""

    def asked_since(self, merchant_id: str, since: str) -> list[str]:
        """When a merchant's people asked for refreshes since then, the oldest first."""

    def change(self, refresh_id: str, changes: dict[str, Any], holder: str | None = None) -> bool:
        """Set fields of a refresh; with `holder`, only where it is theirs. Whether it was done."""

    def remove_asked_before(self, requested_at: str) -> int:
        """Forget refreshes that ended and were asked for before then; how many went."""

    def take_lease(
        self, merchant_id: str, store_id: str, holder: str, now: float, until: float
    ) -> bool:
        """Take or renew the lease of a store; False while another's has not run out."""

    def end_lease(self, merchant_id: str, store_id: str, holder: str, now: float) -> None:
        """Give the store back, where it is the holder's."""

    def leases(self, merchants: Sequence[str]) -> list[Lease]:
        """Leases of those merchants' stores, ended ones too."""
