"""`/v1/stores`, `/v1/merchants`: what a token reaches."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Response

from api.caller import Caller
from api.render import etag_of
from api.responses import document_response, json_response
from api.routes.documented import answers
from api.shapes import MerchantList, StoreList
from api.store.documents import Body

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["stores"])


@router.get("/stores", responses=answers(StoreList, 400, 404, cached=True))
def list_stores(
    caller: Annotated[Caller, Depends()],
    region: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The caller's stores, of one region or of all."""
    view = caller.view
    stores = b",".join([store.json for store in view.stores(region)])
    run_id = orjson.dumps(view.edition.run_id)
    body = b'{"run_id":' + run_id + b',"stores":[' + stores + b"]}"
    return document_response(Body(body, etag_of(body)), caller.if_none_match)


@router.get("/merchants", responses=answers(MerchantList, 403))
def list_merchants(caller: Annotated[Caller, Depends()]) -> Response:
    """Every merchant of the platform; for analysts and operators."""
    caller.require("analyst", "operator")
    return json_response({"merchants": caller.merchants()})
