"""Almgren et al. 2005, the square root law and I-Star against their printed numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.errors import InvalidModel
from floorbroker.pretrade.costs import i_star, market_impact
from floorbroker.pretrade.costs.i_star import Fit
from floorbroker.pretrade.costs.market_impact import impact
from floorbroker.pretrade.costs.square_root import cost_bps

IBM = market_impact.Trade(
    shares=656_100, adv=6.561e6, shares_outstanding=1.728e9, daily_vol=0.0157, days=0.1
)
KISSELL = i_star.Trade(shares=100_000, adv=1e6, annual_vol=0.25, pov=0.2)


@pytest.mark.parametrize(
    ("days", "scaled", "temporary", "realized", "exact"),
    [
        (0.1, "0.142", "22", "32", "32.22"),
        (0.2, "0.094", "15", "25", "24.64"),
        (0.5, "0.054", "8", "18", "18.42"),
    ],
)
def test_the_table_of_the_paper_comes_out(
    days: float, scaled: str, temporary: str, realized: str, exact: str
) -> None:
    found = impact(replace(IBM, days=days))
    assert f"{found.permanent_bps:.2f}" == "19.86"
    assert f"{found.permanent_bps / 157:.3f}" == "0.126"
    assert f"{found.temporary_bps / 157:.3f}" == scaled
    assert f"{found.temporary_bps:.0f}" == temporary
    assert f"{found.realized_bps:.0f}" == realized
    assert f"{found.realized_bps:.2f}" == exact


@given(st.floats(1, 1e7), st.floats(1.01, 10))
def test_more_shares_move_more_and_more_time_moves_less(shares: float, factor: float) -> None:
    here = impact(replace(IBM, shares=shares))
    more = impact(replace(IBM, shares=shares * factor))
    slow = impact(replace(IBM, shares=shares, days=0.1 * factor))
    assert more.realized_bps > here.realized_bps > slow.realized_bps
    assert slow.permanent_bps == here.permanent_bps


@pytest.mark.parametrize(
    ("part", "bps"), [(0.001, "6.32"), (0.01, "20.00"), (0.05, "44.72"), (0.1, "63.25")]
)
def test_the_square_root_law_gives_the_printed_costs(part: float, bps: str) -> None:
    assert f"{cost_bps(part * 1e6, 1e6, 0.02):.2f}" == bps


def test_the_prefactor_scales_the_square_root_law() -> None:
    assert cost_bps(1e4, 1e6, 0.02, prefactor=0.5) == pytest.approx(10)


def test_i_star_gives_the_printed_numbers() -> None:
    found = i_star.cost(KISSELL)
    assert f"{found.instantaneous_bps:.3f}" == "74.571"
    assert f"{found.impact_bps:.3f}" == "34.174"
    assert f"{found.timing_risk_bps:.3f}" == "57.735"


@given(st.floats(0.01, 0.9), st.floats(1.01, 1.1))
def test_a_faster_i_star_costs_more_and_risks_less(pov: float, factor: float) -> None:
    slow = i_star.cost(replace(KISSELL, pov=pov))
    fast = i_star.cost(replace(KISSELL, pov=pov * factor))
    assert fast.impact_bps > slow.impact_bps
    assert fast.timing_risk_bps < slow.timing_risk_bps
    assert slow.impact_bps < slow.instantaneous_bps


@pytest.mark.parametrize(
    ("field", "value"), [("a1", 99.0), ("a2", 1.1), ("a3", 0.05), ("a4", 2.0), ("b1", 0.6)]
)
def test_a_fit_beyond_its_bounds_is_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidModel, match=f"{field}: .* must lie from"):
        Fit(**{field: value})


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_no_model_takes_what_is_no_size(value: float) -> None:
    for field in ("shares", "adv", "shares_outstanding", "daily_vol", "days"):
        with pytest.raises(InvalidModel, match=field):
            replace(IBM, **{field: value})
    for field in ("shares", "adv", "annual_vol", "pov"):
        with pytest.raises(InvalidModel, match=field):
            replace(KISSELL, **{field: value})
    for sizes in ((value, 1.0, 1.0), (1.0, value, 1.0), (1.0, 1.0, value)):
        with pytest.raises(InvalidModel):
            cost_bps(*sizes)
