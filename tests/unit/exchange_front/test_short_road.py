"""Orders take a shorter road than other requests; nobody can tell by the answers."""

import json
from collections.abc import Iterable
from random import Random
from typing import Any

from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.server import FrontRules
from tests.unit.exchange_front.conftest import START_NS, an_exchange, story, virtually

#: Wherever a plan has rules, the road of all requests is taken; this one never strikes.
NEVER = FaultRule(kind="refuse", path="/v2/nowhere")
KEYS = {"PK1": "s", "PK2": "t"}
Headers = Iterable[tuple[bytes, bytes]]


def an_order(dice: Random) -> bytes:
    """Mostly one that is taken; some are refused, and some are no orders at all."""
    fields = {
        "symbol": dice.choice([*["AAPL"] * 9, "MSFT", "NOSUCH", ""]),
        "side": dice.choice(["buy", "sell"]),
        "qty": dice.choice([*["1", "5"] * 4, "0.5", "1000000", "-1", "NaN"]),
        "type": dice.choice(["market", "limit"]),
        "time_in_force": dice.choice([*["day", "gtc"] * 4, "ioc", "never"]),
        "client_order_id": dice.choice(
            ["", "mine", '"\u00e9\\\n', *(f"o-{dice.random()}" for _ in range(9))]
        ),
    }
    if dice.random() < 0.6:
        fields |= {"type": "limit", "limit_price": dice.choice(["187.2", "187.1", "190", "0"])}
    body = json.dumps(fields).encode()
    return body if dice.random() < 0.95 else body[:-1]


def test_the_short_road_answers_as_the_road_of_all_requests() -> None:
    async def told(*faults: FaultRule) -> list[object]:
        async with an_exchange(*faults, front=FrontRules(rate_limit=10)) as client:
            return await story(client, an_order, seed=5)

    short, long = virtually(told), virtually(lambda: told(NEVER))
    assert short == long
    answers = [each[0] for each in short if isinstance(each, tuple)]
    assert set(answers) >= {200, 400, 403, 422, 429}
    assert answers.count(200) > 40
    assert any(b'"event":"fill"' in each for each in short if isinstance(each, bytes))


async def status_of(front: ExchangeFront, headers: Headers) -> int:
    """What an order that is sent with these headers is answered with."""
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v2/orders", "headers": headers}
    await front(scope, receive, send)
    status: int = said[0]["status"]
    return status


def signed(key: str, secret: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"apca-api-key-id", key.encode()),
        (b"apca-api-secret-key", secret.encode()),
    ]


async def test_whoever_asks_after_another_is_not_taken_for_him() -> None:
    async with an_exchange(front=FrontRules(keys=KEYS)) as client:
        front, right = client.front, 422  # and then the body is looked at
        changing = signed("PK1", "s")
        assert await status_of(front, []) == 401
        assert await status_of(front, changing) == right
        assert await status_of(front, signed("PK1", "s")) == right
        changing[1] = (b"apca-api-secret-key", b"t")
        assert await status_of(front, changing) == 401
        assert await status_of(front, signed("PK2", "t")) == right
        assert await status_of(front, []) == 401
        assert await status_of(front, iter(signed("PK1", "s"))) == right
        assert await status_of(front, []) == 401
        assert await status_of(front, [*signed("PK1", "s"), *signed("PK2", "s")]) == 401
        assert await status_of(front, [*signed("PK1", "t"), *signed("PK1", "s")]) == right


def test_a_market_that_no_server_started_goes_with_the_first_request() -> None:
    async def main() -> None:
        async with an_exchange(speed=1.0) as client:
            server = client.front.server
            assert await status_of(client.front, signed("PK1", "s")) == 422
            await server.setup.clock.sleep(30)
            assert server.now_ns - START_NS > 29 * 10**9

    virtually(main)
