"""A desk that goes on placing orders until it is refused, as a process of its own.

It reads its settings from the environment. Its words, a line each: "open", "placed ID" for every
order, "refused TEXT" for the first that is not taken, and in the end its open orders and the
breaks between its book and the broker's as JSON.
"""

import asyncio
import json
import sys

from floorbroker.desk import Desk
from floorbroker.domain.errors import Halted
from floorbroker.domain.order import OrderRequest

#: At most so many orders, so that a kill that does nothing ends, too.
ORDERS_MAX = 3000


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def main() -> None:
    async with Desk.open() as desk:
        say("open")
        for _ in range(ORDERS_MAX):
            try:
                order = await desk.submit_order(
                    OrderRequest.limit("buy", 1, "AAPL", limit_price="1.00")
                )
            except Halted as refusal:
                say(f"refused {refusal}")
                break
            say(f"placed {order.cl_ord_id}")
            await desk.clock.sleep(0.01)
        async with asyncio.timeout(20):
            while left := await desk.get_all_orders("open", limit=ORDERS_MAX):
                await desk.clock.sleep(0.02)
        compared = await desk.reconcile_positions()
        say(json.dumps({"open": len(left), "breaks": len(compared.open_breaks)}))


if __name__ == "__main__":
    asyncio.run(main())
