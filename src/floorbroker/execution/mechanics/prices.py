"""Prices an order may have: on a tick, on the right side of a bound, for buys and sells alike.

"Better" is what the order's owner likes: lower for a buy, higher for a sell.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from floorbroker.domain.amounts import Px
from floorbroker.domain.terms import Side

BASIS_POINT = Decimal("0.0001")


def on_tick(side: Side, px: Px, tick: Decimal) -> Px:
    """The nearest price on a tick that is no worse: down for a buy, up for a sell."""
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return Px.of((px.decimal / tick).to_integral_value(rounding) * tick)


def better_of(side: Side, *prices: Px | None) -> Px:
    """The best of those that are there."""
    known = [px for px in prices if px is not None]
    return min(known) if side is Side.BUY else max(known)


def is_worse(side: Side, px: Px, bound: Px) -> bool:
    """Whether the owner would rather have the bound."""
    return px > bound if side is Side.BUY else px < bound


def through(side: Side, px: Px, distance: Decimal) -> Px:
    """So many dollars worse than the price; better where the distance is negative."""
    return Px.of(px.decimal + side.sign * distance)
