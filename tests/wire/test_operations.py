"""Every operation of the published Trading API, called over HTTP and held against its schema."""

import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from floorbroker.clock import LoopClock
from floorbroker.exchange.build import routes_of
from floorbroker.exchange.data.market_data import MarketData
from floorbroker.exchange.endpoints import absent
from floorbroker.exchange.front.server import ExchangeServer, Setup
from floorbroker.exchange.reference.assets import listing
from tests.wire.conftest import START_NS, ServedExchange
from tests.wire.test_openapi import complaints, specification

PAGE = Path(__file__).parents[2] / "docs" / "exchange.md"
Operation = tuple[str, str]
METHODS = ("get", "post", "put", "patch", "delete")


def specified() -> dict[Operation, str]:
    """The path as published, by method and the path with unnamed variables."""
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path)): path
        for path, operations in specification("trading-api")["paths"].items()
        for method in operations
        if method in METHODS
    }


def routed() -> set[Operation]:
    """What the front has a handler for."""
    server = ExchangeServer(Setup(clock=LoopClock(0), assets=listing(), start_ns=START_NS))
    return {(route.method, route.path) for route in routes_of(server, MarketData(server))}


class Census(NamedTuple):
    """How many operations are published, how many do something, how many are refused."""

    published: int
    served: int
    refused: int


def census() -> Census:
    published = set(specified())
    answered = published & routed()
    refused = {(each.method, each.path) for each in absent.OPERATIONS} & answered
    return Census(len(published), len(answered) - len(refused), len(refused))


def is_refused(operation: Operation) -> bool:
    return operation in {(each.method, each.path) for each in absent.OPERATIONS}


class Made(NamedTuple):
    """Identifiers of what the fixture made, for paths."""

    order: str
    watchlist: str
    client_order_id: str


@pytest.fixture
def made(exchange: ServedExchange) -> Made:
    """A position in AAPL and MSFT, a resting order, and a watchlist."""
    ticket = {"side": "buy", "qty": 10, "type": "market", "time_in_force": "day"}
    for symbol in ("AAPL", "MSFT"):
        exchange.ask("POST", "/v2/orders", {**ticket, "symbol": symbol})
    limit = {**ticket, "type": "limit", "limit_price": 90, "symbol": "AAPL"}
    order = exchange.ask("POST", "/v2/orders", limit)
    watchlist = exchange.ask("POST", "/v2/watchlists", {"name": "Mine", "symbols": ["AAPL"]})
    return Made(order["id"], watchlist["id"], order["client_order_id"])


class Call(NamedTuple):
    """How an operation is called: the variables and query of its path, and a body."""

    path: str = ""
    body: object = None
    status: int = 200


TICKET = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
LIST = "/v2/watchlists/{watchlist}"
BY_NAME = "/v2/watchlists:by_name?name=Mine"
SPAN = "since=2026-06-01&until=2026-06-30"
#: An empty path is the operation's own.
CALLS: dict[Operation, Call] = {
    ("GET", "/v2/account"): Call(),
    ("GET", "/v2/account/activities"): Call(),
    ("GET", "/v2/account/activities/{}"): Call("/v2/account/activities/FILL"),
    ("GET", "/v2/account/configurations"): Call(),
    ("PATCH", "/v2/account/configurations"): Call(body={"no_shorting": False}),
    ("GET", "/v2/account/portfolio/history"): Call(
        "/v2/account/portfolio/history?period=1D&timeframe=5Min&cashflow_types=ALL"
    ),
    ("GET", "/v2/assets"): Call("/v2/assets?asset_class=crypto"),
    ("GET", "/v2/assets/{}"): Call("/v2/assets/AAPL"),
    ("GET", "/v2/calendar"): Call("/v2/calendar?start=2026-01-01&end=2026-12-31"),
    ("GET", "/v2/clock"): Call(),
    ("GET", "/v2/corporate_actions/announcements"): Call(
        f"/v2/corporate_actions/announcements?ca_types=dividend&{SPAN}"
    ),
    ("GET", "/v2/options/contracts"): Call(),
    ("DELETE", "/v2/orders"): Call(status=207),
    ("GET", "/v2/orders"): Call("/v2/orders?status=all"),
    ("POST", "/v2/orders"): Call(body=TICKET),
    ("DELETE", "/v2/orders/{}"): Call("/v2/orders/{order}", status=204),
    ("GET", "/v2/orders/{}"): Call("/v2/orders/{order}"),
    ("PATCH", "/v2/orders/{}"): Call("/v2/orders/{order}", {"limit_price": "91"}),
    ("GET", "/v2/orders:by_client_order_id"): Call(
        "/v2/orders:by_client_order_id?client_order_id={client_order_id}"
    ),
    ("DELETE", "/v2/positions"): Call("/v2/positions?cancel_orders=true", status=207),
    ("GET", "/v2/positions"): Call(),
    ("DELETE", "/v2/positions/{}"): Call("/v2/positions/MSFT"),
    ("GET", "/v2/positions/{}"): Call("/v2/positions/AAPL"),
    ("GET", "/v2/watchlists"): Call(),
    ("POST", "/v2/watchlists"): Call(body={"name": "Another", "symbols": ["SPY"]}),
    ("DELETE", "/v2/watchlists/{}"): Call(LIST, status=204),
    ("GET", "/v2/watchlists/{}"): Call(LIST),
    ("POST", "/v2/watchlists/{}"): Call(LIST, {"symbol": "MSFT"}),
    ("PUT", "/v2/watchlists/{}"): Call(LIST, {"name": "New", "symbols": ["SPY"]}),
    ("DELETE", "/v2/watchlists/{}/{}"): Call(f"{LIST}/AAPL"),
    ("DELETE", "/v2/watchlists:by_name"): Call(BY_NAME, status=204),
    ("GET", "/v2/watchlists:by_name"): Call(BY_NAME),
    ("POST", "/v2/watchlists:by_name"): Call(BY_NAME, {"symbol": "BTC/USD"}),
    ("PUT", "/v2/watchlists:by_name"): Call(BY_NAME, {"symbols": []}),
    ("GET", "/v3/calendar/{}"): Call("/v3/calendar/XNYS?start=2026-11-23"),
    ("GET", "/v3/clock"): Call("/v3/clock?markets=NYSE,BOATS"),
}
#: Called by tests of their own below.
APART = {
    ("GET", "/v2beta1/events/activities"),
    ("GET", "/v2/corporate_actions/announcements/{}"),
}


def ask(exchange: ServedExchange, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """(status, decoded body) of the answer, refused or not."""
    request = urllib.request.Request(
        exchange.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "s"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            raw, status = answer.read(), answer.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            raw, status = refusal.read(), refusal.code
    return status, json.loads(raw) if raw else None


def test_every_operation_is_answered_and_none_is_forgotten_here() -> None:
    published = set(specified())
    assert published - routed() == set()
    refused = {operation for operation in published if is_refused(operation)}
    assert published - refused == set(CALLS) | APART


@pytest.mark.parametrize("operation", CALLS, ids=" ".join)
def test_the_answer_is_as_published(
    exchange: ServedExchange, made: Made, operation: Operation
) -> None:
    method, path = operation
    call = CALLS[operation]
    asked = (call.path or path).format(**made._asdict())
    status, answer = ask(exchange, method, asked, call.body)
    assert status == call.status, answer
    if status == 204:
        assert answer is None
        return
    published = specified()[operation]
    assert complaints("trading-api", published, method.lower(), answer, status) == []


@pytest.mark.parametrize("operation", sorted(filter(is_refused, specified())), ids=" ".join)
def test_a_refusal_for_want_of_permission_is_as_published(
    exchange: ServedExchange, operation: Operation
) -> None:
    method, path = operation
    status, answer = ask(exchange, method, path.replace("{}", "AAPL250620C00100000"), {})
    assert status in (403, 404)
    document = specification("trading-api")
    published = document["paths"][specified()[operation]][method.lower()]["responses"]
    schema = {"$ref": "#/components/schemas/Error"}
    if str(status) in published:
        content = published[str(status)]["content"]
        schema = content["application/json"]["schema"]
    schema = {**schema, "components": document["components"]}
    assert not list(Draft202012Validator(schema).iter_errors(answer))


def test_an_announcement_that_is_not_there_is_404(exchange: ServedExchange) -> None:
    path = "/v2/corporate_actions/announcements/be3c368a-4c7c-4384-808e-f02c9f5a8afe"
    status, answer = ask(exchange, "GET", path)
    assert (status, answer["code"]) == (404, 40410000)


def test_events_of_activities_are_as_published(exchange: ServedExchange, made: Made) -> None:
    exchange.ask("POST", "/_exchange/clock", {"advance": 2})
    now = exchange.ask("GET", "/_exchange/clock")["now"]
    exchange.ask("POST", "/_exchange/clock", {"advance": 1})
    request = urllib.request.Request(
        f"{exchange.url}/v2beta1/events/activities?since=2026-06-01&until={now}",
        headers={"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "s"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.read().decode().splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    first_cash, *trades = events
    assert first_cash["activity_type"] == "JNLC"
    assert {event["details"]["symbol"] for event in trades} == {"AAPL", "MSFT"}
    document = specification("trading-api")
    schema = {
        "$ref": "#/components/schemas/ActivityEventV2",
        "components": document["components"],
    }
    for event in events:
        assert not list(Draft202012Validator(schema).iter_errors(event))


def test_a_stream_whose_client_left_ends_at_the_server(exchange: ServedExchange) -> None:
    request = urllib.request.Request(
        f"{exchange.url}/v2beta1/events/activities",
        headers={"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "s"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.readline() == b":heartbeat\n"
        exchange.ask("POST", "/v2/orders", TICKET)
        assert answer.readline() == b"\n"
        assert answer.readline().startswith(b"id: ")
    exchange.ask("POST", "/v2/orders", TICKET)  # and the exchange goes on


def test_the_page_says_how_much_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    count = census()
    line = (
        f"Of the {count.published} operations of Alpaca's Trading API {count.served} are served; "
        f"{count.refused} are answered as to an account without the permission."
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")
    page = PAGE.read_text("utf-8")
    assert line in page, f"write in docs/exchange.md: {line}"
    for row in absent.table():
        assert row in page, f"write in docs/exchange.md: {row}"
    for method, path in CALLS.keys() | APART:
        assert f"`{method} {path}`" in page, f"write about {method} {path} in docs/exchange.md"
