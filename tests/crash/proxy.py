"""A proxy that misbehaves between a desk and its broker: HTTP/1.1 and WebSocket, byte by byte.

It stands outside of both and knows nothing of either: it shares no code with the desk's transport,
the exchange or its faults. What becomes of a request, or of a frame from the broker, is the next
card of a deck that the seed has shuffled; so every fault of a deck has struck once it is through.
Each kind of request has a deck of its own, and so have the frames. When a card is drawn depends
on the order in which requests arrive, which is the machine's.

It reads no more of HTTP than it needs: heads, and bodies of a told length.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from random import Random
from typing import TypeVar

from msgspec import Struct

#: SO_LINGER with a wait of zero: closing sends a reset instead of an orderly end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_END = b"\r\n\r\n"
Card = TypeVar("Card")


class Fault(StrEnum):
    """What may become of a request; those before THROUGH never arrive."""

    RESET_BEFORE = "reset before the request"
    RESET_WITHIN = "reset in the middle of the request"
    TURNED_AWAY = "502, not forwarded"
    THROUGH = "through"
    LATE = "a late request"
    HELD = "a late reply"
    RESET_AFTER = "reset after the request"
    CUT = "the reply cut in the middle"
    BAD_GATEWAY = "502 after forwarding"
    GATEWAY_TIMEOUT = "504 after forwarding"
    TWICE = "delivered twice, the first reply told"
    TWICE_SECOND = "delivered twice, the second reply told"


#: With these the broker never has the request.
LOST = frozenset({Fault.RESET_BEFORE, Fault.RESET_WITHIN, Fault.TURNED_AWAY})
#: With these the broker has it, and the other side does not learn so.
UNTOLD = frozenset({Fault.RESET_AFTER, Fault.CUT, Fault.BAD_GATEWAY, Fault.GATEWAY_TIMEOUT})


class FrameFault(StrEnum):
    """What may become of a frame from the broker."""

    THROUGH = "through"
    LATE = "a late frame"
    DROPPED = "a frame dropped"
    TWICE = "a frame twice"
    RESET = "stream reset"
    MUTE = "stream mute"


class Mischief(Struct, frozen=True, kw_only=True):
    """How often each fault strikes, as decks: a method's own, and one for frames."""

    requests: Mapping[str, Mapping[Fault, int]]
    frames: Mapping[FrameFault, int]
    late_s: tuple[float, float] = (0.01, 0.15)
    held_s: tuple[float, float] = (0.3, 1.0)
    spared: int = 2  #: Frames at a connection's beginning, which open it.


class Message(Struct, frozen=True):
    """One request or reply as it came; its first line apart."""

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode()

    @property
    def raw(self) -> bytes:
        return self.head + self.body

    def header(self, name: bytes) -> str:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name:
                return value.strip().decode()
        return ""


class _Gone(Exception):
    """The connection is over."""


class _Pipe:
    """One side of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer

    async def send(self, raw: bytes) -> None:
        self._writer.write(raw)
        await self._writer.drain()

    async def read_message(self) -> Message:
        try:
            head = await self.reader.readuntil(_END)
            found = Message(head, b"")
            assert not found.header(b"transfer-encoding"), f"a body of no told length: {head!r}"
            length = int(found.header(b"content-length") or 0)
            return Message(head, await self.reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _Gone from None

    def reset(self) -> None:
        raw = self._writer.get_extra_info("socket")
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()

    async def aclose(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


class Proxy:
    """Passes on, and misbehaves; `struck` counts what it did, `seen` what came to it, `defects`
    has what it did not understand."""

    def __init__(self, port: int, mischief: Mischief, seed: int) -> None:
        self.url = ""
        self.struck: Counter[tuple[str, str]] = Counter()
        self.seen: Counter[str] = Counter()
        self.defects: list[Exception] = []
        self._port = port
        self._mischief = mischief
        self._random = Random(seed)
        self._decks: dict[str, Iterator[Fault]] = {
            method: _deck(cards, Random(f"{seed} {method}"))
            for method, cards in mischief.requests.items()
        }
        self._frames = _deck(mischief.frames, Random(f"{seed} frames"))
        self._tasks: set[asyncio.Task[None]] = set()

    def count(self, method: str, *faults: Fault) -> int:
        return sum(self.struck[method, fault] for fault in faults)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        client = _Pipe(reader, writer)
        try:
            while True:
                request = await client.read_message()
                # A connection each: one that is kept may end just when the next request comes.
                broker = _Pipe(*await asyncio.open_connection("127.0.0.1", self._port))
                try:
                    await self._pass_on(request, client, broker)
                finally:
                    await broker.aclose()
        except (_Gone, ConnectionError):
            pass
        except Exception as defect:  # noqa: BLE001  (told where the block ends)
            self.defects.append(defect)
        finally:
            self._tasks.discard(task)
            await client.aclose()

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self, request: Message, client: _Pipe, broker: _Pipe) -> None:
        method, target, _ = request.line.split(" ")
        self.seen[f"{method} {target.partition('?')[0]}"] += 1
        if request.header(b"upgrade"):
            await self._follow(request, client, broker)
        fault = next(self._decks[method])
        self.struck[method, fault] += 1
        if fault in LOST:
            await self._lose(fault, request, client, broker)
            return
        if fault is Fault.LATE:
            await asyncio.sleep(self._random.uniform(*self._mischief.late_s))
        await broker.send(request.raw)
        reply = await broker.read_message()
        if fault in (Fault.TWICE, Fault.TWICE_SECOND):
            await broker.send(request.raw)
            second = await broker.read_message()
            reply = second if fault is Fault.TWICE_SECOND else reply
        await self._reply(fault, reply, client)

    async def _lose(self, fault: Fault, request: Message, client: _Pipe, broker: _Pipe) -> None:
        if fault is Fault.TURNED_AWAY:
            await client.send(_page(502, "Bad Gateway"))
            return
        if fault is Fault.RESET_WITHIN:
            await broker.send(request.raw[: -max(1, len(request.body) // 2)])
            broker.reset()
        client.reset()
        raise _Gone

    async def _reply(self, fault: Fault, reply: Message, client: _Pipe) -> None:
        if fault is Fault.HELD:
            await asyncio.sleep(self._random.uniform(*self._mischief.held_s))
        if fault is Fault.BAD_GATEWAY:
            await client.send(_page(502, "Bad Gateway"))
        elif fault is Fault.GATEWAY_TIMEOUT:
            await client.send(_page(504, "Gateway Time-out"))
        elif fault in (Fault.CUT, Fault.RESET_AFTER):
            if fault is Fault.CUT:
                await client.send(reply.raw[: -max(1, len(reply.body) // 2)])
                await asyncio.sleep(0.01)  # a reset overtakes what the other side has not read
            client.reset()
            raise _Gone
        else:
            await client.send(reply.raw)

    async def _follow(self, request: Message, client: _Pipe, broker: _Pipe) -> None:
        """A WebSocket until it ends."""
        await broker.send(request.raw)
        reply = await broker.read_message()
        await client.send(reply.raw)
        if not reply.line.startswith("HTTP/1.1 101"):
            raise _Gone
        ways = [
            asyncio.ensure_future(_pour(client, broker)),
            asyncio.ensure_future(self._frames_of(broker, client)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            ends = await asyncio.gather(*ways, return_exceptions=True)
        self.defects += [end for end in ends if isinstance(end, (AssertionError, KeyError))]
        raise _Gone

    async def _frames_of(self, broker: _Pipe, client: _Pipe) -> None:
        """Whole frames from the broker; those that keep the connection are passed as they are."""
        count = 0
        while True:
            frame = await _read_frame(broker.reader)
            count += 1
            is_open_for_it = _is_whole_message(frame) and count > self._mischief.spared
            fault = next(self._frames) if is_open_for_it else FrameFault.THROUGH
            self.struck["frame", fault] += 1
            if fault is FrameFault.RESET:
                client.reset()
                return
            if fault is FrameFault.MUTE:
                await _swallow(broker.reader)
                return
            if fault is FrameFault.LATE:
                await asyncio.sleep(self._random.uniform(*self._mischief.late_s))
            if fault is not FrameFault.DROPPED:
                await client.send(frame)
            if fault is FrameFault.TWICE:
                await client.send(frame)


@asynccontextmanager
async def a_proxy(url: str, mischief: Mischief, seed: int) -> AsyncIterator[Proxy]:
    """A proxy before the broker at this URL, while the block runs."""
    proxy = Proxy(int(url.rpartition(":")[2]), mischief, seed)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, limit=1 << 26)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.aclose()
    assert not proxy.defects, proxy.defects


def _deck(cards: Mapping[Card, int], random: Random) -> Iterator[Card]:
    """The cards, each as often as said, shuffled anew whenever they are through."""
    deck = [card for card, count in cards.items() for _ in range(count)]
    while True:
        random.shuffle(deck)
        yield from deck


def _page(status: int, words: str) -> bytes:
    """What a web server in between says of its own."""
    body = f"<html><body><h1>{status} {words}</h1></body></html>".encode()
    head = f"HTTP/1.1 {status} {words}\r\ncontent-type: text/html\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


async def _pour(source: _Pipe, target: _Pipe) -> None:
    while raw := await source.reader.read(1 << 16):
        await target.send(raw)


async def _swallow(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    """One frame of a server, which are not masked: two bytes, a longer length, the payload."""
    head = await reader.readexactly(2)
    assert not head[1] & 0x80, "a server's frames are not masked"
    short = head[1] & 0x7F
    more = await reader.readexactly({126: 2, 127: 8}.get(short, 0))
    length = int.from_bytes(more, "big") if more else short
    return head + more + await reader.readexactly(length)


def _is_whole_message(frame: bytes) -> bool:
    """One text or binary message in one frame, and no ping, pong, close or part."""
    return frame[0] in (0x81, 0x82)
