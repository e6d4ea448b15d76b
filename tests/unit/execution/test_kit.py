"""The kit fills by its few stated rules, and tells what came of it."""

from decimal import Decimal
from typing import Any

import pytest

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.terms import OrdType, TimeInForce
from floorbroker.execution.algos.port import (
    Algorithm,
    CancelChild,
    ChildState,
    Decision,
    MarketView,
    NewChild,
    ParentView,
)
from floorbroker.execution.catalog import SHIPPED
from floorbroker.execution.kit import FillRules, Run, Step, replay, steady
from tests.unit.execution.views import S, asked


def once(*children: NewChild) -> Algorithm:
    """Sends these at its first call and nothing more."""

    def decide(parent: ParentView[Any], market: MarketView, now_ns: int) -> Decision:
        return Decision(commands=() if parent.sent_children else children)

    return Algorithm(decide=decide)


def buying(qty: int, price: str | None, **more: Any) -> NewChild:
    kind = OrdType.LIMIT if price else OrdType.MARKET
    return NewChild(
        qty=Qty(qty), price=None if price is None else Px(price), ord_type=kind, **more
    )


def step(second: int, **more: Any) -> Step:
    told: dict[str, Any] = {"bid": Px("9.99"), "ask": Px("10.01"), "ask_qty": Qty(100), **more}
    return Step(time_ns=second * S, **told)


def run(algorithm: Algorithm, *steps: Step, **rules: Any) -> Run:
    return replay(algorithm, asked("mine", until_s=60), steps, rules=FillRules(**rules))


def fills(done: Run) -> list[tuple[int, int, str]]:
    return [(fill.time_ns // S, int(fill.qty), str(fill.px)) for fill in done.fills]


def test_what_crosses_takes_what_is_shown_and_rests_with_the_rest() -> None:
    done = run(once(buying(250, "10.01")), step(0), step(1), step(2))
    assert fills(done) == [(0, 100, "10.01"), (1, 100, "10.01"), (2, 50, "10.01")]


def test_two_children_do_not_take_the_same_size() -> None:
    done = run(once(buying(80, "10.01"), buying(80, None)), step(0))
    assert fills(done) == [(0, 80, "10.01"), (0, 20, "10.01")]


def test_an_ioc_ends_with_what_it_got() -> None:
    done = run(
        once(buying(250, "10.01", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)), step(0), step(1)
    )
    assert fills(done) == [(0, 100, "10.01")]
    assert done.children[0].is_ended


def test_what_rests_fills_with_its_part_of_the_volume_at_its_price() -> None:
    rest = once(buying(100, "9.99"))
    there = step(1, last=Px("9.99"), volume=Qty(200))
    assert fills(run(rest, step(0), there)) == [(1, 50, "9.99")]
    assert fills(run(rest, step(0), there, queue_part=Decimal(1))) == [(1, 100, "9.99")]
    above = step(1, last=Px("10.00"), volume=Qty(200))
    assert fills(run(rest, step(0), above)) == []


def test_the_touch_that_comes_to_a_resting_child_fills_it_at_its_price() -> None:
    came = step(1, bid=Px("9.95"), ask=Px("9.97"))
    assert fills(run(once(buying(100, "9.99")), step(0), came)) == [(1, 100, "9.99")]


def test_a_slow_command_lands_later_and_is_pending_until_then() -> None:
    seen = []

    def decide(parent: ParentView[Any], market: MarketView, now_ns: int) -> Decision:
        seen.append((now_ns // S, [child.state for child in parent.children]))
        return Decision(commands=() if parent.sent_children else (buying(50, "9.99"),))

    run(Algorithm(decide=decide), step(0), step(1), step(3), latency_ns=2 * S)
    assert (0, [ChildState.PENDING]) in seen
    assert (1, [ChildState.PENDING]) in seen
    assert (2, [ChildState.WORKING]) in seen


def test_nobody_hears_of_a_lost_child_but_it_fills() -> None:
    heard = []

    def decide(parent: ParentView[Any], market: MarketView, now_ns: int) -> Decision:
        states = [child.state for child in parent.children]
        heard.append((now_ns // S, int(parent.filled), int(parent.leaves), states))
        return Decision(commands=() if parent.sent_children else (buying(50, "10.01"),))

    done = run(Algorithm(decide=decide), step(0), step(1), step(9), unknown={0: 5 * S})
    assert fills(done) == [(0, 50, "10.01")]
    assert (1, 0, 50, [ChildState.UNKNOWN]) in heard
    assert (5, 50, 0, []) in heard


def test_a_canceled_child_fills_no_more() -> None:
    def decide(parent: ParentView[Any], market: MarketView, now_ns: int) -> Decision:
        if not parent.sent_children:
            return Decision(commands=(buying(50, "9.99"),))
        gone = tuple(CancelChild(cl_ord_id=child.cl_ord_id) for child in parent.children)
        return Decision(commands=gone if now_ns >= S else ())

    there = step(2, last=Px("9.99"), volume=Qty(200))
    assert fills(run(Algorithm(decide=decide), step(0), step(1), there)) == []


def test_in_a_halt_nothing_trades() -> None:
    came = step(1, bid=Px("9.95"), ask=Px("9.97"), is_halted=True)
    assert fills(run(once(buying(100, "9.99")), step(0), came)) == []


def test_own_prints_are_in_the_volume_only_where_that_is_said() -> None:
    volumes = {}
    for prints_own in (False, True):
        told: list[tuple[int, int]] = []

        def decide(
            parent: ParentView[Any], market: MarketView, now_ns: int, told: Any = told
        ) -> Decision:
            told.append((int(market.volume), int(market.others)))
            return Decision(commands=() if parent.sent_children else (buying(100, "10.01"),))

        run(Algorithm(decide=decide), step(0), step(1, volume=Qty(500)), prints_own=prints_own)
        volumes[prints_own] = told[-1]
    assert volumes == {False: (500, 500), True: (600, 500)}


def test_an_algorithm_that_never_rests_is_told() -> None:
    def decide(parent: ParentView[Any], market: MarketView, now_ns: int) -> Decision:
        gone = tuple(CancelChild(cl_ord_id=child.cl_ord_id) for child in parent.children)
        return Decision(commands=gone or (buying(1, "9.99"),), why="cannot decide")

    with pytest.raises(RuntimeError, match="did not come to rest at 0: cannot decide"):
        run(Algorithm(decide=decide), step(0))


def test_a_run_adds_up() -> None:
    done = replay(SHIPPED["twap"], asked("twap", slices=5), steady(0, 601))
    assert done.filled == sum((fill.qty for fill in done.fills), ZERO_QTY) == Qty(1000)
    assert done.others == 60_000
    assert done.rate == Decimal(1000) / 61_000
    assert done.most_out == 1000
    assert "send 200 at 99.99 rest" in done.story()
    empty = replay(SHIPPED["twap"], asked("twap", limit=1), steady(0, 601))
    assert empty.average_px is None
    assert empty.rate == 0


def test_an_order_that_cannot_be_worked_is_refused() -> None:
    with pytest.raises(InvalidOrder, match="no volume curve"):
        replay(SHIPPED["vwap"], asked("vwap"), steady(0, 3))
    with pytest.raises(InvalidOrder, match="slices"):
        replay(SHIPPED["twap"], asked("twap", slices=0), steady(0, 3))
