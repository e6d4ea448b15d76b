"""One symbol's day, folded from its market events: volumes, close and spread.

Which prints count as volume is told by `VolumeRules`. Nothing outside the regular hours counts.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.quotes import Bar, MarketEvent, Quote, Trade

ZERO = Decimal(0)
#: The venue of prints from off the exchanges.
TRF = "D"


class VolumeRules(Struct, frozen=True, kw_only=True):
    """Which prints are volume that an algorithm could have taken part in.

    Odd lots and sweeps always count. Auction prints, and those that are late, derivatively priced
    or crosses, do not unless they are asked for. Prints from off the exchanges are 35-38 % of the
    volume; without them participation is told against the exchanges alone.
    """

    auctions: bool = False
    ineligible: bool = False
    off_exchange: bool = True

    def takes(self, trade: Trade) -> bool:
        if trade.auction:
            return self.auctions
        if not trade.eligible and not self.ineligible:
            return False
        return self.off_exchange or trade.exchange != TRF


class HistoryDay(Struct, frozen=True, kw_only=True):
    """What one day tells. `spread` is time-weighted over uncrossed quotes, None without quotes."""

    symbol: str
    day: date
    bin_ns: int
    volumes: tuple[Decimal, ...]
    close_px: Decimal | None
    spread: Decimal | None
    source: str
    last_ns: int  #: The newest event that is in it.

    @property
    def volume(self) -> Decimal:
        return sum(self.volumes, ZERO)


class DayFold:
    """Grows a day from its events, which come in time order."""

    def __init__(
        self, symbol: str, hours: tuple[int, int], bin_ns: int, rules: VolumeRules
    ) -> None:
        open_ns, close_ns = hours
        if bin_ns <= 0 or (close_ns - open_ns) % bin_ns:
            raise ValueError(
                f"bin: {bin_ns} ns does not divide a day of {close_ns - open_ns} ns; "
                "right is for example 30 minutes"
            )
        self._symbol, self._bin_ns, self._rules = symbol, bin_ns, rules
        self._open_ns, self._close_ns = open_ns, close_ns
        self._volumes = [ZERO] * ((close_ns - open_ns) // bin_ns)
        self._close_px: Decimal | None = None
        self._quote: Quote | None = None
        self._weighted, self._weight_ns, self._last_ns = ZERO, 0, 0

    def add(self, event: MarketEvent) -> None:
        if event.symbol != self._symbol:
            return
        if isinstance(event, Quote):
            self._weigh(event.time_ns)
            self._quote = event
            if event.time_ns < self._close_ns:
                self._last_ns = event.time_ns
        elif isinstance(event, Trade):
            self._book(event)

    def done(self, day: date, source: str, *, has_true_quotes: bool) -> HistoryDay:
        """The day as it ended."""
        self._weigh(self._close_ns)
        has_spread = has_true_quotes and self._weight_ns
        return HistoryDay(
            symbol=self._symbol,
            day=day,
            bin_ns=self._bin_ns,
            volumes=tuple(self._volumes),
            close_px=self._close_px,
            spread=self._weighted / self._weight_ns if has_spread else None,
            source=source,
            last_ns=self._last_ns,
        )

    def _book(self, trade: Trade) -> None:
        if trade.auction == "close":
            self._close_px, self._last_ns = trade.px, trade.time_ns
        if not self._open_ns <= trade.time_ns < self._close_ns:
            if trade.auction == "close" and self._rules.auctions:
                self._volumes[-1] += trade.size
            return
        self._last_ns = trade.time_ns
        if trade.eligible or trade.auction:
            self._close_px = trade.px
        if self._rules.takes(trade):
            self._volumes[(trade.time_ns - self._open_ns) // self._bin_ns] += trade.size

    def _weigh(self, until_ns: int) -> None:
        """Count the quote that stood until now, for the part of it in regular hours."""
        quote = self._quote
        if quote is None or not quote.has_both_sides or quote.ask_px < quote.bid_px:
            return
        span_ns = min(until_ns, self._close_ns) - max(quote.time_ns, self._open_ns)
        if span_ns > 0:
            self._weighted += (quote.ask_px - quote.bid_px) * span_ns
            self._weight_ns += span_ns


def print_of(bar: Bar) -> Trade:
    """A bar as one print at its close: enough for volumes and closes."""
    return Trade(symbol=bar.symbol, time_ns=bar.time_ns, px=bar.close_px, size=bar.volume)


def folded(fold: DayFold, events: Iterable[MarketEvent]) -> DayFold:
    for event in events:
        fold.add(event)
    return fold
