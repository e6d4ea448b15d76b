"""What a tape reader promises: one source's market events in time order, and what they cover."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from floorbroker.clock import datetime_of, ns_of
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import MarketEvent

NEW_YORK = ZoneInfo("America/New_York")
NS_PER_MS = 1_000_000
NS_PER_MINUTE = 60_000 * NS_PER_MS


class NothingChosen(TapeError):
    """The file is sound, but has nothing of the chosen symbols and day."""


class TapeInfo(Struct, frozen=True, kw_only=True):
    """What a source holds: no event is before `first_ns` or after `last_ns`.

    `kind` names the format ("lobster", "lean tick", "lean minute", "bars", "alpaca", "synthetic"),
    `name` the file or files it is read from.
    """

    kind: str
    name: str
    symbols: tuple[str, ...]
    first_ns: int
    last_ns: int
    has_quotes: bool = True
    has_trades: bool = True
    has_depth: bool = False


class TapeSource(Protocol):
    """One tape: iterate it as often as needed, each time from its start.

    Events come in time order, and a print before the quotes of its instant: it meets the market
    that stood strictly before it. Reading is lazy. A malformed file raises
    TapeError at the event where it is met, naming file, line and field; what came before it was
    sound. The same file yields the same events every time.
    """

    @property
    def info(self) -> TapeInfo: ...

    def __iter__(self) -> Iterator[MarketEvent]: ...


class Selection(Struct, frozen=True):
    """What is wanted of a file that holds more: these symbols (none named: all), this day.

    Without `quotes` files that hold nothing else are not opened.
    """

    symbols: frozenset[str] = frozenset()
    day: date | None = None
    quotes: bool = True

    def takes(self, symbol: str) -> bool:
        return not self.symbols or symbol in self.symbols

    def span_ns(self) -> tuple[int, int]:
        """The chosen day from midnight to midnight in New York, or all of time."""
        if self.day is None:
            return 0, 2**63
        return new_york_ns(self.day, time()), new_york_ns(self.day + timedelta(days=1), time())


def new_york_ns(day: date, at: time) -> int:
    """Nanoseconds since 1970 of a wall-clock time in New York."""
    return ns_of(datetime.combine(day, at, NEW_YORK))


def new_york_date(time_ns: int) -> date:
    """The calendar day in New York."""
    return datetime_of(time_ns).astimezone(NEW_YORK).date()


def midnight_ns(day: date) -> int:
    """The instant from which "seconds after midnight, New York" count on this day.

    Counted back from noon, so that the numbers fit the market's hours even on the two days a year
    whose clock change makes the true midnight an hour nearer or farther.
    """
    return new_york_ns(day, time(12)) - 12 * 60 * NS_PER_MINUTE
