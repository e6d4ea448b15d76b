"""Waiting for a whole bracket, and closing a position whose shares its legs hold."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from floorbroker.clock import run_virtual
from floorbroker.domain.errors import Refused
from tests.sim.lives import Stage
from tests.sim.world import World

BRACKET = "submit bracket buy 100 limit=99 tp=110 sl=90"


def played(play: Callable[[Stage], Awaitable[None]]) -> None:
    async def story() -> None:
        stage = Stage(World(1))
        await stage.open()
        await play(stage)
        assert (await stage.world.engine.reconcile()).breaks == ()
        await stage.world.close()

    run_virtual(story, seed=1, limit_s=1_000)


def test_waiting_for_a_bracket_ends_with_its_entry_or_with_all_of_it() -> None:
    async def play(stage: Stage) -> None:
        await stage.act(BRACKET)
        entry = asyncio.ensure_future(stage.desk.wait(stage.name))
        group = asyncio.ensure_future(stage.desk.wait(stage.name, with_legs=True))
        await stage.act("offer 99 100")
        assert (entry.done(), group.done()) == (True, False)
        await stage.act("bid 110 40")
        assert not group.done()
        await stage.act("bid 110 60")
        assert (await group).cl_ord_id == stage.name
        assert [leg.is_ended for leg in await stage.desk.get_legs(stage.name)] == [True, True]
        await stage.act(BRACKET)
        with pytest.raises(TimeoutError):
            await stage.desk.wait(stage.name, timeout_s=5, with_legs=True)

    played(play)


def test_a_position_that_legs_hold_is_closed_once_they_are_canceled() -> None:
    async def play(stage: Stage) -> None:
        await stage.act(BRACKET)
        await stage.act("offer 99 100")
        with pytest.raises(Refused, match=f"of 100 to close only 0 are free, {stage.name}/tp"):
            await stage.desk.close_position("AAPL")
        await stage.act("bid 110 30")
        await stage.act("market 100")
        closing = await stage.desk.close_position("aapl", cancel_orders=True)
        assert (await stage.desk.wait(closing.cl_ord_id)).cum_qty == 70
        assert stage.stands() == [
            "filled 100/100 @99",
            "canceled 30/100 @110",
            "canceled 0/70",
            "0",
        ]
        assert stage.desk.errors() == []

    played(play)


def test_shares_that_nobody_holds_are_closed_beside_those_that_are_held() -> None:
    async def play(stage: Stage) -> None:
        await stage.act(BRACKET)
        await stage.act("offer 99 100")
        await stage.act("market 100")
        await stage.act("have 20")
        closing = await stage.desk.close_position("AAPL", 20)
        assert (await stage.desk.wait(closing.cl_ord_id)).cum_qty == 20
        with pytest.raises(Refused, match="of 1 to close only 0 are free"):
            await stage.desk.close_position("AAPL", 1)
        assert stage.stands()[1:] == ["new 0/100", "held 0/100", "100"]

    played(play)
