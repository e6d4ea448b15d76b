"""What holds whatever is sent and whatever the tape says."""

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorbroker.exchange.accounts import tied_dollars
from floorbroker.exchange.floor.state import State
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import (
    TERMINAL,
    ZERO,
    Execution,
    OrderPatch,
    OrderTicket,
    VenueError,
    VenueEvent,
)
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.rules import CLIENT_ORDER_ID_MAX, VenueRules, check_all, is_plain
from tests.unit.exchange.venue_kit import MINUTE, Floor, ticket

D = Decimal
ACCOUNTS = ("PKONE", "PKTWO")
CENTS = st.integers(9_990, 10_010)
SIZES = st.integers(1, 300)
KINDS = ("market", "limit", "limit", "limit", "stop", "stop_limit", "trailing_stop")

ORDER = st.tuples(
    st.just("order"),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(("buy", "sell")),
    st.sampled_from(KINDS),
    st.sampled_from(("day", "gtc", "ioc", "fok")),
    SIZES,
    CENTS,
)
STEP = st.one_of(
    ORDER,
    ORDER,
    st.tuples(st.just("notional"), st.sampled_from(("buy", "sell")), SIZES),
    st.tuples(st.just("quote"), CENTS, st.integers(1, 5), SIZES, SIZES),
    st.tuples(st.just("trade"), CENTS, SIZES, st.sampled_from(("buy", "sell", ""))),
    st.tuples(st.just("cancel"), st.integers(0, 50)),
    st.tuples(st.just("replace"), st.integers(0, 50), st.integers(100, 500), CENTS),
    st.tuples(st.just("bust"), st.integers(0, 50)),
    st.tuples(st.just("wait"), st.integers(1, 500)),
)
Step = tuple[str | int, ...]


def cents(number: object) -> str:
    assert isinstance(number, int)
    return str(D(number) / 100)


class Market:
    """A venue under random steps, and what the tape offered and is not used up."""

    def __init__(self, rules: VenueRules) -> None:
        self.floor = Floor(rules=rules, cash="30000")
        self.floor.venue.routing.scripted.add("AAPL")  # a quote stands until the next, all night
        self.touch = {"buy": ZERO, "sell": ZERO}  # by the side that takes it
        self.left = {"buy": ZERO, "sell": ZERO}
        self.print_px = ZERO
        self.print_left: Decimal | None = None
        self.floor.venue.listeners.append(self.check_fill)
        self.quote(10_000, 2, 200, 200)

    def run(self, step: Step) -> None:
        match step:
            case ("quote", int(bid), int(spread), int(bid_size), int(ask_size)):
                self.quote(bid, spread, bid_size, ask_size)
            case ("trade", px, int(size), str(aggressor)):
                self.print_px, self.print_left = D(cents(px)), D(size)
                self.floor.trade(cents(px), size, aggressor)
                self.print_left = None
            case ("wait", int(minutes)):
                self.floor.venue.advance(self.floor.venue.now_ns + minutes * MINUTE)
            case _:
                with suppress(VenueError):
                    self.act(step)

    def act(self, step: Step) -> None:
        venue = self.floor.venue
        # Mostly orders that are still open, the partly filled ones first; now and then any.
        orders = sorted(venue.orders.values(), key=lambda each: (each.status, each.number))
        live = [each for each in reversed(orders) if each.is_open]
        match step:
            case ("order", str(key), str(side), str(kind), str(tif), int(size), px):
                venue.submit(key, ticket(side, size, type=kind, tif=tif, **prices(kind, px)))
            case ("notional", str(side), int(dollars)):
                venue.submit(ACCOUNTS[0], ticket(side, None, notional=str(dollars)))
            case ("cancel", int(n)) if orders:
                order = (live or orders)[n % len(live or orders)] if n < 40 else orders[0]
                venue.cancel(order.account, order.id)
            case ("replace", int(n), int(size), px) if orders:
                order = live[0] if n < 20 and live else orders[n % len(orders)]
                limit_price = D(cents(px)) if order.limit_price else None
                patch = OrderPatch(qty=D(size), limit_price=limit_price)
                venue.replace(order.account, order.id, patch)
            case ("bust", int(n)) if venue.executions:
                venue.bust(venue.executions[n % len(venue.executions)].execution_id)

    def quote(self, bid: int, spread: int, bid_size: int, ask_size: int) -> None:
        touch = {"sell": D(cents(bid)), "buy": D(cents(bid + spread))}
        self.touch, self.left = touch, {"sell": D(bid_size), "buy": D(ask_size)}
        self.floor.quote(cents(bid), bid_size, cents(bid + spread), ask_size)

    def check_fill(self, event: VenueEvent) -> None:
        """Every fill is for a size that was on offer, at a price no better than the offer."""
        fill = event.execution
        if fill is None or fill.previous_execution_id is not None:
            return
        if self.print_left is not None and fill.liquidity == "add":
            self.print_left -= fill.qty
            assert self.print_left >= 0
            offer = self.print_px
        else:
            # A quote that repeats one side does not renew it; the venue is stricter than this.
            self.left[fill.side] -= fill.qty
            assert self.left[fill.side] >= 0
            offer = self.touch[fill.side]
        assert (fill.price >= offer) if fill.side == "buy" else (fill.price <= offer)
        if fill.liquidity == "remove":
            assert fill.price == offer
        limit = event.order.limit_price
        if limit is not None:
            assert (fill.price <= limit) if fill.side == "buy" else (fill.price >= limit)


def prices(kind: str, px: object) -> dict[str, str]:
    if kind == "trailing_stop":
        return {"trail_price": "0.05"}
    named = {"limit_price": cents(px)} if kind in ("limit", "stop_limit") else {}
    return named | ({"stop_price": cents(px)} if kind.startswith("stop") else {})


RULES = st.sampled_from(
    [
        VenueRules(checks_stop_direction=False),
        VenueRules(replace_restarts_filled=True),
        VenueRules(checks_wash_trades=False, checks_buying_power=False),
        VenueRules(ack_latency_ns=MINUTE, cancel_latency_ns=MINUTE, replace_latency_ns=MINUTE),
    ]
)


@settings(max_examples=150, deadline=None)
@given(RULES, st.lists(STEP, min_size=20, max_size=60))
def test_books_balance_whatever_happens(rules: VenueRules, steps: list[Step]) -> None:
    market = Market(rules)
    for step in steps:
        market.run(step)
        check_accounts(market.floor)
    check_orders(market.floor)
    check_events(market.floor.events)


def check_accounts(floor: Floor) -> None:
    cash: dict[str, Decimal] = defaultdict(lambda: D(30_000))
    position: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for fill in floor.venue.executions:
        signed = fill.qty if fill.side == "buy" else -fill.qty
        cash[fill.account] -= signed * fill.price
        position[fill.account] += signed
        assert fill.position_qty == position[fill.account]
    for key, account in floor.venue.accounts.items():
        assert account.cash == cash[key]
        assert account.position_qty("AAPL") == position[key]
        orders = account.open_orders.values()
        assert account.reserved == sum(tied_dollars(order) for order in orders)
        held = sum(order.held_qty for order in orders if order.status != "replaced")
        holding = account.positions.get("AAPL")
        if holding is not None and not any(fill.qty < 0 for fill in floor.venue.executions):
            assert holding.held_qty == held <= abs(holding.qty)
        assert account.buying_power >= 0
        values = account.long_market_value + account.short_market_value
        assert values == position[key] * account.mark("AAPL")


def check_orders(floor: Floor) -> None:
    """The fills of an order and of those that it replaced are its filled quantity."""
    fills: dict[str, list[Execution]] = defaultdict(list)
    for fill in floor.venue.executions:
        fills[fill.order_id].append(fill)
    orders = floor.venue.orders
    for order in orders.values():
        of_lineage = list(fills[order.id])
        carries = not floor.venue.rules.replace_restarts_filled
        before = orders.get(order.replaces or "") if carries else None
        if before is not None and before.replaced_by != order.id:
            continue  # it has not taken its predecessor's place, or never did
        while before is not None:
            of_lineage += fills[before.id]
            before = orders.get(before.replaces or "")
        if any(fill.qty < 0 for fill in of_lineage):
            continue  # a bust after the replace is booked on the old order alone
        assert sum(fill.qty for fill in of_lineage) == order.filled_qty
        assert sum(fill.qty * fill.price for fill in of_lineage) == order.filled_notional
        if order.qty is not None:
            assert order.filled_qty + order.base_qty <= order.qty
        if order.replaced_by is not None:
            assert orders[order.replaced_by].replaces == order.id


def check_events(events: list[VenueEvent]) -> None:
    ended: set[str] = set()
    for number, event in enumerate(events, 1):
        assert event.seq == number
        if event.event in ("trade_bust", "order_cancel_rejected", "order_replace_rejected"):
            continue
        assert event.order.id not in ended, f"{event.event} after the end"
        if event.order.status in TERMINAL:
            ended.add(event.order.id)
        if event.event in ("fill", "partial_fill"):
            assert event.execution is not None
            assert (event.execution.leaves_qty == 0) == (event.event == "fill")
    identifiers = [event.execution_id for event in events if event.execution_id]
    assert len(set(identifiers)) == len(identifiers)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_the_last_event_shows_the_order_as_it_is(steps: list[Step]) -> None:
    market = Market(VenueRules())
    for step in steps:
        market.run(step)
    shown = {event.order.id: event.order for event in market.floor.events}
    for order_id, order in shown.items():
        now = market.floor.venue.orders[order_id]
        assert (now.status, now.filled_qty, now.filled_notional) == (
            order.status,
            order.filled_qty,
            order.filled_notional,
        )


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=40), st.integers(0, 40))
def test_a_restart_changes_nothing_that_was_booked(steps: list[Step], when: int) -> None:
    market = Market(VenueRules())
    for step in steps[:when]:
        market.run(step)
    before = market.floor.venue
    after = Floor().venue
    after.import_state(before.export_state())
    states = [each.export_state() for each in (after, Floor.forget_queues(before))]
    ours, theirs = (msgspec.json.decode(state, type=State) for state in states)
    assert ours == theirs
    for key, account in before.accounts.items():
        restored = after.accounts[key]
        assert (restored.reserved, restored.buying_power) == (
            account.reserved,
            account.buying_power,
        )
        assert list(restored.open_orders) == list(account.open_orders)


TAPE = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.integers(9_997, 10_003), SIZES),
        st.tuples(st.just("quote"), st.integers(9_997, 10_001), SIZES),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(tape=TAPE, size=SIZES, px=st.integers(9_998, 10_002))
def test_a_pessimist_fills_no_more_than_an_optimist(
    tape: list[tuple[str, int, int]], size: int, px: int
) -> None:
    filled = []
    for queue in ("pessimistic", "probabilistic", "optimistic"):
        floor = Floor(fill_rules=FillRules(queue=queue))
        floor.quote("100", 150, "100.02", 150)
        order = floor.limit("buy", size, cents(px))
        offered = ZERO
        for kind, at, shares in tape:
            if kind == "trade":
                floor.trade(cents(at), shares, "sell")
                offered += shares
            else:
                floor.quote(cents(at), shares, cents(at + 2), shares)
                offered += shares
        filled.append(floor.now(order).filled_qty)
        assert filled[-1] <= offered + 150
    assert filled == sorted(filled)


@pytest.mark.parametrize("restarts", [True, False])
def test_lineages_fill_their_total_and_no_more(*, restarts: bool) -> None:
    floor = Floor(rules=VenueRules(replace_restarts_filled=restarts))
    floor.quote("100", 10, "100.02", 10)
    order = floor.limit("buy", 100, "100.02")
    for total in (90, 80, 95):
        successor = floor.venue.replace(order.account, order.id, OrderPatch(qty=D(total)))
        order = floor.now(successor)
        floor.quote("100", 10, "100.02", 10)
    for _ in range(20):
        floor.quote("100", 10, "100.02", 10)
    assert floor.account.position_qty("AAPL") == 95


ASSETS = listing(("AAPL", "BTC/USD"))
PLAIN = (
    OrderTicket(symbol="AAPL", side="buy", type="market", time_in_force="day", qty=D(1)),
    OrderTicket(
        symbol="AAPL", side="sell", type="limit", time_in_force="gtc", qty=D(10), limit_price=D(5)
    ),
)
AMOUNTS = (None, D(-1), ZERO, D("0.5"), D("187.205"))
#: What may stand in a ticket instead of what is plain.
OTHERWISE: dict[str, tuple[object, ...]] = {
    "side": ("buy", "hold", None),
    "type": ("market", "limit", "stop", "trailing_stop", "iceberg", None),
    "time_in_force": ("gtc", "ioc", "opg", "gtd", None),
    **dict.fromkeys(("qty", "notional", "limit_price"), AMOUNTS),
    **dict.fromkeys(("stop_price", "trail_price", "trail_percent"), AMOUNTS),
    "extended_hours": (True,),
    "client_order_id": ("", "x" * CLIENT_ORDER_ID_MAX, "x" * (CLIENT_ORDER_ID_MAX + 1)),
    "order_class": ("", "simple", "bracket", "mleg", "pair"),
    "position_intent": ("buy_to_open", "to_hold"),
}


@pytest.mark.parametrize("name", ["AAPL", "BTC/USD", "HALTD", "GONE", "WHOLE"])
@pytest.mark.parametrize("plain", PLAIN, ids=lambda plain: plain.type)
def test_a_ticket_that_is_plain_is_one_that_no_check_refuses(
    plain: OrderTicket, name: str
) -> None:
    changes = [(field, value) for field, values in OTHERWISE.items() for value in values]
    found = 0
    for one in changes:
        for other in changes:
            wanted = msgspec.structs.replace(plain, **dict((one, other)))
            if is_plain(wanted, ASSETS[name]):
                found += 1
                check_all(wanted, ASSETS[name])
    assert bool(found) == (name in ("AAPL", "WHOLE"))
