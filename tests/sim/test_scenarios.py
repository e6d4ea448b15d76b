"""Stories that users of other systems have told, each lived by a desk against the exchange.

At the end of each the faults stop, what is open is canceled, and everything must be right: one
order for one intent, each execution booked once, the books equal.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from floorbroker.brokers.alpaca.transport import NotDelivered, Response
from floorbroker.clock import run_virtual
from floorbroker.deskwork.batch import cancel_all
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import BrokerError, Halted, InvalidOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import BreakCause, ExecType, ExecutionReport
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Pending
from floorbroker.exchange.faults import FaultPlan, FaultRule
from tests.sim.invariants import check
from tests.sim.world import World

NAME = ClOrdID("sim-one")
POST: dict[str, Any] = {"method": "POST", "path": "/v2/orders", "count": 1}
Story = Callable[[World], Awaitable[None]]


def lived(story: Story, *faults: FaultRule, alarms: Sequence[str] = ()) -> None:
    """The story, and what must be true after any story. `alarms` are those it may raise."""

    async def whole() -> None:
        world = World(1, faults)
        world.expected_alarms.update(alarms)
        market(world, "99.95", "100.05")
        await world.open()
        await story(world)
        world.heal()
        await world.clock.sleep(200)
        while world.engine.open_orders():
            await cancel_all(world.engine)
            await world.clock.sleep(10)
        await world.clock.sleep(60)
        await check(world)
        await world.close()

    run_virtual(whole, seed=1, limit_s=20_000)


def market(world: World, bid: str, ask: str, size: int = 1000) -> None:
    world.quote("AAPL", Decimal(bid), Decimal(ask), size)


def bought(qty: int = 10, price: str = "101") -> OrderRequest:
    """A limit order; by default it fills at once."""
    return OrderRequest.limit("buy", qty, "AAPL", limit_price=price, cl_ord_id=NAME)


async def is_so(world: World, until: Callable[[Order], bool], within_s: float = 120) -> Order:
    """The order once that is true of it, or a failure."""
    for _ in range(int(within_s * 10)):
        if until(world.order(NAME)):
            return world.order(NAME)
        await world.clock.sleep(0.1)
    raise AssertionError(f"still {world.order(NAME)}")


async def there(world: World) -> list[str]:
    """The client order ids of what the exchange ever accepted."""
    return [row["client_order_id"] for row in await world.orders()]


def alarms(world: World) -> set[str]:
    return {m.name for m in world.messages() if type(m).__name__ == "Alarm"}  # type: ignore[union-attr]  # it is an Alarm


@pytest.mark.proves("S03", "C09", "I02")
def test_an_order_that_was_accepted_and_answered_504_is_one_order() -> None:
    async def story(world: World) -> None:
        first = await world.engine.submit(bought())
        assert first.ord_status in (OrdStatus.UNKNOWN, OrdStatus.FILLED)  # the stream may tell
        assert (await is_so(world, lambda o: o.is_ended)).cum_qty == 10
        assert await there(world) == [NAME]

    lived(story, FaultRule(kind="accept_then_504", **POST))


@pytest.mark.proves("S04", "C09", "I10")
def test_an_order_whose_answer_hangs_is_unknown_soon_and_holds_its_reservation() -> None:
    async def story(world: World) -> None:
        before = world.clock.monotonic()
        order = await world.engine.submit(bought(price="90"))
        assert world.clock.monotonic() - before < 60
        assert order.ord_status is OrdStatus.UNKNOWN
        crew = world.engine._crew
        assert crew is not None
        assert crew.state.book.exposure("AAPL").buy_qty == 10
        await world.clock.sleep(600)
        assert world.order(NAME).ord_status is OrdStatus.NEW
        assert await there(world) == [NAME]

    mute = FaultRule(kind="stream_lose")
    late = FaultRule(kind="late_visibility", seconds=20, **POST)
    lived(story, FaultRule(kind="accept_then_hang", seconds=600, **POST), mute, late)


@pytest.mark.proves("S05", "answer:submit.duplicate_id")
def test_must_be_unique_proves_that_the_order_exists() -> None:
    async def story(world: World) -> None:
        # A proxy delivers the request twice and hands on the second answer: 422.
        await world.engine.submit(bought(price="90"))
        order = await is_so(world, lambda o: o.ord_status is OrdStatus.NEW)
        assert order.attempt == 1
        assert await there(world) == [NAME]

    lived(story, FaultRule(kind="deliver_twice", **POST))


@pytest.mark.proves("S06", "C08", "I04")
def test_an_order_that_is_not_found_and_there_later_is_still_ours() -> None:
    async def story(world: World) -> None:
        order = await world.engine.submit(bought(price="90"))
        assert order.ord_status is OrdStatus.UNKNOWN
        await world.clock.sleep(30)
        assert world.order(NAME).ord_status is OrdStatus.UNKNOWN
        found = await is_so(world, lambda o: o.ord_status is OrdStatus.NEW)
        assert found.order_id is not None
        assert not world.engine.external_orders()

    lost = FaultRule(kind="reset_after_accept", **POST)
    mute = FaultRule(kind="stream_lose")
    lived(story, lost, FaultRule(kind="late_visibility", seconds=45, **POST), mute)


@pytest.mark.proves("S07", "C14", "I05")
def test_a_fill_before_the_answer_is_the_orders_own_and_the_answer_takes_nothing_back() -> None:
    async def story(world: World) -> None:
        order = await world.engine.submit(bought())
        assert (order.ord_status, order.cum_qty) == (OrdStatus.FILLED, Qty(10))
        await world.clock.sleep(10)
        assert world.order(NAME) == order
        assert not world.engine.external_orders()

    lived(story, FaultRule(kind="late_answer", seconds=3, **POST))


@pytest.mark.proves("S08", "C18", "I09")
def test_a_story_that_is_told_twice_happened_once() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought())
        await world.clock.sleep(5)
        trades = [
            m
            for m in world.messages()
            if isinstance(m, ExecutionReport) and m.exec_type is ExecType.TRADE
        ]
        assert len(trades) == 1
        assert world.engine.positions()["AAPL"].qty == 10

    lived(story, FaultRule(kind="stream_duplicate"), FaultRule(kind="stream_reorder"))


@pytest.mark.proves("S10", "C19")
def test_fills_while_nobody_was_connected_are_booked_before_new_orders_leave() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="99"))
        world.front.server.faults = FaultPlan([FaultRule(kind="stream_disconnect", count=1)], 1)
        market(world, "98.90", "98.95")  # it fills, and the connection goes with the frame
        await world.clock.sleep(0.05)
        second = OrderRequest.limit("buy", 1, "AAPL", limit_price="90", cl_ord_id="sim-two")
        placed = None
        while placed is None:
            with suppress(Halted):
                placed = await world.engine.submit(second)
        first = world.order(NAME)
        assert first.ord_status is OrdStatus.FILLED
        assert first.ended_time is not None
        assert placed.sent_time is not None
        assert first.ended_time <= placed.sent_time

    lived(story)


class Outage:
    """A way to the exchange on which no name is resolved for a while."""

    def __init__(self, world: World) -> None:
        self._way = world.way
        self.is_down = False
        self.request, self.connect = self._request, self._connect

    async def _request(self, method: str, path: str, **words: Any) -> Response:
        self._check()
        return await self._way.request(method, path, **words)

    async def _connect(self, path: str, **words: Any) -> Any:
        self._check()
        return await self._way.connect(path, **words)

    def _check(self) -> None:
        if self.is_down:
            raise NotDelivered("Temporary failure in name resolution")


@pytest.mark.proves("S13", "I03")
def test_nothing_ends_because_no_name_is_resolved_for_ten_minutes() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="90"))
        outage = Outage(world)
        for line in (world.client._trading, world.client.market):
            line._transport = outage  # type: ignore[assignment]  # the desk's own line
        outage.is_down = True
        caller = world.run(_asks_for_a_cancel(world))
        await world.clock.sleep(600)
        assert world.order(NAME).ord_status is OrdStatus.PENDING_CANCEL
        assert world.order(NAME).venue_status is OrdStatus.NEW
        outage.is_down = False
        assert (await is_so(world, lambda o: o.is_ended)).ord_status is OrdStatus.CANCELED
        await caller

    lived(story, alarms=["cancel_stuck"])


async def _asks_for_a_cancel(world: World) -> None:
    await world.engine.cancel(NAME)


@pytest.mark.proves("S14", "S15", "C20", "I06")
def test_a_cancel_that_crosses_a_fill_leaves_the_order_filled() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="99"))
        market(world, "98.90", "98.95")  # it fills at the exchange, and the frame is late
        asked = await world.engine.cancel(NAME)
        assert asked.cl_ord_id == NAME
        done = await is_so(world, lambda o: o.is_ended)
        assert (done.ord_status, done.cum_qty) == (OrdStatus.FILLED, Qty(10))
        await world.clock.sleep(60)
        assert world.order(NAME) == done

    lived(story, FaultRule(kind="stream_delay", event="fill", seconds=5))


@pytest.mark.proves("S16", "C21")
def test_a_partly_filled_order_that_is_replaced_keeps_its_shares_and_its_name() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="99"))
        market(world, "98.90", "98.95", size=4)
        await is_so(world, lambda o: o.cum_qty == 4)
        market(world, "99.95", "100.05")
        after = await world.engine.replace(NAME, order_qty=Qty(12), price=Px("98"))
        assert (after.order_qty, after.cum_qty, after.leaves_qty) == (Qty(12), Qty(4), Qty(8))
        assert len(after.replaces) == 1
        market(world, "97.90", "97.95")
        done = await is_so(world, lambda o: o.is_ended)
        assert (done.ord_status, done.cum_qty) == (OrdStatus.FILLED, Qty(12))
        assert world.engine.positions()["AAPL"].qty == 12

    lived(story)


@pytest.mark.proves("S17", "S20", "C21")
def test_a_replace_whose_answer_was_lost_is_found_and_never_repeated() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="99"))
        await world.engine.replace(NAME, price=Px("98"))
        after = await is_so(world, lambda o: bool(o.replaces))
        assert (after.request.price, after.pending) == (Px("98"), None)
        rows = await world.orders()
        assert [row["status"] for row in rows] == ["replaced", "new"]
        assert not world.engine.external_orders()

    lost = FaultRule(kind="reset_after_accept", method="PATCH", path="/v2/orders/*", count=1)
    lived(story, lost, FaultRule(kind="stream_lose", event="replaced"))


@pytest.mark.proves("S18", "I10")
def test_a_cancel_that_never_comes_true_is_flagged_and_its_order_still_counts() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="90"))
        world.run(_asks_for_a_cancel(world))
        await world.clock.sleep(120)
        order, crew = world.order(NAME), world.engine._crew
        assert crew is not None
        assert (order.pending, order.is_ended) == (Pending.CANCEL, False)
        assert crew.state.book.exposure("AAPL").buy_qty == 10
        assert "cancel_stuck" in alarms(world)

    unanswered = FaultRule(kind="reset_before_accept", method="DELETE", path="/v2/orders/*")
    lived(story, unanswered)


@pytest.mark.proves("S21", "C27")
def test_an_order_placed_by_hand_is_kept_apart_and_its_shares_count() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought())
        await world.place_elsewhere("buy", 5, "AAPL")
        await world.clock.sleep(60)
        assert world.engine.positions()["AAPL"].qty == 15
        assert world.order(NAME).cum_qty == 10
        assert [one.cl_ord_id for one in world.engine.open_orders()] == []
        compared = await world.engine.reconcile()
        assert not compared.open_breaks

    lived(story)


@pytest.mark.proves("S23", "I07")
def test_a_position_that_the_broker_does_not_list_is_a_break_and_stays_in_the_book() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought())
        listed = world.client.positions

        async def none() -> list[Any]:
            return []

        world.client.positions = none  # type: ignore[method-assign]  # the list alone is wrong
        compared = await world.engine.reconcile()
        (found,) = compared.open_breaks
        assert (found.cause, found.ours, found.theirs) == (BreakCause.UNKNOWN, "10", "0")
        assert world.engine.positions()["AAPL"].qty == 10
        world.client.positions = listed  # type: ignore[method-assign]  # as it was
        assert not (await world.engine.reconcile()).open_breaks

    lived(story)


@pytest.mark.proves("S28", "C33", "answer:ask.garbled")
def test_an_error_page_in_place_of_figures_is_no_figure() -> None:
    async def story(world: World) -> None:
        with pytest.raises(BrokerError):
            await world.client.account_report()
        await world.engine.submit(bought())
        await is_so(world, lambda one: one.is_ended)
        before = world.engine.positions()
        world.front.server.faults = FaultPlan([FaultRule(kind="garbage_body", path="/v2/*")], 1)
        with pytest.raises(BrokerError):
            await world.engine.reconcile()
        await world.clock.sleep(300)
        assert world.engine.positions() == before
        assert world.engine.health().open_breaks == 0

    lived(story, FaultRule(kind="garbage_body", path="/v2/account"))


@pytest.mark.proves("C13", "I06")
def test_an_order_that_is_rejected_after_it_was_accepted_ends_as_rejected() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="90"))
        done = await is_so(world, lambda o: o.is_ended)
        assert (done.ord_status, done.cum_qty) == (OrdStatus.REJECTED, Qty(0))

    lived(story, FaultRule(kind="async_reject"))


@pytest.mark.proves("C33", "answer:submit.denied")
def test_a_key_that_is_revoked_ends_no_order_that_was_there() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="90"))
        denied = FaultRule(kind="server_error", status=401, path="/v2/*")
        world.front.server.faults = FaultPlan([denied], 1)
        second = OrderRequest.limit("buy", 1, "AAPL", limit_price="90", cl_ord_id="sim-two")
        refused = await world.engine.submit(second)
        assert refused.ord_status is OrdStatus.REJECTED
        await world.clock.sleep(600)
        assert world.order(NAME).ord_status is OrdStatus.NEW

    lived(story)


@pytest.mark.proves("I05")
def test_a_replace_below_what_is_filled_does_not_leave() -> None:
    async def story(world: World) -> None:
        await world.engine.submit(bought(price="99"))
        market(world, "98.90", "98.95", size=4)
        await is_so(world, lambda o: o.cum_qty == 4)
        with pytest.raises(InvalidOrder, match="4 are filled"):
            await world.engine.replace(NAME, order_qty=Qty(4))

    lived(story)
