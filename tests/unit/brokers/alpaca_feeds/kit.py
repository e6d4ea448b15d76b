"""A feed that follows an exchange in memory, and the view that it feeds; in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.line import Line
from floorbroker.brokers.alpaca_feeds.door import FeedWays, coin_feed, stock_feed
from floorbroker.brokers.alpaca_feeds.feed import AlpacaFeed
from floorbroker.brokers.alpaca_feeds.source import FeedRules
from floorbroker.brokers.feed import Channel, Fact, FeedState, Item
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import LoopClock
from floorbroker.exchange.faults import FaultRule
from floorbroker.marketdata.live.view import MarketView
from tests.unit.exchange_data.conftest import START_NS, Client, an_exchange

KEY_ID, SECRET = "PKTESTKEYID", "very-secret-indeed"
AAPL_QUOTES: list[Item] = [(Channel.QUOTES, "AAPL")]


class Followed:
    """The exchange's client, the feed that follows it, and all that was told."""

    def __init__(self, client: Client, feed: AlpacaFeed, clock: LoopClock) -> None:
        self.client = client
        self.feed = feed
        self.view = MarketView(clock)
        self.facts: list[Fact] = []
        self.states: list[FeedState] = []
        self.task: asyncio.Task[None]

    def take(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.view.take(fact)

    def turn(self, state: FeedState) -> None:
        self.states.append(state)
        if state is FeedState.DOWN:
            self.view.lose(lambda _: True)

    async def until(self, condition: Callable[[], bool], most_s: float = 60) -> None:
        async with asyncio.timeout(most_s):
            while not condition():
                assert not self.task.done() or self.feed.health().is_final, self.task
                await asyncio.sleep(0.01)

    async def ready(self, connections: int = 1, most_s: float = 200) -> None:
        def is_ready() -> bool:
            health = self.feed.health()
            return health.state is FeedState.READY and health.connections >= connections

        await self.until(is_ready, most_s)

    async def follow(self, items: Iterable[Item]) -> None:
        wanted = list(items)
        for channel, symbol in wanted:
            self.view.follow(
                symbol, quotes=channel is Channel.QUOTES, trades=channel is Channel.TRADES
            )
        await self.feed.subscribe(wanted)


@asynccontextmanager
async def following(
    items: Iterable[Item],
    *faults: FaultRule,
    feeds: tuple[str, ...] = ("iex",),
    rules: FeedRules | None = None,
    keys: tuple[str, str] = (KEY_ID, SECRET),
    is_coin: bool = False,
    runs: bool = True,
    **settings: Any,
) -> AsyncIterator[Followed]:
    """`settings` are those of the exchange, whose time moves as ours."""
    async with an_exchange(*faults, **{"speed": 1.0, **settings}) as client:
        clock, random = LoopClock(START_NS), Random(3)
        credentials = Credentials(*keys)
        pacer = Pacer(clock, random)
        ways = FeedWays(
            stream=client.transport,
            market=Line(client.transport, pacer, clock, credentials),
            feeds=feeds,
            rules=rules or FeedRules(),
        )
        make = coin_feed if is_coin else stock_feed
        made = Followed(client, make(ways, credentials, clock=clock, random=random), clock)
        await made.follow(items)
        made.task = asyncio.create_task(made.feed.run(made.take, made.turn))
        try:
            if runs:
                await made.ready()
            yield made
        finally:
            made.task.cancel()
            await asyncio.gather(made.task, return_exceptions=True)
            await pacer.aclose()
