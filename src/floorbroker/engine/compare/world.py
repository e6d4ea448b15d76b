"""How those who compare see the engine; what they see of it is committed."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Protocol

from floorbroker.domain.books.breaks import Break
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecutionReport, JournalMessage, Reconciliation
from floorbroker.domain.order import Order
from floorbroker.domain.position import Position
from floorbroker.engine.book.cash import CashBook
from floorbroker.engine.compare.approve import Approve
from floorbroker.engine.compare.orders import Theirs


class World(Protocol):
    def orders(self) -> list[Order]: ...

    def positions(self) -> dict[str, Position]: ...

    def order(self, cl_ord_id: ClOrdID) -> Order | None: ...

    def about(self, found: ExecutionReport) -> Order | None: ...

    def is_identifying(self, found: ExecutionReport) -> bool:
        """Whether it is still being found out whose execution this is."""
        ...

    def strangers(self) -> list[Order]:
        """Orders from elsewhere: those that live, and those that ended lately."""
        ...

    async def traded(self, since: datetime) -> list[Order]:
        """Orders that live, or have traded since, which is on the broker's own clock."""
        ...

    def long_since(self) -> datetime | None: ...

    def whole_until(self) -> datetime | None: ...

    def safe_time(self) -> datetime | None: ...

    def adopted_time(self) -> datetime | None: ...

    def last(self) -> Reconciliation | None: ...

    def cash_book(self) -> CashBook: ...

    def deliver(self, found: Any) -> None: ...

    async def record(self, messages: tuple[JournalMessage, ...]) -> None: ...

    async def settled(self) -> None: ...

    def approve(self, command: Approve) -> Awaitable[None]: ...


class Survey(Protocol):
    """Asks the broker how each open order stands."""

    async def sweep(self) -> list[Theirs]: ...

    def caught_up(self) -> list[Break]:
        """What the stream had missed and was caught up with."""
        ...
