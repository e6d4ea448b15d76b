"""Orders and positions as a client meets them."""

import pytest

from tests.unit.exchange_front.conftest import Client, an_exchange

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


async def test_an_order_is_found_by_every_road(client: Client) -> None:
    placed = await client.order(type="limit", limit_price=100, client_order_id="desk:1")
    assert placed["status"] == "pending_new"
    by_id = await client.ask("GET", f"/v2/orders/{placed['id']}")
    assert by_id["status"] == "new"
    for path in ("/v2/orders:by_client_order_id", "/v2/orders%3Aby_client_order_id"):
        assert await client.ask("GET", path, client_order_id="desk:1") == by_id
    assert await client.ask("GET", "/v2/orders") == [by_id]


async def test_a_used_client_order_id_is_refused_for_ever(client: Client) -> None:
    await client.order(client_order_id="once")
    refusal = await client.order(422, client_order_id="once")
    assert refusal == {"code": 40010001, "message": "client_order_id must be unique"}


async def test_refusals_carry_alpacas_fields(client: Client) -> None:
    refusal = await client.order(403, qty="1000000")
    assert refusal["code"] == 40310000
    assert refusal["message"] == "insufficient buying power"
    assert set(refusal) == {"code", "message", "buying_power", "cost_basis"}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_unknown_order_is_404_and_no_uuid_is_422(client: Client, method: str) -> None:
    body = {"qty": 3} if method == "PATCH" else None
    refusal = await client.ask(method, f"/v2/orders/{UNKNOWN_ID}", body, 404)
    assert refusal == {"code": 40410000, "message": f"order not found for {UNKNOWN_ID}"}
    refusal = await client.ask(method, "/v2/orders/7", body, 422)
    assert refusal == {"code": 40010001, "message": "order_id is missing"}


async def test_a_replacement_is_a_new_order_linked_both_ways(client: Client) -> None:
    old = await client.order(type="limit", limit_price=100)
    new = await client.ask("PATCH", f"/v2/orders/{old['id']}", {"limit_price": 101, "qty": "7"})
    assert new["id"] != old["id"]
    assert (new["replaces"], new["limit_price"], new["qty"]) == (old["id"], "101", "7")
    replaced = await client.ask("GET", f"/v2/orders/{old['id']}")
    assert (replaced["status"], replaced["replaced_by"]) == ("replaced", new["id"])


async def test_a_cancel_is_204_once_and_422_after(client: Client) -> None:
    order = await client.order(type="limit", limit_price=100)
    path = f"/v2/orders/{order['id']}"
    answer = await client.send("DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    assert (await client.ask("GET", path))["status"] == "canceled"
    refusal = await client.ask("DELETE", path, None, 422)
    assert refusal == {"code": 42210000, "message": 'order is already in "canceled" state'}


async def test_cancel_all_answers_207_with_each_order(client: Client) -> None:
    placed = [await client.order(type="limit", limit_price=100 + n) for n in range(3)]
    rows = await client.ask("DELETE", "/v2/orders", None, 207)
    assert [row["id"] for row in rows] == [order["id"] for order in placed]
    assert {row["status"] for row in rows} == {200}
    assert {row["body"]["status"] for row in rows} == {"pending_cancel"}
    assert await client.ask("DELETE", "/v2/orders", None, 207) == []
    assert await client.ask("GET", "/v2/orders") == []


async def test_lists_filter_by_status_symbol_and_side(client: Client) -> None:
    await client.quote("MSFT", "400", "400.1")
    resting = await client.order(type="limit", limit_price=100)
    filled = await client.order(symbol="MSFT", qty=1)
    sold = await client.order(symbol="MSFT", side="sell", qty=1)

    async def ids(**query: str) -> list[str]:
        return [order["id"] for order in await client.ask("GET", "/v2/orders", **query)]

    assert await ids() == [resting["id"]]
    assert await ids(status="closed", direction="asc") == [filled["id"], sold["id"]]
    assert await ids(status="all", symbols="MSFT,SPY", side="sell") == [sold["id"]]
    assert await ids(status="all", symbols="SPY") == []
    assert await ids(status="all", limit="1") == [sold["id"]]


async def test_paging_by_id_gives_each_order_once(client: Client) -> None:
    placed = [(await client.order(type="limit", limit_price=100 + n))["id"] for n in range(7)]
    for size in range(1, 9):
        seen: list[str] = []
        query = {"direction": "asc", "limit": str(size), "status": "all"}
        while page := await client.ask("GET", "/v2/orders", **query):
            seen += [order["id"] for order in page]
            query["after_order_id"] = seen[-1]
        assert seen == placed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "nope"),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "many"),
        ("direction", "up"),
        ("after", "yesterday"),
        ("side", "both"),
    ],
)
async def test_a_wrong_filter_is_422_and_names_itself(
    client: Client, name: str, value: str
) -> None:
    refusal = await client.ask("GET", "/v2/orders", None, 422, **{name: value})
    assert refusal["code"] == 40010001
    assert f"invalid {name}: {value}" in refusal["message"]


async def test_id_paging_excludes_the_bounds_in_time(client: Client) -> None:
    await client.ask(
        "GET", "/v2/orders", None, 422, after_order_id=UNKNOWN_ID, before_order_id=UNKNOWN_ID
    )
    await client.ask("GET", "/v2/orders", None, 422, after_order_id=UNKNOWN_ID, after="2026-06-01")


async def test_a_position_values_what_is_held(client: Client) -> None:
    await client.order()
    await client.quote("AAPL", "190", "190.1")
    position = await client.ask("GET", "/v2/positions/AAPL")
    assert await client.ask("GET", "/v2/positions") == [position]
    expected = {
        "qty": "10",
        "qty_available": "10",
        "side": "long",
        "avg_entry_price": "187.2",
        "cost_basis": "1872",
        "market_value": "1900.5",
        "unrealized_pl": "28.5",
        "current_price": "190.05",
    }
    assert {name: position[name] for name in expected} == expected


async def test_a_short_position_is_negative(client: Client) -> None:
    await client.order(side="sell")
    position = await client.ask("GET", "/v2/positions/AAPL")
    assert (position["qty"], position["side"]) == ("-10", "short")
    assert (position["cost_basis"], position["market_value"]) == ("-1871", "-1871.5")
    assert position["unrealized_pl"] == "-0.5"


async def test_positions_close_in_part_and_whole(client: Client) -> None:
    await client.order()
    half = await client.ask("DELETE", "/v2/positions/AAPL", percentage="50")
    assert (half["side"], half["qty"], half["type"]) == ("sell", "5", "market")
    one = await client.ask("DELETE", "/v2/positions/AAPL", qty="1")
    assert one["qty"] == "1"
    await client.ask("DELETE", "/v2/positions/AAPL")
    refusal = await client.ask("GET", "/v2/positions/AAPL", None, 404)
    assert refusal == {"code": 40410000, "message": "position does not exist"}
    await client.ask("DELETE", "/v2/positions/AAPL", None, 404)


@pytest.mark.parametrize(
    "query",
    [
        {"qty": "1", "percentage": "1"},
        {"qty": "one"},
        {"qty": "-1"},
        {"percentage": "0"},
        {"percentage": "101"},
    ],
)
async def test_a_wrong_size_to_close_is_422(client: Client, query: dict[str, str]) -> None:
    await client.order()
    await client.ask("DELETE", "/v2/positions/AAPL", None, 422, **query)


async def test_closing_all_tells_each_symbols_outcome(client: Client) -> None:
    await client.quote("MSFT", "400", "400.1")
    await client.order()
    await client.order(symbol="MSFT", qty=2)
    holding_back = await client.order(
        symbol="MSFT", side="sell", qty=2, type="limit", limit_price=500
    )
    rows = await client.ask("DELETE", "/v2/positions", None, 207)
    assert [(row["symbol"], row["status"]) for row in rows] == [("AAPL", 200), ("MSFT", 403)]
    assert rows[1]["body"]["code"] == 40310000
    assert rows[1]["body"]["held_for_orders"] == "2"
    # The way alpaca-py spells a boolean.
    rows = await client.ask("DELETE", "/v2/positions", None, 207, cancel_orders="True")
    assert [(row["symbol"], row["status"]) for row in rows] == [("MSFT", 200)]
    canceled = await client.ask("GET", f"/v2/orders/{holding_back['id']}")
    assert canceled["status"] == "canceled"


async def test_a_coin_pairs_slash_may_be_escaped_or_not() -> None:
    async with an_exchange() as client:
        await client.quote("BTC/USD", "60000", "60010", 10)
        await client.order(symbol="BTC/USD", qty="0.5", time_in_force="gtc")
        for path in ("/v2/positions/BTC/USD", "/v2/positions/BTC%2FUSD"):
            assert (await client.ask("GET", path))["qty"] == "0.5"
