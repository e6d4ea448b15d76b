"""What the broker's figures prove about executions that we have not booked.

Nothing is booked by a figure: what is missing is asked for. Each kind of evidence proves one
thing, for the broker order that it names:

| evidence | proves |
| --- | --- |
| an execution | the shares from CumQty - LastQty to CumQty of its broker order (`is_booked`) |
| a status, an answer, a listed order | at some moment the count was its CumQty (`missing_qty`) |
| the same, of a successor | likewise, and it may count its predecessors' shares, see below |
| "filled" | the order has executed OrderQty, whichever broker orders did (`is_behind`) |
| a bust or correction | its execution was there: if it is not here, all are missing (`lacks`) |

The count of a broker order moves with its own executions and busts. A successor starts at zero,
or carries on from what its predecessors had executed when it was accepted, and again when it took
over; what is taken back of theirs later it goes on counting. Which of the two it is shows in its
own executions: one that begins below what was carried carries nothing. So a count is explained if
it is a total of its own, or what the others had at some moment and a total of its own; and what is
not explained is missing. An old count is explained like a new one, but what of its own was taken
back since counts as missing: the same shares may have been executed again.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import accumulate
from typing import Final

from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.ids import ExecID, OrderID
from floorbroker.domain.messages import ExecType, ExecutionReport, Source
from floorbroker.domain.order import Fill, Order, OrdStatus
from floorbroker.engine.book.book import lineage_of

# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_TRADE: Final = ExecType.TRADE
#: What carries executions; they are booked in every status.
EXECUTIONS = frozenset({ExecType.TRADE, ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL})
#: What undoes or changes an execution.
REVISIONS = (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)


def lacks(order: Order, found: ExecutionReport, before: Order | None = None) -> bool:
    """Whether the report tells of executions of the order that are to be asked for.

    An execution that was booked `before` counts what there was at its time: a bust or correction
    since makes that no news.
    """
    if found.exec_type in REVISIONS and found.source is Source.STREAM:
        return all(fill.exec_id != found.ref_exec_id for fill in order.fills)
    if found.cum_qty <= order.cum_qty and not order.replaces:
        return False  # as nearly always
    if before is not None and _was_booked(before, found):
        return False
    return found.order_id in lineage_of(order) and is_behind(order, found)


def _was_booked(order: Order, found: ExecutionReport) -> bool:
    is_execution = found.exec_type in EXECUTIONS and is_bookable(found)
    return is_execution and is_booked(order, found)


# By count


def is_behind(order: Order, report: ExecutionReport) -> bool:
    """Whether the broker has executions of the order that we have not booked, by this report."""
    if not order.replaces:
        return report.cum_qty > order.cum_qty
    if missing_qty(order, report.order_id, report.cum_qty) > 0:
        return True
    if report.ord_status is not OrdStatus.FILLED or report.order_qty is None:
        return False
    return order.cum_qty + _taken_back(order.fills) < report.order_qty


def missing_qty(order: Order, order_id: OrderID, told: Qty) -> Qty:
    """How much of a broker order's CumQty, as the broker told it, is not booked at least."""
    own = [fill for fill in order.fills if fill.order_id == order_id]
    own_qty = sum((fill.last_qty for fill in own), ZERO_QTY)
    if told <= own_qty:
        return ZERO_QTY
    own = _in_turn(own)
    carried = _carried(order, order_id, own)
    totals = (own_qty, *accumulate((fill.last_qty for fill in own), initial=ZERO_QTY))
    if any(qty <= own_qty and told - qty in carried for qty in totals):
        return ZERO_QTY
    whole = max(carried) + own_qty
    return told - whole if whole < told else told - own_qty


def _carried(order: Order, order_id: OrderID, own: list[Fill]) -> set[Qty]:
    """What the broker order may count of what others of the lineage executed. Where it has nothing
    of its own, it may be one that came to nothing, whose predecessor went on."""
    if not own:
        return _moments(order.fills)
    older = order.replaces
    if order_id in older:
        older = older[: older.index(order_id)]
    carried = _moments(fill for fill in order.fills if fill.order_id in older)
    most = min(_rest(own), default=max(carried))
    return {ZERO_QTY} | {qty for qty in carried if qty <= most}


def _rest(own: list[Fill]) -> Iterator[Qty]:
    """What the counts of its executions have beside themselves, until one is taken back: what was
    carried, and those of them that are missing."""
    total = ZERO_QTY
    for fill in own:
        if fill.last_qty < 0:
            return
        total += fill.last_qty
        yield fill.cum_qty - total


#: A lineage with more busts than this leaves nothing to be told from totals.
_TOTALS_MAX = 256


def _moments(fills: Iterable[Fill]) -> set[Qty]:
    """Every total on the way; what was taken back may have been so before it was carried or
    after, so each total counts it and does not."""
    now, seen = {ZERO_QTY}, {ZERO_QTY}
    for fill in _in_turn(fills):
        moved = {qty + fill.last_qty for qty in now}
        is_either = fill.last_qty < 0 and len(now) < _TOTALS_MAX
        now = now | moved if is_either else moved
        seen |= now
    return seen


def _in_turn(fills: Iterable[Fill]) -> list[Fill]:
    """They may have been booked out of turn."""
    return sorted(fills, key=lambda fill: (fill.transact_time, fill.cum_qty))


def _taken_back(fills: Iterable[Fill]) -> Qty:
    gone = [fill.last_qty for fill in fills if fill.last_qty < 0]
    return -sum(gone, ZERO_QTY) if gone else ZERO_QTY


# By name and interval


def is_booked(order: Order, report: ExecutionReport) -> bool:
    """Whether this execution is in the book, by its id or by the CumQty interval it covers."""
    if report.exec_type is not _TRADE:
        reference = report.ref_exec_id or report.exec_id
        return any(fill.exec_id == f"{reference}/reversed" for fill in order.fills)
    if not order.fills:
        return False
    exec_id = execution_id(report)
    for fill in order.fills:
        if fill.exec_id == exec_id:
            return True
    return _is_covered(order, report)


def is_bookable(report: ExecutionReport) -> bool:
    """Whether the report says all that a booking needs; a bust names its execution instead."""
    if report.exec_type is not _TRADE:
        return True
    return report.last_px is not None and report.last_qty is not None and report.last_qty > 0


def execution_id(report: ExecutionReport) -> ExecID:
    """The broker's id of the execution, or one made from what identifies it."""
    return report.exec_id or ExecID(f"{report.order_id}/{report.cum_qty}")


def _is_covered(order: Order, report: ExecutionReport) -> bool:
    """Two channels may name one execution differently, but no two of one broker order overlap.

    After a bust the broker's CumQty went back, and intervals prove nothing.
    """
    assert report.last_qty is not None
    end, size = Decimal(report.cum_qty), Decimal(report.last_qty)
    start, covered = end - size, Decimal(0)
    for fill in order.fills:
        if fill.order_id != report.order_id:
            continue
        if fill.last_qty <= 0:
            return False
        if fill.cum_qty > start:  # else it ended before, as usual: the next one is not covered
            until = Decimal(fill.cum_qty)
            overlap = min(end, until) - max(start, until - Decimal(fill.last_qty))
            if overlap > 0:
                covered += overlap
    return start >= 0 and covered >= size
