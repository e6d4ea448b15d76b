"""The market data streams: which path offers what, and everyone who listens."""

import asyncio
from collections.abc import Callable
from typing import Any

from floorbroker.domain.quotes import Bar, MarketEvent, Trade
from floorbroker.exchange.data.market_data import MarketData
from floorbroker.exchange.faults import DATA_CONNECT
from floorbroker.exchange.front.connection import drop_connection
from floorbroker.exchange.front.garble import Garbler
from floorbroker.exchange.front.http import Receive, Scope, Send, credentials
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.streams.delayed import Delayed
from floorbroker.exchange.streams.feed import COIN_CHANNELS, STOCK_CHANNELS, Feed, Programme
from floorbroker.exchange.streams.line import refuse
from floorbroker.exchange.streams.station import Station
from floorbroker.exchange.streams.testfeed import FakeMarket
from floorbroker.exchange.streams.ticker import Ticker
from floorbroker.exchange.tape import Market
from floorbroker.exchange.wire.market import session_bar

IEX, SIP, DELAYED = "/v2/iex", "/v2/sip", "/v2/delayed_sip"
TEST, COINS = "/v2/test", "/v1beta3/crypto/us"
BOATS, OVERNIGHT = "/v1beta1/boats", "/v1beta1/overnight"
PATHS = frozenset({IEX, SIP, DELAYED, TEST, COINS, BOATS, OVERNIGHT})
#: How often the clock is looked at while somebody listens, in real seconds.
LOOK_S = 0.02
#: How long a client that is dropped may take for its last frames, in real seconds.
GRACE_S = 2.0
ABNORMAL = 1006

DayBar = Callable[[str, int], Bar | None]


class Feeds:
    """Every open market data stream; they are fed what the venue is fed."""

    def __init__(self, server: ExchangeServer, data: MarketData) -> None:
        self._server = server
        self._source = data.source
        self._open: dict[Feed, None] = {}  # in the order they came
        self._looking: asyncio.Task[None] | None = None
        stocks, late, coins, fake, night = (Station() for _ in range(5))
        self._stations = (stocks, late, coins, fake, night)
        self._programmes = {
            IEX: Programme(IEX, stocks, STOCK_CHANNELS),
            SIP: Programme(SIP, stocks, STOCK_CHANNELS),
            DELAYED: Programme(DELAYED, late, STOCK_CHANNELS),
            TEST: Programme(TEST, fake, STOCK_CHANNELS),
            BOATS: Programme(BOATS, night, STOCK_CHANNELS),
            OVERNIGHT: Programme(OVERNIGHT, night, STOCK_CHANNELS),
            COINS: Programme(COINS, coins, COIN_CHANNELS, self._whole_books),
        }
        self._begin()
        server.market_listeners.append(self._publish)
        data.amendments.listeners.append(self._amend)

    def _begin(self) -> None:
        """The market is new, at the start or after a reset; listeners stay where they are."""
        stocks, late, coins, fake, night = self._stations
        self._venue = self._server.venue
        self._stocks = self._ticker(stocks, self._day_bar)
        self._coins = self._ticker(coins, self._day_bar)
        nights = self._source.of("boats")
        self._night = Ticker(night, lambda: nights.market, self._night_bar, nights.tape_of)
        self._delayed = Delayed(self._ticker(late, self._source.day_bar), self._market)
        self._fake = FakeMarket(fake, self._server.setup.seed)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection from its handshake to its end."""
        await receive()  # websocket.connect
        if self._server.faults.on_connect(self._server.now_ns, DATA_CONNECT):
            await refuse(scope, send, 429)
            return
        await send({"type": "websocket.accept"})
        kinds = [value for name, value in scope["headers"] if name == b"content-type"]
        is_msgpack = any(kind.startswith(b"application/msgpack") for kind in kinds)
        programme = self._programmes[scope["path"]]
        feed = Feed(programme, self._server.setup.front, self, is_msgpack=is_msgpack)
        feed.garbler = Garbler(self._server, feed.backlog, is_msgpack=is_msgpack)
        self._open[feed] = None
        self._look()
        try:
            feed.greet(*credentials(scope["headers"]))
            await _converse(feed, scope, receive, send)
        finally:
            del self._open[feed]
            feed.leave()
            self._look()

    @property
    def listening(self) -> int:
        """How many have subscribed to something."""
        return sum(feed.is_listening for feed in self._open)

    def connections(self) -> list[dict[str, object]]:
        """Who is connected to which path, in the order they came."""
        return [
            {
                "path": feed.programme.path,
                "account": feed.account,
                "is_listening": feed.is_listening,
            }
            for feed in self._open
        ]

    def refusal(self, feed: Feed) -> int | None:
        """Error 409 without a subscription to the feed, 406 beside another of its kind."""
        rules, path = self._server.setup.front, feed.programme.path
        if path == SIP and not rules.has_sip:
            return 409
        if not rules.has_one_feed_per_account:
            return None
        others = (each for each in self._open if each is not feed)
        same = [each for each in others if each.programme.path == path]
        return 406 if any(each.account == feed.account for each in same) else None

    def _look(self) -> None:
        """Watch the clock while somebody listens, and only then."""
        looking = self._looking
        if self._open and (looking is None or looking.done()):
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())
        elif not self._open and looking is not None:
            looking.cancel()
            self._looking = None

    async def _keep_looking(self) -> None:
        sleep = self._server.setup.clock.sleep
        while True:
            self._notice_reset()
            now_ns = self._server.now_ns
            for told in (self._stocks, self._coins, self._night, self._delayed, self._fake):
                told.advance(now_ns)
            await sleep(LOOK_S)

    def _publish(self, event: MarketEvent) -> None:
        if not self._open:
            return
        self._notice_reset()
        if "/" in event.symbol:
            self._coins.tell(event)
        elif self._venue.market_of(event.symbol) is self._venue.night_market:
            self._night.tell(event)
        else:
            self._stocks.tell(event)
            self._delayed.tell(event)

    def _amend(self, old: Trade, new: Trade | None, time_ns: int) -> None:
        if not self._open or "/" in old.symbol:
            return
        self._notice_reset()
        if self._venue.routing.overnight.has_seen(old):
            self._night.amend(old, new, time_ns)
            return
        self._stocks.amend(old, new, time_ns)
        self._delayed.amend(old, new, time_ns)

    def _notice_reset(self) -> None:
        if self._server.venue is not self._venue:
            self._begin()

    def _ticker(self, station: Station, day_bar: DayBar) -> Ticker:
        return Ticker(station, self._market, day_bar, self._source.tape_of)

    def _market(self) -> Market:
        return self._server.venue.market

    def _day_bar(self, symbol: str, until_ns: int) -> Bar | None:
        return session_bar(self._market().session(symbol), symbol)

    def _night_bar(self, symbol: str, until_ns: int) -> Bar | None:
        return session_bar(self._source.of("boats").market.session(symbol), symbol)

    def _whole_books(self, wanted: str) -> list[tuple[dict[str, Any], int]]:
        return self._coins.whole_books(wanted)


async def _converse(feed: Feed, scope: Scope, receive: Receive, send: Send) -> None:
    """Hear and speak at once until either side ends it."""
    speaking = asyncio.ensure_future(_speak(feed, scope, send))
    hearing = asyncio.ensure_future(_hear(feed, receive))
    ending = asyncio.ensure_future(feed.backlog.ended.wait())
    tasks = (speaking, hearing, ending)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not hearing.done() and not speaking.done():  # it is to end
            await asyncio.wait(tasks[:2], timeout=GRACE_S, return_when=asyncio.FIRST_COMPLETED)
            if not speaking.done():
                await drop_connection(scope, has_arrived=True)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        # The other side being gone is the usual end; whatever else went wrong is not.
        if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
            raise outcome


async def _hear(feed: Feed, receive: Receive) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        payload = message.get("bytes")
        feed.hear(message["text"] if payload is None else payload)


async def _speak(feed: Feed, scope: Scope, send: Send) -> None:
    backlog = feed.backlog
    while (frame := await backlog.take()) is not None:
        backlog.is_sending = True
        await send(frame)
        backlog.is_sending = False
    assert backlog.end_code is not None
    if backlog.end_code == ABNORMAL:
        await drop_connection(scope, has_arrived=True)
    else:
        await send({"type": "websocket.close", "code": backlog.end_code})
