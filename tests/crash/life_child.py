"""A desk that is told what to do, as a process of its own; whoever started it kills it.

Words: home folder, URL of the exchange, and where it kills itself, or nothing. There it sends
itself SIGKILL at the first such boundary: `before:submit` before that request is durable,
`wire:submit` when it is durable and before a byte leaves, `answered:submit` when the broker has
answered and nobody here has heard it; `replace` and `cancel` likewise.

It reads one command a line and carries it out beside the others: `submit TERMS` (JSON),
`replace ID TERMS`, `cancel ID`. `stands` is answered with one line of JSON once nothing is left to
find out, `look` at once. The end of its input is its end.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.domain.messages import RequestKind, RequestSent
from floorbroker.domain.order import OrderRequest, OrdStatus
from floorbroker.publish.views import view
from tests.crash.desk_child import say

KINDS = {
    "submit": RequestKind.NEW,
    "replace": RequestKind.REPLACE,
    "cancel": RequestKind.CANCEL,
}
_DOORS = {"submit": "place", "replace": "replace", "cancel": "cancel"}
_UNSETTLED = (OrdStatus.SENT, OrdStatus.UNKNOWN, OrdStatus.PENDING_NEW)
SETTLE_S = 25.0
#: Orders that this process was told to submit.
ASKED: set[str] = set()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(desk: Desk, where: str) -> None:
    """Let the desk die at this boundary."""
    boundary, _, what = where.partition(":")
    parts = desk._open
    if boundary == "before":
        append = parts.journal.append

        async def watched(messages: Any, ended: Any) -> Any:
            kinds = [one.request for one in messages if isinstance(one, RequestSent)]
            if KINDS[what] in kinds:
                die()
            return await append(messages, ended)

        setattr(parts.journal, "append", watched)  # noqa: B010  (watched, not replaced)
        return
    door: Callable[..., Awaitable[Any]] = getattr(parts.broker, _DOORS[what])

    async def passed(*words: Any) -> Any:
        if boundary == "wire":
            die()
        found = await door(*words)
        die()
        return found

    setattr(parts.broker, _DOORS[what], passed)


async def settled(desk: Desk) -> list[dict[str, Any]]:
    """Every order, once none is in doubt and the books agree."""
    deadline = desk.clock.monotonic() + SETTLE_S
    while True:
        breaks = (await desk.reconcile_positions()).open_breaks
        orders = await desk.get_all_orders()
        open_questions = [one for one in orders if one.pending or one.ord_status in _UNSETTLED]
        is_complete = {order.cl_ord_id for order in orders} >= ASKED
        if is_complete and not breaks and not open_questions:
            return [view(order) for order in orders]
        assert desk.clock.monotonic() < deadline, f"{breaks} {open_questions}"
        await desk.clock.sleep(0.05)


async def command(desk: Desk, verb: str, words: str) -> None:
    if verb == "submit":
        ASKED.add(json.loads(words)["cl_ord_id"])
        await desk.submit_order(OrderRequest.bracket("buy", 100, "AAPL", **json.loads(words)))
    elif verb == "replace":
        name, _, terms = words.partition(" ")
        await desk.replace_order(name, **json.loads(terms))
    elif verb == "cancel":
        await desk.cancel_order(words)
    elif verb == "look":
        say(json.dumps([view(order) for order in await desk.get_all_orders()]))
    else:
        say(json.dumps(await settled(desk)))


async def work(home: Path, url: str, where: str) -> None:
    settings = Settings(
        mode="embedded",
        home=home,
        journal_path=home / "desk.sqlite",
        exchange_url=url,
        exchange_speed=2.0,  # looks sooner and more often
    )
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    running: set[asyncio.Task[None]] = set()

    def done(task: asyncio.Task[None]) -> None:
        running.discard(task)
        task.result()

    async with Desk.open(settings) as desk:
        if where:
            arm(desk, where)
        say("open")
        while line := (await reader.readline()).decode().strip():
            verb, _, words = line.partition(" ")
            task = asyncio.get_running_loop().create_task(command(desk, verb, words))
            running.add(task)
            task.add_done_callback(done)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
