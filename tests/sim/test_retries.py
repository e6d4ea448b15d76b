"""Many orders and a broker that cannot be reached: asked ever more rarely, and soon when it is."""

import asyncio
from decimal import Decimal

import pytest

from floorbroker.clock import run_virtual
from floorbroker.domain.messages import RequestSent
from floorbroker.domain.order import OrderRequest
from floorbroker.exchange.faults import FaultRule
from tests.sim.world import World

ORDERS, OUTAGE_S = 60, 30


@pytest.mark.proves("I02", "I20", "answer:submit.not_sent")
def test_orders_that_did_not_arrive_are_retried_within_a_budget_and_all_arrive_once() -> None:
    async def main() -> None:
        world = World(seed, [FaultRule(kind="refuse", method="POST", path="/v2/orders")])
        await world.open()
        world.quote("AAPL", Decimal(100), Decimal(101), 100_000)
        engine = world.engine
        for number in range(ORDERS):
            world.run(_placed(world, f"r-{number}"))
        await asyncio.sleep(OUTAGE_S)
        sent = sum(isinstance(one, RequestSent) for one in world.messages())
        assert ORDERS + 10 <= sent <= ORDERS + 10 + OUTAGE_S + 1
        assert await world.orders() == []
        world.heal()
        await asyncio.sleep(25)
        assert all(engine.order(f"r-{one}").is_ended for one in range(ORDERS))  # type: ignore[union-attr,arg-type]  # any text will do
        assert len(await world.orders()) == ORDERS
        await world.close()

    for seed in range(2):
        run_virtual(main, seed=seed, limit_s=10_000)


async def _placed(world: World, name: str) -> None:
    request = OrderRequest.limit("buy", 1, "AAPL", limit_price=102, cl_ord_id=name)
    await world.engine.submit(request)
