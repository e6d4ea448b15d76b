"""A desk that places brackets, as a process of its own; whoever started it kills it.

Words: home folder, URL of the exchange, number of brackets. Every third waits for its entry, of
every fifth a leg is canceled. It says "begin" before it opens its journal, each number when its
bracket was answered, and in the end one line of JSON: every order as it stands.
"""

import asyncio
import sys
from pathlib import Path

from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.domain.errors import Refused
from floorbroker.domain.order import OrderRequest
from floorbroker.publish.views import to_json
from tests.crash.desk_child import say, submit

#: In the time of the market; that an order was never placed is proven after a minute of it.
SETTLE_S = 400.0


def request_of(number: int) -> OrderRequest:
    entry = "101" if number % 3 == 2 else None
    return OrderRequest.bracket(
        "buy",
        number % 4 + 1,
        "AAPL",
        take_profit=900,
        stop_loss=100,
        limit_price=entry,
        cl_ord_id=f"legs-{number:03d}",
    )


async def work(home: Path, url: str, count: int) -> None:
    settings = Settings(
        mode="embedded", home=home, journal_path=home / "desk.sqlite", exchange_url=url
    )
    say("begin")
    async with Desk.open(settings) as desk:
        for number in range(count):
            name = str(request_of(number).cl_ord_id)
            try:
                await desk.get_order(name)
            except Refused:
                await submit(desk, request_of(number))
            say(str(number))
            if number % 5 == 4 and await desk.get_legs(name):
                await desk.cancel_order(f"{name}/tp")
        await desk.clock.sleep(1.0)
        deadline = desk.clock.monotonic() + SETTLE_S
        while found := (await desk.reconcile_positions()).open_breaks:
            assert desk.clock.monotonic() < deadline, found
            await desk.clock.sleep(1.0)
        say(to_json(await desk.get_all_orders()))


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
