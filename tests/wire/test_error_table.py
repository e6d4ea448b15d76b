"""Alpaca's table of refusals, row by row, over HTTP: status, code, text and fields."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.front.server import FrontRules
from floorbroker.exchange.model import Configuration
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually

MALFORMED, UNPROCESSABLE = (422, 40010001), (422, 42210000)
FORBIDDEN, NOT_FOUND = (403, 40310000), (404, 40410000)
NOBODY = "00000000-0000-4000-8000-000000000000"
ORDER: Mapping[str, object] = {
    "symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day", "qty": "10"
}  # fmt: skip
LIMIT = {"type": "limit", "limit_price": "180"}
BRACKET = {"order_class": "bracket", **LIMIT}
PROFIT, LOSS = {"limit_price": "190"}, {"stop_price": "170"}
LOSS_AS_PROFIT = {"limit_price": "170"}


class Row(NamedTuple):
    """One refusal: a request, what happened before it, and how it is answered.

    `{0}`, `{1}` in path and text are the ids of the orders that `before` placed.
    """

    answer: tuple[int, int]
    text: str
    body: Mapping[str, object] | None = None
    method: str = "POST"
    path: str = "/v2/orders"
    before: tuple[Mapping[str, object], ...] = ()
    extra: Mapping[str, object] = {}
    setup: Mapping[str, Any] = {}
    configuration: Configuration | None = None
    blocked: bool = False


def post(answer: tuple[int, int], text: str, /, **changes: object) -> Row:
    body = {**ORDER, **changes}
    return Row(answer, text, {name: value for name, value in body.items() if value is not None})


HELD: tuple[Mapping[str, object], ...] = (
    {},
    {"side": "sell", "type": "limit", "limit_price": 200},
)

THREE_DAY_TRADES: tuple[Mapping[str, object], ...] = ({}, {"side": "sell"}) * 3

TABLE: dict[str, Row] = {
    # 40010001: malformed.
    "no size": post(MALFORMED, "qty or notional is required", qty=None),
    "two sizes": post(MALFORMED, "only one of qty or notional is accepted", notional="5"),
    "unknown symbol": post(MALFORMED, 'could not find asset "FACEBOOK"', symbol="FACEBOOK"),
    "unknown symbol on a watchlist": Row(
        MALFORMED, 'could not find asset "FACEBOOK"',
        {"name": "mine", "symbols": ["FACEBOOK"]}, path="/v2/watchlists",
    ),
    "get what is no id": Row(
        MALFORMED, "order_id is missing", method="GET", path="/v2/orders/7"
    ),
    "delete what is no id": Row(
        MALFORMED, "order_id is missing", method="DELETE", path="/v2/orders/7"
    ),
    "stray stop on a limit": post(
        MALFORMED, "limit orders require only limit price", **LIMIT, stop_price="170"
    ),
    "stray price on a market": post(
        MALFORMED, "market orders require no stop or limit price", limit_price="170"
    ),
    "stray stop on a market": post(
        MALFORMED, "market orders require no stop or limit price", stop_price="170"
    ),
    "limit of zero": post(MALFORMED, "limit price must be > 0", type="limit", limit_price="0"),
    "limit below zero": post(MALFORMED, "limit price must be > 0", type="limit", limit_price=-1),
    "id used twice": Row(
        MALFORMED, "client_order_id must be unique", {**ORDER, "client_order_id": "mine"},
        before=({"client_order_id": "mine"},),
    ),
    "id of a canceled order used twice": Row(
        MALFORMED, "client_order_id must be unique", {**ORDER, "client_order_id": "mine"},
        before=({**LIMIT, "time_in_force": "ioc", "client_order_id": "mine"},),
    ),
    "replace a canceled order": Row(
        MALFORMED, "only open orders can be replaced", {"qty": "5"}, "PATCH", "/v2/orders/{0}",
        before=({**LIMIT, "time_in_force": "ioc"},),
    ),
    "replace a filled order": Row(
        MALFORMED, "only open orders can be replaced", {"qty": "5"}, "PATCH", "/v2/orders/{0}",
        before=({},),
    ),
    "replace before it is sent": Row(
        MALFORMED, "unable to replace order, order isn't sent to exchange yet", {"qty": "5"},
        "PATCH", "/v2/orders/{0}", before=(LIMIT,), setup={"at": "closed"},
    ),
    "unknown activity": Row(
        MALFORMED, "invalid activity type: X", method="GET", path="/v2/account/activities/X"
    ),
    "watchlist without a name": Row(
        MALFORMED, "watchlist is required", {"symbols": ["AAPL"]}, path="/v2/watchlists"
    ),
    "long watchlist name": Row(
        MALFORMED, "name must be no more than 64 characters", {"name": "n" * 65},
        path="/v2/watchlists",
    ),
    # 40310000: not now, not you.
    "too dear": Row(
        FORBIDDEN, "insufficient buying power", {**ORDER, **LIMIT, "qty": "10000"},
        extra={"buying_power": "400000", "cost_basis": "1800000"},
    ),
    "replaced by what is too dear": Row(
        FORBIDDEN, "insufficient buying power", {"qty": "10000"}, "PATCH", "/v2/orders/{0}",
        before=(LIMIT,),
    ),
    "sell more than there is": Row(
        FORBIDDEN, "insufficient qty available for order (requested: 11, available: 10)",
        {**ORDER, "side": "sell", "qty": "11"}, before=({},),
        extra={
            "symbol": "AAPL", "existing_qty": "10", "held_for_orders": "0", "available": "10"
        },
    ),
    "close what orders hold": Row(
        FORBIDDEN, "insufficient qty available for order (requested: 10, available: 0)",
        method="DELETE", path="/v2/positions/AAPL", before=HELD,
        extra={
            "symbol": "AAPL", "existing_qty": "10", "held_for_orders": "10", "available": "0"
        },
    ),
    "a fraction of what is sold whole": post(
        FORBIDDEN, 'asset "WHOLE" is not fractionable', symbol="WHOLE", qty="0.5"
    ),
    "dollars of what is sold whole": post(
        FORBIDDEN, 'asset "WHOLE" is not fractionable', symbol="WHOLE", qty=None, notional="50"
    ),
    "short without credit": Row(
        FORBIDDEN, "account is not allowed to short", {**ORDER, "side": "sell"},
        setup={"cash": 1999},
    ),
    "short where its owner forbids it": Row(
        FORBIDDEN, "account is not allowed to short", {**ORDER, "side": "sell"},
        configuration=Configuration(no_shorting=True),
    ),
    "short without margin": Row(
        FORBIDDEN, "account is not allowed to short", {**ORDER, "side": "sell"},
        configuration=Configuration(max_margin_multiplier="1"),
    ),
    "short what nobody lends": post(
        FORBIDDEN, 'asset "NOSHORT" cannot be sold short', symbol="NOSHORT", side="sell"
    ),
    "short what is hard to borrow": post(
        FORBIDDEN, 'asset "HARDB" cannot be sold short', symbol="HARDB", side="sell"
    ),
    "wash trade with a limit": Row(
        FORBIDDEN, "potential wash trade detected. use complex orders",
        {**ORDER, "side": "sell", "type": "limit", "limit_price": "180"}, before=(LIMIT,),
        extra={"existing_order_id": "{0}", "reject_reason": "opposite side limit order exists"},
    ),
    "wash trade with a stop": Row(
        FORBIDDEN, "potential wash trade detected. use complex orders",
        {**ORDER, "side": "sell"}, before=({"type": "stop", "stop_price": "190"},),
        extra={
            "existing_order_id": "{0}",
            "reject_reason": "opposite side market or stop order exists",
        },
    ),
    "short beside a long": Row(
        FORBIDDEN, "cannot open a short sell while a long buy order is open",
        {**ORDER, "side": "sell", "type": "limit", "limit_price": "200"}, before=(LIMIT,),
    ),
    "long beside a short": Row(
        FORBIDDEN, "cannot open a long buy while a short sell order is open", {**ORDER, **LIMIT},
        before=({"side": "sell", "type": "limit", "limit_price": "200"},),
    ),
    "less than a dollar": Row(
        FORBIDDEN, "cost basis must be >= minimal amount of order 1",
        {**ORDER, "qty": None, "notional": "0.5"}, extra={"cost_basis": "0.5"},
    ),
    "less than ten dollars of a coin": Row(
        FORBIDDEN, "cost basis must be >= minimal amount of order 10",
        {
            **ORDER, "symbol": "BTC/USD", "time_in_force": "gtc", "type": "limit",
            "limit_price": "9", "qty": "1",
        },
        extra={"cost_basis": "9"},
    ),
    "blocked account": Row(FORBIDDEN, "account is not authorized to trade", ORDER, blocked=True),
    "suspended by its owner": Row(
        FORBIDDEN, "new orders are rejected by user request", ORDER,
        configuration=Configuration(suspend_trade=True),
    ),
    # 40410000: not there.
    "get an unknown order": Row(
        NOT_FOUND, f"order not found for {NOBODY}", method="GET", path=f"/v2/orders/{NOBODY}"
    ),
    "replace an unknown order": Row(
        NOT_FOUND, f"order not found for {NOBODY}", {"qty": "1"}, "PATCH", f"/v2/orders/{NOBODY}"
    ),
    "cancel an unknown order": Row(
        NOT_FOUND, f"order not found for {NOBODY}", method="DELETE", path=f"/v2/orders/{NOBODY}"
    ),
    "get by an unknown client id": Row(
        NOT_FOUND, "order not found for mine", method="GET",
        path="/v2/orders:by_client_order_id?client_order_id=mine",
    ),
    "no such watchlist": Row(
        NOT_FOUND, f"watchlist not found for {NOBODY}", method="GET",
        path=f"/v2/watchlists/{NOBODY}",
    ),
    "no such contract": Row(
        NOT_FOUND, f"option contract {NOBODY} not found", method="GET",
        path=f"/v2/options/contracts/{NOBODY}",
    ),
    "no such position": Row(
        NOT_FOUND, "position does not exist", method="GET", path="/v2/positions/AAPL"
    ),
    "close no such position": Row(
        NOT_FOUND, "position does not exist", method="DELETE", path="/v2/positions/AAPL"
    ),
    "no such asset": Row(
        NOT_FOUND, "asset not found for FFFFF", method="GET", path="/v2/assets/FFFFF"
    ),
    # 42210000: well formed, and not allowed.
    "sub-penny limit": post(
        UNPROCESSABLE,
        "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing "
        "criteria",
        type="limit", limit_price="290.123",
    ),
    "sub-penny stop": post(
        UNPROCESSABLE,
        "invalid stop_price 290.123. sub-penny increment does not fulfill minimum pricing "
        "criteria",
        type="stop", stop_price="290.123",
    ),
    "sub-penny profit": post(
        UNPROCESSABLE,
        "invalid limit_price 190.123. sub-penny increment does not fulfill minimum "
        "pricing criteria",
        **{**BRACKET, "take_profit": {"limit_price": "190.123"}, "stop_loss": LOSS},
    ),
    "sub-penny loss": post(
        UNPROCESSABLE,
        "invalid stop_price 170.123. sub-penny increment does not fulfill minimum "
        "pricing criteria",
        **{**BRACKET, "take_profit": PROFIT, "stop_loss": {"stop_price": "170.123"}},
    ),
    "cancel a filled order": Row(
        UNPROCESSABLE, 'order is already in "filled" state', method="DELETE",
        path="/v2/orders/{0}", before=({},),
    ),
    "cancel a canceled order": Row(
        UNPROCESSABLE, 'order is already in "canceled" state', method="DELETE",
        path="/v2/orders/{0}", before=({**LIMIT, "time_in_force": "ioc"},),
    ),
    "replace with nothing": Row(
        UNPROCESSABLE, "order parameters are not changed", {}, "PATCH", "/v2/orders/{0}",
        before=(LIMIT,),
    ),
    "replaced by less than is filled": Row(
        UNPROCESSABLE, "qty must be > filled_qty", {"qty": "1000"}, "PATCH", "/v2/orders/{0}",
        before=({"type": "limit", "limit_price": "187.2", "qty": "1500"},),
    ),
    "a fraction for longer than a day": post(
        UNPROCESSABLE, "fractional orders must be DAY orders", qty="0.5", time_in_force="gtc"
    ),
    "a fraction with legs": post(
        UNPROCESSABLE, "fractional orders must be simple orders",
        **{**BRACKET, "take_profit": PROFIT, "stop_loss": LOSS, "qty": "0.5"},
    ),
    "a fraction that trails": post(
        UNPROCESSABLE,
        "fractional orders must be market, limit, stop, or stop_limit orders",
        type="trailing_stop", trail_price="1", qty="0.5",
    ),
    "profit too near": Row(
        UNPROCESSABLE, "take_profit.limit_price must be >= base_price + 0.01",
        {**ORDER, **BRACKET, "take_profit": {"limit_price": "180"}, "stop_loss": LOSS},
        extra={"base_price": "180"},
    ),
    "profit of a short too near": Row(
        UNPROCESSABLE, "take_profit.limit_price must be <= base_price - 0.01",
        {
            **ORDER, **BRACKET, "side": "sell", "limit_price": "200",
            "take_profit": {"limit_price": "200"}, "stop_loss": {"stop_price": "210"},
        },
        extra={"base_price": "200"},
    ),
    "loss too near": Row(
        UNPROCESSABLE, "stop_loss.stop_price must be <= base_price - 0.01",
        {**ORDER, **BRACKET, "take_profit": PROFIT, "stop_loss": {"stop_price": "180"}},
        extra={"base_price": "180"},
    ),
    "loss of a short too near": Row(
        UNPROCESSABLE, "stop_loss.stop_price must be >= base_price + 0.01",
        {
            **ORDER, **BRACKET, "side": "sell", "limit_price": "200",
            "take_profit": {"limit_price": "190"}, "stop_loss": {"stop_price": "200"},
        },
        extra={"base_price": "200"},
    ),
    "legs of a long the wrong way": post(
        UNPROCESSABLE, "take_profit.limit_price must be > stop_loss.stop_price",
        **{**BRACKET, "take_profit": LOSS_AS_PROFIT, "stop_loss": {"stop_price": "175"}},
    ),
    "legs the wrong way": post(
        UNPROCESSABLE, "take_profit.limit_price must be < stop_loss.stop_price",
        **{**BRACKET, "side": "sell", "take_profit": PROFIT, "stop_loss": LOSS},
    ),
    "an OCO without a position": post(
        UNPROCESSABLE, "oco orders must be exit orders", order_class="oco", side="sell",
        type="limit", take_profit={"limit_price": "200"}, stop_loss={"stop_price": "180"},
    ),
    "a sell stop above the market": Row(
        UNPROCESSABLE, "stop price must be less than current price",
        {**ORDER, "side": "sell", "type": "stop", "stop_price": "190"},
        extra={"market_price": "187.15", "stop_price": "190"},
    ),
    "a buy stop below the market": Row(
        UNPROCESSABLE, "stop price must be greater than current price",
        {**ORDER, "type": "stop", "stop_price": "180"},
        extra={"market_price": "187.15", "stop_price": "180"},
    ),
    "not tradable": post(UNPROCESSABLE, 'asset "HALTD" is not tradable', symbol="HALTD"),
    "not active": post(UNPROCESSABLE, "asset GONE is not active", symbol="GONE"),
    "a bracket without profit": post(
        UNPROCESSABLE, "bracket orders require take_profit.limit_price", **BRACKET, stop_loss=LOSS
    ),
    "a bracket without loss": post(
        UNPROCESSABLE, "bracket orders require stop_loss.stop_price", **BRACKET, take_profit=PROFIT
    ),
    # 40310100: retired in June 2026, and in force where a switch says so.
    "a day trade too many": Row(
        (403, 40310100), "trade denied due to pattern day trading protection",
        {**ORDER, "side": "sell"}, before=(*THREE_DAY_TRADES, {}),
        setup={"rules": VenueRules(pdt="on"), "cash": 20000},
    ),
    # Others.
    "no JSON": Row((400, 40010000), "request body format is invalid", {"qty": [1]}),
    "no key": Row(
        (401, 40110000), "request is not authorized", method="GET", path="/v2/account",
        setup={"front": FrontRules(keys={"PK1": "other"})},
    ),
    "too many requests": Row(
        (429, 42910000), "rate limit exceeded", method="GET", path="/v2/account",
        before=({},), setup={"front": FrontRules(rate_limit=1)},
    ),
}  # fmt: skip

#: Rows of the table that stocks and coins do not meet here, and why.
WITHOUT = {
    "limit orders must not have stop_price": "another text for a stray stop; one is recorded",
    "access key verification failed": "another text of 401; the switch has the 403 that was seen",
    "insufficient options buying power": "no options are traded here",
    "account not eligible for level2 options trading": "no options are traded here",
    "account not eligible to trade uncovered option contracts": "no options are traded here",
    "cannot cancel/replace individual legs of a mleg order": "mleg is for options",
    "leg order is already in {status} state": "mleg is for options",
    "crypto trading is not available in your jurisdiction": "live accounts alone have one",
    "position not found: AAPL": "another text of position does not exist, which is recorded",
    "order not found, in a 207": "all orders are canceled at one stroke: none has gone meanwhile",
    "long position not found: SYM, in a 207": "as above, for positions",
    "invalid_input and the like": "the Locates API answers as without permission",
}


@pytest.mark.parametrize("name", TABLE)
def test_the_refusal_is_alpacas(name: str) -> None:
    row = TABLE[name]

    async def main() -> None:
        settings = dict(row.setup)
        if settings.pop("at", "") == "closed":
            settings["start_ns"] = 1_780_322_400_000_000_000 - 12 * 3600 * 1_000_000_000
        async with an_exchange(**settings) as client:
            await _tell(client, row)

    virtually(main)


async def _tell(client: Client, row: Row) -> None:
    await client.quote()
    await client.ask("POST", "/_exchange/trade", {"symbol": "AAPL", "price": "187.15", "size": 5})
    account = client.front.server.venue.account("PK1")
    if row.configuration is not None:
        account.configuration = row.configuration
    account.trading_blocked = row.blocked
    ids = [(await client.order(**before))["id"] for before in row.before]
    path, _, query = row.path.format(*ids).partition("?")
    asked = dict([query.split("=")]) if query else {}
    answer = await client.ask(row.method, path, row.body, row.answer[0], **asked)
    extra = {
        key: value.format(*ids) if isinstance(value, str) else value
        for key, value in row.extra.items()
    }
    assert answer == {"code": row.answer[1], "message": row.text, **extra}


def test_a_leg_that_waits_for_its_parent_is_not_open_to_a_replace() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            order = await client.order(**BRACKET, take_profit=PROFIT, stop_loss=LOSS)
            path = f"/v2/orders/{order['legs'][0]['id']}"
            told = await client.ask("PATCH", path, {"limit_price": "191"}, 422)
            text = "unable to replace order, order is not open"
            assert told == {"code": 40010001, "message": text}

    virtually(main)


def test_a_bad_key_is_forbidden_where_the_front_says_so() -> None:
    async def main() -> None:
        front = FrontRules(keys={"PK1": "other"}, is_forbidden_403=True)
        async with an_exchange(front=front) as client:
            assert await client.ask("GET", "/v2/account", None, 403) == {"message": "forbidden."}

    virtually(main)


def test_a_wash_trade_is_unprocessable_where_the_rules_say_so() -> None:
    async def main() -> None:
        async with an_exchange(rules=VenueRules(wash_trade_status=422)) as client:
            await client.quote()
            await client.order(**LIMIT)
            told = await client.order(422, side="sell", type="limit", limit_price="180")
            assert told["code"] == 42210000

    virtually(main)


def test_what_has_been_replaced_or_has_expired_has_ended() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            order = await client.order(**LIMIT)
            path = f"/v2/orders/{order['id']}"
            successor = await client.ask("PATCH", path, {"qty": "5"})
            told = await client.ask("PATCH", path, {"qty": "6"}, 422)
            assert told == {"code": 42210000, "message": "order already replaced"}
            told = await client.ask("DELETE", path, None, 422)
            assert told == {"code": 42210000, "message": 'order is already in "replaced" state'}
            await client.ask("POST", "/_exchange/clock", {"to": "2026-06-01T20:00:01Z"})
            path = f"/v2/orders/{successor['id']}"
            told = await client.ask("DELETE", path, None, 422)
            assert told == {"code": 42210000, "message": 'order is already in "expired" state'}
            told = await client.ask("PATCH", path, {"qty": "7"}, 422)
            assert told == {"code": 40010001, "message": "only open orders can be replaced"}

    virtually(main)


@pytest.mark.parametrize("status", ["pending_new", "pending_cancel", "pending_replace"])
def test_an_order_on_its_way_cannot_be_replaced(status: str) -> None:
    rules = VenueRules(**{f"{LATENCY[status]}_latency_ns": 10**9})  # type: ignore[arg-type]  # one of three

    async def main() -> None:
        async with an_exchange(rules=rules) as client:
            await client.quote()
            order = await client.order(**LIMIT)
            path = f"/v2/orders/{order['id']}"
            if status == "pending_cancel":
                await client.ask("DELETE", path, None, 204)
            elif status == "pending_replace":
                await client.ask("PATCH", path, {"qty": "5"})
            assert (await client.ask("GET", path))["status"] == status
            told = await client.ask("PATCH", path, {"qty": "6"}, 422)
            text = f"cannot replace order in {status} status"
            if status == "pending_replace":
                text = "order chain not fully replaced"
            assert told == {"code": 42210000, "message": text}

    virtually(main)


LATENCY = {"pending_new": "ack", "pending_cancel": "cancel", "pending_replace": "replace"}


@pytest.mark.parametrize(
    ("first", "second", "is_taken"),
    [
        ({"notional": "100"}, {"notional": "50"}, False),
        ({"notional": "100"}, {"qty": "1"}, False),
        ({"qty": "1"}, {"notional": "50"}, False),
        ({"qty": "1"}, {"qty": "1"}, True),
    ],
)
def test_dollars_close_a_position_alone_outside_the_hours(
    first: dict[str, str], second: dict[str, str], is_taken: bool
) -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            await client.order()
            sale = {"symbol": "AAPL", "side": "sell", "type": "market", "time_in_force": "day"}
            await client.ask("POST", "/v2/orders", {**sale, "notional": "10"})
            await client.ask("POST", "/_exchange/clock", {"to": "2026-06-01T20:30:00Z"})
            await client.ask("POST", "/v2/orders", {**sale, **first})
            if is_taken:
                await client.ask("POST", "/v2/orders", {**sale, **second})
                return
            told = await client.ask("POST", "/v2/orders", {**sale, **second}, 403)
            text = "unable to open new notional orders while having open closing position orders"
            assert told == {"code": 40310000, "message": text}

    virtually(main)


@pytest.mark.parametrize(
    ("fault", "status", "code", "text"),
    [
        (
            FaultRule(kind="server_error", status=500),
            *(500, 50010000, "internal server error occurred"),
        ),
        (FaultRule(kind="server_error", status=504), *(504, 50410000, "request timed out")),
        (FaultRule(kind="accept_then_504"), *(504, 50410000, "request timed out")),
        (FaultRule(kind="rate_limit"), *(429, 42910000, "rate limit exceeded")),
    ],
    ids=["500", "504", "504 after the act", "429"],
)
def test_what_a_fault_answers(fault: FaultRule, status: int, code: int, text: str) -> None:
    async def main() -> None:
        async with an_exchange(fault) as client:
            told = await client.ask("GET", "/v2/account", None, status)
            assert told == {"code": code, "message": text}

    virtually(main)


def test_what_stands_before_the_exchange_answers_in_html() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="server_error", status=503)) as client:
            answer = await client.send("GET", "/v2/account")
            assert (answer.status, answer.headers["content-type"]) == (503, "text/html")

    virtually(main)
