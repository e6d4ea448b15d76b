"""Puts an exchange together: the server behind, the handlers, and the application in front."""

from floorbroker.exchange.faults import FaultPlan
from floorbroker.exchange.front.account import Accounts
from floorbroker.exchange.front.app import ExchangeFront, Receive, Scope, Send
from floorbroker.exchange.front.controls import Controls
from floorbroker.exchange.front.data import MarketData
from floorbroker.exchange.front.feed import PATHS, Feeds
from floorbroker.exchange.front.server import ExchangeServer, Setup
from floorbroker.exchange.front.stream import OrderStreams, refuse
from floorbroker.exchange.front.trading import Trading


def build_exchange(setup: Setup, faults: FaultPlan | None = None) -> ExchangeFront:
    """The ASGI application of an exchange as `setup` describes it.

    Its market starts to move with the server's lifespan or with the first request; whoever uses
    it without a server calls `aclose()` in the end.
    """
    server = ExchangeServer(setup, faults)
    data = MarketData(server)
    handlers = (Trading(server), Accounts(server), data, Controls(server))
    routes = [route for handler in handlers for route in handler.routes()]
    return ExchangeFront(server, routes, _Streams(server, data))


class _Streams:
    """Which WebSocket path is whose."""

    def __init__(self, server: ExchangeServer, data: MarketData) -> None:
        self._orders = OrderStreams(server)
        self._feeds = Feeds(server, data)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/stream":
            await self._orders.serve(scope, receive, send)
        elif scope["path"] in PATHS:
            await self._feeds.serve(scope, receive, send)
        else:
            await receive()  # websocket.connect
            await refuse(scope, send, 404)
