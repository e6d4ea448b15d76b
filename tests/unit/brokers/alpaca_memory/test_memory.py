"""In memory a request meets the same fates as on the network."""

import asyncio
from typing import Any

import pytest

from floorbroker.brokers.alpaca.transport import (
    DeliveryUnknown,
    FramesClosed,
    NotDelivered,
    Transport,
)
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport, Message
from floorbroker.clock import run_virtual
from tests.unit.brokers.tiny import Cut, Reply, TinyBroker, TinySocket


def test_a_request_reaches_the_application_as_it_is() -> None:
    async def main() -> None:
        broker = TinyBroker(lambda _: Reply(201, b"{}", {"X-Thing": "1"}))
        transport: Transport = MemoryTransport(broker)
        answer = await transport.request(
            "POST",
            "/v2/assets/BTC%2FUSD",
            query={"a": "1,2", "b": "x y"},
            body=b"[]",
            headers={"X-Key": "k"},
        )
        assert (answer.status, answer.body, answer.headers["x-thing"]) == (201, b"{}", "1")
        [seen] = broker.seen
        assert (seen.method, seen.path, seen.body) == ("POST", "/v2/assets/BTC/USD", b"[]")
        assert seen.query == {"a": "1,2", "b": "x y"}
        assert seen.headers["x-key"] == "k"
        await transport.aclose()

    run_virtual(main, seed=1)


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (Cut(delivered=False), NotDelivered),
        (Cut(delivered=True), DeliveryUnknown),
        (RuntimeError("bug"), DeliveryUnknown),
    ],
)
def test_what_escapes_the_application_is_a_lost_connection(
    problem: Exception, kind: type[Exception]
) -> None:
    async def main() -> None:
        transport = MemoryTransport(TinyBroker(lambda _: problem))
        with pytest.raises(kind):
            await transport.request("GET", "/")
        await transport.aclose()

    run_virtual(main, seed=1)


def test_a_request_that_nobody_waits_for_any_more_is_still_carried_out() -> None:
    """As on a network: giving up does not take back what was sent."""

    async def main() -> None:
        broker = TinyBroker(lambda _: Reply(200, hangs_s=60))
        transport = MemoryTransport(broker, timeout_s=10)
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(DeliveryUnknown, match="in time"):
            await transport.request("POST", "/")
        assert loop.time() - started == pytest.approx(10)
        caller = asyncio.create_task(transport.request("POST", "/"))
        await asyncio.sleep(1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert broker.acted == []
        await asyncio.sleep(60)
        assert len(broker.acted) == 2
        await transport.aclose()

    run_virtual(main, seed=1)


def test_an_application_that_listens_on_hears_when_the_client_has_gone() -> None:
    heard: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("no lifespan here")
        for _ in range(2):
            heard.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def main() -> None:
        transport = MemoryTransport(app, timeout_s=1)
        with pytest.raises(DeliveryUnknown):
            await transport.request("GET", "/")
        await asyncio.sleep(0.1)
        assert heard == ["http.request", "http.disconnect"]
        await transport.aclose()

    run_virtual(main, seed=1)


def test_an_answer_in_pieces_is_one_answer_and_half_an_answer_is_none() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        if scope["path"] == "/whole":
            await send({"type": "http.response.body", "body": b"c"})

    async def main() -> None:
        transport = MemoryTransport(app)
        assert (await transport.request("GET", "/whole")).body == b"abc"
        with pytest.raises(DeliveryUnknown, match="without an answer"):
            await transport.request("GET", "/half")
        await transport.aclose()

    run_virtual(main, seed=1)


def test_the_application_is_started_once_and_stopped_once() -> None:
    async def main() -> None:
        broker = TinyBroker(lambda _: Reply())
        transport = MemoryTransport(broker)
        await asyncio.gather(*(transport.request("GET", "/") for _ in range(5)))
        assert list(broker.lifespan) == ["lifespan.startup"]
        await transport.aclose()
        assert list(broker.lifespan) == ["lifespan.startup", "lifespan.shutdown"]
        with pytest.raises(NotDelivered, match="closed"):
            await transport.request("GET", "/")

    run_virtual(main, seed=1)


def test_an_application_that_cannot_start_gets_no_request() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no tape"})

    async def main() -> None:
        transport = MemoryTransport(app)
        for _ in range(2):
            with pytest.raises(NotDelivered, match="no tape"):
                await transport.request("GET", "/")
        await transport.aclose()

    run_virtual(main, seed=1)


def test_frames_go_both_ways_and_end_with_their_code() -> None:
    async def serve(socket: TinySocket) -> None:
        await socket.raw_send({"type": "websocket.accept"})
        assert await socket.receive() == {"hello": 1}
        await socket.send("text", as_text=True)
        await socket.send("binary")
        await socket.raw_send({"type": "websocket.close", "code": 4001})

    async def main() -> None:
        broker = TinyBroker()
        broker.serve = serve
        transport = MemoryTransport(broker)
        frames = await transport.connect("/stream")
        await frames.send(b'{"hello":1}')
        assert await frames.receive() == "text"
        assert await frames.receive() == b"binary"
        for _ in range(2):
            with pytest.raises(FramesClosed) as caught:
                await frames.receive()
            assert caught.value.code == 4001
        with pytest.raises(FramesClosed):
            await frames.send("late")
        await frames.aclose()
        await transport.aclose()

    run_virtual(main, seed=1)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"type": "websocket.close", "code": 1000}], 403),
        (
            [
                {"type": "websocket.http.response.start", "status": 429, "headers": []},
                {"type": "websocket.http.response.body", "body": b"busy"},
            ],
            429,
        ),
        ([], 1006),
    ],
)
def test_a_refused_handshake_carries_its_status(messages: list[Message], code: int) -> None:
    async def serve(socket: TinySocket) -> None:
        for message in messages:
            await socket.raw_send(message)

    async def main() -> None:
        broker = TinyBroker()
        broker.serve = serve
        transport = MemoryTransport(broker)
        with pytest.raises(FramesClosed) as caught:
            await transport.connect("/stream")
        assert caught.value.code == code
        await transport.aclose()

    run_virtual(main, seed=1)


def test_a_crash_ends_the_frames() -> None:
    async def serve(socket: TinySocket) -> None:
        await socket.raw_send({"type": "websocket.accept"})
        raise RuntimeError("bug")

    async def refuse(_: TinySocket) -> None:
        raise Cut(delivered=False)

    async def main() -> None:
        broker = TinyBroker()
        broker.serve = serve
        transport = MemoryTransport(broker)
        frames = await transport.connect("/stream")
        with pytest.raises(FramesClosed, match="1006"):
            await frames.receive()
        broker.serve = refuse
        with pytest.raises(NotDelivered):
            await transport.connect("/stream")
        await transport.aclose()

    run_virtual(main, seed=1)


def test_a_handshake_that_nobody_answers_ends_in_time() -> None:
    async def serve(_: TinySocket) -> None:
        await asyncio.sleep(600)

    async def main() -> None:
        broker = TinyBroker()
        broker.serve = serve
        transport = MemoryTransport(broker, connect_timeout_s=3)
        with pytest.raises(NotDelivered, match="no handshake"):
            await transport.connect("/stream")
        await transport.aclose()

    run_virtual(main, seed=1)


def test_closing_frames_tells_the_application() -> None:
    heard: list[str] = []

    async def serve(socket: TinySocket) -> None:
        await socket.raw_send({"type": "websocket.accept"})
        try:
            await socket.receive()
        except ConnectionError:
            heard.append("gone")

    async def main() -> None:
        broker = TinyBroker()
        broker.serve = serve
        transport = MemoryTransport(broker)
        frames = await transport.connect("/stream")
        await frames.aclose()
        await asyncio.sleep(0.1)
        assert heard == ["gone"]
        await transport.aclose()

    run_virtual(main, seed=1)
