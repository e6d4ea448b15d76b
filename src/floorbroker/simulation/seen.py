"""What the market showed while it was played: midpoints, prints, bars. Nothing ahead of its time.

A benchmark looks strictly before an instant for the midpoint, and from there on for prints.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from decimal import Decimal

from floorbroker.domain.quotes import Bar, MarketEvent, Quote, Trade
from floorbroker.marketdata.bars import BarBuilder

ZERO = Decimal(0)


class SymbolSeen:
    """One symbol's day so far; sums run from the first print, so a window is a difference."""

    def __init__(self, symbol: str) -> None:
        self._mid_ns: list[int] = []
        self._mids: list[Decimal] = []
        self._print_ns: list[int] = []
        self._volumes: list[Decimal] = [ZERO]
        self._notionals: list[Decimal] = [ZERO]
        self._builder = BarBuilder(symbol)
        self._bars: list[Bar] = []

    def take(self, event: MarketEvent) -> None:
        if isinstance(event, Quote):
            if event.has_both_sides:
                self._mid_ns.append(event.time_ns)
                self._mids.append(event.mid_px)
        elif isinstance(event, Trade):
            closed = self._builder.add(event)
            if closed is not None:
                self._bars.append(closed)
            if event.eligible:
                self._print_ns.append(event.time_ns)
                self._volumes.append(self._volumes[-1] + event.size)
                self._notionals.append(self._notionals[-1] + event.px * event.size)

    def mid_before(self, time_ns: int) -> Decimal | None:
        """The midpoint of the last quote strictly before; None before the first."""
        place = bisect_left(self._mid_ns, time_ns)
        return self._mids[place - 1] if place else None

    def traded(self, start_ns: int, end_ns: int) -> tuple[Decimal, Decimal]:
        """Eligible shares and dollars from start to end, both included."""
        first, last = bisect_left(self._print_ns, start_ns), bisect_right(self._print_ns, end_ns)
        return (
            self._volumes[last] - self._volumes[first],
            self._notionals[last] - self._notionals[first],
        )

    def bars(self) -> list[Bar]:
        running = self._builder.running()
        return self._bars if running is None else [*self._bars, running]


class MarketSeen:
    """What the symbols of interest showed; an exchange's market listener."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = {symbol: SymbolSeen(symbol) for symbol in symbols}
        self.events = 0

    def take(self, event: MarketEvent) -> None:
        self.events += 1
        seen = self.symbols.get(event.symbol)
        if seen is not None:
            seen.take(event)
