"""What is news of an order, and what of it was known otherwise."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    Alarm,
    ExecType,
    ExecutionReport,
    JournalMessage,
    OrderCancelRequest,
    PositionAdjusted,
    Source,
)
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book import news
from floorbroker.engine.state import State
from tests.unit.engine.book.test_booking import NAME, report, state, taken, trade
from tests.unit.engine.scripted import START

BUST = report(
    ExecType.TRADE_CANCEL, exec_id=ExecID("b1"), ref_exec_id=ExecID("x0"), source=Source.ACTIVITY
)


def told(made: State, about: Order | None, found: ExecutionReport) -> list[JournalMessage]:
    return news.report(made.book, about, found, namespace="fb", now=START)


@pytest.mark.proves("C31", "I16")
def test_a_listed_bust_of_what_an_ended_order_has_no_room_for_is_no_news() -> None:
    made = state()
    order = taken(made, trade(10, 10, "x1"))
    assert order.is_ended
    assert told(made, order, BUST) == []
    assert told(made, order, replace(BUST, source=Source.STREAM)), "the stream tells it once"
    assert told(made, order, replace(BUST, ref_exec_id=ExecID("x1"))), "it has that one"
    assert told(made, taken(state(), trade(4, 4, "x1")), BUST), "its execution may come yet"


@pytest.mark.proves("C31")
@pytest.mark.parametrize(
    ("kind", "sums"),
    [(ExecType.TRADE_CANCEL, (5, "50")), (ExecType.TRADE_CORRECT, (2, "17"))],
)
def test_what_was_taken_back_before_positions_were_taken_over_is_in_them(
    kind: ExecType, sums: tuple[int, str]
) -> None:
    made = State()
    made.apply(trade(5, 5, "x0", cl_ord_id=ClOrdID("theirs"), order_id=OrderID("o9")))
    made.book.adopted_time = START + timedelta(seconds=1)
    (stranger,) = made.book.external.values()
    revised = replace(
        BUST,
        exec_type=kind,
        cl_ord_id=stranger.cl_ord_id,
        order_id=OrderID("o9"),
        last_qty=Qty(3),
        last_px=Px(11),
    )
    adjusted = told(made, stranger, revised)[0]
    assert isinstance(adjusted, PositionAdjusted)
    assert (adjusted.qty, str(adjusted.cost)) == (Qty(sums[0]), sums[1])
    late = replace(revised, transact_time=START + timedelta(seconds=2))
    assert not any(isinstance(one, PositionAdjusted) for one in told(made, stranger, late))
    ours = state()
    order = taken(ours, trade(5, 5, "x0"))
    ours.book.adopted_time = made.book.adopted_time
    found = told(ours, order, replace(revised, cl_ord_id=NAME, order_id=OrderID("o1")))
    assert not any(isinstance(one, PositionAdjusted) for one in found)


@pytest.mark.proves("I06")
def test_that_a_successors_cancel_was_taken_says_nothing_of_the_order_that_lives_again() -> None:
    made = state()
    made.apply(OrderCancelRequest(cl_ord_id=NAME, transact_time=START))
    order = made.book.orders[NAME]
    answer = report(
        ExecType.PENDING_CANCEL, ord_status=OrdStatus.PENDING_CANCEL, source=Source.ANSWER
    )
    assert told(made, order, answer)
    assert not told(made, order, replace(answer, order_id=OrderID("o2")))


SUCCESSOR = report(
    order_id=OrderID("o2"),
    ord_status=OrdStatus.PENDING_NEW,
    prev_order_id=OrderID("o1"),
    source=Source.POLL,
)
CANCELED = report(ExecType.CANCELED, ord_status=OrdStatus.CANCELED)


@pytest.mark.proves("I06")
@pytest.mark.parametrize(
    ("ends", "late", "becomes"),
    [
        (trade(10, 10, "x1"), SUCCESSOR, OrdStatus.NEW),
        (CANCELED, SUCCESSOR, OrdStatus.NEW),
        (
            trade(10, 10, "x1"),
            replace(SUCCESSOR, ord_status=OrdStatus.CANCELED, exec_type=ExecType.CANCELED),
            OrdStatus.CANCELED,
        ),
        (
            CANCELED,
            report(ExecType.REPLACED, next_order_id=OrderID("o2"), ord_status=OrdStatus.REPLACED),
            OrdStatus.NEW,
        ),
        (CANCELED, report(ExecType.EXPIRED, ord_status=OrdStatus.EXPIRED), OrdStatus.CANCELED),
        (
            trade(10, 10, "x1"),
            replace(SUCCESSOR, ord_status=OrdStatus.REJECTED, exec_type=ExecType.REJECTED),
            OrdStatus.FILLED,
        ),
        (CANCELED, trade(10, 10, "x1"), OrdStatus.FILLED),
        (CANCELED, trade(10, 10, "x1", order_id=OrderID("o9")), OrdStatus.FILLED),
    ],
)
def test_an_end_that_was_none_is_told(
    ends: ExecutionReport, late: ExecutionReport, becomes: OrdStatus
) -> None:
    made, raised = state(), news.Raised()
    for _ in range(2):
        order = taken(made, ends)
        found = told(made, order, late)
        for message in found:
            made.apply(message)
        assert taken(made).venue_status is becomes
        alarms = [one for one in found if isinstance(one, Alarm) and not raised.has(one)]
        is_moved = order.venue_status is not becomes
        if is_moved:
            assert alarms, f"{order.venue_status} -> {becomes} each time"
        assert is_moved is any(one.name in _OF_ENDS for one in alarms)
        made = state()


_OF_ENDS = ("end_revised", "fill_after_end")
