"""The difference between two books, with causes."""

from floorbroker.brokers.port import Activity, ActivityKind, PositionReport
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import BreakCause
from floorbroker.domain.order import OrdStatus, Side
from floorbroker.domain.position import Position
from floorbroker.engine.reconcile import (
    Theirs,
    adoption,
    explained,
    order_breaks,
    position_breaks,
    repaired,
)
from tests.unit.engine.book.test_booking import NAME, report, state
from tests.unit.engine.scripted import START

OURS = state().book.orders[NAME]


def held(symbol: str, qty: int) -> PositionReport:
    return PositionReport(
        symbol=symbol,
        qty=Qty(qty),
        qty_available=Qty(qty),
        avg_entry_px=Px("9.50"),
        current_px=None,
        market_value=None,
        unrealized_pnl=None,
    )


def test_books_that_agree_have_no_breaks() -> None:
    assert order_breaks([Theirs(ours=OURS, found=report())]) == []
    ours = {"AAPL": Position(symbol="AAPL", qty=Qty(3)), "F": Position(symbol="F")}
    assert position_breaks(ours, [held("AAPL", 3)]) == []


def test_each_difference_has_its_cause() -> None:
    pairs = [
        Theirs(ours=OURS, found=report(cum_qty=Qty(3), ord_status=OrdStatus.PARTIALLY_FILLED)),
        Theirs(ours=OURS, found=report(ord_status=OrdStatus.CANCELED)),
        Theirs(ours=OURS, found=report(side=Side.SELL)),
        Theirs(ours=OURS, found=None),
        Theirs(ours=None, found=report(cl_ord_id=ClOrdID("by-hand"))),
    ]
    found = order_breaks(pairs)
    assert [(one.cause, one.is_open) for one in found] == [
        (BreakCause.MISSED_FILL, True),
        (BreakCause.LATE_ACK, True),
        (BreakCause.TERMS_DIFFER, True),
        (BreakCause.MISSING_ORDER, True),
        (BreakCause.EXTERNAL_ORDER, False),
    ]
    assert all(one.evidence and one.repair for one in found)


def test_both_sides_are_looked_at() -> None:
    ours = {"AAPL": Position(symbol="AAPL", qty=Qty(3))}
    found = position_breaks(ours, [held("MSFT", -2)])
    assert [(one.subject, one.ours, one.theirs) for one in found] == [
        ("AAPL", "3", "0"),
        ("MSFT", "0", "-2"),
    ]


def test_what_is_gone_after_the_repair_is_closed_and_the_rest_stays_open() -> None:
    before = order_breaks(
        [Theirs(ours=OURS, found=report(cum_qty=Qty(3))), Theirs(ours=OURS, found=None)]
    )
    after = before[1:]
    assert [one.is_open for one in repaired(before, after)] == [False, True]


def test_an_adopted_position_keeps_the_brokers_price() -> None:
    theirs = [held("MSFT", -2)]
    breaks = position_breaks({}, theirs)
    adjusted, explained = adoption(breaks, theirs, account=Account("A"), now=START)
    assert [(one.symbol, one.qty, one.px) for one in adjusted] == [("MSFT", Qty(-2), Px("9.50"))]
    assert [one.is_open for one in explained] == [False]


def change(qty: int, symbol: str = "AAPL") -> Activity:
    return Activity(
        activity_id=f"{symbol} {qty}",
        kind=ActivityKind.CORPORATE,
        code="SPLIT",
        time=START,
        symbol=symbol,
        share_qty=Qty(qty),
        text=f"by {qty}",
    )


def test_a_break_that_the_latest_changes_come_to_is_a_corporate_action() -> None:
    ours = {"AAPL": Position(symbol="AAPL", qty=Qty(10))}
    breaks = position_breaks(ours, [held("AAPL", 45)])
    # What came before was adjusted then; what is of another symbol says nothing.
    changes = [change(7), change(30), change(99, "MSFT"), change(5)]
    (found,) = explained(breaks, changes)
    assert (found.cause, found.is_open) == (BreakCause.CORPORATE_ACTION, True)
    day = START.date()
    assert found.evidence == f"SPLIT of {day}: by 30; SPLIT of {day}: by 5"
    assert "adjust the position by hand" in found.repair


def test_a_break_that_no_changes_come_to_stays_unknown() -> None:
    breaks = position_breaks({}, [held("AAPL", 45)])
    for changes in ([], [change(44)], [change(45, "MSFT")]):
        assert explained(breaks, changes) == breaks
