"""One connection of a market data stream: its handshake, its subscriptions, and what waits for it.

A client that listens too slowly gets several messages in one frame. If even so more wait than
the rules allow, it is told error 407 and dropped.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from floorbroker.exchange.front.garble import Garbler
from floorbroker.exchange.front.http import Message
from floorbroker.exchange.front.server import FrontRules
from floorbroker.exchange.streams.station import EVERYTHING, Station, packed
from floorbroker.exchange.wire.market import encode_msgpack
from floorbroker.exchange.wire.words import encode

STOCK_CHANNELS = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
COIN_CHANNELS = ("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars")
#: Channels that come with trades, unasked; coins have none.
FOLLOWERS = ("corrections", "cancelErrors")
AUTH_TIMEOUT_S = 10.0
#: Messages that one frame holds at most.
FRAME_MESSAGES_MAX = 1000
#: How much more than the rule's backlog may pile up at one stroke, as when the clock jumps.
BURST_FACTOR = 20
_POLICY = 1008
_ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
}
#: Errors after which the connection is closed. Only 407 is documented to be so.
_FINAL = frozenset({402, 404, 406, 407, 409})


class Gate(Protocol):
    """Who decides whether an account may listen."""

    def refusal(self, feed: "Feed") -> int | None:
        """The error code for one who is authenticated but may not be here, else None."""


class Programme(Struct, frozen=True):
    """What a path offers: its station, its channels, and what a new listener to books is told."""

    path: str
    station: Station
    channels: tuple[str, ...]
    whole_books: Callable[[str], list[tuple[dict[str, Any], int]]] | None = None


class Feed:
    """One client: who it is, what it wants, and the messages that wait for it."""

    def __init__(
        self, programme: Programme, rules: FrontRules, gate: Gate, *, is_msgpack: bool
    ) -> None:
        self.programme = programme
        self.is_msgpack = is_msgpack
        self.account = ""
        self.garbler: Garbler | None = None
        self.backlog = Backlog(rules.feed_backlog, is_msgpack=is_msgpack)
        self._rules = rules
        self._gate = gate
        self._wanted: dict[str, set[str]] = {channel: set() for channel in programme.channels}
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(AUTH_TIMEOUT_S, self._refuse, 404)

    @property
    def is_listening(self) -> bool:
        """Whether it has subscribed to anything."""
        return any(self._wanted.values())

    def greet(self, key_id: str, secret: str) -> None:
        """The first word is the server's; key headers of the handshake authenticate."""
        self._answer({"T": "success", "msg": "connected"})
        if key_id:
            self._authenticate(key_id, secret)

    def hear(self, payload: bytes | str) -> None:
        """One message of the client, in its encoding: auth, subscribe or unsubscribe."""
        said = self._understood(payload)
        if said is None or said.action not in ("auth", "subscribe", "unsubscribe"):
            self._refuse(400)
        elif said.action == "auth":
            is_oauth = said.key == "oauth"
            key_id, secret = (said.secret, "") if is_oauth else (said.key, said.secret)
            if self.account:
                self._refuse(403)
            else:
                self._authenticate(key_id, secret)
        elif not self.account:
            self._refuse(401)
        else:
            self._subscribe(said)

    def hear_message(self, encoded: bytes | str, channel: str, symbol: str) -> None:
        """A message of the market, encoded for this client."""
        garbler = self.garbler
        if garbler is None:
            has_room = self.backlog.put(encoded)
        else:
            has_room = garbler.put(encoded, channel, symbol, self.account)
        if not has_room:
            self._refuse(407)

    def leave(self) -> None:
        """The connection is over."""
        self._patience.cancel()
        for channel in self._wanted:
            self._unsubscribe(channel, set(self._wanted[channel]))

    def _understood(self, payload: bytes | str) -> "_Said | None":
        decode = msgspec.msgpack.decode if self.is_msgpack else msgspec.json.decode
        try:
            return decode(payload, type=_Said)  # type: ignore[arg-type]  # msgpack comes as bytes
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            return None

    def _authenticate(self, key_id: str, secret: str) -> None:
        if not self._rules.accepts(key_id, secret):
            self._refuse(402)
            return
        self.account = key_id
        self._patience.cancel()
        code = self._gate.refusal(self)
        if code is not None:
            self._refuse(code)
            return
        self._answer({"T": "success", "msg": "authenticated"})

    def _subscribe(self, said: "_Said") -> None:
        named = {channel: set(said.named(channel)) for channel in _Said.channels()}
        if any(symbols and channel not in self._wanted for channel, symbols in named.items()):
            self._refuse(410)
            return
        if said.action == "unsubscribe":
            for channel in self._wanted:
                self._unsubscribe(channel, named[channel])
        elif self._is_over_limit(named):
            self._refuse(405)
            return
        else:
            for channel, wanted in self._wanted.items():
                wanted |= named[channel]
                self._join(channel, named[channel])
        self._confirm()
        if said.action == "subscribe" and self.programme.whole_books is not None:
            self._tell_books(named["orderbooks"])

    def _join(self, channel: str, symbols: Iterable[str]) -> None:
        for each in (channel, *(FOLLOWERS if channel == "trades" else ())):
            self.programme.station.join(self, each, symbols)

    def _unsubscribe(self, channel: str, symbols: set[str]) -> None:
        self._wanted[channel] -= symbols
        for each in (channel, *(FOLLOWERS if channel == "trades" else ())):
            self.programme.station.leave(self, each, symbols)

    def _is_over_limit(self, named: dict[str, set[str]]) -> bool:
        """Trades and quotes count against a plan, each symbol of each; bars do not."""
        limit = self._rules.feed_symbol_limit
        if not limit:
            return False
        counted = [self._wanted[channel] | named[channel] for channel in ("trades", "quotes")]
        is_all = any(EVERYTHING in wanted for wanted in counted)
        return is_all or sum(map(len, counted)) > limit

    def _confirm(self) -> None:
        present = {channel: sorted(wanted) for channel, wanted in self._wanted.items()}
        if "orderbooks" not in present:
            present |= {follower: present["trades"] for follower in FOLLOWERS}
        self._answer({"T": "subscription", **present})

    def _tell_books(self, symbols: set[str]) -> None:
        assert self.programme.whole_books is not None
        for symbol in sorted(symbols):
            for words, time_ns in self.programme.whole_books(symbol):
                is_packed = self.is_msgpack
                encoded = packed(words, time_ns) if is_packed else encode(words).decode()
                self.hear_message(encoded, "orderbooks", symbol)

    def _answer(self, message: dict[str, Any]) -> None:
        if self.garbler is not None and self.garbler.is_mute:
            return
        packed_one = encode_msgpack(message) if self.is_msgpack else encode(message).decode()
        self.backlog.put_alone(packed_one)

    def _refuse(self, code: int) -> None:
        if code == 407:
            self.backlog.clear()
        self._answer({"T": "error", "code": code, "msg": _ERRORS[code]})
        if code in _FINAL:
            self._patience.cancel()
            self.backlog.end(_POLICY)


class Backlog:
    """Messages on their way to one client, in order, then perhaps its end."""

    def __init__(self, limit: int, *, is_msgpack: bool) -> None:
        self.end_code: int | None = None
        self.is_sending = False  #: Whether a frame is on its way that was not taken yet.
        self._limit = limit
        self._is_msgpack = is_msgpack
        self._messages: deque[bytes | str | _Alone] = deque()
        self._wakes = asyncio.Event()
        self.ended = asyncio.Event()  #: Set once it is to be closed.

    def put(self, message: bytes | str) -> bool:
        """Queue a message; false if too many wait for a client that does not take them."""
        if self.end_code is None:
            waiting = len(self._messages)
            most = self._limit if self.is_sending else self._limit * BURST_FACTOR
            if waiting >= most:
                return False
            self._messages.append(message)
            if not waiting:
                self._wakes.set()
        return True

    def put_alone(self, message: bytes | str) -> None:
        """Queue a message that has a frame of its own."""
        if self.end_code is None:
            self._messages.append(_Alone(message))
            self._wakes.set()

    def clear(self) -> None:
        self._messages.clear()

    def end(self, code: int) -> None:
        """Close after what is queued."""
        if self.end_code is None:
            self.end_code = code
            self._wakes.set()
            self.ended.set()

    async def take(self) -> Message | None:
        """The next frame, with as many messages as wait; None at the end."""
        while not self._messages:
            if self.end_code is not None:
                return None
            self._wakes.clear()
            await self._wakes.wait()
        parts: list[Any] = []
        messages = self._messages
        while messages and len(parts) < FRAME_MESSAGES_MAX:
            first = messages[0]
            if isinstance(first, _Alone):
                if not parts:
                    messages.popleft()
                    parts.append(first.message)
                break
            parts.append(messages.popleft())
        return self._frame(parts)

    def _frame(self, parts: list[Any]) -> Message:
        if not self._is_msgpack:
            return {"type": "websocket.send", "text": f"[{','.join(parts)}]"}
        count = len(parts)
        head = bytes([0x90 | count]) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
        return {"type": "websocket.send", "bytes": head + b"".join(parts)}


class _Alone(Struct, gc=False):
    message: bytes | str


class _Said(Struct):
    action: str = ""
    key: str = ""
    secret: str = ""
    trades: list[str] = []
    quotes: list[str] = []
    bars: list[str] = []
    updatedBars: list[str] = []  # noqa: N815  (the wire's name)
    dailyBars: list[str] = []  # noqa: N815  (the wire's name)
    statuses: list[str] = []
    lulds: list[str] = []
    orderbooks: list[str] = []
    imbalances: list[str] = []
    news: list[str] = []

    @classmethod
    def channels(cls) -> tuple[str, ...]:
        return cls.__struct_fields__[3:]

    def named(self, channel: str) -> list[str]:
        symbols: list[str] = getattr(self, channel)
        return symbols
