"""The Alpaca door against the whole exchange: in memory and over TCP, in fair weather and foul."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest

from floorbroker.brokers.alpaca.client import AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.network import NetworkRules, NetworkTransport
from floorbroker.brokers.alpaca.stream import StreamRules
from floorbroker.brokers.alpaca.transport import Transport
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.pacing import Lane, Pacer
from floorbroker.brokers.port import ActivityKind, StreamItem, StreamState
from floorbroker.clock import SystemClock, ns_of
from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.errors import (
    BrokerError,
    BrokerRejected,
    BrokerUnknown,
    BrokerUnreachable,
)
from floorbroker.domain.ids import Account, ClOrdID, OrderID
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    MessageQuarantined,
    OrderCancelReplaceRequest,
)
from floorbroker.domain.order import OrderRequest, OrdStatus, Side
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.faults import FaultPlan, FaultRule
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.serve import serve
from floorbroker.exchange.front.server import FrontRules, Setup
from floorbroker.exchange.reference.assets import listing

OPEN = datetime(2026, 6, 1, 14, 0, tzinfo=UTC)  # ten in the morning in New York
NO_SUCH_ID = OrderID("00000000-0000-4000-8000-000000000000")
WAYS = ["memory", "tcp"]
TIMEOUT_S = 0.5


class Door:
    """A client at an exchange, and a hand on the exchange itself."""

    def __init__(self, client: AlpacaClient, front: ExchangeFront, way: Transport) -> None:
        self.client = client
        self.front = front
        self.way = way
        self.items: list[StreamItem] = []
        self.catch_ups = 0
        self.task: asyncio.Task[None] | None = None

    async def quote(self, bid: str, ask: str, size: int = 1000) -> None:
        body = {
            "symbol": "AAPL",
            "bid_price": bid,
            "bid_size": size,
            "ask_price": ask,
            "ask_size": size,
        }
        answer = await self.way.request("POST", "/_exchange/quote", body=msgspec.json.encode(body))
        assert answer.status == 200, answer.body

    async def fills(self) -> list[dict[str, Any]]:
        answer = await self.way.request("GET", "/_exchange/fills")
        rows: list[dict[str, Any]] = msgspec.json.decode(answer.body)
        return rows

    async def follow(self) -> None:
        """Follow the order stream until the test ends; returns once it is ready."""

        async def caught_up() -> None:
            self.catch_ups += 1

        self.task = asyncio.create_task(
            self.client.stream.run(self.items.append, caught_up, lambda _: None)
        )
        await self.until(lambda: self.client.stream.health().state is StreamState.READY)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                assert self.task is None or not self.task.done(), self.task
                await asyncio.sleep(0.005)

    def told(self, *kinds: ExecType) -> list[ExecutionReport]:
        """The stream's reports of these kinds."""
        return [
            item
            for item in self.items
            if isinstance(item, ExecutionReport) and item.exec_type in kinds
        ]


@asynccontextmanager
async def door(
    way: str,
    *faults: FaultRule,
    rules: FrontRules | None = None,
    stream: StreamRules | None = None,
) -> AsyncIterator[Door]:
    clock = SystemClock()
    setup = Setup(
        clock=clock,
        assets=listing(["AAPL", "MSFT", "BTC/USD"]),
        start_ns=ns_of(OPEN),
        seed=11,
        front=rules or FrontRules(),
    )
    front = build_exchange(setup, FaultPlan(faults))
    async with AsyncExitStack() as stack:
        transport: Transport
        if way == "memory":
            transport = MemoryTransport(front, timeout_s=TIMEOUT_S)
        else:
            port = await stack.enter_async_context(serve(front, "127.0.0.1", 0))
            transport = NetworkTransport(
                f"http://127.0.0.1:{port}", NetworkRules(timeout_s=TIMEOUT_S)
            )
        client = AlpacaClient(
            Account("ACC"),
            Endpoints(
                trading=transport,
                market=transport,
                stream=transport,
                stream_rules=stream or StreamRules(wait_s=0.05, crowded_wait_s=0.05),
            ),
            Credentials("PKDOOR", "secret"),
            clock=clock,
            random=Random(1),
            pacer=Pacer(clock, Random(2)),
        )
        made = Door(client, front, transport)
        try:
            yield made
        finally:
            if made.task is not None:
                made.task.cancel()
                await asyncio.gather(made.task, return_exceptions=True)
            await client.aclose()
            await front.aclose()


def buy(qty: int | str, limit_price: str) -> OrderRequest:
    return OrderRequest.limit("buy", qty, "AAPL", limit_price=limit_price)


def replace(wire_id: str, **changes: Any) -> OrderCancelReplaceRequest:
    return OrderCancelReplaceRequest(
        transact_time=OPEN, cl_ord_id=ClOrdID("FB-1"), wire_id=wire_id, **changes
    )


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


async def test_an_order_lives_its_whole_life(way: str) -> None:
    async with door(way) as made:
        await made.quote("187.10", "187.20", 4)
        await made.follow()
        client = made.client
        answer = await client.place(ClOrdID("FB-1"), buy(10, "187.20"))
        assert answer.cl_ord_id == "FB-1"
        await made.until(lambda: len(made.told(ExecType.TRADE)) == 1)
        await made.quote("187.10", "187.15", 100)
        await made.until(lambda: len(made.told(ExecType.TRADE)) == 2)

        first, second = made.told(ExecType.TRADE)
        assert (first.last_qty, first.last_px, first.cum_qty) == (Qty(4), Px("187.2"), Qty(4))
        assert (second.last_qty, second.cum_qty) == (Qty(6), Qty(10))
        assert (first.ord_status, second.ord_status) == (
            OrdStatus.PARTIALLY_FILLED,
            OrdStatus.FILLED,
        )
        assert made.told(ExecType.NEW)[0].order_id == answer.order_id

        stands = await client.look_up("FB-1")
        assert stands is not None
        assert (stands.ord_status, stands.cum_qty) == (OrdStatus.FILLED, Qty(10))
        by_id = await client.order(answer.order_id)
        assert by_id is not None
        assert msgspec.structs.replace(by_id, received_time=stands.received_time) == stands

        listed = await client.executions(order_id=answer.order_id)
        truth = await made.fills()
        assert [one.exec_id for one in listed] == [row["execution_id"] for row in truth]
        assert [one.exec_id for one in listed] == [first.exec_id, second.exec_id]
        assert [one.cum_qty for one in listed] == [Qty(4), Qty(10)]
        assert sum((one.last_qty or Qty(0)) for one in listed) == 10
        newest = await client.newest_execution()
        assert newest is not None
        assert newest.exec_id == second.exec_id

        [position] = await client.positions()
        assert (position.symbol, position.qty) == ("AAPL", Qty(10))
        sheet = await client.account_report()
        spent = Decimal("187.2") * 4 + (second.last_px or Px(0)).decimal * 6
        assert sheet.cash == Money(100_000) - Money(spent)


async def test_a_resting_order_is_listed_and_canceled(way: str) -> None:
    async with door(way) as made:
        await made.quote("187.10", "187.20")
        await made.follow()
        client = made.client
        placed = await client.place(ClOrdID("FB-1"), buy(10, "180"))
        assert [one.cl_ord_id for one in await client.open_orders()] == ["FB-1"]
        await client.cancel(placed.order_id)
        await made.until(lambda: bool(made.told(ExecType.CANCELED)))
        assert await client.open_orders() == []
        [ended] = await client.orders_since(OPEN - timedelta(hours=1))
        assert ended.ord_status is OrdStatus.CANCELED
        with pytest.raises(BrokerRejected) as caught:
            await client.cancel(placed.order_id)
        assert caught.value.status == 422
        with pytest.raises(BrokerRejected, match="not found"):
            await client.cancel(NO_SUCH_ID)


async def test_a_replaced_order_has_a_successor(way: str) -> None:
    async with door(way) as made:
        await made.quote("187.10", "187.20")
        await made.follow()
        client = made.client
        old = await client.place(ClOrdID("FB-1"), buy(10, "180"))
        await made.until(lambda: bool(made.told(ExecType.NEW)))
        new = await client.replace(old.order_id, replace("FB-1.2", price=Px("181.50")))
        assert (new.cl_ord_id, new.prev_order_id) == ("FB-1.2", old.order_id)
        await made.until(lambda: bool(made.told(ExecType.REPLACED)))
        [replaced] = made.told(ExecType.REPLACED)
        assert (replaced.order_id, replaced.next_order_id) == (old.order_id, new.order_id)
        found = await client.look_up("FB-1.2")
        assert found is not None
        assert (found.price, found.order_qty) == (Px("181.5"), Qty(10))
        before = await client.look_up("FB-1")
        assert before is not None
        assert before.ord_status is OrdStatus.REPLACED
        with pytest.raises(BrokerError):
            await client.replace(old.order_id, replace("FB-1.3", price=Px("182")))


async def test_a_taken_id_is_proof_and_no_refusal(way: str) -> None:
    async with door(way) as made:
        await made.quote("187.10", "187.20")
        await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        with pytest.raises(BrokerUnknown, match="unique"):
            await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        assert len(await made.client.open_orders()) == 1


async def test_refusals_are_final_and_say_why(way: str) -> None:
    async with door(way) as made:
        await made.quote("187.10", "187.20")
        with pytest.raises(BrokerRejected) as caught:
            await made.client.place(ClOrdID("FB-1"), buy(1_000_000, "187.20"))
        assert (caught.value.status, caught.value.code) == (403, 40310000)
        assert "buying_power" in caught.value.text
        with pytest.raises(BrokerRejected, match="NOSUCH"):
            await made.client.place(ClOrdID("FB-2"), OrderRequest.market("buy", 1, "NOSUCH"))
        assert await made.client.open_orders() == []


async def test_what_does_not_exist_is_none(way: str) -> None:
    async with door(way) as made:
        assert await made.client.look_up("never-placed") is None
        assert await made.client.order(NO_SUCH_ID) is None
        assert await made.client.instrument("NOSUCH") is None
        assert await made.client.latest_quote("NOSUCH") is None
        assert await made.client.latest_trade("NOSUCH") is None


async def test_the_market_and_its_instruments_are_read(way: str) -> None:
    async with door(way) as made:
        await made.quote("187.10", "187.20", 300)
        client = made.client
        phase = await client.market_phase()
        assert phase.is_open
        assert abs(phase.broker_time - OPEN) < timedelta(minutes=1)
        assert phase.next_close == datetime(2026, 6, 1, 20, 0, tzinfo=UTC)
        quote = await client.latest_quote("AAPL")
        assert quote is not None
        assert (quote.bid_px, quote.ask_px, quote.bid_size) == (
            Decimal("187.1"),
            Decimal("187.2"),
            Decimal(300),
        )
        await made.way.request(
            "POST", "/_exchange/trade", body=b'{"symbol":"AAPL","price":"187.15","size":7}'
        )
        trade = await client.latest_trade("AAPL")
        assert trade is not None
        assert (trade.px, trade.size) == (Decimal("187.15"), Decimal(7))
        share, coin = await client.instrument("AAPL"), await client.instrument("BTC/USD")
        assert share is not None
        assert coin is not None
        assert (share.symbol, coin.symbol, coin.currency) == ("AAPL", "BTC/USD", "USD")
        assert {"AAPL", "BTC/USD"} <= {one.symbol for one in await client.instruments()}
        bars = await client.bars(["AAPL", "BTC/USD"], OPEN, OPEN + timedelta(minutes=5))
        assert set(bars) == {"AAPL", "BTC/USD"}
        assert sum(bar.volume for bar in bars["AAPL"]) in (0, 7)


async def test_long_listings_are_complete() -> None:
    async with door("memory") as made:
        await made.quote("187.10", "187.20")
        client = made.client
        for n in range(505):
            await client.place(ClOrdID(f"FB-{n}"), buy(1, "100"))
        expected = [f"FB-{n}" for n in range(505)]
        assert [one.cl_ord_id for one in await client.open_orders()] == expected
        listed = await client.orders_since(OPEN - timedelta(hours=1))
        assert [one.cl_ord_id for one in listed] == expected


async def test_long_lists_of_executions_are_complete() -> None:
    async with door("memory") as made:
        client = made.client
        await made.quote("187.10", "187.20", 10_000)
        for n in range(205):
            await client.place(ClOrdID(f"FB-{n}"), buy(1, "187.20"))
        listed = await client.executions(since=OPEN - timedelta(hours=1))
        truth = await made.fills()
        assert len(listed) == 205
        assert [one.exec_id for one in listed] == [row["execution_id"] for row in truth]


def on_post(kind: str, **more: Any) -> FaultRule:
    return FaultRule(kind=kind, method="POST", path="/v2/orders", count=1, **more)


ARRIVES = ["accept_then_504", "reset_after_accept", "garbage_body", "truncated_body"]


@pytest.mark.parametrize("kind", ARRIVES)
async def test_a_lost_answer_is_unknown_and_a_look_up_finds_the_order(way: str, kind: str) -> None:
    async with door(way, on_post(kind)) as made:
        await made.quote("187.10", "187.20")
        with pytest.raises(BrokerUnknown):
            await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        found = await made.client.look_up("FB-1")
        assert found is not None
        assert found.ord_status.is_open
        assert made.client.pacer.in_flight == 0


async def test_an_answer_that_never_comes_is_unknown_after_a_bounded_wait(way: str) -> None:
    async with door(way, on_post("accept_then_hang", seconds=600)) as made:
        await made.quote("187.10", "187.20")
        started = asyncio.get_running_loop().time()
        with pytest.raises(BrokerUnknown):
            await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        assert asyncio.get_running_loop().time() - started < TIMEOUT_S + 2
        assert await made.client.look_up("FB-1") is not None


async def test_an_order_may_arrive_after_we_have_given_up(way: str) -> None:
    """A slow broker: the look-up finds nothing at first, and that proves nothing."""
    async with door(way, on_post("delay", seconds=1.2)) as made:
        await made.quote("187.10", "187.20")
        with pytest.raises(BrokerUnknown):
            await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        assert await made.client.look_up("FB-1") is None
        await asyncio.sleep(1.0)
        assert await made.client.look_up("FB-1") is not None


@pytest.mark.parametrize("kind", ["reset_before_accept", "server_error"])
async def test_what_may_have_arrived_is_unknown_even_if_it_did_not(way: str, kind: str) -> None:
    async with door(way, on_post(kind)) as made:
        await made.quote("187.10", "187.20")
        with pytest.raises(BrokerUnknown):
            await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        assert await made.client.look_up("FB-1") is None


async def test_what_surely_did_not_arrive_may_be_sent_again_under_the_same_id() -> None:
    async with door("memory", on_post("refuse")) as made:
        await made.quote("187.10", "187.20")
        with pytest.raises(BrokerUnreachable):
            await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        placed = await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        assert placed.cl_ord_id == "FB-1"


async def test_429_makes_orders_wait_and_lets_a_cancel_through(way: str) -> None:
    async with door(way, on_post("rate_limit", retry_after_s=0.3)) as made:
        await made.quote("187.10", "187.20")
        with pytest.raises(BrokerUnreachable) as caught:
            await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        assert caught.value.retry_after_s is not None
        assert not made.client.pacer.try_take(Lane.SUBMIT)
        placed = await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        await made.client.cancel(placed.order_id)


async def test_the_brokers_own_limit_is_kept() -> None:
    async with door("memory", rules=FrontRules(rate_limit=100)) as made:
        client = made.client
        await made.quote("187.10", "187.20")
        await client.account_report()
        placed: list[OrderID] = []
        while client.pacer.try_take(Lane.SUBMIT):
            report = await client.place(ClOrdID(f"FB-{len(placed)}"), buy(1, "180"))
            placed.append(report.order_id)
        assert len(placed) == 99 - 15
        for order_id in placed[:14]:
            await client.cancel(order_id)  # what was kept back for cancels is enough for these


async def test_a_duplicate_is_delivered_twice_with_one_execution_id(way: str) -> None:
    rule = FaultRule(kind="stream_duplicate", event="fill")
    async with door(way, rule) as made:
        await made.quote("187.10", "187.20")
        await made.follow()
        await made.client.place(ClOrdID("FB-1"), buy(10, "187.20"))
        await made.until(lambda: len(made.told(ExecType.TRADE)) == 2)
        assert len({one.exec_id for one in made.told(ExecType.TRADE)}) == 1


@pytest.mark.parametrize("kind", ["stream_garbage", "stream_unknown_event"])
async def test_what_nobody_can_read_is_kept_and_the_stream_goes_on(way: str, kind: str) -> None:
    async with door(way, FaultRule(kind=kind, event="new", count=1)) as made:
        await made.quote("187.10", "187.20")
        await made.follow()
        await made.client.place(ClOrdID("FB-1"), buy(10, "187.20"))
        await made.until(lambda: bool(made.told(ExecType.TRADE)))
        kept = [item for item in made.items if isinstance(item, MessageQuarantined)]
        assert len(kept) == 1
        assert kept[0].raw
        assert made.client.stream.health().quarantined == 1


@pytest.mark.parametrize("code", [1006, 1011])
async def test_a_lost_stream_comes_back_and_catches_up(way: str, code: int) -> None:
    rule = FaultRule(kind="stream_disconnect", event="new", count=1, code=code)
    async with door(way, rule) as made:
        await made.quote("187.10", "187.20")
        await made.follow()
        await made.client.place(ClOrdID("FB-1"), buy(10, "180"))
        await made.until(lambda: made.catch_ups == 2)
        await made.until(lambda: made.client.stream.health().state is StreamState.READY)
        await made.client.place(ClOrdID("FB-2"), buy(10, "187.20"))
        await made.until(lambda: bool(made.told(ExecType.TRADE)))


async def test_a_mute_stream_is_found_and_left(way: str) -> None:
    rule = FaultRule(kind="stream_mute", event="new", count=1, seconds=600)
    times = StreamRules(silence_s=0.3, answer_s=0.2, wait_s=0.05)
    async with door(way, rule, stream=times) as made:
        await made.quote("187.10", "187.20")
        await made.follow()
        await made.client.place(ClOrdID("FB-1"), buy(10, "187.20"))
        await made.until(lambda: made.catch_ups == 2)
        assert made.client.stream.health().connections == 2


async def test_a_lost_fill_is_noticed_on_a_stream_that_seems_well(way: str) -> None:
    rule = FaultRule(kind="stream_lose", event="fill", count=1)
    times = StreamRules(silence_s=0.3, answer_s=0.2, grace_s=0.1, wait_s=0.05)
    async with door(way, rule, stream=times) as made:
        await made.quote("187.10", "187.20")
        await made.follow()
        await made.client.place(ClOrdID("FB-1"), buy(10, "187.20"))
        await made.until(lambda: made.catch_ups == 2)


async def test_a_refused_handshake_is_tried_again(way: str) -> None:
    async with door(way, FaultRule(kind="stream_refuse", count=2)) as made:
        await made.follow()
        assert made.client.stream.health().connections == 1


async def test_wrong_keys_are_refused_and_said(way: str) -> None:
    async with door(way, rules=FrontRules(keys={"PKOTHER": "secret"})) as made:
        with pytest.raises(BrokerRejected) as caught:
            await made.client.place(ClOrdID("FB-1"), buy(1, "180"))
        assert caught.value.status == 401
        with pytest.raises(BrokerRejected):
            await made.client.look_up("FB-1")
        made.task = asyncio.create_task(
            made.client.stream.run(made.items.append, asyncio.Event().wait, lambda _: None)  # type: ignore[arg-type]  # never called
        )
        await made.until(lambda: "refuses the key pair" in made.client.stream.health().text)


@pytest.mark.parametrize("way", WAYS)
async def test_activities_are_complete_over_their_pages_and_go_on_where_they_ended(
    way: str,
) -> None:
    async with door(way) as made:
        await made.quote("99.99", "100.01", 10_000)
        for number in range(105):
            await made.client.place(ClOrdID(f"F-{number}"), OrderRequest.market("buy", 1, "AAPL"))
        found = await made.client.activities()
        assert len({one.activity_id for one in found}) == 106
        assert found == sorted(found, key=lambda one: one.time)
        first_cash = found.pop(0)
        assert (first_cash.kind, first_cash.code) == (ActivityKind.CASH, "JNLC")
        assert {(one.kind, one.symbol, one.side, one.qty) for one in found} == {
            (ActivityKind.FILL, "AAPL", Side.BUY, Qty(1))
        }
        assert await made.client.activities([ActivityKind.FILL]) == found
        rest = await made.client.activities([ActivityKind.FILL], after_id=found[101].activity_id)
        assert rest == found[102:]
        later = await made.client.activities(since=found[102].time + timedelta(microseconds=1))
        assert later == found[103:]  # the wire cuts times to the microsecond
        assert await made.client.activities([ActivityKind.FEE]) == []
        with pytest.raises(BrokerRejected, match="page_token"):
            await made.client.activities(after_id="20260601000000000::none")


@pytest.mark.parametrize("way", WAYS)
async def test_the_calendar_tells_trading_days_and_early_closes(way: str) -> None:
    async with door(way) as made:
        days = await made.client.calendar(date(2026, 11, 25), date(2026, 11, 30))
        assert [day.day.day for day in days] == [25, 27, 30]  # Thanksgiving is none
        assert (days[0].closes.hour, days[1].closes.hour) == (21, 18)
        assert await made.client.calendar(date(2026, 11, 28), date(2026, 11, 29)) == []
