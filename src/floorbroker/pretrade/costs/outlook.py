"""What a schedule is expected to cost and risk, by each model, in basis points of the first price.

- Almgren et al. (2005): I/2 + sum(n_k/X*K(n_k/volume_k)), the temporary part slice by slice on the
  clock of expected volume.
- Square root law: Y*sigma*sqrt(X/V), whatever the schedule.
- I-Star: MI at the order's part of all volume while it works, with a timing risk of its own.
- Almgren and Chriss (2000): E of the schedule, linear in the rate; the frontier is of this model.
  Where its eta, gamma and epsilon are not given they are those of Almgren et al. (2005), made
  linear at the average rate: eta*v = K(X/volume) at v = X/T, gamma*X = I, and half the spread.

Half the spread is added where a model does not know it. Unless a model has its own, the risk is
one standard deviation of what the price does by itself while shares are left, as in Almgren and
Chriss: sigma*sqrt(sum(tau_k*(x_k/X)^2)).
"""

from collections.abc import Sequence
from math import sqrt

from msgspec import Struct

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import all_positive, not_negative
from floorbroker.pretrade.costs import i_star, market_impact, square_root
from floorbroker.pretrade.costs.almgren_chriss import Program, priced
from floorbroker.pretrade.costs.schedule import Slice, total
from floorbroker.pretrade.costs.volume import DAY_S

BPS = 1e4


class Conditions(Struct, frozen=True, kw_only=True):
    """The market that an order meets; with a price of 1 dollars are parts of the value."""

    adv: float  #: shares a day
    daily_vol: float  #: fraction a day
    shares_outstanding: float
    price: float = 1.0  #: $/share
    spread: float = 0.0  #: $/share

    def __post_init__(self) -> None:
        names = ("adv", "daily_vol", "shares_outstanding", "price")
        all_positive((name, getattr(self, name)) for name in names)
        not_negative("spread", self.spread)

    @property
    def half_spread_bps(self) -> float:
        return self.spread / 2 / self.price * BPS


class Estimate(Struct, frozen=True, kw_only=True):
    """One model's expected cost, and a standard deviation around it."""

    model: str
    cost_bps: float
    risk_bps: float


def outlook(
    slices: Sequence[Slice], conditions: Conditions, program: Program
) -> tuple[Estimate, ...]:
    """What these slices cost by each model; the program is theirs, for the last."""
    drift_bps = risk_bps(slices, conditions.daily_vol)
    return (
        Estimate(
            model="almgren_2005",
            cost_bps=realized_bps(slices, conditions) + conditions.half_spread_bps,
            risk_bps=drift_bps,
        ),
        Estimate(
            model="square_root",
            cost_bps=square_root.cost_bps(total(slices), conditions.adv, conditions.daily_vol)
            + conditions.half_spread_bps,
            risk_bps=drift_bps,
        ),
        _by_i_star(slices, conditions),
        _by_almgren_chriss(slices, conditions, program),
    )


def realized_bps(slices: Sequence[Slice], conditions: Conditions) -> float:
    """J of Almgren et al. (2005) along the slices."""
    shares = total(slices)
    permanent = market_impact.permanent_bps(
        market_impact.Trade(
            shares=shares,
            adv=conditions.adv,
            shares_outstanding=conditions.shares_outstanding,
            daily_vol=conditions.daily_vol,
            days=1,
        )
    )
    temporary = sum(
        part.shares / shares * market_impact.temporary_bps(conditions.daily_vol, _pace(part))
        for part in slices
        if part.shares
    )
    return permanent / 2 + temporary


def _pace(part: Slice) -> float:
    """Own shares to those of others."""
    if not part.volume > 0:
        hint = f"{part.shares:,} shares are to trade in a slice without any"
        raise InvalidModel("curve", "a slice without volume", hint)
    return part.shares / part.volume


def risk_bps(slices: Sequence[Slice], daily_vol: float) -> float:
    """What the price may do while shares are left, one standard deviation."""
    shares = left = total(slices)
    squares = 0.0
    for part in slices:
        left -= part.shares
        squares += (part.end_s - part.start_s) / DAY_S * (left / shares) ** 2
    return daily_vol * sqrt(squares) * BPS


def _by_i_star(slices: Sequence[Slice], conditions: Conditions) -> Estimate:
    shares = total(slices)
    volume = sum(part.volume for part in slices if part.shares)
    found = i_star.cost(
        i_star.Trade(
            shares=shares,
            adv=conditions.adv,
            annual_vol=conditions.daily_vol * sqrt(i_star.YEAR),
            pov=shares / (shares + volume),
        )
    )
    return Estimate(
        model="i_star",
        cost_bps=found.impact_bps + conditions.half_spread_bps,
        risk_bps=found.timing_risk_bps,
    )


def _by_almgren_chriss(
    slices: Sequence[Slice], conditions: Conditions, program: Program
) -> Estimate:
    holdings = [float(total(slices))]
    for part in slices:
        holdings.append(holdings[-1] - part.shares)
    found = priced(program, holdings)
    value = total(slices) * conditions.price
    return Estimate(
        model="almgren_chriss",
        cost_bps=found.expected_cost / value * BPS,
        risk_bps=found.std_dev / value * BPS,
    )


class Linear(Struct, frozen=True, kw_only=True):
    """The impact of Almgren and Chriss' model: eta ($/share)/(share/day), gamma $/share^2."""

    eta: float
    gamma: float
    epsilon: float  #: $/share


def made_linear(shares: int, days: float, volume: float, conditions: Conditions) -> Linear:
    """Almgren et al. (2005) as a straight line through its value at the average rate."""
    per_share = market_impact.temporary_bps(conditions.daily_vol, shares / volume) / BPS
    whole = market_impact.Trade(
        shares=shares,
        adv=conditions.adv,
        shares_outstanding=conditions.shares_outstanding,
        daily_vol=conditions.daily_vol,
        days=days,
    )
    return Linear(
        eta=per_share * conditions.price * days / shares,
        gamma=market_impact.permanent_bps(whole) / BPS * conditions.price / shares,
        epsilon=conditions.spread / 2,
    )
