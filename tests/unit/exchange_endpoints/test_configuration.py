"""What the account's own settings do to its orders."""

from pathlib import Path

import pytest

from floorbroker.exchange.store import ExchangeStore
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually

PATH = "/v2/account/configurations"


async def configure(client: Client, **changes: object) -> None:
    await client.ask("PATCH", PATH, changes)


async def test_a_suspended_account_places_and_replaces_nothing_but_cancels(
    client: Client,
) -> None:
    resting = await client.order(type="limit", limit_price="100")
    await configure(client, suspend_trade=True)
    refusal = await client.order(403)
    assert refusal == {"code": 40310000, "message": "new orders are rejected by user request"}
    await client.ask("PATCH", f"/v2/orders/{resting['id']}", {"qty": "5"}, 403)
    assert (await client.ask("GET", "/v2/account"))["trade_suspended_by_user"]
    await client.ask("DELETE", f"/v2/orders/{resting['id']}", None, 204)
    await configure(client, suspend_trade=False)
    await client.order()


async def test_without_shorting_only_what_is_held_is_sold(client: Client) -> None:
    await client.order(qty="5")
    await configure(client, no_shorting=True)
    assert not (await client.ask("GET", "/v2/account"))["shorting_enabled"]
    await client.order(qty="5", side="sell")
    refusal = await client.order(403, qty="1", side="sell")
    assert refusal["message"] == "account is not allowed to short"
    await configure(client, no_shorting=False)
    await client.order(qty="1", side="sell")


@pytest.mark.parametrize(("multiplier", "power"), [("1", 100_000), ("2", 200_000), ("4", 400_000)])
async def test_the_multiplier_bounds_what_can_be_bought(
    client: Client, multiplier: str, power: int
) -> None:
    await configure(client, max_margin_multiplier=multiplier)
    account = await client.ask("GET", "/v2/account")
    assert (account["multiplier"], account["buying_power"]) == (multiplier, str(power))
    limit = {"type": "limit", "limit_price": "100"}
    refusal = await client.order(403, qty=str(power // 100 + 1), **limit)
    assert refusal["message"] == "insufficient buying power"
    assert refusal["buying_power"] == str(power)
    await client.order(qty=str(power // 100), **limit)


async def test_credit_is_needed_to_go_short(client: Client) -> None:
    await configure(client, max_margin_multiplier="1")
    refusal = await client.order(403, qty="1", side="sell")
    assert refusal["message"] == "account is not allowed to short"


@pytest.mark.parametrize("size", [{"qty": "1.5"}, {"qty": None, "notional": "100"}])
async def test_without_fractions_only_whole_shares_are_bought(
    client: Client, size: dict[str, str | None]
) -> None:
    await configure(client, fractional_trading=False)
    refusal = await client.order(403, **size)
    assert refusal["message"] == "fractional trading is not enabled for this account"
    await client.order(qty="2")
    await client.quote("BTC/USD", "60000", "60010")
    await client.order(symbol="BTC/USD", qty="0.001", time_in_force="gtc")  # coins are no shares
    await configure(client, fractional_trading=True)
    await client.order(**size)


@pytest.mark.parametrize("is_disabled", [True, False])
def test_without_overnight_trading_orders_wait_for_the_pre_market(is_disabled: bool) -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            await configure(client, disable_overnight_trading=is_disabled)
            await client.ask("POST", "/_exchange/clock", {"to": "2026-06-02T02:00:00Z"})  # 22:00
            order = await client.order(type="limit", limit_price="190", extended_hours=True)
            await client.ask("POST", "/_exchange/clock", {"to": "2026-06-02T07:59:00Z"})
            path = f"/v2/orders/{order['id']}"
            told = await client.ask("GET", path)
            assert told["filled_qty"] == ("0" if is_disabled else "10")
            assert told["status"] == ("accepted" if is_disabled else "filled")
            await client.ask("POST", "/_exchange/clock", {"to": "2026-06-02T08:00:00Z"})
            assert (await client.ask("GET", path))["filled_qty"] == "10"

    virtually(main)


async def test_settings_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "exchange.sqlite"
    async with an_exchange(store=ExchangeStore(file)) as client:
        await configure(client, no_shorting=True, max_margin_multiplier="2")
        before = await client.ask("GET", PATH)
    async with an_exchange(store=ExchangeStore(file)) as client:
        assert await client.ask("GET", PATH) == before
