"""What Prometheus reads at `/metrics`: requests by route and status, their durations, the run.

With several API processes the figures are those of all of them, through the folder that
`PROMETHEUS_MULTIPROC_DIR` names; `python -m api serve --workers` sets it up.
"""

from __future__ import annotations

import os
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.store.documents import Edition

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

    def exposition(self, edition: Edition | None) -> bytes:
        """All figures as Prometheus reads them, with those of the run that is served."""
        shown = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            shown = CollectorRegistry()
            MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
        return generate_latest(shown) + generate_latest(_run_registry(edition))


def _run_registry(edition: Edition | None) -> CollectorRegistry:
    """The run's figures, read when asked for."""
    registry = CollectorRegistry()
    if edition is None or edition.published_at is None:
        return registry
    published = datetime.fromisoformat(edition.published_at).timestamp()
    for name, meaning, value in (
        ("storecast_run_published_timestamp_seconds", "When the run was published", published),
        ("storecast_run_series", "Series of the run", edition.details.get("series", 0)),
    ):
        gauge = Gauge(name, meaning, ("run_id",), registry=registry)
        gauge.labels(edition.run_id).set(value)
    return registry
