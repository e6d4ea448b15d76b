"""`python -m tests.sim.report`: plays seeds, and tells what broke and what was never put to the
test. It ends with 1 if an invariant was broken.

    python -m tests.sim.report --seeds 20000 --first 1000 --processes 2
    python -m tests.sim.report --seed 1234 --shrink
"""

import argparse
import sys
import time

from tests.sim.swarm.census import Census
from tests.sim.swarm.shrink import shrunk, told
from tests.sim.swarm.soak import batches
from tests.sim.swarm.story import drawn

_EVERY_S = 20.0
_TEXT_MAX = 300


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.sim.report", description=__doc__)
    words.add_argument("--seeds", type=int, default=2000, help="how many (default 2000)")
    words.add_argument("--first", type=int, default=0, help="the first of them")
    words.add_argument("--processes", type=int, default=1)
    words.add_argument("--seed", type=int, help="tell the story of this one instead")
    words.add_argument("--shrink", action="store_true", help="with --seed: as small as it fails")
    given = words.parse_args()
    if given.seed is not None:
        return tell(given.seed, is_shrunk=given.shrink)
    return soak(given.first, given.seeds, given.processes)


def tell(seed: int, *, is_shrunk: bool) -> int:
    """The story of a seed in lines."""
    story = drawn(seed)
    last = ""
    for last in told(shrunk(story) if is_shrunk else story):
        say(last)
    return 0 if last == "it holds" else 1


def soak(first: int, count: int, processes: int) -> int:
    """Many seeds; progress now and then, each failure as it is found, the census at the end."""
    census, seeds, cpu_s, failures = Census.empty(), 0, 0.0, 0
    began = said = time.monotonic()
    for batch in batches(first, count, processes):
        seeds, cpu_s = seeds + batch.seeds, cpu_s + batch.cpu_s
        census.add(batch.census)
        for seed, why in batch.failures:
            failures += 1
            say(f"seed {seed} {why[:_TEXT_MAX]}")
        if time.monotonic() - said > _EVERY_S:
            said = time.monotonic()
            say(f"{seeds} seeds, {failures} failures, {seeds / cpu_s:.1f} seeds/s/core")
    say(census.told())
    say(
        f"{seeds} seeds from {first} on, {failures} failures, {seeds / cpu_s:.1f} seeds/s/core,"
        f" {time.monotonic() - began:.0f} s; play one again: --seed N --shrink"
    )
    return 1 if failures else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
