"""What a plan is expected to cost, and which of its trades a control would refuse."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from floorbroker import app
from floorbroker.clock import ns_of
from floorbroker.deskwork.portfolio.looking import How, Price
from floorbroker.deskwork.portfolio.sending import request_of
from floorbroker.deskwork.risk.whatif import what_if
from floorbroker.domain.books.earlier import DayStats, Wanted
from floorbroker.domain.errors import FloorbrokerError
from floorbroker.pretrade.allocation.trades import Trade
from floorbroker.pretrade.costs import square_root

_CENT, _BPS = Decimal("0.01"), Decimal(10_000)
#: What a later phase brings first: cash of the sells, a position closed before it is turned.
_OF_LATER_PHASES = frozenset({"P14", "P15"})


#: What bounds one order: an algorithm's children are smaller, and each is asked about.
_OF_ONE_ORDER = frozenset({"P06", "P07", "P08", "P31"})


class Ask(Struct, frozen=True, kw_only=True):
    """How the trades are to be sent: each as one order, or worked by the named algorithm, which
    may do nothing without a volume curve."""

    how: How
    algo: str = ""
    needs_curve: bool = False


class TradeOutlook(Struct, frozen=True, kw_only=True):
    """One trade: half its spread and its impact in dollars, and the noes it would get now.

    `impact` is by the square root law and None where volume or volatility is not known.
    """

    trade: Trade
    half_spread: Decimal
    impact: Decimal | None
    stats: DayStats
    why: str  #: What is not known of earlier days, and why.
    lacks_curve: bool = False  #: And its algorithm can do nothing without.
    denials: tuple[str, ...] = ()


class Outlook(Struct, frozen=True, kw_only=True):
    """All trades of a plan, in its order."""

    trades: tuple[TradeOutlook, ...]

    @property
    def half_spread(self) -> Decimal:
        return sum((one.half_spread for one in self.trades), Decimal(0))

    @property
    def impact(self) -> Decimal:
        """Of those whose impact is known."""
        return sum((one.impact for one in self.trades if one.impact is not None), Decimal(0))

    @property
    def has_no_curve(self) -> bool:
        """Whether not one of the trades has what its algorithm cannot do without."""
        return bool(self.trades) and all(one.lacks_curve for one in self.trades)

    @property
    def unknown(self) -> tuple[TradeOutlook, ...]:
        return tuple(one for one in self.trades if one.impact is None)

    @property
    def denied(self) -> tuple[TradeOutlook, ...]:
        return tuple(one for one in self.trades if one.denials)


async def outlook_of(
    parts: app.Parts, trades: Sequence[Trade], prices: Mapping[str, Price], ask: Ask
) -> Outlook:
    """Ask earlier days and every control about each trade on its own, and send nothing.

    Trades of later phases are not asked for what the phases before them bring: buying power, and
    shares to sell.
    """
    denials = [await _denials(parts, one, prices[one.symbol], ask) for one in trades]
    looked = (_looked_at(parts, one, prices[one.symbol], ask) for one in trades)
    found = zip(await asyncio.gather(*looked), denials, strict=True)
    return Outlook(
        trades=tuple(replace(one, denials=(*noes, *one.denials)) for one, noes in found)
    )


async def _looked_at(parts: app.Parts, trade: Trade, price: Price, ask: Ask) -> TradeOutlook:
    wanted = Wanted(symbol=trade.symbol, start_ns=ns_of(parts.clock.now()))
    earlier = await parts.earlier(wanted)
    stats = earlier.stats
    why = earlier.why or ("" if _knows(stats) else "too few days are known")
    is_blind = ask.needs_curve and earlier.curve is None
    return TradeOutlook(
        trade=trade,
        half_spread=trade.qty * (price.ask_px - price.bid_px) / 2,
        impact=_impact(trade, stats),
        stats=stats,
        why=why,
        lacks_curve=is_blind,
        denials=(f"{ask.algo} has no volume curve; {why}",) if is_blind else (),
    )


def _knows(stats: DayStats) -> bool:
    return bool(stats.adv) and bool(stats.daily_volatility)


def _impact(trade: Trade, stats: DayStats) -> Decimal | None:
    if not stats.adv or not stats.daily_volatility:
        return None
    bps = square_root.cost_bps(float(trade.qty), float(stats.adv), float(stats.daily_volatility))
    return (trade.value * Decimal(str(bps)) / _BPS).quantize(_CENT)


async def _denials(parts: app.Parts, trade: Trade, price: Price, ask: Ask) -> tuple[str, ...]:
    try:
        found = await what_if(parts, request_of(trade, price, ask.how))
    except FloorbrokerError as refusal:
        return (f"{refusal}",)
    told = [text for text in (found.gates, found.broker) if text]
    open_ones = _OF_LATER_PHASES if trade.phase > 1 else frozenset()
    open_ones |= _OF_ONE_ORDER if ask.algo else frozenset()
    for one in found.verdicts:
        if not one.passes and one.control not in open_ones:
            limit = f"{one.value}, and the limit is {one.limit}"
            told.append(f"{one.control} {one.name}: {limit}; {one.would_pass}")
    return tuple(told)
