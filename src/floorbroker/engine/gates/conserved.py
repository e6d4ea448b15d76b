"""The gate just before the wire: children never come to more than their parent, nor too late."""

from datetime import datetime

from floorbroker.clock import ns_of
from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.books.parents import ParentState
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    JournalMessage,
    KillLevel,
    KillSwitched,
    OrderCancelReject,
    OrderExpiredUnsent,
    RequestKind,
)
from floorbroker.domain.order import OrdStatus
from floorbroker.engine.standing.parents import Parent
from floorbroker.engine.state import State

Messages = list[JournalMessage]


def instead(state: State, kind: RequestKind, name: ClOrdID, now: datetime) -> Messages:
    """Instead of a SEND: the end of a child, or of its replace, that must not leave.

    What filled, may still fill and is UNKNOWN must fit the parent. More than it ever was is no
    market's doing but a defect, and stops all trading.
    """
    parent = state.parents.of(name)
    if parent is None or kind is RequestKind.CANCEL or _is_sent(state, kind, name):
        return []
    why = withheld(state, parent, now)
    if not why:
        return []
    over = breach(state, parent, ZERO_QTY, now)
    ends: JournalMessage
    if kind is RequestKind.NEW:
        ends = OrderExpiredUnsent(cl_ord_id=name, text=why, transact_time=now)
    else:
        ends = OrderCancelReject(cl_ord_id=name, request=kind, text=why, transact_time=now)
    return [*over, ends]


def withheld(state: State, parent: Parent, now: datetime) -> str:
    """Why no child of this parent may leave any more; empty where one may."""
    if parent.state is not ParentState.WORKING:
        return f"not sent: its parent is {parent.state}"
    if ns_of(now) >= parent.order.end_ns:
        return "not sent: the time of its parent is over"
    committed = parent.filled + parent.leaves_of(state.book)
    if committed > parent.order.qty:
        return f"not sent: {committed} would exceed the {parent.order.qty} of its parent"
    return ""


def breach(state: State, parent: Parent, more: Qty, now: datetime) -> Messages:
    """The kill, where so much more would exceed all that the parent ever was."""
    committed = parent.filled + parent.leaves_of(state.book) + more
    if committed <= parent.most_qty or state.kill is not None:
        return []
    text = f"children of {parent.parent_id} come to {committed}, more than {parent.most_qty}"
    level = KillLevel.CANCEL
    return [KillSwitched(level=level, reason=text, by="floorbroker", transact_time=now)]


def _is_sent(state: State, kind: RequestKind, name: ClOrdID) -> bool:
    """It may be at the broker already: only evidence ends it."""
    order = state.book.orders.get(name)
    is_new = kind is RequestKind.NEW
    return is_new and (order is None or order.venue_status is not OrdStatus.CREATED)
