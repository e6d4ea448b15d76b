"""Callers as lean as Python allows, so that a benchmark of the exchange measures the exchange.

They call its ASGI application as a server does: a scope for each request, one for the socket, and
coroutines to receive and send. Of what they are sent they look at just enough to know it.
"""

import asyncio
from collections.abc import Iterable
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
    """Posts one order at a time and sees that it is answered.

    What a server makes of the bytes that it reads is made beforehand: see `requests`.
    """

    def __init__(self, front: ExchangeFront) -> None:
        # What each request takes, had once for all: it is no part of what is measured.
        self._serve, self._ways = front.__call__, (self._receive, self._send)
        self._message: dict[str, Any] = {}
        self._status = self._size = 0
        head = {"type": "http", "scheme": "http", "method": "POST"}
        path = {"path": "/v2/orders", "raw_path": b"/v2/orders"}
        self._scope = {**_SCOPE, **head, **path}
        keys = {**KEYS.headers(), "Content-Type": "application/json"}
        self._headers = [(name.lower().encode(), text.encode()) for name, text in keys.items()]

    def requests(self, bodies: Iterable[bytes]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Scope and message of each; those of the same length share a scope."""
        scopes: dict[int, dict[str, Any]] = {}
        made = []
        for body in bodies:
            if (scope := scopes.get(len(body))) is None:
                headers = [*self._headers, (b"content-length", b"%d" % len(body))]
                scope = scopes[len(body)] = {**self._scope, "headers": headers}
            made.append((scope, {"type": "http.request", "body": body, "more_body": False}))
        return made

    async def post(self, scope: dict[str, Any], message: dict[str, Any]) -> None:
        """Place the order; raises AssertionError for any answer but 200 with a body."""
        self._message, self._status, self._size = message, 0, 0
        receive, send = self._ways
        await self._serve(scope, receive, send)
        assert self._status == 200, self._status
        assert self._size, "the answer has no body"

    async def _receive(self) -> dict[str, Any]:
        return self._message

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
        if not self._listens:
            if b'"listening"' in message.get("bytes", b""):
                self._listens = True
                self._is_listening.set()
        elif message["bytes"].startswith(_FILL):
            self.fills += 1
            if self.fills == self._wanted:
                self._seen.set()
