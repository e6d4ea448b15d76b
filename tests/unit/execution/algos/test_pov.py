"""POV: a part of the others' volume, a fixed point, never a runaway."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.amounts import Px, Qty
from floorbroker.execution.algos.working import most_at
from floorbroker.execution.catalog import SHIPPED
from floorbroker.execution.kit import FillRules, Step, replay
from tests.unit.execution.views import (
    S,
    again,
    answer,
    asked,
    child,
    market,
    news,
    parent,
    replaces,
)


def test_a_tenth_is_a_ninth_of_the_others() -> None:
    view = parent(asked("pov", 5000, rate="0.1"))
    decision = answer(view, market(volume=9000), 30)
    assert news(decision) == [("1000", "99.99")]
    assert decision.target == Qty(1000)


def test_own_prints_on_the_tape_do_not_move_the_target() -> None:
    view = parent(asked("pov", 5000, rate="0.1"), filled=1000)
    decision = answer(view, market(volume=10_000, own_volume=1000), 60)
    assert (decision.commands, decision.target) == ((), Qty(1000))


def test_volume_counts_when_its_bucket_is_over() -> None:
    view = parent(asked("pov", 5000, rate="0.1", bucket_s=30))
    assert news(answer(view, market(volume=900), 0)) == []
    first = answer(view, market(volume=900), 30)
    assert (news(first), first.wake_ns) == ([("100", "99.99")], 60 * S)
    view = again(view, first, filled=Qty(100))
    assert news(answer(view, market(volume=9000), 59)) == []
    assert news(answer(view, market(volume=9000), 60)) == [("900", "99.99")]


def test_what_is_out_counts_as_done() -> None:
    out = child(0, 600, "99.99", tag="rest", decided_ns=30 * S, priced_ns=30 * S)
    view = parent(asked("pov", 5000, rate="0.1"), out, filled=100)
    assert news(answer(view, market(volume=9000), 31)) == [("300", "99.99")]


def test_behind_its_least_rate_it_crosses() -> None:
    out = child(0, 100, "99.99", tag="rest", decided_ns=30 * S, priced_ns=30 * S)
    view = parent(asked("pov", 5000, rate="0.1", min_rate="0.05"), out, filled=400)
    decision = answer(view, market(volume=9000), 31)
    assert replaces(decision) == [("0", "100.01")]
    assert news(decision) == [("500", "100.01")]
    assert news(answer(parent(view.request, filled=480), market(volume=9000), 31)) == [
        ("520", "99.99")
    ]


def test_it_ends_with_its_time_and_not_with_its_quantity() -> None:
    view = parent(asked("pov", 5000, rate="0.1"), filled=990)
    assert news(answer(view, market(volume=9000), 599)) == [("10", "99.99")]
    cleaning = parent(asked("pov", 5000, rate="0.1", cleanup_s=30), filled=990)
    assert news(answer(cleaning, market(volume=9000), 599)) == [("4010", "100.5")]


def test_a_busted_print_does_not_turn_the_target_back() -> None:
    view = parent(asked("pov", 5000, rate="0.1"))
    view = again(view, answer(view, market(volume=9000), 30))
    assert answer(view, market(volume=4500), 60).target == Qty(1000)


@given(st.integers(0, 10**9), st.integers(1, 99))
def test_own_and_others_never_exceed_the_rate(others: int, percent: int) -> None:
    rate = Qty(percent).decimal / 100
    own = most_at(rate, Qty(others)).decimal
    assert own <= rate * (own + others)
    assert own + 1 > rate * (own + 1 + others) - 1  # and no share less than can be


@pytest.mark.parametrize("prints_own", [False, True])
@pytest.mark.parametrize("rate", ["0.05", "0.2", "0.5"])
def test_on_a_tape_with_or_without_its_own_prints_the_rate_is_kept(
    rate: str, prints_own: bool
) -> None:
    steps = [
        Step(
            time_ns=second * S,
            bid=Px("99.99"),
            ask=Px("100.01"),
            bid_qty=Qty(10_000),
            ask_qty=Qty(10_000),
            volume=Qty(100),
            last=Px("99.99"),
        )
        for second in range(1200)
    ]
    request = asked("pov", 10**6, until_s=1199, rate=rate, style="cross")
    run = replay(SHIPPED["pov"], request, steps, rules=FillRules(prints_own=prints_own))
    assert run.rate <= Qty(rate)
    assert run.rate > Qty(rate) * Qty("0.95").decimal
