"""What the broker last said of the account and the market, and how long it may be believed.

Theory of operation
-------------------
Each kind of answer has a stated freshness; within it a question is answered from memory. Many who
ask at once share one request. The age of an answer counts from when it was *asked for*, so it
never looks younger than it is. News that the engine has applied (`heard`) and a reconnected order
stream (`forget`) end the belief before its time; a request that was on its way when that happened
serves those who waited for it, marked as past its time, and is not kept.

An error is never kept, and never hidden behind an older answer: whoever asks gets `Fresh` or the
error. What decides takes `Fresh` and asks it with `is_good`; there is no other way to get one.
Whoever only wants to show something may have `last`: it is another type, and says if it is stale.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct

from floorbroker.brokers.freshness import Fresh, Shown
from floorbroker.brokers.port import (
    AccountReport,
    Activity,
    ActivityKind,
    Broker,
    CalendarDay,
    MarketPhase,
    PositionReport,
)
from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerError, BrokerRejected
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import (
    ExecutionReport,
    JournalMessage,
    RequestSent,
    RequestUnanswered,
)

Value = TypeVar("Value")


class Kind(StrEnum):
    """What is kept, each with its own freshness."""

    ACCOUNT = "account"
    POSITIONS = "positions"
    CLOCK = "clock"
    INSTRUMENT = "instrument"  #: One, by symbol.
    INSTRUMENTS = "instruments"  #: The whole list.
    CALENDAR = "calendar"
    ACTIVITIES = "activities"


class Freshness(Struct, frozen=True, kw_only=True):
    """For how many seconds an answer may be believed. The market's clock is also asked anew when
    the session was to change, and instruments when a trading day was over."""

    account_s: float = 1.0
    positions_s: float = 1.0
    clock_s: float = 300.0
    instrument_s: float = 86_400.0
    instruments_s: float = 86_400.0
    calendar_s: float = 86_400.0
    activities_s: float = 1.0


#: Answers kept of a kind, the least recently used one makes room.
_ENTRIES_MAX = {Kind.INSTRUMENT: 4096, Kind.CALENDAR: 64, Kind.ACTIVITIES: 16}
#: So many symbols are asked for one by one; then the whole list costs the broker less.
SINGLES_MAX = 20
#: An activity may be listed so much later than a younger one.
_ACTIVITY_OVERLAP = timedelta(seconds=60)
#: What our own orders and their executions change.
MOVED = (Kind.ACCOUNT, Kind.POSITIONS, Kind.ACTIVITIES)
_MOVERS = frozenset({ExecutionReport, RequestSent, RequestUnanswered})


class CacheStats(Struct, frozen=True, kw_only=True):
    """One kind's counters since the desk opened, named as a metrics page would name them:
    `broker_cache_<counter>_total{kind="account"}`."""

    kind: Kind
    hits: int  #: Answered from memory.
    joined: int  #: Answered by a request that somebody else had made.
    misses: int  #: Asked the broker.
    errors: int  #: Of those, how often that failed.
    stale_refused: int  #: An older answer was there and was not given instead of the error.
    invalidations: int  #: News ended the belief.
    hit_rate: float  #: Share that needed no request of its own; 0 where nobody asked.


class _Entry(Struct, Generic[Value]):
    value: Value
    as_of: datetime
    began: float
    generation: int
    ends: datetime | None


class _Flight(Struct):
    task: "asyncio.Task[Any]"
    began: float
    generation: int


class _Shelf(Generic[Value]):
    """One kind's answers by key, and the requests that are on their way."""

    def __init__(self, kind: Kind, clock: Clock, freshness_s: float) -> None:
        self.kind = kind
        self.hits = self.joined = self.misses = 0
        self.errors = self.stale_refused = self.invalidations = 0
        self._clock = clock
        self._freshness_s = freshness_s
        self._entries: OrderedDict[Hashable, _Entry[Value]] = OrderedDict()
        self._flights: dict[Hashable, _Flight] = {}
        self._generation = 0

    async def get(
        self,
        key: Hashable,
        ask: Callable[[], Awaitable[Value]],
        *,
        max_age_s: float | None,
        ends: Callable[[Value, datetime], datetime] | None = None,
    ) -> Fresh[Value]:
        """The answer, not older than `max_age_s` (which only shortens the stated freshness).

        `ends` says by which date an answer is over, whatever its age. Raises BrokerError.
        """
        limit_s = self._freshness_s if max_age_s is None else min(max_age_s, self._freshness_s)
        if (found := self.at_hand(key, limit_s)) is not None:
            return found
        known = self._entries.get(key)
        flight = self._flights.get(key)
        if flight is not None and self._may_join(flight, limit_s):
            self.joined += 1
        else:
            self.misses += 1
            flight = self._depart(key, ask, ends)
        try:
            return self._fresh(await asyncio.shield(flight.task))
        except BrokerError:
            self.stale_refused += known is not None
            raise

    def at_hand(self, key: Hashable, limit_s: float) -> Fresh[Value] | None:
        """The answer from memory, if it is young enough."""
        known = self._entries.get(key)
        if known is None or not self._is_good(known, limit_s):
            return None
        self.hits += 1
        self._entries.move_to_end(key)
        return self._fresh(known)

    def last(self, key: Hashable) -> Shown[Value] | None:
        known = self._entries.get(key)
        if known is None:
            return None
        is_stale = not self._is_good(known, self._freshness_s)
        return Shown(known.value, known.as_of, self._age_s(known), is_stale)

    def invalidate(self) -> None:
        self._generation += 1
        self.invalidations += 1

    def stats(self) -> CacheStats:
        asked = self.hits + self.joined + self.misses
        return CacheStats(
            kind=self.kind,
            hits=self.hits,
            joined=self.joined,
            misses=self.misses,
            errors=self.errors,
            stale_refused=self.stale_refused,
            invalidations=self.invalidations,
            hit_rate=round((self.hits + self.joined) / asked, 4) if asked else 0.0,
        )

    async def aclose(self) -> None:
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _depart(
        self,
        key: Hashable,
        ask: Callable[[], Awaitable[Value]],
        ends: Callable[[Value, datetime], datetime] | None,
    ) -> _Flight:
        began, generation, as_of = self._clock.monotonic(), self._generation, self._clock.now()

        async def fly() -> _Entry[Value]:
            try:
                value = await ask()
            except BrokerError:
                self.errors += 1
                raise
            finally:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            until = None if ends is None else ends(value, as_of)
            entry = _Entry(value, as_of, began, generation, until)
            self._keep(key, entry)
            return entry

        task = asyncio.get_running_loop().create_task(fly())
        task.add_done_callback(_seen)
        flight = _Flight(task, began, generation)
        self._flights[key] = flight
        return flight

    def _keep(self, key: Hashable, entry: _Entry[Value]) -> None:
        """An answer that news or a younger request has overtaken is not kept."""
        known = self._entries.get(key)
        if known is not None and (known.generation, known.began) > (entry.generation, entry.began):
            return
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > _ENTRIES_MAX.get(self.kind, 1):
            self._entries.popitem(last=False)

    def _may_join(self, flight: _Flight, limit_s: float) -> bool:
        age_s = self._clock.monotonic() - flight.began
        return limit_s > 0 and age_s <= limit_s and flight.generation == self._generation

    def _is_good(self, entry: _Entry[Value], limit_s: float) -> bool:
        if entry.generation != self._generation or limit_s <= 0:
            return False
        is_over = entry.ends is not None and self._clock.now() >= entry.ends
        return not is_over and self._age_s(entry) <= limit_s

    def _age_s(self, entry: _Entry[Value]) -> float:
        return self._clock.monotonic() - entry.began

    def _fresh(self, entry: _Entry[Value]) -> Fresh[Value]:
        age_s = self._age_s(entry)
        good_until = self._clock.now() + timedelta(seconds=max(self._freshness_s - age_s, 0))
        if entry.ends is not None:
            good_until = min(good_until, entry.ends)
        if entry.generation != self._generation:
            good_until = entry.as_of
        return Fresh(entry.value, entry.as_of, age_s, good_until)


class BrokerCache:
    """The broker's questions with their answers remembered; see the module for the promises.

    `max_age_s` of each method only shortens the stated freshness; 0 always asks.
    """

    def __init__(self, broker: Broker, clock: Clock, freshness: Freshness | None = None) -> None:
        self.freshness = freshness or Freshness()
        self._broker, self._clock = broker, clock
        self._shelves: dict[Kind, _Shelf[Any]] = {
            kind: _Shelf(kind, clock, getattr(self.freshness, f"{kind}_s")) for kind in Kind
        }

    async def account(self, *, max_age_s: float | None = None) -> Fresh[AccountReport]:
        shelf: _Shelf[AccountReport] = self._shelves[Kind.ACCOUNT]
        return await shelf.get("", self._broker.account_report, max_age_s=max_age_s)

    async def positions(
        self, *, max_age_s: float | None = None
    ) -> Fresh[tuple[PositionReport, ...]]:
        async def ask() -> tuple[PositionReport, ...]:
            return tuple(await self._broker.positions())

        shelf: _Shelf[tuple[PositionReport, ...]] = self._shelves[Kind.POSITIONS]
        return await shelf.get("", ask, max_age_s=max_age_s)

    async def market_phase(self, *, max_age_s: float | None = None) -> Fresh[MarketPhase]:
        """Its `broker_time` is that of the answer: see `age_s` for how long ago that was."""
        shelf: _Shelf[MarketPhase] = self._shelves[Kind.CLOCK]
        ask = self._broker.market_phase
        return await shelf.get("", ask, max_age_s=max_age_s, ends=_session_changes)

    def instrument_at_hand(self, symbol: str) -> Fresh[Instrument | None] | None:
        """The same as `instrument` where nobody has to be asked; None where somebody has."""
        shelf: _Shelf[Instrument | None] = self._shelves[Kind.INSTRUMENT]
        return shelf.at_hand(symbol, self.freshness.instrument_s)

    async def instrument(
        self, symbol: str, *, max_age_s: float | None = None
    ) -> Fresh[Instrument | None]:
        """None where the broker does not know the symbol. After `SINGLES_MAX` symbols the whole
        list is asked for once, where that is fresh enough."""
        singles: _Shelf[Instrument | None] = self._shelves[Kind.INSTRUMENT]
        if max_age_s is None and singles.last(symbol) is None and singles.misses >= SINGLES_MAX:
            listed = await self._by_symbol()
            if symbol in listed.value:
                return Fresh(listed.value[symbol], listed.as_of, listed.age_s, listed.good_until)

        async def ask() -> Instrument | None:
            return await self._broker.instrument(symbol)

        return await singles.get(symbol, ask, max_age_s=max_age_s, ends=_trading_day_ends)

    async def instruments(
        self, *, max_age_s: float | None = None
    ) -> Fresh[tuple[Instrument, ...]]:
        listed = await self._by_symbol(max_age_s=max_age_s)
        found = tuple(listed.value.values())
        return Fresh(found, listed.as_of, listed.age_s, listed.good_until)

    async def _by_symbol(self, *, max_age_s: float | None = None) -> Fresh[dict[str, Instrument]]:
        async def ask() -> dict[str, Instrument]:
            return {found.symbol: found for found in await self._broker.instruments()}

        shelf: _Shelf[dict[str, Instrument]] = self._shelves[Kind.INSTRUMENTS]
        return await shelf.get("", ask, max_age_s=max_age_s, ends=_trading_day_ends)

    async def calendar(
        self, start: date, end: date, *, max_age_s: float | None = None
    ) -> Fresh[tuple[CalendarDay, ...]]:
        async def ask() -> tuple[CalendarDay, ...]:
            return tuple(await self._broker.calendar(start, end))

        shelf: _Shelf[tuple[CalendarDay, ...]] = self._shelves[Kind.CALENDAR]
        return await shelf.get((start, end), ask, max_age_s=max_age_s)

    async def activities(
        self,
        kinds: Iterable[ActivityKind] = (),
        *,
        since: datetime | None = None,
        max_age_s: float | None = None,
    ) -> Fresh[tuple[Activity, ...]]:
        """Oldest first. Executions that are known already are not asked for again: the list goes
        on from a minute before the last one. What is no execution may be listed late under an
        early date, so those lists are asked for whole."""
        wanted = frozenset(kinds)
        key = (wanted, since)
        shelf: _Shelf[tuple[Activity, ...]] = self._shelves[Kind.ACTIVITIES]

        async def ask() -> tuple[Activity, ...]:
            last = shelf.last(key) if wanted == {ActivityKind.FILL} else None
            known = () if last is None else _settled(last.value)
            after_id = known[-1].activity_id if known else None
            try:
                more = await self._broker.activities(wanted, since=since, after_id=after_id)
            except BrokerRejected:
                if after_id is None:
                    raise
                known = ()  # that one is listed no more: a busted execution
                more = await self._broker.activities(wanted, since=since)
            return (*known, *more)

        return await shelf.get(key, ask, max_age_s=max_age_s)

    def last_account(self) -> Shown[AccountReport] | None:
        """The last account that was told, however old; None before the first."""
        return self._shelves[Kind.ACCOUNT].last("")

    def last_positions(self) -> Shown[tuple[PositionReport, ...]] | None:
        return self._shelves[Kind.POSITIONS].last("")

    def forget(self, kinds: Iterable[Kind] = MOVED) -> None:
        """Ask anew for these next time: something may have changed them."""
        for kind in kinds:
            self._shelves[kind].invalidate()

    def heard(self, messages: Iterable[JournalMessage]) -> None:
        """What the engine has applied: an order that leaves or is reported changes buying power
        and what is available, an execution also what is held."""
        if any(type(message) in _MOVERS for message in messages):
            self.forget()

    def stats(self) -> tuple[CacheStats, ...]:
        return tuple(shelf.stats() for shelf in self._shelves.values())

    async def aclose(self) -> None:
        """Give up what is being asked."""
        for shelf in self._shelves.values():
            await shelf.aclose()


def _seen(task: "asyncio.Task[Any]") -> None:
    """Everybody who waited may have gone: an error that nobody takes is no defect."""
    if not task.cancelled():
        task.exception()


def _session_changes(phase: MarketPhase, as_of: datetime) -> datetime:
    """By our clock, which may differ from the broker's."""
    return as_of + (min(phase.next_open, phase.next_close) - phase.broker_time)


def _trading_day_ends(_: object, as_of: datetime) -> datetime:
    """One in the morning UTC: extended hours are over in New York, in summer and in winter."""
    today = as_of.replace(hour=1, minute=0, second=0, microsecond=0)
    return today if as_of < today else today + timedelta(days=1)


def _settled(known: tuple[Activity, ...]) -> tuple[Activity, ...]:
    """Those old enough that nothing will be listed before them any more."""
    if not known:
        return ()
    before = known[-1].time - _ACTIVITY_OVERLAP
    return tuple(one for one in known if one.time <= before)
