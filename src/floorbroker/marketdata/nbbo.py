"""The best bid and offer as it stood before an instant, looked up in one symbol's quotes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from decimal import Decimal

from floorbroker.domain.quotes import MarketEvent, Nbbo, Quote


class NbboHistory:
    """One symbol's quotes in time order; each holds until the next.

    A quote with size zero on a side means that nobody quotes there: the NBBO has None, and there
    is no mid until both sides are back.
    """

    def __init__(self, symbol: str, events: Iterable[MarketEvent] = ()) -> None:
        self.symbol = symbol
        self._times: list[int] = []
        self._quotes: list[Quote] = []
        for event in events:
            if isinstance(event, Quote) and event.symbol == symbol:
                self.add(event)

    def add(self, quote: Quote) -> None:
        """Append the next quote. Raises ValueError if it is older than the last one."""
        if self._times and quote.time_ns < self._times[-1]:
            raise ValueError(
                f"time_ns: {quote.time_ns} is before the last quote of {self.symbol} "
                f"({self._times[-1]}); quotes are added in time order"
            )
        self._times.append(quote.time_ns)
        self._quotes.append(quote)

    def __len__(self) -> int:
        return len(self._quotes)

    def nbbo_before(self, time_ns: int) -> Nbbo | None:
        """What stood strictly before `time_ns`; None before the first quote."""
        return self._nbbo(bisect_left(self._times, time_ns) - 1)

    def nbbo_at(self, time_ns: int) -> Nbbo | None:
        """What stands at `time_ns`, its own quotes included."""
        return self._nbbo(bisect_right(self._times, time_ns) - 1)

    def mid_before(self, time_ns: int) -> Decimal | None:
        """The middle of both sides strictly before `time_ns`; None without both sides."""
        return mid_of(self.nbbo_before(time_ns))

    def time_weighted_mid(self, start_ns: int, end_ns: int) -> Decimal | None:
        """The mean of the mid over [start_ns, end_ns), each weighted by how long it stood.

        Time without a two-sided quote does not count; None if there is no other.
        """
        place = bisect_right(self._times, start_ns) - 1
        weighted, weight = Decimal(0), 0
        at_ns = start_ns
        while at_ns < end_ns and place < len(self._times):
            is_last = place + 1 == len(self._times)
            until_ns = end_ns if is_last else min(self._times[place + 1], end_ns)
            mid = mid_of(self._nbbo(place))
            if mid is not None:
                weighted += mid * (until_ns - at_ns)
                weight += until_ns - at_ns
            at_ns = until_ns
            place += 1
        return weighted / weight if weight else None

    def _nbbo(self, place: int) -> Nbbo | None:
        if place < 0:
            return None
        quote = self._quotes[place]
        return Nbbo(
            symbol=quote.symbol,
            time_ns=quote.time_ns,
            bid_px=quote.bid_px if quote.bid_size > 0 else None,
            ask_px=quote.ask_px if quote.ask_size > 0 else None,
        )


def mid_of(nbbo: Nbbo | None) -> Decimal | None:
    """The middle of a two-sided NBBO."""
    if nbbo is None or nbbo.bid_px is None or nbbo.ask_px is None:
        return None
    return (nbbo.bid_px + nbbo.ask_px) / 2
