"""What the broker's figures prove, held against histories of which everything is known."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ExecID, OrderID
from floorbroker.domain.messages import ExecType
from floorbroker.domain.order import Fill, Order, OrdStatus, Side
from floorbroker.engine.book import booking, counts
from tests.unit.engine.book.test_booking import NAME, report, state, taken, trade
from tests.unit.engine.scripted import START, limit

O1, O2 = OrderID("o1"), OrderID("o2")
REFUSED = report(ExecType.REJECTED, order_id=O2, prev_order_id=O1, ord_status=OrdStatus.REJECTED)
BUST = report(ExecType.TRADE_CANCEL, exec_id=ExecID("b1"), ref_exec_id=ExecID("x1"))
SUCCEEDED = report(order_id=O2, prev_order_id=O1)


class History:
    """Broker orders in a row, what they execute, what is taken back, and what each counts."""

    def __init__(self, seed: int, *, carries: bool, has_busts: bool) -> None:
        self.dice = random.Random(seed)
        self.carries = carries
        self.current = O1
        self.counted = {O1: 0}
        self.coming: OrderID | None = None
        self.replaces: tuple[OrderID, ...] = ()
        self.fills: list[Fill] = []
        self.busted: set[str] = set()
        self.told: set[tuple[OrderID, int]] = set()
        steps = [self.fill, self.fill, self.accept, self.take_over, self.refuse]
        for second in range(self.dice.randint(2, 9)):
            self.now = second
            self.dice.choice([*steps, self.bust] if has_busts else steps)()
            self.told |= set(self.counted.items())

    def fill(self) -> None:
        qty = self.dice.randint(1, 4)
        self.counted[self.current] += qty
        self.fills.append(
            Fill(
                exec_id=ExecID(f"x{self.now}"),
                order_id=self.current,
                cl_ord_id=NAME,
                symbol="AAPL",
                side=Side.BUY,
                last_qty=Qty(qty),
                last_px=Px(10),
                cum_qty=Qty(self.counted[self.current]),
                transact_time=START + timedelta(seconds=self.now),
                account=Account("A"),
            )
        )

    def accept(self) -> None:
        """The successor is there, and its predecessor goes on."""
        if self.coming is None:
            self.coming = OrderID(f"o{self.now + 2}")
            self.counted[self.coming] = self.counted[self.current] if self.carries else 0

    def take_over(self) -> None:
        if self.coming is not None:
            self.counted[self.coming] = self.counted[self.current] if self.carries else 0
            self.replaces = (*self.replaces, self.current)
            self.current, self.coming = self.coming, None

    def refuse(self) -> None:
        if self.coming is not None:
            self.replaces, self.coming = (*self.replaces, self.coming), None

    def standing(self) -> list[Fill]:
        return [
            fill for fill in self.fills if fill.last_qty > 0 and fill.exec_id not in self.busted
        ]

    def bust(self) -> None:
        if not self.standing():
            return
        fill = self.dice.choice(self.standing())
        self.busted.add(fill.exec_id)
        self.counted[fill.order_id] -= int(fill.last_qty)
        undone = replace(fill, last_qty=-fill.last_qty, exec_id=ExecID(f"{fill.exec_id}/reversed"))
        time = START + timedelta(seconds=self.now)
        self.fills.append(replace(undone, transact_time=time))

    def order(self, without: Fill | None = None) -> Order:
        order = Order(
            cl_ord_id=NAME,
            account=Account("A"),
            request=limit(100),
            created_time=START,
            venue_status=OrdStatus.NEW,
            order_id=self.current,
            replaces=self.replaces,
        )
        fills = tuple(fill for fill in self.fills if fill is not without)
        return booking.with_fills(order, fills) if fills else order

    def has_more(self, order: Order) -> bool:
        """Whether any broker order counts, now, what this one of ours has not."""
        return any(_is_behind(order, name, qty) for name, qty in self.known().items())

    def known(self) -> dict[OrderID, int]:
        return {name: qty for name, qty in self.counted.items() if name != self.coming}


def _is_behind(order: Order, name: OrderID, qty: int) -> bool:
    return counts.is_behind(order, report(order_id=name, cum_qty=Qty(qty)))


@given(st.integers(0, 1 << 32), st.booleans(), st.booleans())
def test_who_has_everything_lacks_nothing(seed: int, carries: bool, has_busts: bool) -> None:
    made = History(seed, carries=carries, has_busts=has_busts)
    assert not made.has_more(made.order())
    if not has_busts:  # nor by anything that was ever told
        order = made.order()
        known = made.known()
        assert not any(_is_behind(order, *one) for one in made.told if one[0] in known)


def test_what_is_missing_shows_in_a_count_that_carries() -> None:
    for seed in range(400):
        made = History(seed, carries=True, has_busts=False)
        for fill in made.standing():
            assert made.has_more(made.order(without=fill)), (seed, fill.exec_id)


@pytest.mark.parametrize("carries", [True, False])
def test_what_is_missing_nearly_always_shows(carries: bool) -> None:
    """What is not booked may be just what was taken back, or what others executed before."""
    found = missed = 0
    for seed in range(1500):
        made = History(seed, carries=carries, has_busts=True)
        for fill in made.standing():
            found, missed = found + 1, missed + (not made.has_more(made.order(without=fill)))
    assert missed * 50 < found, f"{missed} of {found} show nowhere"


@pytest.mark.proves("C21", "C31")
def test_a_bust_hides_nothing_of_an_order_whose_replace_was_refused() -> None:
    made = state()
    order = taken(made, trade(4, 4, "x1"), REFUSED, BUST, trade(1, 1, "x2"))
    assert order.replaces == (O2,)
    assert counts.is_behind(order, report(cum_qty=Qty(3)))
    assert not counts.is_behind(order, report(cum_qty=Qty(1)))


@pytest.mark.proves("C21")
def test_a_filled_order_has_executed_all_of_it_whichever_way_it_counts() -> None:
    """The successor counts from zero just what its predecessor had executed."""
    order = taken(state(), trade(5, 5, "x1"), SUCCEEDED)
    filled = report(order_id=O2, ord_status=OrdStatus.FILLED, cum_qty=Qty(5))
    assert not counts.is_behind(order, filled)
    assert counts.is_behind(order, replace(filled, order_qty=Qty(10)))
    assert not counts.is_behind(order, replace(filled, order_qty=Qty(5)))
    busted = taken(state(), trade(5, 5, "x1"), SUCCEEDED, BUST)
    assert not counts.is_behind(busted, replace(filled, order_qty=Qty(5)))


def test_figures_that_cannot_be_are_lived_with() -> None:
    """A count below its own execution, a bust before what it takes back, and many of them."""
    low = trade(4, 1, "x2", order_id=O2)
    order = taken(state(), trade(3, 3, "x1"), SUCCEEDED, low)
    assert counts.missing_qty(order, O2, Qty(6)) == 2
    early = replace(BUST, ref_exec_id=ExecID("x2"), order_id=O2)
    early = replace(early, transact_time=START - timedelta(seconds=1))
    order = taken(state(), trade(3, 3, "x1"), SUCCEEDED, trade(4, 7, "x2", order_id=O2), early)
    assert counts.missing_qty(order, O2, Qty(8)) == 5
    made = state(limit(100_000))
    for n in range(16):
        name = ExecID(f"y{n}")
        taken(made, trade(1 << n, 1 << n, name, ord_status=OrdStatus.PARTIALLY_FILLED))
        taken(made, replace(BUST, ref_exec_id=name, exec_id=ExecID(f"b{n}")))
    order = taken(made, SUCCEEDED)
    assert counts.missing_qty(order, O2, Qty(1 << 10 | 1 << 12)) > 0, "it never had both"


@pytest.mark.proves("C31")
def test_a_bust_may_be_told_with_the_time_of_its_execution() -> None:
    """The successor goes on counting what it had carried."""
    later = START + timedelta(seconds=1)
    order = taken(
        state(), trade(4, 4, "x1"), trade(3, 7, "x2", transact_time=later), SUCCEEDED, BUST
    )
    assert order.fills[-1].transact_time < later
    assert not counts.is_behind(order, report(order_id=O2, cum_qty=Qty(7)))
    assert counts.is_behind(order, report(order_id=O2, cum_qty=Qty(8)))
