"""The worst that open orders can still do, kept up to date order by order.

A fold over the orders of the book: each has a hold here for as long as it may execute, whoever
placed it, and the sums are there without looking at the others. What is UNKNOWN, or not sent yet,
counts in full: a buy may all fill while no sale does, and the other way round. A replace on its
way counts with the larger of its two sizes and the dearer of its two prices until one of them is
gone for good. Legs that are held reserve nothing, and two of a pair what the larger of them does.

Dollars are those of the dearest price that the order has: its limit, its trigger, or the market's
when it was decided on. Positions are worth what they cost.
"""

import heapq
from collections.abc import Collection, Iterable
from decimal import Decimal
from operator import neg
from typing import Final

from msgspec import Struct, field

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.lifecycle import UNHEARD
from floorbroker.domain.order import ENDED, Order, OrderRequest, OrdStatus, OrdType, Side
from floorbroker.domain.position import Position
from floorbroker.engine.book.book import Book

_ZERO = Decimal(0)
_HIGHEST = Decimal("Infinity")
_TRIGGERED = (OrdType.STOP, OrdType.STOP_LIMIT, OrdType.TRAILING_STOP)
#: A heap is swept once it has so many entries for each that still counts.
_SLACK = 4

# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_BUY: Final = Side.BUY
_UNKNOWN: Final = OrdStatus.UNKNOWN
_HELD: Final = OrdStatus.HELD

Pair = tuple[ClOrdID, bool]


class Hold(Struct, frozen=True, gc=False):
    """What one order reserves."""

    symbol: str
    is_buy: bool
    pair: Pair | None  #: Whose shares it shares; None where it is alone.
    shares: Decimal
    dollars: Decimal  #: Of an order whose shares only its fills will tell.
    value: Decimal
    is_unseen: bool  #: The broker may not have counted it yet.
    is_unknown: bool
    resting_px: Decimal | None  #: Where others may meet it; None while it waits for a trigger.
    request: OrderRequest
    cum_qty: Decimal
    is_firm: bool  #: No replace is on its way.


class Room(Struct):
    """All that is reserved in one symbol."""

    buy: Decimal = _ZERO
    sell: Decimal = _ZERO
    buy_dollars: Decimal = _ZERO
    sell_dollars: Decimal = _ZERO
    count: int = 0
    unknown: int = 0
    pairs: dict[Pair, dict[ClOrdID, Hold]] = field(default_factory=dict)
    #: Our own resting prices, best first: of buys their negatives.
    buys: list[tuple[Decimal, ClOrdID]] = field(default_factory=list)
    sells: list[tuple[Decimal, ClOrdID]] = field(default_factory=list)


class Reserve:
    """Every hold, and their sums by symbol and over the account."""

    def __init__(self) -> None:
        self.holds: dict[ClOrdID, Hold] = {}
        self.rooms: dict[str, Room] = {}
        self.value = self.unseen = self.gross = _ZERO
        self.unknown = 0
        self._costs: dict[str, Decimal] = {}

    def restore(self, book: Book) -> None:
        """Begin anew from a book: what a snapshot does not keep."""
        self.__init__()  # type: ignore[misc]  # from nothing, as at first
        for order in (*book.orders.values(), *book.external.values()):
            self.put(book, order)
        self.revalue(book.positions.values())

    def put(self, book: Book, order: Order) -> None:
        """The order stands like this now. Of two that share a name, ours counts."""
        name, old = order.cl_ord_id, self.holds.get(order.cl_ord_id)
        if book.external and name in book.external:
            order = book.find(name) or order
        if order.venue_status in ENDED or order.venue_status is _HELD:
            if old is not None:
                self.drop(name)
            return
        is_firm = name not in book.replaces
        if (
            old is not None
            and is_firm is old.is_firm is True
            and order.request is old.request
            and order.cum_qty is old.cum_qty
            and (order.venue_status in UNHEARD) is old.is_unseen
            and (order.venue_status is _UNKNOWN) is old.is_unknown
        ):
            return
        new = _hold(book, order, is_firm=is_firm)
        rested = None if old is None else _signed(old)
        if old is not None:
            self.drop(name)
        self._add(name, new, rested)

    def drop(self, name: ClOrdID) -> None:
        """Nothing more can come of the order."""
        hold = self.holds.pop(name, None)
        if hold is not None:
            self._count(name, hold, is_there=False)

    def revalue(self, positions: Iterable[Position]) -> None:
        """These positions changed."""
        for position in positions:
            symbol, cost = position.symbol, abs(Decimal(position.cost))
            before = self._costs.get(symbol, _ZERO)
            if cost != before:
                self.gross += cost - before
                self._costs[symbol] = cost

    def __eq__(self, other: object) -> bool:
        """Whether it says the same, however it came to it."""
        return isinstance(other, Reserve) and self._said() == other._said()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def _said(self) -> tuple[object, ...]:
        rooms = {
            symbol: (one.buy, one.sell, one.buy_dollars, one.sell_dollars, one.count, one.unknown)
            for symbol, one in self.rooms.items()
            if one.count
        }
        return self.holds, rooms, self.value, self.unseen, self.gross, self.unknown

    def room(self, symbol: str) -> Room:
        return self.rooms.get(symbol) or _EMPTY

    def best_own(self, symbol: str, side: Side) -> Decimal | None:
        """Our own best resting price on that side; None where nothing of ours rests."""
        room = self.rooms.get(symbol)
        if room is None:
            return None
        heap = room.buys if side is _BUY else room.sells
        while heap:
            px, name = heap[0]
            hold = self.holds.get(name)
            signed = None if hold is None else _signed(hold)
            if signed == px:
                return -px if side is _BUY else px
            heapq.heappop(heap)
        return None

    def _add(self, name: ClOrdID, hold: Hold, rested: Decimal | None) -> None:
        """`rested` is the price by which the heap knows it already."""
        self.holds[name] = hold
        self._count(name, hold, is_there=True)
        signed = _signed(hold)
        if signed is not None and signed != rested:
            room = self.rooms[hold.symbol]
            heap = room.buys if hold.is_buy else room.sells
            heapq.heappush(heap, (signed, name))
            if len(heap) > _SLACK * room.count + 16:
                heap[:] = {one for one in heap if self._rests(one)}
                heapq.heapify(heap)

    def _rests(self, entry: tuple[Decimal, ClOrdID]) -> bool:
        hold = self.holds.get(entry[1])
        return hold is not None and _signed(hold) == entry[0]

    def _count(self, name: ClOrdID, hold: Hold, *, is_there: bool) -> None:
        room = self.rooms.get(hold.symbol)
        if room is None:
            room = self.rooms[hold.symbol] = Room()
        step = 1 if is_there else -1
        room.count += step
        if hold.is_unknown:
            room.unknown += step
            self.unknown += step
        if hold.pair is None:
            self._sum(room, hold, _sums((hold,)), is_there=is_there)
            return
        pair = room.pairs.setdefault(hold.pair, {})
        if pair:
            self._sum(room, hold, _sums(pair.values()), is_there=False)
        if is_there:
            pair[name] = hold
        else:
            del pair[name]
        if pair:
            self._sum(room, hold, _sums(pair.values()), is_there=True)
        else:
            del room.pairs[hold.pair]

    def _sum(self, room: Room, hold: Hold, sums: "_Sums", *, is_there: bool) -> None:
        shares, dollars, value, unseen = sums if is_there else map(neg, sums)
        if hold.is_buy:
            room.buy += shares
            room.buy_dollars += dollars
        else:
            room.sell += shares
            room.sell_dollars += dollars
        self.value += value
        self.unseen += unseen


_EMPTY = Room()
_Sums = tuple[Decimal, Decimal, Decimal, Decimal]


def _sums(holds: Collection[Hold]) -> _Sums:
    """Shares, dollars, value and unseen value of an order, or of a pair: what the one executes,
    the other does not."""
    if len(holds) == 1:
        (hold,) = holds
        return hold.shares, hold.dollars, hold.value, hold.value if hold.is_unseen else _ZERO
    return (
        max(hold.shares for hold in holds),
        max(hold.dollars for hold in holds),
        max(hold.value for hold in holds),
        max(hold.value if hold.is_unseen else _ZERO for hold in holds),
    )


def _signed(hold: Hold) -> Decimal | None:
    """The resting price, smaller where it is met sooner."""
    px = hold.resting_px
    return px if px is None or not hold.is_buy else -px


def _hold(book: Book, order: Order, *, is_firm: bool) -> Hold:
    request = order.request
    is_buy = request.side is _BUY
    px = dearest_px(book, order)
    if request.order_qty is None:
        shares = _ZERO
        done = _ZERO if order.avg_px is None else Decimal(order.cum_qty) * Decimal(order.avg_px)
        dollars = max(Decimal(request.notional or _ZERO) - done, _ZERO)
    else:
        most = request.order_qty if is_firm else book.most(order) or request.order_qty
        shares = max(Decimal(most) - Decimal(order.cum_qty), _ZERO)
        dollars = _ZERO
    return Hold(
        symbol=request.symbol,
        is_buy=is_buy,
        pair=_pair(order, is_buy=is_buy),
        shares=shares,
        dollars=dollars,
        value=dollars + shares * px,
        is_unseen=order.venue_status in UNHEARD,
        is_unknown=order.venue_status is _UNKNOWN,
        resting_px=_resting_px(request),
        request=request,
        cum_qty=order.cum_qty,
        is_firm=is_firm,
    )


def _pair(order: Order, *, is_buy: bool) -> Pair | None:
    if order.parent is None and not order.request.legs:
        return None
    return order.parent or order.cl_ord_id, is_buy


def dearest_px(book: Book, order: Order) -> Decimal:
    """The highest price that a share of it is reckoned at; zero where it has none."""
    request = order.request
    asked = book.replaces.get(order.cl_ord_id) if book.replaces else None
    if asked is None and request.stop_px is None and order.ref_px is None:
        return _ZERO if request.price is None else Decimal(request.price)
    prices = [request.price, request.stop_px, order.ref_px]
    while asked is not None:
        if asked.before is not None:
            prices += (asked.before.price, asked.before.stop_px)
        if asked.change is not None:
            prices += (asked.change.price, asked.change.stop_px)
        asked = asked.earlier
    return max((Decimal(px) for px in prices if px is not None), default=_ZERO)


def _resting_px(request: OrderRequest) -> Decimal | None:
    if request.ord_type in _TRIGGERED:
        return None
    if request.price is not None:
        return Decimal(request.price)
    return _HIGHEST if request.side is _BUY else _ZERO
