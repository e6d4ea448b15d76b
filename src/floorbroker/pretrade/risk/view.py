"""What a control may look at: the order asked for, and the desk around it, as plain numbers.

Amounts are bare Decimals, times nanoseconds. None says that nobody knows; what follows from that
is the control's to say, by the limits that require something to be known.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import force_setattr

from floorbroker.domain.instrument import Instrument
from floorbroker.domain.terms import OrdType, Side, TimeInForce

_ZERO = Decimal(0)


class Ask(Struct, frozen=True, kw_only=True, gc=False):
    """An order that wants to exist, or one that wants to be replaced by more risk.

    `qty` is its whole size, `new_qty` the shares that it adds to what is reserved already: of a
    new order all of them, of a replace the difference. `new_dollars` is what a replace's dearer
    price makes of the others.
    """

    symbol: str
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce = TimeInForce.DAY
    qty: Decimal | None = None  #: None for an order in dollars.
    new_qty: Decimal = _ZERO
    new_dollars: Decimal = _ZERO
    notional: Decimal | None = None
    price: Decimal | None = None
    stop_px: Decimal | None = None
    extended_hours: bool = False
    account: str = ""
    strategy: str = ""
    is_replace: bool = False
    is_human: bool = False  #: Typed by somebody, who may mean it twice less often.
    may_repeat: bool = False  #: The caller says that a look-alike is meant: softens P11 alone.
    is_keyed: bool = True  #: The caller gave the ClOrdID.
    asked_ns: int = 0  #: When the caller asked; 0 is now.

    #: What follows from the others: never given.
    is_buy: bool = True
    own_px: Decimal | None = None  #: The dearer of its limit and its trigger.

    def __post_init__(self) -> None:
        price, stop_px = self.price, self.stop_px
        if price is None or (stop_px is not None and stop_px > price):
            price = stop_px
        force_setattr(self, "own_px", price)
        force_setattr(self, "is_buy", self.side is Side.BUY)


class Parent(Struct, frozen=True, kw_only=True):
    """The parent of a child order: `committed` is what its other children have filled, have open,
    and may have open (UNKNOWN ones in full)."""

    parent_id: str
    qty: Decimal
    committed: Decimal
    interval_volume: Decimal | None = None  #: The market's, own prints included; None unknown.
    participation_max: Decimal | None = None  #: The parent's own cap, besides the limit's.


class LimitChange(Struct, frozen=True, kw_only=True):
    """Somebody asks for another limit."""

    name: str
    old: Decimal
    new: Decimal
    is_looser: bool
    reason: str = ""
    asked_ns: int = 0
    effective_ns: int = 0


class RiskView(Struct, frozen=True, kw_only=True, gc=False):
    """The desk as one order finds it. The order's own symbol is `here`, its strategy `mine`."""

    now_ns: int = 0
    is_live: bool = False  #: Real money; else a market that is not.

    # May anything be done at all (P01, P02, P22, P30, P31)?
    is_armed: bool = False
    armed_until_ns: int = 0
    armed_version: str = ""
    version: str = ""
    state: str = "active"  #: active, reducing or halted.
    is_reducing: bool = False  #: This order can only make its position smaller.
    disabled: frozenset[str] = frozenset()  #: Strategies that somebody must enable again.
    change: LimitChange | None = None  #: Looked at by P30 alone.
    orders_since_change: int = 1_000_000  #: New orders since version or limits changed.

    # The instrument and its market (P03, P05, P08, P09).
    instrument: Instrument | None = None
    asset_age_ns: int | None = None
    is_open: bool | None = None  #: The regular session.
    is_halted: bool | None = None
    is_short_restricted: bool | None = None  #: A short sale circuit breaker is on.
    is_locate_held: bool = False
    adv: Decimal | None = None  #: Average daily volume of 20 days.
    bid_px: Decimal | None = None
    ask_px: Decimal | None = None
    last_px: Decimal | None = None
    ref_age_ns: int | None = None

    # The account (P07, P12 to P14, P22 to P25).
    equity: Decimal | None = None
    first_equity: Decimal | None = None  #: Of the day.
    peak_equity: Decimal | None = None  #: Of the day.
    broker_bp: Decimal | None = None  #: Buying power as the broker states it.
    model_bp: Decimal | None = None  #: As our own book has it.
    multiplier: int | None = None
    settled_cash: Decimal | None = None
    day_trades: int | None = None  #: In the last five trading days.
    would_day_trade: bool = False
    today: str = ""  #: The date in New York, YYYY-MM-DD.

    # What is held and what is open, the worst case (P12 to P16, P21, P29).
    pos: Decimal = _ZERO
    open_buy: Decimal = _ZERO  #: Shares still to be bought here, UNKNOWN orders in full.
    open_sell: Decimal = _ZERO
    open_buy_dollars: Decimal = _ZERO  #: Of orders whose shares only their fills will tell.
    open_sell_dollars: Decimal = _ZERO
    open_here: int = 0
    open_all: int = 0
    open_value: Decimal = _ZERO  #: All open orders of the account.
    unseen_value: Decimal = _ZERO  #: Those that the broker may not have counted yet.
    gross: Decimal = _ZERO  #: All positions, each at its absolute worth.
    best_own_buy: Decimal | None = None  #: Our highest resting limit here; infinite at the market.
    best_own_sell: Decimal | None = None  #: Our lowest; zero at the market.
    unknown_here: int = 0
    unknown_all: int = 0

    # What was done lately (P10, P11, P17 to P20, P25).
    key_used: str = ""  #: "" never, "same" with these terms, "other" with other terms.
    repeats: int = 0  #: Orders like this one within the window.
    messages_minute: int = 0
    mine_second: int = 0
    mine_minute: int = 0
    orders_minute: int = 0
    reentries: int = 0
    messages_hour: int = 0
    fills_hour: int = 0
    turnover: Decimal = _ZERO
    orders_today: int = 0

    parent: Parent | None = None  #: None where the order is no child.

    #: What follows from the others, never given: the middle of the quote, else the last price.
    mid_px: Decimal | None = None

    def __post_init__(self) -> None:
        bid_px, ask_px = self.bid_px, self.ask_px
        mid_px = self.last_px if bid_px is None or ask_px is None else (bid_px + ask_px) / 2
        force_setattr(self, "mid_px", mid_px)
