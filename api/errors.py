"""The API's errors and the one table that says which status each becomes.

::

    StorecastError
    └── ApiError                   a request that cannot be answered as asked
        ├── BadRequestError        a parameter or body breaks a stated rule
        ├── InvalidError           a parameter or field fails its own rule
        ├── MethodError            the address exists, the method does not
        ├── UnauthenticatedError   no token, or one that is unknown, expired or revoked
        ├── ForbiddenError         the token's role or stores do not reach that far
        ├── NotFoundError          the token's merchant has no such thing
        ├── ConflictError          it is there already, or has changed meanwhile
        ├── TooLargeError          the body is longer than is accepted
        ├── TooManyRequestsError   the token has used up its share; says when to return
        ├── DispatchError          nobody who makes refreshes could be told of one
        └── NoRunError             no run has been published yet
"""

from __future__ import annotations

from typing import NamedTuple

from etl.errors import InputError, StorecastError, StoreError

__all__ = [
    "PROBLEMS",
    "ApiError",
    "BadRequestError",
    "ConflictError",
    "DispatchError",
    "ForbiddenError",
    "InvalidError",
    "MethodError",
    "NoRunError",
    "NotFoundError",
    "ProblemKind",
    "TooLargeError",
    "TooManyRequestsError",
    "UnauthenticatedError",
    "kind_of",
]


class ApiError(StorecastError):
    """A request that cannot be answered as asked; its text is the problem's `detail`."""

    retry_after: int | None = None


class BadRequestError(ApiError):
    """A parameter or body breaks a stated rule."""


class InvalidError(ApiError):
    """A parameter or field of the body fails its own rule."""


class MethodError(ApiError):
    """The address exists, the method does not."""


class UnauthenticatedError(ApiError):
    """No token, or one that is unknown, expired or revoked."""


class ForbiddenError(ApiError):
    """The token's role or stores do not reach that far."""


class NotFoundError(ApiError):
    """The token's merchant has no such thing."""


class ConflictError(ApiError):
    """It is there already, or has changed meanwhile."""


class TooLargeError(ApiError):
    """The body is longer than is accepted."""


class TooManyRequestsError(ApiError):
    """The token has used up its share for now."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DispatchError(ApiError):
    """Nobody who makes refreshes could be told of one."""

    retry_after = 10


class NoRunError(ApiError):
    """No run has been published yet."""

    retry_after = 60


class ProblemKind(NamedTuple):
    """Status, short name and title of a kind of problem (RFC 9457: status, type, title)."""

    status: int
    name: str
    title: str


PROBLEMS: dict[type[Exception], ProblemKind] = {
    BadRequestError: ProblemKind(400, "bad-request", "The request cannot be read as asked"),
    InputError: ProblemKind(400, "bad-request", "The request cannot be read as asked"),
    InvalidError: ProblemKind(422, "invalid", "A parameter or field breaks its rule"),
    MethodError: ProblemKind(405, "method", "The address does not take this method"),
    UnauthenticatedError: ProblemKind(401, "unauthenticated", "A valid token is needed"),
    ForbiddenError: ProblemKind(403, "forbidden", "The token does not reach that far"),
    NotFoundError: ProblemKind(404, "not-found", "There is no such thing here"),
    ConflictError: ProblemKind(409, "conflict", "It is there already, or has changed"),
    TooLargeError: ProblemKind(413, "too-large", "The body is too long"),
    TooManyRequestsError: ProblemKind(429, "too-many-requests", "Too many requests"),
    DispatchError: ProblemKind(503, "refresh-unavailable", "Refreshes cannot be made at present"),
    NoRunError: ProblemKind(503, "no-run", "No forecasts have been published yet"),
    StoreError: ProblemKind(503, "store-unavailable", "The forecast store does not answer"),
}
"""Exception to status; what is not in it is a fault of ours and becomes 500."""

UNEXPECTED = ProblemKind(500, "internal-error", "Something went wrong on our side")


def kind_of(error: BaseException) -> ProblemKind:
    """The problem that an exception becomes.

    >>> kind_of(NotFoundError("no store S9")).status
    404
    """
    for kind in type(error).__mro__:
        if kind in PROBLEMS:
            return PROBLEMS[kind]
    return UNEXPECTED
