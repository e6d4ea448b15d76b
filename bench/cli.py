"""How long the command line takes, as a user waits for it: from start to end of the process.

Compiled modules are kept, as in any installation, whatever the environment says about that.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.runs import Figures, engine_on, folder, lanes, new_pacer, percentile, run
from bench.stub import StubBroker, order

RUNS = 7


def wall_ms(words: list[str], compiled: Path) -> float:
    """Median over a few runs of Python, after one that compiles and warms the disk cache."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(compiled)}
    waits = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env=environment
        )
        waits.append((time.perf_counter() - started) * 1e3)
    return percentile(waits[1:], 0.5)


async def small_journal(path: Path) -> None:
    pacer = new_pacer()
    async with engine_on(StubBroker(pacer), path, pacer) as engine:
        await lanes(lambda _: engine.submit(order()), range(100), 16)


async def main() -> Figures:
    with folder() as place:
        path, compiled = place / "small.sqlite", place / "compiled"
        await small_journal(path)
        desk = ["-m", "floorbroker"]
        return {
            "python": wall_ms(["-c", ""], compiled),
            "help": wall_ms([*desk, "--help"], compiled),
            "quote_help": wall_ms([*desk, "quote", "--help"], compiled),
            "verify": wall_ms([*desk, "journal", "verify", str(path)], compiled),
        }


if __name__ == "__main__":
    run(main)
