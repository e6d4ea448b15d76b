"""A comparison that crosses with news of an order tells no tales."""

import asyncio

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
