"""History over HTTP: bars, trades and quotes of stocks and coins, and auctions of stocks."""

from collections.abc import Callable
from typing import Any

from floorbroker.exchange.data import query as asked
from floorbroker.exchange.data.adjust import kinds_of
from floorbroker.exchange.data.pages import Rows, narrowed, page_of
from floorbroker.exchange.data.query import Query, Span
from floorbroker.exchange.data.source import HOME, Source
from floorbroker.exchange.data.timeframe import timeframe_of
from floorbroker.exchange.front.http import Answer, Handler, Request, Route
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.wire.words import encode

STOCKS, COINS = "/v2/stocks", "/v1beta3/crypto/{}"
_KINDS = ("bars", "trades", "quotes")
RowsOf = Callable[[str], Rows]


class History:
    """The handlers of everything that is asked for by an interval and comes in pages."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def routes(self) -> list[Route]:
        routes = []
        for kind in (*_KINDS, "auctions"):
            routes += [
                Route("GET", f"{STOCKS}/{kind}", self._of_stocks(kind)),
                Route("GET", f"{STOCKS}/{{}}/{kind}", self._of_stock(kind)),
            ]
        return routes + [Route("GET", f"{COINS}/{kind}", self._of_coins(kind)) for kind in _KINDS]

    def _of_stocks(self, kind: str) -> Handler:
        def answer(request: Request) -> Answer:
            query = request.query()
            symbols = asked.symbols_of(query, self._source.assets, is_coin=False)
            page, token = page_of(query, symbols, self._stock_rows(kind, query))
            return _answer({kind: page, "next_page_token": token}, query)

        return answer

    def _of_stock(self, kind: str) -> Handler:
        def answer(request: Request) -> Answer:
            query = request.query()
            (symbol,) = request.args
            asked.check_symbol(symbol, self._source.assets, is_coin=False)
            page, token = page_of(query, [symbol], self._stock_rows(kind, query))
            fields = {kind: page.get(symbol, []), "symbol": symbol, "next_page_token": token}
            return _answer(fields, query)

        return answer

    def _of_coins(self, kind: str) -> Handler:
        def answer(request: Request) -> Answer:
            query = request.query()
            location = asked.location_of(request.args[0])
            symbols = asked.symbols_of(query, self._source.assets, is_coin=True)
            span = asked.span_of(query, self._source.now_ns)
            rows_of = self._rows_of(kind, query, span, self._source)
            page, token = page_of(query, symbols, rows_of if location == HOME else _nothing)
            return Answer(body=encode({kind: page, "next_page_token": token}))

        return answer

    def _stock_rows(self, kind: str, query: Query) -> RowsOf:
        is_auction = kind == "auctions"
        feed = asked.auction_feed(query) if is_auction else asked.historical_feed(query)
        asked.check_asof(query)
        asked.currency_of(query)
        span = self._stock_span(query, feed)
        rows_of = self._rows_of(kind, query, span, self._source.of(feed))
        return _nothing if feed in asked.ELSEWHERE else rows_of

    def _stock_span(self, query: Query, feed: str) -> Span:
        """Without a subscription the consolidated tape ends fifteen minutes ago."""
        now_ns = self._source.now_ns
        if feed != "sip" or self._source.has_sip:
            return asked.span_of(query, now_ns)
        span = asked.span_of(query, now_ns - asked.DELAY_NS)
        if span.end_ns > now_ns - asked.DELAY_NS:
            raise no_recent_sip()
        return span

    def _rows_of(self, kind: str, query: Query, span: Span, source: Source) -> RowsOf:
        if kind == "auctions":
            return lambda symbol: source.auctions(symbol, span)
        if kind == "trades":
            return lambda symbol: source.trades(symbol, span)
        if kind == "quotes":
            return lambda symbol: source.quotes(symbol, span)
        timeframe = timeframe_of(query.get("timeframe") or "1Min")
        kinds = kinds_of(query.get("adjustment", ""))
        return lambda symbol: source.bars(symbol, narrowed(query, symbol, span), timeframe, kinds)


def no_recent_sip() -> VenueError:
    return VenueError(403, 40310000, "subscription does not permit querying recent SIP data")


def _nothing(symbol: str) -> Rows:
    return []


def _answer(fields: dict[str, Any], query: Query) -> Answer:
    return Answer(body=encode({**fields, **asked.currency_of(query)}))
