"""Limit up, limit down: how far from its recent average a stock may trade, as the plan has it.

The reference price is the mean of the eligible prints of the last five minutes. A new one counts
if it is one per cent away, and half a minute after the last at the earliest. Every stock is taken
for one of Tier 1; the real list of tiers is not part of this exchange. The venue does not hold
prints or orders against the bands: they are told, no more.
"""

from collections import deque
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Trade
from floorbroker.exchange.tape import Market

WINDOW_NS = 300 * NS_PER_S
PAUSE_NS = 30 * NS_PER_S
_MINUTE_NS = 60 * NS_PER_S
_EARLY_NS, _LATE_NS = 15 * _MINUTE_NS, 25 * _MINUTE_NS
_CENT = Decimal("0.01")
_STEP = Decimal("0.01")  # one per cent
_THREE, _LOW = Decimal(3), Decimal("0.75")
_PART, _CHEAP_PART, _PENNY_PART = Decimal("0.05"), Decimal("0.20"), Decimal("0.75")
_PENNY_WIDTH = Decimal("0.15")


class Band(Struct, frozen=True):
    """The prices between which a stock may trade; `indicator` is A at the open, B later."""

    up_px: Decimal
    down_px: Decimal
    indicator: str


class Bands:
    """The reference prices of the symbols that somebody asks about."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[Trade]] = {}
        self._reference: dict[str, tuple[Decimal, int]] = {}  # price, since when

    def after(self, trade: Trade, market: Market) -> Band | None:
        """The new band that this print brings, None where the old one stays or there is none."""
        session = market.session(trade.symbol)
        if session is None or not (trade.eligible or trade.auction):
            return None
        day, time_ns = session.day, trade.time_ns
        if not day.opening_ns <= time_ns < day.closing_ns:
            return None
        mean = self._mean(trade, market)
        px, since_ns = self._reference.get(trade.symbol, (None, 0))
        is_first = px is None or since_ns < day.opening_ns
        if px is not None and not is_first:
            is_far = abs(mean - px) >= px * _STEP
            if not is_far or time_ns - since_ns < PAUSE_NS:
                return None
        self._reference[trade.symbol] = (mean, time_ns)
        is_wide = time_ns < day.opening_ns + _EARLY_NS or time_ns >= day.closing_ns - _LATE_NS
        width = (width_of(mean) * (2 if is_wide else 1)).quantize(_CENT, ROUND_HALF_UP)
        middle = mean.quantize(_CENT, ROUND_HALF_UP)
        is_open = is_first and time_ns < day.opening_ns + _MINUTE_NS
        return Band(middle + width, max(middle - width, _CENT), "A" if is_open else "B")

    def _mean(self, trade: Trade, market: Market) -> Decimal:
        since_ns = trade.time_ns - WINDOW_NS
        recent = self._recent.get(trade.symbol)
        if recent is None:
            prints = market.trades_between(trade.symbol, since_ns, trade.time_ns - 1)
            known = (each for each in prints if each.eligible or each.auction)
            recent = self._recent[trade.symbol] = deque(known)
        recent.append(trade)
        while recent[0].time_ns < since_ns:
            recent.popleft()
        return sum((each.px for each in recent), Decimal(0)) / len(recent)


def width_of(reference_px: Decimal) -> Decimal:
    """How far from the reference price either band is, in dollars."""
    if reference_px > _THREE:
        return reference_px * _PART
    if reference_px >= _LOW:
        return reference_px * _CHEAP_PART
    return min(_PENNY_WIDTH, reference_px * _PENNY_PART)
