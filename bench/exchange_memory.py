"""Memory of an exchange that has taken many orders, against the same after its first 10,000."""

import time

from bench.market import KEYS, new_front, order_body
from bench.memory import FIRST, resident_mb
from bench.runs import Figures, is_full, lanes, run, say
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport

SHORT, FULL = 100_000, 1_000_000
IN_FLIGHT = 32


async def main() -> Figures:
    total = FULL if is_full() else SHORT
    front = new_front()
    transport = MemoryTransport(front)
    headers = {**KEYS.headers(), "Content-Type": "application/json"}

    async def submit(number: int) -> None:
        body = order_body(f"x-{number}")
        answer = await transport.request("POST", "/v2/orders", body=body, headers=headers)
        assert answer.status == 200, answer.body

    await lanes(submit, range(FIRST), IN_FLIGHT)
    first_mb, sizes = resident_mb(), []
    cpu = time.process_time()
    for begin in range(FIRST, total, 10 * FIRST):
        end = min(begin + 10 * FIRST, total)
        await lanes(submit, range(begin, end), IN_FLIGHT)
        sizes.append(resident_mb())
        each = (time.process_time() - cpu) / (end - FIRST) * 1e6
        say(f"{end:,} orders: {sizes[-1]:.1f} MB, {each:.0f} us of CPU each")
    await transport.aclose()
    return {"orders": total, "first_mb": first_mb, "last_mb": sizes[-1]}


if __name__ == "__main__":
    run(main)
