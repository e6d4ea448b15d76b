"""How orders meet the tape."""

from decimal import Decimal

import pytest

from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.matching.waiting import collar
from floorbroker.exchange.model import OrderPatch
from tests.unit.exchange.venue_kit import KEY, Floor


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.quote("100", 500, "100.02", 300)
    return floor


def test_market_order_takes_what_is_displayed_and_waits_for_the_next(floor: Floor) -> None:
    order = floor.send("buy", 500)
    assert floor.fills == [("300", "100.02")]
    floor.quote("100", 500, "100.05", 150)
    assert floor.fills[1:] == [("150", "100.05")]
    floor.quote("100", 500, "100.06", 900)
    assert floor.fills[2:] == [("50", "100.06")]
    assert floor.now(order).status == "filled"
    assert floor.now(order).filled_avg_price == Decimal("100.033")


def test_liquidity_is_given_away_once(floor: Floor) -> None:
    floor.send("buy", 200)
    floor.send("buy", 200)
    assert floor.fills == [("200", "100.02"), ("100", "100.02")]


def test_a_quote_of_the_other_side_renews_nothing(floor: Floor) -> None:
    floor.send("buy", 300)
    floor.quote("99.99", 500, "100.02", 300)
    order = floor.send("buy", 10)
    assert floor.now(order).filled_qty == 0


def test_a_quote_that_is_stated_again_whole_renews_both_sides(floor: Floor) -> None:
    order = floor.send("buy", 400)
    floor.quote("100", 500, "100.02", 300)
    assert floor.now(order).status == "filled"


def test_liquidity_may_be_renewed_by_price_alone() -> None:
    floor = Floor(fill_rules=FillRules(renewal="price"))
    floor.quote("100", 500, "100.02", 300)
    order = floor.send("buy", 800)
    floor.quote("100", 500, "100.02", 300)
    assert floor.now(order).filled_qty == 300
    floor.quote("100", 500, "100.02", 350)
    assert floor.now(order).filled_qty == 350  # only the fifty that came are new
    floor.quote("100", 500, "100.03", 100)
    assert floor.now(order).filled_qty == 450


def test_depth_is_walked_level_by_level_up_to_the_limit() -> None:
    floor = Floor()
    floor.depth([("99", 10)], [("100", 10), ("101", 20), ("102", 30)])
    order = floor.limit("buy", 100, "101")
    assert floor.fills == [("10", "100"), ("20", "101")]
    assert floor.now(order).status == "partially_filled"
    floor.depth([("99", 10)], [("100", 15), ("101", 20), ("102", 30)])
    assert floor.fills[2:] == [("5", "100")]


def test_a_quote_that_agrees_leaves_the_depth_and_one_that_differs_replaces_it() -> None:
    floor = Floor()
    floor.depth([("99", 10)], [("100", 10), ("101", 20)])
    floor.quote("99", 10, "100", 10)
    floor.limit("buy", 15, "101")
    assert floor.fills == [("10", "100"), ("5", "101")]
    floor.quote("99", 10, "100.5", 7)
    floor.limit("buy", 15, "101")
    assert floor.fills[2:] == [("7", "100.5")]


def test_immediate_or_cancel_takes_what_is_there(floor: Floor) -> None:
    order = floor.send("buy", 500, tif="ioc")
    assert (order.status, str(order.filled_qty)) == ("canceled", "300")
    assert floor.names == ["pending_new", "new", "partial_fill", "canceled"]


def test_fill_or_kill_takes_all_or_nothing(floor: Floor) -> None:
    killed = floor.limit("buy", 301, "101", tif="fok")
    assert (killed.status, str(killed.filled_qty)) == ("canceled", "0")
    assert floor.limit("buy", 300, "101", tif="fok").status == "filled"


def test_a_resting_order_waits_behind_the_displayed_queue(floor: Floor) -> None:
    order = floor.limit("buy", 100, "100")
    floor.trade("100", 400, "sell")
    assert floor.now(order).filled_qty == 0
    floor.trade("100", 100, "buy")  # nobody sold to the bid
    assert floor.now(order).filled_qty == 0
    floor.trade("100", 160, "sell")  # a hundred before us, then sixty for us
    assert floor.fills == [("60", "100")]
    assert floor.now(order).status == "partially_filled"


def test_a_cancel_before_us_does_not_move_a_pessimist(floor: Floor) -> None:
    order = floor.limit("buy", 100, "100")
    floor.quote("100", 450, "100.02", 300)
    floor.trade("100", 450, "sell")
    assert floor.now(order).filled_qty == 0
    floor.quote("100", 30, "100.02", 300)  # now no more than thirty can be before us
    floor.trade("100", 50, "sell")
    assert floor.now(order).filled_qty == 50


@pytest.mark.parametrize(
    ("queue", "filled"), [("pessimistic", 0), ("probabilistic", 20), ("optimistic", 50)]
)
def test_queue_models_differ_in_who_canceled(queue: str, filled: int) -> None:
    floor = Floor(fill_rules=FillRules(queue=queue, queue_power=1))
    floor.quote("100", 100, "100.02", 300)
    order = floor.limit("buy", 100, "100")
    floor.quote("100", 250, "100.02", 300)  # 150 joined behind us
    floor.quote("100", 200, "100.02", 300)  # fifty of 250 left: before us or behind?
    floor.trade("100", 100, "sell")
    assert floor.now(order).filled_qty == filled


def test_a_hidden_print_does_not_move_the_queue(floor: Floor) -> None:
    order = floor.limit("buy", 100, "100")
    floor.trade("100", 10_000, "sell", eligible=False)
    floor.trade("99", 10_000, "sell", eligible=False)
    assert floor.now(order).filled_qty == 0


def test_a_print_through_the_limit_fills_at_the_limit_and_no_more_than_it_has(
    floor: Floor,
) -> None:
    first = floor.limit("buy", 100, "100")
    second = floor.limit("buy", 100, "100")
    better = floor.limit("buy", 50, "100.01")
    floor.trade("99.99", 120, "sell")
    assert [floor.now(each).filled_qty for each in (better, first, second)] == [50, 70, 0]
    assert floor.fills == [("50", "100.01"), ("70", "100")]


def test_a_print_inside_the_spread_at_our_better_price_is_ours(floor: Floor) -> None:
    order = floor.limit("buy", 100, "100.01")
    floor.trade("100.01", 30)
    assert floor.now(order).filled_qty == 30


def test_own_orders_at_a_price_share_a_print_in_time_priority(floor: Floor) -> None:
    first = floor.limit("buy", 60, "100")
    floor.quote("100", 550, "100.02", 300)  # fifty join behind the first
    second = floor.limit("buy", 60, "100")
    floor.trade("100", 600, "sell")
    assert floor.now(first).filled_qty == 60
    assert floor.now(second).filled_qty == 0  # 500 + 60 + 50 stood before it
    floor.trade("100", 50, "sell")
    assert floor.now(second).filled_qty == 40


def test_a_quote_that_crosses_a_resting_order_pays_its_limit(floor: Floor) -> None:
    order = floor.limit("buy", 200, "99.90")
    floor.quote("99.80", 500, "99.85", 120)
    assert floor.fills == [("120", "99.90")]
    assert floor.now(order).status == "partially_filled"
    assert floor.venue.executions[0].liquidity == "add"


def test_a_crossing_quote_may_be_taken_at_its_own_price() -> None:
    floor = Floor(fill_rules=FillRules(crossing_px="quote"))
    floor.quote("100", 500, "100.02", 300)
    floor.limit("buy", 100, "99.90")
    floor.quote("99.80", 500, "99.85", 120)
    assert floor.fills == [("100", "99.85")]


def test_the_rest_of_a_marketable_limit_pays_what_is_displayed(floor: Floor) -> None:
    floor.limit("buy", 400, "150")
    floor.quote("100", 500, "100.04", 100)
    assert floor.fills == [("300", "100.02"), ("100", "100.04")]


def test_without_any_quotes_the_prints_are_the_liquidity() -> None:
    floor = Floor()
    market = floor.send("buy", 100)
    limit = floor.limit("buy", 100, "150")
    floor.trade("100", 130)
    assert floor.fills == [("100", "100"), ("30", "100")]
    assert (floor.now(market).status, floor.now(limit).status) == ("filled", "partially_filled")


def test_nothing_matches_while_halted(floor: Floor) -> None:
    floor.halt(halted=True)
    order = floor.send("buy", 100)
    impatient = floor.send("buy", 100, tif="ioc")
    floor.quote("100", 500, "100.03", 300)
    floor.trade("90", 1000)
    assert (order.status, impatient.status, floor.fills) == ("new", "canceled", [])
    floor.halt(halted=False)
    assert floor.now(order).status == "filled"


def test_alpaca_paper_fills_any_size_at_the_touch() -> None:
    rules = FillRules(queue="alpaca_paper", paper_partial_percent=0)
    floor = Floor(fill_rules=rules, cash="10000000")
    floor.quote("100", 5, "100.02", 3)
    floor.send("buy", 500)
    resting = floor.limit("buy", 500, "99")
    floor.trade("98", 1000, "sell")
    assert floor.now(resting).filled_qty == 0  # prints do not matter
    floor.quote("98", 5, "98.50", 3)
    assert floor.fills == [("500", "100.02"), ("500", "98.50")]


def test_alpaca_paper_fills_some_orders_in_parts() -> None:
    floor = Floor(fill_rules=FillRules(queue="alpaca_paper"), cash="100000000")
    floor.quote("100", 5, "100.02", 3)
    orders = [floor.send("buy", 100) for _ in range(300)]
    assert {order.status for order in orders} == {"filled"}
    partial = sum(name == "partial_fill" for name in floor.names)
    assert 15 <= partial <= 60  # a chance of one in ten, for each attempt


def test_buy_stop_is_elected_by_a_print_and_collared(floor: Floor) -> None:
    floor.trade("100.01", 10)
    order = floor.send("buy", 100, type="stop", stop_price="101")
    floor.quote("100.90", 500, "101", 10)
    assert floor.fills == []  # quotes elect nothing
    floor.trade("101", 5, "buy")
    assert floor.fills == [("10", "101")]
    floor.quote("110", 500, "111", 500)
    assert floor.now(order).filled_qty == 10  # 103.52 is the most it pays
    floor.quote("103", 500, "103.50", 500)
    assert floor.fills[1:] == [("90", "103.50")]


def test_sell_stop_becomes_a_market_order(floor: Floor) -> None:
    floor.send("buy", 100)
    floor.trade("100.01", 10)
    floor.send("sell", 100, type="stop", stop_price="99")
    floor.quote("90", 500, "99", 500)
    floor.trade("99.5", 10)
    floor.trade("89", 10)  # outside the best bid and offer
    assert len(floor.fills) == 1
    floor.trade("99", 10)
    assert floor.fills[1:] == [("100", "90")]


def test_stop_limit_rests_at_its_limit_once_elected(floor: Floor) -> None:
    floor.trade("100.01", 10)
    order = floor.send("buy", 100, type="stop_limit", stop_price="101", limit_price="101.05")
    floor.quote("101", 500, "101.10", 500)
    floor.trade("101.10", 10)
    assert floor.now(order).status == "new"
    assert floor.now(order).is_elected
    floor.quote("101", 500, "101.05", 500)
    assert floor.fills == [("100", "101.05")]


def test_trailing_stop_follows_and_never_loosens(floor: Floor) -> None:
    floor.send("buy", 100)
    floor.trade("100.01", 10)
    order = floor.send("sell", 100, type="trailing_stop", trail_percent="5")
    assert (order.hwm, order.stop_price) == (Decimal("100.01"), Decimal("95.0095"))
    floor.quote("109", 500, "110", 500)
    floor.trade("110", 10)
    floor.quote("104", 500, "106", 500)
    floor.trade("105", 10)
    assert floor.now(order).stop_price == Decimal("104.5")
    floor.trade("104.5", 10)
    assert floor.now(order).status == "filled"
    assert floor.fills[1:] == [("100", "104")]


def test_trailing_buy_stop_follows_down_by_an_amount(floor: Floor) -> None:
    floor.trade("100.01", 10)
    order = floor.send("buy", 10, type="trailing_stop", trail_price="2")
    floor.quote("90", 500, "91", 500)
    floor.trade("90", 10)
    assert floor.now(order).stop_price == Decimal("92")
    floor.quote("92", 500, "93", 500)
    floor.trade("92", 10)
    assert floor.fills == [("10", "93")]


def test_collar_is_tighter_from_fifty_dollars_on() -> None:
    assert collar(Decimal("49.99")) == Decimal("51.98")
    assert collar(Decimal("50")) == Decimal("51.25")
    assert collar(Decimal("0.5")) == Decimal("0.52")


def test_smaller_quantity_keeps_its_place_and_a_new_price_loses_it(floor: Floor) -> None:
    order = floor.limit("buy", 100, "100")
    floor.trade("100", 500, "sell")  # all who stood before us
    floor.quote("100", 700, "100.02", 300)
    smaller = floor.venue.replace(KEY, order.id, OrderPatch(qty=Decimal(60)))
    assert floor.now(smaller).queue_ahead == 0
    larger = floor.venue.replace(KEY, smaller.id, OrderPatch(qty=Decimal(90)))
    assert floor.now(larger).queue_ahead == 700


def test_notional_order_buys_what_its_dollars_buy(floor: Floor) -> None:
    order = floor.send("buy", None, notional="1000")
    assert order.status == "filled"
    assert order.qty is None
    assert order.filled_qty == Decimal("9.998000399")
    assert order.filled_notional <= 1000


def test_stops_that_are_gone_do_not_gather() -> None:
    floor = Floor()
    floor.quote("100", 500, "100.02", 500)
    floor.trade("100.01", 10)
    stay = [floor.send("buy", 1, type="stop", stop_price=px) for px in ("101", "102")]
    for _ in range(3_000):
        floor.venue.cancel(KEY, floor.send("buy", 1, type="stop", stop_price="150").id)
    heaps = floor.venue.blotter.posts["AAPL"]._stops._heaps
    assert len(heaps["buy"]) < 1_100
    floor.quote("103", 500, "103.02", 500)
    floor.trade("103.01", 10)
    filled = [each.order_id for each in floor.venue.executions]
    assert filled == [order.id for order in stay]
