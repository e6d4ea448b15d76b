"""A process that stood still asks how everything stands before a new order leaves."""

import asyncio
from typing import Any

import pytest

from floorbroker.clock import VirtualLoop
from floorbroker.domain.errors import Halted
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import OrdStatus
from tests.unit.engine.scripted import ScriptedBroker, TestDesk, desk, limit, virtual

pytestmark = pytest.mark.proves("C26")


def stand_still(seconds: float) -> None:
    """Time passes, and nothing of ours runs meanwhile."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop._virtual_s += seconds


def questions(broker: ScriptedBroker) -> list[str]:
    """Orders, and what only those ask who may have missed something."""
    return [what for what, _ in broker.asked if what in ("place", "orders_since")]


def stood_still(made: TestDesk) -> list[str]:
    found = [one.text for one in made.messages() if isinstance(one, Alarm)]
    return [text for text in found if "stood still" in text]


@virtual
async def test_after_a_standstill_the_broker_is_asked_before_an_order_leaves() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        made.broker.is_silent = True  # the frame got lost with the connection, unnoticed
        made.broker.fill(made.broker.order_id(order.cl_ord_id), 10)
        made.broker.asked.clear()
        stand_still(300)
        placed = await made.engine.submit(limit(5))
        assert questions(made.broker)[:2] == ["orders_since", "place"]
        assert placed.ord_status is not OrdStatus.UNKNOWN
        assert made.engine.positions()["AAPL"].qty == 10
        assert len(stood_still(made)) == 1


@virtual
async def test_a_standstill_of_an_idle_desk_is_noticed_too() -> None:
    async with desk() as made:
        await made.sleep(7)
        stand_still(300)
        made.broker.asked.clear()
        await made.sleep(0.5)
        assert "orders_since" in questions(made.broker)
        assert len(stood_still(made)) == 1


@virtual
async def test_a_short_pause_changes_nothing() -> None:
    async with desk() as made:
        await made.sleep(100)
        stand_still(4)
        made.broker.asked.clear()
        await made.engine.submit(limit(5))
        assert questions(made.broker) == ["place"]
        assert stood_still(made) == []


@virtual
async def test_while_the_broker_does_not_answer_no_new_order_leaves() -> None:
    async with desk() as made:
        stand_still(300)
        made.broker.is_failing = True
        first = asyncio.ensure_future(made.engine.submit(limit(5)))
        await made.sleep(20)
        with pytest.raises(Halted, match="the order stream has a gap"):
            await made.engine.submit(limit(5))
        assert "place" not in questions(made.broker)
        made.broker.is_failing = False
        assert (await first).ord_status is OrdStatus.NEW
        assert (await made.engine.submit(limit(5))).ord_status is OrdStatus.NEW


@pytest.mark.parametrize(
    ("pause_s", "status"), [(60, OrdStatus.NEW), (600, OrdStatus.EXPIRED_UNSENT)]
)
def test_what_was_decided_before_and_has_not_left_is_decided_anew(
    pause_s: float, status: OrdStatus
) -> None:
    """It stood still between SEND and the first byte; much later the order is too old."""

    @virtual
    async def story() -> None:
        async with desk() as made:
            crew = made.engine._crew
            assert crew is not None
            send = crew.outbox.send

            def late(*words: Any) -> None:
                send(*words)
                setattr(crew.outbox, "send", send)  # noqa: B010  (once)
                stand_still(pause_s)

            setattr(crew.outbox, "send", late)  # noqa: B010  (watched, not replaced)
            made.broker.asked.clear()
            order = await made.engine.submit(limit(cl_ord_id="fb-1"))
            assert order.ord_status is status
            is_placed = [] if status is OrdStatus.EXPIRED_UNSENT else ["place"]
            assert questions(made.broker) == ["orders_since", *is_placed]

    story()
