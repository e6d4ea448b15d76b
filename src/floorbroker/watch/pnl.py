"""What positions are worth at live prices, each price with its age; nothing is invented."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from floorbroker.brokers.feed import Fact
from floorbroker.clock import NS_PER_S
from floorbroker.domain.amounts import ZERO_MONEY, Money, Px, Qty
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.position import Position
from floorbroker.domain.quotes import Quote, Trade
from floorbroker.marketdata.live.view import Age, Mark, Stale
from floorbroker.watch.today import RealizedBefore
from floorbroker.watch.watch import MarketWatch


class PnlRow(Struct, frozen=True, kw_only=True):
    """One position at its mark. Without a price that is young enough, `mark_px`, `mark_age_s` and
    `unrealized_pnl` are None and `text` says why."""

    symbol: str
    qty: Qty
    avg_entry_px: Px | None
    mark_px: Px | None
    mark_source: str  #: `mid` or `last`, live; `asked mid`, `asked last` of the broker's list.
    mark_age_s: float | None
    unrealized_pnl: Money | None
    realized_today: Money
    text: str = ""


async def pnl_of(
    positions: Iterable[Position], watch: MarketWatch, before: RealizedBefore, max_age_s: float
) -> list[PnlRow]:
    """Positions at marks that are not older than that."""
    found = list(positions)
    held = [position.symbol for position in found if not position.is_flat]
    marks = await marks_of(watch, held, max_age_s)
    return marked(found, marks, await before.by_symbol())


async def marks_of(
    watch: MarketWatch, symbols: Sequence[str], max_age_s: float
) -> dict[str, Mark | Stale]:
    """The live mark of each symbol; where there is none, the broker's list is asked once."""
    marks = {symbol: watch.view.mark(symbol, max_age_s=max_age_s) for symbol in symbols}
    lacking = [symbol for symbol, mark in marks.items() if isinstance(mark, Stale)]
    if lacking:
        try:
            facts = await watch.lists.newest(lacking)
        except BrokerError:
            return marks
        now_ns = watch.view.moment().now_ns
        marks.update(asked_marks(facts, now_ns, max_age_s))
    return marks


def asked_marks(facts: Iterable[Fact], now_ns: int, max_age_s: float) -> dict[str, Mark]:
    """Marks from the broker's list; a quote with two sides comes before a print."""
    marks: dict[str, Mark] = {}
    for fact in facts:
        age_s = max(0, now_ns - fact.time_ns) / NS_PER_S
        if age_s > max_age_s:
            continue
        age = Age(market_s=age_s, received_s=0.0)
        if isinstance(fact, Quote) and fact.has_both_sides:
            marks[fact.symbol] = Mark(px=fact.mid_px, source="asked mid", age=age)
        elif isinstance(fact, Trade) and fact.symbol not in marks:
            marks[fact.symbol] = Mark(px=fact.px, source="asked last", age=age)
    return marks


def marked(
    positions: Iterable[Position],
    marks: Mapping[str, Mark | Stale],
    realized_before: Mapping[str, Money],
) -> list[PnlRow]:
    """Each position that is held, or realised something today, by symbol."""
    rows = []
    for position in sorted(positions, key=lambda one: one.symbol):
        symbol = position.symbol
        today = position.realized_pnl - realized_before.get(symbol, ZERO_MONEY)
        if not position.is_flat or today:
            rows.append(_row(position, marks.get(symbol), today))
    return rows


def _row(position: Position, mark: Mark | Stale | None, today: Money) -> PnlRow:
    found = mark if isinstance(mark, Mark) and not position.is_flat else None
    px = None if found is None else Px.of(found.px)
    return PnlRow(
        symbol=position.symbol,
        qty=position.qty,
        avg_entry_px=position.avg_entry_px,
        mark_px=px,
        mark_source="" if found is None else found.source,
        mark_age_s=None if found is None else found.age.s,
        unrealized_pnl=None if px is None else position.unrealized_pnl(px),
        realized_today=today,
        text=mark.text if isinstance(mark, Stale) else "",
    )
