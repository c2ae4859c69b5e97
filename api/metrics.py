"""What Prometheus reads at `/metrics`: requests, their durations, the run, waiting refreshes.

With several API processes the figures are those of all of them, through the folder that
`PROMETHEUS_MULTIPROC_DIR` names; `python -m api serve --workers` sets it up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.store.documents import Edition
from api.store.refreshes import RefreshRow

__all__ = ["Metrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """Counters of one API process, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "storecast_request_seconds",
            "Requests, by the time from their arrival to their last byte",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._of: dict[tuple[str, str, int], Histogram] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        histogram = self._of.get((method, route, status))
        if histogram is None:
            histogram = self._seconds.labels(method, route, str(status))
            self._of[method, route, status] = histogram
        histogram.observe(seconds)

    def exposition(self, edition: Edition | None, waiting: Sequence[RefreshRow] = ()) -> bytes:
        """All figures as Prometheus reads them.

        With those of the run that is served, and of the refreshes that are to be worked on.
        """
        shown = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            shown = CollectorRegistry()
            MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
        return b"".join(
            generate_latest(registry)
            for registry in (shown, _run_registry(edition), _queue_registry(waiting))
        )


def _run_registry(edition: Edition | None) -> CollectorRegistry:
    """The run's figures, read when asked for."""
    registry = CollectorRegistry()
    if edition is None or edition.published_at is None:
        return registry
    published = datetime.fromisoformat(edition.published_at).timestamp()
    details = edition.details
    series, seconds = details.get("series", 0), details.get("seconds")
    for name, meaning, value in (
        ("run_published_timestamp_seconds", "When the run was published", published),
        ("run_series", "Series of the run", series),
        ("run_series_by_rule", "Of failed shards, by a simple rule", details.get("series_by_rule")),
        ("run_series_missing", "Of failed shards, no forecast", details.get("series_missing")),
        ("run_series_per_second", "Series by task second", series / seconds if seconds else None),
    ):
        _set(registry, name, meaning, {"run_id": edition.run_id}, value)
    reasons = Gauge(
        "storecast_run_reasons", "Series by reason", ("run_id", "reason"), registry=registry
    )
    for reason, count in details.get("reasons", {}).items():
        reasons.labels(edition.run_id, reason).set(count)
    month = details.get("last_month") or {}
    for name, meaning in (("wape", "WAPE"), ("coverage80", "What 80 % intervals held")):
        label = {"month": month.get("month", "")}
        _set(registry, f"month_{name}", f"{meaning} of the month", label, month.get(name))
    return registry


def _queue_registry(waiting: Sequence[RefreshRow]) -> CollectorRegistry:
    """How many refreshes are queued or in work, and for how long the oldest has waited."""
    registry = CollectorRegistry()
    queued = [row for row in waiting if row.state == "queued"]
    asked = [datetime.fromisoformat(row.requested_at) for row in queued]
    age = max((datetime.now(UTC) - at).total_seconds() for at in asked) if asked else 0.0
    _set(registry, "refreshes_active", "Refreshes queued or in work", {}, len(waiting))
    _set(registry, "refresh_queue_age_seconds", "How long the oldest one has waited", {}, age)
    return registry


def _set(
    registry: CollectorRegistry,
    name: str,
    meaning: str,
    labels: Mapping[str, str],
    value: float | None,
) -> None:
    """A gauge of one value; none where it is not known."""
    if value is not None:
        gauge = Gauge(f"storecast_{name}", meaning, tuple(labels), registry=registry)
        (gauge.labels(**labels) if labels else gauge).set(value)
