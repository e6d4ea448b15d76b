"""What a slow subscriber hears, and how a report finds its order."""

import asyncio
from collections.abc import Iterator
from random import Random

import pytest
from msgspec.structs import replace

from floorbroker.domain.ids import ClOrdID, OrderID
from floorbroker.domain.messages import ExecType
from floorbroker.domain.order import OrdStatus
from floorbroker.engine.settings import Update
from floorbroker.engine.views import Finder, Subscription, Views
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from tests.unit.engine.book.test_booking import NAME, report, state, taken, trade
from tests.unit.engine.scripted import START, virtual


@virtual
async def test_a_slow_subscriber_is_told_how_much_it_missed() -> None:
    subscription = Subscription(2)
    order = state().book.orders[NAME]
    for text in "abcde":
        subscription.put(Update(order=replace(order, text=text), message=report()))
    first = await subscription.take()
    second = await subscription.take()
    assert first is not None
    assert second is not None
    assert [(one.order.text, one.skipped) for one in (first, second)] == [("d", 3), ("e", 0)]


@virtual
async def test_the_end_wakes_whoever_waits() -> None:
    subscription = Subscription(2)
    waiting = asyncio.ensure_future(subscription.take())
    await asyncio.sleep(0)
    subscription.end()
    assert await waiting is None


@pytest.fixture
def finder() -> Iterator[Finder]:
    journal = SqliteJournal.open(
        MemoryDisk(), command="test", started=START, journal_id_maker=Random(1)
    )
    yield Finder(Views(recent_max=10, subscriber_max=10), journal)
    journal.close()


@pytest.mark.parametrize("order_id", ["o1", "o2"])
def test_an_order_that_has_just_ended_is_found_by_any_id_the_broker_gave_it(
    order_id: str, finder: Finder
) -> None:
    made = state()
    replaced = report(
        ExecType.REPLACED, ord_status=OrdStatus.REPLACED, next_order_id=OrderID("o2")
    )
    ended = taken(made, replaced, trade(10, 10, "x1", order_id=OrderID("o2")))
    assert ended.is_ended
    found = report(cl_ord_id=ClOrdID("elsewhere"), order_id=OrderID(order_id))
    assert finder.about(made.book, found) == ended


@pytest.mark.proves("C30")
def test_a_successor_that_a_restored_journal_never_asked_for_is_found_by_its_executions(
    finder: Finder,
) -> None:
    made = state()
    ended = taken(made, trade(10, 10, "x1", order_id=OrderID("o2")))
    assert (ended.is_ended, ended.replaces_asked) == (True, 0)
    found = report(cl_ord_id=ClOrdID(f"{NAME}.1"), order_id=OrderID("o2"))
    assert finder.about(made.book, found) == ended
    assert finder.about(made.book, replace(found, order_id=OrderID("o3"))) is None
