"""One symbol's facts folded as they come, in whatever order; pure, and of bounded size."""

from decimal import Decimal
from typing import Generic, TypeVar

from msgspec import Struct

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Bar, Halt, Quote, Trade, TradeCorrection
from floorbroker.marketdata.bars import BarBuilder

MINUTE_NS = 60 * NS_PER_S
#: Finished minutes that are kept: a regular session and a little more.
BARS_MAX = 400
#: Prints of the running minute whose repeats are known.
PRINTS_MAX = 50_000

Kind = TypeVar("Kind", Quote, Trade)
#: A quote or a print, a bar, a halt, or a print that was wrong.
Fact = Quote | Trade | Bar | Halt | TradeCorrection


class Moment(Struct, frozen=True):
    """When something reached us: seconds that never jump, and the market's time."""

    at_s: float
    now_ns: int


class Told(Struct, Generic[Kind], kw_only=True):
    """The newest of its kind, when it reached us, and whether it holds since without a gap."""

    fact: Kind
    at_s: float
    is_live: bool = True


class SymbolTape:
    """A symbol's newest quote and print, its minutes, and whether it is halted."""

    def __init__(self, symbol: str, since: Moment) -> None:
        self.symbol = symbol
        self.quote: Told[Quote] | None = None
        self.trade: Told[Trade] | None = None
        self.is_halted: bool | None = None  #: None while nobody can know.
        self.halt_ns = 0  #: Since when, by market time.
        self._bars: dict[int, Bar] = {}
        self._running = BarBuilder(symbol)
        self._running_ns = -1
        self._prints: set[tuple[int, str, Decimal]] = set()
        self._told_since_ns = since.now_ns  #: What the market did from here on, we were told.

    def take(self, fact: Fact, moment: Moment) -> bool:
        """Fold a fact in; whether it is news, or confirms what could not be relied on."""
        kind = type(fact)
        if kind is Quote:
            return self._take_quote(fact, moment)  # type: ignore[arg-type]  # as `kind` says
        if kind is Trade:
            return self._take_trade(fact, moment)  # type: ignore[arg-type]  # as above
        if isinstance(fact, Bar):
            return self._take_bar(fact)
        if isinstance(fact, Halt):
            return self._take_halt(fact)
        assert isinstance(fact, TradeCorrection)
        return self._take_correction(fact, moment)

    def lose(self, moment: Moment) -> None:
        """From here on we are not told, until each value is told anew."""
        for told in (self.quote, self.trade):
            if told is not None:
                told.is_live = False
        self.is_halted = None
        self._told_since_ns = moment.now_ns

    def forget(self, kind: type[Quote] | type[Trade]) -> None:
        """Nobody tells of its quotes, or its prints, any more."""
        if kind is Quote:
            self.quote = None
        else:
            self.trade = None
            self._clear_minute(-1)

    def resume(self, moment: Moment) -> None:
        """Prints are told from here on: a minute that began before is not whole."""
        self._told_since_ns = moment.now_ns

    def bars(self) -> list[Bar]:
        """The finished minutes that are known, oldest first."""
        return [self._bars[start_ns] for start_ns in sorted(self._bars)]

    def running_bar(self) -> tuple[Bar | None, bool]:
        """The minute that runs, from the prints that were told; and whether those are all."""
        return self._running.running(), self._running_ns >= self._told_since_ns

    def _take_quote(self, quote: Quote, moment: Moment) -> bool:
        told = self.quote
        if told is None:
            self.quote = Told(fact=quote, at_s=moment.at_s)
            return True
        if quote.time_ns < told.fact.time_ns:
            return False
        is_news = quote != told.fact or not told.is_live
        told.fact, told.at_s, told.is_live = quote, moment.at_s, True
        return is_news

    def _take_trade(self, trade: Trade, moment: Moment) -> bool:
        self._grow_minute(trade)
        self._resume_trading(trade)
        told = self.trade
        if told is None:
            self.trade = Told(fact=trade, at_s=moment.at_s)
            return True
        if trade.time_ns < told.fact.time_ns:
            return False
        is_news = trade != told.fact or not told.is_live
        told.fact, told.at_s, told.is_live = trade, moment.at_s, True
        return is_news

    def _resume_trading(self, trade: Trade) -> None:
        """A print proves that trading goes on, if it is newer than the halt or than the gap."""
        since_ns = max(self.halt_ns, 0 if self.is_halted else self._told_since_ns)
        if self.is_halted is not False and trade.time_ns > since_ns:
            self.is_halted, self.halt_ns = False, trade.time_ns

    def _grow_minute(self, trade: Trade) -> None:
        start_ns = trade.time_ns - trade.time_ns % MINUTE_NS
        if start_ns < self._running_ns:
            return
        if start_ns > self._running_ns:
            is_whole = self._running_ns >= self._told_since_ns
            closed = self._running.running()
            if closed is not None and is_whole and closed.time_ns not in self._bars:
                self._take_bar(closed)
            self._clear_minute(start_ns)
        mark = (trade.trade_id, trade.exchange, trade.px)
        if mark not in self._prints and len(self._prints) < PRINTS_MAX:
            self._prints.add(mark)
            self._running.add(trade)

    def _clear_minute(self, start_ns: int) -> None:
        self._running_ns = start_ns
        self._running = BarBuilder(self.symbol)
        self._prints.clear()

    def _take_bar(self, bar: Bar) -> bool:
        if self._bars.get(bar.time_ns) == bar:
            return False
        self._bars[bar.time_ns] = bar
        if len(self._bars) > BARS_MAX:
            del self._bars[min(self._bars)]
        return bar.time_ns in self._bars

    def _take_halt(self, halt: Halt) -> bool:
        if halt.time_ns < self.halt_ns:
            return False
        is_news = self.is_halted is not halt.halted
        self.is_halted, self.halt_ns = halt.halted, halt.time_ns
        return is_news

    def _take_correction(self, correction: TradeCorrection, moment: Moment) -> bool:
        """The last print was wrong: it is replaced, or nothing is known until the next one."""
        told = self.trade
        if told is None or told.fact.trade_id != correction.trade_id:
            return False
        if correction.trade is None:
            self.trade = None
        else:
            self.trade = Told(fact=correction.trade, at_s=moment.at_s)
        return True
