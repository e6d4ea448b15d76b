"""The broker's own hand in an account: what it sells, and what it takes or gives."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.exchange_front.conftest import Client, an_exchange


async def account(client: Client) -> Decimal:
    return Decimal((await client.ask("GET", "/v2/account"))["cash"])


async def test_a_liquidation_ends_the_position_with_an_order_that_carries_its_mark() -> None:
    async with an_exchange() as client:
        await client.quote()
        await client.order(qty="10")
        resting = await client.order(qty="10", side="sell", type="limit", limit_price="300")
        body = {"key": "PK1", "symbol": "AAPL"}
        order = await client.ask("POST", "/_exchange/liquidate", body)
        assert order["client_order_id"].startswith("liquidation-")
        assert (order["side"], order["qty"]) == ("sell", "10")
        assert await client.ask("GET", "/v2/positions") == []
        ended = await client.ask("GET", f"/v2/orders/{resting['id']}")
        assert ended["status"] == "canceled"
        assert (await client.send("POST", "/_exchange/liquidate", body)).status == 404


async def test_what_comes_and_goes_without_a_trade_is_told_only_with_a_type() -> None:
    async with an_exchange() as client:
        await client.quote()
        await client.order(qty="10")
        before = await account(client)
        path = "/_exchange/adjust"
        await client.ask("POST", path, {"key": "PK1", "cash": "-2.5", "type": "FEE"})
        await client.ask("POST", path, {"key": "PK1", "cash": "-0.01"})
        await client.ask("POST", path, {"key": "PK1", "symbol": "AAPL", "qty": "-4"})
        await client.ask("POST", path, {"key": "PK1", "symbol": "MSFT", "qty": "3"})
        assert await account(client) == before - Decimal("2.51")
        rows = await client.ask("GET", "/v2/positions")
        assert {row["symbol"]: row["qty"] for row in rows} == {"AAPL": "6", "MSFT": "3"}
        told = await client.ask(
            "GET", "/v2/account/activities", category="non_trade_activity", direction="asc"
        )
        assert [row["activity_type"] for row in told] == ["JNLC", "FEE"]
        assert told[1]["net_amount"] == "-2.5"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cash": "0"},
        {"qty": "5"},
        {"cash": "1", "type": "FILL"},
        {"cash": "1", "type": "TIP"},
        {"cash": "1e15"},
        {"symbol": "AAPL", "qty": "0"},
    ],
)
async def test_an_adjustment_that_says_nothing_sound_is_refused(wrong: dict[str, Any]) -> None:
    async with an_exchange() as client:
        answer = await client.send("POST", "/_exchange/adjust", {"key": "PK1", **wrong})
        assert answer.status == 422
