"""The account, its settings and activities, assets, clock and calendar."""

import json
from decimal import Decimal

import pytest

from tests.unit.exchange_front.conftest import Client, an_exchange, virtually


async def fills(client: Client, count: int) -> list[str]:
    """So many executions, one order each; their ids, oldest first."""
    for _ in range(count):
        await client.order(qty="1")
    truth = await client.ask("GET", "/_exchange/fills")
    return [fill["execution_id"] for fill in truth]


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


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_activities_page_each_fill_exactly_once(client: Client, direction: str) -> None:
    ids = await fills(client, 11)
    expected = ids if direction == "asc" else ids[::-1]
    for path in ("/v2/account/activities", "/v2/account/activities/FILL"):
        for size in (1, 2, 3, 10, 11, 12, 100):
            seen: list[str] = []
            query = {"direction": direction, "page_size": str(size)}
            while True:
                page = await client.ask("GET", path, **query)
                seen += [row["id"] for row in page]
                if len(page) < size:
                    break
                query["page_token"] = page[-1]["id"]
            assert [one.partition("::")[2] for one in seen] == expected


def test_activities_filter_by_time_day_and_order() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            first = await client.order(qty="1")
            await client.ask("POST", "/_exchange/clock", {"advance": 60})
            second = await client.order(qty="2")

            async def orders(**query: str) -> list[str]:
                rows = await client.ask("GET", "/v2/account/activities/FILL", **query)
                return [row["order_id"] for row in rows]

            both = [second["id"], first["id"]]
            assert await orders() == await orders(date="2026-06-01") == both
            assert await orders(date="2026-05-31") == await orders(date="2026-06-02") == []
            assert await orders(after="2026-06-01T14:00:30Z") == [second["id"]]
            assert await orders(until="2026-06-01T14:00:30Z") == [first["id"]]
            assert await orders(order_id=first["id"]) == [first["id"]]

    virtually(main)


async def test_activity_quantities_are_of_the_execution_and_add_up(client: Client) -> None:
    await client.quote(size=4)
    order = await client.order(qty="10")
    await client.quote(ask="187.3", size=100)
    rows = await client.ask("GET", "/v2/account/activities/FILL", direction="asc")
    assert [(row["qty"], row["cum_qty"], row["leaves_qty"], row["type"]) for row in rows] == [
        ("4", "4", "6", "partial_fill"),
        ("6", "10", "0", "fill"),
    ]
    assert {row["order_id"] for row in rows} == {order["id"]}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v2/account/activities/NOPE", {}),
        ("/v2/account/activities", {"activity_types": "FILL,NOPE"}),
        ("/v2/account/activities", {"activity_types": "FILL", "category": "trade_activity"}),
        ("/v2/account/activities", {"page_size": "101"}),
        ("/v2/account/activities", {"page_token": "20260601100000000::nobody"}),
        ("/v2/account/activities", {"date": "today"}),
    ],
)
async def test_wrong_questions_about_activities_are_422(
    client: Client, path: str, query: dict[str, str]
) -> None:
    assert (await client.ask("GET", path, None, 422, **query))["code"] == 40010001


async def test_categories_part_fills_from_the_rest(client: Client) -> None:
    await fills(client, 1)
    path = "/v2/account/activities"
    assert len(await client.ask("GET", path, category="trade_activity")) == 1
    assert await client.ask("GET", path, category="non_trade_activity") == []
    assert await client.ask("GET", f"{path}/DIV") == []


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


@pytest.mark.parametrize(
    ("to", "is_open", "next_open", "next_close"),
    [
        ("2026-06-01T15:00:00Z", True, "2026-06-02T09:30:00-04:00", "2026-06-01T16:00:00-04:00"),
        ("2026-06-01T20:00:00Z", False, "2026-06-02T09:30:00-04:00", "2026-06-02T16:00:00-04:00"),
        ("2026-06-05T20:30:00Z", False, "2026-06-08T09:30:00-04:00", "2026-06-08T16:00:00-04:00"),
        ("2026-06-08T13:29:59Z", False, "2026-06-08T09:30:00-04:00", "2026-06-08T16:00:00-04:00"),
        ("2026-06-18T20:30:00Z", False, "2026-06-22T09:30:00-04:00", "2026-06-22T16:00:00-04:00"),
    ],
)
async def test_the_clock_knows_the_next_bells(
    client: Client, to: str, is_open: bool, next_open: str, next_close: str
) -> None:
    await client.ask("POST", "/_exchange/clock", {"to": to})
    clock = await client.ask("GET", "/v2/clock")
    assert clock["timestamp"].endswith("-04:00")
    assert (clock["is_open"], clock["next_open"]) == (is_open, next_open)
    assert clock["next_close"] == next_close


async def test_the_calendar_lists_sessions_with_their_hours(client: Client) -> None:
    days = await client.ask("GET", "/v2/calendar", start="2026-11-25", end="2026-11-30")
    assert [(day["date"], day["close"]) for day in days] == [
        ("2026-11-25", "16:00"),
        ("2026-11-27", "13:00"),
        ("2026-11-30", "16:00"),
    ]
    assert days[0]["settlement_date"] == "2026-11-27"
    assert days[0]["session_open"] == "0400"
    everything = await client.send("GET", "/v2/calendar")
    assert len(json.loads(everything.body)) > 9000
