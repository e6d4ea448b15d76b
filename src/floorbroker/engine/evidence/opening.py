"""What a start waits for before the desk opens: the broker's books, and the first comparison."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import Any, TypeVar

from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerError, BrokerUnreachable
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Reconciliation
from floorbroker.engine import decide
from floorbroker.engine.compare.reconciler import AT_START, Reconciler
from floorbroker.engine.evidence.crew import Crew
from floorbroker.engine.evidence.link import Link
from floorbroker.engine.gates import stale
from floorbroker.engine.inbox import Inbox
from floorbroker.engine.settings import Means

Answer = TypeVar("Answer")


async def caught_up(link: Link, means: Means, inbox: Inbox) -> None:
    """Return once nothing is missing; raises BrokerUnreachable if that takes too long."""
    whole: asyncio.Future[Any] = asyncio.ensure_future(link.whole.wait())
    ends: list[asyncio.Future[Any]] = [whole, inbox.failed]
    timeout_s = means.settings.start_timeout_s
    try:
        await asyncio.wait(ends, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        whole.cancel()
    inbox.check_alive()
    if not link.is_whole:
        why = means.broker.stream.health().text or "the order stream did not come up"
        raise BrokerUnreachable(f"the broker's books could not be read: {why}")


async def compared(reconciler: Reconciler, means: Means) -> Reconciliation:
    """The first comparison, tried again while the broker fails now and then."""
    return await _insisted(lambda: reconciler.reconcile(AT_START), means)


async def account_number(means: Means) -> str:
    """Which of the broker's accounts the keys are for: before anything is asked about orders,
    because what another account does not know proves nothing."""
    return (await _insisted(means.broker.account_report, means)).number


async def _insisted(ask: Callable[[], Awaitable[Answer]], means: Means) -> Answer:
    clock, settings = means.clock, means.settings
    deadline = clock.monotonic() + settings.start_timeout_s
    for delay_s in chain(settings.retry_delays_s, repeat(1)):
        try:
            return await ask()
        except BrokerError as problem:
            means.errors.append(problem)
            if clock.monotonic() + delay_s > deadline:
                raise
        await clock.sleep(delay_s)
    raise AssertionError("unreachable: the delays never end")


async def accepted(crew: Crew, inbox: Inbox, clock: Clock) -> tuple[ClOrdID, ...]:
    """Somebody has looked at the orders that this journal does not know; their ids."""
    strangers = tuple(crew.state.strangers)
    if strangers:
        await inbox.record((stale.accepted(strangers, clock.now()),))
        await inbox.ask(decide.Release(is_open=crew.takes_orders))
    return strangers
