"""A restart on a journal of a million records: from opening the file until orders are taken.

One process builds the journal with a real engine and dies without closing it; each restart is a
fresh process that has imported everything before its time starts. The newest snapshot is the
engine's own, so the records after it are as many as happened to follow.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench.runs import (
    Figures,
    folder,
    in_child,
    lanes,
    new_engine,
    new_pacer,
    open_journal,
    run,
    say,
)
from bench.stub import StubBroker, order
from floorbroker.clock import SystemClock
from floorbroker.domain.amounts import Qty
from floorbroker.journal.port import Snapshot
from floorbroker.journal.sqlite import SqliteJournal

RECORDS = 1_000_000
LIVE = 1_000
STEP = 10_000
TAIL = 30_000  #: The records after the newest snapshot: at least so many.


class WithoutSnapshot(SqliteJournal):
    """A journal whose snapshot is lost."""

    def snapshot(self) -> Snapshot | None:
        return None


async def build(path: Path) -> Figures:
    pacer, journal = new_pacer(), open_journal(path)
    broker = StubBroker(pacer)
    engine = new_engine(broker, journal, pacer, SystemClock())
    await engine.start()

    async def submit(_: int) -> None:
        done = await engine.submit(order())
        if not done.is_ended and broker.fills:
            await engine.wait(done.cl_ord_id)

    broker.fills = False
    await lanes(submit, range(LIVE), 128)
    broker.fills = True
    while journal.head().seq < RECORDS or _tail(journal) < TAIL:
        await lanes(submit, range(STEP), 128)
        if journal.head().seq % 100_000 < STEP * 4:
            say(f"{journal.head().seq:,} records")
    kept = {"records": journal.head().seq, "tail": _tail(journal)}
    _venue_file(path).write_text(json.dumps(broker.export()))
    print(json.dumps(kept), flush=True)
    os._exit(0)  # as a crash does: no snapshot is taken, nothing is closed


def _venue_file(path: Path) -> Path:
    return path.with_suffix(".venue")


def _tail(journal: SqliteJournal) -> int:
    newest = journal.snapshot()
    return journal.head().seq - (0 if newest is None else newest.seq)


async def restart(path: Path, kind: type[SqliteJournal]) -> Figures:
    pacer = new_pacer()
    broker = StubBroker(pacer)
    broker.take_up(json.loads(_venue_file(path).read_text()))
    started, cpu = time.perf_counter(), time.process_time()
    journal = open_journal(path, kind)
    engine = new_engine(broker, journal, pacer, SystemClock())
    found = await engine.start()
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    say(f"{found.records:,} records applied, {elapsed:.2f} s, {cpu:.2f} s of CPU")
    assert len(engine.open_orders()) == LIVE, found
    assert engine.positions()["AAPL"].qty == Qty(broker.held("AAPL")), found
    figures = {"seconds": elapsed, "applied": found.records, "snapshot_seq": found.snapshot_seq}
    print(json.dumps(figures), flush=True)
    os._exit(0)  # the next restart finds the journal as this one did, apart from a few records


async def main() -> Figures:
    with folder() as place:
        words = str(place / "desk.sqlite")
        built: dict[str, Any] = await asyncio.to_thread(in_child, "restart", "build", words)
        with_it = await asyncio.to_thread(in_child, "restart", "with", words)
        without = await asyncio.to_thread(in_child, "restart", "without", words)
    return {**built, "with": with_it, "without": without}


def _chosen() -> Any:
    if len(sys.argv) < 3:
        return main
    what, path = sys.argv[1], Path(sys.argv[2])
    if what == "build":
        return lambda: build(path)
    return lambda: restart(path, SqliteJournal if what == "with" else WithoutSnapshot)


if __name__ == "__main__":
    run(_chosen())
