"""Alpaca's market data frames, JSON or MessagePack, translated; pure.

A frame is an array of messages. One that nobody knows is passed over, because Alpaca adds kinds
without notice; one that is known and cannot be read is given back raw, and the others count.
"""

import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.reference import time_ns
from floorbroker.brokers.alpaca.words import Unreadable, bad
from floorbroker.brokers.feed import Channel, Fact, Item, QuarantinedFrame
from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Bar, Halt, Quote, Trade, TradeCorrection

MSGPACK = {"Content-Type": "application/msgpack"}
RAW_MAX = 4096
_MINUTE_S = 60
_ZERO = Decimal(0)
_TIMESTAMP = -1
#: A channel of ours is so many of Alpaca's.
_CHANNELS = {
    Channel.QUOTES: ("quotes",),
    Channel.TRADES: ("trades",),
    Channel.BARS: ("bars", "updatedBars"),
    Channel.STATUSES: ("statuses",),
}
#: Codes of the consolidated tape and of Nasdaq's that say whether trading goes on; others (a
#: quotation that resumes, a range of prices) say nothing about that.
_HALTED = frozenset({"H", "P", "2"})
_TRADING = frozenset({"T", "3"})

When = str | msgspec.msgpack.Ext


class Success(Struct, tag="success", tag_field="T"):
    """`connected`, then `authenticated`."""

    msg: str = ""


class Failure(Struct, tag="error", tag_field="T"):
    """An error; `code` says what to do about it."""

    code: int = 0
    msg: str = ""


class Subscription(Struct, tag="subscription", tag_field="T"):
    """The complete set that is told from now on."""

    trades: list[str] = []
    quotes: list[str] = []
    bars: list[str] = []
    updatedBars: list[str] = []  # noqa: N815  (the wire's name)
    statuses: list[str] = []

    def items(self) -> set[Item]:
        """What is told, in our channels."""
        return {
            (channel, symbol)
            for channel, (name, *_) in _CHANNELS.items()
            for symbol in getattr(self, name)
        }


Control = Success | Failure | Subscription


class _Quote(Struct, tag="q", tag_field="T", gc=False):
    S: str
    t: When
    bp: Decimal = _ZERO
    bs: Decimal = _ZERO
    ap: Decimal = _ZERO
    as_: Decimal = field(name="as", default=_ZERO)
    bx: str | None = None
    ax: str | None = None
    c: list[str] | None = None


class _Trade(Struct, tag="t", tag_field="T", gc=False):
    S: str
    t: When
    p: Decimal
    s: Decimal
    i: int = 0
    x: str | None = None
    c: list[str] | None = None


class _Bar(Struct, tag="b", tag_field="T", gc=False):
    S: str
    t: When
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741  (the wire's name)
    c: Decimal
    v: Decimal
    n: int | None = None
    vw: Decimal | None = None


class _UpdatedBar(_Bar, tag="u", tag_field="T", gc=False):
    """A minute whose bar was told before and has changed."""


class _Status(Struct, tag="s", tag_field="T", gc=False):
    S: str
    t: When
    sc: str
    sm: str = ""


class _Correction(Struct, tag="c", tag_field="T", gc=False):
    S: str
    t: When
    oi: int
    ci: int
    cp: Decimal
    cs: Decimal
    x: str | None = None
    cc: list[str] | None = None


class _Cancel(Struct, tag="x", tag_field="T", gc=False):
    S: str
    t: When
    i: int


_Told = (
    _Quote | _Trade | _Bar | _UpdatedBar | _Status | _Correction | _Cancel
    | Success | Failure | Subscription
)  # fmt: skip


class _Kind(Struct):
    T: str


_JSON = msgspec.json.Decoder(list[_Told])
_PACK = msgspec.msgpack.Decoder(list[_Told])
_KINDS = frozenset({"q", "t", "b", "u", "s", "c", "x", "success", "error", "subscription"})


class Frame(Struct):
    """What a frame holds: facts in order, an answer of the other side, and what is unreadable."""

    facts: list[Fact]
    control: list[Control]
    unreadable: list[QuarantinedFrame]
    messages: int = 0


def decode_frame(raw: bytes | str) -> Frame:
    """Never raises: what cannot be read is told as such."""
    frame = Frame([], [], [])
    try:
        told = _JSON.decode(raw) if isinstance(raw, str) else _PACK.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        _decode_singly(raw, frame)
        return frame
    for message in told:
        _take(message, frame, b"")
    return frame


def _decode_singly(raw: bytes | str, frame: Frame) -> None:
    """Each message by itself, so that one that is wrong or unknown costs no other."""
    is_text = isinstance(raw, str)
    decode: Any = msgspec.json.decode if is_text else msgspec.msgpack.decode
    try:
        parts: list[Raw] = decode(raw, type=list[Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        frame.unreadable.append(_quarantined(raw, problem))
        return
    for part in parts:
        copy = bytes(part)
        try:
            if decode(copy, type=_Kind).T in _KINDS:
                _take(decode(copy, type=_Told), frame, copy)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            frame.unreadable.append(_quarantined(copy, problem))


def _take(message: Any, frame: Frame, raw: bytes) -> None:
    if isinstance(message, Control):
        frame.control.append(message)
        return
    frame.messages += 1
    try:
        fact = _fact(message)
    except Unreadable as problem:
        frame.unreadable.append(_quarantined(raw or repr(message), problem))
    else:
        if fact is not None:
            frame.facts.append(fact)


def _quarantined(raw: bytes | str, problem: Exception) -> QuarantinedFrame:
    whole = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
    return QuarantinedFrame(whole[:RAW_MAX], str(problem))


def _fact(message: Any) -> Fact | None:
    kind = type(message)
    if kind is _Quote:
        return _quote_of(message)
    if kind is _Trade:
        return _trade_of(message)
    if isinstance(message, _Bar):
        return _bar_of(message)
    if kind is _Status:
        return _halt_of(message)
    return _correction_of(message)


def _quote_of(row: _Quote) -> Quote:
    bid_px, ask_px = _number("bp", row.bp), _number("ap", row.ap)
    return Quote(
        symbol=row.S,
        time_ns=_when(row.t),
        bid_px=bid_px,
        bid_size=_number("bs", row.bs) if bid_px > 0 else _ZERO,
        ask_px=ask_px,
        ask_size=_number("as", row.as_) if ask_px > 0 else _ZERO,
        bid_exchange=row.bx or "",
        ask_exchange=row.ax or "",
        conditions="".join(row.c or ()),
    )


def _trade_of(row: _Trade) -> Trade:
    return Trade(
        symbol=row.S,
        time_ns=_when(row.t),
        px=_number("p", row.p),
        size=_number("s", row.s),
        trade_id=row.i,
        exchange=row.x or "",
        conditions="".join(row.c or ()),
    )


def _bar_of(row: _Bar) -> Bar:
    return Bar(
        symbol=row.S,
        time_ns=_when(row.t),
        duration_s=_MINUTE_S,
        open_px=_number("o", row.o),
        high_px=_number("h", row.h),
        low_px=_number("l", row.l),
        close_px=_number("c", row.c),
        volume=_number("v", row.v),
        trade_count=row.n or 0,
        vwap=None if row.vw is None else _number("vw", row.vw),
    )


def _halt_of(row: _Status) -> Halt | None:
    if row.sc not in _HALTED and row.sc not in _TRADING:
        return None
    return Halt(symbol=row.S, time_ns=_when(row.t), halted=row.sc in _HALTED)


def _correction_of(row: Any) -> TradeCorrection:
    moment_ns = _when(row.t)
    if isinstance(row, _Cancel):
        return TradeCorrection(symbol=row.S, time_ns=moment_ns, trade_id=row.i)
    trade = Trade(
        symbol=row.S,
        time_ns=moment_ns,
        px=_number("cp", row.cp),
        size=_number("cs", row.cs),
        trade_id=row.ci,
        exchange=row.x or "",
        conditions="".join(row.cc or ()),
    )
    return TradeCorrection(symbol=row.S, time_ns=moment_ns, trade_id=row.oi, trade=trade)


def _number(name: str, value: Decimal) -> Decimal:
    if not value.is_finite():
        bad(name, value, "finite number")
    return value


def _when(when: When) -> int:
    """Nanoseconds since 1970: RFC 3339 text, or MessagePack's timestamp in one of three sizes."""
    if isinstance(when, str):
        return time_ns("t", when)
    packed = bytes(when.data)
    if when.code == _TIMESTAMP and len(packed) == 12:
        nanoseconds, seconds = struct.unpack(">Iq", packed)
    elif when.code == _TIMESTAMP and len(packed) == 8:
        (both,) = struct.unpack(">Q", packed)
        nanoseconds, seconds = both >> 34, both & 0x3FFFFFFFF
    elif when.code == _TIMESTAMP and len(packed) == 4:
        (seconds,), nanoseconds = struct.unpack(">I", packed), 0
    else:
        bad("t", f"extension {when.code} of {len(packed)} bytes", "timestamp")
    return int(seconds * NS_PER_S + nanoseconds)


# What we say, in MessagePack.

_ENCODE = msgspec.msgpack.Encoder().encode


def auth_frame(credentials: Credentials) -> bytes:
    """What lets us in. Holds the keys in the clear."""
    keys = {"key": credentials.key_id.reveal(), "secret": credentials.secret_key.reveal()}
    return _ENCODE({"action": "auth", **keys})


def subscribe_frame(action: str, items: Iterable[Item]) -> bytes:
    """Subscribe to these, or unsubscribe; `subscribe` adds to what is there."""
    named: dict[str, list[str]] = {}
    for channel, symbol in items:
        for name in _CHANNELS[channel]:
            named.setdefault(name, []).append(symbol)
    return _ENCODE({"action": action, **named})


# The newest facts, over HTTP.


class _Snapshot(Struct):
    latestTrade: Any = None  # noqa: N815  (the wire's name)
    latestQuote: Any = None  # noqa: N815  (the wire's name)


class _CoinSnapshots(Struct):
    snapshots: dict[str, _Snapshot | None]


_SNAPSHOTS = msgspec.json.Decoder(dict[str, _Snapshot | None], float_hook=Decimal)
_COINS = msgspec.json.Decoder(_CoinSnapshots, float_hook=Decimal)


def snapshot_facts(raw: bytes, symbols: Sequence[str], *, is_coin: bool) -> list[Fact]:
    """The latest quote and trade of each symbol that has one; raises Unreadable."""
    try:
        found = _COINS.decode(raw).snapshots if is_coin else _SNAPSHOTS.decode(raw)
        facts: list[Fact] = []
        for symbol in symbols:
            one = found.get(symbol) or _Snapshot()
            if one.latestQuote is not None:
                fields = {**one.latestQuote, "T": "q", "S": symbol}
                facts.append(_quote_of(msgspec.convert(fields, _Quote)))
            if one.latestTrade is not None:
                fields = {**one.latestTrade, "T": "t", "S": symbol}
                facts.append(_trade_of(msgspec.convert(fields, _Trade)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError) as problem:
        raise Unreadable(f"snapshots: {problem}") from None
    return facts
