"""What an idle desk adds to one order: from `submit` until the Alpaca client hands the request to
the wire, beside one durable append of the same two records to a journal of the same kind.

Order and append alternate, with a pause before each, so both meet the same disk and cold caches.
"""

import asyncio
import time
from collections.abc import Mapping
from itertools import count

from bench.market import new_client, new_front
from bench.runs import Figures, engine_on, folder, new_pacer, open_journal, percentile, run
from bench.stub import order
from floorbroker.brokers.alpaca.transport import Response
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.clock import MarketClock, SystemClock
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import NewOrderSingle, RequestKind, RequestSent

ORDERS = 700
WARM = 100
PAUSE_S = 0.003


class TimedTransport(MemoryTransport):
    """Notes when a request would have gone on the wire."""

    sent_at = 0.0

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        self.sent_at = time.perf_counter()
        return await super().request(method, path, query=query, body=body, headers=headers)


async def main() -> Figures:
    orders: list[float] = []
    appends: list[float] = []
    with folder() as place:
        front, pacer = new_front(), new_pacer()
        wire = TimedTransport(front)
        client = new_client(wire, pacer)
        clock = MarketClock(SystemClock(), front.server.now_ns)
        journal, numbers = open_journal(place / "alone.sqlite"), count()
        async with engine_on(client, place / "desk.sqlite", pacer, clock) as engine:
            for _ in range(ORDERS):
                await asyncio.sleep(PAUSE_S)
                started = time.perf_counter()
                done = await engine.submit(order())
                orders.append((wire.sent_at - started) * 1e6)
                await engine.wait(done.cl_ord_id)
                await asyncio.sleep(PAUSE_S)
                batch = _records(next(numbers))
                started = time.perf_counter()
                await journal.append(batch)
                appends.append((time.perf_counter() - started) * 1e6)
        journal.close()
        await client.aclose()
    return {
        "first_byte_us": percentile(orders[WARM:], 0.5),
        "first_byte_p99_us": percentile(orders[WARM:], 0.99),
        "append_us": percentile(appends[WARM:], 0.5),
    }


def _records(number: int) -> list[NewOrderSingle | RequestSent]:
    now, name = SystemClock().now(), ClOrdID(f"bench-{number:026d}")
    return [
        NewOrderSingle(cl_ord_id=name, account=Account("bench"), order=order(), transact_time=now),
        RequestSent(cl_ord_id=name, request=RequestKind.NEW, attempt=1, transact_time=now),
    ]


if __name__ == "__main__":
    run(main)
