"""Who asks algorithms, within the single writer: at their time, and when a child changes."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from floorbroker.clock import ns_of
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.books.parents import (
    ParentOrder,
    ParentReplaced,
    ParentState,
    ParentSwitched,
)
from floorbroker.domain.errors import DuplicateClOrdID, InvalidOrder, UnknownOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    Alarm,
    JournalMessage,
    KillSwitched,
    NewOrderSingle,
    RequestSent,
)
from floorbroker.domain.order import Order
from floorbroker.domain.terms import is_coin_pair
from floorbroker.engine import decide
from floorbroker.engine.parents.board import WAKE, Board
from floorbroker.engine.parents.carry import carried, parent_seen
from floorbroker.engine.parents.step import Floor, paused, request_of, stepped
from floorbroker.engine.standing.parents import CHILDREN_REFUSED, TIMER, Parent, due_at
from floorbroker.engine.state import State
from floorbroker.execution.catalog import Catalog, admitted, checked, in_words, named

#: A step that leads to another at once, so many times, does not come to rest.
_ROUNDS_MAX = 50
#: So many children in a row may be refused before somebody is told.
_REFUSED_MAX = 3
_QUIET = (NewOrderSingle, RequestSent)


class SubmitParent(Struct, frozen=True):
    """Work this order."""

    verb: ClassVar[str] = "submit parent"
    order: ParentOrder

    @property
    def cl_ord_id(self) -> ClOrdID:
        return self.order.parent_id


class SwitchParent(Struct, frozen=True, kw_only=True):
    """Pause, resume (WORKING) or cancel (CANCELING) a parent order."""

    verb: ClassVar[str] = "switch parent"
    parent_id: ClOrdID
    to: ParentState
    by: str = ""
    reason: str = ""

    @property
    def cl_ord_id(self) -> ClOrdID:
        return self.parent_id


class ReplaceParent(Struct, frozen=True, kw_only=True):
    """Change a parent order; None leaves a field as it is."""

    verb: ClassVar[str] = "replace parent"
    parent_id: ClOrdID
    qty: Qty | None = None
    limit: Px | None = None
    end_ns: int | None = None
    params: dict[str, Any] | None = None

    @property
    def cl_ord_id(self) -> ClOrdID:
        return self.parent_id


class Quoted(Struct, frozen=True):
    """The market of a symbol changed."""

    symbol: str


class Pen(Protocol):
    """The writer, as far as it is needed here."""

    state: State
    is_open: bool
    now: datetime
    effects: list[Callable[[], None]]
    replies: list[tuple[Any, Any]]

    def put(self, messages: list[JournalMessage]) -> None: ...


class Steward:
    """Steps the parents whose children changed, once the item that changed them is applied.

    Nothing is asked before the desk opened: until then nobody knows what the children did.
    """

    def __init__(self, pen: Pen, rules: decide.Rules, catalog: Catalog, board: Board) -> None:
        self._pen = pen
        self._rules = rules
        self._catalog = catalog
        self._board = board
        self._dirty: dict[ClOrdID, None] = {}
        self._orphans: dict[ClOrdID, None] = {}
        self._has_begun = False
        self._timer_changed: Callable[[], None] = board.nothing
        self._switched: Callable[[], None] = board.nothing
        self.takers: dict[type, Callable[[Any, Any], None]] = {
            SubmitParent: self._submit,
            SwitchParent: self._switch,
            ReplaceParent: self._replace,
            Quoted: self._quoted,
        }

    def wire(self, timer_changed: Callable[[], None], switched: Callable[[], None]) -> None:
        """Whom to tell that a timer was set, and that trading was stopped."""
        self._timer_changed, self._switched = timer_changed, switched

    def saw(self, message: JournalMessage, order: Order | None) -> None:
        """A message was applied; the order is the one that it is about."""
        if order is None:
            if type(message) is KillSwitched and message.by == "floorbroker":
                self._pen.effects.append(self._switched)
            return
        parent = self._pen.state.parents.of(order.cl_ord_id)
        if parent is None:
            return
        if parent.state.is_ended:
            self._orphans[order.cl_ord_id] = None
        elif type(message) not in _QUIET:
            self._dirty[parent.parent_id] = None
        self._show(parent)

    def due(self, timer_id: str) -> bool:
        """Whether the timer is a parent's; then it is asked."""
        for prefix in (TIMER, WAKE):
            if timer_id.startswith(prefix):
                self._dirty[ClOrdID(timer_id.removeprefix(prefix))] = None
                return True
        return False

    def settle(self) -> None:
        """Step whoever has news, until nobody has."""
        if not self._has_begun:
            if not self._pen.is_open:
                return
            self._has_begun = True
            self._dirty |= dict.fromkeys(self._pen.state.parents.live)
        for _ in range(_ROUNDS_MAX):
            if not self._dirty and not self._orphans:
                return
            dirty, self._dirty = self._dirty, {}
            for parent_id in dirty:
                parent = self._pen.state.parents.live.get(parent_id)
                if parent is not None:
                    self._step(parent)
            self._take_back()

    def _step(self, parent: Parent) -> None:
        """Write the step down, then carry out its commands: each sees what the one before
        reserved."""
        pen, now_ns = self._pen, ns_of(self._pen.now)
        floor = Floor(
            state=pen.state,
            rules=self._rules,
            catalog=self._catalog,
            now=pen.now,
            is_open=pen.is_open,
        )
        step = stepped(floor, parent, self._board.market(parent, now_ns))
        pen.put(step.messages)
        algorithm = self._catalog.get(parent.order.algo)
        in_auctions = algorithm is not None and algorithm.in_auctions
        refused = parent.refused_in_a_row
        for asked in step.commands:
            seen = parent_seen(floor, parent, in_auctions=in_auctions)
            around = self._board.around(parent, seen, now_ns)
            pen.put(carried(floor, parent, asked, around))
        if parent.refused_in_a_row > refused:
            self._dirty[parent.parent_id] = None
        self._tell(parent)
        self._wake(parent, step.wake_ns)
        if step.messages:
            pen.effects.append(self._timer_changed)
            self._show(parent)
            if any(type(one) is ParentSwitched for one in step.messages):
                self._dirty[parent.parent_id] = None

    def _wake(self, parent: Parent, wake_ns: int | None) -> None:
        """Who only waits on is asked again without a record: a start asks everybody anyway."""
        timer_id = f"{WAKE}{parent.parent_id}"
        if wake_ns is None or parent.state.is_ended:
            self._board.wakes.pop(timer_id, None)
        else:
            self._board.wakes[timer_id] = due_at(wake_ns)
            self._pen.effects.append(self._timer_changed)

    def _tell(self, parent: Parent) -> None:
        """Somebody should look at a parent whose children are refused again and again."""
        count, name = parent.refused_in_a_row, parent.parent_id
        if count >= _REFUSED_MAX and not parent.has_alarmed:
            text = f"{count} children of {name} in a row were not taken: {parent.refusal}"
            now = self._pen.now
            alarm = Alarm(name=CHILDREN_REFUSED, text=text, cl_ord_id=name, transact_time=now)
            self._pen.put([alarm])

    def by_hand(self, cl_ord_id: ClOrdID) -> None:
        """Somebody took a child back himself: its parent sends no other until he says so."""
        parent = self._pen.state.parents.of(cl_ord_id)
        if parent is not None and parent.state is ParentState.WORKING:
            self._pen.put([paused(parent, f"{cl_ord_id} was canceled by hand", self._pen.now)])
            self._dirty[parent.parent_id] = None

    def check_change(self, cl_ord_id: ClOrdID) -> None:
        """Raises InvalidOrder where somebody would change a child behind its parent's back."""
        parent = self._pen.state.parents.of(cl_ord_id)
        if parent is not None and not parent.state.is_ended:
            hint = f"it is a child of {parent.parent_id}; replace or cancel that"
            raise InvalidOrder("cl_ord_id", cl_ord_id, hint)

    def _take_back(self) -> None:
        """Children that turned up after the end of their parent."""
        orphans, self._orphans = self._orphans, {}
        for name in orphans:
            order = self._pen.state.book.orders.get(name)
            if order is not None and order.order_id is not None:
                self._pen.put(decide.cancel(self._pen.state, name, self._pen.now))

    def _show(self, parent: Parent) -> None:
        self._pen.effects.append(partial(self._board.show, parent, self._pen.state))

    # Commands

    def _submit(self, item: SubmitParent, reply: Any) -> None:
        order, parents = item.order, self._pen.state.parents
        if parents.find(order.parent_id) or self._pen.state.book.find(order.parent_id):
            raise DuplicateClOrdID(f"parent_id: {order.parent_id} was used before")
        self._check(Parent(order=order, most_qty=order.qty))
        if order.end_ns <= ns_of(self._pen.now):
            hint = f"it must be later than now, {in_words(ns_of(self._pen.now))}"
            raise InvalidOrder("end", in_words(order.end_ns), hint)
        self._pen.put([order])
        self._changed(order.parent_id, reply)

    def _check(self, parent: Parent) -> None:
        """Raises InvalidOrder for what can never be worked."""
        if is_coin_pair(parent.order.symbol):
            hint = "coins are not worked by algorithms; place orders"
            raise InvalidOrder("symbol", parent.order.symbol, hint)
        self._check_listed(parent)
        if parent.order.account != self._rules.account:
            hint = f"this desk trades {self._rules.account}"
            raise InvalidOrder("account", parent.order.account, hint)
        request = request_of(parent)
        checked(self._catalog, request)
        algorithm = named(self._catalog, request.algo)
        admitted(algorithm, request, self._board.market(parent, ns_of(self._pen.now)))

    def _check_listed(self, parent: Parent) -> None:
        """What the broker has told of the instrument, if it has."""
        order, seen = parent.order, self._board.seen.get(parent.order.symbol)
        told = None if seen is None else seen.around.get(order.side)
        known = None if told is None else told.known
        if known is not None and known.instrument.value is None:
            raise InvalidOrder("symbol", order.symbol, "the broker lists no such instrument")

    def _switch(self, item: SwitchParent, reply: Any) -> None:
        parent = self._found(item.parent_id)
        if parent.state is ParentState.CANCELING and item.to is not ParentState.CANCELING:
            raise InvalidOrder("parent_id", item.parent_id, "it is being canceled")
        if parent.state is not item.to:
            switched = ParentSwitched(
                parent_id=item.parent_id,
                to=item.to,
                by=item.by,
                reason=item.reason,
                transact_time=self._pen.now,
            )
            self._pen.put([switched])
        self._changed(item.parent_id, reply)

    def _replace(self, item: ReplaceParent, reply: Any) -> None:
        parent = self._found(item.parent_id)
        message = ParentReplaced(
            parent_id=item.parent_id,
            qty=item.qty,
            limit=item.limit,
            end_ns=item.end_ns,
            params=item.params,
            transact_time=self._pen.now,
        )
        if item.qty is not None and item.qty < parent.filled:
            raise InvalidOrder("qty", item.qty, f"{parent.filled} are filled; cancel the rest")
        if item.end_ns is not None and item.end_ns <= ns_of(self._pen.now):
            hint = "it must be later than now; or cancel it"
            raise InvalidOrder("end", in_words(item.end_ns), hint)
        self._check(parent.changed(message))
        self._pen.put([message])
        self._changed(item.parent_id, reply)

    def _found(self, parent_id: ClOrdID) -> Parent:
        parent = self._pen.state.parents.live.get(parent_id)
        if parent is None:
            raise UnknownOrder(f"parent_id: {parent_id} is no live parent order here")
        return parent

    def _quoted(self, item: Quoted, _: Any) -> None:
        for parent in self._pen.state.parents.live.values():
            algorithm = self._catalog.get(parent.order.algo)
            is_keen = algorithm is not None and algorithm.on_quote
            if is_keen and parent.order.symbol == item.symbol:
                self._dirty[parent.parent_id] = None

    def _changed(self, parent_id: ClOrdID, reply: Any) -> None:
        self._dirty[parent_id] = None
        self._show(self._found(parent_id))
        self._pen.effects.append(self._board.changed)
        if reply is not None:
            self._pen.replies.append((reply, None))
