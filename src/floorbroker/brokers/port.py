"""What a broker door promises the engine.

Every request ends in one of four ways, and the difference is the whole point: it returns, or it
raises BrokerRejected (they said no), BrokerUnreachable (it surely did not arrive; the same
ClOrdID may be used again) or BrokerUnknown (it may have arrived; ask, never resend). A door
never retries a request that places, cancels or replaces: that is the engine's decision, because
only the engine writes it down first.

If the process dies inside a request, the outcome is unknown by definition; the engine has recorded
the attempt before and asks with `look_up` after the restart.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from floorbroker.brokers.order_rules import OrderRules
from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, OrderID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import (
    ExecutionReport,
    MessageQuarantined,
    OrderCancelReplaceRequest,
)
from floorbroker.domain.order import OrderRequest, Side
from floorbroker.domain.quotes import Bar, Quote, Trade


class Dedupe(StrEnum):
    """What the broker does with our order id."""

    ENFORCED = "enforced"  #: A second order with the same id is refused, for ever.
    CORRELATION = "correlation"  #: The id is stored and shown, not enforced.
    NONE = "none"  #: The broker knows no id of ours.


class Capabilities(Struct, frozen=True, kw_only=True):
    """What this broker can do, so that the engine refuses what it cannot."""

    name: str
    dedupe: Dedupe
    can_replace: bool = True
    has_execution_ids: bool = True
    cl_ord_id_max: int = 128
    orders: OrderRules | None = None  #: Which orders it takes; None where nobody has said.


class AccountReport(Struct, frozen=True, kw_only=True):
    """The account as the broker states it."""

    account: Account
    status: str
    currency: str
    cash: Money
    equity: Money
    last_equity: Money
    buying_power: Money
    initial_margin: Money
    maintenance_margin: Money
    multiplier: int
    is_trading_blocked: bool
    is_shorting_enabled: bool
    number: str = ""  #: The broker's own name of it.


class PositionReport(Struct, frozen=True, kw_only=True):
    """One position as the broker states it; `qty` is negative for a short."""

    symbol: str
    qty: Qty
    qty_available: Qty
    avg_entry_px: Px
    current_px: Px | None
    market_value: Money | None
    unrealized_pnl: Money | None


class MarketPhase(Struct, frozen=True, kw_only=True):
    """Whether the regular session is open, and when that changes (UTC)."""

    broker_time: datetime
    is_open: bool
    next_open: datetime
    next_close: datetime


class ClockSkew(Struct, frozen=True, kw_only=True):
    """How far our clock is ahead of the broker's; `error_s` is what that cannot tell."""

    ahead_s: float
    error_s: float
    source: str

    @property
    def least_s(self) -> float:
        """What they differ by at the least."""
        return max(abs(self.ahead_s) - self.error_s, 0.0)


class CalendarDay(Struct, frozen=True, kw_only=True):
    """One trading day: the regular session, and the extended hours around it (UTC)."""

    day: date
    opens: datetime
    closes: datetime
    extended_opens: datetime
    extended_closes: datetime
    settles: date | None = None  #: When a trade of this day settles, where the broker says so.


class ActivityKind(StrEnum):
    """What moved the account."""

    FILL = "fill"
    FEE = "fee"
    DIVIDEND = "dividend"
    INTEREST = "interest"
    CASH = "cash"  #: Money paid in, out or over.
    CORPORATE = "corporate"  #: Splits, mergers, spin-offs and the like.
    OTHER = "other"


class Activity(Struct, frozen=True, kw_only=True):
    """Something that moved the account's cash or shares, as the broker lists it.

    A fill has an order, a side, a size and a price; anything else an amount, negative where it
    left the account. `share_qty` are the shares that came, or left, without a trade. `code` is the
    broker's own word for it.
    """

    activity_id: str
    kind: ActivityKind
    code: str
    time: datetime
    symbol: str | None = None
    side: Side | None = None
    qty: Qty | None = None
    share_qty: Qty | None = None
    px: Px | None = None
    net_amount: Money | None = None
    order_id: OrderID | None = None
    text: str = ""


#: What the order stream delivers: a report, or bytes that nobody could read.
StreamItem = ExecutionReport | MessageQuarantined


class StreamState(StrEnum):
    """Where the order stream stands."""

    DOWN = "down"
    CONNECTING = "connecting"
    CATCHING_UP = "catching_up"  #: Authorised; what was missed is being asked for.
    READY = "ready"


class StreamHealth(Struct, frozen=True, kw_only=True):
    """The order stream at a glance."""

    state: StreamState
    connections: int
    frames: int
    quarantined: int
    last_frame_age_s: float | None
    text: str = ""
    deaf: int = 0  #: How often it was connected, and did not tell what it should have.
    last_loss: str = ""  #: Why the last connection ended.


class OrderStream(Protocol):
    """The broker's reports, followed for as long as the task runs."""

    def health(self) -> StreamHealth: ...

    async def run(
        self,
        on_item: Callable[[StreamItem], None],
        on_connected: Callable[[], Awaitable[None]],
        on_state: Callable[[StreamState], None],
    ) -> None:
        """Follow the stream until cancelled.

        Reconnects with backoff and jitter after every loss, and after silence that its own
        liveness timer finds. After each (re)authorisation it calls `on_connected`, so that the
        engine can ask REST for what happened in the gap; items that arrive meanwhile are
        delivered as usual. Undecodable frames are delivered as MessageQuarantined; a handler's
        exception ends nothing but is not swallowed: it propagates out of `run`, because a wrong
        engine must not go on.
        """
        ...


class Broker(Protocol):
    """One account at one broker."""

    account: Account
    capabilities: Capabilities
    stream: OrderStream

    async def place(self, cl_ord_id: ClOrdID, order: OrderRequest) -> ExecutionReport:
        """Place the order under this id; returns how it stands (ORDER_STATUS), its legs with it.

        "The id is taken" is no refusal but proof that the order exists: it raises BrokerUnknown,
        and the engine looks it up.
        """
        ...

    async def cancel(self, order_id: OrderID) -> None:
        """Ask for a cancel. Returning means that the request was taken, not that it took effect.

        BrokerRejected means that the order is not cancelable (it may have filled).
        """
        ...

    async def replace(
        self, order_id: OrderID, change: OrderCancelReplaceRequest
    ) -> ExecutionReport:
        """Replace the order; returns the successor's status, `prev_order_id` set."""
        ...

    async def look_up(self, cl_ord_id: str) -> ExecutionReport | None:
        """How the order of this client id stands, its legs with it, or None where the broker
        says it has none.

        None is only one piece of evidence: an order may become visible late.
        """
        ...

    async def order(self, order_id: OrderID) -> ExecutionReport | None:
        """How this broker order stands, its legs with it, or None where there is none."""
        ...

    async def open_orders(self) -> list[ExecutionReport]:
        """Every order that is not ended, held legs too, all pages; legs name their parent and
        come after it."""
        ...

    async def orders_since(self, since: datetime) -> list[ExecutionReport]:
        """Every order submitted after `since`, ended or not, all pages, oldest first; legs name
        their parent and come after it."""
        ...

    async def executions(
        self, *, order_id: OrderID | None = None, since: datetime | None = None
    ) -> list[ExecutionReport]:
        """Executions with their ids from the broker's own list, oldest first; busts and
        corrections among them where the broker lists those."""
        ...

    async def positions(self) -> list[PositionReport]: ...

    async def account_report(self) -> AccountReport: ...

    async def market_phase(self) -> MarketPhase: ...

    async def calendar(self, start: date, end: date) -> list[CalendarDay]:
        """The trading days from `start` to `end`, both included, oldest first."""
        ...

    async def activities(
        self,
        kinds: Collection[ActivityKind] = (),
        *,
        since: datetime | None = None,
        after_id: str | None = None,
    ) -> list[Activity]:
        """What moved the account, of these kinds or of all, all pages, oldest first.

        `since` bounds the time, `after_id` goes on after an activity that was listed before;
        BrokerRejected may mean that there is none of that id any more.
        """
        ...

    async def instrument(self, symbol: str) -> Instrument | None:
        """The instrument, or None where the broker does not know the symbol."""
        ...

    async def instruments(self) -> list[Instrument]: ...

    async def latest_quote(self, symbol: str) -> Quote | None: ...

    async def latest_quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        """The newest quotes of shares, those that there are, in one question. A symbol that is
        none may spoil all of it: then it is refused, or nothing is told."""
        ...

    def pace_s(self, questions: int) -> float:
        """Seconds in which so many questions about the market may be asked again and again, by
        the budget as it stands; 0 where no budget is known."""
        ...

    async def latest_trade(self, symbol: str) -> Trade | None: ...

    async def bars(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Bar]]:
        """One-minute bars of each symbol, oldest first."""
        ...

    async def aclose(self) -> None: ...
