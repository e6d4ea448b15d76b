"""Stopping an account: what each answer to "cancel everything" is taken for."""

import json
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca_brake.brake import AlpacaBrake
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.brake import Asked, Refusal
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import LoopClock, ns_of, run_virtual
from floorbroker.domain.errors import BrokerError, BrokerRejected, BrokerUnknown
from tests.unit.brokers.tiny import KEY_ID, ORDER_ID, OTHER_ID, SECRET, START, Reply, TinyBroker


def asked(reply: Reply, what: Callable[[AlpacaBrake], Awaitable[Any]]) -> tuple[Any, list[str]]:
    """What it came to, and the requests that were made."""

    async def main() -> tuple[Any, list[str]]:
        broker = TinyBroker(lambda _: reply)
        clock = LoopClock(ns_of(START))
        brake = AlpacaBrake(
            MemoryTransport(broker),
            Credentials(KEY_ID, SECRET),
            clock=clock,
            pacer=Pacer(clock, Random(1)),
        )
        try:
            found = await what(brake)
        except BrokerError as problem:
            found = problem
        finally:
            await brake.aclose()
        return found, [f"{one.method} {one.path}" for one in broker.seen]

    return run_virtual(main, seed=1)


def rows(*found: dict[str, Any]) -> Reply:
    return Reply(207, json.dumps(found).encode())


@pytest.mark.proves("C23")
def test_each_order_has_an_answer_of_its_own() -> None:
    reply = rows(
        {"id": ORDER_ID, "status": 200, "body": {"id": ORDER_ID, "status": "pending_cancel"}},
        {"id": "second", "status": 200},
        {"id": OTHER_ID, "status": 422, "body": {"code": 42210000, "message": "not cancelable"}},
        {"id": "fourth", "status": 500},
    )
    found, seen = asked(reply, lambda brake: brake.cancel_all())
    assert seen == ["DELETE /v2/orders"]
    assert found == Asked(
        taken=2,
        refused=(
            Refusal(subject=OTHER_ID, text="HTTP 422 not cancelable"),
            Refusal(subject="fourth", text="HTTP 500"),
        ),
    )


def test_positions_are_told_by_symbol() -> None:
    reply = rows({"symbol": "F", "status": 403, "body": {"message": "insufficient qty"}})
    found, seen = asked(reply, lambda brake: brake.close_positions())
    assert seen == ["DELETE /v2/positions"]
    assert found.refused == (Refusal(subject="F", text="HTTP 403 insufficient qty"),)


def test_an_answer_that_cannot_be_read_is_told() -> None:
    found, _ = asked(Reply(207, b"<html>"), lambda brake: brake.cancel_all())
    assert (found.taken, found.refused[0].subject) == (0, "the answer")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(Reply(500, b"{}"), BrokerUnknown), (Reply(401, b'{"message":"no"}'), BrokerRejected)],
)
def test_a_no_to_everything_is_an_error(reply: Reply, kind: type) -> None:
    found, seen = asked(reply, lambda brake: brake.cancel_all())
    assert isinstance(found, kind)
    assert len(seen) == 1


def test_what_is_open_is_listed() -> None:
    reply = Reply(
        200,
        json.dumps(
            [{"id": ORDER_ID, "client_order_id": "x", "symbol": "F", "side": "buy", "more": 1}]
        ).encode(),
    )
    found, _ = asked(reply, lambda brake: brake.open_orders())
    assert [(one.order_id, one.cl_ord_id, one.symbol) for one in found] == [(ORDER_ID, "x", "F")]
