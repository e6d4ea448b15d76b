"""One step of a parent order: its end, or what its algorithm decides. Pure."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from floorbroker.clock import ns_of
from floorbroker.domain.amounts import ZERO_QTY
from floorbroker.domain.books.parents import ParentEnded, ParentState, ParentStep, ParentSwitched
from floorbroker.domain.errors import Refused
from floorbroker.domain.ids import ClOrdID, child_id
from floorbroker.domain.messages import Alarm, JournalMessage
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Pending
from floorbroker.domain.terms import OrdType
from floorbroker.engine import decide
from floorbroker.engine.gates import gate
from floorbroker.engine.standing.parents import Parent, leaves_of
from floorbroker.engine.state import State
from floorbroker.execution import rails
from floorbroker.execution.algos.port import (
    Algorithm,
    CancelChild,
    ChildCommand,
    ChildState,
    Decision,
    MarketView,
    NewChild,
    OpenChild,
    ParentRequest,
    ParentView,
)
from floorbroker.execution.catalog import Catalog, named, params_of

Messages = list[JournalMessage]
#: By whom a parent is paused that no person paused.
BY = "the desk"


class Floor(Struct, frozen=True, kw_only=True):
    """What a step depends on besides the parent."""

    state: State
    rules: decide.Rules
    catalog: Catalog
    now: datetime
    is_open: bool  #: Whether a new order would be sent now.


class Step(Struct, frozen=True):
    """What is written down at once, and what is then asked of each child, one after the other."""

    messages: Messages
    commands: tuple[tuple[ClOrdID, ChildCommand], ...] = ()
    wake_ns: int | None = None  #: When to ask again, where nothing but that is new.


def request_of(parent: Parent) -> ParentRequest:
    """The parent's terms in the words of algorithms."""
    order = parent.order
    return ParentRequest(
        side=order.side,
        symbol=order.symbol,
        qty=order.qty,
        algo=order.algo,
        start_ns=order.start_ns,
        end_ns=order.end_ns,
        limit=order.limit,
        params=order.params,
        account=order.account,
    )


def stepped(floor: Floor, parent: Parent, market: MarketView) -> Step:
    """What follows for the parent now: its end, or a step and what it asks of its children.

    An algorithm that raises pauses its parent; nobody else minds.
    """
    ended = _ended(floor, parent)
    if ended is not None:
        return Step([ended])
    try:
        algorithm = named(floor.catalog, parent.order.algo)
        view = view_of(floor, parent, algorithm)
        decision = rails.step(algorithm, view, market, ns_of(floor.now))
    except Exception as problem:  # noqa: BLE001  (an algorithm may be anybody's)
        if parent.state is not ParentState.WORKING:
            return _plain(floor, parent)
        return _failed(floor, parent, problem)
    return _step(floor, parent, decision)


def paused(parent: Parent, text: str, now: datetime) -> ParentSwitched:
    """Nobody but the desk paused it."""
    return ParentSwitched(
        parent_id=parent.parent_id, to=ParentState.PAUSED, by=BY, reason=text, transact_time=now
    )


def _failed(floor: Floor, parent: Parent, problem: Exception) -> Step:
    text = f"{parent.order.algo} raised {type(problem).__name__}: {problem}"
    now, name = floor.now, parent.parent_id
    alarm = Alarm(name="algorithm_failed", text=text, cl_ord_id=name, transact_time=now)
    taken_back = _plain(floor, parent)
    return Step([paused(parent, text, now), alarm, *taken_back.messages], taken_back.commands)


def _plain(floor: Floor, parent: Parent) -> Step:
    """Without its algorithm: children are taken back."""
    commands = rails.taken_back(view_of(floor, parent, _NOBODY), "paused")
    return _step(floor, parent, Decision(commands=commands, why="paused"))


_NOBODY = Algorithm(decide=lambda *_: Decision())


def _ended(floor: Floor, parent: Parent) -> ParentEnded | None:
    """The parent's end, once no child can fill any more."""
    if parent.open:
        return None
    if parent.filled >= parent.order.qty:
        outcome, text = ParentState.DONE, ""
        if parent.filled > parent.order.qty:
            text = f"{parent.filled} filled of {parent.order.qty}"
    elif parent.state is ParentState.CANCELING:
        outcome, text = ParentState.CANCELED, parent.reason
    elif ns_of(floor.now) >= parent.order.end_ns:
        outcome, text = ParentState.EXPIRED, parent.reason or parent.refusal or parent.why
    else:
        return None
    return ParentEnded(
        parent_id=parent.parent_id,
        outcome=outcome,
        filled=parent.filled,
        cost=parent.cost,
        text=text,
        transact_time=floor.now,
    )


def view_of(floor: Floor, parent: Parent, algorithm: Algorithm) -> ParentView[Any]:
    """The parent as its algorithm sees it."""
    params: Any = None
    if algorithm is not _NOBODY:
        params = params_of(algorithm.params, parent.order.params)
    return ParentView(
        request=request_of(parent),
        params=params,
        filled=max(parent.filled, ZERO_QTY),
        children=tuple(_child(floor.state, parent, name) for name in parent.open),
        is_paused=parent.state is not ParentState.WORKING,
        blocked=_blocked(floor, parent),
        memo=parent.memo,
        revision=parent.revision,
        sent_children=parent.count,
        last_sent_ns=parent.last_sent_ns,
        last_ended_ns=parent.last_ended_ns,
        refused_in_a_row=parent.refused_in_a_row,
    )


def _blocked(floor: Floor, parent: Parent) -> str:
    """Why no order may leave now, whatever its size and price."""
    if not floor.is_open:
        return "the desk sends no new orders now"
    order = parent.order
    more = order.qty - parent.filled - parent.leaves_of(floor.state.book)
    if more <= 0:
        return ""
    asked = OrderRequest(
        symbol=order.symbol,
        side=order.side,
        ord_type=OrdType.MARKET,
        order_qty=more,
        strategy=order.strategy,
    )
    try:
        gate.check(floor.state, asked, floor.rules.settings)
    except Refused as refusal:
        return str(refusal)
    return ""


def _child(state: State, parent: Parent, name: ClOrdID) -> OpenChild:
    order, kept = state.book.orders[name], parent.children[name]
    request = order.request
    return OpenChild(
        cl_ord_id=name,
        order_qty=request.order_qty or ZERO_QTY,
        cum_qty=order.cum_qty,
        leaves_qty=leaves_of(state.book, name),
        ord_type=request.ord_type,
        price=request.price,
        time_in_force=request.time_in_force,
        state=_state_of(order),
        tag=kept.word,
        decided_ns=kept.decided_ns,
        priced_ns=kept.priced_ns,
    )


_PENDING = (OrdStatus.CREATED, OrdStatus.SENT, OrdStatus.PENDING_NEW)


def _state_of(order: Order) -> ChildState:
    if order.venue_status is OrdStatus.UNKNOWN:
        return ChildState.UNKNOWN
    is_asked = order.pending in (Pending.CANCEL, Pending.REPLACE)
    if order.venue_status in _PENDING or is_asked or order.order_id is None:
        return ChildState.PENDING
    return ChildState.WORKING


def _step(floor: Floor, parent: Parent, decision: Decision) -> Step:
    """The step and its commands, each with the child that it is about; nothing where it says
    nothing new."""
    commands, children, count = [], {}, parent.count
    for command in decision.commands:
        if isinstance(command, NewChild):
            count += 1
            name = child_id(parent.parent_id, count)
            children[name] = command.word
        else:
            name = command.cl_ord_id
            if not isinstance(command, CancelChild):
                children[name] = command.word
        commands.append((name, command))
    for name in _unsent(floor, parent):
        commands.append((name, CancelChild(cl_ord_id=name)))
    memo = None if decision.memo is None else dict(decision.memo)
    told = ParentStep(
        parent_id=parent.parent_id,
        count=count,
        children=children,
        memo=None if memo == parent.memo else memo,
        target=decision.target,
        why=decision.why,
        wake_ns=decision.wake_ns,
        withheld=decision.withheld,
        transact_time=floor.now,
    )
    is_same = (told.why, told.target) == (parent.why, parent.target) and told.memo is None
    if is_same and not commands:
        return Step([], wake_ns=decision.wake_ns)
    return Step([told], tuple(commands))


def _unsent(floor: Floor, parent: Parent) -> list[ClOrdID]:
    """Children that wait for their turn and may not have it any more."""
    is_over = ns_of(floor.now) >= parent.order.end_ns
    if parent.state is ParentState.WORKING and not is_over:
        return []
    orders = (floor.state.book.orders[name] for name in parent.open)
    return [one.cl_ord_id for one in orders if one.venue_status is OrdStatus.CREATED]
