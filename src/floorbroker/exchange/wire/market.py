"""Quotes, trades, books and bars on the wire: prices and sizes are JSON numbers, exactly."""

import struct
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.domain.amounts import plain
from floorbroker.domain.quotes import Bar, Depth, Halt, Quote, Trade
from floorbroker.exchange.reference.calendar import new_york_date
from floorbroker.exchange.tape import Session
from floorbroker.exchange.wire.words import NEW_YORK, wire_time

_PRICE_PLACES = 6
_ZERO = Decimal(0)
_TIMESTAMP_EXTENSION = -1
_DAY_S = 86_400
#: The consolidated tape's words for a halt and its end; Nasdaq's tape has its own letters.
_HALTS = {
    "C": {True: ("H", "Trading Halt"), False: ("T", "Trading Resumption")},
    "": {True: ("2", "Trading Halt"), False: ("3", "Resume")},
}

encode_msgpack = msgspec.msgpack.Encoder(decimal_format="number").encode

Levels = Iterable[tuple[Decimal, Decimal]]


class WireQuote(Struct, rename={"as_": "as"}, gc=False):
    """A stock's quote on the wire; sizes are shares."""

    t: str
    ax: str
    ap: Decimal
    as_: Decimal | int
    bx: str
    bp: Decimal
    bs: Decimal | int
    c: list[str]
    z: str


class WireTrade(Struct, gc=False, omit_defaults=True):
    """A stock's trade on the wire; `u` says that it was taken back or corrected."""

    t: str
    x: str
    p: Decimal
    s: Decimal | int
    c: list[str]
    i: int
    z: str
    u: str = ""


class WireCoinQuote(Struct, rename={"as_": "as"}, gc=False):
    """A coin pair's quote on the wire."""

    t: str
    ap: Decimal
    as_: Decimal | int
    bp: Decimal
    bs: Decimal | int


class WireCoinTrade(Struct, gc=False):
    """A coin pair's trade on the wire; `tks` is the taker's side, "-" where nobody knows."""

    t: str
    p: Decimal
    s: Decimal | int
    i: int
    tks: str


class WireBar(Struct, gc=False):
    """A bar on the wire; `t` is when it starts."""

    t: str
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741  (the wire's name for the low)
    c: Decimal
    v: Decimal | int
    n: int
    vw: Decimal


class WireLevel(Struct, gc=False):
    """One price of a coin pair's book; a size of 0 takes it out."""

    p: Decimal
    s: Decimal | int


class WireBook(Struct, gc=False):
    """A coin pair's book on the wire, best first."""

    t: str
    b: list[WireLevel]
    a: list[WireLevel]


class WireAuction(Struct, gc=False):
    """One print of an auction."""

    t: str
    x: str
    p: Decimal
    s: Decimal | int
    c: str


class WireDayAuctions(Struct, gc=False):
    """The opening and closing prints of one day."""

    d: str
    o: list[WireAuction]
    c: list[WireAuction]


View = WireQuote | WireTrade | WireCoinQuote | WireCoinTrade | WireBar | WireBook | WireDayAuctions


def quote_view(quote: Quote, tape: str) -> WireQuote | WireCoinQuote:
    """A quote as its asset class has it; the tape's letter is for stocks."""
    ask_px = quote.ask_px if quote.ask_size else _ZERO
    bid_px = quote.bid_px if quote.bid_size else _ZERO
    moment = wire_time(quote.time_ns)
    ask_size, bid_size = _size(quote.ask_size), _size(quote.bid_size)
    if "/" in quote.symbol:
        return WireCoinQuote(moment, ask_px, ask_size, bid_px, bid_size)
    return WireQuote(
        moment,
        quote.ask_exchange,
        ask_px,
        ask_size,
        quote.bid_exchange,
        bid_px,
        bid_size,
        _letters(quote.conditions),
        tape,
    )


def trade_view(trade: Trade, tape: str, update: str = "") -> WireTrade | WireCoinTrade:
    """A trade as its asset class has it; the tape's letter and the update are for stocks."""
    moment, size = wire_time(trade.time_ns), _size(trade.size)
    if "/" in trade.symbol:
        side = {"buy": "B", "sell": "S"}.get(trade.aggressor, "-")
        return WireCoinTrade(moment, trade.px, size, trade.trade_id, side)
    letters = _letters(trade.conditions)
    return WireTrade(moment, trade.exchange, trade.px, size, letters, trade.trade_id, tape, update)


def bar_view(bar: Bar) -> WireBar:
    return WireBar(
        wire_time(bar.time_ns),
        bar.open_px,
        bar.high_px,
        bar.low_px,
        bar.close_px,
        _size(bar.volume),
        bar.trade_count,
        _price(bar.close_px if bar.vwap is None else bar.vwap),
    )


def levels(side: Levels) -> list[WireLevel]:
    return [WireLevel(px, _size(size)) for px, size in side]


def book_of(depth: Depth | None, quote: Quote | None) -> Depth | None:
    """The book as deep as it is known: all of it, or its two best prices."""
    if depth is not None or quote is None:
        return depth
    return Depth(
        symbol=quote.symbol,
        time_ns=quote.time_ns,
        bids=((quote.bid_px, quote.bid_size),) if quote.bid_size else (),
        asks=((quote.ask_px, quote.ask_size),) if quote.ask_size else (),
    )


def book_view(book: Depth) -> WireBook:
    return WireBook(wire_time(book.time_ns), levels(book.bids), levels(book.asks))


def auction_view(day: date, prints: Sequence[Trade]) -> WireDayAuctions:
    opening = [_auction(trade) for trade in prints if trade.auction == "open"]
    closing = [_auction(trade) for trade in prints if trade.auction == "close"]
    return WireDayAuctions(day.isoformat(), opening, closing)


def _auction(trade: Trade) -> WireAuction:
    letter = "O" if trade.auction == "open" else "6"
    known = [each for each in _letters(trade.conditions) if each in "OQ5M69"]
    condition = known[0] if known else letter
    return WireAuction(
        wire_time(trade.time_ns), trade.exchange, trade.px, _size(trade.size), condition
    )


def session_bar(session: Session | None, symbol: str) -> Bar | None:
    """The day's bar so far, None before its first price."""
    if session is None or session.open_px is None:
        return None
    assert session.high_px is not None
    assert session.low_px is not None
    assert session.close_px is not None
    day = new_york_date(session.day.closing_ns - 1)  # a night begins on the evening before
    return Bar(
        symbol=symbol,
        time_ns=ns_of(datetime.combine(day, time(), NEW_YORK)),
        duration_s=_DAY_S,
        open_px=session.open_px,
        high_px=session.high_px,
        low_px=session.low_px,
        close_px=session.close_px,
        volume=session.volume,
        trade_count=session.trade_count,
        vwap=session.vwap,
    )


def message(kind: str, symbol: str, view: Struct) -> dict[str, Any]:
    """A stream's message: its kind, whose it is, and the view's fields."""
    return {"T": kind, "S": symbol, **msgspec.to_builtins(view, builtin_types=(Decimal,))}


def status_message(halt: Halt, tape: str) -> dict[str, Any]:
    code, text = _HALTS["C" if tape == "C" else ""][halt.halted]
    return {
        "T": "s",
        "S": halt.symbol,
        "sc": code,
        "sm": text,
        "rc": "",
        "rm": "",
        "t": wire_time(halt.time_ns),
        "z": tape,
    }


def luld_message(
    trade: Trade, prices: tuple[Decimal, Decimal], indicator: str, tape: str
) -> dict[str, Any]:
    """The band that a print brings: its upper and its lower price."""
    return {
        "T": "l",
        "S": trade.symbol,
        "u": prices[0],
        "d": prices[1],
        "i": indicator,
        "t": wire_time(trade.time_ns),
        "z": tape,
    }


def correction_message(old: Trade, new: Trade, time_ns: int, tape: str) -> dict[str, Any]:
    return {
        "T": "c",
        "S": old.symbol,
        "x": old.exchange,
        "oi": old.trade_id,
        "op": old.px,
        "os": _size(old.size),
        "oc": _letters(old.conditions),
        "ci": new.trade_id,
        "cp": new.px,
        "cs": _size(new.size),
        "cc": _letters(new.conditions),
        "t": wire_time(time_ns),
        "z": tape,
    }


def cancel_message(trade: Trade, time_ns: int, tape: str) -> dict[str, Any]:
    return {
        "T": "x",
        "S": trade.symbol,
        "i": trade.trade_id,
        "x": trade.exchange,
        "p": trade.px,
        "s": _size(trade.size),
        "a": "C",
        "t": wire_time(time_ns),
        "z": tape,
    }


def timestamp(time_ns: int) -> msgspec.msgpack.Ext:
    """MessagePack's own type of a time; clients that read it refuse text."""
    seconds, nanoseconds = divmod(time_ns, NS_PER_S)
    return msgspec.msgpack.Ext(_TIMESTAMP_EXTENSION, struct.pack(">Iq", nanoseconds, seconds))


def _letters(conditions: str) -> list[str]:
    """Each condition is one letter."""
    return list(conditions.replace(" ", ""))


def _size(size: Decimal) -> Decimal | int:
    """Whole numbers without a point, as recorded."""
    as_int = int(size)
    return as_int if as_int == size else size


def _price(px: Decimal) -> Decimal:
    """An average, rounded, without the zeros that rounding leaves behind."""
    return Decimal(plain(round(px, _PRICE_PLACES)))
