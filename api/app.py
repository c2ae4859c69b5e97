"""The application: routes, errors, description, and the edge around them."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from api.auth import Gate
from api.caller import Desk
from api.dashboard import pages as dashboard
from api.edge import Edge
from api.errors import BadRequestError, InvalidError, MethodError, NotFoundError
from api.examples import add_examples
from api.limits import Buckets, RateLimit
from api.metrics import Metrics
from api.newcomers import Newcomers
from api.pages import PageCache
from api.refresh.asking import Asking
from api.refresh.desk import RefreshDesk
from api.refresh.dispatch import dispatcher_for
from api.request_log import RequestLog
from api.responses import problem_response
from api.routes import (
    daily,
    forecasts,
    operations,
    products,
    refresh,
    reports,
    runs,
    session,
    stores,
    totals,
    voices,
)
from api.shapes import Problem
from api.store import ForecastStore, open_store
from etl.errors import StorecastError
from etl.settings import Settings, settings_from

__all__ = ["app_from_environment", "create_app"]

_DESCRIPTION = (
    "Sales forecasts for every product of every store, the next twelve months with intervals. "
    "Send `Authorization: Bearer …`. Errors are RFC 9457 problem documents. Within `/v1` fields "
    "are added, never renamed or removed; see docs/api.md for how a version is retired."
)

_ROUTES = (
    stores,
    products,
    forecasts,
    totals,
    daily,
    refresh,
    runs,
    reports,
    voices,
    session,
    operations,
    dashboard,
)


def app_from_environment() -> Edge:
    """The application as the settings of the environment describe it, for a server process."""
    settings = settings_from(os.environ)
    app = create_app(settings, open_store(settings.store_url))
    # What is there by now stays: to look for garbage in it holds answers up, for nothing.
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
    return app


def create_app(settings: Settings, store: ForecastStore) -> Edge:
    """The ASGI application over `store`, which it closes when it ends."""
    gate = Gate(store, settings)
    buckets = Buckets(settings.limits_file)
    limit = RateLimit(settings.requests_per_second, settings.request_burst, buckets=buckets)
    asking = Asking(store, settings, dispatcher_for(settings))
    pages = PageCache(settings.page_cache_bytes)
    newcomers = Newcomers(settings.lake_url)
    desk = Desk(store, settings, gate, limit, pages, RefreshDesk(asking), newcomers)
    log, metrics = RequestLog(settings.request_log), Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        log.close()
        newcomers.close()
        store.close()

    app = FastAPI(
        title="Storecast",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.desk, app.state.metrics = desk, metrics
    for routes in _ROUTES:
        app.include_router(routes.router)
    _answer_errors_as_problems(app)
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]
    return Edge(app, desk, log, metrics)


def _answer_errors_as_problems(app: FastAPI) -> None:
    @app.exception_handler(StorecastError)
    async def known(request: Request, error: StorecastError) -> Response:
        return problem_response(error, request.scope["storecast"].request_id)

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        return problem_response(error, request.scope["storecast"].request_id)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        broken = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        )
        return problem_response(InvalidError(broken), request.scope["storecast"].request_id)

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> Response:
        path = request.url.path
        found: StorecastError
        if error.status_code == 405:
            found = MethodError(f"{path} does not take {request.method}")
        elif error.status_code == 404:
            found = NotFoundError(f"there is no {path}; /openapi.json lists what there is")
        else:
            found = BadRequestError(str(error.detail))
        response = problem_response(found, request.scope["storecast"].request_id)
        if error.headers and "allow" in {name.lower() for name in error.headers}:
            response.headers["allow"] = error.headers.get("Allow", "")
        return response


def _description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the shape of problems."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = schema["components"]["schemas"]
        schemas["Problem"] = Problem.model_json_schema()
        add_examples(schema)
        app.openapi_schema = schema
    return app.openapi_schema
