"""How much of an order to rest in the queue and how much to take at once, at one venue.

Source: R. Cont, A. Kukanov, "Optimal order placement in limit order markets", Quantitative Finance
17 (2017), arXiv:1210.1625. S shares are to be bought (or sold: mirrored) by a deadline. M are
taken with a market order, L join a queue of Q shares. xi shares leave the queue until then, so
that phi = (xi - Q)+ - (xi - Q - L)+ of ours are filled, and A = M + phi in all. With h half the
spread, f the taker's fee, r the maker's rebate (less adverse selection), theta the impact of a
share and lambda_u, lambda_o what a share too few or too many costs, all in $/share:

    cost = (h + f)*M - (h + r)*phi + theta*(M + L + (S - A)+)
           + lambda_u*(S - A)+ + lambda_o*(A - S)+

With M + L = S and F the distribution of xi, let c = (2h + f + r)/(lambda_u + h + r + theta):

    lambda_u <= (2h + f + r)/F(Q + S) - (h + r + theta)   all rests
    lambda_u >= (2h + f + r)/F(Q)     - (h + r + theta)   all is taken
    else L = F^-1(c) - Q, M = S - L

It stands with execution because an algorithm asks it while it works an order, and algorithms know
nothing of pretrade.
"""

from math import exp, inf, log, sqrt
from statistics import NormalDist
from typing import Protocol

from msgspec import Struct

from floorbroker.domain.numbers.estimates import (
    all_not_negative,
    all_positive,
    not_negative,
    positive,
)


class Outflow(Protocol):
    """The law of xi: how many shares leave the queue until the deadline, traded or canceled."""

    def below(self, shares: float) -> float:
        """F: the chance that no more than these leave."""

    def quantile(self, chance: float) -> float:
        """F^-1, in shares."""

    def mean_excess(self, shares: float) -> float:
        """The mean of (xi - shares)+, in shares."""


class ExponentialOutflow(Struct, frozen=True):
    """F(x) = 1 - exp(-x/mean)."""

    mean: float

    def __post_init__(self) -> None:
        positive("mean", self.mean)

    def below(self, shares: float) -> float:
        return 1 - exp(-max(shares, 0) / self.mean)

    def quantile(self, chance: float) -> float:
        return -self.mean * log(1 - chance)

    def mean_excess(self, shares: float) -> float:
        return self.mean * exp(-max(shares, 0) / self.mean) - min(shares, 0)


class NormalOutflow(Struct, frozen=True):
    """A normal law; with the variance equal to the mean it is nearly Poisson's."""

    mean: float
    variance: float

    def __post_init__(self) -> None:
        all_positive((("mean", self.mean), ("variance", self.variance)))

    @property
    def _law(self) -> NormalDist:
        return NormalDist(self.mean, sqrt(self.variance))

    def below(self, shares: float) -> float:
        return self._law.cdf(shares)

    def quantile(self, chance: float) -> float:
        return self._law.inv_cdf(chance)

    def mean_excess(self, shares: float) -> float:
        over = self.mean - shares
        return over * self._law.cdf(2 * self.mean - shares) + self.variance * self._law.pdf(shares)


class Venue(Struct, frozen=True, kw_only=True):
    """What the venue charges and pays, and what missing the deadline costs: $/share."""

    half_spread: float
    fee: float
    rebate: float
    impact: float  #: theta
    under_penalty: float  #: lambda_u
    queue: float  #: Q, shares ahead of ours

    def __post_init__(self) -> None:
        positive("half_spread", self.half_spread)
        names = ("impact", "under_penalty", "queue")
        all_not_negative((name, getattr(self, name)) for name in names)
        positive("half_spread + rebate", self.half_spread + self.rebate)
        positive("2*half_spread + fee + rebate", self.crossing)

    @property
    def crossing(self) -> float:
        """What taking costs over resting and being filled, in $/share."""
        return 2 * self.half_spread + self.fee + self.rebate


class Placement(Struct, frozen=True, kw_only=True):
    """Shares to take and shares to rest, and the penalties between which both happen."""

    market: float
    limit: float
    all_limit_below: float  #: lambda_u, $/share
    all_market_above: float  #: lambda_u, $/share; infinite where the queue surely runs dry


def placed(shares: float, venue: Venue, outflow: Outflow) -> Placement:
    """The split that costs least on average; raises InvalidModel."""
    positive("shares", shares)
    rest = venue.half_spread + venue.rebate + venue.impact
    low = _threshold(venue.crossing, outflow.below(venue.queue + shares)) - rest
    high = _threshold(venue.crossing, outflow.below(venue.queue)) - rest
    penalty = venue.under_penalty
    if penalty <= low:
        limit = shares
    elif penalty >= high:
        limit = 0.0
    else:
        chance = venue.crossing / (penalty + rest)  # 1 only by rounding, at the lower threshold
        limit = outflow.quantile(chance) - venue.queue if chance < 1 else shares
    limit = min(max(limit, 0.0), shares)
    return Placement(
        market=shares - limit, limit=limit, all_limit_below=low, all_market_above=high
    )


def expected_cost(shares: float, limit: float, venue: Venue, outflow: Outflow) -> float:
    """The mean cost in dollars of resting this much and taking what is left."""
    not_negative("limit", limit)
    not_negative("shares - limit", shares - limit)
    front, back = venue.queue, venue.queue + limit
    filled = outflow.mean_excess(front) - outflow.mean_excess(back)
    market, short = shares - limit, limit - filled
    return (
        (venue.half_spread + venue.fee) * market
        - (venue.half_spread + venue.rebate) * filled
        + venue.impact * (shares + short)
        + venue.under_penalty * short
    )


def _threshold(crossing: float, chance: float) -> float:
    return crossing / chance if chance > 0 else inf
