"""The closed form of Almgren and Chriss: the paper's example, a general solver, no overflow."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorbroker.domain.numbers.apportion import apportioned
from floorbroker.domain.numbers.unwinding import holdings, kappa_of, kept

D = Decimal
PAPER = {"sigma": D("0.95"), "eta": D("2.5e-6"), "gamma": D("2.5e-7"), "interval": D(1)}


@pytest.mark.parametrize(
    ("risk_aversion", "kappa", "half_life", "path"),
    [
        ("0", "0.000000", None, ["800000.0", "600000.0", "400000.0", "200000.0"]),
        ("1e-7", "0.194629", "5.13799", ["757882.4", "544564.3", "351939.7", "172688.8"]),
        ("2e-7", "0.274815", "3.63881", ["721626.7", "498097.1", "312422.8", "150492.7"]),
        ("1e-6", "0.607076", "1.64724", ["541955.6", "289854.2", "147897.5", "62141.8"]),
    ],
)
def test_the_papers_example_comes_out_to_the_printed_digits(
    risk_aversion: str, kappa: str, half_life: str | None, path: list[str]
) -> None:
    found = kappa_of(D(risk_aversion), **PAPER)
    assert f"{found:.6f}" == kappa
    if half_life is not None:
        assert f"{1 / found:.5f}" == half_life
    held = holdings(D(1_000_000), found, D(5), 5)
    assert held[0] == 1_000_000
    assert held[-1] == 0
    assert [f"{left:.1f}" for left in held[1:-1]] == path


def test_the_example_in_lots_comes_out() -> None:
    held = holdings(D(1_000_000), kappa_of(D("1e-6"), **PAPER), D(5), 5)
    trades = [before - after for before, after in pairwise(held)]
    lots = apportioned(D(1_000_000), trades, step=D(100))
    assert list(lots) == [458_000, 252_100, 142_000, 85_800, 62_100]


def solved(qty: Decimal, ratio: Decimal, intervals: int) -> list[Decimal]:
    """The minimum of E + lambda V by linear algebra and nothing else: where its gradient is zero,
    -x_(k-1) + (2 + ratio) x_k - x_(k+1) = 0 with x_0 and x_N given. Thomas' elimination."""
    upper: list[Decimal] = []
    right: list[Decimal] = []
    for place in range(1, intervals):
        pivot = 2 + ratio + (upper[-1] if upper else 0)
        upper.append(D(-1) / pivot)
        right.append(((qty if place == 1 else D(0)) + (right[-1] if right else D(0))) / pivot)
    path = [D(0)]
    for factor, value in zip(reversed(upper), reversed(right), strict=True):
        path.append(value - factor * path[-1])
    return [qty, *reversed(path)]


@given(
    st.decimals("1e-9", "1e-4", places=9),
    st.integers(2, 60),
    st.decimals("0.1", "10", places=2),
)
@settings(max_examples=60, deadline=None)
def test_the_closed_form_agrees_with_a_general_solver(
    risk_aversion: Decimal, intervals: int, horizon: Decimal
) -> None:
    interval = horizon / intervals
    eta, gamma, sigma = D("2.5e-5"), D("2.5e-7"), D("0.95")
    kappa = kappa_of(risk_aversion, sigma=sigma, eta=eta, gamma=gamma, interval=interval)
    closed = holdings(D(1_000_000), kappa, horizon, intervals)
    eased = eta - gamma * interval / 2
    ratio = risk_aversion * sigma * sigma * interval * interval / eased
    for ours, theirs in zip(closed, solved(D(1_000_000), ratio, intervals), strict=True):
        assert abs(ours - theirs) < D("1e-6")


def test_what_is_left_solved_anew_is_the_same_path() -> None:
    kappa = kappa_of(D("1e-6"), **PAPER)
    held = D(1_000_000)
    for left in (5, 4, 3, 2, 1):
        held *= kept(kappa, D(left), D(left - 1))
        expected = holdings(D(1_000_000), kappa, D(5), 5)[6 - left]
        assert abs(held - expected) < D("1e-15")


def test_nothing_overflows_where_haste_is_extreme() -> None:
    held = holdings(D(1_000_000), D(40), D(5), 5)  # kappa T = 200
    assert [round(left, 6) for left in held] == [1_000_000, 0, 0, 0, 0, 0]
    assert 0 < held[4] < held[3] < held[2] < held[1] < D("1e-11")


def test_patience_without_end_is_a_straight_line() -> None:
    nearly = holdings(D(1000), D("1e-12"), D(5), 5)
    assert [round(left, 9) for left in nearly] == [1000, 800, 600, 400, 200, 0]


@given(st.decimals("0", "50", places=4), st.integers(1, 50))
def test_holdings_only_fall(kappa: Decimal, intervals: int) -> None:
    held = holdings(D(1_000_000), kappa, D(5), intervals)
    assert all(before >= after for before, after in pairwise(held))


@given(st.decimals("1e-9", "1e-5", places=9), st.decimals("1e-9", "1e-5", places=9))
def test_who_fears_risk_more_is_faster(one: Decimal, other: Decimal) -> None:
    less, more = sorted((one, other))
    kappas = [kappa_of(aversion, **PAPER) for aversion in (less, more)]
    assert kappas[0] <= kappas[1]
    slow, fast = (holdings(D(1000), kappa, D(5), 5) for kappa in kappas)
    assert all(left >= right for left, right in zip(slow, fast, strict=True))


def test_a_problem_that_is_not_well_posed_is_refused() -> None:
    with pytest.raises(ValueError, match="eta: 1E-7 must be more than"):
        kappa_of(D("1e-6"), sigma=D(1), eta=D("1e-7"), gamma=D("2.5e-7"), interval=D(1))
    with pytest.raises(ValueError, match="risk_aversion: -1"):
        kappa_of(D(-1), **PAPER)
    with pytest.raises(ValueError, match="does not fall"):
        kept(D(1), D(1), D(2))
