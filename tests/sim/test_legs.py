"""Brackets, OCOs and OTOs on the exchange in memory: each Order at each step of its life, told by
the desk that saw it and by a desk that was killed there and came back."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from floorbroker.clock import run_virtual
from floorbroker.deskwork.batch import cancel_all
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import Order, OrderRequest
from floorbroker.exchange.faults import FaultRule
from tests.sim.world import World

Life = Callable[["Stage"], Awaitable[None]]
PRICES: dict[str, Any] = {"take_profit": "110", "stop_loss": "90"}


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

    async def close_of_day(self) -> None:
        await self.world.clock.sleep(6 * 3600 + 120)
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

    run_virtual(play, seed=1, limit_s=40_000)


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


@life
async def a_bracket_bounds_its_loss(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", **PRICES))
    await stage.bid(110, 30)
    await stage.market(90)
    await stage.market(89)
    assert stage.stands("tp", "sl") == ["canceled 30/100", "filled 70/70"]
    assert stage.position() == 0


@life
async def a_bracket_waits_for_all_of_its_entry(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", limit_price=99, **PRICES))
    assert stage.stands("", "tp", "sl") == ["new 0/100", "held 0/100", "held 0/100"]
    await stage.offer(99, 40)
    assert stage.stands("", "tp", "sl") == ["partially_filled 40/100", "held 0/100", "held 0/100"]
    await stage.offer(99, 60)
    assert stage.stands("", "tp", "sl") == ["filled 100/100", "new 0/100", "held 0/100"]
    await stage.market(111)
    assert stage.stands("tp", "sl")[0] == "filled 100/100"
    assert stage.order("sl").ord_status == "canceled"


@life
async def an_entry_filled_in_part_and_canceled_ends_its_legs(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", limit_price=99, **PRICES))
    await stage.offer(99, 40)
    await stage.world.engine.cancel(stage.name)
    await stage.step()
    assert stage.stands("", "tp", "sl") == ["canceled 40/100", "canceled 0/100", "canceled 0/100"]
    assert stage.position() == 40


@life
async def a_canceled_leg_of_a_waiting_bracket_ends_all_of_it(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", limit_price=95, **PRICES))
    await stage.world.engine.cancel(stage.order("sl").cl_ord_id)
    await stage.step()
    assert stage.stands("", "tp", "sl") == ["canceled 0/100"] * 3


@life
async def a_canceled_leg_of_a_filled_bracket_ends_the_other(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", **PRICES))
    await stage.world.engine.cancel(stage.order("tp").cl_ord_id)
    await stage.step()
    assert stage.stands("", "tp", "sl") == ["filled 100/100", "canceled 0/100", "canceled 0/100"]
    assert stage.position() == 100


@life
async def canceling_all_ends_a_waiting_bracket(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", limit_price=95, **PRICES))
    await cancel_all(stage.world.engine)
    await stage.step()
    assert stage.stands("", "tp", "sl") == ["canceled 0/100"] * 3
    assert list(stage.world.engine.errors) == []


@life
async def canceling_all_ends_a_pair(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", **PRICES))
    await cancel_all(stage.world.engine)
    await stage.step()
    assert stage.stands("tp", "sl") == ["canceled 0/100"] * 2
    assert list(stage.world.engine.errors) == []


@life
async def an_entry_that_expires_ends_its_legs(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", limit_price=95, **PRICES))
    await stage.close_of_day()
    assert [stage.order(leg).ord_status for leg in ("", "tp", "sl")] == [
        "expired",
        "canceled",
        "canceled",
    ]


@life
async def both_legs_of_a_filled_day_bracket_expire(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", **PRICES))
    await stage.close_of_day()
    assert stage.stands("", "tp", "sl") == ["filled 100/100", "expired 0/100", "expired 0/100"]


@life
async def a_leg_is_replaced_and_still_ends_the_other(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", **PRICES))
    profit = await stage.world.engine.replace(stage.order("tp").cl_ord_id, price=Px(105))
    await stage.step()
    assert (stage.order("tp").request.price, len(stage.order("tp").replaces)) == (Px(105), 1)
    assert stage.order("tp").wire_id == f"{profit.cl_ord_id}.1"
    await stage.bid(105, 40)
    assert stage.stands("tp", "sl") == ["partially_filled 40/100", "held 0/60"]
    await stage.market(106)
    assert stage.stands("tp")[0] == "filled 100/100"
    assert stage.order("sl").ord_status == "canceled"


@life
async def a_held_stop_is_replaced_once_it_counts(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", **PRICES))
    await stage.world.engine.replace(stage.order("sl").cl_ord_id, stop_px=Px(95))
    await stage.step()
    assert stage.stands("tp", "sl") == ["new 0/100", "held 0/100"]
    assert stage.order("sl").request.stop_px == 95
    await stage.market(95)
    await stage.market(94)
    assert stage.stands("tp", "sl") == ["canceled 0/100", "filled 100/100"]


@life
async def a_held_stop_of_a_waiting_bracket_stays_as_it_is(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", limit_price=95, **PRICES))
    refused = await stage.world.engine.replace(stage.order("sl").cl_ord_id, stop_px=Px(91))
    assert refused.ord_status == "pending_replace"  # such a no has been said of orders that were
    await stage.world.clock.sleep(150)
    await stage.step()
    assert "never took effect" in stage.order("sl").text
    assert stage.stands("", "tp", "sl") == ["new 0/100", "held 0/100", "held 0/100"]
    assert stage.order("sl").request.stop_px == 90


@life
async def a_replaced_entry_hands_its_size_to_its_legs(stage: Stage) -> None:
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", limit_price=95, **PRICES))
    await stage.world.engine.replace(stage.name, order_qty=Qty(60))
    await stage.world.clock.sleep(20)
    await stage.step()
    assert stage.stands("", "tp", "sl") == ["new 0/60", "held 0/60", "held 0/60"]
    await stage.market(94)
    assert stage.stands("", "tp", "sl") == ["filled 60/60", "new 0/60", "held 0/60"]
    await stage.market(111)
    assert stage.position() == 0


@life
async def an_oco_takes_its_profit(stage: Stage) -> None:
    await stage.submit(OrderRequest.market("buy", 100, "AAPL"))
    await stage.submit(OrderRequest.oco("sell", 100, "AAPL", **PRICES))
    assert stage.stands("", "sl") == ["new 0/100", "held 0/100"]
    await stage.bid(110, 40)
    assert stage.stands("", "sl") == ["partially_filled 40/100", "held 0/60"]
    await stage.bid(110, 60)
    assert stage.stands("") == ["filled 100/100"]
    assert stage.order("sl").ord_status == "canceled"
    assert stage.position() == 0


@life
async def an_oco_bounds_its_loss(stage: Stage) -> None:
    await stage.submit(OrderRequest.market("buy", 100, "AAPL"))
    await stage.submit(OrderRequest.oco("sell", 100, "AAPL", stop_loss_limit=88, **PRICES))
    await stage.market(90)
    await stage.market(89)
    assert stage.stands("", "sl") == ["canceled 0/100", "filled 100/100"]
    assert stage.position() == 0


@life
async def an_oco_is_canceled_with_its_leg(stage: Stage) -> None:
    await stage.submit(OrderRequest.market("buy", 100, "AAPL"))
    await stage.submit(OrderRequest.oco("sell", 100, "AAPL", **PRICES))
    await stage.bid(110, 40)
    await stage.world.engine.cancel(stage.name)
    await stage.step()
    assert stage.stands("", "sl") == ["canceled 40/100", "canceled 0/60"]


@life
async def an_oco_expires_with_its_leg(stage: Stage) -> None:
    await stage.submit(OrderRequest.market("buy", 100, "AAPL"))
    await stage.submit(OrderRequest.oco("sell", 100, "AAPL", **PRICES))
    await stage.close_of_day()
    assert stage.stands("", "sl") == ["expired 0/100", "expired 0/100"]


@life
async def an_oco_is_replaced_and_keeps_its_leg(stage: Stage) -> None:
    await stage.submit(OrderRequest.market("buy", 100, "AAPL"))
    await stage.submit(OrderRequest.oco("sell", 100, "AAPL", **PRICES))
    await stage.world.engine.replace(stage.name, price=Px(105))
    await stage.step()
    assert stage.stands("", "sl") == ["new 0/100", "held 0/100"]
    assert stage.order().request.price == 105
    await stage.market(90)
    await stage.market(89)
    assert stage.stands("", "sl") == ["canceled 0/100", "filled 100/100"]


@life
async def an_oto_stops_at_its_leg(stage: Stage) -> None:
    await stage.submit(
        OrderRequest.oto("buy", 100, "AAPL", limit_price=99, stop_loss=90, stop_loss_limit=89)
    )
    assert stage.stands("", "sl") == ["new 0/100", "held 0/100"]
    await stage.offer(99, 40)
    assert stage.stands("", "sl") == ["partially_filled 40/100", "held 0/100"]
    await stage.offer(99, 60)
    assert stage.stands("", "sl") == ["filled 100/100", "new 0/100"]
    await stage.market(90)
    assert stage.stands("", "sl") == ["filled 100/100", "filled 100/100"]
    assert stage.position() == 0


@life
async def an_oto_takes_its_profit_short(stage: Stage) -> None:
    await stage.submit(OrderRequest.oto("sell", 100, "AAPL", take_profit=90))
    assert stage.stands("", "tp") == ["filled 100/100", "new 0/100"]
    await stage.offer(90, 30)
    assert stage.stands("", "tp") == ["filled 100/100", "partially_filled 30/100"]
    await stage.world.engine.cancel(stage.order("tp").cl_ord_id)
    await stage.step()
    assert stage.stands("", "tp") == ["filled 100/100", "canceled 30/100"]
    assert stage.position() == -70


@life
async def an_oto_expires(stage: Stage) -> None:
    await stage.submit(OrderRequest.oto("buy", 100, "AAPL", limit_price=95, take_profit=110))
    await stage.close_of_day()
    assert [stage.order(leg).ord_status for leg in ("", "tp")] == ["expired", "canceled"]


@life
async def a_refused_bracket_has_no_legs(stage: Stage) -> None:
    far: dict[str, Any] = {"take_profit": "99", "stop_loss": "90"}
    await stage.submit(OrderRequest.bracket("buy", 100, "AAPL", **far))
    assert stage.order().ord_status == "rejected"
    assert stage.world.engine.order(ClOrdID(f"{stage.name}/tp")) is None


@pytest.mark.parametrize("told", LIVES, ids=lambda told: told.__name__)
@pytest.mark.parametrize("is_killed", [False, True], ids=["living", "killed_at_every_step"])
def test_each_order_stands_right_at_each_step(
    told: Life,
    is_killed: bool,
) -> None:
    lived(told, is_killed=is_killed)
