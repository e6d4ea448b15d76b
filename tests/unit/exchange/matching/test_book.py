"""The displayed book and our orders' priority."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.exchange.matching.book import (
    ADD,
    BUY,
    CROSS,
    DELETE,
    EXECUTE,
    EXECUTE_HIDDEN,
    HALT,
    REDUCE,
    SELL,
    DisplayedBook,
    DisplayedSide,
    OwnOrders,
    step_levels,
)
from floorbroker.exchange.model import VenueOrder

D = Decimal
BOOK = ([(100, 5), (99, 7)], [(101, 3), (103, 4)])


def order(order_id: str, side: str = BUY) -> VenueOrder:
    return VenueOrder(
        id=order_id,
        client_order_id=order_id,
        account="PK",
        created_ns=0,
        updated_ns=0,
        submitted_ns=0,
        asset_id="a",
        symbol="AAPL",
        asset_class="us_equity",
        type="limit",
        side=side,
        time_in_force="day",
        status="new",
        qty=D(1),
    )


@pytest.mark.parametrize(
    ("message_type", "side", "price", "size", "bids", "asks"),
    [
        (ADD, BUY, 100, 2, [(100, 7), (99, 7)], BOOK[1]),
        (ADD, SELL, 102, 2, BOOK[0], [(101, 3), (102, 2), (103, 4)]),
        (ADD, BUY, 98, 1, [(100, 5), (99, 7), (98, 1)], BOOK[1]),
        (REDUCE, BUY, 100, 2, [(100, 3), (99, 7)], BOOK[1]),
        (DELETE, BUY, 100, 5, [(99, 7)], BOOK[1]),
        (EXECUTE, SELL, 101, 1, BOOK[0], [(101, 2), (103, 4)]),
        (EXECUTE_HIDDEN, SELL, 101, 1, *BOOK),
        (CROSS, SELL, 101, 1, *BOOK),
        (HALT, SELL, 101, 1, *BOOK),
        (DELETE, BUY, 90, 5, *BOOK),
    ],
)
def test_one_message_steps_the_levels_as_the_exchange_does(
    message_type: int,
    side: str,
    price: int,
    size: int,
    bids: list[tuple[int, int]],
    asks: list[tuple[int, int]],
) -> None:
    assert step_levels(BOOK, message_type, side, price=price, size=size) == (bids, asks)
    assert BOOK == ([(100, 5), (99, 7)], [(101, 3), (103, 4)])  # what was given is left alone


def test_orders_make_levels_and_keep_their_place() -> None:
    book = DisplayedBook()
    book.add("a", BUY, D("10"), D(100))
    book.add("b", BUY, D("10"), D(50))
    book.add("c", BUY, D("10.01"), D(20))
    book.add("d", SELL, D("10.03"), D(70))
    assert book.levels(5) == ([(D("10.01"), D(20)), (D("10"), D(150))], [(D("10.03"), D(70))])
    book.reduce("a", D(40))
    assert book.ahead_of("b") == 60
    book.execute("c", D(20))
    book.delete("d")
    assert book.levels(5) == ([(D("10"), D(110))], [])


@pytest.mark.parametrize("act", ["execute", "reduce"])
def test_more_shares_than_an_order_shows_cannot_leave(act: str) -> None:
    book = DisplayedBook()
    book.add("a", BUY, D("10"), D(100))
    with pytest.raises(ValueError, match="order a shows 100 shares, not 101"):
        getattr(book, act)("a", D(101))
    with pytest.raises(ValueError, match="order x is not in the book"):
        book.delete("x")
    with pytest.raises(ValueError, match="order a is in the book already"):
        book.add("a", BUY, D("10"), D(1))


def test_what_our_orders_took_stays_taken_while_the_level_stands() -> None:
    side = DisplayedSide(SELL)
    side.show([(D("10"), D(100)), (D("11"), D(100))])
    side.levels[0].left -= D(60)
    side.show([(D("10"), D(150)), (D("11"), D(100))])
    assert side.levels[0].left == 90
    side.show([(D("10"), D(40)), (D("11"), D(100))])
    assert side.levels[0].left == 0
    side.show([(D("11"), D(100))])
    side.show([(D("10"), D(40)), (D("11"), D(100))])
    assert side.levels[0].left == 40  # the level went and came back: it is another one


def test_size_is_zero_inside_what_is_shown_and_unknown_behind_it() -> None:
    side = DisplayedSide(BUY)
    assert side.size_at(D("10")) is None
    side.show([(D("10"), D(100)), (D("9.5"), D(100)), (D("9.4"), D(0))])
    assert side.size_at(D("10.01")) == 0
    assert side.size_at(D("9.7")) == 0
    assert side.size_at(D("9.5")) == 100
    assert side.size_at(D("9.4")) is None


def test_own_orders_stand_in_price_time_priority() -> None:
    own = OwnOrders(BUY)
    for name, px in (("a", "10"), ("b", "10.01"), ("c", "10"), ("d", "9")):
        own.add(order(name), D(px))
    assert own.prices_to(D("10")) == [D("10.01"), D("10")]
    assert [each.id for each in own.at(D("10"))] == ["a", "c"]
    assert own.remove("a", D("10"))
    assert not own.remove("a", D("10"))
    own.put_in_place_of("c", order("c2"), D("10"))
    assert [each.id for each in own.at(D("10"))] == ["c2"]
    assert own.best_px == D("10.01")


Message = tuple[str, str, int, int]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([BUY, SELL]),
            st.integers(1, 5),
            st.integers(1, 9),
            st.integers(0, 3),
        ),
        max_size=40,
    )
)
def test_the_book_of_orders_and_the_steps_over_levels_agree(
    messages: list[tuple[str, int, int, int]],
) -> None:
    """Random adds, reduces, executions and deletions: both ways of keeping levels are one."""
    book = DisplayedBook()
    levels: tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]] = ([], [])
    live: list[tuple[str, str, Decimal, Decimal]] = []
    for number, (side, px, size, choice) in enumerate(messages):
        if choice == 0 or not live:
            name, price = str(number), D(px if side == BUY else px + 10)
            book.add(name, side, price, D(size))
            live.append((name, side, price, D(size)))
            levels = step_levels(levels, ADD, side, price=price, size=D(size))
            continue
        name, side, price, left = live.pop(0)
        if choice == 1:
            book.delete(name)
            levels = step_levels(levels, DELETE, side, price=price, size=left)
            continue
        gone = min(D(size), left)
        (book.execute if choice == 2 else book.reduce)(name, gone)
        kind = EXECUTE if choice == 2 else REDUCE
        levels = step_levels(levels, kind, side, price=price, size=gone)
        if left > gone:
            live.append((name, side, price, left - gone))
    assert book.levels(20) == levels
