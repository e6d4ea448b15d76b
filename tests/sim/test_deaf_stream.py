"""A desk whose order stream is connected and tells nothing: found, said, and no order on it."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from floorbroker.brokers.port import StreamState
from floorbroker.clock import run_virtual
from floorbroker.domain.errors import Halted
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import OrderRequest
from floorbroker.exchange.faults import FaultRule
from tests.sim.world import World


def lived(faults: list[FaultRule], life: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World(seed, faults)
        await world.open()
        world.quote("AAPL", Decimal(100), Decimal(101), 1000)
        try:
            await life(world)
        finally:
            await world.close()

    for seed in range(3):
        run_virtual(main, seed=seed, limit_s=10_000)


def alarms(world: World) -> list[str]:
    return [one.text for one in world.messages() if isinstance(one, Alarm)]


async def until_left(world: World, limit_s: float) -> float:
    """How long it took until the connection was given up."""
    began = world.clock.monotonic()
    while not world.client.stream.health().deaf:
        await asyncio.sleep(0.1)
        assert world.clock.monotonic() - began <= limit_s, "nobody found out"
    return world.clock.monotonic() - began


@pytest.mark.proves("S11", "C19")
def test_a_mute_stream_is_left_within_forty_seconds_and_no_order_goes_before_the_catch_up() -> (
    None
):
    mute = FaultRule(kind="stream_mute", event="new", count=1)
    refused = FaultRule(kind="stream_refuse", after=1, count=3)

    async def life(world: World) -> None:
        await world.engine.submit(OrderRequest.limit("buy", 1, "AAPL", limit_price=50))
        await until_left(world, 40.5)
        with pytest.raises(Halted, match="the order stream has a gap"):
            await world.engine.submit(OrderRequest.market("buy", 1, "AAPL"))
        assert len(await world.orders()) == 1
        await asyncio.sleep(15)
        assert world.client.stream.health().state is StreamState.READY
        order = await world.engine.submit(OrderRequest.market("buy", 1, "AAPL"))
        assert (await world.engine.wait(order.cl_ord_id)).cum_qty == 1
        assert [text for text in alarms(world) if "mute" in text], alarms(world)

    lived([mute, refused], life)


@pytest.mark.proves("S11", "S09")
def test_a_stream_that_answers_and_tells_of_no_end_is_left_by_the_next_sweep() -> None:
    """Fifteen seconds to the next sweep of the order list, five of grace."""
    deaf = FaultRule(kind="stream_lose", event="canceled")

    async def life(world: World) -> None:
        order = await world.engine.submit(OrderRequest.limit("buy", 1, "AAPL", limit_price=50))
        await asyncio.sleep(3)
        await world.engine.cancel(order.cl_ord_id)
        took_s = await until_left(world, 20.5)
        assert (await world.engine.wait(order.cl_ord_id)).is_ended
        assert took_s >= 5
        await asyncio.sleep(1)
        assert [text for text in alarms(world) if "ended" in text], alarms(world)

    lived([deaf], life)


def test_a_healthy_stream_is_never_called_deaf() -> None:
    async def life(world: World) -> None:
        for number in range(50):
            order = await world.engine.submit(
                OrderRequest.limit("buy", 1, "AAPL", limit_price=50 if number % 2 else 200)
            )
            await asyncio.sleep(7)
            if number % 2:
                await world.engine.cancel(order.cl_ord_id)
        await asyncio.sleep(120)
        health = world.client.stream.health()
        assert (health.deaf, health.connections) == (0, 1)

    lived([], life)
