"""Asks the broker how everything stands: after a gap, at intervals, and to compare the books."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar

from floorbroker.domain.books.breaks import Break, BreakCause
from floorbroker.domain.errors import BrokerError, BrokerRejected
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book import counts
from floorbroker.engine.compare import fills, findings
from floorbroker.engine.compare.orders import Theirs, order_breaks
from floorbroker.engine.settings import Means

#: What catching up repairs.
_REPAIRED = (BreakCause.LATE_ACK, BreakCause.MISSED_FILL)
#: A question of a catch-up is put so often again before the catch-up begins anew.
_AGAIN = 4

Found = TypeVar("Found")


class World(Protocol):
    """How the surveyor sees the engine; what it sees is committed."""

    def orders(self) -> list[Order]: ...

    def about(self, found: ExecutionReport) -> Order | None: ...

    def since(self) -> datetime | None: ...

    def deliver(self, found: ExecutionReport) -> None: ...

    async def settled(self) -> None: ...


class _Asked(Protocol):
    """Puts one question to the broker."""

    async def __call__(self, ask: Callable[[], Awaitable[Found]], /) -> Found: ...


async def _once(ask: Callable[[], Awaitable[Found]]) -> Found:
    return await ask()


class Surveyor:
    """Reads the broker's books and delivers what they say; writes nothing."""

    def __init__(self, means: Means, world: World) -> None:
        self._broker = means.broker
        self._clock = means.clock
        self._errors = means.errors
        self._delays_s = means.settings.retry_delays_s[:_AGAIN]
        self._world = world
        self._has_caught_up = False
        self._missed: list[tuple[ExecutionReport, Order | None]] = []
        self._late: list[Break] = []

    # Catching up

    async def catch_up(self) -> None:
        """Deliver everything that may have been missed; returns when it is in the book.

        One question that fails is put again, not all of them: orders wait until this is through.
        Raises BrokerError if the broker could not be asked.
        """
        since = self._world.since()
        if since is not None:
            for found in await self._insist(lambda: self._broker.executions(since=since)):
                self._note(found)
                self._world.deliver(found)
            for found in await self._insist(lambda: self._broker.orders_since(since)):
                self._note_late([Theirs(ours=self._world.about(found), found=found)])
                self._world.deliver(found)
        pairs = await self._swept(self._insist)
        self._note_late(pairs)
        self._has_caught_up = True
        await self._world.settled()

    async def _insist(self, ask: Callable[[], Awaitable[Found]]) -> Found:
        for delay_s in self._delays_s:
            try:
                return await ask()
            except BrokerRejected:
                raise
            except BrokerError as problem:
                self._errors.append(problem)
            await self._clock.sleep(delay_s)
        return await ask()

    def _note(self, found: ExecutionReport) -> None:
        """Remember what a stream that was up should have told; what was before the start is the
        recovery's to tell."""
        about = self._world.about(found)
        if self._has_caught_up and (about is None or not counts.is_booked(about, found)):
            self._missed.append((found, about))

    def _note_late(self, pairs: list[Theirs]) -> None:
        if self._has_caught_up:
            self._late += [one for one in order_breaks(pairs) if one.cause in _REPAIRED]

    def caught_up(self) -> list[Break]:
        """What was missed and is repaired since somebody asked last; told once."""
        missed, late = self._missed, self._late
        self._missed, self._late = [], []
        executions = (fills.missing_break(one, about, is_booked=True) for one, about in missed)
        return [*executions, *findings.repaired(late, [])]

    async def sweep(self) -> list[Theirs]:
        """How each open order stands, theirs and ours; delivered, and returned for comparison."""
        return await self._swept(_once)

    async def _swept(self, asked: _Asked) -> list[Theirs]:
        before = self._world.orders()
        pairs = []
        listed: dict[ClOrdID, None] = {}
        for found in await asked(self._broker.open_orders):
            ours = self._world.about(found)
            if ours is not None and ours.order_id in (None, found.order_id):
                listed[ours.cl_ord_id] = None  # its predecessor in the list says nothing of it
            pairs.append(Theirs(ours=ours, found=found))
            self._world.deliver(found)
        for ours in before:
            if ours.cl_ord_id not in listed:
                pairs += await self._unlisted(ours, asked)
        return pairs

    async def _unlisted(self, ours: Order, asked: _Asked) -> list[Theirs]:
        order_id = ours.order_id
        if order_id is not None:
            found = await asked(lambda: self._broker.order(order_id))
        elif ours.venue_status is OrdStatus.UNKNOWN:
            found = await asked(lambda: self._broker.look_up(ours.cl_ord_id))
        else:
            return []  # it has not been answered yet
        if found is None:
            return [Theirs(ours=self._now(ours), found=None)]
        self._world.deliver(found)
        # It may have ended while we asked; it is ours all the same.
        return [Theirs(ours=self._world.about(found), found=found)]

    def _now(self, ours: Order) -> Order | None:
        """The order as it stands by now; None once it has ended, when nothing is missing."""
        live = {order.cl_ord_id: order for order in self._world.orders()}
        return live.get(ours.cl_ord_id)
