"""A whole in parts: the printed examples, exact sums, and who gets the rest."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.numbers.apportion import apportioned

SIZES = st.lists(st.decimals(0, 10**6, places=4), min_size=1, max_size=30).filter(any)


def parts(total: str, sizes: list[str], **options: str) -> list[int]:
    found = apportioned(Decimal(total), [Decimal(size) for size in sizes], **options)  # type: ignore[arg-type]  # seeds alone
    return [int(part) for part in found]


def test_333_among_500_300_and_200() -> None:
    assert parts("333", ["500", "300", "200"]) == [166, 100, 67]


def test_10007_in_six_equal_slices() -> None:
    assert parts("10007", ["1"] * 6) == [1668] * 5 + [1667]


def test_1000_along_a_volume_curve() -> None:
    curve = [".10443", ".06602", ".05784", ".05010", ".04201"]
    assert parts("1000", curve) == [326, 206, 181, 156, 131]


def test_a_seed_draws_among_equals_the_same_ones_each_time() -> None:
    drawn = [tuple(parts("1", ["1", "1", "1"], seed=f"block-{number}")) for number in range(60)]
    assert drawn == [tuple(parts("1", ["1"] * 3, seed=f"block-{n}")) for n in range(60)]
    assert {part.index(1) for part in drawn} == {0, 1, 2}


def test_a_seed_does_not_take_from_a_larger_remainder() -> None:
    for number in range(20):
        assert parts("333", ["500", "300", "200"], seed=str(number)) == [166, 100, 67]


@given(total=st.integers(-(10**9), 10**9), sizes=SIZES, step=st.sampled_from(["1", "0.01", "100"]))
def test_parts_add_up_and_stay_within_a_step(total: int, sizes: list[Decimal], step: str) -> None:
    whole = total * Decimal(step)
    found = apportioned(whole, sizes, step=Decimal(step))
    assert sum(found) == whole
    for part, size in zip(found, sizes, strict=True):
        assert abs(part - whole * size / sum(sizes)) < Decimal(step) * Decimal("1.000001")
        assert part % Decimal(step) == 0
        assert part == 0 or size > 0


@pytest.mark.parametrize(
    ("total", "sizes", "text"),
    [
        ("1.5", ["1"], "total: 1.5 is no multiple of 1"),
        ("1", ["0", "0"], "total: 1 cannot be shared out; every size is 0"),
        ("1", ["1", "-1"], "sizes: -1 is negative; each must be 0 or more"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(total: str, sizes: list[str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parts(total, sizes)


def test_nothing_among_nobody_is_nothing() -> None:
    assert parts("0", ["0", "0"]) == [0, 0]


def test_lots_are_kept_whole() -> None:
    sizes = [Decimal(size) for size in (2, 1, 4)]
    found = apportioned(Decimal(1_000_000), sizes, step=Decimal(100))
    assert list(found) == [285_700, 142_900, 571_400]
