"""A patient connection to a marketplace: what every connector asks its questions through.

It waits where the marketplace says so (429 with Retry-After), tries again with growing, jittered
pauses where the marketplace or the way to it fails (5xx, resets, truncated bodies), and says in
words what went wrong where patience does not help. The token is in no message and no log.
"""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from etl.errors import SourceContractError, SourceDeniedError, SourceUnreachableError
from etl.settings import PREFIX

__all__ = ["Connection"]

_LONGEST_WAIT_SECONDS = 60.0
_BUSY_ANSWERS = 200
_TIMEOUT = httpx.Timeout(30.0)


class _FaultError(Exception):
    """The marketplace, or the way to it, failed in a way that may pass."""


class _BusyError(Exception):
    """The marketplace asked to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked to wait {seconds:g} s")
        self.seconds = seconds


class Connection:
    """JSON answers of one marketplace to one merchant's token.

    `sleep` and `client` are there for tests that live through a month in a second.
    """

    def __init__(
        self,
        url: str,
        merchant_id: str,
        headers: dict[str, str],
        *,
        attempts: int = 8,
        sleep: Callable[[float], None] = time.sleep,
        client: httpx.Client | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._merchant_id = merchant_id
        self._headers = headers
        self._client = client or httpx.Client(timeout=_TIMEOUT)
        # Sources are passed from job to job and have no natural owner: the last one to let go
        # closes the connection.
        weakref.finalize(self, self._client.close)
        self._patient = Retrying(
            retry=retry_if_exception_type(_FaultError),
            wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_WAIT_SECONDS),
            stop=stop_after_attempt(attempts),
            sleep=sleep,
            reraise=True,
        )
        self._polite = Retrying(
            retry=retry_if_exception_type(_BusyError),
            wait=_asked_wait,
            stop=stop_after_attempt(_BUSY_ANSWERS),
            sleep=sleep,
            reraise=True,
        )

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON answer to GET `path`, numbers with a point as exact decimals."""
        return self._ask("GET", path, params=parameters)

    def get_if_there(self, path: str, **parameters: str | int) -> Any | None:
        """As `get`, and None where the marketplace does not have `path` (404)."""
        return self._ask("GET", path, params=parameters, absence_is_fine=True)

    def post(self, path: str, content: dict[str, Any]) -> Any:
        """The JSON answer to POST `content` to `path`, numbers with a point as exact decimals."""
        return self._ask("POST", path, json=content)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        try:
            return self._patient(self._polite, self._once, method, path, **content)
        except (_FaultError, _BusyError) as error:
            raise SourceUnreachableError(
                f"the marketplace at {self.url} does not answer {path}: {error}. Check the "
                f"address in {PREFIX}SOURCE_URL and that the service is up, then run this again; "
                "what was pulled stays"
            ) from error

    def _once(self, method: str, path: str, absence_is_fine: bool = False, **content: Any) -> Any:
        try:
            answer = self._client.request(method, self.url + path, headers=self._headers, **content)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _FaultError(f"{type(error).__name__} {error}".strip()) from error
        except httpx.InvalidURL as error:
            raise SourceUnreachableError(
                f"{PREFIX}SOURCE_URL must be an address such as https://api.example.com; "
                f"found {self.url!r}"
            ) from error
        if absence_is_fine and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        self._refuse_failure(answer, path)
        try:
            return json.loads(answer.content, parse_float=Decimal, parse_constant=str)
        except ValueError as error:
            raise _FaultError(f"its answer is not JSON ({error})") from error

    def _refuse_failure(self, answer: httpx.Response, path: str) -> None:
        status = answer.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise _BusyError(_seconds_asked(answer.headers.get("Retry-After", "")))
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise SourceDeniedError(
                f"the marketplace at {self.url} refused merchant {self._merchant_id} ({status} for "
                f"{path}: {_words(answer)}); check the merchant's token in {PREFIX}SOURCE_TOKENS"
            )
        if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
            raise _FaultError(f"it answered {status}")
        if status != httpx.codes.OK:
            raise SourceContractError(
                f"{self.url}{path} answered {status}: {_words(answer)}; the marketplace's "
                "documentation gives 200 here, so the connector needs a look"
            )


def _asked_wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.seconds if isinstance(error, _BusyError) else 0.0


def _seconds_asked(retry_after: str) -> float:
    """Seconds to wait by a Retry-After header: a number or a date (RFC 9110, 10.2.3)."""
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _seconds_until(retry_after)
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)


def _seconds_until(http_date: str) -> float:
    try:
        return (parsedate_to_datetime(http_date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 1.0


def _words(answer: httpx.Response) -> str:
    """What the marketplace said, at most a line of it."""
    try:
        said = answer.json()
    except ValueError:
        return "no message"
    message = said.get("message") if isinstance(said, dict) else None
    return str(message)[:200] if message else "no message"
