"""Which orders of an account a query lists."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.model import OrderQuery, VenueOrder


def select(
    account: VenueAccount,
    query: OrderQuery,
    orders: Mapping[str, VenueOrder],
    *,
    before: VenueOrder | None = None,
    after: VenueOrder | None = None,
) -> list[VenueOrder]:
    """The orders that match, newest first unless the query is ascending; not copies.

    Orders list by `submitted_ns`, and those of one instant as they were accepted. `orders` finds
    one by its id; `before` and `after` are the orders that the query names as bounds.
    """
    first, last = _bounds(account, query)
    first = first if after is None else max(first, after.number + 1)
    last = last if before is None else min(last, before.number)
    selected: list[VenueOrder] = []
    if query.limit <= 0:
        return selected
    for order in _walk(account, query, orders, (first, last)):
        if _matches(order, query):
            selected.append(order)
            if len(selected) == query.limit:
                break
    return selected


def _bounds(account: VenueAccount, query: OrderQuery) -> tuple[int, int]:
    """Places [first, last) of the account's orders that lie within the query's bounds."""
    orders = account.orders
    first, last = 0, len(orders)
    if query.after_ns is not None:
        first = bisect_right(orders, query.after_ns, key=lambda order: order.submitted_ns)
    if query.until_ns is not None:
        last = bisect_left(orders, query.until_ns, key=lambda order: order.submitted_ns)
    return first, last


def _walk(
    account: VenueAccount,
    query: OrderQuery,
    orders: Mapping[str, VenueOrder],
    places: tuple[int, int],
) -> Iterator[VenueOrder]:
    first, last = places
    if query.status == "open":
        # Open orders are few among all, and kept in the same order.
        candidates = list(account.open_orders.values())
        if query.nested:
            candidates = _roots(candidates, orders)
        candidates = [order for order in candidates if first <= order.number < last]
        yield from candidates if query.is_ascending else reversed(candidates)
        return
    ascending = range(first, last)
    for place in ascending if query.is_ascending else reversed(ascending):
        yield account.orders[place]


def _roots(candidates: Iterable[VenueOrder], orders: Mapping[str, VenueOrder]) -> list[VenueOrder]:
    """The orders themselves, or whose legs they are: a filled entry whose legs work is told."""
    roots = {}
    for order in candidates:
        root = order if order.parent_id is None else orders[order.parent_id]
        roots[root.id] = root
    return sorted(roots.values(), key=lambda root: root.number)


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
