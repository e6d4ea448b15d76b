"""What a report does to an order: each execution is booked once, statuses follow the table.

An order of ours may be several broker orders in a row, because a replace makes a new one: its
lineage. Executions carry the broker order that they belong to, and the order's CumQty is their
sum, busts taken off. What the broker's own counts prove of it: `counts`.
"""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID
from floorbroker.domain.lifecycle import UNHEARD, Report
from floorbroker.domain.messages import ExecType, ExecutionReport
from floorbroker.domain.order import Fill, Order, OrderRequest, OrdStatus, OrdType
from floorbroker.engine.book.counts import execution_id, is_behind

_plus, _times = Decimal.__add__, Decimal.__mul__

#: The table's column of each report that says only how the order stands.
_BY_STATUS = {
    OrdStatus.PENDING_NEW: Report.PENDING_NEW,
    OrdStatus.ACCEPTED: Report.ACCEPTED,
    OrdStatus.HELD: Report.HELD,
    OrdStatus.NEW: Report.NEW,
    OrdStatus.PARTIALLY_FILLED: Report.PARTIAL_FILL,
    OrdStatus.STOPPED: Report.STOPPED,
    OrdStatus.SUSPENDED: Report.SUSPENDED,
    OrdStatus.CALCULATED: Report.CALCULATED,
    OrdStatus.DONE_FOR_DAY: Report.DONE_FOR_DAY,
    OrdStatus.FILLED: Report.FILL,
    OrdStatus.CANCELED: Report.CANCELED,
    OrdStatus.EXPIRED: Report.EXPIRED,
    OrdStatus.REJECTED: Report.REJECTED,
    OrdStatus.REPLACED: Report.REPLACED,
}
_BY_EXEC_TYPE = {
    ExecType.PENDING_NEW: Report.PENDING_NEW,
    ExecType.ACCEPTED: Report.ACCEPTED,
    ExecType.HELD: Report.HELD,
    ExecType.NEW: Report.NEW,
    ExecType.CANCELED: Report.CANCELED,
    ExecType.REPLACED: Report.REPLACED,
    ExecType.REJECTED: Report.REJECTED,
    ExecType.EXPIRED: Report.EXPIRED,
    ExecType.DONE_FOR_DAY: Report.DONE_FOR_DAY,
    ExecType.STOPPED: Report.STOPPED,
    ExecType.SUSPENDED: Report.SUSPENDED,
    ExecType.CALCULATED: Report.CALCULATED,
}
#: Reports that wait while executions are missing: an ended order should have all of its own.
_SAYS_MORE = frozenset(
    {Report.PARTIAL_FILL, Report.CANCELED, Report.EXPIRED, Report.REJECTED, Report.FILL}
)


def external_order(report: ExecutionReport, account: Account) -> Order:
    """An order that was not placed through this desk, as far as the report tells."""
    kind = OrdType.MARKET if report.price is None else OrdType.LIMIT
    if report.stop_px is not None:
        kind = OrdType.STOP if report.price is None else OrdType.STOP_LIMIT
    request = OrderRequest(
        side=report.side,
        symbol=report.symbol,
        ord_type=kind,
        order_qty=report.order_qty,
        price=report.price,
        stop_px=report.stop_px,
    )
    return Order(
        cl_ord_id=report.cl_ord_id or ClOrdID(report.order_id),
        account=account,
        request=request,
        created_time=report.transact_time,
        venue_status=OrdStatus.SENT,
        wire_id=report.cl_ord_id,
        is_external=True,
    )


def is_replaced(report: ExecutionReport) -> bool:
    """Whether the report says that the broker order has a successor."""
    return report.exec_type is ExecType.REPLACED or report.ord_status is OrdStatus.REPLACED


def with_fills(order: Order, booked: tuple[Fill, ...]) -> Order:
    """The order after these executions, busts among them."""
    fills = order.fills + booked
    cum_qty, avg_px = _totals(fills)
    return replace(order, fills=fills, cum_qty=cum_qty, avg_px=avg_px)


def _totals(fills: tuple[Fill, ...]) -> tuple[Qty, Px | None]:
    if len(fills) == 1:
        return fills[0].last_qty, fills[0].last_px
    cum_qty = value = Decimal(0)
    for fill in fills:  # in bare numbers, because a busy order has many
        cum_qty = _plus(cum_qty, fill.last_qty)
        value += _times(fill.last_qty, fill.last_px)
    return Qty.of(cum_qty), Px.of(value / cum_qty) if cum_qty else None


def fill_of(order: Order, report: ExecutionReport) -> Fill:
    """The execution that a TRADE reports."""
    assert report.last_qty is not None, f"{report.order_id}: a trade without LastQty"
    assert report.last_px is not None, f"{report.order_id}: a trade without LastPx"
    return Fill(
        exec_id=execution_id(report),
        order_id=report.order_id,
        cl_ord_id=order.cl_ord_id,
        symbol=order.request.symbol,
        side=order.request.side,
        last_qty=report.last_qty,
        last_px=report.last_px,
        cum_qty=report.cum_qty,
        transact_time=report.transact_time,
        account=order.account,
    )


def busted(order: Order, report: ExecutionReport) -> Fill | None:
    """The execution that a bust or correction names, as it was booked."""
    reference = report.ref_exec_id or report.exec_id
    return next((fill for fill in order.fills if fill.exec_id == reference), None)


def revision(original: Fill, report: ExecutionReport) -> tuple[Fill, ...]:
    """The negative of an execution that is busted or corrected, and the corrected one."""
    reference = original.exec_id
    negative = replace(
        original,
        exec_id=ExecID(f"{reference}/reversed"),
        last_qty=-original.last_qty,
        transact_time=report.transact_time,
    )
    if report.exec_type is ExecType.TRADE_CANCEL:
        return (negative,)
    corrected = replace(
        original,
        exec_id=ExecID(f"{reference}/corrected")
        if report.exec_id in (None, reference)
        else execution_id(report),
        last_qty=report.last_qty or original.last_qty,
        last_px=report.last_px or original.last_px,
        cum_qty=report.cum_qty or original.cum_qty,
        transact_time=report.transact_time,
    )
    return (negative, corrected)


# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_TRADE: Final = ExecType.TRADE
_FILL: Final = Report.FILL
_STANDINGS = (ExecType.ORDER_STATUS, ExecType.RESTATED)


def column(order: Order, report: ExecutionReport, goal: Qty | None) -> Report | None:
    """The lifecycle table's column for the report, executions already booked; None for no news.

    `goal` is the OrderQty that counts: the larger one while a replace is unanswered. A report
    that would end the order while executions are missing does not end it yet.
    """
    kind = report.exec_type
    if kind is _TRADE:
        return _FILL if _is_filled(order, report, goal) else Report.PARTIAL_FILL
    if not _is_current(order, report):
        return None  # how a predecessor stands says nothing of the order
    found = _BY_STATUS.get(report.ord_status) if kind in _STANDINGS else _BY_EXEC_TYPE.get(kind)
    is_early = found in _SAYS_MORE and is_behind(order, report)
    if is_early or (found is _FILL and not _is_filled(order, report, goal)):
        found = None
    if found is None and order.venue_status in UNHEARD:
        return Report.NEW  # a pending cancel, say: the broker has the order, alive
    return found


def _is_current(order: Order, report: ExecutionReport) -> bool:
    """Whether the report is about the broker order that stands for the order now."""
    return order.order_id is None or report.order_id == order.order_id


def _goes_on(report: ExecutionReport, goal: Qty) -> bool:
    """Whether the broker says that there is more to come after what we hold for all of it: its
    order has grown, as a leg does with its parent, and we have not heard of that yet."""
    is_part = report.ord_status is OrdStatus.PARTIALLY_FILLED
    return is_part and report.exec_type is ExecType.TRADE and report.cum_qty >= goal


def _is_filled(order: Order, report: ExecutionReport, goal: Qty | None) -> bool:
    if goal is not None and order.cum_qty >= goal:
        return not _goes_on(report, goal)
    if report.ord_status is not OrdStatus.FILLED or not _is_current(order, report):
        return False
    is_growing = goal is not None and order.order_qty is not None and goal > order.order_qty
    return not is_growing and not is_behind(order, report)
