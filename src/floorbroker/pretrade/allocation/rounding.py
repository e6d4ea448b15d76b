"""Shares that can be traded, from shares as they were computed."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec import Struct

_NOTHING, _ONE = Decimal(0), Decimal(1)


class Wanted(Struct, frozen=True, kw_only=True):
    """So many shares of a name, computed (negative: short), at this price, in lots."""

    shares: Decimal
    px: Decimal
    lot: Decimal

    @property
    def step(self) -> Decimal:
        """Shorts are whole shares."""
        return max(self.lot, _ONE) if self.shares < 0 else self.lot


def rounded(wanted: Mapping[str, Wanted]) -> dict[str, Decimal]:
    """Each name in whole lots, towards zero; then what that left over buys further lots.

    The largest remainders come first, each gets one lot at most, if what is left pays for it: at
    the end no name below its share has a lot that still fits. Longs and shorts have their own
    leftovers, so that the mirror image of a portfolio is rounded to the mirror image.
    """
    longs = {symbol: one for symbol, one in wanted.items() if one.shares >= 0}
    shorts = {
        symbol: Wanted(shares=-one.shares, px=one.px, lot=one.step)
        for symbol, one in wanted.items()
        if one.shares < 0
    }
    found = _rounded(longs) | {symbol: -qty for symbol, qty in _rounded(shorts).items()}
    return {symbol: found[symbol] for symbol in wanted}


def _rounded(wanted: Mapping[str, Wanted]) -> dict[str, Decimal]:
    down = {symbol: floored(one.shares, one.lot) for symbol, one in wanted.items()}
    rest = {symbol: one.shares - down[symbol] for symbol, one in wanted.items()}
    left = sum((rest[symbol] * one.px for symbol, one in wanted.items()), _NOTHING)
    for symbol in sorted(wanted, key=lambda name: (-rest[name] / wanted[name].lot, name)):
        one = wanted[symbol]
        if rest[symbol] and one.lot * one.px <= left:
            down[symbol] += one.lot
            left -= one.lot * one.px
    return down


def floored(qty: Decimal, lot: Decimal) -> Decimal:
    """The multiple of `lot` at or below."""
    return (qty / lot).to_integral_value(ROUND_FLOOR) * lot


def ceiled(qty: Decimal, lot: Decimal) -> Decimal:
    """The multiple of `lot` at or above."""
    return (qty / lot).to_integral_value(ROUND_CEILING) * lot


def truncated(qty: Decimal, lot: Decimal) -> Decimal:
    """The multiple of `lot` next to it towards zero."""
    return floored(qty, lot) if qty >= 0 else ceiled(qty, lot)


def is_within(wanted: Wanted, stands: Decimal, width: Decimal) -> bool:
    """Whether a name stands in the band around what is wanted; `width` are dollars. Nothing is
    near enough to a target of zero but zero."""
    return bool(wanted.shares) and abs(stands - wanted.shares) <= width / wanted.px


def edge_of(wanted: Wanted, target: Decimal, stands: Decimal, width: Decimal) -> Decimal:
    """Shares just inside the band, on the side where we stand outside of it; the rounded `target`
    where no whole lot lies between, or where the band reaches over zero."""
    room = width / wanted.px
    if stands < wanted.shares:
        edge = ceiled(wanted.shares - room, wanted.step)
        is_between = edge <= wanted.shares
    else:
        edge = floored(wanted.shares + room, wanted.step)
        is_between = edge >= wanted.shares
    return edge if is_between and edge * target > 0 else target
