"""One step of a parent order: its algorithm is asked, and its commands become orders. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from floorbroker.clock import ns_of
from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.books.parents import ParentEnded, ParentState, ParentStep, ParentSwitched
from floorbroker.domain.errors import Refused
from floorbroker.domain.ids import ClOrdID, child_id
from floorbroker.domain.messages import Alarm, JournalMessage
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Pending
from floorbroker.engine import decide
from floorbroker.engine.gates import conserved, gate
from floorbroker.engine.standing.parents import Parent, leaves_of
from floorbroker.engine.state import State
from floorbroker.execution import rails
from floorbroker.execution.algos.port import (
    Algorithm,
    ChildState,
    Decision,
    MarketView,
    NewChild,
    OpenChild,
    ParentRequest,
    ParentView,
    ReplaceChild,
)
from floorbroker.execution.catalog import Catalog, named, params_of

Messages = list[JournalMessage]
#: The market of a parent's symbol as it is known now.
Market = Callable[[Parent], MarketView]


class Floor(Struct, frozen=True, kw_only=True):
    """What a step depends on besides the parent."""

    state: State
    rules: decide.Rules
    catalog: Catalog
    now: datetime
    is_open: bool  #: Whether a new order would be sent now.


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


def stepped(floor: Floor, parent: Parent, market: MarketView) -> Messages:
    """What follows for the parent now: its end, or a step with its children's messages.

    An algorithm that raises pauses its parent; nobody else minds.
    """
    ended = _ended(floor, parent)
    if ended is not None:
        return [ended]
    try:
        algorithm = named(floor.catalog, parent.order.algo)
        view = view_of(floor, parent, algorithm)
        decision = rails.step(algorithm, view, market, ns_of(floor.now))
    except Exception as problem:  # noqa: BLE001  (an algorithm may be anybody's)
        if parent.state is not ParentState.WORKING:
            return _plain(floor, parent)
        return _failed(floor, parent, problem)
    return _carried_out(floor, parent, decision)


def _failed(floor: Floor, parent: Parent, problem: Exception) -> Messages:
    text = f"{parent.order.algo} raised {type(problem).__name__}: {problem}"
    now, name = floor.now, parent.parent_id
    paused = ParentSwitched(
        parent_id=name, to=ParentState.PAUSED, by="floorbroker", reason=text, transact_time=now
    )
    return [
        paused,
        Alarm(name="algorithm_failed", text=text, cl_ord_id=name, transact_time=now),
        *_plain(floor, parent),
    ]


def _plain(floor: Floor, parent: Parent) -> Messages:
    """Without its algorithm: children are taken back."""
    commands = rails.taken_back(view_of(floor, parent, _NOBODY), "paused")
    return _carried_out(floor, parent, Decision(commands=commands, why="paused"))


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
        outcome, text = ParentState.EXPIRED, parent.why
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
    if not floor.is_open:
        return "the desk sends no new orders now"
    order = parent.order
    more = order.qty - parent.filled - parent.leaves_of(floor.state.book)
    if more <= 0:
        return ""
    try:
        asked = OrderRequest.market(order.side, more, order.symbol)
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


class _Made(Struct):
    """What the commands of one decision lead to."""

    messages: Messages
    children: dict[ClOrdID, str]
    withheld: list[str]
    count: int
    more: Qty = ZERO_QTY
    refused: int = 0


def _carried_out(floor: Floor, parent: Parent, decision: Decision) -> Messages:
    """The step, then the messages of its children, all of one batch; nothing where it says
    nothing new."""
    made = _Made([], {}, list(decision.withheld), parent.count)
    for command in decision.commands:
        try:
            if isinstance(command, NewChild):
                _new(floor, parent, command, made)
            elif isinstance(command, ReplaceChild):
                _replace(floor, command, made)
            else:
                made.messages += decide.cancel(floor.state, command.cl_ord_id, floor.now)
        except Refused as refusal:
            made.withheld.append(str(refusal))
            made.refused += isinstance(command, NewChild)
    made.messages += _unsent(floor, parent)
    memo = None if decision.memo is None else dict(decision.memo)
    step = ParentStep(
        parent_id=parent.parent_id,
        count=made.count,
        children=made.children,
        memo=None if memo == parent.memo else memo,
        target=decision.target,
        why=decision.why,
        wake_ns=decision.wake_ns,
        refused=made.refused,
        withheld=tuple(made.withheld),
        transact_time=floor.now,
    )
    over = conserved.breach(floor.state, parent, made.more, floor.now)
    if over:
        return over
    is_same = (step.why, step.wake_ns, step.target) == (parent.why, parent.wake_ns, parent.target)
    if is_same and not made.messages and step.memo is None and not made.refused:
        return []
    return [step, *made.messages]


def _new(floor: Floor, parent: Parent, command: NewChild, made: _Made) -> None:
    name = child_id(parent.parent_id, made.count + 1)
    order = parent.order
    request = OrderRequest(
        symbol=order.symbol,
        side=order.side,
        ord_type=command.ord_type,
        time_in_force=command.time_in_force,
        order_qty=command.qty,
        price=command.price,
    )
    asked = decide.Submit(cl_ord_id=name, request=request)
    messages = decide.submit(floor.state, asked, floor.rules, floor.now)
    made.messages += messages
    made.children[name] = command.word
    made.count += 1
    made.more += command.qty


def _replace(floor: Floor, command: ReplaceChild, made: _Made) -> None:
    change = decide.Change(order_qty=command.order_qty, price=command.price)
    name, rules, now = command.cl_ord_id, floor.rules, floor.now
    made.messages += decide.replacement(floor.state, name, change, rules=rules, now=now)
    made.children[name] = command.word
    if command.order_qty is not None:
        order = floor.state.book.orders[name]
        held = order.cum_qty + leaves_of(floor.state.book, name)
        made.more += max(command.order_qty - held, ZERO_QTY)


def _unsent(floor: Floor, parent: Parent) -> Messages:
    """The end of children that wait for their turn and may not have it any more."""
    is_over = ns_of(floor.now) >= parent.order.end_ns
    if parent.state is ParentState.WORKING and not is_over:
        return []
    orders = (floor.state.book.orders[name] for name in parent.open)
    waiting = [one.cl_ord_id for one in orders if one.venue_status is OrdStatus.CREATED]
    return [one for name in waiting for one in decide.cancel(floor.state, name, floor.now)]
