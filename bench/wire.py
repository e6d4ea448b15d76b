"""A client as lean as Python allows, so that a benchmark of a server measures the server."""

import asyncio
from collections import deque
from urllib.parse import urlsplit

from bench.market import KEYS

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """One kept-alive connection with one request at a time; looks at status and length alone."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]  # uvloop's is a relative

    def data_received(self, chunk: bytes) -> None:
        self._received += chunk
        head = self._received.find(_END)
        if head < 0:
            return
        at = self._received.find(_LENGTH) + len(_LENGTH)
        length = int(self._received[at : self._received.index(b"\r", at)])
        if len(self._received) < head + len(_END) + length:
            return
        answer, self._received = self._received, b""
        assert self._answer is not None
        self._answer.set_result(answer)

    def connection_lost(self, problem: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(problem or ConnectionResetError("the server hung up"))

    async def post(self, request: bytes) -> bytes:
        """The answer, head and body."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._transport.close()


class Pool:
    """Connections to one address."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname, where.port
        self._idle: deque[Connection] = deque()
        keys = "".join(f"{name}: {value}\r\n" for name, value in KEYS.headers().items())
        self._head = (
            f"POST /v2/orders HTTP/1.1\r\nHost: {where.netloc}\r\n{keys}"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()

    async def open(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, connection = await loop.create_connection(Connection, self._host, self._port)
            self._idle.append(connection)

    async def post_order(self, body: bytes) -> None:
        """Place the order; raises AssertionError for any answer but 200."""
        connection = self._idle.popleft()
        answer = await connection.post(self._head + b"%d\r\n\r\n" % len(body) + body)
        assert answer.startswith(b"HTTP/1.1 200"), answer[:400]
        self._idle.append(connection)

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
