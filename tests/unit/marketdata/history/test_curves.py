"""Volume curves are the mean and the median of earlier days, to the printed digits."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.marketdata.history.curves import (
    daily_volatility,
    mean_curve,
    median_curve,
    next_slice,
    reestimated,
    share_error,
    shares_of,
    uniform_curve,
    widened,
)

D = Decimal


@pytest.fixture(scope="session")
def apple_2019(recorded_data: Path) -> list[list[Decimal]]:
    """Volumes of 26 bins of 15 minutes on 124 days."""
    folder = recorded_data / "volume_aapl_15min_2019"
    if not folder.is_dir():
        pytest.skip(f"the 15-minute volumes are not here ({folder})")
    (path,) = folder.glob("*.csv")
    rows = list(csv.reader(path.read_text().splitlines()))[1:]
    return [[D(cell) for cell in column] for column in list(zip(*rows, strict=True))[1:]]


def test_the_mean_curve_of_twenty_days_has_the_published_ends(
    apple_2019: list[list[Decimal]],
) -> None:
    curve = [f"{share:.5f}" for share in mean_curve(apple_2019[:20])]
    assert len(curve) == 26
    assert curve[:5] == ["0.10443", "0.06602", "0.05784", "0.05010", "0.04201"]
    assert curve[-3:] == ["0.03261", "0.04116", "0.07868"]


def test_trailing_curves_miss_by_the_published_errors(apple_2019: list[list[Decimal]]) -> None:
    tested = range(20, 124)

    def error_of(curves: dict[int, tuple[Decimal, ...]]) -> str:
        errors = [share_error(curves[number], apple_2019[number]) for number in tested]
        return f"{sum(errors) / len(errors):.4f}"

    before = {number: apple_2019[number - 20 : number] for number in tested}
    assert error_of(dict.fromkeys(tested, uniform_curve(26))) == "0.4788"
    assert error_of({number: mean_curve(days) for number, days in before.items()}) == "0.2148"
    assert error_of({number: median_curve(days) for number, days in before.items()}) == "0.2135"


def test_one_odd_day_moves_the_mean_and_not_the_median() -> None:
    days = [[D(1), D(3)], [D(1), D(3)], [D(9), D(1)]]
    assert median_curve(days) == (D("0.25"), D("0.75"))
    assert mean_curve(days)[0] > D("0.25")


def test_every_day_weighs_the_same_in_a_mean() -> None:
    assert mean_curve([[D(1), D(1)], [D(3000), D(1000)]]) == (D("0.625"), D("0.375"))


@pytest.mark.parametrize("days", [[], [[D(1), D(2)], [D(1)]], [[D(0), D(0)]]])
def test_no_curve_is_made_of_days_that_make_none(days: list[list[Decimal]]) -> None:
    with pytest.raises(ValueError, match=r"right is|leave out"):
        mean_curve(days)


volumes = st.lists(st.integers(0, 10**7).map(D), min_size=2, max_size=30)
traded = st.lists(st.integers(1, 10**7).map(D), min_size=2, max_size=30)


@given(traded)
def test_shares_sum_to_one(day: list[Decimal]) -> None:
    assert abs(sum(shares_of(day), D(0)) - 1) < D("1e-20")


@given(volumes, st.integers(1, 10**6).map(D))
def test_slices_of_what_is_left_leave_nothing(day: list[Decimal], qty: Decimal) -> None:
    left = qty
    for number in range(len(day)):
        slice_qty = next_slice(left, day, number)
        assert 0 <= slice_qty <= left
        left -= slice_qty
    assert abs(left) < D("1e-15")


def test_the_next_slice_is_its_part_of_what_is_still_expected() -> None:
    assert next_slice(D(600), [D(5), D(1), D(2)], 1) == 200
    with pytest.raises(ValueError, match="right is 0 to 2"):
        next_slice(D(600), [D(5), D(1), D(2)], 3)


def test_a_reestimate_keeps_the_shape_ahead_and_the_scale_of_today() -> None:
    expected = [D(100), D(50), D(150)]
    assert reestimated(expected, [D(200)]) == (D(200) / 600, D(100) / 600, D(300) / 600)
    assert reestimated(expected, []) == shares_of(expected)
    assert reestimated(expected, [D(0)]) == shares_of(expected)


def test_bins_are_widened_whole() -> None:
    assert widened([D(1), D(2), D(3), D(4), D(5)], 2) == [3, 7, 5]


def test_volatility_is_that_of_log_returns_and_needs_two() -> None:
    assert daily_volatility([D(100), D(101)]) is None
    found = daily_volatility([D(100), D(110), D(100)])
    assert found is not None
    assert f"{found:.6f}" == "0.134789"  # ln 1.1 times the square root of 2
    assert daily_volatility([D(100), D(100), D(100)]) == 0
