"""A whole is shared out by largest remainder, and the sum is exact."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.numbers.apportion import apportioned


def of(*numbers: int | str) -> list[Decimal]:
    return [Decimal(number) for number in numbers]


@pytest.mark.parametrize(
    ("total", "sizes", "parts"),
    [
        (333, of(500, 300, 200), [166, 100, 67]),
        (10_007, of(1, 1, 1, 1, 1, 1), [1668] * 5 + [1667]),
        (1000, of(".10443", ".06602", ".05784", ".05010", ".04201"), [326, 206, 181, 156, 131]),
        (0, of(0, 0), [0, 0]),
        (-333, of(500, 300, 200), [-166, -100, -67]),
    ],
)
def test_the_printed_examples_come_out(total: int, sizes: list[Decimal], parts: list[int]) -> None:
    assert list(apportioned(Decimal(total), sizes)) == parts


def test_lots_are_kept_whole() -> None:
    parts = apportioned(Decimal(1_000_000), of(2, 1, 4), step=Decimal(100))
    assert list(parts) == [285_700, 142_900, 571_400]


@given(
    st.integers(0, 10**9),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any),
    st.sampled_from(["1", "100", "0.000000001"]),
)
def test_the_sum_is_exact_and_no_part_is_off_by_a_step(
    steps: int, sizes: list[int], step: str
) -> None:
    total = steps * Decimal(step)
    parts = apportioned(total, of(*sizes), step=Decimal(step))
    assert sum(parts) == total
    for size, part in zip(sizes, parts, strict=True):
        assert part % Decimal(step) == 0
        assert abs(part - total * size / sum(sizes)) < Decimal(step)


def test_what_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(ValueError, match="every size is 0"):
        apportioned(Decimal(1), of(0, 0))
    with pytest.raises(ValueError, match="no multiple of 100"):
        apportioned(Decimal(150), of(1, 1), step=Decimal(100))
    with pytest.raises(ValueError, match="is negative"):
        apportioned(Decimal(1), of(1, -1))
