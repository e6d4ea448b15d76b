"""Legs of our orders: adopted once, whatever was told of them first."""

from typing import Any

from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    JournalMessage,
    LegAdopted,
    NewOrderSingle,
    OrderReopened,
    Source,
)
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Side
from floorbroker.engine.book import legs, news
from floorbroker.engine.book.reported import restated
from floorbroker.engine.state import State
from tests.unit.engine.scripted import START

PARENT, PROFIT, LOSS = ClOrdID("fb-1"), ClOrdID("fb-1/tp"), ClOrdID("fb-1/sl")
BRACKET = OrderRequest.bracket("buy", 10, "AAPL", take_profit=11, stop_loss=9)


def told(order_id: str, **more: Any) -> ExecutionReport:
    """A report of one of the broker's orders, by default of the take-profit as it is held."""
    words: dict[str, Any] = {
        "cl_ord_id": ClOrdID(f"server-{order_id}"),
        "exec_type": ExecType.ORDER_STATUS,
        "ord_status": OrdStatus.HELD,
        "side": Side.SELL,
        "order_qty": Qty(10),
        "price": Px(11),
        "source": Source.ANSWER,
        "parent": PARENT,
    }
    return ExecutionReport(
        order_id=OrderID(order_id), symbol="AAPL", transact_time=START, **{**words, **more}
    )


def trade(order_id: str, qty: int, cum_qty: int, **more: Any) -> ExecutionReport:
    return told(
        order_id,
        exec_type=ExecType.TRADE,
        ord_status=OrdStatus.FILLED if cum_qty == 10 else OrdStatus.PARTIALLY_FILLED,
        exec_id=ExecID(f"x{cum_qty}"),
        last_qty=Qty(qty),
        last_px=Px(11),
        cum_qty=Qty(cum_qty),
        source=Source.STREAM,
        parent=None,
        **more,
    )


class Desk:
    """A state, and every message that made it."""

    def __init__(self, request: OrderRequest = BRACKET) -> None:
        self.state = State()
        self.messages: list[JournalMessage] = []
        intent = NewOrderSingle(
            cl_ord_id=PARENT, account=Account("A"), order=request, transact_time=START
        )
        parent = self.put(intent)
        assert parent is not None
        self.parent = parent

    def put(self, message: JournalMessage) -> Order | None:
        self.messages.append(message)
        return self.state.apply(message)

    def adopt(self, found: ExecutionReport, about: Order | None = None) -> Order:
        for message in legs.adoption(self.parent, about, found, START):
            about = self.put(message)
        return self.take(about, found)

    def take(self, about: Order | None, found: ExecutionReport) -> Order:
        """What the writer does with a report."""
        order = about
        for message in news.report(self.state.book, about, found, namespace="fb", now=START):
            order = self.put(message) or order
        assert order is not None
        return order

    def replayed(self) -> State:
        again = State()
        for message in self.messages:
            again.apply(message)
        return again


def test_a_leg_takes_its_terms_from_its_parent_and_begins_held() -> None:
    desk = Desk()
    profit = desk.adopt(told("p"))
    loss = desk.adopt(told("s", price=None, stop_px=Px(9)))
    assert (profit.cl_ord_id, loss.cl_ord_id) == (PROFIT, LOSS)
    assert desk.parent.legs == (profit.cl_ord_id, loss.cl_ord_id)
    assert {one.parent for one in (profit, loss)} == {PARENT}
    assert {one.ord_status for one in (profit, loss)} == {OrdStatus.HELD}
    assert (profit.order_qty, profit.request.price, loss.request.stop_px) == (
        Qty(10),
        Px(11),
        Px(9),
    )
    assert desk.state.book.find_by_order_id(OrderID("s")) == loss
    assert [type(one) for one in desk.messages] == [NewOrderSingle, LegAdopted, LegAdopted]


def test_an_order_without_such_a_leg_adopts_nothing() -> None:
    desk = Desk(OrderRequest.oto("buy", 10, "AAPL", stop_loss=9))
    assert legs.adoption(desk.parent, None, told("p"), START) == []
    assert len(legs.adoption(desk.parent, None, told("s", stop_px=Px(9)), START)) == 1


def test_an_order_from_elsewhere_that_was_a_leg_keeps_its_executions_booked_once() -> None:
    desk = Desk()
    stranger = desk.take(None, trade("p", 4, 4))
    assert (stranger.is_external, desk.state.book.positions["AAPL"].qty) == (True, Qty(-4))
    leg = desk.adopt(told("p", ord_status=OrdStatus.PARTIALLY_FILLED, cum_qty=Qty(4)), stranger)
    assert (leg.cl_ord_id, leg.is_external, leg.cum_qty) == (PROFIT, False, Qty(4))
    assert {fill.cl_ord_id for fill in leg.fills} == {PROFIT}
    assert desk.state.book.positions["AAPL"].qty == -4
    assert desk.state.book.external == {}
    after = desk.take(leg, trade("p", 6, 10))
    assert (after.ord_status, desk.state.book.positions["AAPL"].qty) == (
        OrdStatus.FILLED,
        Qty(-10),
    )
    bust = replace(
        trade("p", 4, 6), exec_type=ExecType.TRADE_CANCEL, ref_exec_id=ExecID("x4"), exec_id=None
    )
    assert desk.take(after, bust).cum_qty == 6
    assert desk.state.book.positions["AAPL"].qty == -6


def test_one_that_had_ended_comes_back_and_ends_as_a_leg() -> None:
    desk = Desk()
    stranger = desk.take(None, trade("p", 10, 10))
    assert stranger.ord_status is OrdStatus.FILLED
    leg = desk.adopt(told("p"), stranger)
    assert [type(one) for one in desk.messages[-2:]] == [OrderReopened, LegAdopted]
    assert (leg.cl_ord_id, leg.ord_status, leg.cum_qty) == (PROFIT, OrdStatus.FILLED, Qty(10))
    assert list(desk.state.book.ended) == [PROFIT]
    assert desk.state.book.ended_legs == {OrderID("p"): PROFIT}
    assert desk.state.book.positions["AAPL"].qty == -10


def test_the_messages_alone_tell_it_again_and_so_does_a_snapshot() -> None:
    desk = Desk()
    desk.adopt(told("p"), desk.take(None, trade("p", 4, 4)))
    desk.adopt(told("s", price=None, stop_px=Px(9)))
    again = desk.replayed()
    for state in (desk.state, again):
        state.book.clear_batch()
    assert again.encode() == desk.state.encode()
    assert State.decode(again.encode()).encode() == again.encode()


def test_the_broker_may_restate_the_size_of_a_leg_but_of_no_other_order() -> None:
    desk = Desk()
    loss = desk.adopt(told("s", price=None, stop_px=Px(9)))
    fewer = told("s", price=None, stop_px=Px(9), order_qty=Qty(6), source=Source.POLL)
    after = desk.take(loss, fewer)
    assert (after.order_qty, after.leaves_qty) == (Qty(6), Qty(6))
    assert desk.state.alarms == 0
    assert restated(desk.state.book, after, fewer) is None
    assert restated(desk.state.book, desk.parent, fewer) is None
    untold = replace(fewer, order_qty=Qty(0))
    assert restated(desk.state.book, after, untold) is None


def test_held_legs_expose_nothing_and_a_pair_exposes_its_larger_leg() -> None:
    desk = Desk()
    profit = desk.adopt(told("p"))
    loss = desk.adopt(told("s", price=None, stop_px=Px(9)))
    exposure = desk.state.book.exposure("AAPL")
    assert (exposure.buy_qty, exposure.sell_qty) == (Qty(10), Qty(0))
    new: dict[str, Any] = {"exec_type": ExecType.NEW, "ord_status": OrdStatus.NEW}
    desk.take(desk.take(profit, told("p", **new)), trade("p", 4, 4))
    assert desk.state.book.exposure("AAPL").sell_qty == 6
    desk.take(loss, told("s", price=None, stop_px=Px(9), **new))
    assert desk.state.book.exposure("AAPL").sell_qty == 10


def test_a_cancel_of_all_asks_one_of_each_group() -> None:
    desk = Desk()
    profit = desk.adopt(told("p"))
    loss = desk.adopt(told("s", price=None, stop_px=Px(9)))
    assert legs.to_cancel([desk.parent, profit, loss]) == [PARENT]
    assert legs.to_cancel([loss]) == [loss.cl_ord_id]
    works = replace(profit, venue_status=OrdStatus.NEW)
    assert legs.to_cancel([works, loss]) == [profit.cl_ord_id]
