"""A hundred listeners of the market data stream, each told of a thousand trades a second.

The exchange runs in this process and plays a tape in real time; the listeners are a process of
their own and must hear every trade, once and in order.
"""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import suppress
from decimal import Decimal

import aiohttp
import msgspec

from bench.market import KEYS, START_NS, SYMBOL
from bench.runs import Figures, percentile, run, say
from floorbroker.clock import SystemClock
from floorbroker.domain.quotes import Trade
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.serve import serve
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.tape import Tape

LISTENERS, EVENTS_PER_S, SECONDS = 100, 1000, 10
EVENTS = EVENTS_PER_S * SECONDS
#: The tape begins so long after the market's start: the clock is moved there when all listen.
_WAIT_NS = 3600 * 10**9
_LEAD_NS = 10**9
_HEADERS = {**KEYS.headers(), "Content-Type": "application/json"}


class _Heard(msgspec.Struct):
    """What a trade's message is looked at for."""

    i: int
    t: str


def new_front() -> ExchangeFront:
    first_ns = START_NS + _WAIT_NS + _LEAD_NS
    trades = [
        Trade(
            symbol=SYMBOL,
            time_ns=first_ns + n * 10**9 // EVENTS_PER_S,
            px=Decimal(187),
            size=Decimal(1),
            trade_id=n,
        )
        for n in range(EVENTS)
    ]
    return build_exchange(
        Setup(
            clock=SystemClock(),
            assets=listing((SYMBOL,)),
            start_ns=START_NS,
            make_tape=lambda: Tape([trades], symbols=(SYMBOL,), start_ns=START_NS),
        )
    )


async def main() -> Figures:
    front = new_front()
    async with serve(front, "127.0.0.1", 0) as port:
        listeners = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.listeners", str(port), stdout=subprocess.PIPE
        )
        assert listeners.stdout is not None
        await listeners.stdout.readline()  # all are subscribed
        began, cpu = time.perf_counter(), time.process_time()
        began_ns = time.time_ns()
        front.server.advance_to(START_NS + _WAIT_NS)
        told, _ = await listeners.communicate()
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
    heard = json.loads(told)
    # Of the first trade the market's time and the real time at which it was due are known.
    due_ns = began_ns + _LEAD_NS
    delays_ms = [(at_ns - due_ns) / 1e6 - n * 1000 / EVENTS_PER_S for n, at_ns in heard["times"]]
    say(f"the exchange used {share:.0%} of a core")
    return {
        "lost": LISTENERS * EVENTS - heard["in_order"],
        "p50_ms": percentile(delays_ms, 0.5),
        "p99_ms": percentile(delays_ms, 0.99),
    }


async def listen(port: int) -> Figures:
    """All listeners; counts the messages that came where they belong, and when some came."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        opened = [
            await session.ws_connect(f"http://127.0.0.1:{port}/v2/sip", headers=_HEADERS)
            for _ in range(LISTENERS)
        ]
        for frames in opened:
            await frames.send_json({"action": "subscribe", "trades": [SYMBOL]})
            for _ in range(3):  # connected, authenticated, subscribed
                await frames.receive()
        print("ready", flush=True)
        times: list[tuple[int, int]] = []
        counts = await asyncio.gather(*(_follow(frames, times) for frames in opened))
        for frames in opened:
            await frames.close()
    return {"in_order": sum(counts), "times": times[:: max(len(times) // 20_000, 1)]}


async def _follow(frames: aiohttp.ClientWebSocketResponse, times: list[tuple[int, int]]) -> int:
    """How many of the trades came in their order; ends early if nothing comes any more."""
    decode = msgspec.json.Decoder(list[_Heard]).decode
    expected = in_order = 0
    with suppress(TimeoutError, TypeError):  # a closed connection has no text
        while expected < EVENTS:
            messages = decode((await frames.receive(timeout=10)).data)
            now_ns = time.time_ns()
            for message in messages:
                in_order += message.i == expected
                expected = message.i + 1
            times.append((messages[-1].i, now_ns))
    return in_order


async def _as_listeners() -> Figures:
    return await listen(int(sys.argv[1]))


if __name__ == "__main__":
    run(_as_listeners if len(sys.argv) > 1 else main)
