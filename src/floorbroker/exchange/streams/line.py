"""One WebSocket connection: what waits to be said, and both directions at once."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from floorbroker.exchange.front.connection import drop_connection
from floorbroker.exchange.front.http import Receive, Scope, Send

#: Frames that wait for a slow client; one more and it is cut off.
BACKLOG_MAX = 50_000


class Outbox:
    """Frames on their way to one client, in order, then perhaps its end."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._wakes = asyncio.Event()
        self.end_code: int | None = None

    def put(self, *frames: bytes) -> None:
        self.put_all(frames)

    def put_all(self, frames: Sequence[bytes]) -> None:
        waiting = self._frames
        if self.end_code is not None or not frames:
            return
        if not waiting:  # later ones find it awake
            self._wakes.set()
        waiting.extend(frames)
        if len(waiting) > BACKLOG_MAX:
            while len(waiting) > BACKLOG_MAX:
                waiting.pop()
            self.end(1013)

    def end(self, code: int) -> None:
        """Close after what is queued; 1006 cuts the connection without a close frame."""
        if self.end_code is None:
            self.end_code = code
            self._wakes.set()

    async def take(self) -> list[bytes]:
        """What waits, at least one frame; nothing at the end."""
        while not self._frames and self.end_code is None:
            self._wakes.clear()
            await self._wakes.wait()
        frames = list(self._frames)
        self._frames.clear()
        return frames


async def converse(stream: Any, scope: Scope, receive: Receive, send: Send) -> None:
    """Hear and speak at once until either side ends it."""
    speaking = asyncio.ensure_future(_speak(stream, scope, send))
    hearing = asyncio.ensure_future(_hear(stream, receive))
    try:
        await asyncio.wait({speaking, hearing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        speaking.cancel()
        hearing.cancel()
        outcomes = await asyncio.gather(speaking, hearing, return_exceptions=True)
    for outcome in outcomes:
        # The other side being gone is the usual end; whatever else went wrong is not.
        if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
            raise outcome


async def _hear(stream: Any, receive: Receive) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        payload = message.get("bytes")
        stream.hear(message["text"] if payload is None else payload)


async def _speak(stream: Any, scope: Scope, send: Send) -> None:
    outbox: Outbox = stream.outbox
    while frames := await outbox.take():
        for message in stream.messages_of(frames):
            await send(message)
    assert outbox.end_code is not None
    if outbox.end_code == 1006:
        await drop_connection(scope, has_arrived=True)
    else:
        await send({"type": "websocket.close", "code": outbox.end_code})


async def refuse(scope: Scope, send: Send, status: int) -> None:
    """Answer a handshake with an HTTP status; servers without that extension answer 403."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.http.response.start", "status": status, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})
