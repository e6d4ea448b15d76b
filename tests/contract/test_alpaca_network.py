"""Over real sockets: what surely did not arrive, what may have, and nothing is sent twice."""

import asyncio
import base64
import hashlib
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from floorbroker.brokers.alpaca.network import NetworkRules, NetworkTransport
from floorbroker.brokers.alpaca.transport import (
    DeliveryUnknown,
    FramesClosed,
    NotDelivered,
    Transport,
)
from tests.unit.brokers.tiny import KEY_ID, Reply, TinyBroker, TinySocket

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Thing: 1\r\n\r\n{}"
METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT"]
HEADERS = {"APCA-API-KEY-ID": KEY_ID}
#: What a raw server does with the n-th request (from 1): the bytes it answers, or None to hang up.
Answer = Callable[[int], bytes | Awaitable[bytes | None] | None]


class RawServer:
    """Answers requests byte for byte, and counts what it has read."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        ]
        self.requests.append(head + await reader.readexactly(length[0] if length else 0))
        answer = self._answer(len(self.requests))
        if not isinstance(answer, bytes | None):
            answer = await answer
        if answer is None:
            return False
        writer.write(answer)
        await writer.drain()
        return True


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """Serve connections with `handler`; none is left open at the end."""
    open_now: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        try:
            await handler(reader, writer)
        except asyncio.CancelledError:
            return
        finally:
            writer.transport.abort()
            open_now.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(open_now):
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def raw_server(answer: Answer) -> AsyncIterator[RawServer]:
    made = RawServer(answer)
    async with listening(made.serve) as made.url:
        yield made


@asynccontextmanager
async def transport_to(url: str, **rules: Any) -> AsyncIterator[Transport]:
    made = NetworkTransport(url, NetworkRules(**rules))
    try:
        yield made
    finally:
        await made.aclose()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_request_arrives_once_and_its_answer_comes_back() -> None:
    async with raw_server(lambda _: OK) as server, transport_to(server.url) as transport:
        answer = await transport.request(
            "POST", "/v2/orders", query={"a": "b,c"}, body=b'{"x":1}', headers=HEADERS
        )
        assert (answer.status, answer.body, answer.headers["x-thing"]) == (200, b"{}", "1")
        [request] = server.requests
        assert request.startswith(b"POST /v2/orders?a=b,c HTTP/1.1\r\n")
        assert f"APCA-API-KEY-ID: {KEY_ID}".encode() in request
        assert request.endswith(b'{"x":1}')


async def test_paths_are_sent_as_they_are_written() -> None:
    async with raw_server(lambda _: OK) as server, transport_to(server.url) as transport:
        await transport.request("GET", "/v2/assets/BTC%2FUSD")
        await transport.request(
            "GET", "/v2/orders:by_client_order_id", query={"client_order_id": "a&b =+"}
        )
        assert server.requests[0].startswith(b"GET /v2/assets/BTC%2FUSD HTTP/1.1\r\n")
        assert b"?client_order_id=a%26b" in server.requests[1]


async def test_connections_are_kept_alive() -> None:
    async with raw_server(lambda _: OK) as server, transport_to(server.url) as transport:
        for _ in range(5):
            await transport.request("GET", "/")
        assert server.connections == 1


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:{closed_port()}",
        f"https://127.0.0.1:{closed_port()}",
        "http://no-such-host.invalid",
    ],
    ids=["refused", "refused-tls", "no-name"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_without_a_connection_nothing_was_delivered(url: str, method: str) -> None:
    async with transport_to(url) as transport:
        with pytest.raises(NotDelivered):
            await transport.request(method, "/v2/orders", body=b"{}")
        with pytest.raises(NotDelivered):
            await transport.connect("/stream")


async def test_a_failed_tls_handshake_delivered_nothing() -> None:
    async with raw_server(lambda _: OK) as server:
        url = server.url.replace("http", "https")
        async with transport_to(url, connect_timeout_s=1.0) as transport:
            with pytest.raises(NotDelivered):
                await transport.request("POST", "/v2/orders", body=b"{}")
        assert server.requests == []


@pytest.mark.parametrize("method", METHODS)
async def test_a_kept_alive_connection_that_dies_is_not_tried_again(method: str) -> None:
    """The trap in every HTTP client: the second request meets a connection that is closing."""
    answers = lambda n: OK if n == 1 else None  # noqa: E731  (one line says it)
    async with raw_server(answers) as server, transport_to(server.url) as transport:
        await transport.request("GET", "/first")
        with pytest.raises(DeliveryUnknown):
            await transport.request(method, "/second", body=b"{}")
        assert len(server.requests) == 2, "the client sent a request twice"
        assert server.connections == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
    ],
    ids=["nothing", "half", "no-http", "bad-chunk", "bad-gzip"],
)
async def test_a_broken_answer_may_follow_a_good_request(
    method: str, answer: bytes | None
) -> None:
    async def hang_up(n: int) -> bytes | None:
        return answer if n == 1 else None

    async with raw_server(hang_up) as server, transport_to(server.url, timeout_s=0.5) as transport:
        with pytest.raises(DeliveryUnknown):
            await transport.request(method, "/", body=b"{}", headers=HEADERS)
        assert len(server.requests) == 1


async def test_an_answer_that_does_not_come_is_waited_for_only_so_long() -> None:
    async def never(_: int) -> bytes | None:
        await asyncio.sleep(30)
        return None

    async with raw_server(never) as server, transport_to(server.url, timeout_s=1.5) as transport:
        with pytest.raises(DeliveryUnknown, match=r"1\.5 s"):
            await transport.request("POST", "/", body=b"{}")
        assert len(server.requests) == 1


async def test_redirects_are_not_followed() -> None:
    moved = b"HTTP/1.1 307 Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    async with raw_server(lambda _: moved) as server, transport_to(server.url) as transport:
        assert (await transport.request("POST", "/", body=b"{}")).status == 307
        assert len(server.requests) == 1


async def test_no_key_shows_in_an_error_or_its_trace() -> None:
    async with raw_server(lambda _: None) as server, transport_to(server.url) as transport:
        with pytest.raises(DeliveryUnknown) as caught:
            await transport.request("POST", "/", body=b"{}", headers=HEADERS)
        shown = "".join(traceback.format_exception(caught.value))
        chain: BaseException | None = caught.value
        while chain is not None:
            shown += repr(chain) + repr(chain.args)
            chain = chain.__context__
        assert KEY_ID not in shown


async def test_after_closing_nothing_is_sent() -> None:
    async with raw_server(lambda _: OK) as server, transport_to(server.url) as transport:
        await transport.request("GET", "/")
        await transport.aclose()
        with pytest.raises(NotDelivered, match="closed"):
            await transport.request("GET", "/")
        assert len(server.requests) == 1


@asynccontextmanager
async def served(broker: TinyBroker) -> AsyncIterator[str]:
    """The tiny application behind uvicorn on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            broker, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110  (uvicorn offers nothing to wait for)
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def test_frames_go_both_ways_and_end_with_their_code() -> None:
    async def serve(socket: TinySocket) -> None:
        await socket.raw_send({"type": "websocket.accept"})
        assert await socket.receive() == {"hello": 1}
        await socket.send("text", as_text=True)
        await socket.send("binary")
        await socket.raw_send({"type": "websocket.close", "code": 4001})

    broker = TinyBroker(lambda _: Reply(200, b"{}"))
    broker.serve = serve
    async with served(broker) as url, transport_to(url) as transport:
        assert (await transport.request("GET", "/")).status == 200
        frames = await transport.connect("/stream")
        await frames.send(b'{"hello":1}')
        assert await frames.receive() == "text"
        assert await frames.receive() == b"binary"
        with pytest.raises(FramesClosed) as caught:
            await frames.receive()
        assert caught.value.code == 4001
        with pytest.raises(FramesClosed):
            await frames.send("late")
        await frames.aclose()


@pytest.mark.parametrize("status", [401, 406, 429, 503])
async def test_a_refused_handshake_carries_its_status(status: int) -> None:
    async def serve(socket: TinySocket) -> None:
        await socket.raw_send(
            {"type": "websocket.http.response.start", "status": status, "headers": []}
        )
        await socket.raw_send({"type": "websocket.http.response.body", "body": b""})

    broker = TinyBroker()
    broker.serve = serve
    async with served(broker) as url, transport_to(url) as transport:
        with pytest.raises(FramesClosed) as caught:
            await transport.connect("/stream")
        assert caught.value.code == status


async def test_a_socket_whose_other_side_is_dead_is_found_by_its_pings() -> None:
    """A server that accepts the handshake and then never says a word, not even a pong."""

    async def accept_and_sleep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(
            line.split(": ")[1]
            for line in head.split("\r\n")
            if line.lower().startswith("sec-websocket-key")
        )
        magic = (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()
        accept = base64.b64encode(hashlib.sha1(magic).digest()).decode()
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        await asyncio.sleep(5)

    async with (
        listening(accept_and_sleep) as url,
        transport_to(url, heartbeat_s=0.2) as transport,
    ):
        frames = await transport.connect("/stream")
        with pytest.raises(FramesClosed, match="1006"):
            async with asyncio.timeout(3):
                await frames.receive()
        await frames.aclose()
