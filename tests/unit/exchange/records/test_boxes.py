"""Orders that left memory together lie in one row, who was overtaken alone; each is found."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from floorbroker.exchange.model import Execution, OrderQuery, VenueOrder
from floorbroker.exchange.records.archive import Archive
from floorbroker.exchange.records.boxes import ORDERS
from floorbroker.exchange.records.columns import Form
from floorbroker.exchange.store import ExchangeStore
from floorbroker.exchange.venue import Venue
from tests.unit.exchange.venue_kit import KEY, MINUTE, Floor


def mixed(
    floor: Floor,
    count: int = 30,
    save: Callable[[Venue], None] = lambda venue: None,
    *,
    kept: int = 2,
) -> list[VenueOrder]:
    """Orders that end at once, and a few among them that end much later."""
    blotter = floor.venue.blotter
    blotter.keep(kept)
    resting: list[VenueOrder] = []
    orders: list[VenueOrder] = []
    for number in range(count):
        floor.quote("100", 500, "100.02", 500)
        name = {"cid": f'"x"-{number}'} if number % 2 else {}
        if number % 5 == 3:
            orders.append(floor.limit("buy", 1, "70", **name))
            resting.append(orders[-1])
        else:
            orders.append(floor.send("buy", 1, **name))
        if number % 10 == 9:
            floor.venue.cancel(KEY, resting.pop(0).id)
        save(floor.venue)
        blotter.put_away()
        floor.venue.advance(floor.venue.now_ns + MINUTE)
    for order in resting:
        floor.venue.cancel(KEY, order.id)
    save(floor.venue)
    blotter.put_away()
    return orders


def counted(db: sqlite3.Connection | None, table: str) -> int:
    assert db is not None
    found: int = db.execute(f"SELECT count(*) FROM archive_{table}").fetchone()[0]
    return found


def check_all_found(floor: Floor, orders: list[VenueOrder], twin: Floor) -> None:
    """Everything is answered as it is where nothing ever left memory."""
    venue, other = floor.venue, twin.venue
    for place, order in enumerate(orders):
        assert venue.order(KEY, order.id) == other.order(KEY, order.id)
        named = venue.order_by_client_id(KEY, order.client_order_id)
        assert named == other.order_by_client_id(KEY, order.client_order_id)
        for bound in ("after_ns", "until_ns", "before_order_id", "after_order_id"):
            value: Any = order.id if bound.endswith("_id") else order.submitted_ns
            for is_ascending in (True, False):
                asked = {"status": "all", "is_ascending": is_ascending, bound: value}
                query = OrderQuery(limit=1 + place * 7 % 50, **asked)
                assert venue.list_orders(KEY, query) == other.list_orders(KEY, query)


def test_who_was_overtaken_is_found_among_those_in_boxes() -> None:
    floor, twin = Floor(), Floor()
    orders, kept = mixed(floor), mixed(twin)
    assert [order.id for order in orders] == [order.id for order in kept]
    db = floor.venue.blotter.archive._db
    assert counted(db, "boxes") > 5
    assert counted(db, "orders") > 3
    twin.venue.blotter.keep(10**6)
    for order in kept:
        twin.venue.orders[order.id]  # comes back, and stays
    check_all_found(floor, orders, twin)


def test_an_order_that_came_back_is_told_as_it_is_now_and_not_as_its_box_has_it() -> None:
    floor = Floor()
    orders = mixed(floor)
    execution = floor.venue.executions[0]
    floor.venue.bust(execution.execution_id)
    mixed(Floor())
    floor.venue.blotter.keep(0)
    floor.venue.blotter.put_away()
    busted = floor.venue.orders.get(execution.order_id)
    assert busted is not None
    assert not floor.venue.orders.is_here(busted)
    assert busted.filled_qty == 0
    assert floor.venue.order_by_client_id(KEY, busted.client_order_id) == busted
    listed = floor.venue.list_orders(KEY, OrderQuery(status="all", limit=500))
    assert [each.id for each in listed] == [each.id for each in orders[::-1]]
    assert busted in listed


@pytest.mark.parametrize("age", ["new", "with lines", "without boxes"])
def test_a_file_is_read_again_also_one_of_an_earlier_version(tmp_path: Path, age: str) -> None:
    path = tmp_path / "exchange.sqlite"
    floor = Floor()
    store = ExchangeStore(path)
    store.load(floor.venue)
    orders = mixed(floor, 80, store.save, kept=32)
    store.close()
    if age == "without boxes":
        _take_out_of_boxes(path)
    if age == "with lines":
        _write_lines(path)
    if age != "new":
        _write_lists(path)
    after = Floor()
    again = ExchangeStore(path)
    again.load(after.venue)
    assert (counted(again._archive._db, "boxes") == 0) == (age == "without boxes")
    twin = Floor()
    mixed(twin, 80, kept=10**6)
    check_all_found(after, orders, twin)
    assert list(after.venue.executions) == list(twin.venue.executions)
    for order in orders:
        after.quote("100", 500, "100.02", 500)
        assert after.refusal("buy", 1, cid=order.client_order_id).http_status == 422
    again.close()


def _take_out_of_boxes(path: Path) -> None:
    """Every order in a row of its own, as it was before there were boxes."""
    db = sqlite3.connect(path, isolation_level=None)
    archive = Archive(db)
    rows = []
    for order in archive.orders(KEY):
        archive._has_rows = True
        rows.append(order)
    for name in ("boxes", "box_names", "orders"):
        db.execute(f"DELETE FROM archive_{name}")
    archive._boxes.put = lambda shelf, orders: None  # type: ignore[method-assign]  # as it was
    archive._boxes.last_number = lambda shelf: 1 << 40  # type: ignore[method-assign]  # as it was
    archive.put(rows, [])
    for name in ("boxes", "box_names"):
        db.execute(f"DROP TABLE archive_{name}")
    db.close()


def _write_lines(path: Path) -> None:
    """Orders one after the other, as boxes had them before there were columns."""
    db = sqlite3.connect(path, isolation_level=None)
    for place, body in db.execute("SELECT place, body FROM archive_boxes").fetchall():
        orders = list(ORDERS.read(body).things())
        row = (msgspec.json.Encoder().encode_lines(orders), place)
        db.execute("UPDATE archive_boxes SET body = ? WHERE place = ?", row)
    db.execute("DROP TABLE archive_box_names")
    db.close()


def _write_lists(path: Path) -> None:
    """Executions one after the other, as blocks had them."""
    db = sqlite3.connect(path, isolation_level=None)
    for place, body in db.execute("SELECT place, body FROM archive_executions").fetchall():
        executions = list(Form(Execution).read(body).things())
        row = (msgspec.json.encode(executions), place)
        db.execute("UPDATE archive_executions SET body = ? WHERE place = ?", row)
    db.close()


def test_a_batch_of_orders_is_one_row() -> None:
    floor = Floor()
    floor.venue.blotter.keep(80)
    for _ in range(100):
        floor.quote("100", 500, "100.02", 500)
        floor.send("buy", 1)
    floor.venue.blotter.put_away()
    db = floor.venue.blotter.archive._db
    assert counted(db, "boxes") == 2
    assert counted(db, "orders") == 0
