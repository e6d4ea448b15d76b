"""What the broker's reports do to the book; every report fits, and none is refused."""

from datetime import datetime

from msgspec.structs import replace

from floorbroker.domain.ids import OrderID
from floorbroker.domain.lifecycle import Report, next_status
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    RequestKind,
    Source,
)
from floorbroker.domain.order import ENDED, Order, OrderRequest, OrdStatus
from floorbroker.engine.book import booking, counts
from floorbroker.engine.book.book import Book, Phase

#: What a successor's first own word is: the replace has been carried out.
CONFIRMS_REPLACE = frozenset({Report.HELD, Report.NEW, Report.PARTIAL_FILL, Report.FILL})


def take(book: Book, report: ExecutionReport) -> Order:
    """Book the report and return the order that it is about, as it stands after."""
    order = book.find(report.cl_ord_id) or book.find_by_order_id(report.order_id)
    if order is None:
        order = booking.external_order(report, book.account)
    if order.is_external and booking.is_replaced(report) and report.next_order_id is None:
        order_id, heard = order.order_id or report.order_id, report.transact_time
        ended = replace(order, order_id=order_id, updated_time=heard)
        return book.keep(replace(ended, venue_status=OrdStatus.REPLACED))
    before = order
    order, kind = _identified(book, order, report), report.exec_type
    request = restated(book, order, report)
    if request is not None:
        order = replace(order, request=request)
    if kind in counts.EXECUTIONS and counts.is_bookable(report):
        if not counts.is_booked(order, report):
            order = _executed(book, order, report)
    elif kind is ExecType.PENDING_CANCEL:
        _cancel_taken(book, order)
    return _moved(book, before, order, report)


def take_refusal(book: Book, message: OrderCancelReject) -> Order | None:
    """A cancel or replace of ours was refused; returns the order as it stands after."""
    is_cancel = message.request is RequestKind.CANCEL
    table = book.cancels if is_cancel else book.replaces
    asked = table.pop(message.cl_ord_id, None)
    earlier = None if asked is None else asked.earlier
    if earlier is not None:
        table[message.cl_ord_id] = earlier
    order = book.find(message.cl_ord_id)
    if order is None:
        return None
    text, when, qty = message.text, message.transact_time, order.request.order_qty
    status = order.venue_status
    if not is_cancel and qty is not None and order.cum_qty >= qty:
        if (
            earlier is not None
        ):  # its predecessor executed that: the earlier one came too late, too
            return book.keep(reverted(book, order, text, when))
        status = next_status(status, Report.FILL) or status  # it only waited for the replace
    pending = book.pending(order.cl_ord_id)
    return book.keep(
        replace(order, pending=pending, venue_status=status, text=text, updated_time=when)
    )


def _executed(book: Book, order: Order, report: ExecutionReport) -> Order:
    """Book an execution; a bust or correction, where we have the execution that it names."""
    if report.exec_type is ExecType.TRADE:
        fill = booking.fill_of(order, report)
        book.booked((fill,))
        return booking.with_fills(order, (fill,))
    busted = booking.busted(order, report)
    if busted is None:
        return order
    fills = booking.revision(busted, report)
    book.revised(busted, fills)
    return booking.with_fills(order, fills)


def is_successor(book: Book, order: Order, report: ExecutionReport) -> bool:
    """Whether the report is about the broker order that a replace made of this one."""
    if report.order_id == order.order_id or report.order_id in order.replaces:
        return False
    if report.prev_order_id is not None:
        return report.prev_order_id == order.order_id
    asked = book.replaces.get(order.cl_ord_id)
    return asked is not None and asked.phase is not Phase.TAKEN


def restated(book: Book, order: Order, found: ExecutionReport) -> OrderRequest | None:
    """The order's terms as the broker has them, where they changed without our asking; else None.

    Both legs of a pair stand for the same shares, so what the one executes is taken off the other;
    and an order may have been replaced from elsewhere. Terms that we did not give stay ours.
    """
    asked = book.replaces.get(order.cl_ord_id)
    is_asked = asked is not None and asked.phase is not Phase.TAKEN
    if is_asked or found.order_id != order.order_id or not (order.parent or order.replaces):
        return None
    ours = order.request
    qty = ours.order_qty if not found.order_qty or ours.order_qty is None else found.order_qty
    price = ours.price if ours.price is None else found.price or ours.price
    stop_px = ours.stop_px if ours.stop_px is None else found.stop_px or ours.stop_px
    if (qty, price, stop_px) == (ours.order_qty, ours.price, ours.stop_px):
        return None
    if qty is not None and qty < order.cum_qty:
        return None  # older than what it executed
    return replace(ours, order_qty=qty, price=price, stop_px=stop_px)


def changed_request(request: OrderRequest, change: OrderCancelReplaceRequest) -> OrderRequest:
    """The terms of the order once the replace has taken effect."""
    trail_amount, trail_percent = request.trail_amount, request.trail_percent
    if change.trail is not None and trail_percent is not None:
        trail_percent = change.trail
    elif change.trail is not None and trail_amount is not None:
        trail_amount = trail_amount.of(change.trail)
    return replace(
        request,
        order_qty=request.order_qty if change.order_qty is None else change.order_qty,
        price=request.price if change.price is None else change.price,
        stop_px=request.stop_px if change.stop_px is None else change.stop_px,
        time_in_force=change.time_in_force or request.time_in_force,
        trail_amount=trail_amount,
        trail_percent=trail_percent,
    )


def _identified(book: Book, order: Order, report: ExecutionReport) -> Order:
    """Learn the broker's ids: the first one, or that of a successor after a replace."""
    order_id = report.order_id
    if order.order_id is None:
        book.lineage[order_id] = order.cl_ord_id
        heard = report.received_time or report.transact_time
        order = replace(order, order_id=order_id, acked_time=heard)
    elif order_id != order.order_id and is_successor(book, order, report):
        order = _succeeded(book, order, order_id)
    if report.next_order_id and order_id == order.order_id and booking.is_replaced(report):
        order = _succeeded(book, order, report.next_order_id)
    return order


def _succeeded(book: Book, order: Order, order_id: OrderID) -> Order:
    """The replace took effect: the order goes on as another broker order, on new terms."""
    assert order.order_id is not None
    book.lineage[order_id] = order.cl_ord_id
    request, wire_id = order.request, order.wire_id
    asked = book.replaces.get(order.cl_ord_id)
    if asked is not None and asked.change is not None and asked.phase is not Phase.TAKEN:
        request = changed_request(request, asked.change)
        wire_id = asked.change.wire_id
        book.replaces[order.cl_ord_id] = replace(asked, phase=Phase.TAKEN)
    return replace(
        order,
        order_id=order_id,
        replaces=(*(one for one in order.replaces if one != order_id), order.order_id),
        request=request,
        wire_id=wire_id,
        venue_status=OrdStatus.NEW if order.venue_status in ENDED else order.venue_status,
        booked_cum_qty=order.cum_qty,
        pending=book.pending(order.cl_ord_id),
    )


def _cancel_taken(book: Book, order: Order) -> None:
    asked = book.cancels.get(order.cl_ord_id)
    if asked is not None:
        book.cancels[order.cl_ord_id] = replace(asked, phase=Phase.TAKEN)


def _moved(book: Book, before: Order, order: Order, report: ExecutionReport) -> Order:
    """The order with its status after the report, by the table."""
    found = booking.column(order, report, book.goal(order))
    if _is_undone(book, order, report, found):
        back = reverted(book, order, report.text, report.received_time or report.transact_time)
        if before.order_id == back.order_id:  # as it stood, and as it had ended if it had
            ended = before.venue_status in ENDED
            status = before.venue_status if ended else back.venue_status
            back = replace(back, request=before.request, venue_status=status)
        return book.keep(back)
    status = order.venue_status
    following = status if found is None else next_status(status, found) or status
    text = report.text if report.text and following in ENDED else order.text
    is_told = book.replaces and found in CONFIRMS_REPLACE and report.order_id == order.order_id
    if is_told and not report.is_guessed and not _is_carried(order, report, found):
        _replace_confirmed(book, order)
    heard = report.received_time or report.transact_time
    return book.keep(replace(order, venue_status=following, text=text, updated_time=heard))


def _is_carried(order: Order, report: ExecutionReport, found: Report | None) -> bool:
    """Whether the answer to a replace merely counts what its predecessor has executed."""
    if found is not Report.PARTIAL_FILL or report.source is not Source.ANSWER:
        return False
    return not any(fill.order_id == report.order_id for fill in order.fills)


def _replace_confirmed(book: Book, order: Order) -> None:
    asked = book.replaces.get(order.cl_ord_id)
    if asked is not None and asked.phase is Phase.TAKEN:
        del book.replaces[order.cl_ord_id]
    elif asked is not None:
        book.replaces[order.cl_ord_id] = replace(asked, earlier=None)


def _is_undone(book: Book, order: Order, report: ExecutionReport, found: Report | None) -> bool:
    """Whether a replace of ours comes to nothing: its successor was refused, or ended before it
    was heard to work, or the predecessor was filled before. (That a successor which did work
    ended is found out by asking after the predecessor: it names it.)"""
    if not order.replaces:
        return False
    asked = book.replaces.get(order.cl_ord_id)
    is_fresh = asked is not None and asked.unconfirmed is not None
    if found is Report.FILL:
        return is_fresh and report.order_id == order.replaces[-1]
    if report.order_id != order.order_id:
        return False
    if report.ord_status is OrdStatus.REJECTED:  # whatever the predecessor executed besides
        return is_fresh or report.prev_order_id in order.replaces
    return is_fresh and found in (Report.CANCELED, Report.EXPIRED)


def reverted(book: Book, order: Order, text: str, heard: datetime) -> Order:
    """The predecessor stands, on its old terms; a cancel that the successor had is due again.

    The other broker order stays in the lineage, so that late news of it is recognised.
    """
    assert order.order_id is not None
    asked = book.replaces.get(order.cl_ord_id)
    undone = None if asked is None else asked.unconfirmed
    if asked is not None and asked is not undone:
        book.replaces[order.cl_ord_id] = replace(asked, earlier=None)
    else:
        book.replaces.pop(order.cl_ord_id, None)
    cancel = book.cancels.get(order.cl_ord_id)
    if cancel is not None:
        book.cancels[order.cl_ord_id] = replace(cancel, phase=Phase.WANTED)
    request = order.request if undone is None else undone.before or order.request
    is_filled = request.order_qty is not None and order.cum_qty >= request.order_qty
    return replace(
        order,
        order_id=order.replaces[-1],
        replaces=(*order.replaces[:-1], order.order_id),
        request=request,
        venue_status=OrdStatus.FILLED if is_filled else order.venue_status,
        pending=book.pending(order.cl_ord_id),
        text=text,
        updated_time=heard,
    )
