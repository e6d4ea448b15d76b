"""What the fault plan does to requests; in virtual time, so that waiting costs none."""

import asyncio
import json

import pytest

from floorbroker.brokers.alpaca.transport import DeliveryUnknown, NotDelivered
from floorbroker.exchange.faults import FaultRule
from tests.unit.exchange_front.conftest import Client, an_exchange, events, hear, virtually

POST = {"method": "POST", "path": "/v2/orders"}
TICKET = {
    "symbol": "AAPL",
    "side": "buy",
    "qty": "10",
    "type": "market",
    "time_in_force": "day",
    "client_order_id": "mine",
}


async def accepted(client: Client) -> list[str]:
    """Client order ids that the exchange knows, faults or not."""
    return [one["client_order_id"] for one in await client.ask("GET", "/_exchange/orders")]


async def now_s(client: Client) -> float:
    return client.front.server.setup.clock.monotonic()


def test_a_refused_connection_delivers_nothing() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="refuse", **POST)) as client:  # type: ignore[arg-type]  # a test's shorthand
            with pytest.raises(NotDelivered):
                await client.send("POST", "/v2/orders", TICKET)
            assert await accepted(client) == []
            assert (await client.send("GET", "/v2/orders")).status == 200

    virtually(main)


@pytest.mark.parametrize(
    ("kind", "is_accepted"), [("reset_before_accept", False), ("reset_after_accept", True)]
)
def test_a_reset_says_nothing_about_the_order(kind: str, is_accepted: bool) -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind=kind, path="/v2/orders", count=1)) as client:
            with pytest.raises(DeliveryUnknown):
                await client.send("POST", "/v2/orders", TICKET)
            assert await accepted(client) == (["mine"] if is_accepted else [])

    virtually(main)


def test_a_revoked_key_places_nothing() -> None:
    async def main() -> None:
        fault = FaultRule(kind="unauthorized", count=1, **POST)  # type: ignore[arg-type]  # a test's shorthand
        async with an_exchange(fault) as client:
            assert (await client.send("POST", "/v2/orders", TICKET)).status == 401
            assert await accepted(client) == []
            assert (await client.send("POST", "/v2/orders", TICKET)).status == 200

    virtually(main)


def test_an_answer_may_have_a_status_that_nobody_knows() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="unheard_of", **POST)) as client:  # type: ignore[arg-type]  # a test's shorthand
            answer = await client.send("POST", "/v2/orders", TICKET)
            told = json.loads(answer.body)
            assert (answer.status, told["status"], told["heard_of"]) == (200, "unheard_of", [])
            assert await accepted(client) == ["mine"]

    virtually(main)


def test_a_replica_that_lags_tells_what_was() -> None:
    async def main() -> None:
        fault = FaultRule(kind="stale_answer", path="/v2/orders", seconds=5)
        async with an_exchange(fault) as client:
            assert await client.ask("GET", "/v2/orders") == []
            await client.ask("POST", "/v2/orders", TICKET)
            assert await client.ask("GET", "/v2/orders") == []
            await client.front.server.setup.clock.sleep(5)
            assert len(await client.ask("GET", "/v2/orders")) == 1

    virtually(main)


def test_an_accepted_order_may_be_answered_504() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="accept_then_504", path="/v2/orders")) as client:
            answer = await client.send("POST", "/v2/orders", TICKET)
            assert answer.status == 504
            assert json.loads(answer.body) == {"code": 50410000, "message": "request timed out"}
            assert await accepted(client) == ["mine"]

    virtually(main)


def test_a_hanging_answer_ends_in_a_reset_and_the_order_stands() -> None:
    async def main() -> None:
        fault = FaultRule(kind="accept_then_hang", path="/v2/orders", seconds=300.0)
        async with an_exchange(fault) as client:
            started_s = await now_s(client)
            with pytest.raises(DeliveryUnknown):
                await client.send("POST", "/v2/orders", TICKET)
            assert await now_s(client) - started_s == pytest.approx(300, abs=1)
            assert await accepted(client) == ["mine"]

    virtually(main)


def test_a_client_that_gives_up_a_hanging_answer_is_noticed() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="accept_then_hang", path="/v2/orders")) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2):
                    await client.send("POST", "/v2/orders", TICKET)
            assert await accepted(client) == ["mine"]

    virtually(main)


def test_a_delay_comes_before_the_act_and_a_late_answer_after_it() -> None:
    async def main(kind: str) -> list[str]:
        fault = FaultRule(kind=kind, path="/v2/orders", seconds=5.0)
        async with an_exchange(fault) as client:
            await client.quote()
            asking = asyncio.ensure_future(client.send("POST", "/v2/orders", TICKET))
            await client.front.server.setup.clock.sleep(4)
            known = await accepted(client)
            assert not asking.done()
            assert (await asking).status == 200
            assert await accepted(client) == ["mine"]
            return known

    assert virtually(lambda: main("delay")) == []
    assert virtually(lambda: main("late_answer")) == ["mine"]


def test_events_can_come_before_the_answer() -> None:
    async def main() -> None:
        fault = FaultRule(kind="late_answer", path="/v2/orders", seconds=5.0)
        async with an_exchange(fault) as client:
            await client.quote()
            frames = await client.listen()
            asking = asyncio.ensure_future(client.send("POST", "/v2/orders", TICKET))
            assert await events(frames, 3) == ["pending_new", "new", "fill"]
            assert not asking.done()
            await asking

    virtually(main)


def test_a_rate_limit_fault_says_when_to_come_back() -> None:
    async def main() -> None:
        fault = FaultRule(kind="rate_limit", path="/v2/orders", retry_after_s=3.0, count=1)
        async with an_exchange(fault) as client:
            answer = await client.send("POST", "/v2/orders", TICKET)
            assert (answer.status, answer.headers["retry-after"]) == (429, "3")
            assert await accepted(client) == []
            assert (await client.send("POST", "/v2/orders", TICKET)).status == 200

    virtually(main)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_accepts_nothing(status: int) -> None:
    async def main() -> None:
        fault = FaultRule(kind="server_error", path="/v2/orders", status=status)
        async with an_exchange(fault) as client:
            answer = await client.send("POST", "/v2/orders", TICKET)
            assert answer.status == status
            assert await accepted(client) == []

    virtually(main)


def test_a_garbled_answer_follows_a_real_order() -> None:
    async def main() -> None:
        faults = [
            FaultRule(kind="garbage_body", path="/v2/orders", nth=(1,)),
            FaultRule(kind="truncated_body", path="/v2/orders", nth=(2,)),
        ]
        async with an_exchange(*faults) as client:
            for name in ("a", "b"):
                answer = await client.send(
                    "POST", "/v2/orders", {**TICKET, "client_order_id": name}
                )
                assert answer.status == 200
                with pytest.raises(json.JSONDecodeError):
                    json.loads(answer.body)
            assert await accepted(client) == ["a", "b"]

    virtually(main)


def test_a_request_delivered_twice_is_answered_as_a_duplicate() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="deliver_twice", path="/v2/orders")) as client:
            refusal = await client.ask("POST", "/v2/orders", TICKET, 422)
            assert refusal["message"] == "client_order_id must be unique"
            assert await accepted(client) == ["mine"]

    virtually(main)


def test_a_late_order_is_not_found_for_a_while_and_then_is() -> None:
    async def main() -> None:
        fault = FaultRule(kind="late_visibility", path="/v2/orders", method="POST", seconds=30.0)
        async with an_exchange(fault) as client:
            order = await client.ask("POST", "/v2/orders", TICKET)
            look_up = ("GET", "/v2/orders:by_client_order_id", None)
            refusal = await client.ask(*look_up, 404, client_order_id="mine")
            assert refusal["message"] == "order not found for mine"
            await client.ask("GET", f"/v2/orders/{order['id']}", None, 404)
            assert await client.ask("GET", "/v2/orders", status="all") == []
            await client.front.server.setup.clock.sleep(31)
            found = await client.ask(*look_up, 200, client_order_id="mine")
            assert found["id"] == order["id"]
            assert len(await client.ask("GET", "/v2/orders", status="all")) == 1

    virtually(main)


def test_an_asynchronous_rejection_follows_an_accepted_order() -> None:
    async def main() -> None:
        fault = FaultRule(kind="async_reject", symbol="AAPL", reason="no borrow")
        async with an_exchange(fault) as client:
            await client.quote()
            frames = await client.listen()
            order = await client.ask("POST", "/v2/orders", TICKET)
            assert order["status"] == "pending_new"
            assert await events(frames, 2) == ["pending_new", "rejected"]
            after = await client.ask("GET", f"/v2/orders/{order['id']}")
            assert (after["status"], after["filled_qty"]) == ("rejected", "0")
            assert after["failed_at"] is not None

    virtually(main)


def test_a_cancel_that_crosses_a_fill_is_accepted_but_the_order_fills() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="fill_during_cancel")) as client:
            await client.quote()
            resting = {**TICKET, "type": "limit", "limit_price": "100"}
            frames = await client.listen()
            order = await client.ask("POST", "/v2/orders", resting)
            path = f"/v2/orders/{order['id']}"
            assert (await client.send("DELETE", path)).status == 204
            told = ["pending_new", "new", "fill", "order_cancel_rejected"]
            assert await events(frames, 4) == told
            after = await client.ask("GET", path)
            assert (after["status"], after["filled_qty"]) == ("filled", "10")
            await client.ask("DELETE", path, None, 422)

    virtually(main)


def test_thin_markets_fill_in_parts() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="partial_fills", max_qty="3")) as client:
            await client.quote()
            order = await client.ask("POST", "/v2/orders", TICKET)
            for ask in ("187.3", "187.4", "187.5"):
                await client.quote(ask=ask)
            fills = await client.ask("GET", "/_exchange/fills")
            assert [fill["qty"] for fill in fills] == ["3", "3", "3", "1"]
            assert (await client.ask("GET", f"/v2/orders/{order['id']}"))["status"] == "filled"

    virtually(main)


def test_a_bust_takes_the_fill_back_later() -> None:
    async def main() -> None:
        fault = FaultRule(kind="bust", seconds=20.0, count=1)
        async with an_exchange(fault, speed=1.0) as client:
            await client.quote()
            frames = await client.listen()
            await client.ask("POST", "/v2/orders", TICKET)
            assert await events(frames, 3) == ["pending_new", "new", "fill"]
            assert len(await client.ask("GET", "/v2/positions")) == 1
            assert await events(frames, 1) == ["trade_bust"]
            assert await client.ask("GET", "/v2/positions") == []
            assert (await client.ask("GET", "/v2/account"))["cash"] == "100000"

    virtually(main)


def test_a_correction_makes_another_fill_of_it_later() -> None:
    async def main() -> None:
        fault = FaultRule(kind="correct", qty="7", price="187", seconds=20.0, count=1)
        async with an_exchange(fault, speed=1.0) as client:
            await client.quote()
            frames = await client.listen()
            order = await client.ask("POST", "/v2/orders", TICKET)
            assert await events(frames, 2) == ["pending_new", "new"]
            fill = (await hear(frames))["data"]
            correction = (await hear(frames))["data"]
            assert (fill["event"], correction["event"]) == ("fill", "trade_correct")
            assert correction["previous_execution_id"] == fill["execution_id"]
            assert (correction["qty"], correction["price"]) == ("7", "187")
            assert correction["position_qty"] == correction["order"]["filled_qty"] == "7"
            (position,) = await client.ask("GET", "/v2/positions")
            assert (position["qty"], position["avg_entry_price"]) == ("7", "187")
            assert (await client.ask("GET", "/v2/account"))["cash"] == str(100_000 - 7 * 187)
            rows = await client.ask("GET", "/v2/account/activities/FILL", direction="asc")
            assert [(row["qty"], row.get("status")) for row in rows] == [
                ("10", None),
                ("-10", "correct"),
                ("7", "correct"),
            ]
            assert {row["previous_id"] for row in rows[1:]} == {fill["execution_id"]}
            assert {row["order_id"] for row in rows} == {order["id"]}

    virtually(main)


def test_every_fault_that_fired_is_listed() -> None:
    async def main() -> None:
        faults = [
            FaultRule(kind="late_answer", path="/v2/orders", seconds=1.0),
            FaultRule(kind="accept_then_504", path="/v2/orders", nth=(2,)),
        ]
        async with an_exchange(*faults) as client:
            await client.send("POST", "/v2/orders", TICKET)
            await client.send("GET", "/v2/orders")
            told = await client.ask("GET", "/_exchange/faults")
            assert [(row["matched"], row["fired"]) for row in told["fault"]] == [(2, 2), (2, 1)]
            assert [row["kind"] for row in told["fired"]] == [
                "late_answer",
                "late_answer",
                "accept_then_504",
            ]

    virtually(main)
