"""What a slow subscriber hears."""

import asyncio

from msgspec.structs import replace

from floorbroker.engine.settings import Update
from floorbroker.engine.views import Subscription
from tests.unit.engine.book.test_booking import NAME, report, state
from tests.unit.engine.scripted import virtual


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
