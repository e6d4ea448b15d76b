"""Every mistake that can be known without the broker is named: field, value, and what is right."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import OrderClass, OrderRequest, OrdType, Side, TimeInForce
from floorbroker.domain.terms import OrderTerms, is_coin_pair, validate

market: Callable[..., OrderRequest] = OrderRequest.market
limit: Callable[..., OrderRequest] = OrderRequest.limit
stop: Callable[..., OrderRequest] = OrderRequest.stop
stop_limit: Callable[..., OrderRequest] = OrderRequest.stop_limit
trailing: Callable[..., OrderRequest] = OrderRequest.trailing_stop

a_market = partial(market, "buy", 10, "AAPL")
a_limit = partial(limit, "buy", 10, "AAPL", limit_price="187.20")
a_stop = partial(stop, "sell", 10, "AAPL", stop_price="180.00")
a_trail = partial(trailing, "sell", 10, "AAPL", trail_price="1.50")

#: (what is asked, the field that is wrong, the value as it is shown, what would be right)
MISTAKES: list[tuple[Callable[[], OrderRequest], str, str, str]] = [
    # the side
    (partial(market, "hold", 10, "AAPL"), "side", "'hold'", "choose one of buy, sell"),
    (partial(market, "", 10, "AAPL"), "side", "''", "choose one of buy, sell"),
    (partial(market, None, 10, "AAPL"), "side", "None", "choose one of buy, sell"),
    (partial(market, 1, 10, "AAPL"), "side", "1", "choose one of buy, sell"),
    # the size
    (partial(market, "buy", 0, "AAPL"), "order_qty", "0", "it must be above 0"),
    (partial(market, "buy", -5, "AAPL"), "order_qty", "-5", "it must be above 0"),
    (partial(market, "buy", "-0.1", "AAPL"), "order_qty", "-0.1", "it must be above 0"),
    (partial(market, "buy", "NaN", "AAPL"), "qty", "'NaN'", "not a finite number"),
    (partial(market, "buy", Decimal("inf"), "AAPL"), "qty", "Decimal('Infinity')", "not a finite"),
    (partial(market, "buy", "ten", "AAPL"), "qty", "'ten'", "is not a number"),
    (partial(market, "buy", 1.5, "AAPL"), "qty", "1.5", 'write "1.5" instead'),
    (partial(market, "buy", True, "AAPL"), "qty", "True", "not an exact number"),
    (partial(market, "buy", [10], "AAPL"), "qty", "[10]", "not an exact number"),
    (
        partial(market, "buy", "0.0000000001", "AAPL"),
        "order_qty",
        "0.0000000001",
        "use at most nine decimals",
    ),
    (
        partial(market, "buy", 10, "AAPL", notional=100),
        "order_qty",
        "both are set",
        "set exactly one of order_qty and notional",
    ),
    (
        partial(market, "buy", None, "AAPL"),
        "order_qty",
        "neither is set",
        "set exactly one of order_qty and notional",
    ),
    (
        partial(limit, "buy", None, "AAPL", limit_price=187),
        "order_qty",
        "neither is set",
        "set exactly one",
    ),
    (
        partial(market, "buy", None, "AAPL", notional="0.99"),
        "notional",
        "0.99",
        "at least 1 dollar",
    ),
    (partial(market, "buy", None, "AAPL", notional=-5), "notional", "-5", "at least 1 dollar"),
    (partial(market, "buy", None, "AAPL", notional="9.999"), "notional", "9.999", "whole cents"),
    (partial(market, "buy", None, "AAPL", notional=9.5), "notional", "9.5", 'write "9.5" instead'),
    # prices
    (partial(a_limit, limit_price=0), "price", "0", "it must be above 0"),
    (partial(a_limit, limit_price="-1"), "price", "-1", "it must be above 0"),
    (partial(a_limit, limit_price=None), "price", "None", "a limit order needs one"),
    (partial(a_limit, limit_price=187.2), "limit_price", "187.2", 'write "187.2" instead'),
    (partial(a_limit, limit_price="nan"), "limit_price", "'nan'", "not a finite number"),
    (partial(a_limit, limit_price="187.205"), "price", "187.205", "in steps of 0.01"),
    (partial(a_limit, limit_price="0.12345"), "price", "0.12345", "in steps of 0.0001"),
    (partial(a_stop, stop_price=0), "stop_px", "0", "it must be above 0"),
    (partial(a_stop, stop_price=None), "stop_px", "None", "a stop order needs one"),
    (partial(a_stop, stop_price=180.0), "stop_price", "180.0", 'write "180.0" instead'),
    (partial(a_stop, stop_price="180.001"), "stop_px", "180.001", "in steps of 0.01"),
    (
        partial(stop_limit, "sell", 1, "AAPL", stop_price=180, limit_price=None),
        "price",
        "None",
        "a stop_limit order needs one",
    ),
    (
        partial(stop_limit, "sell", 1, "AAPL", stop_price=None, limit_price=180),
        "stop_px",
        "None",
        "a stop_limit order needs one",
    ),
    # the trail
    (
        partial(trailing, "sell", 10, "AAPL"),
        "trail_amount",
        "neither is set",
        "set exactly one of trail_amount and trail_percent",
    ),
    (
        partial(a_trail, trail_percent=1),
        "trail_amount",
        "both are set",
        "set exactly one of trail_amount and trail_percent",
    ),
    (partial(a_trail, trail_price=0), "trail_amount", "0", "at least 0.01 dollars"),
    (partial(a_trail, trail_price="0.009"), "trail_amount", "0.009", "at least 0.01 dollars"),
    (partial(a_trail, trail_price=1.5), "trail_price", "1.5", 'write "1.5" instead'),
    (
        partial(trailing, "sell", 10, "AAPL", trail_percent=0),
        "trail_percent",
        "0",
        "between 0 and 100",
    ),
    (
        partial(trailing, "sell", 10, "AAPL", trail_percent=100),
        "trail_percent",
        "100",
        "between 0 and 100",
    ),
    # the symbol
    (partial(market, "buy", 10, ""), "symbol", "''", "such as AAPL or BTC/USD"),
    (partial(market, "buy", 10, "  "), "symbol", "''", "such as AAPL or BTC/USD"),
    (partial(market, "buy", 10, "A APL"), "symbol", "'A APL'", "such as AAPL or BTC/USD"),
    (partial(market, "buy", 10, "ÄPL"), "symbol", "'ÄPL'", "such as AAPL or BTC/USD"),
    (partial(market, "buy", 10, "A" * 33), "symbol", repr("A" * 33), "such as AAPL or BTC/USD"),
    (partial(market, "buy", 10, 7), "symbol", "7", "give the ticker as text"),
    # the time in force
    (
        partial(a_market, time_in_force="forever"),
        "time_in_force",
        "'forever'",
        "choose one of day, gtc, ioc, fok, opg, cls",
    ),
    *(
        (partial(asked, time_in_force=tif), "time_in_force", tif, f"a {kind} order in AAPL takes")
        for asked, kind in ((a_stop, "stop"), (a_trail, "trailing_stop"))
        for tif in ("ioc", "fok", "opg", "cls")
    ),
    (
        partial(
            stop_limit, "sell", 1, "AAPL", stop_price=180, limit_price=179, time_in_force="ioc"
        ),
        "time_in_force",
        "ioc",
        "a stop_limit order in AAPL takes day, gtc",
    ),
    # fractions and dollars
    *(
        (
            partial(limit, "buy", "0.5", "AAPL", limit_price=187, time_in_force=tif),
            "time_in_force",
            tif,
            "a fractional or notional limit order in AAPL takes day",
        )
        for tif in ("gtc", "ioc", "fok", "opg", "cls")
    ),
    (
        partial(market, "buy", None, "AAPL", notional=100, time_in_force="gtc"),
        "time_in_force",
        "gtc",
        "a fractional or notional market order in AAPL takes day",
    ),
    (
        partial(trailing, "sell", "0.5", "AAPL", trail_price=1),
        "ord_type",
        "trailing_stop",
        "fractional and notional orders take market, limit, stop, stop_limit",
    ),
    # coins
    (
        partial(market, "buy", 1, "BTC/USD"),
        "time_in_force",
        "day",
        "a market order in BTC/USD takes gtc, ioc",
    ),
    (
        partial(stop, "sell", 1, "BTC/USD", stop_price=60000, time_in_force="gtc"),
        "ord_type",
        "stop",
        "coins take market, limit, stop_limit",
    ),
    # extended hours
    *(
        (
            partial(asked, extended_hours=True),
            "extended_hours",
            "true",
            "extended hours take day or gtc limit orders",
        )
        for asked in (a_market, a_stop, a_trail, partial(a_limit, time_in_force="ioc"))
    ),
    # the order's id
    (partial(a_market, cl_ord_id=""), "cl_ord_id", "''", "give 1 to 48 characters"),
    (partial(a_market, cl_ord_id="x" * 49), "cl_ord_id", repr("x" * 49), "give 1 to 48"),
    (partial(a_market, cl_ord_id="my order"), "cl_ord_id", "'my order'", "use letters, digits"),
    (partial(a_market, cl_ord_id="größe"), "cl_ord_id", "'größe'", "use letters, digits"),
    (partial(a_market, cl_ord_id="a\nb"), "cl_ord_id", r"'a\nb'", "use letters, digits"),
]


@pytest.mark.parametrize(("asked", "field", "value", "hint"), MISTAKES)
def test_the_mistake_is_named(
    asked: Callable[[], OrderRequest], field: str, value: str, hint: str
) -> None:
    with pytest.raises(InvalidOrder) as caught:
        asked()
    assert caught.value.field == field
    assert str(caught.value.value) == value
    assert hint in caught.value.hint
    assert str(caught.value) == f"{field}: {value} is not valid; {caught.value.hint}"


GOOD: list[Callable[[], OrderRequest]] = [
    *(partial(a_market, time_in_force=tif) for tif in TimeInForce),
    *(partial(a_limit, time_in_force=tif) for tif in TimeInForce),
    *(partial(a_stop, time_in_force=tif) for tif in ("day", "gtc")),
    *(partial(a_trail, time_in_force=tif) for tif in ("day", "gtc")),
    partial(a_limit, limit_price="0.1234"),
    partial(a_limit, limit_price="0.0001"),
    partial(a_limit, extended_hours=True, time_in_force="gtc"),
    partial(market, "buy", "0.000000001", "AAPL"),
    partial(limit, "buy", "0.5", "AAPL", limit_price=187),
    partial(limit, "buy", "0.5", "AAPL", limit_price=187, extended_hours=True),
    partial(stop, "sell", "0.5", "AAPL", stop_price=187),
    partial(market, "buy", None, "AAPL", notional=1),
    partial(market, "buy", "0.001", "BTC/USD", time_in_force="gtc"),
    partial(limit, "buy", 1, "BTC/USD", limit_price="60000.12345", time_in_force="ioc"),
    partial(market, "buy", 10, "BRK.B"),
    partial(a_market, cl_ord_id="x" * 48),
    partial(a_market, cl_ord_id="A-1_b.2"),
    partial(trailing, "sell", 10, "AAPL", trail_percent="99.9"),
    partial(trailing, "sell", 10, "AAPL", trail_price="0.01"),
]


@pytest.mark.parametrize("asked", GOOD)
def test_a_good_order_passes(asked: Callable[[], OrderRequest]) -> None:
    validate(asked())


#: Built field by field, as a decoder does: no constructor stands between the mistake and us.
RAW: list[tuple[dict[str, Any], str, str]] = [
    ({"price": Px(187)}, "price", "a market order takes none"),
    ({"stop_px": Px(187)}, "stop_px", "a market order takes none"),
    ({"trail_amount": Px(1)}, "trail_amount", "a market order takes none"),
    ({"trail_percent": Decimal(1)}, "trail_percent", "a market order takes none"),
    ({"ord_type": OrdType.LIMIT}, "price", "a limit order needs one"),
    ({"ord_type": OrdType.STOP}, "stop_px", "a stop order needs one"),
    (
        {"ord_type": OrdType.LIMIT, "price": Px(1), "stop_px": Px(1)},
        "stop_px",
        "a limit order takes none",
    ),
    (
        {"ord_type": OrdType.STOP, "price": Px(1), "stop_px": Px(1)},
        "price",
        "a stop order takes none",
    ),
    (
        {"ord_type": OrdType.TRAILING_STOP, "trail_amount": Px(1), "stop_px": Px(1)},
        "stop_px",
        "a trailing_stop order takes none",
    ),
    ({"order_qty": Qty.of(Decimal("NaN"))}, "order_qty", "it must be above 0"),
    ({"order_qty": Qty.of(Decimal("inf"))}, "order_qty", "it must be above 0"),
    ({"order_qty": None, "notional": Money.of(Decimal("NaN"))}, "notional", "at least 1 dollar"),
    (
        {"ord_type": OrdType.LIMIT, "price": Px.of(Decimal("inf"))},
        "price",
        "it must be above 0",
    ),
    ({"symbol": "aapl"}, "symbol", "give it in capitals"),
]


@pytest.mark.parametrize(("fields", "field", "hint"), RAW)
def test_a_field_that_does_not_belong_is_named(
    fields: dict[str, Any], field: str, hint: str
) -> None:
    with pytest.raises(InvalidOrder) as caught:
        validate(replace(market("buy", 10, "AAPL"), **fields))
    assert caught.value.field == field
    assert hint in caught.value.hint


def leg(**fields: Any) -> OrderTerms:
    given = {
        "side": Side.SELL,
        "symbol": "AAPL",
        "ord_type": OrdType.LIMIT,
        "order_qty": Qty(10),
        "price": Px(200),
    }
    return OrderTerms(**{**given, **fields})


TAKE_PROFIT = leg()
STOP_LOSS = leg(ord_type=OrdType.STOP, price=None, stop_px=Px(180))


def classed(order_class: OrderClass, *legs: OrderTerms, **fields: Any) -> OrderRequest:
    return replace(a_limit(), order_class=order_class, legs=legs, **fields)


@pytest.mark.parametrize(
    "asked",
    [
        classed(OrderClass.BRACKET, TAKE_PROFIT, STOP_LOSS),
        classed(OrderClass.OTO, STOP_LOSS),
        classed(OrderClass.OTO, TAKE_PROFIT),
        classed(OrderClass.OCO, STOP_LOSS, side=Side.SELL, price=Px(200)),
    ],
)
def test_orders_with_the_right_legs_pass(asked: OrderRequest) -> None:
    validate(asked)


@pytest.mark.parametrize(
    ("asked", "field", "hint"),
    [
        (classed(OrderClass.BRACKET, STOP_LOSS), "legs", "a bracket order has 2"),
        (classed(OrderClass.OCO), "legs", "oco order has 1"),
        (classed(OrderClass.OTO), "legs", "oto order has 1"),
        (classed(OrderClass.SIMPLE, STOP_LOSS), "legs", "a simple order has 0"),
        (
            classed(OrderClass.BRACKET, TAKE_PROFIT, TAKE_PROFIT),
            "legs",
            "give one stop-loss leg",
        ),
        (
            classed(OrderClass.BRACKET, TAKE_PROFIT, leg(symbol="MSFT")),
            "legs",
            "sell AAPL",
        ),
        (
            classed(OrderClass.BRACKET, TAKE_PROFIT, leg(side=Side.BUY)),
            "legs",
            "sell AAPL",
        ),
        (
            classed(OrderClass.OTO, leg(ord_type=OrdType.MARKET, price=None)),
            "legs",
            "a leg is a limit, stop or stop_limit order",
        ),
        (classed(OrderClass.OTO, leg(price=Px("200.001"))), "take_profit", "in steps of 0.01"),
        (classed(OrderClass.OTO, leg(price=None)), "take_profit", "a limit order needs one"),
        (
            classed(
                OrderClass.BRACKET,
                TAKE_PROFIT,
                STOP_LOSS,
                time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
            ),
            "time_in_force",
            "a bracket order takes day, gtc",
        ),
        (
            classed(OrderClass.BRACKET, TAKE_PROFIT, STOP_LOSS, order_qty=Qty("0.5")),
            "order_class",
            "fractions go as simple orders",
        ),
        (
            classed(OrderClass.BRACKET, TAKE_PROFIT, STOP_LOSS, extended_hours=True),
            "extended_hours",
            "a bracket order takes none",
        ),
        (
            classed(OrderClass.OCO, STOP_LOSS, ord_type=OrdType.MARKET, price=None),
            "ord_type",
            "an oco order is the take-profit limit",
        ),
    ],
)
def test_orders_with_the_wrong_legs_are_refused(
    asked: OrderRequest, field: str, hint: str
) -> None:
    with pytest.raises(InvalidOrder) as caught:
        validate(asked)
    assert caught.value.field == field
    assert hint in caught.value.hint


def test_an_id_given_to_a_raw_request_is_checked_too() -> None:
    with pytest.raises(InvalidOrder) as caught:
        validate(replace(a_market(), cl_ord_id=ClOrdID("x" * 49)))
    assert caught.value.field == "cl_ord_id"


def test_coin_pairs_are_told_by_their_slash() -> None:
    assert is_coin_pair("BTC/USD")
    assert not is_coin_pair("BRK.B")
