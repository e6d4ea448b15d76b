"""A desk that compares its books: what it writes down, what it raises, whom it lets through."""

from datetime import timedelta
from decimal import Decimal

import pytest

from floorbroker.brokers.port import Activity, ActivityKind
from floorbroker.domain.amounts import Money, Qty
from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind
from floorbroker.domain.errors import Halted, Refused
from floorbroker.domain.messages import (
    BreakApproved,
    CashAdjusted,
    PositionAdjusted,
    Reconciliation,
)
from floorbroker.engine.compare.approve import Approve
from floorbroker.journal.store import MemoryDisk
from tests.unit.engine.scripted import ScriptedBroker, TestDesk, desk, filled, limit, virtual


def compared(made: TestDesk) -> list[Reconciliation]:
    return [one for one in made.messages() if isinstance(one, Reconciliation)]


def found(made: TestDesk, kind: BreakKind) -> list[Break]:
    """Every break of this kind that was ever written down, once for each time."""
    return [one for message in compared(made) for one in message.breaks if one.kind is kind]


@virtual
@pytest.mark.proves("S23")
async def test_shares_that_are_gone_at_the_broker_are_a_break_and_not_overwritten() -> None:
    async with desk() as made:
        await filled(made)
        made.broker.shares.clear()
        await made.sleep(31)
        assert made.engine.positions()["AAPL"].qty == 10
        (one,) = found(made, BreakKind.POSITION)
        assert (one.ours, one.theirs, one.cause) == ("10", "0", BreakCause.UNKNOWN)
        with pytest.raises(Halted, match=one.break_id):
            await made.engine.submit(limit(1))
        after = await made.engine.approve(Approve(break_id=one.break_id, by="Jane", note="sold"))
        assert after.open_breaks == ()
        assert made.engine.positions()["AAPL"].qty == 0
        assert made.engine.positions()["AAPL"].realized_pnl == 0
        kinds = made.kinds()
        at = kinds.index("BreakApproved")
        assert kinds[at : at + 2] == ["BreakApproved", "PositionAdjusted"]
        await made.engine.submit(limit(1))


@virtual
async def test_a_break_that_stands_is_written_down_once_and_keeps_its_id() -> None:
    async with desk() as made:
        await filled(made)
        made.broker.shares["AAPL"] = Decimal(7)
        await made.sleep(200)
        assert len(found(made, BreakKind.POSITION)) == 1
        (again,) = (await made.engine.reconcile()).open_breaks
        assert again.break_id == found(made, BreakKind.POSITION)[0].break_id


@virtual
async def test_an_approval_survives_a_restart_and_so_does_an_open_break() -> None:
    broker = ScriptedBroker()
    disk = MemoryDisk()
    made = TestDesk(broker, disk)
    await made.engine.start()
    await filled(made)
    broker.shares["AAPL"] = Decimal(7)
    broker.cash -= Money(25)
    await made.engine.reconcile()
    (one,) = (await made.engine.reconcile()).open_breaks
    await made.crash()
    async with desk(broker, disk) as again:
        assert again.engine.health().open_breaks == 1
        after = await again.engine.approve(Approve(break_id=one.break_id, by="Jane"))
        assert after.open_breaks == ()


@virtual
async def test_cash_that_nobody_explains_raises_one_alarm_and_stops_nothing() -> None:
    async with desk() as made:
        await made.sleep(5)
        await filled(made)
        made.broker.cash -= Money(25)
        await made.sleep(1000)
        await made.engine.reconcile()
        assert made.alarms() == ["cash_break"]
        await made.engine.submit(limit(1))
        (one,) = (await made.engine.reconcile()).open_breaks
        assert (one.kind, one.difference) == (BreakKind.CASH, "-25")
        await made.engine.approve(Approve(break_id=one.break_id, by="Jane"))
        (paid,) = (m for m in made.messages() if isinstance(m, CashAdjusted))
        assert (paid.amount, paid.approved_by) == (Money(-25), "Jane")
        await made.sleep(1000)
        assert (await made.engine.reconcile()).open_breaks == ()


@virtual
async def test_fees_are_told_with_their_cause_and_counted_once() -> None:
    async with desk() as made:
        await made.sleep(5)
        made.broker.cash -= Money("0.03")
        made.broker.changes.append(
            Activity(
                activity_id="fee-1",
                kind=ActivityKind.FEE,
                code="FEE",
                time=made.broker.clock.now(),
                net_amount=Money("-0.03"),
            )
        )
        await made.sleep(1000)
        assert [one.cause for one in found(made, BreakKind.CASH)] == [BreakCause.FEE]
        assert made.alarms() == []


@virtual
async def test_the_books_are_counted_again_soon_after_the_close() -> None:
    async with desk(poll_fills_s=100_000) as made:
        await made.sleep(3)
        before = len([ask for ask in made.broker.asked if ask[0] == "account"])
        await made.sleep(timedelta(hours=1, seconds=50).total_seconds())
        assert len([ask for ask in made.broker.asked if ask[0] == "account"]) == before
        await made.sleep(20)
        assert len([ask for ask in made.broker.asked if ask[0] == "account"]) > before


@virtual
@pytest.mark.proves("S22", "S21", "C27")
async def test_an_order_of_the_brokers_own_stops_what_adds_risk_until_somebody_looked() -> None:
    async with desk() as made:
        await filled(made)
        name = made.broker.place_elsewhere("liquidation-1", 4)
        made.broker.fill(name, 4)
        await made.sleep(16)
        (one,) = (b for b in compared(made)[-1].open_breaks)
        assert (one.cause, one.subject) == (BreakCause.BROKER_ACTION, "liquidation-1")
        assert made.engine.positions()["AAPL"].qty == 14, "booked, as facts are"
        assert made.alarms() == ["order_break"]
        with pytest.raises(Halted, match=one.break_id):
            await made.engine.submit(limit(1))
        await made.engine.approve(Approve(break_id=one.break_id, by="Jane"))
        await made.engine.submit(limit(1))
        assert [m for m in made.messages() if isinstance(m, PositionAdjusted)] == []


@virtual
async def test_an_order_from_elsewhere_is_told_once_however_short_it_lived() -> None:
    async with desk() as made:
        name = made.broker.place_elsewhere("by-hand", 4)
        made.broker.fill(name, 4)
        await made.sleep(200)
        told = [one.cause for one in found(made, BreakKind.ORDER)]
        assert told == [BreakCause.EXTERNAL_ORDER]
        assert made.engine.positions()["AAPL"].qty == Qty(4)
        await made.engine.submit(limit(1))


@virtual
@pytest.mark.proves("S09")
async def test_an_execution_that_no_order_and_no_position_misses_is_found_in_the_list() -> None:
    """Busted and filled again: the shares are the same, the executions are not."""
    async with desk() as made:
        await made.sleep(1)
        await filled(made)
        made.broker.is_silent = True
        name = made.broker.place_elsewhere("by-hand", 4)
        made.broker.fill(name, 4)
        made.broker.shares["AAPL"] -= 4  # shares that went elsewhere
        await made.sleep(305)
        told = found(made, BreakKind.FILL)
        assert [(one.cause, one.is_open) for one in told] == [(BreakCause.EXTERNAL_ORDER, False)]


@virtual
async def test_what_is_not_there_cannot_be_approved_and_the_refusal_is_kept() -> None:
    async with desk() as made:
        with pytest.raises(Refused, match="none is open"):
            await made.engine.approve(Approve(break_id="position-0", by="Jane"))
        assert "BusinessMessageReject" in made.kinds()
        assert not any(isinstance(one, BreakApproved) for one in made.messages())
