"""The exchange's own controls."""

import pytest

from floorbroker.exchange.faults import FaultRule
from tests.unit.exchange_front.conftest import Client, an_exchange


async def test_controls_need_no_key_and_see_all_accounts(client: Client) -> None:
    await client.order()
    await Client(client.front, "PK2").order()
    client.headers = {}
    orders = await client.ask("GET", "/_exchange/orders")
    fills = await client.ask("GET", "/_exchange/fills")
    assert [order["status"] for order in orders] == ["filled", "filled"]
    assert [fill["account"] for fill in fills] == ["PK1", "PK2"]
    assert fills[0]["order_id"] == orders[0]["id"]
    expected = {"symbol": "AAPL", "side": "buy", "qty": "10", "price": "187.2"}
    assert {name: fills[0][name] for name in expected} == expected


@pytest.mark.parametrize(
    ("origin", "status"),
    [("", 200), ("http://127.0.0.1:8899", 200), ("http://evil.example", 403), ("null", 403)],
)
async def test_a_page_of_another_site_moves_no_control(
    client: Client, origin: str, status: int
) -> None:
    client.headers = {"host": "127.0.0.1:8899", **({"origin": origin} if origin else {})}
    trade = {"symbol": "AAPL", "price": 187, "size": 100}
    await client.ask("POST", "/_exchange/trade", trade, status)
    assert (await client.send("GET", "/_exchange/fills")).status == 200


async def test_a_quote_is_the_market_until_the_next(client: Client) -> None:
    await client.quote(bid="10", ask="10.02")
    order = await client.order(type="limit", limit_price="10.01")
    await client.quote(bid="9.99", ask="10")
    filled = await client.ask("GET", f"/v2/orders/{order['id']}")
    assert (filled["status"], filled["filled_avg_price"]) == ("filled", "10.01")


async def test_a_trade_through_the_limit_fills_a_resting_order(client: Client) -> None:
    order = await client.order(type="limit", limit_price="187.15", qty="5")
    await client.ask("POST", "/_exchange/trade", {"symbol": "AAPL", "price": 187, "size": 100})
    filled = await client.ask("GET", f"/v2/orders/{order['id']}")
    assert (filled["status"], filled["filled_avg_price"]) == ("filled", "187.15")


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("quote", {}, "bid_price: nothing is not valid; it must be a number"),
        ("quote", {"bid_price": "x"}, 'bid_price: "x" is not valid'),
        ("quote", {"bid_price": -1}, "bid_price: -1 is not valid"),
        ("quote", {"bid_price": 2, "ask_price": 1}, "bid_size: nothing"),
        (
            "quote",
            {"symbol": "AAPL", "bid_price": 2, "ask_price": 1, "bid_size": 1, "ask_size": 1},
            "bid_price: 2 is not valid; it must be at most the ask_price 1",
        ),
        (
            "quote",
            {"symbol": "ZZZ", "bid_price": 1, "ask_price": 2, "bid_size": 1, "ask_size": 1},
            "symbol: ZZZ is not valid; it must be a listed symbol",
        ),
        ("trade", {"symbol": "AAPL", "price": 1, "size": 0}, "size: 0 is not valid"),
        ("trade", {"symbol": 7, "price": 1, "size": 1}, "symbol: 7 is not valid"),
        ("clock", {}, "clock: nothing is not valid"),
        ("clock", {"advance": 1, "to": "2026-06-02"}, "clock: advance, to is not valid"),
        ("clock", {"advance": "soon"}, 'advance: "soon" is not valid'),
        ("clock", {"to": "2026-05-01"}, "to: 2026-05-01T00:00:00Z is not valid"),
        ("clock", {"to": "2036-05-01"}, "at most 400 days ahead"),
        ("clock", {"to": "then"}, "invalid to: then"),
    ],
)
async def test_a_wrong_control_names_field_value_and_what_is_right(
    client: Client, path: str, body: object, said: str
) -> None:
    refusal = await client.ask("POST", f"/_exchange/{path}", body, 422)
    assert said in refusal["message"]


async def test_a_control_without_json_is_a_400(client: Client) -> None:
    for body in (b"", b"[1]", b"{"):
        await client.ask("POST", "/_exchange/clock", body, 400)


async def test_time_jumps_through_the_close_and_day_orders_expire(client: Client) -> None:
    order = await client.order(type="limit", limit_price=100)
    told = await client.ask("POST", "/_exchange/clock", {"to": "2026-06-01T16:00:00-04:00"})
    assert told["now"].startswith("2026-06-01T20:00:00")
    assert (await client.ask("GET", f"/v2/orders/{order['id']}"))["status"] == "expired"
    later = await client.ask("POST", "/_exchange/clock", {"advance": "0.5"})
    assert later["now"].startswith("2026-06-01T20:00:00.5")


async def test_a_reset_forgets_orders_cash_time_and_spent_faults() -> None:
    fault = FaultRule(kind="server_error", path="/v2/clock", count=1)
    async with an_exchange(fault) as client:
        await client.quote()
        await client.order()
        assert (await client.send("GET", "/v2/clock")).status == 503
        await client.ask("POST", "/_exchange/clock", {"advance": 600})
        told = await client.ask("POST", "/_exchange/reset")
        assert told["now"].startswith("2026-06-01T14:00:00")
        assert await client.ask("GET", "/_exchange/orders") == []
        assert (await client.ask("GET", "/v2/account"))["cash"] == "100000"
        assert (await client.send("GET", "/v2/clock")).status == 503


async def test_the_fault_plan_is_put_read_and_deleted(client: Client) -> None:
    plan = b'seed = 4\n[[fault]]\nkind = "server_error"\npath = "/v2/clock"\nstatus = 500\n'
    await client.ask("PUT", "/_exchange/faults", plan)
    assert (await client.send("GET", "/v2/clock")).status == 500
    told = await client.ask("GET", "/_exchange/faults")
    assert told["seed"] == 4
    assert (told["fault"][0]["kind"], told["fault"][0]["fired"]) == ("server_error", 1)
    assert told["fired"][0]["at"] == "GET /v2/clock"
    assert (await client.send("DELETE", "/_exchange/faults")).status == 204
    assert (await client.send("GET", "/v2/clock")).status == 200


async def test_a_wrong_plan_is_refused_and_the_old_one_stays(client: Client) -> None:
    plan = b'[[fault]]\nkind = "server_error"\npath = "/v2/clock"\n'
    await client.ask("PUT", "/_exchange/faults", plan)
    refusal = await client.ask("PUT", "/_exchange/faults", {"fault": [{"kind": "x"}]}, 422)
    assert "fault 1: kind: 'x' is not one of" in refusal["message"]
    assert (await client.send("GET", "/v2/clock")).status == 503
