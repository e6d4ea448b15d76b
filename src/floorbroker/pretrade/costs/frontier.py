"""The efficient frontier: for every risk the schedule that costs least, and where to stand on it.

Source: Almgren and Chriss (2000), as in `almgren_chriss`. With a confidence p and the normal
quantile z_p, the liquidity-adjusted value at risk of a schedule is

    L-VaR_p = E + z_p*sqrt(V)                                                          dollars

which trading costs exceed with a chance of 1 - p. Its least value over the frontier needs no
risk aversion to be chosen.
"""

from math import exp, log, sqrt
from statistics import NormalDist

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.numbers.estimates import at_least_one, fraction, positive
from floorbroker.pretrade.costs.almgren_chriss import Program, Solution, aversion_of, solve

#: kappa*T of a schedule that is all but a straight line, kappa*tau of one that is all but at once.
SLOWEST, FASTEST = 0.02, 12.0
_GOLDEN = (sqrt(5) - 1) / 2
_NARROWINGS = 50


class Point(Struct, frozen=True, kw_only=True):
    """A schedule of the frontier by its risk aversion (1/$), cost and risk (dollars)."""

    risk_aversion: float
    kappa: float
    expected_cost: float
    std_dev: float


def frontier(program: Program, points: int = 41) -> list[Point]:
    """From the straight line (lambda 0) to all at once, evenly in the logarithm of kappa."""
    at_least_one("points", points)
    positive("sigma", program.sigma)
    steps = range(points)
    ends = log(SLOWEST), log(_fastest(program))
    kappas = [exp(ends[0] + (ends[1] - ends[0]) * step / max(points - 1, 1)) for step in steps]
    found = [_point(program, 0.0)]
    return found + [_point(program, kappa / program.days) for kappa in kappas]


def quantile(confidence: float) -> float:
    """z_p of the normal law: 1.645 for 0.95."""
    return NormalDist().inv_cdf(fraction("confidence", confidence))


def least_value_at_risk(program: Program, z: float) -> tuple[float, Solution]:
    """The risk aversion of the frontier's least L-VaR, and its schedule."""
    positive("z", z)
    positive("sigma", program.sigma)

    def at(place: float) -> float:
        return value_at_risk(_solved(program, exp(place) / program.days), z)

    low, high = log(SLOWEST), log(_fastest(program))
    for _ in range(_NARROWINGS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if at(left) < at(right):
            high = right
        else:
            low = left
    kappa = exp((low + high) / 2) / program.days
    return aversion_of(program, kappa), _solved(program, kappa)


def value_at_risk(solution: Solution, z: float) -> float:
    """L-VaR in dollars of this schedule."""
    return solution.expected_cost + z * solution.std_dev


def _fastest(program: Program) -> float:
    """kappa*T at which the first interval takes nearly all."""
    return FASTEST * program.intervals


def _solved(program: Program, kappa: float) -> Solution:
    return solve(replace(program, risk_aversion=aversion_of(program, kappa)))


def _point(program: Program, kappa: float) -> Point:
    solution = _solved(program, kappa) if kappa else solve(straight(program))
    return Point(
        risk_aversion=aversion_of(program, kappa),
        kappa=kappa,
        expected_cost=solution.expected_cost,
        std_dev=solution.std_dev,
    )


def straight(program: Program) -> Program:
    """The program of who minds no risk: TWAP, the frontier's slow end."""
    return replace(program, risk_aversion=0.0, drift=0.0)
