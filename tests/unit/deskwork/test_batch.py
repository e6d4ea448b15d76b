"""Many orders at once: results one by one, the order within a symbol kept, never too many."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from floorbroker.brokers.pacing import Lane
from floorbroker.deskwork.batch import (
    IN_FLIGHT,
    cancel_all,
    cancel_all_and_wait,
    close_all,
    submit_all,
)
from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import DuplicateClOrdID, Halted, JournalError, Refused
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Side
from tests.unit.engine.scripted import ScriptedBroker, desk, virtual


def order(symbol: str, name: str, **options: Any) -> OrderRequest:
    return OrderRequest.limit("buy", 1, symbol, limit_price="10.00", cl_ord_id=name, **options)


class SlowBroker(ScriptedBroker):
    """Answers after a second; remembers who was under way together."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols: Counter[str] = Counter()
        self.most = 0
        self.most_of_a_symbol = 0
        self.lost: set[str] = set()

    async def place(self, cl_ord_id: ClOrdID, order: OrderRequest) -> ExecutionReport:
        self.symbols[order.symbol] += 1
        self.most = max(self.most, self.symbols.total())
        self.most_of_a_symbol = max(self.most_of_a_symbol, self.symbols[order.symbol])
        if cl_ord_id in self.lost:
            self.script.insert(0, "lost")
        try:
            await self.clock.sleep(1.0)
            return await super().place(cl_ord_id, order)
        finally:
            self.symbols[order.symbol] -= 1

    async def cancel(self, order_id: Any) -> None:
        await self.clock.sleep(1.0)
        await super().cancel(order_id)

    def placed(self) -> list[str]:
        return [name for what, name in self.asked if what == "place"]


@virtual
async def test_symbols_go_side_by_side_and_each_keeps_its_order() -> None:
    broker = SlowBroker()
    batch = [order(symbol, f"{symbol}-{number}") for number in range(4) for symbol in "ABC"]
    async with desk(broker) as made:
        before = broker.clock.monotonic()
        results = await submit_all(made.engine, batch)
        assert broker.clock.monotonic() - before == pytest.approx(4.0)
        assert (broker.most, broker.most_of_a_symbol) == (3, 1)
        for symbol in "ABC":
            ours = [name for name in broker.placed() if name.startswith(symbol)]
            assert ours == [f"{symbol}-{number}" for number in range(4)]
        assert [one.cl_ord_id for one in results if isinstance(one, Order)] == [
            request.cl_ord_id for request in batch
        ]


@virtual
async def test_the_next_of_a_symbol_is_refused_while_the_one_before_is_unknown() -> None:
    broker = SlowBroker()
    broker.lost = {"A-0"}
    async with desk(broker) as made:
        lost, refused = await submit_all(made.engine, [order("A", "A-0"), order("A", "A-1")])
        assert isinstance(lost, Order)
        assert lost.ord_status is OrdStatus.UNKNOWN
        assert isinstance(refused, Halted)


@virtual
async def test_a_batch_has_never_more_than_so_many_under_way() -> None:
    broker = SlowBroker()
    batch = [order(f"S{number}", f"o-{number}") for number in range(3 * IN_FLIGHT)]
    async with desk(broker) as made:
        results = await submit_all(made.engine, batch)
        assert broker.most == IN_FLIGHT
        assert all(isinstance(one, Order) for one in results)


@virtual
async def test_each_result_is_told_by_itself_and_a_refusal_stops_nobody() -> None:
    told: list[tuple[int, type]] = []
    batch = [
        order("A", "one"),
        order("A", "one"),
        OrderRequest.bracket("buy", 10, "B", take_profit=12, stop_loss=9, cl_ord_id="two"),
    ]
    broker = SlowBroker()
    async with desk(broker) as made:
        results = await submit_all(
            made.engine, batch, lambda place, found: told.append((place, type(found)))
        )
    assert [type(one) for one in results] == [Order, DuplicateClOrdID, Order]
    assert sorted(told, key=lambda one: one[0]) == [
        (0, Order),
        (1, DuplicateClOrdID),
        (2, Order),
    ]


@virtual
async def test_a_dead_desk_raises_what_killed_it() -> None:
    broker = SlowBroker()
    batch = [order(f"S{number}", f"o-{number}") for number in range(IN_FLIGHT + 5)]
    async with desk(broker) as made:
        work = asyncio.ensure_future(submit_all(made.engine, batch))
        await made.sleep(0.5)
        made.engine._inbox.fail(JournalError("the disk is full"))
        with pytest.raises(JournalError, match="the disk is full"):
            await work
        assert len(set(broker.placed())) <= IN_FLIGHT


@virtual
async def test_a_desk_that_stops_refuses_nothing_that_may_have_left() -> None:
    broker = SlowBroker()
    async with desk(broker, stop_timeout_s=0.1) as made:
        work = asyncio.ensure_future(submit_all(made.engine, [order("A", "one")]))
        await made.sleep(0.5)
        await made.engine.stop()
        with pytest.raises(Refused, match="the desk has stopped"):
            await work


@virtual
async def test_cancels_go_before_orders_that_wait_for_their_turn() -> None:
    broker = SlowBroker()
    async with desk(broker) as made:
        rests = await made.engine.submit(order("A", "rests"))
        made.pacer.is_shut = True
        waiting = asyncio.ensure_future(
            submit_all(made.engine, [order(f"S{number}", f"w-{number}") for number in range(50)])
        )
        await made.sleep(0.1)
        made.pacer.only = {Lane.CANCEL}
        canceled = await cancel_all(made.engine)
        assert len(canceled) == 51
        assert (await made.engine.wait(rests.cl_ord_id)).ord_status is OrdStatus.CANCELED
        results = await waiting
        assert {one.ord_status for one in results if isinstance(one, Order)} == {
            OrdStatus.EXPIRED_UNSENT
        }
        assert broker.placed() == ["rests"]


@virtual
async def test_thousands_of_open_orders_are_canceled_a_few_at_a_time() -> None:
    broker = ScriptedBroker()
    most = 0
    async with desk(broker) as made:
        await submit_all(
            made.engine, (order(f"S{number}", f"o-{number}") for number in range(2_000))
        )
        assert len(made.engine.open_orders()) == 2_000

        def watch(_place: int, _found: object) -> None:
            nonlocal most
            most = max(most, len(asyncio.all_tasks()))

        results = await cancel_all(made.engine, watch)
        assert len(results) == 2_000
        assert made.engine.open_orders() == []
        assert most < 4 * IN_FLIGHT


@virtual
async def test_positions_are_closed_once_no_order_holds_them_any_more() -> None:
    broker = ScriptedBroker()
    async with desk(broker) as made:
        for symbol in ("A", "B"):
            bought = await made.engine.submit(order(symbol, f"in-{symbol}"))
            broker.fill(broker.order_id(bought.cl_ord_id), 1)
            await made.engine.wait(bought.cl_ord_id)
        out = OrderRequest.limit("sell", 1, "A", limit_price="20", cl_ord_id="out")
        await made.engine.submit(out)
        await cancel_all_and_wait(made.engine, 5)
        assert made.engine.open_orders() == []
        found = await close_all(made.engine, made.engine.positions().values())
        assert sorted(found) == ["A", "B"]
        for one in found.values():
            assert isinstance(one, Order)
            assert (one.request.side, one.request.order_qty) == (Side.SELL, Qty(1))


@virtual
async def test_a_coin_is_sold_with_a_time_in_force_that_coins_take() -> None:
    broker = ScriptedBroker()
    coin = OrderRequest.limit("buy", 1, "BTC/USD", limit_price="10", time_in_force="gtc")
    async with desk(broker) as made:
        bought = await made.engine.submit(coin)
        broker.fill(broker.order_id(bought.cl_ord_id), 1)
        await made.engine.wait(bought.cl_ord_id)
        (closed,) = (await close_all(made.engine, made.engine.positions().values())).values()
        assert isinstance(closed, Order)
        assert closed.request.time_in_force == "gtc"
