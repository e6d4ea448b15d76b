"""A kill against an exchange that misbehaves, and a desk that dies in the middle of it."""

from decimal import Decimal
from random import Random

import pytest

from floorbroker.clock import run_virtual
from floorbroker.domain.errors import Halted
from floorbroker.domain.messages import KillLevel, RequestKind, RequestSent
from floorbroker.domain.order import OrderRequest
from floorbroker.exchange.faults import FaultRule
from tests.sim.world import World

#: Half of the cancels go wrong in some way for a while, and some orders are hidden at first.
FAULTS = (
    FaultRule(kind="accept_then_504", method="DELETE", probability=0.3, count=8),
    FaultRule(kind="rate_limit", method="DELETE", probability=0.2, count=4),
    FaultRule(kind="accept_then_504", method="POST", path="/v2/orders", probability=0.3, count=6),
    FaultRule(kind="late_visibility", probability=0.3, seconds=3, count=6),
    FaultRule(kind="fill_during_cancel", probability=0.2, count=3),
)
OPEN = ("new", "accepted", "pending_new", "partially_filled", "pending_cancel", "held")


def order(side: str, number: int) -> OrderRequest:
    price = "99" if side == "buy" else "101"
    return OrderRequest.limit(
        side, 1 + number % 3, "AAPL", limit_price=price, cl_ord_id=f"{side}-{number}"
    )


@pytest.mark.proves("C23", "I13")
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("level", [KillLevel.CANCEL, KillLevel.FLATTEN])
def test_a_kill_is_seen_through_by_the_desk_that_comes_after(seed: int, level: KillLevel) -> None:
    async def story() -> None:
        world = World(seed, FAULTS)
        await world.open()
        world.quote("AAPL", Decimal(100), Decimal("100.02"), 500)
        for _ in range(2):
            await world.engine.submit(OrderRequest.market("buy", 10, "AAPL"))
        for number in range(12):
            world.run(_placed(world, order("buy", number)))
        await world.clock.sleep(1)
        killing = world.run(world.engine.switch.kill(level, reason="drill", by="risk"))
        await world.clock.sleep(Random(seed).choice([0.0, 0.01, 0.2, 1.0, 4.0]))
        was_durable = killing.done()
        await world.crash()
        await world.open()
        if not was_durable and world.engine.switch.stands is None:
            await world.close()
            return  # nobody was promised anything
        world.heal()
        await world.engine.switch.enforcer.quiet()
        with pytest.raises(Halted):
            await world.engine.submit(order("buy", 99))
        assert [one for one in await world.orders() if one["status"] in OPEN] == []
        if level is KillLevel.FLATTEN:
            assert await world.broker_positions() == {}
        assert (await world.engine.reconcile()).open_breaks == ()
        _nothing_new_was_sent(world)
        await world.close()

    run_virtual(story, seed=seed, limit_s=2_000)


async def _placed(world: World, request: OrderRequest) -> None:
    await world.engine.submit(request)


def _nothing_new_was_sent(world: World) -> None:
    """After the kill's record there is no SEND of a new order, but those that close positions."""
    messages = world.messages()
    kinds = [type(message).__name__ for message in messages]
    after = messages[kinds.index("KillSwitched") :]
    sent = [one for one in after if isinstance(one, RequestSent)]
    ours = {one.cl_ord_id for one in sent if one.request is RequestKind.NEW}
    assert not {name for name in ours if name.startswith("buy-")}
