"""What each of Alpaca's answers means: every row of the table in `line`, and pacing's share."""

import traceback
from collections.abc import Awaitable, Callable

import pytest

from floorbroker.brokers.alpaca.client import AlpacaClient
from floorbroker.brokers.pacing import Lane
from floorbroker.clock import run_virtual
from floorbroker.domain.errors import (
    BrokerError,
    BrokerRejected,
    BrokerUnknown,
    BrokerUnreachable,
)
from floorbroker.domain.ids import ClOrdID, OrderID
from floorbroker.domain.messages import OrderCancelReplaceRequest
from floorbroker.domain.order import OrderRequest
from tests.unit.brokers.tiny import (
    KEY_ID,
    ORDER_ID,
    SECRET,
    START,
    Cut,
    Reply,
    encode,
    error,
    order,
    parts,
)

HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"
UNIQUE = error(40010001, "client_order_id must be unique")
Action = Callable[[AlpacaClient], Awaitable[object]]


async def place(client: AlpacaClient) -> object:
    request = OrderRequest.limit("buy", 10, "AAPL", limit_price="187.20")
    return await client.place(ClOrdID("FB-1"), request)


async def cancel(client: AlpacaClient) -> object:
    await client.cancel(OrderID(ORDER_ID))
    return None


async def replace(client: AlpacaClient) -> object:
    change = OrderCancelReplaceRequest(
        transact_time=START, cl_ord_id=ClOrdID("FB-1"), wire_id="FB-1.2"
    )
    return await client.replace(OrderID(ORDER_ID), change)


async def look_up(client: AlpacaClient) -> object:
    return await client.look_up("FB-1")


def outcome(action: Action, reply: Reply | Exception) -> object:
    """What the action ends in when the broker answers so: its result, or the BrokerError."""

    async def main() -> object:
        made = parts(lambda _: reply, timeout_s=5.0)
        try:
            return await action(made.client)
        except BrokerError as problem:
            return problem
        finally:
            assert len(made.broker.seen) == 1, "a request was sent again"
            assert made.pacer.in_flight == 0
            await made.client.aclose()

    return run_virtual(main, seed=1)


UNKNOWN, REJECTED, UNREACHABLE = BrokerUnknown, BrokerRejected, BrokerUnreachable


TABLE: list[tuple[str, Reply | Exception, type, type, type]] = [
    # what, answer, place, cancel, replace
    ("401", Reply(401, error(40110000, "not authorized")), REJECTED, REJECTED, REJECTED),
    ("401 without code", Reply(401, b'{"message":"unauthorized."}'), REJECTED, REJECTED, REJECTED),
    ("403 html", Reply(403, HTML), REJECTED, REJECTED, REJECTED),
    ("403", Reply(403, error(40310000, "insufficient")), REJECTED, REJECTED, REJECTED),
    ("400", Reply(400, error(40010000, "invalid syntax")), REJECTED, REJECTED, REJECTED),
    ("404", Reply(404, error(40410000, "order not found")), REJECTED, REJECTED, REJECTED),
    ("404 html", Reply(404, HTML), UNKNOWN, UNKNOWN, UNKNOWN),
    ("422 html", Reply(422, HTML), UNKNOWN, UNKNOWN, UNKNOWN),
    ("400 list", Reply(400, b"[1]"), UNKNOWN, UNKNOWN, UNKNOWN),
    (
        "422",
        Reply(422, error(42210000, "invalid limit_price 1.001")),
        REJECTED,
        REJECTED,
        REJECTED,
    ),
    ("422 unique", Reply(422, UNIQUE), UNKNOWN, REJECTED, UNKNOWN),
    (
        "422 pending_replace",
        Reply(422, error(42210000, 'order is already in "pending_replace" state')),
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    ),
    ("302", Reply(302, b"", {"location": "/elsewhere"}), UNKNOWN, UNKNOWN, UNKNOWN),
    ("408", Reply(408, error(40810000, "timed out")), UNKNOWN, UNKNOWN, UNKNOWN),
    ("500", Reply(500, error(50010000, "internal")), UNKNOWN, UNKNOWN, UNKNOWN),
    ("502 html", Reply(502, HTML), UNKNOWN, UNKNOWN, UNKNOWN),
    ("503", Reply(503, b""), UNKNOWN, UNKNOWN, UNKNOWN),
    ("504", Reply(504, error(50410000, "request timed out")), UNKNOWN, UNKNOWN, UNKNOWN),
    ("429", Reply(429, b'{"message":"too many"}'), UNREACHABLE, UNREACHABLE, UNREACHABLE),
    ("time-out", Reply(hangs_s=600), UNKNOWN, UNKNOWN, UNKNOWN),
    ("reset", Cut(delivered=True), UNKNOWN, UNKNOWN, UNKNOWN),
    ("a crash over there", RuntimeError("bug"), UNKNOWN, UNKNOWN, UNKNOWN),
    ("refused", Cut(delivered=False), UNREACHABLE, UNREACHABLE, UNREACHABLE),
    ("200 html", Reply(200, HTML), UNKNOWN, type(None), UNKNOWN),
    ("200 empty", Reply(200, b""), UNKNOWN, type(None), UNKNOWN),
    ("200 cut off", Reply(200, encode(order())[:200]), UNKNOWN, type(None), UNKNOWN),
    ("200 without status", Reply(200, b'{"id":"x"}'), UNKNOWN, type(None), UNKNOWN),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row[0]))
def test_an_answer_means_what_the_table_says(
    row: tuple[str, Reply | Exception, type, type, type],
) -> None:
    _, reply, placed, cancelled, replaced = row
    assert type(outcome(place, reply)) is placed
    assert type(outcome(cancel, reply)) is cancelled
    assert type(outcome(replace, reply)) is replaced


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("unable to replace order, order isn't sent to exchange yet", BrokerUnknown),
        ("unable to replace order, order is not open", BrokerUnknown),
        ("only open orders can be replaced", BrokerUnknown),
        ("order already replaced", BrokerUnknown),
        ("order chain not fully replaced", BrokerUnknown),
        ("cannot replace order in replaced status", BrokerUnknown),
        ("cannot replace order in pending_replace status", BrokerUnknown),
        ("some new words", BrokerUnknown),
        ("cannot replace order in filled status", BrokerRejected),
        ('order is already in "canceled" state', BrokerRejected),
        ("order parameters are not changed", BrokerRejected),
        ("qty must be > filled_qty", BrokerRejected),
        ("limit price must be > 0", BrokerRejected),
        ("invalid limit_price 290.123. sub-penny increment does not fulfill", BrokerRejected),
    ],
)
def test_a_refused_replace_is_final_only_if_the_order_surely_stands(
    text: str, kind: type[BrokerError]
) -> None:
    found = outcome(replace, Reply(422, error(42210000, text)))
    assert type(found) is kind
    assert getattr(found, "is_refusal", False) is (kind is BrokerUnknown)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(404, error(40410000, "order not found for FB-1")), type(None)),
        (Reply(404, HTML), BrokerUnknown),
        (Reply(404, b'{"message":"Not Found"}'), BrokerRejected),
        (Reply(404, error(50010000, "lost")), BrokerRejected),
        (Reply(401, HTML), BrokerRejected),
        (Reply(422, error(40010001, "bad")), BrokerRejected),
        (Reply(422, HTML), BrokerUnknown),
        (Reply(429), BrokerUnreachable),
        (Reply(500, HTML), BrokerUnknown),
        (Reply(200, HTML), BrokerUnknown),
        (Reply(hangs_s=600), BrokerUnknown),
        (Cut(delivered=True), BrokerUnknown),
        (Cut(delivered=False), BrokerUnreachable),
    ],
    ids=str,
)
def test_only_alpacas_own_404_says_that_there_is_no_such_order(
    reply: Reply | Exception, kind: type
) -> None:
    assert type(outcome(look_up, reply)) is kind


def test_a_refusal_carries_status_code_text_and_details() -> None:
    body = error(40310000, "insufficient buying power", buying_power="4000", cost_basis="81770")
    problem = outcome(place, Reply(403, body))
    assert isinstance(problem, BrokerRejected)
    assert (problem.status, problem.code) == (403, 40310000)
    assert problem.text == (
        "HTTP 403: insufficient buying power (buying_power: 4000, cost_basis: 81770)"
    )


@pytest.mark.parametrize(
    ("headers", "least_s", "most_s"),
    [
        ({"Retry-After": "7"}, 7.0, 7.7),
        ({"Retry-After": "Thu, 08 Oct 2026 14:00:20 GMT"}, 20.0, 22.0),
        ({"X-RateLimit-Reset": str(int(START.timestamp()) + 30)}, 30.0, 33.0),
        ({"Retry-After": "soon"}, 1.0, 1.1),
        ({}, 1.0, 1.1),
    ],
)
def test_429_says_when_to_come_back(
    headers: dict[str, str], least_s: float, most_s: float
) -> None:
    problem = outcome(place, Reply(429, b"", headers))
    assert isinstance(problem, BrokerUnreachable)
    assert problem.retry_after_s is not None
    assert least_s <= problem.retry_after_s <= most_s


@pytest.mark.parametrize(
    "reply",
    [Reply(401, error(1, "no")), Reply(200, HTML), Cut(True), Cut(False), Reply(hangs_s=60)],
    ids=str,
)
def test_no_key_shows_in_an_error_or_its_trace(reply: Reply | Exception) -> None:
    problem = outcome(place, reply)
    assert isinstance(problem, BrokerError)
    shown = "".join(traceback.format_exception(problem)) + repr(problem) + str(problem.__dict__)
    assert KEY_ID not in shown
    assert SECRET not in shown


def test_requests_are_authorised_and_carry_json() -> None:
    async def main() -> None:
        made = parts(lambda _: Reply(200, encode(order())))
        await place(made.client)
        await look_up(made.client)
        first, second = made.broker.seen
        assert first.headers["apca-api-key-id"] == KEY_ID
        assert first.headers["apca-api-secret-key"] == SECRET
        assert first.headers["content-type"] == "application/json"
        assert "content-type" not in second.headers
        await made.client.aclose()

    run_virtual(main, seed=1)


def test_limits_in_an_answer_reach_the_pacer() -> None:
    async def main() -> None:
        limits = {
            "X-RateLimit-Limit": "200",
            "X-RateLimit-Remaining": "31",
            "X-RateLimit-Reset": str(int(START.timestamp()) + 30),
        }
        made = parts(lambda _: Reply(200, encode(order()), limits))
        await place(made.client)
        assert made.pacer.wait_time_s(Lane.SUBMIT) == 0
        await place(made.client)
        assert 29 < made.pacer.wait_time_s(Lane.SUBMIT) <= 30
        assert made.pacer.wait_time_s(Lane.CANCEL) == 0
        assert made.pacer.wait_time_s(Lane.RECONCILE) == 0
        await made.client.aclose()

    run_virtual(main, seed=1)


def test_a_good_answer_lets_the_next_penalty_start_small() -> None:
    async def main() -> None:
        made = parts(lambda _: Reply(429))
        waits_s = []
        for status in (429, 429, 200, 429):
            made.broker.answer = lambda _, status=status: Reply(status, encode(order()))  # type: ignore[misc]  # bound by value
            try:
                await place(made.client)
            except BrokerUnreachable as problem:
                waits_s.append(problem.retry_after_s or 0.0)
        assert [round(wait_s) for wait_s in waits_s] == [1, 2, 1]
        await made.client.aclose()

    run_virtual(main, seed=1)


@pytest.mark.proves("I18")
@pytest.mark.parametrize("action", [place, cancel, look_up])
def test_an_error_tells_what_was_asked_and_never_the_keys(action: Action) -> None:
    body = error(40310000, f"key {KEY_ID} with secret {SECRET} may not trade")
    problem = outcome(action, Reply(403, body, {"x-request-id": "r-1"}))
    assert isinstance(problem, BrokerRejected)
    assert (problem.kind, problem.request_id) == ("rejected", "r-1")
    assert problem.request.split()[0] in ("POST", "DELETE", "GET")
    assert "/v2/orders" in problem.request
    told = "".join(traceback.format_exception(problem))
    assert "key *** with secret *** may not trade" in told
    assert KEY_ID not in told
    assert SECRET not in told


def test_what_never_arrived_says_what_it_was() -> None:
    problem = outcome(place, Cut(delivered=False))
    assert isinstance(problem, BrokerUnreachable)
    assert (problem.kind, problem.request) == ("unreachable", "POST /v2/orders")
    problem = outcome(place, Cut(delivered=True))
    assert isinstance(problem, BrokerUnknown)
    assert (problem.kind, problem.request) == ("unknown", "POST /v2/orders")
