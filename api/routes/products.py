"""Lists of products: filtered, sorted, page by page, as JSON or CSV."""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response

from api.caller import Caller
from api.confidence import CONFIDENCES
from api.listing import MOST, USUAL, page_size, product_query
from api.pages import read_page
from api.responses import csv_response, document_response
from api.routes.documented import answers
from api.shapes import ProductPage
from api.store.documents import SORTS

__all__ = ["PRODUCT_COLUMNS", "Identifier", "PageLimit", "ProductList", "router"]

router = APIRouter(prefix="/v1", tags=["products"])

Identifier = Annotated[str, Path(min_length=1, max_length=200)]

PageLimit = Annotated[
    int | None, Query(ge=1, le=MOST, description=f"Without it a page has {USUAL}, and a CSV all")
]

PRODUCT_COLUMNS = (
    "store_id",
    "product_id",
    "name",
    "category",
    "confidence",
    "next_month",
    "next_units_forecast",
    "next_lo80",
    "next_hi80",
    "horizon_units",
    "units_last_year",
    "change_on_last_year",
    "horizon_money",
    "currency",
    "stock_on_hand",
    "model",
)


class ProductList:
    """Filters, sort and place of a list of products."""

    def __init__(
        self,
        category: Annotated[list[str] | None, Query(description="Any of these")] = None,
        confidence: Annotated[
            list[str] | None, Query(description=f"Any of {', '.join(CONFIDENCES)}")
        ] = None,
        q: Annotated[str, Query(max_length=100, description="Text in name, SKU or category")] = "",
        sort: Annotated[str, Query(description=f"One of {', '.join(SORTS)}")] = "volume",
        limit: PageLimit = None,
        cursor: Annotated[
            str | None, Query(max_length=2000, description="`next` of the page before")
        ] = None,
        format: Annotated[Literal["json", "csv"], Query()] = "json",
    ) -> None:
        self.categories = category or []
        self.confidences = confidence or []
        self.text = q
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
        self.format = format

    def answer(self, caller: Caller, stores: list[str] | None) -> Response:
        """The page of these stores, or of all that the caller reaches."""
        limit, whole = page_size(self.format, self.limit, self.cursor)
        query = product_query(
            stores, self.categories, self.confidences, self.text, self.sort, limit
        )
        body = read_page(caller.view, query, self.cursor, caller.desk.pages)
        if self.format == "json":
            return document_response(body, caller.if_none_match)
        page = orjson.loads(body.json)
        rows, name, following = page["products"], f"products-{page['run_id']}", page["next"]
        while whole and following:
            page = orjson.loads(read_page(caller.view, query, following, caller.desk.pages).json)
            rows.extend(page["products"])
            following = page["next"]
        headers = {"x-next-cursor": following} if following else {}
        return csv_response(PRODUCT_COLUMNS, rows, name, caller.if_none_match, headers)


@router.get("/products", responses=answers(ProductPage, 400, 404, csv=True, cached=True))
def list_products(
    caller: Annotated[Caller, Depends()],
    products: Annotated[ProductList, Depends()],
    store: Annotated[list[str] | None, Query(description="Any of these stores")] = None,
) -> Response:
    """Products of all the caller's stores, or of those named."""
    return products.answer(caller, store or None)


@router.get(
    "/stores/{store_id}/products", responses=answers(ProductPage, 400, 404, csv=True, cached=True)
)
def list_store_products(
    store_id: Identifier,
    caller: Annotated[Caller, Depends()],
    products: Annotated[ProductList, Depends()],
) -> Response:
    """Products of one store, the best selling first unless sorted otherwise."""
    return products.answer(caller, [store_id])
