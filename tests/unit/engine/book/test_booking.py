"""Executions are booked once, statuses wait for them, successors count as they count."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.lifecycle import Report
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    NewOrderSingle,
    OrderReopened,
    Source,
)
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Side
from floorbroker.engine.book import booking, counts, news
from floorbroker.engine.state import State
from tests.unit.engine.scripted import START, limit

NAME = ClOrdID("fb-1")


def report(kind: ExecType = ExecType.ORDER_STATUS, **fields: Any) -> ExecutionReport:
    given_: dict[str, Any] = {
        "cl_ord_id": NAME,
        "order_id": OrderID("o1"),
        "exec_type": kind,
        "ord_status": OrdStatus.NEW,
        "symbol": "AAPL",
        "side": Side.BUY,
        "source": Source.STREAM,
        "transact_time": START,
    }
    return ExecutionReport(**{**given_, **fields})


def trade(qty: int, cum: int, exec_id: str, px: str = "10.00", **fields: Any) -> ExecutionReport:
    status = OrdStatus.FILLED if cum >= 10 else OrdStatus.PARTIALLY_FILLED
    return report(
        ExecType.TRADE,
        **{
            "exec_id": ExecID(exec_id),
            "last_qty": Qty(qty),
            "last_px": Px(px),
            "cum_qty": Qty(cum),
            "ord_status": status,
            **fields,
        },
    )


def state(request: OrderRequest | None = None) -> State:
    made = State()
    made.apply(
        NewOrderSingle(
            cl_ord_id=NAME, account=Account("A"), order=request or limit(10), transact_time=START
        )
    )
    made.apply(report())
    return made


def taken(made: State, *reports: ExecutionReport) -> Order:
    for one in reports:
        made.apply(one)
    return made.book.orders.get(NAME) or made.book.ended[NAME]


def test_an_execution_is_known_by_its_id() -> None:
    made = state()
    order = taken(made, trade(3, 3, "x1"), trade(3, 3, "x1"))
    assert (order.cum_qty, len(order.fills)) == (Qty(3), 1)


def test_an_execution_is_known_by_the_interval_it_covers() -> None:
    made = state()
    order = taken(made, trade(3, 3, "x1"), trade(2, 5, "x2"), trade(2, 5, "other"))
    assert order.cum_qty == 5
    assert counts.is_booked(order, trade(5, 5, "both"))
    assert not counts.is_booked(order, trade(1, 6, "next"))


def test_executions_out_of_order_are_all_booked_and_the_last_one_ends_it() -> None:
    made = state()
    order = taken(made, trade(6, 10, "x2", "11.00"))
    assert (order.ord_status, order.cum_qty) == (OrdStatus.PARTIALLY_FILLED, Qty(6))
    order = taken(made, trade(4, 4, "x1", "10.00"))
    assert (order.ord_status, order.cum_qty) == (OrdStatus.FILLED, Qty(10))
    assert order.avg_px == Px("10.6")


def test_a_bust_takes_the_execution_back_and_the_order_stays_ended() -> None:
    made = state()
    taken(made, trade(10, 10, "x1"))
    made.book.reopen(made.book.ended[NAME])
    bust = report(ExecType.TRADE_CANCEL, ref_exec_id=ExecID("x1"), ord_status=OrdStatus.FILLED)
    order = taken(made, bust)
    made.book.reopen(order)
    order = taken(made, bust)
    assert (order.ord_status, order.cum_qty) == (OrdStatus.FILLED, Qty(0))
    assert made.book.positions["AAPL"].qty == 0
    assert made.book.positions["AAPL"].realized_pnl == 0


def test_after_a_bust_the_same_interval_may_be_executed_again() -> None:
    made = state()
    bust = report(ExecType.TRADE_CANCEL, ref_exec_id=ExecID("x1"))
    order = taken(made, trade(4, 4, "x1"), bust, trade(4, 4, "x2", "9.00"))
    assert (order.cum_qty, order.avg_px) == (Qty(4), Px("9"))


def test_a_correction_replaces_quantity_and_price() -> None:
    made = state()
    correction = report(
        ExecType.TRADE_CORRECT,
        ref_exec_id=ExecID("x1"),
        exec_id=ExecID("x1c"),
        last_qty=Qty(3),
        last_px=Px("9.00"),
        cum_qty=Qty(3),
    )
    order = taken(made, trade(4, 4, "x1"), correction, correction)
    assert (order.cum_qty, order.avg_px) == (Qty(3), Px("9"))
    assert made.book.positions["AAPL"].qty == 3


@pytest.mark.parametrize("status", [OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED])
def test_an_end_waits_for_executions_that_are_missing(status: OrdStatus) -> None:
    made = state()
    told = report(ord_status=status, cum_qty=Qty(10))
    order = taken(made, told)
    assert (order.ord_status, order.cum_qty) == (OrdStatus.NEW, Qty(0))
    assert counts.is_behind(order, told)
    order = taken(made, trade(10, 10, "x1"), told)
    assert order.is_ended


@pytest.mark.parametrize("wire_id", ["fb-1.1", ""])
def test_what_is_journaled_carries_the_id_of_its_order(wire_id: str) -> None:
    """A successor has an id of its own on the wire, and a list of executions names none."""
    made = state()
    found = trade(3, 3, "x1", cl_ord_id=ClOrdID(wire_id))
    about = news.subject(made.book, found)
    (kept,) = news.report(made.book, about, found, namespace="fb", now=START)
    assert isinstance(kept, ExecutionReport)
    assert kept.cl_ord_id == NAME


def test_an_end_by_status_alone_never_invents_a_fill() -> None:
    made = state()
    order = taken(made, report(ord_status=OrdStatus.FILLED, cum_qty=Qty(10)))
    assert order.fills == ()
    assert made.book.positions == {}


def test_a_notional_order_is_filled_when_the_broker_says_so() -> None:
    made = state(OrderRequest.market("buy", None, "AAPL", notional=100))
    order = taken(made, trade(4, 4, "x1"))
    assert order.ord_status is OrdStatus.PARTIALLY_FILLED
    order = taken(made, trade(5, 9, "x2", ord_status=OrdStatus.FILLED))
    assert order.ord_status is OrdStatus.FILLED


def test_a_successor_that_carries_its_count_is_not_behind() -> None:
    made = state()
    carried = report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"), cum_qty=Qty(4))
    order = taken(made, trade(4, 4, "x1"), carried)
    assert (order.cum_qty, order.booked_cum_qty) == (Qty(4), Qty(4))
    assert not counts.is_behind(order, carried)
    assert counts.is_behind(order, replace(carried, cum_qty=Qty(5)))
    order = taken(made, trade(6, 10, "x2", order_id=OrderID("o2")))
    assert (order.cum_qty, order.ord_status) == (Qty(10), OrdStatus.FILLED)


def test_old_news_of_a_successor_that_carried_is_not_behind() -> None:
    made = state()
    second = report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"), cum_qty=Qty(4))
    third = report(order_id=OrderID("o3"), prev_order_id=OrderID("o2"), cum_qty=Qty(4))
    order = taken(made, trade(4, 4, "x1"), second, third)
    assert not counts.is_behind(order, second)
    assert counts.is_behind(order, replace(second, cum_qty=Qty(5)))


def test_what_had_been_carried_before_its_own_executions_is_old_news() -> None:
    made = state()
    early = report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"), cum_qty=Qty(2))
    late = replace(early, cum_qty=Qty(3))
    order = taken(made, trade(2, 2, "x1"), trade(1, 3, "x2"), late)
    order = taken(made, trade(1, 4, "x3", order_id=OrderID("o2")))
    assert not counts.is_behind(order, early)
    assert not counts.is_behind(order, late)
    assert counts.is_behind(order, replace(late, cum_qty=Qty(5)))


def test_a_late_execution_of_the_predecessor_was_carried_too() -> None:
    made = state()
    carried = report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"), cum_qty=Qty(6))
    order = taken(made, trade(3, 3, "x1"), carried)
    assert counts.is_behind(order, carried)
    order = taken(made, trade(2, 8, "x3", order_id=OrderID("o2")), trade(3, 6, "x2"))
    assert not counts.is_behind(order, carried)


def test_a_successor_that_counts_from_zero_is_not_taken_for_one_that_carries() -> None:
    made = state()
    fresh = report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"))
    order = taken(made, trade(4, 4, "x1"), fresh)
    assert not counts.is_behind(order, fresh)
    order = taken(made, trade(5, 5, "x2", order_id=OrderID("o2")))
    assert (order.cum_qty, order.ord_status) == (Qty(9), OrdStatus.PARTIALLY_FILLED)
    assert counts.is_behind(order, replace(fresh, cum_qty=Qty(6)))


def test_an_execution_shows_that_nothing_was_carried_after_all() -> None:
    made = state()
    alike = report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"), cum_qty=Qty(4))
    order = taken(made, trade(4, 4, "x1"), alike)
    assert not counts.is_behind(order, alike)
    order = taken(made, trade(2, 2, "x2", order_id=OrderID("o2")))
    assert order.cum_qty == 6
    assert counts.is_behind(order, alike)


def test_a_refused_successor_leaves_the_order_as_it_was() -> None:
    made = state()
    successor = report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"))
    refusal = replace(successor, ord_status=OrdStatus.REJECTED, exec_type=ExecType.REJECTED)
    order = taken(made, successor, refusal, refusal)
    assert (order.order_id, order.ord_status) == (OrderID("o1"), OrdStatus.NEW)


@pytest.mark.proves("C21")
def test_a_successor_refused_because_the_order_filled_leaves_it_filled() -> None:
    """It carried what was executed when it was accepted, and the rest followed before it came
    to anything."""
    made = state()
    order = taken(made, trade(1, 1, "x1"), trade(9, 10, "x2"))
    made.apply(OrderReopened(order=order, transact_time=START))
    order = taken(
        made,
        report(
            ExecType.REJECTED,
            order_id=OrderID("o2"),
            prev_order_id=OrderID("o1"),
            cum_qty=Qty(1),
            ord_status=OrdStatus.REJECTED,
        ),
    )
    assert (order.order_id, order.ord_status) == (OrderID("o1"), OrdStatus.FILLED)
    told = report(order_id=OrderID("o2"), cum_qty=Qty(1))
    assert not counts.is_behind(order, told)


@pytest.mark.proves("C21")
def test_a_refused_successor_is_none_although_executions_of_its_predecessor_are_missing() -> None:
    made = state()
    before = taken(made, report(ExecType.NEW))
    refusal = report(
        ExecType.REJECTED,
        order_id=OrderID("o2"),
        prev_order_id=OrderID("o1"),
        cum_qty=Qty(6),
        price=Px("9.62"),
        ord_status=OrdStatus.REJECTED,
    )
    order = taken(made, refusal)
    assert (order.order_id, order.ord_status) == (OrderID("o1"), OrdStatus.NEW)
    assert order.request == before.request
    order = taken(made, trade(6, 6, "x1"), trade(4, 10, "x2"))
    assert (order.order_id, order.ord_status) == (OrderID("o1"), OrdStatus.FILLED)
    again = news.as_status(refusal)
    assert news.report(made.book, order, again, namespace="fb", now=START) == []


@pytest.mark.proves("I16")
def test_what_an_ended_leg_was_for_is_no_news() -> None:
    """The broker takes off it what its twin executes, also after it was canceled."""
    made = state()
    leg = replace(taken(made, report(ExecType.CANCELED)), parent=ClOrdID("fb-0"))
    again = report(ord_status=OrdStatus.CANCELED, order_qty=Qty(4), source=Source.POLL)
    assert leg.is_ended
    assert news.report(made.book, leg, again, namespace="fb", now=START) == []


@pytest.mark.proves("C31")
def test_a_bust_of_a_predecessor_does_not_keep_its_successor_open() -> None:
    """The broker goes on counting what the successor had carried from it."""
    made = state()
    order = taken(
        made,
        trade(4, 4, "x1"),
        report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"), cum_qty=Qty(4)),
        report(ExecType.TRADE_CANCEL, exec_id=ExecID("b1"), ref_exec_id=ExecID("x1")),
        trade(6, 10, "x2", order_id=OrderID("o2")),
    )
    assert (order.cum_qty, order.ord_status) == (Qty(6), OrdStatus.FILLED)
    assert counts.is_behind(order, report(order_id=OrderID("o2"), cum_qty=Qty(11)))


@pytest.mark.proves("C31")
def test_a_bust_of_its_own_leaves_none_of_its_other_executions_uncounted() -> None:
    """They ended at totals beyond what the broker counts since."""
    made, second = state(), OrderID("o2")
    order = taken(
        made,
        trade(4, 4, "x1"),
        report(order_id=second, prev_order_id=OrderID("o1"), cum_qty=Qty(4)),
        trade(1, 5, "x2", order_id=second),
        trade(4, 9, "x3", order_id=second),
        report(ExecType.TRADE_CANCEL, exec_id=ExecID("b1"), ref_exec_id=ExecID("x1")),
        report(
            ExecType.TRADE_CANCEL, exec_id=ExecID("b2"), ref_exec_id=ExecID("x2"), order_id=second
        ),
    )
    assert order.cum_qty == 4
    assert not counts.is_behind(order, report(order_id=second, cum_qty=Qty(8)))
    assert counts.is_behind(order, report(order_id=second, cum_qty=Qty(10)))


def test_a_fill_of_the_predecessor_counts_for_the_order() -> None:
    made = state()
    successor = report(order_id=OrderID("o2"), prev_order_id=OrderID("o1"))
    order = taken(made, successor, trade(4, 4, "x1"), trade(6, 6, "x2", order_id=OrderID("o2")))
    assert (order.cum_qty, order.ord_status) == (Qty(10), OrdStatus.FILLED)


@given(
    st.permutations([(1, 1), (2, 3), (3, 6), (4, 10)]),
    st.lists(st.integers(0, 3), max_size=6),
)
def test_any_order_and_any_repetition_books_the_same(
    cuts: list[tuple[int, int]], repeated: list[int]
) -> None:
    made = state()
    for qty, cum in [*cuts, *(cuts[n] for n in repeated)]:
        if NAME in made.book.ended:
            made.book.reopen(made.book.ended[NAME])
        made.apply(trade(qty, cum, f"x{cum}"))
    order = taken(made)
    assert (order.cum_qty, order.ord_status) == (Qty(10), OrdStatus.FILLED)
    assert made.book.positions["AAPL"].qty == 10


def test_old_news_never_takes_an_order_back() -> None:
    made = state()
    order = taken(made, trade(3, 3, "x1"), report(ord_status=OrdStatus.PENDING_NEW), report())
    assert order.ord_status is OrdStatus.PARTIALLY_FILLED
    assert booking.column(order, report(), None) is Report.NEW
