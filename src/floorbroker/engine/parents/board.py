"""What is known of the markets of parent orders, and what others may see of the parents."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, field
from msgspec.structs import replace

from floorbroker.brokers.port import MarketPhase
from floorbroker.clock import NS_PER_S, datetime_of, ns_of
from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.books.earlier import GIVEN
from floorbroker.domain.books.parents import ParentOrder, ParentState
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.engine.standing.parents import ENDED_MAX, Parent
from floorbroker.engine.state import State
from floorbroker.execution.algos.port import MarketView, Touch, VolumeCurve


class ParentStatus(Struct, frozen=True, kw_only=True):
    """A parent order as everybody may see it: durable, one committed batch behind.

    `target` is what the schedule wanted done at the last step, `open_qty` may still fill, and
    `unknown_qty` is the part of it whose fate nobody knows. `children` were ever numbered.
    """

    parent_id: ClOrdID
    state: ParentState
    symbol: str
    side: str
    qty: Qty
    algo: str
    start: datetime
    end: datetime
    limit: Px | None
    params: dict[str, str]
    filled: Qty
    open_qty: Qty
    unknown_qty: Qty
    target: Qty | None
    avg_px: Px | None
    participation: Decimal | None
    children: int
    open_children: tuple[ClOrdID, ...]
    why: str
    reason: str
    withheld: tuple[str, ...]
    next_wake: datetime | None
    ended: datetime | None

    @property
    def is_ended(self) -> bool:
        return self.state.is_ended


class Seen(Struct, kw_only=True):
    """The market of one symbol as it was told last; `told_ns` is when that was."""

    quote: Quote | None = None
    told_ns: int = 0
    problem: str = "never told"
    bars: dict[int, Bar] = field(default_factory=dict)
    open_ns: int | None = None
    close_ns: int | None = None


class Board:
    """Filled by `feeder`, read by the writer at each step; and shown to those who ask.

    A quote older than `stale_s` is not relied on.
    """

    def __init__(self, *, stale_s: float) -> None:
        self.seen: dict[str, Seen] = {}
        self.needed = asyncio.Event()
        self.statuses: OrderedDict[ClOrdID, ParentStatus] = OrderedDict()
        self._stale_ns = int(stale_s * NS_PER_S)
        self._waiters: list[asyncio.Event] = []

    # The market

    def market(self, parent: Parent, now_ns: int) -> MarketView:
        order = parent.order
        seen = self.seen.get(order.symbol) or Seen()
        volume = sum(
            (bar.volume for bar in seen.bars.values() if order.start_ns <= bar.time_ns < now_ns),
            Decimal(0),
        )
        stale = seen.problem
        if not stale and now_ns - seen.told_ns > self._stale_ns:
            stale = f"told {(now_ns - seen.told_ns) // NS_PER_S} s ago"
        return MarketView(
            touch=None if seen.quote is None else touch_of(seen.quote),
            stale=stale,
            volume=Qty.of(volume),
            own_volume=min(parent.filled, Qty.of(volume)),
            curve=curve_of(order),
            stats=order.stats,
            session_open_ns=seen.open_ns,
            session_close_ns=seen.close_ns,
        )

    # What others see

    def show(self, parent: Parent, state: State) -> None:
        """The parent stands like this, and that is durable."""
        status = status_of(parent, state, self.seen.get(parent.order.symbol))
        self.statuses[parent.parent_id] = status
        while len(self.statuses) > 2 * ENDED_MAX:
            ended = next((key for key, one in self.statuses.items() if one.is_ended), None)
            if ended is None:
                break
            del self.statuses[ended]
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.set()

    def changed(self) -> None:
        """There may be another symbol to follow."""
        self.needed.set()

    def nothing(self) -> None:
        """Nobody has to be told."""

    async def next_change(self) -> None:
        waiter = asyncio.Event()
        self._waiters.append(waiter)
        await waiter.wait()

    async def wait(
        self, parent_id: ClOrdID, until: Callable[[ParentStatus], bool]
    ) -> ParentStatus:
        """The parent, once this is true of it."""
        while True:
            status = self.statuses[parent_id]
            if until(status):
                return status
            await self.next_change()


def touch_of(quote: Quote) -> Touch:
    """A side without a size is a side that nobody quotes."""
    return Touch(
        time_ns=quote.time_ns,
        bid_px=Px.of(quote.bid_px) if quote.bid_size > 0 else None,
        bid_qty=Qty.of(quote.bid_size),
        ask_px=Px.of(quote.ask_px) if quote.ask_size > 0 else None,
        ask_qty=Qty.of(quote.ask_size),
    )


def curve_of(order: ParentOrder) -> VolumeCurve | None:
    """The order's own curve; one that somebody gave is of equal parts of its time, whatever that
    is by now."""
    curve = order.curve
    if curve is None or curve.source != GIVEN:
        return curve
    count, length = len(curve.shares), order.end_ns - order.start_ns
    edges = tuple(order.start_ns + length * place // count for place in range(count + 1))
    return replace(curve, edges_ns=edges)


def status_of(parent: Parent, state: State, seen: Seen | None) -> ParentStatus:
    order = parent.order
    volume = Decimal(0)
    if seen is not None:
        volume = sum(
            (bar.volume for bar in seen.bars.values() if bar.time_ns >= order.start_ns), volume
        )
    return ParentStatus(
        parent_id=parent.parent_id,
        state=parent.state,
        symbol=order.symbol,
        side=order.side,
        qty=order.qty,
        algo=order.algo,
        start=datetime_of(order.start_ns),
        end=datetime_of(order.end_ns),
        limit=order.limit,
        params={name: str(value) for name, value in order.params.items()},
        filled=parent.filled,
        open_qty=parent.leaves_of(state.book) if parent.open else ZERO_QTY,
        unknown_qty=parent.unknown_of(state.book) if parent.open else ZERO_QTY,
        target=parent.target,
        avg_px=parent.avg_px,
        participation=parent.filled.decimal / volume if volume else None,
        children=parent.count,
        open_children=tuple(parent.open),
        why=parent.why,
        reason=parent.reason,
        withheld=parent.withheld,
        next_wake=None if parent.wake_ns is None else datetime_of(parent.wake_ns),
        ended=parent.ended_time,
    )


def session_of(phase: MarketPhase) -> tuple[int | None, int | None]:
    """When the regular session opened or opens, None while it runs, and when it closes."""
    opens_ns = None if phase.is_open else ns_of(phase.next_open)
    return opens_ns, ns_of(phase.next_close)
