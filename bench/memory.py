"""Memory of a desk that has worked many orders, against the same desk after its first 10,000."""

import gc
import os
from pathlib import Path

from bench.runs import Figures, engine_on, folder, is_full, lanes, new_pacer, run, say
from bench.stub import StubBroker, order

FIRST = 10_000
SHORT, FULL = 200_000, 1_000_000
STATM = Path("/proc/self/statm")


def resident_mb() -> float:
    """What the process holds; 0 where the system does not tell."""
    if not STATM.exists():
        return 0.0
    gc.collect()
    pages = int(STATM.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def main() -> Figures:
    total = FULL if is_full() else SHORT
    pacer = new_pacer()
    with folder() as place:
        async with engine_on(StubBroker(pacer), place / "memory.sqlite", pacer) as engine:

            async def submit(_: int) -> None:
                done = await engine.submit(order())
                if not done.is_ended:
                    await engine.wait(done.cl_ord_id)

            await lanes(submit, range(FIRST), 128)
            first_mb, sizes = resident_mb(), []
            for begin in range(FIRST, total, 50_000):
                await lanes(submit, range(begin, min(begin + 50_000, total)), 128)
                sizes.append(resident_mb())
                say(f"{min(begin + 50_000, total):,} orders: {sizes[-1]:.1f} MB")
    return {"orders": total, "first_mb": first_mb, "last_mb": sizes[-1]}


if __name__ == "__main__":
    run(main)
