"""What a person is told of the exchange, and that it is the truth."""

import asyncio
import json
from typing import Any

import pytest

from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.front.server import FrontRules
from floorbroker.exchange.look.truth import FILLS_MAX, ROWS_MAX
from tests.unit.exchange_front.conftest import Client, an_exchange, client, virtually

__all__ = ["client"]
LIMIT = {"type": "limit", "time_in_force": "day"}


async def truth(client: Client) -> Any:
    return await client.ask("GET", "/_exchange/look")


async def state(client: Client, order: Any) -> tuple[str, str]:
    """Status and state of an order that is listed as open."""
    rows = (await truth(client))["orders"]
    found = next(row for row in rows if row["id"] == order["id"])
    return found["status"], found["state"]


async def test_the_clock_tells_the_phase_and_the_next(client: Client) -> None:
    clock = (await truth(client))["clock"]
    assert (clock["new_york"], clock["phase"]) == ("2026-06-01T10:00:00-04:00", "regular")
    assert (clock["next_phase"], clock["next_phase_at"]) == ("post", "2026-06-01T20:00:00Z")
    expected = (
        ("2026-06-01T20:00:00Z", "post", "closed", "2026-06-02T00:00:00Z"),
        ("2026-06-02T00:00:00Z", "overnight", "pre", "2026-06-02T08:00:00Z"),
        ("2026-06-05T20:00:00Z", "post", "closed", "2026-06-06T00:00:00Z"),
        ("2026-06-06T00:00:00Z", "closed", "overnight", "2026-06-08T00:00:00Z"),
        ("2026-06-08T08:00:00Z", "pre", "regular", "2026-06-08T13:30:00Z"),
    )
    for to, phase, following, at in expected:
        await client.ask("POST", "/_exchange/clock", {"to": to})
        clock = (await truth(client))["clock"]
        told = (clock["phase"], clock["next_phase"], clock["next_phase_at"])
        assert told == (phase, following, at)


async def test_symbols_show_what_is_left_at_the_touch(client: Client) -> None:
    await client.order(qty="300")
    await client.ask("POST", "/_exchange/trade", {"symbol": "AAPL", "price": "187.15", "size": 5})
    (row,) = (await truth(client))["symbols"]
    assert (row["bid"], row["bid_size"], row["ask"], row["ask_size"]) == (
        *("187.1", "1000", "187.2", "700"),
    )
    assert (row["last"], row["is_scripted"], row["trades_now"]) == ("187.15", True, True)
    await client.ask("POST", "/_exchange/halt", {"symbol": "AAPL"})
    told = await truth(client)
    assert (told["symbols"][0]["is_halted"], told["symbols"][0]["trades_now"]) == (True, False)
    assert told["attention"] == [{"what": "AAPL is halted.", "why": "No open order waits for it."}]


async def test_accounts_show_their_money_and_positions(client: Client) -> None:
    await client.order(qty="100")
    (row,) = (await truth(client))["accounts"]
    official = await client.ask("GET", "/v2/account")
    for name in ("equity", "cash", "buying_power"):
        assert float(row[name]) == float(official[name])
    assert (row["key"], row["orders"], row["open_orders"], row["day_pl"]) == ("PK1", 1, 0, "-5.00")
    assert row["positions"] == [
        {
            "symbol": "AAPL",
            "qty": "100",
            "avg_entry_price": "187.2",
            "mark": "187.15",
            "market_value": "18715.00",
        }
    ]


async def test_open_orders_say_what_they_wait_for(client: Client) -> None:
    resting = await client.order(**LIMIT, limit_price="187.1", qty="5")
    assert await state(client, resting) == ("new", "resting, 1000 ahead")
    away = await client.order(**LIMIT, limit_price="150", qty="5")
    assert await state(client, away) == ("new", "resting, queue unknown")
    stop = await client.order(type="stop", stop_price="200")
    assert await state(client, stop) == ("new", "watches for 200")
    auction = await client.order(**{**LIMIT, "time_in_force": "cls"}, limit_price="150")
    assert await state(client, auction) == ("new", "waits for the closing auction")
    exits = {"take_profit": {"limit_price": "200"}, "stop_loss": {"stop_price": "140"}}
    bracket = await client.order(**LIMIT, limit_price="160", order_class="bracket", **exits)
    for leg in bracket["legs"]:
        assert await state(client, leg) == ("held", "until its parent is filled")
    await client.ask("POST", "/_exchange/halt", {"symbol": "AAPL"})
    assert await state(client, resting) == ("new", "symbol is halted")


async def test_held_legs_and_elected_stops_say_so() -> None:
    async with an_exchange() as client:
        await client.quote()
        exits = {"take_profit": {"limit_price": "200"}, "stop_loss": {"stop_price": "140"}}
        bracket = await client.order(order_class="bracket", **exits)
        loss = next(leg for leg in bracket["legs"] if leg["type"] == "stop")
        assert await state(client, loss) == ("held", "watches for 140")
        stop = await client.order(
            symbol="MSFT", type="stop_limit", stop_price="400", limit_price="400"
        )
        await client.quote("MSFT", "401", "402")
        await client.ask("POST", "/_exchange/trade", {"symbol": "MSFT", "price": "401", "size": 1})
        assert await state(client, stop) == ("new", "elected, resting, queue unknown")


async def test_orders_of_other_hours_say_which(client: Client) -> None:
    await client.ask("POST", "/_exchange/clock", {"to": "2026-06-02T01:00:00Z"})
    assert await state(client, await client.order()) == ("accepted", "waits for the opening")
    terms = {**LIMIT, "limit_price": "150", "extended_hours": True}
    whole = await client.order(**terms, symbol="WHOLE")
    assert await state(client, whole) == (
        "accepted",
        "waits for the pre-market, not at work overnight",
    )


async def test_faults_limits_and_their_strikes_are_told() -> None:
    rules = FrontRules(rate_limit=2)
    async with an_exchange(
        FaultRule(kind="server_error", method="DELETE", nth=(1,)), front=rules
    ) as client:
        assert (await truth(client))["attention"][0]["why"] == "None has struck yet."
        await client.ask("GET", "/v2/account")
        assert (await client.send("DELETE", "/v2/orders")).status == 503
        await client.ask("GET", "/v2/account")
        told = await truth(client)
        (fault,) = told["faults"]["fault"]
        assert (fault["kind"], fault["matched"], fault["fired"]) == ("server_error", 1, 1)
        assert told["rate_limits"] == [
            {"account": "PK1", "limit": 2, "remaining": 0, "resets_in_s": 60}
        ]
        assert [notice["what"] for notice in told["attention"]] == [
            "Account PK1 has spent its requests.",
            "1 fault planned, 1 strike.",
        ]


def test_connections_are_told_while_they_last() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            orders = await client.listen()
            feed = await client.transport.connect("/v2/iex")
            assert (await truth(client))["streams"] == [
                {"path": "/stream", "account": "PK1", "is_listening": True},
                {"path": "/v2/iex", "account": "", "is_listening": False},
            ]
            await orders.aclose()
            await feed.aclose()
            await asyncio.sleep(1)
            assert (await truth(client))["streams"] == []

    virtually(main)


async def test_the_answer_stays_small_however_much_there_is(client: Client) -> None:
    for n in range(ROWS_MAX + 20):
        await client.order(**LIMIT, limit_price="150", qty="1", client_order_id=f"n{n}")
    for _ in range(FILLS_MAX + 5):
        await client.order(qty="1")
    told = await truth(client)
    assert (len(told["orders"]), len(told["fills"])) == (ROWS_MAX, FILLS_MAX)
    assert told["orders"][0]["client_order_id"] == f"n{ROWS_MAX + 19}", "the newest first"
    assert told["counts"]["open_orders"] == ROWS_MAX + 20
    assert told["counts"]["fills"] == FILLS_MAX + 5


async def test_a_look_spends_nothing_and_opens_no_account() -> None:
    plan = FaultRule(kind="server_error")
    async with an_exchange(plan, front=FrontRules(rate_limit=1)) as client:
        for _ in range(3):
            told = await truth(client)
        assert (told["rate_limits"], told["accounts"], told["faults"]["fired"]) == ([], [], [])


async def test_the_page_holds_nothing_of_clients_and_forbids_what_is_not_in_it(
    client: Client,
) -> None:
    await client.order(**LIMIT, limit_price="150", client_order_id="<script>alert(1)</script>")
    for path in ("/_exchange", "/_exchange/"):
        page = await client.send("GET", path)
        assert page.status == 200
        assert b"alert(1)" not in page.body
    headers = {name.lower(): value for name, value in page.headers.items()}
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["content-type"].startswith("text/html")
    raw = await client.send("GET", "/_exchange/look")
    assert json.loads(raw.body)["orders"][0]["client_order_id"] == "<script>alert(1)</script>"


@pytest.mark.parametrize("kind", ["trading_blocked", "account_blocked"])
async def test_accounts_that_are_refused_want_attention(client: Client, kind: str) -> None:
    account = client.front.server.venue.account("PK1")
    setattr(account, kind, True)
    await client.ask("PATCH", "/v2/account/configurations", {"suspend_trade": True})
    assert [notice["what"] for notice in (await truth(client))["attention"]] == [
        "Account PK1 is blocked.",
        "Account PK1 is suspended by its user.",
    ]
