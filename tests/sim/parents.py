"""Parent orders on the real exchange under the virtual clock, and what must be true of them."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from floorbroker.clock import NS_PER_S, run_virtual
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.books.earlier import GIVEN, VolumeCurve
from floorbroker.domain.books.parents import ParentOrder, ParentState
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import NewOrderSingle
from floorbroker.domain.terms import Side
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.engine.parents.steward import SubmitParent, SwitchParent
from floorbroker.engine.settings import EngineSettings
from floorbroker.execution.algos.port import Decision, NewChild
from floorbroker.execution.catalog import catalog_of
from tests.boundaries import watch_journal, watch_transport
from tests.sim.world import ORIGIN_NS, World

SYMBOL = "AAPL"
#: 15:46 in New York, and 09:25: the auctions' orders go three and two minutes later.
CLOSING, OPENING = ORIGIN_NS + 20_760 * NS_PER_S, ORIGIN_NS - 2_100 * NS_PER_S
#: One small order of each algorithm, ten minutes long where nothing else is said.
ORDERS: dict[str, dict[str, Any]] = {
    "twap": {"params": {"slices": 5}},
    "vwap": {"params": {}, "curve": (3, 2, 1, 2, 3)},
    "pov": {"params": {"rate": "0.2"}},
    "is": {"params": {}},
    "iceberg": {"params": {"display": "100", "stand": "near"}},
    "pegged": {"params": {"display": "50"}},
    "sniper": {"params": {"max_clip": "40"}},
    "close": {"params": {}, "at": CLOSING, "minutes": 18},
    "open": {"params": {}, "at": OPENING, "minutes": 9},
}


def start_of(algo: str) -> int:
    """When the world of such an order begins."""
    at: int = ORDERS[algo].get("at", ORIGIN_NS)
    return at


def minutes_of(algo: str, otherwise: int) -> int:
    """How long such an order takes: an auction has its own time."""
    found: int = ORDERS[algo].get("minutes", otherwise)
    return found


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

    def __init__(self, seed: int, *, start_ns: int = ORIGIN_NS, dies_at: int = 0) -> None:
        super().__init__(seed, start_ns=start_ns)
        self.dies_at = dies_at
        self.passed = 0
        self.death = asyncio.Event()

    def order_qty(self, name: ClOrdID) -> Qty:
        """The size that a child was written down with."""
        (asked,) = (
            one.order.order_qty
            for one in self.messages()
            if isinstance(one, NewOrderSingle) and one.cl_ord_id == name
        )
        assert asked is not None
        return asked

    def ports(self) -> tuple[Any, Any]:
        journal, way = super().ports()
        return watch_journal(journal, self._reached), watch_transport(way, self._reached)

    async def _reached(self, place: str, what: frozenset[str]) -> None:
        if place not in BOUNDARIES or any(one.startswith("GET ") for one in what):
            return
        self.passed += 1
        if self.passed == self.dies_at:
            self.death.set()
            await asyncio.get_running_loop().create_future()


async def pass_by(world: World, second: int) -> None:
    """The market for a second: prints, and now and then somebody who sells into the bid. Outside
    of the session they are large: one of them is the auction."""
    if second % 2:
        is_early = world.clock.now_ns() < ORIGIN_NS - 1790 * NS_PER_S
        is_late = world.clock.now_ns() > ORIGIN_NS + 21_590 * NS_PER_S
        await world.print_trade(SYMBOL, Decimal("99.99"), "5000" if is_early or is_late else "50")
    market(world, "99.97" if second % 30 == 7 else "100")


#: A death anywhere else is one of these for the journal and the exchange; a question changes
#: neither.
BOUNDARIES = ("append", "appended", "request", "answered", "frame")


async def worked(world: Mortal, asked: ParentOrder, seconds: int) -> ParentStatus:
    """Work the order for so long, second by second, with prints. A death is followed by a start;
    who died before the order was durable is asked again."""

    async def ask() -> None:
        await world.engine.parents.submit(SubmitParent(asked))

    world.run(ask())
    for second in range(seconds):
        if world.death.is_set():
            world.death.clear()
            await world.crash()
            await world.clock.sleep(3)
            await world.open()
            if not any(one.parent_id == asked.parent_id for one in world.engine.parents.list()):
                world.run(ask())
        await world.clock.sleep(1)
        await pass_by(world, second)
    return await check(world, asked.parent_id)


def story(
    play: Callable[[World], Coroutine[Any, Any, None]],
    algos: Any = None,
    *,
    settings: EngineSettings | None = None,
    start_ns: int = ORIGIN_NS,
) -> None:
    """Play it on a market that stands still."""

    async def whole() -> None:
        world = World(1, settings=settings, start_ns=start_ns)
        world.algos = catalog_of(algos)
        await world.open()
        market(world)
        await play(world)
        await world.close()

    run_virtual(whole, seed=1, limit_s=100_000)


def resting(parent: Any, view: Any, now_ns: int) -> Decision:
    """Somebody's own algorithm: all of it rests at the bid."""
    if not parent.remaining or view.touch is None:
        return Decision(why="rests", wake_ns=now_ns + NS_PER_S)
    child = NewChild(qty=parent.remaining, price=Px("99"), word="rest")
    return Decision(commands=(child,), why="sends", memo={"sent": parent.sent_children + 1})


def greedy(parent: Any, view: Any, now_ns: int) -> Decision:
    """Somebody's own algorithm that knows no end."""
    child = NewChild(qty=parent.request.qty, price=Px("99"))
    return Decision(commands=(child, child), why="more", wake_ns=now_ns + NS_PER_S)


def broken(parent: Any, view: Any, now_ns: int) -> Decision:
    raise ZeroDivisionError("a defect")


OWN: Any = {"resting": resting, "greedy": greedy, "broken": broken}
