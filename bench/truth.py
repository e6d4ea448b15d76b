"""What the exchange itself says of a parent order: how much could fill, at which prices, when."""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.domain.terms import Side
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.matching.post import AUCTION
from floorbroker.exchange.model import Execution, VenueEvent, VenueOrder

ZERO = Decimal(0)


class Bounds(Struct, frozen=True, kw_only=True):
    """What a parent may never exceed; None: nothing was asked."""

    side: Side
    qty: Decimal
    limit: Decimal | None
    cap: Decimal | None  #: Own part of all that printed since the start, our own included.

    def is_beyond(self, px: Decimal) -> bool:
        if self.limit is None:
            return False
        return px > self.limit if self.side is Side.BUY else px < self.limit


class Truth:
    """Listens to an exchange at which one parent order alone is worked.

    The desk's own books are not asked: they might share the desk's error.
    """

    def __init__(self, bounds: Bounds, start_ns: int) -> None:
        self.most_out = ZERO  #: The most that was filled or could still fill, at any moment.
        self.filled = ZERO
        self.orders = 0
        self._far: list[tuple[int, Decimal]] = []
        self.beyond: list[Decimal] = []  #: Prices of orders and fills that the limit forbids.
        self._bounds = bounds
        self._start_ns = start_ns
        self._open: dict[str, VenueOrder] = {}
        self._seen: set[str] = set()
        self._fills: list[Execution] = []
        self._auctions = ZERO  #: What auctions printed.
        self._print_ns: list[int] = []
        self._volumes: list[Decimal] = [ZERO]

    def meet(self, front: ExchangeFront) -> None:
        front.server.market_listeners.append(self.saw)
        front.server.event_listeners.append(self.heard)

    def saw(self, event: MarketEvent) -> None:
        """Every print is volume, as it is in the minute bars that a desk is told."""
        if isinstance(event, Trade):
            if event.time_ns >= self._start_ns:
                self._print_ns.append(event.time_ns)
                self._volumes.append(self._volumes[-1] + event.size)
                self._auctions += event.size if event.auction else ZERO
        elif isinstance(event, Quote) and event.has_both_sides:
            far = event.ask_px if self._bounds.side is Side.BUY else event.bid_px
            self._far.append((event.time_ns, far))

    def heard(self, events: Sequence[VenueEvent]) -> None:
        for event in events:
            order = event.order
            self._seen.add(order.id)
            if order.is_open:
                self._open[order.id] = order
            else:
                self._open.pop(order.id, None)
            self._check_px(order.limit_price)
            if event.execution is not None:
                self.filled += event.execution.qty
                self._fills.append(event.execution)
                self._check_px(event.execution.price)
        self.orders = len(self._seen)
        out = self.filled + sum((one.leaves_qty for one in self._open.values()), ZERO)
        self.most_out = max(self.most_out, out)

    def parts(self) -> list[Decimal]:
        """Our part of all volume since the start, at each of our fills, auctions with it."""
        found: list[Decimal] = []
        own = ZERO
        for fill in self._fills:
            own += fill.qty
            others = self._volumes[bisect_right(self._print_ns, fill.time_ns)]
            found.append(own / (own + others))
        return found

    @property
    def auction_part(self) -> Decimal | None:
        """Our part of the auction; None where nothing of ours was in it."""
        own = sum((one.qty for one in self._fills if one.liquidity == AUCTION), ZERO)
        return own / (own + self._auctions) if own else None

    def part_until(self, end_ns: int) -> Decimal:
        """The same at the end of the parent's time, or at the last fill of one that was whole."""
        if self.filled == self._bounds.qty and self._fills:
            end_ns = min(end_ns, self._fills[-1].time_ns)
        total = self.filled + self._volumes[bisect_right(self._print_ns, end_ns)]
        return self.filled / total if total else ZERO

    def exceeded(self) -> list[str]:
        """What the parent may never be and was, a sentence each."""
        bounds, parts = self._bounds, self.parts()
        found = []
        if self.most_out > bounds.qty:
            found.append(f"{self.most_out} of {bounds.qty} were filled or could fill")
        if self.beyond:
            found.append(f"{len(self.beyond)} prices beyond {bounds.limit}: {self.beyond[0]}")
        if bounds.cap is not None and parts and max(parts) > bounds.cap:
            found.append(f"{max(parts):.2%} of the volume, at most {bounds.cap:.2%} may be")
        auction = self.auction_part
        if bounds.cap is not None and auction is not None and auction > bounds.cap:
            found.append(f"{auction:.2%} of the auction, at most {bounds.cap:.2%} may be")
        return found

    def was_in_reach(self, from_ns: int, to_ns: int) -> bool:
        """Whether the far touch was within the limit at some moment of this time."""
        before = [px for time_ns, px in self._far if time_ns < from_ns][-1:]
        within = [px for time_ns, px in self._far if from_ns <= time_ns <= to_ns]
        return any(not self._bounds.is_beyond(px) for px in before + within)

    def _check_px(self, px: Decimal | None) -> None:
        if px is not None and self._bounds.is_beyond(px):
            self.beyond.append(px)
