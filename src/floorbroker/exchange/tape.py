"""The prices to trade against: a cursor over timed events, and the market they add up to."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter

from floorbroker.clock import ns_of
from floorbroker.domain.quotes import Bar, Depth, Halt, MarketEvent, Quote, Trade
from floorbroker.exchange.reference import calendar

NS_PER_MINUTE = 60_000_000_000
OPENING_TIME = time(9, 30)
CLOSING_TIME = time(16)

_ZERO = Decimal(0)
_time_ns = attrgetter("time_ns")


class Tape:
    """Merges several time-ordered sources into one, consumed step by step.

    Events of the same instant come in the order of their sources. Sources are read lazily, one
    event ahead; what a source raises (a TapeError) comes out of `until`. `symbols` is what the
    caller says the tape holds. `start_ns` defaults to 09:30 New York on the day of the first
    event, or to the first event itself if that is later, and is 0 for an empty tape.
    """

    def __init__(
        self,
        sources: Sequence[Iterable[MarketEvent]],
        *,
        symbols: Sequence[str] = (),
        start_ns: int | None = None,
    ) -> None:
        self.symbols: tuple[str, ...] = tuple(dict.fromkeys(symbols))
        self._events: Iterator[MarketEvent] = (
            iter(sources[0]) if len(sources) == 1 else heapq.merge(*sources, key=_time_ns)
        )
        self._next: MarketEvent | None = next(self._events, None)
        self.start_ns = self._default_start_ns() if start_ns is None else start_ns

    @property
    def next_ns(self) -> int | None:
        """When the next event happens; None at the end of the tape."""
        return None if self._next is None else self._next.time_ns

    @property
    def is_done(self) -> bool:
        return self._next is None

    def until(self, to_ns: int) -> Iterator[MarketEvent]:
        """Consume the events up to and including `to_ns`; what is not iterated stays."""
        while (event := self._next) is not None and event.time_ns <= to_ns:
            self._next = next(self._events, None)
            yield event

    def _default_start_ns(self) -> int:
        if self._next is None:
            return 0
        first_ns = self._next.time_ns
        if "/" in self._next.symbol:
            return first_ns
        return max(first_ns, _Day.around(first_ns, self._next.symbol).opening_ns)


class Market:
    """What is known of each symbol now, and the recent past for those who ask for history.

    Every print counts as volume. Only eligible prints and auction prints make prices: last trade,
    open, high, low, close. Session figures cover the regular hours of one New York day (coin
    pairs: the whole day) and start afresh with the first trade of the next day.
    `previous_closes` may be filled before the first trade by whoever knows the day before.
    `day_of` says which day a trade belongs to.
    Histories hold the last `history_limit` quotes and trades of a symbol, and the minute bars of
    its current day; of the days before, `day_limit` at most.
    """

    def __init__(
        self, history_limit: int = 50_000, day_limit: int = 60, day_of: "DayOf | None" = None
    ) -> None:
        self._day_of = day_of or _Day.around
        self.history_limit = history_limit
        self.day_limit = day_limit
        self.quotes: dict[str, Quote] = {}
        self.depth: dict[str, Depth] = {}
        self.last_trade: dict[str, Trade] = {}
        self.halted: set[str] = set()
        self.sessions: dict[str, Session] = {}
        self.previous_closes: dict[str, Decimal] = {}
        self._recent_quotes: dict[str, deque[Quote]] = {}
        self._recent_trades: dict[str, deque[Trade]] = {}
        self._past: dict[str, deque[Session]] = {}  # the days before the current one

    def apply(self, event: MarketEvent) -> None:
        kind = type(event)
        if kind is Quote:
            self._apply_quote(event)  # type: ignore[arg-type]  # `kind` is faster than isinstance
        elif kind is Trade:
            self._apply_trade(event)  # type: ignore[arg-type]  # as above
        elif kind is Depth:
            self.depth[event.symbol] = event  # type: ignore[assignment]  # as above
        else:
            self._apply_halt(event)  # type: ignore[arg-type]  # as above

    def session(self, symbol: str) -> "Session | None":
        """The figures of the symbol's current day; None before its first trade."""
        return self.sessions.get(symbol)

    def minute_bars(self, symbol: str, start_ns: int, end_ns: int) -> list[Bar]:
        """One-minute bars of the current day that start within [start_ns, end_ns].

        The bar of the running minute is included as it stands. A minute without a price-making
        print has no bar.
        """
        session = self.sessions.get(symbol)
        if session is None:
            return []
        return [
            bar.frozen(symbol)
            for bar in session.minutes
            if bar.has_price and start_ns <= bar.time_ns <= end_ns
        ]

    def days(self, symbol: str) -> "list[Session]":
        """Every remembered day of the symbol, the current one last."""
        session = self.sessions.get(symbol)
        return [] if session is None else [*self._past.get(symbol, ()), session]

    def bars_between(self, symbol: str, start_ns: int, end_ns: int) -> list[Bar]:
        """One-minute bars that start within [start_ns, end_ns], of every remembered day."""
        return [
            bar.frozen(symbol)
            for day in self.days(symbol)
            if day.day.end_ns > start_ns
            for bar in day.minutes
            if bar.has_price and start_ns <= bar.time_ns <= end_ns
        ]

    def amend(self, old: Trade, new: Trade | None) -> None:
        """Take back a print of the current day, or put another in its place.

        Bars and the day's figures become what they would have been. Raises ValueError for a
        print that is not remembered, or of a day whose first prints are no longer so.
        """
        trades, session = self._recent_trades[old.symbol], self.sessions[old.symbol]
        if old not in trades:
            raise ValueError(f"trade {old.trade_id} of {old.symbol} is not remembered")
        today = [trade for trade in trades if trade.time_ns >= session.day.start_ns]
        if len(today) != session.trade_count or old not in today:
            raise ValueError(f"trade {old.trade_id} of {old.symbol} is too old to be amended")
        trades[trades.index(old)] = new or old
        if new is None:
            trades.remove(old)
        fresh = Session(session.day, session.prev_close_px)
        for trade in trades:
            if trade.time_ns >= session.day.start_ns:
                fresh.add(trade)
        self.sessions[old.symbol] = fresh
        if self.last_trade.get(old.symbol) == old:
            self._find_last_trade(old.symbol)

    def _find_last_trade(self, symbol: str) -> None:
        self.last_trade.pop(symbol, None)
        for trade in reversed(self._recent_trades[symbol]):
            if trade.eligible or trade.auction:
                self.last_trade[symbol] = trade
                return

    def trades_between(self, symbol: str, start_ns: int, end_ns: int) -> list[Trade]:
        """Remembered trades within [start_ns, end_ns], oldest first."""
        return [
            trade
            for trade in self._recent_trades.get(symbol, ())
            if start_ns <= trade.time_ns <= end_ns
        ]

    def quotes_between(self, symbol: str, start_ns: int, end_ns: int) -> list[Quote]:
        """Remembered quotes within [start_ns, end_ns], oldest first."""
        return [
            quote
            for quote in self._recent_quotes.get(symbol, ())
            if start_ns <= quote.time_ns <= end_ns
        ]

    def _apply_quote(self, quote: Quote) -> None:
        symbol = quote.symbol
        self.quotes[symbol] = quote
        try:
            self._recent_quotes[symbol].append(quote)
        except KeyError:
            self._recent_quotes[symbol] = deque([quote], maxlen=self.history_limit)

    def _apply_trade(self, trade: Trade) -> None:
        symbol = trade.symbol
        try:
            self._recent_trades[symbol].append(trade)
            session = self.sessions[symbol]
        except KeyError:
            self._recent_trades[symbol] = deque([trade], maxlen=self.history_limit)
            session = self.sessions[symbol] = self._first_session(trade)
        if trade.time_ns >= session.day.end_ns:
            self._past.setdefault(symbol, deque(maxlen=self.day_limit)).append(session)
            close_px = session.prev_close_px if session.close_px is None else session.close_px
            session = Session(self._day_of(trade.time_ns, symbol), close_px)
            self.sessions[symbol] = session
        session.add(trade)
        if trade.eligible or trade.auction:
            self.last_trade[symbol] = trade

    def _first_session(self, trade: Trade) -> "Session":
        day = self._day_of(trade.time_ns, trade.symbol)
        return Session(day, self.previous_closes.get(trade.symbol))

    def _apply_halt(self, halt: Halt) -> None:
        if halt.halted:
            self.halted.add(halt.symbol)
        else:
            self.halted.discard(halt.symbol)


class MinuteBar:
    """A one-minute bar while it grows."""

    __slots__ = (
        "close_px",
        "has_price",
        "high_px",
        "low_px",
        "notional",
        "open_px",
        "time_ns",
        "trade_count",
        "volume",
    )

    def __init__(self, time_ns: int) -> None:
        self.time_ns = time_ns
        self.has_price = False
        self.open_px = self.high_px = self.low_px = self.close_px = _ZERO
        self.volume = self.notional = _ZERO
        self.trade_count = 0

    def add_price(self, px: Decimal) -> None:
        if not self.has_price:
            self.has_price = True
            self.open_px = self.high_px = self.low_px = px
        elif px > self.high_px:
            self.high_px = px
        elif px < self.low_px:
            self.low_px = px
        self.close_px = px

    def frozen(self, symbol: str) -> Bar:
        return Bar(
            symbol=symbol,
            time_ns=self.time_ns,
            duration_s=60,
            open_px=self.open_px,
            high_px=self.high_px,
            low_px=self.low_px,
            close_px=self.close_px,
            volume=self.volume,
            trade_count=self.trade_count,
            vwap=self.notional / self.volume if self.volume else None,
        )


class Session:
    """One symbol's day so far: prices of the regular session, volume of all of it.

    `open_px`, `high_px`, `low_px` and `close_px` are None until a price-making print of the
    regular session came; `close_px` is the last such print so far. `volume`, `notional` and
    `trade_count` count every print of the day. `auctions` are its auction prints. `prev_close_px`
    is the previous day's close where the tape, or whoever set it, knows one.
    """

    __slots__ = (
        "auctions",
        "close_px",
        "day",
        "high_px",
        "low_px",
        "minutes",
        "notional",
        "open_px",
        "prev_close_px",
        "trade_count",
        "volume",
    )

    def __init__(self, day: "_Day", prev_close_px: Decimal | None = None) -> None:
        self.day = day
        self.prev_close_px = prev_close_px
        self.open_px: Decimal | None = None
        self.high_px: Decimal | None = None
        self.low_px: Decimal | None = None
        self.close_px: Decimal | None = None
        self.volume = self.notional = _ZERO
        self.trade_count = 0
        self.minutes: list[MinuteBar] = []
        self.auctions: list[Trade] = []

    @property
    def vwap(self) -> Decimal | None:
        return self.notional / self.volume if self.volume else None

    def add(self, trade: Trade) -> None:
        px, size, time_ns = trade.px, trade.size, trade.time_ns
        minutes = self.minutes
        if not minutes or time_ns >= minutes[-1].time_ns + NS_PER_MINUTE:
            minutes.append(MinuteBar(time_ns - time_ns % NS_PER_MINUTE))
        minute = minutes[-1]
        notional = px * size
        minute.volume += size
        minute.notional += notional
        minute.trade_count += 1
        self.volume += size
        self.notional += notional
        self.trade_count += 1
        if trade.eligible or trade.auction:
            minute.add_price(px)
            if trade.auction:
                self.auctions.append(trade)
            if trade.auction or self.day.opening_ns <= time_ns < self.day.closing_ns:
                self._add_price(px)

    def _add_price(self, px: Decimal) -> None:
        self.close_px = px
        if self.open_px is None or self.high_px is None or self.low_px is None:
            self.open_px = self.high_px = self.low_px = px
        elif px > self.high_px:
            self.high_px = px
        elif px < self.low_px:
            self.low_px = px


class _Day:
    """A New York calendar day in nanoseconds: its end, and its regular hours."""

    __slots__ = ("closing_ns", "end_ns", "opening_ns", "start_ns")

    def __init__(self, start_ns: int, hours: tuple[int, int], end_ns: int) -> None:
        opening_ns, closing_ns = hours
        self.start_ns = start_ns
        self.opening_ns = opening_ns
        self.closing_ns = closing_ns
        self.end_ns = end_ns

    @classmethod
    def around(cls, time_ns: int, symbol: str) -> "_Day":
        """The day that holds `time_ns`, with its calendar's hours; coins trade through all of it.

        A day without a session, or too far back for the calendar, has the usual hours.
        """
        day = calendar.new_york_date(time_ns)
        start_ns = _new_york_ns(day, time())
        end_ns = _new_york_ns(day + timedelta(days=1), time())
        if "/" in symbol:
            return cls(start_ns, (start_ns, end_ns), end_ns)
        try:
            session = calendar.session_of(day)
        except ValueError:
            session = None
        if session is None:
            hours = (_new_york_ns(day, OPENING_TIME), _new_york_ns(day, CLOSING_TIME))
        else:
            hours = (session.open_ns, session.close_ns)
        return cls(start_ns, hours, end_ns)

    @classmethod
    def overnight(cls, time_ns: int, symbol: str) -> "_Day":
        """The night that holds `time_ns`, or the next one: 20:00 to 04:00 New York."""
        session = calendar.session_at(time_ns)
        hours = session.night_ns, session.pre_ns
        return cls(session.night_ns, hours, session.pre_ns)


#: The day of a trade's time in a symbol.
DayOf = Callable[[int, str], _Day]


def overnight_market() -> Market:
    """The market from 20:00 to 04:00, whose nights are days of their own."""
    return Market(day_of=_Day.overnight)


def _new_york_ns(day: date, at: time) -> int:
    return ns_of(datetime.combine(day, at, calendar.NEW_YORK))
