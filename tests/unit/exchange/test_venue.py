"""The life of an order at the venue."""

from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Quote
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import OrderPatch, OrderQuery, VenueError, VenueOrder
from floorbroker.exchange.reference.assets import asset_id
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, MINUTE, NEXT_SESSION, SESSION, TEN, Floor, ticket

D = Decimal
MS = 1_000_000


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.quote("100", 500, "100.02", 300)
    return floor


def refused(call: object, *arguments: object) -> str:
    """The text of the refusal that a call meets."""
    assert callable(call)
    with pytest.raises(VenueError) as caught:
        call(*arguments)
    return caught.value.message


# Submitting.


def test_an_order_is_answered_before_anything_happens_to_it(floor: Floor) -> None:
    answer = floor.answer("buy", 100)
    assert (answer.status, answer.filled_qty) == ("pending_new", D(0))
    assert floor.names == ["pending_new", "new", "fill"]
    assert [event.order.status for event in floor.events] == ["pending_new", "new", "filled"]
    assert [event.execution_id is None for event in floor.events] == [True, False, False]


def test_events_carry_the_order_as_it_was_and_the_position_after(floor: Floor) -> None:
    floor.send("buy", 400)
    partial = floor.events[-1]
    floor.quote("100", 500, "100.03", 300)
    whole = floor.events[-1]
    assert partial.execution is not None
    assert whole.execution is not None
    assert (partial.event, partial.order.filled_qty, partial.execution.position_qty) == (
        "partial_fill",
        D(300),
        D(300),
    )
    assert (whole.event, whole.order.filled_qty, whole.execution.position_qty) == (
        "fill",
        D(400),
        D(400),
    )
    assert (whole.execution.cum_qty, whole.execution.leaves_qty) == (D(400), D(0))
    assert whole.execution_id == whole.execution.execution_id


def test_the_venue_acknowledges_after_its_latency() -> None:
    floor = Floor(rules=VenueRules(ack_latency_ns=5 * MS))
    floor.quote("100", 500, "100.02", 300)
    order = floor.send("buy", 100)
    assert order.status == "pending_new"
    floor.venue.advance(TEN + 5 * MS - 1)
    assert floor.names == ["pending_new"]
    floor.venue.advance(TEN + 5 * MS)
    assert floor.names == ["pending_new", "new", "fill"]
    assert floor.events[-1].time_ns == TEN + 5 * MS


def test_the_answer_may_say_accepted_as_in_2020() -> None:
    floor = Floor(rules=VenueRules(initial_status="accepted"))
    assert floor.answer("buy", 1).status == "accepted"


def test_a_veto_rejects_instead_of_acknowledging(floor: Floor) -> None:
    floor.venue.blotter.veto = lambda order: "venue says no" if order.qty == 13 else None
    order = floor.send("buy", 13)
    assert (order.status, order.reject_reason) == ("rejected", "venue says no")
    assert order.failed_ns == TEN
    assert floor.names == ["pending_new", "rejected"]
    assert floor.send("buy", 1).status == "filled"


def test_identifiers_are_uuids_and_differ(floor: Floor) -> None:
    orders = [floor.answer("buy", 1) for _ in range(200)]
    names = [order.id for order in orders] + [order.client_order_id for order in orders]
    names += [execution.execution_id for execution in floor.venue.executions]
    assert len(set(names)) == len(names)
    assert {UUID(name).version for name in names} == {4}


def test_the_same_seed_calls_and_tape_give_the_same_events() -> None:
    def run(seed: int) -> list[object]:
        floor = Floor(seed=seed, fill_rules=FillRules(queue="alpaca_paper"))
        floor.quote("100", 500, "100.02", 300)
        for _ in range(30):
            floor.send("buy", 7)
        return list(floor.events)

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_assets_go_by_symbol_by_id_and_coins_without_the_slash(floor: Floor) -> None:
    assert floor.send("buy", 1, asset_id("AAPL")).symbol == "AAPL"
    assert floor.venue.asset("BTCUSD").symbol == "BTC/USD"
    assert refused(floor.venue.asset, "FFFFF") == "asset not found for FFFFF"


def test_a_symbol_that_only_the_tape_knows_is_listed(floor: Floor) -> None:
    floor.quote("5", 100, "5.01", 100, symbol="ZZZQ")
    assert floor.send("buy", 1, "ZZZQ").status == "filled"


def test_orders_of_another_account_are_not_found(floor: Floor) -> None:
    order = floor.limit("buy", 1, "90")
    assert refused(floor.venue.order, "PKOTHER", order.id) == f"order not found for {order.id}"
    assert refused(floor.venue.cancel, "PKOTHER", order.id) == f"order not found for {order.id}"
    assert refused(floor.venue.order_by_client_id, KEY, "x") == "order not found for x"
    assert floor.venue.order_by_client_id(KEY, order.client_order_id) == order


def test_what_is_handed_out_is_a_copy(floor: Floor) -> None:
    order = floor.limit("buy", 1, "90")
    order.status = "canceled"
    assert floor.now(order).status == "new"


# Canceling.


def test_cancel_ends_an_order_at_once(floor: Floor) -> None:
    order = floor.limit("buy", 100, "90")
    floor.venue.cancel(KEY, order.id)
    assert floor.names[-1] == "canceled"
    assert floor.now(order).canceled_ns == TEN
    assert floor.now(order).cancel_requested_ns == TEN


@pytest.mark.parametrize("status", ["filled", "canceled"])
def test_an_ended_order_cannot_be_canceled(floor: Floor, status: str) -> None:
    order = floor.send("buy", 100) if status == "filled" else floor.limit("buy", 1, "90")
    if status == "canceled":
        floor.venue.cancel(KEY, order.id)
    text = refused(floor.venue.cancel, KEY, order.id)
    assert text == f'order is already in "{status}" state'


def test_a_fill_may_win_over_a_cancel_on_its_way() -> None:
    rules = VenueRules(cancel_latency_ns=5 * MS, has_pending_cancel_event=True)
    floor = Floor(rules=rules)
    floor.quote("100", 500, "100.02", 300)
    order = floor.limit("buy", 100, "90")
    floor.venue.cancel(KEY, order.id)
    assert floor.now(order).status == "pending_cancel"
    assert "pending_cancel" in refused(floor.venue.cancel, KEY, order.id)
    floor.quote("80", 500, "89", 500)
    floor.venue.advance(TEN + 10 * MS)
    assert floor.now(order).status == "filled"
    assert floor.names == ["pending_new", "new", "pending_cancel", "fill", "order_cancel_rejected"]
    told = floor.events[-1]
    assert (told.order.status, told.execution) == ("filled", None)
    assert told.execution_id is not None  # an identifier of this event alone


def test_a_cancel_that_comes_after_the_bell_is_refused() -> None:
    floor = Floor(rules=VenueRules(cancel_latency_ns=5 * MS))
    order = floor.limit("buy", 100, "90")
    floor.venue.advance(SESSION.close_ns - MS)
    floor.venue.cancel(KEY, order.id)
    floor.venue.advance(SESSION.close_ns + 10 * MS)
    assert floor.now(order).status == "expired"
    assert floor.names == ["pending_new", "new", "expired", "order_cancel_rejected"]


def test_a_partly_filled_order_keeps_its_fills_when_canceled() -> None:
    floor = Floor(rules=VenueRules(cancel_latency_ns=5 * MS))
    floor.quote("100", 500, "100.02", 300)
    order = floor.limit("buy", 100, "90")
    floor.venue.cancel(KEY, order.id)
    floor.quote("80", 500, "89", 40)
    floor.venue.advance(TEN + 10 * MS)
    ended = floor.now(order)
    assert (ended.status, ended.filled_qty, ended.filled_ns) == ("canceled", D(40), None)


def test_cancel_all_tells_each_order_while_its_cancel_is_pending(floor: Floor) -> None:
    orders = [floor.limit("buy", 1, "90"), floor.limit("buy", 2, "91")]
    outcomes = floor.venue.cancel_all(KEY)
    assert [(each[0], each[1], each[2].status) for each in outcomes] == [
        (order.id, 200, "pending_cancel") for order in orders
    ]
    assert {floor.now(order).status for order in orders} == {"canceled"}
    assert floor.venue.cancel_all(KEY) == []


# Replacing.


def replace(floor: Floor, order: VenueOrder, **patch: str) -> VenueOrder:
    amounts = {
        name: value if name in ("time_in_force", "client_order_id") else D(value)
        for name, value in patch.items()
    }
    return floor.venue.replace(KEY, order.id, OrderPatch(**amounts))  # type: ignore[arg-type]  # by name


def test_a_successor_is_another_order_that_knows_its_predecessor(floor: Floor) -> None:
    old = floor.limit("buy", 100, "90")
    floor.venue.advance(TEN + MINUTE)
    answer = replace(floor, old, limit_price="91")
    new = floor.now(answer)
    assert (answer.status, new.status, floor.now(old).status) == (
        "pending_new",
        "new",
        "replaced",
    )
    assert (new.replaces, floor.now(old).replaced_by) == (old.id, new.id)
    assert new.id != old.id
    assert new.client_order_id != old.client_order_id
    assert (new.created_ns, new.submitted_ns) == (TEN, TEN + MINUTE)
    assert (new.limit_price, new.qty) == (D(91), D(100))
    assert [(event.event, event.order.id) for event in floor.events[-2:]] == [
        ("replaced", old.id),
        ("new", new.id),
    ]
    assert floor.account.reserved == 9100


def test_a_successor_carries_what_was_filled(floor: Floor) -> None:
    old = floor.limit("buy", 400, "100.02")
    new = replace(floor, old, qty="500")
    floor.quote("100", 500, "100.01", 300)
    done = floor.now(new)
    assert (done.status, done.filled_qty, done.qty) == ("filled", D(500), D(500))
    assert floor.now(old).filled_qty == 300
    assert done.filled_notional == 300 * D("100.02") + 200 * D("100.01")
    assert floor.account.position_qty("AAPL") == 500
    assert floor.events[-1].execution is not None
    assert floor.events[-1].execution.cum_qty == 500


def test_a_successor_may_start_from_zero_filled() -> None:
    floor = Floor(rules=VenueRules(replace_restarts_filled=True))
    floor.quote("100", 500, "100.02", 300)
    old = floor.limit("buy", 400, "100.02")
    new = replace(floor, old, qty="500")
    floor.quote("100", 500, "100.01", 300)
    done = floor.now(new)
    assert (done.status, done.filled_qty, done.qty) == ("filled", D(200), D(500))
    assert floor.account.position_qty("AAPL") == 500


def test_a_chain_of_successors_is_linked_both_ways(floor: Floor) -> None:
    chain = [floor.limit("buy", 100, "90")]
    for px in ("91", "92", "93"):
        chain.append(replace(floor, chain[-1], limit_price=px))
    for old, new in pairwise(chain):
        assert floor.now(old).replaced_by == new.id
        assert floor.now(new).replaces == old.id


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        ({"limit_price": "90"}, "order parameters are not changed"),
        ({"qty": "100"}, "order parameters are not changed"),
        ({"qty": "1.5"}, "qty must be an integer"),
        ({"stop_price": "95"}, "limit orders require only limit price"),
        ({"trail": "1"}, "trail is for trailing stop orders only"),
        ({"client_order_id": "taken"}, "client_order_id must be unique"),
        ({"qty": "5000"}, "insufficient buying power"),
        (
            {"limit_price": "90.001"},
            "invalid limit_price 90.001. sub-penny increment does not fulfill minimum "
            "pricing criteria",
        ),
    ],
)
def test_a_patch_is_refused_and_the_order_stays(
    floor: Floor, patch: dict[str, str], text: str
) -> None:
    floor.limit("buy", 1, "10", cid="taken")
    order = floor.limit("buy", 100, "90")
    with pytest.raises(VenueError) as caught:
        replace(floor, order, **patch)
    assert caught.value.message == text
    assert caught.value.extra == {}
    assert floor.now(order) == order


def test_a_patched_quantity_must_exceed_what_is_filled(floor: Floor) -> None:
    order = floor.limit("buy", 400, "100.02")
    with pytest.raises(VenueError, match="qty must be > filled_qty"):
        replace(floor, order, qty="300")


def test_orders_that_cannot_be_replaced_say_why(floor: Floor) -> None:
    patch = OrderPatch(qty=D(7))
    filled = floor.send("buy", 10)
    assert "only open orders can be replaced" in refused(
        floor.venue.replace, KEY, filled.id, patch
    )
    old = floor.limit("buy", 100, "90")
    replace(floor, old, qty="50")
    assert refused(floor.venue.replace, KEY, old.id, patch) == "order already replaced"
    floor.venue.advance(SESSION.close_ns)
    waiting = floor.send("buy", 10)
    assert "isn't sent to exchange yet" in refused(floor.venue.replace, KEY, waiting.id, patch)


def test_notional_orders_cannot_be_replaced() -> None:
    floor = Floor()
    order = floor.send("buy", None, notional="100")
    assert "notional orders" in refused(floor.venue.replace, KEY, order.id, OrderPatch(qty=D(1)))


def test_a_replace_on_its_way_may_lose_to_a_fill() -> None:
    rules = VenueRules(replace_latency_ns=5 * MS, has_pending_replace_event=True)
    floor = Floor(rules=rules)
    floor.quote("100", 500, "100.02", 300)
    old = floor.limit("buy", 100, "90")
    new = replace(floor, old, limit_price="91")
    assert floor.now(old).status == "pending_replace"
    assert refused(floor.venue.cancel, KEY, old.id) == (
        'order is already in "pending_replace" state'
    )
    assert refused(floor.venue.replace, KEY, old.id, OrderPatch(qty=D(5))) == (
        "order chain not fully replaced"
    )
    floor.quote("80", 500, "89", 500)
    floor.venue.advance(TEN + 10 * MS)
    assert floor.now(old).status == "filled"
    assert floor.now(new).status == "rejected"
    assert floor.names[2:] == ["pending_replace", "fill", "order_replace_rejected", "rejected"]
    assert floor.account.open_orders == {}
    assert floor.account.reserved == 0


def test_a_replace_on_its_way_takes_the_fills_that_came_first() -> None:
    floor = Floor(rules=VenueRules(replace_latency_ns=5 * MS))
    floor.quote("100", 500, "100.02", 300)
    old = floor.limit("buy", 100, "90")
    new = replace(floor, old, limit_price="91")
    floor.quote("80", 500, "89", 30)
    floor.venue.advance(TEN + 10 * MS)
    assert (floor.now(new).status, floor.now(new).filled_qty) == ("new", D(30))
    assert floor.account.reserved == 70 * 91


def test_a_larger_successor_does_not_survive_its_filled_predecessor() -> None:
    floor = Floor(rules=VenueRules(replace_latency_ns=5 * MS))
    floor.quote("100", 500, "100.02", 300)
    old = floor.limit("buy", 100, "90")
    new = replace(floor, old, qty="200")
    floor.quote("80", 500, "89", 500)
    floor.venue.advance(TEN + 10 * MS)
    assert floor.now(new).status == "rejected"
    assert floor.account.position_qty("AAPL") == 100


def test_a_successor_holds_only_the_shares_that_are_left() -> None:
    floor = Floor(rules=VenueRules(replace_latency_ns=5 * MS))
    floor.quote("100", 500, "100.02", 300)
    floor.send("buy", 100)
    old = floor.limit("sell", 100, "110")
    new = replace(floor, old, limit_price="111")
    floor.quote("110.50", 30, "120", 500)
    floor.venue.advance(TEN + 10 * MS)
    assert (floor.now(new).filled_qty, floor.now(new).held_qty) == (D(30), D(70))
    assert floor.account.positions["AAPL"].qty_available == 0


def test_a_trailing_stop_takes_a_new_trail_and_keeps_its_mark(floor: Floor) -> None:
    floor.send("buy", 100)
    floor.quote("110", 500, "110.02", 500)
    floor.trade("110", 10)
    order = floor.send("sell", 100, type="trailing_stop", trail_price="5")
    new = replace(floor, order, trail="2")
    assert (floor.now(new).hwm, floor.now(new).stop_price) == (D(110), D(108))


# The hours.


def test_orders_sent_in_the_night_wait_for_the_opening() -> None:
    floor = Floor(start_ns=SESSION.open_ns - MINUTE)
    floor.quote("100", 500, "100.02", 300)
    answer = floor.answer("buy", 100)
    assert answer.status == "accepted"
    assert answer.expires_ns == SESSION.close_ns
    assert floor.names == ["accepted"]
    floor.venue.advance(SESSION.open_ns)
    assert floor.names == ["accepted", "new", "fill"]
    assert floor.events[-1].time_ns == SESSION.open_ns


def test_accepted_orders_were_silent_before_that_event_existed() -> None:
    floor = Floor(rules=VenueRules(accepted_event="off"), start_ns=SESSION.open_ns - MINUTE)
    order = floor.answer("buy", 100)
    assert floor.names == []
    floor.venue.cancel(KEY, order.id)
    floor.venue.advance(SESSION.open_ns)
    assert floor.names == ["canceled"]


def test_day_orders_end_with_their_session_and_gtc_orders_stay(floor: Floor) -> None:
    day = floor.limit("buy", 1, "90")
    gtc = floor.limit("buy", 1, "90", tif="gtc")
    floor.venue.advance(SESSION.close_ns)
    assert floor.names[-1] == "expired"
    assert floor.now(day).expired_ns == SESSION.close_ns
    assert floor.now(gtc).status == "new"
    floor.quote("80", 500, "89", 500)
    assert floor.now(gtc).status == "new"  # the session is over
    floor.venue.advance(NEXT_SESSION.open_ns)
    assert floor.now(gtc).status == "filled"


def test_day_orders_may_end_as_canceled() -> None:
    floor = Floor(rules=VenueRules(day_end_status="canceled"))
    order = floor.limit("buy", 1, "90")
    floor.venue.advance(SESSION.close_ns)
    assert floor.now(order).status == "canceled"


def test_a_day_order_sent_after_the_close_is_for_the_next_session(floor: Floor) -> None:
    floor.venue.advance(SESSION.close_ns + MINUTE)
    order = floor.answer("buy", 100)
    assert (order.status, order.expires_ns) == ("accepted", NEXT_SESSION.close_ns)


def test_gtc_orders_end_after_ninety_days(floor: Floor) -> None:
    order = floor.limit("buy", 1, "50", tif="gtc")
    assert order.expires_ns is not None
    floor.venue.advance(order.expires_ns - 1)
    assert floor.now(order).status == "new"
    floor.venue.advance(order.expires_ns + 24 * 60 * MINUTE)
    assert floor.now(order).status == "expired"


def test_extended_hours_orders_work_before_and_after_the_session() -> None:
    floor = Floor(start_ns=SESSION.pre_ns - MINUTE, rules=VenueRules(has_overnight=False))
    floor.quote("100", 500, "100.02", 300)
    order = floor.answer("buy", 400, type="limit", limit_price="100.02", eh="yes")
    assert (order.status, order.expires_ns) == ("accepted", SESSION.post_ns)
    floor.venue.advance(SESSION.pre_ns)
    assert floor.now(order).filled_qty == 300
    floor.venue.advance(SESSION.close_ns + MINUTE)
    floor.quote("100", 500, "100.01", 60)
    assert floor.now(order).filled_qty == 360
    floor.venue.advance(SESSION.post_ns)
    assert floor.now(order).status == "expired"


def test_coins_trade_at_night(floor: Floor) -> None:
    floor.venue.advance(SESSION.post_ns + MINUTE)
    floor.quote("50000", 1, "50010", 1, symbol="BTC/USD")
    assert floor.send("buy", "0.5", "BTC/USD", tif="gtc").status == "filled"
    assert floor.answer("buy", 1).status == "accepted"


# The auctions.


def test_opening_orders_fill_at_the_opening_print() -> None:
    floor = Floor(start_ns=SESSION.open_ns - 10 * MINUTE)
    first = floor.send("buy", 100, tif="opg")
    limited = floor.limit("buy", 100, "99", tif="opg")
    second = floor.send("buy", 100, tif="opg")
    floor.venue.advance(SESSION.open_ns + NS_PER_S)
    floor.trade("100", 50)
    assert floor.fills == []
    floor.trade("100.10", 150, auction="open")
    assert floor.fills == [("100", "100.10"), ("50", "100.10")]
    assert {each.liquidity for each in floor.venue.executions} == {"auction"}
    floor.venue.advance(SESSION.open_ns + 2 * MINUTE)
    assert [floor.now(each).status for each in (first, limited, second)] == [
        "filled",
        "canceled",
        "canceled",
    ]


def test_without_an_opening_print_the_first_print_stands_in() -> None:
    floor = Floor(start_ns=SESSION.open_ns - 10 * MINUTE)
    floor.send("buy", 100, tif="opg")
    floor.venue.advance(SESSION.open_ns + NS_PER_S)
    floor.trade("100", 30)
    floor.trade("101", 500)
    floor.venue.advance(SESSION.open_ns + 2 * MINUTE)
    assert floor.fills == [("30", "100")]


def test_closing_orders_fill_at_the_closing_print_after_the_close(floor: Floor) -> None:
    order = floor.send("buy", 100, tif="cls")
    floor.trade("100", 500)
    floor.venue.advance(SESSION.close_ns + 6 * NS_PER_S)
    assert floor.now(order).status == "new"
    floor.trade("100.50", 1000, auction="close")
    assert floor.fills == [("100", "100.50")]


def test_without_a_closing_print_the_last_print_stands_in(floor: Floor) -> None:
    floor.send("buy", 100, tif="cls")
    floor.trade("100", 500)
    floor.trade("101", 40)
    floor.venue.advance(SESSION.close_ns + 2 * MINUTE)
    assert floor.fills == [("40", "101")]
    assert floor.names[-1] == "canceled"


# Positions.


def test_closing_a_position_sends_the_opposite_market_order(floor: Floor) -> None:
    floor.send("buy", 100)
    part = floor.venue.close_position(KEY, "AAPL", percentage=D(25))
    assert (part.side, part.type, part.qty, part.position_intent) == (
        "sell",
        "market",
        D(25),
        "sell_to_close",
    )
    floor.venue.close_position(KEY, "AAPL", qty=D(25))
    floor.venue.close_position(KEY, asset_id("AAPL"))
    assert floor.account.positions == {}
    assert refused(floor.venue.close_position, KEY, "AAPL") == "position does not exist"


def test_closing_a_short_buys_whole_shares_back(floor: Floor) -> None:
    floor.send("sell", 5)
    order = floor.venue.close_position(KEY, "AAPL", percentage=D(50))
    assert (order.side, order.qty) == ("buy", D(2))


def test_closing_everything_tells_what_orders_still_hold(floor: Floor) -> None:
    floor.quote("10", 500, "10.01", 500, symbol="F")
    floor.send("buy", 100)
    floor.send("buy", 10, "F")
    floor.limit("sell", 100, "120")
    outcomes = dict(floor.venue.close_all_positions(KEY))
    assert isinstance(outcomes["AAPL"], VenueError)
    assert outcomes["AAPL"].extra["held_for_orders"] == "100"
    assert isinstance(outcomes["F"], VenueOrder)
    assert [
        type(each) for _, each in floor.venue.close_all_positions(KEY, cancel_orders=True)
    ] == [VenueOrder]
    assert floor.account.positions == {}


# On purpose.


def test_a_busted_fill_is_as_if_it_had_not_been(floor: Floor) -> None:
    floor.send("buy", 100)
    execution = floor.venue.executions[0]
    floor.venue.bust(execution.execution_id)
    event = floor.events[-1]
    assert event.event == "trade_bust"
    assert event.execution is not None
    assert event.execution.previous_execution_id == execution.execution_id
    assert event.execution.position_qty == 0
    assert (floor.account.cash, floor.account.positions) == (D(100_000), {})
    assert "busted or corrected already" in refused(floor.venue.bust, execution.execution_id)
    assert "not found" in refused(floor.venue.bust, "nothing")


def test_fills_and_rejections_can_be_forced(floor: Floor) -> None:
    order = floor.limit("buy", 100, "90")
    floor.venue.force_fill(order.id, D(30))
    assert (floor.now(order).filled_qty, floor.fills) == (D(30), [("30", "90")])
    floor.venue.force_reject(order.id, "halted upstream")
    assert (floor.now(order).status, floor.now(order).filled_qty) == ("rejected", D(30))
    assert "rejected" in refused(floor.venue.force_fill, order.id)
    assert floor.account.reserved == 0


# Listing.


@pytest.fixture
def many() -> Floor:
    floor = Floor()
    for n in range(6):
        floor.venue.advance(TEN + n // 2 * NS_PER_S)
        floor.limit("buy", n + 1, "90", cid=f"c{n}")
    floor.venue.cancel(KEY, floor.venue.order_by_client_id(KEY, "c1").id)
    return floor


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (OrderQuery(), "54320"),
        (OrderQuery(status="closed"), "1"),
        (OrderQuery(status="all", limit=3), "543"),
        (OrderQuery(status="all", is_ascending=True), "012345"),
        (OrderQuery(status="all", after_ns=TEN), "5432"),
        (OrderQuery(status="all", until_ns=TEN + 2 * NS_PER_S), "3210"),
        (OrderQuery(side="sell"), ""),
        (OrderQuery(symbols=frozenset({"F"})), ""),
        (OrderQuery(asset_classes=frozenset({"us_equity"}), limit=1), "5"),
    ],
)
def test_orders_list_by_status_bounds_and_direction(
    many: Floor, query: OrderQuery, expected: str
) -> None:
    listed = many.venue.list_orders(KEY, query)
    assert "".join(order.client_order_id[1:] for order in listed) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("is_ascending", [True, False])
def test_paging_by_id_yields_each_order_once(
    many: Floor, size: int, *, is_ascending: bool
) -> None:
    seen: list[str] = []
    bound: str | None = None
    while True:
        page = many.venue.list_orders(
            KEY,
            OrderQuery(
                status="all",
                limit=size,
                is_ascending=is_ascending,
                after_order_id=bound if is_ascending else None,
                before_order_id=None if is_ascending else bound,
            ),
        )
        if not page:
            break
        seen += [order.client_order_id for order in page]
        bound = page[-1].id
    assert sorted(seen) == [f"c{n}" for n in range(6)]


def test_a_recalled_quote_is_known_and_fills_nothing(floor: Floor) -> None:
    order = floor.limit("buy", 100, "99")
    floor.venue.recall(
        Quote(
            symbol="AAPL",
            time_ns=TEN - 1,
            bid_px=D(97),
            bid_size=D(10),
            ask_px=D(98),
            ask_size=D(10),
        )
    )
    assert floor.now(order).status == "new"
    assert floor.venue.submit(KEY, ticket("buy", 5)).status == "pending_new"
    assert floor.fills == [("5", "98")]
