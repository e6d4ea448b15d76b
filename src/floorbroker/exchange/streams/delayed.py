"""The tape fifteen minutes late: what happened then is told now."""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import merge
from operator import attrgetter

from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.exchange.data.query import DELAY_NS
from floorbroker.exchange.streams.ticker import Ticker
from floorbroker.exchange.tape import Market

_time_ns = attrgetter("time_ns")
Amendment = tuple[Trade, Trade | None, int]


class Delayed:
    """Holds back what a ticker is told; without listeners it holds nothing.

    The first listener begins with what the market remembers of the last fifteen minutes.
    """

    def __init__(self, ticker: Ticker, market: Callable[[], Market]) -> None:
        self.station = ticker.station
        self._ticker = ticker
        self._market = market
        self._held: deque[MarketEvent] = deque()
        self._amendments: deque[Amendment] = deque()
        self._is_running = False

    def tell(self, event: MarketEvent) -> None:
        if self._is_running and "/" not in event.symbol:
            self._held.append(event)

    def amend(self, old: Trade, new: Trade | None, time_ns: int) -> None:
        if self._is_running:
            self._amendments.append((old, new, time_ns))

    def advance(self, now_ns: int) -> None:
        """Tell what is due by now."""
        if self.station.is_empty:
            self._is_running = False
            self._held.clear()
            self._amendments.clear()
            return
        if not self._is_running:
            self._begin(now_ns)
        until_ns = now_ns - DELAY_NS
        while self._held and self._held[0].time_ns <= until_ns:
            self._ticker.tell(self._held.popleft())
        while self._amendments and self._amendments[0][2] <= until_ns:
            self._ticker.amend(*self._amendments.popleft())
        self._ticker.advance(until_ns)

    def _begin(self, now_ns: int) -> None:
        market, since_ns = self._market(), now_ns - DELAY_NS + 1
        quotes: list[list[Quote]] = [
            market.quotes_between(symbol, since_ns, now_ns) for symbol in _stocks(market.quotes)
        ]
        trades: list[list[Trade]] = [
            market.trades_between(symbol, since_ns, now_ns) for symbol in _stocks(market.sessions)
        ]
        self._held.extend(merge(*quotes, *trades, key=_time_ns))
        self._is_running = True


def _stocks(symbols: Iterable[str]) -> list[str]:
    return [symbol for symbol in symbols if "/" not in symbol]
