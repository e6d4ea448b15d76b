"""What a name is at the moment of a plan: its worst prices, and what its open orders will do."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.deskwork.portfolio.looking import Book, How, Price, name_of, open_cost
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Side
from floorbroker.pretrade.allocation.trades import Name

PRICE = Price(bid_px=Decimal("9.99"), ask_px=Decimal("10.01"), age_s=1, source="mid")
NOW = datetime(2026, 6, 1, 14, tzinfo=UTC)


def order(request: OrderRequest, name: str = "o-1", **fields: Any) -> Order:
    plain = Order(
        cl_ord_id=ClOrdID(name),
        account=Account("main"),
        request=request,
        created_time=NOW,
        venue_status=OrdStatus.NEW,
    )
    return replace(plain, **fields)


def name(*orders: Order, held: str = "0", how: How | None = None, **terms: Any) -> Name:
    book = Book(held={"A": Decimal(held)}, orders=orders)
    return name_of("A", Instrument(symbol="A", **terms), PRICE, how=how or How(), book=book)


@pytest.mark.parametrize(
    ("how", "buys", "sells"),
    [
        (How(), "10.015005", "9.985005"),
        (How(slack_bps=Decimal(0)), "10.01", "9.99"),
        (How(limit_bps=Decimal(10)), "10.02", "9.99"),
        (How(limit_bps=Decimal(25)), "10.03", "9.97"),
    ],
)
def test_the_worst_price_is_the_limit_on_its_tick_or_the_quote_and_some_slack(
    how: How, buys: str, sells: str
) -> None:
    found = [PRICE.worst(side, how) for side in (Side.BUY, Side.SELL)]
    assert found == [Decimal(buys), Decimal(sells)]


def test_what_still_works_of_an_order_counts_at_its_own_price() -> None:
    half = OrderRequest.limit("buy", 100, "A", limit_price="9.50")
    found = name(order(half, cum_qty=Qty(40), avg_px=Px("9.5")), held="40")
    assert found.stands == 100
    assert found.open_cost == 60 * Decimal("9.5")
    assert name(order(half, venue_status=OrdStatus.FILLED)).stands == 0
    assert name(order(OrderRequest.market("buy", 10, "A"))).open_cost == Decimal("100.1")


def test_an_order_of_unknown_fate_counts_in_full() -> None:
    lost = order(OrderRequest.market("sell", 10, "A"), venue_status=OrdStatus.UNKNOWN)
    assert name(lost, held="10").stands == 0


def test_an_order_for_dollars_counts_with_the_shares_that_they_buy() -> None:
    dollars = OrderRequest.market("buy", None, "A", notional=500)
    assert name(order(dollars)).stands == 50
    assert name(order(dollars, cum_qty=Qty(30)), held="30").stands == 50


def test_exits_hold_shares_and_are_not_expected_to_trade() -> None:
    profit = OrderRequest.limit("sell", 10, "A", limit_price="12")
    legs = [
        order(profit, "b/tp", parent=ClOrdID("b")),
        order(OrderRequest.stop("sell", 10, "A", stop_price="8"), "b/sl", parent=ClOrdID("b")),
    ]
    alone = order(OrderRequest.stop("sell", 5, "A", stop_price="8"), "s")
    found = name(*legs, alone, held="30")
    assert (found.stands, found.exits) == (Decimal(30), Decimal(15))
    asleep = [replace(leg, venue_status=OrdStatus.HELD) for leg in legs]
    assert name(*asleep).exits == 0
    orders = (*legs, order(OrderRequest.market("buy", 10, "A"), "m"))
    assert open_cost(Book(held={}, orders=orders), {"A": PRICE}) == Decimal("100.1")


def test_both_halves_of_an_oco_hold_the_same_shares() -> None:
    pair = OrderRequest.oco("sell", 10, "A", take_profit="12", stop_loss="8")
    stop = OrderRequest.stop("sell", 10, "A", stop_price="8")
    found = name(order(pair, "o"), order(stop, "o/sl", parent=ClOrdID("o")), held="30")
    assert (found.stands, found.exits) == (Decimal(30), Decimal(10))


def test_steps_follow_the_instrument_and_what_was_asked_for() -> None:
    assert name().lot == 1
    assert name().share_step < 1
    assert name(how=How(is_fractional=True)).lot == name().share_step
    assert name(how=How(is_fractional=True), is_fractionable=False).lot == 1
    assert name(how=How(lot=Decimal(100))).lot == 100
    assert not name(is_easy_to_borrow=False).is_shortable


def test_a_book_that_moved_says_where() -> None:
    before = Book(held={"A": Decimal(1)}, orders=())
    assert before.moved_since(before) == ""
    sold = Book(held={}, orders=())
    assert sold.moved_since(before) == "the position in A was 1 and is 0"
    one = order(OrderRequest.market("buy", 10, "A"))
    some = replace(one, cum_qty=Qty(5))
    told = "orders were placed, filled or canceled"
    assert Book(held={}, orders=(one,)).moved_since(sold) == told
    assert Book(held={}, orders=(some,)).moved_since(Book(held={}, orders=(one,))) == told
