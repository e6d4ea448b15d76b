"""The venue's blotter: every order, execution and event, in the order they happened."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Protocol

from msgspec.structs import replace

from floorbroker.domain.amounts import plain
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.daytrades import OFF, is_in_force
from floorbroker.exchange.floor.averages import recount
from floorbroker.exchange.matching.book import Level
from floorbroker.exchange.matching.fills import FRACTION, wanted
from floorbroker.exchange.matching.marks import Marks
from floorbroker.exchange.matching.post import TradingPost
from floorbroker.exchange.model import (
    TERMINAL,
    ZERO,
    Entry,
    Execution,
    VenueEvent,
    VenueOrder,
)
from floorbroker.exchange.records.archive import Archive
from floorbroker.exchange.records.executions import Executions
from floorbroker.exchange.records.identifiers import Identifiers
from floorbroker.exchange.records.orders import Orders
from floorbroker.exchange.reference.assets import Asset
from floorbroker.exchange.reference.calendar import new_york_date
from floorbroker.exchange.rules import not_found, unprocessable

#: Events that announce an order before the venue has it; they carry no execution id.
_UNROUTED = frozenset({"pending_new", "accepted"})
#: How many ended orders stay in memory, and how many executions, unless the blotter is told.
KEPT = 5_000
#: At most so many of each are put away at once.
_BATCH = 512


class Groups(Protocol):
    """Who follows the orders of a class."""

    def follow(self, order: VenueOrder) -> None: ...

    def release(self, order: VenueOrder) -> None: ...


class Changes:
    """What a store has not seen yet; kept only while someone saves."""

    def __init__(self) -> None:
        self.orders: dict[str, VenueOrder] = {}
        self.accounts: dict[str, VenueAccount] = {}
        self.marks: set[str] = set()  #: Symbols whose mark changed beside the market.
        self.executions_saved = 0


class Blotter:
    """Keeps the orders and tells what happens to them; decides nothing.

    Each change is made in the order, booked on the account, then told to the listeners, which get
    copies and are called in the order they were added. They must not call the venue back.
    """

    def __init__(self, random: Random, now_ns: int, assets: Mapping[str, Asset]) -> None:
        self.now_ns = now_ns
        self.accounts: dict[str, VenueAccount] = {}
        self.orders = Orders(self.accounts)
        self.executions = Executions()
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
        self.journals_first_cash = True
        self.pdt = OFF  #: Whether day trades are counted.
        self.announced: list[str] = []  #: Corporate actions that were made known since the start.
        self.assets = assets
        self.keep_in(Archive())
        self.keep(KEPT)

    def open_account(self, key_id: str, cash: Decimal) -> VenueAccount:
        """A new account with that much in it."""
        account = self.restore_account(key_id, self.ids.make(), self.now_ns)
        account.starting_cash = account.last_equity = cash
        if self.journals_first_cash and cash:
            account.enter(self._first_cash(cash))
        else:
            account.cash = cash
        self.note(account)
        return account

    def _first_cash(self, cash: Decimal) -> Entry:
        return Entry(
            id=self.ids.make(),
            kind="JNLC",
            date=new_york_date(self.now_ns).isoformat(),
            time_ns=self.now_ns,
            net_amount=cash,
            description="the account's first cash",
        )

    def restore_account(self, key_id: str, account_id: str, created_ns: int) -> VenueAccount:
        """An empty account with those papers."""
        account = self.accounts[key_id] = VenueAccount(
            key_id=key_id,
            account_id=account_id,
            created_ns=created_ns,
            marks=self.marks,
            assets=self.assets,
        )
        return account

    def keep_in(self, archive: Archive) -> None:
        """Where to put away what is old; before the first order."""
        self.archive = self.orders.archive = self.executions.archive = archive

    def keep(self, kept: int) -> None:
        """How many ended orders, and executions, stay in memory; at most a batch more do."""
        self._kept, self._batch = kept, max(min(kept // 8, _BATCH), 1)
        self._enough = kept + self._batch

    def is_full(self) -> bool:
        """Whether there is a batch to put away."""
        enough = self._enough
        return len(self.orders.ended) >= enough or len(self.executions.latest) >= enough

    def put_away(self) -> None:
        """Let what is old leave memory; only between calls, when nobody works on an order.

        Raises sqlite3.Error if it cannot be written; then it has not left.
        """
        orders, executions, batch = self.orders, self.executions, self._batch
        while self.is_full():
            old = orders.oldest(min(len(orders.ended) - self._kept, batch))
            past = executions.oldest(min(len(executions.latest) - self._kept, batch))
            self.archive.put(old, past)
            orders.drop(old)
            executions.drop(past)

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
        now_ns = self.now_ns
        if order.updated_ns != now_ns:
            order.updated_ns = now_ns
        if self.changes is not None:
            self.changes.orders[order.id] = order
            self.note(self.accounts[order.account])
        copy: VenueOrder = order.__copy__()  # type: ignore[attr-defined]  # Structs have one
        if not self.listeners:
            return copy
        if execution is not None:
            event_id: str | None = execution.execution_id
        else:
            event_id = None if event in _UNROUTED else self.ids.make()
        told = VenueEvent(self.seq, order.account, event, copy, now_ns, execution, event_id)
        for listener in self.listeners:
            listener(told)
        return copy

    def open(self, order: VenueOrder) -> None:
        """A registered order ties up what it needs from now on; harmless if it does already."""
        self.accounts[order.account].open_order(order)

    def fill(self, order: VenueOrder, qty: Decimal, px: Decimal, liquidity: str) -> Decimal:
        """Book a fill and tell it; an order that is complete ends."""
        assert order.status not in TERMINAL, f"a fill on order {order.id}, which is {order.status}"
        account = self.accounts[order.account]
        position = account.book(order, qty, px)
        left = wanted(order, px) if order.qty is None else order.unfilled(order.qty)
        if left < FRACTION:
            order.status, order.filled_ns, left = "filled", self.now_ns, ZERO
            self._end(account, order)
        else:
            order.status = "partially_filled"
        # fmt: off
        execution = Execution(
            self.ids.make(), order.id, order.client_order_id, order.account, order.symbol,
            order.side, qty, px, self.now_ns, order.filled_qty, left, position, liquidity,
        )
        # fmt: on
        self.executions.latest.append(execution)
        if self.pdt != OFF:
            self._count_day_trade(order, execution)
        self.emit("fill" if order.status == "filled" else "partial_fill", order, execution)
        if order.order_class and self.groups is not None:
            self.groups.follow(order)
        return qty

    def live(self, order: VenueOrder, account: VenueAccount, level: Level) -> VenueOrder:
        """A life in one go: the order is pending, new, and filled whole by a displayed level.

        It is all that happens where `emit`, the post and `fill` take their turns; answers the
        order as it was pending.
        """
        qty, px = order.qty, level.px
        assert qty is not None, "only what is known can be had whole"
        level.left -= qty
        order.number = account.orders_taken
        filled = order.snapshot()
        position = account.book(filled, qty, px)
        filled.status, filled.filled_ns = "filled", self.now_ns
        filled.reserve_px = filled.held_qty = ZERO
        self.tell_life(filled, account, px, position, begun=order)
        return order

    def tell_life(
        self,
        order: VenueOrder,
        account: VenueAccount,
        px: Decimal,
        position: Decimal,
        *,
        begun: VenueOrder | None = None,
    ) -> VenueEvent:
        """Take in an order that was filled whole as it came, and tell it all at once."""
        order_id, key_id, qty, now_ns = order.id, order.account, order.filled_qty, self.now_ns
        self.orders.add_to(account, order)
        self.orders.ended.append(order)
        if self.changes is not None:
            self.changes.orders[order_id] = order
            self.note(account)
        new_id, fill_id = self.ids.make(), self.ids.make()
        # fmt: off
        fill = Execution(
            fill_id, order_id, order.client_order_id, key_id, order.symbol, order.side, qty, px,
            now_ns, qty, ZERO, position, "remove",
        )
        # fmt: on
        self.executions.latest.append(fill)
        if self.pdt != OFF:
            self._count_day_trade(order, fill)
        self.seq = seq = self.seq + 3
        told = VenueEvent(seq, key_id, "fill", order, now_ns, fill, fill_id, new_id, begun)
        for listener in self.listeners:
            listener(told)
        return told

    def _count_day_trade(self, order: VenueOrder, fill: Execution) -> None:
        if order.asset_class != "crypto" and is_in_force(self.pdt, self.now_ns):
            self.accounts[order.account].day_trades.book(fill)

    def release(self, order: VenueOrder) -> None:
        """The stop of a held leg was touched."""
        assert self.groups is not None, "only groups hold orders"
        self.groups.release(order)

    def cancel_rest(self, order: VenueOrder) -> None:
        """End an order whose time in force allows no waiting."""
        is_auctioned = order.time_in_force in ("opg", "cls")
        self.finish(order, self.ends_auctions_as if is_auctioned else "canceled")

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

        The order stays in the state it has. Raises VenueError 404 for an unknown execution, 422
        for one that was undone already or undoes another.
        """
        undone = self._standing(execution_id)
        order = self.orders.to_revise(undone.order_id)
        reversal = self._undo(order, undone, self.ids.make())
        self._recount(undone)
        self.emit("trade_bust", order, reversal)

    def correct(self, execution_id: str, qty: Decimal | None, px: Decimal | None) -> None:
        """Make another execution of one, on the order, the cash and the position, and tell it.

        None keeps what it had, and the order stays in the state it has. Raises VenueError as
        `bust` does, and 422 for more than the order has room for.
        """
        undone = self._standing(execution_id)
        account = self.accounts[undone.account]
        qty = undone.qty if qty is None else qty
        _check_room(self.orders[undone.order_id], undone, qty)
        order = self.orders.to_revise(undone.order_id)
        reversal_id, corrected_id = self.ids.make(), self.ids.make()
        self._undo(order, undone, reversal_id, corrected_id)
        px = undone.price if px is None else px
        account.book(order, qty, px)
        execution = replace(
            undone,
            execution_id=corrected_id,
            qty=qty,
            price=px,
            time_ns=self.now_ns,
            cum_qty=order.filled_qty,
            leaves_qty=order.leaves_qty,
            position_qty=account.position_qty(undone.symbol),
            previous_execution_id=execution_id,
        )
        self.executions.append(execution)
        self._recount(undone)
        self.emit("trade_correct", order, execution)

    def _recount(self, undone: Execution) -> None:
        account = self.accounts[undone.account]
        recount(account, self.executions.of(account.key_id), undone)

    def _standing(self, execution_id: str) -> Execution:
        """An execution that counts; raises VenueError as `bust` does."""
        execution = self.executions.find(execution_id)
        if execution is None:
            raise not_found(f"execution not found for {execution_id}")
        if execution.qty < 0 or self.executions.is_undone(execution_id):
            raise unprocessable(
                f"execution {execution_id} is a bust, or was busted or corrected already"
            )
        return execution

    def _undo(
        self,
        order: VenueOrder,
        undone: Execution,
        execution_id: str,
        corrected_by: str | None = None,
    ) -> Execution:
        """Take an execution back; `corrected_by` is the one that takes its place."""
        account = self.accounts[undone.account]
        account.unbook(order, undone.qty, undone.price)
        execution = replace(
            undone,
            execution_id=execution_id,
            qty=-undone.qty,
            time_ns=self.now_ns,
            cum_qty=order.filled_qty,
            leaves_qty=order.leaves_qty,
            position_qty=account.position_qty(undone.symbol),
            previous_execution_id=undone.execution_id,
            corrected_by=corrected_by,
        )
        self.executions.append(execution)
        return execution

    def _end(self, account: VenueAccount, order: VenueOrder) -> None:
        """It ties up nothing any more; one that was never open stands nowhere either."""
        if order.id in account.open_orders:
            account.close_order(order)
            self.posts[order.symbol].leave(order)
        else:
            order.cap_px = None
        order.reserve_px = ZERO
        self.orders.ended.append(order)


def _check_room(order: VenueOrder, undone: Execution, qty: Decimal) -> None:
    """Raises VenueError for an execution that would fill more than the order's quantity."""
    if order.qty is None:
        return
    room = order.qty - order.base_qty - order.filled_qty + undone.qty
    if qty > room or (qty == room and order.is_open):
        bound = "less than" if order.is_open else "at most"
        raise unprocessable(f"qty {plain(qty)} must be {bound} {plain(room)}, the order's rest")
