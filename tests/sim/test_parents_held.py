"""What holds children of a parent order back: controls, states, people, halts."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.books.earlier import VolumeCurve
from floorbroker.domain.books.parents import (
    ParentReplaced,
    ParentState,
    ParentStep,
    ParentSwitched,
)
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.ids import ClOrdID, child_id
from floorbroker.domain.messages import (
    Alarm,
    BusinessMessageReject,
    KillLevel,
    KillSwitched,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderExpiredUnsent,
    RequestKind,
    RequestSent,
    RiskState,
)
from floorbroker.engine import decide
from floorbroker.engine.exposure.facts import Reference
from floorbroker.engine.gates import conserved, laying
from floorbroker.engine.gates.risk import Around
from floorbroker.engine.parents.carry import carried, parent_seen
from floorbroker.engine.parents.step import Floor, stepped
from floorbroker.engine.parents.steward import ReplaceParent, SubmitParent
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.standing.parents import Parent
from floorbroker.engine.state import State
from floorbroker.execution.algos.port import (
    Algorithm,
    CancelChild,
    Decision,
    MarketView,
    Need,
    NewChild,
    ReplaceChild,
)
from floorbroker.execution.catalog import SHIPPED
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import PAPER
from tests.sim.parents import CLOSING, OWN, check, market, order, story, submit, switch
from tests.sim.world import OPEN_GATE, ORIGIN_NS, World


def limited(**limits: Any) -> EngineSettings:
    """A desk with these limits, and wide ones besides."""
    book = LimitBook(profile="paper", base=replace(PAPER, **limits))
    return replace(OPEN_GATE, limits=book)


def refusals(world: World) -> list[BusinessMessageReject]:
    return [one for one in world.messages() if isinstance(one, BusinessMessageReject)]


def alarms(world: World) -> list[str]:
    return [one.name for one in world.messages() if isinstance(one, Alarm)]


def twice(parent: Any, view: Any, now_ns: int) -> Decision:
    """Somebody's own algorithm: two children of half the size, at once."""
    if parent.sent_children >= 2:
        return Decision(why="both are out", wake_ns=now_ns + NS_PER_S)
    half = Qty.of(parent.request.qty.decimal / 2)
    child = NewChild(qty=half, price=Px("99"))
    return Decision(commands=(child, child), why="sends both")


def test_a_child_that_a_control_refuses_is_asked_for_less_and_less_often() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(100)
        status = world.engine.parents.get(name)
        assert status.state is ParentState.WORKING
        assert status.refusal.startswith("P06: 1000 AAPL")
        assert status.why.endswith("children in a row were not taken")
        assert [one.control for one in refusals(world)] == ["P06"] * 7, "after 1, 2, 4, .. 32 s"
        assert [one.cl_ord_id for one in refusals(world)][:2] == [f"{name}~1", f"{name}~2"]
        assert alarms(world).count("children_refused") == 1
        assert await world.orders() == []
        assert world.replayed() == world.live()

    story(play, OWN, settings=limited(order_qty_max=Decimal(900)))


def test_a_parent_goes_on_once_its_children_pass_and_its_refusal_is_forgotten() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(5)
        assert world.engine.parents.get(name).refusal
        await world.engine.parents.change(ReplaceParent(parent_id=name, qty=Qty(900)))
        await world.clock.sleep(10)
        status = await check(world, name)
        assert (status.open_qty, status.refusal) == (Qty(900), "")

    story(play, OWN, settings=limited(order_qty_max=Decimal(900)))


def test_an_alarm_over_refused_children_is_not_raised_again_by_a_restart() -> None:
    async def play(world: World) -> None:
        await submit(world, "resting")
        await world.clock.sleep(20)
        await world.crash()
        await world.open()
        await world.clock.sleep(100)
        assert len(refusals(world)) > 5
        assert alarms(world).count("children_refused") == 1

    story(play, OWN, settings=limited(order_qty_max=Decimal(900)))


def test_the_second_child_of_a_step_sees_what_the_first_reserved() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "twice")
        await world.clock.sleep(0.5)
        assert [one.control for one in refusals(world)] == ["P12"]
        assert [row["client_order_id"] for row in await world.orders()] == [f"{name}~1"]
        await check(world, name)

    limits = limited(position_qty_max=Decimal(600))
    story(play, {"twice": twice}, settings=limits)


def test_what_a_child_reserves_is_not_there_for_others() -> None:
    async def play(world: World) -> None:
        await submit(world, "resting", qty=500)
        await world.clock.sleep(3)
        other = await submit(world, "resting", qty=500)
        await world.clock.sleep(3)
        assert world.engine.parents.get(other).refusal.startswith("P12")

    story(play, OWN, settings=limited(position_qty_max=Decimal(900)))


def test_a_paused_symbol_makes_its_parent_wait_with_the_reason() -> None:
    async def play(world: World) -> None:
        lay = laying.Lay(state=RiskState.HALTED, cause="news", by="risk", symbol="AAPL")
        await world.engine.switch.lay(lay)
        name = await submit(world, "resting")
        await world.clock.sleep(30)
        status = world.engine.parents.get(name)
        assert "trading in AAPL is HALTED" in status.why
        assert (status.children, refusals(world)) == (0, []), "nothing is tried meanwhile"
        await world.engine.switch.resume(reason="known", by="risk", symbol="AAPL")
        await world.clock.sleep(3)
        assert (await check(world, name)).open_qty == 1000

    story(play, OWN)


def test_a_kill_takes_the_children_back_and_a_resume_sends_new_ones() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        await world.engine.switch.kill(KillLevel.CANCEL, reason="drill", by="risk")
        await world.clock.sleep(30)
        status = world.engine.parents.get(name)
        assert (status.state, status.open_qty, status.children) == (
            ParentState.WORKING,
            Qty(0),
            1,
        )
        assert "killed" in status.why
        await world.engine.switch.resume(reason="over", by="risk")
        await world.clock.sleep(3)
        assert (await check(world, name)).open_children == (child_id(name, 2),)

    story(play, OWN)


def test_a_child_that_somebody_cancels_by_hand_pauses_its_parent() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        await world.engine.cancel(child_id(name, 1))
        await world.clock.sleep(10)
        status = await check(world, name)
        assert (status.state, status.open_qty) == (ParentState.PAUSED, Qty(0))
        assert "canceled by hand" in status.reason

    story(play, OWN)


def test_a_child_is_not_replaced_behind_its_parents_back() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        with pytest.raises(InvalidOrder, match=f"child of {name}"):
            await world.engine.replace(child_id(name, 1), order_qty=Qty(2000))
        assert world.engine.switch.stands is None
        await check(world, name)

    story(play, OWN)


def test_a_market_halt_holds_children_back_and_leaves_those_that_rest() -> None:
    async def play(world: World) -> None:
        is_halted = False

        def prices(_: str) -> Reference:
            return Reference(at_ns=world.clock.now_ns(), is_halted=is_halted)

        world.engine.briefing.prices = prices
        name = await submit(world, "twap", minutes=10)
        await world.clock.sleep(61)
        before = world.engine.parents.get(name)
        is_halted = True
        await world.clock.sleep(240)
        status = world.engine.parents.get(name)
        assert status.why == "trading is halted"
        assert status.children == before.children
        is_halted = False
        await world.clock.sleep(400)
        assert (await check(world, name)).state is ParentState.DONE

    story(play)


def floor_of(world: World) -> Floor:
    crew = world.engine._crew
    assert crew is not None
    rules = decide.Rules(
        account=crew.state.book.account,
        capabilities=world.client.capabilities,
        settings=world.settings,
    )
    now = world.clock.now()
    return Floor(state=crew.state, rules=rules, catalog=SHIPPED, now=now, is_open=True)


def live(world: World, name: Any) -> Parent:
    return floor_of(world).state.parents.live[name]


@pytest.mark.proves("I12")
def test_no_child_passes_that_would_exceed_a_parent_made_smaller() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        await world.engine.parents.change(ReplaceParent(parent_id=name, qty=Qty(400)))
        await world.clock.sleep(3)
        floor, parent = floor_of(world), live(world, name)
        around = Around(parent=parent_seen(floor, parent, in_auctions=False))
        command = NewChild(qty=Qty(100), price=Px("99"))
        (refused,) = carried(floor, parent, (child_id(name, 9), command), around)
        assert isinstance(refused, BusinessMessageReject)
        assert refused.control == "P26"
        assert f"400 of {name}" in refused.text

    story(play, OWN)


@pytest.mark.proves("I12")
@pytest.mark.parametrize(
    "command",
    [
        NewChild(qty=Qty(1), price=Px("99")),
        ReplaceChild(cl_ord_id=ClOrdID("its first"), order_qty=Qty(1001)),
    ],
)
def test_a_command_beyond_all_that_the_parent_ever_was_stops_trading(command: Any) -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        floor, parent = floor_of(world), live(world, name)
        around = Around(parent=parent_seen(floor, parent, in_auctions=False))
        kill, refused = carried(floor, parent, (child_id(name, 1), command), around)
        assert isinstance(kill, KillSwitched)
        assert "1001, more than 1000" in kill.reason
        assert isinstance(refused, BusinessMessageReject)

    story(play, OWN)


def test_a_replace_that_waits_for_its_turn_does_not_outgrow_its_parent() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting", qty=600)
        await world.clock.sleep(3)
        state, child, now = floor_of(world).state, child_id(name, 1), world.clock.now()
        wish = OrderCancelReplaceRequest(
            cl_ord_id=child, wire_id=child, order_qty=Qty(700), transact_time=now
        )
        copy = type(state).decode(state.encode())
        copy.apply(wish)
        found = conserved.instead(copy, RequestKind.REPLACE, child, now)
        assert [type(one) for one in found] == [KillSwitched, OrderCancelReject]
        assert "700 would exceed the 600" in found[1].text  # type: ignore[union-attr]  # a reject has a text

    story(play, OWN)


def test_a_child_too_large_for_its_parents_time_is_refused() -> None:
    async def play(world: World) -> None:
        asked = order(world, "resting", qty=300)
        edges = (asked.start_ns - 600 * NS_PER_S, asked.start_ns, asked.end_ns)
        shares = (Decimal(3), Decimal(1))
        curve = VolumeCurve(edges_ns=edges, shares=shares, day_volume=Decimal(8000), source="test")
        asked = replace(asked, curve=curve)
        await world.engine.parents.submit(SubmitParent(asked))
        await world.clock.sleep(3)
        status = world.engine.parents.get(asked.parent_id)
        assert status.refusal == (
            "P27: a child of 300, and the limit is 10% of 2000; 200 shares pass"
        )

    story(play, OWN, settings=limited(participation_max=Decimal("0.1")))


def test_a_half_day_ends_a_parent_at_its_close() -> None:
    friday_ns = 1_795_789_800 * NS_PER_S  # 2026-11-27 09:30 in New York, after Thanksgiving

    async def play(world: World) -> None:
        assert f"{datetime_of(friday_ns):%F %T}" == "2026-11-27 14:30:00"
        with pytest.raises(InvalidOrder, match="session ends at 2026-11-27 18:00:00"):
            await submit(world, "twap", minutes=4 * 60)
        name = await submit(world, "resting", minutes=3 * 60)
        status = world.engine.parents.get(name)
        assert f"{status.end:%T}" == "17:30:00"

    story(play, OWN, start_ns=friday_ns)


def patient(parent: Any, view: Any, now_ns: int) -> Decision:
    """Somebody's own algorithm: it looks each second for a minute, and then asks for all."""
    wake_ns = now_ns + NS_PER_S
    if parent.sent_children or now_ns < parent.request.start_ns + 60 * NS_PER_S:
        return Decision(why="looks", wake_ns=wake_ns)
    child = NewChild(qty=parent.request.qty, price=Px("99"))
    return Decision(commands=(child,), why="asks", wake_ns=wake_ns)


def test_a_parent_that_only_waits_on_writes_nothing_and_is_asked_all_the_same() -> None:
    def steps(world: World) -> int:
        return sum(isinstance(one, ParentStep) for one in world.messages())

    async def play(world: World) -> None:
        name = await submit(world, "patient", minutes=3)
        await world.clock.sleep(30.5)
        assert steps(world) == 1
        wake, now = world.engine.parents.get(name).next_wake, world.clock.now()
        assert wake is not None
        assert 0 < (wake - now).total_seconds() <= 1
        await world.crash()
        await world.open()
        await world.clock.sleep(40)
        assert world.engine.parents.get(name).open_qty == 1000
        assert steps(world) == 3
        await world.clock.sleep(120)
        status = await check(world, name)
        assert (status.state, status.filled) == (ParentState.EXPIRED, Qty(0))

    story(play, {**OWN, "patient": Algorithm(decide=patient)})


def test_a_parent_paused_over_the_end_of_the_day_has_expired() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting", minutes=5)
        await world.clock.sleep(3)
        await switch(world, name, ParentState.PAUSED)
        await world.clock.sleep(3)
        status = world.engine.parents.get(name)
        assert status.next_wake == status.end
        await world.clock.sleep(1800)
        status = await check(world, name)
        assert (status.state, status.filled) == (ParentState.EXPIRED, Qty(0))
        assert [row["status"] for row in await world.orders()] == ["canceled"]

    story(play, OWN, start_ns=CLOSING)


def test_a_desk_that_starts_after_the_end_takes_the_children_back_and_ends_the_parent() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting", minutes=5)
        await world.clock.sleep(3)
        await world.crash()
        await world.clock.sleep(3600)
        await world.open()
        await world.clock.sleep(3)
        status = await check(world, name)
        assert (status.state, status.filled) == (ParentState.EXPIRED, Qty(0))
        assert [row["status"] for row in await world.orders()] == ["canceled"]

    story(play, OWN)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"to": ParentState.PAUSED}, "not sent: its parent is paused"),
        ({"qty": Qty(1050)}, "not sent: 1100 would exceed the 1050 of its parent"),
        ({"end_ns": 1}, "not sent: the time of its parent is over"),
    ],
)
def test_a_child_that_waits_for_its_turn_is_not_sent_once_its_parent_says_no(
    change: dict[str, Any], complaint: str
) -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting", qty=1000)
        await world.clock.sleep(3)
        now, second = world.clock.now(), child_id(name, 2)
        state = State.decode(floor_of(world).state.encode())
        more = NewChild(qty=Qty(100), price=Px("99"))
        state.apply(ParentReplaced(parent_id=name, qty=Qty(1100), transact_time=now))
        floor = replace(floor_of(world), state=state)
        parent = state.parents.live[name]
        state.apply(ParentStep(parent_id=name, count=2, children={second: ""}, transact_time=now))
        (asked,) = carried(floor, parent, (second, more), Around())
        state.apply(asked)
        send = partial(decide.send, state, RequestKind.NEW, second, settings=world.settings)
        assert [type(one) for one in send(now=now)] == [RequestSent], "it might go"
        kind = ParentSwitched if "to" in change else ParentReplaced
        state.apply(kind(parent_id=name, transact_time=now, **change))
        (ended,) = send(now=now)
        assert isinstance(ended, OrderExpiredUnsent)
        assert ended.text == complaint
        if "qty" not in change:  # nor does it wait any longer
            step = stepped(floor, parent, MarketView())
            assert (second, CancelChild(cl_ord_id=second)) in step.commands

    story(play, OWN)


def test_a_snapshot_keeps_parents_and_whose_children_are_whose() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting")
        await world.clock.sleep(3)
        state = floor_of(world).state
        copy = State.decode(state.encode())
        assert copy.parents == state.parents
        parent = copy.parents.of(child_id(name, 1))
        assert parent is copy.parents.live[name]

    story(play, OWN)


def test_a_start_after_the_close_belongs_to_the_next_day() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "resting", minutes=16 * 60)
        session_ns = live(world, name).order.session_ns
        assert session_ns is not None
        assert f"{datetime_of(session_ns[0]):%F %T}" == "2026-06-02 13:30:00"
        assert world.engine.parents.get(name).why == "waits for the open"

    story(play, OWN, start_ns=ORIGIN_NS + 7 * 3600 * NS_PER_S)


def test_children_that_are_alike_are_no_repeats() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "twice")
        await world.clock.sleep(1)
        status = await check(world, name)
        assert (len(status.open_children), status.refusal) == (2, "")

    story(play, {"twice": twice}, settings=limited(repeats_max=0))


def test_a_restart_leaves_alone_what_follows_the_quote() -> None:
    async def play(world: World) -> None:
        name = await submit(world, "pegged")
        await world.clock.sleep(3)
        before = await world.orders()
        await world.crash()
        await world.open()
        await world.clock.sleep(3)
        assert await world.orders() == before
        await check(world, name)

    story(play)


@pytest.mark.parametrize("prints_own", [True, False])
def test_fills_in_parts_are_the_parents_and_no_one_elses_volume(*, prints_own: bool) -> None:
    seen: list[MarketView] = []

    def looks(parent: Any, view: MarketView, now_ns: int) -> Decision:
        seen.append(view)
        commands = (NewChild(qty=Qty(500), price=Px("100.01")),) if not parent.committed else ()
        return Decision(commands=commands, why="looks", wake_ns=now_ns + NS_PER_S)

    async def play(world: World) -> None:
        market(world, size=100)
        name = await submit(world, "looks", qty=500)
        for _ in range(4):
            await world.clock.sleep(20)
            await world.print_trade("AAPL", Decimal("100.01"), "500")
            market(world, size=100)
        await world.clock.sleep(3)
        status = await check(world, name)
        assert 100 < status.filled <= 500
        view = seen[-1]
        assert view.own_volume == (400 if prints_own else 0), "before its last 100"
        assert view.others == view.volume - view.own_volume > 0
        assert view.touch is not None
        assert view.touch.includes_own is prints_own

    algorithm = Algorithm(decide=looks, needs=frozenset({Need.VOLUME}))
    settings = replace(OPEN_GATE, prints_own=prints_own)
    story(play, {"looks": algorithm}, settings=settings)
