"""What a report tells of and does not bring, and whether a question has had its answer."""

from collections.abc import Iterator
from typing import Final

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.lifecycle import NOT_AT_THE_BROKER
from floorbroker.domain.messages import ExecType, ExecutionReport, Source
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book import booking, legs
from floorbroker.engine.book.book import Asked, Book, Phase, lineage_of

#: What undoes or changes an execution.
REVISIONS = (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)


# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_TRADE: Final = ExecType.TRADE
_UNHEARD = (OrdStatus.CREATED, OrdStatus.SENT)
#: What may name an order that should be asked about.
_NAMES_IT = (ExecType.REPLACED, ExecType.NEW)


def lacks_executions(order: Order, found: ExecutionReport, before: Order | None = None) -> bool:
    """Whether the broker counts executions of the order that we have not booked.

    A bust or correction tells of one that we may never have heard of. An execution that was
    booked `before` counts what there was at its time: a bust or correction since makes that no
    news.
    """
    if found.exec_type in REVISIONS and found.source is Source.STREAM:
        return all(fill.exec_id != found.ref_exec_id for fill in order.fills)
    if found.cum_qty <= order.cum_qty and not order.replaces:
        return False  # as nearly always
    if before is not None and _is_booked(before, found):
        return False
    return found.order_id in lineage_of(order) and booking.is_behind(order, found)


def _is_booked(order: Order, found: ExecutionReport) -> bool:
    is_execution = found.exec_type in booking.EXECUTIONS and booking.is_bookable(found)
    return is_execution and booking.is_booked(order, found)


def whose_standing(
    book: Book, before: Order | None, order: Order, found: ExecutionReport
) -> Iterator[ClOrdID]:
    """Orders that may stand differently since: an execution takes size off the other of a pair, a
    successor is named where its predecessor is told of, and gives its legs its own size. An order
    that falls back to its predecessor should hear of that one."""
    kind = found.exec_type
    if before is not None and before.order_id != order.order_id:
        is_back = order.order_id in before.replaces
        if is_back or (found.source is Source.LOOKUP and found.next_order_id == order.order_id):
            yield order.cl_ord_id
    if kind is _TRADE and not order.is_ended:
        for partner in legs.partners(order):
            if book.find(partner) is not None:
                yield partner
    if kind in _NAMES_IT and found.order_id == order.order_id:
        is_replaced = kind is ExecType.REPLACED and found.source is Source.STREAM
        has_new_legs = kind is ExecType.NEW and order.replaces and order.legs
        if is_replaced or has_new_legs:
            yield order.cl_ord_id


def may_lack_legs(before: Order | None, found: ExecutionReport) -> bool:
    """Whether this is the first that was heard of the order, and no answer brought its legs: its
    fate was not known, or it was held for never placed."""
    return before is not None and not found.legs and before.venue_status in _UNSEEN


_UNSEEN = (OrdStatus.UNKNOWN, OrdStatus.REJECTED, *NOT_AT_THE_BROKER)


def is_answered(order: Order) -> bool:
    """Whether the broker has answered, or is known not to: the first answer of a submit."""
    return order.venue_status not in _UNHEARD


def is_settled(order: Order, asked: Asked | None) -> bool:
    """Whether a cancel or replace has been answered, or cannot be expected to be."""
    if order.is_ended or order.venue_status is OrdStatus.UNKNOWN or asked is None:
        return True
    return asked.phase in (Phase.TAKEN, Phase.UNANSWERED)
