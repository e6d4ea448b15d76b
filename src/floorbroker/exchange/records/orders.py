"""Every order of a venue: those that work and the latest that ended in memory, the rest put away.

Whoever changes an order asks for it as `orders[id]`: one that was put away comes back to memory
then, and leaves it again in time. Whoever only looks asks `get`, and is given a copy of such one.
"""

import heapq
from bisect import insort
from collections.abc import Iterator, Mapping
from operator import attrgetter

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.records.archive import Archive, order_number
from floorbroker.exchange.records.names import Names

_number = attrgetter("number")


class Orders:
    """Orders by id, and by the names that their accounts gave them."""

    def __init__(self, accounts: Mapping[str, VenueAccount]) -> None:
        self.archive = Archive()
        self._accounts = accounts
        self._here: dict[str, VenueOrder] = {}
        #: Of those in memory, in the order of their ends: the first ones leave first.
        self.ended: list[VenueOrder] = []
        #: Of all orders in memory and in boxes; None until somebody asks after a first box.
        self._names: Names | None = None
        #: The last name that was found to be new, and for whom, until an order has it.
        self._asked, self._asker = "", ""

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
        if order is not None or self.archive.is_empty:
            return order
        is_boxed = self._known_names().may_hold(client_order_id)
        return self.archive.order_named(account.key_id, client_order_id, is_boxed=is_boxed)

    def is_new(self, account: VenueAccount, client_order_id: str) -> bool:
        """Whether the account may give a new order that name.

        If none has it in the end, the next who asks for it waits a little longer.
        """
        if client_order_id in account.by_client_id:
            return False
        names = self._names
        if names is None:
            if self.archive.is_empty:
                return True
            names = self._known_names()
        is_boxed, archive, key_id = not names.take(client_order_id), self.archive, account.key_id
        if is_boxed or archive.has_other_names:
            was_asked = (self._asked, self._asker) == (client_order_id, key_id)
            if not was_asked and archive.order_named(key_id, client_order_id, is_boxed=is_boxed):
                return False
        self._asked, self._asker = client_order_id, key_id
        return True

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
        self.add_to(self._accounts[order.account], order)

    def add_to(self, account: VenueAccount, order: VenueOrder) -> None:
        """The same where the account is at hand."""
        name = order.client_order_id
        self._here[order.id] = account.by_client_id[name] = order
        order.number = account.orders_taken
        account.orders_taken += 1
        account.orders.append(order)
        if name is self._asked:
            self._asked = ""
        elif self._names is not None:
            self._names.take(name)

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
        if self._names is not None:
            self._names.take(order.client_order_id)
        account.orders_taken = max(account.orders_taken, order.number + 1)
        if not order.is_open:
            self.ended.append(order)

    def oldest(self, count: int) -> list[VenueOrder]:
        """Those in memory that ended first."""
        return self.ended[: max(count, 0)]

    def drop(self, orders: list[VenueOrder]) -> None:
        """These were put away."""
        assert self.ended[: len(orders)] == orders, "who ended first leaves first"
        del self.ended[: len(orders)]
        if len(self._accounts) == 1:  # as mostly
            parts = dict.fromkeys(self._accounts, orders)
        else:
            parts = {}
            for order in orders:
                parts.setdefault(order.account, []).append(order)
        for key_id, own in parts.items():
            self._drop_own(self._accounts[key_id], own)

    def _drop_own(self, account: VenueAccount, orders: list[VenueOrder]) -> None:
        here, named = self._here, account.by_client_id
        for order in orders:
            del here[order.id], named[order.client_order_id]
        if account.orders[: len(orders)] == orders:  # mostly they are its first
            del account.orders[: len(orders)]
        else:
            _take_out(orders, account.orders)

    def _known_names(self) -> Names:
        if self._names is None:
            self._names = names = Names()
            for name in self.archive.names():
                names.take(name)
            for order in self._here.values():
                names.take(order.client_order_id)
        return self._names

    def _brought_back(self, order_id: str) -> VenueOrder:
        order = self.archive.order(order_id)
        if order is None:
            raise KeyError(order_id)
        self.restore(order)
        return order


def _take_out(orders: list[VenueOrder], among: list[VenueOrder]) -> None:
    """What comes after the last of them is not looked at."""
    ids = {order.id for order in orders}
    stay: list[VenueOrder] = []
    left = len(ids)
    for order in among:
        if order.id in ids:
            left -= 1
            if not left:
                break
        else:
            stay.append(order)
    among[: len(stay) + len(ids)] = stay
