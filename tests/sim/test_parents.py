"""Parent orders: worked to their end, killed and resumed, paused, canceled, refused."""

import sys
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.clock import NS_PER_S, run_virtual
from floorbroker.domain.amounts import Qty
from floorbroker.domain.books.earlier import GIVEN, VolumeCurve
from floorbroker.domain.books.parents import ParentState
from floorbroker.domain.errors import Refused, UnknownOrder
from floorbroker.domain.messages import (
    Alarm,
    BusinessMessageReject,
    KillSwitched,
    OrderNotPlaced,
)
from floorbroker.engine.gates.conserved import breach
from floorbroker.engine.parents.steward import ReplaceParent, SubmitParent
from floorbroker.exchange.faults import FaultPlan, FaultRule
from tests.sim.parents import (
    ORDERS,
    OWN,
    Mortal,
    check,
    market,
    minutes_of,
    order,
    pass_by,
    start_of,
    story,
    submit,
    switch,
    worked,
)
from tests.sim.world import World


@pytest.mark.parametrize("algo", ORDERS)
def test_an_algorithm_works_its_parent_to_its_end(algo: str) -> None:
    async def play() -> None:
        world = World(1, start_ns=start_of(algo))
        await world.open()
        market(world)
        minutes = minutes_of(algo, 10)
        name = await submit(world, algo, minutes=minutes)
        for second in range(60 * minutes + 5):
            await world.clock.sleep(1)
            await pass_by(world, second)
        status = await check(world, name)
        assert status.state is ParentState.DONE, status
        assert status.filled == status.qty
        await world.close()

    run_virtual(play, seed=1, limit_s=100_000)


def dies(algo: str, dies_at: int) -> bool:
    """A desk that works this dies at its boundary of that number, and another goes on; whether
    there was one."""
    lives = []

    async def play() -> None:
        world = Mortal(1, start_ns=start_of(algo))
        await world.open()
        market(world)
        world.passed, world.dies_at = 0, dies_at
        minutes = minutes_of(algo, 6)
        asked = order(world, algo, qty=200, minutes=minutes)
        status = await worked(world, asked, 60 * minutes + 40)
        world.dies_at = 0
        lost = {
            world.order_qty(one.cl_ord_id)
            for one in world.messages()
            if isinstance(one, OrderNotPlaced)
        }
        if status.filled < status.qty:
            # It died over an order that was proven never placed when the time was over.
            assert (status.state, lost) == (ParentState.EXPIRED, {status.qty - status.filled})
        else:
            assert status.state is ParentState.DONE
        lives.append(len(world.recoveries))
        await world.close()

    run_virtual(play, seed=1, limit_s=100_000)
    return lives == [2]


@pytest.mark.proves("S25", "I12")
@pytest.mark.parametrize("algo", ORDERS)
def test_a_death_at_a_boundary_doubles_no_child_and_loses_no_share(algo: str) -> None:
    assert all(
        dies(algo, dies_at) for dies_at in (2, 5, 9, 14)[: 2 if "at" in ORDERS[algo] else 4]
    )


@pytest.mark.soak
@pytest.mark.parametrize("algo", ORDERS)
def test_a_death_at_every_boundary_doubles_no_child(algo: str) -> None:
    boundaries = 0
    while dies(algo, boundaries + 1):
        boundaries += 1
    sys.stdout.write(f"{algo}: {boundaries} boundaries\n")
    assert boundaries >= 20


def test_a_pause_takes_the_children_back_and_a_resume_goes_on() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        assert len(world.engine.open_orders()) == 1
        await switch(world, name, ParentState.PAUSED)
        await world.clock.sleep(3)
        assert world.engine.open_orders() == []
        assert world.engine.parents.get(name).state is ParentState.PAUSED
        await switch(world, name, ParentState.WORKING)
        await world.clock.sleep(3)
        assert [one.cl_ord_id for one in world.engine.open_orders()] == [f"{name}~2"]
        await check(world, name)

    story(play, OWN)


def test_a_pause_outlives_a_crash() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        await switch(world, name, ParentState.PAUSED)
        await world.crash()
        await world.open()
        await world.clock.sleep(5)
        assert world.engine.open_orders() == []
        assert (await check(world, name)).state is ParentState.PAUSED

    story(play, OWN)


def test_a_cancel_ends_the_parent_once_its_children_have_ended() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        await switch(world, name, ParentState.CANCELING)
        status = await world.engine.parents.wait(name)
        assert status.state is ParentState.CANCELED
        assert world.engine.open_orders() == []
        with pytest.raises(UnknownOrder, match="no live parent order"):
            await switch(world, name, ParentState.WORKING)

    story(play, OWN)


def test_a_smaller_quantity_takes_children_back_and_is_what_is_filled() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        change = ReplaceParent(parent_id=name, qty=Qty(400))
        await world.engine.parents.change(change)
        await world.clock.sleep(3)
        market(world, "98")
        status = await world.engine.parents.wait(name)
        assert (status.state, status.filled) == (ParentState.DONE, Qty(400))
        assert await world.broker_positions() == {"AAPL": 400}

    story(play, OWN)


def test_the_end_of_its_time_ends_a_parent_that_is_not_filled() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting", minutes=1)
        status = await world.engine.parents.wait(name)
        assert (status.state, status.filled) == (ParentState.EXPIRED, Qty(0))
        assert world.engine.open_orders() == []

    story(play, OWN)


def test_an_algorithm_that_asks_for_too_much_gets_its_quantity_and_no_more() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "greedy")
        await world.clock.sleep(5)
        market(world, "98", 100_000)
        status = await world.engine.parents.wait(name)
        assert status.filled == 1000
        assert status.withheld or status.children == 1
        assert await world.broker_positions() == {"AAPL": 1000}

    story(play, OWN)


def test_an_algorithm_that_raises_pauses_its_parent_alone() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "broken")
        other = await submit(world, "twap", minutes=2)
        assert (await world.engine.parents.wait(other)).state is ParentState.DONE
        status = world.engine.parents.get(name)
        assert status.state is ParentState.PAUSED
        assert "ZeroDivisionError: a defect" in status.reason
        alarms = [one.name for one in world.messages() if isinstance(one, Alarm)]
        assert alarms.count("algorithm_failed") == 1

    story(play, OWN)


def test_a_child_whose_fate_is_unknown_counts_in_full() -> None:
    async def play(world: World) -> None:
        plan = FaultPlan([FaultRule(kind="reset_before_accept", method="POST", count=1)], 1)
        world.front.server.faults = plan
        name = await submit(world, "resting")
        await world.clock.sleep(20)
        status = world.engine.parents.get(name)
        assert status.unknown_qty == status.open_qty == 1000
        assert status.children == 1, "nothing is sent for it again while nobody knows"
        await world.clock.sleep(200)
        status = await check(world, name)
        assert (status.children, status.unknown_qty, status.open_qty) == (2, Qty(0), Qty(1000))
        assert [row["client_order_id"] for row in await world.orders()] == [f"{name}~2"]

    story(play, OWN)


def test_no_child_leaves_that_would_exceed_the_parent_and_trading_stops() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        crew = world.engine._crew
        assert crew is not None
        parent = crew.state.parents.live[name]
        parent.filled = Qty(1)  # a defect: it counts a share that nobody bought
        now = world.clock.now()
        more = breach(crew.state, parent, Qty(0), now)
        assert [type(one) for one in more] == [KillSwitched]
        assert "1001, more than 1000" in more[0].reason  # type: ignore[union-attr]  # as above
        parent.filled = Qty(0)
        assert breach(crew.state, parent, Qty(0), now) == []

    story(play, OWN)


EMPTY = VolumeCurve(edges_ns=(), shares=(Decimal(0), Decimal(0)), source=GIVEN)


@pytest.mark.parametrize(
    ("algo", "terms", "complaint"),
    [
        ("twpa", {}, "algo: 'twpa'.*did you mean \"twap\""),
        ("twap", {"end_ns": 1}, "end: 1970"),
        ("twap", {"qty": Qty(0)}, "qty: 0.*above 0"),
        ("twap", {"params": {"slicse": 3}}, 'params.slicse.*did you mean "slices"'),
        ("twap", {"params": {"slices": "NaN"}}, "params.slices"),
        ("vwap", {"params": {}}, "curve: no volume curve"),
        ("vwap", {"params": {}, "curve": EMPTY}, "curve: no volume between"),
        ("twap", {"end_ns": 1_780_322_400 * NS_PER_S + 7 * 3600 * NS_PER_S}, "end: 2026.*end by"),
        ("twap", {"account": "OTHER"}, "account: OTHER.*trades SIM"),
    ],
)
def test_a_parent_that_cannot_be_worked_is_refused(
    algo: str, terms: dict[str, Any], complaint: str
) -> None:
    async def play(world: World) -> None:
        asked = replace(order(world, "twap"), algo=algo, **terms)
        with pytest.raises(Refused, match=complaint):
            await world.engine.parents.submit(SubmitParent(asked))
        assert world.engine.parents.list() == []
        assert any(isinstance(one, BusinessMessageReject) for one in world.messages())

    story(play)


@pytest.mark.parametrize(("late", "done"), [("roll", 700), ("spread", 550)])
def test_slices_that_were_missed_follow_the_policy_after_a_restart(late: str, done: int) -> None:
    params = {"slices": 10, "style": "cross", "late": late}

    async def play(world: World) -> None:
        asked = replace(order(world, "twap"), params=params)
        await world.engine.parents.submit(SubmitParent(asked))
        await world.clock.sleep(185)
        assert world.engine.parents.get(asked.parent_id).filled == 400
        await world.crash()
        await world.clock.sleep(180)
        await world.open()
        await world.clock.sleep(20)
        assert (await check(world, asked.parent_id)).filled == done, "in the seventh slice of ten"
        await world.clock.sleep(230)
        assert (await check(world, asked.parent_id)).state is ParentState.DONE

    story(play)
