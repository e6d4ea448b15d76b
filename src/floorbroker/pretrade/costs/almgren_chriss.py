"""The schedule of Almgren and Chriss: what selling slowly risks against what selling fast costs.

Source: R. Almgren, N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3
(2000). A program of X shares is traded in N equal intervals of tau = T/N days; x_k shares are left
after interval k, n_k = x_{k-1} - x_k are traded in it. The price moves by sigma a root day, each
share traded moves it by gamma for good, and trading v shares a day costs epsilon + eta*v a share.

    E = gamma*X^2/2 - alpha*tau*sum(x_k) + epsilon*sum|n_k| + (eta~/tau)*sum(n_k^2)
    V = sigma^2*tau*sum(x_k^2)                           eta~ = eta - gamma*tau/2 > 0
    minimise E + lambda*V:  2/tau^2*(cosh(kappa*tau) - 1) = lambda*sigma^2/eta~
    x_j = X*sinh(kappa*(T - t_j))/sinh(kappa*T)          lambda < 0: sin and cos, kappa*T < pi
    with a drift: + (1 - (sinh(kappa*(T - t_j)) + sinh(kappa*t_j))/sinh(kappa*T))*alpha/(2*lambda*
    sigma^2)

X counts the shares that are left whichever side they are on, so a buy is a sale mirrored. A drift
alpha is positive where waiting pays: the price rises for who sells, falls for who buys.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import asin, asinh, exp, expm1, pi, sin, sinh, sqrt

from msgspec import Struct

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import (
    all_not_negative,
    all_positive,
    at_least_one,
    finite,
)


class Program(Struct, frozen=True, kw_only=True):
    """What is to be traded, in which market, and how much risk is worth."""

    shares: float  #: X, to buy or to sell
    days: float  #: T, trading days
    intervals: int  #: N
    sigma: float  #: volatility, $/share/day^0.5
    eta: float  #: temporary impact, ($/share)/(share/day)
    gamma: float = 0  #: permanent impact, $/share^2
    epsilon: float = 0  #: fixed cost, $/share: half the spread and fees
    risk_aversion: float = 0  #: lambda, 1/$: what a squared dollar of risk is worth
    drift: float = 0  #: alpha, $/share/day, positive where waiting pays

    def __post_init__(self) -> None:
        all_positive((("shares", self.shares), ("days", self.days), ("eta", self.eta)))
        at_least_one("intervals", self.intervals)
        all_not_negative((("sigma", self.sigma), ("gamma", self.gamma), ("epsilon", self.epsilon)))
        finite("risk_aversion", self.risk_aversion)
        finite("drift", self.drift)
        if self.eta <= self.gamma * self.tau / 2:
            least = self.gamma * self.tau / 2
            raise InvalidModel(
                "eta",
                f"{self.eta:g}",
                f"it must be greater than gamma*tau/2 = {least:g}; take more intervals",
            )
        if self.drift and not self.risk_aversion * self.sigma:
            hint = "a drift needs a positive risk aversion and volatility to hold it"
            raise InvalidModel("drift", f"{self.drift:g}", hint)
        if self.risk_aversion < 0:
            _curvature(self)

    @property
    def tau(self) -> float:
        """Days of one interval."""
        return self.days / self.intervals

    @property
    def eta_tilde(self) -> float:
        """The temporary impact less what the permanent one already counts."""
        return self.eta - self.gamma * self.tau / 2


class Solution(Struct, frozen=True, kw_only=True):
    """A schedule with its cost and risk, in dollars."""

    kappa: float  #: 1/day; 1/kappa is the time in which the position falls by e
    holdings: tuple[float, ...]  #: x_0 .. x_N
    trades: tuple[float, ...]  #: n_1 .. n_N
    expected_cost: float
    variance: float

    @property
    def std_dev(self) -> float:
        return sqrt(self.variance)


def solve(program: Program) -> Solution:
    """The schedule that minimises E + lambda*V, in closed form."""
    kappa, share = _curvature(program)
    steps = range(program.intervals + 1)
    days, tau, aversion = program.days, program.tau, program.risk_aversion
    before = [share(days - step * tau, days) for step in steps]
    after = before[::-1]  # sinh(kappa*t_j) is sinh(kappa*(T - t_{N-j}))
    wanted = program.drift / (2 * aversion * program.sigma**2) if program.drift else 0
    holdings = [
        left * program.shares + (1 - left - gone) * wanted
        for left, gone in zip(before, after, strict=True)
    ]
    holdings[0], holdings[-1] = program.shares, 0.0
    return priced(program, holdings, kappa)


def priced(program: Program, holdings: Sequence[float], kappa: float = 0) -> Solution:
    """Any schedule of the program, from X to 0, with its cost and risk."""
    trades = [a - b for a, b in pairwise(holdings)]
    return Solution(
        kappa=kappa,
        holdings=tuple(holdings),
        trades=tuple(trades),
        expected_cost=expected_cost(program, trades),
        variance=variance(program, trades),
    )


def expected_cost(program: Program, trades: Sequence[float]) -> float:
    """E in dollars of these trades, one an interval, which together are X."""
    left, held = program.shares, 0.0
    for trade in trades:
        left -= trade
        held += left
    return (
        program.gamma * program.shares**2 / 2
        - program.drift * program.tau * held
        + program.epsilon * sum(map(abs, trades))
        + program.eta_tilde / program.tau * sum(trade**2 for trade in trades)
    )


def variance(program: Program, trades: Sequence[float]) -> float:
    """V in squared dollars of these trades."""
    left, squares = program.shares, 0.0
    for trade in trades:
        left -= trade
        squares += left**2
    return program.sigma**2 * program.tau * squares


def remaining(program: Program, shares: float, intervals: int) -> Program:
    """What is left to do: these shares in the last intervals. The best schedule of the rest of a
    program that went as planned is the rest of its best schedule."""
    return Program(
        shares=shares,
        days=intervals * program.tau,
        intervals=intervals,
        sigma=program.sigma,
        eta=program.eta,
        gamma=program.gamma,
        epsilon=program.epsilon,
        risk_aversion=program.risk_aversion,
        drift=program.drift,
    )


def aversion_of(program: Program, kappa: float) -> float:
    """The lambda (1/$) whose schedule falls by e in 1/kappa days."""
    half = sinh(kappa * program.tau / 2)
    return 4 * program.eta_tilde * (half / (program.tau * program.sigma)) ** 2


def _curvature(program: Program) -> tuple[float, Callable[[float, float], float]]:
    """kappa, and what is left of one share when so many of so many days remain."""
    aversion, tau = program.risk_aversion, program.tau
    # cosh(x) - 1 = 2*sinh(x/2)^2, which loses no digits where kappa is small.
    half = sqrt(abs(aversion)) * program.sigma / sqrt(program.eta_tilde) * tau / 2
    kappa = 2 / tau * (asinh(half) if aversion >= 0 else asin(min(half, 1.0)))
    if not kappa:
        return 0, lambda days, of: days / of
    if aversion > 0:
        return kappa, lambda days, of: sinh_ratio(kappa * days, kappa * of)
    if half >= 1 or kappa * program.days >= pi:
        steepest = 4 * program.eta_tilde / (tau * program.sigma) ** 2
        least = -steepest * sin(pi / (2 * program.intervals)) ** 2
        hint = f"below {least:.4g} waiting always pays, and no schedule is the best"
        raise InvalidModel("risk_aversion", f"{aversion:g}", hint)
    return kappa, lambda days, of: sin(kappa * days) / sin(kappa * of)


def sinh_ratio(a: float, b: float) -> float:
    """sinh(a)/sinh(b) for 0 <= a <= b and b > 0, without the overflow of either."""
    return exp(a - b) * expm1(-2 * a) / expm1(-2 * b)
