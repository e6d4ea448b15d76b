"""TWAP: even slices whose sizes sum to the quantity, released in time, worked patiently."""

from decimal import Decimal
from itertools import pairwise

import pytest

from floorbroker.domain.amounts import Qty
from floorbroker.execution.algos.port import ChildState
from floorbroker.execution.catalog import SHIPPED
from tests.unit.execution.views import (
    SELL,
    S,
    again,
    answer,
    asked,
    cancels,
    child,
    market,
    news,
    parent,
    replaces,
)


def test_the_plan_is_even_and_sums_to_the_quantity() -> None:
    plan = SHIPPED["twap"].plan
    assert plan is not None
    points = plan(parent(asked("twap", 10_007, slices=6)), market())
    assert [point.time_ns // S for point in points] == [0, 100, 200, 300, 400, 500]
    assert [int(point.qty) for point in points] == [1668, 3336, 5004, 6672, 8340, 10_007]


def test_a_slice_rests_at_the_near_touch() -> None:
    bought = answer(parent(asked("twap", slices=5)), market(), 0)
    assert news(bought) == [("200", "99.99")]
    assert bought.target == Qty(200)
    assert bought.wake_ns == 120 * S
    sold = answer(parent(asked("twap", slices=5, side=SELL)), market(), 0)
    assert news(sold) == [("200", "100.01")]


def test_a_slice_is_sent_once_however_often_it_is_asked() -> None:
    view = parent(asked("twap", slices=5))
    first = answer(view, market(), 0)
    out = child(0, 200, "99.99", state=ChildState.PENDING, tag="rest")
    view = again(view, first, children=(out,))
    assert answer(view, market(), 1).commands == ()
    assert answer(again(view, first, children=(), filled=Qty(200)), market(), 60).commands == ()


def test_a_child_that_rested_long_enough_crosses() -> None:
    out = child(0, 200, "99.99", tag="rest")
    view = parent(asked("twap", slices=5, patience_s=40), out)
    assert replaces(answer(view, market(), 39)) == []
    assert replaces(answer(view, market(), 40)) == [("0", "100.01")]


def test_a_child_follows_a_market_that_left_it_but_not_at_every_tick() -> None:
    out = child(0, 200, "99.99", tag="rest")
    view = parent(asked("twap", slices=5, requote_s=5), out)
    assert replaces(answer(view, market("100.03", "100.05"), 4)) == []
    assert replaces(answer(view, market("100.03", "100.05"), 5)) == [("0", "100.03")]
    assert replaces(answer(view, market("99.90", "99.92"), 5)) == []  # it stands better already


def test_what_a_slice_did_not_get_done_rolls_into_the_next() -> None:
    view = parent(asked("twap", slices=5), filled=120)
    assert news(answer(view, market(), 120)) == [("280", "99.99")]


def test_what_is_still_out_is_not_sent_again_with_the_next_slice() -> None:
    out = child(0, 200, "100.01", tag="cross", cum_qty=120, decided_ns=119 * S, priced_ns=119 * S)
    view = parent(asked("twap", slices=5), out, filled=120)
    assert news(answer(view, market(), 120)) == [("200", "99.99")]


def test_after_an_outage_the_schedule_is_caught_up_in_bounded_steps() -> None:
    request = asked("twap", slices=10, catch_up=2)
    view = parent(request, filled=100)
    late = answer(view, market(), 400)  # slice 7: 400 late
    assert news(late) == [("200", "99.99")]
    assert late.target == 300
    spread = parent(asked("twap", slices=10, late="spread"), filled=100)
    assert news(answer(spread, market(), 400)) == [("225", "99.99")]  # 900 over four slices


def test_near_the_end_everything_left_crosses_up_to_the_cap() -> None:
    out = child(0, 200, "99.99", tag="rest", decided_ns=530 * S, priced_ns=530 * S)
    view = parent(asked("twap", slices=5, cleanup_s=60, cleanup_bps=10), out, filled=500)
    cleaning = answer(view, market(), 540)
    assert news(cleaning) == [("300", "100.1")]  # the midpoint and ten basis points
    assert replaces(cleaning) == [("0", "100.1")]
    limited = parent(asked("twap", slices=5, limit="100.05"), filled=500)
    assert news(answer(limited, market(), 540)) == [("500", "100.05")]
    sold = parent(asked("twap", slices=5, side=SELL, cleanup_bps=10), filled=500)
    assert news(answer(sold, market(), 540)) == [("500", "99.9")]


def test_a_limit_is_never_exceeded_and_children_rest_at_it() -> None:
    view = parent(asked("twap", slices=5, limit="99.50", style="cross"))
    assert news(answer(view, market(), 0)) == [("200", "99.5")]


def test_clips_and_units_bound_each_child() -> None:
    assert news(answer(parent(asked("twap", 1000, slices=2, max_clip=150)), market(), 0)) == [
        ("150", "99.99")
    ]
    assert news(answer(parent(asked("twap", 1000, slices=3, unit=100)), market(), 0)) == [
        ("400", "99.99")
    ]
    small = parent(asked("twap", 100, slices=10, min_clip=30))
    assert news(answer(small, market(), 0)) == []
    assert news(answer(small, market(), 120)) == [("30", "99.99")]


def test_the_volume_caps_what_is_done() -> None:
    view = parent(asked("twap", slices=1, max_rate="0.1"), filled=40)
    assert news(answer(view, market(volume=900), 1)) == [("60", "99.99")]
    capped = answer(view, market(volume=360), 1)
    assert (news(capped), capped.why) == ([], "at 10% of the volume")
    own = market(volume=1000, own_volume=100)
    assert news(answer(view, own, 1)) == [("60", "99.99")]


def test_a_welcome_price_is_taken_as_far_as_it_is_shown() -> None:
    view = parent(asked("twap", slices=5, would="99.50"))
    assert news(answer(view, market("99.49", "99.50", ask_qty=700), 0)) == [("700", "99.5")]
    assert news(answer(view, market("99.50", "99.51"), 0)) == [("200", "99.5")]


def test_a_passive_order_rests_until_the_cleanup() -> None:
    out = child(0, 200, "99.99", tag="rest")
    view = parent(asked("twap", slices=5, style="passive"), out)
    assert replaces(answer(view, market(), 100)) == []
    assert replaces(answer(view, market(), 540)) == [("0", "100.5")]


def test_a_small_lag_is_tolerated() -> None:
    out = child(0, 200, "99.99", tag="rest", cum_qty=150)
    view = parent(asked("twap", slices=5, tolerance="0.05"), out, filled=150)
    assert replaces(answer(view, market(), 40)) == []
    view = parent(asked("twap", slices=5, tolerance="0.04"), out, filled=150)
    assert replaces(answer(view, market(), 40)) == [("0", "100.01")]


def test_times_and_sizes_vary_with_the_seed_alone() -> None:
    plan = SHIPPED["twap"].plan
    assert plan is not None
    told = {
        seed: plan(
            parent(asked("twap", slices=5, vary_size="0.3", vary_time="0.5", seed=seed)), market()
        )
        for seed in (1, 2)
    }
    assert told[1] != told[2]
    for points in told.values():
        sums = [0, *(int(point.qty) for point in points)]
        sizes = [later - earlier for earlier, later in pairwise(sums)]
        assert sum(sizes) == 1000
        assert all(100 <= size <= 300 for size in sizes)
        for place, point in enumerate(points):
            assert place * 120 * S <= point.time_ns < (place * 120 + 60) * S
    same = parent(asked("twap", slices=5, vary_size="0.3", vary_time="0.5", seed=1))
    assert plan(same, market()) == told[1]


def test_fractions_are_worked_whole_until_the_last_slice() -> None:
    shown = market(lot=Decimal("0.000000001"))
    view = parent(asked("twap", "10.5", slices=2))
    assert news(answer(view, shown, 0)) == [("5", "99.99")]
    last = again(view, answer(view, shown, 0), filled=Qty(5))
    assert news(answer(last, shown, 300)) == [("5.5", "99.99")]


def test_a_child_of_a_fraction_is_canceled_where_another_would_be_replaced() -> None:
    out = child(0, "5.5", "99.99", tag="rest")
    decision = answer(parent(asked("twap", "10.5", slices=1), out, filled=5), market(), 40)
    assert (cancels(decision), replaces(decision)) == (["0"], [])


@pytest.mark.parametrize("state", [ChildState.PENDING, ChildState.UNKNOWN])
def test_a_child_whose_fate_is_open_is_neither_repeated_nor_touched(state: ChildState) -> None:
    out = child(0, 200, "99.99", tag="rest", state=state)
    view = parent(asked("twap", slices=5), out)
    decision = answer(view, market(), 119)
    assert (decision.commands, decision.withheld) == ((), ())
    assert news(answer(view, market(), 120)) == [("200", "99.99")]


def test_a_replaced_order_is_planned_anew_at_once() -> None:
    view = parent(asked("twap", slices=5))
    first = answer(view, market(), 0)
    larger = parent(asked("twap", 2000, slices=5), filled=200, revision=1, memo=first.memo)
    assert news(answer(larger, market(), 60)) == [("200", "99.99")]


def test_too_many_children_wait_for_one_another() -> None:
    out = [child(n, 1, "99.99", tag="rest", decided_ns=60 * S, priced_ns=60 * S) for n in range(8)]
    decision = answer(parent(asked("twap", slices=5), *out), market(), 61)
    assert (news(decision), decision.why) == ([], "8 children are out")
