"""Asks the broker how everything stands: after a gap, at intervals, and to compare the books."""

from datetime import datetime
from typing import Protocol

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.compare.orders import Theirs
from floorbroker.engine.settings import Means


class World(Protocol):
    """How the surveyor sees the engine; what it sees is committed."""

    def orders(self) -> list[Order]: ...

    def about(self, found: ExecutionReport) -> Order | None: ...

    def since(self) -> datetime | None: ...

    def deliver(self, found: ExecutionReport) -> None: ...

    async def settled(self) -> None: ...


class Surveyor:
    """Reads the broker's books and delivers what they say; writes nothing."""

    def __init__(self, means: Means, world: World) -> None:
        self._broker = means.broker
        self._world = world

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
