"""The words of the embedded exchange: its orders, executions, events and refusals.

They are Alpaca's words, not the desk's. Prices, quantities and money are plain `Decimal`s; times
are integer nanoseconds since 1970 UTC, and a time that has not come yet is None.
"""

from decimal import Decimal

from msgspec import Struct, structs

ZERO = Decimal(0)

#: A status after which an order never changes again, except by a bust.
TERMINAL = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})


class VenueError(Exception):
    """A refusal, as the front says it: HTTP status, Alpaca's code and text, sibling fields."""

    def __init__(
        self, http_status: int, code: int, message: str, extra: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.message = message
        self.extra = extra or {}


class TakeProfit(Struct, frozen=True, kw_only=True):
    """The leg that ends a position at a gain, as asked."""

    limit_price: Decimal | None = None


class StopLoss(Struct, frozen=True, kw_only=True):
    """The leg that ends a position at a loss, as asked; with a limit it is a stop-limit order."""

    stop_price: Decimal | None = None
    limit_price: Decimal | None = None


class OrderTicket(Struct, frozen=True, kw_only=True, gc=False):
    """A new order as asked, parsed but not judged; what was not given is None.

    From `notional` on stands what an ordinary ticket does not say; amounts stand together.
    """

    symbol: str | None = None
    side: str | None = None
    type: str | None = None
    time_in_force: str | None = None
    client_order_id: str | None = None
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    notional: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    order_class: str | None = None
    position_intent: str | None = None
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None


class PlainTicket(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A new order that says no more than most do, its words as they were written.

    Amounts are texts, whole numbers, or what else was written; other numbers are read as texts.
    """

    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: object
    limit_price: object = None
    client_order_id: str | None = None


class OrderPatch(Struct, frozen=True, kw_only=True):
    """What shall differ in the successor of an order; None keeps the old value."""

    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    time_in_force: str | None = None
    client_order_id: str | None = None


class OrderQuery(Struct, frozen=True, kw_only=True):
    """Which orders to list. Bounds are exclusive and on `submitted_ns`; ties list as accepted.

    `before_order_id` and `after_order_id` page by identifier: only orders accepted before or
    after that one.
    """

    status: str = "open"  #: "open", "closed" or "all"
    limit: int = 50
    after_ns: int | None = None
    until_ns: int | None = None
    is_ascending: bool = False
    nested: bool = False
    symbols: frozenset[str] | None = None
    side: str | None = None
    asset_classes: frozenset[str] | None = None
    before_order_id: str | None = None
    after_order_id: str | None = None


class VenueOrder(Struct, gc=False, omit_defaults=True):
    """An order at the venue, under Alpaca's names; the venue alone changes it.

    The fields from `reject_reason` on are the venue's own and not for the wire.
    """

    # What all its states mostly share, so that a writer can take it out in one piece: first what
    # is its own, then what others of its kind say too, then amounts.
    id: str
    client_order_id: str
    account: str
    created_ns: int
    submitted_ns: int

    asset_id: str
    symbol: str
    asset_class: str
    type: str
    side: str
    time_in_force: str
    expired_ns: int | None = None
    expires_ns: int | None = None
    canceled_ns: int | None = None
    failed_ns: int | None = None
    replaced_ns: int | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    notional: Decimal | None = None
    order_class: str = ""
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    trail_price: Decimal | None = None
    hwm: Decimal | None = None
    extended_hours: bool = False
    position_intent: str = ""

    qty: Decimal | None = None
    limit_price: Decimal | None = None

    # In what its states differ.
    status: str = "pending_new"
    updated_ns: int = 0
    filled_ns: int | None = None
    filled_qty: Decimal = ZERO
    filled_notional: Decimal = ZERO  #: Sum of price times quantity over the fills.
    legs: "tuple[VenueOrder, ...]" = ()  #: Only of a copy that was asked for with its legs.
    cancel_requested_ns: int | None = None
    reject_reason: str | None = None

    parent_id: str | None = None  #: Whose leg it is.
    leg_ids: tuple[str, ...] = ()  #: The legs that it is the parent of, the take-profit first.
    number: int = 0  #: Its place among its account's orders, counted from 0.
    base_qty: Decimal = ZERO  #: Shares that predecessors filled, where filled_qty restarted.
    cap_px: Decimal | None = None  #: The worst price it may take once live; None is any.
    is_elected: bool = False  #: Its stop was touched: it now works as a market or limit order.
    reserve_px: Decimal = ZERO  #: Buying power it ties up per share (a notional order: per $).
    held_qty: Decimal = ZERO  #: Shares of the position that it ties up.
    queue_ahead: Decimal | None = None  #: Displayed shares before it in the queue; None: unknown.

    @property
    def is_open(self) -> bool:
        return self.status not in TERMINAL

    @property
    def filled_avg_price(self) -> Decimal | None:
        """Volume-weighted price of its fills, None before the first."""
        return self.filled_notional / self.filled_qty if self.filled_qty else None

    @property
    def leaves_qty(self) -> Decimal:
        """Shares still to fill; zero for a notional order, whose shares only its fills tell."""
        if self.qty is None or self.status in TERMINAL:
            return ZERO
        return self.unfilled(self.qty)

    def unfilled(self, qty: Decimal) -> Decimal:
        """What of a quantity neither it nor a predecessor has filled."""
        if self.base_qty:
            qty -= self.base_qty
        return qty - self.filled_qty if self.filled_qty else qty

    def snapshot(self) -> "VenueOrder":
        """A copy that later changes do not reach; whoever has it leaves it as it is."""
        return self.__copy__()  # type: ignore[attr-defined, no-any-return]  # Structs have one


class Execution(Struct, frozen=True, gc=False):
    """One fill. `position_qty` is the signed position after it.

    A bust is an execution with a negative quantity; a correction is two, the first of which takes
    back what was and the second is what should have been. Sums over all of them are the truth.
    """

    execution_id: str
    order_id: str
    client_order_id: str
    account: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    time_ns: int
    cum_qty: Decimal
    leaves_qty: Decimal
    position_qty: Decimal
    liquidity: str  #: "add", "remove" or "auction"
    previous_execution_id: str | None = None  #: The fill that a bust or correction undoes.
    corrected_by: str | None = None  #: Of what a correction takes back: its second execution.

    @property
    def is_fill(self) -> bool:
        """Whether it came about by trading."""
        return self.previous_execution_id is None

    @property
    def is_bust(self) -> bool:
        return not self.is_fill and self.qty < 0 and self.corrected_by is None


class Entry(Struct, frozen=True, kw_only=True):
    """What moved an account without a trade, under the words of Alpaca's activities.

    `net_amount` is what came into the cash; `qty` and `per_share` are told, `qty_change` is what
    came to the position in `symbol`.
    """

    id: str
    kind: str  #: The activity type, such as DIV or FEE.
    sub_kind: str = ""
    date: str  #: YYYY-MM-DD
    time_ns: int
    net_amount: Decimal = ZERO
    symbol: str = ""
    cusip: str = ""
    qty: Decimal | None = None
    per_share: Decimal | None = None
    description: str
    group_id: str = ""  #: What belongs together, as a split and the cash for its fractions.
    details: dict[str, str] = {}  #: As the events of activities tell it.
    qty_change: Decimal = ZERO
    price_factor: Decimal | None = None  #: What a share is worth after, for one before.
    mark: Decimal | None = None  #: The price at which shares came into the position.
    #: Quantity and cost of each position that it changed, by symbol, as they were after it.
    positions: dict[str, tuple[Decimal, Decimal]] = {}


class Entitlement(Struct, frozen=True, kw_only=True):
    """A dividend that a holder will get, or a short will pay, for the shares of before."""

    action_id: str
    symbol: str
    cusip: str
    qty: Decimal  #: Signed.
    rate: Decimal
    pay_ns: int
    details: dict[str, str] = {}


class VenueEvent(Struct, frozen=True, gc=False):
    """What a listener is told: the event's name and the order as it stood at that moment.

    `execution_id` is None for `pending_new` and `accepted`, a fill's for fills, and otherwise an
    identifier of this event alone. A life in one go, of an order that is filled whole as it comes,
    is told as the fill that ends it: it has a `new_id`, and `steps` are what it stands for.
    """

    seq: int
    account: str
    event: str
    order: VenueOrder
    time_ns: int
    execution: Execution | None = None
    execution_id: str | None = None
    new_id: str = ""  #: Of a life in one go: the identifier of its event `new`.
    begun: VenueOrder | None = None  #: Its order while it was pending, if that tied up shares.

    def steps(self) -> "tuple[VenueEvent, ...]":
        """The events of a life in one go, one after the other; of others the event itself."""
        if not self.new_id:
            return (self,)
        begun = self.begun or _as_it_began(self.order)
        new = begun.snapshot()
        new.status = "new"
        seq, account, time_ns = self.seq, self.account, self.time_ns
        return (
            VenueEvent(seq - 2, account, "pending_new", begun, time_ns),
            VenueEvent(seq - 1, account, "new", new, time_ns, None, self.new_id),
            structs.replace(self, new_id="", begun=None),
        )


def _as_it_began(order: VenueOrder) -> VenueOrder:
    """The pending order to buy below a limit that was filled at once."""
    begun = order.snapshot()
    assert order.limit_price is not None, "it tied up what it would cost at its limit"
    begun.status, begun.filled_ns, begun.reserve_px = "pending_new", None, order.limit_price
    begun.filled_qty = begun.filled_notional = ZERO
    return begun


class Watchlist(Struct, kw_only=True):
    """Symbols that a client keeps together under a name."""

    id: str
    name: str
    created_ns: int
    updated_ns: int
    symbols: list[str] = []


class Configuration(Struct, frozen=True, kw_only=True):
    """What a user may set: GET and PATCH /v2/account/configurations."""

    fractional_trading: bool = True
    max_margin_multiplier: str = "4"
    no_shorting: bool = False
    suspend_trade: bool = False
    trade_confirm_email: str = "all"
    ptp_no_exception_entry: bool = False
    max_options_trading_level: int | None = None
    disable_overnight_trading: bool = False


class DayClose(Struct, frozen=True, kw_only=True):
    """What an account was worth when a regular session ended."""

    time_ns: int
    equity: Decimal
