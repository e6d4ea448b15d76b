"""A recorded tape as the kit's steps.

The kit is `execution.kit`: algorithms alone, without desk and exchange. A step stands for a few
seconds and holds what had happened by its instant, nothing later.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.quotes import Halt, MarketEvent, Quote, Trade
from floorbroker.execution.kit import Step
from floorbroker.marketdata.history.day import VolumeRules


class StepMaker:
    """Grows steps of one symbol from its events, which come in time order."""

    def __init__(self, symbol: str, first_ns: int, every_ns: int, rules: VolumeRules) -> None:
        self._symbol, self._every_ns, self._rules = symbol, every_ns, rules
        self._next_ns = first_ns
        self._quote: Quote | None = None
        self._last: Decimal | None = None
        self._volume = Decimal(0)
        self._is_halted = False

    def steps(self, events: Iterable[MarketEvent], last_ns: int) -> Iterator[Step]:
        """A step at each instant up to `last_ns`; what came before the first is no volume."""
        for event in events:
            while self._next_ns < event.time_ns and self._next_ns <= last_ns:
                yield self._step()
            if self._next_ns > last_ns:
                return
            if event.symbol == self._symbol:
                self._take(event)
        while self._next_ns <= last_ns:
            yield self._step()

    def _take(self, event: MarketEvent) -> None:
        if isinstance(event, Quote):
            self._quote = event
        elif isinstance(event, Halt):
            self._is_halted = event.halted
        elif isinstance(event, Trade):
            if self._rules.takes(event):
                self._volume += event.size
            if event.eligible or event.auction:
                self._last = event.px

    def _step(self) -> Step:
        quote = self._quote
        has_bid = quote is not None and quote.bid_size > 0
        has_ask = quote is not None and quote.ask_size > 0
        step = Step(
            time_ns=self._next_ns,
            bid=Px.of(quote.bid_px) if quote is not None and has_bid else None,
            ask=Px.of(quote.ask_px) if quote is not None and has_ask else None,
            bid_qty=Qty.of(quote.bid_size) if quote is not None and has_bid else ZERO_QTY,
            ask_qty=Qty.of(quote.ask_size) if quote is not None and has_ask else ZERO_QTY,
            volume=Qty.of(self._volume),
            last=None if self._last is None else Px.of(self._last),
            is_halted=self._is_halted,
        )
        self._volume = Decimal(0)
        self._last = None
        self._next_ns += self._every_ns
        return step


def steps_of(
    events: Iterable[MarketEvent],
    symbol: str,
    window: tuple[int, int],
    *,
    every_ns: int,
    rules: VolumeRules | None = None,
) -> Iterator[Step]:
    """Steps from the window's start to its end, both included, every so many nanoseconds."""
    first_ns, last_ns = window
    return StepMaker(symbol, first_ns, every_ns, rules or VolumeRules()).steps(events, last_ns)
