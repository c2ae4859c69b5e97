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

__all__ = ["BusyError", "Connection", "FaultError", "Verdict"]

_LONGEST_WAIT_SECONDS = 60.0
_LONGEST_ANSWER_SECONDS = 120.0
_BUSY_ANSWERS = 200
_TIMEOUT = httpx.Timeout(30.0)


class FaultError(Exception):
    """The marketplace, or the way to it, failed in a way that may pass: it is asked again."""


class BusyError(Exception):
    """The marketplace asked to wait so many seconds; that is no failure."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked to wait {seconds:g} s")
        self.seconds = seconds


Verdict = Callable[[Any], None]
"""Looks at an answer that came with status 200, and raises `FaultError` or `BusyError` where the
marketplace says so in its words, as GraphQL does."""


class Connection:
    """JSON answers of one marketplace to one merchant's token.

    `sleep`, `clock` and `client` are there for tests that live through a month in a second.
    """

    def __init__(
        self,
        url: str,
        merchant_id: str,
        headers: dict[str, str],
        *,
        attempts: int = 8,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        client: httpx.Client | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._merchant_id = merchant_id
        self._headers = headers
        self._clock = clock
        self._client = client or httpx.Client(timeout=_TIMEOUT)
        # Sources are passed from job to job and have no natural owner: the last one to let go
        # closes the connection.
        weakref.finalize(self, self._client.close)
        self._patient = Retrying(
            retry=retry_if_exception_type(FaultError),
            wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_WAIT_SECONDS),
            stop=stop_after_attempt(attempts),
            sleep=sleep,
            reraise=True,
        )
        self._polite = Retrying(
            retry=retry_if_exception_type(BusyError),
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

    def post(
        self,
        path: str,
        content: dict[str, Any],
        headers: dict[str, str] | None = None,
        verdict: Verdict | None = None,
    ) -> Any:
        """The JSON answer to POST `content` to `path`, numbers with a point as exact decimals.

        `headers` are sent beside those of the connection; `verdict` is asked before the answer is
        taken for one. A verdict reads a body that came with 400 as well: GraphQL puts words there.
        """
        return self._ask("POST", path, json=content, headers=headers, verdict=verdict)

    def discreet(self, text: str) -> str:
        """`text`, as the marketplace said it, without the token that was sent there."""
        for value in filter(None, self._headers.values()):
            text = text.replace(value.split()[-1], "…")
        return text

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        try:
            return self._patient(self._polite, self._once, method, path, **content)
        except (FaultError, BusyError) as error:
            raise SourceUnreachableError(
                f"the marketplace at {self.url} does not answer {path}: {error}. Check the "
                f"address in {PREFIX}SOURCE_URL and that the service is up, then run this again; "
                "what was pulled stays"
            ) from error

    def _once(
        self,
        method: str,
        path: str,
        absence_is_fine: bool = False,
        headers: dict[str, str] | None = None,
        verdict: Verdict | None = None,
        **content: Any,
    ) -> Any:
        asked = {"headers": self._headers | (headers or {}), **content}
        try:
            with self._client.stream(method, self.url + path, **asked) as answer:
                body = self._body(answer)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise SourceUnreachableError(
                f"{PREFIX}SOURCE_URL must be an address such as https://api.example.com; "
                f"found {self.url!r}"
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise FaultError(f"{type(error).__name__} {error}".strip()) from error
        if absence_is_fine and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if verdict is None or answer.status_code != httpx.codes.BAD_REQUEST:
            self._refuse_failure(answer, body, path)
        try:
            read = json.loads(body, parse_float=Decimal, parse_constant=str)
        except ValueError as error:
            raise FaultError(f"its answer is not JSON ({error})") from error
        if verdict:
            verdict(read)
        return read

    def _body(self, answer: httpx.Response) -> bytes:
        """The whole answer; one that only trickles in is given up, as no read of it times out."""
        deadline = self._clock() + _LONGEST_ANSWER_SECONDS
        parts = []
        for part in answer.iter_bytes():
            parts.append(part)
            if self._clock() > deadline:
                raise FaultError(f"its answer took more than {_LONGEST_ANSWER_SECONDS:g} s")
        return b"".join(parts)

    def _refuse_failure(self, answer: httpx.Response, body: bytes, path: str) -> None:
        status, words = answer.status_code, self.discreet(_words(body))
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise BusyError(_seconds_asked(answer.headers.get("Retry-After", "")))
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise SourceDeniedError(
                f"the marketplace at {self.url} refused merchant {self._merchant_id} ({status} for "
                f"{path}: {words}); check the merchant's token in {PREFIX}SOURCE_TOKENS"
            )
        if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
            raise FaultError(f"it answered {status}")
        if status != httpx.codes.OK:
            raise SourceContractError(
                f"{self.url}{path} answered {status}: {words}; the marketplace's "
                "documentation gives 200 here, so the connector needs a look"
            )


def _asked_wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.seconds if isinstance(error, BusyError) else 0.0


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


def _words(body: bytes) -> str:
    """What the marketplace said, at most a line of it."""
    try:
        said = json.loads(body)
    except ValueError:
        return "no message"
    message = said.get("message") or said.get("errors") if isinstance(said, dict) else None
    return str(message)[:200] if message else "no message"
