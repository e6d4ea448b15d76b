"""What has left memory: found again in every way, or never gone if it could not be written."""

import sqlite3
from typing import Any

import pytest

from floorbroker.exchange.model import OrderQuery, VenueError, VenueOrder
from floorbroker.exchange.records.archive import Archive, execution_number, temporary
from tests.unit.exchange.venue_kit import KEY, MINUTE, Floor, ticket

TAKEN = "client_order_id must be unique"


def busy(floor: Floor, count: int, cid: str = "x") -> list[VenueOrder]:
    """So many filled orders, a minute between two of them."""
    orders = []
    for number in range(count):
        floor.quote("100", 500, "100.02", 500)
        name = {"cid": f"{cid}-{number}"} if number % 2 else {}
        orders.append(floor.send("buy", 1, **name))
        floor.venue.advance(floor.venue.now_ns + MINUTE)
    return orders


def few(count: int = 20, kept: int = 3) -> tuple[Floor, list[VenueOrder]]:
    """A floor that keeps few, after many orders."""
    floor = Floor()
    floor.venue.blotter.keep(kept)
    orders = busy(floor, count)
    floor.venue.blotter.put_away()
    assert len(floor.venue.orders.here()) == kept
    return floor, orders


def test_an_order_that_was_put_away_is_found_by_its_id_and_by_its_name() -> None:
    floor, orders = few()
    for order in orders:
        assert floor.venue.order(KEY, order.id) == order
        assert floor.venue.order_by_client_id(KEY, order.client_order_id) == order
        assert floor.refusal("buy", 1, cid=order.client_order_id).message == TAKEN
    assert floor.send("buy", 1, cid="x-100").client_order_id == "x-100"
    assert floor.venue.orders.get("00000000" + orders[0].id[8:]) is None
    assert floor.venue.orders.get("nobody") is None
    with pytest.raises(KeyError):
        floor.venue.orders["nobody"]


def test_a_name_that_looks_like_an_identifier_is_still_its_own() -> None:
    floor, orders = few()
    floor.quote("100", 500, "100.02", 500)
    named = floor.send("buy", 1, cid=orders[0].id)
    floor.venue.blotter.keep(0)
    floor.venue.blotter.put_away()
    assert floor.venue.order_by_client_id(KEY, orders[0].id).id == named.id
    assert floor.venue.order_by_client_id(KEY, orders[0].client_order_id).id == orders[0].id


def test_names_are_each_accounts_own() -> None:
    floor, _ = few()
    assert floor.venue.orders.named(floor.venue.account("PKOTHER"), "x-1") is None


def test_a_name_is_new_until_an_order_has_it() -> None:
    floor, orders = few()
    venue = floor.venue
    account, other = venue.account(KEY), venue.account("PKOTHER")
    for again in range(3):
        assert venue.orders.is_new(account, "fresh"), again  # none came of it
        assert venue.orders.is_new(other, "fresh"), again
    assert venue.orders.named(account, "fresh") is None
    floor.quote("100", 500, "100.02", 500)
    made = floor.send("buy", 1, cid="fresh")
    venue.blotter.keep(0)
    venue.blotter.put_away()
    assert not venue.orders.is_here(made)
    assert not venue.orders.is_new(account, "fresh")
    assert venue.orders.is_new(other, "fresh")
    assert venue.orders.named(account, "fresh") == made
    assert not venue.orders.is_new(account, orders[1].client_order_id)
    assert venue.orders.is_new(other, orders[1].client_order_id)


def test_what_several_accounts_did_in_turn_leaves_together_and_is_found_by_each() -> None:
    floor = Floor()
    floor.venue.blotter.keep(16)
    floor.quote("100", 500, "100.02", 500)
    keys = [KEY, "PKOTHER", "PKTHIRD"]
    orders = [floor.venue.submit(keys[each % 3], ticket("buy", 1)) for each in range(40)]
    floor.venue.blotter.put_away()
    assert len(floor.venue.orders.here()) == 16
    for number, key_id in enumerate(keys):
        own = [order.id for order in orders[number::3]]
        query = OrderQuery(status="all", limit=500, is_ascending=True)
        assert [order.id for order in floor.venue.list_orders(key_id, query)] == own
        assert [each.order_id for each in floor.venue.executions.of(key_id)] == own
        for order in orders[number::3]:
            named = floor.venue.order_by_client_id(key_id, order.client_order_id)
            assert named == floor.now(order)
        assert len(floor.venue.account(key_id).by_client_id) in (5, 6)


def test_an_order_that_is_changed_comes_back_and_leaves_again() -> None:
    floor, orders = few()
    blotter = floor.venue.blotter
    execution = floor.venue.executions[0]
    floor.venue.bust(execution.execution_id)
    assert orders[0].id in [order.id for order in floor.venue.orders.here()]
    assert floor.now(orders[0]).filled_qty == 0
    busy(floor, 5, "y")
    blotter.put_away()
    assert orders[0].id not in [order.id for order in floor.venue.orders.here()]
    assert floor.now(orders[0]).filled_qty == 0
    listed = floor.venue.list_orders(KEY, OrderQuery(status="all", limit=500))
    assert len({order.id for order in listed}) == len(listed) == 25
    for again in range(2):
        with pytest.raises(VenueError, match="was busted"):
            blotter.bust(execution.execution_id)
        busy(floor, 5, f"z{again}")
        blotter.put_away()


def test_numbers_go_on_when_nothing_of_an_account_is_in_memory() -> None:
    floor, orders = few(kept=0)
    floor.quote("100", 500, "100.02", 500)
    assert floor.send("buy", 1).number == len(orders)


def test_executions_are_counted_and_found_by_place_in_memory_and_out_of_it() -> None:
    floor, orders = few()
    executions = floor.venue.executions
    assert len(executions.latest) == 3
    assert [each.order_id for each in executions] == [order.id for order in orders]
    assert [executions[place] for place in range(len(executions))] == list(executions)
    assert executions[-1] == list(executions)[-1] == executions[-20:][-1]
    forth = list(executions.of(KEY))
    assert list(executions.of(KEY, is_ascending=False)) == forth[::-1]
    for each in forth:
        first = executions.first_at(KEY, each.time_ns)
        assert next(executions.of(KEY, first)) == each
        assert executions.find(each.execution_id) == each


@pytest.mark.parametrize("bound", ["after_ns", "until_ns", "before_order_id", "after_order_id"])
@pytest.mark.parametrize("is_ascending", [True, False])
def test_bounds_hold_in_memory_and_out_of_it(bound: str, *, is_ascending: bool) -> None:
    floor, orders = few()
    for place, order in enumerate(orders):
        value: Any = order.id if bound.endswith("_id") else order.submitted_ns
        query = OrderQuery(status="all", limit=500, is_ascending=is_ascending, **{bound: value})
        listed = [each.id for each in floor.venue.list_orders(KEY, query)]
        within = orders[place + 1 :] if bound.startswith("after") else orders[:place]
        expected = [each.id for each in within]
        assert listed == (expected if is_ascending else expected[::-1])


def test_executions_are_read_from_and_to_any_of_a_block() -> None:
    floor, _ = few(80, kept=32)
    executions = floor.venue.executions
    assert executions.archive._db is not None
    (blocks,) = executions.archive._db.execute(
        "SELECT count(*) FROM archive_executions"
    ).fetchone()
    assert blocks * 4 == len(executions) - len(executions.latest)
    forth = list(executions)
    numbers = [execution_number(each) for each in forth]
    for low in range(0, 80, 7):
        for high in range(low, 80, 9):
            span = numbers[low], numbers[high]
            assert list(executions.of(KEY, *span)) == forth[low : high + 1]
            back = list(executions.of(KEY, *span, is_ascending=False))
            assert back == forth[low : high + 1][::-1]
        assert executions.first_at(KEY, forth[low].time_ns) == numbers[low]


def test_a_venue_below_the_limit_opens_no_archive() -> None:
    floor = Floor()
    busy(floor, 20)
    floor.venue.blotter.put_away()
    assert floor.venue.blotter.archive._db is None


def test_what_cannot_be_written_does_not_leave_memory() -> None:
    floor = Floor()
    db = sqlite3.connect(":memory:", isolation_level=None)
    floor.venue.blotter.keep_in(Archive(db))
    floor.venue.blotter.keep(3)
    busy(floor, 20)
    db.execute("PRAGMA max_page_count = 1")  # no more than there are
    busy(floor, 200, "y")
    before = [list(floor.venue.orders), list(floor.venue.executions)]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        floor.venue.blotter.put_away()
    assert len(floor.venue.orders) == 220
    assert [list(floor.venue.orders), list(floor.venue.executions)] == before
    db.execute("PRAGMA max_page_count = 100000")
    floor.venue.blotter.put_away()
    assert len(floor.venue.orders.here()) == 3
    assert [list(floor.venue.orders), list(floor.venue.executions)] == before


def test_a_temporary_archive_has_no_name() -> None:
    db = temporary()
    assert db.execute("PRAGMA database_list").fetchone()[2] == ""
    db.close()
