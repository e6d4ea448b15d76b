"""Parts in whole lots, by largest remainder: the printed examples, and the sum always."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.errors import InvalidModel
from floorbroker.pretrade.costs.lots import apportioned


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        (333, [500, 300, 200], [166, 100, 67]),
        (10_007, [1] * 6, [1668] * 5 + [1667]),
        (1000, [0.10443, 0.06602, 0.05784, 0.05010, 0.04201], [326, 206, 181, 156, 131]),
    ],
)
def test_the_printed_examples_come_out(whole: int, weights: list[float], parts: list[int]) -> None:
    assert apportioned(whole, weights) == parts


def test_what_is_no_whole_lot_goes_to_the_last_part_that_has_a_weight() -> None:
    assert apportioned(1050, [1, 1, 0], 100) == [500, 550, 0]


@given(
    st.integers(0, 10**9),
    st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda found: sum(found) > 0),
    st.integers(1, 1000),
)
def test_the_parts_are_the_whole_and_near_their_shares(
    whole: int, weights: list[float], lot: int
) -> None:
    parts = apportioned(whole, weights, lot)
    assert sum(parts) == whole
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - whole * weight / sum(weights)) < 2 * lot + 1e-6 * whole
        assert weight or not part


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, float("nan")], []])
def test_weights_that_weigh_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(InvalidModel, match="weight"):
        apportioned(10, weights)
