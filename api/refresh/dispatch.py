"""Who makes refreshes: the workers of `python -m api`, or a DAG of an Airflow.

Both take them from the store, where a refresh stands before anyone is told of it. The embedded
workers look there by themselves; Airflow is asked for a run whose id is made from the refresh's, so
that asking twice makes one run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx

from api.errors import DispatchError
from api.store.refreshes import RefreshRow
from etl.errors import SettingError
from etl.settings import Settings

__all__ = ["AirflowDispatcher", "Dispatcher", "EmbeddedWorkers", "dispatcher_for", "run_id_of"]

DAG_ID = "refresh_forecasts"
_PATIENCE = timedelta(seconds=30)
_TIMEOUT = httpx.Timeout(10.0)


class Dispatcher(Protocol):
    """Hands refreshes to who makes them."""

    def dispatch(self, row: RefreshRow) -> None:
        """Have the refresh made; again: nothing. Raises `DispatchError` where nobody takes it."""

    def gave_up(self, row: RefreshRow) -> bool:
        """Whether who was told of the refresh has ended without ending it."""


class EmbeddedWorkers:
    """The workers of `python -m api serve` and `python -m api worker`, which look by themselves."""

    def dispatch(self, row: RefreshRow) -> None:
        return None

    def gave_up(self, row: RefreshRow) -> bool:
        return False


class AirflowDispatcher:
    """Runs of the DAG `refresh_forecasts` in the Airflow at `url`, by its REST API (v2).

    `transport` is there for tests.
    """

    def __init__(
        self, url: str, user: str, password: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._user = user
        self._password = password
        self._http = httpx.Client(
            base_url=self._url, timeout=_TIMEOUT, transport=transport, trust_env=False
        )
        self._token = ""

    def dispatch(self, row: RefreshRow) -> None:
        body = {
            "dag_run_id": run_id_of(row.id),
            "logical_date": None,
            "conf": {"refresh_id": row.id},
        }
        answer = self._ask("POST", f"/api/v2/dags/{DAG_ID}/dagRuns", json=body)
        if answer.status_code != httpx.codes.CONFLICT:
            self._require(answer)

    def gave_up(self, row: RefreshRow) -> bool:
        """Whether its run has failed; not asked in its first half minute, nor believed of an
        Airflow that does not answer."""
        at = row.dispatched_at
        if at is None or datetime.now(UTC) - datetime.fromisoformat(at) < _PATIENCE:
            return False
        try:
            answer = self._ask("GET", f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id_of(row.id)}")
        except DispatchError:
            return False
        if answer.status_code == httpx.codes.NOT_FOUND:
            return True
        return answer.is_success and answer.json().get("state") == "failed"

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """An answer under a token, a new one where the old has run out."""
        try:
            if not self._token:
                self._sign_in()
            answer = self._http.request(method, path, headers=self._bearer, **content)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._sign_in()
                answer = self._http.request(method, path, headers=self._bearer, **content)
            return answer
        except httpx.TransportError as error:
            raise DispatchError(
                f"Airflow at {self._url} does not answer ({type(error).__name__}); the refresh is "
                "kept and handed over when it is asked for again"
            ) from error

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _sign_in(self) -> None:
        """Take a token: by name and password, or without where Airflow asks for neither."""
        if self._user:
            content = {"username": self._user, "password": self._password}
            answer = self._http.post("/auth/token", json=content)
        else:
            answer = self._http.get("/auth/token")
        self._token = str(self._require(answer)["access_token"])

    def _require(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.is_success:
            found: dict[str, Any] = answer.json()
            return found
        asked = f"{answer.request.method} {answer.request.url.path}"
        hint = {
            401: "check STORECAST_AIRFLOW_USER and STORECAST_AIRFLOW_PASSWORD",
            403: f"the user must be allowed to trigger {DAG_ID}",
            404: f"see that Airflow has parsed the DAG {DAG_ID}",
        }.get(answer.status_code, "see Airflow's api-server log")
        raise DispatchError(f"Airflow answered {answer.status_code} to {asked}; {hint}")


def run_id_of(refresh_id: str) -> str:
    """The id of the refresh's DAG run.

    >>> run_id_of("5f2c7e01a3b4c6d8-0")
    'refresh__5f2c7e01a3b4c6d8-0'
    """
    return f"refresh__{refresh_id}"


def dispatcher_for(settings: Settings) -> Dispatcher:
    """Who makes refreshes under these settings. Raises `SettingError` where they name nobody."""
    if settings.refresh == "embedded":
        return EmbeddedWorkers()
    if settings.refresh != "airflow":
        raise SettingError(
            f"STORECAST_REFRESH must be embedded or airflow; found {settings.refresh!r}"
        )
    if not settings.airflow_url:
        raise SettingError("STORECAST_REFRESH=airflow needs STORECAST_AIRFLOW_URL")
    return AirflowDispatcher(settings.airflow_url, settings.airflow_user, settings.airflow_password)
