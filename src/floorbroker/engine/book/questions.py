"""What a report tells of and does not bring, and whether a question has had its answer."""

from collections.abc import Iterator
from typing import Final

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.lifecycle import NOT_AT_THE_BROKER
from floorbroker.domain.messages import ExecType, ExecutionReport, Source
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book import legs
from floorbroker.engine.book.book import Asked, Book, Phase

# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_TRADE: Final = ExecType.TRADE
_UNHEARD = (OrdStatus.CREATED, OrdStatus.SENT)
#: What may name an order that should be asked about.
_NAMES_IT = (ExecType.REPLACED, ExecType.NEW)


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
