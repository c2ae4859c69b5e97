"""Alerts: what an operator is told without asking, by webhook and by mail.

An alert has a code, which the runbook of `docs/operations.md` explains, a sentence, and what is
behind it. It is noted in the lake, in `alerts/`, and the same one is not sent again within a day.
Whoever finds it calls `tell`; that it cannot be delivered is logged, and never stops the work that
it is about. Secrets of the settings are taken out of every message.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dags.messengers import DeliveryError, messengers_of
from etl.errors import LakeError, SettingError, StorecastError
from etl.lake import Lake
from etl.retail.source import tokens_of
from etl.settings import Settings

__all__ = ["RUNBOOK", "Alert", "message_of", "redacted", "tell"]

_LOG = logging.getLogger("storecast.alerts")
_AGAIN = timedelta(hours=20)
_LONGEST = 4000

RUNBOOK = {
    "task_failed": "Read the message and the end of the task's log, mend what it names, then clear "
    "the task; nothing half-made is served.",
    "days_missing": "See `python -m etl ledger`; the daily pull tries again, or pull the days with "
    "`python -m etl ingest`. The month waits for them.",
    "quarantine_limit": "See `python -m etl quarantine list`; mend the source and pull the days "
    "again, or raise STORECAST_QUARANTINE_LIMIT if they are right; then clear the task.",
    "drift": "Read the month's report: is it the shop (a price, a promotion, a closure) or the "
    "data? Pull what is wrong again and forecast the month anew.",
    "gate_refused": "The engine before goes on serving. Read the gate's reason in the month's "
    "report; set STORECAST_ENGINE back, or mend the new engine.",
    "runs_held": "The last run of the version before goes on being served. Read the gate's reason "
    "in the month's report. Install the release before and clear `open_run` of the DAG run; or "
    "accept the new one by `python -m forecasting accept` and clear `publish_run`.",
    "run_not_fresh": "Look at the last runs of `build_monthly_sales` and `forecast_sales`: a month "
    "waits for days, a task failed, or publishing waits for an analyst.",
    "run_outdated": "Late refunds do this, and the next month's run takes them in. After a "
    "back-fill or a mended connector, forecast the month anew: clear `build_shards` of its "
    "DAG run.",
    "shards_failed": "The rest is published. Mend what the message names, then clear `open_run` of "
    "the DAG run: the month's next revision forecasts them.",
    "test": "Nothing to do: somebody tries whether alerts arrive.",
}
"""What to do about each alert."""


@dataclass(frozen=True)
class Alert:
    """One alert: its code, a sentence that says what is wrong, and what is behind it."""

    code: str
    what: str
    details: tuple[str, ...] = ()


def tell(alerts: Iterable[Alert], settings: Settings, at: datetime | None = None) -> int:
    """Send the alerts that were not sent within the day; how many could not be delivered."""
    at = at or datetime.now(UTC)
    lost = 0
    for alert in alerts:
        message = message_of(alert, settings, at)
        _LOG.warning("alert %s: %s", message["code"], message["what"])
        if not _sent_lately(message, settings, at):
            delivered = _delivered(message, settings)
            lost += not delivered
            _note(message, settings, delivered)
    return lost


def message_of(alert: Alert, settings: Settings, at: datetime) -> dict[str, Any]:
    """The alert as receivers get it; `text` is all of it in words, as chat rooms show it."""
    what = redacted(alert.what, settings)[:_LONGEST]
    details = [redacted(detail, settings)[:_LONGEST] for detail in alert.details]
    runbook = RUNBOOK[alert.code]
    text = "\n".join([f"Storecast {alert.code}: {what}", *details, f"What to do: {runbook}"])
    return {
        "code": alert.code,
        "what": what,
        "details": details,
        "runbook": f"{runbook} (docs/operations.md, alert {alert.code})",
        "at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "text": text,
    }


def redacted(text: str, settings: Settings) -> str:
    """`text` without what the settings keep secret, and without passwords in addresses.

    >>> redacted("mongodb://me:word@host/db is away", Settings())
    'mongodb://…@host/db is away'
    """
    for secret in sorted(_secrets(settings), key=len, reverse=True):
        text = text.replace(secret, "…")
    text = re.sub(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@", r"\1…@", text, flags=re.IGNORECASE)
    return re.sub(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}", r"\1 …", text)


def _secrets(settings: Settings) -> set[str]:
    """Texts that may stand in no message: tokens, passwords, the webhook's address."""
    told = {settings.airflow_password, settings.alert_webhook, settings.alert_smtp}
    with contextlib.suppress(SettingError):  # no tokens can be read of it, so none are told
        told |= tokens_of(settings)
    return {text for text in told if len(text) >= 6}


def _delivered(message: dict[str, Any], settings: Settings) -> bool:
    """Whether every messenger that is set up took it."""
    try:
        messengers = messengers_of(settings)
    except StorecastError:
        _LOG.exception("alert %s not delivered", message["code"])
        return False
    whole = True
    for messenger in messengers:
        try:
            messenger(message)
        except DeliveryError as error:
            whole = False
            _LOG.error("alert %s not delivered: %s", message["code"], error)
    return whole


def _sent_lately(message: dict[str, Any], settings: Settings, at: datetime) -> bool:
    try:
        lake, path = Lake(settings.lake_url), _path(message)
        noted: dict[str, Any] = lake.read_json(path) if lake.exists(path) else {"delivered": False}
    except (StorecastError, OSError):
        return False
    return bool(noted["delivered"]) and at - datetime.fromisoformat(noted["at"]) < _AGAIN


def _note(message: dict[str, Any], settings: Settings, delivered: bool) -> None:
    """Keep the alert in the lake; a lake that is what is wrong keeps none."""
    try:
        Lake(settings.lake_url).write_json(_path(message), {**message, "delivered": delivered})
    except (LakeError, OSError):
        _LOG.warning("alert %s is not kept in the lake", message["code"])


def _path(message: dict[str, Any]) -> str:
    """One place for what is the same alert: its code and its words."""
    digest = hashlib.sha256(f"{message['code']} {message['what']}".encode()).hexdigest()[:16]
    return f"alerts/code={message['code']}/{digest}.json"
