"""Market data over HTTP: latest quotes, trades and bars, snapshots, and today's history."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Bar, Quote, Trade
from floorbroker.exchange.front.app import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.wire.market import (
    WireBar,
    WireQuote,
    WireTrade,
    aggregated,
    bar_view,
    daily_bar,
    quote_view,
    trade_view,
)
from floorbroker.exchange.wire.words import (
    choice,
    encode,
    invalid,
    maybe_moment,
    whole,
)

_STOCKS, _COINS = "/v2/stocks", "/v1beta3/crypto/us"
_MINUTE_NS = 60 * NS_PER_S
_TIMEFRAME = re.compile(r"([1-9]\d?)(Min|T|Hour|H|Day|D)")
_UNIT_MINUTES = {"Min": 1, "T": 1, "Hour": 60, "H": 60, "Day": 1440, "D": 1440}
_UNIT_MAX = {1: 59, 60: 23, 1440: 1}
_PRICE_PLACES = 6
_ZERO = Decimal(0)
_TAPES = {"NASDAQ": "C", "NYSE": "A"}
#: Under which name an answer holds many, and under which it holds one.
_LATEST = {"quotes": "quote", "trades": "trade", "bars": "bar"}


class MarketData:
    """The handlers of the stock and coin data paths; a history reaches back through today."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        routes = [
            Route("GET", f"{_STOCKS}/snapshots", self._snapshots),
            Route("GET", f"{_STOCKS}/{{}}/snapshot", self._snapshot),
        ]
        for kind in _LATEST:
            routes += [
                Route("GET", f"{_STOCKS}/{kind}/latest", self._latest_of_many(kind)),
                Route("GET", f"{_STOCKS}/{{}}/{kind}/latest", self._latest_of_one(kind)),
                Route("GET", f"{_STOCKS}/{kind}", self._history_of_many(kind)),
                Route("GET", f"{_STOCKS}/{{}}/{kind}", self._history_of_one(kind)),
                Route("GET", f"{_COINS}/latest/{kind}", self._latest_of_many(kind)),
                Route("GET", f"{_COINS}/{kind}", self._history_of_many(kind)),
            ]
        return routes

    def latest(self, kind: str, symbol: str) -> "WireQuote | WireTrade | WireBar | None":
        """The latest of one symbol, None where there is none yet."""
        market = self._server.venue.market
        if kind == "quotes":
            quote = market.quotes.get(symbol)
            return None if quote is None else quote_view(quote, self.tape_of(symbol))
        if kind == "trades":
            trade = market.last_trade.get(symbol)
            return None if trade is None else trade_view(trade, self.tape_of(symbol))
        bars = market.minute_bars(symbol, 0, self._server.now_ns)
        return bar_view(bars[-1]) if bars else None

    def tape_of(self, symbol: str) -> str:
        """The letter of the consolidated tape that carries the symbol."""
        asset = self._server.venue.assets.get(symbol)
        return "B" if asset is None else _TAPES.get(asset.exchange, "B")

    def _latest_of_many(self, kind: str) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            found = {
                symbol: latest
                for symbol in _symbols(request.query())
                if (latest := self.latest(kind, symbol)) is not None
            }
            return Answer(body=encode({kind: found}))

        return answer

    def _latest_of_one(self, kind: str) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            symbol = request.args[0]
            latest = self.latest(kind, symbol)
            if latest is None:
                raise VenueError(404, 40410000, f"no {_LATEST[kind]} found for {symbol}")
            return Answer(body=encode({"symbol": symbol, _LATEST[kind]: latest}))

        return answer

    def _snapshots(self, request: Request) -> Answer:
        shots = {symbol: self._shot(symbol) for symbol in _symbols(request.query())}
        return Answer(body=encode({symbol: shot for symbol, shot in shots.items() if shot}))

    def _snapshot(self, request: Request) -> Answer:
        symbol = request.args[0]
        shot = self._shot(symbol)
        if shot is None:
            raise VenueError(404, 40410000, f"no snapshot found for {symbol}")
        return Answer(body=encode({"symbol": symbol, **shot}))

    def _shot(self, symbol: str) -> dict[str, Any] | None:
        """What there is so far. The day before is not known, so its bar is always missing."""
        quote, trade = self.latest("quotes", symbol), self.latest("trades", symbol)
        if quote is None and trade is None:
            return None
        session = self._server.venue.market.session(symbol)
        parts = {
            "latestTrade": trade,
            "latestQuote": quote,
            "minuteBar": self.latest("bars", symbol),
            "dailyBar": daily_bar(session, symbol),
        }
        return {name: part for name, part in parts.items() if part is not None}

    def _history_of_many(self, kind: str) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            query = request.query()
            page, token = self._page(kind, sorted(_symbols(query)), query)
            return Answer(body=encode({kind: page, "next_page_token": token}))

        return answer

    def _history_of_one(self, kind: str) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            symbol = request.args[0]
            page, token = self._page(kind, [symbol], request.query())
            rows = page.get(symbol, [])
            return Answer(body=encode({kind: rows, "symbol": symbol, "next_page_token": token}))

        return answer

    def _page(
        self, kind: str, symbols: Sequence[str], query: dict[str, str]
    ) -> tuple[dict[str, list[Any]], str | None]:
        """Rows by symbol, then by time, `limit` in all; and where the next page begins."""
        left = whole(query, "limit", 1000, 10_000)
        is_descending = choice(query, "sort", ("asc", "desc")) == "desc"
        place = _place(query.get("page_token"))
        page: dict[str, list[Any]] = {}
        for symbol in symbols:
            if place is not None and symbol < place.symbol:
                continue
            rows = self._rows(kind, symbol, query)
            if is_descending:
                rows.reverse()
            if place is not None and symbol == place.symbol:
                rows = place.rest(rows, is_descending=is_descending)
            if not rows:
                continue
            if left == 0:
                return page, _Place(symbol, rows[0].time_ns, 0).token()
            page[symbol] = [self._view(row) for row in rows[:left]]
            if len(rows) > left:
                here = place if place is not None and symbol == place.symbol else _Place("", 0, 0)
                return page, here.after(rows[:left]).token()
            left -= len(rows)
        return page, None

    def _rows(self, kind: str, symbol: str, query: dict[str, str]) -> list[Any]:
        market = self._server.venue.market
        start_ns = maybe_moment(query, "start")
        end_ns = maybe_moment(query, "end")
        now_ns = self._server.now_ns
        bounds = (start_ns or 0, now_ns if end_ns is None else min(end_ns, now_ns))
        if kind == "quotes":
            return list(market.quotes_between(symbol, *bounds))
        if kind == "trades":
            return list(market.trades_between(symbol, *bounds))
        minutes = market.minute_bars(symbol, *bounds)
        return aggregated(minutes, _timeframe_minutes(query.get("timeframe") or "1Min"))

    def _view(self, row: Quote | Trade | Bar) -> "WireQuote | WireTrade | WireBar":
        if isinstance(row, Quote):
            return quote_view(row, self.tape_of(row.symbol))
        if isinstance(row, Trade):
            return trade_view(row, self.tape_of(row.symbol))
        return bar_view(row)


def _timeframe_minutes(text: str) -> int:
    found = _TIMEFRAME.fullmatch(text)
    unit = _UNIT_MINUTES[found[2]] if found else 0
    if found is None or int(found[1]) > _UNIT_MAX[unit]:
        raise invalid(f"invalid timeframe: {text}; must be 1-59Min, 1-23Hour or 1Day")
    return int(found[1]) * unit


class _Place(Struct, frozen=True):
    """Where the next page begins: after `done` rows of that time. It holds while rows come."""

    symbol: str
    time_ns: int
    done: int

    def rest(self, rows: Sequence[Any], *, is_descending: bool) -> list[Any]:
        sign = -1 if is_descending else 1
        here = [row for row in rows if sign * (row.time_ns - self.time_ns) >= 0]
        return here[self.done :]

    def after(self, taken: Sequence[Any]) -> "_Place":
        """The place behind rows that were taken from here on."""
        last_ns = taken[-1].time_ns
        done = sum(row.time_ns == last_ns for row in taken)
        if last_ns == self.time_ns:
            done += self.done
        return _Place(taken[-1].symbol, last_ns, done)

    def token(self) -> str:
        return base64.urlsafe_b64encode(
            f"{self.symbol}|{self.time_ns}|{self.done}".encode()
        ).decode()


def _place(token: str | None) -> _Place | None:
    if not token:
        return None
    try:
        symbol, time_ns, done = base64.urlsafe_b64decode(token).decode().split("|")
        return _Place(symbol, int(time_ns), int(done))
    except (binascii.Error, ValueError):
        raise invalid(f"invalid page_token: {token}") from None


def _symbols(query: dict[str, str]) -> list[str]:
    symbols = [symbol for symbol in query.get("symbols", "").split(",") if symbol]
    if not symbols:
        raise VenueError(400, 40010001, "symbols is required")
    return symbols
