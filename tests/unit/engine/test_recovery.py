"""Start is recovery: crashes at awkward instants, and what the next start makes of them."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import BrokerUnreachable, ConfigError
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import BreakCause
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine import recovery
from floorbroker.journal.port import Snapshot
from floorbroker.journal.store import MemoryDisk
from tests.unit.engine.scripted import (
    ScriptedBroker,
    TestDesk,
    desk,
    filled,
    limit,
    virtual,
)


async def reopened(made: TestDesk, **settings: Any) -> tuple[TestDesk, recovery.Recovery]:
    """The next process on the same disk and broker."""
    after = TestDesk(made.broker, made.disk, **settings)
    return after, await after.engine.start()


def known(made: TestDesk, name: str) -> Order:
    order = made.engine.order(ClOrdID(name))
    assert order is not None
    return order


@virtual
async def test_a_desk_that_ended_well_finds_everything_as_it_was() -> None:
    disk, broker = MemoryDisk(), ScriptedBroker()
    async with desk(broker, disk) as made:
        await made.engine.submit(limit(cl_ord_id="fb-open"))
        await filled(made)
    after = TestDesk(broker, disk)
    found = await after.engine.start()
    assert (found.was_crash, found.open_orders, found.unknown) == (False, 1, ())
    assert known(after, "fb-open").ord_status is OrdStatus.NEW
    assert after.engine.positions()["AAPL"].qty == 10
    await after.engine.stop()


@pytest.mark.proves("S02", "C09", "C10")
@virtual
async def test_killed_before_the_answer_one_order_is_adopted() -> None:
    async with desk() as made:
        made.broker.is_silent = True
        made.broker.script = ["hang"]
        caller = asyncio.ensure_future(made.engine.submit(limit(cl_ord_id="fb-1")))
        await made.sleep(1)
        await made.crash()
        caller.cancel()
        after, found = await reopened(made)
        assert (found.was_crash, found.unknown, found.unknown_resolved) == (True, ("fb-1",), 1)
        assert known(after, "fb-1").ord_status is OrdStatus.NEW
        assert [what for what, _ in made.broker.asked].count("place") == 1
        await after.engine.stop()


@virtual
async def test_killed_after_a_send_that_never_arrived_nothing_is_sent_again() -> None:
    async with desk() as made:
        made.broker.is_silent = True
        made.broker.script = ["hang"]
        caller = asyncio.ensure_future(made.engine.submit(limit(cl_ord_id="fb-1")))
        await made.sleep(1)
        made.broker.book.clear()
        await made.crash()
        caller.cancel()
        after, found = await reopened(made)
        assert (found.unknown, found.unknown_resolved) == (("fb-1",), 0)
        ended = await after.engine.wait(ClOrdID("fb-1"))
        assert ended.ord_status is OrdStatus.NOT_PLACED
        assert [what for what, _ in made.broker.asked].count("place") == 1
        await after.engine.stop()


@pytest.mark.parametrize(
    ("pause_s", "status"), [(5, OrdStatus.NEW), (400, OrdStatus.EXPIRED_UNSENT)]
)
def test_killed_before_the_send_a_young_order_goes_and_an_old_one_does_not(
    pause_s: float, status: OrdStatus
) -> None:
    @virtual
    async def story() -> None:
        async with desk() as made:
            made.pacer.is_shut = True
            caller = asyncio.ensure_future(made.engine.submit(limit(cl_ord_id="fb-1")))
            await made.sleep(1)
            await made.crash()
            caller.cancel()
            await made.sleep(pause_s)
            after, found = await reopened(made)
            assert (found.sent, found.expired_unsent) == (
                int(status is OrdStatus.NEW),
                int(status is OrdStatus.EXPIRED_UNSENT),
            )
            await after.sleep(1)
            assert known(after, "fb-1").ord_status is status
            await after.engine.stop()

    story()


@virtual
async def test_fills_while_the_desk_was_dead_are_booked() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        await made.crash()
        made.broker.fill(made.broker.order_id(order.cl_ord_id), 10)
        after, found = await reopened(made)
        assert found.executions_booked == 1
        assert known(after, order.cl_ord_id).ord_status is OrdStatus.FILLED
        assert after.engine.positions()["AAPL"].qty == 10
        await after.engine.stop()


@virtual
async def test_recovery_of_a_recovery_finds_nothing_left_to_do() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        made.broker.fill(made.broker.order_id(order.cl_ord_id), 4)
        await made.sleep(1)
        await made.crash()
        made.broker.fill(made.broker.order_id(order.cl_ord_id), 3)
        after, _ = await reopened(made)
        await after.crash()
        again, found = await reopened(made)
        assert (found.executions_booked, found.unknown) == (0, ())
        assert again.engine.positions()["AAPL"].qty == 7
        await again.engine.stop()


@virtual
async def test_killed_around_a_cancel_it_is_asked_for_again() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        made.broker.script = ["hang"]
        caller = asyncio.ensure_future(made.engine.cancel(order.cl_ord_id))
        await made.sleep(1)
        await made.crash()
        caller.cancel()
        after, _ = await reopened(made)
        assert (await after.engine.wait(order.cl_ord_id)).ord_status is OrdStatus.CANCELED
        await after.engine.stop()


@virtual
async def test_killed_around_a_replace_the_successor_is_found() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        made.broker.script = ["taken"]
        made.broker.is_silent = True
        await made.engine.replace(order.cl_ord_id, price=Px("11.00"))
        await made.crash()
        after, _ = await reopened(made)
        found = await after.engine.wait(order.cl_ord_id, until=lambda o: bool(o.replaces))
        assert found.request.price == Px("11.00")
        assert [what for what, _ in made.broker.asked].count("replace") == 1
        assert not after.engine.external_orders()
        await after.engine.stop()


@virtual
async def test_positions_from_before_the_journal_are_taken_over_once() -> None:
    broker = ScriptedBroker()
    broker.shares["MSFT"] = Decimal(-5)
    disk = MemoryDisk()
    async with desk(broker, disk) as made:
        (found,) = (await made.engine.reconcile()).breaks or [None]
        assert found is None
        assert made.engine.positions()["MSFT"].qty == -5
    broker.shares["MSFT"] = Decimal(2)
    after = TestDesk(broker, disk)
    recovered = await after.engine.start()
    (found,) = recovered.reconciliation.open_breaks
    assert (found.subject, found.ours, found.theirs) == ("MSFT", "-5", "2")
    assert after.engine.positions()["MSFT"].qty == -5
    assert after.engine.health().open_breaks == 1
    await after.engine.stop()


@virtual
async def test_the_first_comparison_explains_what_the_account_held() -> None:
    broker = ScriptedBroker()
    broker.shares["AAPL"] = Decimal(3)
    made = TestDesk(broker, MemoryDisk())
    found = await made.engine.start()
    (explained,) = found.reconciliation.breaks
    assert (explained.cause, explained.is_open) == (BreakCause.EXTERNAL_POSITION, False)
    assert made.engine.positions()["AAPL"].avg_entry_px == Px("9.50")
    await made.engine.stop()


@pytest.mark.proves("S30")
@virtual
async def test_a_journal_of_another_mode_is_refused() -> None:
    disk, broker = MemoryDisk(), ScriptedBroker()
    async with desk(broker, disk):
        pass
    made = TestDesk(broker, disk)
    made.engine._parts["mode"] = "live"
    with pytest.raises(ConfigError, match="paper account ACC"):
        await made.engine.start()


@virtual
async def test_keys_of_another_account_are_refused_before_they_prove_anything() -> None:
    """What that account does not know was never placed there, whatever became of it here."""
    disk, broker = MemoryDisk(), ScriptedBroker()
    broker.number = "PA1"
    for _ in range(2):
        made = TestDesk(broker, disk)
        made.engine._parts["is_numbered"] = True
        await made.engine.start()
        await made.crash()
    broker.number, asked = "PA2", len(broker.asked)
    other = TestDesk(broker, disk)
    other.engine._parts["is_numbered"] = True
    with pytest.raises(ConfigError, match="account PA1, and these keys are for PA2"):
        await other.engine.start()
    assert [what for what, _ in broker.asked[asked:]] == ["account"]


@virtual
async def test_a_desk_that_cannot_ask_does_not_open() -> None:
    broker = ScriptedBroker()
    broker.wire.is_up.clear()
    made = TestDesk(broker, MemoryDisk(), start_timeout_s=30)
    with pytest.raises(BrokerUnreachable, match="could not be read"):
        await made.engine.start()
    await made.engine.stop()


@virtual
async def test_replay_tells_the_same_with_a_snapshot_and_without() -> None:
    async with desk(snapshot_every=7) as made:
        for qty in range(1, 12):
            await filled(made, qty)
        await made.engine.submit(limit())
        snapshot = made.journal.snapshot()
        assert snapshot is not None
        assert snapshot.seq > 7
        with_it = recovery.replay(made.journal)
        made.journal.save_snapshot(Snapshot(seq=snapshot.seq, hash=snapshot.hash, body=b"{}"))
        without = recovery.replay(made.journal)
        assert with_it.records < without.records
        assert with_it.state.encode() == without.state.encode()


@virtual
async def test_ids_are_not_used_again_after_a_restart_with_the_same_seed() -> None:
    async with desk() as made:
        first = await made.engine.submit(limit())
        await made.crash()
        after, _ = await reopened(made)
        second = await after.engine.submit(limit(qty=1))
        assert second.cl_ord_id != first.cl_ord_id
        assert second.order_qty == Qty(1)
        await after.engine.stop()
