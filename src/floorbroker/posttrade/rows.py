"""What a trade report holds: rows of orders, fills and symbols, totals, and what broke."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct, field

from floorbroker.domain.amounts import ZERO_MONEY, Money, Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import Reconciliation, Source
from floorbroker.domain.order import OrdStatus
from floorbroker.domain.terms import OrderTerms, Side
from floorbroker.posttrade.incidents import Incident, Session

#: The type of an order that was not placed through this desk.
EXTERNAL = "external"


class Marks(Struct, frozen=True, kw_only=True):
    """Prices that the journal does not hold: the market's last, and each order's arrival mid."""

    last_px: dict[str, Px] = field(default_factory=dict)
    arrival_px: dict[ClOrdID, Px] = field(default_factory=dict)


class OrderRow(Struct, frozen=True, kw_only=True):
    """One order at the end of the period. `ord_type` is "external" if it was placed elsewhere.

    `cum_qty` and `avg_px` follow the booked executions; `reported_qty` is what the broker said, so
    a difference is an execution that we have not seen. `slippage_bps` is positive when it cost.
    """

    account: Account
    cl_ord_id: ClOrdID
    symbol: str
    side: Side
    ord_type: str
    order_qty: Qty | None
    terms: OrderTerms
    cum_qty: Qty
    avg_px: Px | None
    reported_qty: Qty
    fills: int
    busted: int
    ord_status: OrdStatus
    created_time: datetime
    sent_time: datetime | None
    acked_time: datetime | None
    ended_time: datetime | None
    replaced: int
    text: str
    arrival_px: Px | None = None
    slippage_bps: Decimal | None = None

    @property
    def is_external(self) -> bool:
        return self.ord_type == EXTERNAL


class FillRow(Struct, frozen=True, kw_only=True):
    """One execution; `realized_pnl` is what it closed, at average cost. `seq` is its record."""

    seq: int
    transact_time: datetime
    account: Account
    symbol: str
    side: Side
    last_qty: Qty
    last_px: Px
    notional: Money
    realized_pnl: Money
    cl_ord_id: ClOrdID
    order_id: OrderID
    exec_id: ExecID
    source: Source
    is_corrected: bool = False
    busted_time: datetime | None = None


class SymbolRow(Struct, frozen=True, kw_only=True):
    """One symbol of one account: its trading in the period and what is held at the end."""

    account: Account
    symbol: str
    orders: int
    fills: int
    bought_qty: Qty
    sold_qty: Qty
    bought_notional: Money
    sold_notional: Money
    buy_vwap: Px | None
    sell_vwap: Px | None
    realized_pnl: Money
    open_qty: Qty
    avg_entry_px: Px | None
    last_px: Px | None
    last_px_is_market: bool
    unrealized_pnl: Money | None

    @property
    def notional(self) -> Money:
        return self.bought_notional + self.sold_notional

    @property
    def open_value(self) -> Money:
        """What the open shares are worth at the last price; zero where none is known."""
        return ZERO_MONEY if self.last_px is None else Money.of(self.open_qty * self.last_px)


class Totals(Struct, frozen=True, kw_only=True):
    """Sums over the period; `breaks_*` and `unknown_*` count distinct incidents.

    `breaks_open` is None when the period holds no reconciliation: then nobody compared.
    """

    orders: int
    fills: int
    bought_notional: Money
    sold_notional: Money
    realized_pnl: Money
    unrealized_pnl: Money
    open_positions: int
    open_value: Money  #: Longs less shorts, at the last prices that are known.
    orders_filled: int
    orders_open: int
    orders_rejected: int
    commands_refused: int
    unknown_resolved: int
    unknown_open: int
    breaks_found: int
    breaks_open: int | None
    alarms: int
    restarts: int

    @property
    def notional(self) -> Money:
        return self.bought_notional + self.sold_notional


class TradeReport(Struct, frozen=True, kw_only=True):
    """A read-only look at one journal over `[start, end)`; None means without a bound.

    Encode it with `domain.messages.ENCODER`: amounts become strings, times RFC 3339.
    """

    start: datetime | None
    end: datetime | None
    accounts: tuple[Account, ...]
    mode: str
    verdict: str
    totals: Totals
    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    busted: tuple[FillRow, ...]
    symbols: tuple[SymbolRow, ...]
    orders_by_type: dict[str, int]
    orders_by_status: dict[str, int]
    incidents: tuple[Incident, ...]
    reconciliations: tuple[Reconciliation, ...]
    sessions: tuple[Session, ...]
    head_seq: int
    head_hash: str  #: Hexadecimal SHA-256 of the journal's last record that was read.

    @property
    def unknown_resolved(self) -> int:
        return self.totals.unknown_resolved
