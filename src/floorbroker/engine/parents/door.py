"""The door to parent orders: commands in, committed statuses out."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Protocol

from msgspec.structs import replace

from floorbroker.domain.errors import UnknownOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.engine import decide
from floorbroker.engine.parents.board import Board, ParentStatus, Reader
from floorbroker.engine.parents.feeder import Feeder
from floorbroker.engine.parents.session import session_of
from floorbroker.engine.parents.steward import (
    Pen,
    ReplaceParent,
    Steward,
    SubmitParent,
    SwitchParent,
)
from floorbroker.engine.settings import Means
from floorbroker.engine.state import State
from floorbroker.execution.catalog import Catalog


class Box(Protocol):
    """The inbox, as far as it is needed here."""

    def post(self, item: Any) -> None: ...

    def ask(self, item: Any) -> "asyncio.Future[Any]": ...

    def check_alive(self) -> None: ...

    @property
    def failed(self) -> "asyncio.Future[BaseException]": ...


class Parents:
    """Everything that works the parent orders of one state."""

    def __init__(self, means: Means, inbox: Box, state: State, catalog: Catalog) -> None:
        self.catalog = catalog
        self.board = Board(means.settings, state.parents.own)
        self._cache = means.cache
        self.feeder = Feeder(means, self.board, state.parents, catalog, deliver=inbox.post)
        self._inbox = inbox
        for parent in state.parents.all():
            self.board.show(parent, state)

    def steward(self, pen: Pen, rules: decide.Rules) -> Steward:
        return Steward(pen, rules, self.catalog, self.board)

    async def submit(self, command: SubmitParent) -> ParentStatus:
        """Begin to work the order; raises InvalidOrder, DuplicateClOrdID, Halted, and BrokerError
        where the broker does not tell its session."""
        session_ns = await session_of(self._cache, command.order)
        order = replace(command.order, session_ns=session_ns)
        await self.feeder.tell(order.symbol, [order])
        await self._inbox.ask(SubmitParent(order))
        return self.get(order.parent_id)

    async def change(self, command: SwitchParent | ReplaceParent) -> ParentStatus:
        """Pause, resume, cancel or replace; raises UnknownOrder, InvalidOrder."""
        await self._inbox.ask(command)
        return self.get(command.parent_id)

    def get(self, parent_id: ClOrdID) -> ParentStatus:
        """The parent order, live or ended lately; raises UnknownOrder."""
        found = self.board.statuses.get(parent_id)
        if found is None:
            raise UnknownOrder(f"parent_id: {parent_id} is no parent order of this desk")
        return self.board.status(found)

    def list(self) -> list[ParentStatus]:
        """Live ones and those that ended lately, oldest first."""
        return [self.board.status(one) for one in self.board.statuses.values()]

    async def wait(self, parent_id: ClOrdID) -> ParentStatus:
        """The parent order once it has ended; raises UnknownOrder, or what ended the engine."""
        with self.board.reading() as reader:
            status = self.get(parent_id)
            while not status.is_ended:
                await self._came(reader)
                status = reader.news.get(parent_id) or status
                reader.take()
        return status

    async def updates(self) -> AsyncGenerator[ParentStatus, None]:
        """Every parent order that changes from now on, durable before it is seen; of one that
        changes faster than it is read, the newest. Raises what ended the engine."""
        with self.board.reading() as reader:
            while True:
                await self._came(reader)
                for status in reader.take():
                    yield status

    async def _came(self, reader: Reader) -> None:
        """Something changed, or nothing ever will again."""
        self._inbox.check_alive()
        came = asyncio.ensure_future(reader.came.wait())
        ends: list[asyncio.Future[Any]] = [came, self._inbox.failed]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            came.cancel()
        if not reader.news:
            self._inbox.check_alive()
