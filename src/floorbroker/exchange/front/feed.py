"""The market data streams, `/v2/iex`, `/v2/sip` and `/v2/test`: trades, quotes, bars, statuses."""

from typing import Any

import msgspec
from msgspec import Struct

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Depth, MarketEvent, Quote, Trade
from floorbroker.exchange.front.app import Message, Receive, Scope, Send, credentials
from floorbroker.exchange.front.data import MarketData
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.front.stream import Outbox, converse
from floorbroker.exchange.wire.market import (
    bar_message,
    message,
    quote_view,
    status_message,
    timestamp,
    trade_view,
)
from floorbroker.exchange.wire.words import encode

PATHS = frozenset({"/v2/iex", "/v2/sip", "/v2/delayed_sip", "/v2/test", "/v1beta3/crypto/us"})
_CHANNELS = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
_FOLLOWERS = ("corrections", "cancelErrors")  # come with trades, unasked
_MINUTE_NS = 60 * NS_PER_S
_ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
}
_encode_msgpack = msgspec.msgpack.Encoder(decimal_format="number").encode


class Feeds:
    """Every open market data stream; they are fed what the venue is fed."""

    def __init__(self, server: ExchangeServer, data: MarketData) -> None:
        self._server = server
        self._data = data
        self._open: dict[Feed, None] = {}  # in the order they came
        self._minutes: dict[str, int] = {}  # symbol -> start of its minute bar that runs
        server.market_listeners.append(self._publish)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection from its handshake to its end."""
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        content_types = [value for name, value in scope["headers"] if name == b"content-type"]
        feed = Feed(self._server, is_msgpack=b"application/msgpack" in content_types)
        feed.greet(*credentials(scope["headers"]))
        self._open[feed] = None
        try:
            await converse(feed, scope, receive, send)
        finally:
            del self._open[feed]

    def _publish(self, event: MarketEvent) -> None:
        if not self._open:
            return
        symbol = event.symbol
        told = self._told(event)
        if isinstance(event, Trade):
            told += self._finished_bar(event)
        for channel, words in told:
            for feed in self._open:
                if feed.wants(channel, symbol):
                    feed.say(words)

    def _told(self, event: MarketEvent) -> list[tuple[str, dict[str, Any]]]:
        """(channel, message) of one fact of the market."""
        if isinstance(event, Depth):
            return []
        symbol = event.symbol
        tape = self._data.tape_of(symbol)
        if isinstance(event, Quote):
            return [("quotes", message("q", symbol, quote_view(event, tape)))]
        if isinstance(event, Trade):
            return [("trades", message("t", symbol, trade_view(event, tape)))]
        return [("statuses", status_message(event, tape))]

    def _finished_bar(self, trade: Trade) -> list[tuple[str, dict[str, Any]]]:
        """The bar of the minute before, once a trade of a later minute has come."""
        symbol = trade.symbol
        minute_ns = trade.time_ns - trade.time_ns % _MINUTE_NS
        before_ns = self._minutes.get(symbol)
        if before_ns == minute_ns:
            return []
        self._minutes[symbol] = minute_ns
        if before_ns is None:
            return []
        bars = self._server.venue.market.minute_bars(symbol, before_ns, before_ns)
        return [("bars", bar_message(bar)) for bar in bars]


class Feed:
    """One connection: who it is, what it wants, and what waits for it."""

    def __init__(self, server: ExchangeServer, *, is_msgpack: bool) -> None:
        self.outbox = Outbox()
        self._server = server
        self._is_msgpack = is_msgpack
        self._is_authenticated = False
        self._wanted: dict[str, set[str]] = {channel: set() for channel in _CHANNELS}

    def greet(self, key_id: str, secret: str) -> None:
        """The first word is the server's; key headers of the handshake authenticate."""
        self.say({"T": "success", "msg": "connected"})
        if key_id:
            self._authenticate(key_id, secret)

    def wants(self, channel: str, symbol: str) -> bool:
        wanted = self._wanted[channel]
        return symbol in wanted or "*" in wanted

    def hear(self, payload: bytes | str) -> None:
        """One message of the client, in its encoding: auth, subscribe or unsubscribe."""
        decode = msgspec.msgpack.decode if self._is_msgpack else msgspec.json.decode
        try:
            said = decode(payload, type=_Said)  # type: ignore[arg-type]  # msgpack comes as bytes
        except msgspec.DecodeError:
            self._refuse(400)
            return
        if said.action == "auth":
            if self._is_authenticated:
                self._refuse(403)
            else:
                self._authenticate(said.key, said.secret)
        elif said.action not in ("subscribe", "unsubscribe"):
            self._refuse(400)
        elif not self._is_authenticated:
            self._refuse(401)
        else:
            self._subscribe(said)

    def say(self, message: dict[str, Any]) -> None:
        """Queue a message; every frame is a list of them."""
        if not self._is_msgpack:
            self.outbox.put(encode([message]))
        elif "t" in message:
            stamped = {**message, "t": timestamp(message["t"])}
            self.outbox.put(_encode_msgpack([stamped]))
        else:
            self.outbox.put(_encode_msgpack([message]))

    def message_of(self, frame: bytes) -> Message:
        if self._is_msgpack:
            return {"type": "websocket.send", "bytes": frame}
        return {"type": "websocket.send", "text": frame.decode()}

    def _authenticate(self, key_id: str, secret: str) -> None:
        if not self._server.setup.front.accepts(key_id, secret):
            self._refuse(402)
            self.outbox.end(1008)
            return
        self._is_authenticated = True
        self.say({"T": "success", "msg": "authenticated"})

    def _subscribe(self, said: "_Said") -> None:
        for channel, wanted in self._wanted.items():
            named = getattr(said, channel)
            if said.action == "subscribe":
                wanted.update(named)
            else:
                wanted.difference_update(named)
        present = {channel: sorted(wanted) for channel, wanted in self._wanted.items()}
        followers = {follower: present["trades"] for follower in _FOLLOWERS}
        self.say({"T": "subscription", **present, **followers})

    def _refuse(self, code: int) -> None:
        self.say({"T": "error", "code": code, "msg": _ERRORS[code]})


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
