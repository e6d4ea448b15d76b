"""Buys cut to the cash that is there: never more, and nothing left that would still buy a lot."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from floorbroker.pretrade.allocation.rounding import floored

_NOTHING = Decimal(0)


class Buy(Struct, frozen=True, kw_only=True):
    """So many shares at most, a lot at a time: what one costs, and what it is valued at."""

    qty: Decimal
    lot: Decimal
    cost_px: Decimal
    px: Decimal


def fitted(buys: Mapping[str, Buy], cash: Decimal, min_trade: Decimal) -> dict[str, Decimal]:
    """How much of each buy the cash pays for.

    All in the same proportion, rounded down to lots; then a lot each by largest remainder; what is
    below the minimum by then is given up, and its cash goes to whoever has the most left to buy.
    """
    needed = sum((buy.qty * buy.cost_px for buy in buys.values()), _NOTHING)
    if needed <= cash:
        return {symbol: buy.qty for symbol, buy in buys.items()}
    if cash <= 0:
        return dict.fromkeys(buys, _NOTHING)
    share = {symbol: buy.qty * cash / needed for symbol, buy in buys.items()}
    got = {symbol: floored(share[symbol], buy.lot) for symbol, buy in buys.items()}
    left = cash - sum((got[symbol] * buy.cost_px for symbol, buy in buys.items()), _NOTHING)
    by_remainder = {name: (share[name] - got[name]) / buy.lot for name, buy in buys.items()}
    for symbol in sorted(buys, key=lambda name: (-by_remainder[name], name)):
        buy = buys[symbol]
        if by_remainder[symbol] and buy.lot * buy.cost_px <= left:
            got[symbol] += buy.lot
            left -= buy.lot * buy.cost_px
    return _swept(buys, got, left, min_trade)


def _swept(
    buys: Mapping[str, Buy], got: dict[str, Decimal], left: Decimal, min_trade: Decimal
) -> dict[str, Decimal]:
    """Without what is too small, and with all that the cash of it, and any other, still buys."""
    for symbol, buy in buys.items():
        if got[symbol] * buy.px < min_trade:
            left += got[symbol] * buy.cost_px
            got[symbol] = _NOTHING
    short = {symbol: (buy.qty - got[symbol]) * buy.px for symbol, buy in buys.items()}
    for symbol in sorted(buys, key=lambda name: (-short[name], name)):
        buy = buys[symbol]
        rest = buy.qty - got[symbol]
        more = rest if rest * buy.cost_px <= left else floored(left / buy.cost_px, buy.lot)
        if more > 0 and (got[symbol] + more) * buy.px >= min_trade:
            got[symbol] += more
            left -= more * buy.cost_px
    assert left >= 0, f"buys cost {-left} more than there is"
    return got
