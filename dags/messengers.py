"""Ways to deliver an alert: posted to a webhook, or by mail.

Both are given their address by the settings, or by a file that a setting names, so that a secret
store can mount it. An address holds secrets: no error quotes it.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from etl.errors import SettingError
from etl.settings import Settings

__all__ = ["DeliveryError", "messengers_of"]

Messenger = Callable[[dict[str, Any]], None]

_SECONDS = 10.0
_ATTEMPTS = 3
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class DeliveryError(Exception):
    """A receiver could not be reached, or refused an alert."""


def messengers_of(settings: Settings) -> list[Messenger]:
    """The ways that the settings set up; none where they name no receiver."""
    found: list[Messenger] = []
    if settings.alert_webhook:
        url = _address("ALERT_WEBHOOK", settings.alert_webhook, ("http", "https"))
        found.append(lambda message: _post(url, message))
    if settings.alert_smtp:
        server = _address("ALERT_SMTP", settings.alert_smtp, ("smtp", "smtps"))
        receivers = [one.strip() for one in settings.alert_to.split(",") if one.strip()]
        if not receivers:
            raise SettingError("STORECAST_ALERT_SMTP needs STORECAST_ALERT_TO, who gets the mail")
        found.append(lambda message: _mail(server, settings.alert_from, receivers, message))
    return found


def _address(name: str, told: str, schemes: tuple[str, ...]) -> SplitResult:
    """The address that a setting tells, or the file that it names."""
    if "://" not in told and Path(told).is_file():
        told = Path(told).read_text().strip()
    address = urlsplit(told)
    if address.scheme not in schemes or not address.hostname:
        raise SettingError(
            f"STORECAST_{name} must be {' or '.join(f'{one}://…' for one in schemes)}, or the path "
            "of a file that holds it; what was found is neither"
        )
    return address


def _post(url: SplitResult, message: dict[str, Any]) -> None:
    """Post the message as JSON; a server's trouble is tried again."""
    trouble = ""
    with httpx.Client(timeout=_SECONDS, trust_env=False) as http:
        for _ in range(_ATTEMPTS):
            try:
                answer = http.post(url.geturl(), json=message)
            except httpx.HTTPError as error:
                trouble = type(error).__name__
                continue
            if answer.is_success:
                return
            trouble = f"it answered {answer.status_code}"
            if not answer.is_server_error:
                break
    raise DeliveryError(f"the webhook at {url.hostname} did not take it: {trouble}")


def _mail(server: SplitResult, sender: str, receivers: list[str], message: dict[str, Any]) -> None:
    mail = EmailMessage()
    mail["Subject"] = f"Storecast: {message['code']}: {_first_line(message['what'])}"
    mail["From"] = sender
    mail["To"] = ", ".join(receivers)
    mail.set_content(f"{message['text']}\n\n{message['at']}\n")
    try:
        with _connected(server) as smtp:
            smtp.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(
            f"the mail server at {server.hostname} did not take it: {type(error).__name__}"
        ) from error


def _connected(server: SplitResult) -> smtplib.SMTP:
    """A session, signed in where the address says who; never in clear over a network."""
    host, secure = str(server.hostname), server.scheme == "smtps"
    smtp: smtplib.SMTP
    if secure:
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(host, server.port or 465, timeout=_SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(host, server.port or 587, timeout=_SECONDS)
    try:
        smtp.ehlo()
        if not secure and smtp.has_extn("starttls"):
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
            secure = True
        if server.username:
            if not secure and host not in _LOOPBACK:
                raise DeliveryError(
                    f"the mail server at {host} offers no TLS; the password is not sent in clear"
                )
            smtp.login(unquote(server.username), unquote(server.password or ""))
    except BaseException:
        smtp.close()
        raise
    return smtp


def _first_line(text: str) -> str:
    """The beginning of a sentence, as a subject may hold it.

    >>> _first_line("two\\nlines")
    'two'
    """
    return (text.splitlines() or [""])[0][:120]
