"""A comparison that crosses with news of an order tells no tales."""

import asyncio
from collections import Counter

from floorbroker.brokers.port import StreamState
from floorbroker.domain.amounts import Qty
from floorbroker.domain.ids import OrderID
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import OrdStatus
from tests.unit.engine.scripted import ScriptedBroker, desk, limit, virtual


class CrossingBroker(ScriptedBroker):
    """What is held back of the stream arrives while we wait for the answer to a question."""

    def __init__(self) -> None:
        super().__init__()
        self.held_back: list[ExecutionReport] = []

    async def order(self, order_id: OrderID) -> ExecutionReport | None:
        found = await super().order(order_id)
        while self.held_back:
            self.wire.push(self.held_back.pop())
        await asyncio.sleep(0.01)
        return found


class HalfDeafBroker(ScriptedBroker):
    """Once told to, fails every question the first time it is put."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: Counter[tuple[str, str]] | None = None

    def _question(self, what: str, about: str) -> None:
        self.is_failing = self.failed is not None and not self.failed[what, about]
        if self.failed is not None:
            self.failed[what, about] += 1
        super()._question(what, about)

    async def open_orders(self) -> list[ExecutionReport]:
        """Empty, so that each order is asked for alone."""
        await super().open_orders()
        return []


@virtual
async def test_a_catch_up_puts_the_question_that_failed_again_and_no_other() -> None:
    broker = HalfDeafBroker()
    async with desk(broker) as made:
        for _ in range(3):
            await made.engine.submit(limit(10))
        broker.wire.lose()
        await made.sleep(1)
        broker.failed, broker.asked = Counter(), []
        broker.wire.is_up.set()
        async with asyncio.timeout(30):
            while broker.wire.state is not StreamState.READY:
                await made.sleep(0.01)
        broker.asked = [one for one in broker.asked if one[0] not in ("account", "positions")]
        put, broker.failed, broker.is_failing = Counter(broker.asked), None, False
        assert Counter(what for what, _ in put) == {
            "executions": 1,
            "orders_since": 1,
            "open_orders": 1,
            "order": 3,
        }
        assert put["executions", ""] <= 3, "fills of one order may be asked for meanwhile"
        assert {times for (what, _), times in put.items() if what != "executions"} == {2}


@virtual
async def test_an_order_that_fills_while_it_is_compared_is_not_taken_for_a_strangers() -> None:
    broker = CrossingBroker()
    async with desk(broker) as made:
        order = await made.engine.submit(limit(10))
        broker.is_silent = True
        broker.held_back = [broker.fill(broker.order_id(order.cl_ord_id), 10)]
        compared = await made.engine.reconcile()
        assert not broker.held_back
        assert compared.orders_compared == 1
        assert compared.breaks == ()
        done = made.engine.order(order.cl_ord_id)
        assert done is not None
        assert (done.ord_status, done.cum_qty) == (OrdStatus.FILLED, Qty(10))
