"""Messages about what stands over every order: kills, states, limits, the arming."""

from datetime import datetime
from enum import StrEnum

from floorbroker.domain.books.kinds import KillLevel
from floorbroker.domain.books.message import Message
from floorbroker.domain.ids import Account


class RiskState(StrEnum):
    """What new orders may do: of the desk, in a symbol, or of a strategy."""

    ACTIVE = "active"  #: Anything that no other control denies.
    REDUCING = "reducing"  #: Make a position smaller, nothing else.
    HALTED = "halted"  #: Nothing.


class KillSwitched(Message, frozen=True, kw_only=True):
    """Somebody stopped trading: nothing that adds risk is sent until TradingResumed.

    `latch_id` names the latch that said so. Who writes a latch closes the positions himself.
    """

    level: KillLevel
    reason: str
    by: str
    may_reduce: bool = False
    latch_id: str = ""


class TradingResumed(Message, frozen=True, kw_only=True):
    """Somebody lifted the kill: orders are taken again."""

    reason: str
    by: str


class RiskStateChanged(Message, frozen=True, kw_only=True):
    """A control, or somebody, changed what new orders may do.

    With a `symbol` it is about that symbol, with a `strategy` about its orders, and without either
    about the desk. `control` is the control's id; empty where a person did it.
    """

    state: RiskState
    cause: str
    by: str
    control: str = ""
    symbol: str = ""
    strategy: str | None = None  #: Orders that name none are a strategy, too: "".


class LimitsChanged(Message, frozen=True, kw_only=True):
    """Somebody changed one limit; it holds from `effective_time` on.

    `scope` is desk, account, strategy or symbol, and `whose` names which. Values are JSON, as
    they were and as they will be.
    """

    name: str
    old: str
    new: str
    by: str
    effective_time: datetime
    scope: str = "desk"
    whose: str = ""
    reason: str = ""


class Armed(Message, frozen=True, kw_only=True):
    """Somebody allowed live trading until `expires_time`, for this build and these limits alone.

    Without `expires_time` live trading was disarmed.
    """

    account: Account
    by: str
    version: str = ""
    identity: str = ""  #: Of code, settings and limits; see `engine.standing.identity`.
    expires_time: datetime | None = None
    cause: str = ""
