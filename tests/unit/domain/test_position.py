"""Positions fold fills by average cost; every dollar is either cost or realised."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Money, Px, Qty
from floorbroker.domain.order import Side
from floorbroker.domain.position import COST_STEP, Position

BUY, SELL = Side.BUY, Side.SELL
Fills = list[tuple[Side, str, str]]


def folded(fills: Fills) -> Position:
    position = Position(symbol="AAPL")
    for side, qty, px in fills:
        position = position.booked(side, Qty(qty), Px(px))
    return position


def paid(fills: Fills) -> Decimal:
    """Cash that went out, net: the sum of signed quantity times price."""
    return sum((side.sign * Decimal(qty) * Decimal(px) for side, qty, px in fills), Decimal(0))


#: (fills, quantity, cost, average, realised), each worked out by hand.
CASES: list[tuple[str, Fills, str, str, str | None, str]] = [
    ("nothing", [], "0", "0", None, "0"),
    ("a long", [(BUY, "10", "100.00")], "10", "1000", "100", "0"),
    (
        "a long added to at another price",
        [(BUY, "10", "100.00"), (BUY, "30", "104.00")],
        "40",
        "4120",  # 1000 + 3120
        "103",
        "0",
    ),
    (
        "a long sold in part at a profit",
        [(BUY, "10", "100.00"), (BUY, "30", "104.00"), (SELL, "20", "105.50")],
        "20",
        "2060",  # half of 4120 stays
        "103",
        "50",  # 20 * (105.50 - 103)
    ),
    (
        "a long sold whole at a loss",
        [(BUY, "10", "100.00"), (SELL, "10", "98.75")],
        "0",
        "0",
        None,
        "-12.5",
    ),
    ("a short", [(SELL, "10", "50.00")], "-10", "-500", "50", "0"),
    (
        "a short covered in part at a profit",
        [(SELL, "10", "50.00"), (BUY, "4", "48.00")],
        "-6",
        "-300",
        "50",
        "8",  # 4 * (50 - 48)
    ),
    (
        "a short covered whole at a loss",
        [(SELL, "10", "50.00"), (BUY, "10", "51.01")],
        "0",
        "0",
        None,
        "-10.1",
    ),
    (
        "a flip from long to short",
        [(BUY, "10", "100.00"), (SELL, "15", "110.00")],
        "-5",
        "-550",  # five opened at 110
        "110",
        "100",  # ten closed at a gain of 10
    ),
    (
        "a flip from short to long",
        [(SELL, "10", "100.00"), (BUY, "25", "90.00")],
        "15",
        "1350",
        "90",
        "100",
    ),
    (
        "fractions",
        [(BUY, "0.5", "187.20"), (BUY, "0.25", "190.00"), (SELL, "0.3", "200.00")],
        "0.45",
        "84.66",  # 93.60 + 47.50 = 141.10, of which 0.45 / 0.75 stay
        "188.1333333333333333333333333",
        "3.56",  # 60 - 56.44
    ),
    (
        "a cost that does not divide",
        [(BUY, "3", "1.00"), (BUY, "4", "2.00"), (SELL, "1", "5.00")],
        "6",
        "9.428571429",  # 11 - 11/7, rounded at the ninth decimal
        "1.571428571500000000000000000",
        "3.428571429",  # 5 - 1.571428571
    ),
    (
        "flat, then the other way",
        [(BUY, "10", "10.00"), (SELL, "10", "11.00"), (SELL, "10", "12.00"), (BUY, "5", "13.00")],
        "-5",
        "-60",
        "12",
        "5",  # +10, then -5
    ),
]


@pytest.mark.parametrize(
    ("fills", "qty", "cost", "average", "realised"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_position_is_as_worked_out_by_hand(
    fills: Fills, qty: str, cost: str, average: str | None, realised: str
) -> None:
    position = folded(fills)
    assert position.qty == Qty(qty)
    assert position.cost == Money(cost)
    assert position.realized_pnl == Money(realised)
    assert position.avg_entry_px == (None if average is None else Px(average))
    assert position.is_flat is (Decimal(qty) == 0)
    kinds = (type(position.qty), type(position.cost), type(position.realized_pnl))
    assert kinds == (Qty, Money, Money)


def test_bought_and_sold_shares_are_counted_apart() -> None:
    position = folded([(BUY, "10", "100"), (SELL, "15", "110"), (BUY, "2.5", "90")])
    assert position.bought_qty == Qty("12.5")
    assert position.sold_qty == Qty(15)


def test_a_long_is_worth_what_it_would_sell_for() -> None:
    long = folded([(BUY, "10", "100.00")])
    assert long.market_value(Px("101.50")) == Money(1015)
    assert long.unrealized_pnl(Px("101.50")) == Money(15)
    assert long.unrealized_pnl(Px("99")) == Money(-10)


def test_a_short_is_worth_less_than_nothing_and_gains_when_prices_fall() -> None:
    short = folded([(SELL, "10", "100.00")])
    assert short.market_value(Px("98")) == Money(-980)
    assert short.unrealized_pnl(Px("98")) == Money(20)
    assert short.unrealized_pnl(Px("103")) == Money(-30)


def test_a_flat_position_is_worth_nothing() -> None:
    flat = folded([(BUY, "1", "5"), (SELL, "1", "6")])
    assert flat.market_value(Px(100)) == ZERO_MONEY
    assert flat.unrealized_pnl(Px(100)) == ZERO_MONEY


def test_booking_makes_a_new_position_and_leaves_the_old_one() -> None:
    before = folded([(BUY, "10", "100")])
    after = before.booked(SELL, Qty(4), Px(101))
    assert (before.qty, after.qty) == (Qty(10), Qty(6))


def test_a_bust_takes_an_opening_fill_out_as_if_it_had_not_been() -> None:
    long = folded([(BUY, "10", "100.00")])
    busted = long.booked(BUY, Qty(-10), Px("100.00"))
    assert (busted.qty, busted.cost, busted.realized_pnl) == (ZERO_QTY, ZERO_MONEY, ZERO_MONEY)
    assert busted.bought_qty == ZERO_QTY


def test_a_busted_sale_brings_the_shares_back_and_conserves_the_cash() -> None:
    fills: Fills = [(BUY, "10", "100.00"), (SELL, "10", "110.00")]
    back = folded(fills).booked(SELL, Qty(-10), Px("110.00"))
    assert back.qty == Qty(10)
    assert back.sold_qty == ZERO_QTY
    assert back.cost - back.realized_pnl == Money(1000)  # the cash that is out


quantities = st.decimals(min_value="0.000000001", max_value="100000", places=9)
prices = st.decimals(min_value="0.0001", max_value="10000", places=4)
sides = st.sampled_from(Side)
fill_lists = st.lists(
    st.tuples(sides, quantities.map(str), prices.map(str)), min_size=1, max_size=12
)


@given(fill_lists)
def test_cash_is_conserved_exactly(fills: Fills) -> None:
    """What was paid, net, is what the open shares cost less what was realised."""
    position = folded(fills)
    assert position.cost.decimal - position.realized_pnl.decimal == paid(fills)


@given(fill_lists)
def test_every_booking_conserves_cash_on_its_own(fills: Fills) -> None:
    before = Position(symbol="AAPL")
    for side, qty, px in fills:
        after = before.booked(side, Qty(qty), Px(px))
        flow = paid([(side, qty, px)])
        cost, realised = after.cost - before.cost, after.realized_pnl - before.realized_pnl
        assert cost.decimal - realised.decimal == flow
        before = after


@given(fill_lists)
def test_shares_are_conserved(fills: Fills) -> None:
    position = folded(fills)
    assert position.qty.decimal == sum(side.sign * Decimal(qty) for side, qty, _ in fills)
    assert position.qty == position.bought_qty - position.sold_qty


@given(fill_lists)
def test_cost_has_the_sign_of_the_position(fills: Fills) -> None:
    """Rounding a part of the cost may be off by half a step a fill, and no more."""
    position = folded(fills)
    slack = COST_STEP * len(fills)
    if position.is_flat:
        assert position.cost == ZERO_MONEY
    elif position.qty > 0:
        assert position.cost > -slack
    else:
        assert position.cost < slack


@given(fill_lists, prices)
def test_closing_realises_what_was_unrealised(fills: Fills, px: Decimal) -> None:
    position = folded(fills)
    if position.is_flat:
        return
    side = SELL if position.qty > 0 else BUY
    closed = position.booked(side, abs(position.qty), Px(px))
    assert closed.is_flat
    assert closed.cost == ZERO_MONEY
    gained = closed.realized_pnl - position.realized_pnl
    assert gained == position.unrealized_pnl(Px(px))


@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=10))
def test_one_way_fills_realise_nothing(fills: list[tuple[Decimal, Decimal]]) -> None:
    position = folded([(BUY, str(qty), str(px)) for qty, px in fills])
    assert position.realized_pnl == ZERO_MONEY
    assert position.cost.decimal == sum((qty * px for qty, px in fills), Decimal(0))


@given(quantities, prices)
def test_a_bust_of_the_only_fill_leaves_nothing(qty: Decimal, px: Decimal) -> None:
    for side in Side:
        once = Position(symbol="AAPL").booked(side, Qty(qty), Px(px))
        assert once.booked(side, Qty(-qty), Px(px)) == Position(symbol="AAPL")


@given(fill_lists, st.data())
def test_cash_and_shares_are_conserved_through_a_bust(fills: Fills, data: st.DataObject) -> None:
    side, qty, px = data.draw(st.sampled_from(fills))
    position = folded(fills).booked(side, Qty(-Decimal(qty)), Px(px))
    rest = list(fills)
    rest.remove((side, qty, px))
    assert position.qty == folded(rest).qty
    assert position.cost.decimal - position.realized_pnl.decimal == paid(rest)
