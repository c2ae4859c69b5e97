"""What an order document says, by small hand-worked cases."""

import json
from datetime import UTC, datetime

import pytest

from etl.door import BY_RULE, Door, reason_code
from etl.retail.mercadolibre_documents import read_order, without_customer
from etl.retail.mercadolibre_shapes import drift

CREATED = "2026-03-02T23:30:00.000-03:00"
FALLBACK = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture
def judge(store, settings):
    """Rows and refusals of one document at the door."""

    def run(document):
        return Door(store, settings).judge(read_order(document, store, FALLBACK))

    return run


def _units(rows):
    return [(r["product_id"], r["units_ordered"], r["units_cancelled"], r["status"]) for r in rows]


def test_a_paid_order_gives_a_row_for_each_line_on_its_local_day(judge, order, line):
    rows, refusals = judge(order(1, CREATED, [line("A", 2, 9.99), line(None, 1, item="MLA5")]))
    assert _units(rows) == [("A", 2, 0, "paid"), ("MLA5", 1, 0, "paid")]
    assert [str(r["date"]) for r in rows] == ["2026-03-02", "2026-03-02"]
    assert [r["line_id"] for r in rows] == ["1", "2"]
    assert str(rows[0]["unit_price"]) == "9.9900"
    assert refusals == []


def test_a_cancelled_order_keeps_its_lines_with_all_units_cancelled(judge, order, line):
    rows, _ = judge(order(1, CREATED, [line("A", 3)], status="cancelled"))
    assert _units(rows) == [("A", 3, 3, "cancelled")]


def test_a_refund_takes_units_from_the_lines_of_its_item_in_order(judge, order, line, returned):
    document = order(
        1,
        CREATED,
        [line("A", 2), line("E", 1), line("A", 3)],
        status="partially_refunded",
        returns=[returned("MLA-A", 3), returned("MLA-E", 1, status="cancelled")],
    )
    assert _units(judge(document)[0]) == [
        ("A", 2, 2, "paid"),
        ("E", 1, 0, "paid"),
        ("A", 3, 1, "paid"),
    ]


def test_more_returned_than_ordered_is_refused(judge, order, line, returned):
    document = order(1, CREATED, [line("A", 2)], returns=[returned("MLA-A", 5)])
    rows, (refusal,) = judge(document)
    assert rows == []
    assert refusal.reason == "returned_exceeds_ordered returned=5 ordered=2"


def test_a_return_that_names_no_order_is_a_line_of_its_own(judge, order, line):
    rows, _ = judge(order(1, CREATED, [line("A", -4)], tags=["return"]))
    assert _units(rows) == [("A", -4, 0, "return")]


@pytest.mark.parametrize(
    ("line_of", "reason", "units"),
    [
        ({"price": None}, "no_price", 1),
        ({"price": 0}, "price_not_positive price=0", 1),
        ({"price": -3.5}, "price_not_positive price=-3.5", 1),
        ({"price": 0.00001}, "price_not_positive price=0.00001", 1),
        ({"quantity": 0}, "quantity_zero", 0),
        ({"quantity": 2.5}, "unreadable field=quantity", 0),
        ({"quantity": "many"}, "unreadable field=quantity", 0),
        ({"quantity": 10**12}, "out_of_range field=quantity", 0),
        ({"price": 1e15}, "out_of_range field=unit_price", 1),
        ({"currency_id": "BRL"}, "currency_mismatch currency=BRL expected=ARS", 1),
        ({"sku": "POST", "quantity": 2}, "not_a_product sku=POST", 2),
        ({"item": None}, "unreadable field=item.id", 1),
    ],
)
def test_a_bad_line_is_refused_alone_with_its_reason_and_units(
    line_of, reason, units, judge, order, line
):
    document = json.loads(json.dumps(order(1, CREATED, [line("OK"), line(**line_of)])))
    rows, (refusal,) = judge(document)
    assert _units(rows) == [("OK", 1, 0, "paid")]
    assert (refusal.line_id, refusal.reason.replace("1e-05", "0.00001"), refusal.units) == (
        "2",
        reason,
        units,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"date_created": "soon"}, "unreadable field=date_created"),
        ({"date_created": "2026-03-02T10:00:00"}, "unreadable field=date_created"),
        ({"last_updated": None}, "unreadable field=last_updated"),
        ({"status": "haunted"}, "unreadable field=status value='haunted'"),
        ({"order_items": []}, "unreadable field=order_items"),
        ({"returns": "all of it"}, "unreadable field=returns"),
        ({"id": None}, "unreadable field=id.int"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_whole(change, reason, judge, order, line):
    rows, (refusal,) = judge(order(1, CREATED, [line("A", 3)]) | change)
    assert rows == []
    assert (refusal.line_id, refusal.reason) == ("*", reason)
    assert refusal.units == (0 if "order_items" in change else 3)


def test_an_unpaid_order_waits_by_rule(judge, order):
    rows, (refusal,) = judge(order(1, CREATED, status="payment_in_process"))
    assert rows == []
    assert refusal.reason == "not_paid"
    assert reason_code(refusal.reason) in BY_RULE


def test_what_is_no_document_at_all_has_a_name_and_a_reason(judge, store):
    for document in (None, [], "order", 7, {}):
        order = read_order(document, store, FALLBACK)
        assert order.order_id.startswith("unreadable-")
        assert order.created_at == FALLBACK
        assert judge(document)[1][0].reason.startswith("unreadable field=")


@pytest.mark.parametrize("seed", range(4))
def test_mutated_documents_are_accepted_or_refused_and_never_crash(
    seed, judge, order, line, returned, spoil
):
    good = order(1, CREATED, [line("A", 2), line("E", 1)], returns=[returned("MLA-A", 1)])
    spoil(good, seed, lambda document: judge(without_customer(document)), drift)
