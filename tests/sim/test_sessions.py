"""Random sessions at the exchange: whatever is sent and whatever happens, its books are right."""

import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from floorbroker.clock import NS_PER_S
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.reference.calendar import next_session, session_at
from floorbroker.exchange.rules import VenueRules
from tests.sim.session import KEY, SYMBOLS, Session
from tests.sim.session_census import Census
from tests.sim.session_checks import check, check_pages

MINUTE = 60 * NS_PER_S
RULES = (
    VenueRules(),
    VenueRules(accepted_event="off", replace_keeps_priority=False, collars_market_buys=True),
    VenueRules(
        replace_restarts_filled=True,
        has_pending_cancel_event=True,
        has_pending_replace_event=True,
        replace_resets_created_at=True,
    ),
    VenueRules(
        ack_latency_ns=NS_PER_S, cancel_latency_ns=2 * MINUTE, replace_latency_ns=2 * MINUTE
    ),
    VenueRules(
        charges_fees=True,
        day_end_status="canceled",
        checks_stop_direction=False,
        checks_wash_trades=False,
    ),
)
QUEUES = ("pessimistic", "probabilistic", "optimistic", "alpaca_paper")

SIDES = st.sampled_from(("buy", "sell"))
SYMBOL = st.sampled_from((SYMBOLS[0], SYMBOLS[0], SYMBOLS[0], SYMBOLS[1]))
SIZES = st.integers(1, 120)
CENTS = st.integers(9_990, 10_010)
TIMES = st.sampled_from(("day", "day", "gtc", "gtc", "ioc", "fok", "opg", "cls"))
KINDS = st.sampled_from(("market", "limit", "limit", "stop", "stop_limit", "trailing_stop"))
PICK = st.integers(0, 30)
#: Cents from the market: most orders are near it, and some are far enough away to rest.
OFFSETS = st.integers(-8, 8)
GAPS = st.integers(1, 6)


def text(cents: int) -> str:
    return str(Decimal(cents) / 100)


def prices(kind: str, cents: int, trail: int = 5) -> dict[str, str]:
    if kind == "trailing_stop":
        return {"trail_price": text(trail)} if trail % 2 else {"trail_percent": text(trail)}
    named = {"limit_price": text(cents)} if kind in ("limit", "stop_limit") else {}
    return named | ({"stop_price": text(cents)} if kind.startswith("stop") else {})


class Sessions(RuleBasedStateMachine):
    """What clients, the market and the clock do to an exchange, in any order."""

    census = Census()  #: Of the test that runs; each begins its own.

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None

    def new_session(self, rules: VenueRules, fill_rules: FillRules) -> Session:
        return Session(rules, fill_rules)

    @initialize(
        rules=st.sampled_from(RULES), queue=st.sampled_from(QUEUES), has_position=st.booleans()
    )
    def begin(self, rules: VenueRules, queue: str, has_position: bool) -> None:
        self.session = session = self.new_session(rules, FillRules(queue=queue))
        for symbol in SYMBOLS:
            session.quote(symbol, Decimal("100"), Decimal("100.02"), (200, 200))
            session.trade(symbol, Decimal("100.01"), 100)
        if has_position:
            self._send(side="buy", qty="150", type="market", time_in_force="day")

    @property
    def on(self) -> Session:
        assert self.session is not None
        return self.session

    def teardown(self) -> None:
        if self.session is not None:
            self.census.add(self.session.told.happened, self.session.steps)
            self.session.close()

    @invariant()
    def books_are_right(self) -> None:
        if self.session is not None:
            check(self.session)

    # Clients.

    @rule(symbol=SYMBOL, side=SIDES, kind=KINDS, tif=TIMES, size=SIZES, offset=OFFSETS, eh=PICK)
    def place(
        self, symbol: str, side: str, kind: str, tif: str, size: int, offset: int, eh: int
    ) -> None:
        cents = self._touch(symbol, side) + offset
        own_id = {"client_order_id": f"mine-{eh % 4}"} if eh % 3 == 0 else {}  # soon given twice
        self._send(
            symbol=symbol,
            side=side,
            type=kind,
            time_in_force=tif,
            qty=str(size),
            extended_hours=eh < 5,
            **prices(kind, cents, eh % 8 + 1),
            **own_id,
        )

    @rule(symbol=SYMBOL, side=SIDES, size=SIZES, is_notional=st.booleans(), offset=OFFSETS)
    def place_a_fraction(
        self, symbol: str, side: str, size: int, is_notional: bool, offset: int
    ) -> None:
        cents = self._touch(symbol, side) + offset
        kind = "market" if cents % 2 else "limit"
        amount = {"notional": str(size * 7)} if is_notional else {"qty": f"{size}.123456789"}
        tif = "gtc" if symbol == SYMBOLS[1] else "day"
        self._send(
            symbol=symbol, side=side, type=kind, time_in_force=tif, **amount, **prices(kind, cents)
        )

    @rule(
        order_class=st.sampled_from(("bracket", "bracket", "oto")),
        side=SIDES,
        kind=st.sampled_from(("market", "limit", "stop", "stop_limit")),
        size=SIZES,
        offset=OFFSETS,
        gaps=st.tuples(GAPS, GAPS, st.integers(0, 3)),
        is_gtc=st.booleans(),
    )
    def place_an_entry(
        self,
        order_class: str,
        side: str,
        kind: str,
        size: int,
        offset: int,
        gaps: tuple[int, int, int],
        is_gtc: bool,
    ) -> None:
        profit, loss, limit = gaps
        sign = 1 if side == "buy" else -1
        cents = self._touch(SYMBOLS[0], side) + offset
        legs: dict[str, Any] = {
            "take_profit": {"limit_price": text(cents + sign * profit)},
            "stop_loss": {"stop_price": text(cents - sign * loss)},
        }
        if limit:
            legs["stop_loss"]["limit_price"] = text(cents - sign * (loss + limit))
        if order_class == "oto":
            del legs["take_profit" if profit % 2 else "stop_loss"]
        self._send(
            side=side,
            type=kind,
            qty=str(size),
            time_in_force="gtc" if is_gtc else "day",
            order_class=order_class,
            **prices(kind, cents),
            **legs,
        )

    @rule(gaps=st.tuples(GAPS, GAPS), size=SIZES, is_gtc=st.booleans())
    def place_an_exit_pair(self, gaps: tuple[int, int], size: int, is_gtc: bool) -> None:
        held = self.on.told.position[SYMBOLS[0]]
        sign = 1 if held >= 0 else -1
        last = self._touch(SYMBOLS[0], "buy")
        free = abs(self.on.venue.account(KEY).position_qty(SYMBOLS[0]))
        self._send(
            side="sell" if sign > 0 else "buy",
            type="limit",
            qty=str(min(size, int(free)) or size),
            time_in_force="gtc" if is_gtc else "day",
            order_class="oco",
            take_profit={"limit_price": text(last + sign * gaps[0])},
            stop_loss={"stop_price": text(last - sign * (gaps[1] + 2))},
        )

    @rule(pick=PICK, size=st.one_of(st.none(), SIZES), offset=OFFSETS)
    def replace(self, pick: int, size: int | None, offset: int) -> None:
        order = self._pick(pick)
        if order is None:
            return
        cents = self._touch(order.symbol, order.side) + offset
        if size is not None and order.filled_qty:  # most of all of what has been filled in part
            size += int(order.filled_qty)
        body: dict[str, str] = {} if size is None or order.parent_id else {"qty": str(size)}
        if order.type == "trailing_stop":
            body |= {"trail": text(offset + 10)}
        elif size is None or size % 2:
            body |= prices(order.type, cents)
        if pick > 27:
            body |= {"client_order_id": f"mine-{pick % 4}"}
        status, told = self.on.ask("PATCH", f"/v2/orders/{order.id}", body)
        assert status in (200, 403, 422), told
        if status == 200:
            assert told["replaces"] == order.id != told["id"]

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        if pick == 30:
            status, rows = self.on.ask("DELETE", "/v2/orders")
            assert status == 207
            assert {row["status"] for row in rows} <= {200, 422}
        elif (order := self._pick(pick)) is not None:
            status, told = self.on.ask("DELETE", f"/v2/orders/{order.id}")
            assert status in (204, 422), told

    @rule(pick=PICK, symbol=SYMBOL, percent=st.integers(1, 100))
    def close(self, pick: int, symbol: str, percent: int) -> None:
        if pick > 28:
            status, rows = self.on.ask("DELETE", "/v2/positions", cancel_orders=str(pick == 30))
            assert status == 207
            assert {row["status"] for row in rows} <= {200, 403, 422}
            return
        query = {} if pick < 10 else {"percentage": str(percent)}
        status, told = self.on.ask("DELETE", f"/v2/positions/{symbol}", **query)
        assert status in (200, 403, 404, 422), told

    @rule(size=st.integers(1, 12), is_ascending=st.booleans(), nested=st.booleans())
    def page(self, size: int, is_ascending: bool, nested: bool) -> None:
        check_pages(self.on, size, is_ascending=is_ascending, nested=nested)

    # The market and the clock.

    @rule(symbol=SYMBOL, bid=CENTS, spread=st.integers(1, 5), bids=SIZES, asks=SIZES)
    def quote(self, symbol: str, bid: int, spread: int, bids: int, asks: int) -> None:
        px = Decimal(bid) / 100
        self.on.quote(symbol, px, px + Decimal(spread) / 100, (bids, asks))

    @rule(
        symbol=SYMBOL,
        cents=CENTS,
        size=SIZES,
        aggressor=st.sampled_from(("buy", "sell", "")),
        kind=st.sampled_from(("", "", "", "", "late", "open", "close")),
    )
    def trade(self, symbol: str, cents: int, size: int, aggressor: str, kind: str) -> None:
        auction = kind if kind in ("open", "close") else ""
        self.on.trade(
            symbol,
            Decimal(cents) / 100,
            size,
            aggressor=aggressor,
            eligible=kind != "late",
            auction=auction,
        )

    @rule(symbol=SYMBOL, to=CENTS, steps=st.integers(1, 4), size=SIZES)
    def drift(self, symbol: str, to: int, steps: int, size: int) -> None:
        """Quotes and prints go to a price together, as they do when nothing is odd."""
        before = int(self.on.venue.market.quotes[symbol].bid_px * 100)
        for step in range(1, steps + 1):
            px = Decimal(before + (to - before) * step // steps) / 100
            self.on.quote(symbol, px, px + Decimal("0.02"), (size, size + 50))
            self.on.trade(symbol, px + Decimal("0.01"), size)

    @rule(
        symbol=SYMBOL,
        side=SIDES,
        share=st.integers(1, 9),
        over=st.integers(2, 60),
        then=st.sampled_from(("", "replace", "replace", "cancel")),
    )
    def serve_in_part(self, symbol: str, side: str, share: int, over: int, then: str) -> None:
        """An order that the market has something of, but not all; and what is made of the rest."""
        quote = self.on.venue.market.quotes[symbol]
        self.on.quote(symbol, quote.bid_px, quote.ask_px, (share, share))
        cents = self._touch(symbol, side) + (1 if side == "buy" else -1)
        tif = "gtc" if symbol == SYMBOLS[1] else "day"
        order_id = self._send(
            symbol=symbol,
            side=side,
            type="limit",
            time_in_force=tif,
            qty=str(share + over),
            limit_price=text(cents),
        )
        if then == "cancel" and order_id:
            self.on.ask("DELETE", f"/v2/orders/{order_id}")
        elif then and order_id:
            self.on.ask("PATCH", f"/v2/orders/{order_id}", {"qty": str(share + over - 1)})

    @rule(side=SIDES, size=SIZES, gaps=st.tuples(GAPS, GAPS), part=st.integers(0, 9))
    def live_a_bracket(self, side: str, size: int, gaps: tuple[int, int], part: int) -> None:
        """Its entry is filled, and the market goes to one of its exits; often to a part of the
        profit first, and then to the loss."""
        is_profit = part > 6
        bid = self.on.venue.market.quotes[SYMBOLS[0]].bid_px
        self.on.quote(SYMBOLS[0], bid, bid + Decimal("0.02"), (500, 500))
        sign = 1 if side == "buy" else -1
        cents = self._touch(SYMBOLS[0], side)
        self._send(
            side=side,
            type="market",
            qty=str(size),
            time_in_force="gtc",
            order_class="bracket",
            take_profit={"limit_price": text(cents + sign * gaps[0])},
            stop_loss={"stop_price": text(cents - sign * (gaps[1] + 3))},
        )
        if 0 < part < 7:
            bid = Decimal(cents + sign * gaps[0] - (0 if sign > 0 else 2)) / 100
            self.on.quote(SYMBOLS[0], bid, bid + Decimal("0.02"), (part, part))
        self._move(12 if (side == "buy") is is_profit else -12, 3, size)

    @rule(is_up=st.booleans(), steps=st.integers(2, 5), size=SIZES)
    def shock(self, is_up: bool, steps: int, size: int) -> None:
        """A dozen cents at one go: whatever stands on that side is reached."""
        self._move(12 if is_up else -12, steps, size)

    @rule(is_close=st.booleans(), side=SIDES, size=SIZES, left=st.integers(0, 60))
    def go_through_an_auction(self, is_close: bool, side: str, size: int, left: int) -> None:
        """An order for the next opening or closing, and the auction that serves it or most."""
        now_ns = self.on.venue.now_ns
        session = session_at(now_ns)
        if is_close and now_ns >= session.close_ns - 20 * MINUTE:
            return
        if not is_close and now_ns >= session.open_ns - 5 * MINUTE:
            session = next_session(session.date)
        bell_ns = session.close_ns if is_close else session.open_ns
        before_ns = bell_ns - 20 * MINUTE if is_close else bell_ns - 5 * MINUTE
        self.on.wait_until(before_ns)
        tif = "cls" if is_close else "opg"
        self._send(side=side, type="market", time_in_force=tif, qty=str(size))
        self.on.wait_until(bell_ns)
        px = Decimal(self._touch(SYMBOLS[0], "buy")) / 100
        served = max(1, size - left)
        self.on.trade(SYMBOLS[0], px, served, auction="close" if is_close else "open")

    @rule(symbol=SYMBOL, pick=PICK)
    def halt(self, symbol: str, pick: int) -> None:
        self.on.halt(symbol, halted=pick < 6)

    @rule(minutes=st.integers(1, 90))
    def wait(self, minutes: int) -> None:
        self.on.wait_until(self.on.venue.now_ns + minutes * MINUTE)

    @rule(bells=st.integers(1, 6))
    def wait_for_bells(self, bells: int) -> None:
        for _ in range(bells):
            self.on.wait_until(self.on.venue.next_due_ns)

    @rule()
    def restart(self) -> None:
        self.on.restart()

    # What goes wrong on purpose.

    @rule(pick=PICK, qty=st.one_of(st.none(), SIZES))
    def force_a_fill(self, pick: int, qty: int | None) -> None:
        order = self._pick(pick)
        if order is None:
            return
        self.on.force_fill(order.id, None if qty is None else Decimal(qty))

    @precondition(lambda self: self.session is not None and self.on.venue.executions)
    @rule(pick=PICK, chance=PICK)
    def bust(self, pick: int, chance: int) -> None:
        if chance:  # what a bust leaves behind is checked less strictly: few sessions have one
            return
        venue = self.on.venue
        self.on.bust(venue.executions[pick % len(venue.executions)].execution_id)

    @precondition(lambda self: self.session is not None and self.on.venue.executions)
    @rule(pick=PICK, chance=PICK, qty=st.one_of(st.none(), SIZES), px=st.integers(9000, 11_000))
    def correct(self, pick: int, chance: int, qty: int | None, px: int) -> None:
        if chance:  # as a bust
            return
        executions = self.on.venue.executions
        self.on.correct(
            executions[pick % len(executions)].execution_id,
            None if qty is None else Decimal(qty),
            Decimal(px) / 100,
        )

    def _send(self, **fields: Any) -> str | None:
        """The order's id, if it was taken."""
        ticket = {"symbol": SYMBOLS[0], **fields}
        status, told = self.on.ask("POST", "/v2/orders", ticket)
        assert status in (200, 403, 422), told
        if status == 200:
            assert told["status"] in ("pending_new", "accepted")
            legs = {"bracket": 2, "oto": 1, "oco": 1}.get(told["order_class"], 0)
            assert len(told["legs"] or ()) == legs
            return str(told["id"])
        return None

    def _move(self, cents: int, steps: int, size: int) -> None:
        """Quotes and prints go there together, and at each step some shares are offered."""
        start = int(self.on.venue.market.quotes[SYMBOLS[0]].bid_px * 100)
        for step in range(1, steps + 1):
            px = Decimal(start + cents * step // steps) / 100
            self.on.quote(SYMBOLS[0], px, px + Decimal("0.02"), (size, size))
            self.on.trade(SYMBOLS[0], px + Decimal("0.01"), size)

    def _touch(self, symbol: str, side: str) -> int:
        """Where a buyer or a seller would trade now, in cents."""
        quote = self.on.venue.market.quotes[symbol]
        return int((quote.ask_px if side == "buy" else quote.bid_px) * 100)

    def _pick(self, pick: int) -> Any:
        """Mostly an order that is open, the latest first; now and then any."""
        orders = list(self.on.venue.orders.values())[::-1]
        live = [order for order in orders if order.is_open]
        chosen = live if pick < 25 else orders
        return chosen[pick % len(chosen)] if chosen else None


def run(count: int, steps: int, **more: Any) -> Census:
    """So many sessions of at most so many steps, and what happened in them."""
    Sessions.census = census = Census()
    run_state_machine_as_test(
        Sessions,
        settings=settings(
            max_examples=count,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            **more,
        ),
    )
    return census


@pytest.mark.timeout(300)
def test_books_are_right_after_every_step_of_a_session() -> None:
    census = run(60, 40)
    assert census.steps > 60 * 10


@pytest.mark.soak
def test_books_are_right_in_a_thousand_long_sessions(capsys: pytest.CaptureFixture[str]) -> None:
    """Others every time; a failure prints how to play it again.

    What sessions are made of is counted: checks of what does not happen would prove nothing.
    """
    census = run(1000, 80, derandomize=False, print_blob=True, database=None)
    with capsys.disabled():
        sys.stdout.write(f"\n{census.told()}\n")
    assert census.sessions >= 1000
    assert census.too_rare() == []
