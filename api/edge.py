"""The outermost layer: what every request gets, whatever answers it.

A request id, a limit on its body, the short way for the most frequent reads, security headers,
compression, a problem document where something broke, and at the end a line in the request log and
a count in the metrics.
"""

from __future__ import annotations

import gzip
import logging
import re
import secrets
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.caller import Desk
from api.errors import TooLargeError
from api.metrics import Metrics
from api.reads import direct_answer
from api.request_log import RequestLog
from api.responses import problem_response
from api.tokens import Principal

__all__ = ["Edge", "Visit"]

_LOG = logging.getLogger("storecast.api")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SMALLEST_COMPRESSED = 1000
_COMPRESSIBLE = (b"application/json", b"application/problem+json", b"text/", b"image/svg")
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"authorization, cookie, accept-encoding"),
]
_PAGES = [
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


@dataclass(slots=True)
class Visit:
    """What is noted of one request while it is answered."""

    request_id: str
    started: float
    headers: dict[bytes, bytes]
    principal: Principal | None = None
    merchant_id: str | None = None
    route: str = "none"
    status: int = 500


class Edge:
    """The ASGI application around the API's routes."""

    def __init__(self, app: ASGIApp, desk: Desk, log: RequestLog, metrics: Metrics) -> None:
        self._app = app
        self._desk = desk
        self._log = log
        self._metrics = metrics
        self._ids = count(1)
        self._process = secrets.token_hex(4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = self._visit(scope)
        scope["storecast"] = visit
        try:
            if not await self._answered_directly(scope, visit, send):
                await self._answer_by_route(scope, visit, receive, send)
        finally:
            self._record(scope, visit)

    def _visit(self, scope: Scope) -> Visit:
        headers = dict(scope["headers"])
        asked = headers.get(b"x-request-id")
        if asked is not None and _REQUEST_ID.fullmatch(asked):
            request_id = asked.decode()
        else:
            request_id = f"{self._process}{next(self._ids):08x}"
        return Visit(request_id, time.perf_counter(), headers)

    async def _answered_directly(self, scope: Scope, visit: Visit, send: Send) -> bool:
        if scope["method"] != "GET" or scope["query_string"]:
            return False
        answer = direct_answer(self._desk, scope["raw_path"].decode("latin-1"), visit.headers)
        if answer is None:
            return False
        visit.principal, visit.merchant_id = answer.principal, answer.merchant_id
        visit.route, visit.status = answer.route, answer.status
        headers, body = answer.headers, answer.body
        if b"gzip" in visit.headers.get(b"accept-encoding", b"") and len(body) > (
            _SMALLEST_COMPRESSED
        ):
            body = _compressed(body)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", b"%d" % len(body)))
        headers += self._added(scope, visit)
        headers.append(_POLICY)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return True

    async def _answer_by_route(
        self, scope: Scope, visit: Visit, receive: Receive, send: Send
    ) -> None:
        outgoing = _Outgoing(send, visit, self._added(scope, visit))
        try:
            body = await _body(receive, scope, self._desk.settings.max_body_bytes)
            await self._app(scope, _replay(body, receive), outgoing)
        except TooLargeError as error:
            await problem_response(error, visit.request_id)(scope, receive, outgoing)
        except Exception as error:
            _LOG.exception("request %s failed", visit.request_id)
            if not outgoing.started:
                await problem_response(error, visit.request_id)(scope, receive, outgoing)

    def _added(self, scope: Scope, visit: Visit) -> list[tuple[bytes, bytes]]:
        added = [(b"x-request-id", visit.request_id.encode()), *_ALWAYS]
        if scope.get("scheme") == "https":
            added.append(_STRICT_TRANSPORT)
        return added

    def _record(self, scope: Scope, visit: Visit) -> None:
        seconds = time.perf_counter() - visit.started
        route = scope.get("route")
        if route is not None:
            visit.route = getattr(route, "path_format", visit.route)
        who = visit.principal
        self._metrics.observe(scope["method"], visit.route, visit.status, seconds)
        self._log.write(
            {
                "at": datetime.now(UTC),
                "request_id": visit.request_id,
                "method": scope["method"],
                "route": visit.route,
                "path": scope["path"],
                "status": visit.status,
                "ms": round(seconds * 1000, 3),
                "token_id": who and who.token_id,
                "role": who and who.role,
                "merchant_id": visit.merchant_id,
                "client": (scope.get("client") or ("",))[0],
            }
        )


class _Outgoing:
    """Sends an answer on with the headers of every answer, compressed where that pays."""

    def __init__(self, send: Send, visit: Visit, added: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._visit = visit
        self._added = added
        self._start: MutableMapping[str, Any] | None = None
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._visit.status = message["status"]
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            headers = [*start["headers"], *self._added]
            names = {name for name, _ in headers}
            headers += [_POLICY] if _POLICY[0] not in names else _PAGES
            if not message.get("more_body"):
                headers, message = self._maybe_compressed(headers, message)
            self.started = True
            await self._send({**start, "headers": headers})
        await self._send(message)

    def _maybe_compressed(
        self, headers: list[tuple[bytes, bytes]], message: Message
    ) -> tuple[list[tuple[bytes, bytes]], Message]:
        body = message.get("body", b"")
        kind = dict(headers).get(b"content-type", b"")
        if (
            len(body) <= _SMALLEST_COMPRESSED
            or b"gzip" not in self._visit.headers.get(b"accept-encoding", b"")
            or not kind.startswith(_COMPRESSIBLE)
        ):
            return headers, message
        body = _compressed(body)
        kept = [header for header in headers if header[0] != b"content-length"]
        sized = [(b"content-encoding", b"gzip"), (b"content-length", b"%d" % len(body))]
        return [*kept, *sized], {**message, "body": body}


def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=4, mtime=0)


async def _body(receive: Receive, scope: Scope, most: int) -> bytes:
    """The whole body. Raises `TooLargeError` as soon as it is longer than `most`."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return b""
    parts, length = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > most:
            raise TooLargeError(f"a body may have at most {most} bytes")
        if not message.get("more_body"):
            break
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """What was received, once more for the routes; afterwards the connection itself."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
