"""Turns the facts of a market into stream messages: ticks at once, bars when their minute ends."""

from collections.abc import Callable
from decimal import Decimal

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Bar, Depth, Halt, MarketEvent, Quote, Trade
from floorbroker.exchange.streams.bands import Bands
from floorbroker.exchange.streams.station import Station
from floorbroker.exchange.tape import Market
from floorbroker.exchange.wire.market import (
    bar_view,
    book_of,
    book_view,
    cancel_message,
    correction_message,
    luld_message,
    message,
    quote_view,
    status_message,
    trade_view,
)

MINUTE_NS = 60 * NS_PER_S
#: So long after a minute that was told changes, its new bar is told.
UPDATE_NS = 30 * NS_PER_S
_ZERO = Decimal(0)

Side = tuple[tuple[Decimal, Decimal], ...]


class Ticker:
    """Tells a station what a market does.

    `day_bar` gives a symbol's bar of the day as it stands at the end of a minute. The ticker has
    no clock: it is told that time has come so far.
    """

    def __init__(
        self,
        station: Station,
        market: Callable[[], Market],
        day_bar: Callable[[str, int], Bar | None],
        tape_of: Callable[[str], str],
    ) -> None:
        self.station = station
        self._market = market
        self._day_bar = day_bar
        self._tape_of = tape_of
        self._minute_ns: int | None = None  # the minute that runs
        self._changed: dict[tuple[str, int], int] = {}  # (symbol, minute) -> when to tell its bar
        self._bands = Bands()
        self._books: dict[str, Depth] = {}  # as those know them who listen

    def tell(self, event: MarketEvent) -> None:
        """A fact of the market that the market knows already."""
        self.advance(event.time_ns)
        symbol = event.symbol
        kind = type(event)
        if kind is Quote:
            self._tell_quote(event)  # type: ignore[arg-type]  # `kind` is faster than isinstance
        elif kind is Trade:
            self._tell_trade(event)  # type: ignore[arg-type]  # as above
        elif kind is Depth:
            self._tell_book(symbol, event.time_ns)
        elif isinstance(event, Halt) and self.station.is_heard("statuses", symbol):
            words = status_message(event, self._tape_of(symbol))
            self.station.say("statuses", words, event.time_ns)

    def advance(self, to_ns: int) -> None:
        """Time has come so far: tell the bars of the minute that ended."""
        minute_ns = to_ns - to_ns % MINUTE_NS
        before_ns = self._minute_ns
        if minute_ns != before_ns:
            self._minute_ns = minute_ns
            if before_ns is not None and before_ns < minute_ns:
                self._tell_minute(before_ns)
        if self._changed:
            self._tell_changed(to_ns)

    def amend(self, old: Trade, new: Trade | None, time_ns: int) -> None:
        """A print was taken back; if its minute is over, the minute's bar changes."""
        tape, symbol = self._tape_of(old.symbol), old.symbol
        if new is None:
            channel, words = "cancelErrors", cancel_message(old, time_ns, tape)
        else:
            channel, words = "corrections", correction_message(old, new, time_ns, tape)
        if self.station.is_heard(channel, symbol):
            self.station.say(channel, words, time_ns)
        minute_ns = old.time_ns - old.time_ns % MINUTE_NS
        if minute_ns + MINUTE_NS <= time_ns:
            self._changed.setdefault((symbol, minute_ns), time_ns + UPDATE_NS)

    def whole_books(self, wanted: str) -> list[tuple[dict[str, object], int]]:
        """(message, its time) of the book, or of every book, for one who begins to listen."""
        market = self._market()
        symbols = sorted({*market.depth, *market.quotes}) if wanted == "*" else [wanted]
        books = []
        for symbol in symbols:
            book = book_of(market.depth.get(symbol), market.quotes.get(symbol))
            if book is not None and "/" in symbol:
                self._books[symbol] = book
                words = {**message("o", symbol, book_view(book)), "r": True}
                books.append((words, book.time_ns))
        return books

    def _tell_trade(self, trade: Trade) -> None:
        symbol, station = trade.symbol, self.station
        if station.is_heard("trades", symbol):
            view = trade_view(trade, self._tape_of(symbol))
            station.say("trades", message("t", symbol, view), trade.time_ns)
        if station.is_heard("lulds", symbol):
            band = self._bands.after(trade, self._market())
            if band is not None:
                prices = (band.up_px, band.down_px)
                words = luld_message(trade, prices, band.indicator, self._tape_of(symbol))
                station.say("lulds", words, trade.time_ns)

    def _tell_quote(self, quote: Quote) -> None:
        symbol, station = quote.symbol, self.station
        if station.is_heard("quotes", symbol):
            view = quote_view(quote, self._tape_of(symbol))
            station.say("quotes", message("q", symbol, view), quote.time_ns)
        if "/" in symbol and symbol not in self._market().depth:
            self._tell_book(symbol, quote.time_ns)

    def _tell_book(self, symbol: str, time_ns: int) -> None:
        """What changed in the book; all of it if nobody knows it yet."""
        if not self.station.is_heard("orderbooks", symbol):
            self._books.pop(symbol, None)
            return
        market = self._market()
        book = book_of(market.depth.get(symbol), market.quotes.get(symbol))
        assert book is not None, "a book is told after it is known"
        before = self._books.get(symbol)
        self._books[symbol] = book
        if before is None:
            words = {**message("o", symbol, book_view(book)), "r": True}
            self.station.say("orderbooks", words, book.time_ns)
            return
        bids, asks = _changes(before.bids, book.bids), _changes(before.asks, book.asks)
        if bids or asks:
            changes = Depth(symbol=symbol, time_ns=time_ns, bids=bids, asks=asks)
            self.station.say("orderbooks", message("o", symbol, book_view(changes)), time_ns)

    def _tell_minute(self, start_ns: int) -> None:
        """The bars of a minute that is over, and the day's bars with it."""
        station, market = self.station, self._market()
        if station.is_empty:
            return
        for symbol in market.sessions:
            is_heard = station.is_heard("bars", symbol)
            is_day_heard = station.is_heard("dailyBars", symbol)
            if not is_heard and not is_day_heard:
                continue
            bar = _minute_bar(market, symbol, start_ns)
            if bar is None:
                continue
            if is_heard:
                station.say("bars", message("b", symbol, bar_view(bar)), start_ns)
            day = self._day_bar(symbol, start_ns + MINUTE_NS) if is_day_heard else None
            if day is not None:
                station.say("dailyBars", message("d", symbol, bar_view(day)), day.time_ns)

    def _tell_changed(self, to_ns: int) -> None:
        market = self._market()
        for (symbol, start_ns), due_ns in list(self._changed.items()):
            if due_ns > to_ns:
                continue
            del self._changed[symbol, start_ns]
            bar = _minute_bar(market, symbol, start_ns)
            if bar is not None and self.station.is_heard("updatedBars", symbol):
                words = message("u", symbol, bar_view(bar))
                self.station.say("updatedBars", words, start_ns)


def _minute_bar(market: Market, symbol: str, start_ns: int) -> Bar | None:
    """The bar of that minute; it is among the last, so the search begins there."""
    for day in reversed(market.days(symbol)):
        for bar in reversed(day.minutes):
            if bar.time_ns == start_ns:
                return bar.frozen(symbol) if bar.has_price else None
            if bar.time_ns < start_ns:
                return None
    return None


def _changes(before: Side, after: Side) -> Side:
    """The levels that are new or resized, and with size 0 those that are gone."""
    known, now = dict(before), dict(after)
    gone = tuple((px, _ZERO) for px in known if px not in now)
    return gone + tuple((px, size) for px, size in after if known.get(px) != size)
