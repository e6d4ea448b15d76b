"""What a feed confirms is held against what was asked, on a stream that a test writes."""

import asyncio
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca_feeds.feed import AlpacaFeed
from floorbroker.brokers.alpaca_feeds.source import Place, Source
from floorbroker.brokers.feed import Channel, Fact, FeedRefused, FeedState, Item
from floorbroker.clock import LoopClock
from tests.unit.exchange_data.conftest import START_NS, virtually


class Forgetful:
    """A stream that never confirms MSFT."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._told: set[str] = set()
        self._say({"T": "success", "msg": "connected"})

    async def send(self, payload: bytes | str) -> None:
        assert isinstance(payload, bytes)
        said: dict[str, Any] = msgspec.msgpack.decode(payload)
        if said["action"] == "auth":
            self._say({"T": "success", "msg": "authenticated"})
            return
        self._told |= set(said.get("quotes", ())) - {"MSFT"}
        self._say({"T": "subscription", "quotes": sorted(self._told)})

    async def receive(self) -> bytes:
        while not self._frames:
            self._news.clear()
            await self._news.wait()
        return self._frames.popleft()

    async def aclose(self) -> None:
        """Nothing is open."""

    def _say(self, words: dict[str, Any]) -> None:
        self._frames.append(msgspec.msgpack.encode([words]))
        self._news.set()


async def following(feed: AlpacaFeed) -> "asyncio.Task[None]":
    task = asyncio.create_task(feed.run(lambda _: None, lambda _: None))
    await asyncio.sleep(1)
    assert feed.health().state is FeedState.READY
    return task


def a_feed() -> AlpacaFeed:
    async def connect(path: str) -> Forgetful:
        return Forgetful()

    async def newest(feed: str, symbols: Sequence[str]) -> list[Fact]:
        return []

    source = Source(
        places=(Place("/v2/iex", "iex"),),
        connect=connect,
        credentials=Credentials("PK", "s"),
        newest=newest,
    )
    return AlpacaFeed(source, clock=LoopClock(START_NS), random=Random(1))


AAPL: Item = (Channel.QUOTES, "AAPL")
MSFT: Item = (Channel.QUOTES, "MSFT")


def test_whoever_asks_is_told_what_was_not_confirmed() -> None:
    async def main() -> None:
        feed = a_feed()
        task = await following(feed)
        await feed.subscribe([AAPL])
        with pytest.raises(FeedRefused, match="does not confirm"):
            await feed.subscribe([MSFT])
        assert feed.health().items == 1
        task.cancel()

    virtually(main)


def test_what_a_new_connection_does_not_confirm_is_told_in_the_health() -> None:
    async def main() -> None:
        feed = a_feed()
        await feed.subscribe([AAPL, MSFT])
        task = await following(feed)
        assert feed.health().items == 1
        assert "not told: MSFT, the answer does not confirm" in feed.health().text
        task.cancel()

    virtually(main)
