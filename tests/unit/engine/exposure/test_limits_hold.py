"""Limits hold in the single writer: what is UNKNOWN, replaced or restarted is reserved."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import RiskDenied
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import BusinessMessageReject, NewOrderSingle
from floorbroker.domain.order import OrderRequest, OrdStatus, Side
from floorbroker.engine.exposure.facts import Reference
from floorbroker.engine.exposure.tally import minute
from floorbroker.engine.recovery import replay
from floorbroker.engine.state import State
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import LIVE, PAPER
from tests.unit.engine.scripted import ORIGIN_NS, desk, filled, limit, virtual
from tests.unit.engine.test_state import MESSAGES


def book(**fields: Any) -> LimitBook:
    return LimitBook(profile="paper", base=replace(PAPER, **fields))


def sale(qty: int, price: str = "10.00") -> OrderRequest:
    return OrderRequest.limit("sell", qty, "AAPL", limit_price=price)


@virtual
async def test_a_denial_names_control_limit_value_and_what_would_pass_and_is_journaled() -> None:
    async with desk(limits=book(order_qty_max=Decimal(9))) as made:
        with pytest.raises(RiskDenied) as caught:
            await made.engine.submit(limit(10, cl_ord_id="fb-1"))
        no = caught.value
        assert (no.control, no.limit, no.value) == ("P06", "9 shares", "10 AAPL")
        assert no.would_pass == "9 shares or fewer pass"
        (kept,) = (m for m in made.messages() if isinstance(m, BusinessMessageReject))
        assert (kept.control, kept.cl_ord_id, kept.text) == ("P06", "fb-1", str(no))
        assert not made.broker.book
        await made.engine.submit(limit(9, cl_ord_id="fb-2"))


@virtual
async def test_open_orders_count_before_the_broker_has_answered() -> None:
    async with desk(limits=book(position_qty_max=Decimal(15))) as made:
        await made.engine.submit(limit(10))
        with pytest.raises(RiskDenied, match="P12"):
            await made.engine.submit(limit(6))
        await made.engine.submit(limit(5))


@virtual
async def test_an_unknown_order_counts_in_full_and_frees_nothing_on_the_other_side() -> None:
    limits = book(position_qty_max=Decimal(15), may_short=False)
    async with desk(limits=limits, unknown_per_symbol=9, unknown_max=9) as made:
        made.broker.script = ["lost"]
        order = await made.engine.submit(limit(10))
        assert order.ord_status is OrdStatus.UNKNOWN
        with pytest.raises(RiskDenied, match="P12"):
            await made.engine.submit(limit(6))
        with pytest.raises(RiskDenied, match="P15"):
            await made.engine.submit(sale(1))
        gone = await made.engine.wait(order.cl_ord_id)
        assert gone.ord_status is OrdStatus.NOT_PLACED
        await made.engine.submit(limit(15))


@virtual
async def test_a_replace_that_adds_risk_is_checked_and_one_that_takes_off_is_not() -> None:
    async with desk(limits=book(position_qty_max=Decimal(12), order_value_max=Decimal(120))) as m:
        order = await m.engine.submit(limit(10))
        with pytest.raises(RiskDenied, match="P12") as caught:
            await m.engine.replace(order.cl_ord_id, order_qty=Qty(13), price=Px("9"))
        assert caught.value.limit == "12 shares"
        with pytest.raises(RiskDenied, match="P07"):
            await m.engine.replace(order.cl_ord_id, price=Px("12.01"))
        await m.engine.replace(order.cl_ord_id, order_qty=Qty(12))


@virtual
async def test_while_a_replace_is_open_the_larger_of_both_sizes_is_reserved() -> None:
    async with desk(limits=book(position_qty_max=Decimal(20))) as made:
        order = await made.engine.submit(limit(18))
        made.broker.script = ["lost"]
        await made.engine.replace(order.cl_ord_id, order_qty=Qty(1))
        with pytest.raises(RiskDenied, match="P12"):
            await made.engine.submit(limit(3))


@virtual
async def test_a_replace_that_may_have_arrived_reserves_what_it_adds() -> None:
    async with desk(limits=book(position_qty_max=Decimal(20))) as made:
        order = await made.engine.submit(limit(5))
        made.broker.script = ["lost"]
        await made.engine.replace(order.cl_ord_id, order_qty=Qty(18))
        with pytest.raises(RiskDenied, match="P12"):
            await made.engine.submit(limit(3))
        await made.engine.submit(limit(2))


@virtual
async def test_what_is_reserved_and_counted_survives_a_restart() -> None:
    limits = book(position_qty_max=Decimal(15), orders_per_day=2)
    async with desk(limits=limits) as made:
        broker, disk = made.broker, made.disk
        await made.engine.submit(limit(10))
    async with desk(broker, disk, limits=limits) as again:
        with pytest.raises(RiskDenied, match="P12"):
            await again.engine.submit(limit(6))
        await again.engine.submit(limit(5))
        with pytest.raises(RiskDenied, match="P25"):
            await again.engine.submit(sale(1))


@virtual
async def test_an_order_that_is_sent_twice_is_counted_once() -> None:
    async with desk(limits=book(orders_per_day=2)) as made:
        made.broker.script = ["unreachable", "unreachable", "ok"]
        order = await made.engine.submit(limit(cl_ord_id="fb-1"))
        await made.engine.wait(order.cl_ord_id, until=lambda o: o.ord_status is OrdStatus.NEW)
        assert made.broker.asked.count(("place", "fb-1")) == 3
        tally = replay(made.journal).state.ledger.tally
        assert (tally.orders_today, tally.turnover) == (1, Decimal(100))
        await made.engine.submit(limit())


@virtual
async def test_a_position_may_be_closed_whatever_its_size() -> None:
    async with desk(limits=book(order_qty_max=Decimal(10), may_short=False)) as made:
        await filled(made, 10)
        await filled(made, 10)
        order = await made.engine.submit(sale(20))
        assert order.ord_status is OrdStatus.NEW


@virtual
async def test_filled_and_again_on_the_same_side_is_noticed() -> None:
    async with desk(limits=book(reentries_max=1)) as made:
        await filled(made)
        await filled(made)
        with pytest.raises(RiskDenied, match="P19"):
            await made.engine.submit(limit())


@virtual
async def test_our_own_order_is_not_met() -> None:
    async with desk(limits=book(may_cross_own=False)) as made:
        order = await made.engine.submit(limit(10, "10.00"))
        with pytest.raises(RiskDenied, match=r"P21: it would meet our own buy at 10"):
            await made.engine.submit(sale(1, "10.00"))
        await made.engine.submit(sale(1, "10.01"))
        await made.engine.cancel(order.cl_ord_id)
        await made.engine.wait(order.cl_ord_id)
        await made.engine.submit(sale(1, "10.00"))


@virtual
async def test_under_live_limits_nothing_passes_that_nobody_can_price() -> None:
    base = replace(LIVE, allow=None, asset_required=False, key_required=False, canary_orders=0)
    async with desk(limits=LimitBook(profile="live", base=base)) as made:
        with pytest.raises(RiskDenied, match="P09: no live price of AAPL"):
            await made.engine.submit(limit())
        made.engine.briefing.prices = priced
        order = await made.engine.submit(limit())
        assert order.ref_px == Px("10")
        with pytest.raises(RiskDenied, match=r"P08: a limit of 10\.31"):
            await made.engine.submit(limit(11, "10.31"))


def priced(_: str) -> Reference:
    return Reference(at_ns=10 * ORIGIN_NS, bid_px=Decimal("9.99"), ask_px=Decimal("10.01"))


@virtual
async def test_limits_of_a_strategy_and_a_symbol_are_its_own() -> None:
    limits = replace(
        book(),
        strategies={"small": {"order_qty_max": Decimal(1)}},
        symbols={"MSFT": {"order_qty_max": Decimal(2)}},
    )
    async with desk(limits=limits) as made:
        with pytest.raises(RiskDenied, match="P06"):
            await made.engine.submit(limit(2, strategy="small"))
        with pytest.raises(RiskDenied, match="P06"):
            await made.engine.submit(OrderRequest.limit("buy", 3, "MSFT", limit_price="1"))
        await made.engine.submit(limit(2))


@given(st.lists(MESSAGES, max_size=25))
def test_sums_kept_step_by_step_are_the_sums_of_the_book(messages: list[Any]) -> None:
    live = State()
    for message in messages:
        live.apply(message)
    for symbol in ("AAPL", "MSFT"):
        found, room = live.book.exposure(symbol), live.ledger.reserve.room(symbol)
        if not live.book.external:
            assert (room.buy, room.sell) == (found.buy_qty, found.sell_qty)
    live.book.clear_batch()
    anew = State.decode(live.encode())
    assert anew.ledger == live.ledger


@given(st.lists(st.integers(0, 200_000_000), max_size=40), st.integers(0, 300_000_000))
def test_a_window_is_never_too_short_and_a_slot_too_long_at_most(
    times: list[int], now: int
) -> None:
    ring = minute()
    for at in sorted(times):
        ring.add(at)
    now = max(now, *times) if times else now
    exact = sum(at > now - 60_000_000 for at in times)
    longer = sum(at >= now - 61_000_000 for at in times)
    assert exact <= ring.count(now) <= longer


@virtual
async def test_the_price_of_the_moment_is_kept_with_the_order() -> None:
    async with desk() as made:
        made.engine.briefing.prices = priced
        await made.engine.submit(limit(cl_ord_id="fb-1"))
        (kept,) = (m for m in made.messages() if isinstance(m, NewOrderSingle))
        assert (kept.cl_ord_id, kept.ref_px) == (ClOrdID("fb-1"), Px("10"))


@virtual
async def test_an_order_that_is_filled_bit_by_bit_is_put_down_once_by_its_price() -> None:
    """With many such orders each bit would be a look at all of them otherwise."""
    async with desk() as made:
        orders = [await made.engine.submit(limit(100)) for _ in range(30)]
        for order in orders:
            assert order.order_id is not None
            for _ in range(20):
                made.broker.fill(order.order_id, 1)
        await made.sleep(1)
        crew = made.engine._crew
        assert crew is not None
        reserve = crew.state.ledger.reserve
        assert len(reserve.rooms["AAPL"].buys) == len(orders)
        assert reserve.best_own("AAPL", Side.BUY) == Decimal("10.00")
