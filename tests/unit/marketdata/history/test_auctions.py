"""Of earlier days' auctions the smallest is told, of usual days before the one that is traded."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from floorbroker.domain.books.earlier import AuctionVolumes, Earlier, Wanted
from floorbroker.domain.errors import BrokerUnknown, TapeError
from floorbroker.domain.quotes import Bar, Trade
from floorbroker.exchange.reference.calendar import regular_hours
from floorbroker.marketdata.history.asking import EarlierDays, Source, from_bars, from_files
from floorbroker.marketdata.history.auctions import AuctionDay, auction_days, least_of
from floorbroker.marketdata.history.estimate import Choice
from floorbroker.marketdata.history.load import Reading
from floorbroker.marketdata.port import NS_PER_MINUTE, new_york_ns
from tests.unit.marketdata.lean_zip import write_lean

D = Decimal
MONDAY = date(2026, 6, 1)
BEFORE_MONDAY = Choice(before=MONDAY)
READING = Reading(regular_hours, 15 * NS_PER_MINUTE)
WANTED = Wanted(symbol="AAPL", start_ns=new_york_ns(MONDAY, time(10)), auctions=True)


def day_of(day: date, opening: int | None, closing: int | None) -> AuctionDay:
    return AuctionDay(
        day=day,
        opening=None if opening is None else D(opening),
        closing=None if closing is None else D(closing),
        source="test",
        last_ns=new_york_ns(day, time(16)),
    )


def told(found: AuctionVolumes | AuctionDay) -> tuple[int | None, int | None]:
    """The opening and the closing auction."""
    both = (found.opening, found.closing)
    opening, closing = (None if one is None else int(one) for one in both)
    return opening, closing


def may(number: int, opening: int | None, closing: int | None) -> AuctionDay:
    return day_of(date(2026, 5, number), opening, closing)


def printed(day: int, at: time, size: int, auction: str, symbol: str = "AAPL") -> Trade:
    return Trade(
        symbol=symbol,
        time_ns=new_york_ns(date(2026, 5, day), at),
        px=D(10),
        size=D(size),
        auction=auction,
    )


def test_the_smallest_opening_and_the_smallest_closing_are_told() -> None:
    found = least_of([may(28, 70, 500), may(27, 90, 300)], regular_hours, BEFORE_MONDAY)
    assert (told(found), found.days, found.source) == ((70, 300), 2, "test")
    assert found.as_of_ns == new_york_ns(date(2026, 5, 28), time(16))


def test_nothing_of_the_day_that_is_traded_or_of_later_days_is_looked_at() -> None:
    days = [may(29, 70, 500), day_of(MONDAY, 1, 1), day_of(date(2026, 6, 2), 1, 1)]
    found = least_of(days, regular_hours, BEFORE_MONDAY)
    assert (told(found), found.days) == ((70, 500), 1)
    with pytest.raises(TapeError, match="none of a usual day before 2026-06-01"):
        least_of(days[1:], regular_hours, BEFORE_MONDAY)


def test_a_day_without_an_auction_says_nothing_of_it() -> None:
    found = least_of([may(28, None, 500), may(29, None, 300)], regular_hours, BEFORE_MONDAY)
    assert told(found) == (None, 300)


def test_the_last_usual_days_count() -> None:
    days = [may(26, 1, 1), may(27, 60, 60), may(28, 50, 50)]
    assert least_of(days, regular_hours, Choice(days=2, before=MONDAY)).opening == 50
    assert least_of(days, regular_hours, Choice(days=3, before=MONDAY)).opening == 1
    witching, usual = day_of(date(2026, 6, 19), 9, 9), day_of(date(2026, 6, 22), 50, 50)
    later = Choice(before=date(2026, 6, 23))
    assert least_of([witching, usual], regular_hours, later).closing == 50


def test_of_a_day_with_short_hours_nothing_is_expected() -> None:
    usual = [day_of(date(2026, 11, 25), 50, 50)]
    assert least_of(usual, regular_hours, Choice(before=date(2026, 11, 30))).opening == 50
    with pytest.raises(TapeError, match="2026-11-27 has short hours"):
        least_of(usual, regular_hours, Choice(before=date(2026, 11, 27)))


def test_of_several_prints_of_a_day_the_largest_is_the_auction() -> None:
    prints = [
        printed(28, time(9, 30), 10, "open"),
        printed(28, time(9, 31), 700, "open"),
        printed(28, time(12), 9000, ""),
        printed(28, time(16, 1), 800, "close"),
        printed(29, time(16), 20, "close"),
    ]
    one, two = auction_days(prints, "test")
    assert (told(one), told(two)) == ((700, 800), (None, 20))
    assert one.last_ns == prints[3].time_ns


async def asked(*sources: Source) -> Earlier:
    return await EarlierDays(sources, regular_hours)(WANTED)


async def nothing(symbol: str, before: date, days: int) -> Sequence[AuctionDay]:
    return ()


async def unreachable(symbol: str, before: date, days: int) -> Sequence[AuctionDay]:
    raise BrokerUnknown("no answer")


async def no_days(symbol: str, before: date, days: int) -> Sequence[object]:
    raise AssertionError("only auctions are wanted")


async def no_bars(symbols: Sequence[str], *_: datetime) -> dict[str, list[Bar]]:
    raise AssertionError("only auctions are wanted")


async def test_the_first_source_that_knows_an_auction_answers() -> None:
    spans: list[tuple[datetime, datetime]] = []

    async def prints(symbol: str, span: tuple[datetime, datetime]) -> Sequence[Trade]:
        spans.append(span)
        return [printed(28, time(9, 30), 700, "open", symbol)]

    minutes = Source("minutes", no_days, nothing)  # type: ignore[arg-type]  # never asked
    found = await asked(minutes, from_bars(no_bars, READING, prints))
    auctions = found.stats.auctions
    assert (found.why, told(auctions)) == ("", (700, None))
    assert auctions.source == "the broker's list of auctions"
    ((start, end),) = spans
    assert f"{end:%Y-%m-%d %H:%M}" == "2026-06-01 00:00"
    assert (end - start).days == 40


async def test_where_nobody_knows_one_it_is_said_what_each_of_them_said() -> None:
    sources = [Source("a", no_days, nothing), Source("b", no_days, unreachable)]  # type: ignore[arg-type]  # never asked
    found = await asked(*sources, Source("c", no_days))  # type: ignore[arg-type]  # never asked
    assert found.stats.auctions.days == 0
    assert "no earlier auction of AAPL is known: a: auctions: none" in found.why
    assert found.why.endswith("b: no answer")
    assert "nobody to ask" in (await asked()).why


async def test_saved_trades_tell_the_auctions_of_their_days(tmp_path: Path) -> None:
    def row(moment: str, size: int, *conditions: str) -> dict[str, object]:
        return {"t": moment, "p": 10, "s": size, "x": "Q", "i": size, "z": "C", "c": conditions}

    rows = [
        row("2026-05-28T13:30:00Z", 700, "@", "O"),
        row("2026-05-28T15:00:00Z", 90_000, "@"),
        row("2026-05-28T20:00:01Z", 900, "@", "6"),
        row("2026-05-29T13:30:00Z", 600, "@", "O"),
        row("2026-06-01T13:30:00Z", 1, "@", "O"),
    ]
    path = tmp_path / "trades.json"
    path.write_bytes(msgspec.json.encode({"symbol": "AAPL", "trades": rows}))
    found = (await asked(from_files(path, READING))).stats.auctions
    assert (told(found), found.days) == ((600, 900), 2)


def test_of_ticks_the_prints_alone_are_read(tmp_path: Path) -> None:
    """The quotes, many times as many, could not even be read."""
    folder = tmp_path / "ibm"
    folder.mkdir()
    day = date(2013, 10, 8)
    write_lean(folder, "quote", ["nonsense"])
    after = date(2013, 10, 9)
    assert list(READING.auctions(folder, "IBM", after)) == []
    write_lean(folder, "trade", ["34200000,1803100,700,N,40,0", "57600000,1803100,900,N,80,0"])
    assert list(READING.auctions(folder, "IBM", day)) == []
    (one,) = READING.auctions(folder, "IBM", after)
    assert (one.day, told(one)) == (day, (700, 900))
