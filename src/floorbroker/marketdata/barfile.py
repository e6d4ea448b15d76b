"""One-minute bars as a market: a deterministic path of quotes and prints inside each bar.

What is true of the bar stays true of the prints: first, highest, lowest and last price, and the
sum of sizes. Everything inside the minute is interpolated, not recorded: seven steps lead from
the open over the extreme opposite to the bar's direction and the other extreme to the close, and
each has a quote and, a millisecond later, a print at one side of it. Displayed sizes are a share
of the bar's volume. Results from bars say nothing about queues, spreads or the order of prices
within a minute.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import count, groupby, pairwise
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any
from zlib import crc32

from msgspec import Struct

from floorbroker.clock import NS_PER_S, datetime_of, ns_of
from floorbroker.domain.amounts import Px, exact
from floorbroker.domain.errors import TapeError
from floorbroker.domain.instrument import tick_of
from floorbroker.domain.quotes import Bar, MarketEvent, Quote, Trade
from floorbroker.marketdata.port import (
    NS_PER_MINUTE,
    NS_PER_MS,
    NothingChosen,
    Selection,
    TapeInfo,
)
from floorbroker.marketdata.rows import TextFile, numbered_rows, read_frame

#: Seconds into the minute of each step: the first shows the open, the third and the fifth the
#: extremes, the last the close.
STEP_SECONDS = (0, 10, 20, 30, 40, 50, 59)
#: A bar with fewer shares than steps prints at the close first, then open, extremes, the rest.
STEP_PRIORITY = (6, 0, 2, 4, 3, 1, 5)
#: Displayed size is the bar's volume over this, at least a round lot.
DISPLAYED_PART = 20
ROUND_LOT = Decimal(100)
SPREAD_BPS = Decimal(2)
#: Bars of different symbols do not all move in the same instant.
STAGGER_MS = 900

BAR_COLUMNS = ("symbol", "timestamp", "open", "high", "low", "close", "volume")
TIME_NAMES = ("timestamp", "ts", "time")

_time_ns = attrgetter("time_ns")


class QuotedMinute(Struct, frozen=True):
    """What a minute's quote bar adds to its trade bar: the spread at its end and the sizes."""

    spread: Decimal
    bid_size: Decimal
    ask_size: Decimal


class BarRow(Struct, frozen=True):
    """One bar as read: its line or row, and its cells (open, high, low, close, volume)."""

    time_ns: int
    symbol: str
    number: int
    cells: tuple[Any, Any, Any, Any, Any]


class BarTape:
    """The market of a table of one-minute bars, any number of symbols and days.

    Raises TapeError on creation if the rows are not one-minute bars, and while iterating at a
    bar whose prices or volume cannot be.
    """

    def __init__(
        self, name: str, rows: Iterable[BarRow], *, unit: str, spread_bps: Decimal = SPREAD_BPS
    ) -> None:
        self._place = f"{name}, {unit} "
        self._rows = sorted(rows, key=lambda row: (row.time_ns, row.symbol))
        self._spread_bps = spread_bps
        if not self._rows:
            raise NothingChosen(f"{name} holds no bar of the chosen symbols and day")
        self._check_minutes()
        self.info = TapeInfo(
            kind="bars",
            name=name,
            symbols=tuple(sorted({row.symbol for row in self._rows})),
            first_ns=self._rows[0].time_ns,
            last_ns=self._rows[-1].time_ns + NS_PER_MINUTE - 1,
        )

    def __iter__(self) -> Iterator[MarketEvent]:
        ids = count(1)
        for _, rows in groupby(self._rows, key=_time_ns):
            events: list[MarketEvent] = []
            for row in rows:
                bar = bar_of(row, f"{self._place}{row.number}")
                events += minute_events(bar, ids, spread_bps=self._spread_bps)
            events.sort(key=_time_ns)
            yield from events

    def _check_minutes(self) -> None:
        """Whole minutes, no two of one symbol, and somewhere two that follow each other."""
        last_ns: dict[str, int] = {}
        gaps = set()
        for row in self._rows:
            place = f"{self._place}{row.number}, timestamp"
            if row.time_ns % NS_PER_MINUTE:
                raise TapeError(
                    f"{place}: {datetime_of(row.time_ns)} found; right is the start of a minute"
                )
            gap = row.time_ns - last_ns.get(row.symbol, row.time_ns - NS_PER_MINUTE)
            if gap == 0:
                raise TapeError(
                    f"{place}: a second bar of {row.symbol} at {datetime_of(row.time_ns)} found; "
                    "right is one bar a symbol and minute"
                )
            if row.symbol in last_ns:
                gaps.add(gap)
            last_ns[row.symbol] = row.time_ns
        if gaps and min(gaps) > NS_PER_MINUTE:
            raise TapeError(
                f"{self._place}{self._rows[0].number}: bars at least {min(gaps) // NS_PER_S} s "
                "apart found; right are one-minute bars"
            )


def minute_events(
    bar: Bar,
    ids: Iterator[int],
    *,
    spread_bps: Decimal = SPREAD_BPS,
    quoted: QuotedMinute | None = None,
) -> list[MarketEvent]:
    """Quotes and prints of one bar, in time order; prints number themselves from `ids`.

    The spread is the quoted minute's, or the larger of one tick and `spread_bps`, in whole ticks.
    A bar without volume moves the quotes alone.
    """
    tick = tick_of(Px.of(bar.low_px))
    if quoted is None:
        quoted = _assumed(bar, tick, spread_bps)
    start_ns = bar.time_ns + crc32(bar.symbol.encode()) % STAGGER_MS * NS_PER_MS
    path = _path(bar, tick)
    is_rising = bar.close_px >= bar.open_px
    events: list[MarketEvent] = []
    before = path[0]
    for px, size, second in zip(path, _split(bar.volume), STEP_SECONDS, strict=True):
        time_ns = start_ns + second * NS_PER_S
        is_buy = is_rising if px == before else px > before
        before = px
        quote = _quote_around(px, tick, quoted, is_buy=is_buy)
        events.append(
            Quote(
                symbol=bar.symbol,
                time_ns=time_ns,
                bid_px=quote[0],
                bid_size=quoted.bid_size,
                ask_px=quote[1],
                ask_size=quoted.ask_size,
            )
        )
        if size:
            events.append(
                Trade(
                    symbol=bar.symbol,
                    time_ns=time_ns + NS_PER_MS,
                    px=px,
                    size=size,
                    trade_id=next(ids),
                    aggressor="buy" if is_buy else "sell",
                )
            )
    return events


def bar_of(row: BarRow, place: str) -> Bar:
    """A bar with sound numbers; TapeError names the place and the column that is not."""
    numbers = []
    for name, cell in zip(BAR_COLUMNS[2:], row.cells, strict=True):
        try:
            numbers.append(number_of(cell))
        except (ValueError, TypeError):
            raise TapeError(f"{place}, {name}: {cell!r} found; right is a number") from None
    open_px, high_px, low_px, close_px, volume = numbers
    if low_px <= 0:
        raise TapeError(f"{place}, low: {low_px} found; right is a price above 0")
    for name, px in (("open", open_px), ("close", close_px)):
        if not low_px <= px <= high_px:
            raise TapeError(
                f"{place}, {name}: {px} found; right is a price from low {low_px} "
                f"to high {high_px}"
            )
    if volume < 0:
        raise TapeError(f"{place}, volume: {volume} found; right is 0 or more")
    return Bar(
        symbol=row.symbol,
        time_ns=row.time_ns,
        duration_s=60,
        open_px=open_px,
        high_px=high_px,
        low_px=low_px,
        close_px=close_px,
        volume=volume,
    )


def number_of(cell: object) -> Decimal:
    """The Decimal that a cell shows; a float is the shortest decimal that names it."""
    return exact(repr(cell) if isinstance(cell, float) else cell)


def read_csv(path: Path, selection: Selection) -> BarTape:
    """Bars from a CSV file with a header of `BAR_COLUMNS` in any order; times carry an offset."""
    file = TextFile(path)
    reader = csv.reader(file.lines())
    header = next(reader)

    def numbered_rows() -> Iterator[tuple[int, list[str]]]:
        for cells in reader:
            if len(cells) != len(header):
                raise TapeError(
                    f"{path}, line {reader.line_num}: {len(cells)} columns found; "
                    f"right are {len(header)}"
                )
            yield reader.line_num, cells

    rows = _rows(str(path), header, numbered_rows(), selection=selection, unit="line")
    return BarTape(str(path), rows, unit="line")


def read_parquet(path: Path, selection: Selection) -> BarTape:
    """Bars from a Parquet file with `BAR_COLUMNS`; the time column has a time zone."""
    frame = read_frame(path)
    table = numbered_rows(frame, "symbol", selection.symbols)
    rows = _rows(str(path), frame.columns, table, selection=selection, unit="row")
    return BarTape(str(path), rows, unit="row")


def _rows(
    name: str,
    header: Sequence[str],
    table: Iterable[tuple[int, Sequence[Any]]],
    *,
    selection: Selection,
    unit: str,
) -> Iterator[BarRow]:
    pick = _columns(name, header)
    first_ns, end_ns = selection.span_ns()
    for number, cells in table:
        symbol, moment, *numbers = pick(cells)
        if not selection.takes(symbol):
            continue
        try:
            time_ns = _instant(moment)
        except (ValueError, TypeError):
            raise TapeError(
                f"{name}, {unit} {number}, timestamp: {str(moment)!r} found; right is a time "
                "with its offset such as 2026-03-23T13:30:00Z"
            ) from None
        if first_ns <= time_ns < end_ns:
            yield BarRow(time_ns, symbol, number, tuple(numbers))


def _columns(name: str, header: Sequence[str]) -> "itemgetter[Any]":
    """A function that picks the cells of `BAR_COLUMNS` from a row with this header."""
    names = [cell.strip().lower() for cell in header]
    names = ["timestamp" if cell in TIME_NAMES else cell for cell in names]
    missing = [column for column in BAR_COLUMNS if column not in names]
    if missing:
        raise TapeError(
            f"{name}: columns {', '.join(names)[:200]} found, {', '.join(missing)} missing; "
            f"right are {', '.join(BAR_COLUMNS)}"
        )
    return itemgetter(*[names.index(column) for column in BAR_COLUMNS])


def _instant(moment: object) -> int:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError(moment)
    return ns_of(moment)


def _assumed(bar: Bar, tick: Decimal, spread_bps: Decimal) -> QuotedMinute:
    ticks = (bar.close_px * spread_bps / 10_000 / tick).to_integral_value(ROUND_CEILING)
    lots = (bar.volume / DISPLAYED_PART / ROUND_LOT).to_integral_value(ROUND_FLOOR)
    size = max(lots, Decimal(1)) * ROUND_LOT
    return QuotedMinute(spread=max(ticks, Decimal(1)) * tick, bid_size=size, ask_size=size)


def _path(bar: Bar, tick: Decimal) -> list[Decimal]:
    """Prices of the steps: open, extremes and close exactly, and ticks half-way between them."""
    extremes = [bar.low_px, bar.high_px]
    if bar.close_px < bar.open_px:
        extremes.reverse()
    anchors = [bar.open_px, *extremes, bar.close_px]
    path = [bar.open_px]
    for start, end in pairwise(anchors):
        middle = ((start + end) / 2 / tick).to_integral_value() * tick
        path += [min(max(middle, bar.low_px), bar.high_px), end]
    return path


def _split(volume: Decimal) -> list[Decimal]:
    """Sizes of the steps, in the volume's own smallest unit, that sum exactly to the volume."""
    exponent = volume.as_tuple().exponent
    unit = Decimal(1).scaleb(min(int(exponent), 0))
    each, rest = divmod(int(volume / unit), len(STEP_SECONDS))
    sizes = [each * unit] * len(STEP_SECONDS)
    for step in STEP_PRIORITY[:rest]:
        sizes[step] += unit
    return sizes


def _quote_around(
    px: Decimal, tick: Decimal, quoted: QuotedMinute, *, is_buy: bool
) -> tuple[Decimal, Decimal]:
    """Bid and ask such that a print at `px` hits the ask if it is a buy, the bid if a sale."""
    if is_buy:
        ask_px = (px / tick).to_integral_value(ROUND_CEILING) * tick
        return max(ask_px - quoted.spread, tick), ask_px
    bid_px = (px / tick).to_integral_value(ROUND_FLOOR) * tick
    return max(bid_px, tick), max(bid_px, tick) + quoted.spread
