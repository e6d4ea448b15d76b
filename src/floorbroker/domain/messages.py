"""FIX-named commands and reports: the only things that are ever journaled.

A message is a fact in the past tense, so it may be replayed but never refused. Fields are written
in declaration order, unless they hold their default, and never renamed; a new field has a default,
so that old journals decode. A default never changes, because it stands in no record.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from floorbroker.domain.amounts import Money, Px, Qty, decode_amount, encode_amount, recall_amount
from floorbroker.domain.books.breaks import Break as Break
from floorbroker.domain.books.breaks import BreakCause as BreakCause
from floorbroker.domain.books.breaks import BreakKind as BreakKind
from floorbroker.domain.books.breaks import CashCount
from floorbroker.domain.books.kinds import ExecType as ExecType
from floorbroker.domain.books.kinds import KillLevel as KillLevel
from floorbroker.domain.books.kinds import RequestKind as RequestKind
from floorbroker.domain.books.kinds import Source as Source
from floorbroker.domain.books.message import Message as Message
from floorbroker.domain.books.parents import ParentEnded as ParentEnded
from floorbroker.domain.books.parents import ParentOrder as ParentOrder
from floorbroker.domain.books.parents import ParentReplaced as ParentReplaced
from floorbroker.domain.books.parents import ParentStep as ParentStep
from floorbroker.domain.books.parents import ParentSwitched as ParentSwitched
from floorbroker.domain.books.standing import Armed as Armed
from floorbroker.domain.books.standing import KillSwitched as KillSwitched
from floorbroker.domain.books.standing import LimitsChanged as LimitsChanged
from floorbroker.domain.books.standing import RiskState as RiskState
from floorbroker.domain.books.standing import RiskStateChanged as RiskStateChanged
from floorbroker.domain.books.standing import TradingResumed as TradingResumed
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Side, TimeInForce

SCHEMA_VERSION = 1


class DeskOpened(Message, frozen=True, kw_only=True):
    """A desk took the journal: everything after belongs to this epoch."""

    epoch: int
    version: str
    account: Account
    broker: str
    mode: str
    number: str = ""  #: The broker's own of the account; empty where it was not asked for.


class DeskClosed(Message, frozen=True, kw_only=True):
    """The desk ended in good order; its absence means a crash."""

    epoch: int


class NewOrderSingle(Message, frozen=True, kw_only=True):
    """INTENT: the order exists here, its id is fixed, its risk is reserved.

    `ref_px` is the market's price by which it was decided on, where it was known.
    """

    cl_ord_id: ClOrdID
    account: Account
    order: OrderRequest
    ref_px: Px | None = None


class OrderCancelRequest(Message, frozen=True, kw_only=True):
    """We decided to cancel the order."""

    cl_ord_id: ClOrdID
    text: str = ""


class OrderCancelReplaceRequest(Message, frozen=True, kw_only=True):
    """We decided to replace the order; `wire_id` names its successor on the wire.

    A None leaves the field as it is. `order_qty` is the total, shares already filled included.
    """

    cl_ord_id: ClOrdID
    wire_id: str
    order_qty: Qty | None = None
    price: Px | None = None
    stop_px: Px | None = None
    trail: Decimal | None = None
    time_in_force: TimeInForce | None = None


class RequestSent(Message, frozen=True, kw_only=True):
    """SEND: from here on a request of this kind may be on the wire. Written before the bytes."""

    cl_ord_id: ClOrdID
    request: RequestKind
    attempt: int


class RequestUndelivered(Message, frozen=True, kw_only=True):
    """The attempt surely did not reach the broker; it may be made again."""

    cl_ord_id: ClOrdID
    request: RequestKind
    attempt: int
    text: str


class RequestUnanswered(Message, frozen=True, kw_only=True):
    """The attempt may have reached the broker: the outcome is UNKNOWN."""

    cl_ord_id: ClOrdID
    request: RequestKind
    attempt: int
    text: str
    is_refusal: bool = False  #: The broker said no, in words that prove nothing.


class ExecutionReport(Message, frozen=True, kw_only=True):
    """What the broker says happened to an order, or how it stands.

    A door gives `cl_ord_id` as the wire had it: a replacement has an id of its own there, and a
    list of executions may have none. A journaled report carries the ClOrdID of the order that it
    was found to be about, whichever of its broker orders `order_id` names.

    `transact_time` is the broker's time of the event. For TRADE, `last_qty` at `last_px` is this
    execution and `cum_qty` the total after it. For ORDER_STATUS only the totals are known.
    `ref_exec_id` names a busted execution.

    `parent` names the order whose leg this one is, where the door was told, as the wire has it.
    In a door's answer `legs` are the reports of the order's legs; each is journaled by itself.
    """

    cl_ord_id: ClOrdID
    order_id: OrderID
    exec_type: ExecType
    ord_status: OrdStatus
    symbol: str
    side: Side
    source: Source
    exec_id: ExecID | None = None
    ref_exec_id: ExecID | None = None
    last_qty: Qty | None = None
    last_px: Px | None = None
    cum_qty: Qty = Qty.of(Decimal(0))
    avg_px: Px | None = None
    order_qty: Qty | None = None
    price: Px | None = None
    stop_px: Px | None = None
    prev_order_id: OrderID | None = None
    next_order_id: OrderID | None = None
    received_time: datetime | None = None
    text: str = ""
    parent: ClOrdID | None = None
    legs: tuple["ExecutionReport", ...] = ()
    origin: str = ""  #: Who placed it where that is neither a person nor a program.
    is_guessed: bool = False  #: The broker's word for the status is not known; facts stand for it.


class OrderCancelReject(Message, frozen=True, kw_only=True):
    """The broker refused our cancel or replace; the order itself is unchanged."""

    cl_ord_id: ClOrdID
    request: RequestKind
    text: str
    code: int | None = None


class OrderReject(Message, frozen=True, kw_only=True):
    """The broker refused the order itself in its answer, and no attempt before was ambiguous."""

    cl_ord_id: ClOrdID
    text: str
    code: int | None = None


class OrderNotPlaced(Message, frozen=True, kw_only=True):
    """The evidence is complete: the broker never had the order."""

    cl_ord_id: ClOrdID
    text: str


class OrderExpiredUnsent(Message, frozen=True, kw_only=True):
    """The order was never sent and is now too old to be."""

    cl_ord_id: ClOrdID
    text: str


class BusinessMessageReject(Message, frozen=True, kw_only=True):
    """We refused a command. Nothing left this process; kept so that refusals are audited.

    Where a pre-trade control said no, `control` is its id.
    """

    command: str
    text: str
    cl_ord_id: ClOrdID | None = None
    symbol: str = ""
    control: str = ""


class MessageQuarantined(Message, frozen=True, kw_only=True):
    """Bytes from the broker that we could not read, kept as they came; the stream went on."""

    source: Source
    raw: str
    text: str


class Alarm(Message, frozen=True, kw_only=True):
    """A fact was booked although it surprised us; somebody should look."""

    name: str
    text: str
    cl_ord_id: ClOrdID | None = None
    is_over: bool = False  #: Somebody has looked, and said that it is settled.


class TimerSet(Message, frozen=True, kw_only=True):
    """At `due_time` the engine must look at this again, restart or not."""

    timer_id: str
    due_time: datetime


class TimerFired(Message, frozen=True, kw_only=True):
    """The timer is done with: it fired, or it is no longer needed."""

    timer_id: str


class PositionAdjusted(Message, frozen=True, kw_only=True):
    """Shares that no fill of ours explains were taken into the book, with their cause.

    They came at `px` each; with `cost` the position's cost changes by that instead, and nothing
    is realised. `approved_by` approved the repair of the break `break_id`.
    """

    account: Account
    symbol: str
    qty: Qty
    px: Px
    cause: BreakCause
    text: str = ""
    cost: Money | None = None
    break_id: str = ""
    approved_by: str = ""


class CashAdjusted(Message, frozen=True, kw_only=True):
    """Money that nothing explains was taken into the book: `approved_by` approved that."""

    account: Account
    amount: Money
    cause: BreakCause
    break_id: str
    approved_by: str


class BreakApproved(Message, frozen=True, kw_only=True):
    """Somebody looked at a break and approved its repair, which follows where there is one."""

    account: Account
    found: Break
    approved_by: str
    note: str = ""


class OrderReopened(Message, frozen=True, kw_only=True):
    """News came of an order that had ended and was filed away: here it is, as it had ended."""

    order: Order


class LegAdopted(Message, frozen=True, kw_only=True):
    """The broker's order `order_id` was found to be a leg of an order of ours: here it begins.

    `wire_id` is the client order id that the broker gave it. It may have been told of before its
    parent was answered, and `known_as` is the order from elsewhere that it was taken for: what
    had become of that, its executions included, is the leg's.
    """

    cl_ord_id: ClOrdID
    parent: ClOrdID
    account: Account
    order: OrderRequest
    order_id: OrderID
    wire_id: str
    known_as: ClOrdID | None = None


class Reconciliation(Message, frozen=True, kw_only=True):
    """Our book was held against the broker's: how much was compared, and every difference.

    Kinds have rhythms of their own: `kinds` were compared (all, where none is told), and of the
    others the breaks stand that were open. Up to `broker_time`, on the broker's own clock, nothing
    of the account was missed; None where the order stream had a gap or that was not looked at.
    """

    account: Account
    orders_compared: int
    positions_compared: int
    breaks: tuple[Break, ...] = ()
    broker_time: datetime | None = None
    kinds: tuple[BreakKind, ...] = ()
    fills_compared: int = 0
    cash: CashCount | None = None

    @property
    def open_breaks(self) -> tuple[Break, ...]:
        return tuple(found for found in self.breaks if found.is_open)


JournalMessage = (
    DeskOpened
    | DeskClosed
    | NewOrderSingle
    | OrderCancelRequest
    | OrderCancelReplaceRequest
    | RequestSent
    | RequestUndelivered
    | RequestUnanswered
    | ExecutionReport
    | OrderCancelReject
    | OrderReject
    | OrderNotPlaced
    | OrderExpiredUnsent
    | BusinessMessageReject
    | MessageQuarantined
    | Alarm
    | TimerSet
    | TimerFired
    | PositionAdjusted
    | OrderReopened
    | LegAdopted
    | Reconciliation
    | KillSwitched
    | TradingResumed
    | CashAdjusted
    | BreakApproved
    | RiskStateChanged
    | LimitsChanged
    | Armed
    | ParentOrder
    | ParentStep
    | ParentSwitched
    | ParentReplaced
    | ParentEnded
)


ENCODER = msgspec.json.Encoder(enc_hook=encode_amount, decimal_format="string")
MESSAGE_DECODER: msgspec.json.Decoder[JournalMessage] = msgspec.json.Decoder(
    JournalMessage, dec_hook=recall_amount
)
ORDER_DECODER: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order, dec_hook=recall_amount)


def decoder_for(kind: type) -> "msgspec.json.Decoder[Any]":
    """A JSON decoder for any Struct that holds our amounts."""
    return msgspec.json.Decoder(kind, dec_hook=decode_amount)
