"""Executions that are busted or corrected after the fact."""

from decimal import Decimal

import pytest

from floorbroker.exchange.model import VenueError
from tests.unit.exchange.venue_kit import KEY, Floor

D = Decimal


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.quote("100", 5000, "100", 5000)
    return floor


def last_id(floor: Floor) -> str:
    return floor.venue.executions[-1].execution_id


def test_a_corrected_fill_is_as_if_it_had_been_so(floor: Floor) -> None:
    order = floor.send("buy", 100)
    first = last_id(floor)
    floor.venue.correct(first, qty=D(60), price=D("99.5"))
    event = floor.events[-1]
    assert event.event == "trade_correct"
    assert event.execution is not None
    assert (event.execution.qty, event.execution.price) == (D(60), D("99.5"))
    assert event.execution.previous_execution_id == first != event.execution_id
    assert (event.execution.cum_qty, event.execution.position_qty) == (D(60), D(60))
    now = floor.now(order)
    assert (now.status, now.filled_qty, now.filled_avg_price) == ("filled", D(60), D("99.5"))
    assert floor.account.cash == 100_000 - 60 * D("99.5")
    assert floor.account.positions["AAPL"].avg_entry_price == D("99.5")
    assert floor.names.count("trade_bust") == 0
    assert sum(each.qty for each in floor.venue.executions) == 60


def test_a_correction_keeps_what_it_does_not_name(floor: Floor) -> None:
    floor.send("buy", 100)
    floor.venue.correct(last_id(floor), price=D(101))
    floor.venue.correct(last_id(floor), qty=D(50))
    execution = floor.venue.executions[-1]
    assert (execution.qty, execution.price) == (D(50), D(101))
    assert floor.account.cash == 100_000 - 50 * 101


def test_what_was_corrected_can_be_busted_and_not_what_it_was_before(floor: Floor) -> None:
    floor.send("buy", 100)
    first = last_id(floor)
    floor.venue.correct(first, price=D(101))
    reversal, corrected = floor.venue.executions[-2:]
    for undone in (first, reversal.execution_id):
        with pytest.raises(VenueError, match="busted or corrected already") as refusal:
            floor.venue.bust(undone)
        assert refusal.value.http_status == 422
    floor.venue.bust(corrected.execution_id)
    assert (floor.account.cash, floor.account.positions) == (D(100_000), {})
    with pytest.raises(VenueError, match="not found") as refusal:
        floor.venue.correct("nothing", qty=D(1))
    assert refusal.value.http_status == 404


def test_a_correction_cannot_fill_more_than_was_ordered(floor: Floor) -> None:
    done = floor.send("buy", 10)
    with pytest.raises(VenueError, match="qty 11 must be at most 10, the order's rest"):
        floor.venue.correct(last_id(floor), qty=D(11))
    working = floor.limit("buy", 10, "90")
    floor.venue.force_fill(working.id, D(4))
    with pytest.raises(VenueError, match="qty 10 must be less than 10"):
        floor.venue.correct(last_id(floor), qty=D(10))
    floor.venue.correct(last_id(floor), qty=D(9))
    assert floor.now(working).leaves_qty == 1
    assert floor.account.reserved == 90
    assert (floor.now(done).filled_qty, floor.account.positions["AAPL"].qty) == (D(10), D(19))


def test_shares_are_held_as_before_when_a_partial_close_is_corrected(floor: Floor) -> None:
    floor.send("buy", 100)
    order = floor.limit("sell", 100, "120")
    floor.venue.force_fill(order.id, D(40))
    floor.venue.correct(last_id(floor), qty=D(30))
    holding = floor.account.positions["AAPL"]
    assert (holding.qty, holding.held_qty) == (D(70), D(70))
    assert floor.venue.order(KEY, order.id).held_qty == 70
