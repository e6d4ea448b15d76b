"""The Market Data API over HTTP, put together."""

from floorbroker.exchange.data import meta
from floorbroker.exchange.data.amend import Amendments
from floorbroker.exchange.data.history import History
from floorbroker.exchange.data.latest import Latest
from floorbroker.exchange.data.source import Source
from floorbroker.exchange.front.http import Route
from floorbroker.exchange.front.server import ExchangeServer


class MarketData:
    """The handlers of the stock and coin data paths, and what the streams share with them."""

    def __init__(self, server: ExchangeServer) -> None:
        self.amendments = Amendments(server)
        self.source = Source(server, self.amendments)
        self._handlers = (History(self.source), Latest(self.source), self.amendments)

    def routes(self) -> list[Route]:
        handled = [route for handler in self._handlers for route in handler.routes()]
        return handled + meta.routes()
