"""The truth at the end of a story, when nothing is open and nothing breaks any more."""

from typing import Any

import msgspec

from floorbroker.domain.messages import (
    DeskOpened,
    NewOrderSingle,
    Reconciliation,
    TimerFired,
    TimerSet,
)
from tests.sim.invariants import check
from tests.sim.swarm.story import Story
from tests.sim.swarm.world import SwarmWorld

#: What a start writes when there is nothing to recover.
_NO_NEWS = (DeskOpened, Reconciliation, TimerFired, TimerSet)
_TIMES = ("adopted_time", "safe_time", "seen_time")
_ABOUT_THE_DESK = ("opened", "is_closed", "timers", "reconciliation", *_TIMES)
#: Stories that are started twice more at their end; it costs as much as the rest of the end.
_STARTED_AGAIN = 4


async def tell_the_truth(world: SwarmWorld, story: Story) -> None:
    """Every invariant; an AssertionError names the one that broke."""
    assert not world.truth.broken, "; ".join(world.truth.broken[:5])
    await check(world, is_restored=story.is_restored)
    for message in world.messages():
        if isinstance(message, NewOrderSingle):
            status = world.order(message.cl_ord_id).ord_status
            world.census.stories[f"an order ended {status}"] += 1
    if story.seed % _STARTED_AGAIN == 0:
        await _recover_twice(world)


async def _recover_twice(world: SwarmWorld) -> None:
    """I16: a recovery of what is recovered writes nothing new and changes nothing."""
    before = _book(world)
    for _ in range(2):
        count = len(world.messages())
        await world.crash()
        world.begin(None)
        await world.open()
        news = [one for one in world.messages()[count:] if not isinstance(one, _NO_NEWS)]
        assert not news, f"I16 a start without need wrote {news}"
        assert _book(world) == before, "I16 a start without need changed the book"
    assert world.replayed() == world.live(), "I15 replay differs from what is live"


def _book(world: SwarmWorld) -> dict[str, Any]:
    book: dict[str, Any] = msgspec.json.decode(world.live())
    return {name: value for name, value in book.items() if name not in _ABOUT_THE_DESK}
