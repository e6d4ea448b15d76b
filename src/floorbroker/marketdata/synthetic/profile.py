"""The character of a symbol: its price, spread, sizes and volatility."""

from decimal import Decimal
from math import exp
from random import Random
from typing import NamedTuple
from zlib import crc32

CENT = Decimal("0.01")


class Profile(NamedTuple):
    """A symbol's character: price in dollars, mean spread in cents, mean displayed round lots,
    standard deviation of the day's return, and the smallest size.
    """

    price: Decimal
    spread_cents: float
    lots: float
    volatility: float
    unit: Decimal = Decimal(1)


PROFILES = {
    "AAPL": Profile(Decimal(187), 1.4, 4, 0.013),
    "MSFT": Profile(Decimal(420), 3.2, 2, 0.012),
    "SPY": Profile(Decimal(560), 1.3, 8, 0.010),
    "QQQ": Profile(Decimal(480), 1.6, 6, 0.012),
    "NVDA": Profile(Decimal(120), 1.2, 9, 0.019),
    "AMD": Profile(Decimal(150), 1.8, 4, 0.019),
    "INTC": Profile(Decimal(24), 1.1, 25, 0.017),
    "AMZN": Profile(Decimal(185), 1.6, 4, 0.014),
    "F": Profile(Decimal(11), 1.05, 60, 0.014),
    "BTC/USD": Profile(Decimal(65_000), 900, 30, 0.02, Decimal("0.0001")),
}


def profile_of(symbol: str) -> Profile:
    """The known character of a symbol, or one that its name decides."""
    known = PROFILES.get(symbol)
    if known is not None:
        return known
    character = Random(crc32(symbol.encode()))  # noqa: S311  (a character, not a secret)
    cents = round(100 * exp(character.uniform(2.1, 5.7)))  # 8 to 300 dollars
    spread_cents = max(1.1, cents * character.uniform(1.0, 4.0) / 10_000)
    if "/" in symbol:
        return Profile(
            cents * CENT, spread_cents, 30, character.uniform(0.015, 0.02), Decimal("0.0001")
        )
    lots = max(1.5, 25_000 / cents)
    return Profile(cents * CENT, spread_cents, lots, character.uniform(0.011, 0.019))
