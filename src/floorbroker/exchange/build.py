"""Puts an exchange together: the server behind, the handlers, and the application in front."""

from floorbroker.exchange.data.market_data import MarketData
from floorbroker.exchange.endpoints.absent import Absent
from floorbroker.exchange.endpoints.account import Accounts
from floorbroker.exchange.endpoints.activities import Activities
from floorbroker.exchange.endpoints.announcements import Announcements
from floorbroker.exchange.endpoints.controls import Controls
from floorbroker.exchange.endpoints.hours import Hours
from floorbroker.exchange.endpoints.portfolio import Portfolio
from floorbroker.exchange.endpoints.trading import Trading
from floorbroker.exchange.endpoints.watchlists import Watchlists
from floorbroker.exchange.faults import FaultPlan
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.http import Answer, Receive, Request, Route, Scope, Send
from floorbroker.exchange.front.server import ExchangeServer, Setup
from floorbroker.exchange.look.page import Look
from floorbroker.exchange.streams.events import ActivityStreams
from floorbroker.exchange.streams.line import refuse
from floorbroker.exchange.streams.market import PATHS, Feeds
from floorbroker.exchange.streams.orders import OrderStreams
from floorbroker.exchange.wire.words import encode


def build_exchange(setup: Setup, faults: FaultPlan | None = None) -> ExchangeFront:
    """The ASGI application of an exchange as `setup` describes it.

    Its market starts to move with the server's lifespan or with the first request; whoever uses
    it without a server calls `aclose()` in the end.
    """
    server = ExchangeServer(setup, faults)
    data = MarketData(server)
    streams = _Streams(server, data)
    routes = [
        *routes_of(server, data),
        Route("GET", "/_exchange/streams", streams.listening),
        *Look(server, streams.connections).routes(),
    ]
    return ExchangeFront(server, routes, streams)


def routes_of(server: ExchangeServer, data: MarketData) -> list[Route]:
    """Everything that is served over HTTP."""
    handlers = (
        Trading(server),
        Accounts(server),
        Activities(server),
        ActivityStreams(server),
        Portfolio(server),
        Watchlists(server),
        Hours(server),
        Announcements(server),
        Absent(),
        data,
        Controls(server),
    )
    return [route for handler in handlers for route in handler.routes()]


class _Streams:
    """Which WebSocket path is whose."""

    def __init__(self, server: ExchangeServer, data: MarketData) -> None:
        self._orders = OrderStreams(server)
        self._feeds = Feeds(server, data)

    def connections(self) -> list[dict[str, object]]:
        return self._orders.connections() + self._feeds.connections()

    def listening(self, request: Request) -> Answer:
        """How many streams listen; a script waits for them before it makes news."""
        told = {"orders": self._orders.listening, "data": self._feeds.listening}
        return Answer(body=encode(told))

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The older Python client asks for "/stream/", and for "/stream/v2/iex" where it is told
        # of one stream only.
        path = scope["path"].rstrip("/")
        feed = path.removeprefix("/stream")
        if path == "/stream":
            await self._orders.serve(scope, receive, send)
        elif feed in PATHS:
            await self._feeds.serve({**scope, "path": feed}, receive, send)
        else:
            await receive()  # websocket.connect
            await refuse(scope, send, 404)
