"""An order is held against its instrument before it leaves, and never by an old answer."""

from decimal import Decimal

import pytest

from floorbroker.brokers.alpaca.words import ORDER_RULES
from floorbroker.brokers.port import Capabilities, Dedupe, StreamState
from floorbroker.brokers.shelf import CacheStats, Kind
from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.order import OrderRequest, OrdStatus
from tests.unit.engine.scripted import ScriptedBroker, TestDesk, desk, limit, virtual

HALTED = Instrument(symbol="AAPL", is_tradable=False)


class SlowBroker(ScriptedBroker):
    """Takes its time to tell of an instrument."""

    wait_s = 0.0

    def __init__(self, listed: Instrument | None = None) -> None:
        super().__init__()
        self.capabilities = Capabilities(name="ruled", dedupe=Dedupe.ENFORCED, orders=ORDER_RULES)
        if listed is not None:
            self.listed[listed.symbol] = listed

    async def instrument(self, symbol: str) -> Instrument | None:
        await self.clock.sleep(self.wait_s)
        return await super().instrument(symbol)

    def asked_for(self, what: str) -> int:
        return sum(question == what for question, _ in self.asked)


def positions_of(made: TestDesk) -> CacheStats:
    return next(found for found in made.engine.cache.stats() if found.kind is Kind.POSITIONS)


@virtual
async def test_an_order_for_a_halted_instrument_does_not_leave_and_is_written_down() -> None:
    broker = SlowBroker(HALTED)
    async with desk(broker) as made:
        with pytest.raises(InvalidOrder, match=r"symbol: AAPL .*does not trade it"):
            await made.engine.submit(limit())
        assert broker.asked_for("place") == 0
        assert made.kinds()[-1] == "BusinessMessageReject"


@virtual
async def test_an_instrument_is_asked_for_once_for_many_orders() -> None:
    broker = SlowBroker()
    async with desk(broker) as made:
        for _ in range(5):
            await made.engine.submit(limit())
        assert (broker.asked_for("instrument"), broker.asked_for("place")) == (1, 5)


@virtual
async def test_an_old_no_is_asked_again_before_anything_is_refused() -> None:
    broker = SlowBroker(HALTED)
    async with desk(broker) as made:
        with pytest.raises(InvalidOrder):
            await made.engine.submit(limit())
        del broker.listed["AAPL"]  # it trades again
        with pytest.raises(InvalidOrder):
            await made.engine.submit(limit())  # a no of this second
        await made.sleep(1.1)
        assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW


@virtual
async def test_an_order_never_waits_long_for_what_is_only_good_to_know() -> None:
    broker = SlowBroker(HALTED)
    broker.wait_s = 30.0
    async with desk(broker) as made:
        before = broker.clock.monotonic()
        order = await made.engine.submit(limit())  # the broker's to judge
        assert order.ord_status is OrdStatus.NEW
        assert broker.clock.monotonic() - before == pytest.approx(1.0)


@virtual
async def test_a_broker_that_cannot_tell_stops_no_order() -> None:
    broker = SlowBroker(HALTED)
    async with desk(broker) as made:
        broker.is_failing = True
        assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW
        assert [problem.text for problem in made.engine.errors] == ["HTTP 504"]
        broker.is_failing = False


@virtual
async def test_a_short_sale_is_refused_only_by_the_brokers_own_position() -> None:
    broker = SlowBroker(Instrument(symbol="AAPL", is_shortable=False))
    sale = OrderRequest.limit("sell", 5, "AAPL", limit_price="20.00")
    async with desk(broker, poll_positions_s=3600) as made:
        with pytest.raises(InvalidOrder, match=r"side: sell .*0 AAPL are held"):
            await made.engine.submit(sale)
        broker.shares["AAPL"] = Decimal(5)  # our book has not heard of it yet
        assert (await made.engine.submit(sale)).ord_status is OrdStatus.NEW
        assert positions_of(made).misses == 2
        broker.shares.clear()


@virtual
async def test_what_the_engine_applies_ends_what_the_cache_believes() -> None:
    broker = SlowBroker()
    async with desk(broker) as made:
        order = await made.engine.submit(limit())
        await made.engine.cache.positions()
        await made.engine.cache.positions()
        assert positions_of(made).misses == 1
        broker.fill(broker.order_id(order.cl_ord_id), 10)
        await made.engine.wait(order.cl_ord_id)
        (held,) = (await made.engine.cache.positions()).value
        assert (held.qty, positions_of(made).misses) == (Qty(10), 2)


@virtual
async def test_a_stream_that_was_lost_and_came_back_ends_it_too() -> None:
    broker = SlowBroker()
    async with desk(broker) as made:
        await made.engine.cache.positions()
        broker.wire.lose()
        broker.wire.is_up.set()
        while broker.wire.state is not StreamState.READY:
            await made.sleep(0.01)
        await made.sleep(0.01)
        await made.engine.cache.positions()
        assert positions_of(made).misses == 2


@virtual
async def test_a_replace_by_a_fraction_does_not_leave() -> None:
    async with desk(SlowBroker()) as made:
        order = await made.engine.submit(limit())
        with pytest.raises(InvalidOrder, match=r"order_qty: .*whole shares"):
            await made.engine.replace(order.cl_ord_id, order_qty=Qty("12.5"))
        assert "replace" not in [what for what, _ in made.broker.asked]
