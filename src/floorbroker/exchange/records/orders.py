"""Every order of a venue: those that work and the latest that ended in memory, the rest put away.

Whoever changes an order asks for it as `orders[id]`: one that was put away comes back to memory
then, and leaves it again in time. Whoever only looks asks `get`, and is given a copy of such one.
"""

import heapq
from bisect import insort
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from operator import attrgetter

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.records.archive import Archive, order_number

_number = attrgetter("number")


class Orders:
    """Orders by id, and by the names that their accounts gave them."""

    def __init__(self, accounts: Mapping[str, VenueAccount]) -> None:
        self.archive = Archive()
        self._accounts = accounts
        self._here: dict[str, VenueOrder] = {}
        #: Of those in memory, in the order of their ends: the first ones leave first.
        self.ended: deque[VenueOrder] = deque()

    def __getitem__(self, order_id: str) -> VenueOrder:
        """The order itself; raises KeyError for one that never was."""
        order = self._here.get(order_id)
        return self._brought_back(order_id) if order is None else order

    def get(self, order_id: str) -> VenueOrder | None:
        """The order, or a copy of it if it was put away; None for one that never was."""
        return self._here.get(order_id) or self.archive.order(order_id)

    def named(self, account: VenueAccount, client_order_id: str) -> VenueOrder | None:
        """The same by the account's own name for it."""
        order = account.by_client_id.get(client_order_id)
        return order or self.archive.order_named(account.key_id, client_order_id)

    def latest_of(self, account: VenueAccount) -> VenueOrder | None:
        """The order that the account sent last."""
        away = next(self.archive.orders(account.key_id, is_ascending=False), None)
        here = account.orders[-1] if account.orders else None
        return max(filter(None, (here, away)), key=order_number, default=None)

    def __iter__(self) -> Iterator[str]:
        return (order.id for order in self.values())

    def __len__(self) -> int:
        return sum(account.orders_taken for account in self._accounts.values())

    def here(self) -> list[VenueOrder]:
        """Those in memory: everything that is open is among them."""
        return list(self._here.values())

    def values(self) -> Iterator[VenueOrder]:
        """All, as they were accepted. What is accepted while they are read is left out."""
        archive = self.archive
        here = self.here()
        if archive.is_empty:
            return iter(here)
        here.sort(key=order_number)
        known = {order.id for order in here}
        latest = (self.latest_of(account) for account in self._accounts.values())
        last = max(order_number(order) for order in latest if order is not None)
        shelves = (archive.orders(key_id, 0, last) for key_id in archive.accounts)
        away = heapq.merge(*shelves, key=order_number)
        return heapq.merge(
            here, (order for order in away if order.id not in known), key=order_number
        )

    def is_here(self, order: VenueOrder) -> bool:
        """Whether the order is in memory, itself or as it is now."""
        return order.id in self._here

    def add(self, order: VenueOrder) -> None:
        """A new order."""
        self._here[order.id] = order
        account = self._accounts[order.account]
        order.number = account.orders_taken
        account.orders_taken += 1
        account.orders.append(order)
        account.by_client_id[order.client_order_id] = order

    def add_ended(self, account: VenueAccount, order: VenueOrder) -> None:
        """A new order of the account that has ended already."""
        self._here[order.id] = account.by_client_id[order.client_order_id] = order
        order.number = account.orders_taken
        account.orders_taken += 1
        account.orders.append(order)
        self.ended.append(order)

    def to_revise(self, order_id: str) -> VenueOrder:
        """The order, to be changed after its end: who was told of it keeps what it was then."""
        told = self[order_id]
        if told.is_open:
            return told
        order, account = told.snapshot(), self._accounts[told.account]
        self._here[order_id] = account.by_client_id[told.client_order_id] = order
        account.orders[account.orders.index(told)] = order
        self.ended[self.ended.index(told)] = order
        return order

    def restore(self, order: VenueOrder) -> None:
        """An order that was read back."""
        self._here[order.id] = order
        account = self._accounts[order.account]
        insort(account.orders, order, key=_number)
        account.by_client_id[order.client_order_id] = order
        account.orders_taken = max(account.orders_taken, order.number + 1)
        if not order.is_open:
            self.ended.append(order)

    def oldest(self, count: int) -> list[VenueOrder]:
        """Those in memory that ended first."""
        return list(islice(self.ended, max(count, 0)))

    def drop(self, orders: list[VenueOrder]) -> None:
        """These were put away."""
        here, ended, accounts = self._here, self.ended, self._accounts
        for order in orders:
            assert ended.popleft() is order, "who ended first leaves first"
            del here[order.id]
            del accounts[order.account].by_client_id[order.client_order_id]
        for key_id in {order.account for order in orders}:
            _drop_from(accounts[key_id], orders)

    def _brought_back(self, order_id: str) -> VenueOrder:
        order = self.archive.order(order_id)
        if order is None:
            raise KeyError(order_id)
        self.restore(order)
        return order


def _drop_from(account: VenueAccount, orders: list[VenueOrder]) -> None:
    """Its own among these leave; mostly they are its first, so the rest is not looked at."""
    if account.orders[: len(orders)] == orders:
        del account.orders[: len(orders)]
        return
    ids = {order.id for order in orders if order.account == account.key_id}
    stay: list[VenueOrder] = []
    left = len(ids)
    for order in account.orders:
        if order.id in ids:
            left -= 1
            if not left:
                break
        else:
            stay.append(order)
    account.orders[: len(stay) + len(ids)] = stay
