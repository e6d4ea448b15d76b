"""Plays seeds until one finds that something is wrong; what `tests.mutants` runs on a copy.

Words: how many seeds. The last line says after how many it was found, and what was seen.
"""

import sys

from tests.sim.scenario import grouped, play


def hunt(seeds: int) -> str | None:
    """What went wrong first and after how many seeds, or None."""
    for seed in range(seeds):
        try:
            play(seed, grouped if seed % 2 else None)
        except BaseException as problem:  # noqa: BLE001  (whatever it is, it is noticed)
            words = str(problem).splitlines() or [""]
            return f"{seed + 1} {type(problem).__name__}: {words[0][:90]}"
    return None


if __name__ == "__main__":
    found = hunt(int(sys.argv[1]))
    sys.stdout.write(f"{found or 'nothing'}\n")
