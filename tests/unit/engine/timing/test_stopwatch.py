"""Where an order's time goes: the stage that cost it is the one that is named."""

import asyncio
import logging
from collections import deque
from typing import Any

import pytest

from floorbroker.brokers.pacing import Lane
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.timing.stopwatch import SlowOrder, Spread, spread_of
from tests.unit.engine.scripted import ScriptedBroker, TestDesk, desk, filled, limit, virtual


class Slow(ScriptedBroker):
    """Answers after so many seconds."""

    takes_s = 0.0

    async def place(self, cl_ord_id: ClOrdID, order: OrderRequest) -> ExecutionReport:
        self.is_silent = True  # so that the stream is not faster
        await self.clock.sleep(self.takes_s)
        return await super().place(cl_ord_id, order)


def slowest(made: TestDesk) -> SlowOrder:
    return made.engine.times.slow[-1]


@virtual
async def test_a_slow_broker_is_named() -> None:
    async with desk(Slow()) as made:
        await made.engine.submit(limit())
        assert not made.engine.times.slow
        made.broker.takes_s = 0.7  # type: ignore[attr-defined]  # it is a Slow
        order = await made.engine.submit(limit())
        found = slowest(made)
        assert (found.cl_ord_id, found.stage, found.total_ms) == (order.cl_ord_id, "wire", 700)
        assert not found.is_degraded
        made.broker.takes_s = 1.5  # type: ignore[attr-defined]  # it is a Slow
        await made.engine.submit(limit())
        assert (slowest(made).stage, slowest(made).is_degraded) == ("wire", True)


@virtual
async def test_a_wait_for_the_pacer_is_named() -> None:
    async with desk() as made:
        made.pacer.is_shut = True
        made.pacer.only = {Lane.CANCEL}
        caller = asyncio.ensure_future(made.engine.submit(limit()))
        await made.sleep(2)
        made.pacer.open()
        await caller
        found = slowest(made)
        assert (found.stage, found.stages_ms["pacing"]) == ("pacing", 2000)


@virtual
async def test_a_slow_disk_is_named() -> None:
    async with desk() as made:
        append = made.journal.append

        async def slowly(messages: Any, ended: Any = ()) -> Any:
            await made.sleep(0.8)
            return await append(messages, ended)

        made.journal.append = slowly  # type: ignore[method-assign]  # slower, not replaced
        await made.engine.submit(limit())
        found = slowest(made)
        assert found.stage == "journal"
        assert found.stages_ms["journal"] == 800


@virtual
async def test_a_gap_of_the_stream_is_named() -> None:
    async with desk() as made:
        made.broker.wire.lose()
        await made.sleep(0)
        caller = asyncio.ensure_future(made.engine.submit(limit()))
        await made.sleep(1.2)
        made.broker.wire.is_up.set()
        await caller
        assert slowest(made).stage == "stream"


@virtual
async def test_figures_are_kept_of_acknowledgements_and_first_fills() -> None:
    async with desk(Slow(), latency_window=2) as made:
        made.broker.takes_s = 0.25  # type: ignore[attr-defined]  # it is a Slow
        for _ in range(3):
            order = await made.engine.submit(limit())
            await made.sleep(3)
            made.broker.is_silent = False
            made.broker.fill(made.broker.order_id(order.cl_ord_id), 4)
            made.broker.fill(made.broker.order_id(order.cl_ord_id), 6)
            await made.engine.wait(order.cl_ord_id)
        times = made.engine.times
        assert spread_of(times.acks_s) == Spread(
            count=2, p50_us=250_000, p95_us=250_000, p99_us=250_000, max_us=250_000
        )
        assert spread_of(times.fills_s).p50_us == 3_000_000
        assert spread_of(times.first_bytes_s).count == 2
        assert not times._ways
        assert not times._acked_s


@virtual
async def test_a_caller_that_goes_away_leaves_nothing_behind() -> None:
    async with desk(Slow()) as made:
        made.broker.takes_s = 5.0  # type: ignore[attr-defined]  # it is a Slow
        caller = asyncio.ensure_future(made.engine.submit(limit()))
        await made.sleep(1)
        caller.cancel()
        await made.sleep(10)
        assert not made.engine.times._ways
        made.broker.takes_s = 0.0  # type: ignore[attr-defined]  # it is a Slow
        made.broker.is_silent = False
        await filled(made)


def test_a_degraded_order_is_told_with_its_stage(caplog: pytest.LogCaptureFixture) -> None:
    @virtual
    async def run() -> None:
        async with desk(Slow(), degraded_order_s=2) as made:
            made.broker.takes_s = 1.5  # type: ignore[attr-defined]  # it is a Slow
            await made.engine.submit(limit())
            assert not caplog.messages
            made.broker.takes_s = 2.5  # type: ignore[attr-defined]  # it is a Slow
            await made.engine.submit(limit(cl_ord_id="late"))

    with caplog.at_level(logging.WARNING, logger="floorbroker"):
        run()
    (told,) = caplog.messages
    assert told.startswith("event=order_degraded order=late status=new total_ms=2500 stage=wire")


def test_ranks_are_nearest_ranks() -> None:
    sample_s = deque(number / 1000 for number in range(1, 101))
    assert spread_of(sample_s) == Spread(
        count=100, p50_us=50_000, p95_us=95_000, p99_us=99_000, max_us=100_000
    )
    assert spread_of(deque()) == Spread(count=0)
