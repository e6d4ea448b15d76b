"""An order: what is asked (`OrderRequest`) and what became of it (`Order`)."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from floorbroker.domain.amounts import ZERO_QTY, Money, Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID


class Side(StrEnum):
    """FIX Side (54). A short sale is a SELL that opens a short position."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrdType(StrEnum):
    """FIX OrdType (40)."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """FIX TimeInForce (59)."""

    DAY = "day"
    GOOD_TILL_CANCEL = "gtc"
    IMMEDIATE_OR_CANCEL = "ioc"
    FILL_OR_KILL = "fok"
    AT_THE_OPENING = "opg"
    AT_THE_CLOSE = "cls"


class OrderClass(StrEnum):
    """How orders hang together; the desk sends simple ones, the others have their room here."""

    SIMPLE = "simple"
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"


class OrdStatus(StrEnum):
    """FIX OrdStatus (39), and the states that only an honest engine needs.

    The first three are ours: the order is written down, on its way, or nobody knows.
    """

    CREATED = "created"  #: Accepted and durable here; provably never sent.
    SENT = "sent"  #: A request left; no answer yet.
    UNKNOWN = "unknown"  #: The answer is missing; only evidence closes this.
    PENDING_NEW = "pending_new"  #: The broker has it, on its way to the venue.
    ACCEPTED = "accepted"  #: Held by the broker, for instance until the open.
    HELD = "held"  #: A leg that waits for its parent.
    NEW = "new"  #: Working at the venue.
    PARTIALLY_FILLED = "partially_filled"  #: Some of it is done, the rest works.
    STOPPED = "stopped"  #: A fill is guaranteed but not yet reported.
    SUSPENDED = "suspended"  #: Not eligible to trade at present.
    CALCULATED = "calculated"  #: Done for the day, settlement is being computed.
    DONE_FOR_DAY = "done_for_day"  #: No more fills today; may work again tomorrow.
    PENDING_CANCEL = "pending_cancel"  #: Shown while a cancel of ours is unanswered.
    PENDING_REPLACE = "pending_replace"  #: Shown while a replace of ours is unanswered.
    FILLED = "filled"  #: All of it is done.
    CANCELED = "canceled"  #: Ended on request or by its TIF.
    EXPIRED = "expired"  #: Ended with its session.
    REJECTED = "rejected"  #: The broker or venue said no.
    REPLACED = "replaced"  #: This broker order was superseded by another.
    NOT_PLACED = "not_placed"  #: Evidence shows that the broker never had it.
    EXPIRED_UNSENT = "expired_unsent"  #: Too old to send when its turn came.

    @property
    def is_ended(self) -> bool:
        return self in ENDED

    @property
    def is_open(self) -> bool:
        return self not in ENDED


ENDED = frozenset(
    {
        OrdStatus.FILLED,
        OrdStatus.CANCELED,
        OrdStatus.EXPIRED,
        OrdStatus.REJECTED,
        OrdStatus.REPLACED,
        OrdStatus.NOT_PLACED,
        OrdStatus.EXPIRED_UNSENT,
    }
)


class Pending(StrEnum):
    """What we have asked of a live order and not heard back about."""

    CANCEL = "cancel"
    REPLACE = "replace"


class OrderRequest(Struct, frozen=True, kw_only=True):
    """What is asked. Build it with the named constructors of `floorbroker.OrderRequest`.

    Exactly one of `order_qty` and `notional` is set. `price` is the limit, `stop_px` the trigger,
    one of `trail_amount` (dollars) and `trail_percent` belongs to a trailing stop.
    """

    side: Side
    symbol: str
    ord_type: OrdType
    time_in_force: TimeInForce = TimeInForce.DAY
    order_qty: Qty | None = None
    notional: Money | None = None
    price: Px | None = None
    stop_px: Px | None = None
    trail_amount: Px | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    order_class: OrderClass = OrderClass.SIMPLE
    legs: tuple["OrderRequest", ...] = ()
    cl_ord_id: ClOrdID | None = None
    account: Account | None = None


class Fill(Struct, frozen=True, kw_only=True):
    """One execution of one order, as the venue reported it.

    `cum_qty` is the broker order's CumQty after this execution; with `order_id` it identifies the
    execution where two channels name it differently. A bust has the negative of its fill.
    """

    exec_id: ExecID
    order_id: OrderID
    cl_ord_id: ClOrdID
    symbol: str
    side: Side
    last_qty: Qty
    last_px: Px
    cum_qty: Qty
    transact_time: datetime
    account: Account = Account("")


class Order(Struct, frozen=True, kw_only=True):
    """What became of a request. A value: every report makes a new one.

    `venue_status` is what the venue says, `pending` what we have asked and not heard about;
    `ord_status` is derived from both. `booked_cum_qty` holds the fills that were booked on earlier
    broker orders of the same lineage, before a replace.
    """

    cl_ord_id: ClOrdID
    account: Account
    request: OrderRequest
    created_time: datetime
    venue_status: OrdStatus = OrdStatus.CREATED
    pending: Pending | None = None
    order_id: OrderID | None = None
    wire_id: str = ""  #: The client order id now on the wire; differs after a replace.
    cum_qty: Qty = ZERO_QTY
    avg_px: Px | None = None
    booked_cum_qty: Qty = ZERO_QTY
    fills: tuple[Fill, ...] = ()
    attempt: int = 0
    sent_time: datetime | None = None
    acked_time: datetime | None = None
    ended_time: datetime | None = None
    updated_time: datetime | None = None
    text: str = ""  #: Why it was rejected, or what is unknown, in words.
    replaces: tuple[OrderID, ...] = ()  #: Earlier broker orders of this lineage, oldest first.

    @property
    def ord_status(self) -> OrdStatus:
        """FIX precedence: a pending cancel or replace shows over any live status."""
        if self.pending is None or self.venue_status in ENDED:
            return self.venue_status
        if self.venue_status is OrdStatus.UNKNOWN:
            return OrdStatus.UNKNOWN
        if self.pending is Pending.CANCEL:
            return OrdStatus.PENDING_CANCEL
        return OrdStatus.PENDING_REPLACE

    @property
    def symbol(self) -> str:
        return self.request.symbol

    @property
    def side(self) -> Side:
        return self.request.side

    @property
    def ord_type(self) -> OrdType:
        return self.request.ord_type

    @property
    def order_qty(self) -> Qty | None:
        """None for a notional order: its shares are known only by its fills."""
        return self.request.order_qty

    @property
    def leaves_qty(self) -> Qty:
        """Shares still working: zero once ended, and zero while a notional order's are unknown."""
        if self.venue_status in ENDED or self.request.order_qty is None:
            return ZERO_QTY
        return max(self.request.order_qty - self.cum_qty, ZERO_QTY)

    @property
    def is_ended(self) -> bool:
        return self.venue_status in ENDED
