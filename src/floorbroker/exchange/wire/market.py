"""Quotes, trades and bars on the wire: prices and sizes are JSON numbers, exactly."""

import struct
from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.domain.amounts import plain
from floorbroker.domain.quotes import Bar, Halt, Quote, Trade
from floorbroker.exchange.reference.calendar import new_york_date
from floorbroker.exchange.tape import Session
from floorbroker.exchange.wire.words import NEW_YORK, moment_ns, wire_time

_MINUTE_NS = 60 * NS_PER_S
_PRICE_PLACES = 6
_ZERO = Decimal(0)
_TIMESTAMP_EXTENSION = -1


class WireQuote(Struct, rename={"as_": "as"}, gc=False):
    """A quote on the wire; sizes are shares."""

    t: str
    ax: str
    ap: Decimal
    as_: Decimal | int
    bx: str
    bp: Decimal
    bs: Decimal | int
    c: list[str]
    z: str


class WireTrade(Struct, gc=False):
    """A trade on the wire."""

    t: str
    x: str
    p: Decimal
    s: Decimal | int
    c: list[str]
    i: int
    z: str


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


def quote_view(quote: Quote, tape: str) -> WireQuote:
    return WireQuote(
        wire_time(quote.time_ns),
        quote.ask_exchange,
        quote.ask_px if quote.ask_size else _ZERO,
        _size(quote.ask_size),
        quote.bid_exchange,
        quote.bid_px if quote.bid_size else _ZERO,
        _size(quote.bid_size),
        quote.conditions.split(),
        tape,
    )


def trade_view(trade: Trade, tape: str) -> WireTrade:
    return WireTrade(
        wire_time(trade.time_ns),
        trade.exchange,
        trade.px,
        _size(trade.size),
        trade.conditions.split(),
        trade.trade_id,
        tape,
    )


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


def aggregated(minutes: Sequence[Bar], length: int) -> list[Bar]:
    """Bars of `length` minutes made of one-minute bars, aligned to New York's midnight."""
    if length == 1:
        return list(minutes)
    groups: dict[int, list[Bar]] = {}
    for bar in minutes:
        midnight_ns = ns_of(datetime.combine(new_york_date(bar.time_ns), time(), NEW_YORK))
        start_ns = bar.time_ns - (bar.time_ns - midnight_ns) % (length * _MINUTE_NS)
        groups.setdefault(start_ns, []).append(bar)
    return [_merged(start_ns, group, length) for start_ns, group in groups.items()]


def _merged(start_ns: int, bars: Sequence[Bar], length: int) -> Bar:
    volume = sum((bar.volume for bar in bars), _ZERO)
    notional = sum((bar.volume * (bar.vwap or bar.close_px) for bar in bars), _ZERO)
    return Bar(
        symbol=bars[0].symbol,
        time_ns=start_ns,
        duration_s=length * 60,
        open_px=bars[0].open_px,
        high_px=max(bar.high_px for bar in bars),
        low_px=min(bar.low_px for bar in bars),
        close_px=bars[-1].close_px,
        volume=volume,
        trade_count=sum(bar.trade_count for bar in bars),
        vwap=notional / volume if volume else None,
    )


def daily_bar(session: Session | None, symbol: str) -> WireBar | None:
    if session is None or session.open_px is None:
        return None
    assert session.high_px is not None
    assert session.low_px is not None
    assert session.close_px is not None
    return bar_view(
        Bar(
            symbol=symbol,
            time_ns=ns_of(
                datetime.combine(new_york_date(session.day.opening_ns), time(), NEW_YORK)
            ),
            duration_s=86_400,
            open_px=session.open_px,
            high_px=session.high_px,
            low_px=session.low_px,
            close_px=session.close_px,
            volume=session.volume,
            trade_count=session.trade_count,
            vwap=session.vwap,
        )
    )


def message(kind: str, symbol: str, view: Struct) -> dict[str, Any]:
    return {"T": kind, "S": symbol, **msgspec.to_builtins(view, builtin_types=(Decimal,))}


def bar_message(bar: Bar) -> dict[str, Any]:
    return message("b", bar.symbol, bar_view(bar))


def status_message(halt: Halt, tape: str) -> dict[str, Any]:
    code, text = ("H", "Trading Halt") if halt.halted else ("T", "Trading Resumption")
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


def timestamp(text: str) -> msgspec.msgpack.Ext:
    """MessagePack's own type of a time; clients that read it refuse text."""
    seconds, nanoseconds = divmod(moment_ns(text, "t"), NS_PER_S)
    return msgspec.msgpack.Ext(_TIMESTAMP_EXTENSION, struct.pack(">Iq", nanoseconds, seconds))


def _size(size: Decimal) -> Decimal | int:
    """Whole numbers without a point, as recorded."""
    as_int = int(size)
    return as_int if as_int == size else size


def _price(px: Decimal) -> Decimal:
    """An average, rounded, without the zeros that rounding leaves behind."""
    return Decimal(plain(round(px, _PRICE_PLACES)))
