"""Callers as lean as Python allows, so that a benchmark of the exchange measures the exchange.

They call its ASGI application as a server does: a scope for each request, one for the socket, and
coroutines to receive and send. Of what they are sent they look at just enough to know it.
"""

import asyncio
from typing import Any

from bench.market import HELLO, KEYS
from floorbroker.exchange.front.app import ExchangeFront

_FILL = b'{"stream":"trade_updates","data":{"event":"fill",'
_SCOPE: dict[str, Any] = {
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "root_path": "",
    "query_string": b"",
    "server": ("exchange.invalid", None),
    "client": ("127.0.0.1", 0),
}


class Poster:
    """Posts one order at a time and sees that it is answered."""

    def __init__(self, front: ExchangeFront) -> None:
        self._front = front
        self._body = b""
        self._status = self._size = 0
        head = {"type": "http", "scheme": "http", "method": "POST"}
        path = {"path": "/v2/orders", "raw_path": b"/v2/orders"}
        self._scope = {**_SCOPE, **head, **path}
        keys = {**KEYS.headers(), "Content-Type": "application/json"}
        self._headers = [(name.lower().encode(), text.encode()) for name, text in keys.items()]

    async def post(self, body: bytes) -> None:
        """Place the order; raises AssertionError for any answer but 200 with a body."""
        self._body, self._status, self._size = body, 0, 0
        length = (b"content-length", b"%d" % len(body))
        scope = {**self._scope, "headers": [*self._headers, length]}
        await self._front(scope, self._receive, self._send)
        assert self._status == 200, self._status
        assert self._size, "the answer has no body"

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._size += len(message["body"])


class Listener:
    """Counts the fills that the order stream tells of."""

    def __init__(self, front: ExchangeFront) -> None:
        self.fills = 0
        self._wanted = -1
        self._seen = asyncio.Event()
        self._front = front
        self._said = iter((None, *HELLO))
        self._listens = False
        self._is_listening = asyncio.Event()
        self._task: asyncio.Task[None]

    async def start(self) -> None:
        scope = {**_SCOPE, "type": "websocket", "scheme": "ws", "path": "/stream", "headers": []}
        self._task = asyncio.ensure_future(self._front(scope, self._receive, self._send))
        await self._is_listening.wait()

    async def until(self, fills: int) -> None:
        """Wait until so many fills were told of since the start."""
        self._wanted = fills
        while self.fills < fills:
            self._seen.clear()
            await self._seen.wait()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _receive(self) -> dict[str, Any]:
        for words in self._said:
            if words is None:
                return {"type": "websocket.connect"}
            return {"type": "websocket.receive", "bytes": words}
        return await asyncio.get_running_loop().create_future()  # says no more

    async def _send(self, message: Any) -> None:
        frame = message.get("bytes", b"")
        if frame.startswith(_FILL):
            self.fills += 1
            if self.fills == self._wanted:
                self._seen.set()
        elif not self._listens and b'"listening"' in frame:
            self._listens = True
            self._is_listening.set()
