"""The fill model's arithmetic."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.exchange.matching.fills import (
    OPTIMISTIC,
    PESSIMISTIC,
    PROBABILISTIC,
    FillRules,
    after_level_change,
    after_print,
    aggressor_of,
)

D = Decimal
SIZES = st.integers(0, 1000).map(D)


@pytest.mark.parametrize(
    ("power", "expected"), [(1, "48.0"), (2, "46.153846"), (3, "44.571429"), (0, "49.492230")]
)
def test_probabilistic_queue_gives_the_published_numbers(power: int, expected: str) -> None:
    """60 before us of 100; the level drops to 80 without a trade."""
    rules = FillRules(queue=PROBABILISTIC, queue_power=power)
    ahead = after_level_change(rules, D(60), before=D(100), after=D(80), traded=D(0))
    assert ahead.quantize(D("0.000001")) == D(expected)


@pytest.mark.parametrize("power", [0, 1, 2, 3])
def test_probabilistic_queue_does_not_count_a_trade_twice(power: int) -> None:
    """A trade of 10 first: 50 before us, and of the 20 that are gone only 10 were cancels."""
    rules = FillRules(queue=PROBABILISTIC, queue_power=power)
    ahead, left = after_print(D(60), D(10))
    assert (ahead, left) == (D(50), D(0))
    assert after_level_change(rules, ahead, before=D(100), after=D(80), traded=D(10)) == 45


@given(ahead=SIZES, behind=SIZES, after=SIZES, traded=SIZES)
def test_queue_models_only_advance_and_are_ordered(
    ahead: Decimal, behind: Decimal, after: Decimal, traded: Decimal
) -> None:
    left = {
        queue: after_level_change(
            FillRules(queue=queue), ahead, before=ahead + behind, after=after, traded=traded
        )
        for queue in (PESSIMISTIC, PROBABILISTIC, OPTIMISTIC)
    }
    assert all(0 <= each <= min(ahead, after) for each in left.values())
    assert left[OPTIMISTIC] <= left[PROBABILISTIC] <= left[PESSIMISTIC]


@pytest.mark.parametrize("queue", [PESSIMISTIC, PROBABILISTIC, OPTIMISTIC])
def test_a_level_seen_for_the_first_time_is_all_before_us(queue: str) -> None:
    rules = FillRules(queue=queue)
    assert after_level_change(rules, None, before=None, after=D(70), traded=D(0)) == 70


@pytest.mark.parametrize(
    ("px", "bid", "ask", "expected"),
    [
        ("10", "10", "10.02", "sell"),
        ("10.02", "10", "10.02", "buy"),
        ("10.01", "10", "10.02", ""),
        ("10", "10", None, "sell"),
        ("10.01", "10", None, ""),
        ("10.02", None, "10.02", "buy"),
        ("10", None, None, ""),
    ],
)
def test_aggressor_is_judged_by_the_nearer_side(
    px: str, bid: str | None, ask: str | None, expected: str
) -> None:
    sides = [None if each is None else D(each) for each in (bid, ask)]
    assert aggressor_of(D(px), sides[0], sides[1]) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("queue", "hopeful"),
        ("crossing_px", "mid"),
        ("renewal", "never"),
        ("queue_power", -1),
        ("paper_partial_percent", 100),
    ],
)
def test_a_wrong_switch_is_named(field: str, value: str | int) -> None:
    with pytest.raises(ValueError, match=f"{field} is '?{value}'?; it must be"):
        FillRules(**{field: value})  # type: ignore[arg-type]  # wrong on purpose
