"""The order stream: `/stream` with its handshake, its frames, and the faults that befall them."""

import asyncio
from typing import Any

import msgspec
from msgspec import Struct

from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.front.http import Message, Receive, Scope, Send, credentials
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueEvent
from floorbroker.exchange.streams.line import Outbox, converse, refuse
from floorbroker.exchange.wire.words import encode

_REORDER_WAIT_S = 1.0  # a frame that was held back leaves by then, even if nothing follows it
_TRADE_UPDATES = "trade_updates"
_GARBAGE = b'{"stream":"trade_updates","data":{"event":"fi'


class OrderStreams:
    """Every open order stream, and what each is told."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server
        self._open: dict[OrderStream, None] = {}  # in the order they came
        self._only: OrderStream | None = None  # of one alone, as most are
        self._writer = server.writer
        server.event_listeners.append(self._publish)

    @property
    def listening(self) -> int:
        """How many are told of orders."""
        return sum(bool(stream.hears) for stream in self._open)

    def connections(self) -> list[dict[str, object]]:
        """Who is connected, in the order they came."""
        return [
            {"path": "/stream", "account": each.account, "is_listening": bool(each.hears)}
            for each in self._open
        ]

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection from its handshake to its end."""
        await receive()  # websocket.connect
        server = self._server
        is_refused = server.faults.on_connect(server.now_ns) or self._is_taken(scope)
        if is_refused:
            await refuse(scope, send, 429)
            return
        await send({"type": "websocket.accept"})
        stream = OrderStream(server)
        self._open[stream] = None
        self._only = stream if len(self._open) == 1 else None
        try:
            await converse(stream, scope, receive, send)
        finally:
            del self._open[stream]
            self._only = next(iter(self._open)) if len(self._open) == 1 else None

    def _is_taken(self, scope: Scope) -> bool:
        """Whether the account has its one stream already.

        Key headers name the account; a handshake without them is judged as everybody's.
        """
        if not self._server.setup.front.has_one_stream_per_account:
            return False
        account, _ = credentials(scope["headers"])
        return any(not account or stream.account in ("", account) for stream in self._open)

    def _publish(self, events: list[VenueEvent]) -> None:
        """Each frame is written once, whoever hears it; what nobody hears is not written."""
        only, rules = self._only, self._server.mischief.plan.rules
        if only is not None and not rules and not only.is_upset:
            frames = self._writer.lives.frames(events, only.hears)
            if frames is None:
                frames = self._writer.frames(events, only.hears)
            only.outbox.put_all(frames)
            return
        is_upset, listening = bool(rules), dict[str, list[OrderStream]]()
        for stream in self._open:
            if stream.hears:
                listening.setdefault(stream.hears, []).append(stream)
                is_upset = is_upset or stream.is_upset
        heard = [event for event in events if event.account in listening]
        if not is_upset and len(listening) == 1:
            frames = self._writer.frames(heard)
            for stream in listening[heard[0].account] if heard else ():
                stream.outbox.put_all(frames)
            return
        steps = [step for event in heard for step in event.steps()]
        for step, frame in zip(steps, self._writer.frames(steps), strict=True):
            for stream in listening[step.account]:
                stream.tell(step, frame)


class OrderStream:
    """One connection: what it said so far, and the frames that wait for it."""

    def __init__(self, server: ExchangeServer) -> None:
        self.account = ""
        self.hears = ""  #: The account of whose orders it is told; empty until it listens.
        self.outbox = Outbox()
        self._server = server
        self._is_text = server.setup.front.has_text_frames
        self._held: bytes | None = None
        self._muted_until_s = 0.0
        #: Whether a fault struck before: one may still befall the next frame.
        self.is_upset = False

    def tell(self, event: VenueEvent, frame: bytes) -> None:
        """Queue a frame, spoiled as the fault plan has it."""
        server = self._server
        faults = server.faults.on_frame(
            event.event, event.order.symbol, event.account, server.now_ns
        )
        struck = {rule.kind: rule for rule in faults}
        self.is_upset |= bool(struck)
        now_s = server.setup.clock.monotonic()
        if (rule := struck.get("stream_mute")) is not None:
            self._muted_until_s = now_s + rule.wait_s
        if now_s < self._muted_until_s or "stream_lose" in struck:
            return
        if (rule := struck.get("stream_disconnect")) is not None:
            self.outbox.end(rule.code)
            return
        if "stream_garbage" in struck:
            frame = _GARBAGE
        if "stream_unknown_event" in struck:
            frame = frame.replace(f'"event":"{event.event}"'.encode(), b'"event":"unheard_of"', 1)
        self._queue(frame, struck)

    def _queue(self, frame: bytes, struck: dict[str, FaultRule]) -> None:
        if (rule := struck.get("stream_delay")) is not None:
            asyncio.get_running_loop().call_later(rule.wait_s, self.outbox.put, frame)
        elif "stream_reorder" in struck and self._held is None:
            self._held = frame
            asyncio.get_running_loop().call_later(_REORDER_WAIT_S, self._release)
            return
        else:
            self.outbox.put(frame)
        if "stream_duplicate" in struck:
            self.outbox.put(frame)
        self._release()

    def _release(self) -> None:
        if self._held is not None:
            self.outbox.put(self._held)
            self._held = None

    def hear(self, payload: bytes | str) -> None:
        """One message of the client: authenticate, or listen."""
        try:
            said = msgspec.json.decode(payload, type=_Said)
        except msgspec.DecodeError:
            self._say({"action": "error", "data": {"error_message": "invalid syntax"}})
            self.outbox.end(1008)
            return
        if said.action in ("authenticate", "auth"):
            self._authenticate(said)
        elif said.action == "listen":
            self._listen(said)
        else:
            text = f"invalid action: {said.action}"
            self._say({"action": "error", "data": {"error_message": text}})

    def _authenticate(self, said: "_Said") -> None:
        given = said.data
        account = said.key or given.key_id or given.oauth_token
        secret = said.secret or given.secret_key
        is_right = self._server.setup.front.accepts(account, secret)
        if is_right:
            self.account = account
            if self.hears:
                self.hears = account
        self._authorization("authorized" if is_right else "unauthorized", "authenticate")

    def _listen(self, said: "_Said") -> None:
        if not self.account:
            self._authorization("unauthorized", "listen")
            return
        streams = [name for name in said.data.streams if name == _TRADE_UPDATES]
        self.hears = self.account if streams else ""
        self._say({"stream": "listening", "data": {"streams": streams[:1]}})

    def _authorization(self, status: str, action: str) -> None:
        self._say({"stream": "authorization", "data": {"status": status, "action": action}})

    def _say(self, words: dict[str, Any]) -> None:
        if self._server.setup.clock.monotonic() >= self._muted_until_s:
            self.outbox.put(encode(words))

    def messages_of(self, frames: list[bytes]) -> list[Message]:
        """Binary frames of UTF-8 JSON, as paper sends them, or text where it is wanted."""
        if self._is_text:
            return [{"type": "websocket.send", "text": frame.decode()} for frame in frames]
        return [{"type": "websocket.send", "bytes": frame} for frame in frames]


class _SaidData(Struct):
    key_id: str = ""
    secret_key: str = ""
    oauth_token: str = ""
    streams: list[str] = []


class _Said(Struct):
    action: str = ""
    key: str = ""
    secret: str = ""
    data: _SaidData = msgspec.field(default_factory=_SaidData)
