"""The embedded exchange alone: orders submitted and filled, in memory and over HTTP.

A listener follows the order stream all the while and must have seen every fill when time is taken.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench import lean
from bench.market import HELLO, exchange_process, new_front, order_body, order_to_sell
from bench.runs import Figures, rate, run, say
from bench.wire import Pool
from floorbroker.brokers.alpaca.network import NetworkTransport
from floorbroker.brokers.alpaca.transport import Frames, FramesClosed, Transport

IN_FLIGHT = 32
#: Orders in memory, and how many of them are made ready at a time, outside the timing.
IN_MEMORY, PART = 132_000, 12_000
Post = Callable[[bytes], Awaitable[object]]
_FILL = b'"event":"fill"'


class Listener:
    """Counts the fills that the order stream tells of; decodes nothing."""

    def __init__(self) -> None:
        self.fills = 0
        self._sent = 0
        self._task: asyncio.Task[None]
        self._seen = asyncio.Event()

    async def start(self, transport: Transport) -> None:
        frames = await transport.connect("/stream")
        for words in HELLO:
            await frames.send(words)
            await frames.receive()
        self._task = asyncio.ensure_future(self._follow(frames))

    async def _follow(self, frames: Frames) -> None:
        try:
            while True:
                frame = await frames.receive()
                assert isinstance(frame, bytes)
                if _FILL in frame:
                    self.fills += 1
                    if self.fills >= self._sent:
                        self._seen.set()
        except FramesClosed:
            return

    def counted(self, post: Post) -> Callable[[int], Awaitable[None]]:
        async def submit(number: int) -> None:
            self._sent += 1
            await post(order_body(f"x-{number}"))

        return submit

    async def all_seen(self) -> None:
        async with asyncio.timeout(30):
            while self.fills < self._sent:
                self._seen.clear()
                await self._seen.wait()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def bought_and_sold(number: int) -> bytes:
    return (order_to_sell if number % 2 else order_body)(f"x-{number}")


async def in_memory(count: int, body: Callable[[int], bytes]) -> float:
    """Bursts, as a server has them that finds many requests on its sockets at once."""
    front = new_front()
    listener, poster = lean.Listener(front), lean.Poster(front)
    await listener.start()

    async def work(numbers: range) -> None:
        requests = poster.requests(map(body, numbers))
        started, cpu = time.perf_counter(), time.process_time()
        for begin in range(0, len(requests), IN_FLIGHT):
            for scope, message in requests[begin : begin + IN_FLIGHT]:
                await poster.post(scope, message)
            await asyncio.sleep(0)  # the listener's turn
        async with asyncio.timeout(30):
            await listener.until(numbers.stop)
        elapsed.append(time.perf_counter() - started)
        each = f"{(time.process_time() - cpu) / len(numbers) * 1e6:.1f} us of CPU each"
        say(f"{len(numbers) / elapsed[-1]:,.0f}/s, {each}")

    elapsed: list[float] = []
    for first in range(0, count, PART):  # the first part warms up
        await work(range(first, first + PART))
    await listener.stop()
    await front.aclose()
    return (count - PART) / sum(elapsed[1:])


async def over_http() -> float:
    with exchange_process() as url:
        network = NetworkTransport(url)
        listener = Listener()
        await listener.start(network)
        pool = Pool(url)
        await pool.open(IN_FLIGHT)
        submit = listener.counted(pool.post_order)
        figure = await rate(submit, 30_000, IN_FLIGHT, listener.all_seen)
        pool.close()
        await listener.stop()
        await network.aclose()
    return figure


async def main() -> Figures:
    return {
        "memory": await in_memory(IN_MEMORY, lambda number: order_body(f"x-{number}")),
        "both sides": await in_memory(IN_MEMORY // 2, bought_and_sold),
        "http": await over_http(),
    }


if __name__ == "__main__":
    run(main)
