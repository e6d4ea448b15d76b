"""What follows from a command or a report: `(state, command, rules, now) -> messages`, pure.

A refusal is an exception to the caller and a message to the journal: these functions raise
`Refused`, and the loop writes it down as BusinessMessageReject before the caller hears of it.
Facts are never refused; a fact that is no news leads to no message.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from floorbroker.brokers import order_rules
from floorbroker.brokers.port import Capabilities
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import DuplicateClOrdID, InvalidOrder, Refused, UnknownOrder
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import (
    Alarm,
    BusinessMessageReject,
    JournalMessage,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderExpiredUnsent,
    OrderNotPlaced,
    OrderReject,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RequestUndelivered,
    TimerFired,
    TimerSet,
)
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Pending, TimeInForce
from floorbroker.domain.terms import validate
from floorbroker.engine.book.book import Asked, Book, Phase, successor_id
from floorbroker.engine.book.reported import changed_request
from floorbroker.engine.gates import conserved, gate, halted, risk
from floorbroker.engine.gates.again import may_go_again
from floorbroker.engine.gates.risk import NOTHING_AROUND, Around, Sight
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State

Messages = list[JournalMessage]

#: Begins the timer of an order that was found not placed and is still looked for.
GHOST = "ghost:"


class Rules(Struct, frozen=True, kw_only=True):
    """What decisions depend on besides the state: whose orders, and what the broker can do."""

    account: Account
    capabilities: Capabilities
    settings: EngineSettings


class Submit(Struct, frozen=True, kw_only=True):
    """Place an order. `was_used`: the journal has an ended order of this ClOrdID. `around` was
    found out before; an instrument of which nothing recent was told is the broker's to judge."""

    cl_ord_id: ClOrdID
    request: OrderRequest
    was_used: bool = False
    known: order_rules.Known | None = None  #: Of the instrument, where `around` does not tell.
    around: Around = NOTHING_AROUND


class Change(Struct, frozen=True, kw_only=True):
    """What a replace changes; None leaves a field as it is."""

    order_qty: Qty | None = None
    price: Px | None = None
    stop_px: Px | None = None
    trail: Decimal | None = None
    time_in_force: TimeInForce | None = None


class Cancel(Struct, frozen=True):
    cl_ord_id: ClOrdID


class Replace(Struct, frozen=True):
    cl_ord_id: ClOrdID
    change: Change
    around: Around = NOTHING_AROUND


class Release(Struct, frozen=True):
    """There may be room for requests that wait; with `is_open` also for new orders."""

    is_open: bool | None = None  #: None leaves it as it is.


class NotPlaced(Struct, frozen=True):
    """The evidence that the broker never had this order is complete."""

    cl_ord_id: ClOrdID
    evidence: str


class Resend(Struct, frozen=True):
    """A request should be made now, if it is still wanted."""

    kind: RequestKind
    cl_ord_id: ClOrdID


class Missing(Struct, frozen=True):
    """The broker goes on counting executions that it does not list."""

    cl_ord_id: ClOrdID
    text: str


class Due(Struct, frozen=True):
    """The timer's time has come."""

    timer_id: str


class LookForStuck(Struct, frozen=True):
    """Cancels that the broker took long ago and did not carry out deserve an alarm."""


class Record(Struct, frozen=True):
    """Messages that are decided already: write them down."""

    messages: tuple[JournalMessage, ...]


class Barrier(Struct, frozen=True):
    """Everything before this is durable once it is answered."""


class Resume(Struct, frozen=True):
    """After a replay: take up again what was left open."""


Outcome = RequestUndelivered | RequestUnanswered | OrderReject | OrderCancelReject


def submit(state: State, command: Submit, rules: Rules, now: datetime) -> Messages:
    """INTENT, or a refusal: InvalidOrder, DuplicateClOrdID, Halted, RiskDenied."""
    cl_ord_id, request = command.cl_ord_id, command.request
    known = command.known or command.around.known
    if command.was_used or state.book.find(cl_ord_id) or cl_ord_id in state.book.ended:
        raise DuplicateClOrdID(f"cl_ord_id: {cl_ord_id} was used before; ids are never reused")
    if request.account not in (None, rules.account):
        raise InvalidOrder("account", request.account, f"this desk trades {rules.account}")
    if len(cl_ord_id) > rules.capabilities.cl_ord_id_max:
        hint = f"{rules.capabilities.name} takes {rules.capabilities.cl_ord_id_max} characters"
        raise InvalidOrder("cl_ord_id", cl_ord_id, hint)
    validate(request)
    gate.check(state, request, rules.settings)
    if rules.capabilities.orders is not None:
        order_rules.check(request, rules.capabilities.orders)
        if known is not None:
            order_rules.check_known(request, rules.capabilities.orders, known, now)
    return [
        NewOrderSingle(
            cl_ord_id=cl_ord_id,
            account=rules.account,
            order=request,
            ref_px=risk.check(Sight(state, rules.settings, command.around, now), request),
            transact_time=now,
        )
    ]


def cancel(state: State, cl_ord_id: ClOrdID, now: datetime) -> Messages:
    """The wish for a cancel; none where it is already wished. An unsent order ends at once."""
    order = state.book.find(cl_ord_id)
    if order is None:
        raise UnknownOrder(f"cl_ord_id: {cl_ord_id} is no live order here")
    if order.venue_status is OrdStatus.CREATED:
        text = "canceled before it was sent"
        return [OrderExpiredUnsent(cl_ord_id=cl_ord_id, text=text, transact_time=now)]
    if cl_ord_id in state.book.cancels:
        return []
    return [OrderCancelRequest(cl_ord_id=cl_ord_id, transact_time=now)]


def replacement(
    state: State,
    cl_ord_id: ClOrdID,
    change: Change,
    *,
    rules: Rules,
    now: datetime,
    around: Around = NOTHING_AROUND,
) -> Messages:
    """The wish for a replace; InvalidOrder, UnknownOrder or RiskDenied where it cannot be had."""
    halted.check_change(state)
    order = state.book.orders.get(cl_ord_id)
    if order is None:
        raise UnknownOrder(f"cl_ord_id: {cl_ord_id} is no live order of this desk")
    _check_replaceable(order, rules)
    wire_id = successor_id(order)
    if len(wire_id) > rules.capabilities.cl_ord_id_max:
        hint = f"its successor {wire_id} would be too long for {rules.capabilities.name}"
        raise InvalidOrder("cl_ord_id", cl_ord_id, hint)
    wanted = OrderCancelReplaceRequest(
        cl_ord_id=cl_ord_id,
        wire_id=wire_id,
        order_qty=change.order_qty,
        price=change.price,
        stop_px=change.stop_px,
        trail=change.trail,
        time_in_force=change.time_in_force,
        transact_time=now,
    )
    _check_terms(order, wanted)
    after = changed_request(order.request, wanted)
    if rules.capabilities.orders is not None:
        order_rules.check_change(change.order_qty, order.symbol, rules.capabilities.orders)
        order_rules.check(after, rules.capabilities.orders)
    risk.check_change(Sight(state, rules.settings, around, now), order, after)
    return [wanted]


def _check_replaceable(order: Order, rules: Rules) -> None:
    if not rules.capabilities.can_replace:
        raise InvalidOrder(
            "cl_ord_id", order.cl_ord_id, f"{rules.capabilities.name} replaces none"
        )
    if order.order_id is None or order.venue_status in (OrdStatus.SENT, OrdStatus.UNKNOWN):
        hint = "it can be replaced once the broker has reported it"
        raise InvalidOrder("ord_status", order.ord_status, hint)
    if order.pending is Pending.CANCEL:
        raise InvalidOrder("ord_status", order.ord_status, "a cancel is on its way")
    if order.pending is Pending.REPLACE:
        raise InvalidOrder("ord_status", order.ord_status, "one replace at a time")
    if order.request.order_qty is None:
        raise InvalidOrder("notional", order.request.notional, "such an order is never replaced")


def _check_terms(order: Order, wanted: OrderCancelReplaceRequest) -> None:
    request = changed_request(order.request, wanted)
    if wanted.trail is not None and (
        order.request.trail_amount is None and order.request.trail_percent is None
    ):
        raise InvalidOrder("trail", wanted.trail, f"a {order.ord_type} order takes none")
    if request == order.request:
        raise InvalidOrder("order_qty", order.order_qty, "nothing would change; give a new term")
    validate(request)
    if request.order_qty is not None and request.order_qty <= order.cum_qty:
        hint = f"{order.cum_qty} are filled; give more, or cancel the rest"
        raise InvalidOrder("order_qty", request.order_qty, hint)


def send(
    state: State, kind: RequestKind, name: ClOrdID, *, settings: EngineSettings, now: datetime
) -> Messages:
    """SEND, now that the broker may be asked; nothing where the request is no longer wanted."""
    instead = halted.withheld(state, kind, name, now) or conserved.instead(state, kind, name, now)
    if instead:
        return instead
    if kind is RequestKind.NEW:
        return _send_new(state, name, settings, now)
    order = state.book.find(name)
    asked = _asked(state.book, kind).get(name)
    if order is None or order.order_id is None or asked is None:
        return []
    if asked.phase not in _SENDABLE[kind]:
        return []
    # A replace is numbered over the order's life, so that no answer is taken for another's.
    attempt = asked.attempt + 1 if kind is RequestKind.CANCEL else order.replaces_asked
    return [RequestSent(cl_ord_id=name, request=kind, attempt=attempt, transact_time=now)]


#: A cancel that may have arrived may be repeated; a replace may not.
_SENDABLE = {
    RequestKind.CANCEL: (Phase.WANTED, Phase.UNANSWERED),
    RequestKind.REPLACE: (Phase.WANTED,),
}


#: Without and with the policy to send again what was proven never placed.
_SENDABLE_NEW = ((OrdStatus.CREATED,), (OrdStatus.CREATED, OrdStatus.UNKNOWN))


def _send_new(state: State, name: ClOrdID, settings: EngineSettings, now: datetime) -> Messages:
    order = state.book.orders.get(name)
    if order is None or order.venue_status not in _SENDABLE_NEW[settings.resend_unknown]:
        return []
    age, ttl_s = now - order.created_time, settings.lifetime_s(order.request)
    if age.total_seconds() > ttl_s:
        if order.venue_status is OrdStatus.UNKNOWN:
            return []  # it may have been sent: only evidence ends it
        text = f"it waited {age.total_seconds():.0f} s, longer than {ttl_s:.0f} s"
        return [OrderExpiredUnsent(cl_ord_id=name, text=text, transact_time=now)]
    attempt = order.attempt + 1
    new = RequestKind.NEW
    return [RequestSent(cl_ord_id=name, request=new, attempt=attempt, transact_time=now)]


def outcome(state: State, sent: RequestSent, found: Outcome) -> Messages:
    """What became of the request, unless better news has overtaken it."""
    order = state.book.find(found.cl_ord_id)
    if order is None:
        return []
    if isinstance(found, OrderReject):
        return _refused(order, found)
    if sent.request is not RequestKind.NEW:
        asked = _asked(state.book, sent.request).get(found.cl_ord_id)
        if asked is None or asked.phase is not Phase.SENT or asked.attempt != sent.attempt:
            return []
        return [found]
    is_answered = order.venue_status is not OrdStatus.SENT or order.attempt != sent.attempt
    return [] if is_answered else [found]


def given_up(cl_ord_id: ClOrdID, text: str, now: datetime) -> OrderCancelReject:
    """A replace that was never sent, and will not be."""
    kind = RequestKind.REPLACE
    return OrderCancelReject(cl_ord_id=cl_ord_id, request=kind, text=text, transact_time=now)


def replace_failed(state: State, found: OrderCancelReject) -> Messages:
    """The evidence is complete that the broker never had the replace."""
    asked = state.book.replaces.get(found.cl_ord_id)
    return [found] if asked is not None and asked.phase is Phase.UNANSWERED else []


def _asked(book: Book, kind: RequestKind) -> dict[ClOrdID, Asked]:
    return book.cancels if kind is RequestKind.CANCEL else book.replaces


def _refused(order: Order, found: OrderReject) -> Messages:
    """A refusal ends the order only if no earlier attempt may have arrived, and nothing was heard
    of the order: after an ambiguous attempt a refusal of a later one proves nothing."""
    if order.venue_status is OrdStatus.SENT:
        return [found]
    if order.venue_status is not OrdStatus.UNKNOWN:
        return []
    return [
        RequestUnanswered(
            cl_ord_id=found.cl_ord_id,
            request=RequestKind.NEW,
            attempt=order.attempt,
            text=f"refused ({found.text}), but an earlier attempt may have arrived",
            transact_time=found.transact_time,
        )
    ]


def not_placed(state: State, found: NotPlaced, rules: Rules, now: datetime) -> Messages:
    """The evidence is complete that the broker never had the order: go on watching for a ghost,
    or, where the policy says so, let it go again."""
    name, settings = found.cl_ord_id, rules.settings
    order = state.book.orders.get(name)
    if order is None or order.venue_status is not OrdStatus.UNKNOWN:
        return []
    if may_go_again(state, order, rules.capabilities, settings=settings, now=now):
        return [
            RequestUndelivered(
                cl_ord_id=name,
                request=RequestKind.NEW,
                attempt=order.attempt,
                text=found.evidence,
                transact_time=now,
            )
        ]
    due = now + timedelta(seconds=settings.ghost_grace_s)
    return [
        OrderNotPlaced(cl_ord_id=name, text=found.evidence, transact_time=now),
        TimerSet(timer_id=f"{GHOST}{name}", due_time=due, transact_time=now),
    ]


def watch_ghost(
    timer_id: str, ended: datetime | None, *, watch_s: float, now: datetime
) -> Messages:
    """The timer of an order that was not placed, `ended` if it still is: when to look again."""
    messages: Messages = [TimerFired(timer_id=timer_id, transact_time=now)]
    if ended is not None and now - ended <= timedelta(seconds=watch_s):
        due = now + max(now - ended, timedelta(seconds=1))  # the waits double
        messages.append(TimerSet(timer_id=timer_id, due_time=due, transact_time=now))
    return messages


def refused(command: object, refusal: Refused, now: datetime) -> JournalMessage:
    """The refusal of a command, for the audit."""
    return BusinessMessageReject(
        command=getattr(command, "verb", type(command).__name__.lower()),
        text=str(refusal),
        cl_ord_id=getattr(command, "cl_ord_id", None),
        symbol=command.request.symbol if isinstance(command, Submit) else "",
        control=getattr(refusal, "control", ""),
        transact_time=now,
    )


def missing(found: Missing, now: datetime) -> Alarm:
    """Somebody should look at what the broker counts and does not list."""
    name, text = "missing_executions", found.text
    return Alarm(name=name, text=text, cl_ord_id=found.cl_ord_id, transact_time=now)
