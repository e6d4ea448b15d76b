"""What should have become of the account's cash: the last count, and our executions since."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.amounts import ZERO_MONEY, Money
from floorbroker.domain.books.breaks import CashCount
from floorbroker.domain.order import Fill, Side

#: How many activities are remembered as counted: those of some weeks.
COUNTED_MAX = 2000
#: The broker's answers about its time and its cash may be so old.
UNSURE = timedelta(seconds=60)
#: How many executions are remembered from about the first count.
EARLY_MAX = 200


class CashBook(Struct, kw_only=True):
    """Moves with each execution that is booked, and with each count.

    `basis` is what the cash should have been at the last count, None before the first one.
    `rounded` is what was traded, each execution rounded to the cent. `early` are executions from
    about the first count and before that were booked after its reading: the broker's cash may have
    had them, up to some instant.
    """

    basis: Money | None = None
    traded: Money = ZERO_MONEY
    rounded: Money = ZERO_MONEY
    executions: int = 0
    has_parts: bool = False  #: An execution was worth a part of a cent, ever.
    counted: list[str] = []
    until: datetime | None = None  #: When it was counted last, on the broker's clock.
    early: list[tuple[datetime, Money]] = []
    first: datetime | None = None  #: When it was counted first.

    def booked(self, fills: Iterable[Fill]) -> None:
        """Executions, busts as negative ones."""
        for fill in fills:
            value = Money.of(Decimal(fill.last_qty) * Decimal(fill.last_px))
            value = -value if fill.side is Side.BUY else value
            cents = value.rounded_to_cent()
            self.has_parts = self.has_parts or cents != value
            self.traded += value
            self.rounded += cents
            self.executions += 1
            if self.first is None or fill.transact_time <= self.first + UNSURE:
                self.early.append((fill.transact_time, value))
                del self.early[:-EARLY_MAX]

    def take(self, count: CashCount) -> None:
        """The cash was counted; what was executed meanwhile goes on counting."""
        if self.basis is None:
            meanwhile = self.executions - count.executions
            self.early = self.early[-meanwhile:] if meanwhile else []
        elif count.executions:
            self.early = []
        self.basis, self.until = count.cash, count.until
        self.first = self.first or count.until
        self.traded -= count.traded
        self.rounded -= count.rounded
        self.executions -= count.executions
        self.counted = [*self.counted, *count.activity_ids][-COUNTED_MAX:]

    def adjust(self, amount: Money) -> None:
        """Money that nothing explains was taken over."""
        if self.basis is not None:
            self.basis += amount
