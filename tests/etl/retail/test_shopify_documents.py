"""What a Shopify order says, by small hand-worked cases."""

from datetime import UTC, datetime

import pytest

from etl.door import BY_RULE, Door, reason_code
from etl.retail.shopify_documents import read_order
from etl.retail.shopify_shapes import drift

AT = "2026-03-02T23:30:00-03:00"
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def document(shop, shopify_store):
    """The document that the shop shows of one order."""

    def read(order):
        shop.orders = [order]
        (found,) = shop.source().orders(shopify_store, START, END)
        return found

    return read


@pytest.fixture
def judge(shopify_store, settings):
    """Rows and refusals of one document at the door."""

    def run(document):
        return Door(shopify_store, settings).judge(read_order(document, shopify_store, START))

    return run


def _units(rows):
    return [(r["product_id"], r["units_ordered"], r["units_cancelled"], r["status"]) for r in rows]


def test_a_paid_order_gives_a_row_for_each_line_on_its_local_day(
    judge, document, shopify_order, shopify_line
):
    lines = [shopify_line("A", 2, "9.99"), shopify_line(None, 1, variant={"id": "x/Variant/55"})]
    rows, refusals = judge(document(shopify_order(1, AT, lines)))
    assert _units(rows) == [("A", 2, 0, "paid"), ("55", 1, 0, "paid")]
    assert [str(row["date"]) for row in rows] == ["2026-03-02", "2026-03-02"]
    assert str(rows[0]["unit_price"]) == "9.9900"
    assert rows[0]["order_id"] == "000000001"
    assert refusals == []


def test_refunded_and_removed_units_are_cancelled(judge, document, shopify_order, shopify_line):
    lines = [shopify_line("A", 3, refunded=1), shopify_line("E", 4, refunded=1, removed=3)]
    rows, _ = judge(document(shopify_order(1, AT, lines, displayFinancialStatus="REFUNDED")))
    assert _units(rows) == [("A", 3, 1, "paid"), ("E", 4, 4, "paid")]


def test_a_cancelled_order_keeps_its_lines_with_all_units_cancelled(
    judge, document, shopify_order, shopify_line
):
    lines = [shopify_line("A", 3, refunded=1)]
    rows, _ = judge(document(shopify_order(1, AT, lines, cancelledAt="2026-03-05T00:00:00Z")))
    assert _units(rows) == [("A", 3, 3, "cancelled")]


@pytest.mark.parametrize(
    ("included", "price"), [(True, "8.2645"), (False, "10.0000")], ids=["included", "on top"]
)
def test_tax_that_a_price_includes_is_taken_out_of_it(
    included, price, judge, document, shopify_order, shopify_line
):
    lines = [shopify_line("A", 3, "10.00", tax="5.2066", refunded=1)]
    rows, _ = judge(document(shopify_order(1, AT, lines, taxesIncluded=included)))
    assert str(rows[0]["unit_price"]) == price


def test_money_is_the_shop_s_and_not_what_the_customer_saw(
    judge, document, shopify_order, shopify_line
):
    (row,), _ = judge(document(shopify_order(1, AT, [shopify_line("A", price="7.5")])))
    assert (row["currency"], str(row["unit_price"])) == ("ARS", "7.5000")


@pytest.mark.parametrize(
    ("status", "sold"),
    [("PENDING", False), ("VOIDED", False), ("AUTHORIZED", True), ("PARTIALLY_PAID", True)],
)
def test_an_order_counts_from_its_payment_s_promise_on(
    status, sold, judge, document, shopify_order
):
    rows, refusals = judge(document(shopify_order(1, AT, displayFinancialStatus=status)))
    assert len(rows) == sold
    assert [refusal.reason for refusal in refusals] == ([] if sold else ["not_paid"])


def test_test_orders_are_kept_out_by_rule_with_their_units(
    judge, document, shopify_order, shopify_line
):
    order = shopify_order(1, AT, [shopify_line("A", 3, refunded=1)], test=True)
    rows, (refusal,) = judge(document(order))
    assert rows == []
    assert (refusal.reason, refusal.units) == ("test_order", 2)
    assert refusal.reason in BY_RULE


def test_a_gift_card_is_no_product(judge, document, shopify_order, shopify_line):
    order = shopify_order(1, AT, [shopify_line("GC", 2, isGiftCard=True), shopify_line("A")])
    rows, (refusal,) = judge(document(order))
    assert _units(rows) == [("A", 1, 0, "paid")]
    assert reason_code(refusal.reason) in BY_RULE
    assert refusal.units == 2


def test_a_line_without_variant_goes_by_its_sku_or_else_its_name(
    judge, document, shopify_order, shopify_line
):
    lines = [shopify_line("A", variant=None), shopify_line(None, name="Favour", variant=None)]
    rows, _ = judge(document(shopify_order(1, AT, lines)))
    assert [row["product_id"] for row in rows] == ["A", "Favour"]


def test_another_currency_is_refused(judge, document, shopify_order, shopify_line):
    money = {"shopMoney": {"amount": "5", "currencyCode": "USD"}}
    line = shopify_line("A", discountedUnitPriceAfterAllDiscountsSet=money)
    _, (refusal,) = judge(document(shopify_order(1, AT, [line])))
    assert refusal.reason == "currency_mismatch currency=USD expected=ARS"


def test_documents_as_asked_for_do_not_drift(document, shopify_order):
    found = document(shopify_order(1, AT))
    assert drift(found) == set()
    assert drift(found | {"gift": 1}) == {"new order.gift"}


@pytest.mark.parametrize("seed", range(2))
def test_mutated_documents_are_accepted_or_refused_and_never_crash(
    seed, judge, document, shopify_order, shopify_line, spoil
):
    lines = [shopify_line("A", 2, tax="1.5"), shopify_line("E", 1, refunded=1)]
    spoil(document(shopify_order(1, AT, lines, taxesIncluded=True)), seed, judge, drift)
