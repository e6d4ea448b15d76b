"""Every operation of the published Market Data API, against its schema or said to be absent."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from floorbroker.clock import LoopClock
from floorbroker.exchange.build import routes_of
from floorbroker.exchange.data.market_data import MarketData
from floorbroker.exchange.front.server import ExchangeServer, Setup
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.tape import Tape
from floorbroker.marketdata.synthetic.day import synthetic_market
from tests.unit.exchange_front.conftest import START_NS, Client, an_exchange
from tests.wire.test_openapi import complaints, specification

STOCK, COINS = "/v2/stocks/{symbol}", "/v1beta3/crypto/{loc}"
SPAN = {"start": "2026-06-01", "limit": "500", "currency": "USD", "feed": "sip"}
MANY, ONE = {"symbols": "AAPL,F"}, {"symbols": "BTC/USD"}
ENOUGH = {"limit": "500", "start": "2026-06-01"}
#: What each published operation is asked.
CALLS: dict[str, dict[str, str]] = {
    "/v2/stocks/auctions": {**MANY, **SPAN},
    "/v2/stocks/bars": {**MANY, **SPAN, "timeframe": "5Min", "adjustment": "split,dividend"},
    "/v2/stocks/bars/latest": {**MANY, "feed": "iex"},
    "/v2/stocks/meta/conditions/{ticktype}": {"tape": "C"},
    "/v2/stocks/meta/exchanges": {},
    "/v2/stocks/quotes": {**MANY, **SPAN, "sort": "desc"},
    "/v2/stocks/quotes/latest": {**MANY, "feed": "delayed_sip"},
    "/v2/stocks/snapshots": MANY,
    "/v2/stocks/trades": {**MANY, **SPAN, "asof": "-"},
    "/v2/stocks/trades/latest": MANY,
    f"{STOCK}/auctions": SPAN,
    f"{STOCK}/bars": {**SPAN, "timeframe": "1Day"},
    f"{STOCK}/bars/latest": {},
    f"{STOCK}/quotes": SPAN,
    f"{STOCK}/quotes/latest": {"currency": "USD"},
    f"{STOCK}/snapshot": {},
    f"{STOCK}/trades": SPAN,
    f"{STOCK}/trades/latest": {},
    f"{COINS}/bars": {**ONE, **ENOUGH, "timeframe": "1Hour"},
    f"{COINS}/quotes": {**ONE, **ENOUGH},
    f"{COINS}/trades": {**ONE, **ENOUGH},
    f"{COINS}/latest/bars": ONE,
    f"{COINS}/latest/orderbooks": ONE,
    f"{COINS}/latest/quotes": ONE,
    f"{COINS}/latest/trades": ONE,
    f"{COINS}/snapshots": ONE,
    "/v1/corporate-actions": {"start": "2026-06-01", "end": "2026-06-30"},
}
#: What this exchange has nothing of; it is answered 404.
ABSENT = (
    "/v1beta1/events/corporate-actions",
    "/v1beta1/fixed_income/",
    "/v1beta1/forex/",
    "/v1beta1/logos/",
    "/v1beta1/news",
    "/v1beta1/options/",
    "/v1beta1/screener/",
)
VARIABLES = {"{symbol}": "AAPL", "{loc}": "us", "{ticktype}": "trade"}
SYMBOLS = ("AAPL", "F", "BTC/USD")


def asked(path: str) -> str:
    for name, value in VARIABLES.items():
        path = path.replace(name, value)
    return path


async def _answers() -> dict[str, Any]:
    """What a day of a made-up market answers to each, after its close."""
    sources = synthetic_market(SYMBOLS, date(2026, 6, 1), 7, START_NS - 45 * 60 * 10**9)
    async with an_exchange(make_tape=lambda: Tape(sources, symbols=SYMBOLS)) as client:
        await client.ask("POST", "/_exchange/clock", {"to": "2026-06-01T20:10:00Z"})
        return {path: await _answer(client, path) for path in CALLS}


async def _answer(client: Client, path: str) -> Any:
    answer = await client.send("GET", asked(path), **CALLS[path])
    assert answer.status == 200, (path, answer)
    return json.loads(answer.body)


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    return asyncio.run(_answers())


@pytest.mark.parametrize("path", CALLS)
def test_the_answer_is_as_published(answers: dict[str, Any], path: str) -> None:
    answer = answers[path]
    assert complaints("market-data-api", path, "get", answer) == []
    assert is_full(answer) or path == "/v1/corporate-actions"


def is_full(answer: Any) -> bool:
    """Whether something is told: an empty answer would please every schema."""
    if isinstance(answer, dict):
        told = [value for name, value in answer.items() if name not in ("symbol", "currency")]
        return any(is_full(value) for value in told)
    return bool(answer)


def published() -> Iterator[str]:
    paths = specification("market-data-api")["paths"]
    return (path for path, operations in paths.items() if "get" in operations)


def test_every_operation_is_called_above_or_absent() -> None:
    assert {path for path in published() if not path.startswith(ABSENT)} == set(CALLS)
    paths = specification("market-data-api")["paths"]
    assert all(set(operations) <= {"get", "parameters"} for operations in paths.values())


def test_what_is_absent_has_no_handler() -> None:
    server = ExchangeServer(Setup(clock=LoopClock(0), assets=listing(), start_ns=START_NS))
    routed = {route.path for route in routes_of(server, MarketData(server))}
    unnamed = {path: re.sub(r"\{\w+\}", "{}", path) for path in published()}
    assert {path for path in unnamed if unnamed[path] in routed} == set(CALLS)
