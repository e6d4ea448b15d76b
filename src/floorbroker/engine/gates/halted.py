"""The gate that a kill closes, and what a kill does to the orders that are there."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from floorbroker.domain.errors import Halted
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    JournalMessage,
    KillLevel,
    KillSwitched,
    OrderCancelReject,
    OrderCancelRequest,
    OrderExpiredUnsent,
    RequestKind,
    TradingResumed,
)
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.engine.book import legs
from floorbroker.engine.book.book import Phase
from floorbroker.engine.gates import laid
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.standing.kill import Trading, doomed, must_go
from floorbroker.engine.state import State
from floorbroker.telemetry import log

Messages = list[JournalMessage]

#: What lets orders in again.
OPENS = "`floorbroker resume --reason TEXT` or desk.resume(reason=...) lets orders in again"


class Halt(Struct, frozen=True, kw_only=True):
    """Stop trading."""

    level: KillLevel
    reason: str
    by: str
    may_reduce: bool = False
    latch_id: str = ""


class Lift(Struct, frozen=True, kw_only=True):
    """Take orders again."""

    reason: str
    by: str


def check(state: State, request: OrderRequest, _: EngineSettings) -> None:
    """Raises Halted under a kill, unless what is left allowed is what the order does."""
    kill = state.kill
    if kill is None:
        return
    trading = kill.trading
    hint = ""
    if trading is Trading.REDUCING:
        if state.book.reduces(request):
            return
        position = state.book.positions.get(request.symbol)
        held = "no position" if position is None or position.is_flat else f"{position.qty}"
        hint = f"; only what makes a position smaller is taken, and {request.symbol} has {held}"
    raise Halted(f"trading is {trading.upper()}: {kill.in_words()}{hint}; {OPENS}")


# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_NEW: Final = RequestKind.NEW
_CREATED: Final = OrdStatus.CREATED


def check_change(state: State) -> None:
    """Raises Halted under a kill: an order is canceled then, not replaced."""
    if state.kill is not None:
        trading = state.kill.trading.upper()
        raise Halted(f"trading is {trading}: {state.kill.in_words()}; cancel it instead; {OPENS}")


def withheld(state: State, kind: RequestKind, cl_ord_id: ClOrdID, now: datetime) -> Messages:
    """Instead of a SEND: the end of an order, or of a replace, that waited when the kill came."""
    book, kill = state.book, state.kill
    if kill is None:
        return _laid(state, kind, cl_ord_id, now)
    text = f"not sent: {kill.in_words()}"
    if kind is RequestKind.NEW:
        order = book.orders.get(cl_ord_id)
        if order is None or order.venue_status is not OrdStatus.CREATED:
            return []
        return [] if cl_ord_id in kill.passed else [_unsent(order, text, now)]
    asked = book.replaces.get(cl_ord_id)
    if kind is RequestKind.CANCEL or asked is None or asked.phase is not Phase.WANTED:
        return []
    return [OrderCancelReject(cl_ord_id=cl_ord_id, request=kind, text=text, transact_time=now)]


def _laid(state: State, kind: RequestKind, cl_ord_id: ClOrdID, now: datetime) -> Messages:
    """The same where no kill stands, but a state that was laid over the desk."""
    order = state.book.orders.get(cl_ord_id) if kind is _NEW else None
    if order is None or order.venue_status is not _CREATED:
        return []
    text = laid.withheld(state, order)
    return [_unsent(order, text, now)] if text else []


def switched(state: State, item: Halt | Lift, now: datetime) -> Messages:
    """What is written down at once; the rest of it follows from `wanted`."""
    if isinstance(item, Lift):
        return [TradingResumed(reason=item.reason, by=item.by, transact_time=now)]
    return [
        KillSwitched(
            level=item.level,
            reason=item.reason,
            by=item.by,
            may_reduce=item.may_reduce,
            latch_id=item.latch_id,
            transact_time=now,
        )
    ]


def tell(item: Halt | Lift) -> None:
    """Tell whoever watches, once it is durable."""
    if isinstance(item, Halt):
        log.warn("trading_killed", level=item.level, by=item.by, reason=item.reason)
    else:
        log.warn("trading_resumed", by=item.by, reason=item.reason)


def wanted(state: State, now: datetime) -> Messages:
    """The ends and the cancels that the kill which stands still asks for."""
    kill, book = state.kill, state.book
    if kill is None:
        return []
    text = f"not sent: {kill.in_words()}"
    messages: Messages = [
        _unsent(order, text, now)
        for order in book.orders.values()
        if order.venue_status is OrdStatus.CREATED and order.cl_ord_id not in kill.passed
    ]
    going = [one for one in doomed(book, kill) if one.venue_status is not OrdStatus.CREATED]
    for cl_ord_id in legs.to_cancel(going):
        asked = book.cancels.get(cl_ord_id)
        if asked is None or asked.phase is Phase.TAKEN:
            messages.append(_cancel(cl_ord_id, now))
    return messages


def sighted(state: State, before: Order | None, order: Order, now: datetime) -> Messages:
    """The cancel of an order that a report has just brought to light under a kill."""
    kill = state.kill
    is_new = before is None or before.is_ended
    if kill is None or not is_new or order.cl_ord_id in state.book.cancels:
        return []
    return [_cancel(order.cl_ord_id, now)] if must_go(state.book, kill, order) else []


def _cancel(cl_ord_id: ClOrdID, now: datetime) -> OrderCancelRequest:
    return OrderCancelRequest(cl_ord_id=cl_ord_id, text="killed", transact_time=now)


def _unsent(order: Order, text: str, now: datetime) -> OrderExpiredUnsent:
    return OrderExpiredUnsent(cl_ord_id=order.cl_ord_id, text=text, transact_time=now)
