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

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

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
from floorbroker.brokers.shelf import CacheStats, Kind, Shelf
from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerRejected
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    JournalMessage,
    RequestSent,
    RequestUnanswered,
)


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


#: So many symbols are asked for one by one; then the whole list costs the broker less.
SINGLES_MAX = 20
#: An activity may be listed so much later than a younger one.
_ACTIVITY_OVERLAP = timedelta(seconds=60)
#: What our own orders and their executions change.
MOVED = (Kind.ACCOUNT, Kind.POSITIONS, Kind.ACTIVITIES)
_MOVERS = frozenset({ExecutionReport, RequestSent, RequestUnanswered})
_CORRECTIONS = frozenset({ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL})


class BrokerCache:
    """The broker's questions with their answers remembered; see the module for the promises.

    `max_age_s` of each method only shortens the stated freshness; 0 always asks.
    """

    def __init__(self, broker: Broker, clock: Clock, freshness: Freshness | None = None) -> None:
        self.freshness = freshness or Freshness()
        self._broker, self._clock = broker, clock
        self._shelves: dict[Kind, Shelf[Any]] = {
            kind: Shelf(kind, clock, getattr(self.freshness, f"{kind}_s")) for kind in Kind
        }

    async def account(self, *, max_age_s: float | None = None) -> Fresh[AccountReport]:
        shelf: Shelf[AccountReport] = self._shelves[Kind.ACCOUNT]
        return await shelf.get("", self._broker.account_report, max_age_s=max_age_s)

    async def positions(
        self, *, max_age_s: float | None = None
    ) -> Fresh[tuple[PositionReport, ...]]:
        async def ask() -> tuple[PositionReport, ...]:
            return tuple(await self._broker.positions())

        shelf: Shelf[tuple[PositionReport, ...]] = self._shelves[Kind.POSITIONS]
        return await shelf.get("", ask, max_age_s=max_age_s)

    async def market_phase(self, *, max_age_s: float | None = None) -> Fresh[MarketPhase]:
        """Its `broker_time` is that of the answer: see `age_s` for how long ago that was."""
        shelf: Shelf[MarketPhase] = self._shelves[Kind.CLOCK]
        ask = self._broker.market_phase
        return await shelf.get("", ask, max_age_s=max_age_s, ends=_session_changes)

    def instrument_at_hand(self, symbol: str) -> Fresh[Instrument | None] | None:
        """The same as `instrument` where nobody has to be asked; None where somebody has."""
        shelf: Shelf[Instrument | None] = self._shelves[Kind.INSTRUMENT]
        return shelf.at_hand(symbol, self.freshness.instrument_s)

    async def instrument(
        self, symbol: str, *, max_age_s: float | None = None
    ) -> Fresh[Instrument | None]:
        """None where the broker does not know the symbol. After `SINGLES_MAX` symbols the whole
        list is asked for once, where that is fresh enough."""
        singles: Shelf[Instrument | None] = self._shelves[Kind.INSTRUMENT]
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

        shelf: Shelf[dict[str, Instrument]] = self._shelves[Kind.INSTRUMENTS]
        return await shelf.get("", ask, max_age_s=max_age_s, ends=_trading_day_ends)

    async def calendar(
        self, start: date, end: date, *, max_age_s: float | None = None
    ) -> Fresh[tuple[CalendarDay, ...]]:
        async def ask() -> tuple[CalendarDay, ...]:
            return tuple(await self._broker.calendar(start, end))

        shelf: Shelf[tuple[CalendarDay, ...]] = self._shelves[Kind.CALENDAR]
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
        shelf: Shelf[tuple[Activity, ...]] = self._shelves[Kind.ACTIVITIES]

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
        """Ask anew for all of these next time: anything may have changed them."""
        for kind in kinds:
            self._shelves[kind].invalidate()
        self._shelves[Kind.ACTIVITIES].clear()

    def heard(self, messages: Iterable[JournalMessage]) -> None:
        """What the engine has applied: an order that leaves or is reported changes buying power
        and what is available, an execution also what is held."""
        moves = [message for message in messages if type(message) in _MOVERS]
        if not moves:
            return
        for kind in MOVED:
            self._shelves[kind].invalidate()
        if any(getattr(message, "exec_type", None) in _CORRECTIONS for message in moves):
            self._shelves[Kind.ACTIVITIES].clear()  # what is known would be gone on from

    def stats(self) -> tuple[CacheStats, ...]:
        return tuple(shelf.stats() for shelf in self._shelves.values())

    async def aclose(self) -> None:
        """Give up what is being asked."""
        for shelf in self._shelves.values():
            await shelf.aclose()


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
