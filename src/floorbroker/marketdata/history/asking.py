"""Whom to ask what earlier days say of a symbol: files, a broker's bars, one after another."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal

from msgspec import Struct

from floorbroker.domain.books.earlier import Earlier, Wanted
from floorbroker.domain.errors import BrokerError, TapeError
from floorbroker.domain.quotes import Bar
from floorbroker.marketdata.history.dates import Hours
from floorbroker.marketdata.history.day import HistoryDay
from floorbroker.marketdata.history.estimate import Choice, History, history_of
from floorbroker.marketdata.history.known import curve_of, stats_of
from floorbroker.marketdata.history.load import Reading
from floorbroker.marketdata.port import new_york_date

#: The days of a symbol before a date, at least so many usual ones where there are so many.
Days = Callable[[str, date, int], Awaitable[Sequence[HistoryDay]]]
#: One-minute bars of symbols between two instants.
Bars = Callable[[Sequence[str], datetime, datetime], Awaitable[dict[str, list[Bar]]]]
BROKERS_BARS = "the broker's minute bars"
#: Answers are kept for so many symbols; of two a desk of a thousand names needs none anew.
KEPT_MAX = 2_000


class Source(Struct, frozen=True):
    """Somebody who knows earlier days, and how people call it."""

    name: str
    days: Days


def from_files(path: Path, reading: Reading, *, aside: bool = True) -> Source:
    """Whatever files `open_tape` understands. They are read in a thread, unless all is to happen
    in virtual time."""

    async def days(symbol: str, before: date, _: int) -> Sequence[HistoryDay]:
        def read() -> list[HistoryDay]:
            return list(reading.days(path, symbol, before))

        return await asyncio.to_thread(read) if aside else read()

    return Source(f"files in {path}", days)


def from_bars(bars: Bars, reading: Reading, name: str = BROKERS_BARS) -> Source:
    """A broker's one-minute bars, of as many calendar days as hold the sessions."""

    async def days(symbol: str, before: date, count: int) -> Sequence[HistoryDay]:
        end, length = datetime.combine(before, time(), UTC), count * 3 // 2 + 10
        found = (await bars([symbol], end - timedelta(days=length), end)).get(symbol)
        if not found:
            raise TapeError(f"none of {symbol} in the {length} days before {before}")
        return list(reading.days_of_bars(found, symbol, name))

    return Source(name, days)


class EarlierDays:
    """What earlier days say of a symbol, from the first source that has any.

    The days of a symbol are asked for once a date; an answer that failed is asked for anew.
    """

    def __init__(self, sources: Sequence[Source], hours: Hours) -> None:
        self._sources = sources
        self._hours = hours
        self._kept: dict[tuple[str, date, int], Sequence[HistoryDay]] = {}

    async def __call__(self, wanted: Wanted) -> Earlier:
        """Curve and statistics as they were known before the day of the start; what is not known
        is left out, and `why` says so."""
        day = new_york_date(wanted.start_ns)
        method: Literal["mean", "median"] = "median" if wanted.average == "median" else "mean"
        choice = Choice(days=wanted.days, method=method, before=day)
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
        assert choice.before is not None, "a day that is traded is never looked at"
        said: list[str] = []
        for source in self._sources:
            try:
                days = await self._days(source, symbol, choice.before, choice.days)
                return history_of(days, self._hours, choice)
            except (TapeError, BrokerError) as problem:
                said.append(f"{source.name}: {problem}")
        told = "; ".join(said) or "there is nobody to ask"
        raise TapeError(f"no earlier day of {symbol} is known: {told}")

    async def _days(
        self, source: Source, symbol: str, before: date, count: int
    ) -> Sequence[HistoryDay]:
        key = (f"{source.name} {symbol}", before, count)
        found = self._kept.get(key)
        if found is None:
            found = await source.days(symbol, before, count)
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[key] = found
        return found
