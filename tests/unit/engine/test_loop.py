"""The engine from the outside: what callers see, what the journal holds, what the broker gets."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from floorbroker.deskwork.batch import cancel_all
from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.errors import (
    DuplicateClOrdID,
    Halted,
    InvalidOrder,
    JournalError,
    UnknownOrder,
)
from floorbroker.domain.ids import ClOrdID, ExecID
from floorbroker.domain.messages import ExecType, RequestSent, Source
from floorbroker.domain.order import OrdStatus
from floorbroker.journal.store import MemoryDisk
from tests.unit.engine.scripted import ScriptedBroker, TestDesk, desk, filled, limit, virtual


@virtual
async def test_an_order_is_written_sent_acknowledged_filled_and_filed() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        assert order.ord_status is OrdStatus.NEW
        done = await filled(made)
        assert (done.ord_status, done.cum_qty, done.avg_px) == (
            OrdStatus.FILLED,
            Qty(10),
            Px("10.00"),
        )
        assert made.engine.positions()["AAPL"].qty == 10
        assert made.journal.ended_order(done.cl_ord_id) == done
        assert made.engine.order(done.cl_ord_id) == done
        assert [one.cl_ord_id for one in made.engine.open_orders()] == [order.cl_ord_id]
        kinds = made.kinds()
        assert kinds.index("NewOrderSingle") + 1 == kinds.index("RequestSent")


@pytest.mark.proves("I01")
@virtual
async def test_nothing_reaches_the_broker_before_it_is_durable() -> None:
    async with desk() as made:
        seen: list[int] = []
        place = made.broker.place

        async def watched(cl_ord_id, order):  # type: ignore[no-untyped-def]  # as the door has it
            written = [m for m in made.messages() if isinstance(m, RequestSent)]
            seen.append(sum(m.cl_ord_id == cl_ord_id for m in written))
            return await place(cl_ord_id, order)

        made.broker.place = watched  # type: ignore[method-assign]  # watched, not replaced
        await asyncio.gather(*(made.engine.submit(limit()) for _ in range(5)))
        assert seen == [1] * 5


@virtual
async def test_intent_is_written_alone_while_the_pacer_says_no() -> None:
    async with desk() as made:
        made.pacer.is_shut = True
        caller = asyncio.ensure_future(made.engine.submit(limit()))
        await made.sleep(1)
        assert made.kinds()[-1] == "NewOrderSingle"
        assert ("place", made.engine.open_orders()[0].cl_ord_id) not in made.broker.asked
        made.pacer.open()
        assert (await caller).ord_status is OrdStatus.NEW


@virtual
async def test_an_order_that_waited_too_long_is_not_sent() -> None:
    async with desk(intent_ttl_s=10) as made:
        made.pacer.is_shut = True
        caller = asyncio.ensure_future(made.engine.submit(limit()))
        await made.sleep(11)
        made.pacer.open()
        assert (await caller).ord_status is OrdStatus.EXPIRED_UNSENT
        assert not any(what == "place" for what, _ in made.broker.asked)


@virtual
async def test_an_order_that_cannot_be_delivered_grows_too_old_for_another_attempt() -> None:
    async with desk(intent_ttl_s=10) as made:
        made.broker.script = ["unreachable"] * 100
        order = await made.engine.submit(limit())
        assert order.ord_status is OrdStatus.EXPIRED_UNSENT
        assert order.text.startswith("it waited 1")


@virtual
async def test_a_cancel_before_the_send_ends_the_order_here() -> None:
    async with desk() as made:
        made.pacer.is_shut = True
        caller = asyncio.ensure_future(made.engine.submit(limit()))
        await made.sleep(1)
        (order,) = made.engine.open_orders()
        ended = await made.engine.cancel(order.cl_ord_id)
        assert ended.ord_status is OrdStatus.EXPIRED_UNSENT
        assert await caller == ended
        made.pacer.open()
        await made.sleep(1)
        assert not any(what == "place" for what, _ in made.broker.asked)


@virtual
async def test_a_refusal_by_the_broker_is_final_and_kept_with_its_reason() -> None:
    async with desk() as made:
        made.broker.script = ["reject"]
        order = await made.engine.submit(limit())
        assert (order.ord_status, order.text) == (OrdStatus.REJECTED, "no")
        assert [problem.code for problem in made.engine.errors] == [40310000]


@virtual
async def test_what_surely_did_not_arrive_is_sent_again_with_the_same_id() -> None:
    async with desk() as made:
        made.broker.script = ["unreachable", "unreachable"]
        order = await made.engine.submit(limit())
        assert (order.ord_status, order.attempt) == (OrdStatus.NEW, 3)
        assert made.broker.asked.count(("place", order.cl_ord_id)) == 3


@pytest.mark.proves("C06", "C09")
@virtual
async def test_unknown_send_is_queried_not_resent() -> None:
    async with desk() as made:
        made.broker.script = ["taken"]
        made.broker.is_silent = True
        order = await made.engine.submit(limit())
        assert order.ord_status is OrdStatus.UNKNOWN
        found = await made.engine.wait(order.cl_ord_id, until=lambda o: o.order_id is not None)
        assert found.ord_status is OrdStatus.NEW
        assert made.broker.asked.count(("place", order.cl_ord_id)) == 1


@virtual
async def test_a_fill_of_an_unknown_order_on_the_stream_settles_it() -> None:
    async with desk(lookup_delays_s=(500,)) as made:
        made.broker.script = ["taken"]
        made.broker.is_silent = True
        order = await made.engine.submit(limit())
        made.broker.is_silent = False
        made.broker.fill(made.broker.order_id(order.cl_ord_id), 10)
        assert (await made.engine.wait(order.cl_ord_id)).ord_status is OrdStatus.FILLED


@pytest.mark.proves("S06", "C08")
@virtual
async def test_not_placed_takes_all_the_evidence() -> None:
    async with desk() as made:
        made.broker.script = ["lost"]
        order = await made.engine.submit(limit())
        await made.sleep(55)
        assert made.engine.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN  # type: ignore[union-attr]  # it is known
        assert made.engine.health().unknown_orders == 1
        ended = await made.engine.wait(order.cl_ord_id)
        assert ended.ord_status is OrdStatus.NOT_PLACED
        assert "look-ups" in ended.text
        assert (made.broker.clock.now() - order.created_time).total_seconds() >= 60


@virtual
async def test_a_broker_that_fails_to_answer_proves_nothing() -> None:
    async with desk() as made:
        made.broker.script = ["lost"]
        order = await made.engine.submit(limit())
        made.broker.is_failing = True
        await made.sleep(3600)
        assert made.engine.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN  # type: ignore[union-attr]  # it is known
        made.broker.is_failing = False
        assert (await made.engine.wait(order.cl_ord_id)).ord_status is OrdStatus.NOT_PLACED


@virtual
async def test_without_a_whole_stream_nothing_is_concluded() -> None:
    async with desk() as made:
        made.broker.script = ["lost"]
        order = await made.engine.submit(limit())
        made.broker.wire.lose()
        await made.sleep(3600)
        assert made.engine.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN  # type: ignore[union-attr]  # it is known


@pytest.mark.proves("I04")
@virtual
async def test_a_late_ghost_is_ours_all_the_same() -> None:
    async with desk() as made:
        made.broker.script = ["taken"]
        made.broker.is_silent = True
        made.broker.capabilities = made.broker.capabilities
        request = limit(cl_ord_id="fb-ghost")
        made.broker.hidden.add("fb-ghost")
        await made.engine.submit(request)
        ended = await made.engine.wait(ClOrdID("fb-ghost"))
        assert ended.ord_status is OrdStatus.NOT_PLACED
        made.broker.hidden.clear()
        await made.sleep(600)  # the ghost watch or a poll comes by
        order_id = made.broker.order_id("fb-ghost")
        assert made.broker.asked.count(("cancel", order_id)) == 1, "nobody waits for it any more"
        order = await made.engine.wait(ClOrdID("fb-ghost"))
        assert (order.ord_status, order.order_id) == (OrdStatus.CANCELED, order_id)
        assert "late_order" in made.alarms()
        assert not made.engine.external_orders()


@pytest.mark.proves("I04")
@virtual
async def test_what_a_late_ghost_executed_is_ours_and_the_rest_is_canceled() -> None:
    async with desk() as made:
        made.broker.script = ["taken"]
        made.broker.is_silent = True
        made.broker.hidden.add("fb-ghost")
        await made.engine.submit(limit(10, cl_ord_id="fb-ghost"))
        await made.engine.wait(ClOrdID("fb-ghost"))
        made.broker.fill(made.broker.order_id("fb-ghost"), 4)
        made.broker.hidden.clear()
        await made.sleep(600)
        order = await made.engine.wait(ClOrdID("fb-ghost"))
        assert (order.ord_status, order.cum_qty) == (OrdStatus.CANCELED, Qty(4))
        assert made.engine.positions()["AAPL"].qty == Qty(4)


@virtual
async def test_an_order_that_is_another_at_the_broker_stops_trading() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(cl_ord_id="fb-1"))
        assert order.order_id is not None
        theirs = replace(made.broker.book[order.order_id], symbol="MSFT")
        for _ in range(2):
            made.broker.tell(replace(theirs, source=Source.STREAM))
            await made.sleep(1)
        assert made.alarms() == ["terms_differ"]
        assert made.kinds().count("KillSwitched") == 1
        with pytest.raises(Halted, match="terms_differ: fb-1: symbol is MSFT at the broker"):
            await made.engine.submit(limit())


@virtual
async def test_an_execution_of_an_order_that_is_not_visible_yet_is_not_anybody_elses() -> None:
    async with desk() as made:
        made.broker.script = ["taken"]
        made.broker.is_silent = True
        made.broker.lagging.add("fb-1")
        await made.sleep(1)
        await made.engine.submit(limit(cl_ord_id="fb-1"))
        made.broker.fill(made.broker.order_id("fb-1"), 10)
        await made.sleep(300)
        order = made.engine.order(ClOrdID("fb-1"))
        assert order is not None
        assert order.ord_status is OrdStatus.UNKNOWN
        assert made.engine.positions() == {}
        made.broker.lagging.clear()
        assert (await made.engine.wait(ClOrdID("fb-1"))).ord_status is OrdStatus.FILLED
        assert made.engine.positions()["AAPL"].qty == 10
        assert not made.engine.external_orders()


@virtual
async def test_shares_that_nothing_explains_keep_an_order_unknown() -> None:
    async with desk() as made:
        made.broker.script = ["lost"]
        order = await made.engine.submit(limit())
        made.broker.shares["AAPL"] = Decimal(10)
        await made.sleep(600)
        assert made.engine.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN  # type: ignore[union-attr]  # it is known
        made.broker.shares["AAPL"] = Decimal(0)
        assert (await made.engine.wait(order.cl_ord_id)).ord_status is OrdStatus.NOT_PLACED


@virtual
async def test_strangers_trades_during_a_disconnect_are_booked_at_the_reconnect() -> None:
    async with desk(poll_positions_s=1e6) as made:
        made.broker.wire.lose()
        await made.sleep(1)
        made.broker.fill(made.broker.place_elsewhere("by-hand", 7), 7)
        await made.sleep(1)
        made.broker.wire.is_up.set()
        await made.sleep(5)
        assert made.engine.positions()["AAPL"].qty == 7


@virtual
async def test_a_strangers_trade_from_before_the_journal_counts_once() -> None:
    """It was in the position that was taken over, and is told of late."""
    async with desk() as made:
        trade = made.broker.fill(made.broker.place_elsewhere("by-hand", 7), 7)
        made.broker.trades.clear()
    fresh = TestDesk(made.broker, MemoryDisk())
    await fresh.engine.start()
    await fresh.sleep(1)
    assert fresh.engine.positions()["AAPL"].qty == 7
    early = trade.transact_time - timedelta(seconds=30)
    made.broker.tell(replace(trade, transact_time=early, exec_id=ExecID("late-1")))
    await fresh.sleep(1)
    assert "PositionAdjusted" in fresh.kinds()
    held = fresh.engine.positions()["AAPL"]
    assert (held.qty, held.realized_pnl) == (Qty(7), Money(0))
    await fresh.engine.stop()


@virtual
async def test_cancel_of_an_unknown_order_goes_out_at_its_first_sighting() -> None:
    async with desk() as made:
        made.broker.hidden.add("fb-1")
        made.broker.is_silent = True
        made.broker.script = ["taken"]
        await made.engine.submit(limit(cl_ord_id="fb-1"))
        asked = await made.engine.cancel(ClOrdID("fb-1"))
        assert asked.ord_status is OrdStatus.UNKNOWN
        await made.sleep(5)
        assert not any(what == "cancel" for what, _ in made.broker.asked)
        made.broker.hidden.clear()
        made.broker.is_silent = False
        assert (await made.engine.wait(ClOrdID("fb-1"))).ord_status is OrdStatus.CANCELED


@virtual
async def test_cancel_crosses_fill() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        order_id = made.broker.order_id(order.cl_ord_id)
        made.broker.is_silent = True
        made.broker.fill(order_id, 10)
        await made.engine.cancel(order.cl_ord_id)
        done = await made.engine.wait(order.cl_ord_id)
        assert (done.ord_status, done.cum_qty) == (OrdStatus.FILLED, Qty(10))
        assert "OrderCancelReject" in made.kinds()


@virtual
async def test_an_unanswered_cancel_is_asked_for_again() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit())
        made.broker.script = ["lost"]
        asked = await made.engine.cancel(order.cl_ord_id)
        assert asked.ord_status is OrdStatus.PENDING_CANCEL
        assert (await made.engine.wait(order.cl_ord_id)).ord_status is OrdStatus.CANCELED


@virtual
async def test_a_fill_after_the_cancel_is_booked_and_raises_an_alarm() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        order_id = made.broker.order_id(order.cl_ord_id)
        made.broker.end(order_id)
        await made.engine.wait(order.cl_ord_id)
        made.broker.fill(order_id, 4)
        await made.sleep(1)
        after = made.engine.order(order.cl_ord_id)
        assert after is not None
        assert (after.ord_status, after.cum_qty) == (OrdStatus.CANCELED, Qty(4))
        assert made.engine.positions()["AAPL"].qty == 4
        assert made.alarms() == ["fill_after_end"]
        assert made.journal.ended_order(order.cl_ord_id) == after


@virtual
async def test_a_lost_fill_frame_is_found_by_asking() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        order_id = made.broker.order_id(order.cl_ord_id)
        made.broker.is_silent = True
        made.broker.fill(order_id, 3)
        await made.sleep(20)
        found = made.engine.order(order.cl_ord_id)
        assert found is not None
        assert (found.cum_qty, found.ord_status) == (Qty(3), OrdStatus.PARTIALLY_FILLED)


@pytest.mark.proves("I09", "C18")
@virtual
async def test_one_execution_by_two_channels_is_booked_once() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        order_id = made.broker.order_id(order.cl_ord_id)
        trade = made.broker.fill(order_id, 3)
        made.broker.wire.push(trade)
        for report in await made.broker.executions(order_id=order_id):
            made.broker.wire.push(report)
        await made.sleep(1)
        assert made.engine.positions()["AAPL"].qty == 3
        assert sum(getattr(m, "exec_type", "") == "trade" for m in made.messages()) == 1


@pytest.mark.parametrize("carries", [True, False])
def test_a_replaced_order_keeps_its_id_its_fills_and_its_count(carries: bool) -> None:
    @virtual
    async def story() -> None:
        async with desk() as made:
            made.broker.successors_carry = carries
            order = await made.engine.submit(limit(10))
            first = made.broker.order_id(order.cl_ord_id)
            made.broker.fill(first, 4)
            await made.sleep(1)
            after = await made.engine.replace(order.cl_ord_id, price=Px("11.00"), order_qty=Qty(8))
            assert (after.order_qty, after.cum_qty, after.leaves_qty) == (Qty(8), Qty(4), Qty(4))
            assert after.replaces == (first,)
            second = made.broker.order_id(after.wire_id)
            made.broker.fill(second, 4, "11.00")
            done = await made.engine.wait(order.cl_ord_id)
            assert (done.ord_status, done.cum_qty) == (OrdStatus.FILLED, Qty(8))
            assert made.engine.positions()["AAPL"].qty == 8
            await made.sleep(60)
            assert made.engine.positions()["AAPL"].qty == 8
            assert made.alarms() == []

    story()


@virtual
async def test_a_refused_replace_that_was_carried_out_is_noticed() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        made.broker.script = ["refused_though_done"]
        after = await made.engine.replace(order.cl_ord_id, price=Px("11.00"))
        assert after.request.price == Px("11.00")
        assert len(after.replaces) == 1
        assert not made.engine.external_orders()


@virtual
async def test_an_unanswered_replace_is_resolved_by_asking_and_never_repeated() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        made.broker.script = ["taken"]
        made.broker.is_silent = True
        asked = await made.engine.replace(order.cl_ord_id, order_qty=Qty(20))
        assert asked.ord_status is OrdStatus.PENDING_REPLACE
        crew = made.engine._crew
        assert crew is not None
        assert crew.state.book.exposure("AAPL").buy_qty == 20
        after = await made.engine.wait(order.cl_ord_id, until=lambda o: bool(o.replaces))
        assert after.order_qty == 20
        assert [what for what, _ in made.broker.asked].count("replace") == 1


@virtual
async def test_a_lost_replace_leaves_the_order_as_it_was() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        made.broker.script = ["lost"]
        await made.engine.replace(order.cl_ord_id, order_qty=Qty(20))
        after = await made.engine.wait(order.cl_ord_id, until=lambda o: o.pending is None)
        assert (after.order_qty, after.ord_status) == (Qty(10), OrdStatus.NEW)


@virtual
async def test_refusals_are_audited_and_raised() -> None:
    async with desk() as made:
        done = await filled(made)
        with pytest.raises(DuplicateClOrdID):
            await made.engine.submit(limit(cl_ord_id=done.cl_ord_id))
        with pytest.raises(InvalidOrder, match="account"):
            await made.engine.submit(limit(account="other"))
        with pytest.raises(UnknownOrder):
            await made.engine.cancel(ClOrdID("nobody"))
        with pytest.raises(UnknownOrder):
            await made.engine.wait(ClOrdID("nobody"))
        assert made.kinds().count("BusinessMessageReject") == 3
        assert (await made.engine.cancel(done.cl_ord_id)).ord_status is OrdStatus.FILLED


@virtual
async def test_new_orders_wait_for_the_stream_and_are_then_refused() -> None:
    async with desk() as made:
        made.broker.wire.lose()
        await made.sleep(1)
        with pytest.raises(Halted):
            await made.engine.submit(limit())
        caller = asyncio.ensure_future(made.engine.submit(limit()))
        await made.sleep(1)
        made.broker.wire.is_up.set()
        assert (await caller).ord_status is OrdStatus.NEW


@virtual
async def test_fills_during_a_disconnect_are_booked_before_new_orders_go() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        made.broker.wire.lose()
        await made.sleep(1)
        made.broker.fill(made.broker.order_id(order.cl_ord_id), 10)
        await made.sleep(1)
        made.broker.wire.is_up.set()
        second = await made.engine.submit(limit(5))
        first = made.engine.order(order.cl_ord_id)
        assert first is not None
        assert first.ord_status is OrdStatus.FILLED
        assert second.created_time >= (first.ended_time or second.created_time)


@virtual
async def test_a_caller_that_goes_away_takes_nothing_back() -> None:
    async with desk() as made:
        made.broker.script = ["hang"]
        caller = asyncio.ensure_future(made.engine.submit(limit(10)))
        await made.sleep(1)
        caller.cancel()
        await made.sleep(1)
        (order,) = made.engine.open_orders()
        assert order.ord_status is OrdStatus.NEW  # the stream told
        made.broker.fill(made.broker.order_id(order.cl_ord_id), 10)
        assert (await made.engine.wait(order.cl_ord_id)).ord_status is OrdStatus.FILLED


@virtual
async def test_a_failed_append_ends_the_engine_and_tells_everybody() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit())
        waiting = asyncio.ensure_future(made.engine.wait(order.cl_ord_id))
        await made.sleep(0)
        made.disk.crash()
        with pytest.raises(JournalError):
            await made.engine.submit(limit())
        with pytest.raises(JournalError):
            await waiting
        assert isinstance(await made.engine.failed, JournalError)
        with pytest.raises(JournalError):
            await made.engine.submit(limit())
        assert [what for what, _ in made.broker.asked].count("place") == 1


@virtual
@pytest.mark.proves("C28")
async def test_whoever_waits_for_a_batch_that_cannot_be_written_hears_why() -> None:
    async with desk() as made:
        made.disk.crash()
        with pytest.raises(JournalError):
            await asyncio.wait_for(made.engine.reconcile(), 60)
        with pytest.raises(JournalError):
            await made.engine.submit(limit())


@virtual
@pytest.mark.proves("C28")
async def test_a_stop_that_cannot_be_written_says_so() -> None:
    async with desk() as made:
        made.disk.crash()
        with pytest.raises(JournalError):
            await asyncio.wait_for(made.engine.stop(), 60)


@virtual
@pytest.mark.proves("C24")
async def test_a_start_that_is_given_up_leaves_nothing_behind() -> None:
    made = TestDesk(ScriptedBroker(), MemoryDisk())
    made.broker.wire.is_up.clear()
    starting = asyncio.ensure_future(made.engine.start())
    await made.sleep(1)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await made.engine.stop()
    await made.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@virtual
async def test_executions_that_the_last_question_brought_are_not_missing() -> None:
    async with desk(lookup_delays_s=(1, 1), poll_orders_s=1000, poll_positions_s=1000) as made:
        placed = await made.engine.submit(limit(10))
        order_id = made.broker.order_id(placed.cl_ord_id)
        made.broker.is_silent = made.broker.is_failing = True
        made.broker.fill(order_id, 10)
        made.broker.wire.push(replace(made.broker.book[order_id], source=Source.STREAM))
        await made.sleep(1.5)
        made.broker.is_failing = False
        assert (await made.engine.wait(placed.cl_ord_id)).cum_qty == 10
        await made.sleep(5)
        assert made.alarms() == []


@virtual
async def test_two_busts_at_once_of_an_order_that_had_ended_are_both_kept() -> None:
    """A list of executions names the order by the broker's id alone."""
    async with desk() as made:
        placed = await made.engine.submit(limit(10))
        order_id = made.broker.order_id(placed.cl_ord_id)
        first = made.broker.fill(order_id, 4)
        second = made.broker.fill(order_id, 6)
        await made.engine.wait(placed.cl_ord_id)
        for fill, left in ((first, Qty(6)), (second, Qty(0))):
            made.broker.wire.push(
                replace(
                    fill,
                    cl_ord_id=ClOrdID(""),
                    exec_type=ExecType.TRADE_CANCEL,
                    exec_id=ExecID(f"bust of {fill.exec_id}"),
                    ref_exec_id=fill.exec_id,
                    cum_qty=left,
                    source=Source.ACTIVITY,
                )
            )
        await made.sleep(1)
        order = made.engine.order(placed.cl_ord_id)
        assert order is not None
        assert (order.cum_qty, len(order.fills)) == (Qty(0), 4)


@virtual
async def test_views_show_only_what_is_durable() -> None:
    async with desk() as made:
        append = made.journal.append
        seen: list[int] = []

        async def watched(messages, ended=()):  # type: ignore[no-untyped-def]  # as the door has it
            seen.append(len(made.engine.open_orders()))
            return await append(messages, ended)

        made.journal.append = watched  # type: ignore[method-assign]  # watched, not replaced
        await made.engine.submit(limit())
        assert seen[0] == 0


@pytest.mark.proves("I17")
@virtual
async def test_updates_come_in_order_and_each_is_durable() -> None:
    async with desk() as made:
        updates = made.engine.updates()
        first = asyncio.ensure_future(anext(updates))
        await made.sleep(0)
        done = await filled(made)
        kinds = [type((await first).message).__name__]
        while kinds[-1] != "ExecutionReport":
            kinds.append(type((await anext(updates)).message).__name__)
        assert kinds == ["NewOrderSingle", "RequestSent", "ExecutionReport"]
        assert done.is_ended
        await updates.aclose()  # type: ignore[attr-defined]  # it is a generator


@virtual
async def test_memory_does_not_grow_with_ended_orders() -> None:
    async with desk(recent_max=8) as made:
        for _ in range(50):
            await filled(made, 1)
        crew = made.engine._crew
        assert crew is not None
        book = crew.state.book
        assert (book.orders, book.external, book.lineage) == ({}, {}, {})
        assert len(book.ended) <= 1  # the last batch's
        assert len(made.engine._views._recent) == 8
        assert len(made.engine._views._recent_ids) == 8
        assert not made.engine._views._waiters


@virtual
async def test_an_order_from_elsewhere_is_kept_apart_and_its_fills_are_booked() -> None:
    async with desk() as made:
        order_id = made.broker.place_elsewhere("by-hand", 7)
        made.broker.fill(order_id, 3)
        await made.sleep(1)
        assert not made.engine.open_orders()
        (order,) = made.engine.external_orders()
        assert (order.is_external, order.cum_qty) == (True, Qty(3))
        assert made.engine.positions()["AAPL"].qty == 3
        compared = await made.engine.reconcile()
        assert [found.cause for found in compared.breaks] == ["external_order"]
        assert not compared.open_breaks


@virtual
async def test_a_stuck_cancel_raises_one_alarm_and_keeps_its_exposure() -> None:
    async with desk(stuck_cancel_s=30) as made:
        order = await made.engine.submit(limit(10))
        order_id = made.broker.order_id(order.cl_ord_id)

        async def taken(_: str) -> None:
            """The broker takes the request and nothing comes of it."""

        made.broker.cancel = taken  # type: ignore[assignment]  # another door
        asked = await made.engine.cancel(order.cl_ord_id)
        assert asked.ord_status is OrdStatus.PENDING_CANCEL
        await made.sleep(120)
        assert made.alarms() == ["cancel_stuck"]
        crew = made.engine._crew
        assert crew is not None
        assert crew.state.book.exposure("AAPL").buy_qty == 10
        made.broker.end(order_id)
        assert (await made.engine.wait(order.cl_ord_id)).ord_status is OrdStatus.CANCELED


@virtual
async def test_cancel_all_asks_for_every_open_order() -> None:
    async with desk() as made:
        for _ in range(3):
            await made.engine.submit(limit())
        assert len(await cancel_all(made.engine)) == 3
        await made.sleep(1)
        assert not made.engine.open_orders()


@virtual
async def test_a_stopped_desk_takes_nothing() -> None:
    broker = ScriptedBroker()
    async with desk(broker) as made:
        engine = made.engine
    assert broker.asked
    with pytest.raises(Halted):
        await engine.submit(limit())
    await engine.stop()
