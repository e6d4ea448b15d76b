"""A bust takes an execution out of the middle: the position is as if it had never been."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    BreakCause,
    ExecType,
    ExecutionReport,
    NewOrderSingle,
    PositionAdjusted,
    Source,
)
from floorbroker.domain.order import Fill, OrderRequest, OrdStatus, Side
from floorbroker.domain.position import Position
from floorbroker.engine.book.book import Book
from floorbroker.engine.book.trail import KEPT
from floorbroker.engine.state import State
from tests.unit.engine.scripted import START

BUY, SELL = Side.BUY, Side.SELL
Told = tuple[Side, int, str]


def fill(number: int, told: Told) -> Fill:
    side, qty, px = told
    return Fill(
        exec_id=ExecID(f"x{number}"),
        order_id=OrderID(f"o{number}"),
        cl_ord_id=ClOrdID(f"fb-{number}"),
        symbol="AAPL",
        side=side,
        last_qty=Qty(qty),
        last_px=Px(px),
        cum_qty=Qty(qty),
        transact_time=START,
    )


def negative(of: Fill) -> Fill:
    return replace(of, exec_id=ExecID(f"{of.exec_id}/reversed"), last_qty=-of.last_qty)


def folded(told: list[Told]) -> Position:
    position = Position(symbol="AAPL")
    for side, qty, px in told:
        position = position.booked(side, Qty(qty), Px(px))
    return position


def booked(told: list[Told]) -> tuple[Book, list[Fill]]:
    book, fills = Book(), [fill(number, one) for number, one in enumerate(told)]
    for one in fills:
        book.booked((one,))
    return book, fills


PRICES = ["9.99", "10", "10.01", "12.5"]
told_fills = st.tuples(st.sampled_from(Side), st.integers(1, 50), st.sampled_from(PRICES))


@settings(max_examples=40)
@given(st.integers(1, 3 * KEPT), st.integers(1, 3 * KEPT), st.randoms(use_true_random=False))
def test_late_busts_leave_what_would_be_had_the_fills_never_happened(
    first: int, then: int, random: Random
) -> None:
    """Two rounds of fills and busts of the latest: trails grow, shrink and begin anew."""
    book, standing, latest = Book(), dict[int, Told](), list[int]()
    for number in range(first + then):
        standing[number] = random.choice([BUY, SELL]), random.randint(1, 50), random.choice(PRICES)
        latest = [*latest, number][-KEPT:]
        book.booked((fill(number, standing[number]),))
        if number in (first - 1, first + then - 1):
            for back in random.sample(latest, min(len(latest), 5)):
                if back in standing:
                    busted = fill(back, standing.pop(back))
                    book.revised(busted, (negative(busted),))
            assert book.positions["AAPL"] == folded(list(standing.values()))


@given(st.lists(told_fills, min_size=1, max_size=10), st.data())
def test_a_correction_counts_as_if_it_had_been_right_at_once(
    told: list[Told], data: st.DataObject
) -> None:
    book, fills = booked(told)
    place = data.draw(st.integers(0, len(told) - 1))
    wrong, right = fills[place], (told[place][0], 7, "11.25")
    book.revised(wrong, (negative(wrong), fill(place, right)))
    assert book.positions["AAPL"] == folded([*told[:place], right, *told[place + 1 :]])


def test_a_bust_from_before_the_trail_conserves_shares_and_cash() -> None:
    told: list[Told] = [(BUY, 10, "100"), *[(BUY, 1, "50"), (SELL, 1, "60")] * KEPT]
    book, fills = booked(told)
    book.revised(fills[0], (negative(fills[0]),))
    found, exact = book.positions["AAPL"], folded(told[1:])
    assert (found.qty, found.bought_qty) == (exact.qty, exact.bought_qty)
    assert found.cost - found.realized_pnl == exact.cost - exact.realized_pnl


def report(order_id: str, kind: ExecType, **fields: Any) -> ExecutionReport:
    given_: dict[str, Any] = {
        "cl_ord_id": ClOrdID(f"fb-{order_id}"),
        "order_id": OrderID(order_id),
        "exec_type": kind,
        "ord_status": OrdStatus.PARTIALLY_FILLED,
        "symbol": "AAPL",
        "source": Source.STREAM,
        "transact_time": START,
    }
    return ExecutionReport(**{**given_, **fields})


def place(state: State, order_id: str, side: Side, qty: int, px: str) -> None:
    """An order for more than is filled of it, so that it stays live."""
    name, request = ClOrdID(f"fb-{order_id}"), OrderRequest.market(side, 100, "AAPL")
    state.apply(
        NewOrderSingle(cl_ord_id=name, account=Account("A"), order=request, transact_time=START)
    )
    state.apply(
        report(
            order_id,
            ExecType.TRADE,
            side=side,
            exec_id=ExecID(f"x-{order_id}"),
            last_qty=Qty(qty),
            last_px=Px(px),
            cum_qty=Qty(qty),
        )
    )


def bust(order_id: str, side: Side) -> ExecutionReport:
    reference = ExecID(f"x-{order_id}")
    return report(order_id, ExecType.TRADE_CANCEL, side=side, ref_exec_id=reference)


def desk() -> State:
    state = State()
    place(state, "1", BUY, 10, "100")
    place(state, "2", BUY, 10, "120")
    place(state, "3", SELL, 10, "130")
    return state


def test_a_busted_sale_gives_back_shares_average_and_profit() -> None:
    state = desk()
    assert state.book.positions["AAPL"].realized_pnl == Money(200)
    state.apply(bust("3", SELL))
    position = state.book.positions["AAPL"]
    assert (position.qty, position.avg_entry_px) == (Qty(20), Px(110))
    assert (position.realized_pnl, position.sold_qty) == (Money(0), Qty(0))


def test_a_busted_purchase_changes_what_a_later_sale_realised() -> None:
    state = desk()
    state.apply(bust("2", BUY))
    assert state.book.positions["AAPL"] == folded([(BUY, 10, "100"), (SELL, 10, "130")])
    assert state.book.positions["AAPL"].realized_pnl == Money(300)


def test_a_trail_survives_a_snapshot() -> None:
    live = desk()
    live.book.clear_batch()
    copy = State.decode(live.encode())
    for state in (live, copy):
        state.apply(bust("1", BUY))
        state.book.clear_batch()
    assert copy.book.positions["AAPL"] == folded([(BUY, 10, "120"), (SELL, 10, "130")])
    assert copy.encode() == live.encode()


def test_an_adjustment_by_hand_is_not_undone_by_a_bust_of_an_earlier_execution() -> None:
    state = desk()
    state.apply(
        PositionAdjusted(
            account=Account("A"),
            symbol="AAPL",
            qty=Qty(5),
            px=Px(90),
            cause=BreakCause.EXTERNAL_POSITION,
            transact_time=START,
        )
    )
    state.apply(bust("1", BUY))
    assert state.book.positions["AAPL"].qty == Qty(5)
