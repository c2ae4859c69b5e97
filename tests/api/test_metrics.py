"""What is known of a run beside its forecasts: kept when it is published, told to Prometheus."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.metrics import Metrics
from api.publish import publish_run
from api.store.refreshes import RefreshRow

NOW = datetime(2026, 11, 3, 7, tzinfo=UTC)
MANIFEST = "predictions/run_id=2026-10.1/manifest.json"
FAILED = [
    {"shard": 7, "series": 20, "message": "no memory", "tries": 3, "served": "rule"},
    {"shard": 8, "series": 10, "message": "damaged", "tries": 3, "served": "nothing"},
]


def test_failed_shards_cost_and_the_last_months_accuracy_are_kept_with_the_run(
    lake, store, settings
):
    manifest = lake.read_json(MANIFEST)
    manifest |= {"failed": FAILED, "missing_series": 10, "reasons": {"retired": 2}}
    lake.write_json(MANIFEST, manifest | {"cost": {"seconds": 2.0}})
    total = {"rows": 30, "wape": 0.25, "coverage80": 0.81}
    lake.write_json("scores/month=2026-10/summary.json", {"total": total})
    publish_run(lake, store, "2026-10.1", settings, NOW)
    details = store.current().details
    assert (details["series_by_rule"], details["series_missing"]) == (20, 10)
    text = Metrics().exposition(store.current()).decode()
    for line in (
        'storecast_run_series_by_rule{run_id="2026-10.1"} 20.0',
        'storecast_run_series_missing{run_id="2026-10.1"} 10.0',
        'storecast_run_series_per_second{run_id="2026-10.1"} 2.5',
        'storecast_run_reasons{reason="retired",run_id="2026-10.1"} 2.0',
        'storecast_month_wape{month="2026-10"} 0.25',
        'storecast_month_coverage80{month="2026-10"} 0.81',
    ):
        assert line in text


def test_what_is_not_known_of_a_run_is_left_out(lake, store, settings):
    publish_run(lake, store, "2026-10.1", settings, NOW)
    assert store.current().details["seconds"] is None
    text = Metrics().exposition(store.current()).decode()
    assert "storecast_run_series_per_second" not in text
    assert 'storecast_run_series{run_id="2026-10.1"} 5.0' in text


def test_refreshes_that_wait_are_counted_and_the_oldest_one_told():
    at = [(datetime.now(UTC) - timedelta(seconds=s)).isoformat() for s in (30, 90, 500)]
    rows = [
        RefreshRow("a", "M1", "S1", at[0]),
        RefreshRow("b", "M1", "S2", at[1]),
        RefreshRow("c", "M1", "S3", at[2], state="training"),
    ]
    text = Metrics().exposition(None, rows).decode()
    assert "storecast_refreshes_active 3.0" in text
    (age,) = (
        float(line.split()[1])
        for line in text.splitlines()
        if line.startswith("storecast_refresh_queue_age_seconds ")
    )
    assert 90 <= age < 150
