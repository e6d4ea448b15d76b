"""The book: live orders, what we have asked of them, and positions."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Money, Qty
from floorbroker.domain.ids import Account, ClOrdID, OrderID
from floorbroker.domain.messages import OrderCancelReplaceRequest, RequestKind
from floorbroker.domain.order import (
    ENDED,
    Fill,
    Order,
    OrderClass,
    OrderRequest,
    OrdStatus,
    Pending,
    Side,
)
from floorbroker.domain.position import Position
from floorbroker.engine.book.cash import CashBook
from floorbroker.engine.book.trail import Trail

#: Stands between a ClOrdID and the number of its replacement in a client order id on the wire.
SUCCESSOR = "."

#: How many broker orders of legs are remembered after their end. No name that the broker uses for
#: them tells the order that they are, as it does for orders that we placed ourselves.
ENDED_LEGS_MAX = 16_384


#: Brackets and OTOs begin with an entry.
_EXITS = (OrderClass.SIMPLE, OrderClass.OCO)


class Phase(StrEnum):
    """How far a cancel or replace of ours has come."""

    WANTED = "wanted"  #: Decided; not sent, or surely not delivered.
    SENT = "sent"  #: A request left; no answer yet.
    UNANSWERED = "unanswered"  #: The request may have arrived.
    TAKEN = "taken"  #: The broker has it; it takes effect when the order says so.


class Asked(Struct, frozen=True, kw_only=True):
    """A cancel or replace of ours that is not over."""

    since: datetime
    phase: Phase = Phase.WANTED
    attempt: int = 0
    has_alarmed: bool = False
    change: OrderCancelReplaceRequest | None = None
    before: OrderRequest | None = None  #: The terms that stand again if the successor is refused.
    refusal: str = ""  #: The broker said no to it, in these words, which prove nothing.
    earlier: "Asked | None" = None  #: A replace before this one that is not in effect yet either.

    @property
    def unconfirmed(self) -> "Asked | None":
        """The replace that the broker took, and of which nothing else was heard."""
        return self if self.phase is Phase.TAKEN else self.earlier


class Exposure(Struct, frozen=True, kw_only=True):
    """The worst that the open orders in a symbol can still do, UNKNOWN ones at full size."""

    buy_qty: Qty = ZERO_QTY
    sell_qty: Qty = ZERO_QTY
    notional: Money = ZERO_MONEY  #: Dollars of orders whose shares only their fills will tell.


# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_UNKNOWN: Final = OrdStatus.UNKNOWN


class Book:
    """Orders that have not ended, ours and from elsewhere, and positions folded from fills.

    `trails` say what led to each position lately. `lineage` finds an order by any broker order id
    it has had. An order that ends leaves at once
    and waits in `ended` until the batch that ended it is written; `changed` and `changed_symbols`
    collect what the batch touched, for those who publish it; `renamed` are orders from elsewhere
    that turned out to be legs of ours. `ended_legs` finds a leg after its end, `unknown` are the
    orders whose fate nobody knows.
    """

    def __init__(self) -> None:
        self.account = Account("")
        self.orders: dict[ClOrdID, Order] = {}
        self.external: dict[ClOrdID, Order] = {}
        self.lineage: dict[OrderID, ClOrdID] = {}
        self.cancels: dict[ClOrdID, Asked] = {}
        self.replaces: dict[ClOrdID, Asked] = {}
        self.positions: dict[str, Position] = {}
        self.trails: dict[str, Trail] = {}
        self.ended: dict[ClOrdID, Order] = {}
        self.changed: dict[ClOrdID, Order] = {}
        self.changed_symbols: dict[str, None] = {}
        self.renamed: dict[ClOrdID, ClOrdID] = {}
        self.ended_legs: OrderedDict[OrderID, ClOrdID] = OrderedDict()
        self.unknown: dict[ClOrdID, Order] = {}
        self.cash = CashBook()
        #: When positions were taken over, on the broker's clock.
        self.adopted_time: datetime | None = None

    def restore(self, orders: Iterable[Order], external: Iterable[Order]) -> None:
        """Take in the live orders of a snapshot."""
        self.orders = {order.cl_ord_id: order for order in orders}
        self.external = {order.cl_ord_id: order for order in external}
        is_unknown = OrdStatus.UNKNOWN
        self.unknown = {
            name: one for name, one in self.orders.items() if one.venue_status is is_unknown
        }

    def asked(self) -> tuple[tuple[RequestKind, dict[ClOrdID, Asked]], ...]:
        """What we have asked of orders, by kind."""
        return (RequestKind.CANCEL, self.cancels), (RequestKind.REPLACE, self.replaces)

    def find(self, cl_ord_id: ClOrdID) -> Order | None:
        """A live order of ours or from elsewhere."""
        return self.orders.get(cl_ord_id) or self.external.get(cl_ord_id)

    def find_by_order_id(self, order_id: OrderID | None) -> Order | None:
        cl_ord_id = None if order_id is None else self.lineage.get(order_id)
        return None if cl_ord_id is None else self.find(cl_ord_id)

    def change_of(self, kind: RequestKind, cl_ord_id: ClOrdID) -> OrderCancelReplaceRequest | None:
        """What a request of this kind changes of the order."""
        asked = self.replaces.get(cl_ord_id) if kind is RequestKind.REPLACE else None
        return None if asked is None else asked.change

    def goal(self, order: Order) -> Qty | None:
        """The order's quantity, or the larger one that a replace on its way may give it."""
        qty = order.request.order_qty
        if not self.replaces:
            return qty
        asked = self.replaces.get(order.cl_ord_id)
        if asked is None or asked.phase is Phase.TAKEN or qty is None:
            return qty
        if asked.change is None or asked.change.order_qty is None:
            return qty
        return max(qty, asked.change.order_qty)

    def most(self, order: Order) -> Qty | None:
        """The largest quantity that the order can still turn out to have: until a replace is in
        effect its predecessor works, and stands again if the venue turns the replace down."""
        qty, asked = self.goal(order), self.replaces.get(order.cl_ord_id)
        while asked is not None and qty is not None:
            if asked.before is not None and asked.before.order_qty is not None:
                qty = max(qty, asked.before.order_qty)
            asked = asked.earlier
        return qty

    def exposure(self, symbol: str) -> Exposure:
        """The reservation held by every open order in the symbol, whoever placed it.

        Legs that are held reserve nothing yet, and two of a pair what the larger of them does:
        what the one executes, the other does not.
        """
        buy_qty, sell_qty, notional = ZERO_QTY, ZERO_QTY, ZERO_MONEY
        pairs: dict[tuple[ClOrdID, Side], Qty] = {}
        for order in (*self.orders.values(), *self.external.values()):
            if order.request.symbol != symbol or order.venue_status is OrdStatus.HELD:
                continue
            most = self.most(order)
            if most is None:
                notional += order.request.notional or ZERO_MONEY
                continue
            pair = (order.parent or order.cl_ord_id, order.request.side)
            pairs[pair] = max(most - order.cum_qty, pairs.get(pair, ZERO_QTY))
        for (_, side), leaves in pairs.items():
            if side is Side.BUY:
                buy_qty += leaves
            else:
                sell_qty += leaves
        return Exposure(buy_qty=buy_qty, sell_qty=sell_qty, notional=notional)

    def reduces(self, request: OrderRequest) -> bool:
        """Whether a new order can only make a position smaller, whatever else is open."""
        exposure = self.exposure(request.symbol)
        is_sale = request.side is not Side.BUY
        return self.ends_part(request, exposure.sell_qty if is_sale else exposure.buy_qty)

    def ends_part(self, request: OrderRequest, besides: Qty = ZERO_QTY) -> bool:
        """Whether these shares, and those besides, only take off the position."""
        position = self.positions.get(request.symbol)
        if position is None or request.order_qty is None or request.order_class not in _EXITS:
            return False
        if (position.qty > 0) is (request.side is Side.BUY):
            return False
        return request.order_qty + besides <= abs(position.qty)

    def pending(self, cl_ord_id: ClOrdID) -> Pending | None:
        """What we have asked of the order and not heard about; a cancel shows over a replace."""
        if cl_ord_id in self.cancels:
            return Pending.CANCEL
        asked = self.replaces.get(cl_ord_id)
        return Pending.REPLACE if asked is not None and asked.phase is not Phase.TAKEN else None

    def keep(self, order: Order) -> Order:
        """Put the order where it belongs: among the live ones, or with those that ended."""
        if order.venue_status is _UNKNOWN:
            self.unknown[order.cl_ord_id] = order
        elif self.unknown:
            self.unknown.pop(order.cl_ord_id, None)
        if order.venue_status in ENDED:
            order = replace(order, pending=None, ended_time=order.updated_time)
            self._file(order)
        else:
            (self.external if order.is_external else self.orders)[order.cl_ord_id] = order
        self.changed[order.cl_ord_id] = order
        return order

    def _file(self, order: Order) -> None:
        cl_ord_id = order.cl_ord_id
        (self.external if order.is_external else self.orders).pop(cl_ord_id, None)
        self.cancels.pop(cl_ord_id, None)
        self.replaces.pop(cl_ord_id, None)
        for order_id in lineage_of(order):
            self.lineage.pop(order_id, None)
        self.ended[cl_ord_id] = order
        if order.parent is not None:
            self._remember_leg(order)

    def _remember_leg(self, leg: Order) -> None:
        for order_id in lineage_of(leg):
            self.ended_legs[order_id] = leg.cl_ord_id
        while len(self.ended_legs) > ENDED_LEGS_MAX:
            self.ended_legs.popitem(last=False)

    def touched(self, cl_ord_id: ClOrdID) -> Order | None:
        """Count the order among the changed ones: what we asked of it stands differently."""
        order = self.find(cl_ord_id)
        if order is not None:
            self.changed[cl_ord_id] = order
        return order

    def reopen(self, order: Order) -> Order:
        """Take an ended order back, still called what it ended as: the news follows."""
        self.ended.pop(order.cl_ord_id, None)
        (self.external if order.is_external else self.orders)[order.cl_ord_id] = order
        for order_id in lineage_of(order):
            self.lineage[order_id] = order.cl_ord_id
        self.changed[order.cl_ord_id] = order
        return order

    def disown(self, cl_ord_id: ClOrdID, name: ClOrdID) -> Order | None:
        """Give up the order from elsewhere, if it is there: it goes on as the one named."""
        order = self.external.pop(cl_ord_id, None)
        if order is None:
            return None
        self.changed.pop(cl_ord_id, None)
        self.renamed[cl_ord_id] = name
        if cl_ord_id in self.cancels:
            self.cancels[name] = self.cancels.pop(cl_ord_id)
        trail = self.trails.get(order.symbol)
        if trail is not None:
            trail.rename(cl_ord_id, name)
        return order

    def booked(self, fills: tuple[Fill, ...]) -> None:
        """Fold executions into positions and cash."""
        self.cash.booked(fills)
        for fill in fills:
            symbol = fill.symbol
            position = self.positions.get(symbol) or Position(symbol=symbol)
            trail = self.trails.get(symbol)
            if trail is None:
                trail = self.trails[symbol] = Trail(start=position)
            trail.add(position, fill)
            self.positions[symbol] = position.booked(fill.side, fill.last_qty, fill.last_px)
            self.changed_symbols[symbol] = None

    def revised(self, busted: Fill, booked: tuple[Fill, ...]) -> None:
        """Take a busted execution out of its position: `booked` is its negative, and behind that
        what it was corrected to, if it was.

        Shares, cost and realised profit are then exactly what they would be had it never
        happened, or had it been right at once, if it is among the last `KEPT` executions in its
        symbol, of whatever order, and no adjustment of the position came after it. One that is
        older is traded back: the shares and the cash are right, and what of the difference
        counts as cost and what as profit follows from the average cost of today.
        """
        trail = self.trails.get(busted.symbol)
        position = None if trail is None else trail.revised(busted, booked[1:])
        if position is None:
            self.booked(booked)
            return
        self.cash.booked(booked)
        self.positions[busted.symbol] = position
        self.changed_symbols[busted.symbol] = None

    def adjusted(self, position: Position) -> None:
        """The position was changed by hand: what led to it until now explains it no longer."""
        self.positions[position.symbol] = position
        self.trails.pop(position.symbol, None)
        self.changed_symbols[position.symbol] = None

    def clear_ended(self) -> None:
        """Forget who ended: replayed orders that ended are filed already."""
        if self.ended:
            self.ended = {}
            self.changed = {}
            self.renamed = {}

    def clear_batch(self) -> None:
        """Forget what the last batch did: it is written and published."""
        self.ended = {}
        self.changed = {}
        self.changed_symbols = {}
        self.renamed = {}


def lineage_of(order: Order) -> tuple[OrderID, ...]:
    """Every broker order id that the order has had, oldest first."""
    return order.replaces if order.order_id is None else (*order.replaces, order.order_id)


def successor_id(order: Order) -> str:
    """A new client order id for the order's next replacement, from which it can be found."""
    return f"{order.cl_ord_id}{SUCCESSOR}{order.replaces_asked + 1}"


def base_id(wire_id: str) -> ClOrdID:
    """The ClOrdID of the order that a successor's client order id was made from."""
    return ClOrdID(wire_id.rpartition(SUCCESSOR)[0])
