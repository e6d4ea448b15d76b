"""A batch over HTTP against the same orders one by one, and the cancel of all of them.

The orders rest far from the market, so that there is something to cancel. The rate limit of the
exchange is off; the desk writes every order down as always.
"""

import time
from decimal import Decimal
from pathlib import Path

from bench.market import BATCH_SYMBOLS, exchange_process, new_client
from bench.runs import Figures, engine_on, folder, new_pacer, run, say
from floorbroker.brokers.alpaca.network import NetworkTransport
from floorbroker.clock import MarketClock, SystemClock, ns_of
from floorbroker.deskwork.batch import cancel_all, submit_all
from floorbroker.domain.order import Order, OrderRequest

ORDERS = 2_000
SINGLES = 400
ROUNDS = 2


def orders(name: str, count: int) -> list[OrderRequest]:
    return [
        OrderRequest.limit(
            "buy",
            1,
            BATCH_SYMBOLS[number % len(BATCH_SYMBOLS)],
            limit_price=Decimal("1.00"),
            cl_ord_id=f"{name}-{number}",
        )
        for number in range(count)
    ]


async def measured(url: str, path: Path, count: int) -> Figures:
    """Orders per second one by one, in a batch, and canceled."""
    pacer = new_pacer()
    client = new_client(NetworkTransport(url), pacer, path.stem)
    clock = MarketClock(SystemClock(), ns_of((await client.market_phase()).broker_time))
    try:
        async with engine_on(client, path, pacer, clock) as engine:
            for request in orders("warm", 2 * len(BATCH_SYMBOLS)):
                await engine.submit(request)
            started = time.perf_counter()
            for request in orders("single", SINGLES):
                await engine.submit(request)
            singles = SINGLES / (time.perf_counter() - started)
            started = time.perf_counter()
            results = await submit_all(engine, orders("batch", count))
            batch = count / (time.perf_counter() - started)
            assert all(isinstance(one, Order) and one.ord_status.is_open for one in results)
            live = len(engine.open_orders())
            started = time.perf_counter()
            results = await cancel_all(engine)
            cancels = live / (time.perf_counter() - started)
            assert len(results) == live
            for order in engine.open_orders():
                await engine.wait(order.cl_ord_id)
    finally:
        await client.aclose()
    say(f"one by one {singles:,.0f}/s, batch {batch:,.0f}/s, canceled {cancels:,.0f}/s")
    return {"singles": singles, "batch": batch, "cancels": cancels}


async def main() -> Figures:
    with folder() as place, exchange_process() as url:
        rounds = [
            await measured(url, place / f"batch{turn}.sqlite", ORDERS) for turn in range(ROUNDS)
        ]
    return {name: max(one[name] for one in rounds) for name in rounds[0]}


if __name__ == "__main__":
    run(main)
