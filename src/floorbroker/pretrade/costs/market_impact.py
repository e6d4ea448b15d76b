"""What trading moves the price, from the shares, the day's volume and the volatility.

Source: R. Almgren, C. Thum, E. Hauptmann, H. Li, "Direct estimation of equity market impact", Risk
(July 2005), fitted to the orders of a bank's US stock desks from December 2001 to June 2003. X
shares of a stock with Theta shares outstanding, which trades V shares a day, in T days of its
volume; sigma is the volatility of a day as a fraction:

    permanent  I = gamma*sigma*(X/V)*(Theta/V)^(1/4)                gamma = 0.314
    temporary  K = eta*sigma*|X/(V*T)|^(3/5)                        eta   = 0.142
    realised   J = I/2 + K

All three are fractions of the price, here in basis points. J is the cost of the average share
against the price before the first; I stays when all is done. X is of either side: the cost of a
sale is the cost of a buy mirrored.
"""

from math import pow

from msgspec import Struct

from floorbroker.domain.numbers.estimates import all_positive

GAMMA = 0.314
ETA = 0.142
#: The exponents of the temporary part and of the turnover.
BETA = 0.6
DELTA = 0.25
BPS = 1e4


class Trade(Struct, frozen=True, kw_only=True):
    """An order against the stock it is in."""

    shares: float  #: X
    adv: float  #: V, average daily volume in shares
    shares_outstanding: float  #: Theta
    daily_vol: float  #: sigma, a fraction: 0.02 for 2 % a day
    days: float  #: T, trading days

    def __post_init__(self) -> None:
        all_positive((name, getattr(self, name)) for name in self.__struct_fields__)


class Impact(Struct, frozen=True, kw_only=True):
    """The three parts in basis points of the price, positive where they cost."""

    permanent_bps: float
    temporary_bps: float
    realized_bps: float


def impact(trade: Trade) -> Impact:
    """The impact of trading evenly over the days."""
    permanent = permanent_bps(trade)
    temporary = temporary_bps(trade.daily_vol, trade.shares / (trade.adv * trade.days))
    return Impact(
        permanent_bps=permanent,
        temporary_bps=temporary,
        realized_bps=permanent / 2 + temporary,
    )


def permanent_bps(trade: Trade) -> float:
    """I: it depends on how much is traded, not on how fast."""
    turnover = pow(trade.shares_outstanding / trade.adv, DELTA)
    return GAMMA * trade.daily_vol * trade.shares / trade.adv * turnover * BPS


def temporary_bps(daily_vol: float, rate: float) -> float:
    """K at a rate of own shares to the market's."""
    return ETA * daily_vol * pow(abs(rate), BETA) * BPS
