"""The frontier bends the right way, and its least value at risk is the printed one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.errors import InvalidModel
from floorbroker.pretrade.costs.almgren_chriss import solve
from floorbroker.pretrade.costs.frontier import (
    frontier,
    least_value_at_risk,
    quantile,
    value_at_risk,
)
from tests.unit.pretrade_costs.test_almgren_chriss import PAPER, averse

#: The quantile of 95 % as tables round it; the printed figures are of this one.
Z = 1.645


def test_the_least_value_at_risk_of_the_example_is_the_printed_one() -> None:
    aversion, best = least_value_at_risk(PAPER, Z)
    assert f"{value_at_risk(best, Z):.0f}" == "1877207"
    assert f"{aversion * 1e6:.1f}" == "1.7"
    assert f"{value_at_risk(solve(PAPER), Z):.0f}" == "2374407"


def test_the_quantile_is_the_normal_law_s() -> None:
    assert quantile(0.95) == pytest.approx(1.6448536)
    assert quantile(0.5) == pytest.approx(0)
    with pytest.raises(InvalidModel, match="confidence"):
        quantile(1.0)


@given(st.floats(1e-8, 1e-3))
def test_no_risk_aversion_has_less_value_at_risk(aversion: float) -> None:
    _, best = least_value_at_risk(PAPER, Z)
    assert value_at_risk(best, Z) <= value_at_risk(solve(averse(aversion)), Z) * (1 + 1e-9)


@pytest.mark.parametrize("intervals", [1, 5, 78, 390])
def test_the_frontier_goes_from_the_straight_line_to_all_at_once(intervals: int) -> None:
    program = replace(PAPER, intervals=intervals)
    points = frontier(program)
    even = solve(program)
    assert points[0].risk_aversion == 0
    assert points[0].expected_cost == pytest.approx(even.expected_cost)
    assert points[0].std_dev == pytest.approx(even.std_dev)
    all_at_once = PAPER.gamma * 1e12 / 2 + 0.0625 * 1e6 + program.eta_tilde / program.tau * 1e12
    assert points[-1].expected_cost == pytest.approx(all_at_once, rel=0.02)
    costs = [point.expected_cost for point in points]
    risks = [point.std_dev for point in points]
    assert costs == sorted(costs)
    assert risks == sorted(risks, reverse=True)


def test_the_frontier_is_convex_in_the_variance() -> None:
    points = frontier(PAPER)
    slopes = [
        (b.expected_cost - a.expected_cost) / (a.std_dev**2 - b.std_dev**2)
        for a, b in pairwise(points)
    ]
    assert slopes == sorted(slopes)
    for slope, point in zip(slopes[1:], points[1:], strict=False):
        assert slope >= point.risk_aversion * (1 - 1e-6)  # lambda is the slope where it stands
