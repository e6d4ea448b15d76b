"""On recorded days no fill is made up: each was on offer at its moment, at its price and size.

A crowd of orders of every type is thrown at a venue that replays a real day. The auditor beside it
reads the raw files with readers of its own and judges every fill; see `tests.e2e.audit`.
"""

import sys
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random

import pytest

from floorbroker.domain.quotes import Depth, Quote, Trade
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import OrderPatch, OrderTicket, VenueError
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.tape import Tape
from floorbroker.exchange.venue import Venue
from floorbroker.marketdata.detect import open_tape
from tests.e2e.audit import Auditor
from tests.e2e.rawtape import NS_PER_S, LeanFiles, LobsterFiles, RawDay

MINUTE_NS = 60 * NS_PER_S
DAY_MINUTES = 390
#: The tape goes on for so long after the last request, past the closing auction.
AFTER_NS = 3 * MINUTE_NS
CENT = Decimal("0.01")
#: Buys and sells come from two accounts, so that neither needs shares of the other.
KEYS = {"buy": "BUYER", "sell": "SELLER"}
STANDING_MAX = 60


#: Opens a day for a seed.
Opened = Callable[[Path, int], "Replay"]


class Trader:
    """Sends orders of every type around the prices that the file displays."""

    def __init__(self, venue: Venue, auditor: Auditor, random: Random) -> None:
        self._venue = venue
        self._auditor = auditor
        self._random = random
        self._day = auditor.day
        self._live: list[str] = []
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def act(self) -> None:
        """One request: mostly a new order, now and then a cancel or a replace."""
        bids, asks = self._day.shown["buy"], self._day.shown["sell"]
        if not bids or not asks:
            return
        try:
            if len(self._live) > STANDING_MAX or self._random.random() < 0.1:
                self._change()
            else:
                side = self._random.choice(("buy", "sell"))
                self.send(self._ticket(side, max(bids), min(asks)))
        except VenueError as no:
            self.refused[no.message.partition(":")[0]] += 1

    def send(self, ticket: OrderTicket) -> None:
        assert ticket.side is not None
        order = self._venue.submit(KEYS[ticket.side], ticket)
        self.sent[f"{order.type} {order.time_in_force}"] += 1
        self._live.append(order.id)

    def _change(self) -> None:
        orders = self._venue.orders
        self._live = [name for name in self._live if orders[name].is_open]
        if not self._live:
            return
        order = orders[self._random.choice(self._live)]
        if order.limit_price is None or order.qty is None or self._random.random() < 0.6:
            self._venue.cancel(order.account, order.id)
            self.sent["cancel"] += 1
            return
        if self._random.random() < 0.5:
            patch = OrderPatch(qty=max(order.filled_qty, Decimal(0)) + order.leaves_qty // 2)
        else:
            patch = OrderPatch(limit_price=order.limit_price + CENT * self._random.randint(-3, 3))
        self._live.append(self._venue.replace(order.account, order.id, patch).id)
        self.sent["replace"] += 1

    def _ticket(self, side: str, bid: Decimal, ask: Decimal) -> OrderTicket:
        own, far = (bid, ask) if side == "buy" else (ask, bid)
        away = -CENT if side == "buy" else CENT
        kind, more = self._kind(side, own=own, far=far, away=away)
        words: dict[str, object] = {
            "symbol": self._day.symbol,
            "side": side,
            "type": kind,
            "time_in_force": "day",
            "qty": self._qty(side),
            **more,
        }
        return OrderTicket(**words)  # type: ignore[arg-type]  # the table below has the types

    def _kind(
        self, side: str, *, own: Decimal, far: Decimal, away: Decimal
    ) -> tuple[str, dict[str, object]]:
        ticks = self._random.randint
        last = self._venue.market.last_trade.get(self._day.symbol)
        mark = (own if last is None else last.px).quantize(CENT, ROUND_HALF_UP)
        choices: list[tuple[str, dict[str, object]]] = [
            ("market", {}),
            ("limit", {"limit_price": far - away * ticks(0, 10)}),  # takes, and the rest stays
            ("limit", {"limit_price": own, "time_in_force": "gtc"}),  # joins the queue
            ("limit", {"limit_price": own}),
            ("limit", {"limit_price": own - away * ticks(1, 4)}),  # inside the spread, mostly
            ("limit", {"limit_price": own + away * ticks(1, 9)}),
            ("limit", {"limit_price": own + away * ticks(10, 60)}),  # out of sight
            ("limit", {"limit_price": far - away * ticks(0, 4), "time_in_force": "ioc"}),
            ("limit", {"limit_price": far - away * ticks(0, 4), "time_in_force": "fok"}),
            ("market", {"time_in_force": "ioc"}),
            ("stop", {"stop_price": mark - away * ticks(2, 20)}),
            (
                "stop_limit",
                {"stop_price": mark - away * ticks(2, 20), "limit_price": mark - away * 22},
            ),
            ("trailing_stop", {"trail_price": CENT * ticks(3, 40)}),
            ("trailing_stop", {"trail_percent": Decimal("0.1")}),
            ("limit", {"limit_price": own - away * ticks(0, 50), "time_in_force": "cls"}),
            ("market", {"time_in_force": "cls"}),
        ]
        if side == "buy":
            choices += [
                ("market", {"notional": Decimal(ticks(100, 9000)), "qty": None}),
                ("limit", {"limit_price": own, "qty": Decimal("7.25")}),
            ]
        return self._random.choice(choices)

    def _qty(self, side: str) -> Decimal:
        """Small, as large as the touch, or larger than all that is displayed."""
        shown = self._day.shown["sell" if side == "buy" else "buy"]
        touch = shown[min(shown) if side == "buy" else max(shown)]
        sizes = (self._random.randint(1, 60), int(touch), int(sum(shown.values()) * 2))
        return Decimal(max(self._random.choice(sizes), 1))


class Replay:
    """One recorded day in a venue, with the auditor and the trader beside it."""

    def __init__(self, path: Path, day: RawDay, seed: int) -> None:
        sources = open_tape(path)
        self.tape = Tape(sources, symbols=(day.symbol,))
        self.auditor = Auditor(day)
        self.day = day
        self.venue = Venue(
            assets=listing((day.symbol,)),
            rules=VenueRules(checks_wash_trades=False, checks_buying_power=False),
            fill_rules=FillRules(),
            random=Random(seed),
            start_ns=day.open_ns - 30 * MINUTE_NS,
            starting_cash=Decimal(10**9),
        )
        self.venue.listeners.append(self.auditor.hears)
        self.random = Random(seed + 1)
        self.trader = Trader(self.venue, self.auditor, self.random)

    def run(self, minutes: int, orders: int) -> None:
        """The first minutes of the session; about so many requests, evenly over time."""
        until_ns = self.day.open_ns + minutes * MINUTE_NS
        self._before_the_bell()
        every_ns = minutes * MINUTE_NS // orders
        due_ns = self.day.open_ns + every_ns
        for event in self.tape.until(until_ns + AFTER_NS):
            self._advance(event.time_ns)
            self._apply(event)
            while due_ns <= min(event.time_ns, until_ns):
                due_ns += every_ns
                if self._is_regular:
                    self._request()
        self._advance(until_ns + AFTER_NS)

    @property
    def _is_regular(self) -> bool:
        since_ns = self.venue.now_ns - self.day.open_ns
        return 0 <= since_ns < DAY_MINUTES * MINUTE_NS

    def _before_the_bell(self) -> None:
        for side, px in (("buy", 10_000), ("sell", 1)):
            for more in ({"type": "market"}, {"type": "limit", "limit_price": Decimal(px)}):
                self.auditor.sees_request()
                words = {"symbol": self.day.symbol, "side": side, "qty": Decimal(35)}
                words.update(time_in_force="opg", **more)
                self.trader.send(OrderTicket(**words))  # type: ignore[arg-type]  # as above
                self._settle()

    def _advance(self, to_ns: int) -> None:
        self.auditor.sees_time()
        self.venue.advance(to_ns)
        self._settle()

    def _apply(self, event: object) -> None:
        if isinstance(event, Trade):
            self.auditor.sees_print(event.trade_id, event.time_ns)
        elif isinstance(event, Depth) or (isinstance(event, Quote) and self.day.is_restated):
            self.auditor.sees_display(event.time_ns)
        else:
            self.auditor.sees_time()
        self.venue.apply(event)  # type: ignore[arg-type]  # a tape yields nothing else
        self._settle()

    def _request(self) -> None:
        self.auditor.sees_request()
        self.trader.act()
        self._settle()

    def _settle(self) -> None:
        self.auditor.settle(self._is_regular)
        for order_id in self.auditor.newcomers:
            order = self.venue.orders[order_id]
            if order.is_open and order.cap_px is not None:
                self.auditor.joins(order.snapshot())


def told(replay: Replay) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(replay.auditor.kinds.items()))
    sent = ", ".join(f"{count} {kind}" for kind, count in sorted(replay.trader.sent.items()))
    return f"sent: {sent}\nfills: {kinds}\nrefused: {dict(replay.trader.refused)}"


def open_lobster(recorded_data: Path, seed: int) -> Replay:
    path = recorded_data / "lobster" / "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    return Replay(path, LobsterFiles(path, date(2012, 6, 21)), seed)


def open_lean(recorded_data: Path, seed: int) -> Replay:
    folder = recorded_data / "algoseek_lean" / "tick" / "ibm"
    return Replay(folder / "20131008_trade.zip", LeanFiles(folder, date(2013, 10, 8)), seed)


def say(replay: Replay) -> None:
    sys.stdout.write(told(replay) + "\n")


def assert_much_was_judged(replay: Replay, *, auctions: str) -> None:
    """A judge who sees no case proves nothing."""
    kinds = replay.auditor.kinds
    for kind in ("market", "limit", "stop", "stop_limit", "trailing_stop"):
        assert kinds[f"{kind} took the display"] >= 10
    assert kinds["rested, the queue was served"] >= 10
    assert kinds["rested, the print went through"] >= 10
    assert kinds["rested, the display crossed"] >= 5
    assert kinds[auctions] >= 1
    assert len(replay.trader.sent) >= 15


@pytest.mark.timeout(300)
def test_a_recorded_book_gave_all_that_we_were_given(recorded_data: Path) -> None:
    replay = open_lobster(recorded_data, seed=1)
    replay.run(minutes=45, orders=900)
    say(replay)
    assert_much_was_judged(replay, auctions="auction without a print")


@pytest.mark.timeout(300)
def test_displayed_shares_that_we_took_are_not_given_again_when_they_print(
    recorded_data: Path,
) -> None:
    replay = open_lobster(recorded_data, seed=1)
    replay.run(minutes=45, orders=900)
    assert replay.auditor.given_twice == 0


@pytest.mark.timeout(300)
def test_recorded_quotes_and_prints_gave_all_that_we_were_given(recorded_data: Path) -> None:
    replay = open_lean(recorded_data, seed=1)
    replay.run(minutes=60, orders=900)
    say(replay)
    assert_much_was_judged(replay, auctions="auction print")


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("opened", [open_lobster, open_lean])
def test_a_whole_recorded_day_gave_all_that_we_were_given(
    recorded_data: Path, opened: Opened
) -> None:
    replay = opened(recorded_data, 7)
    replay.run(minutes=DAY_MINUTES, orders=6000)
    say(replay)
