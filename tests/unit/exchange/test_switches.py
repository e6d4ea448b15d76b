"""Where sources disagree about Alpaca there is a switch: each of them, both ways."""

from datetime import date
from decimal import Decimal

import pytest

from floorbroker.clock import NS_PER_S
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import OrderPatch, VenueError
from floorbroker.exchange.reference.calendar import session_of
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, MINUTE, SESSION, Floor, ticket
from tests.unit.exchange_front.conftest import an_exchange, virtually

D = Decimal
SUMMER = session_of(date(2026, 7, 29))
assert SUMMER is not None
BEFORE, SINCE = SUMMER.open_ns - MINUTE, SESSION.open_ns - MINUTE


def a_floor(start_ns: int = SESSION.open_ns + MINUTE, **switches: object) -> Floor:
    floor = Floor(rules=VenueRules(**switches), start_ns=start_ns)  # type: ignore[arg-type]  # any switch
    floor.quote("100", 500, "100.02", 500)
    floor.trade("100.01", 10)
    return floor


@pytest.mark.parametrize("status", ["pending_new", "accepted"])
def test_the_status_of_an_answer(status: str) -> None:
    assert a_floor(initial_status=status).answer("buy", 1).status == status


@pytest.mark.parametrize(
    ("switch", "start_ns", "names"),
    [
        ("on", BEFORE, ["accepted"]),
        ("off", SINCE, []),
        ("dated", BEFORE, []),
        ("dated", SINCE, ["accepted"]),
    ],
)
def test_whether_an_order_that_is_held_is_told(
    switch: str, start_ns: int, names: list[str]
) -> None:
    floor = a_floor(start_ns, accepted_event=switch)
    floor.send("buy", 1)
    assert floor.names == names


@pytest.mark.parametrize("is_told", [False, True])
def test_whether_a_pending_cancel_is_told(is_told: bool) -> None:
    floor = a_floor(has_pending_cancel_event=is_told)
    order = floor.limit("buy", 1, "99")
    floor.venue.cancel(KEY, order.id)
    assert floor.names[2:] == ["pending_cancel"] * is_told + ["canceled"]


@pytest.mark.parametrize("is_told", [False, True])
def test_whether_a_pending_replace_is_told(is_told: bool) -> None:
    floor = a_floor(has_pending_replace_event=is_told, replace_latency_ns=NS_PER_S)
    order = floor.limit("buy", 2, "99")
    floor.venue.replace(KEY, order.id, OrderPatch(qty=D(1)))
    floor.venue.advance(floor.venue.now_ns + NS_PER_S)
    assert floor.names[2:] == ["pending_replace"] * is_told + ["replaced", "new"]


@pytest.mark.parametrize("status", ["expired", "canceled"])
def test_how_a_day_order_ends(status: str) -> None:
    floor = a_floor(day_end_status=status)
    order = floor.limit("buy", 1, "99")
    floor.venue.advance(SESSION.close_ns)
    assert floor.now(order).status == status


@pytest.mark.parametrize("status", ["expired", "canceled"])
def test_how_an_order_ends_that_its_auction_left_over(status: str) -> None:
    floor = a_floor(auction_end_status=status)
    order = floor.limit("buy", 1, "90", tif="cls")
    floor.venue.advance(SESSION.close_ns + 10 * MINUTE)
    assert floor.now(order).status == status


@pytest.mark.parametrize(("status", "code"), [(403, 40310000), (422, 42210000)])
def test_how_a_wash_trade_is_refused(status: int, code: int) -> None:
    floor = a_floor(wash_trade_status=status)
    floor.limit("buy", 1, "99")
    refusal = floor.refusal("sell", 1, type="limit", limit_price="99")
    assert (refusal.http_status, refusal.code) == (status, code)


@pytest.mark.parametrize("truncates", [False, True])
def test_what_becomes_of_a_sub_penny_price(truncates: bool) -> None:
    floor = a_floor(truncates_sub_penny=truncates)
    if truncates:
        assert floor.limit("buy", 1, "99.019").limit_price == D("99.01")
    else:
        refusal = floor.refusal("buy", 1, type="limit", limit_price="99.019")
        assert refusal.code == 42210000


@pytest.mark.parametrize("resets", [False, True])
def test_when_a_successor_was_created(resets: bool) -> None:
    floor = a_floor(replace_resets_created_at=resets)
    order = floor.limit("buy", 2, "99")
    floor.venue.advance(floor.venue.now_ns + MINUTE)
    successor = floor.venue.replace(KEY, order.id, OrderPatch(qty=D(1)))
    assert (successor.created_ns == order.created_ns) is not resets
    assert successor.submitted_ns == floor.venue.now_ns


@pytest.mark.parametrize(("restarts", "filled"), [(False, "4"), (True, "0")])
def test_what_a_successor_has_filled(restarts: bool, filled: str) -> None:
    floor = a_floor(replace_restarts_filled=restarts)
    floor.quote("99", 500, "100", 4)
    order = floor.limit("buy", 10, "100")
    successor = floor.venue.replace(KEY, order.id, OrderPatch(qty=D(8)))
    assert str(floor.now(successor).filled_qty) == filled
    floor.quote("99", 500, "100", 500)
    assert floor.account.position_qty("AAPL") == 8


@pytest.mark.parametrize("keeps", [False, True])
def test_the_place_of_an_order_that_shrinks(keeps: bool) -> None:
    floor = a_floor(replace_keeps_priority=keeps)
    order = floor.limit("buy", 10, "100")
    floor.trade("100", 400, "sell")
    successor = floor.venue.replace(KEY, order.id, OrderPatch(qty=D(5)))
    floor.trade("100", 150, "sell")
    assert floor.now(successor).status == ("filled" if keeps else "new")


@pytest.mark.parametrize(("keeps", "hwm"), [(True, "101"), (False, "100.5")])
def test_the_high_water_mark_of_a_successor(keeps: bool, hwm: str) -> None:
    floor = a_floor(replace_keeps_hwm=keeps)
    floor.send("buy", 10)
    order = floor.send("sell", 10, type="trailing_stop", trail_price="3")
    floor.quote("100.4", 500, "101", 500)
    floor.trade("101", 1)
    floor.trade("100.5", 1)
    successor = floor.venue.replace(KEY, order.id, OrderPatch(trail=D(2)))
    now = floor.now(successor)
    assert (now.hwm, now.stop_price) == (D(hwm), D(hwm) - 2)


@pytest.mark.parametrize(("collars", "status"), [(True, "new"), (False, "filled")])
def test_what_an_elected_buy_stop_may_pay(collars: bool, status: str) -> None:
    floor = Floor(
        rules=VenueRules(collars_buy_stops=collars), fill_rules=FillRules(stops_need_nbbo=False)
    )
    floor.quote("100", 500, "100.02", 500)
    order = floor.send("buy", 1, type="stop", stop_price="101")
    floor.quote("109", 500, "110", 500)
    floor.trade("101", 1)
    assert floor.now(order).status == status


@pytest.mark.parametrize(("collars", "status"), [(True, "partially_filled"), (False, "filled")])
def test_what_a_market_buy_may_pay(collars: bool, status: str) -> None:
    floor = a_floor(collars_market_buys=collars)
    floor.depth([("100", 10)], [("100.02", 5), ("104", 500)])
    assert floor.send("buy", 10).status == status


@pytest.mark.parametrize(("margin", "qty"), [("0", 3999), ("0.03", 3882)])
def test_what_a_market_buy_is_thought_to_cost(margin: str, qty: int) -> None:
    floor = a_floor(market_buy_margin=D(margin))
    assert floor.refusal("buy", qty + 1).message == "insufficient buying power"
    assert floor.answer("buy", qty).status == "pending_new"


@pytest.mark.parametrize(
    ("switch", "order"),
    [
        ("checks_stop_direction", ticket("buy", 1, type="stop", stop_price="99")),
        ("checks_buying_power", ticket("buy", 99_999)),
        ("checks_wash_trades", ticket("buy", 1, type="limit", limit_price="102")),
    ],
)
def test_each_check_can_be_switched_off(switch: str, order: object) -> None:
    strict, lax = a_floor(**{switch: True}), a_floor(**{switch: False})
    for floor in (strict, lax):
        floor.send("buy", 1)
        if switch == "checks_wash_trades":
            floor.limit("sell", 1, "101")
    with pytest.raises(VenueError):
        strict.venue.submit(KEY, order)  # type: ignore[arg-type]  # a parametrised ticket
    assert lax.venue.submit(KEY, order).id  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("has_body", [True, False])
def test_whether_canceling_all_tells_the_orders(has_body: bool) -> None:
    async def main() -> None:
        async with an_exchange(rules=VenueRules(cancel_all_body=has_body)) as client:
            await client.quote()
            order = await client.order(type="limit", limit_price="180")
            (row,) = await client.ask("DELETE", "/v2/orders", None, 207)
            assert (row["id"], row["status"]) == (order["id"], 200)
            assert ("body" in row) is has_body

    virtually(main)


def test_orders_of_one_instant_are_listed_as_they_were_accepted() -> None:
    async def main() -> None:
        async with an_exchange(speed=0) as client:
            await client.quote()
            ids = [(await client.order(type="limit", limit_price="180"))["id"] for _ in range(9)]
            for direction, expected in (("asc", ids), ("desc", ids[::-1])):
                rows = await client.ask("GET", "/v2/orders", direction=direction)
                assert [row["id"] for row in rows] == expected
            assert len({row["submitted_at"] for row in rows}) == 1

    virtually(main)


def test_figures_of_a_position_have_six_decimals_at_most() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            await client.order(qty="0.123456789")
            (row,) = await client.ask("GET", "/v2/positions")
            assert row["qty"] == "0.123456789"
            for name in ("market_value", "cost_basis", "unrealized_pl"):
                assert len(row[name].partition(".")[2]) <= 6

    virtually(main)
