"""A scenario drawn from a seed: a market, a few callers, a swarm of faults, and some crashes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import Any

from floorbroker.brokers.alpaca.transport import DeliveryUnknown, NotDelivered
from floorbroker.clock import run_virtual
from floorbroker.deskwork.batch import cancel_all
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import JournalError, Refused
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import OrderRequest
from floorbroker.exchange.faults import FaultRule
from tests.sim.invariants import check
from tests.sim.world import SYMBOLS, World

ORDERS = 24
Draw = Callable[[Random], OrderRequest]
POST, ANY = "/v2/orders", "/v2/*"

#: One line a fault, with the chance with which it strikes where it is enabled.
SWARM = (
    FaultRule(kind="refuse", path=ANY, probability=0.1),
    FaultRule(kind="reset_before_accept", path=ANY, probability=0.1),
    FaultRule(kind="rate_limit", path=ANY, probability=0.1, retry_after_s=1),
    FaultRule(kind="server_error", path=ANY, probability=0.1, status=502),
    FaultRule(kind="delay", path=ANY, probability=0.1, seconds=3),
    FaultRule(kind="late_answer", path=ANY, probability=0.2, seconds=5),
    FaultRule(kind="accept_then_504", path=POST, method="POST", probability=0.3),
    FaultRule(kind="accept_then_hang", path=POST, method="POST", probability=0.2, seconds=120),
    FaultRule(kind="reset_after_accept", path=ANY, probability=0.2),
    FaultRule(kind="garbage_body", path=ANY, probability=0.1),
    FaultRule(kind="truncated_body", path=ANY, probability=0.1),
    FaultRule(kind="deliver_twice", path=POST, method="POST", probability=0.3),
    FaultRule(kind="late_visibility", path=POST, method="POST", probability=0.3, seconds=20),
    FaultRule(kind="late_visibility", path=POST, method="POST", probability=0.1, seconds=100),
    FaultRule(kind="stream_lose", probability=0.3),
    FaultRule(kind="stream_duplicate", probability=0.3),
    FaultRule(kind="stream_reorder", probability=0.2),
    FaultRule(kind="stream_delay", probability=0.2, seconds=4),
    FaultRule(kind="stream_garbage", probability=0.05),
    FaultRule(kind="stream_unknown_event", probability=0.05),
    FaultRule(kind="stream_mute", probability=0.02, seconds=60),
    FaultRule(kind="stream_disconnect", probability=0.05),
    FaultRule(kind="partial_fills", probability=0.5, max_qty="3"),
    FaultRule(kind="fill_during_cancel", probability=0.3),
    FaultRule(kind="async_reject", probability=0.05),
)


def play(seed: int, draw: Draw | None = None) -> bytes:
    """Run the scenario of this seed to its end and check the truth; returns the journal's head.

    `draw` makes up the orders, by default simple ones of every kind.
    """
    return run_virtual(lambda: _played(seed, draw or _request), seed=seed, limit_s=7200)


async def _played(seed: int, draw: Draw) -> bytes:
    dice = Random(f"scenario {seed}")
    enabled = [rule for rule in SWARM if dice.random() < 0.25]
    world = World(seed, enabled)
    market = asyncio.create_task(_market(world, Random(f"market {seed}")))
    await world.open_at_last()
    crashes = sorted(dice.uniform(0, 60) for _ in range(dice.choice((0, 0, 1, 2, 4))))
    for left in range(len(crashes) + 1):
        share = ORDERS // (len(crashes) + 1)
        desk = world.run(_callers(world, Random(f"callers {seed} {left}"), share, draw))
        if left < len(crashes):
            await world.clock.sleep(dice.uniform(0, 15))
            await world.crash()
            await world.open_at_last()
        else:
            await desk
    world.heal()
    await world.clock.sleep(200)
    unknown = world.engine.health().unknown_orders
    assert unknown == 0, f"I20 {unknown} orders UNKNOWN long after the last fault"
    await _end_all(world)
    assert market.cancel(), f"the market ended early: {market.exception()}"
    await asyncio.gather(market, return_exceptions=True)
    await world.clock.sleep(150)
    await check(world)
    await world.close()
    return world.journal.head().hash


async def _market(world: World, dice: Random) -> None:
    """Quotes that wander, so that resting orders fill now and then.

    After the last fault fewer but longer steps go as far: what is left to see is the end.
    """
    mid = {symbol: Decimal(100) for symbol in SYMBOLS}
    while True:
        stride = 2 if world.is_healed else 1
        for symbol in SYMBOLS:
            mid[symbol] += stride * Decimal(dice.randint(-30, 30)) / 100
            half = Decimal(dice.randint(1, 5)) / 100
            size = dice.choice((1, 5, 100))
            world.quote(symbol, mid[symbol] - half, mid[symbol] + half, size)
        await world.clock.sleep(stride**2 * dice.uniform(0.1, 1.0))


async def _callers(world: World, dice: Random, count: int, draw: Draw) -> None:
    callers = [_caller(world, Random(dice.getrandbits(64)), draw) for _ in range(count)]
    await asyncio.gather(*callers, _stranger(world, Random(dice.getrandbits(64))))


async def _stranger(world: World, dice: Random) -> None:
    """Somebody who trades the same account by hand, now and then."""
    for _ in range(dice.choice((0, 0, 0, 3))):
        await world.clock.sleep(dice.uniform(0, 10))
        with suppress(AssertionError, NotDelivered, DeliveryUnknown):  # the faults hit anybody
            await world.place_elsewhere("buy", dice.randint(1, 5), dice.choice(SYMBOLS))


async def _caller(world: World, dice: Random, draw: Draw) -> None:
    """One order's caller: places it, perhaps changes its mind once or twice."""
    await world.clock.sleep(dice.uniform(0, 20))
    with suppress(Refused, JournalError):
        order = await world.engine.submit(draw(dice))
        for _ in range(dice.choice((0, 0, 1, 2))):
            await world.clock.sleep(dice.uniform(0, 5))
            name = dice.choice((order.cl_ord_id, *order.legs)) if order.legs else order.cl_ord_id
            await _change(world, name, dice)


async def _change(world: World, cl_ord_id: ClOrdID, dice: Random) -> None:
    what = dice.choice(("cancel", "price", "qty"))
    if what == "cancel":
        await world.engine.cancel(cl_ord_id)
    elif what == "price":
        await world.engine.replace(cl_ord_id, price=_price(dice))
    else:
        await world.engine.replace(cl_ord_id, order_qty=Qty(dice.randint(1, 30)))


def _price(dice: Random) -> Px:
    return Px(Decimal(10_000 + dice.randint(-150, 150)) / 100)


def _request(dice: Random) -> OrderRequest:
    side, symbol = dice.choice(("buy", "sell")), dice.choice(SYMBOLS)
    kind = dice.choice(("market", "limit", "limit", "limit", "fraction", "notional", "stop"))
    qty = dice.randint(1, 20)
    if kind == "market":
        return OrderRequest.market(side, qty, symbol)
    if kind == "fraction":
        return OrderRequest.market("buy", f"{qty}.5", symbol)
    if kind == "notional":
        return OrderRequest.market("buy", None, symbol, notional=qty * 100)
    if kind == "stop":
        price = 80 if side == "sell" else 120
        return OrderRequest.stop(side, qty, symbol, stop_price=price)
    tif = dice.choice(("day", "gtc", "ioc"))
    return OrderRequest.limit(side, qty, symbol, limit_price=_price(dice), time_in_force=tif)


def grouped(dice: Random) -> OrderRequest:
    """A bracket or an OTO around the market, an OCO for shares that may be there, or a simple
    order that makes some."""
    side, symbol, qty = dice.choice(("buy", "sell")), dice.choice(SYMBOLS), dice.randint(2, 20)
    kind = dice.choice(("bracket", "bracket", "oto", "oco", "market"))
    near, far = Decimal(100 + dice.randint(1, 2)), Decimal(100 - dice.randint(1, 2))
    profit, loss = (near, far) if side == "buy" else (far, near)
    entry = dice.choice((None, None, Px(100)))
    if kind == "bracket":
        prices: Any = {"take_profit": profit, "stop_loss": loss, "limit_price": entry}
        return OrderRequest.bracket(side, qty, symbol, **prices)
    if kind == "oto":
        leg: Any = dice.choice(({"take_profit": profit}, {"stop_loss": loss}))
        return OrderRequest.oto(side, qty, symbol, limit_price=entry, **leg)
    if kind == "oco":
        return OrderRequest.oco(side, qty, symbol, take_profit=loss, stop_loss=profit)
    return OrderRequest.market(side, qty, symbol)


async def _end_all(world: World) -> None:
    """Cancel until nothing is open, as somebody who goes home would."""
    for _ in range(20):
        if not world.engine.open_orders():
            return
        await cancel_all(world.engine)
        await world.clock.sleep(10)
