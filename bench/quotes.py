"""Messages of the market data stream: frames in, decoded, folded into the desk's view.

The exchange tells thirty symbols in MessagePack; its frames are recorded once and then played to
a feed as fast as it takes them, so that the figure is the desk's alone.
"""

import asyncio
import time
from collections import deque
from random import Random

from bench.market import KEYS
from bench.runs import Figures, run, say
from floorbroker.brokers.alpaca.transport import Frames
from floorbroker.brokers.alpaca_feeds.feed import AlpacaFeed
from floorbroker.brokers.alpaca_feeds.source import Place, Source
from floorbroker.brokers.feed import Channel, Fact, Item
from floorbroker.clock import NS_PER_S, MarketClock, SystemClock
from floorbroker.exchange.wire.market import encode_msgpack, timestamp
from floorbroker.marketdata.live.view import MarketView

MESSAGES, PARTS = 150_000, 3
START_NS = 1_780_322_400 * NS_PER_S
SYMBOLS = tuple(f"SYM{number}" for number in range(30))
ITEMS: list[Item] = [
    (channel, symbol) for channel in (Channel.QUOTES, Channel.TRADES) for symbol in SYMBOLS
]


class Recorded:
    """A stream that greets, confirms, and then plays what was recorded."""

    def __init__(self, frames: list[bytes]) -> None:
        present = {name: list(SYMBOLS) for name in ("quotes", "trades")}
        answers = (
            {"T": "success", "msg": "connected"},
            {"T": "success", "msg": "authenticated"},
            {"T": "subscription", **present},
        )
        self._frames = deque([encode_msgpack([answer]) for answer in answers] + frames)
        self._taken = 0
        self.is_over = asyncio.Event()

    async def send(self, payload: bytes | str) -> None:
        """Nothing depends on what is said."""

    async def receive(self) -> bytes:
        self._taken += 1
        if self._taken % 100 == 0 or self._taken < 10:
            await asyncio.sleep(0)
        if not self._frames:
            self.is_over.set()
            await asyncio.Event().wait()
        return self._frames.popleft()

    async def aclose(self) -> None:
        """It is in memory."""


def frames_of(messages: int, each: int) -> list[bytes]:
    """So many messages, four quotes to a trade, so many to a frame."""
    dice, told = Random(7), []
    for number in range(messages):
        bid = 18_000 + dice.randint(0, 900)
        common = {"S": SYMBOLS[number % 30], "t": timestamp(START_NS + number * 1_000_000)}
        if number % 5:
            words = {
                "T": "q", "ax": "V", "ap": (bid + 1) / 100, "as": 200, "bx": "Q",
                "bp": bid / 100, "bs": 300, "c": ["R"], "z": "C",
            }  # fmt: skip
        else:
            words = {
                "T": "t",
                "x": "V",
                "p": bid / 100,
                "s": 40,
                "c": ["@"],
                "i": number,
                "z": "C",
            }
        told.append({**words, **common})
    return [encode_msgpack(told[n : n + each]) for n in range(0, messages, each)]


async def events_per_s(each: int) -> float:
    frames = frames_of(MESSAGES, each)
    best = 0.0
    for _ in range(PARTS):
        best = max(best, await one_part(frames))
    return best


async def one_part(frames: list[bytes]) -> float:
    wire = Recorded(frames)

    async def connect(path: str) -> Frames:
        return wire

    async def newest(feed: str, symbols: object) -> list[Fact]:
        return []

    source = Source(
        places=(Place("/v2/iex", "iex"),), connect=connect, credentials=KEYS, newest=newest
    )
    clock = MarketClock(SystemClock(), START_NS)
    feed, view = AlpacaFeed(source, clock=clock, random=Random(1)), MarketView(clock)
    for symbol in SYMBOLS:
        view.follow(symbol, quotes=True, trades=True)
    await feed.subscribe(ITEMS)

    def take(fact: Fact) -> None:
        view.take(fact)

    started = time.process_time()
    task = asyncio.create_task(feed.run(take, lambda _: None))
    await wire.is_over.wait()
    cpu_s = time.process_time() - started
    health = feed.health()
    assert (health.messages, health.quarantined) == (MESSAGES, 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return MESSAGES / cpu_s


async def main() -> Figures:
    alone, shared = await events_per_s(1), await events_per_s(20)
    say(f"{alone:,.0f} messages/s of CPU alone in their frames, {shared:,.0f} twenty to a frame")
    return {"alone": alone, "shared": shared}


if __name__ == "__main__":
    run(main)
