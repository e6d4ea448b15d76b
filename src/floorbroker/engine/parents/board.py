"""What is known of the markets of parent orders, and what others may see of the parents."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, field
from msgspec.structs import replace

from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.books.earlier import GIVEN
from floorbroker.domain.books.parents import ParentOrder, ParentState
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.domain.terms import Side
from floorbroker.engine.exposure.facts import Reference
from floorbroker.engine.gates.risk import NOTHING_AROUND, Around
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.standing.parents import ENDED_MAX, Parent
from floorbroker.engine.state import State
from floorbroker.execution.algos.port import MarketView, Touch, VolumeCurve
from floorbroker.pretrade.risk import view

#: Begins the timer of a parent that waits on; the journal knows nothing of it.
WAKE = "wake:"


class ParentStatus(Struct, frozen=True, kw_only=True):
    """A parent order as everybody may see it: durable, one committed batch behind.

    `target` is what the schedule wanted done at the last step, `open_qty` may still fill, and
    `unknown_qty` is the part of it whose fate nobody knows. `children` were ever
    numbered. `reason` is why it is paused or ended, `refusal` why the last child was not taken.
    """

    parent_id: ClOrdID
    state: ParentState
    symbol: str
    side: str
    qty: Qty
    algo: str
    strategy: str
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
    refusal: str
    withheld: tuple[str, ...]
    next_wake: datetime | None
    ended: datetime | None

    @property
    def is_ended(self) -> bool:
        return self.state.is_ended


class Seen(Struct, kw_only=True):
    """The market of one symbol as it was told last; `told_ns` is when that was, and `asked_ns`
    until when its bars were asked for. `around` is what orders of a side are decided by."""

    quote: Quote | None = None
    told_ns: int = 0
    asked_ns: int = 0
    problem: str = "never told"
    bars: dict[int, Bar] = field(default_factory=dict)
    around: dict[Side, Around] = field(default_factory=dict)

    @property
    def reference(self) -> Reference | None:
        """What the live market told, where there is one."""
        told = (one.facts for one in self.around.values())
        return next((one.reference for one in told if one is not None), None)


class Board:
    """Filled by `feeder`, read by the writer at each step; and shown to those who ask.

    A quote older than `parent_stale_s` is not relied on.
    """

    def __init__(self, settings: EngineSettings, own: Callable[[str, int], Qty]) -> None:
        self._own = own  #: How much of a symbol this desk's parents filled since an instant.
        self._prints_own = settings.prints_own
        self.seen: dict[str, Seen] = {}
        self.needed = asyncio.Event()
        self.statuses: OrderedDict[ClOrdID, ParentStatus] = OrderedDict()
        self.wakes: dict[str, datetime] = {}  #: Of those that wait on.
        self._stale_ns = int(settings.parent_stale_s * NS_PER_S)
        self._readers: list[Reader] = []

    # The market

    def market(self, parent: Parent, now_ns: int) -> MarketView:
        """The market as the parent's algorithm sees it."""
        order, session_ns = parent.order, parent.order.session_ns
        seen = self.seen.get(order.symbol) or Seen()
        volume = sum(
            (bar.volume for bar in seen.bars.values() if order.start_ns <= bar.time_ns < now_ns),
            Decimal(0),
        )
        own = self._own(order.symbol, order.start_ns) if self._prints_own else ZERO_QTY
        told = seen.reference
        stale = seen.problem
        if not stale and now_ns - seen.told_ns > self._stale_ns:
            stale = f"told {(now_ns - seen.told_ns) // NS_PER_S} s ago"
        return MarketView(
            touch=None
            if seen.quote is None
            else touch_of(seen.quote, includes_own=self._prints_own),
            stale=stale,
            volume=Qty.of(volume),
            own_volume=min(own, Qty.of(volume)),
            last_px=None if told is None or told.last_px is None else Px.of(told.last_px),
            is_halted=told is not None and bool(told.is_halted),
            curve=curve_of(order),
            stats=order.stats,
            session_open_ns=None if session_ns is None else session_ns[0],
            session_close_ns=None if session_ns is None else session_ns[1],
        )

    def around(self, parent: Parent, seen: view.Parent, now_ns: int) -> Around:
        """What the next child is decided by: as it was found out last, and asked for now."""
        order = parent.order
        told = self.seen.get(order.symbol, Seen()).around.get(order.side, NOTHING_AROUND)
        facts = None if told.facts is None else replace(told.facts, at_ns=now_ns)
        # Its number tells a child from its twin: what is alike is meant.
        return replace(told, facts=facts, parent=seen, may_repeat=True)

    # What others see

    def status(self, status: ParentStatus) -> ParentStatus:
        """The same with the time at which it is asked again, which alone may have changed."""
        wake = self.wakes.get(f"{WAKE}{status.parent_id}")
        return status if wake is None else replace(status, next_wake=wake)

    def show(self, parent: Parent, state: State) -> None:
        """The parent stands like this, and that is durable."""
        status = status_of(parent, state, self.seen.get(parent.order.symbol))
        self.statuses[parent.parent_id] = status
        while len(self.statuses) > 2 * ENDED_MAX:
            ended = next((key for key, one in self.statuses.items() if one.is_ended), None)
            if ended is None:
                break
            del self.statuses[ended]
        for reader in self._readers:
            reader.put(status)

    def changed(self) -> None:
        """There may be another symbol to follow."""
        self.needed.set()

    def nothing(self) -> None:
        """Nobody has to be told."""

    @contextmanager
    def reading(self) -> Iterator["Reader"]:
        """Everything that is shown from now on."""
        reader = Reader()
        self._readers.append(reader)
        try:
            yield reader
        finally:
            self._readers.remove(reader)


class Reader:
    """What somebody has not read yet: of each parent the newest, however slow he is."""

    def __init__(self) -> None:
        self.news: dict[ClOrdID, ParentStatus] = {}
        self.came = asyncio.Event()

    def put(self, status: ParentStatus) -> None:
        self.news.pop(status.parent_id, None)
        self.news[status.parent_id] = status
        self.came.set()

    def take(self) -> list[ParentStatus]:
        """All of it, in the order in which it came."""
        self.came.clear()
        news, self.news = self.news, {}
        return list(news.values())


def touch_of(quote: Quote, *, includes_own: bool) -> Touch:
    """A side without a size is a side that nobody quotes."""
    return Touch(
        time_ns=quote.time_ns,
        bid_px=Px.of(quote.bid_px) if quote.bid_size > 0 else None,
        bid_qty=Qty.of(quote.bid_size),
        ask_px=Px.of(quote.ask_px) if quote.ask_size > 0 else None,
        ask_qty=Qty.of(quote.ask_size),
        includes_own=includes_own,
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
        strategy=order.strategy,
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
        refusal=parent.refusal,
        withheld=parent.withheld,
        next_wake=None if parent.wake_ns is None else datetime_of(parent.wake_ns),
        ended=parent.ended_time,
    )
