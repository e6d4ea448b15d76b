"""The account and its settings, and the assets."""

from decimal import Decimal

import pytest

from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange_front.conftest import Client, an_exchange


async def test_a_new_account_has_its_cash_and_four_times_its_power(client: Client) -> None:
    account = await client.ask("GET", "/v2/account")
    expected = {
        "status": "ACTIVE",
        "cash": "100000",
        "equity": "100000",
        "buying_power": "400000",
        "regt_buying_power": "200000",
        "multiplier": "4",
        "currency": "USD",
        "trading_blocked": False,
        "balance_asof": "2026-05-29",
    }
    assert {name: account[name] for name in expected} == expected
    # Retired with the pattern day trading rule.
    assert not {"daytrade_count", "pattern_day_trader"} & set(account)


async def test_an_account_under_the_day_trading_rule_shows_its_count() -> None:
    counts = []
    async with an_exchange(rules=VenueRules(pdt="dated")) as client:
        await client.quote()
        for _ in range(4):
            await client.order()
            await client.order(side="sell")
            account = await client.ask("GET", "/v2/account")
            counts.append((account["daytrade_count"], account["pattern_day_trader"]))
        await client.ask("POST", "/_exchange/clock", {"to": "2026-06-04T00:00:00Z"})
        account = await client.ask("GET", "/v2/account")
    assert counts == [(1, False), (2, False), (3, False), (4, True)]
    assert not {"daytrade_count", "pattern_day_trader"} & set(account)


async def test_cash_moves_by_what_was_paid(client: Client) -> None:
    await client.order()
    account = await client.ask("GET", "/v2/account")
    assert account["cash"] == "98128"
    assert account["long_market_value"] == "1871.5"
    assert Decimal(account["equity"]) == Decimal("98128") + Decimal("1871.5")


async def test_settings_are_kept_whole_and_change_in_part(client: Client) -> None:
    path = "/v2/account/configurations"
    before = await client.ask("GET", path)
    after = await client.ask("PATCH", path, {"suspend_trade": True, "unheard_of": 1})
    assert after == {**before, "suspend_trade": True}
    assert await client.ask("GET", path) == after
    assert (await client.ask("GET", "/v2/account"))["trade_suspended_by_user"] is True
    await client.order(403)


@pytest.mark.parametrize(
    "change", [{"max_margin_multiplier": "3"}, {"trade_confirm_email": "some"}]
)
async def test_a_wrong_setting_is_422_and_changes_nothing(
    client: Client, change: dict[str, str]
) -> None:
    path = "/v2/account/configurations"
    before = await client.ask("GET", path)
    refusal = await client.ask("PATCH", path, change, 422)
    assert next(iter(change)) in refusal["message"]
    assert await client.ask("GET", path) == before


async def test_assets_filter_and_are_found_by_symbol_and_id(client: Client) -> None:
    stocks = await client.ask("GET", "/v2/assets")
    assert {asset["class"] for asset in stocks} == {"us_equity"}
    active = await client.ask("GET", "/v2/assets", status="active")
    assert 0 < len(active) < len(stocks)
    (arca,) = await client.ask("GET", "/v2/assets", exchange="ARCA")
    assert arca["symbol"] == "SPY"
    coins = await client.ask("GET", "/v2/assets", asset_class="crypto")
    assert "BTC/USD" in {coin["symbol"] for coin in coins}
    assert all("min_order_size" in coin for coin in coins)
    assert await client.ask("GET", f"/v2/assets/{arca['id']}") == arca
    refusal = await client.ask("GET", "/v2/assets/FFFFF", None, 404)
    assert refusal == {"code": 40410000, "message": "asset not found for FFFFF"}
