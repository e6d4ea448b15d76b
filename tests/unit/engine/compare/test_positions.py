"""Positions, ours and the broker's: every difference, by its name where it has one."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from floorbroker.brokers.port import Activity, ActivityKind, PositionReport
from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.books.breaks import Break, BreakCause
from floorbroker.domain.ids import Account
from floorbroker.domain.position import Position
from floorbroker.engine.compare.positions import (
    adoption,
    explained,
    position_breaks,
    revised,
)
from tests.unit.engine.book.test_booking import NAME, report, state
from tests.unit.engine.scripted import START


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


def test_both_sides_are_looked_at() -> None:
    ours = {"AAPL": Position(symbol="AAPL", qty=Qty(3))}
    found = position_breaks(ours, [held("MSFT", -2)])
    assert [(one.subject, one.ours, one.theirs) for one in found] == [
        ("AAPL", "3", "0"),
        ("MSFT", "0", "-2"),
    ]


def test_what_is_long_here_and_short_there_differs_by_both() -> None:
    (found,) = position_breaks({"MSFT": Position(symbol="MSFT", qty=Qty(2))}, [held("MSFT", -2)])
    assert (found.ours, found.theirs, found.difference) == ("2", "-2", "-4")


def test_an_adopted_position_keeps_the_brokers_price() -> None:
    theirs = [held("MSFT", -2)]
    breaks = position_breaks({}, theirs)
    adjusted, explained = adoption(breaks, theirs, account=Account("A"), now=START)
    assert [(one.symbol, one.qty, one.px) for one in adjusted] == [("MSFT", Qty(-2), Px("9.50"))]
    assert [one.is_open for one in explained] == [False]


def change(qty: int, symbol: str = "AAPL", **more: object) -> Activity:
    plain = Activity(
        activity_id=f"{symbol} {qty}",
        kind=ActivityKind.CORPORATE,
        code="SPLIT",
        time=START,
        symbol=symbol,
        share_qty=Qty(qty),
        text=f"by {qty}",
    )
    return replace(plain, **more)


#: Ten shares at 100.
TEN = {"AAPL": Position(symbol="AAPL", qty=Qty(10), cost=Money(1000))}


def named(theirs: list[PositionReport], changes: list[Activity]) -> Break:
    (found,) = explained(position_breaks(TEN, theirs), changes, theirs, TEN)
    return found


def test_a_break_that_the_latest_changes_come_to_is_a_corporate_action() -> None:
    # What came before was adjusted then; what is of another symbol says nothing.
    found = named([held("AAPL", 45)], [change(7), change(30), change(99, "MSFT"), change(5)])
    assert (found.cause, found.is_open) == (BreakCause.CORPORATE_ACTION, True)
    day = START.date()
    assert found.evidence == f"SPLIT of {day}: by 30; SPLIT of {day}: by 5"


@pytest.mark.proves("C32", "S24")
def test_a_split_is_taken_over_at_the_same_cost_and_the_average_price_follows() -> None:
    proposal = named([held("AAPL", 40)], [change(30)]).proposal
    assert proposal is not None
    assert (proposal.qty, proposal.cost) == (Qty(30), Money(0))
    assert proposal.cost is not None
    after = TEN["AAPL"].reshaped(proposal.qty, proposal.cost)
    assert (after.qty, after.avg_entry_px) == (Qty(40), Px(25))
    assert after.realized_pnl == 0
    reverse = named([held("AAPL", 3)], [change(-7, net_amount=Money("33.40"))]).proposal
    assert reverse is not None
    assert (reverse.qty, reverse.cost) == (Qty(-7), Money("-33.40"))


def test_shares_from_elsewhere_cost_what_the_broker_says_and_all_goes_with_the_last() -> None:
    came = named([held("AAPL", 12)], [change(2, kind=ActivityKind.CASH, code="JNLS")])
    assert came.cause is BreakCause.TRANSFER
    assert came.proposal is not None
    assert came.proposal.cost == Decimal("9.50") * 12 - 1000
    gone = named([], [change(-10, code="NC")])
    assert gone.proposal is not None
    assert (gone.proposal.qty, gone.proposal.cost) == (Qty(-10), Money(-1000))


def test_a_break_that_no_changes_come_to_stays_unknown() -> None:
    theirs = [held("AAPL", 45)]
    breaks = position_breaks({}, theirs)
    for changes in ([], [change(44)], [change(45, "MSFT")]):
        assert explained(breaks, changes, theirs, {}) == breaks


def test_what_is_taken_over_unexplained_makes_no_profit() -> None:
    for theirs, px in (([], "100"), ([held("AAPL", 4)], "100"), ([held("AAPL", 12)], "9.50")):
        (found,) = position_breaks(TEN, theirs)
        assert found.proposal is not None
        assert (found.cause, found.proposal.px) == (BreakCause.UNKNOWN, Px(px))
    (short,) = position_breaks(TEN, [held("AAPL", -5)])
    assert short.proposal is not None
    assert (short.proposal.qty, short.proposal.px) == (Qty(-15), Px("9.50"))


def test_a_bust_that_nobody_lists_shows_in_what_the_order_counts() -> None:
    ours = state().book.orders[NAME]
    (found,) = position_breaks({"AAPL": Position(symbol="AAPL")}, [held("AAPL", 3)])
    order = replace(ours, order_id=report().order_id)
    pair = (order, report(cum_qty=Qty(3)))
    assert revised(found, [pair]).cause is BreakCause.REVISION
    assert revised(found, [(order, report(cum_qty=Qty(4)))]) == found
    assert revised(found, []) == found
