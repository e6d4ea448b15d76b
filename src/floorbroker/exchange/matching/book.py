"""Price-time matching: the book that the tape displays, and our own orders' priority.

Theory of operation. Two books stand side by side and are never mixed.

`DisplayedBook` is the market's: what the tape says is on offer. It is kept from messages on single
orders (add, reduce, delete, execute) or from statements of whole sides (`show`). The market does
not know of us, so the tape never shows the effect of what we do; instead each level remembers how
much of it our orders took (`taken`). What is taken stays taken as long as the level stands, and
never exceeds what the level shows, so that one displayed share is given away once. A level that
vanishes and comes back is new liquidity.

`OwnOrders` is ours: one side of one symbol, all accounts together. Better price first, then
earlier arrival: a dict of prices, each an insertion-ordered dict of orders, and the sorted prices.
An order that leaves is taken out of the middle of its price without disturbing the others.

Between them stands the queue: an own order at a price waits behind the displayed shares that were
there before it (`VenueOrder.queue_ahead`); how that number falls is decided in `fills`.

`step_levels` is the displayed book as a pure function over one message; replaying recorded days
through it, row by row, checks the rules of the book against the real exchange's.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from floorbroker.exchange.model import ZERO, VenueOrder

#: A price or size: Decimal, or int where a caller counts in ticks.
Number = TypeVar("Number", Decimal, int)
#: One side, best first: (price, size).
LevelRows = Sequence[tuple[Number, Number]]

BUY, SELL = "buy", "sell"
#: Kinds of a LOBSTER message.
ADD, REDUCE, DELETE, EXECUTE, EXECUTE_HIDDEN, CROSS, HALT = 1, 2, 3, 4, 5, 6, 7


class Level:
    """One displayed price: shares shown, and how many of them our orders left there."""

    __slots__ = ("left", "px", "size")

    def __init__(self, px: Decimal, size: Decimal, taken: Decimal = ZERO) -> None:
        self.px = px
        self.size = size
        self.left = size - taken if taken else size

    @property
    def taken(self) -> Decimal:
        return self.size - self.left


class DisplayedSide:
    """One side of the displayed book: its levels, best first."""

    __slots__ = ("_by_px", "_sign", "levels")

    def __init__(self, side: str) -> None:
        self._sign = -1 if side == BUY else 1
        self._by_px: dict[Decimal, Level] = {}
        self.levels: list[Level] = []  #: Best first; read it, do not change it.

    @property
    def best(self) -> Level | None:
        return self.levels[0] if self.levels else None

    @property
    def deepest_px(self) -> Decimal | None:
        return self.levels[-1].px if self.levels else None

    def at(self, px: Decimal) -> Level | None:
        return self._by_px.get(px)

    def size_at(self, px: Decimal) -> Decimal | None:
        """Shares shown at a price; None where the book is not shown that deep."""
        level = self._by_px.get(px)
        if level is not None:
            return level.size
        if self.levels and px * self._sign < self.levels[-1].px * self._sign:
            return ZERO
        return None

    def available_to(self, limit_px: Decimal | None) -> Decimal:
        """Shares not taken yet at `limit_px` or better; None is any price."""
        total = ZERO
        for level in self.levels:
            if limit_px is not None and level.px * self._sign > limit_px * self._sign:
                break
            total += level.left
        return total

    def show(self, rows: LevelRows[Decimal], *, renews: bool = False) -> None:
        """State the whole side as shown from now on; sizes of zero are no levels.

        What was taken stays taken at prices that remain, unless the statement `renews` them.
        """
        old = self._by_px
        self._by_px = new = {}
        for px, size in rows:
            if size > 0:
                known = None if renews else old.get(px)
                new[px] = Level(px, size, min(known.taken, size) if known else ZERO)
        self.levels = list(new.values())
        if len(new) > 1:
            self.levels.sort(key=self._key)

    def change(self, px: Decimal, by: Decimal) -> None:
        """Add shares to a level, or remove them; raises ValueError if it shows fewer."""
        level = self._by_px.get(px)
        size = (level.size if level else ZERO) + by
        if size < 0:
            raise ValueError(f"{-by} shares cannot leave the level {px}: it shows {size - by}")
        if level is None:
            self._by_px[px] = level = Level(px, size)
            insort(self.levels, level, key=self._key)
        elif size:
            taken = min(level.taken, size)
            level.size, level.left = size, size - taken
        else:
            del self._by_px[px]
            self.levels.remove(level)

    def _key(self, level: Level) -> Decimal:
        return level.px * self._sign


class DisplayedBook:
    """Both displayed sides of one symbol, and the single orders where the tape tells them."""

    def __init__(self) -> None:
        self.bids = DisplayedSide(BUY)
        self.asks = DisplayedSide(SELL)
        self._orders: dict[str, tuple[str, Decimal, Decimal]] = {}
        self._queues: dict[tuple[str, Decimal], dict[str, None]] = {}

    def side(self, side: str) -> DisplayedSide:
        """The bids for "buy", the asks for "sell"."""
        return self.bids if side == BUY else self.asks

    def add(self, order_id: str, side: str, px: Decimal, size: Decimal) -> None:
        """A new order joins the end of its level; raises ValueError for a known one."""
        if order_id in self._orders:
            raise ValueError(f"order {order_id} is in the book already")
        self._orders[order_id] = (side, px, size)
        self._queues.setdefault((side, px), {})[order_id] = None
        self.side(side).change(px, size)

    def reduce(self, order_id: str, size: Decimal) -> None:
        """Part of an order is canceled; it keeps its place. Raises ValueError as `execute`."""
        side, px, before = self._known(order_id)
        if size > before:
            raise ValueError(f"order {order_id} shows {before} shares, not {size}")
        self.side(side).change(px, -size)
        if size == before:
            del self._orders[order_id]
            queue = self._queues[side, px]
            del queue[order_id]
            if not queue:
                del self._queues[side, px]
        else:
            self._orders[order_id] = (side, px, before - size)

    def execute(self, order_id: str, size: Decimal) -> None:
        """Shares of an order trade; raises ValueError for an unknown order or too many shares."""
        self.reduce(order_id, size)

    def delete(self, order_id: str) -> None:
        """The rest of an order is canceled; raises ValueError for an unknown one."""
        self.reduce(order_id, self._known(order_id)[2])

    def levels(self, count: int) -> tuple[list[tuple[Decimal, Decimal]], ...]:
        """(bids, asks): at most `count` rows of (price, size) each, best first."""
        return tuple(
            [(level.px, level.size) for level in side.levels[:count]]
            for side in (self.bids, self.asks)
        )

    def ahead_of(self, order_id: str) -> Decimal:
        """Displayed shares before an order at its price, exactly; ValueError if unknown."""
        side, px, _ = self._known(order_id)
        ahead = ZERO
        for other in self._queues[side, px]:
            if other == order_id:
                break
            ahead += self._orders[other][2]
        return ahead

    def _known(self, order_id: str) -> tuple[str, Decimal, Decimal]:
        try:
            return self._orders[order_id]
        except KeyError:
            raise ValueError(f"order {order_id} is not in the book") from None


class OwnOrders:
    """Our resting orders of one side of one symbol, in price-time priority."""

    __slots__ = ("_by_px", "_keys", "_sign")

    def __init__(self, side: str) -> None:
        self._sign = -1 if side == BUY else 1
        self._keys: list[Decimal] = []
        self._by_px: dict[Decimal, dict[str, VenueOrder]] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, order: VenueOrder, px: Decimal) -> None:
        """Join the end of the queue at a price."""
        queue = self._by_px.get(px)
        if queue is None:
            self._by_px[px] = {order.id: order}
            insort(self._keys, px * self._sign)
        else:
            queue[order.id] = order

    def remove(self, order_id: str, px: Decimal) -> bool:
        """Leave the queue at a price; False if the order is not there."""
        queue = self._by_px.get(px)
        if queue is None or queue.pop(order_id, None) is None:
            return False
        if not queue:
            del self._by_px[px]
            del self._keys[bisect_left(self._keys, px * self._sign)]
        return True

    def put_in_place_of(self, old_id: str, order: VenueOrder, px: Decimal) -> None:
        """The successor takes exactly its predecessor's place in the queue."""
        queue = self._by_px[px]
        self._by_px[px] = {
            (order.id if each == old_id else each): (order if each == old_id else resting)
            for each, resting in queue.items()
        }

    @property
    def best_px(self) -> Decimal | None:
        return self._keys[0] * self._sign if self._keys else None

    def holds(self, order_id: str, px: Decimal) -> bool:
        """Whether the order rests at that price."""
        return order_id in self._by_px.get(px, ())

    def prices_to(self, limit_px: Decimal) -> list[Decimal]:
        """Prices from the best to `limit_px` inclusive: those that a trade there touches."""
        limit = limit_px * self._sign
        sign = self._sign
        prices = []
        for key in self._keys:
            if key > limit:
                break
            prices.append(key * sign)
        return prices

    def at(self, px: Decimal) -> list[VenueOrder]:
        """The orders at a price, earliest first; a copy."""
        return list(self._by_px.get(px, {}).values())


def step_levels(
    levels: tuple[LevelRows[Number], LevelRows[Number]],
    message_type: int,
    side: str,
    *,
    price: Number,
    size: Number,
) -> tuple[list[tuple[Number, Number]], list[tuple[Number, Number]]]:
    """The (bids, asks) after one LOBSTER message on a resting order of `side`.

    Adding shows shares; partial cancels, deletions and visible executions remove them; hidden
    executions, crosses and halts change nothing that is displayed. A message on a level that is
    not among the rows, and does not add one, changes nothing either: it lies out of sight.
    """
    bids, asks = list(levels[0]), list(levels[1])
    rows = bids if side == BUY else asks
    if message_type == ADD:
        _add_to_rows(rows, price, size, descending=side == BUY)
    elif message_type in (REDUCE, DELETE, EXECUTE):
        _remove_from_rows(rows, price, size)
    return bids, asks


def _add_to_rows(
    rows: list[tuple[Number, Number]], price: Number, size: Number, *, descending: bool
) -> None:
    for place, (px, shown) in enumerate(rows):
        if px == price:
            rows[place] = (px, shown + size)
            return
        if (price > px) if descending else (price < px):
            rows.insert(place, (price, size))
            return
    rows.append((price, size))


def _remove_from_rows(rows: list[tuple[Number, Number]], price: Number, size: Number) -> None:
    for place, (px, shown) in enumerate(rows):
        if px == price:
            if shown > size:
                rows[place] = (px, shown - size)
            else:
                del rows[place]
            return
