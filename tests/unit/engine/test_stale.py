"""A journal that is behind its broker: what it forgot is found, and no new order leaves."""

import asyncio

import pytest

from floorbroker.domain.errors import Halted
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import OrdStatus
from floorbroker.journal.store import MemoryDisk
from tests.unit.engine.scripted import ScriptedBroker, TestDesk, desk, limit, virtual

pytestmark = pytest.mark.proves("C30")


def restored(broker: ScriptedBroker) -> TestDesk:
    """A desk whose journal remembers nothing of what the broker has."""
    return TestDesk(broker, MemoryDisk())


def stale(made: TestDesk) -> list[Alarm]:
    return [one for one in made.messages() if isinstance(one, Alarm)]


@virtual
async def test_an_order_of_ours_that_the_journal_forgot_shuts_the_desk_for_new_ones() -> None:
    broker = ScriptedBroker()
    broker.place_elsewhere("fb-forgotten", 10)
    made = restored(broker)
    await made.engine.start()
    assert [(one.name, one.cl_ord_id) for one in stale(made)] == [
        ("stale_journal", "fb-forgotten")
    ]
    with pytest.raises(Halted, match=r"as fb-forgotten.*journal accept"):
        await made.engine.submit(limit())
    assert not made.engine.health().is_open
    assert not [name for what, name in broker.asked if what == "place"]
    await made.engine.cancel(ClOrdID("fb-forgotten"))  # what exists may be ended
    await made.engine.stop()


@virtual
async def test_what_was_executed_as_the_brokers_clock_was_read_is_held_once() -> None:
    broker = ScriptedBroker()
    trade = broker.fill(broker.place_elsewhere("fb-forgotten", 10), 10)
    async with desk(broker) as made:
        assert made.engine.positions()["AAPL"].qty == 10
        broker.tell(trade)  # once more, and late
        await made.sleep(1)
        assert made.engine.positions()["AAPL"].qty == 10
        assert (await made.engine.reconcile()).open_breaks == ()


@virtual
async def test_an_order_of_anybody_else_shuts_nothing() -> None:
    broker = ScriptedBroker()
    broker.place_elsewhere("fbx-1", 10)
    made = restored(broker)
    await made.engine.start()
    assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW
    assert stale(made) == []
    await made.engine.stop()


@virtual
async def test_the_desk_opens_once_somebody_has_looked_and_stays_open() -> None:
    broker = ScriptedBroker()
    broker.place_elsewhere("fb-forgotten", 10)
    made = restored(broker)
    await made.engine.start()
    assert await made.engine.accept_journal() == ("fb-forgotten",)
    assert await made.engine.accept_journal() == ()
    assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW
    await made.crash()
    again = TestDesk(broker, made.disk)
    await again.engine.start()
    assert (await again.engine.submit(limit())).ord_status is OrdStatus.NEW
    assert len([one for one in stale(again) if not one.is_over]) == 1
    await again.engine.stop()


@virtual
async def test_it_stays_shut_over_a_restart_until_somebody_has_looked() -> None:
    broker = ScriptedBroker()
    broker.place_elsewhere("fb-forgotten", 10)
    made = restored(broker)
    await made.engine.start()
    await made.engine.stop()  # with a snapshot
    made.journal.close()
    again = TestDesk(broker, made.disk)
    await again.engine.start()
    with pytest.raises(Halted):
        await again.engine.submit(limit())
    await again.engine.stop()


@virtual
async def test_a_forgotten_order_that_has_ended_unfilled_counts_too() -> None:
    """It is listed as one that changed since the journal's last word."""
    async with desk() as made:
        broker = made.broker
        await made.crash()
        broker.end(broker.place_elsewhere("fb-forgotten", 10))
        again = TestDesk(broker, made.disk)
        await again.engine.start()
        with pytest.raises(Halted):
            await again.engine.submit(limit())
        assert await again.engine.accept_journal() == ("fb-forgotten",)
        await again.crash()
        once_more = TestDesk(broker, made.disk)
        await once_more.engine.start()
        assert (await once_more.engine.submit(limit())).ord_status is OrdStatus.NEW
        await once_more.engine.stop()


@virtual
async def test_an_unsent_order_waits_until_somebody_has_looked() -> None:
    """It may have been sent after the backup was taken."""
    async with desk() as made:
        made.pacer.is_shut = True
        caller = asyncio.ensure_future(made.engine.submit(limit(cl_ord_id="fb-1")))
        await made.sleep(1)
        await made.crash()
        caller.cancel()
        made.broker.place_elsewhere("fb-forgotten", 10)
        again = TestDesk(made.broker, made.disk)
        await again.engine.start()
        await again.sleep(60)
        assert ("place", "fb-1") not in made.broker.asked
        await again.engine.accept_journal()
        await again.sleep(1)
        assert made.broker.asked.count(("place", "fb-1")) == 1
        await again.engine.stop()
