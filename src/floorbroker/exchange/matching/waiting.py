"""Orders that wait for their moment: stops for a print, called orders for an auction."""

import heapq
from decimal import ROUND_DOWN, Decimal

from floorbroker.exchange.matching.book import BUY, SELL
from floorbroker.exchange.model import ZERO, VenueOrder

OPENING, CLOSING = "opg", "cls"
#: The times in force that wait for an auction.
AUCTIONS = frozenset({OPENING, CLOSING})

_TIME_IN_FORCE = {"open": OPENING, "close": CLOSING}
#: So many stops that are gone, and as many as are there, may stand in a heap before it is swept.
_GONE_MAX = 1000
_CENT = Decimal("0.01")
_FINE = Decimal("0.0001")


class Calls:
    """The orders for the opening and for the closing auction, earliest first.

    The auction print of the tape fills them. Where none came, the first eligible print of the
    session stands in for the opening and the last one for the closing, with what is left of it.
    """

    def __init__(self) -> None:
        self._called: dict[str, dict[str, VenueOrder]] = {OPENING: {}, CLOSING: {}}
        self._printed: set[str] = set()
        self._stand_ins: dict[str, tuple[Decimal, Decimal]] = {}

    def add(self, order: VenueOrder) -> None:
        self._called[order.time_in_force][order.id] = order

    def remove(self, order: VenueOrder) -> None:
        """Harmless if it is not here."""
        if order.time_in_force in AUCTIONS:
            self._called[order.time_in_force].pop(order.id, None)

    def begin_session(self) -> None:
        self._printed.clear()
        self._stand_ins.clear()

    def called(self, time_in_force: str) -> list[VenueOrder]:
        return list(self._called[time_in_force].values())

    def called_by(self, auction: str) -> list[VenueOrder]:
        """The orders that a print of the auction "open" or "close" fills."""
        time_in_force = _TIME_IN_FORCE[auction]
        self._printed.add(time_in_force)
        return self.called(time_in_force)

    def remember(self, px: Decimal, left: Decimal) -> None:
        """An eligible print of the session, and what our orders left of it."""
        self._stand_ins[CLOSING] = stand_in = (px, left)
        self._stand_ins.setdefault(OPENING, stand_in)

    def substitute(self, time_in_force: str) -> tuple[Decimal, Decimal]:
        """Price and size that stand in for an auction; a size of zero if nothing may."""
        if time_in_force in self._printed:
            return ZERO, ZERO
        return self._stand_ins.get(time_in_force, (ZERO, ZERO))

    def use(self, time_in_force: str, qty: Decimal) -> None:
        """Shares of the substitute are gone."""
        if qty:
            used = self._stand_ins[time_in_force]
            for each, stand_in in self._stand_ins.items():
                if stand_in is used:  # a session of a single print: it is first and last
                    self._stand_ins[each] = (used[0], used[1] - qty)


class Stops:
    """Stop orders that no print has touched: sorted by stop price, and those that trail."""

    def __init__(self) -> None:
        self.trailing: dict[str, VenueOrder] = {}
        self._fixed: dict[str, VenueOrder] = {}
        #: (distance key, arrival, id); an id that is not in `_fixed` any more is skipped.
        self._heaps: dict[str, list[tuple[Decimal, int, str]]] = {BUY: [], SELL: []}
        self._arrivals = 0

    def __bool__(self) -> bool:
        return bool(self._fixed or self.trailing)

    def add(self, order: VenueOrder) -> None:
        assert order.stop_price is not None, "a stop order has a stop price"
        self._arrivals += 1
        self._fixed[order.id] = order
        key = order.stop_price if order.side == BUY else -order.stop_price
        heap = self._heaps[order.side]
        if len(heap) > 2 * len(self._fixed) + _GONE_MAX:
            heap[:] = [entry for entry in heap if entry[2] in self._fixed]
            heapq.heapify(heap)
        heapq.heappush(heap, (key, self._arrivals, order.id))

    def remove(self, order_id: str) -> None:
        self._fixed.pop(order_id, None)
        self.trailing.pop(order_id, None)

    def pop_touched(self, px: Decimal) -> list[VenueOrder]:
        """The orders that a print at `px` elects, in the order of their stops; they leave."""
        touched = []
        for side, heap in self._heaps.items():
            limit = px if side == BUY else -px
            while heap and (heap[0][2] not in self._fixed or heap[0][0] <= limit):
                order = self._fixed.pop(heapq.heappop(heap)[2], None)
                if order is not None:
                    touched.append(order)
        for order in list(self.trailing.values()):
            stop = order.stop_price
            if stop is not None and (px >= stop if order.side == BUY else px <= stop):
                del self.trailing[order.id]
                touched.append(order)
        return touched


def follow(order: VenueOrder, px: Decimal) -> bool:
    """Move a trailing stop after a print; it never loosens. True if it moved."""
    hwm = order.hwm
    if hwm is not None and (px >= hwm if order.side == BUY else px <= hwm):
        return False
    order.hwm = px
    trail = order.trail_price
    if trail is None:
        assert order.trail_percent is not None, "a trailing stop has a trail"
        trail = px * order.trail_percent / 100
    order.stop_price = px + trail if order.side == BUY else px - trail
    return True


def collar(px: Decimal) -> Decimal:
    """The worst price of a buy at or around `px`: 4 % above, from $50 on 2.5 %, in cents."""
    factor = Decimal("1.04") if px < 50 else Decimal("1.025")
    return (px * factor).quantize(_CENT if px >= 1 else _FINE, ROUND_DOWN)
