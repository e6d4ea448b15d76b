"""What the market remembers, as the feeds have it: rows of history, and the latest."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from floorbroker.domain.quotes import Bar, Depth, Quote, Trade
from floorbroker.exchange.data.adjust import Adjustment, adjusted, adjustments_of
from floorbroker.exchange.data.amend import Amendments
from floorbroker.exchange.data.pages import Rows
from floorbroker.exchange.data.query import (
    DELAY_NS,
    ELSEWHERE,
    NIGHT_FEEDS,
    Span,
    midnight_ns,
)
from floorbroker.exchange.data.timeframe import Timeframe, aggregated
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.reference.assets import Asset
from floorbroker.exchange.reference.calendar import new_york_date
from floorbroker.exchange.reference.past import NoPast, Past
from floorbroker.exchange.tape import Market, Session
from floorbroker.exchange.wire.market import (
    View,
    auction_view,
    bar_view,
    book_of,
    book_view,
    quote_view,
    session_bar,
    trade_view,
)

_TAPES = {"NASDAQ": "C", "NYSE": "A"}
_NIGHT_TAPE = "N"
_NO_PAST = NoPast()
#: The only place of coins that this exchange has.
HOME = "us"


class Source:
    """The venue's market, read; a symbol without anything has no rows and no latest.

    With `is_night` it is the market of the overnight session; stocks alone have one.
    """

    def __init__(
        self, server: ExchangeServer, amendments: Amendments, *, is_night: bool = False
    ) -> None:
        self._server = server
        self._amendments = amendments
        self._is_night = is_night
        self._night = self if is_night else Source(server, amendments, is_night=True)

    def of(self, feed: str) -> "Source":
        """What the feed reads: of the night, or of the day."""
        return self._night if feed in NIGHT_FEEDS else self

    @property
    def assets(self) -> Mapping[str, Asset]:
        return self._server.venue.assets

    @property
    def market(self) -> Market:
        venue = self._server.venue
        return venue.night_market if self._is_night else venue.market

    @property
    def now_ns(self) -> int:
        return self._server.now_ns

    @property
    def has_sip(self) -> bool:
        """Whether clients may ask for the consolidated tape's last fifteen minutes."""
        return self._server.setup.front.has_sip

    def tape_of(self, symbol: str) -> str:
        """The letter of the consolidated tape that carries the symbol."""
        if self._is_night:
            return _NIGHT_TAPE
        asset = self.assets.get(symbol)
        return "B" if asset is None else _TAPES.get(asset.exchange, "B")

    def _has(self, trade: Trade) -> bool:
        return self._server.venue.routing.overnight.has_seen(trade) == self._is_night

    # History.

    def trades(self, symbol: str, span: Span) -> Rows:
        tape = self.tape_of(symbol)
        flags = self._amendments.flags(symbol)
        trades = self.market.trades_between(symbol, *span)
        if not flags:
            return [(trade.time_ns, trade_view(trade, tape)) for trade in trades]
        flags = {one: flag for one, flag in flags.items() if self._has(one)}
        gone = [trade for trade, flag in flags.items() if flag != "corrected"]
        trades += [trade for trade in gone if span.start_ns <= trade.time_ns <= span.end_ns]
        trades.sort(key=_time_of)
        return [(trade.time_ns, trade_view(trade, tape, flags.get(trade, ""))) for trade in trades]

    def quotes(self, symbol: str, span: Span) -> Rows:
        tape = self.tape_of(symbol)
        quotes = self.market.quotes_between(symbol, *span)
        return [(quote.time_ns, quote_view(quote, tape)) for quote in quotes]

    def bars(self, symbol: str, span: Span, timeframe: Timeframe, kinds: frozenset[str]) -> Rows:
        """Bars that begin within the span; the one that runs is there as it stands."""
        first_ns, last_ns = timeframe.start_of(span.start_ns), timeframe.end_of(span.end_ns)
        earlier = self._earlier(symbol, Span(first_ns, last_ns))
        if timeframe.is_of_minutes:
            past = (bar for day in earlier for bar in self._past.minutes(symbol, day))
            parts = [bar for bar in past if first_ns <= bar.time_ns <= last_ns]
            parts += self.market.bars_between(symbol, first_ns, last_ns)
        else:
            parts = [self._past.whole(symbol, day)[0] for day in earlier]
            days = (session_bar(day, symbol) for day in self.market.days(symbol))
            parts += [day for day in days if day and first_ns <= day.time_ns <= last_ns]
        bars = aggregated(adjusted(parts, self._adjustments(symbol, kinds)), timeframe)
        return [(bar.time_ns, bar) for bar in bars if span.start_ns <= bar.time_ns <= span.end_ns]

    @property
    def _past(self) -> Past:
        """The days before the market's first; nights have none."""
        return _NO_PAST if self._is_night else self._server.setup.past

    def _earlier(self, symbol: str, span: Span) -> list[date]:
        """Days before the market's first that share an instant with the span."""
        return [
            day
            for day in self._past.dates(symbol)
            if midnight_ns(day) <= span.end_ns
            and midnight_ns(day + timedelta(days=1)) > span.start_ns
        ]

    def _adjustments(self, symbol: str, kinds: frozenset[str]) -> list[Adjustment]:
        """What the exchange's corporate actions of these kinds do to the symbol's past."""
        if not kinds:
            return []
        actions = [action for action in self._server.actions.listed if action.symbol == symbol]
        found = adjustments_of(actions, self._close_before, self._open_after)
        # Days before the market's first are in the shares with which it begins.
        from_ns = self._server.setup.start_ns if self._past.dates(symbol) else 0
        return [each for each in found if each.kind in kinds and each.ex_ns >= from_ns]

    def _close_before(self, symbol: str, time_ns: int) -> Decimal | None:
        days = (day for day in self.market.days(symbol) if day.day.start_ns < time_ns)
        close_px = next((day.close_px for day in reversed(list(days)) if day.close_px), None)
        if close_px is None and (before := self._earlier(symbol, Span(0, time_ns - 1))):
            return self._past.whole(symbol, before[-1])[0].close_px
        return close_px

    def _open_after(self, symbol: str, time_ns: int) -> Decimal | None:
        days = (day for day in self.market.days(symbol) if day.day.start_ns >= time_ns)
        return next((day.open_px for day in days if day.open_px), None)

    def auctions(self, symbol: str, span: Span) -> Rows:
        """The days of the span that had an auction print in it."""
        days = [(day, self._past.whole(symbol, day)[1]) for day in self._earlier(symbol, span)]
        days += [(_date_of(day), day.auctions) for day in self.market.days(symbol)]
        rows: list[tuple[int, Any]] = []
        for day, prints in days:
            if any(span.start_ns <= trade.time_ns <= span.end_ns for trade in prints):
                rows.append((midnight_ns(day), auction_view(day, prints)))
        return rows

    # The latest.

    def latest(self, kind: str, symbol: str, feed: str) -> View | None:
        """The latest quote, trade, bar or book of the symbol in that feed."""
        tape = self.tape_of(symbol)
        found = None if feed in ELSEWHERE else self._latest(kind, symbol, feed)
        if isinstance(found, Quote):
            return quote_view(found, tape)
        if isinstance(found, Trade):
            return trade_view(found, tape)
        if isinstance(found, Bar):
            return bar_view(found)
        return None if found is None else book_view(found)

    def snapshot(self, symbol: str, feed: str) -> dict[str, View] | None:
        """What there is so far; a part that is not known is left out."""
        parts: dict[str, View | None] = {
            "latestTrade": self.latest("trades", symbol, feed),
            "latestQuote": self.latest("quotes", symbol, feed),
            "minuteBar": self.latest("bars", symbol, feed),
        }
        if parts["latestTrade"] is None and parts["latestQuote"] is None:
            return None
        today, before = self._days(symbol, feed)
        parts["dailyBar"] = None if today is None else bar_view(today)
        parts["prevDailyBar"] = None if before is None else bar_view(before)
        return {name: part for name, part in parts.items() if part is not None}

    def _days(self, symbol: str, feed: str) -> tuple[Bar | None, Bar | None]:
        """The bars of the current day and of the one before."""
        days = [session_bar(day, symbol) for day in self.market.days(symbol)[-2:]]
        today = days[-1] if days else None
        if feed == "delayed_sip" and today is not None:
            today = self.day_bar(symbol, self.now_ns - DELAY_NS)
        return today, days[-2] if len(days) == 2 else self._last_before(symbol)

    def _last_before(self, symbol: str) -> Bar | None:
        """The bar of the day before the market's first."""
        dates = self._past.dates(symbol)
        return self._past.whole(symbol, dates[-1])[0] if dates else None

    def day_bar(self, symbol: str, until_ns: int) -> Bar | None:
        """The day's bar as it stood then, made of the minutes that were over."""
        session = self.market.session(symbol)
        if session is None:
            return None
        hours = session.day
        minutes = [
            bar
            for bar in self.market.minute_bars(symbol, hours.opening_ns, until_ns - 1)
            if bar.time_ns < hours.closing_ns and bar.time_ns + 60_000_000_000 <= until_ns
        ]
        day = Timeframe(1, "Day")
        return next(iter(aggregated(minutes, day)), None)

    def _latest(self, kind: str, symbol: str, feed: str) -> Quote | Trade | Bar | Depth | None:
        market = self.market
        if feed == "delayed_sip":
            return self._latest_at(kind, symbol, self.now_ns - DELAY_NS)
        if kind == "quotes":
            return market.quotes.get(symbol)
        if kind == "trades":
            return market.last_trade.get(symbol)
        if kind == "orderbooks":
            return book_of(market.depth.get(symbol), market.quotes.get(symbol))
        return next(reversed(market.minute_bars(symbol, 0, self.now_ns)), None)

    def _latest_at(self, kind: str, symbol: str, time_ns: int) -> Quote | Trade | Bar | None:
        market = self.market
        if kind == "quotes":
            return next(reversed(market.quotes_between(symbol, 0, time_ns)), None)
        if kind == "trades":
            prints = market.trades_between(symbol, 0, time_ns)
            return next((each for each in reversed(prints) if each.eligible or each.auction), None)
        minutes = market.bars_between(symbol, 0, time_ns - 60_000_000_000)
        return next(reversed(minutes), None)


def _date_of(session: Session) -> date:
    return new_york_date(session.day.opening_ns)


def _time_of(trade: Trade) -> int:
    return trade.time_ns
