"""GraphQL over a patient connection: what the marketplaces that speak it have in common.

GraphQL answers 200 whatever happens and puts errors into the body, each with a code. Codes that say
"later" are waited out as their HTTP statuses are, codes that refuse the credentials are a
`SourceDeniedError`, and any other is a `QueryRefusedError` that carries it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from etl.errors import SourceContractError, SourceDeniedError
from etl.retail.connection import BusyError, Connection, FaultError
from etl.settings import PREFIX

__all__ = ["GraphQL", "QueryRefusedError"]

_LATER = frozenset({"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT"})
_DENIED = frozenset({"ACCESS_DENIED", "FORBIDDEN", "UNAUTHENTICATED", "SHOP_INACTIVE"})

_Shape = TypeVar("_Shape", bound=BaseModel)


class QueryRefusedError(SourceContractError):
    """The marketplace refused a query; `code` says why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class GraphQL:
    """One GraphQL endpoint. `wait_for` reads from an answer how long THROTTLED asks to wait."""

    def __init__(
        self,
        connection: Connection,
        path: str,
        merchant_id: str,
        wait_for: Callable[[dict[str, Any]], float] = lambda answer: 1.0,
    ) -> None:
        self.connection = connection
        self._path = path
        self._merchant_id = merchant_id
        self._wait_for = wait_for

    def ask(
        self,
        shape: type[_Shape],
        query: str,
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> _Shape:
        """The data that `query` asks for, in its `shape`; numbers with a point are exact."""
        content = {"query": query, "variables": variables}
        answer = self.connection.post(self._path, content, headers, self._judge)
        self._refuse_errors(answer)
        try:
            return shape.model_validate(answer.get("data"))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise SourceContractError(
                f"the marketplace's answer to {self._path} is not of its documented shape: "
                f"{field or 'data'}: {first['msg']}; the connector needs a look"
            ) from error

    def _judge(self, answer: Any) -> None:
        """Raise what passes with time: a full bucket, an error of the server's own."""
        codes = {_code(error) for error in _errors(answer)}
        if "THROTTLED" in codes:
            raise BusyError(self._wait_for(answer))
        if codes & _LATER:
            raise FaultError(f"it answered {', '.join(sorted(codes))}")

    def _refuse_errors(self, answer: Any) -> None:
        errors = _errors(answer)
        if not errors and isinstance(answer, dict):
            return
        code = _code(errors[0]) if errors else ""
        words = self.connection.discreet(_words(errors[0])) if errors else "no object"
        url = self.connection.url
        if code in _DENIED:
            raise SourceDeniedError(
                f"the marketplace at {url} refused merchant {self._merchant_id} ({code}: {words}); "
                f"check the merchant's token and its scopes in {PREFIX}SOURCE_TOKENS"
            )
        raise QueryRefusedError(
            f"{url}{self._path} refused a query ({code or 'no code'}: {words}); the connector "
            "needs a look",
            code,
        )


def _errors(answer: Any) -> list[Any]:
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if not errors:
        return []
    return errors if isinstance(errors, list) else [errors]


def _code(error: Any) -> str:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return str(code or "")


def _words(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return str(message)[:200]
