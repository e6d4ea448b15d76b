"""An exchange in memory with a quiet market, and listeners to its streams."""

import json
from collections import deque
from typing import Any

import msgspec

from floorbroker.brokers.alpaca.transport import Frames
from tests.unit.exchange_front.conftest import (
    START_NS,
    Client,
    an_exchange,
    client,
    is_silent,
    virtually,
)


async def print_trades(client: Client, *trades: tuple[str, str, int], apart_s: int = 1) -> None:
    """(symbol, price, size), so many seconds apart."""
    for symbol, price, size in trades:
        fields = {"symbol": symbol, "price": price, "size": size}
        await client.ask("POST", "/_exchange/trade", fields)
        if apart_s:
            await advance(client, apart_s)


async def advance(client: Client, seconds: float) -> None:
    await client.ask("POST", "/_exchange/clock", {"advance": seconds})


async def to(client: Client, moment: str) -> None:
    await client.ask("POST", "/_exchange/clock", {"to": moment})


class Listening:
    """One open market data stream; messages that share a frame come one by one."""

    def __init__(self, frames: Frames, *, is_msgpack: bool = False) -> None:
        self.frames = frames
        self.waiting: deque[Any] = deque()
        self.sizes: list[int] = []  # messages of each frame
        self._is_msgpack = is_msgpack

    async def hear(self) -> Any:
        if not self.waiting:
            payload = await self.frames.receive()
            if self._is_msgpack:
                assert isinstance(payload, bytes)
                messages = msgspec.msgpack.decode(payload)
            else:
                messages = json.loads(payload)
            assert isinstance(messages, list)
            self.sizes.append(len(messages))
            self.waiting.extend(messages)
        return self.waiting.popleft()

    async def is_silent(self) -> bool:
        """Whether nothing waits and nothing comes for a while; what came is lost."""
        return not self.waiting and await is_silent(self.frames)

    async def tell(self, **words: object) -> Any:
        """What comes back for these words."""
        if self._is_msgpack:
            await self.frames.send(msgspec.msgpack.encode(words))
        else:
            await self.frames.send(json.dumps(words))
        return await self.hear()


async def listen(
    client: Client, path: str = "/v2/iex", /, headers: dict[str, str] | None = None, **wanted: Any
) -> Listening:
    """A stream that is authenticated and subscribed to this."""
    listening = await opened(client, path, headers=headers)
    assert (await listening.tell(action="auth", key=client.key, secret="s"))["T"] == "success"
    if wanted:
        present = await listening.tell(action="subscribe", **wanted)
        assert present["T"] == "subscription", present
    return listening


async def opened(
    client: Client, path: str = "/v2/iex", headers: dict[str, str] | None = None
) -> Listening:
    """A stream that has greeted."""
    given = headers or {}
    app, client.transport._app = client.front, _with_headers(client.front, given)
    try:
        frames = await client.transport.connect(path)
    finally:
        client.transport._app = app
    listening = Listening(frames, is_msgpack="msgpack" in given.get("content-type", ""))
    assert await listening.hear() == {"T": "success", "msg": "connected"}
    return listening


def _with_headers(front: Any, headers: dict[str, str]) -> Any:
    """The application behind headers that the transport cannot set."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            scope["headers"] += [
                (name.encode(), value.encode()) for name, value in headers.items()
            ]
        await front(scope, receive, send)

    return app


__all__ = ["START_NS", "Client", "an_exchange", "client", "virtually"]
