"""Which orders of an account a query lists."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.model import OrderQuery, VenueOrder


def select(
    account: VenueAccount,
    query: OrderQuery,
    *,
    before: VenueOrder | None = None,
    after: VenueOrder | None = None,
) -> list[VenueOrder]:
    """The orders that match, newest first unless the query is ascending; not copies.

    Orders list by `submitted_ns`, and those of one instant as they were accepted. `before` and
    `after` are the orders that the query names as bounds.
    """
    first, last = _bounds(account, query)
    first = first if after is None else max(first, after.number + 1)
    last = last if before is None else min(last, before.number)
    selected: list[VenueOrder] = []
    if query.limit <= 0:
        return selected
    for order in _walk(account, query, first, last):
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


def _walk(account: VenueAccount, query: OrderQuery, first: int, last: int) -> Iterator[VenueOrder]:
    if query.status == "open":
        # Open orders are few among all, and kept in the same order.
        candidates = [o for o in account.open_orders.values() if first <= o.number < last]
        yield from candidates if query.is_ascending else reversed(candidates)
        return
    places = range(first, last) if query.is_ascending else range(last - 1, first - 1, -1)
    for place in places:
        yield account.orders[place]


def _matches(order: VenueOrder, query: OrderQuery) -> bool:
    if query.status != "all" and order.is_open != (query.status == "open"):
        return False
    if query.symbols is not None and order.symbol not in query.symbols:
        return False
    if query.side is not None and order.side != query.side:
        return False
    return query.asset_classes is None or order.asset_class in query.asset_classes
