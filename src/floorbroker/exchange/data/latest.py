"""The latest over HTTP: quotes, trades, bars and books, and snapshots of all of them."""

from typing import Any

from floorbroker.exchange.data import query as asked
from floorbroker.exchange.data.history import COINS, STOCKS, no_recent_sip
from floorbroker.exchange.data.query import Query
from floorbroker.exchange.data.source import HOME, Source
from floorbroker.exchange.front.http import Answer, Handler, Request, Route
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.wire.words import encode

#: Under which name an answer holds many, and under which it holds one.
_ONE = {"quotes": "quote", "trades": "trade", "bars": "bar"}


class Latest:
    """The handlers of what is asked for by symbols alone."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def routes(self) -> list[Route]:
        routes = [
            Route("GET", f"{STOCKS}/snapshots", self._of_stocks("snapshots")),
            Route("GET", f"{STOCKS}/{{}}/snapshot", self._snapshot),
            Route("GET", f"{COINS}/snapshots", self._of_coins("snapshots")),
            Route("GET", f"{COINS}/latest/orderbooks", self._of_coins("orderbooks")),
        ]
        for kind in _ONE:
            routes += [
                Route("GET", f"{STOCKS}/{kind}/latest", self._of_stocks(kind)),
                Route("GET", f"{STOCKS}/{{}}/{kind}/latest", self._of_stock(kind)),
                Route("GET", f"{COINS}/latest/{kind}", self._of_coins(kind)),
            ]
        return routes

    def _of_stocks(self, kind: str) -> Handler:
        def answer(request: Request) -> Answer:
            query = request.query()
            symbols = asked.symbols_of(query, self._source.assets, is_coin=False)
            found = self._found(kind, symbols, self._feed(query))
            if kind == "snapshots":  # keyed by symbol, with no name around them
                asked.currency_of(query)
                return Answer(body=encode(found))
            return Answer(body=encode({kind: found, **asked.currency_of(query)}))

        return answer

    def _of_stock(self, kind: str) -> Handler:
        def answer(request: Request) -> Answer:
            query = request.query()
            symbol, found = self._one(kind, request, query)
            if found is None:
                raise VenueError(404, 40410000, f"no {_ONE[kind]} found for {symbol}")
            fields = {_ONE[kind]: found, "symbol": symbol}
            return Answer(body=encode({**fields, **asked.currency_of(query)}))

        return answer

    def _snapshot(self, request: Request) -> Answer:
        query = request.query()
        symbol, found = self._one("snapshots", request, query)
        if found is None:
            raise VenueError(404, 40410000, f"no snapshot found for {symbol}")
        return Answer(body=encode({"symbol": symbol, **found, **asked.currency_of(query)}))

    def _of_coins(self, kind: str) -> Handler:
        def answer(request: Request) -> Answer:
            location = asked.location_of(request.args[0])
            symbols = asked.symbols_of(request.query(), self._source.assets, is_coin=True)
            found = self._found(kind, symbols if location == HOME else [], "sip")
            return Answer(body=encode({kind: found}))

        return answer

    def _one(self, kind: str, request: Request, query: Query) -> tuple[str, Any]:
        (symbol,) = request.args
        asked.check_symbol(symbol, self._source.assets, is_coin=False)
        return symbol, self._found(kind, [symbol], self._feed(query)).get(symbol)

    def _found(self, kind: str, symbols: list[str], feed: str) -> dict[str, Any]:
        """By symbol; one that has nothing is left out."""
        source = self._source.of(feed)
        found: dict[str, Any] = {}
        for symbol in symbols:
            is_whole = kind == "snapshots"
            one = source.snapshot(symbol, feed) if is_whole else source.latest(kind, symbol, feed)
            if one is not None:
                found[symbol] = one
        return found

    def _feed(self, query: Query) -> str:
        feed = asked.latest_feed(query)
        if feed == "sip" and not self._source.has_sip:
            if query.get("feed"):
                raise no_recent_sip()
            return "iex"
        return feed
