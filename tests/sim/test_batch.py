"""A batch under the broker's request limit: nothing is turned away, and cancels go first."""

import asyncio

from floorbroker.clock import run_virtual
from floorbroker.deskwork.batch import cancel_all, submit_all
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from tests.sim.world import SYMBOLS, World

ORDERS = 300
LIMIT = 200


def batch() -> list[OrderRequest]:
    return [
        OrderRequest.limit(
            "buy",
            1,
            SYMBOLS[number % len(SYMBOLS)],
            limit_price="1.00",
            cl_ord_id=f"b-{number:03d}",
        )
        for number in range(ORDERS)
    ]


def test_cancels_pass_a_batch_that_waits_for_the_request_limit() -> None:
    async def body() -> None:
        world = World(5, rate_limit=LIMIT)
        await world.open()
        engine, clock = world.engine, world.clock
        placing = asyncio.ensure_future(submit_all(engine, batch()))
        await clock.sleep(30)  # by now the minute's budget for orders is spent
        before = [row["client_order_id"] for row in await world.orders()]
        assert LIMIT // 2 < len(before) < LIMIT
        waiting = {f"b-{len(before) + place:03d}" for place in range(len(SYMBOLS))}
        assert not placing.done()
        canceled = await cancel_all(engine)
        meanwhile = [row["client_order_id"] for row in await world.orders()][len(before) :]
        assert not placing.done()
        assert len(canceled) >= len(before)
        assert not waiting & set(meanwhile)  # they never left
        assert len(meanwhile) < 10  # the last cancels were sent, not yet answered
        for name in before:
            done = await engine.wait(world.order(name).cl_ord_id)
            assert done.ord_status is OrdStatus.CANCELED
        results = await placing
        assert all(isinstance(one, Order) for one in results)
        assert [problem for problem in engine.errors if problem.status == 429] == []
        placed = [row["client_order_id"] for row in await world.orders()]
        for start in range(len(SYMBOLS)):
            ours = [name for name in placed if int(name[2:]) % len(SYMBOLS) == start]
            assert ours == sorted(ours)
        await world.close()

    run_virtual(body, seed=5, limit_s=3600)
