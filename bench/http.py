"""Orders over HTTP to one exchange process: the whole desk, a bare client, and alpaca-py.

The bare client posts the bytes that the desk would post and reads the answers; it keeps no book,
writes nothing down and does not follow the order stream. Desk and bare client take turns, and of
each the best round counts, because whatever else the machine does can only slow them down. Desk
rounds end when every order is booked as filled.
"""

import asyncio
from pathlib import Path

from bench.market import KEYS, exchange_process, new_client, order_body
from bench.runs import Figures, engine_on, folder, in_child, new_pacer, rate, run, say
from bench.stub import order
from floorbroker.brokers.alpaca.network import NetworkTransport
from floorbroker.clock import MarketClock, SystemClock, ns_of

ROUNDS = 3
ORDERS = {32: 6_000, 128: 8_000}


async def bare(url: str, in_flight: int, name: str) -> float:
    """Orders per second of aiohttp alone."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=256)
    headers = {**KEYS.headers(), "Content-Type": "application/json"}
    async with aiohttp.ClientSession(
        url, connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def submit(number: int) -> None:
            body = order_body(f"{name}-{number}")
            async with session.post("/v2/orders", data=body) as answer:
                await answer.read()
                assert answer.status == 200, await answer.text()

        return await rate(submit, ORDERS[in_flight], in_flight)


async def desk(url: str, in_flight: int, path: Path) -> float:
    """Orders per second of the whole desk; each desk has an account of its own."""
    pacer = new_pacer()
    client = new_client(NetworkTransport(url), pacer, path.stem)
    clock = MarketClock(SystemClock(), ns_of((await client.market_phase()).broker_time))
    try:
        async with engine_on(client, path, pacer, clock) as engine:

            async def submit(number: int) -> None:
                await engine.submit(order())

            async def all_filled() -> None:
                while live := engine.open_orders():
                    await engine.wait(live[-1].cl_ord_id)

            return await rate(submit, ORDERS[in_flight], in_flight, all_filled)
    finally:
        await client.aclose()


async def main() -> Figures:
    figures: Figures = {}
    with folder() as place, exchange_process() as url:
        for in_flight in (32, 128):
            bares, desks = [], []
            for turn in range(ROUNDS):
                name = f"{in_flight}x{turn}"
                bares.append(await bare(url, in_flight, name))
                desks.append(await desk(url, in_flight, place / f"{name}.sqlite"))
                say(f"{in_flight} in flight: desk {desks[-1]:,.0f}/s, bare {bares[-1]:,.0f}/s")
            figures[str(in_flight)] = {"desk": max(desks), "bare": max(bares)}
        sdk = await asyncio.to_thread(in_child, "sdk", url)
    return {**figures, "sdk": sdk["orders"]}


if __name__ == "__main__":
    run(main)
