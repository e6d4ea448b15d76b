"""FAKEPACA, a symbol that is always alive: a quote and a trade a second, made up from the seed."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Bar, Quote, Trade
from floorbroker.exchange.streams.station import Station
from floorbroker.exchange.streams.ticker import MINUTE_NS, Ticker
from floorbroker.exchange.tape import Market
from floorbroker.exchange.wire.market import session_bar

SYMBOL = "FAKEPACA"
_TAPE = "A"
#: Seconds that are made up at most at a time: a clock that jumps further leaves a gap.
CATCH_UP_S = 120
_BID_CENTS, _SPREAD_CENTS, _WIDTH_CENTS = 13_400, 10, 50


def made_up(seed: int, second: int) -> Iterator[Quote | Trade]:
    """What FAKEPACA does in this second since 1970; the same for the same seed."""
    dice = Random(f"{seed}/{SYMBOL}/{second}")  # noqa: S311  (a market, not a secret)
    bid = _BID_CENTS + dice.randint(-_WIDTH_CENTS, _WIDTH_CENTS)
    ask = bid + dice.randint(1, _SPREAD_CENTS)
    quoted_ns, traded_ns = sorted(dice.sample(range(NS_PER_S), 2))
    yield Quote(
        symbol=SYMBOL,
        time_ns=second * NS_PER_S + quoted_ns,
        bid_px=Decimal(bid).scaleb(-2),
        bid_size=Decimal(100 * dice.randint(1, 9)),
        ask_px=Decimal(ask).scaleb(-2),
        ask_size=Decimal(100 * dice.randint(1, 9)),
        bid_exchange="N",
        ask_exchange="N",
    )
    yield Trade(
        symbol=SYMBOL,
        time_ns=second * NS_PER_S + traded_ns,
        px=Decimal(dice.randint(bid, ask)).scaleb(-2),
        size=Decimal(dice.randint(1, 500)),
        trade_id=second,
        exchange="N",
    )


class FakeMarket:
    """FAKEPACA's own market, which begins with the minute in which somebody listens."""

    def __init__(self, station: Station, seed: int) -> None:
        self.station = station
        self._seed = seed
        self._market = Market()
        self._ticker = Ticker(station, lambda: self._market, self._day_bar, lambda _: _TAPE)
        self._told_ns: int | None = None

    def advance(self, to_ns: int) -> None:
        """Tell what happened until now; nothing of before anyone listened."""
        if self.station.is_empty:
            self._told_ns = None
            return
        told_ns = self._told_ns
        self._told_ns = to_ns
        if told_ns is None:
            self._begin(to_ns)
            return
        for event in self._events(max(told_ns, to_ns - CATCH_UP_S * NS_PER_S), to_ns):
            self._market.apply(event)
            self._ticker.tell(event)
        self._ticker.advance(to_ns)

    def _begin(self, now_ns: int) -> None:
        """The minute's beginning is known, so that its bar will be whole."""
        self._market = Market()
        for event in self._events(now_ns - now_ns % MINUTE_NS - 1, now_ns):
            self._market.apply(event)
        self._ticker.advance(now_ns)

    def _events(self, after_ns: int, to_ns: int) -> Iterator[Quote | Trade]:
        for second in range(after_ns // NS_PER_S, to_ns // NS_PER_S + 1):
            for event in made_up(self._seed, second):
                if after_ns < event.time_ns <= to_ns:
                    yield event

    def _day_bar(self, symbol: str, until_ns: int) -> Bar | None:
        return session_bar(self._market.session(symbol), symbol)
