"""What must hold when the faults have stopped and everything has ended, whatever happened."""

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any, NamedTuple

from floorbroker.clock import datetime_of
from floorbroker.domain.ids import ClOrdID, OrderID
from floorbroker.domain.messages import (
    Alarm,
    ExecType,
    ExecutionReport,
    JournalMessage,
    LegAdopted,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    RequestKind,
    RequestSent,
    RequestUndelivered,
)
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book.book import lineage_of
from floorbroker.posttrade.filed import wrongly_filed
from tests.sim.world import NAMESPACE, ORIGIN_NS, World

#: Statuses that say: the broker never had this order.
NEVER_THERE = (OrdStatus.NOT_PLACED, OrdStatus.EXPIRED_UNSENT)


async def check(world: World, *, is_restored: bool = False) -> None:
    """Every invariant; an AssertionError names the one that broke.

    A journal that was restored from a backup does not know what came after: `is_restored`.
    """
    messages = world.messages()
    intents = [m.cl_ord_id for m in messages if isinstance(m, NewOrderSingle)]
    there = await world.orders()
    ours = [row for row in there if row["client_order_id"].startswith(NAMESPACE)]
    first = [row["client_order_id"] for row in ours if not row["replaces"]]
    roots = Counter(first)
    orders = {name: world.order(name) for name in intents}
    if not is_restored:
        _nothing_unwritten_was_sent(messages, roots)
    assert max(roots.values(), default=0) <= 1, f"I02 {roots.most_common(1)}: sent twice"
    assert not world.engine.open_orders(), f"I03 not ended: {world.engine.open_orders()}"
    executed = await world.fills()
    revised = {root_of(row) for row in executed if Decimal(row["qty"]) < 0}
    for name, order in orders.items():
        _order_is_sound(order, is_there=name in roots, is_revised=name in revised)
    _executions_are_booked_once(messages)
    _nothing_ambiguous_was_repeated(messages)
    alarms = {m.name for m in messages if isinstance(m, Alarm)}
    assert alarms <= world.expected_alarms, f"alarms {alarms - world.expected_alarms}"
    compared = await world.engine.reconcile()
    assert not compared.open_breaks, f"I07 {compared.open_breaks}"
    _fills_agree(executed, {name: world.order(name) for name in intents})  # with what it found
    if not is_restored:
        await _legs_agree(world, messages)
    await _positions_agree(world)
    verified = world.journal.verify(also=lambda: wrongly_filed(world.reader()))
    assert verified.damage is None, f"I14 {verified.damage}"
    assert world.replayed() == world.live(), "I15 replay differs from what is live"


def _nothing_unwritten_was_sent(messages: list[JournalMessage], roots: "Counter[str]") -> None:
    sent = {
        m.cl_ord_id
        for m in messages
        if isinstance(m, RequestSent) and m.request is RequestKind.NEW
    }
    assert set(roots) <= sent, f"I01 at the broker without SEND: {set(roots) - sent}"


def root_of(row: dict[str, Any]) -> ClOrdID:
    """Of whose order an execution is."""
    return ClOrdID(row["client_order_id"].partition(".")[0])


def _order_is_sound(order: Order, *, is_there: bool, is_revised: bool) -> None:
    name = f"{order.cl_ord_id} {order.ord_status}"
    if order.order_qty is not None:
        assert 0 <= order.cum_qty <= order.order_qty, f"I05 {name}: {order.cum_qty}"
    if order.ord_status is OrdStatus.FILLED and order.order_qty is not None:
        assert is_revised or order.cum_qty == order.order_qty, f"I05 {name}: {order.cum_qty}"
    if order.ord_status in NEVER_THERE:
        assert not is_there, f"I04 {name}: but the broker has it"
    elif order.ord_status is not OrdStatus.REJECTED:
        assert is_there, f"I04 {name}: but the broker never had it"


def _executions_are_booked_once(messages: list[JournalMessage]) -> None:
    """Two reports of one execution may name it differently, but not its order and total."""
    booked = Counter(
        m.exec_id
        for m in messages
        if isinstance(m, ExecutionReport) and m.exec_type is ExecType.TRADE
    )
    assert max(booked.values(), default=0) <= 1, f"I09 {booked.most_common(1)}"


def _nothing_ambiguous_was_repeated(messages: list[JournalMessage]) -> None:
    """An order or a replace goes out again only after it surely did not arrive."""
    open_requests: dict[tuple[str, RequestKind], bool] = {}
    for message in messages:
        if isinstance(message, OrderCancelReplaceRequest):
            open_requests.pop((message.cl_ord_id, RequestKind.REPLACE), None)
        elif isinstance(message, RequestUndelivered):
            open_requests.pop((message.cl_ord_id, message.request), None)
        elif isinstance(message, RequestSent) and message.request is not RequestKind.CANCEL:
            key = (message.cl_ord_id, message.request)
            assert key not in open_requests, f"I02 {message} after an ambiguous attempt"
            open_requests[key] = True


def _fills_agree(executed: list[dict[str, Any]], orders: dict[ClOrdID, Order]) -> None:
    """Each order has exactly what the exchange executed for it, share by share and price.

    What was taken back may have been heard of or not: it counts where it was booked.
    """
    theirs: dict[ClOrdID, list[Row]] = {}
    for row in executed:
        told = Row(row["order_id"], Decimal(row["price"]), Decimal(row["qty"]))
        theirs.setdefault(root_of(row), []).append(told)
    for name, order in orders.items():
        mine = [
            Row(str(fill.order_id), Decimal(fill.last_px), Decimal(fill.last_qty))
            for fill in order.fills
        ]
        ours, truth = _standing(mine), _standing(theirs.get(name, []))
        assert ours == truth, f"I09 {name}: {ours} here, {truth} at the exchange"


class Row(NamedTuple):
    """An execution."""

    order_id: str
    px: Decimal
    qty: Decimal


def _standing(rows: list[Row]) -> "Counter[Row]":
    """Those that were not taken back."""
    found = Counter(row for row in rows if row.qty > 0)
    found.subtract(Row(row.order_id, row.px, -row.qty) for row in rows if row.qty < 0)
    return Counter({row: count for row, count in found.items() if count})


async def _legs_agree(world: World, messages: list[JournalMessage]) -> None:
    """Each leg that the broker made of an order of ours is ours, and has what it executed."""
    names = [m.cl_ord_id for m in messages if isinstance(m, LegAdopted)]
    assert len(names) == len(set(names)), "L01 a leg was adopted twice"
    legs = {order_id: leg for leg in map(world.order, names) for order_id in lineage_of(leg)}
    executed: defaultdict[OrderID, Decimal] = defaultdict(Decimal)
    for row in await world.fills():
        executed[row["order_id"]] += Decimal(row["qty"])
    for leg in legs.values():
        assert leg.is_ended, f"L02 {leg.cl_ord_id} is {leg.ord_status}"
        theirs = sum(executed[order_id] for order_id in lineage_of(leg))
        assert leg.cum_qty == theirs, f"L03 {leg.cl_ord_id}: {leg.cum_qty} here, {theirs} there"
    for found in await world.client.orders_since(datetime_of(ORIGIN_NS)):
        if found.parent and found.parent.startswith(NAMESPACE):
            assert found.order_id in legs, f"L04 {found.order_id} of {found.parent} is not ours"


async def _positions_agree(world: World) -> None:
    mine = {
        symbol: Decimal(position.qty)
        for symbol, position in world.engine.positions().items()
        if position.qty
    }
    theirs = await world.broker_positions()
    assert mine == theirs, f"I07 positions: {mine} here, {theirs} at the broker"
