"""Simulated days a second on one core: the test suite's own scenarios, with 40 orders each.

Each is a desk, an exchange and callers under virtual time, with faults, crashes and restarts, and
ends with every check of the books. CPU time is counted: nothing in a simulation ever waits.
"""

import json
import time

from tests.sim import scenario

from bench.runs import Figures, say

ORDERS = 40
SEEDS = 24
WARM = 2


def play(seed: int) -> bool:
    """Whether the books held; that they do is for the test suite to insist on."""
    try:
        scenario.play(seed)
    except Exception as problem:  # noqa: BLE001  (the row tells how many failed)
        say(f"seed {seed} with {ORDERS} orders: {type(problem).__name__}: {problem}")
        return False
    return True


def main() -> Figures:
    scenario.ORDERS = ORDERS
    for seed in range(WARM):
        play(seed)
    started = time.process_time()
    failed = sum(not play(seed) for seed in range(WARM, WARM + SEEDS))
    elapsed = time.process_time() - started
    say(f"{elapsed / SEEDS * 1e3:.0f} ms of CPU each")
    return {"scenarios": SEEDS / elapsed, "seeds": SEEDS, "failed": failed}


if __name__ == "__main__":
    print(json.dumps(main()))
