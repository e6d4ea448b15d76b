"""Keys, headers, limits, routes and bodies."""

import base64
import json

import pytest

from floorbroker.exchange.front.http import BODY_LIMIT
from floorbroker.exchange.front.server import FrontRules
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually


async def test_any_key_pair_names_an_account_of_its_own(client: Client) -> None:
    other = Client(client.front, "PK2")
    await client.order(client_order_id="mine")
    mine, theirs = await client.ask("GET", "/v2/account"), await other.ask("GET", "/v2/account")
    assert mine["id"] != theirs["id"]
    assert await other.ask("GET", "/v2/orders", status="all") == []
    await other.ask("GET", "/v2/orders:by_client_order_id", None, 404, client_order_id="mine")


async def test_a_request_without_a_key_is_not_authorised(client: Client) -> None:
    client.headers = {}
    refusal = await client.ask("GET", "/v2/account", None, 401)
    assert refusal["code"] == 40110000


async def test_configured_keys_are_the_only_ones() -> None:
    rules = FrontRules(keys={"PK1": "s"}, is_forbidden_403=True)
    async with an_exchange(front=rules) as client:
        await client.ask("GET", "/v2/account")
        for key, secret in (("PK1", "wrong"), ("PK2", "s")):
            answer = await Client(client.front, key, secret).send("GET", "/v2/account")
            assert (answer.status, answer.body) == (403, b'{"message":"forbidden."}')


@pytest.mark.parametrize(
    "authorization",
    ["Bearer PK1", "Basic " + base64.b64encode(b"PK1:s").decode()],
)
async def test_oauth_and_basic_authorization_name_the_same_account(
    client: Client, authorization: str
) -> None:
    expected = await client.ask("GET", "/v2/account")
    client.headers = {"Authorization": authorization}
    assert await client.ask("GET", "/v2/account") == expected


async def test_every_answer_has_a_request_id_of_its_own(client: Client) -> None:
    answers = [
        await client.send("GET", "/v2/clock"),
        await client.send("GET", "/v2/nowhere"),
        await client.send("DELETE", "/v2/orders/x"),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 3
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in ids)
    assert answers[0].headers["content-type"] == "application/json; charset=UTF-8"


def test_the_rate_limit_counts_down_refuses_and_renews() -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(rate_limit=3)) as client:
            left = []
            for _ in range(3):
                answer = await client.send("GET", "/v2/clock")
                left.append(answer.headers["x-ratelimit-remaining"])
            assert left == ["2", "1", "0"]
            refused = await client.send("GET", "/v2/clock")
            assert refused.status == 429
            assert refused.headers["x-ratelimit-limit"] == "3"
            wait_s = int(refused.headers["retry-after"])
            assert 0 < wait_s <= 60
            assert (await Client(client.front, "PK2").send("GET", "/v2/clock")).status == 200
            await client.front.server.setup.clock.sleep(wait_s)
            assert (await client.send("GET", "/v2/clock")).status == 200

    virtually(main)


async def test_every_answer_tells_how_many_requests_are_left_although_none_is_refused(
    client: Client,
) -> None:
    asked = [
        ("GET", "/v2/clock"),
        ("GET", "/v2/nowhere"),
        ("POST", "/v2/orders"),
        ("GET", "/v1/x"),
    ]
    told = [(await client.send(*each)).headers for each in asked]
    limit = int(told[0]["x-ratelimit-limit"])
    left = [int(headers["x-ratelimit-remaining"]) for headers in told]
    assert left == [limit - n for n in range(1, 5)]
    until_s = int(told[0]["x-ratelimit-reset"]) - client.front.server.setup.clock.now_ns() / 1e9
    assert 58 < until_s <= 60


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v2/nowhere"), ("PUT", "/v2/orders"), ("GET", "/v2/orders/a/b"), ("GET", "/")],
)
async def test_an_unknown_path_is_a_404_with_a_code(
    client: Client, method: str, path: str
) -> None:
    refusal = await client.ask(method, path, None, 404)
    assert refusal["code"] == 40410000
    assert path in refusal["message"]


INVALID_BODY = {"code": 40010000, "message": "request body format is invalid"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b'{"qty": "ten"}', b'{"symbol": 7}', b"\xff", b"[" * 10_000],
)
async def test_a_malformed_order_is_a_400(client: Client, body: bytes) -> None:
    assert await client.ask("POST", "/v2/orders", body, 400) == INVALID_BODY


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"no_shorting": "yes"}'])
async def test_a_malformed_setting_is_a_400(client: Client, body: bytes) -> None:
    path = "/v2/account/configurations"
    assert await client.ask("PATCH", path, body, 400) == INVALID_BODY


@pytest.mark.parametrize("qty", ["NaN", "Infinity", "1e99999999", "0e-99999999", "1e-30"])
async def test_numbers_that_are_no_amounts_are_refused_by_name(client: Client, qty: str) -> None:
    refusal = await client.order(422, qty=qty)
    assert refusal["code"] == 40010001
    assert "qty" in refusal["message"]


async def test_a_body_past_the_limit_is_not_understood(client: Client) -> None:
    body = json.dumps({"symbol": "A" * (BODY_LIMIT + 1)}).encode()
    for _ in range(2):
        await client.ask("POST", "/v2/orders", body[:-1], 400)


async def test_numbers_and_text_are_the_same_amount_exactly(client: Client) -> None:
    as_number = await client.ask(
        "POST",
        "/v2/orders",
        b'{"symbol":"AAPL","side":"buy","type":"limit","time_in_force":"day","qty":0.1,'
        b'"limit_price":100.10}',
    )
    as_text = await client.order(type="limit", qty="0.1", limit_price="100.10")
    assert (as_number["qty"], as_number["limit_price"]) == ("0.1", "100.1")
    assert (as_text["qty"], as_text["limit_price"]) == ("0.1", "100.1")


async def test_a_symbol_may_be_an_asset_id(client: Client) -> None:
    asset = await client.ask("GET", "/v2/assets/AAPL")
    assert (await client.order(symbol=asset["id"]))["symbol"] == "AAPL"
