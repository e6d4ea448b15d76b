"""What an algorithm is told and what it may answer.

An algorithm is a pure function: `decide(parent, market, now_ns) -> Decision`. It is called by the
engine through `execution.rails.step`, never directly; the rails hold what must hold for every
algorithm, also one that a user wrote, and nothing but the arguments may enter its answer.

The engine's side of the bargain
--------------------------------
When: at `wake_ns` of the last decision; at every change of a child (fill, end, refusal, answer) or
of the parent (pause, resume, replace); and, where the algorithm is `on_quote`, at every new quote.
More often does no harm: the same arguments give the same answer, and a later `now_ns` alone sends
nothing twice, because what is in flight stands in `ParentView.children`.

Order of things: a decision is journaled with its commands (and its memo, where that changed)
before the first command leaves, and each command is applied to the state before the next call, so
that the next view shows the child as pending. That is all that a restart needs: there is no state
of an algorithm but `memo` and the children.

Quantities: `filled + every child's leaves_qty + new <= qty`, always. `leaves_qty` of a child is
the most that may still fill: the whole order while it is in flight or UNKNOWN, the larger of both
while a replace is unanswered, everything not filled while a cancel is unanswered.

Time: UTC nanoseconds since 1970, as everywhere. Nothing new leaves outside [start_ns, end_ns): a
child that was decided in time and waits for its turn at `end_ns` must not be sent any more.
A view holds what was known at `now_ns` and nothing later.

Own algorithms: `Desk.open(algos={"mine": mine})` takes a decide function, or an `Algorithm` where
it has parameters; `execution.catalog.catalog_of` makes one catalog of them and the shipped ones.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.books.earlier import DayStats as DayStats
from floorbroker.domain.books.earlier import VolumeCurve as VolumeCurve
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.instrument import tick_of
from floorbroker.domain.terms import OrdType, Side, TimeInForce

#: What an algorithm remembers from one call to the next: a few words and numbers, journaled by
#: the engine where they change. Amounts are written as text.
Memo = Mapping[str, str | int]
#: More than any number here means.
MOST = 10**12
Params = TypeVar("Params", covariant=True)
#: Orders with these end with their auction, and cannot be taken back shortly before it.
AUCTIONS = frozenset({TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE})


class ParentRequest(Struct, frozen=True, kw_only=True):
    """What is asked: so much of a symbol, worked by an algorithm within a window of time.

    `params` are the algorithm's own, as people wrote them (JSON values); `execution.catalog`
    checks them and turns them into the algorithm's struct. `limit` is never exceeded.
    """

    side: Side
    symbol: str
    qty: Qty
    algo: str
    start_ns: int
    end_ns: int
    limit: Px | None = None
    params: dict[str, Any] = field(default_factory=dict)
    account: Account | None = None


class ChildState(StrEnum):
    """What may be asked of a child now."""

    WORKING = "working"  #: Acknowledged; it may be replaced or canceled.
    PENDING = "pending"  #: Not sent yet, or a request about it is unanswered; leave it alone.
    UNKNOWN = "unknown"  #: Nobody knows whether it is at the broker; it counts in full.


class OpenChild(Struct, frozen=True, kw_only=True):
    """One order of the parent's that may still fill."""

    cl_ord_id: ClOrdID
    order_qty: Qty
    cum_qty: Qty = ZERO_QTY
    leaves_qty: Qty  #: The most that may still fill, see above.
    ord_type: OrdType = OrdType.LIMIT
    price: Px | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    state: ChildState = ChildState.WORKING
    tag: str = ""  #: The word that `NewChild` gave it, or the last `ReplaceChild`.
    decided_ns: int = 0  #: When the algorithm decided to send it.
    priced_ns: int = 0  #: When its price was last decided: at first, or by a replace.

    @property
    def is_in_auction(self) -> bool:
        return self.time_in_force in AUCTIONS

    @property
    def may_be_asked(self) -> bool:
        """Whether a replace or a cancel may be sent for it."""
        return self.state is ChildState.WORKING


class ParentView(Struct, Generic[Params], frozen=True, kw_only=True):
    """A parent order as it stands now.

    `blocked` is the engine's reason why no new child may leave at present (a gate, a kill, a
    child in UNKNOWN, a limit, no budget), empty where there is none. `revision` counts replaces
    and resumes of the parent: who keeps a plan in the memo makes it anew. `refused_in_a_row`
    counts children that ended without being taken, since the last one that was.
    """

    request: ParentRequest
    params: Params
    filled: Qty = ZERO_QTY
    children: tuple[OpenChild, ...] = ()
    is_paused: bool = False
    blocked: str = ""
    memo: Memo = field(default_factory=dict)
    revision: int = 0
    sent_children: int = 0  #: How many were ever decided; counts on over restarts.
    last_sent_ns: int = 0  #: When the last one was decided.
    last_ended_ns: int = 0  #: When the last one ended, for whatever reason.
    refused_in_a_row: int = 0

    @property
    def leaves(self) -> Qty:
        """What is out and may still fill: in flight and UNKNOWN count in full."""
        return sum((child.leaves_qty for child in self.children), ZERO_QTY)

    @property
    def committed(self) -> Qty:
        """What is done or may be: the parent can send `qty` less this."""
        return self.filled + self.leaves

    @property
    def remaining(self) -> Qty:
        """What may still be sent; never negative."""
        return max(self.request.qty - self.committed, ZERO_QTY)


class Touch(Struct, frozen=True, kw_only=True):
    """The best bid and offer; a price of None means that nobody quotes that side.

    `time_ns` is the market's time of it. `includes_own` says whether our own resting orders are
    part of these sizes (at a real market they are, on a replayed tape they are not).
    """

    time_ns: int
    bid_px: Px | None
    bid_qty: Qty = ZERO_QTY
    ask_px: Px | None
    ask_qty: Qty = ZERO_QTY
    includes_own: bool = True

    @property
    def is_whole(self) -> bool:
        """Both sides, and not crossed; a locked market trades."""
        return self.bid_px is not None and self.ask_px is not None and self.bid_px <= self.ask_px

    def near(self, side: Side) -> Px:
        """Where an order of this side rests. Ask only of a quote that `is_whole`."""
        px = self.bid_px if side is Side.BUY else self.ask_px
        assert px is not None, "the rails let nobody decide without a whole quote"
        return px

    def near_qty(self, side: Side) -> Qty:
        return self.bid_qty if side is Side.BUY else self.ask_qty

    def far(self, side: Side) -> Px:
        """Where an order of this side is filled at once."""
        return self.near(side.opposite)

    def far_qty(self, side: Side) -> Qty:
        return self.near_qty(side.opposite)


class Imbalance(Struct, frozen=True, kw_only=True):
    """What an exchange tells before its auction; `side` is the side that has too much."""

    time_ns: int
    paired_qty: Qty
    imbalance_qty: Qty
    side: Side | None
    reference_px: Px | None = None


class MarketView(Struct, frozen=True, kw_only=True):
    """The symbol's market as it was known at the moment of the decision.

    `stale` is the giver's reason why the quote may not be relied on (feed lost, too old, never
    told), empty where it may: whoever has the feed can judge it, a quiet stock's old quote may be
    the true one. `volume` counts eligible prints since the parent's start (no auctions, nothing
    late); `own_volume` is how much of it was this desk's own, so that `others` never counts our
    prints. `session_*` bound today's regular session, half days included; None where the market
    never closes. `band_*` are the limit-up limit-down prices where they are known.
    """

    touch: Touch | None = None
    stale: str = ""
    volume: Qty = ZERO_QTY
    own_volume: Qty = ZERO_QTY
    last_px: Px | None = None
    is_halted: bool = False
    curve: VolumeCurve | None = None
    stats: DayStats = DayStats()
    lot: Decimal = Decimal(1)  #: The smallest step of a quantity.
    tick: Decimal | None = None  #: The step of a price; None: Rule 612, by price.
    session_open_ns: int | None = None
    session_close_ns: int | None = None
    band_low: Px | None = None
    band_high: Px | None = None
    imbalance: Imbalance | None = None

    @property
    def others(self) -> Qty:
        """Market volume since the start without our own prints."""
        return max(self.volume - self.own_volume, ZERO_QTY)

    @property
    def blind(self) -> str:
        """Why nobody can price an order now; empty where one can."""
        if self.is_halted:
            return "trading is halted"
        if self.stale:
            return f"the quote is stale: {self.stale}"
        if self.touch is None:
            return "there is no quote"
        return "" if self.touch.is_whole else "the quote is one-sided or crossed"

    def tick_at(self, px: Px) -> Decimal:
        return self.tick if self.tick is not None else tick_of(px)


class NewChild(Struct, frozen=True, kw_only=True, tag="new"):
    """Send this; `word` comes back as the child's `tag`."""

    qty: Qty
    price: Px | None = None
    ord_type: OrdType = OrdType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    word: str = ""


class ReplaceChild(Struct, frozen=True, kw_only=True, tag="replace"):
    """Change a child. `order_qty` is all that it may ever fill, what it has filled included."""

    cl_ord_id: ClOrdID
    price: Px | None = None
    order_qty: Qty | None = None
    word: str = ""


class CancelChild(Struct, frozen=True, kw_only=True, tag="cancel"):
    """Take a child back."""

    cl_ord_id: ClOrdID
    why: str = ""


ChildCommand = NewChild | ReplaceChild | CancelChild


class Decision(Struct, frozen=True, kw_only=True):
    """What to do now, and what to tell people.

    `target` is what the schedule wants done by now (None: it has none), so progress is `filled`
    against `target`. `why` says in a few words what the algorithm does or waits for. `wake_ns` is
    when it wants to be asked again at the latest, None: only when something happens. `memo`
    replaces the parent's memo; None leaves it. `withheld` is written by the rails alone: what the
    algorithm asked for and may not have, a sentence each. A shipped algorithm leaves it empty.
    """

    commands: tuple[ChildCommand, ...] = ()
    target: Qty | None = None
    why: str = ""
    wake_ns: int | None = None
    memo: Memo | None = None
    withheld: tuple[str, ...] = ()


class PlanPoint(Struct, frozen=True, kw_only=True):
    """What a schedule wants done in all, from `time_ns` on."""

    time_ns: int
    qty: Qty


Decide = Callable[[ParentView[Any], MarketView, int], Decision]
#: The whole schedule as far as it is known at the start, for people to see; pure, too.
Plan = Callable[[ParentView[Any], MarketView], tuple[PlanPoint, ...]]
#: Raises InvalidOrder for parameters that do not go together or with the order.
Check = Callable[[ParentRequest, Any], None]


class Within(Struct, frozen=True):
    """The range of a parameter, beside its type: `Annotated[Decimal, Within(0, 1)]`.

    Both ends are in it unless `is_open`.
    """

    least: Decimal | int
    most: Decimal | int
    is_open: bool = False

    def has(self, number: Decimal | int) -> bool:
        if self.is_open:
            return self.least < number < self.most
        return self.least <= number <= self.most

    def __str__(self) -> str:
        ends = "both excluded" if self.is_open else "both included"
        return f"from {self.least} to {self.most}, {ends}"


class NoParams(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of an algorithm without parameters."""


class Need(StrEnum):
    """What a market view must hold before a parent can begin."""

    CURVE = "volume curve"
    VOLUME = "market volume"
    QUOTE = "quote"


class Algorithm(Struct, frozen=True, kw_only=True):
    """An entry of the catalog: the function, its parameters, and what the engine must know."""

    decide: Decide
    params: type[Struct] = NoParams
    says: str = ""  #: One sentence for lists and help.
    plan: Plan | None = None
    check: Check | None = None
    needs: frozenset[Need] = frozenset()
    looks_back: bool = False  #: Wants to know what earlier days say, where somebody knows.
    on_quote: bool = False  #: Wants to be asked at every new quote.
    in_auctions: bool = False  #: May send before the regular session, and end after it.
    is_completing: bool = False  #: Ends with the whole quantity done where limit and cap allow.
    pulls_when_blind: bool = False  #: Takes its children back when quotes are stale.
