"""Brackets, OCOs and OTOs on the exchange in memory: each Order at each step of its life, told by
the desk that saw it and by a desk that was killed there and came back."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from floorbroker.clock import run_virtual
from floorbroker.domain.amounts import Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import Order, OrderRequest
from floorbroker.exchange.faults import FaultRule
from tests.sim.world import World

Life = Callable[["Stage"], Awaitable[None]]
PRICES = {"take_profit": "110", "stop_loss": "90"}


class Stage:
    """A world in which the price of AAPL is what a test says, and a desk that may be killed after
    every step."""

    def __init__(self, world: World, *, is_killed: bool) -> None:
        self.world = world
        self._is_killed = is_killed
        self.name = ClOrdID("")

    async def market(self, px: int, size: int = 1000) -> None:
        """A cent around the price, and a print of it, for stops."""
        price, cent = Decimal(px), Decimal("0.01")
        self.world.quote("AAPL", price - cent, price + cent, size)
        await self.world.print_trade("AAPL", price)
        await self.step()

    async def bid(self, px: int, size: int) -> None:
        """So many shares are wanted at the price, and no more."""
        self.world.quote("AAPL", Decimal(px), Decimal(px) + Decimal("0.02"), size)
        await self.step()

    async def offer(self, px: int, size: int) -> None:
        """So many shares are offered at the price, and no more."""
        self.world.quote("AAPL", Decimal(px) - Decimal("0.01"), Decimal(px), size)
        await self.step()

    async def step(self) -> None:
        await self.world.clock.sleep(1)
        if self._is_killed:
            await self.world.crash()
            await self.world.open()
        assert self.world.replayed() == self.world.live()

    async def submit(self, request: OrderRequest) -> None:
        order = await self.world.engine.submit(request)
        self.name = order.cl_ord_id
        await self.step()

    def order(self, leg: str = "") -> Order:
        return self.world.order(f"{self.name}/{leg}" if leg else self.name)

    def stands(self, *legs: str) -> list[str]:
        return [f"{one.ord_status} {one.cum_qty}/{one.order_qty}" for one in map(self.order, legs)]

    def position(self) -> Qty:
        found = self.world.engine.positions().get("AAPL")
        return Qty(0) if found is None else found.qty


def lived(life: Life, *, is_killed: bool, faults: tuple[FaultRule, ...] = ()) -> None:
    """Play it to its end, when the books must agree and nothing was alarming."""

    async def play() -> None:
        world = World(1, faults)
        stage = Stage(world, is_killed=False)
        await world.open()
        await stage.market(100)
        stage = Stage(world, is_killed=is_killed)
        await life(stage)
        compared = await world.engine.reconcile()
        assert compared.breaks == ()
        alarms = [one for one in world.messages() if isinstance(one, Alarm)]
        assert alarms == []
        await world.close()

    run_virtual(play, seed=1, limit_s=7200)


LIVES: list[Life] = []


def life(told: Life) -> Life:
    LIVES.append(told)
    return told


@life
async def a_bracket_takes_its_profit(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", **PRICES))
    assert stage.stands("", "tp", "sl") == ["filled 100/100", "new 0/100", "held 0/100"]
    assert stage.order().legs == (f"{stage.name}/tp", f"{stage.name}/sl")
    assert [stage.order(leg).parent for leg in ("tp", "sl")] == [stage.name] * 2
    await stage.bid(110, 30)
    assert stage.stands("tp", "sl") == ["partially_filled 30/100", "held 0/70"]
    await stage.bid(110, 70)
    assert stage.stands("", "tp", "sl") == ["filled 100/100", "filled 100/100", "canceled 0/70"]
    assert stage.position() == 0


@pytest.mark.parametrize("told", LIVES, ids=lambda told: told.__name__)
@pytest.mark.parametrize("is_killed", [False, True], ids=["living", "killed_at_every_step"])
def test_each_order_stands_right_at_each_step(
    told: Life,
    is_killed: bool,
) -> None:
    lived(told, is_killed=is_killed)
