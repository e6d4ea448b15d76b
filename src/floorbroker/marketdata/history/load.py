"""Days of a symbol's history from whatever files `open_tape` understands."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from pathlib import Path

from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import Bar, MarketEvent, Trade
from floorbroker.marketdata.detect import LEAN_ZIP, open_tape, parse_choice
from floorbroker.marketdata.history.auctions import AuctionDay, auction_days
from floorbroker.marketdata.history.dates import Hours
from floorbroker.marketdata.history.day import DayFold, HistoryDay, VolumeRules, folded, print_of
from floorbroker.marketdata.port import (
    NothingChosen,
    Selection,
    TapeSource,
    midnight_ns,
    new_york_date,
)

#: Sources whose quotes are made up from bars and say nothing of the spread.
WITHOUT_QUOTES = frozenset({"bars", "synthetic"})


class Reading:
    """How the files are read: hours of the days, width of the bins, which prints count."""

    def __init__(self, hours: Hours, bin_ns: int, rules: VolumeRules | None = None) -> None:
        self.hours = hours
        self.bin_ns = bin_ns
        self.rules = rules or VolumeRules()

    def days(self, path: Path, symbol: str, before: date | None = None) -> Iterator[HistoryDay]:
        """Every day of the symbol at this path, before that date; raises TapeError."""
        found = False
        for source in _sources(path, symbol, before):
            for day in self.days_of(source, symbol, before):
                found = True
                yield day
        if not found:
            told = f" before {before}" if before is not None else ""
            raise TapeError(f"{path} holds no session of {symbol}{told}")

    def auctions(self, path: Path, symbol: str, before: date) -> Iterator[AuctionDay]:
        """The auctions of every day at this path before that date; raises TapeError."""
        for source in _sources(path, symbol, before, quotes=False):
            yield from auction_days(_auction_prints(source, symbol, before), source.info.kind)

    def days_of(
        self, source: TapeSource, symbol: str, before: date | None = None
    ) -> Iterator[HistoryDay]:
        """The days of one source; on the embedded exchange that is its tape."""
        info = source.info
        for day, events in groupby(source, key=_day_of):
            if before is not None and day >= before:
                return
            hours = self.hours(day)
            if hours is None:
                continue
            fold = folded(DayFold(symbol, hours, self._bin_of(hours), self.rules), events)
            is_true = info.has_quotes and info.kind not in WITHOUT_QUOTES
            yield fold.done(day, info.kind, has_true_quotes=is_true)

    def days_of_bars(self, bars: Iterable[Bar], symbol: str, source: str) -> Iterator[HistoryDay]:
        """The days of a broker's one-minute bars; which prints are in them was its choice."""
        for day, events in groupby(map(print_of, bars), key=_day_of):
            hours = self.hours(day)
            if hours is not None:
                fold = folded(DayFold(symbol, hours, self._bin_of(hours), self.rules), events)
                yield fold.done(day, source, has_true_quotes=False)

    def _bin_of(self, hours: tuple[int, int]) -> int:
        """The width of the bins; a half day's last bin may not be whole, so it has one bin."""
        length_ns = hours[1] - hours[0]
        return (
            length_ns if length_ns % self.bin_ns and length_ns < 390 * 60 * 10**9 else self.bin_ns
        )


def _day_of(event: MarketEvent) -> date:
    return new_york_date(event.time_ns)


def _auction_prints(source: TapeSource, symbol: str, before: date) -> Iterator[Trade]:
    end_ns = midnight_ns(before)
    for event in source:
        if event.time_ns >= end_ns:
            return
        if isinstance(event, Trade) and event.auction and event.symbol == symbol:
            yield event


def _sources(
    path: Path, symbol: str, before: date | None, *, quotes: bool = True
) -> Iterator[TapeSource]:
    """Every source of the symbol; of LEAN's dated files each day, not one alone."""
    place, chosen = parse_choice(str(path))
    dated = _lean_days(place) if chosen.day is None else []
    if not dated:
        yield from open_tape(place, Selection(frozenset({symbol}), chosen.day, quotes))
        return
    for day in dated:
        if before is None or day < before:
            try:
                yield from open_tape(place, Selection(frozenset({symbol}), day, quotes))
            except NothingChosen:
                continue


def _lean_days(place: Path) -> list[date]:
    if not place.is_dir():
        return []
    names = [path.name for path in (*place.glob("*.zip"), *place.glob("*/*.zip"))]
    days = {found["date"] for name in names if (found := LEAN_ZIP.fullmatch(name))}
    return [date.fromisoformat(day) for day in sorted(days)]
