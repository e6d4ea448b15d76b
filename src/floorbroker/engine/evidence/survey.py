"""Asks the broker how everything stands: after a gap, at intervals, and to compare the books."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from msgspec.structs import replace

from floorbroker.brokers.port import ActivityKind, PositionReport
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import (
    Break,
    BreakCause,
    ExecutionReport,
    JournalMessage,
    Reconciliation,
)
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.domain.position import Position
from floorbroker.engine.decide import LookForStuck
from floorbroker.engine.reconcile import (
    Theirs,
    adoption,
    explained,
    order_breaks,
    position_breaks,
    repaired,
)
from floorbroker.engine.settings import Means

_RECORD_EVERY_S = 300.0
_NO_TRADES = frozenset(ActivityKind) - {ActivityKind.FILL}


class World(Protocol):
    """How the surveyor sees the engine; what it sees is committed."""

    def orders(self) -> list[Order]: ...

    def positions(self) -> dict[str, Position]: ...

    def about(self, found: ExecutionReport) -> Order | None: ...

    def since(self) -> datetime | None: ...

    def long_since(self) -> datetime | None: ...

    def whole_until(self) -> datetime | None: ...

    def safe_time(self) -> datetime | None: ...

    def is_adopted(self) -> bool: ...

    def deliver(self, found: ExecutionReport | LookForStuck) -> None: ...

    async def record(self, messages: tuple[JournalMessage, ...]) -> None: ...

    async def settled(self) -> None: ...


class Surveyor:
    """Reads the broker's books and delivers what they say; writes only comparisons."""

    def __init__(self, means: Means, world: World) -> None:
        self._broker, self._clock = means.broker, means.clock
        self._settings, self._errors = means.settings, means.errors
        self._world = world
        self._one_at_a_time = asyncio.Lock()
        self._last: tuple[Break, ...] = ()

    # Catching up

    async def catch_up(self) -> None:
        """Deliver everything that may have been missed; returns when it is in the book.

        Raises BrokerError if the broker could not be asked.
        """
        since = self._world.since()
        if since is not None:
            for found in await self._broker.executions(since=since):
                self._world.deliver(found)
            for found in await self._broker.orders_since(since):
                self._world.deliver(found)
        await self.sweep()
        await self._world.settled()

    async def sweep(self) -> list[Theirs]:
        """How each open order stands, theirs and ours; delivered, and returned for comparison."""
        before = self._world.orders()
        pairs = []
        listed: dict[ClOrdID, None] = {}
        for found in await self._broker.open_orders():
            ours = self._world.about(found)
            if ours is not None and ours.order_id in (None, found.order_id):
                listed[ours.cl_ord_id] = None  # its predecessor in the list says nothing of it
            pairs.append(Theirs(ours=ours, found=found))
            self._world.deliver(found)
        for ours in before:
            if ours.cl_ord_id not in listed:
                pairs += await self._unlisted(ours)
        return pairs

    async def _unlisted(self, ours: Order) -> list[Theirs]:
        if ours.order_id is not None:
            found = await self._broker.order(ours.order_id)
        elif ours.venue_status is OrdStatus.UNKNOWN:
            found = await self._broker.look_up(ours.cl_ord_id)
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

    # Comparing

    async def reconcile(self, *, is_routine: bool = False) -> Reconciliation:
        """Compare orders, executions and positions; repair what the evidence allows.

        A routine comparison that finds what the last one found is not written down again. Raises
        BrokerError if the broker could not be asked.
        """
        async with self._one_at_a_time:
            return await self._reconcile(is_routine)

    async def _reconcile(self, is_routine: bool) -> Reconciliation:  # noqa: FBT001  (private)
        is_first = not self._world.is_adopted()
        whole_until = self._world.whole_until()
        if is_first:
            whole_until = (await self._broker.market_phase()).broker_time
        pairs, breaks = await self._compare_orders()
        theirs, found = await self._compare_positions()
        adjusted: list[JournalMessage] = []
        if is_first:
            taken, explained = adoption(
                found, theirs, account=self._account, now=self._clock.now()
            )
            adjusted, found = list(taken), explained
        compared = Reconciliation(
            account=self._account,
            orders_compared=pairs,
            positions_compared=len({*self._world.positions(), *(p.symbol for p in theirs)}),
            breaks=(*breaks, *found),
            broker_time=whole_until,
            transact_time=self._clock.now(),
        )
        is_due = compared.breaks != self._last or self._is_stale(whole_until)
        if is_first or is_due or not is_routine:
            await self._world.record((*adjusted, compared))
        self._last = compared.breaks
        return compared

    def _is_stale(self, whole_until: datetime | None) -> bool:
        """After a crash all since the last record is asked for: keep that short."""
        safe = self._world.safe_time()
        if whole_until is None or safe is None:
            return False
        return whole_until - safe > timedelta(seconds=_RECORD_EVERY_S)

    @property
    def _account(self) -> Account:
        return self._broker.account

    async def _compare_orders(self) -> tuple[int, list[Break]]:
        """Differences that are there at once may be on their way to us; those that stay are
        breaks, and the sweep itself has delivered the repair."""
        pairs = await self.sweep()
        found = order_breaks(pairs)
        if not any(one.is_open for one in found):
            return len(pairs), found
        await self._world.settled()
        await self._clock.sleep(self._settings.fills_delay_s)
        again = await self.sweep()
        await self._world.settled()
        after = order_breaks(self._refreshed(again))
        return len(again), repaired(found, after) + _new(after, found)

    def _refreshed(self, pairs: list[Theirs]) -> list[Theirs]:
        live = {order.cl_ord_id: order for order in self._world.orders()}
        return [
            replace(pair, ours=live[pair.ours.cl_ord_id])
            for pair in pairs
            if pair.ours is not None and pair.ours.cl_ord_id in live
        ]

    async def _compare_positions(self) -> tuple[list[PositionReport], list[Break]]:
        """Executions on their way explain a difference; so may some that we never heard of."""
        theirs, found = await self._positions()
        first = found
        if found:
            await self._clock.sleep(self._settings.fills_delay_s)
            theirs, first = await self._positions()
        if not first:
            return theirs, []
        since = self._world.long_since()
        if since is not None:
            for execution in await self._broker.executions(since=since):
                self._world.deliver(execution)
        await self._world.settled()
        theirs, after = await self._positions()
        if after and since is not None:
            after = explained(after, await self._broker.activities(_NO_TRADES, since=since))
        closed = [
            replace(one, cause=BreakCause.MISSED_FILL) if not one.is_open else one
            for one in repaired(first, after)
        ]
        return theirs, closed + _new(after, first)

    async def _positions(self) -> tuple[list[PositionReport], list[Break]]:
        theirs = await self._broker.positions()
        return theirs, position_breaks(self._world.positions(), theirs)

    # At intervals

    async def watch_orders(self) -> None:
        """Sweep for ever; cancels that nothing came of raise an alarm on the way."""
        while True:
            await self._clock.sleep(self._settings.poll_orders_s)
            await self._tried(self.sweep)
            self._world.deliver(LookForStuck())

    async def watch_positions(self) -> None:
        """Reconcile for ever."""
        while True:
            await self._clock.sleep(self._settings.poll_positions_s)
            await self._tried(lambda: self.reconcile(is_routine=True))

    async def _tried(self, ask: Callable[[], Awaitable[object]]) -> None:
        """A broker that does not answer is asked again next time; that proves nothing."""
        try:
            await ask()
        except BrokerError as problem:
            self._errors.append(problem)


def _new(after: list[Break], before: list[Break]) -> list[Break]:
    known = {(found.cause, found.subject) for found in before}
    return [found for found in after if (found.cause, found.subject) not in known]
