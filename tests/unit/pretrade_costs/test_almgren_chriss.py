"""The closed form against the paper's example, the general solver and every other schedule."""

from decimal import Decimal
from math import cosh, isfinite, sinh, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers import unwinding
from floorbroker.pretrade.costs.almgren_chriss import (
    Program,
    Solution,
    aversion_of,
    expected_cost,
    priced,
    remaining,
    sinh_ratio,
    solve,
    variance,
)
from floorbroker.pretrade.costs.lots import apportioned
from floorbroker.pretrade.costs.quadratic import Step, best_holdings, even_steps

#: The example of the paper: a million shares at 50 dollars in five days, 30 % a year.
PAPER = Program(
    shares=1e6, days=5, intervals=5, sigma=0.95, eta=2.5e-6, gamma=2.5e-7, epsilon=0.0625
)
#: lambda, kappa, 1/kappa, E, sd, x_1..x_4, to the digits that are printed.
TABLE = [
    (0, "0.000000", "inf", "662500.0", "1040672.9", "800000.0 600000.0 400000.0 200000.0"),
    (1e-7, "0.194629", "5.13799", "670057.5", "961622.9", "757882.4 544564.3 351939.7 172688.8"),
    (2e-7, "0.274815", "3.63881", "688153.6", "895775.9", "721626.7 498097.1 312422.8 150492.7"),
    (1e-6, "0.607076", "1.64724", "911227.0", "603430.7", "541955.6 289854.2 147897.5 62141.8"),
    (-2e-7, "0.276562", "3.61583", "717958.1", "1258654.3", "910056.4 750948.6 534768.6 277946.3"),
]


def averse(risk_aversion: float, program: Program = PAPER) -> Program:
    return replace(program, risk_aversion=risk_aversion)


@pytest.mark.parametrize(("aversion", "kappa", "days", "cost", "risk", "left"), TABLE)
def test_the_example_of_the_paper_comes_out_to_the_printed_digits(
    aversion: float, kappa: str, days: str, cost: str, risk: str, left: str
) -> None:
    found = solve(averse(aversion))
    assert f"{found.kappa:.6f}" == kappa
    assert f"{1 / found.kappa if found.kappa else float('inf'):.5f}" == days
    assert f"{found.expected_cost:.1f}" == cost
    assert f"{found.std_dev:.1f}" == risk
    assert " ".join(f"{x:.1f}" for x in found.holdings[1:-1]) == left
    assert (found.holdings[0], found.holdings[-1]) == (1e6, 0)


def test_the_first_day_sells_what_others_print() -> None:
    first = [round(solve(averse(aversion)).trades[0]) for aversion in (1e-7, 1e-6)]
    assert first == [242_118, 458_044]
    assert round(solve(averse(1e-5)).trades[0]) == 822_132


def test_selling_all_at_once_risks_nothing_and_costs_the_most() -> None:
    found = priced(PAPER, [1e6, 0, 0, 0, 0, 0])
    assert f"{found.expected_cost:.1f}" == "2562500.0"
    assert found.variance == 0
    ends = solve(averse(1e6))
    assert ends.expected_cost == pytest.approx(2_562_500, abs=1)
    assert ends.std_dev == pytest.approx(0, abs=1)


def test_who_minds_no_risk_trades_evenly_at_the_naive_figures() -> None:
    found = solve(PAPER)
    assert found.trades == pytest.approx([200_000] * 5)
    naive = 0.0625 * 1e6 + 2.5e-7 * 1e12 / 2 + PAPER.eta_tilde * 1e12 / 5
    assert found.expected_cost == pytest.approx(naive)
    assert found.variance == pytest.approx(0.95**2 * 1e12 * 5 * (1 - 1 / 5) * (1 - 1 / 10) / 3)
    assert f"{found.variance:.3e}" == "1.083e+12"


def test_a_tiny_risk_aversion_is_next_to_none() -> None:
    assert solve(averse(1e-30)).holdings == pytest.approx(solve(PAPER).holdings, rel=1e-9)


def test_each_trade_is_that_of_the_formula() -> None:
    program = averse(1e-6)
    found = solve(program)
    kappa, tau, days = found.kappa, program.tau, program.days
    for place, trade in enumerate(found.trades, 1):
        middle = (place - 0.5) * tau
        by_formula = 2 * sinh(kappa * tau / 2) / sinh(kappa * days) * cosh(kappa * (days - middle))
        assert trade == pytest.approx(by_formula * 1e6)


def test_a_kappa_of_two_hundred_horizons_does_not_overflow() -> None:
    program = replace(PAPER, intervals=500)
    program = averse(aversion_of(program, 200 / 5), program)
    found = solve(program)
    assert found.kappa * 5 == pytest.approx(200)
    assert all(map(isfinite, found.holdings))
    assert found.holdings[1] / 1e6 == pytest.approx(2.718281828**-0.4, rel=1e-9)
    general = best_holdings(program, even_steps(program))
    assert found.holdings == pytest.approx(general, rel=1e-6, abs=1e-6)
    assert isfinite(solve(averse(1e300)).expected_cost)
    assert sinh_ratio(1000, 1001) == pytest.approx(2.718281828**-1)


def test_the_schedule_in_lots_is_the_printed_one() -> None:
    assert apportioned(1_000_000, solve(averse(1e-6)).trades, 100) == [
        458_000, 252_100, 142_000, 85_800, 62_100
    ]  # fmt: skip


def test_a_drift_moves_the_schedule_by_the_formula() -> None:
    program = replace(averse(1e-6), drift=0.02)
    found, plain = solve(program), solve(averse(1e-6))
    wanted = 0.02 / (2 * 1e-6 * 0.95**2)
    for place, (left, without) in enumerate(zip(found.holdings, plain.holdings, strict=True)):
        gone = sinh(plain.kappa * place) / sinh(plain.kappa * 5)
        stays = sinh(plain.kappa * (5 - place)) / sinh(plain.kappa * 5)
        assert left == pytest.approx(without + (1 - gone - stays) * wanted, abs=1e-6)
    assert found.expected_cost < plain.expected_cost
    assert found.holdings == pytest.approx(best_holdings(program, even_steps(program)))


def test_steps_of_any_length_make_a_clock_of_their_own() -> None:
    """Twice the days at half the variance a day is the same schedule of risk, at half the rate."""
    program = averse(1e-6)
    slow = [Step(2.0, 0.95 / sqrt(2))] * 5
    cheap = replace(program, eta=2 * (2.5e-6 - 1.25e-7) + 2.5e-7)
    assert best_holdings(cheap, slow) == pytest.approx(solve(program).holdings)


def test_a_quiet_interval_is_held_through() -> None:
    even = best_holdings(averse(1e-6), [Step(1, 0.95)] * 5)
    quiet = best_holdings(averse(1e-6), [Step(1, 0.95), Step(1, 0.0), *[Step(1, 0.95)] * 3])
    assert quiet[2] > even[2]


programs = st.builds(
    Program,
    shares=st.floats(1, 1e8),
    days=st.floats(0.01, 20),
    intervals=st.integers(1, 40),
    sigma=st.floats(0.01, 10),
    eta=st.floats(1e-8, 1e-4),
    epsilon=st.floats(0, 1),
    risk_aversion=st.one_of(st.just(0.0), st.floats(1e-12, 1e-2)),
)


@given(programs)
def test_holdings_only_fall_and_all_is_traded(program: Program) -> None:
    found = solve(program)
    assert all(trade >= -1e-9 * program.shares for trade in found.trades)
    assert sum(found.trades) == pytest.approx(program.shares, rel=1e-9)
    assert found.holdings[-1] == 0


@given(programs, st.floats(1.01, 100))
def test_more_aversion_costs_more_and_risks_less(program: Program, factor: float) -> None:
    calm = solve(program)
    afraid = solve(averse(program.risk_aversion * factor + 1e-12, program))
    assert afraid.expected_cost >= calm.expected_cost * (1 - 1e-9)
    assert afraid.variance <= calm.variance * (1 + 1e-9)


@given(programs, st.data())
def test_no_other_schedule_is_better(program: Program, data: st.DataObject) -> None:
    assume(program.intervals > 1)
    found = solve(program)
    holdings = list(found.holdings)
    sizes = st.floats(-0.2, 0.2)
    for place in range(1, program.intervals):
        holdings[place] += data.draw(sizes) * program.shares
    assert worth(program, found) <= worth(program, priced(program, holdings)) * (1 + 1e-9)


@given(programs)
def test_the_closed_form_is_the_general_solution(program: Program) -> None:
    general = best_holdings(program, even_steps(program))
    assert solve(program).holdings == pytest.approx(general, rel=1e-6, abs=1e-6 * program.shares)


@given(st.integers(2, 30), st.floats(0.02, 0.99))
def test_a_taste_for_risk_has_the_general_solution_too(intervals: int, part: float) -> None:
    """Up to the aversion at which kappa*T is pi."""
    program = replace(PAPER, intervals=intervals)
    curve = sin_of(part * 3.141592653589793 / (2 * intervals))
    program = averse(-4 * program.eta_tilde * (curve / (program.tau * 0.95)) ** 2, program)
    found = solve(program)
    assert found.kappa * 5 == pytest.approx(part * 3.141592653589793)
    general = best_holdings(program, even_steps(program))
    assert found.holdings == pytest.approx(general, rel=1e-6, abs=1)


def sin_of(x: float) -> float:
    return x - x**3 / 6 + x**5 / 120 - x**7 / 5040 + x**9 / 362880


@given(programs, st.data())
def test_the_rest_of_the_plan_is_the_plan_for_the_rest(
    program: Program, data: st.DataObject
) -> None:
    assume(program.intervals > 1)
    done = data.draw(st.integers(1, program.intervals - 1))
    found = solve(program)
    left = found.holdings[done]
    assume(left > 1e-6 * program.shares)
    again = solve(remaining(program, left, program.intervals - done))
    assert again.holdings == pytest.approx(found.holdings[done:], rel=1e-6, abs=1e-9 * left)


@given(programs)
def test_the_cost_of_a_buy_is_that_of_the_mirrored_sale(program: Program) -> None:
    """Simulated from the price path itself: what was paid above, or received below, the first."""
    trades = solve(program).trades
    for side in (1, -1):
        assert paid(program, trades, side) == pytest.approx(expected_cost(program, trades))


def paid(program: Program, trades: tuple[float, ...], side: int) -> float:
    """The shortfall along the mean path of the price: side 1 buys, -1 sells."""
    moved, cost = 0.0, 0.0
    for trade in trades:
        rate = trade / program.tau
        price = moved + side * (program.epsilon * (trade > 0) + program.eta * rate)
        cost += side * price * trade
        moved += side * program.gamma * trade
    return cost


@given(programs, st.integers(1, 1000))
def test_whole_lots_sum_to_the_order_exactly(program: Program, lot: int) -> None:
    shares = max(int(program.shares), 1)
    parts = apportioned(shares, solve(program).trades, lot)
    assert sum(parts) == shares
    assert sum(1 for part in parts if part % lot) <= 1


def test_the_risk_is_that_of_what_is_held_after_each_trade() -> None:
    trades = (500_000.0, 300_000.0, 200_000.0, 0.0, 0.0)
    by_hand = 0.95**2 * (500_000.0**2 + 200_000.0**2)
    assert variance(PAPER, trades) == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("shares", float("nan"), "finite"),
        ("shares", -1.0, "greater than 0"),
        ("days", 0.0, "greater than 0"),
        ("intervals", 0, "1 or greater"),
        ("sigma", -0.1, "0 or greater"),
        ("eta", float("inf"), "finite"),
        ("epsilon", -0.1, "0 or greater"),
        ("risk_aversion", float("nan"), "finite"),
        ("drift", 0.02, "positive risk aversion"),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused_by_name(
    field: str, value: float, right: str
) -> None:
    with pytest.raises(InvalidModel, match=right) as refusal:
        replace(PAPER, **{field: value})
    assert refusal.value.field == field


def test_an_impact_that_is_more_permanent_than_temporary_is_refused() -> None:
    with pytest.raises(InvalidModel, match=r"eta: 1e-07 .* gamma\*tau/2 = 1\.25e-07"):
        replace(PAPER, eta=1e-7)


def test_a_taste_for_risk_beyond_every_schedule_is_refused() -> None:
    with pytest.raises(InvalidModel, match=r"risk_aversion: -2e-06 .* waiting always pays"):
        replace(PAPER, risk_aversion=-2e-6)
    with pytest.raises(InvalidModel, match=r"risk_aversion: -1 .* waiting always pays"):
        replace(PAPER, risk_aversion=-1.0)


def test_a_taste_for_risk_has_no_best_schedule_in_wilder_steps() -> None:
    daring = averse(-2e-7)
    assert best_holdings(daring, [Step(1, 0.95)] * 5)
    with pytest.raises(InvalidModel, match="no schedule is the best"):
        best_holdings(daring, [Step(1, 5.0)] * 5)


def worth(program: Program, solution: Solution) -> float:
    return solution.expected_cost + program.risk_aversion * solution.variance


@given(
    risk_aversion=st.floats(1e-9, 1e-4),
    sigma=st.floats(0.05, 5),
    intervals=st.integers(2, 40),
)
def test_it_agrees_with_the_decimals_by_which_orders_are_worked(
    risk_aversion: float, sigma: float, intervals: int
) -> None:
    plan = Program(
        shares=1e6,
        days=5,
        intervals=intervals,
        sigma=sigma,
        eta=2.5e-6,
        gamma=2.5e-7,
        risk_aversion=risk_aversion,
    )
    found = solve(plan)
    exact = unwinding.kappa_of(
        Decimal(risk_aversion),
        sigma=Decimal(sigma),
        eta=Decimal("2.5e-6"),
        gamma=Decimal("2.5e-7"),
        interval=Decimal(5) / intervals,
    )
    assert found.kappa == pytest.approx(float(exact), rel=1e-9)
    held = unwinding.holdings(Decimal(10**6), exact, Decimal(5), intervals)
    assert found.holdings == pytest.approx([float(one) for one in held], rel=1e-6, abs=1e-3)
