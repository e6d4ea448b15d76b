"""`apply` takes anything, and what it makes of it survives a snapshot."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    Alarm,
    ExecType,
    ExecutionReport,
    JournalMessage,
    LegAdopted,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderExpiredUnsent,
    OrderNotPlaced,
    OrderReject,
    OrderReopened,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RequestUndelivered,
    Source,
    TimerFired,
    TimerSet,
)
from floorbroker.domain.order import Order, OrdStatus, Side
from floorbroker.engine.state import State
from tests.unit.engine.book.test_booking import report, trade
from tests.unit.engine.scripted import START, limit

NAMES = st.sampled_from([ClOrdID("fb-1"), ClOrdID("fb-2"), ClOrdID("fb-1.1"), ClOrdID("")])
ORDER_IDS = st.sampled_from([OrderID("o1"), OrderID("o2"), OrderID("o3")])
KINDS = st.sampled_from(RequestKind)
TIME: dict[str, Any] = {"transact_time": st.just(START)}
QTY = st.sampled_from([Qty(0), Qty(1), Qty(4), Qty(10), Qty(12)])

REPORTS = st.builds(
    ExecutionReport,
    cl_ord_id=NAMES,
    order_id=ORDER_IDS,
    exec_type=st.sampled_from(ExecType),
    ord_status=st.sampled_from(OrdStatus),
    symbol=st.just("AAPL"),
    side=st.just(Side.BUY),
    source=st.sampled_from(Source),
    exec_id=st.none() | st.sampled_from([ExecID("x1"), ExecID("x2"), ExecID("x3")]),
    ref_exec_id=st.none() | st.sampled_from([ExecID("x1"), ExecID("x2")]),
    last_qty=st.none() | QTY,
    last_px=st.none() | st.just(Px("10.00")),
    cum_qty=QTY,
    prev_order_id=st.none() | ORDER_IDS,
    next_order_id=st.none() | ORDER_IDS,
    **TIME,
)
_text: dict[str, Any] = {"text": st.just("why"), **TIME}
MESSAGES: st.SearchStrategy[JournalMessage] = st.one_of(
    REPORTS,
    st.builds(
        NewOrderSingle,
        cl_ord_id=NAMES,
        account=st.just(Account("A")),
        order=st.just(limit(10)),
        **TIME,
    ),
    st.builds(OrderCancelRequest, cl_ord_id=NAMES, **TIME),
    st.builds(OrderCancelReplaceRequest, cl_ord_id=NAMES, wire_id=NAMES, order_qty=QTY, **TIME),
    st.builds(RequestSent, cl_ord_id=NAMES, request=KINDS, attempt=st.just(1), **TIME),
    st.builds(RequestUndelivered, cl_ord_id=NAMES, request=KINDS, attempt=st.just(1), **_text),
    st.builds(RequestUnanswered, cl_ord_id=NAMES, request=KINDS, attempt=st.just(1), **_text),
    st.builds(OrderReject, cl_ord_id=NAMES, **_text),
    st.builds(OrderCancelReject, cl_ord_id=NAMES, request=KINDS, **_text),
    st.builds(OrderNotPlaced, cl_ord_id=NAMES, **_text),
    st.builds(OrderExpiredUnsent, cl_ord_id=NAMES, **_text),
    st.builds(
        LegAdopted,
        cl_ord_id=st.sampled_from([ClOrdID("fb-1/tp"), ClOrdID("fb-1/sl"), ClOrdID("fb-2")]),
        parent=NAMES,
        account=st.just(Account("A")),
        order=st.just(limit(10)),
        order_id=ORDER_IDS,
        wire_id=NAMES,
        known_as=st.none() | NAMES | ORDER_IDS.map(ClOrdID),
        **TIME,
    ),
    st.builds(TimerSet, timer_id=st.just("t"), due_time=st.just(START), **TIME),
    st.builds(TimerFired, timer_id=st.just("t"), **TIME),
    st.builds(Alarm, name=st.just("cancel_stuck"), cl_ord_id=NAMES, **_text),
)


def _is_live(state: State, found: ExecutionReport) -> bool:
    known = state.book.find(found.cl_ord_id) or state.book.find_by_order_id(found.order_id)
    return known is not None or (found.cl_ord_id or found.order_id) not in state.book.ended


def given_order(**fields: Any) -> Order:
    return Order(
        cl_ord_id=ClOrdID("fb-1"),
        account=Account("A"),
        request=limit(10),
        created_time=START,
        **fields,
    )


def _everything(state: State) -> dict[str, Any]:
    """Whatever the state and its book remember from one batch to the next."""
    passing = {"book", "_appliers", "ended", "changed", "changed_symbols", "renamed", "trails"}
    told = {**vars(state), **vars(state.book)}
    return {name: value for name, value in told.items() if name not in passing}


@given(st.lists(MESSAGES, max_size=25))
def test_apply_never_raises_and_a_snapshot_keeps_everything(
    messages: list[JournalMessage],
) -> None:
    live = State()
    for message in messages:
        live.apply(message)
    live.book.clear_batch()
    copy = State.decode(live.encode())
    assert copy.encode() == live.encode()
    assert _everything(copy) == _everything(live)
    for message in messages:
        live.apply(message)
        copy.apply(message)
    live.book.clear_batch()
    copy.book.clear_batch()
    assert copy.encode() == live.encode()


@given(st.lists(MESSAGES, max_size=25))
def test_positions_are_the_sum_of_the_fills(messages: list[JournalMessage]) -> None:
    state, orders = State(), {}
    for message in messages:
        if isinstance(message, NewOrderSingle) and message.cl_ord_id in orders:
            continue  # an id that was used is refused before it gets here
        if isinstance(message, ExecutionReport) and not _is_live(state, message):
            continue  # an order that has ended is reopened before
        order = state.apply(message)
        if order is not None:
            orders[order.cl_ord_id] = order
    held = sum((order.cum_qty for order in orders.values()), Qty(0))
    position = state.book.positions.get("AAPL")
    assert (position.qty if position else Qty(0)) == held


def test_an_unknown_order_holds_its_whole_size() -> None:
    state = State()
    for message in (
        NewOrderSingle(
            cl_ord_id=ClOrdID("fb-1"), account=Account("A"), order=limit(10), transact_time=START
        ),
        RequestSent(
            cl_ord_id=ClOrdID("fb-1"), request=RequestKind.NEW, attempt=1, transact_time=START
        ),
        RequestUnanswered(
            cl_ord_id=ClOrdID("fb-1"),
            request=RequestKind.NEW,
            attempt=1,
            text="?",
            transact_time=START,
        ),
    ):
        state.apply(message)
    assert state.book.exposure("AAPL").buy_qty == 10


def replaced_to_less() -> State:
    """Ten, of which two are done, are being made four."""
    state, name = State(), ClOrdID("fb-1")
    state.apply(
        NewOrderSingle(cl_ord_id=name, account=Account("A"), order=limit(10), transact_time=START)
    )
    state.apply(report(order_id=OrderID("o1")))
    state.apply(trade(2, 2, "x1"))
    state.apply(
        OrderCancelReplaceRequest(
            cl_ord_id=name, wire_id="fb-1.1", order_qty=Qty(4), transact_time=START
        )
    )
    return state


SUCCESSOR = report(
    order_id=OrderID("o2"), prev_order_id=OrderID("o1"), cum_qty=Qty(2), source=Source.ANSWER
)


@pytest.mark.proves("C21", "I10")
@pytest.mark.parametrize("told", [OrdStatus.PENDING_NEW, OrdStatus.PARTIALLY_FILLED])
def test_a_replace_to_less_frees_nothing_before_it_is_in_effect(told: OrdStatus) -> None:
    """That the answer counts what was executed before does not mean that it is."""
    state = replaced_to_less()
    state.apply(replace(SUCCESSOR, ord_status=told))
    assert state.book.orders[ClOrdID("fb-1")].order_qty == 4
    assert state.book.exposure("AAPL").buy_qty == 8
    state.apply(replace(SUCCESSOR, exec_type=ExecType.NEW, source=Source.STREAM))
    assert state.book.exposure("AAPL").buy_qty == 2


@pytest.mark.parametrize(
    ("qty", "status"), [(5, OrdStatus.PARTIALLY_FILLED), (8, OrdStatus.FILLED)]
)
def test_what_the_predecessor_executed_beyond_the_new_size_undoes_both_replaces(
    qty: int, status: OrdStatus
) -> None:
    """The second replace was refused, and the first one's successor cannot be that small."""
    state, name = replaced_to_less(), ClOrdID("fb-1")
    state.apply(replace(SUCCESSOR, ord_status=OrdStatus.PENDING_NEW))
    state.apply(
        OrderCancelReplaceRequest(
            cl_ord_id=name, wire_id="fb-1.2", order_qty=Qty(17), transact_time=START
        )
    )
    state.apply(trade(qty, qty + 2, "x2", ord_status=status))
    assert state.book.orders[name].ord_status is not OrdStatus.FILLED
    order = state.apply(
        OrderCancelReject(
            cl_ord_id=name, request=RequestKind.REPLACE, text="too late", transact_time=START
        )
    )
    assert order is not None
    assert (order.ord_status, order.order_qty, order.order_id) == (status, Qty(10), "o1")
    assert order.leaves_qty == 8 - qty


def test_a_reopened_order_is_live_until_its_news_is_taken() -> None:
    state = State()
    ended = given_order(venue_status=OrdStatus.CANCELED, order_id=OrderID("o1"))
    state.apply(OrderReopened(order=ended, transact_time=START + timedelta(hours=1)))
    assert state.book.find_by_order_id(OrderID("o1")) is not None
