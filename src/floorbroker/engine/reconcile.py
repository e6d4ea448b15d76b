"""Our book against the broker's: a pure difference, each with its cause and its evidence."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.brokers.port import Activity, PositionReport
from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.ids import Account
from floorbroker.domain.lifecycle import next_status
from floorbroker.domain.messages import Break, BreakCause, ExecutionReport, PositionAdjusted
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.domain.position import Position
from floorbroker.engine.book import booking, news


class Theirs(Struct, frozen=True, kw_only=True):
    """How one order stands at the broker: a report, or None where the broker knows none.

    `ours` is the order that it was found to be about, as we know it.
    """

    ours: Order | None
    found: ExecutionReport | None


def order_breaks(pairs: Iterable[Theirs]) -> list[Break]:
    """The difference of each order that has one."""
    found = (_order_break(pair) for pair in pairs)
    return [one for one in found if one is not None]


def _order_break(pair: Theirs) -> Break | None:
    ours, found = pair.ours, pair.found
    if found is None:
        return None if ours is None else _missing(ours)
    if ours is None or ours.is_external:
        return _external(ours, found)
    differing = news.terms_differ(ours, found)
    if differing:
        return Break(
            cause=BreakCause.TERMS_DIFFER,
            subject=ours.cl_ord_id,
            ours=_terms(ours),
            theirs=f"{found.side} {found.order_qty} {found.symbol}",
            evidence=differing,
            repair="stop and look: another order carries the same id",
            is_open=True,
        )
    if booking.is_behind(ours, found):
        return _behind(ours, found)
    return _status_break(ours, found)


def _behind(ours: Order, found: ExecutionReport) -> Break:
    return Break(
        cause=BreakCause.MISSED_FILL,
        subject=ours.cl_ord_id,
        ours=f"{ours.cum_qty} filled",
        theirs=f"{found.cum_qty} filled",
        evidence=f"the broker's order {found.order_id} says so",
        repair="fetch its executions from the broker and book them",
        is_open=True,
    )


def _status_break(ours: Order, found: ExecutionReport) -> Break | None:
    column = booking.column(ours, found, ours.order_qty)
    following = None if column is None else next_status(ours.venue_status, column)
    if following in (None, ours.venue_status):
        return None
    return Break(
        cause=BreakCause.LATE_ACK,
        subject=ours.cl_ord_id,
        ours=ours.venue_status.value,
        theirs=found.ord_status.value,
        evidence=f"the broker's order {found.order_id} says so",
        repair="take the broker's word",
        is_open=True,
    )


def _missing(ours: Order) -> Break:
    is_unknown = ours.venue_status is OrdStatus.UNKNOWN
    return Break(
        cause=BreakCause.MISSING_ORDER,
        subject=ours.cl_ord_id,
        ours=ours.venue_status.value,
        theirs="none",
        evidence="asked by id, the broker knows no such order",
        repair="it is still being looked up" if is_unknown else "ask the broker what became of it",
        is_open=True,
    )


def _external(ours: Order | None, found: ExecutionReport) -> Break:
    return Break(
        cause=BreakCause.EXTERNAL_ORDER,
        subject=found.cl_ord_id or found.order_id,
        ours="none" if ours is None else "kept apart",
        theirs=f"{found.side} {found.order_qty} {found.symbol}, {found.ord_status}",
        evidence=f"no order of this desk has the broker's order {found.order_id}",
        repair="kept apart; its executions are booked",
        is_open=False,
    )


def _terms(order: Order) -> str:
    size = order.order_qty if order.order_qty is not None else f"${order.request.notional}"
    return f"{order.side} {size} {order.symbol}"


def position_breaks(ours: Mapping[str, Position], theirs: Iterable[PositionReport]) -> list[Break]:
    """Every symbol that either side holds, compared exactly."""
    held = {report.symbol: report.qty for report in theirs}
    breaks = []
    for symbol in sorted({*ours, *held}):
        mine = ours[symbol].qty if symbol in ours else ZERO_QTY
        other = held.get(symbol, ZERO_QTY)
        if mine != other:
            breaks.append(_position_break(symbol, mine, other))
    return breaks


def _position_break(symbol: str, mine: Qty, other: Qty) -> Break:
    return Break(
        cause=BreakCause.UNKNOWN,
        subject=symbol,
        ours=str(mine),
        theirs=str(other),
        evidence="no execution that the broker lists explains the difference",
        repair="find out who traded; then adjust the position by hand",
        is_open=True,
    )


def explained(breaks: Iterable[Break], activities: Sequence[Activity]) -> list[Break]:
    """The breaks, those that the latest changes without a trade come to by their name."""
    return [_explained(found, activities) for found in breaks]


def _explained(found: Break, activities: Sequence[Activity]) -> Break:
    if found.cause is not BreakCause.UNKNOWN or not found.is_open:
        return found
    left = Qty(found.theirs) - Qty(found.ours)
    told: list[str] = []
    for change in reversed([each for each in activities if each.symbol == found.subject]):
        if change.share_qty is None:
            continue
        left -= change.share_qty
        told.insert(0, f"{change.code} of {change.time.date()}: {change.text}".rstrip(": "))
        if left == 0:
            return replace(
                found,
                cause=BreakCause.CORPORATE_ACTION,
                evidence="; ".join(told),
                repair="the broker's shares are right; adjust the position by hand",
            )
    return found


def adoption(
    breaks: Iterable[Break],
    theirs: Iterable[PositionReport],
    *,
    account: Account,
    now: datetime,
) -> tuple[list[PositionAdjusted], list[Break]]:
    """Take over what the account held before this journal began, explained."""
    reports = {report.symbol: report for report in theirs}
    adjusted, explained = [], []
    for found in breaks:
        difference = Qty(found.theirs) - Qty(found.ours)
        report = reports.get(found.subject)
        adjusted.append(
            PositionAdjusted(
                account=account,
                symbol=found.subject,
                qty=difference,
                px=Px(0) if report is None else report.avg_entry_px,
                cause=BreakCause.EXTERNAL_POSITION,
                text="held before this journal began",
                transact_time=now,
            )
        )
        explained.append(
            replace(
                found,
                cause=BreakCause.EXTERNAL_POSITION,
                evidence="the account held it before this journal began",
                repair="taken over at the broker's average price",
                is_open=False,
            )
        )
    return adjusted, explained


def repaired(before: Iterable[Break], after: Iterable[Break]) -> list[Break]:
    """What was found, with what is gone after the repair closed."""
    still = {(found.cause, found.subject) for found in after}
    return [
        found
        if (found.cause, found.subject) in still or not found.is_open
        else replace(found, repair=_DONE.get(found.cause, "explained meanwhile"), is_open=False)
        for found in before
    ]


_DONE = {
    BreakCause.MISSED_FILL: "its executions were fetched from the broker and booked",
    BreakCause.LATE_ACK: "the broker's word was taken",
    BreakCause.MISSING_ORDER: "it was found",
    BreakCause.UNKNOWN: "executions were fetched from the broker and booked",
}
