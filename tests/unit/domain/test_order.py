"""Each kind of order is asked for by name; what became of it is derived from both machines."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.errors import InvalidOrder, Refused
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.order import (
    ENDED,
    Order,
    OrderClass,
    OrderRequest,
    OrdStatus,
    OrdType,
    Pending,
    Side,
    TimeInForce,
)

NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
LIVE = set(OrdStatus) - ENDED


def order(status: OrdStatus = OrdStatus.NEW, pending: Pending | None = None) -> Order:
    return Order(
        cl_ord_id=ClOrdID("a-1"),
        account=Account("main"),
        request=OrderRequest.limit("buy", 10, "AAPL", limit_price="187.20"),
        created_time=NOON,
        venue_status=status,
        pending=pending,
    )


def test_a_market_order_has_a_size_and_no_price() -> None:
    asked = OrderRequest.market("buy", 10, "AAPL")
    assert (asked.side, asked.ord_type) == (Side.BUY, OrdType.MARKET)
    assert (asked.order_qty, asked.notional) == (Qty(10), None)
    assert (asked.price, asked.stop_px) == (None, None)
    assert asked.time_in_force is TimeInForce.DAY
    assert asked.order_class is OrderClass.SIMPLE
    assert (asked.cl_ord_id, asked.account, asked.legs) == (None, None, ())


def test_a_market_order_may_name_dollars_instead_of_shares() -> None:
    asked = OrderRequest.market("buy", None, "AAPL", notional="250.50")
    assert (asked.order_qty, asked.notional) == (None, Money("250.50"))


def test_a_limit_order_has_a_price() -> None:
    asked = OrderRequest.limit("sell", "2.5", "aapl ", limit_price="187.20")
    assert (asked.side, asked.ord_type) == (Side.SELL, OrdType.LIMIT)
    assert (asked.order_qty, asked.price, asked.stop_px) == (Qty("2.5"), Px("187.20"), None)
    assert asked.symbol == "AAPL"


def test_a_stop_order_has_a_trigger() -> None:
    asked = OrderRequest.stop("sell", 10, "AAPL", stop_price=Decimal("180.00"))
    assert asked.ord_type is OrdType.STOP
    assert (asked.price, asked.stop_px) == (None, Px(180))


def test_a_stop_limit_order_has_both_prices() -> None:
    asked = OrderRequest.stop_limit("sell", 10, "AAPL", stop_price=180, limit_price="179.50")
    assert asked.ord_type is OrdType.STOP_LIMIT
    assert (asked.price, asked.stop_px) == (Px("179.50"), Px(180))


def test_a_trailing_stop_follows_in_dollars_or_in_percent() -> None:
    dollars = OrderRequest.trailing_stop("sell", 10, "AAPL", trail_price="1.50")
    percent = OrderRequest.trailing_stop("sell", 10, "AAPL", trail_percent="0.5")
    assert (dollars.trail_amount, dollars.trail_percent) == (Px("1.50"), None)
    assert (percent.trail_amount, percent.trail_percent) == (None, Decimal("0.5"))
    assert dollars.ord_type is percent.ord_type is OrdType.TRAILING_STOP


def test_options_are_kept_as_they_were_given() -> None:
    asked = OrderRequest.limit(
        "BUY",
        1,
        "AAPL",
        limit_price=187,
        time_in_force="GTC",
        extended_hours=True,
        cl_ord_id="mine-1",
        account="main",
    )
    assert asked.side is Side.BUY
    assert asked.time_in_force is TimeInForce.GOOD_TILL_CANCEL
    assert asked.extended_hours
    assert (asked.cl_ord_id, asked.account) == ("mine-1", "main")


def test_an_option_that_does_not_exist_is_named_with_those_that_do() -> None:
    options: dict[str, Any] = {"tif": "day"}
    with pytest.raises(TypeError, match=r"tif is no option of an order; time_in_force, "):
        OrderRequest.market("buy", 1, "AAPL", **options)


def test_prices_are_keywords_so_that_none_is_mistaken_for_a_size() -> None:
    limit: Any = OrderRequest.limit
    with pytest.raises(TypeError, match="positional"):
        limit("buy", 10, "AAPL", "187.20")


def test_a_request_cannot_be_changed_once_made() -> None:
    asked: Any = OrderRequest.market("buy", 10, "AAPL")
    with pytest.raises(AttributeError):
        asked.order_qty = Qty(20)


def test_invalid_orders_are_refusals_and_value_errors() -> None:
    with pytest.raises(InvalidOrder) as caught:
        OrderRequest.market("buy", 0, "AAPL")
    assert isinstance(caught.value, Refused)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value) == "order_qty: 0 is not valid; it must be above 0"


@given(
    st.decimals(min_value="0.000000001", max_value=10**9, places=9),
    st.decimals(min_value="1", max_value=10**6, places=2),
)
def test_amounts_reach_the_request_untouched(qty: Decimal, px: Decimal) -> None:
    asked = OrderRequest.limit("buy", str(qty), "AAPL", limit_price=str(px))
    assert (asked.order_qty, asked.price) == (Qty(qty), Px(px))


def test_sides_have_a_sign_and_an_opposite() -> None:
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)


def test_seven_statuses_are_ends() -> None:
    assert {str(status) for status in ENDED} == {
        "filled",
        "canceled",
        "expired",
        "rejected",
        "replaced",
        "not_placed",
        "expired_unsent",
    }
    for status in OrdStatus:
        assert status.is_ended is (status in ENDED)
        assert status.is_open is (status not in ENDED)
        assert order(status).is_ended is (status in ENDED)


@pytest.mark.parametrize("status", sorted(LIVE - {OrdStatus.UNKNOWN}))
@pytest.mark.parametrize(
    ("pending", "shown"),
    [
        (Pending.CANCEL, OrdStatus.PENDING_CANCEL),
        (Pending.REPLACE, OrdStatus.PENDING_REPLACE),
    ],
)
def test_a_pending_request_shows_over_every_live_status(
    status: OrdStatus, pending: Pending, shown: OrdStatus
) -> None:
    assert order(status, pending).ord_status is shown


@pytest.mark.parametrize("status", sorted(ENDED))
@pytest.mark.parametrize("pending", list(Pending))
def test_the_end_shows_over_a_pending_request(status: OrdStatus, pending: Pending) -> None:
    assert order(status, pending).ord_status is status


@pytest.mark.parametrize("pending", [None, *Pending])
def test_unknown_shows_over_a_pending_request(pending: Pending | None) -> None:
    assert order(OrdStatus.UNKNOWN, pending).ord_status is OrdStatus.UNKNOWN


@pytest.mark.parametrize("status", sorted(OrdStatus))
def test_without_a_pending_request_the_venue_is_believed(status: OrdStatus) -> None:
    assert order(status).ord_status is status


def test_leaves_are_what_is_not_filled() -> None:
    assert order().leaves_qty == Qty(10)
    assert replace(order(), cum_qty=Qty("2.5")).leaves_qty == Qty("7.5")
    assert replace(order(), cum_qty=Qty(10)).leaves_qty == Qty(0)


def test_an_overfilled_order_leaves_nothing() -> None:
    assert replace(order(), cum_qty=Qty(12)).leaves_qty == Qty(0)


@pytest.mark.parametrize("status", sorted(ENDED))
def test_an_ended_order_leaves_nothing(status: OrdStatus) -> None:
    assert replace(order(status), cum_qty=Qty(3)).leaves_qty == Qty(0)


def test_the_shares_of_a_notional_order_are_known_by_its_fills_only() -> None:
    asked = OrderRequest.market("buy", None, "AAPL", notional=100)
    mine = replace(order(), request=asked)
    assert mine.order_qty is None
    assert mine.leaves_qty == Qty(0)


def test_an_order_answers_for_its_request() -> None:
    mine = order()
    assert (mine.symbol, mine.side, mine.ord_type) == ("AAPL", Side.BUY, OrdType.LIMIT)
    assert mine.order_qty == Qty(10)


def test_a_new_order_was_never_sent() -> None:
    mine = Order(
        cl_ord_id=ClOrdID("a-1"),
        account=Account("main"),
        request=OrderRequest.market("buy", 1, "AAPL"),
        created_time=NOON,
    )
    assert mine.ord_status is OrdStatus.CREATED
    assert (mine.attempt, mine.order_id, mine.sent_time, mine.fills) == (0, None, None, ())


def test_an_order_is_a_value() -> None:
    assert order() == order()
    assert msgspec.structs.asdict(order())["venue_status"] is OrdStatus.NEW


def test_a_bracket_is_an_entry_with_the_pair_that_ends_its_position() -> None:
    asked = OrderRequest.bracket(
        "buy", 10, "aapl", take_profit="200", stop_loss=180, stop_loss_limit="179.50"
    )
    assert (asked.ord_type, asked.order_class) == (OrdType.MARKET, OrderClass.BRACKET)
    profit, loss = asked.legs
    assert (profit.ord_type, profit.side, profit.price) == (OrdType.LIMIT, Side.SELL, Px(200))
    assert (loss.stop_px, loss.price) == (Px(180), Px("179.50"))
    assert loss.ord_type is OrdType.STOP_LIMIT
    at_limit = OrderRequest.bracket(
        "sell", 10, "AAPL", take_profit=180, stop_loss=200, limit_price=190, time_in_force="gtc"
    )
    assert (at_limit.ord_type, at_limit.price) == (OrdType.LIMIT, Px(190))
    assert {leg.side for leg in at_limit.legs} == {Side.BUY}


def test_an_oco_is_the_take_profit_with_its_stop() -> None:
    asked = OrderRequest.oco("sell", 10, "AAPL", take_profit=200, stop_loss=180)
    assert (asked.ord_type, asked.order_class) == (OrdType.LIMIT, OrderClass.OCO)
    assert asked.price == 200
    (loss,) = asked.legs
    assert (loss.side, loss.ord_type, loss.stop_px) == (Side.SELL, OrdType.STOP, Px(180))


def test_an_oto_has_one_leg() -> None:
    asked = OrderRequest.oto("buy", 10, "AAPL", limit_price=190, stop_loss=180)
    assert [leg.stop_px for leg in asked.legs] == [180]
    with pytest.raises(InvalidOrder, match="an oto order has 1"):
        OrderRequest.oto("buy", 10, "AAPL", take_profit=200, stop_loss=180)
    with pytest.raises(InvalidOrder, match="an oto order has 1"):
        OrderRequest.oto("buy", 10, "AAPL")


LEGS: dict[str, Any] = {"take_profit": 200, "stop_loss": 180}


@pytest.mark.parametrize(
    ("kind", "words", "field", "hint"),
    [
        ("bracket", {"take_profit": 170}, "take_profit", "0.01 or more above stop_loss 180"),
        ("bracket", {"limit_price": 200}, "take_profit", "0.01 or more above limit_price 200"),
        ("bracket", {"limit_price": 180}, "stop_loss", "0.01 or more below limit_price 180"),
        ("bracket", {"side": "sell"}, "take_profit", "0.01 or more below stop_loss 180"),
        ("oco", {"side": "buy"}, "take_profit", "0.01 or more below stop_loss 180"),
        ("bracket", {"stop_loss": "180.001"}, "stop_loss", "steps of 0.01"),
        ("bracket", {"stop_loss_limit": "180.001"}, "stop_loss_limit", "steps of 0.01"),
        ("bracket", {"take_profit": "much"}, "take_profit", "is right"),
        ("oto", {"stop_loss": None, "stop_loss_limit": 1}, "stop_loss_limit", "with stop_loss"),
        ("bracket", {"time_in_force": "ioc"}, "time_in_force", "takes day, gtc"),
        ("bracket", {"qty": "0.5"}, "order_class", "whole shares"),
        (
            "bracket",
            {"symbol": "BTC/USD", "time_in_force": "gtc"},
            "order_class",
            "coins go as simple orders",
        ),
        ("oco", {"extended_hours": True}, "extended_hours", "an oco order takes none"),
    ],
)
def test_legs_that_make_no_sense_are_named(
    kind: str, words: dict[str, Any], field: str, hint: str
) -> None:
    given = {"side": "sell" if kind == "oco" else "buy", "qty": 10, "symbol": "AAPL"}
    with pytest.raises(InvalidOrder) as caught:
        getattr(OrderRequest, kind)(**{**given, **LEGS, **words})
    assert caught.value.field == field
    assert hint in caught.value.hint
