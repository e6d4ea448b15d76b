"""Historical trades and quotes as Alpaca's data API returns them, saved as JSON or Parquet.

JSON is one response, `{"quotes": {"AAPL": [...]}}` or `{"quotes": [...], "symbol": "AAPL"}`, the
same with "trades" or minute "bars", or JSON lines of them or of bare records with an "S". Parquet
has a row a record, with Alpaca's short names (S, t, p, s, bp, bs, ap, as) or the words that its
Python library uses (symbol, timestamp, price, size, bid_price, bid_size, ask_price, ask_size).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from floorbroker.clock import ns_of
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.marketdata.barfile import BarRow, BarTape, number_of
from floorbroker.marketdata.port import (
    NothingChosen,
    Selection,
    TapeInfo,
    TapeSource,
    new_york_date,
)
from floorbroker.marketdata.rows import TextFile, read_frame

#: Alpaca's short names by the words that its Python library's tables use.
SHORT_NAMES = {
    "symbol": "S",
    "timestamp": "t",
    "exchange": "x",
    "price": "p",
    "size": "s",
    "id": "i",
    "conditions": "c",
    "tape": "z",
    "bid_exchange": "bx",
    "bid_price": "bp",
    "bid_size": "bs",
    "ask_exchange": "ax",
    "ask_price": "ap",
    "ask_size": "as",
}
RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.IGNORECASE
)
UNDERSTOOD = '{"trades": {"AAPL": [...]}}, and the same with "quotes" or "bars"'
KINDS = ("trades", "quotes", "bars")
#: Sale conditions that keep a print from filling orders and electing stops: auctions, average
#: price, cash, derivative, extended hours, out of sequence, contingent and the like.
INELIGIBLE = frozenset("BCGHNOPRTUVWXZ45678")
#: Official opening and closing marks and corrected closes repeat a print; they are no trades.
MARKS = frozenset("MQ9")
AUCTIONS = {"O": "open", "6": "close"}


class AlpacaDump:
    """Trades, quotes or both from a saved response, sorted by time, trades first.

    The file is read whole on creation, and raises TapeError there, naming the record and field.
    Of several opening or closing prints of a symbol and day the largest is the auction.
    """

    def __init__(self, name: str, records: Iterable["Record"]) -> None:
        events: list[MarketEvent] = []
        for record in records:
            if record.kind == "quotes":
                events.append(_quote(record))
            elif not MARKS.intersection(record.conditions):
                events.append(_trade(record))
        if not events:
            raise NothingChosen(f"{name} holds no trade or quote of the chosen symbols and day")
        events.sort(key=lambda event: (event.time_ns, isinstance(event, Quote)))
        self._events = _with_auctions(events)
        self.info = TapeInfo(
            kind="alpaca",
            name=name,
            symbols=tuple(sorted({event.symbol for event in events})),
            first_ns=events[0].time_ns,
            last_ns=events[-1].time_ns,
            has_quotes=any(isinstance(event, Quote) for event in events),
            has_trades=any(isinstance(event, Trade) for event in events),
        )

    def __iter__(self) -> Iterator[MarketEvent]:
        return iter(self._events)


class Record(Struct, frozen=True):
    """One trade, quote or bar as found: where, of which kind and symbol, and its fields."""

    place: str
    kind: str
    symbol: str
    fields: Mapping[str, Any]

    @property
    def conditions(self) -> Sequence[str]:
        return self.fields.get("c") or ()

    @property
    def time_ns(self) -> int:
        moment = self.fields.get("t")
        if isinstance(moment, int):
            return moment
        try:
            return ns_of_rfc3339(str(moment))
        except ValueError:
            raise self.fault("t", "a time such as 2026-03-23T13:30:00.123456789Z") from None

    def number(self, field: str) -> Decimal:
        try:
            number = number_of(self.fields.get(field))
        except (ValueError, TypeError):
            raise self.fault(field, "a number") from None
        if number < 0:
            raise self.fault(field, "0 or more")
        return number

    def fault(self, field: str, right: str) -> TapeError:
        found = repr(self.fields[field]) if field in self.fields else "nothing"
        return TapeError(f"{self.place}, {field}: {found} found; right is {right}")


def read_json(path: Path, selection: Selection) -> TapeSource:
    """A saved response (`.json`), or one response or record a line (`.jsonl`, `.ndjson`)."""
    file = TextFile(path)
    if path.suffix == ".json":
        records = _records_of(_decoded("\n".join(file.lines()), str(path)), str(path))
    else:
        records = chain.from_iterable(
            _records_of(_decoded(line, place), place)
            for number, line in enumerate(file.lines(), 1)
            if line.strip()
            for place in (f"{path}, line {number}",)
        )
    return _tape_of(str(path), records, selection)


def read_parquet(path: Path, selection: Selection) -> TapeSource:
    """A table of trades or of quotes; its time column is text or has a time zone."""
    import polars

    frame = read_frame(path)
    frame = frame.rename({name: SHORT_NAMES.get(name, name) for name in frame.columns})
    if "t" in frame.columns and frame.schema["t"].is_temporal():
        if not getattr(frame.schema["t"], "time_zone", None):
            raise TapeError(f"{path}: column t has no time zone; right is a time with one")
        frame = frame.with_columns(polars.col("t").dt.timestamp("ns"))
    missing = {"S", "t"}.difference(frame.columns)
    if missing:
        raise TapeError(
            f"{path}: columns {', '.join(frame.columns)} found; right are also {missing}"
        )
    kind = "quotes" if "bp" in frame.columns else "trades"
    records = (
        Record(f"{path}, row {number}", kind, fields["S"], fields)
        for number, fields in enumerate(frame.iter_rows(named=True), 1)
    )
    return _tape_of(str(path), records, selection)


def ns_of_rfc3339(text: str) -> int:
    """Nanoseconds since 1970 of a time with its offset, all nine decimals kept."""
    found = RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(text)
    whole, fraction, offset = found.groups()
    return _whole_ns(whole + offset) + int((fraction or "0").ljust(9, "0"))


@lru_cache(maxsize=4096)
def _whole_ns(text: str) -> int:
    return ns_of(datetime.fromisoformat(text))


def _tape_of(name: str, records: Iterable[Record], selection: Selection) -> TapeSource:
    first_ns, end_ns = selection.span_ns()
    chosen = [
        record
        for record in records
        if selection.takes(record.symbol) and first_ns <= record.time_ns < end_ns
    ]
    if not chosen or chosen[0].kind != "bars":
        return AlpacaDump(name, chosen)
    rows = [
        BarRow(
            record.time_ns,
            record.symbol,
            number,
            (
                record.number("o"),
                record.number("h"),
                record.number("l"),
                record.number("c"),
                record.number("v"),
            ),
        )
        for number, record in enumerate(chosen, 1)
    ]
    return BarTape(name, rows, unit="bar")


def _decoded(text: str, place: str) -> dict[str, Any]:
    try:
        decoded: object = msgspec.json.Decoder(float_hook=Decimal).decode(text)
    except msgspec.DecodeError as error:
        raise TapeError(f"{place} is not sound JSON: {error}") from None
    if not isinstance(decoded, dict):
        raise TapeError(f"{place}: {type(decoded).__name__} found; right is {UNDERSTOOD}")
    return decoded


def _records_of(response: dict[str, Any], place: str) -> Iterator[Record]:
    """The records of one response, or the one bare record that carries its symbol."""
    kinds = [kind for kind in KINDS if response.get(kind)]
    if not kinds and "S" in response:
        kind = "quotes" if "bp" in response else "trades"
        yield Record(place, kind, response["S"], response)
        return
    if not kinds:
        raise TapeError(f"{place}: keys {', '.join(response)} found; right is {UNDERSTOOD}")
    for kind in kinds:
        by_symbol = response[kind]
        if isinstance(by_symbol, list):
            by_symbol = {response.get("symbol", ""): by_symbol}
        if not isinstance(by_symbol, dict):
            raise TapeError(f"{place}, {kind}: {by_symbol!r} found; right is {UNDERSTOOD}")
        for symbol, records in by_symbol.items():
            if not symbol:
                raise TapeError(f"{place}, symbol: nothing found; right is the symbol of {kind}")
            for number, fields in enumerate(records, 1):
                where = f"{place}, {kind} {symbol} {number}"
                if not isinstance(fields, dict):
                    raise TapeError(f"{where}: {fields!r} found; right is an object")
                yield Record(where, kind, symbol, fields)


def _quote(record: Record) -> Quote:
    fields = record.fields
    return Quote(
        symbol=record.symbol,
        time_ns=record.time_ns,
        bid_px=record.number("bp"),
        bid_size=record.number("bs"),
        ask_px=record.number("ap"),
        ask_size=record.number("as"),
        bid_exchange=fields.get("bx") or "V",
        ask_exchange=fields.get("ax") or "V",
        conditions="".join(record.conditions) or "R",
    )


def _trade(record: Record) -> Trade:
    fields = record.fields
    px = record.number("p")
    if not px:
        raise record.fault("p", "a price above 0")
    return Trade(
        symbol=record.symbol,
        time_ns=record.time_ns,
        px=px,
        size=record.number("s"),
        trade_id=fields.get("i") or 0,
        exchange=fields.get("x") or "V",
        conditions="".join(record.conditions).replace(" ", "") or "@",
        eligible=not INELIGIBLE.intersection(record.conditions),
    )


def _with_auctions(events: list[MarketEvent]) -> list[MarketEvent]:
    """Mark the largest opening and closing print of each symbol and day."""
    largest: dict[tuple[str, date, str], int] = {}
    for place, event in enumerate(events):
        if not isinstance(event, Trade):
            continue
        for letter, auction in AUCTIONS.items():
            if letter in event.conditions:
                key = (event.symbol, new_york_date(event.time_ns), auction)
                rival = events[largest.setdefault(key, place)]
                if isinstance(rival, Trade) and event.size > rival.size:
                    largest[key] = place
    for (_, _, auction), place in largest.items():
        events[place] = replace(events[place], auction=auction)
    return events
