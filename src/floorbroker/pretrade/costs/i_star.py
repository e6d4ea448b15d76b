"""Kissell's I-Star: what all at once would cost, and how much of it trading slowly saves.

Source: R. Kissell, R. Malamut, "Algorithmic decision-making framework", Journal of Trading 1
(2006); R. Kissell, "The science of algorithmic trading and portfolio management" (2013). S shares
of a stock that trades ADV a day, its volatility sigma a fraction a year, POV the part of the
market's volume that is ours, our own shares counted in it:

    I* = a1*(S/ADV)^a2*sigma^a3                                    instantaneous cost, bp
    MI = b1*POV^a4*I* + (1 - b1)*I*                                expected cost, bp
    TR = sigma*sqrt(S*(1 - POV)/(3*Tm*ADV*POV))*10^4               timing risk (one sd), bp

Tm is the number of trading days a year. The part b1 of I* is temporary, the rest stays.
"""

from math import sqrt

from msgspec import Struct

from floorbroker.domain.numbers.estimates import all_positive, fraction, within

BPS = 1e4
#: Trading days a year, Tm.
YEAR = 250.0


class Fit(Struct, frozen=True, kw_only=True):
    """The model's parameters, each within the bounds that its fits are held to."""

    a1: float = 708.0
    a2: float = 0.55
    a3: float = 0.71
    a4: float = 0.50
    b1: float = 0.98

    def __post_init__(self) -> None:
        within("a1", self.a1, 100, 1000)
        for name in ("a2", "a3", "a4"):
            within(name, getattr(self, name), 0.1, 1)
        within("b1", self.b1, 0.7, 1)


#: The fit that is most often quoted.
QUOTED = Fit()


class Trade(Struct, frozen=True, kw_only=True):
    """An order at a rate of participation."""

    shares: float  #: S
    adv: float  #: average daily volume, shares
    annual_vol: float  #: sigma, a fraction a year: 0.25 for 25 %
    pov: float  #: our part of the volume, our own shares in it

    def __post_init__(self) -> None:
        shares, adv, vol = self.shares, self.adv, self.annual_vol
        all_positive((("shares", shares), ("adv", adv), ("annual_vol", vol)))
        fraction("pov", self.pov)


class Cost(Struct, frozen=True, kw_only=True):
    """In basis points: all at once, as planned, and one standard deviation around it."""

    instantaneous_bps: float
    impact_bps: float
    timing_risk_bps: float


def cost(trade: Trade, fit: Fit = QUOTED) -> Cost:
    """What the order costs and risks at its rate."""
    at_once = fit.a1 * (trade.shares / trade.adv) ** fit.a2 * trade.annual_vol**fit.a3
    return Cost(
        instantaneous_bps=at_once,
        impact_bps=at_once * (fit.b1 * trade.pov**fit.a4 + 1 - fit.b1),
        timing_risk_bps=timing_risk_bps(trade),
    )


def timing_risk_bps(trade: Trade) -> float:
    """TR: what the price may do by itself until the order is done."""
    days = trade.shares * (1 - trade.pov) / (3 * YEAR * trade.adv * trade.pov)
    return trade.annual_vol * sqrt(days) * BPS
