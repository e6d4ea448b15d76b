"""Bars and averages from prints."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Bar, Trade


class BarBuilder:
    """Grows one symbol's bars of `duration_s` seconds from its trades.

    Every print counts as volume. Which prints make prices is the caller's choice: all of them, or
    with `eligible_prices` only the eligible ones and auctions. A bar without a price-making print
    is not built, and its volume is not carried over.
    """

    def __init__(self, symbol: str, duration_s: int = 60, *, eligible_prices: bool = True) -> None:
        self._symbol = symbol
        self._duration_s = duration_s
        self._eligible_prices = eligible_prices
        self._start_ns = -1
        self._clear(-1)

    def add(self, trade: Trade) -> Bar | None:
        """Book a trade; returns the bar that it closed by being the first of a later one."""
        closed = None
        start_ns = trade.time_ns - trade.time_ns % (self._duration_s * NS_PER_S)
        if start_ns != self._start_ns:
            closed = self.running()
            self._clear(start_ns)
        self._volume += trade.size
        self._notional += trade.px * trade.size
        self._trade_count += 1
        if trade.eligible or trade.auction or not self._eligible_prices:
            self._prices.append(trade.px)
        return closed

    def running(self) -> Bar | None:
        """The bar as it stands; None if it has no price yet."""
        if not self._prices:
            return None
        return Bar(
            symbol=self._symbol,
            time_ns=self._start_ns,
            duration_s=self._duration_s,
            open_px=self._prices[0],
            high_px=max(self._prices),
            low_px=min(self._prices),
            close_px=self._prices[-1],
            volume=self._volume,
            trade_count=self._trade_count,
            vwap=self._notional / self._volume if self._volume else None,
        )

    def _clear(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._prices: list[Decimal] = []
        self._volume = self._notional = Decimal(0)
        self._trade_count = 0


def bars_of(
    symbol: str, trades: Iterable[Trade], duration_s: int = 60, *, eligible_prices: bool = True
) -> Iterator[Bar]:
    """Bars of one symbol's trades, which come in time order; the last bar is as it stands."""
    builder = BarBuilder(symbol, duration_s, eligible_prices=eligible_prices)
    for trade in trades:
        if trade.symbol == symbol:
            closed = builder.add(trade)
            if closed is not None:
                yield closed
    running = builder.running()
    if running is not None:
        yield running


def vwap_of(trades: Iterable[Trade]) -> Decimal:
    """Sum of price times size over sum of size. Raises ValueError where nothing was traded."""
    notional = volume = Decimal(0)
    for trade in trades:
        notional += trade.px * trade.size
        volume += trade.size
    if not volume:
        raise ValueError("no volume: a volume-weighted price of nothing does not exist")
    return notional / volume
