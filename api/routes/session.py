"""Signing in to the dashboard: a token becomes a cookie that scripts cannot read."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.caller import Caller
from api.errors import UnauthenticatedError
from api.responses import json_response
from api.routes.documented import answers
from api.sessions import COOKIE, csrf_token, end_session, start_session
from api.shapes import Session, SignIn
from api.tokens import Principal, hash_of

__all__ = ["router"]

router = APIRouter(prefix="/v1/session", tags=["session"])


@router.post("", responses=answers(Session, 400, 413))
def sign_in(request: Request, sign_in: SignIn) -> Response:
    """Exchange a token for a session cookie (HttpOnly, SameSite=Strict).

    The body must be JSON, which another site's form cannot send.
    """
    desk = request.app.state.desk
    token = sign_in.token.strip()
    principal = desk.gate.by_token(token)
    request.scope["storecast"].principal = principal
    desk.limit.take(principal.token_id)
    credential = hash_of(token) if token.startswith("sc_") else None
    secret, ends = start_session(desk.store, principal, credential, time.time())
    response = json_response(_session(principal, secret, ends))
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(ends - time.time()),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


@router.get("", responses=answers(Session))
def read_session(caller: Annotated[Caller, Depends()]) -> Response:
    """Who is signed in, and the CSRF token of the session; nulls where nobody is."""
    if caller.session is None:
        return json_response(dict.fromkeys(Session.model_fields))
    try:
        principal = caller.principal
    except UnauthenticatedError:
        return json_response(dict.fromkeys(Session.model_fields))
    return json_response(_session(principal, caller.session, principal.expires_at))


@router.delete("", status_code=204, responses=answers(None, 403))
def sign_out(caller: Annotated[Caller, Depends()]) -> Response:
    """End the session."""
    _ = caller.principal
    if caller.session is not None:
        end_session(caller.desk.store, caller.session)
        caller.desk.gate.forget(caller.session)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def _session(principal: Principal, secret: str, ends: float | None) -> dict[str, Any]:
    return {
        "role": principal.role,
        "merchant_id": principal.merchant_id,
        "stores": None if principal.stores is None else sorted(principal.stores),
        "csrf_token": csrf_token(secret),
        "expires_at": ends,
    }
