"""The stream tells of an execution again: after a restart, after the end, after thousands."""

import asyncio
from decimal import Decimal

import pytest

from floorbroker.clock import run_virtual
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecType, ExecutionReport
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.settings import EngineSettings
from floorbroker.exchange.model import VenueEvent
from tests.sim.world import World


def recording(world: World) -> list[VenueEvent]:
    """Every event of an execution that the venue tells from now on."""
    kept: list[VenueEvent] = []
    listen = world.front.server.event_listeners
    fills = ("fill", "partial_fill")
    listen.append(lambda events: kept.extend(one for one in events if one.event in fills))
    return kept


async def tell_again(world: World, events: list[VenueEvent]) -> None:
    for listener in list(world.front.server.event_listeners):
        listener(list(events))
    await asyncio.sleep(1)


def booked(world: World, name: str) -> int:
    """How often the journal has executions of this order."""
    return sum(
        isinstance(one, ExecutionReport)
        and one.exec_type is ExecType.TRADE
        and one.cl_ord_id == name
        for one in world.messages()
    )


async def filled(world: World, name: str, side: str = "buy", qty: int = 1) -> None:
    await world.engine.submit(OrderRequest.market(side, qty, "AAPL", cl_ord_id=name))
    order = await world.engine.wait(ClOrdID(name))
    assert order.cum_qty == qty, order


def held(world: World) -> int:
    return int(world.engine.positions()["AAPL"].qty)


@pytest.mark.proves("S08", "C18", "I09")
def test_an_execution_that_is_told_again_is_booked_once() -> None:
    """Told again while its order lives, after its end, after a good stop, and after a crash."""

    async def main() -> None:
        world = World(seed)
        await world.open()
        told = recording(world)
        world.quote("AAPL", Decimal(100), Decimal(101), 4)
        await world.engine.submit(OrderRequest.market("buy", 10, "AAPL", cl_ord_id="twice"))
        await asyncio.sleep(1)
        await tell_again(world, told)
        assert held(world) == 4
        world.quote("AAPL", Decimal(100), Decimal(101), 100)
        await world.engine.wait(ClOrdID("twice"))
        for end in ("nothing", "crash", "crash"):
            await tell_again(world, told)
            assert (held(world), booked(world, "twice")) == (10, 2), end
            if end == "crash":
                await world.crash()
                await world.open()
                await asyncio.sleep(1)
        await tell_again(world, told)
        assert (held(world), booked(world, "twice")) == (10, 2)
        assert await world.broker_positions() == {"AAPL": 10}
        await world.close()

    for seed in range(3):
        run_virtual(main, seed=seed, limit_s=10_000)


@pytest.mark.proves("S08", "C18", "I09", "I19")
@pytest.mark.parametrize("others", [1000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_thousands_of_orders_later_it_is_still_known(others: int) -> None:
    """What is kept in memory is bounded; the journal knows the rest."""

    async def main() -> None:
        world = World(7, settings=EngineSettings(recent_max=256))
        await world.open()
        told = recording(world)
        world.quote("AAPL", Decimal(100), Decimal(101), 10_000_000)
        await filled(world, "first", qty=10)
        first = list(told)
        for start in range(0, others, 250):
            world.quote("AAPL", Decimal(100), Decimal(101), 10_000_000)
            side = "sell" if start % 500 else "buy"
            names = (f"o-{number}" for number in range(start, start + 250))
            await asyncio.gather(*(filled(world, name, side) for name in names))
        assert held(world) == 10
        views = world.engine._views
        assert views.recent(ClOrdID("first")) is None, "it is still in memory: proves nothing"
        await tell_again(world, first)
        assert (held(world), booked(world, "first")) == (10, 1)
        await world.crash()
        await world.open()
        await tell_again(world, first)
        assert (held(world), booked(world, "first")) == (10, 1)
        await world.close()

    run_virtual(main, seed=7, limit_s=100_000)
