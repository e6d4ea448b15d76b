"""Whom to ask what earlier days say of a symbol: files, a broker, one after another."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Generic, Literal, TypeVar

from msgspec import Struct

from floorbroker.domain.books.earlier import AuctionVolumes, DayStats, Earlier, Wanted
from floorbroker.domain.errors import BrokerError, TapeError
from floorbroker.domain.quotes import Bar, Trade
from floorbroker.marketdata.history.auctions import AuctionDay, auction_days, least_of
from floorbroker.marketdata.history.dates import Hours
from floorbroker.marketdata.history.day import HistoryDay
from floorbroker.marketdata.history.estimate import Choice, History, history_of
from floorbroker.marketdata.history.known import curve_of, stats_of
from floorbroker.marketdata.history.load import Reading
from floorbroker.marketdata.port import new_york_date

_Found = TypeVar("_Found")
_Estimate = TypeVar("_Estimate")
#: What is known of a symbol before a date, of at least so many usual days where there are so many.
_Ask = Callable[[str, date, int], Awaitable[Sequence[_Found]]]
Days = _Ask[HistoryDay]
AuctionDays = _Ask[AuctionDay]
#: One-minute bars of symbols between two instants.
Bars = Callable[[Sequence[str], datetime, datetime], Awaitable[dict[str, list[Bar]]]]
#: Auction prints of a symbol between two instants.
Prints = Callable[[str, tuple[datetime, datetime]], Awaitable[Sequence[Trade]]]
#: Answers are kept for so many symbols; of two a desk of a thousand names needs none anew.
KEPT_MAX = 2_000


class Called(Struct, frozen=True):
    """How people call what a broker tells."""

    bars: str = "the broker's minute bars"
    auctions: str = "the broker's list of auctions"


BROKERS = Called()


class Source(Struct, frozen=True):
    """Somebody who knows earlier days, perhaps their auctions, and how people call it."""

    name: str
    days: Days
    auctions: AuctionDays | None = None


def from_files(path: Path, reading: Reading, *, aside: bool = True) -> Source:
    """Whatever files `open_tape` understands. They are read in a thread, unless all is to happen
    in virtual time."""

    async def read(reads: Callable[[], Sequence[_Found]]) -> Sequence[_Found]:
        return await asyncio.to_thread(reads) if aside else reads()

    async def days(symbol: str, before: date, _: int) -> Sequence[HistoryDay]:
        return await read(lambda: list(reading.days(path, symbol, before)))

    async def auctions(symbol: str, before: date, _: int) -> Sequence[AuctionDay]:
        return await read(lambda: list(reading.auctions(path, symbol, before)))

    return Source(f"files in {path}", days, auctions)


def from_bars(
    bars: Bars, reading: Reading, prints: Prints | None = None, called: Called = BROKERS
) -> Source:
    """A broker's one-minute bars, of as many calendar days as hold the sessions, and what it
    lists of auctions."""

    async def days(symbol: str, before: date, count: int) -> Sequence[HistoryDay]:
        start, end = _span(before, count)
        found = (await bars([symbol], start, end)).get(symbol)
        if not found:
            raise TapeError(f"none of {symbol} in the {(end - start).days} days before {before}")
        return list(reading.days_of_bars(found, symbol, called.bars))

    async def auctions(symbol: str, before: date, count: int) -> Sequence[AuctionDay]:
        if prints is None:
            return ()
        found = await prints(symbol, _span(before, count))
        return list(auction_days(found, called.auctions))

    return Source(called.bars, days, auctions)


def _span(before: date, count: int) -> tuple[datetime, datetime]:
    end = datetime.combine(before, time(), UTC)
    return end - timedelta(days=count * 3 // 2 + 10), end


class EarlierDays:
    """What earlier days say of a symbol, from the first source that has any.

    The days of a symbol are asked for once a date; an answer that failed is asked for anew.
    """

    def __init__(self, sources: Sequence[Source], hours: Hours) -> None:
        self._sources = sources
        self._hours = hours
        self._days = _Kept[HistoryDay]("day")
        self._auctions = _Kept[AuctionDay]("auction")

    async def __call__(self, wanted: Wanted) -> Earlier:
        """Curve and statistics as they were known before the day of the start; what is not known
        is left out, and `why` says so."""
        day = new_york_date(wanted.start_ns)
        method: Literal["mean", "median"] = "median" if wanted.average == "median" else "mean"
        choice = Choice(days=wanted.days, method=method, before=day)
        if wanted.auctions:
            try:
                found = await self.auctions(wanted.symbol, choice)
            except TapeError as problem:
                return Earlier(why=f"{problem}")
            return Earlier(stats=DayStats(auctions=found))
        try:
            history = await self.history(wanted.symbol, choice)
        except TapeError as problem:
            return Earlier(why=f"{problem}")
        stats = stats_of(history)
        try:
            return Earlier(curve=curve_of(history, day, self._hours), stats=stats)
        except ValueError as problem:
            return Earlier(stats=stats, why=f"{problem}")

    async def history(self, symbol: str, choice: Choice) -> History:
        """The estimate of the first source that has a usual day; raises TapeError that says what
        each of them said."""
        asks = [(source.name, source.days) for source in self._sources]
        return await self._days.first(
            asks, symbol, choice, lambda days: history_of(days, self._hours, choice)
        )

    async def auctions(self, symbol: str, choice: Choice) -> AuctionVolumes:
        """The smallest auctions that the first source knows of; raises TapeError like `history`.

        That may be another source than the one of the days: bars tell no auction apart.
        """
        asks = [
            (source.name, source.auctions)
            for source in self._sources
            if source.auctions is not None
        ]
        return await self._auctions.first(
            asks, symbol, choice, lambda days: least_of(days, self._hours, choice)
        )


class _Kept(Generic[_Found]):
    """Answers of sources, `what` it is that they know; one that failed is not kept."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._kept: dict[tuple[str, date, int], Sequence[_Found]] = {}

    async def first(
        self,
        asks: Sequence[tuple[str, _Ask[_Found]]],
        symbol: str,
        choice: Choice,
        estimate: Callable[[Sequence[_Found]], _Estimate],
    ) -> _Estimate:
        """By the first of the named sources that knows enough; raises TapeError that says what
        each of them said."""
        said: list[str] = []
        for name, ask in asks:
            try:
                return estimate(await self._get(name, ask, symbol, choice))
            except (TapeError, BrokerError) as problem:
                said.append(f"{name}: {problem}")
        told = "; ".join(said) or "there is nobody to ask"
        raise TapeError(f"no earlier {self._what} of {symbol} is known: {told}")

    async def _get(
        self, name: str, ask: _Ask[_Found], symbol: str, choice: Choice
    ) -> Sequence[_Found]:
        assert choice.before is not None, "a day that is traded is never looked at"
        key = (f"{name} {symbol}", choice.before, choice.days)
        found = self._kept.get(key)
        if found is None:
            found = await ask(symbol, choice.before, choice.days)
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[key] = found
        return found
