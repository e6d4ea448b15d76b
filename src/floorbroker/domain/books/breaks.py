"""Differences between our book and the broker's: about what, why, and what repairs them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from floorbroker.domain.amounts import Money, Px, Qty


class BreakKind(StrEnum):
    """Which comparison found it."""

    ORDER = "order"  #: Orders, ours and theirs.
    POSITION = "position"  #: Shares of one symbol.
    FILL = "fill"  #: Executions, one by one.
    CASH = "cash"  #: The account's cash.


class BreakCause(StrEnum):
    """Why our book and the broker's differ."""

    MISSED_FILL = "missed_fill"  #: The broker has an execution that we had not booked.
    LATE_ACK = "late_ack"  #: The broker knows more of the order than we had heard.
    EXTERNAL_ORDER = "external_order"  #: An order that was not placed through this desk.
    EXTERNAL_POSITION = "external_position"  #: Shares that no fill of ours explains.
    CORPORATE_ACTION = "corporate_action"  #: A split or the like, by the broker's own list.
    MISSING_ORDER = "missing_order"  #: An order of ours that the broker does not list.
    TERMS_DIFFER = "terms_differ"  #: Same id, other symbol, side or size: stop and look.
    UNKNOWN = "unknown"  #: Nothing that we know explains it.
    BROKER_ACTION = "broker_action"  #: The broker traded on its own, as in a liquidation.
    REVISION = "revision"  #: An execution was busted or corrected.
    FEE = "fee"  #: A fee, by the broker's own list.
    TRANSFER = "transfer"  #: Money or shares paid in, out or over; interest.
    ROUNDING = "rounding"  #: Cents that come of rounding executions.


class Proposal(Struct, frozen=True, kw_only=True):
    """What an approval carries out, so that our book says what the broker's does.

    `qty` shares of `symbol` come at `px` each; where `cost` is given the cost of the position
    changes by that instead, and nothing is realised. `cash` comes to the cash. With neither, the
    difference is taken note of and stands.
    """

    symbol: str = ""
    qty: Qty = Qty.of(Decimal(0))
    px: Px = Px.of(Decimal(0))
    cost: Money | None = None
    cash: Money = Money.of(Decimal(0))

    @property
    def changes_books(self) -> bool:
        return bool(self.qty or self.cash)


class Break(Struct, frozen=True, kw_only=True):
    """One difference between our book and the broker's.

    It keeps its id for as long as it is found again; `difference` is theirs without ours.
    """

    cause: BreakCause
    subject: str  #: The ClOrdID, the symbol, the execution, or `cash`.
    ours: str
    theirs: str
    evidence: str
    repair: str  #: What was done, or what to do.
    is_open: bool
    kind: BreakKind = BreakKind.ORDER
    symbol: str = ""  #: Empty where it is about none.
    difference: str = ""
    break_id: str = ""
    found_time: datetime | None = None
    proposal: Proposal | None = None
    approved_by: str = ""
    note: str = ""  #: Why, in the words of whoever approved it.

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same break when it is found again."""
        return self.kind, self.subject, self.difference or self.cause


class CashCount(Struct, frozen=True, kw_only=True):
    """The account's cash was counted: `cash` is what it should be from here on.

    The sums are of our executions since the count before, and of the broker's activities that
    were no trade, which are counted once, by their ids.
    """

    cash: Money
    traded: Money = Money.of(Decimal(0))
    rounded: Money = Money.of(Decimal(0))  #: The same, each execution rounded to the cent.
    executions: int = 0
    activity_ids: tuple[str, ...] = ()
    until: datetime | None = None  #: On the broker's clock.
