"""The live market at a glance: every answer has its age, and none that is old passes as new."""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from floorbroker.clock import NS_PER_S, Clock
from floorbroker.domain.quotes import Bar, Quote, Trade
from floorbroker.marketdata.live.tape import Fact, Moment, SymbolTape, Told


class Why(StrEnum):
    """Why there is no live answer."""

    NOT_FOLLOWED = "not followed"  #: Nobody asked the feed for it.
    NEVER_TOLD = "never told"  #: It was asked for and has not been told yet.
    FEED_DOWN = "feed lost"  #: The connection was lost since, and it was not told anew.
    TOO_OLD = "too old"
    ONE_SIDED = "one-sided"  #: There is no mid: a side of the quote is empty.


class Age(Struct, frozen=True, kw_only=True):
    """How old a fact is, in seconds: by the market's time of it, and since it reached us."""

    market_s: float
    received_s: float

    @property
    def s(self) -> float:
        """The worse of the two."""
        return max(self.market_s, self.received_s)


class LiveQuote(Struct, frozen=True, kw_only=True):
    """The best bid and offer as the feed tells it now."""

    quote: Quote
    age: Age


class LiveTrade(Struct, frozen=True, kw_only=True):
    """The last print as the feed tells it now."""

    trade: Trade
    age: Age


class Stale(Struct, frozen=True, kw_only=True):
    """There is no answer that may be relied on; `last` is what was told before, if anything."""

    symbol: str
    why: Why
    last: Quote | Trade | None = None
    age: Age | None = None

    @property
    def text(self) -> str:
        age = "" if self.age is None else f", {self.age.s:.1f} s old"
        return f"{self.symbol}: {self.why}{age}"


class LiveHalt(Struct, frozen=True, kw_only=True):
    """Whether trading is halted, since when by market time; None where nobody can know."""

    symbol: str
    is_halted: bool | None
    since_ns: int | None


class RunningBar(Struct, frozen=True, kw_only=True):
    """The minute that runs, made of the prints that were told; `is_whole` says if those are all
    of its prints so far."""

    bar: Bar
    is_whole: bool


class Mark(Struct, frozen=True, kw_only=True):
    """A price to value with: the middle of a live quote, or the last print."""

    px: Decimal
    source: str  #: `mid` or `last`.
    age: Age


class MarketView:
    """What followed symbols do now. Feed it facts; it asks nobody and waits for nothing.

    `skew_ns` is how far the market's clock is ahead of ours. Memory is bounded by the symbols
    that are followed.
    """

    def __init__(self, clock: Clock, about: Callable[[], str] = str) -> None:
        """`about` says how those are who tell."""
        self.skew_ns = 0
        self.about = about
        self._clock = clock
        self._tapes: dict[str, SymbolTape] = {}
        self._quoted: set[str] = set()
        self._traded: set[str] = set()

    def follow(self, symbol: str, *, quotes: bool = False, trades: bool = False) -> None:
        """The feed was asked for it: facts of this symbol count from now on."""
        if symbol not in self._tapes:
            self._tapes[symbol] = SymbolTape(symbol, self.moment())
        if quotes and symbol not in self._quoted:
            self._quoted.add(symbol)
            self._tapes[symbol].forget(Quote)  # a straggler of an earlier subscription
        if trades and symbol not in self._traded:
            self._traded.add(symbol)
            self._tapes[symbol].forget(Trade)
            self._tapes[symbol].resume(self.moment())

    def drop(self, symbol: str, *, quotes: bool = False, trades: bool = False) -> None:
        """The feed tells no more of its quotes, or its prints."""
        tape = self._tapes.get(symbol)
        if tape is None:
            return
        if quotes:
            self._quoted.discard(symbol)
            tape.forget(Quote)
        if trades:
            self._traded.discard(symbol)
            tape.forget(Trade)

    def drop_all(self, symbol: str) -> None:
        """Nothing of this symbol is asked for any more."""
        self._quoted.discard(symbol)
        self._traded.discard(symbol)
        self._tapes.pop(symbol, None)

    def take(self, fact: Fact) -> bool:
        """Whether it is news; facts of symbols that are not followed are not."""
        tape = self._tapes.get(fact.symbol)
        return tape is not None and tape.take(fact, self.moment())

    def lose(self, concerns: Callable[[str], bool]) -> None:
        """The feed of these symbols is lost: nothing told so far may pass for the present."""
        moment = self.moment()
        for symbol, tape in self._tapes.items():
            if concerns(symbol):
                tape.lose(moment)

    def moment(self) -> Moment:
        clock = self._clock
        return Moment(clock.monotonic(), clock.now_ns() + self.skew_ns)

    @property
    def symbols(self) -> list[str]:
        return sorted(self._tapes)

    def quote(self, symbol: str, *, max_age_s: float | None = None) -> LiveQuote | Stale:
        """The best bid and offer, or why there is none that may be relied on.

        Live means told since the last loss of the connection. With `max_age_s` it must also not
        be older than that, by the worse of its two ages.
        """
        tape = self._tapes.get(symbol)
        told = None if tape is None else tape.quote
        stale = self._stale(symbol, told, max_age_s, is_followed=symbol in self._quoted)
        if stale is not None:
            return stale
        assert told is not None
        return LiveQuote(quote=told.fact, age=self._age(told))

    def trade(self, symbol: str, *, max_age_s: float | None = None) -> LiveTrade | Stale:
        """The last print; the same rules."""
        tape = self._tapes.get(symbol)
        told = None if tape is None else tape.trade
        stale = self._stale(symbol, told, max_age_s, is_followed=symbol in self._traded)
        if stale is not None:
            return stale
        assert told is not None
        return LiveTrade(trade=told.fact, age=self._age(told))

    def mark(self, symbol: str, *, max_age_s: float | None = None) -> Mark | Stale:
        """The middle of the quote; the last print where there is no live quote with two sides."""
        quoted = self.quote(symbol, max_age_s=max_age_s)
        if isinstance(quoted, LiveQuote) and quoted.quote.has_both_sides:
            return Mark(px=quoted.quote.mid_px, source="mid", age=quoted.age)
        traded = self.trade(symbol, max_age_s=max_age_s)
        if isinstance(traded, LiveTrade):
            return Mark(px=traded.trade.px, source="last", age=traded.age)
        if isinstance(quoted, LiveQuote):
            return Stale(symbol=symbol, why=Why.ONE_SIDED, last=quoted.quote, age=quoted.age)
        return quoted

    def halt(self, symbol: str) -> LiveHalt:
        """Unknown until a status is told, or a print shows that trading goes on."""
        tape = self._tapes.get(symbol)
        if tape is None or tape.is_halted is None:
            return LiveHalt(symbol=symbol, is_halted=None, since_ns=None)
        return LiveHalt(symbol=symbol, is_halted=tape.is_halted, since_ns=tape.halt_ns)

    def bars(self, symbol: str) -> list[Bar]:
        """The finished one-minute bars that were told, oldest first; a session's at most."""
        tape = self._tapes.get(symbol)
        return [] if tape is None else tape.bars()

    def running_bar(self, symbol: str) -> RunningBar | None:
        """The minute that runs; None before its first print, or where prints are not followed."""
        tape = self._tapes.get(symbol)
        bar, is_whole = (None, False) if tape is None else tape.running_bar()
        return None if bar is None else RunningBar(bar=bar, is_whole=is_whole)

    def _age(self, told: Told[Quote] | Told[Trade]) -> Age:
        moment = self.moment()
        return Age(
            market_s=max(0, moment.now_ns - told.fact.time_ns) / NS_PER_S,
            received_s=moment.at_s - told.at_s,
        )

    def _stale(
        self,
        symbol: str,
        told: Told[Quote] | Told[Trade] | None,
        max_age_s: float | None,
        *,
        is_followed: bool,
    ) -> Stale | None:
        if not is_followed:
            return Stale(symbol=symbol, why=Why.NOT_FOLLOWED)
        if told is None:
            return Stale(symbol=symbol, why=Why.NEVER_TOLD)
        age = self._age(told)
        if not told.is_live:
            return Stale(symbol=symbol, why=Why.FEED_DOWN, last=told.fact, age=age)
        if max_age_s is not None and age.s > max_age_s:
            return Stale(symbol=symbol, why=Why.TOO_OLD, last=told.fact, age=age)
        return None
