"""Requests that schemathesis makes from the published specifications, valid and not.

Whatever is sent, no answer is a server's error, and each one whose status the specification
describes has the form that it describes.
"""

import asyncio
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance

from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.clock import LoopClock
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.reference.assets import listing
from tests.wire.conftest import START_NS
from tests.wire.test_openapi import specification

HOST = "http://exchange.invalid"
KEYS = {"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "s"}
#: An answer without an end; its events are held against the specification elsewhere.
ENDLESS = "/v2beta1/events/activities"
#: What the data specification has beside stocks, coins and what both share is not served.
SERVED = ("/v2/stocks", "/v1beta3/crypto", "/v1/corporate-actions")
#: What `Door` has real ones of; a made-up one is nearly always unknown.
NAMED = (
    "order_id",
    "watchlist_id",
    "symbol_or_asset_id",
    "symbol",
    "symbols",
    "client_order_id",
    "name",
    "activity_type",
)
#: What a refusal's status and the class of its code may be.
REFUSALS = frozenset({400, 401, 403, 404, 422, 429})
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def document(name: str) -> Any:
    """A specification. It forgets one thing that recordings show: a position whose close was
    refused is told with the refusal, and not with an order."""
    published = deepcopy(specification(name))
    if name == "trading-api":
        closed = published["components"]["schemas"]["PositionClosedResponse"]["properties"]
        refusal = {"type": "object", "required": ["code", "message"]}
        closed["body"] = {"anyOf": [closed["body"], refusal]}
    return published


def operations(name: str) -> Iterator[Any]:
    """The published operations, as schemathesis knows them."""
    schema = schemathesis.openapi.from_dict(document(name))
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        is_served = name == "trading-api" or operation.path.startswith(SERVED)
        if is_served and operation.path != ENDLESS:
            yield pytest.param(operation, id=operation.label)


OPERATIONS = [*operations("trading-api"), *operations("market-data-api")]


class Door:
    """A new exchange with some orders, a position and a watchlist; asked without sockets."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        front = build_exchange(
            Setup(clock=LoopClock(START_NS), assets=listing(), start_ns=START_NS, speed=0)
        )
        self._transport = MemoryTransport(front)
        for symbol in ("AAPL", "BTC/USD"):
            quote = {"symbol": symbol, "bid_price": 187, "ask_price": 188}
            self.ask("POST", "/_exchange/quote", {**quote, "bid_size": 900, "ask_size": 900})
            self.ask("POST", "/_exchange/trade", {"symbol": symbol, "price": 187.5, "size": 9})
        ticket = {"symbol": "AAPL", "side": "buy", "time_in_force": "day", "qty": 5}
        self.ask("POST", "/v2/orders", {**ticket, "type": "market"})
        order = self.ask("POST", "/v2/orders", {**ticket, "type": "limit", "limit_price": 180})
        watchlist = self.ask("POST", "/v2/watchlists", {"name": "mine", "symbols": ["AAPL"]})
        self.real = {
            "order_id": order["id"],
            "watchlist_id": watchlist["id"],
            "symbol_or_asset_id": "AAPL",
            "symbol": "AAPL",
            "symbols": "AAPL,BTC/USD",
            "client_order_id": order["client_order_id"],
            "name": "mine",
            "activity_type": "FILL",
        }

    def ask(self, method: str, path: str, body: object) -> Any:
        status, _, raw = self.send(method, path, {}, json.dumps(body).encode(), KEYS)
        assert status == 200, raw
        return json.loads(raw)

    def send(
        self, method: str, path: str, query: dict[str, str], body: bytes | None, headers: Any
    ) -> tuple[int, dict[str, str], bytes]:
        answer = self._runner.run(
            self._transport.request(method, path, query=query, body=body, headers=headers)
        )
        return answer.status, dict(answer.headers), answer.body

    def close(self) -> None:
        self._runner.run(self._transport.aclose())


def told(door: Door, case: Any, names: set[str]) -> Any:
    """The answer to a generated request, whose parts of those names are real ones."""
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part |= {name: door.real[name] for name in names & part.keys()}
    case.headers = {**(case.headers or {}), **KEYS}
    asked = requests.Request(**case.as_transport_kwargs(base_url=HOST)).prepare()
    url = urlsplit(asked.url or "")
    body = asked.body.encode() if isinstance(asked.body, str) else asked.body
    assert body is None or isinstance(body, bytes)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    status, headers, raw = door.send(asked.method or "", url.path, query, body, KEYS)
    return schemathesis.Response(
        status_code=status,
        headers={name.lower(): [value] for name, value in headers.items()},
        content=raw,
        request=asked,
        elapsed=0.0,
        verify=False,
    )


def refusals_are_alpacas(context: Any, response: Any, case: Any) -> None:
    """A success is one that is published; a refusal has a code of its kind and says why.

    The specification describes hardly any refusal, so this holds what it leaves out.
    """
    status = response.status_code
    if status < 400:
        published = {int(code) for code in case.operation.responses.status_codes}
        assert status in published, f"{status} is not published"
        return
    told = json.loads(response.content)
    assert told["message"]
    assert isinstance(told["message"], str)
    if "code" in told or not case.operation.path.startswith("/v1/locates"):
        assert type(told["code"]) is int
        assert told["code"] // 100_000 in REFUSALS
    assert status in REFUSALS


def try_out(operation: Any, mode: GenerationMode, examples: int) -> None:
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode), names=st.sets(st.sampled_from(NAMED)))
    def one(case: Any, names: set[str]) -> None:
        door = Door(runner)
        try:
            response = told(door, case, names)
        finally:
            door.close()
        case.validate_response(response, checks=CHECKS)

    with asyncio.Runner() as runner:
        one()


CHECKS: list[Any] = [not_a_server_error, response_schema_conformance, refusals_are_alpacas]


@pytest.mark.soak
@pytest.mark.parametrize("operation", OPERATIONS)
def test_many_generated_requests_are_answered_as_published(operation: Any) -> None:
    for mode in MODES:
        try_out(operation, mode, 150)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_generated_requests_are_answered_as_published(operation: Any) -> None:
    for mode in MODES:
        try_out(operation, mode, 6)
