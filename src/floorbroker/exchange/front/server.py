"""What stands behind the front: the venue, its tape, its clock, and what was saved of them."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Literal, NoReturn

from msgspec import Struct

from floorbroker.clock import NS_PER_S, Clock, MarketClock
from floorbroker.domain.errors import FloorbrokerError
from floorbroker.domain.quotes import MarketEvent, Quote
from floorbroker.exchange.actions.diary import Diary
from floorbroker.exchange.faults import FaultPlan
from floorbroker.exchange.floor.blotter import KEPT
from floorbroker.exchange.front.limit import RateLimit
from floorbroker.exchange.front.mischief import Mischief
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import VenueEvent, VenueOrder
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.reference.assets import Asset
from floorbroker.exchange.reference.past import NoPast, Past
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from floorbroker.exchange.tape import Tape
from floorbroker.exchange.venue import Venue
from floorbroker.exchange.wire.writer import OrderWriter

#: Tape events applied before others get a turn. Where the machine cannot keep up with the speed
#: that was asked for, the market runs as fast as it can instead of jumping.
BATCH = 2000
#: The same on an unpaced tape: small, so that a client in the same loop can follow the market.
UNPACED_BATCH = 64
#: The longest real pause of the market while something can come due between tape events.
TICK_S = 0.02
#: The real pause of a market whose time stands still: it moves with requests alone.
STILL_S = 1.0


class FrontRules(Struct, frozen=True, kw_only=True):
    """What the front itself can be told.

    Without `keys` (secret by key id) any pair is accepted and names an account. `rate_limit` is
    requests a minute and account, 0 for none; Alpaca's is 200.
    """

    keys: Mapping[str, str] | None = None
    rate_limit: int = 0
    has_one_stream_per_account: bool = False
    has_text_frames: bool = False
    is_forbidden_403: bool = False  #: A bad key is answered 403 "forbidden." instead of 401.
    has_sip: bool = True  #: Clients may have the consolidated tape as it happens.
    has_one_feed_per_account: bool = False  #: For each market data path; another is error 406.
    feed_symbol_limit: int = 0  #: Symbols of trades and quotes together on a feed; 0 for none.
    feed_backlog: int = 50_000  #: Messages that may wait for a slow feed before error 407.

    def __post_init__(self) -> None:
        for field, least in (("rate_limit", 0), ("feed_symbol_limit", 0), ("feed_backlog", 1)):
            if getattr(self, field) < least:
                found = getattr(self, field)
                raise ValueError(f"{field} is {found}; it must be {least} or more")

    def accepts(self, key_id: str, secret: str) -> bool:
        if self.keys is None:
            return bool(key_id)
        return key_id in self.keys and self.keys[key_id] == secret


class Setup(Struct, frozen=True, kw_only=True):
    """What an exchange is made of, enough to make it once more at a reset.

    `make_tape` gives a tape from its beginning each time; without one the market is what
    `POST /_exchange/quote` and `/trade` say. `speed` is market seconds per real second, 0 where
    time moves by the clock control alone, "max" as fast as the machine can while the tape lasts.
    `past` is asked for bars and auctions of earlier days.
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
    corporate_actions: tuple[CorporateAction, ...] = ()
    past: Past = NoPast()
    kept: int = KEPT  #: Ended orders, and executions, in memory; older ones are put away.


class ExchangeServer:
    """Moves the venue along its tape and lets out only what is saved.

    A request is `catch_up()`, the call, `commit()`. `run()` does the same while nobody asks, so
    that fills and stream frames come when they are due. A tape that breaks off, or a state that
    cannot be saved, is the end: `failure` tells why, and both calls raise it from then on.
    """

    def __init__(self, setup: Setup, faults: FaultPlan | None = None) -> None:
        self.setup = setup
        plan = faults or FaultPlan()
        self.event_listeners: list[Callable[[list[VenueEvent]], None]] = []
        self.market_listeners: list[Callable[[MarketEvent], None]] = []
        self.writer = OrderWriter()
        self.rate_limit = RateLimit(setup.front.rate_limit, setup.clock)
        self.failure: Exception | None = None  #: What ended the market by itself.
        self.is_moving = False  #: Whether time makes the market move: see `start`.
        self.is_ending = False  #: Answers that have no end of their own end now.
        self._has_failed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._begin(plan)
        self._restore()

    def _begin(self, plan: FaultPlan) -> None:
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
        self.venue.blotter.keep(setup.kept)
        self.mischief = Mischief(plan, self.venue, setup.clock.monotonic)
        self._events: list[VenueEvent] = []  # they wait until what they tell of is saved
        self.venue.listeners.append(self._events.append)
        self._scripted = self.venue.routing.scripted
        self._clock: MarketClock | None = None
        self._needs_save = False
        self.actions = Diary(self.venue, setup.corporate_actions, self.touch)

    def _restore(self) -> None:
        """Take up what was saved; the tape goes on from there, and what it passed is known."""
        store = self.setup.store
        if store is None or not store.load(self.venue):
            return
        self.actions.resume()
        if self.tape is None:
            return
        for event in self.tape.until(self.venue.now_ns):
            if self.actions.outdates(event):
                self.venue.market.apply(event)
            else:
                self.venue.recall(event)

    @property
    def faults(self) -> FaultPlan:
        return self.mischief.plan

    @faults.setter
    def faults(self, plan: FaultPlan) -> None:
        self.mischief.follow(plan)

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
        """Let the market's time run from now on; needs a running loop.

        Harmless when it runs already, or has failed.
        """
        running = self._running
        if (running is None or running.done()) and self.failure is None:
            self._paced()
            self._running = asyncio.get_running_loop().create_task(self.run())

    async def aclose(self) -> None:
        self.is_ending = True
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            if self.failure is None:
                self.catch_up()
                self.touch()  # so that the market goes on from now, not from its last change
                self.commit()
        if self.setup.store is not None:
            self.setup.store.close()
        else:
            self.venue.blotter.archive.close()

    async def run(self) -> None:
        """Keep the market moving until cancelled, or until it fails."""
        self.is_moving = True
        try:
            while True:
                try:
                    is_behind = self._step()
                    self.commit()
                except Exception as problem:  # noqa: BLE001  (`failure` tells it to whoever asks)
                    self._fail(problem)
                    return
                await self.setup.clock.sleep(0 if is_behind else self._pause_s())
        finally:
            self.is_moving = False

    async def failed(self) -> NoReturn:
        """Wait until the market ends by itself, and raise what ended it."""
        await self._has_failed.wait()
        assert self.failure is not None
        raise self.failure

    def _fail(self, problem: Exception) -> None:
        """Nobody is answered any more: what would be said could not be relied upon."""
        if self.failure is None:
            self.failure = problem
            self._has_failed.set()

    def catch_up(self) -> None:
        """Bring the market to now. On an unpaced tape now is wherever `run` has come to.

        Raises `failure` if there is one.
        """
        if self.failure is not None:
            raise self.failure
        if self.tape is not None:
            if not self._is_unpaced:
                self._move(self._paced().now_ns(), BATCH)
            return
        venue, now_ns = self.venue, (self._clock or self._paced()).now_ns()
        if now_ns > venue.blotter.now_ns:
            venue.routing.advance(now_ns)
        if self.mischief.busts:
            self.mischief.bust_due()

    def commit(self) -> None:
        """Save what has changed, then let the listeners have the events."""
        if self.failure is not None:
            raise self.failure
        if not self._events and not self._needs_save:
            return
        events = self._events.copy()
        self._events.clear()
        self._needs_save = False
        if (store := self.setup.store) is not None:
            self._write("state", lambda: store.save(self.venue))
        for tell in self.event_listeners:
            tell(events)
        if (blotter := self.venue.blotter).is_full():
            self._write("archive", blotter.put_away)

    def text_of_new(self, order: VenueOrder) -> bytes:
        """What is answered to an order that was taken just now."""
        events, writer = self._events, self.writer
        is_life = events and events[-1].begun is order
        return writer.lives.answer(events[-1]) if is_life else writer.text(order)

    def _write(self, what: str, write: Callable[[], None]) -> None:
        """What cannot be written is the end: nothing is forgotten, and nothing goes on."""
        try:
            write()
        except sqlite3.Error as problem:
            lost = FloorbrokerError(f"the exchange's {what} cannot be saved: {problem}")
            self._fail(lost)
            raise lost from problem

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
        event = self.mischief.thinned(event)
        self.venue.apply(event)
        for tell in self.market_listeners:
            tell(event)

    def script(self, quote: Quote) -> None:
        """The market of this symbol is what scripts say from now on; the tape has lost its say."""
        self._scripted.add(quote.symbol)
        self.apply(quote)

    def _play(self, tape: Tape, to_ns: int, limit: int | None, *, stops: bool = False) -> None:
        """Apply the tape's events up to `to_ns`; one that `stops` does so at news of an order."""
        try:
            for event in islice(tape.until(to_ns), limit):
                if event.symbol not in self._scripted:
                    self.apply(event)
                    if stops and self._events:
                        break
        except Exception as problem:
            # What comes after the fault is lost: the market cannot go on as if it were not.
            self._fail(problem)
            raise

    def hide_latest_order(self, account: str, seconds: float) -> None:
        """The `late_visibility` fault: the account's last order is not found for a while."""
        order = self.venue.orders.latest_of(self.venue.account(account))
        if order is not None:
            self.mischief.hide(order.id, seconds)

    def reset(self) -> None:
        """Back to the start: no order, the first cash, the tape's beginning, unspent faults."""
        if self.setup.store is not None:
            self.setup.store.clear()
        else:
            self.venue.blotter.archive.close()
        self._begin(self.faults)
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
            # Whoever waits for news of an order can react before the market goes on.
            self._play(tape, 1 << 63, UNPACED_BATCH, stops=True)
            self._paced().set(self.venue.now_ns)
            return True
        return self._move(self._paced().now_ns(), BATCH)

    def _move(self, to_ns: int, limit: int | None) -> bool:
        """Apply the tape up to `to_ns`; true if `limit` events were not enough."""
        tape = self.tape
        if tape is not None and tape.next_ns is not None and tape.next_ns <= to_ns:
            self._play(tape, to_ns, limit)
            if tape.next_ns is not None and tape.next_ns <= to_ns:
                self._paced().set(self.venue.now_ns)
                return True
        self.venue.advance(to_ns)
        if self.mischief.busts:
            self.mischief.bust_due()
        return False

    def _pause_s(self) -> float:
        """Real seconds until the market has something to do, as far as we know."""
        speed = 1.0 if self._paced().is_slowed else self._paced().speed
        if not speed:
            return STILL_S
        rules = self.setup.rules
        has_latency = rules.ack_latency_ns or rules.cancel_latency_ns or rules.replace_latency_ns
        is_late = has_latency or bool(self.mischief.busts)
        pause_s = TICK_S if is_late else max(TICK_S, 1 / speed)
        next_ns, tape_ns = self.venue.next_due_ns, None if self.tape is None else self.tape.next_ns
        if tape_ns is not None:
            next_ns = min(next_ns, tape_ns)
        return max(0, min(pause_s, (next_ns - self.venue.now_ns) / NS_PER_S / speed))
