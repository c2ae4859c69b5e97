"""The settings of Storecast: one frozen object, built from the environment at the entry points.

Every field is an environment variable of the same name in capitals behind `STORECAST_`, has a
default that runs on one laptop, and a sentence of meaning. Building it touches nothing on disk.

>>> settings_from({"STORECAST_LAKE_URL": "az://lake/prod"}).lake_url
'az://lake/prod'
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from etl.errors import SettingError

__all__ = ["PREFIX", "Settings", "settings_from"]

PREFIX = "STORECAST_"


def _setting(
    default: Any,
    meaning: str,
    *,
    least: float = 0,
    most: float = math.inf,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field with its meaning, the bounds of a number, and the words that a text is one of."""
    allowed = {"least": least, "most": most, "choices": choices}
    return field(default=default, metadata={"meaning": meaning, **allowed})


@dataclass(frozen=True)
class Settings:
    """What a run of Storecast may be told from outside. `docs/settings.md` lists the fields."""

    lake_url: str = _setting(
        "data/lake", "Where the lake is: a folder, or `az://container/path` on Azure Blob Storage."
    )
    store_url: str = _setting(
        "sqlite:///data/store.sqlite",
        "Where forecasts are served from: `sqlite:///file`, or `mongodb://…` with a database name.",
    )
    source_url: str = _setting(
        "http://127.0.0.1:8090", "Base address of the marketplace's API (the sandbox by default)."
    )
    source_tokens: str = _setting(
        "",
        'Marketplace tokens by merchant: JSON as in `{"M1": "…"}`, or the path of such a file; '
        "[more shapes](sources.md#credentials). Never logged.",
    )
    source_attempts: int = _setting(
        8,
        "Times that a request to the marketplace is made before it counts as unreachable.",
        least=1,
    )
    trailing_days: int = _setting(
        35, "Days before the latest that the daily ingest pulls again, because orders change."
    )
    quarantine_limit: float = _setting(
        0.05,
        "Share of a month's order lines in quarantine above which the month is not built.",
        most=1,
    )
    non_products: str = _setting(
        r"^(POST|DOT|M|D|C2|C3|S|B|BANK CHARGES|AMAZONFEE|CRUK|PADS|SP\d*|ADJUST\d*|TEST\d*"
        r"|gift_.*)$",
        "Regular expression of SKUs that are fees, not products; their lines go to quarantine.",
    )
    duckdb_memory: str = _setting(
        "256MB", "Memory that DuckDB may take while a month or its shards are built."
    )
    shard_series: int = _setting(
        0,
        "Series in one shard, the work of one mapped task; 0 chooses by what a series cost in the "
        "run before.",
    )
    failed_shards_limit: float = _setting(
        0.02,
        "Share of a run's series whose shards may fail while the rest is published; 0 allows none.",
        most=1,
    )
    horizon: int = _setting(12, "Months ahead that a run predicts.", least=1)
    engine: str = _setting("ensemble", "The forecasting engine that the monthly run uses.")
    daily_engine: str = _setting("daily", "The engine that forecasts the next seven days.")
    pmdarima_best_sellers: int = _setting(
        200, "Best sellers that a run under `engine=pmdarima` searches; a rule serves the rest."
    )
    jobs: int = _setting(0, "Processes that one shard is spread over; 0 takes every core.")
    gate_series: int = _setting(
        2000,
        "Series on which a new engine or version is compared with the serving one, at most about "
        "so many: a twentieth of the fleet, or 500 where that is more.",
        least=1,
    )
    gate_origins: int = _setting(6, "Held-out months of that comparison.", least=1)
    canary_share: float = _setting(
        0.1,
        "Share of series that a new engine, or one with other options, serves first.",
        most=1,
    )
    approval: str = _setting(
        "auto",
        "`auto` publishes a run that passes the gate; `wait` holds it for an analyst.",
        choices=("auto", "wait"),
    )
    keep_runs: int = _setting(3, "Published runs that the store keeps for rollback.")
    keep_raw_months: int = _setting(
        40, "Months for which raw store-days are kept; daily series need the last 36."
    )
    keep_shards_months: int = _setting(
        15, "Months for which training shards are kept; above the horizon, for scoring."
    )
    keep_runs_months: int = _setting(
        36, "Months for which the files of runs are kept; their manifests are for ever."
    )
    keep_models_months: int = _setting(
        3, "Months for which fitted models are kept; a run starts from the month before."
    )
    keep_log_days: int = _setting(
        90, "Days for which lines of the request log, and alerts, are kept."
    )
    token_cache_seconds: float = _setting(
        5.0, "Seconds for which the API remembers a token it has checked; a revoked one ends then."
    )
    requests_per_second: float = _setting(
        50.0, "Requests a second that one token may make of the API, on average.", least=0.001
    )
    request_burst: int = _setting(
        200,
        "Requests that one token may make at once, before it must slow down.",
        least=1,
    )
    limits_file: str = _setting(
        "",
        "File in which the API processes of one machine count requests together; empty: those "
        "of one `serve` do.",
    )
    max_body_bytes: int = _setting(65536, "Longest request body that the API accepts.")
    page_cache_bytes: int = _setting(
        67108864, "Memory in which one API process keeps rendered lists of the run it serves."
    )
    fresh_days: int = _setting(
        45, "Days after its publishing for which a run counts as fresh at `/readyz`."
    )
    request_log: str = _setting(
        "", "File for the API's JSON line per request, who read what; empty: standard output."
    )
    refresh: str = _setting(
        "embedded",
        "Who makes refreshes: `embedded`, the workers of `python -m api`; `airflow`, its DAG.",
        choices=("embedded", "airflow"),
    )
    refreshes_per_hour: int = _setting(
        60, "Refreshes that a merchant's people may start within an hour; joining one is free."
    )
    refresh_pull_days: int = _setting(
        35, "Latest days among which a refresh pulls the missing ones before it trains."
    )
    refresh_turn_seconds: float = _setting(
        8.0, "Seconds after which a worker leaves a store for a while where others wait."
    )
    refresh_lease_seconds: float = _setting(
        20.0, "Seconds without a sign of life after which a worker's refresh goes to another."
    )
    airflow_url: str = _setting("", "Airflow's address, where `STORECAST_REFRESH=airflow`.")
    airflow_user: str = _setting(
        "", "User of Airflow who may trigger `refresh_forecasts`; empty: Airflow asks for none."
    )
    airflow_password: str = _setting("", "That user's password. Never logged.")
    now: str = _setting(
        "",
        "Instant that refreshes take for the present, for rehearsals on old orders, as in "
        "`2026-11-03T06:00:00Z`; empty: the clock.",
    )
    alert_webhook: str = _setting(
        "",
        "Where alerts are posted as JSON: an https URL, or the path of a file that holds it; "
        "empty: nowhere. Never logged.",
    )
    alert_smtp: str = _setting(
        "",
        "Mail server for alerts: `smtp://user:password@host:587` or `smtps://…`, or the path of a "
        "file that holds it; empty: none. Never logged.",
    )
    alert_from: str = _setting("storecast@localhost", "Sender of the alerts' mails.")
    alert_to: str = _setting("", "Who gets the alerts' mails: addresses, with commas between.")
    jwt_keys: str = _setting(
        "",
        "JWKS of the marketplace's sign-on: a file or an https URL; empty: its tokens are refused.",
    )
    jwt_audience: str = _setting("storecast", "Audience that a marketplace's token must carry.")
    jwt_issuer: str = _setting("", "Issuer that a marketplace's token must carry; empty: any.")
    jwt_leeway_seconds: int = _setting(
        30, "Clock skew between marketplace and API that a token's times are allowed."
    )


def settings_from(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environment` (the process's own by default).

    Raises `SettingError` where a value does not fit its type, or is none that is allowed.
    """
    environment = os.environ if environment is None else environment
    types = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        name = PREFIX + setting.name.upper()
        if environment.get(name, "") != "":
            value = _read(name, environment[name], types[setting.name])
            _refuse_other(name, value, **setting.metadata)
            values[setting.name] = value
    return Settings(**values)


def _read(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        what = "a whole number" if kind is int else "a number"
        raise SettingError(f"{name} must be {what}; found {text!r}") from error


def _refuse_other(
    name: str, value: Any, least: float, most: float, choices: tuple[str, ...], **_: Any
) -> None:
    """Raise `SettingError` where the value is none of the choices, or beyond its bounds."""
    if choices and value not in choices:
        raise SettingError(f"{name} must be {' or '.join(choices)}; found {value!r}")
    # Written so that NaN, which compares with nothing, is refused as well.
    if not isinstance(value, str) and not least <= value <= most:
        bounds = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
        raise SettingError(f"{name} must be {bounds}; found {value!r}")
