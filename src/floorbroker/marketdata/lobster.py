"""LOBSTER days: NASDAQ order-book messages and the book after each, as trades, depth and quotes.

A message row is time, type, order id, size, price and direction; the book row of the same number
is the book after it: ask price, ask size, bid price, bid size, level by level. Times are decimal
seconds after midnight in New York, prices are dollars times 10,000. Columns of other kinds that
later files append to a message row are not read.
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from floorbroker.clock import NS_PER_S
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import Depth, Halt, MarketEvent, Quote, Trade
from floorbroker.marketdata.port import TapeInfo, midnight_ns
from floorbroker.marketdata.rows import (
    Column,
    PriceCells,
    SizeCells,
    TextFile,
    backwards,
    bad_row,
    whole_number,
)

FILE_NAME = re.compile(
    r"(?P<symbol>[A-Z.]+)_(?P<date>\d{4}-\d{2}-\d{2})_\d+_\d+_"
    r"(?P<part>message|orderbook)_(?P<levels>\d+)\.csv"
)

#: New, partly canceled, deleted, executed visible, executed hidden, cross, halt.
MESSAGE_TYPES = ("1", "2", "3", "4", "5", "6", "7")
#: Who took liquidity when a resting order of this direction was executed.
AGGRESSORS = {"-1": "buy", "1": "sell"}
NASDAQ = "Q"

_ZERO = Decimal(0)
_NOON_NS = 12 * 3600 * NS_PER_S
_Side = tuple[tuple[Decimal, Decimal], ...]


class LobsterDay:
    """One symbol's day from a message file and its orderbook file.

    Visible executions (type 4) are eligible trades; hidden ones (type 5) are trades that touch no
    displayed order and are not eligible; crosses (type 6) are auction prints. The aggressor is
    the opposite of the resting order's direction. Quotes and depth (none in a one-level file)
    follow only where the displayed book differs from the row before.
    """

    def __init__(self, messages: TextFile, books: TextFile) -> None:
        name = _parse_name(messages)
        if _parse_name(books)["levels"] != name["levels"]:
            raise TapeError(
                f"{books.name} does not belong to {messages.name}: the number of levels differs"
            )
        self._messages = messages
        self._books = books
        self.symbol = name["symbol"]
        self.levels = int(name["levels"])
        self.px = PriceCells()
        self.size = SizeCells()
        self.day = date.fromisoformat(name["date"])
        self._midnight_ns = midnight_ns(self.day)
        first, last, count = messages.ends()
        self.row_count = count
        self.info = TapeInfo(
            kind="lobster",
            name=messages.name,
            symbols=(self.symbol,),
            first_ns=self._time_of(first, 1),
            last_ns=self._time_of(last, count),
            has_depth=self.levels > 1,
        )

    def __iter__(self) -> Iterator[MarketEvent]:
        book = _BookRows(self, self._books)
        book_lines = self._books.lines()
        book_line = last_cell = ""
        last_ns = 0
        for number, line in enumerate(self._messages.lines(), 1):
            try:
                time_cell, kind, _, size, price, direction, *_ = line.split(",")
                time_ns = self._midnight_ns + ns_of_seconds(time_cell)
                if kind not in "123":
                    yield self._print_or_halt(
                        (kind, size, price, direction), time_ns=time_ns, number=number
                    )
                elif kind not in MESSAGE_TYPES or direction not in ("1", "-1"):
                    raise ValueError(line)
            except (ValueError, LookupError):
                raise bad_row(self._messages, number, line, _COLUMNS) from None
            if time_ns < last_ns:
                raise backwards(self._messages, number, time_cell, last_cell)
            last_ns, last_cell = time_ns, time_cell
            next_book_line = next(book_lines, None)
            if next_book_line is None:
                raise self._short(self._books, number - 1)
            if next_book_line != book_line:
                book_line = next_book_line
                yield from book.read(book_line, number, time_ns)
        if next(book_lines, None) is not None:
            raise self._short(self._messages, number)

    def _print_or_halt(
        self, cells: tuple[str, str, str, str], *, time_ns: int, number: int
    ) -> MarketEvent:
        kind, size, price, direction = cells
        if kind == "7":
            if price not in ("-1", "0", "1"):
                raise ValueError(price)
            return Halt(symbol=self.symbol, time_ns=time_ns, halted=price != "1")
        if kind not in ("4", "5", "6") or size == "0":
            raise ValueError(kind)
        is_early = time_ns < self._midnight_ns + _NOON_NS
        return Trade(
            symbol=self.symbol,
            time_ns=time_ns,
            px=self.px[price],
            size=self.size[size],
            trade_id=number,
            exchange=NASDAQ,
            aggressor=AGGRESSORS[direction] if kind != "6" else "",
            eligible=kind == "4",
            auction="" if kind != "6" else "open" if is_early else "close",
        )

    def _time_of(self, line: str, number: int) -> int:
        try:
            return self._midnight_ns + ns_of_seconds(line.split(",")[0])
        except ValueError:
            raise bad_row(self._messages, number, line, _COLUMNS) from None

    def _short(self, file: TextFile, rows: int) -> TapeError:
        return TapeError(
            f"{file.name} ends after line {rows}; right are as many rows in the message file "
            "as in the orderbook file"
        )


class _BookRows:
    """Turns a changed row of the orderbook file into depth, and into a quote if the top moved."""

    def __init__(self, day: LobsterDay, file: TextFile) -> None:
        self._symbol = day.symbol
        self._levels = day.levels
        self._px = day.px
        self._size = day.size
        self._file = file
        self._top: list[str] = []

    def read(self, line: str, number: int, time_ns: int) -> Iterator[MarketEvent]:
        cells = line.split(",")
        try:
            if len(cells) != 4 * self._levels:
                raise ValueError(line)
            if self._levels > 1:
                yield Depth(
                    symbol=self._symbol,
                    time_ns=time_ns,
                    bids=self._side(cells[2::4], cells[3::4]),
                    asks=self._side(cells[0::4], cells[1::4]),
                )
            if cells[:4] != self._top:
                self._top = cells[:4]
                yield self._quote(time_ns)
        except ValueError:
            raise bad_row(self._file, number, line, _book_columns(self._levels)) from None

    def _quote(self, time_ns: int) -> Quote:
        ask_px, ask_size, bid_px, bid_size = self._top
        return Quote(
            symbol=self._symbol,
            time_ns=time_ns,
            bid_px=_ZERO if bid_size == "0" else self._px[bid_px],
            bid_size=self._size[bid_size],
            ask_px=_ZERO if ask_size == "0" else self._px[ask_px],
            ask_size=self._size[ask_size],
            bid_exchange=NASDAQ,
            ask_exchange=NASDAQ,
        )

    def _side(self, prices: list[str], sizes: list[str]) -> _Side:
        """Levels of one side, best first; levels of size zero stand for places not taken."""
        return tuple(
            [
                (self._px[price], self._size[size])
                for price, size in zip(prices, sizes, strict=True)
                if size != "0"
            ]
        )


def ns_of_seconds(cell: str) -> int:
    """Nanoseconds of decimal seconds, exactly; digits past the ninth are cut."""
    seconds, _, fraction = cell.partition(".")
    if not fraction:
        return whole_number(seconds) * NS_PER_S
    whole_number(fraction)
    return whole_number(seconds) * NS_PER_S + int(fraction[:9].ljust(9, "0"))


def _parse_name(file: TextFile) -> dict[str, str]:
    found = FILE_NAME.fullmatch(file.file_name)
    if found is None:
        raise TapeError(
            f"{file.name} has no LOBSTER file name; right is for example "
            "AMZN_2012-06-21_34200000_57600000_message_5.csv"
        )
    return found.groupdict()


def _message_type(cell: str) -> None:
    if cell not in MESSAGE_TYPES:
        raise ValueError(cell)


def _direction(cell: str) -> str:
    return AGGRESSORS[cell]


def _message_price(cell: str) -> int:
    return whole_number(cell.removeprefix("-"))


def _book_columns(levels: int) -> list[Column]:
    parts = (
        ("price", _message_price, "dollars times 10,000 as a whole number"),
        ("size", whole_number, "a whole number of shares"),
    )
    return [
        Column(f"{side} {name} {level}", read, right)
        for level in range(1, levels + 1)
        for side in ("ask", "bid")
        for name, read, right in parts
    ]


_COLUMNS = (
    Column("time", ns_of_seconds, "seconds after midnight such as 34200.017459617"),
    Column("type", _message_type, "one of 1 to 7"),
    Column("order id", whole_number, "a whole number"),
    Column("size", whole_number, "a whole number of shares, above 0 for an execution"),
    Column("price", _message_price, "dollars times 10,000 as a whole number (halts: -1, 0 or 1)"),
    Column("direction", _direction, "1 (a bid) or -1 (an offer)"),
)
