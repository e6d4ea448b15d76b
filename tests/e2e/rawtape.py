"""Recorded days as their files say, read anew: what was on display and what printed, row by row.

Nothing of the market data room is used here, so that a fill can be held against the file itself.
A reader stands at one row. `show` moves it to the next row at which the display differs, and
`print_at` reads one row of the trades; both assert that the row has the time that was expected.
"""

import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

NS_PER_MS = 1_000_000
NS_PER_S = 1_000 * NS_PER_MS
_OTHER_SIDE = {"1": "sell", "-1": "buy"}
#: Sale conditions of AlgoSeek's files that make no price, and those of the two auctions.
_NO_PRICE = 0x73462C0
_AUCTION_BITS = {"open": 0x40, "close": 0x80}

Display = dict[str, dict[Decimal, Decimal]]


class Print(Struct, frozen=True):
    """A trade of the tape; `aggressor` is empty where the file does not tell."""

    px: Decimal
    size: Decimal
    aggressor: str
    makes_price: bool
    auction: str = ""


class RawDay(Protocol):
    """`shown` has the displayed sizes by side and price; each statement of a one-level day is
    liquidity of its own (`is_restated`)."""

    symbol: str
    open_ns: int
    shown: Display
    is_restated: bool

    def show(self, time_ns: int) -> None: ...

    def print_at(self, number: int, time_ns: int) -> Print: ...


class LobsterFiles:
    """The two files of a LOBSTER zip: row n of the book is the book after message n."""

    is_restated = False

    def __init__(self, path: Path, day: date) -> None:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".csv"))
            message, book = names
            self._messages, self._books = _lines(archive, message), _lines(archive, book)
        assert "_message_" in message
        assert "_orderbook_" in book
        self.symbol = names[0].partition("_")[0]
        self._midnight_ns = _midnight_ns(day)
        self.open_ns = self._midnight_ns + 34_200 * NS_PER_S
        self.shown: Display = {"buy": {}, "sell": {}}
        self._next = 0
        self._line = ""

    def show(self, time_ns: int) -> None:
        while self._books[self._next] == self._line:
            self._next += 1
        assert self._time_ns(self._next) == time_ns, f"row {self._next + 1} is of another instant"
        self._line = self._books[self._next]
        cells = [int(cell) for cell in self._line.split(",")]
        self.shown = {
            "buy": _levels(cells[2::4], cells[3::4]),
            "sell": _levels(cells[0::4], cells[1::4]),
        }
        self._next += 1

    def print_at(self, number: int, time_ns: int) -> Print:
        assert self._time_ns(number - 1) == time_ns
        _, kind, _, size, px, direction = self._messages[number - 1].split(",")
        assert kind in "45", f"row {number} is no execution"
        assert self._next <= number - 1, "the book behind the print is shown already"
        while self._next < number - 1:
            assert self._books[self._next] == self._line, "a book was left out"
            self._next += 1
        return Print(_dollars(int(px)), Decimal(size), _OTHER_SIDE[direction], kind == "4")

    def _time_ns(self, place: int) -> int:
        seconds, _, rest = self._messages[place].partition(",")[0].partition(".")
        return self._midnight_ns + int(seconds) * NS_PER_S + int(rest[:9].ljust(9, "0"))


class LeanFiles:
    """AlgoSeek's trade and quote file of one symbol and day; quotes are the best of all venues."""

    is_restated = True

    def __init__(self, folder: Path, day: date) -> None:
        self.symbol = folder.name.upper()
        trades, quotes = (
            _only_member(folder / f"{day:%Y%m%d}_{part}.zip") for part in ("trade", "quote")
        )
        self._trades = [line.split(",") for line in trades]
        self._quotes = [line.split(",") for line in quotes]
        self._midnight_ns = _midnight_ns(day)
        self.open_ns = self._midnight_ns + 34_200 * NS_PER_S
        self.shown: Display = {"buy": {}, "sell": {}}
        self._auctions = dict(self._largest(name) for name in _AUCTION_BITS)
        self._next = 0
        self._sides = {"buy": ("0", "0", ""), "sell": ("0", "0", "")}

    def show(self, time_ns: int) -> None:
        before = dict(self._sides)
        while self._sides == before:
            ms = self._quotes[self._next][0]
            self._read_pair()
        assert self._midnight_ns + int(ms) * NS_PER_MS == time_ns, f"line {self._next}: {ms}"
        self.shown = {
            side: _levels([int(px)], [int(size)]) for side, (px, size, _) in self._sides.items()
        }

    def print_at(self, number: int, time_ns: int) -> Print:
        ms, px, size, _, bits, suspicious = self._trades[number - 1]
        assert self._midnight_ns + int(ms) * NS_PER_MS == time_ns
        makes_price = not int(bits, 16) & _NO_PRICE and suspicious == "0"
        auction = self._auctions.get(number, "")
        return Print(_dollars(int(px)), Decimal(size), "", makes_price, auction)

    def _read_pair(self) -> None:
        """A bid row and the offer row behind it; either may be missing."""
        first = self._quotes[self._next]
        self._read_row(first)
        second = self._quotes[self._next] if self._next < len(self._quotes) else first
        if first[3] == "0" and second[3] != "0" and second[0] == first[0]:
            self._read_row(second)

    def _read_row(self, row: list[str]) -> None:
        _, bid, bid_size, ask, ask_size, venue, _, suspicious = row
        self._next += 1
        if suspicious == "0" and ask == "0":
            self._sides["buy"] = (bid, bid_size, venue)
        elif suspicious == "0":
            self._sides["sell"] = (ask, ask_size, venue)

    def _largest(self, auction: str) -> tuple[int, str]:
        """The number of the auction's print: the largest of those that carry its mark."""
        marked = [
            (int(row[2]), number)
            for number, row in enumerate(self._trades, 1)
            if int(row[4], 16) & _AUCTION_BITS[auction]
        ]
        return max(marked)[1], auction


def _lines(archive: zipfile.ZipFile, name: str) -> list[str]:
    return archive.read(name).decode("ascii").splitlines()


def _only_member(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return _lines(archive, archive.namelist()[0])


def _levels(prices: list[int], sizes: list[int]) -> dict[Decimal, Decimal]:
    """Sizes of zero are empty places."""
    pairs = zip(prices, sizes, strict=True)
    return {_dollars(px): Decimal(size) for px, size in pairs if size > 0}


def _dollars(ten_thousandths: int) -> Decimal:
    return Decimal(ten_thousandths) / 10_000


def _midnight_ns(day: date) -> int:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo("America/New_York"))
    return (int(noon.timestamp()) - 12 * 3600) * NS_PER_S
