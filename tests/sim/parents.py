"""Parent orders on the real exchange under the virtual clock, and what must be true of them."""

from decimal import Decimal
from typing import Any

from floorbroker.clock import NS_PER_S
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.books.parents import ParentOrder
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.terms import Side
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.engine.parents.steward import SubmitParent
from tests.sim.world import World

SYMBOL = "AAPL"
#: One small order of each algorithm, ten minutes long.
ORDERS: dict[str, dict[str, Any]] = {
    "twap": {"params": {"slices": 5}},
    "vwap": {"params": {}, "curve": (3, 2, 1, 2, 3)},
    "pov": {"params": {"rate": "0.2"}},
    "is": {"params": {}},
    "iceberg": {"params": {"display_qty": "100"}},
    "pegged": {"params": {}},
    "sniper": {"params": {}},
}


async def submit(world: World, algo: str, *, qty: int = 1000, minutes: int = 10) -> ClOrdID:
    told = ORDERS[algo]
    start_ns = world.clock.now_ns()
    name = world.engine.make_id()
    order = ParentOrder(
        parent_id=name,
        account=Account("SIM"),
        side=Side.BUY,
        symbol=SYMBOL,
        qty=Qty(qty),
        algo=algo,
        start_ns=start_ns,
        end_ns=start_ns + minutes * 60 * NS_PER_S,
        limit=Px("200"),
        params=told["params"],
        curve=tuple(map(Decimal, told.get("curve", ()))),
        transact_time=world.clock.now(),
    )
    await world.engine.parents.submit(SubmitParent(order))
    return name


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
