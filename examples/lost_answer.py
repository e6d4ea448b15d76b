"""The broker takes an order, and the answer is lost: what alpaca-py makes of it, and what we do.

One exchange, served on this machine, takes every order and answers each POST /v2/orders with 504,
as a gateway does that has lost patience. Three clients each ask for ten shares, with an account of
their own and their defaults. Run it with `.venv/bin/python examples/lost_answer.py` after
`make check`, which sets up alpaca-py too; it takes 20 seconds.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

from floorbroker import Desk, OrderRequest, app, config, venues
from floorbroker.clock import SystemClock

LOST_ANSWERS = '[[fault]]\nkind = "accept_then_504"\nmethod = "POST"\npath = "/v2/orders"\n'


async def alpaca_py(url: str, client_order_id: str | None = None) -> str:
    """`TradingClient.submit_order`; what its caller is told."""
    client = TradingClient("SDK", "secret", url_override=url)
    request = MarketOrderRequest(
        symbol="AAPL",
        qty=10,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        client_order_id=client_order_id,
    )
    try:
        order = await asyncio.to_thread(client.submit_order, request)
    except APIError as error:
        return f"APIError {error.status_code}"
    return str(order)


async def floorbroker(url: str) -> str:
    """A desk with a journal in an empty folder, pointed at the exchange as it is at Alpaca."""
    with tempfile.TemporaryDirectory() as home:
        settings = config.load(
            {
                "APCA_API_KEY_ID": "DESK",
                "APCA_API_SECRET_KEY": "secret",
                "APCA_API_BASE_URL": url,
                "APCA_API_DATA_URL": url,
                "FLOORBROKER_HOME": home,
            },
            env_file=Path(home) / "none",
        )
        async with Desk.open(settings) as desk:
            order = await desk.submit_order(OrderRequest.market("buy", 10, "AAPL"))
            ended = await desk.wait(order.cl_ord_id, timeout_s=60)
            return f"{order.ord_status}, then {ended.ord_status}"


async def main() -> None:
    sdk = f"alpaca-py {version('alpaca-py')}"
    clients: dict[str, Callable[[str], Awaitable[str]]] = {
        sdk: alpaca_py,
        f"{sdk}, own client_order_id": lambda url: alpaca_py(url, "ten-apples"),
        "floorbroker": floorbroker,
    }
    market = venues.open_market(None, ("AAPL",), 7)
    exchange = venues.serve_exchange(market, speed=1.0, seed=7, cash="100000", faults=LOST_ANSWERS)
    say("asked for 10 shares once", "told", "seconds", "orders", "shares")
    clock, before = SystemClock(), 0
    async with exchange as served:
        for name, client in clients.items():
            started = clock.monotonic()
            told = await client(served.url)
            seconds = clock.monotonic() - started
            orders = await app.get_json(f"{served.url}/_exchange/orders")
            shares = sum(int(order["filled_qty"]) for order in orders[before:])
            say(name, told, f"{seconds:.1f}", len(orders) - before, shares)
            before = len(orders)


def say(name: str, told: str, *figures: object) -> None:
    sys.stdout.write(f"{name:40}{told:22}{''.join(f'{one:>8}' for one in figures)}\n")


if __name__ == "__main__":
    asyncio.run(main())
