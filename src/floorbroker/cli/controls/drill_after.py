"""How each post-trade control is made to fire: what is real, held against what lacks a piece."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorbroker.clock import SystemClock
from floorbroker.desk import Desk
from floorbroker.domain.amounts import Money
from floorbroker.domain.books.breaks import Break
from floorbroker.domain.order import Order, OrderRequest
from floorbroker.engine.book.cash import CashBook
from floorbroker.engine.compare import cash, fills, orders, positions
from floorbroker.posttrade.surveillance.pack import day_pack
from floorbroker.posttrade.surveillance.patterns import self_trades

Drill = Callable[[Desk], Awaitable[str]]


async def _filled(desk: Desk, side: str) -> Order:
    placed = await desk.submit_order(OrderRequest.market(side, 3, "F"))
    return await desk.wait(placed.cl_ord_id, timeout_s=10)


async def position(desk: Desk) -> str:
    """The broker's real positions against a book that has none."""
    await _filled(desk, "buy")
    theirs = await desk.get_broker_positions(max_age_s=0)
    ours = {one.symbol: one for one in await desk.get_positions()}
    if positions.position_breaks(ours, theirs):
        return ""
    return _said(positions.position_breaks({}, theirs))


async def order(desk: Desk) -> str:
    """A resting order that is at the broker and in no book of ours."""
    rest = await desk.submit_order(OrderRequest.limit("buy", 1, "F", limit_price="1.00"))
    assert rest.order_id is not None, "the exchange has answered"
    found = await desk.guards.parts.broker.order(rest.order_id)
    await desk.cancel_order(rest.cl_ord_id)
    return _said(orders.order_breaks([orders.Theirs(ours=None, found=found)]))


async def fill(desk: Desk) -> str:
    """The broker's real executions against a book that lacks those of one order."""
    done = await _filled(desk, "buy")
    since = done.created_time - timedelta(hours=1)
    listed = await desk.guards.parts.broker.executions(since=since)
    mine = [one for one in listed if one.order_id == done.order_id]
    until = desk.clock.now()
    if not mine or fills.compared([done], mine, since=since, until=until).missing:
        return ""
    lacking = fills.compared([], mine, since=since, until=until).missing
    return _said([fills.missing_break(one, None, is_booked=False) for one in lacking])


async def money(_: Desk) -> str:
    """A cash account that is a dollar short."""
    book = CashBook(basis=Money.of(Decimal(1000)))
    found = cash.reading(book, Money.of(Decimal(999)), [])
    return "" if found is None else _said(cash.counted(found, SystemClock().now())[1])


async def pack(desk: Desk) -> str:
    """The pack of this very day tells of the denials before."""
    now = desk.clock.now()
    journal = desk.guards.parts.journal
    found = day_pack(
        journal.records(),
        journal.head(),
        start=now - timedelta(days=1),
        end=now + timedelta(days=1),
    )
    told = sum(found.denials.values())
    return f"T05: {found.orders} orders, {told} refusals, head {found.head_seq}" if told else ""


async def surveillance(desk: Desk) -> str:
    """Two real orders that may have met, at one price."""
    bought, sold = await _filled(desk, "buy"), await _filled(desk, "sell")
    met = replace(
        sold, fills=tuple(replace(one, last_px=bought.fills[0].last_px) for one in sold.fills)
    )
    found = self_trades([bought, met])
    return f"T06: {found[0].pattern}: {found[0].text}" if found else ""


AFTER: dict[str, Drill] = {
    "T01": position,
    "T02": order,
    "T03": fill,
    "T04": money,
    "T05": pack,
    "T06": surveillance,
}


def _said(breaks: list[Break]) -> str:
    if not breaks:
        return ""
    first = breaks[0]
    about = f"{first.kind} {first.subject}"
    return f"{about}: ours {first.ours}, theirs {first.theirs} ({first.cause.replace('_', ' ')})"
