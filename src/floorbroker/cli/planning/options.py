"""The options of `floorbroker plan`, in groups of what belongs together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class OrderOptions:
    """What is to be traded, and when.

    Parameters
    ----------
    side
        buy or sell
    qty
        whole shares
    symbol
        what is traded; it names the plan and the files that are looked at
    lot
        shares are planned in whole lots of this size
    start
        time in New York; the open without it
    end
        time in New York; the close without it
    slices
        parts of equal length; one for every 15 minutes without it
    date
        day of the session, as 2026-11-27, so that a half day ends at 13:00
    """

    side: str | None = None
    qty: str | None = None
    symbol: str | None = None
    lot: str | None = None
    start: str | None = None
    end: str | None = None
    slices: str | None = None
    date: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class MarketOptions:
    """The market that it will meet.

    Parameters
    ----------
    adv
        average daily volume, shares
    daily_vol
        volatility of a day, as 0.02 or 2%
    price
        $/share; without it costs are told in basis points alone
    spread
        $/share between bid and offer
    shares_outstanding
        of the company; 200 times --adv without it
    curve
        volume by time of day: a CSV with the columns time, volume
    history
        files of earlier days, for what is not given; without it those of the settings, or the
        broker's bars
    """

    adv: str | None = None
    daily_vol: str | None = None
    price: str | None = None
    spread: str | None = None
    shares_outstanding: str | None = None
    curve: Path | None = None
    history: Path | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class UrgencyOptions:
    """How much risk is worth, and the impact of Almgren and Chriss' model.

    Parameters
    ----------
    risk_aversion
        lambda, 1/$: what a squared dollar of risk costs
    urgency
        low, medium (without both) or high: kappa*T of 1, 3 or 6
    eta
        temporary impact, ($/share)/(share/day)
    gamma
        permanent impact, $/share per share
    epsilon
        fixed cost, $/share: half the spread and fees
    alpha
        expected move while waiting, $/share/day, positive where waiting pays
    """

    risk_aversion: Annotated[str | None, Parameter(name=("--risk-aversion", "--lambda"))] = None
    urgency: Literal["low", "medium", "high"] | None = None
    eta: str | None = None
    gamma: str | None = None
    epsilon: str | None = None
    alpha: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class ProgramOptions:
    """A program of Almgren and Chriss in its own parameters, instead of an order in a market.

    Parameters
    ----------
    x0
        shares at the start
    horizon
        trading days
    intervals
        trades, one at the start of each interval
    sigma
        volatility, $/share/day^0.5
    """

    x0: str | None = None
    horizon: str | None = None
    intervals: str | None = None
    sigma: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class OutputOptions:
    """How the plan is shown.

    Parameters
    ----------
    html
        also write a self-contained page with the frontier
    json
        print JSON for machines
    """

    html: Path | None = None
    json: Annotated[bool, Parameter(negative="")] = False
