"""Parent orders on the real exchange under the virtual clock, and what must be true of them."""

import asyncio
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from floorbroker.clock import NS_PER_S
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.books.earlier import GIVEN, VolumeCurve
from floorbroker.domain.books.parents import ParentOrder, ParentState
from floorbroker.domain.errors import UnknownOrder
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.terms import Side
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.engine.parents.steward import SubmitParent, SwitchParent
from tests.boundaries import watch_journal, watch_transport
from tests.sim.world import World

SYMBOL = "AAPL"
#: One small order of each algorithm, ten minutes long.
ORDERS: dict[str, dict[str, Any]] = {
    "twap": {"params": {"slices": 5}},
    "vwap": {"params": {}, "curve": (3, 2, 1, 2, 3)},
    "pov": {"params": {"rate": "0.2"}},
    "is": {"params": {}},
    "iceberg": {"params": {"display": "100", "stand": "near"}},
    "pegged": {"params": {}},
    "sniper": {"params": {}},
}


def order(world: World, algo: str, *, qty: int = 1000, minutes: int = 10) -> ParentOrder:
    """A parent order that begins now, under an id that was never used."""
    told = ORDERS.get(algo, {"params": {}})
    start_ns = world.clock.now_ns()
    shares = tuple(map(Decimal, told.get("curve", ())))
    curve = VolumeCurve(edges_ns=(), shares=shares, source=GIVEN) if shares else None
    return ParentOrder(
        parent_id=world.engine.make_id(),
        account=Account("SIM"),
        side=Side.BUY,
        symbol=SYMBOL,
        qty=Qty(qty),
        algo=algo,
        start_ns=start_ns,
        end_ns=start_ns + minutes * 60 * NS_PER_S,
        limit=Px("200"),
        params=told["params"],
        curve=curve,
        transact_time=world.clock.now(),
    )


async def submit(world: World, algo: str, *, qty: int = 1000, minutes: int = 10) -> ClOrdID:
    asked = order(world, algo, qty=qty, minutes=minutes)
    await world.engine.parents.submit(SubmitParent(asked))
    return asked.parent_id


async def switch(world: World, name: ClOrdID, to: ParentState) -> ParentStatus:
    return await world.engine.parents.change(SwitchParent(parent_id=name, to=to))


async def check(world: World, name: ClOrdID) -> ParentStatus:
    """The exchange's truth agrees with the parent, and no child is there twice."""
    status = world.engine.parents.get(name)
    rows = [row for row in await world.orders() if row["client_order_id"].startswith(f"{name}~")]
    first = [row["client_order_id"] for row in rows if "." not in row["client_order_id"][8:]]
    assert len(first) == len(set(first)), "no child is sent twice"
    filled = sum((Decimal(row["filled_qty"]) for row in rows), Decimal(0))
    assert filled == status.filled.decimal
    assert filled <= status.qty.decimal
    assert world.replayed() == world.live()
    return status


def market(world: World, px: str = "100", size: int = 5000) -> None:
    mid = Decimal(px)
    world.quote(SYMBOL, mid - Decimal("0.01"), mid + Decimal("0.01"), size)


class Mortal(World):
    """A desk that dies at its boundary of this number, counted over all its lives.

    Whoever reaches it never goes on; `death` tells the story to pull the plug.
    """

    def __init__(self, seed: int, *, dies_at: int = 0) -> None:
        super().__init__(seed)
        self.dies_at = dies_at
        self.passed = 0
        self.death = asyncio.Event()

    def ports(self) -> tuple[Any, Any]:
        journal, way = super().ports()
        return watch_journal(journal, self._reached), watch_transport(way, self._reached)

    async def _reached(self, place: str, what: frozenset[str]) -> None:
        if place not in BOUNDARIES:
            return
        self.passed += 1
        if self.passed == self.dies_at:
            self.death.set()
            await asyncio.get_running_loop().create_future()


async def pass_by(world: World, second: int) -> None:
    """The market for a second: prints, and now and then somebody who sells into the bid."""
    if second % 2:
        await world.print_trade(SYMBOL, Decimal("99.99"), "50")
    market(world, "99.97" if second % 30 == 7 else "100")


#: A death anywhere else is one of these for the journal and the exchange.
BOUNDARIES = ("append", "appended", "request", "answered")


async def live_on(world: Mortal, seconds: int) -> None:
    """So much time passes, second by second, with prints; a death is followed by a start."""
    for second in range(seconds):
        if world.death.is_set():
            world.death.clear()
            await world.crash()
            await world.clock.sleep(3)
            await world.open()
        await world.clock.sleep(1)
        await pass_by(world, second)


async def worked(world: Mortal, asked: ParentOrder, seconds: int) -> ParentStatus:
    """Work the order through a death; who died before it was durable is asked again."""

    async def ask() -> None:
        await world.engine.parents.submit(SubmitParent(asked))

    world.run(ask())
    await live_on(world, seconds)
    try:
        world.engine.parents.get(asked.parent_id)
    except UnknownOrder:
        later = seconds * NS_PER_S
        again = replace(asked, start_ns=asked.start_ns + later, end_ns=asked.end_ns + later)
        await world.engine.parents.submit(SubmitParent(again))
        await live_on(world, seconds)
    return await check(world, asked.parent_id)
