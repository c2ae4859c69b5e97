"""Whose turn it is: a worker goes round the merchants, and of each round its stores.

A worker that has had a store for a while gives it back where others wait, so that one large store
does not hold up the small ones; what it has done stays done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.store.refreshes import Lease, RefreshQueue, RefreshRow

__all__ = ["claim_next", "in_turn", "others_wait"]


def in_turn(waiting: Sequence[RefreshRow], leases: Sequence[Lease], now: float) -> list[RefreshRow]:
    """Refreshes that may be begun now, the one whose turn it is first.

    The merchant with the fewest stores in work comes first, then who has waited longest since the
    last turn: merchant, store, refresh. A store in work is left out.
    """
    busy = {(lease.merchant_id, lease.store_id) for lease in leases if lease.until > now}
    at_work: dict[str, int] = {}
    last_turn: dict[str, float] = {}
    store_turn: dict[tuple[str, str], float] = {}
    for lease in leases:
        merchant = lease.merchant_id
        at_work[merchant] = at_work.get(merchant, 0) + (lease.until > now)
        last_turn[merchant] = max(last_turn.get(merchant, 0.0), lease.taken_at)
        store_turn[merchant, lease.store_id] = lease.taken_at

    def place(row: RefreshRow) -> tuple[Any, ...]:
        return (
            at_work.get(row.merchant_id, 0),
            last_turn.get(row.merchant_id, 0.0),
            store_turn.get((row.merchant_id, row.store_id), 0.0),
            row.turn_at,
            row.requested_at,
            row.id,
        )

    free = (row for row in waiting if (row.merchant_id, row.store_id) not in busy)
    return sorted(free, key=place)


def claim_next(
    queue: RefreshQueue, holder: str, now: float, lease_seconds: float
) -> RefreshRow | None:
    """The refresh whose turn it is, its store leased to `holder`; None where nothing waits."""
    waiting = queue.active()
    leases = queue.leases(sorted({row.merchant_id for row in waiting})) if waiting else []
    for row in in_turn(waiting, leases, now):
        if claim(queue, row, holder, now, lease_seconds):
            return queue.get(row.id)
    return None


def claim(
    queue: RefreshQueue, row: RefreshRow, holder: str, now: float, lease_seconds: float
) -> bool:
    """Lease the store of a refresh and note who works on it; False where that cannot be."""
    store = (row.merchant_id, row.store_id)
    if not queue.take_lease(*store, holder, now, now + lease_seconds):
        return False
    found = queue.get(row.id)
    if found is None or not found.active:
        queue.end_lease(*store, holder, now)
        return False
    lost = found.holder not in ("", holder)
    noted = {"holder": holder, "turn_at": now, "losses": found.losses + lost}
    return queue.change(row.id, noted)


def others_wait(queue: RefreshQueue, row: RefreshRow, now: float) -> bool:
    """Whether another refresh waits for a worker, of this store or of one that nobody works on."""
    waiting = [one for one in queue.active() if one.id != row.id]
    if not waiting:
        return False
    leases = queue.leases(sorted({one.merchant_id for one in waiting}))
    others = [lease for lease in leases if lease[:2] != (row.merchant_id, row.store_id)]
    return bool(in_turn(waiting, others, now))
