"""A real server on a free port of this machine, and the official clients pointed at it."""

import asyncio
import json
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from floorbroker.clock import SystemClock
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.serve import serve
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.reference.assets import listing

with warnings.catch_warnings():
    # The SDK still uses the old interface of websockets, which says so when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.data.historical import StockHistoricalDataClient
    from alpaca.data.live import StockDataStream
    from alpaca.trading.client import TradingClient
    from alpaca.trading.stream import TradingStream

#: Monday, 2026-06-01, 10:00 in New York.
START_NS = 1_780_322_400_000_000_000


class ServedExchange:
    """An exchange that another thread serves; the market is what `quote` and `trade` say."""

    def __init__(self, corporate_actions: tuple[CorporateAction, ...] = ()) -> None:
        self._corporate_actions = corporate_actions
        self.port = 0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="exchange")
        self._thread.start()
        self._ready.wait(20)
        assert self.port, self._failure

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def stop(self) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self._failure is None, self._failure

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer of a plain request; raises HTTPError for a refusal."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "s"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None

    def events(self, path: str) -> list[Any]:
        """The server-sent events of a stream that ends."""
        request = urllib.request.Request(
            self.url + path,
            headers={"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "s"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    def quote(self, symbol: str, bid: str, ask: str, size: int = 1000) -> None:
        fields = {"symbol": symbol, "bid_price": bid, "ask_price": ask}
        self.ask("POST", "/_exchange/quote", {**fields, "bid_size": size, "ask_size": size})

    def trade(self, symbol: str, price: str, size: int = 100) -> None:
        fields = {"symbol": symbol, "price": price, "size": size}
        self.ask("POST", "/_exchange/trade", fields)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  (told to whoever waits for the thread)
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        front = build_exchange(
            Setup(
                clock=SystemClock(),
                assets=listing(),
                start_ns=START_NS,
                seed=1,
                corporate_actions=self._corporate_actions,
            )
        )
        async with serve(front, "127.0.0.1", 0) as self.port:
            self._ready.set()
            await self._stop.wait()


@pytest.fixture(scope="module")
def served() -> Iterator[ServedExchange]:
    one = ServedExchange()
    yield one
    one.stop()


@pytest.fixture
def exchange(served: ServedExchange) -> ServedExchange:
    """An exchange at its start, AAPL and MSFT quoted."""
    served.ask("POST", "/_exchange/reset")
    served.ask("DELETE", "/_exchange/faults")
    served.quote("AAPL", "187.1", "187.2")
    served.quote("MSFT", "400", "400.1")
    served.trade("AAPL", "187.15")
    return served


@pytest.fixture
def trading(exchange: ServedExchange) -> Iterator[TradingClient]:
    client = TradingClient("PK1", "s", url_override=exchange.url)
    yield client
    client._session.close()  # the SDK never does


@pytest.fixture
def history(exchange: ServedExchange) -> Iterator[StockHistoricalDataClient]:
    client = StockHistoricalDataClient("PK1", "s", url_override=exchange.url)
    yield client
    client._session.close()  # the SDK never does


__all__ = ["StockDataStream", "TradingStream"]
