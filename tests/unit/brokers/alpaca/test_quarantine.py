"""Whatever a frame holds, the stream goes on: it is kept as it came, counted, and told."""

import asyncio
from typing import Any

import msgspec
import pytest

from floorbroker.brokers.alpaca.codec import decode_frame
from floorbroker.brokers.alpaca.words import RAW_MAX
from floorbroker.domain.messages import ExecType, ExecutionReport, MessageQuarantined
from tests.unit.brokers.alpaca.test_stream import Followed, accept, following
from tests.unit.brokers.tiny import START, TinySocket, encode, update

WHOLE = encode(update("fill", price="1", qty="2"))


def without(*path: str) -> bytes:
    frame: Any = msgspec.json.decode(WHOLE)
    place = frame
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return encode(frame)


def spoiled(old: str, new: str) -> bytes:
    assert old.encode() in WHOLE, old
    return WHOLE.replace(old.encode(), new.encode(), 1)


BAD: dict[str, bytes | str] = {
    "no JSON": "{{{",
    "half of it": WHOLE[: len(WHOLE) // 2],
    "bad UTF-8": WHOLE.replace(b"AAPL", b"AA\xff\xfe"),
    "msgpack": msgspec.msgpack.encode(msgspec.json.decode(WHOLE)),
    "empty": b"",
    "zeros": b"\x00" * 100,
    "a number": b"12345",
    "a list": b"[1,2]",
    "nested a hundred thousand deep": b"[" * 100_000,
    "nested inside": spoiled('"data":', '"extra":' + "[" * 5000 + '1,"data":'),
    "an event that nobody knows": encode(update("order_teleported")),
    "a stream that nobody knows": WHOLE.replace(b"trade_updates", b"trade_dreams"),
    "no order": without("data", "order"),
    "no order id": without("data", "order", "id"),
    "no symbol": without("data", "order", "symbol"),
    "no side": without("data", "order", "side"),
    "no event": without("data", "event"),
    "no size": without("data", "qty"),
    "no price": without("data", "price"),
    "a size of NaN": encode(update("fill", price="1", qty="NaN")),
    "a price of infinity": encode(update("fill", price="Infinity", qty="1")),
    "a size beyond all": encode(update("fill", price="1", qty="1e999999")),
    "a price below all": encode(update("fill", price="1e-999999", qty="1")),
    "a time that is none": encode(update("fill", price="1", qty="2", timestamp="yesterday")),
    "a giant": b'{"stream":"' + b"x" * 5_000_000 + b'"}',
}


@pytest.mark.proves("S12")
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_kept_counted_and_told_and_the_stream_goes_on(name: str) -> None:
    frame = BAD[name]

    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        kind = "text" if isinstance(frame, str) else "bytes"
        await socket.raw_send({"type": "websocket.send", kind: frame})
        await socket.send(update("new"))
        await socket.stay()

    async def test(made: Followed) -> None:
        await asyncio.sleep(1)
        assert len(made.connects) == 1, made.stream.health().last_loss
        *before, last = made.items
        assert isinstance(last, ExecutionReport)
        assert last.exec_type is ExecType.NEW
        if frame != b"":  # nothing came, nothing is kept
            [kept] = before
            assert isinstance(kept, MessageQuarantined)
            assert kept.raw
            assert kept.text
            assert made.stream.health().quarantined == 1

    following(test, serve, seeds=1)


def test_of_a_giant_as_much_is_kept_as_the_journal_can_bear() -> None:
    found = decode_frame(BAD["a giant"], START)
    assert isinstance(found, MessageQuarantined)
    assert len(found.raw) == RAW_MAX
    assert "of 5000013" in found.text


@pytest.mark.proves("S12")
def test_a_status_that_nobody_knows_does_not_cost_the_report() -> None:
    frame = update("new", changes={"status": "levitating"})
    found = decode_frame(encode(frame), START)
    assert isinstance(found, ExecutionReport)
    assert "levitating" in found.text
