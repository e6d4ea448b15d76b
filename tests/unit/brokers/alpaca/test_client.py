"""The door's questions are complete, and its answers are about what was asked."""

import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from floorbroker.brokers.alpaca.client import AlpacaClient
from floorbroker.brokers.pacing import Lane
from floorbroker.brokers.port import ActivityKind, Broker
from floorbroker.clock import run_virtual
from floorbroker.domain.amounts import Money, Qty
from floorbroker.domain.errors import BrokerUnknown, BrokerUnreachable
from floorbroker.domain.ids import ClOrdID, OrderID
from floorbroker.domain.messages import ExecType, OrderCancelReplaceRequest, Source
from floorbroker.domain.order import OrderRequest
from tests.unit.brokers.alpaca.test_codec import ACTIVITY
from tests.unit.brokers.alpaca.test_reference import ACCOUNT, ASSET, POSITION
from tests.unit.brokers.tiny import (
    ORDER_ID,
    OTHER_ID,
    START,
    Parts,
    Reply,
    Seen,
    encode,
    error,
    order,
    parts,
)

MARKET = OrderRequest.market("buy", 10, "AAPL")
CHANGE = OrderCancelReplaceRequest(
    transact_time=START, cl_ord_id=ClOrdID("FB-1"), wire_id="FB-1.2"
)


def with_answer(
    answer: Callable[[Seen], Reply | Exception],
    act: Callable[[Parts], Coroutine[Any, Any, None]],
) -> None:
    """Run `act` against a broker that answers so, in virtual time."""

    async def main() -> None:
        made = parts(answer)
        try:
            await act(made)
        finally:
            await made.client.aclose()

    run_virtual(main, seed=3)


def test_the_client_is_a_broker() -> None:
    def takes(_: Broker) -> None: ...

    async def act(made: Parts) -> None:
        takes(made.client)

    with_answer(lambda _: Reply(), act)


def test_an_order_is_placed_once_under_our_own_id() -> None:
    async def act(made: Parts) -> None:
        report = await made.client.place(ClOrdID("FB-1"), MARKET)
        assert (report.cl_ord_id, report.order_id, report.source) == (
            "FB-1",
            ORDER_ID,
            Source.ANSWER,
        )
        [seen] = made.broker.seen
        assert (seen.method, seen.path) == ("POST", "/v2/orders")
        assert seen.json["client_order_id"] == "FB-1"

    with_answer(lambda _: Reply(200, encode(order(status="pending_new"))), act)


def test_an_answer_about_another_order_is_no_answer() -> None:
    async def act(made: Parts) -> None:
        client = made.client
        with pytest.raises(BrokerUnknown, match="FB-1"):
            await client.place(ClOrdID("FB-2"), MARKET)
        with pytest.raises(BrokerUnknown, match="FB-1"):
            await client.look_up("FB-2")
        with pytest.raises(BrokerUnknown, match=ORDER_ID):
            await client.order(OrderID(OTHER_ID))
        with pytest.raises(BrokerUnknown, match="the same order"):
            await client.replace(OrderID(ORDER_ID), CHANGE)

    with_answer(lambda _: Reply(200, encode(order())), act)


def test_a_replace_returns_the_successor_and_knows_its_predecessor() -> None:
    async def act(made: Parts) -> None:
        report = await made.client.replace(OrderID(ORDER_ID), CHANGE)
        assert (report.order_id, report.prev_order_id) == (OTHER_ID, ORDER_ID)
        [seen] = made.broker.seen
        assert (seen.method, seen.path) == ("PATCH", f"/v2/orders/{ORDER_ID}")

    successor = order(id=OTHER_ID, client_order_id="FB-1.2", replaces=None)
    with_answer(lambda _: Reply(200, encode(successor)), act)


def test_a_cancel_is_asked_for_once() -> None:
    async def act(made: Parts) -> None:
        await made.client.cancel(OrderID(ORDER_ID))
        [seen] = made.broker.seen
        assert (seen.method, seen.path) == ("DELETE", f"/v2/orders/{ORDER_ID}")

    with_answer(lambda _: Reply(204), act)


def test_look_ups_name_what_they_look_for() -> None:
    async def act(made: Parts) -> None:
        by_client_id = await made.client.look_up("FB-1")
        by_id = await made.client.order(OrderID(ORDER_ID))
        assert by_client_id is not None
        assert by_client_id == by_id
        assert by_client_id.source is Source.LOOKUP
        first, second = made.broker.seen
        assert first.path == "/v2/orders:by_client_order_id"
        assert first.query == {"client_order_id": "FB-1"}
        assert second.path == f"/v2/orders/{ORDER_ID}"
        assert second.query == {"nested": "true"}

    with_answer(lambda _: Reply(200, encode(order())), act)


def test_a_look_up_brings_the_legs_that_the_answer_folds_away() -> None:
    leg = order(id=OTHER_ID, client_order_id="server-made", status="held", order_class="bracket")
    parent = order(order_class="bracket")

    def answer(seen: Seen) -> Reply:
        is_nested = seen.query.get("nested") == "true"
        return Reply(200, encode({**parent, "legs": [leg]} if is_nested else parent))

    async def act(made: Parts) -> None:
        found = await made.client.look_up("FB-1")
        assert found is not None
        assert [(one.order_id, one.parent) for one in found.legs] == [(OTHER_ID, "FB-1")]

    with_answer(answer, act)


class Listing:
    """A broker's orders, listed by pages as Alpaca does."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __call__(self, seen: Seen) -> Reply:
        rows, query = self.rows, seen.query
        assert query["direction"] == "asc"
        if "after" in query:
            assert "after_order_id" not in query, "Alpaca does not take both"
            rows = [row for row in rows if row["submitted_at"] > query["after"]]
        if "after_order_id" in query:
            ids = [row["id"] for row in rows]
            rows = rows[ids.index(query["after_order_id"]) + 1 :]
        return Reply(200, encode(rows[: int(query["limit"])]))


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1250])
def test_listings_are_complete_even_if_all_orders_are_of_one_instant(count: int) -> None:
    async def act(made: Parts) -> None:
        since = START - timedelta(minutes=1)
        for reports in (await made.client.open_orders(), await made.client.orders_since(since)):
            assert [one.order_id for one in reports] == [str(n) for n in range(count)]
            assert all(one.source is Source.POLL for one in reports)

    with_answer(Listing([order(id=str(n), client_order_id=f"c{n}") for n in range(count)]), act)


def test_orders_since_asks_for_ended_ones_too() -> None:
    async def act(made: Parts) -> None:
        assert len(await made.client.orders_since(START)) == 1
        [seen] = made.broker.seen
        assert seen.query["status"] == "all"
        assert seen.query["after"] == "2026-10-08T14:00:00Z"

    with_answer(Listing([order(status="canceled", submitted_at="2026-10-08T14:00:01Z")]), act)


def test_a_listing_that_does_not_turn_its_pages_is_not_taken_for_complete() -> None:
    rows = [order(id=str(n)) for n in range(500)]

    async def act(made: Parts) -> None:
        with pytest.raises(BrokerUnknown, match="repeats its page"):
            await made.client.open_orders()

    with_answer(lambda _: Reply(200, encode(rows)), act)


def test_held_legs_are_asked_for_where_there_are_groups() -> None:
    leg = order(id=OTHER_ID, status="held", order_class="bracket")
    parent = order(order_class="bracket")

    def answer(seen: Seen) -> Reply:
        is_nested = seen.query.get("nested") == "true"
        return Reply(200, encode([{**parent, "legs": [leg]} if is_nested else parent]))

    async def act(made: Parts) -> None:
        found = await made.client.open_orders()
        assert [(one.order_id, one.parent) for one in found] == [
            (ORDER_ID, None),
            (OTHER_ID, "FB-1"),
        ]

    with_answer(answer, act)


def activities(count: int) -> list[dict[str, Any]]:
    return [
        {**ACTIVITY, "id": f"20261008100002123::e{n}", "cum_qty": str(n + 1)} for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 99, 100, 101, 250])
def test_executions_are_complete_and_oldest_first(count: int) -> None:
    rows = activities(count)

    def answer(seen: Seen) -> Reply:
        assert seen.query["direction"] == "asc"
        token = seen.query.get("page_token")
        first = 0 if token is None else 1 + [row["id"] for row in rows].index(token)
        return Reply(200, encode(rows[first : first + int(seen.query["page_size"])]))

    async def act(made: Parts) -> None:
        found = await made.client.executions(since=START)
        assert [one.exec_id for one in found] == [f"e{n}" for n in range(count)]
        assert made.broker.seen[0].path == "/v2/account/activities/FILL"
        assert made.broker.seen[0].query["after"] == "2026-10-08T14:00:00Z"

    with_answer(answer, act)


@pytest.mark.parametrize("count", [0, 99, 100, 101, 250])
def test_changes_of_shares_are_complete_and_nothing_else(count: int) -> None:
    row = {"activity_type": "SPLIT", "date": "2026-06-03", "symbol": "AAPL", "qty": "30"}
    kinds: list[dict[str, Any]] = [
        {**row, "description": "10 AAPL became 40"},
        {**row, "activity_type": "DIV", "activity_sub_type": "CDIV"},
        {**row, "activity_type": "JNLC", "symbol": None, "qty": "9"},
        {**row, "activity_type": "DIV", "activity_sub_type": "SDIV", "qty": "-1.5"},
    ]
    rows = [{"id": f"20261008100002123::a{n}", **kinds[n % 4]} for n in range(count)]

    def answer(seen: Seen) -> Reply:
        assert seen.query["category"] == "non_trade_activity"
        token = seen.query.get("page_token")
        first = 0 if token is None else 1 + [row["id"] for row in rows].index(token)
        return Reply(200, encode(rows[first : first + int(seen.query["page_size"])]))

    async def act(made: Parts) -> None:
        kinds = {ActivityKind.CORPORATE, ActivityKind.DIVIDEND, ActivityKind.CASH}
        found = await made.client.activities(kinds, since=START)
        told = [(one.code, one.share_qty) for one in found]
        expected = [("SPLIT", Qty(30)), ("DIV", None), ("JNLC", None), ("DIV", Qty("-1.5"))]
        assert told == [expected[n % 4] for n in range(count)]

    with_answer(answer, act)


@pytest.mark.proves("C31")
@pytest.mark.parametrize("word", ["correct", "unheard_of"])
def test_busts_and_corrections_are_listed_once_and_count_for_the_page(word: str) -> None:
    bust = {"status": "canceled", "qty": "-4", "previous_id": "e0", "cum_qty": "0"}
    back = {"status": word, "qty": "-4", "previous_id": "e1", "cum_qty": "0"}
    right = {"status": word, "qty": "3", "previous_id": "e1", "cum_qty": "3"}
    rows = activities(100)
    rows[97:] = [
        {**row, **changes} for row, changes in zip(rows[97:], (bust, back, right), strict=True)
    ]

    def answer(seen: Seen) -> Reply:
        return Reply(200, encode([] if "page_token" in seen.query else rows))

    async def act(made: Parts) -> None:
        found = await made.client.executions()
        assert len(made.broker.seen) == 2  # a full page, though one of its rows was left out
        assert len(found) == 99
        assert [(one.exec_type, one.ref_exec_id, one.last_qty) for one in found[97:]] == [
            (ExecType.TRADE_CANCEL, "e0", Qty(4)),
            (ExecType.TRADE_CORRECT, "e1", Qty(3)),
        ]

    with_answer(answer, act)


def test_executions_of_one_order_are_only_that_orders() -> None:
    rows = [*activities(2), {**ACTIVITY, "order_id": OTHER_ID}]

    async def act(made: Parts) -> None:
        found = await made.client.executions(order_id=OrderID(ORDER_ID))
        assert [one.exec_id for one in found] == ["e0", "e1"]
        assert made.broker.seen[0].query["order_id"] == ORDER_ID

    with_answer(lambda _: Reply(200, encode(rows)), act)


def test_executions_that_do_not_turn_their_pages_are_not_taken_for_complete() -> None:
    async def act(made: Parts) -> None:
        with pytest.raises(BrokerUnknown, match="two pages"):
            await made.client.executions()

    with_answer(lambda _: Reply(200, encode(activities(100))), act)


def test_account_positions_and_assets() -> None:
    answers = {
        "/v2/account": ACCOUNT,
        "/v2/positions": [POSITION],
        "/v2/assets/AAPL": ASSET,
        "/v2/assets/BTC/USD": {**ASSET, "symbol": "BTC/USD", "class": "crypto"},
        "/v2/assets": [ASSET],
    }

    def answer(seen: Seen) -> Reply:
        if seen.path not in answers:
            return Reply(404, error(40410000, "asset not found"))
        return Reply(200, encode(answers[seen.path]))

    async def act(made: Parts) -> None:
        client = made.client
        sheet = await client.account_report()
        assert (sheet.account, sheet.equity) == ("ACC", Money(100000))
        assert [one.symbol for one in await client.positions()] == ["AAPL"]
        coin = await client.instrument("BTC/USD")
        assert coin is not None
        assert coin.symbol == "BTC/USD"
        assert await client.instrument("NOSUCH") is None
        assert len(await client.instruments()) == 2

    with_answer(answer, act)


def test_a_sheet_that_is_no_sheet_is_an_error_and_not_a_number() -> None:
    async def act(made: Parts) -> None:
        with pytest.raises(BrokerUnknown, match="equity"):
            await made.client.account_report()
        made.broker.answer = lambda _: Reply(200, b"<html>")
        with pytest.raises(BrokerUnknown, match="account"):
            await made.client.account_report()

    with_answer(lambda _: Reply(200, encode({**ACCOUNT, "equity": "NaN"})), act)


def test_quotes_of_several_shares_are_one_question() -> None:
    quote = {"t": "2026-10-08T14:00:00Z", "bp": 1, "bs": 2, "ap": 3, "as": 4}

    def answer(seen: Seen) -> Reply:
        told = {symbol: quote for symbol in seen.query["symbols"].split(",") if symbol != "NONE"}
        return Reply(200, encode({"quotes": told}))

    async def act(made: Parts) -> None:
        found = await made.client.latest_quotes(["AAPL", "NONE", "MSFT"])
        assert sorted(found) == ["AAPL", "MSFT"]
        assert {one.mid_px for one in found.values()} == {2}
        (seen,) = made.broker.seen
        assert (seen.path, seen.query["symbols"]) == ("/v2/stocks/quotes/latest", "AAPL,NONE,MSFT")

    with_answer(answer, act)


def test_market_data_of_shares_and_coins() -> None:
    quote = {"t": "2026-10-08T14:00:00Z", "bp": 1, "bs": 2, "ap": 3, "as": 4}
    trade = {"t": "2026-10-08T14:00:00Z", "p": 2, "s": 1}

    def answer(seen: Seen) -> Reply:
        symbol = seen.query["symbols"]
        if symbol == "GHOST":
            return Reply(404, error(40410000, "no such symbol"))
        kind = "quotes" if "quotes" in seen.path else "trades"
        return Reply(200, encode({kind: {symbol: quote if kind == "quotes" else trade}}))

    async def act(made: Parts) -> None:
        client = made.client
        for symbol in ("AAPL", "BTC/USD"):
            found = await client.latest_quote(symbol)
            assert found is not None
            assert found.mid_px == 2
            last = await client.latest_trade(symbol)
            assert last is not None
            assert last.px == 2
        assert await client.latest_quote("GHOST") is None
        assert [seen.path for seen in made.broker.seen[:4]] == [
            "/v2/stocks/quotes/latest",
            "/v2/stocks/trades/latest",
            "/v1beta3/crypto/us/latest/quotes",
            "/v1beta3/crypto/us/latest/trades",
        ]
        assert made.broker.seen[0].query["feed"] == "iex"

    with_answer(answer, act)


def test_bars_are_complete_over_their_pages() -> None:
    def bar(minute: int) -> dict[str, Any]:
        moment = f"2026-10-08T14:0{minute}:00Z"
        return {"t": moment, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "n": 1, "vw": 1}

    def answer(seen: Seen) -> Reply:
        if "crypto" in seen.path:
            return Reply(200, encode({"bars": {}, "next_page_token": None}))
        page: dict[str, Any]
        if "page_token" not in seen.query:
            page = {"bars": {"AAPL": [bar(0), bar(1)]}, "next_page_token": "more"}
        else:
            page = {"bars": {"AAPL": [bar(2)], "F": [bar(0)]}, "next_page_token": None}
        return Reply(200, encode(page))

    async def act(made: Parts) -> None:
        found = await made.client.bars(
            ["AAPL", "F", "BTC/USD"], START, START + timedelta(minutes=5)
        )
        assert {symbol: len(rows) for symbol, rows in found.items()} == {
            "AAPL": 3,
            "F": 1,
            "BTC/USD": 0,
        }
        assert made.broker.seen[0].query["symbols"] == "AAPL,F"

    with_answer(answer, act)


def test_what_is_over_is_asked_of_the_whole_market_and_what_runs_of_the_plans_feed() -> None:
    def answer(_: Seen) -> Reply:
        return Reply(200, encode({"bars": {}, "next_page_token": None}))

    async def act(made: Parts) -> None:
        now = made.clock.now()
        for end in (now, now - timedelta(minutes=20)):
            await made.client.bars(["AAPL"], end - timedelta(minutes=5), end)
        assert [seen.query["feed"] for seen in made.broker.seen] == ["iex", "sip"]

    with_answer(answer, act)


def test_a_turn_that_was_reserved_is_used_and_not_taken_twice() -> None:
    async def act(made: Parts) -> None:
        in_flight: list[int] = []

        def answer(_: Seen) -> Reply:
            in_flight.append(made.pacer.in_flight)
            return Reply(200, json.dumps(order()).encode())

        made.broker.answer = answer
        assert made.pacer.try_take(Lane.SUBMIT)
        await made.client.place(ClOrdID("FB-1"), MARKET)
        await made.client.place(ClOrdID("FB-1"), MARKET)
        assert in_flight == [1, 1]
        assert made.pacer.in_flight == 0

    with_answer(lambda _: Reply(), act)


def test_a_closed_client_sends_nothing() -> None:
    async def act(made: Parts) -> None:
        client: AlpacaClient = made.client
        await client.aclose()

        with pytest.raises(BrokerUnreachable, match="closed"):
            await client.market_phase()
        assert made.broker.seen == []

    with_answer(lambda _: Reply(), act)
