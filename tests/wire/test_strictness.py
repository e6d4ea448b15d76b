"""What the SDK's models insist on: our answers satisfy them, and one that did not would break.

Each claim is tried both ways, so that it says when the SDK stops to insist.
"""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import msgpack  # type: ignore[import-untyped]  # the SDK brings it along
import pytest
import websockets
from alpaca.trading import models
from alpaca.trading.enums import OrderClass, OrderStatus, PositionSide
from pydantic import BaseModel, ValidationError

from floorbroker.exchange.model import TERMINAL
from tests.wire.conftest import ServedExchange

TICKET = {"symbol": "AAPL", "side": "buy", "qty": 10, "type": "market", "time_in_force": "day"}


@pytest.fixture
def answers(exchange: ServedExchange) -> dict[str, Any]:
    """One answer of each kind, of an account that is long one stock and short another."""
    placed = exchange.ask("POST", "/v2/orders", TICKET)
    exchange.ask("POST", "/v2/orders", {**TICKET, "symbol": "MSFT", "side": "sell"})
    return {
        "Order": placed,
        "Asset": exchange.ask("GET", "/v2/assets/AAPL"),
        "TradeAccount": exchange.ask("GET", "/v2/account"),
        "Position": exchange.ask("GET", "/v2/positions/MSFT"),
        "AccountConfiguration": exchange.ask("GET", "/v2/account/configurations"),
        "PortfolioHistory": exchange.ask("GET", "/v2/account/portfolio/history"),
        "activity": exchange.ask("GET", "/v2/account/activities")[0],
    }


def model(name: str) -> type[BaseModel]:
    found: type[BaseModel] = getattr(models, name)
    return found


NULL, MISSING = None, "missing"
#: (model, field, what would break the SDK).
INSISTED = [
    ("Order", "order_class", "basket"),
    *[("Order", name, NULL) for name in ("created_at", "updated_at", "submitted_at")],
    *[("Order", name, MISSING) for name in ("id", "client_order_id", "time_in_force", "status")],
    ("Order", "status", "resting"),
    ("Asset", "exchange", "LSE"),
    ("Asset", "status", "sleeping"),
    ("Asset", "class", MISSING),
    ("TradeAccount", "status", "SLEEPING"),
    *[("TradeAccount", name, MISSING) for name in ("id", "account_number", "status")],
    *[("Position", name, MISSING) for name in ("exchange", "asset_class", "side", "qty")],
    ("Position", "side", "sideways"),
    *[
        ("AccountConfiguration", name, MISSING)
        for name in (
            *("fractional_trading", "max_margin_multiplier", "no_shorting", "suspend_trade"),
            *("trade_confirm_email", "ptp_no_exception_entry"),
        )
    ],
    *[
        ("PortfolioHistory", name, MISSING)
        for name in ("timestamp", "equity", "profit_loss", "profit_loss_pct", "timeframe")
    ],
]


@pytest.mark.parametrize(("name", "field", "wrong"), INSISTED)
def test_what_the_sdk_insists_on_is_there(
    answers: dict[str, Any], name: str, field: str, wrong: str | None
) -> None:
    answer = answers[name]
    model(name)(**answer)
    spoiled = {**answer, field: wrong}
    if wrong == MISSING:
        del spoiled[field]
    with pytest.raises(ValidationError):
        model(name)(**spoiled)


@pytest.mark.parametrize(
    "name", ["Order", "Asset", "TradeAccount", "Position", "AccountConfiguration"]
)
def test_fields_that_the_sdk_does_not_know_are_ignored(answers: dict[str, Any], name: str) -> None:
    told = model(name)(**answers[name], unheard_of=1)
    assert not hasattr(told, "unheard_of")


def test_an_empty_order_class_is_a_simple_order(answers: dict[str, Any]) -> None:
    assert answers["Order"]["order_class"] == ""
    assert models.Order(**answers["Order"]).order_class == OrderClass.SIMPLE


def test_times_are_there_while_the_order_is_pending(answers: dict[str, Any]) -> None:
    order = models.Order(**answers["Order"])
    assert order.status == OrderStatus.PENDING_NEW
    assert order.created_at == order.updated_at == order.submitted_at
    assert order.filled_at is None


def test_a_short_position_is_negative_and_says_short(answers: dict[str, Any]) -> None:
    position = models.Position(**answers["Position"])
    assert position.side == PositionSide.SHORT
    assert (position.qty, position.market_value[0], position.cost_basis[0]) == ("-10", "-", "-")  # type: ignore[index]  # both are there


def test_every_status_of_ours_is_in_the_sdks_closed_list() -> None:
    known = {status.value for status in OrderStatus}
    working = {"pending_new", "accepted", "new", "partially_filled", "held"}
    assert TERMINAL | working | {"pending_cancel", "pending_replace"} <= known


def test_an_activity_of_the_trading_api_has_no_account(answers: dict[str, Any]) -> None:
    """The SDK's model is the broker's: it wants an account_id, which recorded rows lack."""
    row = answers["activity"]
    assert "account_id" not in row
    with pytest.raises(ValidationError):
        models.TradeActivity(**row)
    told = models.TradeActivity(**row, account_id=answers["TradeAccount"]["id"])
    assert (told.type.value, told.cum_qty) == ("fill", 10)


@pytest.mark.parametrize(("key", "status"), [("PK1", "authorized"), ("", "unauthorized")])
async def test_the_first_frame_of_the_order_stream_answers_the_key(
    exchange: ServedExchange, key: str, status: str
) -> None:
    async with websockets.connect(f"{exchange.ws}/stream") as socket:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await socket.recv()
        said = {"action": "authenticate", "data": {"key_id": key, "secret_key": "s"}}
        await socket.send(json.dumps(said))
        async with asyncio.timeout(10):
            frame = await socket.recv()
    assert isinstance(frame, bytes)  # as paper trading sends them
    told = {"status": status, "action": "authenticate"}
    assert json.loads(frame) == {"stream": "authorization", "data": told}


async def test_times_in_message_pack_are_timestamps(exchange: ServedExchange) -> None:
    headers = {"Content-Type": "application/msgpack"}
    url = f"{exchange.ws}/v2/iex"
    async with websockets.connect(url, additional_headers=headers) as socket, asyncio.timeout(10):
        assert msgpack.unpackb(await socket.recv())[0]["msg"] == "connected"
        await socket.send(msgpack.packb({"action": "auth", "key": "PK1", "secret": "s"}))
        await socket.recv()
        await socket.send(msgpack.packb({"action": "subscribe", "trades": ["AAPL"]}))
        await socket.recv()
        exchange.trade("AAPL", "187.15")
        (trade,) = msgpack.unpackb(await socket.recv(), timestamp=0)
        assert isinstance(trade["t"], msgpack.Timestamp)
        assert trade["t"].to_datetime() > datetime(2026, 6, 1, tzinfo=UTC)
    async with websockets.connect(url) as socket, asyncio.timeout(10):
        assert json.loads(await socket.recv())[0]["msg"] == "connected"
        await socket.send(json.dumps({"action": "auth", "key": "PK1", "secret": "s"}))
        await socket.recv()
        await socket.send(json.dumps({"action": "subscribe", "trades": ["AAPL"]}))
        await socket.recv()
        exchange.trade("AAPL", "187.15")
        (trade,) = json.loads(await socket.recv())
        assert trade["t"].startswith("2026-06-01T14:")
