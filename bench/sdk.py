"""alpaca-py against the same exchange: its TradingClient, called from 32 threads."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest

THREADS = 32
ORDERS = 1_500


def main(url: str) -> float:
    """Orders per second."""
    client = TradingClient("SDK", "sdk", url_override=url)

    def submit(number: int) -> None:
        client.submit_order(
            LimitOrderRequest(
                symbol="AAPL",
                qty=10,
                side=OrderSide.BUY,
                time_in_force=TimeInForce.DAY,
                limit_price=187.2,
                client_order_id=f"sdk-{number}",
            )
        )

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(submit, range(THREADS * 4)))
        started = time.perf_counter()
        list(pool.map(submit, range(THREADS * 4, THREADS * 4 + ORDERS)))
        return ORDERS / (time.perf_counter() - started)


if __name__ == "__main__":
    print(json.dumps({"orders": main(sys.argv[1])}))
