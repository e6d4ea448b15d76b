"""Which orders a comparison of executions looks at: those at hand, and those behind them."""

import asyncio
from datetime import timedelta
from typing import Any

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import OrdStatus
from floorbroker.engine.evidence.window import Window
from floorbroker.journal.store import MemoryDisk
from tests.unit.engine.scripted import ScriptedBroker, TestDesk, desk, filled, limit, virtual


def window_of(made: TestDesk) -> Window:
    crew = made.engine._crew
    assert crew is not None
    return crew.window


async def names(made: TestDesk, seconds: float) -> set[ClOrdID]:
    """The orders that live, or have traded within this time."""
    since = made.broker.clock.now() - timedelta(seconds=seconds)
    return {one.cl_ord_id for one in await window_of(made).traded(since)}


def watch_pages(made: TestDesk) -> list[int]:
    """How many orders are on each page that is read of the journal from now on."""
    journal: Any = made.engine._journal
    read: list[int] = []
    pages_of = journal.ended_lately

    def watched(page: int) -> Any:
        for each in pages_of(page):
            read.append(len(each))
            yield each

    journal.ended_lately = watched  # watched, not replaced
    return read


@virtual
async def test_what_is_no_longer_at_hand_is_read_as_far_back_as_the_question_goes() -> None:
    async with desk(recent_max=8) as made:
        old = (await made.engine.submit(limit(1))).cl_ord_id
        early = [(await filled(made, 1)).cl_ord_id for _ in range(1_100)]
        await made.sleep(600)
        made.broker.fill(made.broker.order_id(old), 1)  # the oldest of all ends among the last
        late = [(await filled(made, 1)).cl_ord_id for _ in range(20)]
        read = watch_pages(made)
        assert await names(made, 300) == {old, *late}
        assert read == [500, 500], "the second page has no news, so nobody reads the third"
        assert await names(made, 10_000) == {old, *early, *late}
        assert sum(read[2:]) == 1_121


@virtual
async def test_while_nothing_has_left_the_hand_the_journal_is_not_asked() -> None:
    broker, disk = ScriptedBroker(), MemoryDisk()
    async with desk(broker, disk) as made:
        first = [(await filled(made, 1)).cl_ord_id for _ in range(20)]
    async with desk(broker, disk) as again:
        read = watch_pages(again)
        assert await names(again, 10_000) == set(first)
        assert read == []


@virtual
async def test_a_start_keeps_those_at_hand_that_ended_last() -> None:
    broker, disk = ScriptedBroker(), MemoryDisk()
    async with desk(broker, disk) as made:
        old = (await made.engine.submit(limit(1))).cl_ord_id
        for _ in range(9):
            await filled(made, 1)
        broker.fill(broker.order_id(old), 1)
        assert (await made.engine.wait(old)).ord_status is OrdStatus.FILLED
    async with desk(broker, disk, recent_start=4) as again:
        assert again.engine._views.recent(old) is not None
        assert not again.engine._views.has_all
        assert len(await names(again, 10_000)) == 10


@virtual
async def test_of_those_that_a_start_keeps_at_hand_the_first_that_ended_makes_room_first() -> None:
    broker, disk = ScriptedBroker(), MemoryDisk()
    async with desk(broker, disk) as made:
        ended = [(await filled(made, 1)).cl_ord_id for _ in range(5)]
    async with desk(broker, disk, recent_start=3, recent_max=3) as again:
        last = (await filled(again, 1)).cl_ord_id
        assert [one.cl_ord_id for one in again.engine._views.lately()] == [*ended[3:], last]


@virtual
async def test_others_have_their_turn_while_much_is_read_and_what_they_do_counts() -> None:
    async with desk(recent_max=8) as made:
        for _ in range(1_100):
            await filled(made, 1)
        read = watch_pages(made)
        turns: list[int] = []
        asked = asyncio.ensure_future(names(made, 10_000))
        busy = asyncio.ensure_future(filled(made, 1))
        while not asked.done():
            turns.append(len(read))
            await asyncio.sleep(0)
        assert {1, 2} <= set(turns)
        placed = {one.cl_ord_id for one in window_of(made).orders()}
        assert len(await asked - placed) == 1_100
        assert placed <= await asked
        assert (await busy).is_ended
