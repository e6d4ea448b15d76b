"""One of several processes that ask the exchange with one key, sharing its budget or not.

Words: URL, folder of the budget (empty for none), kind of requests, seconds, and the instant from
which all clocks run `SPEED` times as fast. It says a line of JSON: how many were answered, how
many of them with 429, and the longest wait of a request in real seconds.
"""

import asyncio
import json
import sys
import time
from datetime import datetime
from pathlib import Path
from random import Random

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.line import Line
from floorbroker.brokers.alpaca.network import NetworkTransport
from floorbroker.brokers.pace.shared import SharedBudget, file_of
from floorbroker.brokers.pacing import Lane, Pacer
from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.domain.errors import BrokerError

SPEED = 20
KEY = "PKSHARED"


class FastClock:
    """All time of this machine, faster; processes with one origin agree on it."""

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns

    def now_ns(self) -> int:
        return self._origin_ns + (time.time_ns() - self._origin_ns) * SPEED

    def now(self) -> datetime:
        return datetime_of(self.now_ns())

    def monotonic(self) -> float:
        return self.now_ns() / NS_PER_S

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


async def work(url: str, folder: str, kind: str, seconds: float, origin_ns: int) -> None:
    clock = FastClock(origin_ns)
    budget = SharedBudget(file_of(Path(folder), url, KEY, "budget"), clock) if folder else None
    pacer = Pacer(clock, Random(time.time_ns()), budget=budget)
    way = NetworkTransport(url)
    line = Line(way, pacer, clock, Credentials(KEY, "secret"))
    told = {"answered": 0, "refused": 0, "wait_s": 0.0}
    until = time.monotonic() + seconds

    async def ask(lane: Lane) -> None:
        began = time.monotonic()
        try:
            await line.call(lane, "GET", "/v2/positions")
        except BrokerError:
            told["refused"] += 1
        told["answered"] += 1
        told["wait_s"] = max(told["wait_s"], time.monotonic() - began)

    async def flood() -> None:
        while True:
            await ask(Lane.SUBMIT)

    async def cancel() -> None:
        while time.monotonic() < until:
            await ask(Lane.CANCEL)
            await asyncio.sleep(1.0)  # one in 20 s of the market: three a window

    try:
        async with asyncio.timeout(seconds):
            await (cancel() if kind == "cancel" else asyncio.gather(*(flood() for _ in range(40))))
    except TimeoutError:
        pass
    await pacer.aclose()
    await way.aclose()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    words = sys.argv[1:]
    asyncio.run(work(words[0], words[1], words[2], float(words[3]), int(words[4])))
