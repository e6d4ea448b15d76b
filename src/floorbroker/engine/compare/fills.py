"""Executions, ours and the broker's, one by one."""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind, Proposal
from floorbroker.domain.ids import ExecID, OrderID
from floorbroker.domain.messages import ExecType, ExecutionReport
from floorbroker.domain.order import Fill, Order
from floorbroker.engine.book import counts
from floorbroker.engine.book.book import lineage_of

_REVERSED = "/reversed"


class Compared(Struct, frozen=True, kw_only=True):
    """What one side has and the other has not."""

    count: int  #: Executions that were held against each other.
    missing: list[ExecutionReport]  #: The broker lists them and we have not booked them.
    unlisted: list[Fill]  #: We have booked them and the broker does not list them.


def compared(
    orders: Sequence[Order],
    theirs: Sequence[ExecutionReport],
    *,
    since: datetime,
    until: datetime,
) -> Compared:
    """Both multisets of executions of a period, busts and corrections carried out.

    `since` itself is not of the period. The broker's list may reach further back, so that nothing
    is missed at the edge. An execution that was busted and that we never heard of changes nothing,
    and is missing all the same, with its bust.
    Where it does not tell of busts, an execution that was busted here stands there: that is no
    difference.
    """
    ours = [fill for order in orders for fill in order.fills]
    undone = {fill.exec_id.removesuffix(_REVERSED) for fill in ours if fill.last_qty < 0}
    mine = [fill for fill in ours if fill.last_qty > 0 and fill.exec_id not in undone]
    busts = {one.ref_exec_id: one for one in theirs if one.exec_type is not ExecType.TRADE}
    listed = [
        one
        for one in theirs
        if one.exec_type is not ExecType.TRADE_CANCEL and one.exec_id not in busts
    ]
    told = {one.exec_id for one in theirs}  # whoever is told of by name is known by nothing else
    left = _unmatched(mine, listed, told)
    gone = {fill.exec_id for fill in left if fill.exec_id in busts}
    booked = _names([fill for fill in ours if fill.last_qty > 0])
    known = {_key_of(fill) for fill in mine if fill.exec_id not in told}
    missing = [one for one in listed if not _is_booked(one, booked, known)]
    unheard = _unheard(theirs, busts, missing, orders)
    cancels = [
        one for one in theirs if one.exec_type is ExecType.TRADE_CANCEL and one.ref_exec_id in gone
    ]
    named = {one.exec_id for one in listed}
    untold = {fill.order_id for fill in ours if fill.exec_id in undone and fill.exec_id in named}
    unlisted = [
        fill
        for fill in left
        if fill.exec_id not in gone and fill.order_id not in untold
        if since < fill.transact_time <= until
    ]
    return Compared(count=len(listed), missing=[*missing, *cancels, *unheard], unlisted=unlisted)


def _unheard(
    theirs: Sequence[ExecutionReport],
    busts: Mapping[ExecID | None, ExecutionReport],
    missing: Container[ExecutionReport],
    orders: Sequence[Order],
) -> list[ExecutionReport]:
    """Executions that were revised before we heard of them. A bust comes with what it undoes; a
    correction that we miss needs what it corrects, and cannot be booked before that."""
    found: list[ExecutionReport] = []
    for one in theirs:
        by = busts.get(one.exec_id)
        if by is None or one.exec_type is not ExecType.TRADE or not _is_free(one, orders):
            continue
        if by.exec_type is ExecType.TRADE_CANCEL:
            found += (one, by)
        elif by in missing:
            found.append(one)
    return found


def _unmatched(
    mine: list[Fill], listed: list[ExecutionReport], told: Container[ExecID | None]
) -> list[Fill]:
    """Ours that the list has not, by name or by what else identifies an execution."""
    names = {one.exec_id for one in listed}
    keys = {_key(one) for one in listed}
    return [
        fill
        for fill in mine
        if fill.exec_id not in names
        if fill.exec_id in told or _key_of(fill) not in keys
    ]


_Key = tuple[OrderID, str, str]


def _key(one: ExecutionReport) -> _Key:
    """No two executions of one broker order end at the same total, unless one was busted."""
    return one.order_id, f"{one.cum_qty}", f"{one.last_qty}@{one.last_px}"


def _key_of(fill: Fill) -> _Key:
    return fill.order_id, f"{fill.cum_qty}", f"{fill.last_qty}@{fill.last_px}"


def _names(fills: Iterable[Fill]) -> set[ExecID]:
    return {fill.exec_id for fill in fills}


def _is_booked(one: ExecutionReport, booked: set[ExecID], known: set[_Key]) -> bool:
    if one.exec_id in booked or _key(one) in known:
        return True
    return f"{one.ref_exec_id}/corrected" in booked


def _is_free(one: ExecutionReport, orders: Sequence[Order]) -> bool:
    """Whether an order at hand is to have this execution, and no other stands in its place."""
    return any(
        one.order_id in lineage_of(order) and not counts.is_booked(order, one) for order in orders
    )


def orphans(theirs: Sequence[ExecutionReport], orders: Sequence[Order]) -> set[ExecID]:
    """Executions that the list busts or corrects and that neither it nor we have."""
    known = {one.exec_id for one in theirs} | _names(
        fill for each in orders for fill in each.fills
    )
    revised = (one.ref_exec_id for one in theirs if one.exec_type is not ExecType.TRADE)
    return {name for name in revised if name is not None and name not in known}


def cause_of(one: ExecutionReport, about: Order | None) -> BreakCause:
    """Why we had not booked it."""
    if one.exec_type is not ExecType.TRADE:
        return BreakCause.REVISION
    if about is None or about.is_external:
        return BreakCause.EXTERNAL_ORDER
    return BreakCause.MISSED_FILL


def in_words(one: ExecutionReport) -> str:
    return f"{one.side} {one.last_qty} {one.symbol} at {one.last_px}"


def missing_break(one: ExecutionReport, about: Order | None, *, is_booked: bool) -> Break:
    """An execution of the broker's list that we had not booked; whether we have now."""
    reference = one.ref_exec_id if one.exec_type is not ExecType.TRADE else None
    kind = "its bust" if one.exec_type is ExecType.TRADE_CANCEL else "the execution"
    return Break(
        kind=BreakKind.FILL,
        cause=cause_of(one, about),
        subject=reference or one.exec_id or one.order_id,
        symbol=one.symbol,
        ours="as it was" if reference else "none",
        theirs=f"{one.exec_type}: {in_words(one)}",
        evidence=f"the broker lists {kind} {one.exec_id} of its order {one.order_id}",
        repair="booked from the broker's list" if is_booked else "it cannot be booked: look at it",
        is_open=not is_booked,
        proposal=None if is_booked else Proposal(symbol=one.symbol),
    )


def unlisted_break(fill: Fill) -> Break:
    """An execution that we have booked, by the broker's own word, and that it does not list."""
    return Break(
        kind=BreakKind.FILL,
        cause=BreakCause.UNKNOWN,
        subject=fill.exec_id,
        symbol=fill.symbol,
        ours=f"{fill.side} {fill.last_qty} {fill.symbol} at {fill.last_px}",
        theirs="none",
        evidence=f"the broker's list of executions has none such of its order {fill.order_id}",
        repair="ask the broker whether it was busted; position and cash are compared apart",
        is_open=True,
        proposal=Proposal(symbol=fill.symbol),
    )
