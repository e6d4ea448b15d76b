"""The SDK's trading client and stream: every public method, called over TCP, gives its model.

The tables of docs/alpaca-py.md are made here and in `test_market_data_sdk`;
`python -m tests.wire.test_trading_sdk` writes them anew.
"""

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.common.rest import RESTClient
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.models import BarSet
from alpaca.trading import models
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass,
    AssetExchange,
    AssetStatus,
    CorporateActionType,
    OrderClass,
    OrderSide,
    QueryOrderStatus,
    TimeInForce,
    TradeConfirmationEmail,
    TradeEvent,
)
from alpaca.trading.requests import (
    CancelOrderResponse,
    ClosePositionRequest,
    CreateWatchlistRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetCorporateAnnouncementsRequest,
    GetOptionContractsRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
    UpdateWatchlistRequest,
)
from alpaca.trading.stream import TradingStream
from pydantic import BaseModel

from floorbroker.exchange.reference.actions import CorporateAction
from tests.wire import test_market_data_sdk as market_data
from tests.wire.conftest import ServedExchange
from tests.wire.test_alpaca_py import running, wait_for

PAGE = market_data.PAGE
DIVIDEND = CorporateAction(
    id="11111111-2222-4333-8444-555555555555",
    kind="cash_dividend",
    symbol="SPY",
    cusip="78462F103",
    process_date=date(2026, 6, 20),
    details={
        "rate": Decimal("1.5"),
        "special": False,
        "foreign": False,
        "ex_date": date(2026, 6, 10),
        "record_date": date(2026, 6, 11),
        "payable_date": date(2026, 6, 20),
    },
)
#: The SDK opens its sockets through an interface that websockets calls old whenever it is used.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*legacy.*:DeprecationWarning",
    "ignore:get_corporate_announcements is deprecated:DeprecationWarning",
)


class Made(NamedTuple):
    """What there is before a call; as it stands here, how the page names it."""

    order: Any = "an order's id"
    client_order_id: Any = "its client_order_id"
    watchlist: Any = "a watchlist's id"
    asset: Any = "an asset's id"


class Call(NamedTuple):
    """A call's arguments; a refusal is (HTTP status, code)."""

    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] = MappingProxyType({})
    refusal: tuple[int, int] | None = None


def call(*arguments: Any, **named: Any) -> Call:
    return Call(arguments, named)


class Row(NamedTuple):
    """A method: what its answer, or each of its answer's rows, is, and how it is called."""

    model: type | None
    calls: Callable[[Made], list[Call]]


BUY: dict[str, Any] = {
    "symbol": "AAPL", "qty": 2, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY
}  # fmt: skip
SELL: dict[str, Any] = {**BUY, "side": OrderSide.SELL, "order_class": OrderClass.OCO}
UP, DOWN = TakeProfitRequest(limit_price=200), StopLossRequest(stop_price=170, limit_price=169)
ORDERS = [
    call(MarketOrderRequest(**BUY)),
    call(MarketOrderRequest(**{**BUY, "qty": None, "notional": 100.5})),
    call(MarketOrderRequest(**{**BUY, "qty": 0.25})),
    call(LimitOrderRequest(**BUY, limit_price=180.5, extended_hours=True)),
    call(LimitOrderRequest(**BUY, limit_price=180, client_order_id="mine")),
    call(StopOrderRequest(**BUY, stop_price=190)),
    call(StopLimitOrderRequest(**BUY, stop_price=190, limit_price=191)),
    call(TrailingStopOrderRequest(**BUY, trail_percent=2.5)),
    call(
        LimitOrderRequest(
            **BUY, limit_price=185, order_class=OrderClass.BRACKET, take_profit=UP, stop_loss=DOWN
        )
    ),
    call(MarketOrderRequest(**BUY, order_class=OrderClass.OTO, take_profit=UP)),
    call(LimitOrderRequest(**SELL, take_profit=UP, stop_loss=DOWN)),
    call(
        LimitOrderRequest(
            symbol="BTC/USD",
            qty=0.5,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.GTC,
            limit_price=60000,
        )
    ),
]
SETTINGS = models.AccountConfiguration(
    fractional_trading=True,
    max_margin_multiplier="2",
    no_shorting=True,
    suspend_trade=False,
    trade_confirm_email=TradeConfirmationEmail.NONE,
    ptp_no_exception_entry=False,
)
CONTRACT = "AAPL260619C00100000"

CLIENT: dict[str, Row] = {
    "submit_order": Row(models.Order, lambda made: ORDERS),
    "get_orders": Row(
        models.Order,
        lambda made: [
            call(),
            call(
                GetOrdersRequest(
                    status=QueryOrderStatus.ALL,
                    limit=500,
                    after=datetime(2026, 6, 1, tzinfo=UTC),
                    until=datetime(2026, 6, 2, tzinfo=UTC),
                    direction=Sort.ASC,
                    nested=True,
                    side=OrderSide.BUY,
                    symbols=["AAPL", "MSFT"],
                )
            ),
        ],
    ),
    "get_order_by_id": Row(
        models.Order,
        lambda made: [call(made.order), call(made.order, GetOrderByIdRequest(nested=True))],
    ),
    "get_order_by_client_id": Row(models.Order, lambda made: [call(made.client_order_id)]),
    "replace_order_by_id": Row(
        models.Order,
        lambda made: [
            call(
                made.order,
                ReplaceOrderRequest(
                    qty=7, limit_price=91.5, time_in_force=TimeInForce.GTC, client_order_id="new"
                ),
            )
        ],
    ),
    "cancel_orders": Row(CancelOrderResponse, lambda made: [call()]),
    "cancel_order_by_id": Row(None, lambda made: [call(made.order)]),
    "get_all_positions": Row(models.Position, lambda made: [call()]),
    "get_open_position": Row(models.Position, lambda made: [call("AAPL"), call(made.asset)]),
    "close_all_positions": Row(
        models.ClosePositionResponse, lambda made: [call(cancel_orders=True)]
    ),
    "close_position": Row(
        models.Order,
        lambda made: [
            call("MSFT", ClosePositionRequest(qty="1.5")),
            call("MSFT", ClosePositionRequest(percentage="50")),
            call(made.asset),
        ],
    ),
    "exercise_options_position": Row(
        None, lambda made: [Call((CONTRACT,), refusal=(403, 40310000))]
    ),
    "get_portfolio_history": Row(
        models.PortfolioHistory,
        lambda made: [
            call(),
            call(
                GetPortfolioHistoryRequest(
                    period="1D",
                    timeframe="5Min",
                    intraday_reporting="extended_hours",
                    pnl_reset="no_reset",
                    cashflow_types="ALL",
                )
            ),
        ],
    ),
    "get_all_assets": Row(
        models.Asset,
        lambda made: [
            call(),
            call(
                GetAssetsRequest(
                    status=AssetStatus.ACTIVE,
                    asset_class=AssetClass.CRYPTO,
                    exchange=AssetExchange.CRYPTO,
                )
            ),
        ],
    ),
    "get_asset": Row(models.Asset, lambda made: [call("AAPL"), call("BTC/USD"), call(made.asset)]),
    "get_clock": Row(models.Clock, lambda made: [call()]),
    "get_calendar": Row(
        models.Calendar,
        lambda made: [
            call(),
            call(GetCalendarRequest(start=date(2026, 6, 1), end=date(2026, 6, 30))),
        ],
    ),
    "get_account": Row(models.TradeAccount, lambda made: [call()]),
    "get_account_configurations": Row(models.AccountConfiguration, lambda made: [call()]),
    "set_account_configurations": Row(models.AccountConfiguration, lambda made: [call(SETTINGS)]),
    "get_watchlists": Row(models.Watchlist, lambda made: [call()]),
    "get_watchlist_by_id": Row(models.Watchlist, lambda made: [call(made.watchlist)]),
    "create_watchlist": Row(
        models.Watchlist,
        lambda made: [call(CreateWatchlistRequest(name="Coins", symbols=["BTC/USD"]))],
    ),
    "update_watchlist_by_id": Row(
        models.Watchlist,
        lambda made: [
            call(made.watchlist, UpdateWatchlistRequest(name="New", symbols=["SPY", "QQQ"]))
        ],
    ),
    "add_asset_to_watchlist_by_id": Row(
        models.Watchlist, lambda made: [call(made.watchlist, "QQQ")]
    ),
    "delete_watchlist_by_id": Row(None, lambda made: [call(made.watchlist)]),
    "remove_asset_from_watchlist_by_id": Row(
        models.Watchlist, lambda made: [call(made.watchlist, "AAPL")]
    ),
    "get_corporate_announcements": Row(
        models.CorporateActionAnnouncement,
        lambda made: [
            call(
                GetCorporateAnnouncementsRequest(
                    ca_types=[CorporateActionType.DIVIDEND],
                    since=date(2026, 6, 1),
                    until=date(2026, 8, 29),
                    symbol="SPY",
                )
            )
        ],
    ),
    "get_corporate_announcement_by_id": Row(
        models.CorporateActionAnnouncement, lambda made: [call(UUID(DIVIDEND.id))]
    ),
    "get_option_contracts": Row(
        models.OptionContractsResponse,
        lambda made: [call(GetOptionContractsRequest(underlying_symbols=["AAPL"]))],
    ),
    "get_option_contract": Row(None, lambda made: [Call((CONTRACT,), refusal=(404, 40410000))]),
}
ABSENT = {
    "exercise_options_position": "options are not modelled; refused with 403",
    "get_option_contract": "options are not modelled; refused with 404",
}
MARKET = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
#: What all REST clients share: plain requests, decoded JSON.
PLAIN: dict[str, Row] = {
    "get": Row(
        dict,
        lambda made: [call("/account/activities", {"activity_types": "FILL"}), call("/clock")],
    ),
    "post": Row(dict, lambda made: [call("/orders", MARKET)]),
    "put": Row(dict, lambda made: [call(f"/watchlists/{made.watchlist}", {"symbols": ["SPY"]})]),
    "patch": Row(dict, lambda made: [call(f"/orders/{made.order}", {"limit_price": "91"})]),
    "delete": Row(dict, lambda made: [call("/positions/MSFT", {"percentage": "50"})]),
    "response_wrapper": Row(BarSet, lambda made: [call(BarSet, {})]),
}
STREAM = {
    "subscribe_trade_updates": "before it runs, and while it runs",
    "close": "while nothing runs",
    "stop_ws": "while nothing runs",
    "stop": "from another thread",
    "run": "in a thread of its own",
}


def methods(kind: type) -> list[str]:
    """The public methods that a class of the SDK adds itself."""
    return [
        name
        for name, method in vars(kind).items()
        if inspect.isfunction(method) and not name.startswith("_")
    ]


def written(argument: object) -> str:
    """An argument as the page has it: of a request, which fields are set."""
    if isinstance(argument, BaseModel):
        names = [
            f"{name}={value.value}" if name == "order_class" else name
            for name, value in argument
            if value is not None
        ]
        return f"{type(argument).__name__}({', '.join(names)})"
    return argument.__name__ if isinstance(argument, type) else str(argument)


def called_with(row: Row) -> str:
    told = []
    for each in row.calls(Made()):
        named = [f"{name}={value}" for name, value in each.named.items()]
        told.append(", ".join([*map(written, each.arguments), *named]) or "nothing")
    return "; ".join(dict.fromkeys(told))


def table() -> str:
    """Method by method, as the page has it."""
    lines = ["| class | method | served | called with |", "| --- | --- | --- | --- |"]
    for kind, rows in ((TradingClient, CLIENT), (RESTClient, PLAIN)):
        for name in methods(kind):
            served = f"no: {ABSENT[name]}" if name in ABSENT else "yes"
            lines.append(
                f"| `{kind.__name__}` | `{name}` | {served} | {called_with(rows[name])} |"
            )
    lines += [
        f"| `TradingStream` | `{name}` | yes | {STREAM[name]} |" for name in methods(TradingStream)
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("kind", "rows"), [(TradingClient, CLIENT), (RESTClient, PLAIN), (TradingStream, STREAM)]
)
def test_every_public_method_is_called_or_said_to_be_absent(
    kind: type, rows: dict[str, object]
) -> None:
    assert methods(kind) == list(rows)


def test_the_page_lists_what_the_tests_call() -> None:
    assert table() in PAGE.read_text("utf-8"), (
        "the SDK or the tests changed; run: python -m tests.wire.test_trading_sdk"
    )


@pytest.fixture(scope="module")
def served() -> Iterator[ServedExchange]:
    one = ServedExchange(corporate_actions=(DIVIDEND,))
    yield one
    one.stop()


@pytest.fixture
def made(exchange: ServedExchange) -> Made:
    """A position in AAPL and MSFT, a resting order, a watchlist; a quote for a coin."""
    exchange.quote("BTC/USD", "60000", "60010.5", 3)
    ticket = {"side": "buy", "qty": 10, "type": "market", "time_in_force": "day"}
    for symbol in ("AAPL", "MSFT"):
        bought = exchange.ask("POST", "/v2/orders", {**ticket, "symbol": symbol})
    limit = {**ticket, "type": "limit", "limit_price": 90, "symbol": "F"}
    order = exchange.ask("POST", "/v2/orders", limit)
    watchlist = exchange.ask("POST", "/v2/watchlists", {"name": "Mine", "symbols": ["AAPL"]})
    return Made(order["id"], order["client_order_id"], watchlist["id"], bought["asset_id"])


ROWS = [
    pytest.param(name, row, number, id=f"{name}-{number}")
    for name, row in (CLIENT | PLAIN).items()
    for number in range(len(row.calls(Made())))
]


@pytest.mark.parametrize(("name", "row", "number"), ROWS)
def test_the_method_gives_its_model(
    trading: TradingClient, made: Made, name: str, row: Row, number: int
) -> None:
    each = row.calls(made)[number]
    if each.refusal is not None:
        assert name in ABSENT
        with pytest.raises(APIError) as told:
            getattr(trading, name)(*each.arguments, **each.named)
        assert (told.value.status_code, told.value.code) == each.refusal
        return
    assert name not in ABSENT
    answer = getattr(trading, name)(*each.arguments, **each.named)
    if row.model is None:
        assert answer is None
        return
    rows = answer if isinstance(answer, list) else [answer]
    assert rows
    assert {type(one) for one in rows} == {row.model}


@pytest.mark.parametrize("name", sorted(CLIENT.keys() - ABSENT))
def test_the_method_gives_plain_data_to_who_asks_for_it(
    exchange: ServedExchange, made: Made, name: str
) -> None:
    client = TradingClient("PK1", "s", raw_data=True, url_override=exchange.url)
    try:
        each = CLIENT[name].calls(made)[0]
        answer: Any = getattr(client, name)(*each.arguments, **each.named)
    finally:
        client._session.close()  # the SDK never does
    rows = answer if isinstance(answer, list) else [answer]
    assert {type(row) for row in rows} == {dict if CLIENT[name].model else type(None)}


def test_closed_positions_are_told_with_their_orders(trading: TradingClient, made: Made) -> None:
    told: Any = trading.close_all_positions(cancel_orders=True)
    assert {row.symbol: type(row.body) for row in told} == dict.fromkeys(
        ("AAPL", "MSFT"), models.Order
    )


def test_a_token_opens_an_account_of_its_own(exchange: ServedExchange) -> None:
    client = TradingClient(oauth_token="T1", url_override=exchange.url)
    account: Any = client.get_account()
    client._session.close()  # the SDK never does
    assert account.cash == "100000"
    assert account.id != exchange.ask("GET", "/v2/account")["id"]


def test_a_data_client_makes_plain_requests_too(
    exchange: ServedExchange, history: StockHistoricalDataClient
) -> None:
    told: Any = history.get("/stocks/AAPL/quotes/latest", {"feed": "iex"})
    assert told["quote"]["ap"] == 187.2


@pytest.mark.parametrize("is_raw", [False, True])
def test_the_stream_tells_every_event_and_is_stopped(
    exchange: ServedExchange, trading: TradingClient, is_raw: bool
) -> None:
    heard: list[Any] = []
    instead: list[Any] = []

    async def hear(update: Any) -> None:
        heard.append(update)

    async def hear_instead(update: Any) -> None:
        instead.append(update)

    stream = TradingStream("PK1", "s", raw_data=is_raw, url_override=f"{exchange.ws}/stream")
    stream.subscribe_trade_updates(hear)
    with running(stream):
        wait_for(lambda: exchange.ask("GET", "/_exchange/streams")["orders"] == 1)
        _make_news(exchange, trading)
        wait_for(lambda: len(heard) == 9)
        stream.subscribe_trade_updates(hear_instead)
        trading.submit_order(LimitOrderRequest(**BUY, limit_price=100))
        exchange.ask("POST", "/_exchange/clock", {"to": "2026-06-01T20:00:01Z"})
        wait_for(lambda: len(instead) == 3)
    kinds = {type(update) for update in heard + instead}
    assert kinds == {dict if is_raw else models.TradeUpdate}
    told = [update["data"]["event"] if is_raw else update.event for update in heard + instead]
    assert told == [
        TradeEvent.PENDING_NEW, TradeEvent.NEW, TradeEvent.PARTIAL_FILL, TradeEvent.FILL,
        TradeEvent.PENDING_NEW, TradeEvent.NEW, TradeEvent.REPLACED, TradeEvent.NEW,
        TradeEvent.CANCELED,
        TradeEvent.PENDING_NEW, TradeEvent.NEW, TradeEvent.EXPIRED,
    ]  # fmt: skip


def _make_news(exchange: ServedExchange, trading: TradingClient) -> None:
    exchange.quote("AAPL", "187.1", "187.2", 1)
    trading.submit_order(MarketOrderRequest(**BUY))
    exchange.quote("AAPL", "187.1", "187.3", 9)
    resting: Any = trading.submit_order(LimitOrderRequest(**BUY, limit_price=100))
    new: Any = trading.replace_order_by_id(resting.id, ReplaceOrderRequest(limit_price=101))
    trading.cancel_order_by_id(new.id)


def test_a_stream_that_never_ran_is_closed_and_stopped() -> None:
    stream = TradingStream("PK1", "s", url_override="ws://127.0.0.1:1")
    asyncio.run(stream.close())
    asyncio.run(stream.stop_ws())


if __name__ == "__main__":
    trading_part, data_part = PAGE.read_text("utf-8").split("\n## Market data\n")
    head = trading_part.partition("| class |")[0]
    middle = data_part.partition("| class |")[0]
    page = f"{head}{table()}\n## Market data\n{middle}{market_data.table()}"
    PAGE.write_text(page, "utf-8")
