"""The lives of bracket, OCO and OTO orders at the venue."""

from decimal import Decimal

import pytest
from msgspec import structs

from floorbroker.exchange.model import OrderPatch, OrderQuery, VenueError, VenueOrder
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, MINUTE, SESSION, Floor

SIDES = {"profit": "110", "loss": "90"}


def market_at(px: int, floor: Floor | None = None, size: int = 1000) -> Floor:
    """A quote a cent around the price, and a print at it."""
    floor = floor or Floor()
    floor.quote(f"{px - 0.01:.2f}", size, f"{px + 0.01:.2f}", size)
    floor.trade(str(px), 1)
    return floor


def bracket(floor: Floor, qty: int = 100, **more: str) -> tuple[VenueOrder, ...]:
    """A bracket with a market entry; the entry and its two legs as they stand after."""
    entry = floor.answer("buy", qty, order_class="bracket", **{**SIDES, **more})
    return entry, *entry.legs


def states(floor: Floor, *orders: VenueOrder) -> list[str]:
    return [floor.now(order).status for order in orders]


def told(floor: Floor, order: VenueOrder) -> list[str]:
    """The events of one order."""
    return [event.event for event in floor.events if event.order.id == order.id]


def test_legs_are_held_and_tie_up_nothing_until_the_entry_is_filled_whole() -> None:
    floor = market_at(100)
    entry, profit, loss = bracket(floor, type="limit", limit_price="99")
    assert states(floor, entry, profit, loss) == ["new", "held", "held"]
    assert (told(floor, profit), told(floor, loss)) == ([], [])
    floor.quote("98.99", 10, "99.00", 40)
    assert states(floor, entry, profit, loss) == ["partially_filled", "held", "held"]
    assert floor.account.positions["AAPL"].qty_available == 40
    floor.quote("98.99", 10, "99.00", 60)
    assert states(floor, entry, profit, loss) == ["filled", "new", "held"]
    assert floor.account.positions["AAPL"].qty_available == 0
    assert told(floor, profit) == ["new"]
    assert told(floor, loss) == []


def test_the_answer_shows_the_legs_and_each_has_an_id_of_its_own() -> None:
    entry, profit, loss = bracket(market_at(100))
    assert [leg.type for leg in entry.legs] == ["limit", "stop"]
    assert all(leg.updated_ns == leg.created_ns == entry.created_ns for leg in entry.legs)
    assert len({order.client_order_id for order in (entry, profit, loss)}) == 3
    assert {order.order_class for order in (entry, profit, loss)} == {"bracket"}
    assert (profit.position_intent, loss.side) == ("sell_to_close", "sell")


def test_the_profit_ends_the_loss() -> None:
    floor = market_at(100)
    entry, profit, loss = bracket(floor)
    market_at(111, floor)
    assert states(floor, entry, profit, loss) == ["filled", "filled", "canceled"]
    assert floor.account.positions == {}
    assert told(floor, loss) == ["canceled"]


def test_the_loss_takes_the_place_of_the_profit() -> None:
    floor = market_at(100)
    entry, profit, loss = bracket(floor)
    market_at(90, floor)
    market_at(89, floor)
    assert states(floor, entry, profit, loss) == ["filled", "canceled", "filled"]
    assert floor.account.positions == {}
    assert told(floor, loss)[0] == "new"
    assert told(floor, profit) == ["new", "canceled"]


def test_a_part_of_the_profit_shrinks_the_loss() -> None:
    floor = market_at(100)
    _, profit, loss = bracket(floor)
    floor.quote("110.00", 30, "110.02", 100)
    assert floor.now(profit).filled_qty == 30
    assert floor.now(loss).qty == 70
    market_at(90, floor)
    market_at(89, floor)
    assert states(floor, profit, loss) == ["canceled", "filled"]
    assert floor.now(loss).filled_qty == 70
    assert floor.account.positions == {}


@pytest.mark.parametrize("which", [0, 1, 2])
def test_canceling_any_of_an_unfilled_bracket_cancels_all(which: int) -> None:
    floor = market_at(100)
    orders = bracket(floor, type="limit", limit_price="95")
    floor.venue.cancel(KEY, orders[which].id)
    assert states(floor, *orders) == ["canceled"] * 3
    assert floor.account.reserved == 0


@pytest.mark.parametrize("which", [1, 2])
def test_canceling_a_leg_of_a_filled_bracket_cancels_the_other(which: int) -> None:
    floor = market_at(100)
    orders = bracket(floor)
    floor.venue.cancel(KEY, orders[which].id)
    assert states(floor, *orders) == ["filled", "canceled", "canceled"]
    assert floor.account.positions["AAPL"].qty_available == 100


def test_the_legs_of_an_entry_that_expires_are_canceled() -> None:
    floor = market_at(100)
    orders = bracket(floor, type="limit", limit_price="95")
    floor.venue.advance(SESSION.close_ns + MINUTE)
    assert states(floor, *orders) == ["expired", "canceled", "canceled"]


def test_both_legs_of_a_filled_day_bracket_expire_at_the_close() -> None:
    floor = market_at(100)
    orders = bracket(floor)
    floor.venue.advance(SESSION.close_ns + MINUTE)
    assert states(floor, *orders) == ["filled", "expired", "expired"]
    assert floor.account.positions["AAPL"].qty_available == 100


def test_the_legs_of_a_rejected_entry_are_canceled() -> None:
    floor = market_at(100)
    floor.venue.blotter.veto = lambda order: "no" if not order.parent_id else None
    orders = bracket(floor)
    assert states(floor, *orders) == ["rejected", "canceled", "canceled"]


def test_a_leg_whose_position_has_gone_is_rejected_and_ends_the_other() -> None:
    floor = market_at(100)
    orders = bracket(floor, type="limit", limit_price="99")
    floor.quote("98.99", 100, "99.00", 60)
    floor.limit("sell", 30, "99.50")
    floor.quote("99.50", 30, "99.52", 100)
    floor.quote("98.99", 10, "99.00", 100)
    assert states(floor, *orders) == ["filled", "rejected", "canceled"]


def test_an_oco_is_an_exit_whose_parent_takes_the_profit() -> None:
    floor = market_at(100)
    floor.send("buy", 100)
    profit = floor.answer("sell", 100, type="limit", order_class="oco", **SIDES)
    (loss,) = profit.legs
    assert (profit.limit_price, loss.stop_price) == (Decimal(110), Decimal(90))
    assert states(floor, profit, loss) == ["new", "held"]
    market_at(90, floor)
    market_at(89, floor)
    assert states(floor, profit, loss) == ["canceled", "filled"]
    assert floor.account.positions == {}


def test_the_profit_of_an_oco_ends_its_loss_and_shrinks_it_on_the_way() -> None:
    floor = market_at(100)
    floor.send("buy", 100)
    profit = floor.answer("sell", 100, type="limit", order_class="oco", **SIDES)
    (loss,) = profit.legs
    floor.quote("110.00", 40, "110.02", 100)
    assert floor.now(loss).qty == 60
    floor.quote("110.00", 60, "110.02", 100)
    assert states(floor, profit, loss) == ["filled", "canceled"]


def test_an_oco_without_a_position_is_refused() -> None:
    floor = market_at(100)
    refusal = floor.refusal("sell", 100, type="limit", order_class="oco", **SIDES)
    assert (refusal.http_status, refusal.message) == (422, "oco orders must be exit orders")
    assert list(floor.venue.orders) == []


def test_an_oto_lets_its_one_leg_work_when_the_entry_is_filled() -> None:
    floor = market_at(100)
    entry = floor.answer("buy", 100, order_class="oto", loss="90", loss_limit="89.50")
    (loss,) = entry.legs
    assert states(floor, entry, loss) == ["filled", "new"]
    assert floor.account.positions["AAPL"].qty_available == 0
    market_at(90, floor)
    assert floor.now(loss).status == "filled"
    assert floor.account.positions == {}


def test_a_short_bracket_buys_back_at_the_profit() -> None:
    floor = market_at(100)
    entry = floor.answer("sell", 100, order_class="bracket", profit="90", loss="110")
    profit, loss = entry.legs
    assert profit.position_intent == "buy_to_close"
    market_at(89, floor)
    assert states(floor, entry, profit, loss) == ["filled", "filled", "canceled"]
    assert floor.account.positions == {}


def test_the_stop_of_a_held_leg_can_be_replaced_once_the_entry_is_filled() -> None:
    floor = market_at(100)
    _, profit, loss = bracket(floor)
    moved = floor.venue.replace(KEY, loss.id, OrderPatch(stop_price=Decimal(95)))
    assert states(floor, loss, moved) == ["replaced", "held"]
    market_at(95, floor)
    market_at(94, floor)
    assert states(floor, profit, moved) == ["canceled", "filled"]
    assert floor.account.positions == {}


def test_the_profit_of_a_bracket_can_be_replaced_and_still_ends_the_loss() -> None:
    floor = market_at(100)
    entry, profit, loss = bracket(floor)
    moved = floor.venue.replace(KEY, profit.id, OrderPatch(limit_price=Decimal(105)))
    assert floor.venue.order(KEY, entry.id, nested=True).legs[0].id == moved.id
    market_at(106, floor)
    assert states(floor, profit, moved, loss) == ["replaced", "filled", "canceled"]


def test_a_replaced_entry_hands_its_legs_and_their_size_to_its_successor() -> None:
    floor = market_at(100)
    entry, profit, loss = bracket(floor, type="limit", limit_price="95")
    moved = floor.venue.replace(KEY, entry.id, OrderPatch(qty=Decimal(60)))
    assert states(floor, entry, moved, profit, loss) == ["replaced", "new", "held", "held"]
    assert {floor.now(leg).qty for leg in (profit, loss)} == {60}
    market_at(94, floor)
    assert states(floor, moved, profit) == ["filled", "new"]


@pytest.mark.parametrize("patch", [OrderPatch(qty=Decimal(5)), OrderPatch(stop_price=Decimal(91))])
def test_a_held_leg_of_an_unfilled_entry_cannot_be_replaced(patch: OrderPatch) -> None:
    floor = market_at(100)
    _, _, loss = bracket(floor, type="limit", limit_price="95")
    with pytest.raises(VenueError, match="order is not open"):
        floor.venue.replace(KEY, loss.id, patch)


def test_held_legs_are_listed_with_their_parent_or_among_all() -> None:
    floor = market_at(100)
    entry, profit, loss = bracket(floor)

    def listed(**query: object) -> list[str]:
        wanted = structs.replace(OrderQuery(is_ascending=True), **query)
        return [order.id for order in floor.venue.list_orders(KEY, wanted)]

    assert listed(status="open") == [profit.id]
    assert listed(status="all") == [entry.id, profit.id, loss.id]
    assert listed(status="open", nested=True) == [entry.id]
    (nested,) = floor.venue.list_orders(KEY, OrderQuery(status="all", nested=True))
    assert [leg.id for leg in nested.legs] == [profit.id, loss.id]
    (flat, *_) = floor.venue.list_orders(KEY, OrderQuery(status="all", is_ascending=True))
    assert flat.legs == ()


def test_exits_of_a_group_are_no_wash_trade() -> None:
    floor = market_at(100)
    bracket(floor)
    floor.limit("buy", 10, "99")
    refusal = floor.refusal("sell", 5, type="limit", limit_price="98")
    assert refusal.message.startswith("potential wash trade")


def test_cancel_all_ends_a_group_without_a_failure() -> None:
    floor = market_at(100)
    orders = bracket(floor, type="limit", limit_price="95")
    outcomes = floor.venue.cancel_all(KEY)
    assert {status for _, status, _ in outcomes} == {200}
    assert states(floor, *orders) == ["canceled"] * 3


@pytest.mark.parametrize("is_filled", [True, False])
def test_a_group_survives_a_restart(is_filled: bool) -> None:
    floor = market_at(100)
    orders = bracket(floor) if is_filled else bracket(floor, type="limit", limit_price="99")
    again = Floor()
    again.venue.import_state(floor.venue.export_state())
    market_at(100, again)
    if not is_filled:
        market_at(98, again)
    assert states(again, *orders) == ["filled", "new", "held"]
    assert again.account.positions["AAPL"].qty_available == 0
    market_at(90, again)
    market_at(89, again)
    assert states(again, *orders) == ["filled", "canceled", "filled"]
    assert again.account.positions == {}


def test_a_cancel_that_takes_time_ends_the_group_when_it_has_effect() -> None:
    floor = market_at(100, Floor(rules=VenueRules(cancel_latency_ns=MINUTE)))
    orders = bracket(floor)
    floor.venue.cancel(KEY, orders[1].id)
    assert states(floor, *orders)[2] == "held"
    floor.venue.advance(floor.venue.now_ns + 2 * MINUTE)
    assert states(floor, *orders) == ["filled", "canceled", "canceled"]


@pytest.mark.parametrize(("change", "is_elected"), [("limit_price", True), ("stop_price", False)])
def test_a_loss_whose_stop_was_touched_is_at_work_after_a_replace(
    change: str, is_elected: bool
) -> None:
    floor = Floor()
    floor.quote("100", 500, "100.02", 500)
    floor.trade("100.01", 10)
    parts = {"profit": "101", "loss": "99", "loss_limit": "98.9"}
    entry = floor.send("buy", 10, order_class="bracket", **parts)
    floor.quote("98", 500, "98.5", 500)
    floor.trade("98.5", 1)
    loss = floor.venue.orders[floor.venue.orders[entry.id].leg_ids[1]]
    assert (loss.status, loss.is_elected) == ("new", True)
    patch = structs.replace(OrderPatch(), **{change: Decimal("98.4")})
    successor = floor.now(floor.venue.replace(KEY, loss.id, patch))
    assert (successor.status, successor.is_elected) == ("new", is_elected)
    if is_elected:  # it rests in the book, and a buyer at its price meets it
        floor.quote("98.4", 500, "98.5", 500)
        assert floor.now(successor).status == "filled"
