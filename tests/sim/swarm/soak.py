"""Plays many seeds, a chunk at a time, in as many processes as are wanted."""

import gc
import multiprocessing
import time
from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from tests.sim.swarm.census import Census
from tests.sim.swarm.play import play

CHUNK = 20


class Batch(Struct, frozen=True):
    """What some seeds came to."""

    seeds: int
    cpu_s: float
    failures: list[tuple[int, str]]
    census: Census


def played(first: int, count: int = CHUNK) -> Batch:
    """Play these seeds here and now."""
    census, failures = Census.empty(), []
    started = time.process_time()
    gc.disable()  # once a story is enough, and saves a fourteenth
    gc.freeze()  # what was there before is not looked at then
    for seed in range(first, first + count):
        try:
            census.add(play(seed).census)
        except Exception as problem:  # noqa: BLE001  (a defect found is what this is for)
            failures.append((seed, f"{type(problem).__name__}: {problem}"))
        gc.collect()
    gc.unfreeze()
    gc.enable()
    return Batch(count, time.process_time() - started, failures, census)


def batches(first: int, count: int, processes: int = 1) -> Iterator[Batch]:
    """Play `count` seeds, a chunk after the other, in any order."""
    starts = range(first, first + count, CHUNK)
    if processes == 1:
        yield from map(played, starts)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(partial(played), starts)
