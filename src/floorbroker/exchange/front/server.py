"""What stands behind the front: the venue, its tape, its clock, and what was saved of them."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.clock import NS_PER_S, Clock, MarketClock
from floorbroker.domain.quotes import Depth, MarketEvent, Quote, Trade
from floorbroker.exchange.faults import FaultPlan
from floorbroker.exchange.fills import FillRules
from floorbroker.exchange.model import VenueError, VenueEvent, VenueOrder
from floorbroker.exchange.reference.assets import Asset
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from floorbroker.exchange.tape import Tape
from floorbroker.exchange.venue import Venue

#: Tape events applied before others get a turn. Where the machine cannot keep up with the speed
#: that was asked for, the market runs as fast as it can instead of jumping.
BATCH = 2000
#: The same on an unpaced tape: small, so that a client in the same loop can follow the market.
UNPACED_BATCH = 64
#: The longest real pause of the market while something can come due between tape events.
TICK_S = 0.02


class FrontRules(Struct, frozen=True, kw_only=True):
    """What the front itself can be told.

    Without `keys` (secret by key id) any pair is accepted and names an account. `rate_limit` is
    requests a minute and account, 0 for none.
    """

    keys: Mapping[str, str] | None = None
    rate_limit: int = 0
    has_one_stream_per_account: bool = False
    has_text_frames: bool = False
    is_forbidden_403: bool = False  #: A bad key is answered 403 "forbidden." instead of 401.

    def accepts(self, key_id: str, secret: str) -> bool:
        if self.keys is None:
            return bool(key_id)
        return key_id in self.keys and self.keys[key_id] == secret


class Setup(Struct, frozen=True, kw_only=True):
    """What an exchange is made of, enough to make it once more at a reset.

    `make_tape` gives a tape from its beginning each time; without one the market is what
    `POST /_exchange/quote` and `/trade` say. `speed` is market seconds per real second, "max" as
    fast as the machine can while the tape lasts.
    """

    clock: Clock
    assets: Mapping[str, Asset]
    start_ns: int
    make_tape: Callable[[], Tape] | None = None
    speed: float | Literal["max"] = 1.0
    seed: int = 0
    cash: Decimal = Decimal(100_000)
    rules: VenueRules = VenueRules()
    fill_rules: FillRules = FillRules()
    store: ExchangeStore | None = None
    front: FrontRules = FrontRules()


class ExchangeServer:
    """Moves the venue along its tape and lets out only what is saved.

    A request is `catch_up()`, the call, `commit()`. `run()` does the same while nobody asks, so
    that fills and stream frames come when they are due.
    """

    def __init__(self, setup: Setup, faults: FaultPlan | None = None) -> None:
        self.setup = setup
        self._faults = faults or FaultPlan()
        self.event_listeners: list[Callable[[list[VenueEvent]], None]] = []
        self.market_listeners: list[Callable[[MarketEvent], None]] = []
        limit = setup.front.rate_limit
        self.rate_limit = RateLimit(limit, setup.clock) if limit else None
        self._hidden_until_s: dict[str, float] = {}  # order id -> monotonic time when it shows
        self._running: asyncio.Task[None] | None = None
        self._begin()
        self._restore()

    def _begin(self) -> None:
        setup = self.setup
        self.tape = setup.make_tape() if setup.make_tape else None
        self.venue = Venue(
            assets=setup.assets,
            rules=setup.rules,
            fill_rules=setup.fill_rules,
            random=Random(setup.seed),  # noqa: S311  (a simulation's dice, not secrets)
            start_ns=setup.start_ns,
            starting_cash=setup.cash,
        )
        self.venue.listeners.append(self._note)
        self._ask_for_vetoes()
        self._events: list[VenueEvent] = []
        self._busts: deque[tuple[int, str]] = deque()
        self._scripted: set[str] = set()
        self._clock: MarketClock | None = None
        self._needs_save = False
        self._hidden_until_s.clear()

    def _restore(self) -> None:
        """Take up what was saved; the tape goes on from there, and what it passed is known."""
        store = self.setup.store
        if store is None or not store.load(self.venue) or self.tape is None:
            return
        for event in self.tape.until(self.venue.now_ns):
            self.venue.recall(event)

    @property
    def faults(self) -> FaultPlan:
        return self._faults

    @faults.setter
    def faults(self, plan: FaultPlan) -> None:
        self._faults = plan
        self._ask_for_vetoes()

    @property
    def now_ns(self) -> int:
        """The market's time."""
        return self.venue.now_ns

    @property
    def clock(self) -> MarketClock:
        """Tells the market's time; it starts to run when first asked for."""
        return self._paced()

    @property
    def _is_unpaced(self) -> bool:
        return self.setup.speed == "max" and self.tape is not None and not self.tape.is_done

    def start(self) -> None:
        """Let the market's time run from now on; needs a running loop. Harmless when running."""
        running = self._running
        if running is None or running.done():
            self._paced()
            self._running = asyncio.get_running_loop().create_task(self.run())

    async def aclose(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            self.catch_up()
            self.touch()  # so that the market goes on from now, not from its last change
            self.commit()
        if self.setup.store is not None:
            self.setup.store.close()

    async def run(self) -> None:
        """Keep the market moving until cancelled."""
        while True:
            is_behind = self._step()
            self.commit()
            await self.setup.clock.sleep(0 if is_behind else self._pause_s())

    def catch_up(self) -> None:
        """Bring the market to now. On an unpaced tape now is wherever `run` has come to."""
        if not self._is_unpaced:
            self._move(self._paced().now_ns(), BATCH)

    def commit(self) -> None:
        """Save what has changed, then let the listeners have the events."""
        events = self._events
        if not events and not self._needs_save:
            return
        self._events = []
        self._needs_save = False
        if self.setup.store is not None:
            self.setup.store.save(self.venue)
        for tell in self.event_listeners:
            tell(events)

    def touch(self) -> None:
        """Something changed that makes no event: save it with the next commit."""
        self._needs_save = True

    def advance_to(self, to_ns: int) -> None:
        """Jump forward, through everything on the tape up to then.

        Raises ValueError for a time that has passed: the market never runs backwards.
        """
        if to_ns < self.venue.now_ns:
            raise ValueError(f"{to_ns} is before the market's time {self.venue.now_ns}")
        self._move(to_ns, None)
        self._paced().set(to_ns)
        self.touch()

    def apply(self, event: MarketEvent) -> None:
        """One fact of the market, from the tape or from someone's script."""
        event = self._thinned(event)
        self.venue.apply(event)
        for tell in self.market_listeners:
            tell(event)

    def script(self, quote: Quote) -> None:
        """The market of this symbol is what scripts say from now on; the tape has lost its say."""
        self._scripted.add(quote.symbol)
        self.apply(quote)

    def _play(self, event: MarketEvent) -> None:
        """One event of the tape."""
        if event.symbol not in self._scripted:
            self.apply(event)

    def hide_latest_order(self, account: str, seconds: float) -> None:
        """The `late_visibility` fault: the account's last order is not found for a while."""
        orders = self.venue.account(account).orders
        if orders:
            self._hidden_until_s[orders[-1].id] = self.setup.clock.monotonic() + seconds

    def is_hidden(self, order_id: str) -> bool:
        if order_id not in self._hidden_until_s:
            return False
        if self.setup.clock.monotonic() < self._hidden_until_s[order_id]:
            return True
        del self._hidden_until_s[order_id]
        return False

    def reset(self) -> None:
        """Back to the start: no order, the first cash, the tape's beginning, unspent faults."""
        if self.setup.store is not None:
            self.setup.store.clear()
        self._begin()
        self._restore()
        self.faults.restart()
        self.touch()

    def _paced(self) -> MarketClock:
        """The market's clock; it starts when first asked, because it may need a running loop."""
        if self._clock is None:
            speed = 1.0 if self.setup.speed == "max" else self.setup.speed
            self._clock = MarketClock(self.setup.clock, self.venue.now_ns, speed)
        return self._clock

    def _step(self) -> bool:
        """One turn of `run`; whether there is more to do at once."""
        tape = self.tape
        if self._is_unpaced:
            assert tape is not None
            assert tape.next_ns is not None
            for event in islice(tape.until(1 << 63), UNPACED_BATCH):
                self._play(event)
                if self._events:  # let whoever waits for it react before the market goes on
                    break
            self._paced().set(self.venue.now_ns)
            return True
        return self._move(self._paced().now_ns(), BATCH)

    def _move(self, to_ns: int, limit: int | None) -> bool:
        """Apply the tape up to `to_ns`; true if `limit` events were not enough."""
        tape = self.tape
        if tape is not None and tape.next_ns is not None and tape.next_ns <= to_ns:
            for event in islice(tape.until(to_ns), limit):
                self._play(event)
            if tape.next_ns is not None and tape.next_ns <= to_ns:
                self._paced().set(self.venue.now_ns)
                return True
        if to_ns > self.venue.now_ns:
            self.venue.advance(to_ns)
        if self._busts:
            self._bust_due()
        return False

    def _pause_s(self) -> float:
        """Real seconds until the market has something to do, as far as we know."""
        speed = 1.0 if self._paced().is_slowed else self._paced().speed
        rules, routing = self.setup.rules, self.venue.routing
        has_latency = rules.ack_latency_ns or rules.cancel_latency_ns or rules.replace_latency_ns
        pause_s = TICK_S if has_latency or self._busts else max(TICK_S, 1 / speed)
        due = [routing.timers.next_ns, routing.hours.next_ns]
        if self.tape is not None:
            due.append(self.tape.next_ns)
        next_ns = min(at_ns for at_ns in due if at_ns is not None)
        return max(0, min(pause_s, (next_ns - self.venue.now_ns) / NS_PER_S / speed))

    def _note(self, event: VenueEvent) -> None:
        self._events.append(event)
        fill = event.execution
        if fill is None or fill.previous_execution_id is not None:
            return
        rule = self.faults.on_order("bust", event.order.symbol, event.account, event.time_ns)
        if rule is not None:
            due_ns = event.time_ns + round((rule.wait_s) * NS_PER_S)
            self._busts.append((due_ns, fill.execution_id))

    def _ask_for_vetoes(self) -> None:
        """Only where the plan has some: the venue asks for each order."""
        has_vetoes = any(rule.kind == "async_reject" for rule in self._faults.rules)
        self.venue.veto = self._veto if has_vetoes else None

    def _veto(self, order: VenueOrder) -> str | None:
        """The `async_reject` fault: the venue says no to an order that it had accepted."""
        rule = self.faults.on_order("async_reject", order.symbol, order.account, self.now_ns)
        return None if rule is None else rule.reason

    def _bust_due(self) -> None:
        for _ in range(len(self._busts)):
            due_ns, execution_id = self._busts.popleft()
            if due_ns > self.venue.now_ns:
                self._busts.append((due_ns, execution_id))
                continue
            with suppress(VenueError):  # it was undone already
                self.venue.bust(execution_id)

    def _thinned(self, event: MarketEvent) -> MarketEvent:
        """The `partial_fills` fault: what the market offers is cut, so orders fill in parts."""
        if isinstance(event, Quote | Trade | Depth):
            rule = self.faults.on_market(event.symbol, event.time_ns)
            if rule is not None:
                return _cut(event, Decimal(rule.max_qty))
        return event


def _cut(event: Quote | Trade | Depth, most: Decimal) -> MarketEvent:
    if isinstance(event, Quote):
        return replace(
            event, bid_size=min(event.bid_size, most), ask_size=min(event.ask_size, most)
        )
    if isinstance(event, Trade):
        return replace(event, size=min(event.size, most))
    return replace(
        event,
        bids=tuple((px, min(size, most)) for px, size in event.bids),
        asks=tuple((px, min(size, most)) for px, size in event.asks),
    )


class RateLimit:
    """Requests a minute for each account, in windows that begin with the first request."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: dict[str, list[int]] = {}  # account -> [end of window in s, spent]

    def spend(self, account: str) -> tuple[bool, tuple[tuple[bytes, bytes], ...]]:
        """Whether one more request is allowed, and the headers that tell the state."""
        now_s = self._clock.now_ns() // 1_000_000_000
        window = self._windows.get(account)
        if window is None or now_s >= window[0]:
            window = self._windows[account] = [now_s + 60, 0]
        is_allowed = window[1] < self._limit
        window[1] += is_allowed
        headers = [
            (b"x-ratelimit-limit", b"%d" % self._limit),
            (b"x-ratelimit-remaining", b"%d" % (self._limit - window[1])),
            (b"x-ratelimit-reset", b"%d" % window[0]),
        ]
        if not is_allowed:
            headers.append((b"retry-after", b"%d" % (window[0] - now_s)))
        return is_allowed, tuple(headers)
