"""An exchange in memory, spoken to as a client would, and a market that stands still."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any, TypeVar

import pytest

from floorbroker.brokers.alpaca.transport import Frames, Response
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.clock import LoopClock, run_virtual
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.faults import FaultPlan, FaultRule
from floorbroker.exchange.floor.state import export_state
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.reference.assets import listing

#: Monday, 2026-06-01, 10:00 in New York.
START_NS = 1_780_322_400_000_000_000

Result = TypeVar("Result")


class Client:
    """Requests of one key pair to one exchange."""

    def __init__(self, front: ExchangeFront, key: str = "PK1", secret: str = "s") -> None:
        self.front = front
        self.transport = MemoryTransport(front, timeout_s=100_000)
        self.key = key
        self.headers = {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret}

    async def send(self, method: str, path: str, body: object = None, /, **query: str) -> Response:
        """The plain answer; `body` is sent as it is if it is bytes, else as JSON."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return await self.transport.request(
            method, path, query=query, body=raw, headers=self.headers
        )

    async def ask(
        self, method: str, path: str, body: object = None, expected: int = 200, /, **query: str
    ) -> Any:
        """The decoded answer, which must have the expected HTTP status."""
        answer = await self.send(method, path, body, **query)
        assert answer.status == expected, answer
        return json.loads(answer.body) if answer.body else None

    async def quote(
        self, symbol: str = "AAPL", bid: str = "187.1", ask: str = "187.2", size: int = 1000
    ) -> None:
        quote = {"symbol": symbol, "bid_price": bid, "ask_price": ask}
        await self.ask("POST", "/_exchange/quote", {**quote, "bid_size": size, "ask_size": size})

    async def order(self, expected: int = 200, /, **changes: object) -> Any:
        ticket = {"symbol": "AAPL", "side": "buy", "qty": "10", "type": "market"}
        fields = {**ticket, "time_in_force": "day", **changes}
        return await self.ask("POST", "/v2/orders", fields, expected)

    async def listen(self) -> Frames:
        """An order stream that is authorised and listening."""
        frames = await self.transport.connect("/stream")
        said = {"action": "auth", "key": self.key, "secret": "s"}
        await frames.send(json.dumps(said))
        await frames.receive()
        listening = {"action": "listen", "data": {"streams": ["trade_updates"]}}
        await frames.send(json.dumps(listening))
        await frames.receive()
        return frames


async def hear(frames: Frames) -> Any:
    return json.loads(await frames.receive())


async def story(client: Client, an_order: Callable[[Random], bytes], *, seed: int) -> list[object]:
    """What 500 orders are answered, byte for byte, what the order stream tells, what is left.

    Two roads that take the same stream are one if they tell the same story.
    """
    dice, server = Random(seed), client.front.server
    await client.quote()
    frames = await client.listen()
    told: list[object] = []
    for _ in range(500):
        if dice.random() < 0.25:
            await client.quote(size=dice.choice([1, 3, 7, 1000]))
        if dice.random() < 0.15:
            await client.send("DELETE", "/v2/orders")
        answer = await client.send("POST", "/v2/orders", an_order(dice))
        told.append((answer.status, sorted(answer.headers.items()), answer.body))
        await server.setup.clock.sleep(dice.choice([0, 0, 0, 1, 20]))
    await server.setup.clock.sleep(60)
    await client.send("DELETE", "/v2/orders")
    await client.order(client_order_id="the last", type="limit", qty="1", limit_price="1")
    while b"the last" not in (frame := await frames.receive()):
        told.append(frame)
    told.append(export_state(server.venue.blotter))
    return told


async def events(frames: Frames, count: int) -> list[str]:
    """The names of the next events."""
    return [(await hear(frames))["data"]["event"] for _ in range(count)]


async def is_silent(frames: Frames, seconds: float = 10) -> bool:
    """Whether nothing comes within that time; what came is lost."""
    try:
        async with asyncio.timeout(seconds):
            await frames.receive()
    except TimeoutError:
        return True
    return False


@asynccontextmanager
async def an_exchange(
    *faults: FaultRule, keys: tuple[str, ...] = ("PK1",), **settings: Any
) -> AsyncIterator[Client]:
    """A client of a new exchange; its market stands at START_NS unless a speed is given."""
    fields = {
        "clock": LoopClock(START_NS),
        "assets": listing(),
        "start_ns": START_NS,
        "speed": 1e-9,
    }
    front = build_exchange(Setup(**{**fields, **settings}), FaultPlan(faults))
    client = Client(front, keys[0])
    try:
        yield client
    finally:
        await client.transport.aclose()


def virtually(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run to the end in virtual time, where a day of waiting takes no time at all."""
    return run_virtual(main, seed=3, limit_s=200_000)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of an exchange where AAPL is quoted 187.10 to 187.20, 1,000 shares each."""
    async with an_exchange() as one:
        await one.quote()
        yield one
