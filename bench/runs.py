"""What the benchmarks share: timing K tasks in flight, a desk's parts, child processes."""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from floorbroker.brokers.pacing import Pacer, PacingRules
from floorbroker.brokers.port import Broker
from floorbroker.clock import Clock, SystemClock
from floorbroker.engine.loop import Engine
from floorbroker.engine.settings import EngineSettings
from floorbroker.journal.sqlite import SqliteJournal

Figures = dict[str, Any]


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder on the disk where the project lies, not in memory."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        yield Path(name)


def open_journal(path: Path, kind: type[SqliteJournal] = SqliteJournal) -> SqliteJournal:
    return kind.open(
        path, command="bench", started=SystemClock().now(), journal_id_maker=Random(1)
    )


def new_pacer() -> Pacer:
    return Pacer(SystemClock(), Random(1), PacingRules(max_in_flight=100_000))


def new_engine(broker: Broker, journal: SqliteJournal, pacer: Pacer, clock: Clock) -> Engine:
    """An engine with the settings of every desk, except that it polls nobody meanwhile."""
    return Engine(
        journal=journal,
        broker=broker,
        clock=clock,
        random=Random(1),
        pacer=pacer,
        settings=EngineSettings(poll_orders_s=3600, poll_positions_s=3600),
        namespace="bench",
        mode="embedded",
        version="bench",
    )


@asynccontextmanager
async def engine_on(
    broker: Broker, path: Path, pacer: Pacer, clock: Clock | None = None
) -> AsyncIterator[Engine]:
    """An engine that trades through this door; the two share a pacer."""
    journal = open_journal(path)
    engine = new_engine(broker, journal, pacer, clock or SystemClock())
    try:
        await engine.start()
        yield engine
        await engine.stop()
    finally:
        journal.close()


async def lanes(do: Callable[[int], Awaitable[object]], numbers: range, in_flight: int) -> None:
    """Call once for each number, so many at a time."""
    waiting = iter(numbers)

    async def lane() -> None:
        for number in waiting:
            await do(number)

    await asyncio.gather(*(lane() for _ in range(in_flight)))


async def rate(
    do: Callable[[int], Awaitable[object]],
    total: int,
    in_flight: int,
    finish: Callable[[], Awaitable[object]] | None = None,
) -> float:
    """Calls per second with so many in flight, after a warm-up of a tenth.

    `finish` returns when the work that the calls began is done; waiting for it counts.
    """
    warm = max(total // 10, in_flight)
    await lanes(do, range(warm), in_flight)
    if finish is not None:
        await finish()
    started, cpu = time.perf_counter(), time.process_time()
    await lanes(do, range(warm, warm + total), in_flight)
    if finish is not None:
        await finish()
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    each = f"{cpu / total * 1e6:.0f} us of CPU each"
    say(f"{total / elapsed:,.0f}/s at {in_flight} in flight, {each}")
    return total / elapsed


def in_child(part: str, *words: str) -> Figures:
    """Run `python -m bench.<part>` alone and read the JSON object it ends with.

    Raises CalledProcessError if it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{part}", *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def run(main: Callable[[], Awaitable[Figures]]) -> None:
    """The body of a part: run it under uvloop and print its figures."""
    import uvloop

    async def body() -> Figures:
        return await main()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(body())))


def say(text: str) -> None:
    """Progress, which is no result."""
    print(f"  {text}", file=sys.stderr, flush=True)


def is_full() -> bool:
    """Whether this part was asked for its long form."""
    words = argparse.ArgumentParser()
    words.add_argument("--full", action="store_true")
    return bool(words.parse_args().full)


def percentile(sample: list[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(sample)
    return ordered[max(round(share * len(ordered) + 0.5) - 1, 0)]
