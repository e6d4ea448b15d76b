"""Many listeners at once lose nothing, and one that does not listen is dropped."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from floorbroker.clock import SystemClock
from floorbroker.domain.quotes import Trade
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.serve import serve
from floorbroker.exchange.front.server import FrontRules, Setup
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.tape import Tape
from tests.wire.conftest import START_NS

LISTENERS, EVENTS, EVENTS_PER_S = 100, 1500, 1000
AUTH = {"action": "auth", "key": "PK1", "secret": "s"}
SUBSCRIBE = {"action": "subscribe", "trades": ["AAPL"]}


def trade(trade_id: int, time_ns: int) -> Trade:
    return Trade(
        symbol="AAPL", time_ns=time_ns, px=Decimal(187), size=Decimal(1), trade_id=trade_id
    )


@asynccontextmanager
async def served(
    rules: FrontRules | None = None, tape: list[Trade] | None = None
) -> AsyncIterator[tuple[ExchangeFront, int]]:
    """An exchange in this loop; the tape begins when its clock is moved to it."""
    events = tape or []
    front = build_exchange(
        Setup(
            clock=SystemClock(),
            assets=listing(),
            start_ns=START_NS,
            make_tape=lambda: Tape([events], symbols=("AAPL",), start_ns=START_NS),
            front=rules or FrontRules(),
        )
    )
    async with serve(front, "127.0.0.1", 0) as port:
        yield front, port


async def heard_by(
    session: aiohttp.ClientSession, port: int, ready: asyncio.Semaphore
) -> list[int]:
    """The ids of every trade of the tape, as one listener hears them."""
    async with session.ws_connect(f"http://127.0.0.1:{port}/v2/sip") as frames:
        for words in (AUTH, SUBSCRIBE):
            await frames.send_json(words)
        for _ in range(3):  # connected, authenticated, subscribed
            await frames.receive()
        ready.release()
        ids: list[int] = []
        while len(ids) < EVENTS:
            ids += [message["i"] for message in msgspec.json.decode((await frames.receive()).data)]
        return ids


async def test_a_hundred_listeners_hear_a_thousand_events_a_second() -> None:
    first_ns = START_NS + 3600 * 10**9
    tape = [trade(n, first_ns + n * 10**9 // EVENTS_PER_S) for n in range(EVENTS)]
    async with served(tape=tape) as (front, port), aiohttp.ClientSession() as session:
        ready = asyncio.Semaphore(0)
        heard = [asyncio.create_task(heard_by(session, port, ready)) for _ in range(LISTENERS)]
        for _ in range(LISTENERS):
            await ready.acquire()
        front.server.advance_to(first_ns - 10**8)
        async with asyncio.timeout(40):
            everything = await asyncio.gather(*heard)
    assert everything == [list(range(EVENTS))] * LISTENERS


async def test_one_that_does_not_listen_is_dropped_and_the_others_hear_on() -> None:
    async with served(FrontRules(feed_backlog=500)) as (front, port):
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", port))
        uri = f"ws://127.0.0.1:{port}/v2/sip"
        async with (
            connect(uri, sock=slow, max_queue=1, max_size=None, compression=None) as deaf,
            connect(uri, max_queue=None, max_size=None, compression=None) as quick,
        ):
            for frames in (deaf, quick):
                for words in (AUTH, SUBSCRIBE):
                    await frames.send(json.dumps(words))
                for _ in range(3):
                    await frames.recv()
            hearing = asyncio.create_task(ids_of(quick, 100_000))
            for n in range(100_000):
                front.server.apply(trade(n, START_NS))
                if n % 200 == 199:
                    await front.server.setup.clock.sleep(0)
            assert await hearing == list(range(100_000))
            codes = await all_errors(deaf)
    assert codes in ([], [407])  # the message itself may not arrive


async def ids_of(frames: Any, count: int) -> list[int]:
    ids: list[int] = []
    while len(ids) < count:
        ids += [message["i"] for message in msgspec.json.decode(await frames.recv())]
    return ids


async def all_errors(frames: Any) -> list[int]:
    """The codes of errors among what is left to hear, until the connection ends."""
    codes: list[int] = []
    async with asyncio.timeout(20):
        try:
            while True:
                messages = msgspec.json.decode(await frames.recv())
                codes += [message["code"] for message in messages if message["T"] == "error"]
        except ConnectionClosed:
            return codes
