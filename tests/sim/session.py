"""An exchange in memory that a random session drives over HTTP, and what it was told meanwhile."""

import asyncio
import json
from collections import defaultdict, deque
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.clock import LoopClock
from floorbroker.domain.quotes import Halt, MarketEvent, Quote, Trade
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.floor.blotter import KEPT
from floorbroker.exchange.floor.state import State
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import (
    TERMINAL,
    ZERO,
    Execution,
    VenueError,
    VenueEvent,
    VenueOrder,
)
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from floorbroker.exchange.venue import Venue
from floorbroker.exchange.wire.orders import order_view
from floorbroker.exchange.wire.words import encode
from tests.sim.session_census import happenings
from tests.sim.session_wire import AFTER_THE_END, Ear
from tests.unit.exchange.venue_kit import Floor

KEY = "PKSESSION"
#: Monday, 2026-10-05, 10:00 in New York.
START_NS = 1_791_208_800_000_000_000
CASH = Decimal(30_000)
SYMBOLS = ("AAPL", "BTC/USD")
#: Classes that a refusal's code may have.
CLASSES = frozenset({400, 401, 403, 404, 422, 429})


class Told:
    """What the events said, added up as a listener would, and asserted as it comes."""

    def __init__(self, checks_power: bool) -> None:
        self.last: dict[str, Any] = {}  #: By order: the order object of its last event.
        self.status: dict[str, str] = {}
        self.filled: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self.notional: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self.fills: dict[str, list[VenueEvent]] = defaultdict(list)
        self.position: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self.cash = CASH
        self.busted: set[str] = set()  #: Orders.
        self.executions: dict[str, Execution] = {}
        self.seq = 0
        self.checks_power = checks_power
        self.venue: Venue | None = None
        self.happened: set[str] = set()
        self.unheard: deque[tuple[str, Any]] = deque()  #: Events that no frame has told yet.

    def hear(self, event: VenueEvent) -> None:
        for step in event.steps():
            self._hear(step)

    def _hear(self, event: VenueEvent) -> None:
        order = event.order
        self.seq += 1
        assert event.seq == self.seq
        was = self.status.get(order.id, "held" if order.parent_id else "")
        if was in TERMINAL:
            assert event.event in AFTER_THE_END, f"{event.event} after {was}"
        if event.execution is not None:
            self._book(event, was)
        elif event.event in ("pending_new", "accepted") and self.checks_power:
            assert self.venue is not None
            assert_affordable(self.venue, order)
        self.status[order.id] = order.status
        self.last[order.id] = json.loads(encode(order_view(order)))
        self.unheard.append((event.event, self.last[order.id]))
        self.happened.update(happenings(event))

    def _book(self, event: VenueEvent, was: str) -> None:
        fill, order = event.execution, event.order
        assert fill is not None
        assert was != "held", "a held leg was filled"
        self.executions[fill.execution_id] = fill
        if event.event == "trade_correct":
            self._correct(fill)
            return
        signed = fill.qty if fill.side == "buy" else -fill.qty
        before = self.position[order.symbol]
        after = self.position[order.symbol] = before + signed
        assert fill.position_qty == after
        self.cash -= signed * fill.price
        self.filled[order.id] += fill.qty
        self.notional[order.id] += fill.qty * fill.price
        if event.event == "trade_bust":
            self.busted.add(order.id)
            return
        self.fills[order.id].append(event)
        assert fill.qty > 0
        assert (event.event == "fill") == (order.status == "filled") == (fill.leaves_qty == 0)
        if order.position_intent.endswith("_to_close") and not self.busted:
            assert before * after >= 0, "an exit turned the position around"
            assert abs(after) < abs(before)

    def _correct(self, fill: Execution) -> None:
        """What the fill was before is taken back, and it is booked as it should have been."""
        undone = self.executions[fill.previous_execution_id or ""]
        for sign, each in ((-1, undone), (1, fill)):
            signed = sign * (each.qty if each.side == "buy" else -each.qty)
            self.position[each.symbol] += signed
            self.cash -= signed * each.price
            self.filled[each.order_id] += sign * each.qty
            self.notional[each.order_id] += sign * each.qty * each.price
        assert fill.position_qty == self.position[fill.symbol]
        self.busted.add(fill.order_id)


def assert_affordable(venue: Venue, order: VenueOrder) -> None:
    """What is held and what is reserved is within the credit when an order has been accepted."""
    if not order.reserve_px:
        return  # it ends a position
    account = venue.accounts[order.account]
    values = {
        symbol: each.qty * account.mark(symbol) for symbol, each in account.positions.items()
    }
    coins = sum((value for symbol, value in values.items() if "/" in symbol), ZERO)
    stocks = sum((abs(value) for symbol, value in values.items() if "/" not in symbol), ZERO)
    equity = account.cash + sum(values.values(), ZERO)
    is_margin = equity >= 2000 and "/" not in order.symbol
    free = (equity - coins - account.reserved_cash) * (4 if is_margin else 1)
    assert free >= stocks + account.reserved


class Session:
    """One exchange, asked over HTTP in memory; the market and the time are the caller's."""

    def __init__(
        self,
        rules: VenueRules,
        fill_rules: FillRules,
        kept: int = KEPT,
        path: Path | None = None,
    ) -> None:
        self.rules = rules
        self.fill_rules = fill_rules
        self.kept = kept
        self.path = path  #: Of the state file, if there is one.
        self.told = Told(rules.checks_buying_power)
        self.ear = Ear(carries=not rules.replace_restarts_filled)
        self.steps = 0
        self._runner = asyncio.Runner()
        self._tape: list[MarketEvent] = []
        self._begin()

    def _begin(self) -> None:
        setup = Setup(
            clock=LoopClock(START_NS),
            assets=listing(),
            start_ns=START_NS,
            speed=0,
            seed=11,
            cash=CASH,
            rules=self.rules,
            fill_rules=self.fill_rules,
            kept=self.kept,
            store=None if self.path is None else ExchangeStore(self.path),
        )
        self.front = build_exchange(setup)
        self.server = self.front.server
        self.transport = MemoryTransport(self.front)
        self.venue.listeners.append(self.told.hear)
        self.told.venue = self.venue
        self._runner.run(self._listen())

    async def _listen(self) -> None:
        self._frames = await self.transport.connect("/stream")
        said = {"action": "auth", "key": KEY, "secret": "s"}
        listening = {"action": "listen", "data": {"streams": ["trade_updates"]}}
        for words in (said, listening):
            await self._frames.send(json.dumps(words))
            await self._frames.receive()

    def hear(self) -> None:
        """The frames of all that has happened; nothing is told twice, and nothing is left out."""
        self._runner.run(self._hear())

    async def _hear(self) -> None:
        while self.told.unheard:
            event, order = self.told.unheard.popleft()
            async with asyncio.timeout(5):
                frame = json.loads(await self._frames.receive())
            assert (frame["data"]["event"], frame["data"]["order"]) == (event, order)
            self.ear.hear(frame)

    def close(self) -> None:
        self._runner.run(self.transport.aclose())
        self._runner.close()

    @property
    def venue(self) -> Venue:
        return self.server.venue

    # The wire.

    def ask(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        """HTTP status and decoded body; a refusal's code is checked."""
        raw = None if body is None else json.dumps(body).encode()
        headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": "s"}
        answer = self._runner.run(
            self.transport.request(method, path, query=query, body=raw, headers=headers)
        )
        told: Any = json.loads(answer.body) if answer.body else None
        assert answer.status < 500, told
        if answer.status >= 400:
            assert isinstance(told["code"], int)
            assert told["code"] // 100_000 in CLASSES
            assert told["message"]
            self.told.happened.add(f"a refusal with {answer.status}")
        return answer.status, told

    def get(self, path: str, **query: str) -> Any:
        status, told = self.ask("GET", path, **query)
        assert status == 200, told
        return told

    def text(self, path: str, **query: str) -> bytes:
        """The body of an answer as it came."""
        headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": "s"}
        asked = self.transport.request("GET", path, query=query, headers=headers)
        return self._runner.run(asked).body

    # The market.

    def quote(self, symbol: str, bid: Decimal, ask: Decimal, sizes: tuple[int, int]) -> None:
        quote = Quote(
            symbol=symbol,
            time_ns=self.venue.now_ns,
            bid_px=bid,
            bid_size=Decimal(sizes[0]),
            ask_px=ask,
            ask_size=Decimal(sizes[1]),
        )
        self._apply(quote)

    def trade(self, symbol: str, px: Decimal, size: int, **more: Any) -> None:
        now_ns = self.venue.now_ns
        self._apply(Trade(symbol=symbol, time_ns=now_ns, px=px, size=Decimal(size), **more))

    def halt(self, symbol: str, *, halted: bool) -> None:
        self.told.happened.add("a halt" if halted else "a resumption")
        self._apply(Halt(symbol=symbol, time_ns=self.venue.now_ns, halted=halted))

    def _apply(self, event: MarketEvent) -> None:
        self._tape.append(event)
        self.server.apply(event)
        self.server.commit()

    def force_fill(self, order_id: str, qty: Decimal | None) -> None:
        with suppress(VenueError):
            self.venue.force_fill(order_id, qty)
        self.server.commit()

    def bust(self, execution_id: str) -> None:
        with suppress(VenueError):
            self.venue.bust(execution_id)
        self.server.commit()

    def correct(self, execution_id: str, qty: Decimal | None, price: Decimal) -> None:
        with suppress(VenueError):
            self.venue.correct(execution_id, qty=qty, price=price)
        self.server.commit()

    def wait_until(self, to_ns: int) -> None:
        async def advance() -> None:  # the market's clock asks the loop for the time
            self.server.advance_to(to_ns)
            self.server.commit()

        self._runner.run(advance())

    def restart(self) -> None:
        """Another exchange takes up the state of this one, and the tape is known to it."""
        self.hear()
        self.told.happened.add("a restart")
        state = Floor.forget_queues(self.venue).export_state()
        self._runner.run(self.transport.aclose())
        self._begin()
        kept = msgspec.json.decode(state, type=State)
        if self.path is None:
            self.venue.import_state(state)
            assert msgspec.json.decode(self.venue.export_state(), type=State) == kept
        for event in self._tape:
            self.venue.recall(event)
        assert self.venue.blotter.marks.px == kept.marks
