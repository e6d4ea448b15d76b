"""Slices, draws and prices: exact sums, the same chance twice, ticks on the right side."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.instrument import is_on_tick, tick_of
from floorbroker.domain.terms import Side
from floorbroker.execution.mechanics import draws, prices
from floorbroker.execution.mechanics.schedule import Late, Policy, Slices, target_of
from floorbroker.execution.mechanics.slices import (
    count_of,
    edges_of,
    sized,
    spread_part,
    sums_of,
    volume_between,
)

D = Decimal
ONE = D(1)


def test_a_quantity_in_even_slices_has_the_printed_sizes() -> None:
    assert list(sized(Qty(10_007), (ONE,) * 6, ONE, ONE)) == [1668] * 5 + [1667]


def test_a_fraction_of_a_share_goes_to_the_last_slice_that_trades() -> None:
    lot = D("0.000000001")
    assert sized(Qty("10.5"), (ONE, ONE, D(0)), ONE, lot) == (Qty(5), Qty("5.5"), Qty(0))


def test_less_than_a_share_is_cut_in_the_smallest_lots() -> None:
    parts = sized(Qty("0.5"), (ONE, ONE), ONE, D("0.000000001"))
    assert parts == (Qty("0.25"), Qty("0.25"))


@given(
    st.integers(1, 10**7),
    st.lists(st.decimals("0", "1", places=6), min_size=1, max_size=40).filter(any),
    st.sampled_from([1, 7, 100]),
)
def test_slices_sum_to_the_quantity_and_never_fall_back(
    qty: int, weights: list[Decimal], unit: int
) -> None:
    parts = sized(Qty(qty), tuple(weights), D(unit), ONE)
    sums = sums_of(parts)
    assert sums[-1] == qty
    assert list(sums) == sorted(sums)
    assert all(part >= 0 for part in parts)


def test_slices_meet_without_a_gap_to_the_nanosecond() -> None:
    assert edges_of(10, 20, 3) == (10, 13, 16, 20)
    assert count_of(0, 100, 30) == 3
    assert count_of(0, 1, 1000) == 1


def test_half_a_bin_is_half_its_volume() -> None:
    edges, shares = (0, 100, 300), (D(6), D(4))
    assert volume_between(edges, shares, 0, 300) == 10
    assert volume_between(edges, shares, 50, 200) == 5
    assert volume_between(edges, shares, 300, 900) == 0


def test_what_is_late_rolls_into_the_next_slice_but_not_without_bound() -> None:
    slices = Slices(releases_ns=tuple(range(10)), weights=(ONE,) * 10, unit=ONE, lot=ONE)
    roll = Policy(late=Late.ROLL, catch_up=D(3))
    whole = Qty(1000)
    assert target_of(slices, 1, (whole, Qty(50)), roll) == 200  # 50 are late and roll
    assert (
        target_of(slices, 6, (whole, Qty(100)), roll) == 400
    )  # 500 are late: three slices' worth
    assert target_of(slices, 9, (whole, Qty(100)), roll) == 1000  # the last takes everything
    assert target_of(slices, 1, (whole, Qty(350)), roll) == 350  # ahead: nothing is taken back


def test_what_is_late_is_spread_over_all_that_is_left() -> None:
    slices = Slices(
        releases_ns=tuple(range(5)), weights=tuple(map(D, (5, 1, 2, 1, 1))), unit=ONE, lot=ONE
    )
    spread = Policy(late=Late.SPREAD, catch_up=ONE)
    assert target_of(slices, 2, (Qty(1000), Qty(200)), spread) == 200 + 400
    assert spread_part(Qty(800), tuple(map(D, (2, 1, 1))), ONE, ONE) == 400
    assert spread_part(Qty(10), (D(0), D(0)), ONE, ONE) == 10


def test_the_same_seed_and_place_draw_the_same_for_ever() -> None:
    assert draws.drawn(0) == 16294208416658607535  # SplitMix64's published first outputs
    assert draws.drawn(1234567) == 6457827717110365317
    assert [draws.drawn(7, place) % 1000 for place in range(5)] == [221, 366, 526, 607, 934]
    assert draws.drawn(7, 1, 2) != draws.drawn(7, 2, 1)
    assert draws.drawn(7, 1) != draws.drawn(8, 1)


def test_draws_are_even() -> None:
    drawn = [draws.part(3, place) for place in range(10_000)]
    assert abs(sum(drawn, D(0)) / len(drawn) - D("0.5")) < D("0.01")
    assert all(0 <= part < 1 for part in drawn)
    tenths = [sum(1 for part in drawn if int(part * 10) == tenth) for tenth in range(10)]
    assert all(900 < count < 1100 for count in tenths)


@given(st.integers(0, 2**70), st.decimals("0", "1", places=3), st.integers(0, 10**6))
def test_a_draw_around_one_stays_within_its_width(seed: int, width: Decimal, place: int) -> None:
    assert 1 - width <= draws.around_one(width, seed, place) <= 1 + width


@pytest.mark.parametrize(
    ("side", "px", "legal"),
    [
        ("buy", "100.005", "100.00"),  # half a cent is no price above a dollar
        ("sell", "100.005", "100.01"),
        ("buy", "0.12345", "0.1234"),
        ("sell", "0.12345", "0.1235"),
        ("buy", "100.01", "100.01"),
    ],
)
def test_a_price_moves_to_the_tick_that_is_no_worse(side: str, px: str, legal: str) -> None:
    found = prices.on_tick(Side(side), Px(px), tick_of(Px(px)))
    assert found == Px(legal)
    assert is_on_tick(found)


def test_worse_is_higher_for_a_buy_and_lower_for_a_sell() -> None:
    assert prices.is_worse(Side.BUY, Px(2), Px(1))
    assert prices.is_worse(Side.SELL, Px(1), Px(2))
    assert prices.better_of(Side.BUY, Px(2), None, Px(1)) == 1
    assert prices.better_of(Side.SELL, Px(2), None, Px(1)) == 2
    assert prices.through(Side.SELL, Px(2), D("0.5")) == D("1.5")
