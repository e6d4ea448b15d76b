"""The venue's blotter: every order, execution and event, in the order they happened."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Protocol

from floorbroker.exchange.accounts import Marks, VenueAccount
from floorbroker.exchange.matching.fills import FRACTION, wanted
from floorbroker.exchange.matching.post import TradingPost
from floorbroker.exchange.model import TERMINAL, ZERO, Execution, VenueEvent, VenueOrder
from floorbroker.exchange.reference.assets import Asset

#: Events that announce an order before the venue has it; they carry no execution id.
_UNROUTED = frozenset({"pending_new", "accepted"})
_BITS_32 = (1 << 32) - 1
#: Odd and near the golden ratio of 2**32: counting with it visits every number once.
_STRIDE = 0x9E3779B1
_UNSTRIDE = pow(_STRIDE, -1, 1 << 32)


class Identifiers:
    """UUIDs of one venue: a count, scattered over the first digits, before a seeded tail.

    No two of the first four thousand million are alike, and a restart goes on from the count.
    """

    def __init__(self, random: Random) -> None:
        digits = f"{random.getrandbits(88):022x}"
        self.tail = f"-{digits[:4]}-4{digits[4:7]}-a{digits[7:10]}-{digits[10:]}"
        self.count = 0

    def make(self) -> str:
        self.count = count = self.count + 1
        return (count * _STRIDE & _BITS_32).to_bytes(4).hex() + self.tail

    @staticmethod
    def number_of(identifier: str) -> int:
        """Which one it was: later identifiers of a venue have higher numbers."""
        return int(identifier[:8], 16) * _UNSTRIDE & _BITS_32


class Groups(Protocol):
    """Who follows the orders of a class."""

    def follow(self, order: VenueOrder) -> None: ...

    def release(self, order: VenueOrder) -> None: ...


class Changes:
    """What a store has not seen yet; kept only while someone saves."""

    def __init__(self) -> None:
        self.orders: dict[str, VenueOrder] = {}
        self.accounts: dict[str, VenueAccount] = {}
        self.executions_saved = 0


class Blotter:
    """Keeps the orders and tells what happens to them; decides nothing.

    Each change is made in the order, booked on the account, then told to the listeners, which get
    copies and are called in the order they were added. They must not call the venue back.
    """

    def __init__(self, random: Random, now_ns: int, assets: Mapping[str, Asset]) -> None:
        self.now_ns = now_ns
        self.orders: dict[str, VenueOrder] = {}
        self.executions: list[Execution] = []
        self.accounts: dict[str, VenueAccount] = {}
        self.posts: dict[str, TradingPost] = {}
        self.listeners: list[Callable[[VenueEvent], None]] = []
        self.marks = Marks()
        self.ids = Identifiers(random)
        self.seq = 0
        self.changes: Changes | None = None
        #: Asked before an order is acknowledged; a text rejects it for that reason.
        self.veto: Callable[[VenueOrder], str | None] | None = None
        #: Told of orders of a class when they were filled or ended.
        self.groups: Groups | None = None
        self.ends_auctions_as = "canceled"
        self._assets = assets
        self._places: dict[str, int] = {}  # execution id -> place in `executions`

    def open_account(self, key_id: str, cash: Decimal) -> VenueAccount:
        """A new account with that much in it."""
        account = self.restore_account(key_id, self.ids.make(), self.now_ns)
        account.starting_cash = account.cash = account.last_equity = cash
        self.note(account)
        return account

    def restore_account(self, key_id: str, account_id: str, created_ns: int) -> VenueAccount:
        """An empty account with those papers."""
        account = self.accounts[key_id] = VenueAccount(
            key_id=key_id,
            account_id=account_id,
            created_ns=created_ns,
            marks=self.marks,
            assets=self._assets,
        )
        return account

    def note(self, account: VenueAccount) -> None:
        """The account changed."""
        if self.changes is not None:
            self.changes.accounts[account.key_id] = account

    def touched(self, order: VenueOrder) -> None:
        """The order changed without an event."""
        if self.changes is not None:
            self.changes.orders[order.id] = order

    def emit(
        self, event: str, order: VenueOrder, execution: Execution | None = None
    ) -> VenueOrder:
        """Tell the listeners; answers the copy of the order that they were given."""
        self.seq += 1
        order.updated_ns = self.now_ns
        if self.changes is not None:
            self.changes.orders[order.id] = order
            self.note(self.accounts[order.account])
        copy = order.snapshot()
        if not self.listeners:
            return copy
        if execution is not None:
            event_id: str | None = execution.execution_id
        else:
            event_id = None if event in _UNROUTED else self.ids.make()
        told = VenueEvent(
            seq=self.seq,
            account=order.account,
            event=event,
            order=copy,
            time_ns=self.now_ns,
            execution=execution,
            execution_id=event_id,
        )
        for listener in self.listeners:
            listener(told)
        return copy

    def register(self, order: VenueOrder) -> None:
        """An order can be found from now on."""
        self.orders[order.id] = order
        self.accounts[order.account].add_order(order)

    def open(self, order: VenueOrder) -> None:
        """A registered order ties up what it needs from now on; harmless if it does already."""
        self.accounts[order.account].open_order(order)

    def fill(self, order: VenueOrder, qty: Decimal, px: Decimal, liquidity: str) -> Decimal:
        """Book a fill and tell it; an order that is complete ends."""
        assert order.status not in TERMINAL, f"a fill on order {order.id}, which is {order.status}"
        account = self.accounts[order.account]
        account.book(order, qty, px)
        left = wanted(order, px)
        is_whole = left < FRACTION
        order.status = "filled" if is_whole else "partially_filled"
        if is_whole:
            order.filled_ns, left = self.now_ns, ZERO
            self._end(account, order)
        execution = Execution(
            execution_id=self.ids.make(),
            order_id=order.id,
            client_order_id=order.client_order_id,
            account=order.account,
            symbol=order.symbol,
            side=order.side,
            qty=qty,
            price=px,
            time_ns=self.now_ns,
            cum_qty=order.filled_qty,
            leaves_qty=left,
            position_qty=account.position_qty(order.symbol),
            liquidity=liquidity,
        )
        self._record(account, execution)
        self.emit("fill" if is_whole else "partial_fill", order, execution)
        if order.order_class and self.groups is not None:
            self.groups.follow(order)
        return qty

    def release(self, order: VenueOrder) -> None:
        """The stop of a held leg was touched."""
        assert self.groups is not None, "only groups hold orders"
        self.groups.release(order)

    def cancel_rest(self, order: VenueOrder) -> None:
        """End an order whose time in force allows no waiting."""
        if order.time_in_force in ("opg", "cls"):
            self.finish(order, self.ends_auctions_as)
        else:
            self.finish(order, "canceled")

    def finish(self, order: VenueOrder, status: str) -> None:
        """End an order as canceled, expired, rejected or replaced, and tell it."""
        self._end(self.accounts[order.account], order)
        order.status = status
        match status:
            case "canceled":
                order.canceled_ns = self.now_ns
            case "expired":
                order.expired_ns = self.now_ns
            case "rejected":
                order.failed_ns = self.now_ns
            case "replaced":
                order.replaced_ns = self.now_ns
        self.emit(status, order)
        if order.order_class and self.groups is not None:
            self.groups.follow(order)

    def bust(self, execution_id: str) -> None:
        """Undo an execution on the order, the cash and the position, and tell it.

        The order stays in the state it has. Raises KeyError for an unknown execution, ValueError
        for one that is busted already or is itself a bust.
        """
        place = self._places[execution_id]
        undone = self.executions[place]
        if undone.previous_execution_id is not None or f"bust {execution_id}" in self._places:
            raise ValueError(f"execution {execution_id} is a bust, or busted already")
        order, account = self.orders[undone.order_id], self.accounts[undone.account]
        account.unbook(order, undone.qty, undone.price)
        execution = Execution(
            execution_id=self.ids.make(),
            order_id=undone.order_id,
            client_order_id=undone.client_order_id,
            account=undone.account,
            symbol=undone.symbol,
            side=undone.side,
            qty=-undone.qty,
            price=undone.price,
            time_ns=self.now_ns,
            cum_qty=order.filled_qty,
            leaves_qty=order.leaves_qty,
            position_qty=account.position_qty(undone.symbol),
            liquidity=undone.liquidity,
            previous_execution_id=execution_id,
        )
        self._record(account, execution)
        self.emit("trade_bust", order, execution)

    def restore(self, executions: list[Execution]) -> None:
        """Take up executions that were read back, oldest first."""
        for execution in executions:
            self._record(self.accounts[execution.account], execution)

    def _record(self, account: VenueAccount, execution: Execution) -> None:
        place = len(self.executions)
        self.executions.append(execution)
        account.executions.append(place)
        self._places[execution.execution_id] = place
        if execution.previous_execution_id is not None:
            self._places[f"bust {execution.previous_execution_id}"] = place

    def _end(self, account: VenueAccount, order: VenueOrder) -> None:
        """An order that was never open stands nowhere either."""
        if account.close_order(order):
            self.posts[order.symbol].leave(order)
