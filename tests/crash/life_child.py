"""A desk that is told what to do, as a process of its own; whoever started it kills it.

Words: home folder, URL of the exchange, and where it kills itself, or nothing. There it sends
itself SIGKILL, the first time or, after `#N`, the Nth: `PLACE[#N] WHAT`, as `tests.boundaries`
names places and what they are about; the beginning of a name is enough. Besides, there are `torn`,
in the middle of writing such a batch to the disk, and `step`, whatever it is about. Its start and
its end are watched too; after `later` it waits for the command `arm` first.

It reads one command a line and carries it out beside the others: `submit KIND TERMS` (JSON),
`replace ID TERMS`, `cancel ID`, `cancel_all`, and `slow SECONDS`, as if the broker had asked for
less. `full`: from now on its journal cannot grow. `stands` is answered with one line of JSON once
nothing is left to find out, `look` at once, `strangers` with the orders that are not its own,
`warm` once the instrument is known. The end of its input is its end; if the desk has to die, so
has the process, with the reason.
"""

import asyncio
import json
import os
import resource
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from floorbroker import app
from floorbroker.brokers.alpaca.client import AlpacaClient
from floorbroker.brokers.alpaca.network import NetworkTransport
from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.publish.views import view
from tests.boundaries import watch_journal, watch_transport
from tests.crash.desk_child import say
from tests.crash.power import Recorder

_UNSETTLED = (OrdStatus.SENT, OrdStatus.UNKNOWN, OrdStatus.PENDING_NEW)
SETTLE_S = 25.0
#: Orders that this process was told to submit.
ASKED: set[str] = set()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Tearing(Recorder):
    """A disk on which the process dies with half a page written, once it is told to."""

    is_deadly = False

    def _on_write(self, file: Any, content: Any, size: int, offset: int) -> int:
        if self.is_deadly:
            self._usual_methods.write(file, content, size // 2, offset)
            die()
        return int(self._usual_methods.write(file, content, size, offset))


class Death:
    """Waits for the desk at one place; see the module's words."""

    def __init__(self, where: str, disk: Tearing) -> None:
        self.is_armed = not where.startswith("later ")
        place, _, self._what = where.removeprefix("later ").partition(" ")
        self._place, _, number = place.partition("#")
        self._left = int(number or 1)
        self._disk = disk

    async def reached(self, place: str, what: frozenset[str]) -> None:
        is_torn = self._place == "torn" and place in ("append", "snapshot")
        if not self.is_armed or (self._place not in (place, "step") and not is_torn):
            return
        if self._what and not any(each.startswith(self._what) for each in (*what, place)):
            return
        self._left -= 1
        if self._left:
            return
        if not is_torn:
            die()
        self._disk.is_deadly = True

    def ports(self) -> app.Ports:
        def journal(*words: Any, **more: Any) -> Any:
            return watch_journal(SqliteJournal.open(*words, **more), self.reached)

        return app.Ports(
            journal=journal,
            network=lambda url: watch_transport(NetworkTransport(url), self.reached),
        )


async def settled(desk: Desk) -> list[Order]:
    """Every order, once none is in doubt and the books agree."""
    deadline = desk.clock.monotonic() + SETTLE_S
    while True:
        breaks = (await desk.reconcile_positions()).open_breaks
        orders = await desk.get_all_orders()
        open_questions = [one for one in orders if one.pending or one.ord_status in _UNSETTLED]
        is_complete = {order.cl_ord_id for order in orders} >= ASKED
        if is_complete and not breaks and not open_questions:
            return orders
        assert desk.clock.monotonic() < deadline, f"{breaks} {open_questions}"
        await desk.clock.sleep(0.05)


async def command(desk: Desk, death: Death, verb: str, words: str) -> None:
    name, _, rest = words.partition(" ")
    if verb == "submit":
        terms = json.loads(rest)
        ASKED.update({terms["cl_ord_id"]} if "cl_ord_id" in terms else ())
        await desk.submit_order(getattr(OrderRequest, name)("buy", 100, "AAPL", **terms))
    elif verb == "replace":
        await desk.replace_order(name, **json.loads(rest))
    elif verb == "cancel":
        await desk.cancel_order(name)
    elif verb == "cancel_all":
        await desk.cancel_all_orders()
    elif verb == "arm":
        death.is_armed = True
    elif verb == "slow":
        broker = desk._open.broker
        assert isinstance(broker, AlpacaClient)
        broker.pacer.penalise(float(name))
    elif verb == "full":
        log = desk.settings.journal_path.with_name("desk.sqlite-wal")
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))
    else:
        say(json.dumps([view(order) for order in await asked(desk, verb)]))


async def asked(desk: Desk, verb: str) -> list[Order]:
    if verb == "warm":
        await desk.get_instrument("AAPL")
        return []
    if verb == "strangers":
        return desk._open.engine.external_orders()
    return await (desk.get_all_orders() if verb == "look" else settled(desk))


async def work(home: Path, url: str, death: Death) -> None:
    settings = Settings(
        mode="embedded",
        home=home,
        journal_path=home / "desk.sqlite",
        exchange_url=url,
        exchange_speed=2.0,  # looks sooner and more often
        disk_min_mib=0,  # what is tried is what happens when it is full
    )
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    running: set[asyncio.Task[None]] = set()

    def done(task: asyncio.Task[None]) -> None:
        running.discard(task)
        if not desk._open.engine.failed.done():
            task.result()

    desk = Desk.open(settings)
    desk._parts = await app.start(settings, death.ports())
    say("open")

    async def obey() -> None:
        while line := (await reader.readline()).decode().strip():
            verb, _, words = line.partition(" ")
            task = asyncio.get_running_loop().create_task(command(desk, death, verb, words))
            running.add(task)
            task.add_done_callback(done)

    ends = [asyncio.ensure_future(obey()), asyncio.ensure_future(desk.failed())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if ends[1].done():
        raise SystemExit(str(ends[1].result()))
    await desk._open.aclose()


def main(home: Path, url: str, where: str) -> None:
    disk = Tearing()
    with ExitStack() as stack:
        if "torn" in where.split()[:2]:
            stack.enter_context(disk)
        asyncio.run(work(home, url, Death(where, disk)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
