"""Positions, ours and the broker's: every symbol, and what of the difference has a name."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from floorbroker.brokers.port import Activity, ActivityKind, PositionReport
from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Money, Px, Qty
from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind, Proposal
from floorbroker.domain.ids import Account
from floorbroker.domain.messages import ExecutionReport, PositionAdjusted
from floorbroker.domain.order import Order
from floorbroker.domain.position import Position

#: Why shares came or went, by what the broker's list says of it.
SHARE_CAUSES = {
    ActivityKind.FEE: BreakCause.FEE,
    ActivityKind.CASH: BreakCause.TRANSFER,
    ActivityKind.OTHER: BreakCause.TRANSFER,
}
#: Activities that make more or fewer shares of the same position, whose cost stays.
_SAME_COST = frozenset({"SPLIT", "DIV"})


def position_breaks(ours: Mapping[str, Position], theirs: Iterable[PositionReport]) -> list[Break]:
    """Every symbol that either side holds, compared exactly."""
    held = {report.symbol: report for report in theirs}
    return [
        found
        for symbol in sorted({*ours, *held})
        if (found := _position_break(symbol, ours.get(symbol), held.get(symbol))) is not None
    ]


def _position_break(
    symbol: str, ours: Position | None, theirs: PositionReport | None
) -> Break | None:
    mine = ZERO_QTY if ours is None else ours.qty
    other = ZERO_QTY if theirs is None else theirs.qty
    if mine == other:
        return None
    px = _fair_px(ours, theirs)
    return Break(
        kind=BreakKind.POSITION,
        cause=BreakCause.UNKNOWN,
        subject=symbol,
        symbol=symbol,
        ours=str(mine),
        theirs=str(other),
        difference=f"{other - mine}",
        evidence="no execution and no other activity that the broker lists explains it",
        repair=f"find out who traded, then take over {_signed(other - mine)} at {px}",
        is_open=True,
        proposal=Proposal(symbol=symbol, qty=other - mine, px=px),
    )


def _fair_px(ours: Position | None, theirs: PositionReport | None) -> Px:
    """What shares are taken over at: those that are gone at what they cost us, so that no profit
    is made up, others at the broker's average price."""
    mine = None if ours is None else ours.avg_entry_px
    if theirs is None or (mine is not None and ours is not None and _shrinks(ours, theirs)):
        return mine or Px(0)
    return theirs.avg_entry_px


def _shrinks(ours: Position, theirs: PositionReport) -> bool:
    return ours.qty * theirs.qty.decimal > 0 and abs(theirs.qty) < abs(ours.qty)


def _signed(qty: Qty) -> str:
    return f"{qty:+f}" if qty % 1 else f"{int(qty):+d}"


def explained(
    breaks: Iterable[Break],
    activities: Sequence[Activity],
    theirs: Iterable[PositionReport],
    ours: Mapping[str, Position],
) -> list[Break]:
    """The breaks, those that the latest changes without a trade come to by their name."""
    held = {report.symbol: report for report in theirs}
    return [
        _explained(found, activities, held.get(found.symbol), ours.get(found.symbol))
        for found in breaks
    ]


def _explained(
    found: Break,
    activities: Sequence[Activity],
    theirs: PositionReport | None,
    ours: Position | None,
) -> Break:
    if found.cause is not BreakCause.UNKNOWN or not found.is_open:
        return found
    left = Qty(found.difference)
    used: list[Activity] = []
    for change in reversed([each for each in activities if each.symbol == found.symbol]):
        if change.share_qty is None:
            continue
        left -= change.share_qty
        used.insert(0, change)
        if left == 0:
            return _named(found, used, theirs, ours)
    return found


def _named(
    found: Break, used: list[Activity], theirs: PositionReport | None, ours: Position | None
) -> Break:
    cause = SHARE_CAUSES.get(used[-1].kind, BreakCause.CORPORATE_ACTION)
    qty, cost = Qty(found.difference), _cost(used, theirs, ours)
    return replace(
        found,
        cause=cause,
        evidence="; ".join(
            f"{one.code} of {one.time.date()}: {one.text}".rstrip(": ") for one in used
        ),
        repair=f"take over {_signed(qty)} shares for a cost of {cost}",
        proposal=Proposal(symbol=found.symbol, qty=qty, cost=cost),
    )


def _cost(used: list[Activity], theirs: PositionReport | None, ours: Position | None) -> Money:
    """What the position's cost changes by: a split leaves it, but for the cash that came in lieu
    of a fraction. Of any other change the broker's average tells; of a position that is gone,
    everything goes."""
    before = ZERO_MONEY if ours is None else ours.cost
    if theirs is None:
        return -before
    if ours is not None and not ours.is_flat and all(one.code in _SAME_COST for one in used):
        return -sum((one.net_amount or ZERO_MONEY for one in used), ZERO_MONEY)
    return Money.of(Decimal(theirs.qty) * Decimal(theirs.avg_entry_px)) - before


def revised(found: Break, pairs: Iterable[tuple[Order, ExecutionReport]]) -> Break:
    """The break as a bust or correction that nobody lists, where the broker's own orders count
    just so many shares more or fewer than ours; `pairs` have the newest last."""
    if found.cause is not BreakCause.UNKNOWN or not found.is_open:
        return found
    left, told = Qty(found.difference), list[str]()
    for order, report in reversed([*pairs]):
        if order.symbol != found.symbol or order.order_id != report.order_id:
            continue
        if more := _counted_more(order, report):
            left -= more
            told.insert(0, f"{order.order_id} by {_signed(more)}")
        if told and not left:  # older ones were approved when they came up
            words = f"the broker's own orders count differently: {', '.join(told)}"
            return replace(found, cause=BreakCause.REVISION, evidence=words)
    return found


def _counted_more(order: Order, report: ExecutionReport) -> Qty:
    """Signed shares that the broker's order has and ours has not."""
    own = sum(
        (fill.last_qty for fill in order.fills if fill.order_id == report.order_id), ZERO_QTY
    )
    more = report.cum_qty - own
    return more if order.side.value == "buy" else -more


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
        report = reports.get(found.subject)
        adjusted.append(
            PositionAdjusted(
                account=account,
                symbol=found.subject,
                qty=Qty(found.difference),
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
                proposal=None,
            )
        )
    return adjusted, explained
