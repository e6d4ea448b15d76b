"""Routing: orders that are acted upon before their turn, and what a restart must not forget."""

from decimal import Decimal

from floorbroker.domain.quotes import Halt, MarketEvent, Quote, Trade
from floorbroker.exchange.model import OrderPatch, VenueOrder
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, MINUTE, Floor

D = Decimal
LATE = VenueRules(cancel_latency_ns=MINUTE, replace_latency_ns=MINUTE)


def bought_bracket(floor: Floor) -> tuple[VenueOrder, VenueOrder, VenueOrder]:
    """A filled entry of 10, its take-profit at work and its stop-loss held."""
    floor.quote("100", 500, "100.02", 500)
    floor.trade("100.01", 10)
    entry = floor.send("buy", 10, order_class="bracket", profit="105", loss="95")
    profit, loss = (floor.venue.order(KEY, each) for each in entry.leg_ids)
    assert (entry.status, profit.status, loss.status) == ("filled", "new", "held")
    return entry, profit, loss


def test_an_order_that_fills_before_its_acknowledgement_works_on() -> None:
    floor = Floor(rules=VenueRules(ack_latency_ns=MINUTE))
    floor.quote("100", 10, "100.02", 10)
    order = floor.limit("buy", 10, "100")
    floor.venue.force_fill(order.id, D(4))
    assert floor.names == ["pending_new", "new", "partial_fill"]
    floor.trade("99.98", 50, "sell")
    assert floor.now(order).status == "filled"


def test_a_held_leg_is_canceled_at_once_however_long_cancels_take() -> None:
    floor = Floor(rules=LATE)
    _, profit, loss = bought_bracket(floor)
    floor.venue.cancel(KEY, loss.id)
    assert floor.now(loss).status == floor.now(profit).status == "canceled"


def test_a_held_leg_stays_held_when_it_is_replaced_however_long_that_takes() -> None:
    floor = Floor(rules=LATE)
    _, profit, loss = bought_bracket(floor)
    successor = floor.venue.replace(KEY, loss.id, OrderPatch(stop_price=D(96)))
    assert floor.now(successor).status == "held"
    floor.quote("95.98", 500, "96", 500)
    floor.trade("95.99", 10)
    assert floor.now(successor).status == "filled"
    assert floor.now(profit).status == "canceled"
    assert floor.account.position_qty("AAPL") == 0


def test_a_replace_that_fills_an_entry_lets_its_legs_go() -> None:
    floor = Floor()
    floor.quote("100", 500, "100.02", 500)
    entry = floor.limit("buy", 10, "99", order_class="bracket", profit="105", loss="95")
    successor = floor.venue.replace(KEY, entry.id, OrderPatch(limit_price=D("100.02")))
    assert floor.now(successor).status == "filled"
    legs = [floor.venue.orders[each].status for each in floor.now(successor).leg_ids]
    assert legs == ["new", "held"]


def test_a_restart_remembers_halts_and_the_last_price() -> None:
    floor = Floor()
    tape: list[MarketEvent] = [
        Trade(symbol="AAPL", time_ns=1, px=D(101), size=D(1)),
        Quote(symbol="AAPL", time_ns=2, bid_px=D(99), bid_size=D(9), ask_px=D(100), ask_size=D(9)),
        Halt(symbol="AAPL", time_ns=3, halted=True),
    ]
    for event in tape:
        floor.venue.apply(event)
    restarted = Floor()
    restarted.venue.import_state(floor.venue.export_state())
    for event in tape:
        restarted.venue.recall(event)
    assert restarted.account.mark("AAPL") == 101
    assert restarted.limit("buy", 5, "100").status == "new", "nothing trades in a halt"


def test_what_exits_hold_is_counted_anew_when_a_bust_took_the_position_away() -> None:
    floor = Floor()
    _, profit, _ = bought_bracket(floor)
    floor.venue.bust(floor.venue.executions[0].execution_id)
    assert "AAPL" not in floor.account.positions
    floor.send("buy", 30)
    assert floor.account.positions["AAPL"].held_qty == floor.now(profit).held_qty > 0
    floor.venue.cancel(KEY, profit.id)
    assert floor.account.positions["AAPL"].held_qty == 0
