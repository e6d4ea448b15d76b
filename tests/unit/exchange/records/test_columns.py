"""Many orders or executions written together are read as they were, whatever they share."""

from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict, replace

from floorbroker.exchange.model import Execution, VenueOrder
from floorbroker.exchange.records.columns import Form
from tests.unit.exchange.venue_kit import KEY, MINUTE, Floor

ORDERS, EXECUTIONS = Form(VenueOrder), Form(Execution)


def some_orders(count: int = 40) -> list[VenueOrder]:
    """As a venue has them: filled, resting, canceled, of groups."""
    floor = Floor()
    for number in range(count):
        floor.quote("100", 500, "100.02", 500)
        if number % 7 == 3:
            floor.venue.cancel(KEY, floor.limit("buy", 1, "70").id)
        elif number % 7 == 5:
            floor.limit("buy", number + 1, "99.5", tif="gtc")
        else:
            floor.send("buy", 1 + number % 3)
        floor.venue.advance(floor.venue.now_ns + MINUTE)
    return floor.venue.orders.here()


def mixed(random: Random, template: VenueOrder) -> VenueOrder:
    """Like the template, but for a few fields that are anything."""
    anything: dict[str, list[Any]] = {
        "client_order_id": ["a", "b", '"c"\n'],
        "symbol": ["AAPL", "MSFT"],
        "created_ns": [1, 2],
        "updated_ns": [1, 2, 0],
        "expires_ns": [None, 1, 2],
        "filled_ns": [None, 1],
        "notional": [None, Decimal(1), Decimal("1.5")],
        "qty": [None, Decimal(1), Decimal("1E+3")],
        "extended_hours": [False, True],
        "is_elected": [False, True],
        "number": [0, 1],
        "leg_ids": [(), ("a",), ("a", "b")],
        "queue_ahead": [None, Decimal(2)],
    }
    chosen = random.sample(sorted(anything), 3)
    return replace(template, **{name: random.choice(anything[name]) for name in chosen})


@pytest.mark.parametrize("seed", range(30))
def test_orders_are_read_as_they_were(seed: int) -> None:
    random = Random(seed)
    (template,) = some_orders(1)
    count = random.randint(1, 9)
    orders = [mixed(random, replace(template, id=f"{number}")) for number in range(count)]
    read = ORDERS.read(ORDERS.fold(orders).body())
    assert len(read) == len(orders)
    for order, again in zip(orders, read.things(), strict=True):
        assert again == order
        for name, value in asdict(order).items():
            assert type(getattr(again, name)) is type(value), name
    assert ORDERS.read(read.body()).body() == read.body()


def test_orders_and_executions_of_a_venue_are_read_as_they_were() -> None:
    orders = some_orders()
    assert list(ORDERS.read(ORDERS.fold(orders).body()).things()) == orders
    floor = Floor()
    floor.quote("100", 500, "100.02", 500)
    for _ in range(3):
        floor.send("buy", 1)
    floor.venue.bust(floor.venue.executions[0].execution_id)
    executions = list(floor.venue.executions)
    assert list(EXECUTIONS.read(EXECUTIONS.fold(executions).body()).things()) == executions


def test_any_part_is_read_forth_and_back() -> None:
    orders = some_orders(9)
    read = ORDERS.read(ORDERS.fold(orders).body())
    for start in range(10):
        assert list(read.things(start)) == orders[start:]
        for stop in range(start, 10):
            assert list(read.things(start, stop)) == orders[start:stop]
            back = list(read.things(start, stop, is_ascending=False))
            assert back == orders[start:stop][::-1]
    assert read["id"] == [order.id for order in orders]
    assert read["account"] == [KEY] * len(orders)
    assert read.values("account") == [KEY]
    assert read.find("id", orders[4].id) == orders[4]
    assert read.find("id", "nobody") is None


def test_what_all_share_is_written_once() -> None:
    floor = Floor()
    floor.quote("100", 500, "100.02", 500)
    orders = [floor.send("buy", 1) for _ in range(200)]
    body = ORDERS.fold(floor.venue.orders.here()).body()
    assert body.count(b"AAPL") == 1
    assert body.count(b"filled_notional") == 1
    assert len(body) < 130 * len(orders)


def test_a_field_that_was_not_there_yet_has_its_default() -> None:
    orders = some_orders(3)
    columns = msgspec.msgpack.decode(ORDERS.fold(orders).body())
    del columns["queue_ahead"], columns["is_elected"]
    assert list(ORDERS.read(msgspec.msgpack.encode(columns)).things()) == orders
    del columns["symbol"]
    with pytest.raises(msgspec.DecodeError, match="symbol"):
        ORDERS.read(msgspec.msgpack.encode(columns))
