"""Who changed what: a trail in the store, which outlives runs; reads stand in the request log."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.store.protocol import ForecastStore

__all__ = ["COMMAND_LINE", "note_change", "read_trail"]

COMMAND_LINE = "command line"
"""Who changed it, where a person at the server did."""


def note_change(
    store: ForecastStore,
    action: str,
    by: str,
    about: Mapping[str, Any],
    owner: tuple[str, str, str] = ("", "", ""),
) -> None:
    """Add a line to the trail: the action, the token's id, and what it was about."""
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    document = {"at": at, "action": action, "by": by, "merchant_id": owner[0] or None, **about}
    key = f"{at.removesuffix('+00:00')}-{secrets.token_hex(4)}"
    store.put_record("audit", key, document, owner)


def read_trail(store: ForecastStore, after: str, limit: int) -> dict[str, Any]:
    """Lines of the trail after that key, the oldest first, and the key to go on from."""
    found = list(store.records("audit", after=after, limit=limit + 1))
    following = found[limit - 1][0] if len(found) > limit else None
    return {"changes": [document for _, document in found[:limit]], "next": following}
