"""A process that appends to a journal for ever and says what was acknowledged; to be killed.

Run as `python -m tests.crash.journal_child PATH`. Each line on stdout is the number of the last
record whose append returned, written before the next append begins.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from floorbroker.journal.port import Snapshot
from floorbroker.journal.sqlite import SqliteJournal
from tests.unit.journal.samples import order, timers


async def write(path: Path, seed: int) -> None:
    random = Random(seed)
    journal = SqliteJournal.open(
        path,
        command="a child that will be killed",
        started=datetime.now(UTC),
        journal_id_maker=random,
    )
    while True:
        number = journal.head().seq
        ended = [order(number + place) for place in range(random.choice((0, 0, 3)))]
        head = await journal.append(timers(random.randint(1, 40), number), ended)
        os.write(1, b"%d\n" % head.seq)
        if random.random() < 0.05:
            journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=bytes(50_000)))


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
