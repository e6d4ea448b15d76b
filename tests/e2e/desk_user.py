"""A script of somebody who uses the library, as a process of its own: `async|sync buy|look|hold`.

`buy` takes a position and leaves an order resting, `hold` does the same and then waits to be
killed, `look` prints what is there.
"""

import asyncio
import json
import sys
import time
from typing import Any

from floorbroker import Desk, Order, OrderRequest, Position, Reconciliation
from floorbroker.sync import Desk as SyncDesk

BUY = OrderRequest.market("buy", 10, "AAPL", cl_ord_id="bought")
REST = OrderRequest.limit("buy", 5, "MSFT", limit_price="1", cl_ord_id="rests")


def seen(held: list[Position], orders: list[Order], books: Reconciliation) -> dict[str, Any]:
    return {
        "positions": {position.symbol: str(position.qty) for position in held},
        "orders": {str(order.cl_ord_id): order.ord_status.value for order in orders},
        "compared": [books.orders_compared, books.positions_compared],
        "breaks": len(books.breaks),
    }


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def work(errand: str) -> None:
    async with Desk.open() as desk:
        if errand == "look":
            held, orders = await desk.get_positions(), await desk.get_all_orders()
            say(json.dumps(seen(held, orders, await desk.reconcile_positions())))
            return
        await desk.submit_order(BUY)
        await desk.wait("bought", timeout_s=20)
        await desk.submit_order(REST)
        say("done")
        if errand == "hold":
            await asyncio.sleep(60)


def work_without_await(errand: str) -> None:
    with SyncDesk.open() as desk:
        if errand == "look":
            held, orders = desk.get_positions(), desk.get_all_orders()
            say(json.dumps(seen(held, orders, desk.reconcile_positions())))
            return
        desk.submit_order(BUY)
        desk.wait("bought", timeout_s=20)
        desk.submit_order(REST)
        say("done")
        if errand == "hold":
            time.sleep(60)


if __name__ == "__main__":
    if sys.argv[1] == "async":
        asyncio.run(work(sys.argv[2]))
    else:
        work_without_await(sys.argv[2])
