"""Busts, corrections and corporate actions as the desk learns of them: what it books is what the
exchange has, whoever was down when it happened."""

from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.clock import NS_PER_S, run_virtual
from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import Halted
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    Alarm,
    BreakApproved,
    BreakCause,
    NewOrderSingle,
    PositionAdjusted,
)
from floorbroker.domain.order import Fill, OrderRequest, OrdStatus, Side
from floorbroker.domain.terms import TimeInForce
from floorbroker.engine.compare.approve import Approve
from floorbroker.exchange.accounts import VenueAccount
from tests.sim.world import KEYS, World
from tests.unit.exchange_actions.kit import split

PX = Decimal(100)
CENT = Decimal("0.01")


def truth(world: World) -> VenueAccount:
    return world.front.server.venue.account(KEYS.key_id.reveal())


async def trade(world: World, side: Side, qty: int, px: Decimal) -> ClOrdID:
    world.quote("AAPL", px, px + CENT, 1000)
    order = OrderRequest.market(side, qty, "AAPL")
    placed = await world.engine.submit(order)
    await world.clock.sleep(1)
    return placed.cl_ord_id


async def revise(world: World, how: str) -> None:
    """The first fill was none, or another one."""
    venue = world.front.server.venue
    first = venue.executions[0].execution_id
    if how == "bust":
        venue.bust(first)
    else:
        venue.correct(first, qty=Decimal(8), price=Decimal("99.5"))
    world.front.server.commit()
    await world.clock.sleep(1)


async def check_books(world: World, names: list[ClOrdID]) -> None:
    """Position, average and cash of the desk are those of the exchange."""
    await world.clock.sleep(90)
    compared = await world.engine.reconcile()
    assert [one for one in compared.breaks if one.is_open] == []
    account = truth(world)
    ours, theirs = world.engine.positions()["AAPL"], account.positions["AAPL"]
    assert ours.qty == theirs.qty
    assert ours.avg_entry_px is not None
    assert abs(Decimal(ours.avg_entry_px) - theirs.avg_entry_price) < Decimal("1e-9")
    cash = account.starting_cash
    for order in map(world.order, names):
        sign = 1 if order.side is Side.BUY else -1
        cash -= sum(
            (sign * Decimal(fill.last_qty) * Decimal(fill.last_px) for fill in order.fills),
            Decimal(0),
        )
    assert cash == account.cash
    assert world.replayed() == world.live()


@pytest.mark.parametrize("down", ["nobody", "desk", "exchange"])
@pytest.mark.parametrize("how", ["bust", "correct"])
def test_the_desk_books_a_revision_exactly(how: str, down: str, tmp_path: Path) -> None:
    async def play() -> None:
        world = World(1)
        path = tmp_path / "exchange.sqlite"
        await world.keep_exchange(path)
        await world.open()
        names = [
            await trade(world, Side.BUY, 10, PX),
            await trade(world, Side.BUY, 6, PX + 3),
            await trade(world, Side.SELL, 2, PX + 5),
        ]
        if down != "nobody":
            await world.crash()
        await revise(world, how)
        if down == "exchange":
            await world.keep_exchange(path)
        if down != "nobody":
            await world.open()
        await check_books(world, names)
        alarms = [one.name for one in world.messages() if isinstance(one, Alarm)]
        assert alarms == ["trade_cancel" if how == "bust" else "trade_correct"]
        await world.close()

    run_virtual(play, seed=1, limit_s=10_000)


MIDNIGHT_NS = 1_780_372_800 * NS_PER_S  # with which the second of June begins in New York
HOUR_NS = 3600 * NS_PER_S


async def until(world: World, time_ns: int) -> None:
    """The exchange's clock jumps; the desk hears of what happened."""
    server = world.front.server
    server.advance_to(time_ns)
    server.commit()
    await world.clock.sleep(30)


@pytest.mark.proves("S24", "C32")
@pytest.mark.parametrize("is_down", [False, True])
def test_a_split_is_a_break_that_says_so_and_orders_go_on_on_the_brokers_terms(
    is_down: bool,
) -> None:
    async def play() -> None:
        world = World(1, corporate_actions=(split(1, 4, ex_date="2026-06-02"),))
        await world.open()
        await trade(world, Side.BUY, 10, PX)
        limit = OrderRequest.limit(
            Side.BUY, 5, "AAPL", limit_price=80, time_in_force=TimeInForce.GOOD_TILL_CANCEL
        )
        name = (await world.engine.submit(limit)).cl_ord_id
        await world.clock.sleep(1)
        if is_down:
            await world.crash()
        await until(world, MIDNIGHT_NS + 1)
        if is_down:
            await world.open()
        compared = await world.engine.reconcile()
        (found,) = (one for one in compared.breaks if one.is_open)
        assert (found.cause, found.subject) == (BreakCause.CORPORATE_ACTION, "AAPL")
        assert (found.ours, found.theirs) == ("10", "40")
        assert found.evidence == "SPLIT of 2026-06-02: 10 AAPL became 40"
        order = world.order(name)
        assert (order.ord_status, order.order_qty) == (OrdStatus.NEW, Qty(20))
        assert order.request.price == 20
        await until(world, MIDNIGHT_NS + 11 * HOUR_NS)
        world.quote("AAPL", Decimal("19.98"), Decimal("19.99"), 8)
        await world.clock.sleep(1)
        order = world.order(name)
        assert (order.ord_status, order.cum_qty) == (OrdStatus.PARTIALLY_FILLED, Qty(8))
        world.quote("AAPL", Decimal("19.97"), Decimal("19.98"), 100)
        await world.clock.sleep(1)
        order = world.order(name)
        assert (order.ord_status, order.cum_qty) == (OrdStatus.FILLED, Qty(20))
        assert [one.name for one in world.messages() if isinstance(one, Alarm)] == []
        await approved(world, found.break_id)
        assert world.replayed() == world.live()
        await world.close()

    run_virtual(play, seed=1, limit_s=10_000)


async def approved(world: World, break_id: str) -> None:
    """The split is in the book: as many shares as the broker has, for what they cost."""
    with pytest.raises(Halted, match=f"{break_id} is open .corporate action: ours"):
        await world.engine.submit(OrderRequest.market(Side.SELL, 1, "AAPL"))
    compared = await world.engine.approve(
        Approve(break_id=break_id, by="Jane Doe", note="the split of June")
    )
    assert compared.open_breaks == ()
    position = world.engine.positions()["AAPL"]
    assert position.qty == 40 + 20
    bought_later = sum(
        Decimal(fill.last_px) * Decimal(fill.last_qty) for fill in last_fills(world)
    )
    assert Decimal(position.cost) == 10 * (PX + CENT) + bought_later
    (approval,) = (one for one in world.messages() if isinstance(one, BreakApproved))
    assert (approval.approved_by, approval.note) == ("Jane Doe", "the split of June")
    assert approval.found.proposal is not None
    assert approval.found.proposal.qty == 30
    (adjusted,) = (one for one in world.messages() if isinstance(one, PositionAdjusted))
    assert (adjusted.break_id, adjusted.approved_by) == (break_id, "Jane Doe")
    await world.engine.submit(OrderRequest.market(Side.SELL, 1, "AAPL"))


def last_fills(world: World) -> list[Fill]:
    """Those after the first order, which was before the split."""
    return [
        fill
        for message in world.messages()
        if isinstance(message, NewOrderSingle) and message.order.price is not None
        for fill in world.order(message.cl_ord_id).fills
    ]
