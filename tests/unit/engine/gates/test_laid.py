"""What controls and people lay over a desk: what it forbids, what survives, what lifts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import Halted, InvalidOrder, Refused, RiskDenied
from floorbroker.domain.ids import Account
from floorbroker.domain.messages import RiskState
from floorbroker.domain.order import OrderRequest, OrdStatus
from floorbroker.engine.atrade.settings import LIVE as GUARDS_LIVE
from floorbroker.engine.gates.laying import Acknowledge, Arm, Lay, SetLimit
from floorbroker.engine.standing.limits import decoded, encoded, read_limit
from floorbroker.engine.state import State
from floorbroker.journal.store import MemoryDisk
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import ABOUT, LIVE, PAPER
from tests.unit.engine.scripted import (
    ACCOUNT,
    ScriptedBroker,
    TestDesk,
    desk,
    filled,
    limit,
    virtual,
)


def sell(qty: int, **options: object) -> OrderRequest:
    return OrderRequest.market("sell", qty, "AAPL", **options)  # type: ignore[arg-type]  # the fields as given


async def lay(made: TestDesk, state: str = "reducing", **about: str) -> None:
    command = Lay(state=RiskState(state), cause="a drill", by="risk", control="A07", **about)
    await made.engine.switch.lay(command)


@virtual
async def test_reducing_takes_only_what_makes_a_position_smaller_worst_case_counted() -> None:
    async with desk() as made:
        await filled(made, 10)
        await lay(made)
        with pytest.raises(Halted, match=r"REDUCING: a drill.*only what makes a position smaller"):
            await made.engine.submit(limit(1))
        with pytest.raises(Halted):
            await made.engine.submit(sell(11))
        assert (await made.engine.submit(sell(6))).ord_status is OrdStatus.NEW
        with pytest.raises(Halted):  # six of ten may be gone already
            await made.engine.submit(sell(5))
        assert (await made.engine.submit(sell(4))).ord_status is OrdStatus.NEW


@virtual
async def test_reducing_takes_no_replace_that_adds_risk() -> None:
    async with desk() as made:
        order = await made.engine.submit(limit(10))
        await lay(made)
        with pytest.raises(Halted, match="replace it by a smaller one"):
            await made.engine.replace(order.cl_ord_id, order_qty=Qty(11))
        smaller = await made.engine.replace(order.cl_ord_id, order_qty=Qty(9))
        assert smaller.request.order_qty == Qty(9)
        await made.engine.cancel(order.cl_ord_id)


@virtual
async def test_states_survive_a_restart_with_cause_and_who_and_a_resume_lifts_them() -> None:
    disk, broker = MemoryDisk(), ScriptedBroker()
    async with desk(broker, disk) as made:
        await lay(made)
        await lay(made, "halted", symbol="MSFT")
        await lay(made, "halted", strategy="mean")
    async with desk(broker, disk) as made:
        mark = made.engine.switch.guards.desk
        assert mark is not None
        assert (mark.state, mark.cause, mark.by, mark.control) == (
            RiskState.REDUCING,
            "a drill",
            "risk",
            "A07",
        )
        with pytest.raises(Halted):
            await made.engine.submit(limit())
        await made.engine.switch.resume(reason="mended", by="ops")
        assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW
        with pytest.raises(Halted, match="resume --symbol MSFT"):
            await made.engine.submit(OrderRequest.market("buy", 1, "MSFT"))
        with pytest.raises(Halted, match="resume --strategy mean"):
            await made.engine.submit(limit(strategy="mean"))
        with pytest.raises(Refused, match="nothing to resume but with --symbol MSFT"):
            await made.engine.switch.resume(reason="mended", by="ops")
        await made.engine.switch.resume(reason="mended", by="ops", symbol="MSFT")
        await made.engine.switch.resume(reason="mended", by="ops", strategy="mean")
        assert (await made.engine.submit(limit(strategy="mean"))).ord_status is OrdStatus.NEW


@virtual
async def test_a_snapshot_keeps_what_was_laid_over_the_desk() -> None:
    async with desk() as made:
        await lay(made)
        limits = SetLimit(name="order_qty_max", value=PAPER.order_qty_max / 2, by="risk")
        await made.engine.switch.lay(limits)
        state = State()
        for message in made.messages():
            state.apply(message)
        state.book.clear_ended()
        assert State.decode(state.encode()).guards == state.guards
        assert state.guards.desk is not None
        assert state.guards.changes


@virtual
async def test_three_rejections_of_one_reason_disable_the_strategy_alone() -> None:
    async with desk(guards=GUARDS_LIVE) as made:
        made.broker.script = ["reject", "reject", "reject"]
        for _ in range(3):
            await made.engine.submit(limit(strategy="mean"))
        with pytest.raises(Halted, match="strategy mean is HALTED: A06: 3 orders in a row"):
            await made.engine.submit(limit(strategy="mean"))
        assert (await made.engine.submit(limit(strategy="other"))).ord_status is OrdStatus.NEW


@virtual
async def test_an_order_that_is_taken_begins_the_row_of_rejections_anew() -> None:
    async with desk(guards=GUARDS_LIVE) as made:
        made.broker.script = ["reject", "reject", "ok", "reject", "reject"]
        for _ in range(5):
            await made.engine.submit(limit())
        assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW


@virtual
async def test_two_submits_without_an_answer_reduce_the_desk() -> None:
    async with desk(guards=GUARDS_LIVE, unknown_per_symbol=9, unknown_max=9) as made:
        made.broker.script = ["lost", "lost"]
        for number in range(2):
            await made.engine.submit(limit(cl_ord_id=f"doubt-{number}"))
        with pytest.raises(Halted, match="REDUCING: A07: 2 orders were sent without a clear"):
            await made.engine.submit(limit())


@virtual
async def test_an_execution_of_more_than_was_asked_pauses_the_symbol_and_is_booked() -> None:
    async with desk(guards=GUARDS_LIVE) as made:
        order = await made.engine.submit(limit(10))
        order_id = made.broker.order_id(order.cl_ord_id)
        made.broker.fill(order_id, 11)
        await made.engine.wait(order.cl_ord_id)
        assert made.engine.positions()["AAPL"].qty == Qty(11)
        with pytest.raises(Halted, match="trading in AAPL is HALTED: A09: 11 AAPL"):
            await made.engine.submit(limit())
        assert (
            await made.engine.submit(OrderRequest.market("buy", 1, "MSFT"))
        ).ord_status is OrdStatus.NEW


@virtual
async def test_a_tighter_limit_holds_at_once_and_over_a_restart() -> None:
    disk, broker = MemoryDisk(), ScriptedBroker()
    async with desk(broker, disk) as made:
        tighter = SetLimit(name="order_qty_max", value=read_limit("order_qty_max", "5"), by="me")
        await made.engine.switch.lay(tighter)
        with pytest.raises(RiskDenied, match="P06"):
            await made.engine.submit(limit(6))
    async with desk(broker, disk) as made:
        with pytest.raises(RiskDenied, match="P06"):
            await made.engine.submit(limit(6))
        assert (await made.engine.submit(limit(5))).ord_status is OrdStatus.NEW


@virtual
async def test_a_looser_limit_has_a_reason_is_bounded_and_waits_for_the_cool_off() -> None:
    loose = _live_but(order_qty_max=10)
    async with desk(limits=loose) as made:

        def asked(value: str, reason: str = "") -> SetLimit:
            limit_value = read_limit("order_qty_max", value)
            return SetLimit(name="order_qty_max", value=limit_value, by="me", reason=reason)

        with pytest.raises(RiskDenied, match=r"P30.*a reason"):
            await made.engine.switch.lay(asked("20"))
        with pytest.raises(RiskDenied, match=r"P30.*2 times"):
            await made.engine.switch.lay(asked("21", "more"))
        await made.engine.switch.lay(asked("20", "more"))
        with pytest.raises(RiskDenied, match="P06"):
            await made.engine.submit(limit(11))
        await made.broker.clock.sleep(59)
        with pytest.raises(RiskDenied, match="P06"):
            await made.engine.submit(limit(11))
        await made.broker.clock.sleep(2)
        assert (await made.engine.submit(limit(11))).ord_status is OrdStatus.NEW


@virtual
async def test_tightening_takes_back_what_still_waits() -> None:
    async with desk(limits=_live_but(order_qty_max=10)) as made:
        for value, reason in (("20", "more"), ("8", "")):
            name = "order_qty_max"
            await made.engine.switch.lay(
                SetLimit(name=name, value=read_limit(name, value), by="me", reason=reason)
            )
        await made.broker.clock.sleep(120)
        with pytest.raises(RiskDenied, match="P06"):
            await made.engine.submit(limit(9))


@virtual
async def test_live_orders_wait_for_the_arming_and_end_with_it() -> None:
    book = _live_but(order_qty_max=1000, must_arm=True)
    async with desk(limits=book, is_live=True, build="b1", guards=GUARDS_LIVE) as made:
        with pytest.raises(RiskDenied, match="P01: live trading is disarmed"):
            await made.engine.submit(limit())
        arm = Arm(account=ACCOUNT, by="me", for_s=60, identity="b1")
        with pytest.raises(Refused, match="is not this desk's"):
            await made.engine.switch.lay(Arm(account=Account("X"), by="me", for_s=60))
        await made.engine.switch.lay(arm)
        assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW
        await made.broker.clock.sleep(61)
        with pytest.raises(RiskDenied, match="P01: the arming has expired"):
            await made.engine.submit(limit())


@virtual
async def test_another_build_than_the_armed_one_sends_nothing_and_new_limits_disarm() -> None:
    disk, broker, book = (
        MemoryDisk(),
        ScriptedBroker(),
        _live_but(order_qty_max=1000, must_arm=True),
    )
    settings = {"limits": book, "is_live": True, "guards": GUARDS_LIVE}
    async with desk(broker, disk, build="b1", **settings) as made:
        await made.engine.switch.lay(Arm(account=ACCOUNT, by="me", for_s=3600, identity="b1"))
    async with desk(broker, disk, build="b2", **settings) as made:
        with pytest.raises(Halted, match="A12: this is b2, and the limit is b1"):
            await made.engine.submit(limit())
    async with desk(broker, disk, build="b1", **settings) as made:
        assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW
        tighter = SetLimit(name="order_qty_max", value=read_limit("order_qty_max", "9"), by="me")
        await made.engine.switch.lay(tighter)
        with pytest.raises(RiskDenied, match="P01"):
            await made.engine.submit(limit(1))


@virtual
async def test_a_desk_that_is_not_live_is_not_armed() -> None:
    async with desk() as made:
        with pytest.raises(Refused, match="nothing to arm"):
            await made.engine.switch.lay(Arm(account=ACCOUNT, by="me", for_s=60))


@virtual
async def test_an_alert_stands_until_somebody_has_looked() -> None:
    async with desk() as made:
        await lay(made)
        assert set(made.engine.switch.guards.alerts) == {"A07"}
        with pytest.raises(Refused, match="A05 is not open; A07"):
            await made.engine.switch.lay(Acknowledge(name="A05", by="me"))
        await made.engine.switch.lay(Acknowledge(name="A07", by="me", note="broker was slow"))
        assert not made.engine.switch.guards.alerts


@given(st.sampled_from(sorted(ABOUT)))
def test_a_limit_that_is_journaled_comes_back_as_it_was(name: str) -> None:
    for profile in (LIVE, PAPER):
        value = getattr(profile, name)
        assert decoded(name, encoded(value)) == value


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("order_quantity", "5", "did you mean order_qty_max"),
        ("order_qty_max", "NaN", "a number of 0 or more, in shares"),
        ("order_qty_max", "-1", "a number of 0 or more"),
        ("orders_per_day", "1.5", "a whole number"),
        ("may_short", "yes", "true or false"),
    ],
)
def test_a_limit_with_a_typo_is_refused_by_its_name_and_what_would_be_right(
    name: str, text: str, hint: str
) -> None:
    with pytest.raises(InvalidOrder, match=hint):
        read_limit(name, text)


def _live_but(**values: object) -> LimitBook:
    """Paper's limits, but with live's slowness of changes."""
    slow = {"loosen_factor_max": LIVE.loosen_factor_max, "cool_off_s": LIVE.cool_off_s}
    typed = {name: read_limit(name, str(value)) for name, value in values.items()}
    return LimitBook(profile="paper", base=replace(PAPER, **slow, **typed))
