"""Asking for a refresh: join the one that runs, be given what is there, or start one.

Of equal requests one starts, whichever process each came to: its id is made from scope, data
watermark, day awaited and configuration, and the store adds an id once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from math import ceil

from api.errors import TooManyRequestsError
from api.refresh.arrivals import awaited_day, last_pull
from api.refresh.cost import read_cost
from api.refresh.dispatch import Dispatcher
from api.refresh.documents import stamp_of
from api.refresh.run import Clock, now_by
from api.refresh.scope import RefreshScope, flight_of, scope_of_row
from api.store.protocol import ForecastStore
from api.store.refreshes import AskedTooOftenError, Limit, RefreshRow
from etl.daily import DailyManifest, read_manifest
from etl.errors import InputError, LakeError
from etl.lake import Lake
from etl.registry import pick_stores, read_stores
from etl.settings import Settings
from forecasting.daily import daily_configuration

__all__ = ["Asked", "Asking"]

_UNCHANGED = "nothing_changed"
_HOUR = timedelta(hours=1)
_SOON = timedelta(minutes=1)
"""How long nobody tries again to reach a marketplace that did not answer."""


@dataclass(frozen=True)
class Asked:
    """What came of one request for one store: `outcome` is started, joined or present.

    The `row` of what is present has no id where no refresh that is kept made all of it.
    """

    outcome: str
    row: RefreshRow


@dataclass(frozen=True)
class _Data:
    """What the lake holds of a store now, as far as a look at two files tells."""

    manifest: DailyManifest | None
    awaited: date | None
    pulled_at: str

    @property
    def watermark(self) -> str:
        return self.manifest.watermark if self.manifest else ""


@dataclass(frozen=True)
class Asking:
    """Takes requests for refreshes, and hands those that start to who makes them."""

    store: ForecastStore
    settings: Settings
    dispatcher: Dispatcher

    @cached_property
    def lake(self) -> Lake:
        """The lake, opened at its first use: the API serves what it has without it."""
        return Lake(self.settings.lake_url)

    @property
    def clock(self) -> Clock:
        """The present, or the rehearsal's instant."""
        return now_by(self.settings)

    def look(self, scope: RefreshScope) -> Asked | None:
        """The refresh to join, or what is there already; None where one must be started."""
        latest = self.store.refreshes.latest(scope.merchant_id, scope.store_id)
        covering = [row for row in latest if scope_of_row(row).covers(scope)]
        running = [row for row in covering if row.active]
        for row in running:
            if row.state != "training" and not self._lost(row):
                return Asked("joined", row)
        data = self._data(scope)
        for row in running:
            known = row.state == "training" and self._trains_on(row, scope, data)
            if known and not self._lost(row):
                return Asked("joined", row)
        return self._present(scope, covering, data)

    def start(self, scope: RefreshScope, by: str, asked: bool = True) -> Asked:
        """Start a refresh, or join the one that was started a moment before.

        Raises `TooManyRequestsError` where a merchant's people, counted where it was `asked` for by
        one, have started enough for now.
        """
        data = self._data(scope)
        configuration = daily_configuration(self.settings)
        awaited = data.awaited.isoformat() if data.awaited else ""
        flight = flight_of(scope, data.watermark, awaited, configuration)
        row = RefreshRow(
            f"{flight}-{self._number(flight)}",
            scope.merchant_id,
            scope.store_id,
            datetime.now(UTC).isoformat(timespec="milliseconds"),
            requested_by=by,
            asked=int(asked),
            category=scope.category,
            products=scope.products,
            configuration=configuration,
            watermark=data.watermark,
            estimate_seconds=self._estimate(scope, configuration),
        )
        outcome = "started" if self._added(row) else "joined"
        kept = self.store.refreshes.get(row.id) or row
        return Asked(outcome, self.handed_over(kept))

    def _number(self, flight: str) -> int:
        """Of refreshes with one single-flight key: the number of the one that is active, or the
        next."""
        number = 0
        while (row := self.store.refreshes.get(f"{flight}-{number}")) and not row.active:
            number += 1
        return number

    def handed_over(self, row: RefreshRow) -> RefreshRow:
        """The refresh, handed to who runs it unless it was. Raises `DispatchError`."""
        if row.state != "queued" or row.dispatched_at is not None:
            return row
        self.dispatcher.dispatch(row)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.store.refreshes.change(row.id, {"dispatched_at": at})
        return replace(row, dispatched_at=at)

    def _added(self, row: RefreshRow) -> bool:
        """Whether the refresh is new, counted where a person asked for it."""
        most = self.settings.refreshes_per_hour
        since = (datetime.now(UTC) - _HOUR).isoformat(timespec="milliseconds")
        try:
            return self.store.refreshes.add(row, Limit(since, most) if row.asked else None)
        except AskedTooOftenError:
            wait = self._seconds_until_free(row.merchant_id, since, most)
            raise TooManyRequestsError(
                f"a merchant may start {most} refreshes an hour; joining one that runs is free. "
                f"Try again in {wait} s",
                retry_after=wait,
            ) from None

    def _seconds_until_free(self, merchant_id: str, since: str, most: int) -> int:
        """Until the oldest of the refreshes that fill the limit is an hour ago."""
        asked = self.store.refreshes.asked_since(merchant_id, since)
        now = datetime.now(UTC)
        filling = asked[-most:] if most else []
        again = datetime.fromisoformat(filling[0]) + _HOUR if filling else now + _HOUR
        return max(1, ceil((again - now).total_seconds()))

    def _data(self, scope: RefreshScope) -> _Data:
        """A lake that cannot be read tells nothing: the worker will say what is the matter."""
        try:
            manifest = read_manifest(self.lake, scope.merchant_id, scope.store_id)
            stores = pick_stores(read_stores(self.lake), scope.merchant_id, scope.store_id)
            awaited = awaited_day(stores[0], self.clock())
            return _Data(manifest, awaited, last_pull(self.lake, stores[0], awaited))
        except (InputError, LakeError):
            return _Data(None, None, "")

    def _trains_on(self, row: RefreshRow, scope: RefreshScope, data: _Data) -> bool:
        """Whether a refresh trains on the data and under the configuration of now.

        Data that lacks the day awaited is not that of now, unless the refresh could not pull it.
        """
        until = data.manifest.data_until if data.manifest else None
        if until != data.awaited and not row.reason:
            return False
        now = (data.watermark, self._pulled(scope, data), daily_configuration(self.settings))
        return (row.watermark, row.pulled_at, row.configuration) == now

    def _pulled(self, scope: RefreshScope, data: _Data) -> str:
        """When the last day that the series hold was pulled."""
        if data.manifest is None or data.manifest.data_until == data.awaited:
            return data.pulled_at
        store = pick_stores(read_stores(self.lake), scope.merchant_id, scope.store_id)[0]
        return last_pull(self.lake, store, data.manifest.data_until)

    def _present(
        self, scope: RefreshScope, covering: Sequence[RefreshRow], data: _Data
    ) -> Asked | None:
        """What is served, where a refresh would find nothing new."""
        ended = [row for row in covering if row.state == "done"]
        last = ended[0] if ended else None
        if last is not None and _tried_just_now(last):
            return Asked("present", last)
        if data.manifest is None or data.manifest.data_until != data.awaited:
            return None
        configuration = daily_configuration(self.settings)
        known = (data.watermark, data.pulled_at, configuration)
        for row in ended:
            if (row.watermark, row.pulled_at, row.configuration) == known:
                return Asked("present", replace(row, reason=row.reason or _UNCHANGED))
        return self._made_with_others(scope, data, configuration)

    def _made_with_others(
        self, scope: RefreshScope, data: _Data, configuration: str
    ) -> Asked | None:
        """The scope's forecasts, where refreshes of other scopes have made each of them."""
        latest = self.store.refreshes.latest(scope.merchant_id, scope.store_id)
        seen = any(
            (row.watermark, row.pulled_at) == (data.watermark, data.pulled_at)
            for row in latest
            if row.state == "done"
        )
        if data.manifest is None or scope.category is not None or not seen:
            return None
        stamps = self.store.daily.stamps(scope.merchant_id, scope.store_id)
        stamp = stamp_of(data.watermark, configuration)
        made = {product for product, found in stamps.items() if found == stamp}
        whole = len(made) == data.manifest.series if scope.products is None else None
        if whole or (scope.products is not None and {*scope.products} <= made):
            products = len(scope.products) if scope.products is not None else len(made)
            return Asked("present", _made_already(scope, data.manifest, products))
        return None

    def _estimate(self, scope: RefreshScope, configuration: str) -> float | None:
        """Seconds for the refresh itself and for those before it; None where none was measured."""
        known = len(self.store.daily.stamps(scope.merchant_id, scope.store_id))
        series = len(scope.products) if scope.products is not None else known
        own = read_cost(self.store, configuration).seconds_for(series)
        if own is None:
            return None
        return own + sum(row.estimate_seconds or 0.0 for row in self.store.refreshes.active())

    def _lost(self, row: RefreshRow) -> bool:
        """Whether who was to run it has given up; it is ended then, so that one can be started."""
        leases = self.store.refreshes.leases([row.merchant_id])
        worked_on = {lease[:2] for lease in leases if lease.until > time.time()}
        if (row.merchant_id, row.store_id) in worked_on or not self.dispatcher.gave_up(row):
            return False
        at = datetime.now(UTC).isoformat(timespec="seconds")
        changes = {"state": "failed", "reason": f"worker_lost times={row.losses + 1}"}
        return self.store.refreshes.change(row.id, {**changes, "finished_at": at}, row.holder)


def _made_already(scope: RefreshScope, manifest: DailyManifest, products: int) -> RefreshRow:
    """What is served, as a refresh of nobody."""
    return RefreshRow(
        "",
        scope.merchant_id,
        scope.store_id,
        "",
        products=scope.products,
        state="done",
        done=products,
        of=products,
        data_until=manifest.data_until.isoformat(),
        reason=_UNCHANGED,
    )


def _tried_just_now(row: RefreshRow) -> bool:
    """Whether its marketplace could not be reached less than a minute ago."""
    if not row.reason.startswith("source_") or row.finished_at is None:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(row.finished_at) < _SOON
