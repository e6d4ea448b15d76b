"""A desk that works a list of orders, as a process of its own; whoever started it kills it.

Every order has an id fixed by its number, so that a new life knows from the journal what an
earlier one has done. Words: home folder, URL of the exchange, number of orders. It says "begin"
before it opens its journal, "open" when it takes orders, each number when its order was answered,
and "done" when nothing is left to find out.
"""

import asyncio
import sys
from pathlib import Path

from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.domain.errors import BrokerError, Halted, Refused
from floorbroker.domain.order import OrderRequest, OrdStatus

SYMBOLS = ("AAPL", "MSFT", "SPY", "F")
IN_FLIGHT = 8
SETTLE_S = 40.0
#: Of the exchange: a busy machine must keep up with its market.
SPEED = 4.0


def request_of(number: int) -> OrderRequest:
    """Mostly market orders; every fifth rests far away, every seventh is a limit that may fill."""
    symbol = SYMBOLS[number % len(SYMBOLS)]
    cl_ord_id = f"kill-{number:04d}"
    if number % 5 == 4:
        return OrderRequest.limit("buy", 1, symbol, limit_price="1.00", cl_ord_id=cl_ord_id)
    if number % 7 == 6:
        return OrderRequest.limit("buy", 3, symbol, limit_price="900", cl_ord_id=cl_ord_id)
    return OrderRequest.market("buy", number % 9 + 1, symbol, cl_ord_id=cl_ord_id)


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def work(home: Path, url: str, count: int) -> None:
    settings = Settings(
        mode="embedded",
        home=home,
        journal_path=home / "desk.sqlite",
        exchange_url=url,
        exchange_speed=SPEED,  # looks sooner and more often
    )
    say("begin")
    while True:
        try:
            await _work(settings, count)
            break
        except BrokerError:  # the exchange was too busy to answer: as whoever minds a desk would
            continue
    say("done")


async def _work(settings: Settings, count: int) -> None:
    async with Desk.open(settings) as desk:
        say("open")
        numbers = iter(range(count))

        async def lane() -> None:
            for number in numbers:
                if await _is_new(desk, number):
                    await submit(desk, request_of(number))
                    say(str(number))

        await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
        await _settle(desk)


async def submit(desk: Desk, request: OrderRequest) -> None:
    """What the last life left unknown closes its symbol for a while."""
    while True:
        try:
            await desk.submit_order(request)
        except Halted:
            await desk.clock.sleep(0.05)
        else:
            return


async def _is_new(desk: Desk, number: int) -> bool:
    try:
        await desk.get_order(str(request_of(number).cl_ord_id))
    except Refused:
        return True
    return False


async def _settle(desk: Desk) -> None:
    """Every order has ended or rests as it should, and the books agree."""
    deadline = desk.clock.monotonic() + SETTLE_S
    while True:
        waiting = [
            order
            for order in await desk.get_all_orders("open")
            if order.ord_status is not OrdStatus.NEW
        ]
        if not waiting and not (await desk.reconcile_positions()).open_breaks:
            return
        if desk.clock.monotonic() > deadline:
            raise SystemExit(f"not settled: {[(o.cl_ord_id, o.ord_status) for o in waiting]}")
        await desk.clock.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
