"""The whole embedded desk in one process: engine, Alpaca client, exchange, durable journal."""

from bench.market import new_client, new_front
from bench.runs import Figures, engine_on, folder, new_pacer, rate, run
from bench.stub import order
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.clock import MarketClock, SystemClock

IN_FLIGHT = 128
ORDERS = 15_000


async def main() -> Figures:
    with folder() as place:
        front, pacer = new_front(), new_pacer()
        client = new_client(MemoryTransport(front), pacer)
        clock = MarketClock(SystemClock(), front.server.now_ns)
        async with engine_on(client, place / "desk.sqlite", pacer, clock) as engine:

            async def submit(number: int) -> None:
                done = await engine.submit(order())
                if not done.is_ended:
                    await engine.wait(done.cl_ord_id)

            figure = await rate(submit, ORDERS, IN_FLIGHT)
            assert not engine.open_orders()
        await client.aclose()
    return {"orders": figure}


if __name__ == "__main__":
    run(main)
