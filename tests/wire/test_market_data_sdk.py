"""The SDK's market data clients: every public method, called over TCP or said to be absent.

Their table in docs/alpaca-py.md is made here; `python -m tests.wire.test_trading_sdk` writes the
page anew.
"""

import asyncio
import importlib
import inspect
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import alpaca.data.historical
import pytest
from alpaca.data import live
from alpaca.data.enums import Adjustment, CryptoFeed, DataFeed
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.data.models import (
    Bar,
    BarSet,
    Orderbook,
    Quote,
    QuoteSet,
    Snapshot,
    Trade,
    TradeCancel,
    TradeCorrection,
    TradeSet,
    TradingStatus,
)
from alpaca.data.models.corporate_actions import CorporateActionsSet
from alpaca.data.requests import (
    CorporateActionsRequest,
    CryptoBarsRequest,
    CryptoLatestBarRequest,
    CryptoLatestOrderbookRequest,
    CryptoLatestQuoteRequest,
    CryptoLatestTradeRequest,
    CryptoQuoteRequest,
    CryptoSnapshotRequest,
    CryptoTradesRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from tests.wire.conftest import ServedExchange

PAGE = Path(__file__).parents[2] / "docs" / "alpaca-py.md"
SINCE = datetime(2026, 6, 1, tzinfo=UTC)
#: The SDK opens its sockets through an interface that websockets calls old whenever it is used.
pytestmark = pytest.mark.filterwarnings("ignore:.*legacy.*:DeprecationWarning")

STOCKS: dict[str, Any] = {"symbol_or_symbols": ["AAPL", "MSFT"]}
COINS: dict[str, Any] = {"symbol_or_symbols": "BTC/USD"}

#: Each method of the REST clients: what it is asked, what kind of answer it gives, for whom.
REST: dict[str, dict[str, tuple[Any, type, list[str]]]] = {
    "StockHistoricalDataClient": {
        "get_stock_bars": (
            StockBarsRequest(
                **STOCKS,
                timeframe=TimeFrame.Day,
                start=SINCE,
                adjustment=Adjustment.ALL,
                feed=DataFeed.SIP,
                asof="2026-06-01",
            ),
            BarSet,
            ["AAPL"],
        ),
        "get_stock_quotes": (
            StockQuotesRequest(**STOCKS, start=SINCE, limit=1000),
            QuoteSet,
            ["AAPL", "MSFT"],
        ),
        "get_stock_trades": (StockTradesRequest(**STOCKS, start=SINCE), TradeSet, ["AAPL"]),
        "get_stock_latest_trade": (StockLatestTradeRequest(**STOCKS), Trade, ["AAPL"]),
        "get_stock_latest_quote": (StockLatestQuoteRequest(**STOCKS), Quote, ["AAPL", "MSFT"]),
        "get_stock_latest_bar": (StockLatestBarRequest(**STOCKS), Bar, ["AAPL"]),
        "get_stock_snapshot": (StockSnapshotRequest(**STOCKS), Snapshot, ["AAPL", "MSFT"]),
    },
    "CryptoHistoricalDataClient": {
        "get_crypto_bars": (
            CryptoBarsRequest(**COINS, timeframe=TimeFrame(4, TimeFrameUnit.Hour), start=SINCE),
            BarSet,
            ["BTC/USD"],
        ),
        "get_crypto_quotes": (CryptoQuoteRequest(**COINS, start=SINCE), QuoteSet, ["BTC/USD"]),
        "get_crypto_trades": (CryptoTradesRequest(**COINS, start=SINCE), TradeSet, ["BTC/USD"]),
        "get_crypto_latest_trade": (CryptoLatestTradeRequest(**COINS), Trade, ["BTC/USD"]),
        "get_crypto_latest_quote": (CryptoLatestQuoteRequest(**COINS), Quote, ["BTC/USD"]),
        "get_crypto_latest_bar": (CryptoLatestBarRequest(**COINS), Bar, ["BTC/USD"]),
        "get_crypto_latest_orderbook": (
            CryptoLatestOrderbookRequest(**COINS),
            Orderbook,
            ["BTC/USD"],
        ),
        "get_crypto_snapshot": (CryptoSnapshotRequest(**COINS), Snapshot, ["BTC/USD"]),
    },
    "CorporateActionsClient": {
        "get_corporate_actions": (
            CorporateActionsRequest(start=date(2026, 6, 1), end=date(2026, 6, 2)),
            CorporateActionsSet,
            [],
        ),
    },
}
#: What every stream has: its beginning and its end.
LIFE = {"run", "stop", "close", "stop_ws"}
#: Each subscription of a stream: the channel's model and how it is left again.
STREAMS: dict[str, dict[str, tuple[type, str | None]]] = {
    "StockDataStream": {
        "subscribe_trades": (Trade, "unsubscribe_trades"),
        "subscribe_quotes": (Quote, "unsubscribe_quotes"),
        "subscribe_bars": (Bar, "unsubscribe_bars"),
        "subscribe_updated_bars": (Bar, "unsubscribe_updated_bars"),
        "subscribe_daily_bars": (Bar, "unsubscribe_daily_bars"),
        "subscribe_trading_statuses": (TradingStatus, "unsubscribe_trading_statuses"),
        "register_trade_corrections": (TradeCorrection, None),
        "register_trade_cancels": (TradeCancel, None),
    },
    "CryptoDataStream": {
        "subscribe_trades": (Trade, "unsubscribe_trades"),
        "subscribe_quotes": (Quote, "unsubscribe_quotes"),
        "subscribe_bars": (Bar, "unsubscribe_bars"),
        "subscribe_updated_bars": (Bar, "unsubscribe_updated_bars"),
        "subscribe_daily_bars": (Bar, "unsubscribe_daily_bars"),
        "subscribe_orderbooks": (Orderbook, "unsubscribe_orderbooks"),
    },
}
#: Where each stream is run, for which symbol, and what is not told there.
SERVED: list[tuple[Any, str, str, set[str]]] = [
    (StockDataStream, "/v2/iex", "AAPL", set()),
    (StockDataStream, "/v2/sip", "AAPL", set()),
    # A coin's print is never taken back, so its bars never change.
    (CryptoDataStream, "/v1beta3/crypto/us", "BTC/USD", {"subscribe_updated_bars"}),
]
#: Clients of what the exchange does not have, and why.
ABSENT = {
    "NewsClient": "there is no news here",
    "NewsDataStream": "there is no news here",
    "OptionHistoricalDataClient": "options are not modelled",
    "OptionDataStream": "options are not modelled",
    "ScreenerClient": "nothing is ranked",
}


def classes() -> dict[str, type]:
    """Every client and stream of market data that the SDK has, by name."""
    found: dict[str, type] = {}
    for package in (alpaca.data.historical, live):
        for module in pkgutil.iter_modules(package.__path__):
            inside = importlib.import_module(f"{package.__name__}.{module.name}")
            for name, kind in inspect.getmembers(inside, inspect.isclass):
                if kind.__module__ == inside.__name__ and name.endswith(("Client", "Stream")):
                    found[name] = kind
    found.pop("DataStream")  # the streams' common ground
    return dict(sorted(found.items()))


def methods(kind: type) -> list[str]:
    """The public methods that the SDK's market data adds to its plain HTTP client."""
    return [
        name
        for base in kind.__mro__
        if base.__module__.startswith("alpaca.data")
        for name, method in vars(base).items()
        if inspect.isfunction(method) and not name.startswith("_")
    ]


def called(name: str) -> set[str]:
    """The methods of a class that the tests below call."""
    if name in STREAMS:
        left = {leave for _, leave in STREAMS[name].values() if leave}
        return {*STREAMS[name], *left, *LIFE}
    return set(REST.get(name, ()))


def table() -> str:
    """Method by method, as the page has it."""
    lines = ["| class | method | served | called with |", "| --- | --- | --- | --- |"]
    for name, kind in classes().items():
        why = ABSENT.get(name)
        for method in methods(kind):
            served = "yes" if method in called(name) else f"no: {why}"
            told = called_with(name, method)
            lines.append(f"| `{name}` | `{method}` | {served} | {told} |")
    return "\n".join(lines) + "\n"


def called_with(name: str, method: str) -> str:
    """What the tests below ask a method for; nothing of one that is absent."""
    if name in REST:
        request = REST[name][method][0]
        fields = [field for field, value in request if value is not None]
        return f"{type(request).__name__}({', '.join(fields)})"
    if name not in STREAMS:
        return ""
    if method in LIFE:
        return "a stream that runs" if method in ("run", "stop") else "a stream that never ran"
    paths = [path for kind, path, *_ in SERVED if kind.__name__ == name]
    return "on " + ", ".join(f"`{path}`" for path in paths)


@pytest.mark.parametrize(("name", "kind"), classes().items())
def test_every_public_method_is_called_or_said_to_be_absent(name: str, kind: type) -> None:
    if name in ABSENT:
        assert not called(name)
    else:
        assert set(methods(kind)) == called(name)


def test_the_page_lists_what_the_tests_call() -> None:
    assert table() in PAGE.read_text("utf-8"), (
        "the SDK or the tests changed; run: python -m tests.wire.test_trading_sdk"
    )


@pytest.fixture
def traded(exchange: ServedExchange) -> ServedExchange:
    """A market with a stock and a coin that have traded."""
    exchange.quote("BTC/USD", "60000", "60010.5", 3)
    exchange.trade("BTC/USD", "60005", 2)
    return exchange


REST_CLIENTS: dict[str, Any] = {
    "StockHistoricalDataClient": StockHistoricalDataClient,
    "CryptoHistoricalDataClient": CryptoHistoricalDataClient,
    "CorporateActionsClient": CorporateActionsClient,
}


@pytest.mark.parametrize(
    ("name", "method"), [(name, method) for name, rows in REST.items() for method in rows]
)
def test_each_method_of_the_rest_clients_gives_its_model(
    traded: ServedExchange, name: str, method: str
) -> None:
    request, model, symbols = REST[name][method]
    client = REST_CLIENTS[name]("PK1", "s", url_override=traded.url)
    try:
        answer = getattr(client, method)(request)
    finally:
        client._session.close()  # the SDK never does
    if issubclass(model, BarSet | QuoteSet | TradeSet | CorporateActionsSet):
        assert isinstance(answer, model)
        found = {symbol for symbol, rows in answer.data.items() if rows}
    else:
        assert all(isinstance(one, model) for one in answer.values())
        found = set(answer)
    assert sorted(found) == symbols


def test_bars_of_every_unit_come_typed(traded: ServedExchange) -> None:
    client = StockHistoricalDataClient("PK1", "s", url_override=traded.url)
    for amount, unit in ((59, "Minute"), (23, "Hour"), (1, "Day"), (1, "Week"), (12, "Month")):
        answer: Any = client.get_stock_bars(
            StockBarsRequest(
                symbol_or_symbols="AAPL",
                timeframe=TimeFrame(amount, TimeFrameUnit[unit]),
                start=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
        (bar,) = answer["AAPL"]
        assert (bar.close, bar.volume) == (187.15, 100)
    client._session.close()


class Heard:
    """What a stream's handlers were given, by subscription."""

    def __init__(self) -> None:
        self.messages: dict[str, list[Any]] = {}

    def handler(self, name: str) -> Callable[[Any], Any]:
        async def on_message(message: Any) -> None:
            self.messages.setdefault(name, []).append(message)

        return on_message

    def count(self) -> int:
        return sum(map(len, self.messages.values()))


def subscribed(stream: Any, heard: Heard, symbol: str) -> None:
    for name in STREAMS[type(stream).__name__]:
        symbols = () if name.startswith("register") else (symbol,)
        getattr(stream, name)(heard.handler(name), *symbols)


@contextmanager
def running(stream: Any, wake: Callable[[], None]) -> Iterator[None]:
    """The SDK's stream in a thread of its own; `wake` sends it something, so that it ends soon."""
    thread = threading.Thread(target=stream.run)
    thread.start()
    try:
        wait_for(lambda: stream._running)
        yield
    finally:
        stream.stop()
        wake()
        thread.join(20)
    assert not thread.is_alive()


def wait_for(claim: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.01)


def advance(exchange: ServedExchange, seconds: int) -> None:
    exchange.ask("POST", "/_exchange/clock", {"advance": seconds})


def a_day(exchange: ServedExchange, symbol: str) -> None:
    """Something on every channel: prints, bars, prints taken back, a halt."""
    exchange.quote(symbol, "99", "101")
    exchange.trade(symbol, "100", 5)
    exchange.trade(symbol, "100.5", 7)
    advance(exchange, 61)
    if "/" not in symbol:
        exchange.ask("POST", "/_exchange/correction", {"symbol": symbol, "price": "100.25"})
        exchange.ask("POST", "/_exchange/cancellation", {"symbol": symbol})
        exchange.ask("POST", "/_exchange/halt", {"symbol": symbol, "halted": True})
        exchange.ask("POST", "/_exchange/halt", {"symbol": symbol, "halted": False})
    advance(exchange, 31)


def unsubscribed(stream: Any, symbol: str) -> None:
    for name, (_, leave) in STREAMS[type(stream).__name__].items():
        if leave and name != "subscribe_quotes":
            getattr(stream, leave)(symbol)


@pytest.mark.parametrize(("kind", "path", "symbol", "silent"), SERVED)
def test_each_subscription_brings_its_model_and_ends(
    traded: ServedExchange, kind: Any, path: str, symbol: str, silent: set[str]
) -> None:
    heard = Heard()
    stream = kind("PK1", "s", url_override=traded.ws + path)
    subscribed(stream, heard, symbol)
    expected = STREAMS[kind.__name__]
    with running(stream, lambda: traded.quote(symbol, "99", "102")):
        time.sleep(0.2)  # it subscribes a moment after it runs, and tells nobody
        a_day(traded, symbol)
        wait_for(lambda: set(heard.messages) == set(expected) - silent)
        for name, messages in heard.messages.items():
            assert {type(message) for message in messages} == {expected[name][0]}, name
            assert {message.symbol for message in messages} == {symbol}
        unsubscribed(stream, symbol)
        time.sleep(0.2)  # until the server has heard it
        before = {name: len(messages) for name, messages in heard.messages.items()}
        a_day(traded, symbol)
        wait_for(lambda: len(heard.messages["subscribe_quotes"]) > before["subscribe_quotes"])
        stream.unsubscribe_quotes(symbol)
        time.sleep(0.2)
        after = {name: len(messages) for name, messages in heard.messages.items()}
        assert after == {**before, "subscribe_quotes": after["subscribe_quotes"]}
        # A subscription to corrections would come with trades alone; a day without them is mute.
        a_day(traded, symbol)
        assert heard.count() == sum(after.values())
        # Something must be heard for the stream to notice that it is stopped.
        stream.subscribe_quotes(heard.handler("subscribe_quotes"), symbol)


@pytest.mark.parametrize("kind", [StockDataStream, CryptoDataStream])
def test_a_stream_that_never_ran_is_closed_and_stopped(kind: Any) -> None:
    stream = kind("PK1", "s", url_override="ws://127.0.0.1:1")
    asyncio.run(stream.close())
    asyncio.run(stream.stop_ws())


def test_the_test_stream_is_always_alive(exchange: ServedExchange) -> None:
    heard = Heard()
    stream = StockDataStream("PK1", "s", url_override=f"{exchange.ws}/v2/test")
    stream.subscribe_trades(heard.handler("trades"), "FAKEPACA")
    stream.subscribe_quotes(heard.handler("quotes"), "FAKEPACA")
    with running(stream, lambda: advance(exchange, 2)):
        wait_for(lambda: set(heard.messages) == {"trades", "quotes"})
    (quote, trade) = heard.messages["quotes"][0], heard.messages["trades"][0]
    assert quote.symbol == trade.symbol == "FAKEPACA"
    assert quote.bid_price < quote.ask_price


def test_the_delayed_stream_is_fifteen_minutes_late(exchange: ServedExchange) -> None:
    heard = Heard()
    stream = StockDataStream("PK1", "s", url_override=f"{exchange.ws}/v2/delayed_sip")
    stream.subscribe_trades(heard.handler("trades"), "AAPL")
    with running(stream, lambda: advance(exchange, 16 * 60)):
        time.sleep(0.2)
        exchange.trade("AAPL", "188")
        time.sleep(0.2)
        assert heard.count() == 0
        advance(exchange, 15 * 60)
        wait_for(lambda: heard.count() == 2)
        assert [trade.price for trade in heard.messages["trades"]] == [187.15, 188]
        exchange.trade("AAPL", "189")  # what it is woken with


def test_five_thousand_symbols_are_subscribed_in_fragments(exchange: ServedExchange) -> None:
    heard = Heard()
    digits = str.maketrans("0123456789", "ABCDEFGHIJ")
    symbols = ["AAPL", *(f"XYZ{n:05d}".translate(digits) for n in range(5000))]
    stream = StockDataStream("PK1", "s", url_override=f"{exchange.ws}/v2/iex")
    assert sum(map(len, symbols)) > stream._max_frame_size
    stream.subscribe_trades(heard.handler("trades"), *symbols)
    with running(stream, lambda: exchange.trade("AAPL", "190")):
        time.sleep(0.5)
        exchange.trade("AAPL", "189")
        wait_for(lambda: heard.count() == 1)


def test_coins_are_asked_for_at_one_place(traded: ServedExchange) -> None:
    client = CryptoHistoricalDataClient("PK1", "s", url_override=traded.url)
    answer: Any = client.get_crypto_latest_quote(
        CryptoLatestQuoteRequest(**COINS), feed=CryptoFeed.US
    )
    assert answer["BTC/USD"].ask_price == 60010.5
    client._session.close()
