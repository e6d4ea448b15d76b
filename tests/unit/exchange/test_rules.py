"""What the venue refuses, and how it says so."""

from decimal import Decimal

import pytest

from floorbroker.clock import NS_PER_S
from floorbroker.exchange.model import Configuration, VenueError
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, SESSION, Floor, ticket

MALFORMED, UNPROCESSABLE, FORBIDDEN = (422, 40010001), (422, 42210000), (403, 40310000)


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.quote("100", 5000, "100.02", 5000)
    floor.trade("100.01", 10)
    return floor


@pytest.mark.parametrize(
    ("more", "kind", "text"),
    [
        ({}, MALFORMED, "qty or notional is required"),
        (
            {"qty": "1", "notional": "5"},
            MALFORMED,
            "only one of qty or notional is accepted",
        ),
        ({"qty": "0"}, MALFORMED, "qty must be > 0"),
        ({"notional": "-1"}, MALFORMED, "notional must be > 0"),
        (
            {"notional": "1.001"},
            UNPROCESSABLE,
            "notional amount must be limited to 2 decimal places",
        ),
        (
            {"qty": "0.0000000001"},
            UNPROCESSABLE,
            "qty must be limited to 9 decimal places",
        ),
        ({"qty": "1", "symbol": "FACEBOOK"}, MALFORMED, 'could not find asset "FACEBOOK"'),
        ({"qty": "1", "symbol": ""}, MALFORMED, "symbol is required"),
        ({"qty": "1", "symbol": "HALTD"}, UNPROCESSABLE, 'asset "HALTD" is not tradable'),
        ({"qty": "1", "symbol": "GONE"}, UNPROCESSABLE, "asset GONE is not active"),
        ({"qty": "0.5", "symbol": "WHOLE"}, FORBIDDEN, 'asset "WHOLE" is not fractionable'),
        ({"qty": "1", "side": "hold"}, MALFORMED, "invalid side hold"),
        ({"qty": "1", "side": ""}, MALFORMED, "side is required"),
        ({"qty": "1", "type": "iceberg"}, MALFORMED, "invalid type iceberg"),
        ({"qty": "1", "tif": "gtd"}, MALFORMED, "invalid time_in_force gtd"),
        (
            {"qty": "1", "limit_price": "10"},
            MALFORMED,
            "market orders require no stop or limit price",
        ),
        (
            {"qty": "1", "type": "limit", "limit_price": "10", "stop_price": "9"},
            MALFORMED,
            "limit orders require only limit price",
        ),
        ({"qty": "1", "type": "limit"}, MALFORMED, "limit price is required"),
        (
            {"qty": "1", "type": "limit", "limit_price": "0"},
            MALFORMED,
            "limit price must be > 0",
        ),
        ({"qty": "1", "type": "stop"}, MALFORMED, "stop price is required"),
        (
            {"qty": "1", "type": "stop_limit", "stop_price": "110"},
            MALFORMED,
            "stop limit orders require both stop and limit price",
        ),
        (
            {"qty": "1", "type": "trailing_stop"},
            MALFORMED,
            "trailing stop orders must specify one of trail_price or trail_percent",
        ),
        (
            {"qty": "1", "type": "trailing_stop", "trail_price": "1", "trail_percent": "1"},
            MALFORMED,
            "trailing stop orders must specify one of trail_price or trail_percent",
        ),
        (
            {"qty": "1", "trail_price": "1"},
            MALFORMED,
            "trail_price and trail_percent are for trailing stop orders only",
        ),
        (
            {"qty": "1", "type": "limit", "limit_price": "290.123"},
            UNPROCESSABLE,
            "invalid limit_price 290.123. sub-penny increment does not fulfill minimum "
            "pricing criteria",
        ),
        (
            {"qty": "1", "type": "limit", "limit_price": "0.12345"},
            UNPROCESSABLE,
            "invalid limit_price 0.12345. sub-penny increment does not fulfill minimum "
            "pricing criteria",
        ),
        (
            {"qty": "1", "type": "stop", "stop_price": "110", "tif": "ioc"},
            UNPROCESSABLE,
            "time_in_force ioc is not supported for stop orders",
        ),
        ({"qty": "0.5", "tif": "gtc"}, UNPROCESSABLE, "fractional orders must be DAY orders"),
        (
            {"qty": "0.5", "type": "trailing_stop", "trail_price": "1"},
            UNPROCESSABLE,
            "fractional orders must be market, limit, stop, or stop_limit orders",
        ),
        (
            {"qty": "1", "eh": "yes"},
            UNPROCESSABLE,
            "extended hours order must be DAY limit orders",
        ),
        (
            {"qty": "1", "order_class": "mleg"},
            UNPROCESSABLE,
            "mleg orders are not supported by this exchange",
        ),
        ({"qty": "1", "order_class": "ladder"}, MALFORMED, "invalid order_class ladder"),
        (
            {"qty": "1", "cid": "x" * 129},
            MALFORMED,
            "client_order_id must be no more than 128 characters",
        ),
        (
            {"qty": "1", "symbol": "BTC/USD"},
            UNPROCESSABLE,
            "invalid crypto time_in_force",
        ),
        (
            {"qty": "1", "intent": "buy_to_close"},
            UNPROCESSABLE,
            "position intent mismatch, inferred: buy_to_open, specified: buy_to_close",
        ),
        (
            {"notional": "0.99"},
            FORBIDDEN,
            "cost basis must be >= minimal amount of order 1",
        ),
        (
            {"qty": "0.009", "side": "buy"},
            FORBIDDEN,
            "cost basis must be >= minimal amount of order 1",
        ),
        (
            {"qty": "0.5", "side": "sell"},
            UNPROCESSABLE,
            "fractional orders cannot be sold short",
        ),
        (
            {"qty": "5", "side": "sell", "symbol": "NOSHORT"},
            FORBIDDEN,
            'asset "NOSHORT" cannot be sold short',
        ),
        (
            {"qty": "5", "side": "sell", "symbol": "HARDB"},
            FORBIDDEN,
            'asset "HARDB" cannot be sold short',
        ),
    ],
)
def test_refusals_speak_as_alpaca_does(
    floor: Floor, more: dict[str, str], kind: tuple[int, int], text: str
) -> None:
    more = dict(more)
    side, qty = more.pop("side", "buy"), more.pop("qty", None)
    refused = floor.refusal(side, qty, more.pop("symbol", "AAPL"), **more)
    assert ((refused.http_status, refused.code), refused.message) == (kind, text)
    assert floor.events == []


@pytest.mark.parametrize("kind", ["market", "limit"])
@pytest.mark.parametrize("tif", ["day", "gtc", "ioc", "fok", "cls"])
def test_market_and_limit_orders_take_every_time_in_force(
    floor: Floor, kind: str, tif: str
) -> None:
    more = {"limit_price": "100"} if kind == "limit" else {}
    assert floor.answer("buy", 1, type=kind, tif=tif, **more).status == "pending_new"


def test_prices_below_a_dollar_have_four_decimals(floor: Floor) -> None:
    assert floor.limit("buy", 1, "0.1234").limit_price == Decimal("0.1234")


def test_sub_penny_prices_may_be_cut_instead() -> None:
    floor = Floor(rules=VenueRules(truncates_sub_penny=True))
    assert floor.limit("buy", 1, "290.129").limit_price == Decimal("290.12")


def test_client_order_id_is_unique_for_ever(floor: Floor) -> None:
    first = floor.send("buy", 1, cid="mine")
    assert first.status == "filled"
    refused = floor.refusal("buy", 1, cid="mine")
    assert (refused.http_status, refused.code) == MALFORMED
    assert refused.message == "client_order_id must be unique"
    assert floor.venue.submit("PKOTHER", ticket("buy", 1, cid="mine")).client_order_id == "mine"


def test_too_much_for_the_buying_power_names_both_sums(floor: Floor) -> None:
    refused = floor.refusal("buy", 5000, type="limit", limit_price="90")
    assert (refused.http_status, refused.code) == FORBIDDEN
    assert refused.message == "insufficient buying power"
    assert refused.extra == {"buying_power": "400000", "cost_basis": "450000"}


def test_open_orders_tie_up_buying_power(floor: Floor) -> None:
    first = floor.limit("buy", 4000, "90")
    assert floor.account.buying_power == 40_000
    assert floor.refusal("buy", 500, type="limit", limit_price="90").extra == {
        "buying_power": "40000",
        "cost_basis": "45000",
    }
    floor.venue.cancel(KEY, first.id)
    assert floor.account.buying_power == 400_000


def test_selling_more_than_is_free_names_what_is_held(floor: Floor) -> None:
    floor.send("buy", 5)
    floor.limit("sell", 5, "120")
    refused = floor.refusal("sell", 5, type="limit", limit_price="120")
    assert (refused.http_status, refused.code) == FORBIDDEN
    assert refused.message == ("insufficient qty available for order (requested: 5, available: 0)")
    assert refused.extra == {
        "symbol": "AAPL",
        "existing_qty": "5",
        "held_for_orders": "5",
        "available": "0",
    }


def test_a_position_cannot_be_turned_around_in_one_order(floor: Floor) -> None:
    floor.send("buy", 5)
    assert "requested: 6, available: 5" in floor.refusal("sell", 6).message
    floor.send("sell", 5)
    floor.send("sell", 5)
    assert floor.account.position_qty("AAPL") == -5
    assert "requested: 6, available: 5" in floor.refusal("buy", 6).message
    assert floor.send("buy", 5).position_intent == "buy_to_close"


@pytest.mark.parametrize(
    ("resting", "incoming", "reason"),
    [
        ("90", "90", "opposite side limit order exists"),
        ("90", "89", "opposite side limit order exists"),
        ("90", None, "opposite side limit order exists"),
        ("90", "91", ""),
    ],
)
def test_own_orders_do_not_trade_with_each_other(
    floor: Floor, resting: str, incoming: str | None, reason: str
) -> None:
    floor.send("buy", 50)
    existing = floor.limit("buy", 5, resting)
    more = {"type": "limit", "limit_price": incoming} if incoming else {}
    if not reason:
        assert floor.send("sell", 5, **more).status == "filled"
        return
    refused = floor.refusal("sell", 5, **more)
    assert (refused.http_status, refused.code) == FORBIDDEN
    assert refused.message == "potential wash trade detected. use complex orders"
    assert refused.extra == {"existing_order_id": existing.id, "reject_reason": reason}


def test_a_stop_on_the_other_side_is_always_a_wash_trade(floor: Floor) -> None:
    floor.send("buy", 50)
    floor.send("sell", 10, type="stop", stop_price="90")
    refused = floor.refusal("buy", 5, type="limit", limit_price="80")
    assert refused.extra["reject_reason"] == "opposite side market or stop order exists"


def test_trailing_stops_are_exempt_from_the_wash_trade_check(floor: Floor) -> None:
    floor.send("buy", 50)
    floor.send("sell", 10, type="trailing_stop", trail_price="5")
    assert floor.send("buy", 5).status == "filled"


def test_wash_trades_may_be_refused_as_in_2024() -> None:
    floor = Floor(rules=VenueRules(wash_trade_status=422))
    floor.quote("100", 500, "100.02", 500)
    floor.send("buy", 50)
    floor.limit("buy", 5, "90")
    refused = floor.refusal("sell", 5, type="limit", limit_price="90")
    assert (refused.http_status, refused.code) == UNPROCESSABLE


def test_an_account_is_long_or_short_not_both(floor: Floor) -> None:
    floor.limit("buy", 5, "90")
    refused = floor.refusal("sell", 5, type="limit", limit_price="120")
    assert refused.message == "cannot open a short sell while a long buy order is open"
    floor.venue.cancel_all(KEY)
    floor.limit("sell", 5, "120")
    refused = floor.refusal("buy", 5, type="limit", limit_price="90")
    assert refused.message == "cannot open a long buy while a short sell order is open"


@pytest.mark.parametrize(
    ("side", "stop_price", "text"),
    [
        ("sell", "100.01", "stop price must be less than current price"),
        ("buy", "100.01", "stop price must be greater than current price"),
    ],
)
def test_a_stop_on_the_wrong_side_names_the_market(
    floor: Floor, side: str, stop_price: str, text: str
) -> None:
    refused = floor.refusal(side, 5, type="stop", stop_price=stop_price)
    assert (refused.http_status, refused.code) == UNPROCESSABLE
    assert refused.message == text
    assert refused.extra == {"market_price": "100.01", "stop_price": stop_price}


def test_small_accounts_may_not_sell_short() -> None:
    floor = Floor(cash="1999")
    floor.quote("10", 500, "10.02", 500)
    assert floor.account.multiplier == "1"
    assert floor.refusal("sell", 5).message == "account is not allowed to short"


def test_a_user_may_forbid_short_sales_fractions_and_all_trading(floor: Floor) -> None:
    floor.venue.configure(KEY, Configuration(no_shorting=True, fractional_trading=False))
    assert floor.refusal("sell", 5).message == "account is not allowed to short"
    assert floor.refusal("buy", "0.5").message == (
        "fractional trading is not enabled for this account"
    )
    floor.venue.configure(KEY, Configuration(suspend_trade=True))
    assert floor.refusal("buy", 5).message == "new orders are rejected by user request"
    floor.account.trading_blocked = True
    assert floor.refusal("buy", 5).message == "account is not authorized to trade"


@pytest.mark.parametrize(
    ("tif", "minutes_before", "is_taken"),
    [("opg", 3, True), ("opg", 2, False), ("cls", 11, True), ("cls", 10, False)],
)
def test_auction_orders_are_refused_shortly_before(
    tif: str, minutes_before: int, *, is_taken: bool
) -> None:
    auction_ns = SESSION.open_ns if tif == "opg" else SESSION.close_ns
    floor = Floor(start_ns=auction_ns - minutes_before * 60 * NS_PER_S)
    if is_taken:
        assert floor.answer("buy", 1, tif=tif).status in ("accepted", "pending_new")
    else:
        assert f"{tif} orders cannot be submitted" in floor.refusal("buy", 1, tif=tif).message


def test_coins_need_cash_and_are_not_sold_short(floor: Floor) -> None:
    floor.quote("50000", 100, "50010", 100, symbol="BTC/USD")
    refused = floor.refusal("buy", 3, "BTCUSD", type="limit", limit_price="50010", tif="gtc")
    assert refused.extra["buying_power"] == "100000"
    refused = floor.refusal("sell", "0.1", "BTC/USD", tif="gtc")
    assert refused.message.startswith("insufficient qty available")
    assert floor.send("buy", "0.1", "BTC/USD", tif="gtc").status == "filled"


def test_a_wrong_switch_is_named() -> None:
    with pytest.raises(ValueError, match="wash_trade_status is 404; it must be one of"):
        VenueRules(wash_trade_status=404)


def test_errors_carry_a_class_that_fits(floor: Floor) -> None:
    classes = {400, 401, 403, 404, 422, 429}
    for error in (floor.refusal("buy", None), floor.refusal("sell", "0.5")):
        assert error.code // 100_000 in classes
    with pytest.raises(VenueError, match="order not found for nothing") as caught:
        floor.venue.order(KEY, "nothing")
    assert (caught.value.http_status, caught.value.code) == (404, 40410000)
