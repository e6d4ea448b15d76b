"""The two feeds of an Alpaca account, shares and coins, over its transports."""

from collections.abc import Sequence
from random import Random

from msgspec import Struct

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.line import Line, checked, understood
from floorbroker.brokers.alpaca.transport import Frames, Transport
from floorbroker.brokers.alpaca_feeds.feed import AlpacaFeed
from floorbroker.brokers.alpaca_feeds.source import FeedRules, Place, Source
from floorbroker.brokers.alpaca_feeds.wire import MSGPACK, snapshot_facts
from floorbroker.brokers.feed import Fact
from floorbroker.brokers.pacing import Lane
from floorbroker.clock import Clock

COINS = Place("/v1beta3/crypto/us", "us")
_TEST = "test"


class FeedWays(Struct, frozen=True, kw_only=True):
    """How the data streams are reached, and `market`, the line to the broker's lists."""

    stream: Transport
    market: Line
    feeds: tuple[str, ...] = ("iex",)  #: In the order in which they are tried.
    rules: FeedRules = FeedRules()


def stock_feed(
    ways: FeedWays, credentials: Credentials, *, clock: Clock, random: Random
) -> AlpacaFeed:
    """Shares, from the first of the feeds that the plan includes."""
    # The test feed's one symbol is on no list.
    places = [Place(f"/v2/{feed}", "" if feed == _TEST else feed) for feed in ways.feeds]
    return _feed(places, ways, credentials, clock=clock, random=random)


def coin_feed(
    ways: FeedWays, credentials: Credentials, *, clock: Clock, random: Random
) -> AlpacaFeed:
    return _feed([COINS], ways, credentials, clock=clock, random=random)


def _feed(
    places: Sequence[Place],
    ways: FeedWays,
    credentials: Credentials,
    *,
    clock: Clock,
    random: Random,
) -> AlpacaFeed:
    async def connect(path: str) -> Frames:
        return await ways.stream.connect(path, headers=MSGPACK)

    async def newest(feed: str, symbols: Sequence[str]) -> list[Fact]:
        return await newest_facts(ways.market, feed, symbols)

    source = Source(places=tuple(places), connect=connect, credentials=credentials, newest=newest)
    return AlpacaFeed(source, clock=clock, random=random, rules=ways.rules)


async def newest_facts(line: Line, feed: str, symbols: Sequence[str]) -> list[Fact]:
    """The newest quote and trade of each symbol that has one; raises BrokerError."""
    is_coin = feed == COINS.feed
    path = f"{COINS.path if is_coin else '/v2/stocks'}/snapshots"
    query = {"symbols": ",".join(symbols)}
    if not is_coin:
        query["feed"] = feed
    answer = await line.call(Lane.QUERY, "GET", path, query=query)
    return understood(snapshot_facts, checked(answer), symbols, is_coin=is_coin)


async def newest_of(line: Line, feed: str, symbols: Sequence[str]) -> list[Fact]:
    """The same of shares and coins together; raises BrokerError."""
    coins = [symbol for symbol in symbols if "/" in symbol]
    shares = [symbol for symbol in symbols if "/" not in symbol]
    facts = await newest_facts(line, feed, shares) if shares else []
    return facts + (await newest_facts(line, COINS.feed, coins) if coins else [])
