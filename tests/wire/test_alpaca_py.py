"""The official SDK against a served exchange: each understands what the other says."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.enums import DataFeed
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.live import StockDataStream
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass,
    AssetStatus,
    OrderSide,
    OrderStatus,
    PositionSide,
    QueryOrderStatus,
    TimeInForce,
    TradeEvent,
)
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopOrderRequest,
    TrailingStopOrderRequest,
)
from alpaca.trading.stream import TradingStream

from tests.wire.conftest import ServedExchange

DAY, GTC, BUY, SELL = TimeInForce.DAY, TimeInForce.GTC, OrderSide.BUY, OrderSide.SELL
#: The SDK opens its sockets through an interface that websockets calls old whenever it is used.
pytestmark = pytest.mark.filterwarnings("ignore:.*legacy.*:DeprecationWarning")


def market(side: OrderSide = BUY, qty: float = 10, **changes: Any) -> MarketOrderRequest:
    return MarketOrderRequest(
        **{"symbol": "AAPL", "qty": qty, "side": side, "time_in_force": DAY, **changes}
    )


def limit(price: float, side: OrderSide = BUY, **changes: Any) -> LimitOrderRequest:
    fields = {"symbol": "AAPL", "qty": 10, "side": side, "time_in_force": DAY}
    return LimitOrderRequest(**{**fields, "limit_price": price, **changes})


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (market(), {"status": OrderStatus.FILLED, "filled_qty": "10"}),
        (market(qty=None, notional=500), {"status": OrderStatus.FILLED, "notional": "500"}),  # type: ignore[arg-type]  # a test's shorthand
        (market(qty=0.5), {"status": OrderStatus.FILLED, "qty": "0.5"}),
        (limit(100.25), {"status": OrderStatus.NEW, "limit_price": "100.25"}),
        (limit(100, time_in_force=GTC), {"time_in_force": GTC}),
        (limit(188, time_in_force=TimeInForce.IOC), {"status": OrderStatus.FILLED}),
        (limit(100, time_in_force=TimeInForce.FOK), {"status": OrderStatus.CANCELED}),
        (limit(187.3, time_in_force=TimeInForce.CLS), {"time_in_force": TimeInForce.CLS}),
        (
            StopOrderRequest(symbol="AAPL", qty=1, side=BUY, time_in_force=DAY, stop_price=190.0),
            {"status": OrderStatus.NEW, "stop_price": "190"},
        ),
        (
            StopLimitOrderRequest(
                symbol="AAPL",
                qty=1,
                side=BUY,
                time_in_force=GTC,
                stop_price=190.0,
                limit_price=190.5,
            ),
            {"status": OrderStatus.NEW, "stop_price": "190", "limit_price": "190.5"},
        ),
        (
            TrailingStopOrderRequest(
                symbol="AAPL", qty=1, side=BUY, time_in_force=DAY, trail_percent=5
            ),
            {"status": OrderStatus.NEW, "trail_percent": "5"},
        ),
    ],
)
def test_each_kind_of_order_is_placed_and_read_back(
    trading: TradingClient, request_: OrderRequest, expected: dict[str, Any]
) -> None:
    placed: Any = trading.submit_order(request_)
    assert placed.status in (OrderStatus.PENDING_NEW, OrderStatus.NEW)
    found: Any = trading.get_order_by_id(placed.id)
    assert {name: getattr(found, name) for name in expected} == expected


def test_orders_are_found_by_id_by_client_id_and_in_lists(trading: TradingClient) -> None:
    first: Any = trading.submit_order(limit(100, client_order_id="desk:1"))
    second: Any = trading.submit_order(limit(300, SELL, symbol="MSFT", qty=1))
    by_client: Any = trading.get_order_by_client_id("desk:1")
    assert by_client.id == trading.get_order_by_id(first.id).id == first.id  # type: ignore[union-attr]  # raw data is off

    def ids(**query: Any) -> list[Any]:
        found: Any = trading.get_orders(GetOrdersRequest(**query))
        return [order.id for order in found]

    assert ids() == [first.id]
    assert ids(status=QueryOrderStatus.ALL) == [second.id, first.id]
    assert ids(status=QueryOrderStatus.CLOSED, side=SELL) == [second.id]
    assert ids(status=QueryOrderStatus.ALL, symbols=["AAPL"]) == [first.id]
    assert ids(after=first.submitted_at - timedelta(seconds=1), limit=1) == [first.id]
    assert ids(until=first.submitted_at - timedelta(seconds=1)) == []


def test_a_refusal_is_an_error_with_code_and_message(trading: TradingClient) -> None:
    trading.submit_order(limit(100, client_order_id="once"))
    with pytest.raises(APIError) as caught:
        trading.submit_order(limit(100, client_order_id="once"))
    assert caught.value.status_code == 422
    assert (caught.value.code, caught.value.message) == (
        40010001,
        "client_order_id must be unique",
    )
    with pytest.raises(APIError) as caught:
        trading.get_order_by_id(uuid4())
    assert (caught.value.status_code, caught.value.code) == (404, 40410000)


def test_orders_are_replaced_and_canceled(trading: TradingClient) -> None:
    old: Any = trading.submit_order(limit(100))
    new: Any = trading.replace_order_by_id(old.id, ReplaceOrderRequest(qty=7, limit_price=101.5))
    assert (new.replaces, new.qty, new.limit_price) == (old.id, "7", "101.5")
    replaced: Any = trading.get_order_by_id(old.id)
    assert (replaced.status, replaced.replaced_by) == (OrderStatus.REPLACED, new.id)
    trading.cancel_order_by_id(new.id)
    assert trading.get_order_by_id(new.id).status == OrderStatus.CANCELED  # type: ignore[union-attr]  # raw data is off
    with pytest.raises(APIError, match="already in"):
        trading.cancel_order_by_id(new.id)


def test_all_orders_are_canceled_at_once(trading: TradingClient) -> None:
    placed: list[Any] = [trading.submit_order(limit(100 + n)) for n in range(3)]
    canceled: Any = trading.cancel_orders()
    assert {one.id for one in canceled} == {order.id for order in placed}
    assert {one.status for one in canceled} == {200}
    assert trading.get_orders() == []


def test_positions_are_listed_and_closed(trading: TradingClient) -> None:
    trading.submit_order(market())
    trading.submit_order(market(SELL, 3, symbol="MSFT"))
    positions: Any = trading.get_all_positions()
    assert [(one.symbol, one.qty, one.side) for one in positions] == [
        ("AAPL", "10", PositionSide.LONG),
        ("MSFT", "-3", PositionSide.SHORT),
    ]
    one: Any = trading.get_open_position("AAPL")
    assert one.avg_entry_price == "187.2"
    half: Any = trading.close_position("AAPL", ClosePositionRequest(percentage="50"))
    assert (half.side, half.qty) == (SELL, "5")
    closed: Any = trading.close_all_positions(cancel_orders=True)
    assert {row.symbol: row.status for row in closed} == {"AAPL": 200, "MSFT": 200}
    assert trading.get_all_positions() == []
    with pytest.raises(APIError, match="position does not exist"):
        trading.get_open_position("AAPL")


def test_the_account_and_its_settings_are_read_and_changed(trading: TradingClient) -> None:
    account: Any = trading.get_account()
    assert (account.cash, account.buying_power, account.currency) == ("100000", "400000", "USD")
    settings: Any = trading.get_account_configurations()
    settings.no_shorting = True
    changed: Any = trading.set_account_configurations(settings)
    assert changed.no_shorting is True
    with pytest.raises(APIError) as caught:
        trading.submit_order(market(SELL, symbol="MSFT"))
    assert caught.value.status_code == 403


def test_activities_are_plain_lists(trading: TradingClient) -> None:
    trading.submit_order(market(qty=3))
    rows: Any = trading.get("/account/activities", {"activity_types": "FILL", "page_size": 1})
    assert [(row["qty"], row["price"], row["side"]) for row in rows] == [("3", "187.2", "buy")]


def test_clock_and_calendar_are_read(trading: TradingClient) -> None:
    clock: Any = trading.get_clock()
    assert clock.is_open
    assert clock.next_close.isoformat() == "2026-06-01T16:00:00-04:00"
    days: Any = trading.get_calendar(
        GetCalendarRequest(start=date(2026, 11, 26), end=date(2026, 11, 27))
    )
    assert [(day.date, day.close.hour) for day in days] == [(date(2026, 11, 27), 13)]


def test_every_asset_is_read(trading: TradingClient) -> None:
    everything: Any = trading.get_all_assets()
    assert "AAPL" in {asset.symbol for asset in everything}
    coins: Any = trading.get_all_assets(
        GetAssetsRequest(asset_class=AssetClass.CRYPTO, status=AssetStatus.ACTIVE)
    )
    assert {coin.symbol for coin in coins} >= {"BTC/USD"}
    one: Any = trading.get_asset("AAPL")
    assert trading.get_asset(one.id) == one


@contextmanager
def running(stream: Any) -> Iterator[None]:
    """The SDK's stream in a thread of its own, and its clean end."""
    thread = threading.Thread(target=stream.run)
    thread.start()
    try:
        wait_for(lambda: stream._running)
        yield
    finally:
        stream.stop()
        thread.join(20)
    assert not thread.is_alive()


def wait_for(claim: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.01)


def test_trade_updates_are_received_and_parsed(
    exchange: ServedExchange, trading: TradingClient
) -> None:
    heard: list[Any] = []

    async def on_update(update: Any) -> None:
        heard.append(update)

    stream = TradingStream("PK1", "s", url_override=f"{exchange.ws}/stream")
    stream.subscribe_trade_updates(on_update)
    with running(stream):
        time.sleep(0.2)  # it listens a moment after it runs, and tells nobody
        order: Any = trading.submit_order(market())
        wait_for(lambda: len(heard) == 3)
        resting: Any = trading.submit_order(limit(100))
        trading.cancel_order_by_id(resting.id)
        wait_for(lambda: len(heard) == 6)
    assert [update.event for update in heard] == [
        TradeEvent.PENDING_NEW,
        TradeEvent.NEW,
        TradeEvent.FILL,
        TradeEvent.PENDING_NEW,
        TradeEvent.NEW,
        TradeEvent.CANCELED,
    ]
    fill = heard[2]
    assert (fill.order.id, fill.price, fill.qty, fill.position_qty) == (order.id, 187.2, 10, 10)


def test_latest_market_data_is_read(history: StockHistoricalDataClient) -> None:
    quotes: Any = history.get_stock_latest_quote(
        StockLatestQuoteRequest(symbol_or_symbols=["AAPL", "MSFT"])
    )
    assert (quotes["AAPL"].ask_price, quotes["MSFT"].bid_size) == (187.2, 1000)
    trades: Any = history.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL"))
    assert (trades["AAPL"].price, trades["AAPL"].size) == (187.15, 100)
    shots: Any = history.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="AAPL"))
    assert shots["AAPL"].daily_bar.close == 187.15


def test_history_is_paged_to_its_end(
    exchange: ServedExchange, history: StockHistoricalDataClient
) -> None:
    for n in range(5):
        exchange.trade("AAPL", f"187.1{n}")
    start = datetime(2026, 6, 1, tzinfo=UTC)
    trades: Any = history.get_stock_trades(
        StockTradesRequest(symbol_or_symbols=["AAPL", "MSFT"], start=start)
    )
    assert [trade.price for trade in trades["AAPL"]] == [
        187.15,
        187.1,
        187.11,
        187.12,
        187.13,
        187.14,
    ]
    quotes: Any = history.get_stock_quotes(
        StockQuotesRequest(symbol_or_symbols="AAPL", start=start)
    )
    assert len(quotes["AAPL"]) == 1
    bars: Any = history.get_stock_bars(
        StockBarsRequest(symbol_or_symbols="AAPL", start=start, timeframe=TimeFrame.Minute)
    )
    assert [(bar.open, bar.volume) for bar in bars["AAPL"]] == [(187.15, 600)]


def test_market_data_streams_in_message_pack(exchange: ServedExchange) -> None:
    heard: list[Any] = []

    async def on_data(message: Any) -> None:
        heard.append(message)

    stream = StockDataStream("PK1", "s", feed=DataFeed.IEX, url_override=f"{exchange.ws}/v2/iex")
    stream.subscribe_quotes(on_data, "AAPL")
    stream.subscribe_trades(on_data, "AAPL")
    with running(stream):
        time.sleep(0.2)  # it subscribes a moment after it runs, and tells nobody
        exchange.quote("AAPL", "188", "188.5")
        exchange.trade("AAPL", "188.25")
        wait_for(lambda: len(heard) == 2)
    quote, trade = heard
    assert (quote.symbol, quote.ask_price) == ("AAPL", 188.5)
    assert (trade.price, trade.timestamp.date()) == (188.25, date(2026, 6, 1))
