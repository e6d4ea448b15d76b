"""Plays seeds until one finds that something is wrong; what `tests.mutants` runs on a copy.

Words: how many seeds. The last line says after how many it was found, and what was seen.
"""

import logging
import sys

from tests.sim.swarm.shrink import failure
from tests.sim.swarm.story import drawn


def hunt(seeds: int) -> str | None:
    """What went wrong first and after how many seeds, or None."""
    for seed in range(seeds):
        words = failure(drawn(seed))
        if words:
            return f"{seed + 1} {words.splitlines()[0][:100]}"
    return None


if __name__ == "__main__":
    logging.getLogger("floorbroker").setLevel(logging.CRITICAL)  # stories are full of alarms
    found = hunt(int(sys.argv[1]))
    sys.stdout.write(f"{found or 'nothing'}\n")
