"""The exchange that the benchmarks trade at, in this process or served by one of its own.

One symbol is quoted with more shares than anybody buys, so every order fills at once: what is
measured is the machinery, not the market.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from random import Random

from bench.stub import PX
from floorbroker.brokers.alpaca.client import AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.transport import Transport
from floorbroker.brokers.alpaca.words import LISTEN_FRAME, authorize_frame
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import SystemClock
from floorbroker.domain.ids import Account
from floorbroker.domain.quotes import Quote
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.serve import serve
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.reference.assets import listing
from floorbroker.marketdata.port import new_york_ns

KEYS = Credentials("BENCH", "bench")
SYMBOL = "AAPL"
#: Listed and not quoted: orders for them rest.
BATCH_SYMBOLS = tuple(f"BATCH{number}" for number in range(100))
PLENTY = Decimal(10) ** 12
#: A Monday within regular hours.
START_NS = new_york_ns(date(2026, 6, 1), time(10))
#: What follows in the same connection: authorise, then listen.
HELLO = (authorize_frame(KEYS), LISTEN_FRAME)


def new_front() -> ExchangeFront:
    """An exchange with one deep quote and an account that can pay for all of it."""
    front = build_exchange(
        Setup(
            clock=SystemClock(),
            assets=listing((SYMBOL, *BATCH_SYMBOLS)),
            start_ns=START_NS,
            seed=1,
            cash=Decimal(10) ** 15,
        )
    )
    quote = Quote(
        symbol=SYMBOL,
        time_ns=START_NS,
        bid_px=Decimal(PX) - Decimal("0.01"),
        bid_size=PLENTY,
        ask_px=Decimal(PX),
        ask_size=PLENTY,
    )
    front.server.apply(quote)
    return front


def new_client(transport: Transport, pacer: Pacer, account: str = "bench") -> AlpacaClient:
    """The Alpaca door on this transport, to an account of that name."""
    ways = Endpoints(trading=transport, market=transport, stream=transport)
    keys = Credentials(account, "bench")
    return AlpacaClient(
        Account(account), ways, keys, clock=SystemClock(), random=Random(1), pacer=pacer
    )


def order_body(name: str) -> bytes:
    """What an Alpaca client posts for the order that the benchmarks place."""
    return _body(name, "buy", "187.2")


def order_to_sell(name: str) -> bytes:
    """The same to sell what such an order bought."""
    return _body(name, "sell", "187.1")


def _body(name: str, side: str, limit_px: str) -> bytes:
    return (
        f'{{"symbol":"{SYMBOL}","side":"{side}","type":"limit","time_in_force":"day",'
        f'"client_order_id":"{name}","qty":"10","limit_price":"{limit_px}"}}'
    ).encode()


@contextmanager
def exchange_process() -> Iterator[str]:
    """An exchange over HTTP in a process of its own; yields its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.market"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield child.stdout.readline().decode().strip()
        finally:
            child.stdin.close()  # it ends when nobody holds the other end any more


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    async with serve(new_front(), "127.0.0.1", 0) as port:
        print(f"http://127.0.0.1:{port}", flush=True)
        over = asyncio.Event()
        loop.add_reader(sys.stdin.fileno(), over.set)
        await over.wait()
        loop.remove_reader(sys.stdin.fileno())


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
