"""Parent orders as the journal tells them: what was asked, what became of it, and its children."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from floorbroker.clock import datetime_of, ns_of
from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Money, Px, Qty
from floorbroker.domain.books.parents import (
    ParentEnded,
    ParentOrder,
    ParentReplaced,
    ParentState,
    ParentStep,
    ParentSwitched,
)
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Alarm, BusinessMessageReject
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book.book import Book

#: Begins the timer of a parent order.
TIMER = "parent:"
#: The alarm for children that are refused again and again.
CHILDREN_REFUSED = "children_refused"
#: Ended parent orders that are kept at hand; those before are in the journal alone.
ENDED_MAX = 256
_NOT_TAKEN = (OrdStatus.REJECTED, OrdStatus.NOT_PLACED, OrdStatus.EXPIRED_UNSENT)
_UNSURE = (OrdStatus.CREATED, OrdStatus.SENT, OrdStatus.UNKNOWN)


class Child(Struct, kw_only=True):
    """What of a child belongs to its parent, also after its end."""

    word: str = ""
    decided_ns: int
    priced_ns: int
    cum_qty: Qty = ZERO_QTY
    cost: Money = ZERO_MONEY
    was_ordered: bool = False
    was_taken: bool = False


class Parent(Struct, kw_only=True):
    """A parent order; `order` has the terms as they are now, `most_qty` the largest it ever had.

    `open` are the children that may still fill, oldest first. `refusal` is why the last one was
    not taken, empty once one is.
    """

    order: ParentOrder
    most_qty: Qty
    state: ParentState = ParentState.WORKING
    reason: str = ""
    filled: Qty = ZERO_QTY
    cost: Money = ZERO_MONEY
    children: dict[ClOrdID, Child] = field(default_factory=dict)
    open: dict[ClOrdID, None] = field(default_factory=dict)
    count: int = 0
    memo: dict[str, str | int] = field(default_factory=dict)
    revision: int = 0
    target: Qty | None = None
    why: str = ""
    wake_ns: int | None = None
    withheld: tuple[str, ...] = ()
    last_sent_ns: int = 0
    last_ended_ns: int = 0
    refused_in_a_row: int = 0
    refusal: str = ""
    has_alarmed: bool = False  #: Of children that are refused again and again.
    ended_time: datetime | None = None

    @property
    def parent_id(self) -> ClOrdID:
        return self.order.parent_id

    def leaves_of(self, book: Book) -> Qty:
        """The most that its children may still fill, UNKNOWN ones in full."""
        return sum((leaves_of(book, name) for name in self.open), ZERO_QTY)

    def unknown_of(self, book: Book) -> Qty:
        """The part of that whose fate nobody knows."""
        return sum((leaves_of(book, one) for one in self.open if one in book.unknown), ZERO_QTY)

    def changed(self, message: ParentReplaced) -> "Parent":
        """A parent with these terms; this one stays as it is."""
        old = self.order
        order = replace(
            old,
            qty=old.qty if message.qty is None else message.qty,
            limit=old.limit if message.limit is None else message.limit,
            end_ns=old.end_ns if message.end_ns is None else message.end_ns,
            params=old.params if message.params is None else message.params,
        )
        return replace(self, order=order)

    @property
    def avg_px(self) -> Px | None:
        return Px.of((self.cost / self.filled).decimal) if self.filled else None


def due_at(wake_ns: int) -> datetime:
    """When a timer for that instant is due: not before it."""
    due = datetime_of(wake_ns)
    return due + timedelta(microseconds=ns_of(due) < wake_ns)


def leaves_of(book: Book, cl_ord_id: ClOrdID) -> Qty:
    """The most that this order may still fill."""
    order = book.orders.get(cl_ord_id)
    most = None if order is None else book.most(order)
    return ZERO_QTY if order is None or most is None else max(most - order.cum_qty, ZERO_QTY)


class ParentBook:
    """Every parent order that lives, and those that ended lately.

    `timers` are the state's: a parent has one, due when it wants to be asked again.
    """

    def __init__(self, timers: dict[str, datetime]) -> None:
        self.live: dict[ClOrdID, Parent] = {}
        self.ended: dict[ClOrdID, Parent] = {}
        self._owner: dict[ClOrdID, Parent] = {}
        self._timers = timers
        self.takers: dict[type, Callable[[Any], None]] = {
            ParentOrder: self.asked,
            ParentStep: self.stepped,
            ParentSwitched: self.switched,
            ParentReplaced: self.replaced,
            ParentEnded: self.finished,
            BusinessMessageReject: self.refused,
        }

    def __eq__(self, other: object) -> bool:
        """Whether it says the same, however it came to it."""
        if not isinstance(other, ParentBook):
            return False
        return (self.live, self.ended) == (other.live, other.ended)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def restore(self, parents: list[Parent]) -> None:
        """Take in the parents of a snapshot."""
        for parent in parents:
            table = self.ended if parent.state.is_ended else self.live
            table[parent.parent_id] = parent
            for name in parent.children:
                self._owner[name] = parent

    def all(self) -> list[Parent]:
        """Those that ended, then those that live."""
        return [*self.ended.values(), *self.live.values()]

    def find(self, parent_id: ClOrdID) -> Parent | None:
        return self.live.get(parent_id) or self.ended.get(parent_id)

    def of(self, cl_ord_id: ClOrdID) -> Parent | None:
        """The parent whose child this order is."""
        return self._owner.get(cl_ord_id)

    def own(self, symbol: str, since_ns: int) -> Qty:
        """What the children of all parents filled in a symbol that were sent since then."""
        return sum(
            (
                child.cum_qty
                for parent in self.all()
                if parent.order.symbol == symbol
                for child in parent.children.values()
                if child.decided_ns >= since_ns
            ),
            ZERO_QTY,
        )

    def asked(self, message: ParentOrder) -> None:
        parent = Parent(order=message, most_qty=message.qty)
        self.live[message.parent_id] = parent

    def stepped(self, message: ParentStep) -> None:
        parent = self.live.get(message.parent_id)
        if parent is None:
            return
        now_ns = ns_of(message.transact_time)
        for name, word in message.children.items():
            child = parent.children.get(name)
            if child is None:
                parent.children[name] = Child(word=word, decided_ns=now_ns, priced_ns=now_ns)
                self._owner[name] = parent
                parent.open[name] = None
                parent.last_sent_ns = now_ns
            else:
                child.word, child.priced_ns = word or child.word, now_ns
        parent.memo = parent.memo if message.memo is None else message.memo
        parent.count, parent.target, parent.why = message.count, message.target, message.why
        parent.withheld = message.withheld
        self._wake(parent, message.wake_ns)

    def _wake(self, parent: Parent, wake_ns: int | None) -> None:
        parent.wake_ns = wake_ns
        timer_id = f"{TIMER}{parent.parent_id}"
        if wake_ns is None:
            self._timers.pop(timer_id, None)
        else:
            self._timers[timer_id] = due_at(wake_ns)

    def switched(self, message: ParentSwitched) -> None:
        parent = self.live.get(message.parent_id)
        if parent is None:
            return
        parent.revision += message.to is ParentState.WORKING
        parent.state, parent.reason = message.to, message.reason

    def replaced(self, message: ParentReplaced) -> None:
        parent = self.live.get(message.parent_id)
        if parent is None:
            return
        parent.order = parent.changed(message).order
        parent.most_qty = max(parent.most_qty, parent.order.qty)
        parent.revision += 1

    def refused(self, message: BusinessMessageReject) -> None:
        """A child that was numbered will never be, or a replace of one; what others ask for under
        a name of ours changes nothing."""
        name = message.cl_ord_id
        parent = None if name is None else self._owner.get(name)
        if name is None or parent is None or parent.state.is_ended:
            return
        if message.command == "submit" and not parent.children[name].was_ordered:
            del parent.children[name], self._owner[name]
            parent.open.pop(name, None)
            parent.refused_in_a_row += 1
            parent.last_ended_ns = ns_of(message.transact_time)
            parent.refusal = message.text

    def alarmed(self, message: Alarm) -> None:
        """Somebody was told of it; once is enough."""
        parent = None if message.cl_ord_id is None else self.live.get(message.cl_ord_id)
        if parent is not None and message.name == CHILDREN_REFUSED:
            parent.has_alarmed = True

    def finished(self, message: ParentEnded) -> None:
        parent = self.live.pop(message.parent_id, None)
        if parent is None:
            return
        self._wake(parent, None)
        parent.state, parent.reason = message.outcome, message.text
        parent.ended_time = message.transact_time
        self.ended[message.parent_id] = parent
        while len(self.ended) > ENDED_MAX:
            oldest = self.ended.pop(next(iter(self.ended)))
            for name in oldest.children:
                del self._owner[name]

    def follow(self, order: Order, now: datetime) -> None:
        """The order stands like this now; if it is a child, its parent does too."""
        parent = self._owner.get(order.cl_ord_id)
        if parent is None:
            return
        child = parent.children[order.cl_ord_id]
        cost = sum((fill.last_qty * fill.last_px for fill in order.fills), ZERO_MONEY)
        parent.filled += order.cum_qty - child.cum_qty
        parent.cost += cost - child.cost
        child.cum_qty, child.cost, child.was_ordered = order.cum_qty, cost, True
        status = order.venue_status
        if not order.is_ended:
            parent.open[order.cl_ord_id] = None
            if status not in _UNSURE:
                _taken(parent, child)
        elif order.cl_ord_id in parent.open:
            del parent.open[order.cl_ord_id]
            parent.last_ended_ns = ns_of(now)
            if status in _NOT_TAKEN:
                parent.refused_in_a_row += 1
                parent.refusal = order.text or f"{order.cl_ord_id}: {status}"
            else:
                _taken(parent, child)


def _taken(parent: Parent, child: Child) -> None:
    if not child.was_taken:
        child.was_taken, parent.refused_in_a_row, parent.refusal = True, 0, ""
        parent.has_alarmed = False
