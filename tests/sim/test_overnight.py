"""An overnight order of a desk: placed on Sunday evening, it lives until Monday at 20:00."""

from datetime import UTC, datetime
from decimal import Decimal

from floorbroker.clock import ns_of, run_virtual
from floorbroker.domain.amounts import Qty
from floorbroker.domain.lifecycle import OrdStatus
from floorbroker.domain.messages import Alarm, PositionAdjusted, Reconciliation
from floorbroker.domain.order import OrderRequest
from tests.sim.world import World

MINUTE_S = 60.0
#: Sunday, 2026-06-07, 21:00 in New York.
SUNDAY_NS = ns_of(datetime(2026, 6, 8, 1, tzinfo=UTC))


async def until(world: World, moment: datetime) -> None:
    await world.clock.sleep((ns_of(moment) - world.clock.now_ns()) / 10**9)


async def offer(world: World, qty: int) -> None:
    """So many shares at the order's price."""
    world.quote("AAPL", Decimal("99.99"), Decimal(100), qty)
    await world.clock.sleep(MINUTE_S)


def complaints(world: World) -> list[object]:
    """What the desk found alarming, or different from the broker's book."""
    told = world.messages()
    breaks = [one for each in told if isinstance(each, Reconciliation) for one in each.breaks]
    return [*breaks, *(one for one in told if isinstance(one, Alarm | PositionAdjusted))]


def test_a_desks_overnight_order_lives_through_its_trade_date() -> None:
    async def main() -> None:
        world = World(7, start_ns=SUNDAY_NS)
        await world.open()
        request = OrderRequest.limit(
            "buy", 100, "AAPL", limit_price="100", time_in_force="day", extended_hours=True
        )
        name = (await world.engine.submit(request)).cl_ord_id
        await world.clock.sleep(1)
        assert world.order(name).ord_status is OrdStatus.NEW, "it works at night"
        await offer(world, 30)
        assert world.order(name).cum_qty == Qty(30)
        await world.crash()
        await world.open()
        hours = (
            (datetime(2026, 6, 8, 8, 30, tzinfo=UTC), 20),  # 04:30, pre-market
            (datetime(2026, 6, 8, 14, 0, tzinfo=UTC), 10),  # the regular session
            (datetime(2026, 6, 8, 21, 0, tzinfo=UTC), 5),  # 17:00, after hours
        )
        filled = 30
        for moment, qty in hours:
            await until(world, moment)
            await offer(world, qty)
            filled += qty
            order = world.order(name)
            assert order.cum_qty == Qty(filled)
            assert order.ord_status is OrdStatus.PARTIALLY_FILLED
        await until(world, datetime(2026, 6, 8, 23, 59, tzinfo=UTC))
        assert world.order(name).ord_status is OrdStatus.PARTIALLY_FILLED
        await until(world, datetime(2026, 6, 9, 0, 1, tzinfo=UTC))
        order = world.order(name)
        assert (order.ord_status, str(order.cum_qty)) == (OrdStatus.EXPIRED, str(filled))
        assert await world.broker_positions() == {"AAPL": Decimal(filled)}
        assert not complaints(world)
        await world.close()

    run_virtual(main, seed=7, limit_s=200_000)


def test_a_desks_overnight_order_waits_for_the_morning_where_nights_are_disabled() -> None:
    async def main() -> None:
        world = World(7, start_ns=SUNDAY_NS)
        await world.open()
        await world.configure(disable_overnight_trading=True)
        request = OrderRequest.limit(
            "buy", 100, "AAPL", limit_price="100", time_in_force="day", extended_hours=True
        )
        name = (await world.engine.submit(request)).cl_ord_id
        await offer(world, 500)
        order = world.order(name)
        assert (str(order.cum_qty), order.ord_status.is_open) == ("0", True)
        await until(world, datetime(2026, 6, 8, 8, 1, tzinfo=UTC))
        assert world.order(name).ord_status is OrdStatus.FILLED
        assert not complaints(world)
        await world.close()

    run_virtual(main, seed=7, limit_s=200_000)
