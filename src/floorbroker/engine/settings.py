"""What the engine can be told, and the words in which it answers its owner."""

from collections import deque
from decimal import Decimal
from typing import TypedDict

from msgspec import Struct

from floorbroker.brokers.cache import BrokerCache
from floorbroker.brokers.pace.retries import Retries
from floorbroker.brokers.port import Broker, StreamHealth
from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.messages import JournalMessage
from floorbroker.domain.order import Order, OrderRequest, OrdType, TimeInForce
from floorbroker.engine.atrade.settings import PAPER as GUARDS_PAPER
from floorbroker.engine.atrade.settings import GuardLimits
from floorbroker.engine.standing.kill import Kill
from floorbroker.engine.timing.stopwatch import Stopwatch
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import PAPER

#: What holds where nobody has said otherwise: a market that is not real.
PAPER_BOOK = LimitBook(profile="paper", base=PAPER)


class MoreTerms(TypedDict, total=False):
    """What a replace may change besides size and prices."""

    trail: Decimal | None
    time_in_force: TimeInForce | None


class EngineSettings(Struct, frozen=True, kw_only=True):
    """Times in seconds; every default is meant for Alpaca."""

    #: When to look an UNKNOWN order up, counted from the look-up before; the last one repeats.
    lookup_delays_s: tuple[float, ...] = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
    #: How long after the last possible arrival a 404 begins to prove anything.
    ghost_grace_s: float = 60.0
    #: The same after a replace that was answered with a no: nothing is on its way any more.
    refusal_grace_s: float = 3.0
    #: How long an order that was found not placed is still looked for.
    ghost_watch_s: float = 86_400.0
    #: A request that surely did not arrive is made again after a random part of these; the last
    #: one repeats. Questions that failed wait them whole.
    retry_delays_s: tuple[float, ...] = (0.25, 0.5, 1, 2, 4, 8, 15)
    poll_orders_s: float = 15.0
    poll_positions_s: float = 30.0
    #: Executions and cash are compared so often, and once the trading day is over.
    poll_fills_s: float = 300.0
    #: Client order ids of orders that the broker places on its own begin with one of these. That
    #: Alpaca marks its liquidations at all is not documented; an order's `source` counts, too.
    broker_marks: tuple[str, ...] = ("liquidation",)
    #: Missing executions may still be on the stream: wait this long before asking for them.
    fills_delay_s: float = 0.25
    #: The account's answer may be so old: no difference in cash counts sooner.
    account_lag_s: float = 10.0
    #: A cancel that the broker took but did not carry out raises an alarm after this long.
    stuck_cancel_s: float = 60.0
    snapshot_every: int = 50_000
    #: How long a stop waits for answers that are still due.
    stop_timeout_s: float = 5.0
    #: An order that could not be sent for this long is not sent any more, whether it waited for
    #: its turn, for another attempt or for a restart; one that takes any price sooner.
    intent_ttl_s: float = 300.0
    urgent_ttl_s: float = 30.0
    #: An order that was proven never placed is sent again, with the same id, while it is young.
    resend_unknown: bool = False
    #: With more orders in a symbol, or in the account, whose fate is not known, no new order may
    #: add risk there.
    unknown_per_symbol: int = 0
    unknown_max: int = 2
    #: What the pre-trade controls hold an order against; see docs/controls.md.
    limits: LimitBook = PAPER_BOOK
    is_live: bool = False  #: Real money.
    #: What the at-trade controls tolerate.
    guards: GuardLimits = GUARDS_PAPER
    #: Of code and settings, where it counts; see `standing.identity`.
    build: str = ""
    max_batch: int = 512
    inbox_max: int = 20_000
    stream_ready_timeout_s: float = 2.0
    #: A process that stood still for longer asks how everything stands before it sends.
    pause_max_s: float = 10.0
    start_timeout_s: float = 60.0
    #: Ended orders that are kept at hand, because late reports about them are common.
    recent_max: int = 4096
    #: How many of them are read at a start.
    recent_start: int = 512
    #: Updates that a subscriber may fall behind before it loses the oldest.
    subscriber_max: int = 10_000
    #: Broker clocks and lists lag: ask for this much more than was missed.
    overlap_s: float = 60.0
    #: How long an order may wait to hear of its instrument, which is asked for once a day.
    reference_wait_s: float = 1.0
    #: From the call to the acknowledgement: longer is noted, and longer still is told as degraded.
    slow_order_s: float = 0.5
    degraded_order_s: float = 1.0
    #: Whether the market's prints and quotes have our own orders in them: only a real one's have.
    prints_own: bool = False
    #: How much faster than our seconds the market's dates run: 1, but for a replayed day.
    speed: float = 1
    #: How often the broker is asked for the quote of a symbol that a parent order works.
    parent_quote_s: float = 1.0
    #: A parent order relies on no quote that was told longer ago.
    parent_stale_s: float = 5.0
    #: How many of the newest latencies of each kind are kept.
    latency_window: int = 1000

    def lifetime_s(self, request: OrderRequest) -> float:
        """How long after its intent an order may still be sent: market, IOC and FOK orders are
        about this very market."""
        is_urgent = request.ord_type is OrdType.MARKET or request.time_in_force in _URGENT
        return self.urgent_ttl_s if is_urgent else self.intent_ttl_s


_URGENT = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


class Update(Struct, frozen=True, kw_only=True):
    """One durable message about an order, and the order after it.

    `skipped` counts the updates that this subscriber was too slow for, just before this one.
    """

    order: Order
    message: JournalMessage
    skipped: int = 0


class EngineHealth(Struct, frozen=True, kw_only=True):
    """The engine at a glance."""

    is_open: bool  #: Whether a new order would be sent now.
    stream: StreamHealth
    open_orders: int
    unknown_orders: int
    external_orders: int
    open_breaks: int
    alarms: int
    inbox: int
    questions: int  #: What the broker is being asked for, again and again until it is known.
    seq: int  #: The journal's last durable record.
    kill: Kill | None = None  #: None while trading is active.


class Means(Struct, frozen=True, kw_only=True):
    """What everybody needs who asks the broker; what it refuses or fails is kept in `errors`."""

    broker: Broker
    clock: Clock
    settings: EngineSettings
    errors: deque[BrokerError]
    cache: BrokerCache
    times: Stopwatch
    retries: Retries
