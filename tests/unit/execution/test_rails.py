"""The rails hold whatever an algorithm answers: sums, window, limit, ticks, the unanswered."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.terms import OrdType, TimeInForce
from floorbroker.execution.algos.port import (
    Algorithm,
    CancelChild,
    ChildCommand,
    ChildState,
    Decision,
    MarketView,
    Need,
    NewChild,
    NoParams,
    OpenChild,
    ParentView,
    ReplaceChild,
)
from floorbroker.execution.rails import step
from tests.unit.execution.views import BUY, SELL, S, asked, cancels, child, market

PENDING, UNKNOWN = ChildState.PENDING, ChildState.UNKNOWN
ON_QUOTE = frozenset({Need.QUOTE})


def saying(*commands: ChildCommand, **more: Any) -> Algorithm:
    """An algorithm that always answers this."""

    def decide(parent: ParentView[Any], market: MarketView, now_ns: int) -> Decision:
        return Decision(commands=commands, why="spoke", wake_ns=more.get("wake_ns"))

    more.setdefault("needs", ON_QUOTE)
    return Algorithm(decide=decide, **{k: v for k, v in more.items() if k != "wake_ns"})


def of(*children: OpenChild, qty: int = 1000, filled: int = 0, **more: Any) -> ParentView[Any]:
    request = asked("mine", qty, limit=more.pop("limit", None), side=more.pop("side", BUY))
    return ParentView(
        request=request, params=NoParams(), children=children, filled=Qty(filled), **more
    )


def new(qty: int | str, price: str | None = "100.00", **more: Any) -> NewChild:
    return NewChild(qty=Qty(qty), price=None if price is None else Px(price), **more)


def replace(number: int, price: str | None = None, qty: int | None = None) -> ReplaceChild:
    return ReplaceChild(
        cl_ord_id=ClOrdID(str(number)),
        price=None if price is None else Px(price),
        order_qty=None if qty is None else Qty(qty),
    )


def cancel(number: int) -> CancelChild:
    return CancelChild(cl_ord_id=ClOrdID(str(number)))


def spoken(decision: Decision) -> bool:
    return decision.why == "spoke"


@pytest.mark.parametrize("state", list(ChildState))
def test_what_is_out_counts_in_full_whatever_is_known_of_it(state: ChildState) -> None:
    view = of(child(0, 600, "100.00", cum_qty=100, state=state), filled=300)
    decision = step(saying(new(201)), view, market(), 0)
    assert decision.commands == ()
    assert decision.withheld == (
        "new 201 at 100: 201 more would exceed the quantity; 200 are left",
    )
    assert step(saying(new(200)), view, market(), 0).commands == (new(200),)


def test_several_children_of_one_decision_share_what_is_left() -> None:
    decision = step(saying(new(600), new(500), new(400)), of(), market(), 0)
    assert decision.commands == (new(600), new(400))
    assert len(decision.withheld) == 1


def test_a_child_may_grow_by_what_is_left_and_no_more() -> None:
    view = of(child(0, 300, "100.00", cum_qty=100), filled=100)
    assert step(saying(replace(0, qty=1000)), view, market(), 0).commands
    refused = step(saying(replace(0, qty=1001)), view, market(), 0)
    assert "701 more would exceed the quantity; 700 are left" in refused.withheld[0]
    both = step(saying(replace(0, qty=900), new(101)), view, market(), 0)
    assert [type(command) for command in both.commands] == [ReplaceChild]


def test_a_child_that_shrinks_gives_nothing_free_before_the_answer() -> None:
    view = of(child(0, 1000, "100.00"))
    decision = step(saying(replace(0, qty=500), new(1)), view, market(), 0)
    assert [type(command) for command in decision.commands] == [ReplaceChild]


@pytest.mark.parametrize("state", [PENDING, UNKNOWN])
@pytest.mark.parametrize("command", [replace(0, "99.00"), cancel(0)])
def test_an_unanswered_child_is_left_alone(state: ChildState, command: ChildCommand) -> None:
    decision = step(saying(command), of(child(0, 100, "100.00", state=state)), market(), 0)
    assert decision.commands == ()
    assert f"the child is {state}" in decision.withheld[0]


def test_a_child_is_asked_for_one_thing_at_a_time() -> None:
    decision = step(
        saying(replace(0, "99.00"), cancel(0)), of(child(0, 10, "100.00")), market(), 0
    )
    assert decision.commands == (replace(0, "99.00"),)
    assert step(saying(cancel(7)), of(), market(), 0).withheld == (
        "cancel 7: no such child is open",
    )


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (new(0), "the size is no multiple of 1"),
        (new("0.5"), "the size is no multiple of 1"),
        (new(10, "100.005"), "100.005 is not on a tick of 0.01"),
        (new(10, "0"), "0 is not on a tick"),
        (new(10, "100.06"), "100.06 is worse than the limit, 100.05"),
        (new(10, None), "a limit order needs a price"),
        (new(10, "100.00", ord_type=OrdType.MARKET), "a market order takes no price"),
        (new(10, None, ord_type=OrdType.MARKET), "a market order may exceed the limit"),
        (new(10, None, ord_type=OrdType.STOP), "children are limit or market orders"),
        (replace(0, "100.06"), "100.06 is worse than the limit, 100.05"),
        (replace(0, "100.001"), "100.001 is not on a tick"),
        (replace(0), "nothing is changed"),
        (replace(0, qty=40), "40 is no size for a child that filled 40"),
    ],
)
def test_a_command_out_of_bounds_is_withheld_with_its_reason(
    command: ChildCommand, why: str
) -> None:
    view = of(child(0, 100, "100.00", cum_qty=40), limit="100.05", filled=40)
    decision = step(saying(command), view, market(), 0)
    assert decision.commands == ()
    assert why in decision.withheld[0]


def test_the_limit_of_a_sell_bounds_from_below() -> None:
    view = of(side=SELL, limit="99.95")
    assert step(saying(new(1, "99.94")), view, market(), 0).commands == ()
    assert step(saying(new(1, "99.95")), view, market(), 0).commands


def test_a_price_beyond_the_bands_is_withheld() -> None:
    shown = market(band_low=Px("95.00"), band_high=Px("105.00"))
    assert "beyond the band" in step(saying(new(1, "105.01")), of(), shown, 0).withheld[0]
    assert "beyond the band" in step(saying(new(1, "94.99")), of(side=SELL), shown, 0).withheld[0]


def test_a_market_child_is_let_through_where_no_limit_stands() -> None:
    command = new(10, None, ord_type=OrdType.MARKET)
    assert step(saying(command), of(), market(), 0).commands == (command,)


def test_nothing_is_asked_before_the_start() -> None:
    view = of()
    view = structs.replace(view, request=structs.replace(view.request, start_ns=5 * S))
    decision = step(saying(new(1)), view, market(), 4 * S)
    assert decision == Decision(why="waits for its start", wake_ns=5 * S)


def test_at_the_end_what_is_out_comes_back_and_nothing_is_sent() -> None:
    auction = child(2, 10, time_in_force=TimeInForce.AT_THE_CLOSE)
    view = of(child(0, 10, "100.00"), child(1, 10, "100.00", state=PENDING), auction)
    decision = step(saying(new(1)), view, market(), 600 * S)
    assert cancels(decision) == ["0"]  # the second when it is answered; an auction's never
    assert len(decision.commands) == 1
    assert decision.wake_ns is None
    assert spoken(step(saying(new(1)), view, market(), 600 * S - 1))


def test_a_pause_takes_back_what_is_out() -> None:
    decision = step(saying(new(1)), of(child(0, 10, "100.00"), is_paused=True), market(), 0)
    assert (cancels(decision), decision.why) == (["0"], "paused")


def test_a_smaller_quantity_takes_the_newest_children_back() -> None:
    view = of(*(child(number, 300, "100.00") for number in range(3)), qty=700)
    assert cancels(step(saying(), view, market(), 0)) == ["2"]
    going = (child(0, 300, "100.00"), child(1, 300, "100.00"), child(2, 300, state=PENDING))
    assert cancels(step(saying(), of(*going, qty=700), market(), 0)) == []
    lost = (child(0, 300, "100.00"), child(1, 300, "100.00"), child(2, 300, state=UNKNOWN))
    assert cancels(step(saying(), of(*lost, qty=700), market(), 0)) == ["1"]


def test_a_complete_order_asks_for_nothing_more() -> None:
    assert step(saying(new(1)), of(filled=1000), market(), 0) == Decision(why="complete")


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (market(is_halted=True), "trading is halted"),
        (market(stale="feed lost"), "the quote is stale: feed lost"),
        (MarketView(), "there is no quote"),
        (market("100.02", "100.01"), "the quote is one-sided or crossed"),
        (market(session_open_ns=5 * S), "waits for the open"),
    ],
)
def test_who_cannot_see_waits_and_says_why(shown: MarketView, why: str) -> None:
    decision = step(saying(new(1)), of(child(0, 10, "100.00")), shown, S)
    assert (decision.commands, decision.why) == ((), why)
    assert decision.wake_ns is not None


def test_a_blind_order_is_pulled_where_the_algorithm_says_so() -> None:
    view = of(child(0, 10, "100.00"))
    algorithm = saying(new(1), pulls_when_blind=True)
    assert cancels(step(algorithm, view, market(stale="feed lost"), S)) == ["0"]
    assert cancels(step(algorithm, view, market(is_halted=True), S)) == []


def test_after_the_session_what_is_out_comes_back() -> None:
    shown = market(session_open_ns=0, session_close_ns=100 * S)
    decision = step(saying(new(1)), of(child(0, 10, "100.00")), shown, 100 * S)
    assert (cancels(decision), decision.why) == (["0"], "the session is over")


def test_outside_the_session_only_an_auction_is_sent_for() -> None:
    shown = market(session_open_ns=100 * S, session_close_ns=400 * S)
    opening = new(5, None, ord_type=OrdType.MARKET, time_in_force=TimeInForce.AT_THE_OPENING)
    decision = step(saying(opening, new(5), in_auctions=True), of(), shown, S)
    assert decision.commands == (opening,)
    assert "the session is not open" in decision.withheld[0]


def test_a_locked_market_trades() -> None:
    assert spoken(step(saying(), of(), market("100.00", "100.00"), 0))


def test_a_curve_that_is_missing_is_waited_for() -> None:
    algorithm = saying(new(1), needs=frozenset({Need.CURVE}))
    assert step(algorithm, of(), market(), 0).why == "there is no volume curve"


def test_the_engines_reason_to_wait_is_told() -> None:
    decision = step(saying(new(1)), of(blocked="2 orders in UNKNOWN"), market(), 0)
    assert (decision.commands, decision.why) == ((), "2 orders in UNKNOWN")


@pytest.mark.parametrize(("refused", "wait_s"), [(1, 1), (2, 2), (4, 8), (9, 60)])
def test_refused_children_are_not_followed_by_a_storm(refused: int, wait_s: int) -> None:
    view = of(refused_in_a_row=refused, last_ended_ns=10 * S)
    waiting = step(saying(new(1)), view, market(), (9 + wait_s) * S)
    assert (waiting.commands, waiting.wake_ns) == ((), (10 + wait_s) * S)
    assert step(saying(new(1)), view, market(), (10 + wait_s) * S).commands


def test_the_next_call_is_never_at_once_and_never_after_the_end() -> None:
    assert step(saying(wake_ns=5), of(), market(), 5).wake_ns == 5 + 1_000_000
    assert step(saying(wake_ns=900 * S), of(), market(), 5).wake_ns == 600 * S
    assert step(saying(), of(), market(), 5).wake_ns == 600 * S


def test_sizes_are_multiples_of_the_lot() -> None:
    shown = market(lot=Decimal("0.1"))
    assert step(saying(new("0.5")), of(), shown, 0).commands
    assert step(saying(new("0.55")), of(), shown, 0).commands == ()
