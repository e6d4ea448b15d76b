"""Orders, ours and the broker's: how each stands on both sides."""

from msgspec.structs import replace

from floorbroker.domain.amounts import Qty
from floorbroker.domain.books.breaks import BreakCause
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import OrdStatus, Side
from floorbroker.engine.compare.findings import repaired
from floorbroker.engine.compare.orders import (
    Theirs,
    by_the_broker,
    is_the_brokers,
    order_breaks,
)
from tests.unit.engine.book.test_booking import NAME, report, state

OURS = state().book.orders[NAME]


def test_books_that_agree_have_no_breaks() -> None:
    assert order_breaks([Theirs(ours=OURS, found=report())]) == []


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


def test_an_answer_that_is_on_its_way_is_no_break() -> None:
    sent = replace(OURS, venue_status=OrdStatus.SENT)
    taken = replace(OURS, venue_status=OrdStatus.PENDING_NEW)
    for ours in (sent, taken):
        assert order_breaks([Theirs(ours=ours, found=report(ord_status=OrdStatus.NEW))]) == []
    canceled = report(ord_status=OrdStatus.CANCELED)
    (found,) = order_breaks([Theirs(ours=sent, found=canceled)])
    assert found.cause is BreakCause.LATE_ACK


def test_what_is_gone_after_the_repair_is_closed_and_the_rest_stays_open() -> None:
    before = order_breaks(
        [Theirs(ours=OURS, found=report(cum_qty=Qty(3))), Theirs(ours=OURS, found=None)]
    )
    after = before[1:]
    assert [one.is_open for one in repaired(before, after)] == [False, True]


def test_an_order_that_carries_the_brokers_mark_waits_for_somebody() -> None:
    marks = ("liquidation",)
    assert is_the_brokers("liquidation-7", "", marks)
    assert is_the_brokers("anything", "risk", marks)
    assert not is_the_brokers("by-hand", "", marks)
    assert not is_the_brokers("liquidation-7", "", ())
    theirs = report(cl_ord_id=ClOrdID("liquidation-7"))
    (found,) = order_breaks([Theirs(ours=None, found=theirs)])
    marked = by_the_broker(found, "")
    assert (marked.cause, marked.is_open) == (BreakCause.BROKER_ACTION, True)
    assert marked.proposal is not None
    assert not marked.proposal.changes_books
