"""AlgoSeek ticks in LEAN's zip layout: consolidated trades and NBBO quotes of one stock and day.

A trade row is milliseconds after midnight New York, price times 10,000, size, venue, sale
conditions as hexadecimal bits, suspicious flag. A quote row holds one side and zeros for the
other: milliseconds, bid price, bid size, ask price, ask size, venue, conditions, suspicious flag.
Rows come in bid-ask pairs; a pair makes one quote. LEAN's minute files, trade and quote bars in
the same layout, become a market as other minute bars do.
"""

import heapq
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from operator import attrgetter

from msgspec import Struct

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.marketdata.barfile import BarRow, QuotedMinute, bar_of, minute_events
from floorbroker.marketdata.port import NS_PER_MINUTE, NS_PER_MS, TapeInfo
from floorbroker.marketdata.rows import (
    Column,
    PriceCells,
    SizeCells,
    TextFile,
    backwards,
    bad_row,
    positive_number,
    whole_number,
)

OPENING_PRINT = 0x40
CLOSING_PRINT = 0x80
#: Sale conditions that take a print out of prices: auctions, derivatively priced, extended hours,
#: out of sequence, average price, crosses and the like.
INELIGIBLE = 0x73462C0
#: What the tapes print for a bit; "@" is a regular sale.
CONDITION_LETTERS = {
    0x1: "@",
    0x20: "F",  # intermarket sweep
    0x40: "O",  # opening print
    0x80: "6",  # closing print
    0x200: "4",  # derivatively priced
    0x2000: "T",  # extended hours
    0x4000: "Z",  # out of sequence
    0x200000: "X",  # cross
}

_ZERO = Decimal(0)
_time_ns = attrgetter("time_ns")


class TickDay:
    """One symbol's day of ticks from a trade file, a quote file, or both.

    A trade is eligible if none of the `INELIGIBLE` bits is set and the source does not call it
    suspicious. The largest opening and the largest closing print are the listing market's: they
    alone are marked as auctions. Quotes carry both sides forward; suspicious sides are left out,
    and a pair that changes nothing yields nothing. Crossed and locked quotes are kept as recorded.
    """

    def __init__(
        self, symbol: str, midnight_ns: int, *, trades: TextFile | None, quotes: TextFile | None
    ) -> None:
        if trades is None and quotes is None:
            raise AssertionError("a day of ticks is read from at least one file")
        self._symbol = symbol
        self._midnight_ns = midnight_ns
        self._trades = trades
        self._quotes = quotes
        spans = [
            self._span(file, columns)
            for file, columns in ((trades, _TRADE_COLUMNS), (quotes, _QUOTE_COLUMNS))
            if file is not None
        ]
        self.info = TapeInfo(
            kind="lean tick",
            name=" + ".join(file.name for file in (trades, quotes) if file is not None),
            symbols=(symbol,),
            first_ns=min(first_ns for first_ns, _ in spans),
            last_ns=max(last_ns for _, last_ns in spans),
            has_quotes=quotes is not None,
            has_trades=trades is not None,
        )

    def __iter__(self) -> Iterator[MarketEvent]:
        parts: list[Iterator[MarketEvent]] = []
        if self._trades is not None:
            parts.append(self._read_trades(self._trades))
        if self._quotes is not None:
            parts.append(self._read_quotes(self._quotes))
        return heapq.merge(*parts, key=_time_ns)

    def _read_trades(self, file: TextFile) -> Iterator[MarketEvent]:
        auctions = _auction_lines(file)
        px_of, size_of, kind_of = PriceCells(), SizeCells(), _SaleKinds()
        last_ms = 0
        for number, line in enumerate(file.lines(), 1):
            try:
                ms_cell, price, size, venue, bits, suspicious = line.split(",")
                ms = whole_number(ms_cell)
                kind = kind_of[bits]
                trade = Trade(
                    symbol=self._symbol,
                    time_ns=self._midnight_ns + ms * NS_PER_MS,
                    px=px_of[price],
                    size=size_of[size],
                    trade_id=number,
                    exchange=venue,
                    conditions=kind.conditions,
                    eligible=kind.is_eligible and not _flag(suspicious),
                    auction=auctions.get(number, ""),
                )
            except ValueError:
                raise bad_row(file, number, line, _TRADE_COLUMNS) from None
            if ms < last_ms:
                raise backwards(file, number, ms, last_ms)
            last_ms = ms
            yield trade

    def _read_quotes(self, file: TextFile) -> Iterator[MarketEvent]:
        pair = _Sides(self._symbol)
        waiting_ms = -1
        for number, line in enumerate(file.lines(), 1):
            try:
                ms_cell, bid_px, bid_size, ask_px, ask_size, venue, _, suspicious = line.split(",")
                ms = whole_number(ms_cell)
                is_bid = ask_px == "0"
                if waiting_ms >= 0 and (is_bid or ms != waiting_ms):
                    yield from pair.changed_quote(self._midnight_ns + waiting_ms * NS_PER_MS)
                if not _flag(suspicious):
                    pair.put(
                        (bid_px, bid_size) if is_bid else (ask_px, ask_size), venue, is_bid=is_bid
                    )
            except ValueError:
                raise bad_row(file, number, line, _QUOTE_COLUMNS) from None
            if ms < waiting_ms:
                raise backwards(file, number, ms, waiting_ms)
            waiting_ms = ms
        yield from pair.changed_quote(self._midnight_ns + waiting_ms * NS_PER_MS)

    def _span(self, file: TextFile, columns: tuple[Column, ...]) -> tuple[int, int]:
        first, last, count = file.ends()
        spans = []
        for line, number in ((first, 1), (last, count)):
            try:
                spans.append(whole_number(line.split(",")[0]))
            except ValueError:
                raise bad_row(file, number, line, columns) from None
        return (
            self._midnight_ns + spans[0] * NS_PER_MS,
            self._midnight_ns + spans[1] * NS_PER_MS,
        )


class MinuteDay:
    """One symbol's day of minute bars; the quote bars give spreads and displayed sizes.

    A minute with quotes alone shows the quote at its start and at its end.
    """

    def __init__(
        self, symbol: str, midnight_ns: int, *, trades: TextFile | None, quotes: TextFile | None
    ) -> None:
        self._symbol = symbol
        self._midnight_ns = midnight_ns
        self._trades_name = "" if trades is None else trades.name
        self._bars = {} if trades is None else dict(self._cells(trades, TRADE_BAR_COLUMNS))
        self._quotes = {} if quotes is None else dict(self._cells(quotes, QUOTE_BAR_COLUMNS))
        times = sorted({*self._bars, *self._quotes})
        self._times = times
        self.info = TapeInfo(
            kind="lean minute",
            name=" + ".join(file.name for file in (trades, quotes) if file is not None),
            symbols=(symbol,),
            first_ns=times[0],
            last_ns=times[-1] + NS_PER_MINUTE - 1,
            has_trades=trades is not None,
        )

    def __iter__(self) -> Iterator[MarketEvent]:
        ids = count(1)
        for time_ns in self._times:
            quoted = self._quotes.get(time_ns)
            if time_ns not in self._bars:
                yield from self._quotes_alone(time_ns, self._quotes[time_ns][1])
                continue
            number, cells = self._bars[time_ns]
            open_px, high_px, low_px, close_px = (Decimal(cell) / 10_000 for cell in cells[:4])
            prices_and_volume = (open_px, high_px, low_px, close_px, cells[4])
            row = BarRow(time_ns, self._symbol, number, prices_and_volume)
            bar = bar_of(row, f"{self._trades_name}, line {number}")
            yield from minute_events(bar, ids, quoted=quoted and _quoted(quoted[1]))

    def _quotes_alone(self, time_ns: int, cells: list[int]) -> Iterator[Quote]:
        for at, later_ns in ((0, 0), (3, NS_PER_MINUTE - NS_PER_S)):
            bid_px, ask_px = cells[at], cells[at + 5]
            yield Quote(
                symbol=self._symbol,
                time_ns=time_ns + later_ns,
                bid_px=Decimal(bid_px) / 10_000,
                bid_size=Decimal(cells[4] if bid_px else 0),
                ask_px=Decimal(ask_px) / 10_000,
                ask_size=Decimal(cells[9] if ask_px else 0),
            )

    def _cells(
        self, file: TextFile, columns: tuple[Column, ...]
    ) -> Iterator[tuple[int, tuple[int, list[int]]]]:
        """Time of each bar with its line number and its other cells as whole numbers."""
        last_ms = -1
        for number, line in enumerate(file.lines(), 1):
            try:
                ms, *cells = map(whole_number, line.split(","))
                if len(cells) != len(columns) - 1 or ms % 60_000:
                    raise ValueError(line)
            except ValueError:
                raise bad_row(file, number, line, columns) from None
            if ms <= last_ms:
                raise backwards(file, number, ms, last_ms)
            last_ms = ms
            yield self._midnight_ns + ms * NS_PER_MS, (number, cells)


def _quoted(cells: list[int]) -> QuotedMinute | None:
    """Spread and sizes at the end of a quoted minute, if it has both sides uncrossed."""
    if not cells[3] or not cells[8] or cells[8] <= cells[3]:
        return None
    return QuotedMinute(
        spread=Decimal(cells[8] - cells[3]) / 10_000,
        bid_size=Decimal(cells[4]),
        ask_size=Decimal(cells[9]),
    )


class _SaleKind(Struct, frozen=True):
    conditions: str
    is_eligible: bool


class _SaleKinds(dict[str, _SaleKind]):
    """Cells of sale-condition bits and what they mean, each read once."""

    def __missing__(self, cell: str) -> _SaleKind:
        bits = int(cell, 16)
        letters = [letter for bit, letter in CONDITION_LETTERS.items() if bits & bit]
        kind = self[cell] = _SaleKind("".join(letters) or "@", not bits & INELIGIBLE)
        return kind


class _Sides:
    """The latest bid and offer, each with its venue, and the quote they last made."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._px_of = PriceCells()
        self._size_of = SizeCells()
        self._bid = self._ask = (_ZERO, _ZERO, "")
        self._quoted = (self._bid, self._ask)

    def put(self, cells: tuple[str, str], venue: str, *, is_bid: bool) -> None:
        side = (self._px_of[cells[0]], self._size_of[cells[1]], venue)
        if is_bid:
            self._bid = side
        else:
            self._ask = side

    def changed_quote(self, time_ns: int) -> Iterator[Quote]:
        """The quote of both sides, if it differs from the one before."""
        if self._quoted == (self._bid, self._ask):
            return
        self._quoted = (self._bid, self._ask)
        yield Quote(
            symbol=self._symbol,
            time_ns=time_ns,
            bid_px=self._bid[0],
            bid_size=self._bid[1],
            ask_px=self._ask[0],
            ask_size=self._ask[1],
            bid_exchange=self._bid[2],
            ask_exchange=self._ask[2],
        )


def _auction_lines(file: TextFile) -> dict[int, str]:
    """Line numbers of the largest opening and the largest closing print, and their names."""
    largest: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(file.lines(), 1):
        try:
            _, _, size, _, bits, *_ = line.split(",")
            flags = int(bits, 16)
            if not flags & (OPENING_PRINT | CLOSING_PRINT):
                continue
            auction = "open" if flags & OPENING_PRINT else "close"
            largest[auction] = max(largest.get(auction, (0, 0)), (whole_number(size), number))
        except ValueError:
            raise bad_row(file, number, line, _TRADE_COLUMNS) from None
    return {number: auction for auction, (_, number) in largest.items()}


def _flag(cell: str) -> bool:
    if cell == "0":
        return False
    if cell == "1":
        return True
    raise ValueError(cell)


def _minute_ms(cell: str) -> int:
    ms = whole_number(cell)
    if ms % 60_000:
        raise ValueError(cell)
    return ms


def _bits(cell: str) -> int:
    return int(cell, 16)


_MS = Column("time", whole_number, "milliseconds after midnight as a whole number")
_PRICE_HINT = "dollars times 10,000 as a whole number"
_SUSPICIOUS = Column("suspicious", _flag, "0 or 1")
_TRADE_COLUMNS = (
    _MS,
    Column("price", positive_number, f"{_PRICE_HINT} above 0"),
    Column("size", whole_number, "a whole number of shares"),
    Column("venue", str, "a letter"),
    Column("conditions", _bits, "hexadecimal bits such as 20000020"),
    _SUSPICIOUS,
)
_QUOTE_COLUMNS = (
    _MS,
    Column("bid price", whole_number, _PRICE_HINT),
    Column("bid size", whole_number, "a whole number of shares"),
    Column("ask price", whole_number, f"{_PRICE_HINT} (0 in a bid row)"),
    Column("ask size", whole_number, "a whole number of shares"),
    Column("venue", str, "a letter"),
    Column("conditions", _bits, "hexadecimal bits"),
    _SUSPICIOUS,
)
_MINUTE = Column("time", _minute_ms, "milliseconds after midnight of a whole minute")
TRADE_BAR_COLUMNS = (
    _MINUTE,
    *(Column(name, whole_number, _PRICE_HINT) for name in ("open", "high", "low", "close")),
    Column("volume", whole_number, "a whole number of shares"),
)
QUOTE_BAR_COLUMNS = (
    _MINUTE,
    *(
        Column(f"{side} {name}", whole_number, "a whole number of shares or of 1/10,000 dollars")
        for side in ("bid", "ask")
        for name in ("open", "high", "low", "close", "size")
    ),
)
