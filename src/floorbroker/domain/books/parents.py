"""What is journaled of parent orders: asked for, worked in steps, switched, changed, ended."""

from enum import StrEnum
from typing import Any

from msgspec import field

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.books.earlier import DayStats, VolumeCurve
from floorbroker.domain.books.message import Message
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.terms import Side


class ParentState(StrEnum):
    """How a parent order stands."""

    WORKING = "working"
    PAUSED = "paused"  #: Its children are taken back, and no new one leaves.
    CANCELING = "canceling"  #: It ends once none of its children can fill any more.
    DONE = "done"  #: Filled in full.
    EXPIRED = "expired"  #: Its time was over first.
    CANCELED = "canceled"

    @property
    def is_ended(self) -> bool:
        return self in (ParentState.DONE, ParentState.EXPIRED, ParentState.CANCELED)


class ParentOrder(Message, frozen=True, kw_only=True):
    """So much of a symbol is to be worked by an algorithm from `start_ns` to `end_ns`.

    `params` are the algorithm's own, as text. `curve` and `stats` are what earlier days say of the
    symbol; a curve whose source is `given` is stretched over the parent's time.
    """

    parent_id: ClOrdID
    account: Account
    side: Side
    symbol: str
    qty: Qty
    algo: str
    start_ns: int
    end_ns: int
    limit: Px | None = None
    params: dict[str, Any] = field(default_factory=dict)
    curve: VolumeCurve | None = None
    stats: DayStats = DayStats()
    strategy: str = ""
    #: The regular session that it lives in, as the broker's calendar has it; None: no end.
    session_ns: tuple[int, int] | None = None


class ParentStep(Message, frozen=True, kw_only=True):
    """The algorithm was asked, and what follows stands behind this in the same batch.

    `count` children were ever numbered, these included; `children` names those that are new or
    get a new price, with the algorithm's word for each. One that a gate or a control refuses has
    a BusinessMessageReject and no order. `withheld` is what the parent's own bounds kept back.
    """

    parent_id: ClOrdID
    count: int
    children: dict[ClOrdID, str] = field(default_factory=dict)
    memo: dict[str, str | int] | None = None  #: None leaves it as it is.
    target: Qty | None = None
    why: str = ""
    wake_ns: int | None = None
    withheld: tuple[str, ...] = ()


class ParentSwitched(Message, frozen=True, kw_only=True):
    """Somebody paused, resumed or canceled the parent order."""

    parent_id: ClOrdID
    to: ParentState
    by: str = ""
    reason: str = ""


class ParentReplaced(Message, frozen=True, kw_only=True):
    """Somebody changed the parent order; None leaves a field as it is, `qty` is the total."""

    parent_id: ClOrdID
    qty: Qty | None = None
    limit: Px | None = None
    end_ns: int | None = None
    params: dict[str, Any] | None = None


class ParentEnded(Message, frozen=True, kw_only=True):
    """Nothing of it can fill any more, and nothing more is sent."""

    parent_id: ClOrdID
    outcome: ParentState
    filled: Qty
    cost: Money
    text: str = ""
