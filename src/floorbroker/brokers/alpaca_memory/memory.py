"""A Transport to an ASGI application in this process: HTTP, WebSocket and lifespan, no sockets."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote_plus, unquote

from floorbroker.brokers.alpaca.transport import (
    DeliveryUnknown,
    Frames,
    FramesClosed,
    NotDelivered,
    Response,
)

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]

_ABNORMAL = 1006
#: What `quote_plus` leaves as it is.
_PLAIN = re.compile(r"[\w.~-]*", re.ASCII).fullmatch
_log = logging.getLogger(__name__)


class MemoryTransport:
    """Calls the application as a server would.

    The application runs in a task of its own, so a request whose answer is no longer waited for is
    still carried out, as on a real server. An exception that escapes it is a lost connection
    (DeliveryUnknown) or, if it has an attribute `delivered` that is False, a connection that never
    was (NotDelivered). Time-outs are in seconds of the running loop.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        timeout_s: float = 15.0,
        connect_timeout_s: float = 10.0,
        host: str = "exchange.invalid",
    ) -> None:
        self._app = app
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._server = (host, None)
        self._host_line = (b"host", host.encode())
        self._tasks: set[asyncio.Task[None]] = set()
        self._lifespan: _Lifespan | None = None
        self._is_ready = False
        self._is_closed = False

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        if not self._is_ready:
            await self._start()
        scope = self._scope("http", path, query, headers)
        scope["method"] = method
        loop = asyncio.get_running_loop()
        exchange = _Exchange(body or b"", loop)
        self._run(self._app(scope, exchange.receive, exchange.send), exchange.end)
        timer = loop.call_later(self._timeout_s, exchange.give_up)
        try:
            return await exchange.answer
        finally:
            timer.cancel()
            exchange.hang_up()

    async def connect(self, path: str, *, headers: Mapping[str, str] | None = None) -> Frames:
        if not self._is_ready:
            await self._start()
        socket = _Socket()
        scope = self._scope("websocket", path, None, headers)
        scope["subprotocols"] = []
        scope["extensions"] = {"websocket.http.response": {}}
        self._run(self._app(scope, socket.app_receive, socket.app_send), socket.end)
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await asyncio.shield(socket.opened)
        except TimeoutError:
            await socket.aclose()
            raise NotDelivered(f"no handshake within {self._connect_timeout_s} s") from None
        except asyncio.CancelledError:
            await socket.aclose()
            raise
        return socket

    async def aclose(self) -> None:
        """End what still runs in the application, and its lifespan."""
        self._is_closed, self._is_ready = True, False
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._lifespan is not None:
            await self._lifespan.stop()

    async def _start(self) -> None:
        if self._is_closed:
            raise NotDelivered("the transport is closed")
        if self._lifespan is None:
            self._lifespan = _Lifespan(self._app)
        await self._lifespan.start()
        self._is_ready = not self._is_closed

    def _scope(
        self,
        kind: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        lines = [self._host_line]
        if headers:
            lines += [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in headers.items()
            ]
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws" if kind == "websocket" else "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": path.encode("ascii"),
            "root_path": "",
            "query_string": _written(query).encode("ascii") if query else b"",
            "headers": lines,
            "server": self._server,
            "client": ("127.0.0.1", 0),
        }

    def _run(self, call: Awaitable[None], on_end: Callable[[BaseException | None], None]) -> None:
        async def run() -> None:
            try:
                await call
            except Exception as problem:  # noqa: BLE001  (whatever it is, a client sees a reset)
                on_end(problem)
            else:
                on_end(None)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _written(query: Mapping[str, str]) -> str:
    """The query as it stands in an address."""
    return "&".join(f"{_quoted(name)}={_quoted(word)}" for name, word in query.items())


def _quoted(text: str) -> str:
    """Most texts need no quoting, and looking is cheaper."""
    return text if _PLAIN(text) else quote_plus(text)


class _Exchange:
    """One request and its answer, seen from the application."""

    __slots__ = ("_body", "_chunks", "_gone", "_headers", "_is_read", "_status", "answer")

    def __init__(self, body: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self.answer: asyncio.Future[Response] = loop.create_future()
        self._body = body
        self._is_read = False
        self._gone: asyncio.Future[None] | None = None
        self._status = 0
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []

    async def receive(self) -> Message:
        """The body; then nothing until the client is gone, as on a real connection."""
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        if not self.answer.done():
            if self._gone is None:
                self._gone = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._gone)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.answer.done():
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in message.get("headers", ())
            }
        elif message["type"] == "http.response.body":
            self._chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                body = b"".join(self._chunks)
                self.answer.set_result(Response(self._status, self._headers, body))

    def end(self, problem: BaseException | None) -> None:
        """The application is done with the request."""
        if self.answer.done():
            if problem is not None and not hasattr(problem, "delivered"):
                _log.error("the application failed after its answer", exc_info=problem)
        elif problem is None:
            self.answer.set_exception(DeliveryUnknown("the connection ended without an answer"))
        else:
            self.answer.set_exception(_lost(problem))

    def give_up(self) -> None:
        if not self.answer.done():
            self.answer.set_exception(DeliveryUnknown("no answer in time"))

    def hang_up(self) -> None:
        """The client waits no longer."""
        if not self.answer.done():
            self.answer.cancel()
        elif not self.answer.cancelled():
            self.answer.exception()  # seen, even if whoever asked was cancelled meanwhile
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)


class _Socket:
    """One WebSocket: the client's Frames, and the application's receive and send."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self._inbound: deque[Message] = deque([{"type": "websocket.connect"}])
        self._outbound: deque[bytes | str] = deque()
        self._app_waits: asyncio.Future[None] | None = None
        self._client_waits: asyncio.Future[None] | None = None
        self._closed: FramesClosed | None = None
        self._denial = 403

    async def app_receive(self) -> Message:
        while not self._inbound:
            self._app_waits = asyncio.get_running_loop().create_future()
            await self._app_waits
        return self._inbound.popleft()

    async def app_send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.send":
            if self._closed is None:
                payload = message.get("bytes")
                self._outbound.append(message["text"] if payload is None else payload)
                _wake(self._client_waits)
        elif kind == "websocket.accept":
            if not self.opened.done():
                self.opened.set_result(None)
        elif kind == "websocket.http.response.start":
            self._denial = message["status"]
        elif kind == "websocket.close" and self.opened.done():
            self._close(message.get("code", 1000), message.get("reason") or "")
        elif kind == "websocket.close" or not message.get("more_body", False):
            self._close(self._denial, "the handshake was refused")

    async def send(self, payload: bytes | str) -> None:
        if self._closed is not None:
            raise self._closed
        field = "text" if isinstance(payload, str) else "bytes"
        self._inbound.append({"type": "websocket.receive", field: payload})
        _wake(self._app_waits)

    async def receive(self) -> bytes | str:
        while not self._outbound:
            if self._closed is not None:
                raise self._closed
            self._client_waits = asyncio.get_running_loop().create_future()
            await self._client_waits
        return self._outbound.popleft()

    async def aclose(self) -> None:
        if self._closed is None:
            self._close(1000, "by the client")
            self._outbound.clear()

    def end(self, problem: BaseException | None) -> None:
        """The application has left the connection."""
        if self._closed is not None:
            return
        if not self.opened.done() and problem is not None:
            lost = _lost(problem)
            self.opened.set_exception(lost if isinstance(lost, NotDelivered) else _failed(lost))
            self.opened.exception()  # seen, even if the client has gone
            self._closed = FramesClosed(_ABNORMAL, "the handshake failed")
            return
        self._close(_ABNORMAL, "the connection was lost")

    def _close(self, code: int, text: str) -> None:
        if self._closed is not None:
            return
        self._closed = FramesClosed(code, text)
        if not self.opened.done():
            self.opened.set_exception(self._closed)
            self.opened.exception()  # seen, even if the client has gone
        self._inbound.append({"type": "websocket.disconnect", "code": code, "reason": text})
        _wake(self._app_waits)
        _wake(self._client_waits)


class _Lifespan:
    """The application's start and stop; an application without a lifespan is simply there."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._task: asyncio.Task[None] | None = None
        self._started: asyncio.Future[None] | None = None
        self._stopped: asyncio.Future[None] | None = None
        self._stop_asked: asyncio.Future[None] | None = None
        self._is_told = False

    async def start(self) -> None:
        """Raises NotDelivered if the application says that it cannot start."""
        if self._started is None:
            loop = asyncio.get_running_loop()
            self._started = loop.create_future()
            self._stopped = loop.create_future()
            self._stop_asked = loop.create_future()
            self._task = loop.create_task(self._run())
        await asyncio.shield(self._started)

    async def stop(self) -> None:
        if self._task is None or self._stop_asked is None or self._stopped is None:
            return
        if not self._stop_asked.done():
            self._stop_asked.set_result(None)
        if not self._task.done():
            await asyncio.wait([self._task, self._stopped], return_when=asyncio.FIRST_COMPLETED)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as problem:  # noqa: BLE001  (an application may refuse this scope so)
            _log.debug("the application has no lifespan: %r", problem)
        self._set_up(None)

    async def _receive(self) -> Message:
        if not self._is_told:
            self._is_told = True
            return {"type": "lifespan.startup"}
        assert self._stop_asked is not None
        await asyncio.shield(self._stop_asked)
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        assert self._stopped is not None
        if message["type"] == "lifespan.startup.complete":
            self._set_up(None)
        elif message["type"] == "lifespan.startup.failed":
            text = message.get("message", "")
            self._set_up(NotDelivered(f"the application cannot start: {text}"))
        elif not self._stopped.done():
            self._stopped.set_result(None)

    def _set_up(self, problem: NotDelivered | None) -> None:
        assert self._started is not None
        if self._started.done():
            return
        if problem is None:
            self._started.set_result(None)
        else:
            self._started.set_exception(problem)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _lost(problem: BaseException) -> NotDelivered | DeliveryUnknown:
    """The application's exception, as a client sees it."""
    kind = NotDelivered if getattr(problem, "delivered", True) is False else DeliveryUnknown
    return kind(f"{type(problem).__name__}: {problem}")


def _failed(lost: DeliveryUnknown) -> FramesClosed:
    return FramesClosed(500, f"the handshake failed: {lost}")
