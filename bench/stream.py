"""Events of the order stream: bytes in, decoded, told apart from repeats, journaled, applied.

Thousands of live orders report at once, each with four partial fills in frames of the exchange's
own making; every tenth fill is told twice, and the repeat is not counted. Frames arrive 120 at a
time: aiohttp lets 128 kB wait before it stops reading from a socket. Time ends when the last fill
is durable and published.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from bench.market import HELLO, KEYS, new_client, new_front, order_body
from bench.runs import Figures, engine_on, folder, lanes, new_pacer, run, say
from floorbroker.brokers.alpaca.transport import Frames, Response
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.clock import MarketClock, SystemClock
from floorbroker.domain.amounts import Qty
from floorbroker.domain.order import OrderRequest

ORDERS = 5_000
FILLS = 4
BURST = 120
PARTS = 3
_GRANTED = b'{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}'
_LISTENING = b'{"stream":"listening","data":{"streams":["trade_updates"]}}'


class ScriptedFrames:
    """A stream that tells what it is given, in bursts."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._taken = 0

    def tell(self, frames: list[bytes]) -> None:
        self._frames.extend(frames)
        self._news.set()

    async def send(self, payload: bytes | str) -> None:
        self.tell([_GRANTED if b"authenticate" in bytes(payload) else _LISTENING])  # type: ignore[arg-type]  # the client sends bytes

    async def receive(self) -> bytes:
        while not self._frames:
            self._news.clear()
            await self._news.wait()
        self._taken += 1
        if self._taken % BURST == 0:
            await asyncio.sleep(0)
        return self._frames.popleft()

    async def aclose(self) -> None:
        return


class ScriptedTransport(MemoryTransport):
    """Questions go to the exchange; orders are taken and left alone, and we write the stream."""

    def __init__(self, front: Any, answer: dict[str, Any]) -> None:
        super().__init__(front)
        self.frames = ScriptedFrames()
        self.placed: list[dict[str, Any]] = []
        self._answer = answer

    async def connect(self, path: str, *, headers: Mapping[str, str] | None = None) -> Frames:
        return self.frames

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        if method != "POST":
            return await super().request(method, path, query=query, body=body, headers=headers)
        wanted = msgspec.json.decode(body or b"")
        placed = {
            **self._answer,
            "id": f"{len(self.placed):08x}-0000-4000-8000-000000000000",
            "client_order_id": wanted["client_order_id"],
            "qty": wanted["qty"],
            "status": "new",
            "filled_qty": "0",
            "filled_avg_price": None,
        }
        self.placed.append(placed)
        return Response(200, {}, msgspec.json.encode(placed))


async def real_frame() -> dict[str, Any]:
    """A fill as the exchange tells it, to be told again of other orders."""
    transport = MemoryTransport(new_front())
    frames = await transport.connect("/stream")
    for words in HELLO:
        await frames.send(words)
        await frames.receive()
    headers = {**KEYS.headers(), "Content-Type": "application/json"}
    await transport.request("POST", "/v2/orders", body=order_body("sample"), headers=headers)
    while (frame := msgspec.json.decode(await frames.receive()))["data"]["event"] != "fill":
        pass
    await transport.aclose()
    found: dict[str, Any] = frame
    return found


def fills_of(frame: dict[str, Any], placed: list[dict[str, Any]]) -> list[bytes]:
    """Every order's partial fills, in rounds, so that neighbours in the stream differ."""
    frames = []
    for number in range(1, FILLS + 1):
        for place, order in enumerate(placed):
            is_last = number == FILLS
            told = {
                **frame["data"],
                "event": "fill" if is_last else "partial_fill",
                "execution_id": f"{place:08x}-000{number}-4000-9000-000000000000",
                "qty": "25",
                "order": {
                    **order,
                    "status": "filled" if is_last else "partially_filled",
                    "filled_qty": str(25 * number),
                    "filled_avg_price": "187.2",
                },
            }
            raw = msgspec.json.encode({**frame, "data": told})
            frames.extend([raw, raw] if place % 10 == 0 else [raw])
    return frames


async def main() -> Figures:
    frame, best = await real_frame(), 0.0
    with folder() as place:
        for part in range(PARTS):
            best = max(best, await one_part(frame, place / f"{part}.sqlite"))
    return {"events": best, "frame_bytes": len(msgspec.json.encode(frame))}


async def one_part(frame: dict[str, Any], path: Any) -> float:
    front, pacer = new_front(), new_pacer()
    wire = ScriptedTransport(front, frame["data"]["order"])
    client = new_client(wire, pacer)
    clock = MarketClock(SystemClock(), front.server.now_ns)
    request = OrderRequest.limit("buy", 25 * FILLS, "AAPL", limit_price="187.20")
    async with engine_on(client, path, pacer, clock) as engine:
        await lanes(lambda _: engine.submit(request), range(ORDERS), 256)
        frames = fills_of(frame, wire.placed)
        last = engine.order(wire.placed[-1]["client_order_id"])
        assert last is not None
        started, cpu = time.perf_counter(), time.process_time()
        wire.frames.tell(frames)
        await engine.wait(last.cl_ord_id)
        elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
        assert engine.positions()["AAPL"].qty == Qty(25 * FILLS * ORDERS)
        assert not engine.open_orders()
    await client.aclose()
    events = ORDERS * FILLS
    say(f"{events / elapsed:,.0f} events/s, {cpu / events * 1e6:.0f} us of CPU each")
    return events / elapsed


if __name__ == "__main__":
    run(main)
