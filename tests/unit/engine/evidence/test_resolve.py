"""What is asked, what the answers prove, and what they do not."""

import asyncio

import pytest

from floorbroker.domain.amounts import Px
from floorbroker.domain.errors import BrokerUnknown, InvalidOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import OrdStatus
from tests.unit.engine.scripted import TestDesk, desk, limit, virtual


def status(made: TestDesk, name: str) -> OrdStatus:
    order = made.engine.order(ClOrdID(name))
    assert order is not None
    return order.ord_status


@virtual
async def test_look_ups_that_fail_prove_nothing_although_listings_answer() -> None:
    async with desk() as made:
        answering = made.broker.look_up

        async def failing(cl_ord_id: str) -> ExecutionReport | None:
            raise BrokerUnknown(f"HTTP 500 about {cl_ord_id}", status=500)

        made.broker.look_up = failing  # type: ignore[method-assign]  # this question alone fails
        made.broker.script = ["lost"]
        await made.engine.submit(limit(cl_ord_id="fb-1"))
        await made.sleep(3600)
        assert status(made, "fb-1") is OrdStatus.UNKNOWN
        made.broker.look_up = answering  # type: ignore[method-assign]  # as it was
        ended = await made.engine.wait(ClOrdID("fb-1"))
        assert ended.ord_status is OrdStatus.NOT_PLACED


@virtual
async def test_a_ghost_that_only_its_own_look_up_can_see_is_found() -> None:
    async with desk() as made:

        async def nothing(*_: object) -> list[ExecutionReport]:
            return []

        made.broker.open_orders = nothing  # type: ignore[method-assign]  # lists only
        made.broker.orders_since = nothing  # type: ignore[method-assign, assignment]  # lists
        made.broker.script, made.broker.is_silent = ["taken"], True
        made.broker.hidden.add("fb-1")
        await made.engine.submit(limit(cl_ord_id="fb-1"))
        ended = await made.engine.wait(ClOrdID("fb-1"))
        assert ended.ord_status is OrdStatus.NOT_PLACED
        made.broker.hidden.clear()
        await made.sleep(600)
        assert status(made, "fb-1") in (OrdStatus.PENDING_CANCEL, OrdStatus.CANCELED)
        assert made.alarms() == ["late_order"]


@virtual
async def test_a_second_replace_waits_until_the_first_is_answered() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit())
        made.broker.script, made.broker.is_silent = ["hang"], True
        first = asyncio.ensure_future(made.engine.replace(order.cl_ord_id, price=Px("11.00")))
        await made.sleep(1)
        with pytest.raises(InvalidOrder, match="one replace at a time"):
            await made.engine.replace(order.cl_ord_id, price=Px("12.00"))
        assert [what for what, _ in made.broker.asked].count("replace") == 1
        first.cancel()


@virtual
async def test_an_order_whose_turn_comes_during_a_gap_stays_here() -> None:
    async with desk() as made:
        made.pacer.is_shut = True
        caller = asyncio.ensure_future(made.engine.submit(limit(cl_ord_id="fb-1")))
        await made.sleep(1)
        made.broker.wire.lose()
        await made.sleep(1)
        made.pacer.open()
        await made.sleep(10)
        assert ("place", "fb-1") not in made.broker.asked
        made.broker.wire.is_up.set()
        assert (await caller).ord_status is OrdStatus.NEW


@virtual
async def test_a_comparison_during_a_gap_does_not_say_that_nothing_was_missed() -> None:
    async with desk() as made:
        assert (await made.engine.reconcile()).broker_time is not None
        made.broker.wire.lose()
        await made.sleep(1)
        assert (await made.engine.reconcile()).broker_time is None


@virtual
async def test_a_replace_is_judged_by_evidence_about_itself() -> None:
    """What was found out about an earlier one that was lost says nothing of its follower."""
    async with desk() as made:
        order = await made.engine.submit(limit())
        name = order.cl_ord_id
        made.broker.script = ["lost", "lost"]
        await made.engine.replace(name, price=Px("11.00"))
        await made.engine.wait(name, until=lambda one: one.pending is None)
        await made.sleep(50)
        await made.engine.replace(name, price=Px("12.00"))
        await made.sleep(40)
        assert status(made, name) is OrdStatus.PENDING_REPLACE, "it may arrive yet"
        after = await made.engine.wait(name, until=lambda one: one.pending is None)
        assert after.request.price == order.request.price
        await made.sleep(120)
        assert made.engine.health().questions == 0, "settled, and asked about no more"
