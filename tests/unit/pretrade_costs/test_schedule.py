"""What each algorithm means to do when, and what the models make of it."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.errors import InvalidModel
from floorbroker.pretrade.costs.almgren_chriss import Program, solve
from floorbroker.pretrade.costs.market_impact import Trade, impact
from floorbroker.pretrade.costs.outlook import (
    Conditions,
    Estimate,
    made_linear,
    outlook,
    realized_bps,
    risk_bps,
)
from floorbroker.pretrade.costs.schedule import (
    Field,
    by_rate,
    by_time,
    by_volume,
    by_weights,
    total,
)
from floorbroker.pretrade.costs.volume import DAY_S, Curve, Window, flat

OPEN, CLOSE = 34_200, 57_600
DAY = Window(start_s=OPEN, end_s=CLOSE, slices=13)
CURVE = Curve((OPEN, OPEN + 7200, CLOSE), (3.0, 1.0))
MARKET = Conditions(
    adv=6.561e6, daily_vol=0.0157, shares_outstanding=1.728e9, price=180.0, spread=0.06
)


def field(window: Window = DAY, curve: Curve = flat(OPEN), adv: float = 1e6) -> Field:  # noqa: B008  (frozen)
    return Field(window=window, curve=curve, adv=adv)


def test_a_curve_tells_the_part_of_the_day_between_two_times() -> None:
    assert CURVE.between(OPEN, CLOSE) == 1
    assert CURVE.between(OPEN, OPEN + 3600) == pytest.approx(0.375)
    assert CURVE.between(OPEN + 7200, CLOSE) == pytest.approx(0.25)
    assert CURVE.between(0, OPEN) == 0
    assert flat(OPEN).between(OPEN, OPEN + DAY_S // 4) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("edges", "volumes", "said"),
    [
        ((1, 2, 3), (1.0,), "one edge more"),
        ((1,), (), "one edge more"),
        ((1, 1), (1.0,), "must rise"),
        ((1, 2), (-1.0,), "0 or greater"),
        ((1, 2), (float("nan"),), "finite"),
        ((1, 2), (0.0,), "one bin must have some"),
    ],
)
def test_a_curve_that_is_none_is_refused(
    edges: tuple[int, ...], volumes: tuple[float, ...], said: str
) -> None:
    with pytest.raises(InvalidModel, match=said):
        Curve(edges, volumes)


def test_a_window_ends_after_it_starts_and_has_slices_of_a_second_at_least() -> None:
    with pytest.raises(InvalidModel, match=r"end: 5 .* later than start"):
        Window(start_s=5, end_s=5, slices=1)
    with pytest.raises(InvalidModel, match="slices: 3"):
        Window(start_s=0, end_s=2, slices=3)
    assert Window(start_s=0, end_s=10, slices=3).edges() == [0, 3, 6, 10]


def test_a_window_without_volume_is_refused() -> None:
    late = Curve((CLOSE, CLOSE + 60), (1.0,))
    with pytest.raises(InvalidModel, match="curve: no volume in the window"):
        field(curve=late)


def test_twap_is_even_in_time_and_vwap_in_volume() -> None:
    assert [part.shares for part in by_time(field(), 10_007)] == [770] * 10 + [769] * 3
    parts = by_volume(field(curve=CURVE), 100_000)
    rates = [part.rate for part in parts]
    assert max(rates) - min(rates) < 1e-3
    assert sum(part.shares for part in parts[:4]) == 75_000


def test_pov_counts_its_own_shares_and_stops_when_done() -> None:
    """Others trade 9,000, we want a tenth of all: 1,000, and the tape says 10,000."""
    (only,) = by_rate(field(replace(DAY, slices=1), adv=9_000), 5_000, 0.1)
    assert only.shares == 1_000
    assert only.rate == pytest.approx(0.1)
    done = by_rate(field(adv=9_000_000), 100_000, 0.1)
    assert total(done) == 100_000
    assert [part.shares for part in done[:2]] == [76_923, 23_077]
    assert not any(part.shares for part in done[2:])


@given(st.integers(1, 10**7), st.floats(0.001, 0.9), st.integers(1, 500), st.integers(1, 60))
def test_pov_never_goes_ahead_of_its_rate(shares: int, rate: float, lot: int, slices: int) -> None:
    parts = by_rate(field(replace(DAY, slices=slices), CURVE), shares, rate, lot)
    done, seen = 0, 0.0
    for part in parts:
        done += part.shares
        seen += part.volume
        assert done <= rate / (1 - rate) * seen * (1 + 1e-9) + 1e-6
    assert done <= shares


def test_the_models_see_an_even_day_as_their_formulas_do() -> None:
    """Without its discrete end, a day at an even pace is the papers' case."""
    shares = 656_100
    parts = by_time(field(replace(DAY, slices=390), adv=MARKET.adv), shares)
    by_formula = impact(
        Trade(shares=shares, adv=MARKET.adv, shares_outstanding=1.728e9, daily_vol=0.0157, days=1)
    )
    assert realized_bps(parts, MARKET) == pytest.approx(by_formula.realized_bps, rel=1e-6)
    assert risk_bps(parts, 0.0157) == pytest.approx(157 / sqrt(3), rel=0.01)


def program_of(shares: int) -> Program:
    linear = made_linear(shares, 1.0, MARKET.adv, MARKET)
    return Program(
        shares=shares,
        days=1,
        intervals=13,
        sigma=0.0157 * 180,
        eta=linear.eta,
        gamma=linear.gamma,
        epsilon=linear.epsilon,
    )


def costs(slices: int = 13) -> dict[str, Estimate]:
    parts = by_time(field(replace(DAY, slices=slices), adv=MARKET.adv), 656_100)
    return {found.model: found for found in outlook(parts, MARKET, program_of(656_100))}


def test_every_model_is_told_with_half_the_spread_once() -> None:
    found, narrow = costs(), replace(MARKET, spread=0.0)
    parts = by_time(field(adv=MARKET.adv), 656_100)
    program = replace(program_of(656_100), epsilon=0.0)
    for without in outlook(parts, narrow, program):
        with_spread = found[without.model].cost_bps
        assert with_spread - without.cost_bps == pytest.approx(0.03 / 180 * 1e4)
    assert found["square_root"].cost_bps == pytest.approx(157 * sqrt(0.1) + 0.03 / 180 * 1e4)


def test_i_star_s_part_of_the_volume_has_our_own_shares_in_it() -> None:
    annual = 0.0157 * sqrt(250)
    at_once = 708 * 0.1**0.55 * annual**0.71
    by_hand = at_once * (0.98 * sqrt(0.1 / 1.1) + 0.02) + 0.03 / 180 * 1e4
    assert costs()["i_star"].cost_bps == pytest.approx(by_hand)


def test_the_straight_line_meets_the_curve_at_the_average_pace() -> None:
    """At many intervals the linear model of an even day costs what the paper's does."""
    shares = 656_100
    linear = made_linear(shares, 1.0, MARKET.adv, MARKET)
    program = Program(
        shares=shares,
        days=1,
        intervals=10_000,
        sigma=0.0157 * 180,
        eta=linear.eta,
        gamma=linear.gamma,
        epsilon=linear.epsilon,
    )
    bps = solve(program).expected_cost / (shares * 180) * 1e4
    assert bps == pytest.approx(costs()["almgren_2005"].cost_bps, rel=1e-3)


def test_a_slice_that_nobody_else_trades_in_is_refused() -> None:
    empty = Curve((OPEN, OPEN + 7200, CLOSE), (1.0, 0.0))
    parts = by_time(field(curve=empty), 100_000)
    with pytest.raises(InvalidModel, match="curve: a slice without volume"):
        realized_bps(parts, MARKET)
    assert realized_bps(by_volume(field(curve=empty), 100_000), MARKET) > 0


@given(st.lists(st.floats(0, 100), min_size=13, max_size=13).filter(lambda found: sum(found) > 1))
def test_any_schedule_sums_to_the_order(weights: list[float]) -> None:
    assert total(by_weights(field(), 12_345, weights, 100)) == 12_345


@pytest.mark.parametrize("field_name", ["adv", "daily_vol", "shares_outstanding", "price"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_market_that_cannot_be_is_refused_by_name(field_name: str, value: float) -> None:
    with pytest.raises(InvalidModel, match=field_name):
        replace(MARKET, **{field_name: value})
