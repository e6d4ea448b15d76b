"""The answers to one kind of question, their age, and the requests that are on their way."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct

from floorbroker.brokers.freshness import Fresh, Shown
from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerError

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


#: Answers kept of a kind, the least recently used one makes room.
_ENTRIES_MAX = {Kind.INSTRUMENT: 4096, Kind.CALENDAR: 64, Kind.ACTIVITIES: 16}


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


class Shelf(Generic[Value]):
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

    def clear(self) -> None:
        """Keep nothing, not even to go on from."""
        self._entries.clear()

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


def _seen(task: "asyncio.Task[Any]") -> None:
    """Everybody who waited may have gone: an error that nobody takes is no defect."""
    if not task.cancelled():
        task.exception()
