"""A server that accepts and then says nothing, at each stage: every wait has its end."""

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.network import NetworkRules, NetworkTransport
from floorbroker.brokers.alpaca.stream import AlpacaOrderStream, StreamRules
from floorbroker.brokers.alpaca.transport import DeliveryUnknown, NotDelivered
from floorbroker.clock import SystemClock
from tests.contract.test_alpaca_network import listening, transport_to

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
AUTHORISED = b'{"stream":"authorization","data":{"status":"authorized"}}'
LISTENING = b'{"stream":"listening","data":{"streams":["trade_updates"]}}'


async def nothing(reader: Reader, writer: Writer) -> None:
    await asyncio.sleep(30)


async def reads_only(reader: Reader, writer: Writer) -> None:
    while await reader.read(65536):
        pass


async def half_a_head(reader: Reader, writer: Writer) -> None:
    writer.write(HEAD[:20])
    await asyncio.sleep(30)


async def head_alone(reader: Reader, writer: Writer) -> None:
    writer.write(HEAD)
    await asyncio.sleep(30)


async def drips(reader: Reader, writer: Writer) -> None:
    """Always a sign of life, never an answer."""
    writer.write(HEAD)
    while True:
        writer.write(b".")
        await asyncio.sleep(0.05)


@pytest.mark.proves("S04", "answer:submit.no_answer")
@pytest.mark.parametrize("serve", [nothing, reads_only, half_a_head, head_alone, drips])
async def test_a_request_ends_by_its_time_out(
    serve: Callable[[Reader, Writer], Awaitable[None]],
) -> None:
    async with listening(serve) as url, transport_to(url, timeout_s=0.5) as transport:
        began = time.monotonic()
        with pytest.raises(DeliveryUnknown):
            await transport.request("POST", "/v2/orders", body=b"{}")
        assert time.monotonic() - began < 3


@pytest.mark.proves("answer:submit.not_sent")
async def test_a_tls_handshake_ends_by_its_time_out_and_nothing_was_delivered() -> None:
    rules = NetworkRules(connect_timeout_s=0.5)
    async with listening(nothing) as url:
        transport = NetworkTransport(url.replace("http", "https"), rules)
        began = time.monotonic()
        with pytest.raises(NotDelivered):
            await transport.request("POST", "/v2/orders", body=b"{}")
        assert time.monotonic() - began < 3
        await transport.aclose()


async def test_waiting_for_a_free_connection_ends_and_nothing_was_delivered() -> None:
    async with listening(nothing) as url:
        rules = NetworkRules(connections_max=1, connect_timeout_s=0.3, timeout_s=2.0)
        transport = NetworkTransport(url, rules)
        first = asyncio.create_task(transport.request("GET", "/"))
        await asyncio.sleep(0.1)
        with pytest.raises(NotDelivered):
            await transport.request("POST", "/v2/orders", body=b"{}")
        with pytest.raises(DeliveryUnknown):
            await first
        await transport.aclose()


def frame(payload: bytes) -> bytes:
    return bytes((0x82, len(payload))) + payload


@asynccontextmanager
async def socket_server(said: tuple[bytes, ...], *, pongs: bool) -> AsyncIterator[str]:
    """Upgrades, says these frames, then nothing more; its pongs, if it gives any, are right."""

    async def serve(reader: Reader, writer: Writer) -> None:
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
        for payload in said:
            writer.write(frame(payload))
        while True:
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            mask = await reader.readexactly(4)
            masked = await reader.readexactly(size)
            if first & 0x0F == 9 and pongs:
                payload = bytes(one ^ mask[at % 4] for at, one in enumerate(masked))
                writer.write(bytes((0x8A, size)) + payload)

    async with listening(serve) as url:
        yield url


async def states_of(url: str, seconds: float) -> tuple[AlpacaOrderStream, list[float]]:
    """Follow the stream at this address for a while; when it connected."""
    clock = SystemClock()
    transport = NetworkTransport(url, NetworkRules(heartbeat_s=0.2))
    connects: list[float] = []

    def connect() -> Awaitable[object]:
        connects.append(clock.monotonic())
        return transport.connect("/stream")

    async def catch_up() -> None:
        """Nothing was missed."""

    stream = AlpacaOrderStream(
        connect,  # type: ignore[arg-type]  # an awaitable of frames, seen from further away
        Credentials("PK", "secret"),
        clock=clock,
        random=Random(1),
        rules=StreamRules(silence_s=0.4, answer_s=0.4, wait_s=0.01, wait_max_s=0.02),
    )
    task = asyncio.create_task(stream.run(lambda _: None, catch_up, lambda _: None))
    await asyncio.sleep(seconds)
    task.cancel()
    async with asyncio.timeout(4):
        await asyncio.gather(task, return_exceptions=True)
        await transport.aclose()
    return stream, connects


@pytest.mark.proves("S11")
@pytest.mark.parametrize(
    ("said", "text"),
    [
        ((), "no answer within"),
        ((AUTHORISED,), "no answer within"),
        ((AUTHORISED, LISTENING), "mute"),
    ],
    ids=["after the upgrade", "after the key pair", "after the subscription"],
)
async def test_a_stream_that_falls_silent_is_left_at_each_stage(
    said: tuple[bytes, ...], text: str
) -> None:
    """Its pings are answered all the while, and its close is not."""
    async with socket_server(said, pongs=True) as url:
        stream, connects = await states_of(url, 3.5)
    assert len(connects) >= 2
    assert text in stream.health().last_loss


async def test_a_handshake_that_is_not_answered_is_left() -> None:
    async with listening(nothing) as url:
        stream, connects = await states_of(url, 1.5)
    assert len(connects) >= 2
    assert "no handshake" in stream.health().last_loss


async def test_a_stream_without_pongs_is_left() -> None:
    async with socket_server((AUTHORISED, LISTENING), pongs=False) as url:
        _, connects = await states_of(url, 1.5)
    assert len(connects) >= 2
