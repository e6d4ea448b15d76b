"""Which orders of an account a query lists."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter

from msgspec import Struct

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.model import OrderQuery, VenueOrder
from floorbroker.exchange.records.archive import order_number
from floorbroker.exchange.records.boxes import LAST_NUMBER
from floorbroker.exchange.records.orders import Orders

_submitted_ns = attrgetter("submitted_ns")
_number = attrgetter("number")


class Bounds(Struct, frozen=True, kw_only=True):
    """What a query wants no order beyond: both ends are exclusive, None is no end."""

    after_ns: int | None
    until_ns: int | None
    after: VenueOrder | None
    before: VenueOrder | None

    def places(self, orders: list[VenueOrder]) -> tuple[int, int]:
        """Places [first, last) of an account's orders in memory that lie within."""
        first, last = 0, len(orders)
        if self.after_ns is not None:
            first = bisect_right(orders, self.after_ns, key=_submitted_ns)
        if self.until_ns is not None:
            last = bisect_left(orders, self.until_ns, key=_submitted_ns)
        if self.after is not None:
            first = max(first, bisect_right(orders, self.after.number, key=_number))
        if self.before is not None:
            last = min(last, bisect_left(orders, self.before.number, key=_number))
        return first, last

    def holds(self, order: VenueOrder) -> bool:
        """Whether it lies within."""
        return (
            (self.after_ns is None or order.submitted_ns > self.after_ns)
            and (self.until_ns is None or order.submitted_ns < self.until_ns)
            and (self.after is None or order.number > self.after.number)
            and (self.before is None or order.number < self.before.number)
        )


def select(
    account: VenueAccount,
    query: OrderQuery,
    orders: Orders,
    *,
    before: VenueOrder | None = None,
    after: VenueOrder | None = None,
) -> list[VenueOrder]:
    """The orders that match, newest first unless the query is ascending; not copies.

    Orders list by `submitted_ns`, and those of one instant as they were accepted. `orders` finds
    one by its id; `before` and `after` are the orders that the query names as bounds.
    """
    bounds = Bounds(after_ns=query.after_ns, until_ns=query.until_ns, after=after, before=before)
    selected: list[VenueOrder] = []
    if query.limit <= 0:
        return selected
    candidates = _open if query.status == "open" else _all
    for order in candidates(account, query, orders, bounds):
        if _matches(order, query):
            selected.append(order)
            if len(selected) == query.limit:
                break
    return selected


def _open(
    account: VenueAccount, query: OrderQuery, orders: Orders, bounds: Bounds
) -> Iterator[VenueOrder]:
    """Open orders are few among all, in memory, and kept in the same order."""
    candidates = list(account.open_orders.values())
    if query.nested:
        candidates = _roots(candidates, orders)
    within = [order for order in candidates if bounds.holds(order)]
    return iter(within) if query.is_ascending else reversed(within)


def _all(
    account: VenueAccount, query: OrderQuery, orders: Orders, bounds: Bounds
) -> Iterator[VenueOrder]:
    """Every order within the bounds, read as far as it is wanted."""
    first, last = bounds.places(account.orders)
    places = range(first, last) if query.is_ascending else range(last - 1, first - 1, -1)
    here = (account.orders[place] for place in places)
    if orders.archive.is_empty:
        return here
    return heapq.merge(
        here,
        _away(account, query, orders, bounds),
        key=order_number,
        reverse=not query.is_ascending,
    )


def _away(
    account: VenueAccount, query: OrderQuery, orders: Orders, bounds: Bounds
) -> Iterator[VenueOrder]:
    """Those that are not in memory; one that came back there is told as it is now."""
    archive, key_id = orders.archive, account.key_id
    numbers = [0, LAST_NUMBER]
    if bounds.after_ns is not None:
        numbers[0] = archive.orders_from(key_id, bounds.after_ns)
    if bounds.until_ns is not None:
        numbers[1] = archive.orders_from(key_id, bounds.until_ns - 1) - 1
    if bounds.after is not None:
        numbers[0] = max(numbers[0], order_number(bounds.after) + 1)
    if bounds.before is not None:
        numbers[1] = min(numbers[1], order_number(bounds.before) - 1)
    for order in archive.orders(key_id, *numbers, is_ascending=query.is_ascending):
        if not orders.is_here(order):
            yield order


def _roots(candidates: Iterable[VenueOrder], orders: Orders) -> list[VenueOrder]:
    """The orders themselves, or whose legs they are: a filled entry whose legs work is told."""
    roots = {}
    for order in candidates:
        root = order if order.parent_id is None else orders.get(order.parent_id)
        assert root is not None, "a leg has a parent"
        roots[root.id] = root
    return sorted(roots.values(), key=_number)


def _matches(order: VenueOrder, query: OrderQuery) -> bool:
    if query.nested and order.parent_id is not None:
        return False  # it is told with its parent
    if query.status == "open" and not query.nested and order.status == "held":
        return False
    if query.status == "closed" and order.is_open:
        return False
    if query.symbols is not None and order.symbol not in query.symbols:
        return False
    if query.side is not None and order.side != query.side:
        return False
    return query.asset_classes is None or order.asset_class in query.asset_classes
