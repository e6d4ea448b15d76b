"""Executions one by one: what one side has and the other has not."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.books.breaks import BreakCause
from floorbroker.domain.ids import ExecID, OrderID
from floorbroker.domain.messages import ExecType, ExecutionReport, Source
from floorbroker.domain.order import Order
from floorbroker.engine.book import booking
from floorbroker.engine.compare.fills import (
    Compared,
    cause_of,
    compared,
    missing_break,
    orphans,
    unlisted_break,
)
from tests.unit.engine.book.test_booking import NAME, report, state
from tests.unit.engine.scripted import START

EARLY, LATE = START - timedelta(days=1), START + timedelta(days=1)
ORDER = replace(state().book.orders[NAME], order_id=OrderID("o1"))


def trade(name: str, qty: int, cum: int, px: str = "10", **more: object) -> ExecutionReport:
    plain = replace(
        report(),
        order_id=OrderID("o1"),
        exec_type=ExecType.TRADE,
        source=Source.ACTIVITY,
        exec_id=ExecID(name),
        last_qty=Qty(qty),
        last_px=Px(px),
        cum_qty=Qty(cum),
        transact_time=START,
    )
    return replace(plain, **more)


def booked(*reports: ExecutionReport) -> Order:
    order = ORDER
    for one in reports:
        if one.exec_type is ExecType.TRADE:
            order = booking.with_fills(order, (booking.fill_of(order, one),))
        else:
            original = booking.busted(order, one)
            assert original is not None
            order = booking.with_fills(order, booking.revision(original, one))
    return order


def held(order: Order, *theirs: ExecutionReport) -> Compared:
    return compared([order], theirs, since=EARLY, until=LATE)


ONE, TWO = trade("x1", 4, 4), trade("x2", 6, 10)
BUST = trade("x3", 6, 4, exec_type=ExecType.TRADE_CANCEL, ref_exec_id=ExecID("x2"))
FIX = trade("x4", 5, 9, exec_type=ExecType.TRADE_CORRECT, ref_exec_id=ExecID("x2"))

#: After a bust two executions may look the same but for their names.
AGAIN = replace(TWO, exec_id=ExecID("x5"))
SAME = trade("x6", 4, 4)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([ONE, TWO], [ONE, TWO]),
        ([ONE, TWO, BUST], [ONE, TWO, BUST]),
        ([ONE, TWO, FIX], [ONE, TWO, FIX]),
        ([ONE, TWO, BUST], [ONE, TWO]),  # a list that tells of no bust
        ([ONE, TWO, FIX], [ONE, TWO]),
        ([ONE, TWO], [replace(ONE, exec_id=ExecID("y1")), replace(TWO, exec_id=ExecID("y2"))]),
    ],
)
def test_books_that_say_the_same_agree(
    ours: list[ExecutionReport], theirs: list[ExecutionReport]
) -> None:
    found = held(booked(*ours), *theirs)
    assert (found.missing, found.unlisted) == ([], [])


@pytest.mark.proves("C31")
@pytest.mark.parametrize(
    ("ours", "theirs", "missing", "unlisted"),
    [
        ([ONE], [ONE, TWO], ["x2"], []),
        ([ONE, TWO], [ONE, TWO, BUST], ["x3"], []),
        ([ONE, TWO], [ONE, TWO, FIX], ["x4"], []),
        ([ONE, TWO], [ONE], [], ["x2"]),
        ([ONE, TWO], [ONE, TWO, BUST, AGAIN], ["x5", "x3"], []),
        ([ONE, TWO], [ONE, TWO, SAME], ["x6"], []),
        ([ONE, TWO], [], [], ["x1", "x2"]),
        ([ONE, replace(TWO, last_px=Px(11), exec_id=ExecID("z"))], [ONE, TWO], ["x2"], ["z"]),
    ],
)
def test_what_one_side_lacks_is_named(
    ours: list[ExecutionReport],
    theirs: list[ExecutionReport],
    missing: list[str],
    unlisted: list[str],
) -> None:
    found = held(booked(*ours), *theirs)
    assert [one.exec_id for one in found.missing] == missing
    assert [fill.exec_id for fill in found.unlisted] == unlisted


def test_what_is_taken_back_and_stands_nowhere_is_an_orphan() -> None:
    assert orphans([ONE, BUST], [booked(ONE)]) == {"x2"}
    assert orphans([ONE, TWO, BUST], []) == set()
    assert orphans([BUST], [booked(ONE, TWO)]) == set()


def test_what_lies_outside_the_period_is_not_missed_in_the_list() -> None:
    order = booked(ONE)
    late = compared([order], [], since=EARLY, until=START - timedelta(seconds=1))
    early = compared([order], [], since=START, until=LATE)
    assert (late.unlisted, early.unlisted) == ([], [])


def test_the_cause_follows_from_what_it_is_and_whose() -> None:
    stranger = replace(ORDER, is_external=True)
    assert cause_of(ONE, ORDER) is BreakCause.MISSED_FILL
    assert cause_of(ONE, stranger) is cause_of(ONE, None) is BreakCause.EXTERNAL_ORDER
    assert cause_of(BUST, ORDER) is cause_of(FIX, None) is BreakCause.REVISION


def test_what_cannot_be_booked_and_what_nobody_lists_stays_open() -> None:
    done, left = (missing_break(TWO, ORDER, is_booked=is_booked) for is_booked in (True, False))
    assert (done.is_open, done.proposal) == (False, None)
    assert left.is_open
    (fill,) = booked(ONE).fills
    ours = unlisted_break(fill)
    assert (ours.is_open, ours.symbol, ours.cause) == (True, "AAPL", BreakCause.UNKNOWN)
    assert ours.proposal is not None
    assert not ours.proposal.changes_books, "position and cash have breaks of their own"


def test_an_execution_that_was_busted_before_we_heard_of_it_is_missed_with_its_bust() -> None:
    found = held(booked(ONE), ONE, TWO, BUST)
    assert [one.exec_id for one in found.missing] == ["x2", "x3"]
    assert held(booked(ONE, TWO, BUST), ONE, TWO, BUST).missing == []


def test_an_execution_that_was_corrected_before_we_heard_of_it_is_missed_with_its_correction() -> (
    None
):
    found = held(booked(ONE), ONE, TWO, FIX)
    assert {one.exec_id for one in found.missing} == {"x2", FIX.exec_id}
    assert held(booked(ONE, TWO, FIX), ONE, TWO, FIX).missing == []
