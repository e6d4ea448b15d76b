"""The truth at the end of a story, when nothing is open and nothing breaks any more."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from floorbroker.domain.messages import (
    Alarm,
    DeskOpened,
    ExecType,
    ExecutionReport,
    NewOrderSingle,
    OrderReopened,
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
    for number in range(2):
        count = len(world.messages())
        await world.crash()
        world.begin(None)
        await world.open()
        news = [one for one in world.messages()[count:] if not isinstance(one, _NO_NEWS)]
        if number == 0 and _comes_to_nothing(news):
            before = _book(world)
            continue
        assert not news, f"I16 a start without need wrote {news}"
        assert _book(world) == before, "I16 a start without need changed the book"
    assert world.replayed() == world.live(), "I15 replay differs from what is live"


def _comes_to_nothing(news: Sequence[Any]) -> bool:
    """Whether a start heard of executions that were busted before anybody here knew of them."""
    told = [one for one in news if isinstance(one, ExecutionReport)]
    others = [one for one in news if not isinstance(one, ExecutionReport)]
    shares: dict[str, Decimal] = defaultdict(Decimal)
    for one in told:
        sign = {ExecType.TRADE: 1, ExecType.TRADE_CANCEL: -1}.get(one.exec_type, 0)
        shares[one.order_id] += sign * Decimal(one.last_qty or 0)
    return (
        bool(told)
        and not any(shares.values())
        and all(isinstance(one, (OrderReopened, Alarm)) for one in others)
    )


def _book(world: SwarmWorld) -> dict[str, Any]:
    book: dict[str, Any] = msgspec.json.decode(world.live())
    if "guards" in book:
        book["guards"] = {**book["guards"], "sends": 0}  # of this process alone
    return {name: value for name, value in book.items() if name not in _ABOUT_THE_DESK}
