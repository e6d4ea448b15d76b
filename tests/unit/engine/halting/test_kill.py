"""A kill: what is refused, what is canceled, what survives, and what lets orders in again."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import Halted, JournalError, Refused
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    ExecutionReport,
    KillLevel,
    KillSwitched,
    OrderCancelRequest,
    RequestSent,
)
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.engine.standing.kill import Trading
from floorbroker.engine.state import State
from floorbroker.journal.latch import Latched, LatchFile, ResumeRequest
from floorbroker.journal.store import MemoryDisk
from tests.unit.engine.scripted import (
    START,
    ScriptedBroker,
    TestDesk,
    desk,
    filled,
    limit,
    virtual,
)


async def kill(made: TestDesk, level: str = "block", **more: Any) -> None:
    await made.engine.switch.kill(KillLevel(level), reason="fat finger", by="risk", **more)


async def quiet(made: TestDesk) -> None:
    """The kill has been seen through."""
    async with asyncio.timeout(60):
        await made.engine.switch.enforcer.quiet()


def sell(qty: int, **options: Any) -> OrderRequest:
    return OrderRequest.market("sell", qty, "AAPL", **options)


def sends(made: TestDesk, name: str) -> int:
    found = [one for one in made.messages() if isinstance(one, RequestSent)]
    return sum(one.cl_ord_id == name and one.request == "new" for one in found)


def order_of(made: TestDesk, name: str) -> Order:
    order = made.engine.order(ClOrdID(name))
    assert order is not None
    return order


@pytest.mark.proves("I13")
@virtual
async def test_no_order_is_let_in_and_the_refusal_says_who_when_why_and_how_to_go_on() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit())
        await kill(made)
        with pytest.raises(Halted) as refusal:
            await made.engine.submit(limit())
        assert str(refusal.value).startswith("trading is HALTED: killed (block) by risk at 2026-")
        assert '"fat finger"' in str(refusal.value)
        assert "floorbroker resume --reason" in str(refusal.value)
        assert made.kinds()[-2:] == ["KillSwitched", "BusinessMessageReject"]
        assert order_of(made, order.cl_ord_id).ord_status is OrdStatus.NEW, "it works on"
        await made.engine.switch.resume(reason="cause found", by="ops")
        assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW


@virtual
async def test_a_resume_has_a_reason_and_something_to_resume() -> None:
    async with desk() as made:
        with pytest.raises(Refused, match="nothing to resume"):
            await made.engine.switch.resume(reason="why not", by="ops")
        await kill(made)
        with pytest.raises(Refused, match="reason"):
            await made.engine.switch.resume(reason=" ", by="ops")
        assert made.engine.switch.stands is not None


@virtual
async def test_what_makes_a_position_smaller_is_taken_where_that_is_said() -> None:
    async with desk() as made:
        await filled(made, 10)
        await kill(made, may_reduce=True)
        stands = made.engine.switch.stands
        assert stands is not None
        assert stands.trading is Trading.REDUCING
        with pytest.raises(Halted, match="only what makes a position smaller"):
            await made.engine.submit(sell(11))
        with pytest.raises(Halted):
            await made.engine.submit(limit(1))
        with pytest.raises(Halted, match="MSFT has no position"):
            await made.engine.submit(OrderRequest.market("sell", 1, "MSFT"))
        assert (await made.engine.submit(sell(6))).ord_status is OrdStatus.NEW
        with pytest.raises(Halted):  # six of ten are on their way out already
            await made.engine.submit(sell(5))
        assert (await made.engine.submit(sell(4))).ord_status is OrdStatus.NEW


@virtual
async def test_an_entry_with_legs_is_no_exit() -> None:
    async with desk() as made:
        await filled(made, 10)
        await kill(made, may_reduce=True)
        entry = OrderRequest.bracket("sell", 5, "AAPL", take_profit="5.00", stop_loss="20.00")
        with pytest.raises(Halted):
            await made.engine.submit(entry)


@virtual
async def test_a_later_kill_may_go_further_and_never_less_far() -> None:
    async with desk() as made:
        await kill(made, "cancel")
        await kill(made, "block", may_reduce=True)
        stands = made.engine.switch.stands
        assert stands is not None
        assert (stands.level, stands.trading) == (KillLevel.CANCEL, Trading.HALTED)


@virtual
async def test_an_order_is_canceled_under_a_kill_and_not_replaced() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(5))
        await kill(made)
        with pytest.raises(Halted, match="cancel it instead"):
            await made.engine.replace(order.cl_ord_id, order_qty=Qty(50))
        await made.engine.cancel(order.cl_ord_id)
        ended = await made.engine.wait(order.cl_ord_id)
        assert ended.ord_status is OrdStatus.CANCELED


@pytest.mark.proves("I13", "C04")
@virtual
async def test_an_order_that_waits_for_its_turn_is_never_sent() -> None:
    async with desk() as made:
        made.pacer.is_shut = True
        caller = asyncio.ensure_future(made.engine.submit(limit(cl_ord_id="waits")))
        await made.sleep(1)
        await kill(made)
        ended = await caller
        assert ended.ord_status is OrdStatus.EXPIRED_UNSENT
        assert "fat finger" in ended.text
        made.pacer.open()
        await made.engine.switch.resume(reason="go on", by="ops")
        await made.sleep(30)
        assert sends(made, "waits") == 0


@pytest.mark.proves("I13")
@virtual
async def test_an_order_that_did_not_arrive_before_the_kill_is_not_sent_after_it() -> None:
    async with desk(retry_delays_s=(5,)) as made:
        made.broker.script = ["unreachable"]
        caller = asyncio.ensure_future(made.engine.submit(limit(cl_ord_id="again")))
        await made.sleep(1)
        await kill(made)
        assert (await caller).ord_status is OrdStatus.EXPIRED_UNSENT
        await made.sleep(30)
        assert sends(made, "again") == 1
        assert not made.broker.book


@pytest.mark.proves("I13", "C07")
@virtual
async def test_an_order_on_its_way_at_the_kill_is_not_sent_again_if_it_never_arrived() -> None:
    class Slow(ScriptedBroker):
        async def place(self, cl_ord_id: ClOrdID, order: OrderRequest) -> ExecutionReport:
            await self.clock.sleep(2)
            return await super().place(cl_ord_id, order)

    async with desk(Slow()) as made:
        made.broker.script = ["unreachable"]
        caller = asyncio.ensure_future(made.engine.submit(limit(cl_ord_id="late")))
        await made.sleep(1)
        await kill(made)
        assert (await caller).ord_status is OrdStatus.EXPIRED_UNSENT
        await made.sleep(60)
        assert sends(made, "late") == 1
        assert not made.broker.book


@virtual
async def test_a_replace_that_waits_for_its_turn_is_given_up() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(5))
        made.pacer.is_shut = True
        asyncio.ensure_future(  # noqa: RUF006  (nobody needs its answer)
            made.engine.replace(order.cl_ord_id, order_qty=Qty(50))
        )
        await made.sleep(1)
        await kill(made)
        made.pacer.open()
        await made.sleep(1)
        assert not any(what == "replace" for what, _ in made.broker.asked)
        assert order_of(made, order.cl_ord_id).pending is None


# Canceling


@virtual
async def test_every_order_is_canceled_from_elsewhere_too() -> None:
    async with desk() as made:
        ours = [await made.engine.submit(limit()) for _ in range(3)]
        theirs = made.broker.place_elsewhere("stranger", 5)
        await made.sleep(20)
        await kill(made, "cancel")
        await quiet(made)
        assert not await made.broker.open_orders()
        assert ("cancel", theirs) in made.broker.asked
        assert {order_of(made, one.cl_ord_id).ord_status for one in ours} == {OrdStatus.CANCELED}


@pytest.mark.parametrize("answer", ["reject", "unreachable", "lost", "taken"])
def test_a_cancel_is_asked_for_until_it_is_one(answer: str) -> None:
    @virtual
    async def run() -> None:
        async with desk() as made:
            order = await made.engine.submit(limit())
            made.broker.script = [answer] * 3
            least = 1 if answer == "taken" else 2
            await kill(made, "cancel")
            await quiet(made)
            assert order_of(made, order.cl_ord_id).ord_status is OrdStatus.CANCELED
            assert (
                made.broker.asked.count(("cancel", made.broker.order_id(order.cl_ord_id))) >= least
            )

    run()


@virtual
async def test_a_cancel_that_was_taken_and_came_to_nothing_is_asked_for_again() -> None:
    class Forgetful(ScriptedBroker):
        forgets = 2

        async def cancel(self, order_id: Any) -> None:
            if self.forgets:
                self.forgets -= 1
                self.asked.append(("cancel", order_id))
            else:
                await super().cancel(order_id)

    async with desk(Forgetful()) as made:
        order = await made.engine.submit(limit())
        await kill(made, "cancel")
        await quiet(made)
        assert order_of(made, order.cl_ord_id).ord_status is OrdStatus.CANCELED


@pytest.mark.proves("C08", "C23")
@virtual
async def test_an_order_of_unknown_outcome_is_canceled_at_first_sight() -> None:
    async with desk() as made:
        made.broker.script = ["taken"]
        made.broker.is_silent = True
        made.broker.hidden.add("ghost")
        order = await made.engine.submit(limit(cl_ord_id="ghost"))
        assert order.ord_status is OrdStatus.UNKNOWN
        await kill(made, "cancel")
        await made.sleep(20)
        assert not any(what == "cancel" for what, _ in made.broker.asked), "nothing to name it by"
        assert made.engine.switch.enforcer.left(), "and so the kill is not over"
        made.broker.hidden.clear()
        made.broker.is_silent = False
        await quiet(made)
        assert order_of(made, "ghost").ord_status is OrdStatus.CANCELED


@virtual
async def test_an_intruder_is_canceled_and_somebody_who_ends_a_position_is_not() -> None:
    async with desk() as made:
        await filled(made, 10)
        await kill(made, "cancel")
        await quiet(made)
        await made.sleep(1)
        intruder = made.broker.place_elsewhere("stranger", 5)
        by_hand = made.broker._accept(ClOrdID("by-hand"), sell(10)).order_id
        await made.sleep(40)
        assert ("cancel", intruder) in made.broker.asked
        assert ("cancel", by_hand) not in made.broker.asked


@pytest.mark.parametrize("after_s", [0, 1, 3])
def test_who_resumes_while_the_broker_is_being_asked_ends_nothing(after_s: int) -> None:
    @virtual
    async def run() -> None:
        class Slow(ScriptedBroker):
            async def open_orders(self) -> Any:
                found = await super().open_orders()
                await self.clock.sleep(2)
                return found

        async with desk(Slow()) as made:
            await made.engine.submit(limit())
            made.broker.script = ["hang"]
            await kill(made, "cancel")
            await made.sleep(after_s)
            await made.engine.switch.resume(reason="go on", by="ops")
            await made.sleep(10)
            assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW

    run()


# What survives


@pytest.mark.proves("S29", "I13", "C23")
@pytest.mark.parametrize("snapshot_every", [1, 50_000])
def test_a_restart_stays_halted(snapshot_every: int) -> None:
    @virtual
    async def run() -> None:
        broker, disk = ScriptedBroker(), MemoryDisk()
        first = TestDesk(broker, disk, snapshot_every=snapshot_every)
        await first.engine.start()
        await kill(first)
        await first.crash()
        for _ in range(2):
            async with desk(broker, disk, snapshot_every=snapshot_every) as made:
                with pytest.raises(Halted, match="fat finger"):
                    await made.engine.submit(limit())
        async with desk(broker, disk) as made:
            await made.engine.switch.resume(reason="go on", by="ops")
        async with desk(broker, disk) as made:
            assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW

    run()


@pytest.mark.proves("C23")
@pytest.mark.parametrize("after_s", [0.0, 0.5, 3.0])
def test_a_crash_in_the_middle_of_canceling_goes_on_where_it_was(after_s: float) -> None:
    @virtual
    async def run() -> None:
        broker, disk = ScriptedBroker(), MemoryDisk()
        first = TestDesk(broker, disk)
        await first.engine.start()
        for number in range(4):
            await first.engine.submit(limit(cl_ord_id=f"n{number}"))
        broker.script = ["ok", "hang", "lost", "unreachable"]
        await kill(first, "cancel")
        await first.sleep(after_s)
        await first.crash()
        async with desk(broker, disk) as made:
            await quiet(made)
            assert not await broker.open_orders()
            assert {order_of(made, f"n{n}").ord_status for n in range(4)} == {OrdStatus.CANCELED}
            assert made.kinds().count("KillSwitched") == 1

    run()


def test_a_snapshot_of_before_there_were_kills_is_read() -> None:
    image = msgspec.json.decode(State().encode())
    del image["kill"]
    assert State.decode(msgspec.json.encode(image)).kill is None


@virtual
async def test_who_kills_hears_it_when_the_disk_is_full() -> None:
    async with desk() as made:
        made.disk.crash()
        with pytest.raises(JournalError):
            async with asyncio.timeout(5):
                await kill(made)


# Flattening


@virtual
async def test_flattening_closes_what_is_held_once_and_nothing_else() -> None:
    async with desk() as made:
        await filled(made, 10)
        rest = await made.engine.submit(limit(3))
        await kill(made, "flatten")
        await made.sleep(30)
        assert order_of(made, rest.cl_ord_id).ord_status is OrdStatus.CANCELED
        (closing,) = made.engine.open_orders()
        assert (closing.side, closing.request.order_qty) == ("sell", Qty(10))
        assert closing.order_id is not None
        made.broker.fill(closing.order_id, 10)
        await quiet(made)
        assert made.engine.positions()["AAPL"].is_flat
        with pytest.raises(Halted):
            await made.engine.submit(sell(1))


@pytest.mark.proves("C23")
@virtual
async def test_a_close_of_unknown_outcome_is_not_made_twice() -> None:
    broker, disk = ScriptedBroker(), MemoryDisk()
    first = TestDesk(broker, disk)
    await first.engine.start()
    await filled(first, 10)
    broker.script = ["taken"]
    broker.is_silent = True
    await kill(first, "flatten")
    await first.sleep(0.1)
    await first.crash()
    async with desk(broker, disk) as made:
        await made.sleep(30)
        broker.is_silent = False
        (closing,) = await broker.open_orders()
        broker.fill(closing.order_id, 10)
        await quiet(made)
    assert broker.shares["AAPL"] == 0


@virtual
async def test_a_desk_does_not_close_what_the_broker_does_not_count() -> None:
    async with desk() as made:
        await filled(made, 10)
        made.broker.shares["AAPL"] = made.broker.shares["AAPL"] * 0
        await kill(made, "flatten")
        await made.sleep(10)
        assert not made.engine.open_orders()


# The latch


def latched(name: str = "l1", level: str = "block", **more: Any) -> Latched:
    return Latched(
        latch_id=name, level=KillLevel(level), reason="pulled", by="risk", time=START, **more
    )


@pytest.mark.proves("I13", "C26")
def test_a_latch_stops_a_desk_that_runs_and_one_that_starts(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)

    @virtual
    async def run() -> None:
        broker, disk = ScriptedBroker(), MemoryDisk()
        async with desk(broker, disk, latch=latch) as made:
            order = await made.engine.submit(limit())
            await latch.write(latched(level="cancel"), broker.clock)
            await made.sleep(0.051)
            with pytest.raises(Halted, match="pulled"):
                await made.engine.submit(limit())
            await quiet(made)
            assert order_of(made, order.cl_ord_id).ord_status is OrdStatus.CANCELED
        async with desk(broker, MemoryDisk(), latch=latch) as made:  # another journal even
            with pytest.raises(Halted, match="pulled"):
                await made.engine.submit(limit())
            kinds = made.kinds()
            assert kinds[:2] == ["DeskOpened", "KillSwitched"]
        async with desk(broker, disk, latch=latch) as made:
            assert made.kinds().count("KillSwitched") == 1
            await made.engine.switch.resume(reason="go on", by="ops")
            assert latch.read() is None
            assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW

    run()


@pytest.mark.proves("C26", "I13")
def test_a_desk_that_stood_still_looks_before_it_decides(tmp_path: Path) -> None:
    """As after SIGCONT: an order is in the inbox already, and nobody has looked for a while."""
    latch = LatchFile(tmp_path)

    @virtual
    async def run() -> None:
        async with desk(latch=latch) as made:
            switch = made.engine.switch
            await latch.write(latched(), made.broker.clock)
            switch._looked_at -= 1  # time has passed, and the watch has not had its turn
            with pytest.raises(Halted, match="pulled"):
                await made.engine.submit(limit())

    run()


def test_a_running_desk_resumes_when_it_is_asked_to(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)

    @virtual
    async def run() -> None:
        async with desk(latch=latch) as made:
            await latch.write(latched(), made.broker.clock)
            await made.sleep(0.1)
            latch.ask_to_resume(ResumeRequest(reason="go on", by="ops"))
            await made.sleep(0.1)
            assert latch.read() is None
            assert made.engine.switch.stands is None
            assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW

    run()


def test_what_was_asked_of_a_desk_that_is_gone_resumes_nothing(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)

    @virtual
    async def run() -> None:
        await latch.write(latched(), ScriptedBroker().clock)
        latch.ask_to_resume(ResumeRequest(reason="go on", by="ops"))
        async with desk(latch=latch) as made:
            await made.sleep(1)
            assert made.engine.switch.stands is not None

    run()


def test_a_latch_that_cannot_be_read_stops_as_well(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)

    @virtual
    async def run() -> None:
        async with desk(latch=latch) as made:
            latch.path.write_bytes(b"{")
            await made.sleep(0.1)
            with pytest.raises(Halted, match="cannot be read"):
                await made.engine.submit(limit())
            await made.engine.switch.resume(reason="a stray file", by="ops")
            assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW

    run()


def test_a_close_by_whoever_pulled_the_latch_is_spared(tmp_path: Path) -> None:
    """`kill --level flatten` closes by itself; a desk that hung meanwhile must not undo it."""
    latch = LatchFile(tmp_path)

    @virtual
    async def run() -> None:
        async with desk(latch=latch) as made:
            await filled(made, 10)
            close = made.broker._accept(ClOrdID("closing"), sell(10)).order_id
            await latch.write(latched(level="flatten"), made.broker.clock)
            await made.sleep(40)
            assert ("cancel", close) not in made.broker.asked
            assert not made.engine.open_orders(), "and it closes nothing itself"
            made.broker.fill(close, 10)
            await made.sleep(1)
            assert made.engine.positions()["AAPL"].is_flat

    run()


def test_a_desk_leaves_closing_to_whoever_pulled_the_latch(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)

    @virtual
    async def run() -> None:
        async with desk(latch=latch) as made:
            await filled(made, 10)
            await latch.write(latched(level="flatten"), made.broker.clock)
            await made.sleep(40)
            assert made.engine.switch.stands is not None
            assert not made.engine.open_orders()

    run()


def test_kills_are_journaled_with_what_they_say(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)

    @virtual
    async def run() -> None:
        async with desk(latch=latch) as made:
            order = await made.engine.submit(limit())
            await latch.write(latched(level="cancel"), made.broker.clock)
            await made.sleep(1)
            (found,) = [one for one in made.messages() if isinstance(one, KillSwitched)]
            assert (found.latch_id, found.reason, found.by) == ("l1", "pulled", "risk")
            (asked,) = [one for one in made.messages() if isinstance(one, OrderCancelRequest)]
            assert (asked.cl_ord_id, asked.text) == (order.cl_ord_id, "killed")

    run()
