"""Legs: how the broker's orders that hang on an order of ours become orders of ours.

A leg is made by the broker and has a client order id of the broker's. Ours is derived from its
parent's, so that it is known before the broker has answered. Which leg an order is shows in its
terms: one of the two has a stop price. It begins as HELD, whatever the first report of it says;
that report follows and moves it on.
"""

from datetime import datetime

from msgspec.structs import asdict, replace

from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.ids import ClOrdID, leg_id
from floorbroker.domain.messages import (
    ExecutionReport,
    JournalMessage,
    LegAdopted,
    OrderReopened,
)
from floorbroker.domain.order import ENDED, Order, OrderClass, OrderRequest, OrdStatus, Side
from floorbroker.domain.position import Position
from floorbroker.domain.terms import OrderTerms, leg_name
from floorbroker.engine.book.book import Book, lineage_of


def apart(found: ExecutionReport) -> tuple[ExecutionReport, ...]:
    """The report and those of the order's legs, each by itself."""
    return (replace(found, legs=()), *found.legs) if found.legs else (found,)


def id_of(parent: Order, found: ExecutionReport) -> ClOrdID | None:
    """The ClOrdID of the leg that the report is about, if the parent has such a leg."""
    leg = _terms_of(parent, found)
    return None if leg is None else leg_id(parent.cl_ord_id, leg_name(leg))


def _terms_of(parent: Order, found: ExecutionReport) -> OrderTerms | None:
    if parent.is_external:
        return None
    name = "tp" if found.stop_px is None else "sl"
    return next((leg for leg in parent.request.legs if leg_name(leg) == name), None)


def adoption(
    parent: Order, about: Order | None, found: ExecutionReport, now: datetime
) -> list[JournalMessage]:
    """The messages that make the broker's order a leg of `parent`, if it is one. `about` is the
    order from elsewhere that it was taken for, if it was told of before."""
    leg = _terms_of(parent, found)
    if leg is None:
        return []
    frame = parent.request
    request = OrderRequest(
        **{
            **asdict(leg),
            "order_qty": frame.order_qty,
            "time_in_force": frame.time_in_force,
        }
    )
    adopted = LegAdopted(
        cl_ord_id=leg_id(parent.cl_ord_id, leg_name(leg)),
        parent=parent.cl_ord_id,
        account=parent.account,
        order=request,
        order_id=found.order_id,
        wire_id=found.cl_ord_id,
        known_as=None if about is None else about.cl_ord_id,
        transact_time=now,
    )
    if about is not None and about.venue_status in ENDED:
        return [OrderReopened(order=about, transact_time=now), adopted]
    return [adopted]


def adopt(book: Book, message: LegAdopted) -> Order:
    """The leg as an order of ours, with all that was booked under its other name."""
    cl_ord_id, now = message.cl_ord_id, message.transact_time
    order = Order(
        cl_ord_id=cl_ord_id,
        account=message.account,
        request=message.order,
        created_time=now,
        venue_status=OrdStatus.HELD,
        order_id=message.order_id,
        wire_id=message.wire_id,
        acked_time=now,
        updated_time=now,
        parent=message.parent,
    )
    known = None if message.known_as is None else book.disown(message.known_as, cl_ord_id)
    if known is not None:
        order = replace(
            order,
            venue_status=known.venue_status,
            pending=known.pending,
            order_id=known.order_id or message.order_id,
            replaces=known.replaces,
            cum_qty=known.cum_qty,
            avg_px=known.avg_px,
            booked_cum_qty=known.booked_cum_qty,
            fills=tuple(replace(fill, cl_ord_id=cl_ord_id) for fill in known.fills),
            created_time=known.created_time,
            acked_time=known.acked_time,
            updated_time=known.updated_time,
            text=known.text,
        )
    for order_id in lineage_of(order):
        book.lineage[order_id] = cl_ord_id
    return book.keep(order)


def partners(order: Order) -> tuple[ClOrdID, ...]:
    """Whose size an execution of this order changes at the broker."""
    if order.parent is not None:
        pair = (order.parent, *(leg_id(order.parent, name) for name in ("tp", "sl")))
        return tuple(name for name in pair if name != order.cl_ord_id)
    return order.legs if order.request.order_class is OrderClass.OCO else ()


def holders(orders: list[Order], symbol: str, side: Side) -> list[Order]:
    """The open orders that hold shares of a position which orders of this side end. A leg that is
    held holds none besides the one whose place it may take."""
    return [
        order
        for order in orders
        if (order.symbol, order.side) == (symbol, side)
        and order.venue_status is not OrdStatus.HELD
    ]


def held_in_words(position: Position, size: Qty, holders: list[Order]) -> str:
    """Who keeps so many shares of the position from being closed; empty if they are free."""
    free = abs(position.qty) - sum((order.leaves_qty for order in holders), ZERO_QTY)
    if size <= free:
        return ""
    names = ", ".join(order.cl_ord_id for order in holders)
    free = max(free, ZERO_QTY)
    return f"{position.symbol}: of {size} to close only {free} are free, {names} hold the rest"


def to_cancel(orders: list[Order]) -> list[ClOrdID]:
    """Whom to ask for a cancel so that all of them end: a held leg ends with its group."""
    active = {
        order.parent or order.cl_ord_id
        for order in orders
        if order.venue_status is not OrdStatus.HELD
    }
    return [
        order.cl_ord_id
        for order in orders
        if order.venue_status is not OrdStatus.HELD or order.parent not in active
    ]
