"""A tiny real ASGI application that answers as a test tells it, and the parts to talk to it."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

from floorbroker.brokers.alpaca.client import AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.stream import StreamRules
from floorbroker.brokers.alpaca.transport import Transport
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport, Message
from floorbroker.brokers.pacing import Pacer, PacingRules
from floorbroker.clock import LoopClock, ns_of
from floorbroker.domain.ids import Account

START = datetime(2026, 10, 8, 14, 0, tzinfo=UTC)
KEY_ID, SECRET = "PKTESTKEYID", "very-secret-indeed"
ORDER_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
OTHER_ID = "7c1f0a52-0e6a-4b1c-9c2f-8a5b8f8e2d11"


class Seen(Struct, frozen=True):
    """A request as the application saw it."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded


class Reply(Struct, frozen=True):
    """What the application answers; `hangs_s` is how long it first says nothing."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}
    hangs_s: float = 0.0


class Cut(Exception):
    """Escapes the application: the connection is gone."""

    def __init__(self, delivered: bool) -> None:
        super().__init__("cut")
        self.delivered = delivered


Answer = Callable[[Seen], Reply | Exception]


class TinySocket:
    """The application's end of a WebSocket."""

    def __init__(
        self,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._receive = receive
        self.raw_send = send

    async def receive(self) -> dict[str, Any]:
        """The next message; raises ConnectionError once the client is gone."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise ConnectionError("the client is gone")
        decoded: dict[str, Any] = json.loads(message.get("bytes") or message.get("text") or "")
        return decoded

    async def send(self, payload: Any, *, as_text: bool = False) -> None:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        if as_text:
            await self.raw_send({"type": "websocket.send", "text": text})
        else:
            await self.raw_send({"type": "websocket.send", "bytes": text.encode()})

    async def authorise(self) -> None:
        """The handshake of a healthy order stream."""
        assert (await self.receive())["action"] == "authenticate"
        await self.send(AUTHORISED)
        assert (await self.receive())["action"] == "listen"
        await self.send(LISTENING)

    async def stay(self) -> None:
        """Answer repeated subscriptions until the client goes."""
        while True:
            assert (await self.receive())["action"] == "listen"
            await self.send(LISTENING)


class TinyBroker:
    """The application. `answer` decides on requests, `serve` on WebSockets."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer: Answer = answer or (lambda _: Reply(404, error(40410000, "no such thing")))
        self.seen: list[Seen] = []
        self.acted: list[Seen] = []
        self.connections = 0
        self.serve: Callable[[TinySocket], Awaitable[None]] = _healthy
        self.lifespan: deque[str] = deque()

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            assert (await receive())["type"] == "websocket.connect"
            self.connections += 1
            try:
                await self.serve(TinySocket(receive, send))
            except ConnectionError:
                return
        else:
            await self._request(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            self.lifespan.append(message["type"])
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _request(self, scope: Message, receive: Any, send: Any) -> None:
        seen = Seen(
            scope["method"],
            scope["path"],
            dict(parse_qsl(scope["query_string"].decode())),
            (await receive())["body"],
            {name.decode(): value.decode() for name, value in scope["headers"]},
        )
        self.seen.append(seen)
        reply = self.answer(seen)
        if isinstance(reply, Exception):
            raise reply
        if reply.hangs_s:
            await asyncio.sleep(reply.hangs_s)
        self.acted.append(seen)
        headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})


async def _healthy(socket: TinySocket) -> None:
    await socket.raw_send({"type": "websocket.accept"})
    await socket.authorise()
    await socket.stay()


AUTHORISED = {
    "stream": "authorization",
    "data": {"status": "authorized", "action": "authenticate"},
}
REFUSED = {
    "stream": "authorization",
    "data": {"status": "unauthorized", "action": "authenticate"},
}
LISTENING = {"stream": "listening", "data": {"streams": ["trade_updates"]}}


def error(code: int, message: str, **extra: str) -> bytes:
    """Alpaca's error body."""
    return json.dumps({"code": code, "message": message, **extra}).encode()


def order(**changes: Any) -> dict[str, Any]:
    """An order as Alpaca writes it: every field, decimals as text, nulls present."""
    plain: dict[str, Any] = {
        "id": ORDER_ID,
        "client_order_id": "FB-1",
        "created_at": "2026-10-08T14:00:00.123456789Z",
        "updated_at": "2026-10-08T14:00:01.5Z",
        "submitted_at": "2026-10-08T14:00:00.123456789Z",
        "filled_at": None,
        "expired_at": None,
        "expires_at": "2026-10-08T20:00:00Z",
        "canceled_at": None,
        "failed_at": None,
        "replaced_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "notional": None,
        "qty": "10",
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "order_type": "limit",
        "type": "limit",
        "side": "buy",
        "time_in_force": "day",
        "limit_price": "187.2",
        "stop_price": None,
        "status": "new",
        "extended_hours": False,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "position_intent": "buy_to_open",
        "source": None,
        "subtag": None,
    }
    return {**plain, **changes}


def update(event: str, *, changes: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A message of the order stream."""
    inner = {
        "event": event,
        "execution_id": "e-1",
        "order": order(**(changes or {})),
        "timestamp": "2026-10-08T14:00:02.000001999Z",
        **more,
    }
    return {"stream": "trade_updates", "data": inner}


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


class Parts(Struct):
    """A client over the tiny application, and what it is made of."""

    client: AlpacaClient
    broker: TinyBroker
    transport: Transport
    pacer: Pacer
    clock: LoopClock


def parts(
    answer: Answer | None = None,
    *,
    timeout_s: float = 5.0,
    pacing: PacingRules | None = None,
    stream: StreamRules | None = None,
    transport: Transport | None = None,
) -> Parts:
    broker = TinyBroker(answer)
    way = transport or MemoryTransport(broker, timeout_s=timeout_s)
    clock = LoopClock(ns_of(START))
    pacer = Pacer(clock, Random(1), pacing)
    client = AlpacaClient(
        Account("ACC"),
        Endpoints(trading=way, market=way, stream=way, stream_rules=stream or StreamRules()),
        Credentials(KEY_ID, SECRET),
        clock=clock,
        random=Random(2),
        pacer=pacer,
    )
    return Parts(client, broker, way, pacer, clock)
