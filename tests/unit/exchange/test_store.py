"""What survives a restart."""

from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import Entry, OrderPatch, OrderQuery
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from tests.unit.exchange.venue_kit import KEY, NEXT_SESSION, SESSION, TEN, Floor

D = Decimal


def busy(floor: Floor) -> Floor:
    """Something of everything that is remembered."""
    floor.quote("100", 500, "100.02", 300)
    floor.trade("100.01", 10)
    floor.send("buy", 100)
    old = floor.limit("buy", 50, "90", cid="old")
    floor.venue.replace(KEY, old.id, OrderPatch(limit_price=D(91)))
    floor.limit("sell", 40, "120", tif="gtc")
    floor.send("sell", 10, type="trailing_stop", trail_percent="5", tif="gtc")
    floor.venue.cancel(KEY, floor.limit("buy", 5, "80").id)
    return floor


def picture(floor: Floor) -> object:
    """Everything that a client can see."""
    account = floor.account
    return (
        floor.venue.list_orders(KEY, OrderQuery(status="all", limit=500)),
        list(floor.venue.executions),
        account.positions,
        (account.id, account.created_ns, account.cash, account.equity, account.last_equity),
        (account.buying_power, account.non_marginable_buying_power, account.reserved),
        (floor.venue.now_ns, floor.venue.blotter.seq, list(account.open_orders)),
    )


def test_an_exported_state_is_taken_up_whole() -> None:
    before = busy(Floor())
    after = Floor(seed=99)
    after.venue.import_state(before.venue.export_state())
    Floor.forget_queues(before.venue)
    assert picture(after) == picture(before)
    assert after.events == []


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(ValueError, match="this is no state of an exchange"):
        Floor().venue.import_state(b'{"orders": 3}')
    state = Floor().venue.export_state().replace(b'"version":2', b'"version":7')
    with pytest.raises(ValueError, match="version 7; this is 2"):
        Floor().venue.import_state(state)


def test_a_restarted_venue_makes_no_identifier_twice() -> None:
    before = busy(Floor())
    after = Floor()  # the same seed, as after a restart
    after.venue.import_state(before.venue.export_state())
    known = set(after.venue.orders)
    after.quote("100", 500, "100.02", 300)
    order = after.limit("buy", 10, "100.02")
    assert order.status == "filled"
    assert order.id not in known
    ids = [each.execution_id for each in after.venue.executions]
    assert len(set(ids)) == len(ids)
    assert after.refusal("buy", 1, cid="old").message == "client_order_id must be unique"


def test_orders_go_on_working_after_a_restart() -> None:
    before = busy(Floor())
    after = Floor()
    after.venue.import_state(before.venue.export_state())
    after.quote("120", 500, "120.50", 300)
    after.trade("120.10", 5)
    open_orders = after.account.open_orders.values()
    assert {order.type for order in open_orders} == {"limit", "trailing_stop"}
    assert after.account.position_qty("AAPL") == 60  # the limit to sell forty was crossed
    after.quote("114", 500, "114.50", 300)
    after.trade("114", 5)
    assert after.account.position_qty("AAPL") == 50  # and the trailing stop was hit
    after.venue.advance(SESSION.close_ns)
    assert after.names[-1] == "expired"


@pytest.mark.parametrize(
    ("rules", "waits"),
    [
        (VenueRules(ack_latency_ns=10**9), "pending_new"),
        (VenueRules(cancel_latency_ns=10**9), "pending_cancel"),
        (VenueRules(replace_latency_ns=10**9), "pending_replace"),
    ],
)
def test_what_was_under_way_is_finished_after_a_restart(rules: VenueRules, waits: str) -> None:
    before = Floor(rules=rules)
    order = before.limit("buy", 50, "90")
    if waits == "pending_cancel":
        before.venue.cancel(KEY, order.id)
    elif waits == "pending_replace":
        before.venue.replace(KEY, order.id, OrderPatch(qty=D(60)))
    assert before.now(order).status == waits
    after = Floor(rules=rules)
    after.venue.import_state(before.venue.export_state())
    after.venue.advance(TEN + 1)
    ended = {"pending_new": "new", "pending_cancel": "canceled", "pending_replace": "replaced"}
    assert after.now(order).status == ended[waits]
    left = 0 if waits == "pending_cancel" else 1
    assert len(after.account.open_orders) == left


def test_an_order_held_for_the_opening_goes_live_after_a_restart() -> None:
    before = Floor()
    before.venue.advance(SESSION.post_ns)
    order = before.answer("buy", 10)
    after = Floor(start_ns=SESSION.post_ns)
    after.venue.import_state(before.venue.export_state())
    assert after.now(order).status == "accepted"
    after.venue.advance(NEXT_SESSION.open_ns)
    assert after.now(order).status == "new"


# The file.


def test_a_file_holds_what_the_venue_knew(tmp_path: Path) -> None:
    path = tmp_path / "exchange.sqlite"
    before, store = Floor(), ExchangeStore(path)
    assert not store.load(before.venue)
    before.quote("100", 500, "100.02", 300)
    store.save(before.venue)
    busy(before)
    store.save(before.venue)
    before.limit("sell", 5, "110")
    store.save(before.venue)
    # No close: the process was killed.
    after, other = Floor(seed=99), ExchangeStore(path)
    assert other.load(after.venue)
    Floor.forget_queues(before.venue)
    assert picture(after) == picture(before)
    assert after.account.mark("AAPL") == before.account.mark("AAPL")
    store.close()
    other.close()


def test_a_save_writes_only_what_changed(tmp_path: Path) -> None:
    floor, store = Floor(fill_rules=FillRules()), ExchangeStore(tmp_path / "exchange.sqlite")
    store.load(floor.venue)
    busy(floor)
    store.save(floor.venue)
    changes = floor.venue.blotter.changes
    assert changes is not None
    assert (changes.orders, changes.accounts) == ({}, {})
    order = floor.limit("buy", 1, "70")
    assert list(changes.orders) == [order.id]
    store.save(floor.venue)
    store.close()


def test_what_was_not_saved_is_gone_and_what_was_is_not(tmp_path: Path) -> None:
    path = tmp_path / "exchange.sqlite"
    floor, store = Floor(), ExchangeStore(path)
    store.load(floor.venue)
    kept = floor.limit("buy", 1, "70")
    store.save(floor.venue)
    lost = floor.limit("buy", 1, "71")
    store.close()
    after, other = Floor(), ExchangeStore(path)
    other.load(after.venue)
    assert kept.id in after.venue.orders
    assert lost.id not in after.venue.orders
    other.close()


def test_orders_come_back_in_the_order_in_which_they_were_accepted(tmp_path: Path) -> None:
    path = tmp_path / "exchange.sqlite"
    floor, store = Floor(), ExchangeStore(path)
    store.load(floor.venue)
    orders = []
    for n in range(20):
        orders.append(floor.limit("buy", n + 1, "70"))
        if n % 3 == 0:
            floor.venue.cancel(KEY, orders[n // 2].id)
            store.save(floor.venue)
    store.save(floor.venue)
    after, other = Floor(), ExchangeStore(path)
    other.load(after.venue)
    assert list(after.venue.orders) == [order.id for order in orders]
    assert [order.number for order in after.venue.orders.values()] == list(range(20))
    store.close()
    other.close()


def test_a_cleared_file_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "exchange.sqlite"
    floor, store = Floor(), ExchangeStore(path)
    store.load(floor.venue)
    floor.limit("buy", 1, "70")
    store.save(floor.venue)
    store.clear()
    assert not store.load(Floor().venue)
    store.close()


def test_a_restart_loads_nothing_that_was_put_away(tmp_path: Path) -> None:
    path = tmp_path / "exchange.sqlite"
    before, store = Floor(), ExchangeStore(path)
    store.load(before.venue)
    before.venue.blotter.keep(3)
    busy(before)
    for number in range(20):
        before.quote("100", 500, "100.02", 300, symbol="MSFT")
        before.send("buy", 1, "MSFT", cid=f"x-{number}")
        store.save(before.venue)
        before.venue.blotter.put_away()
    after, other = Floor(seed=99), ExchangeStore(path)
    after.venue.blotter.keep(3)
    assert other.load(after.venue)
    kept = before.venue.orders.here()
    assert len(after.venue.orders.here()) == len(kept) < len(after.venue.orders)
    Floor.forget_queues(before.venue)
    assert picture(after) == picture(before)
    assert after.refusal("buy", 1, cid="x-0").message == "client_order_id must be unique"
    store.clear()
    assert len(ExchangeStore(path)._archive.accounts) == 0
    store.close()
    other.close()


def fees_of(floor: Floor) -> list[Entry]:
    return [entry for entry in floor.account.entries if entry.kind == "FEE"]


def test_fees_are_not_charged_twice_by_a_state_of_the_first_version(tmp_path: Path) -> None:
    path, rules = tmp_path / "exchange.sqlite", VenueRules(charges_fees=True)
    before, store = Floor(rules=rules), ExchangeStore(path)
    store.load(before.venue)
    before.quote("100", 500, "100.02", 300)
    before.send("buy", 100)
    before.send("sell", 100)
    before.venue.advance(SESSION.close_ns)
    store.save(before.venue)
    charged = len(fees_of(before))
    assert charged
    for table, name, old in (("counters", "version", 1), ("accounts", "charged_to", 2)):
        store._db.execute(f"UPDATE {table} SET body = json_set(body, '$.{name}', {old})")
    store.close()
    after, other = Floor(rules=rules), ExchangeStore(path)
    other.load(after.venue)
    after.venue.advance(NEXT_SESSION.close_ns)
    assert len(fees_of(after)) == charged
    other.save(after.venue)
    again = Floor(rules=rules)
    other.load(again.venue)
    again.venue.advance(NEXT_SESSION.close_ns + 86_400 * 10**9)
    assert len(fees_of(again)) == charged
    other.close()
