"""What a store must do when a merchant is forgotten, in either home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Forgetting"]


class Forgetting(Protocol):
    """Whatever the store keeps of a merchant, in all editions, records and queues.

    A document is the merchant's where its field `merchant_id` says so; every table or collection
    that has the field is looked through, whoever made it.
    """

    def forget(self, merchant_id: str) -> dict[str, int]:
        """Remove every document of the merchant; how many, by table. Works in small steps."""

    def amend(self, load: int, digest: str | None, details: Mapping[str, Any]) -> None:
        """Change what is kept of a published edition, whose run is told otherwise now."""

    def traces(self, merchant_id: str) -> dict[str, int]:
        """Documents that are the merchant's or name it as `merchant_id`, by table; empty: none."""

    def scrub(self) -> None:
        """Leave nothing of what was removed in the store's own files, where that is for us to do.

        Takes the time of a copy of the store; readers go on meanwhile.
        """
