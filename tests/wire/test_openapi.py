"""The exchange's answers against Alpaca's published OpenAPI files."""

import importlib.util
import json
import urllib.error
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.conftest import ServedExchange


@cache
def specification(name: str) -> Any:
    """One of the files that the official MCP server installs; it is not imported."""
    found = importlib.util.find_spec("alpaca_mcp_server")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "specs" / f"{name}.json"
    # Where answers are "one of" two, a fill fits both: each requires none of its fields.
    return json.loads(path.read_text().replace('"oneOf"', '"anyOf"'))


def complaints(name: str, path: str, method: str, answer: object, status: int = 200) -> list[str]:
    """What the specification has against an answer."""
    document = specification(name)
    content = document["paths"][path][method]["responses"][str(status)]["content"]
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    errors = Draft202012Validator(schema).iter_errors(answer)
    return [f"{error.json_path}: {error.message}" for error in errors]


def component_complaints(name: str, value: object) -> list[str]:
    """What one of the Trading API's components has against a value."""
    components = specification("trading-api")["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    errors = Draft202012Validator(schema).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in errors]


@pytest.fixture
def traded(exchange: ServedExchange) -> ServedExchange:
    """An exchange with orders in every state, positions and fills."""
    for changes in (
        {},
        {"symbol": "MSFT", "side": "sell", "qty": 3},
        {"type": "limit", "limit_price": 100},
        {"type": "stop", "stop_price": 190},
        {"type": "trailing_stop", "trail_price": 3},
        {"qty": None, "notional": 100},
        {"type": "limit", "limit_price": 100, "time_in_force": "fok"},
    ):
        ticket = {"symbol": "AAPL", "side": "buy", "qty": 10, "type": "market"}
        exchange.ask("POST", "/v2/orders", {**ticket, "time_in_force": "day", **changes})
    return exchange


def test_orders_are_as_published(traded: ServedExchange) -> None:
    orders = traded.ask("GET", "/v2/orders?status=all")
    assert len(orders) == 7
    assert complaints("trading-api", "/v2/orders", "get", orders) == []
    one = f"/v2/orders/{orders[0]['id']}"
    assert complaints("trading-api", "/v2/orders/{order_id}", "get", traded.ask("GET", one)) == []


def test_placing_and_replacing_answer_as_published(traded: ServedExchange) -> None:
    ticket = {"symbol": "AAPL", "side": "buy", "qty": 1, "type": "limit", "limit_price": 90}
    placed = traded.ask("POST", "/v2/orders", {**ticket, "time_in_force": "gtc"})
    assert complaints("trading-api", "/v2/orders", "post", placed) == []
    replaced = traded.ask("PATCH", f"/v2/orders/{placed['id']}", {"limit_price": 91})
    assert complaints("trading-api", "/v2/orders/{order_id}", "patch", replaced) == []


def test_bulk_answers_are_as_published(traded: ServedExchange) -> None:
    canceled = traded.ask("DELETE", "/v2/orders")
    assert len(canceled) == 3
    assert complaints("trading-api", "/v2/orders", "delete", canceled, 207) == []
    closed = traded.ask("DELETE", "/v2/positions")
    assert len(closed) == 2
    assert complaints("trading-api", "/v2/positions", "delete", closed, 207) == []


@pytest.fixture
def grown(traded: ServedExchange) -> ServedExchange:
    """The same, two weeks, four corporate actions, a bust and a correction later."""
    first, second = [fill["execution_id"] for fill in traded.ask("GET", "/_exchange/fills")[:2]]
    traded.ask("POST", "/_exchange/bust", {"execution_id": second})
    traded.ask("POST", "/_exchange/correct-fill", {"execution_id": first, "price": "186.9"})
    actions: list[dict[str, object]] = [
        {"kind": "forward_split", "old_rate": 1, "new_rate": 3},
        {"kind": "cash_dividend", "rate": "0.26"},
        {"kind": "stock_dividend", "rate": "0.05"},
        {"kind": "spin_off", "new_symbol": "INTC", "source_rate": 2, "new_rate": 1},
    ]
    for day, action in enumerate(actions, 2):
        body = {"symbol": "AAPL", "ex_date": f"2026-06-{day:02d}", **action}
        traded.ask("POST", "/_exchange/corporate-action", body)
    traded.ask("POST", "/_exchange/clock", {"to": "2026-06-15T14:00:00Z"})
    return traded


@pytest.mark.parametrize("name", ["", "/JNLC", "/FILL", "/SPLIT", "/DIV", "/SPIN"])
def test_activities_of_every_type_are_as_published(grown: ServedExchange, name: str) -> None:
    path = f"/v2/account/activities{'/{activity_type}' if name else ''}"
    rows = grown.ask("GET", f"/v2/account/activities{name}")
    assert rows
    assert complaints("trading-api", path, "get", rows) == []
    trade, other = "TradingActivities", "NonTradeActivities"
    for row in rows:  # the published answer is one of the two, and the wrong one allows a lot
        kind = trade if row["activity_type"] == "FILL" else other
        assert component_complaints(kind, row) == []


def test_events_of_actions_are_as_published(grown: ServedExchange) -> None:
    asked = "/v2beta1/events/activities?since=2026-06-01&until=2026-06-14"
    told = grown.events(asked)
    details = {
        "FSPLIT": "ForwardSplitActivityV2",
        "CDIV": "CDIVActivityV2",
        "SDIV": "SDIVActivityV2",
        "SPIN": "SpinoffActivityV2",
        "JNLC": "JNLCActivityV2",
        "TRD": "ActivityV2DetailTRD",
    }
    seen = set()
    for event in told:
        assert component_complaints("ActivityEventV2CommonFields", event) == []
        kind = event.get("activity_subtype", event["activity_type"])
        seen.add(kind)
        assert component_complaints(details[kind], event["details"]) == []
    assert seen == set(details)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v2/account", ""),
        ("/v2/account/configurations", ""),
        ("/v2/account/activities", ""),
        ("/v2/account/activities/{activity_type}", "/v2/account/activities/FILL"),
        ("/v2/positions", ""),
        ("/v2/positions/{symbol_or_asset_id}", "/v2/positions/AAPL"),
        ("/v2/assets", ""),
        ("/v2/assets", "/v2/assets?asset_class=crypto"),
        ("/v2/assets/{symbol_or_asset_id}", "/v2/assets/AAPL"),
        ("/v2/clock", ""),
        ("/v2/calendar", "/v2/calendar?start=2026-01-01&end=2026-12-31"),
    ],
)
def test_what_is_read_is_as_published(traded: ServedExchange, path: str, asked: str) -> None:
    answer = traded.ask("GET", asked or path)
    assert answer
    assert complaints("trading-api", path, "get", answer) == []


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v2/stocks/quotes/latest", "?symbols=AAPL,MSFT"),
        ("/v2/stocks/trades/latest", "?symbols=AAPL,MSFT"),
        ("/v2/stocks/bars/latest", "?symbols=AAPL"),
        ("/v2/stocks/quotes", "?symbols=AAPL"),
        ("/v2/stocks/trades", "?symbols=AAPL"),
        ("/v2/stocks/bars", "?symbols=AAPL&timeframe=1Min"),
        ("/v2/stocks/{symbol}/quotes/latest", ""),
        ("/v2/stocks/{symbol}/trades/latest", ""),
        ("/v2/stocks/{symbol}/bars/latest", ""),
        ("/v2/stocks/{symbol}/quotes", ""),
        ("/v2/stocks/{symbol}/trades", ""),
        ("/v2/stocks/{symbol}/bars", "?timeframe=5Min"),
        ("/v2/stocks/snapshots", "?symbols=AAPL"),
        ("/v2/stocks/{symbol}/snapshot", ""),
    ],
)
def test_market_data_is_as_published(traded: ServedExchange, path: str, asked: str) -> None:
    answer = traded.ask("GET", path.replace("{symbol}", "AAPL") + asked)
    assert complaints("market-data-api", path, "get", answer) == []


def test_every_refusal_has_a_code_of_its_class(traded: ServedExchange) -> None:
    for method, path, body in (
        ("GET", "/v2/nowhere", None),
        ("GET", "/v2/orders/7", None),
        ("GET", "/v2/positions/SPY", None),
        ("POST", "/v2/orders", {}),
        ("POST", "/v2/orders", {"symbol": "AAPL", "qty": 10**9, "side": "buy"}),
        ("PATCH", "/v2/account/configurations", {"max_margin_multiplier": "9"}),
        ("GET", "/v2/stocks/bars", None),
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            traded.ask(method, path, body)
        with caught.value as refusal:
            told = json.loads(refusal.read())
        assert told["code"] // 100_000 in (400, 401, 403, 404, 422, 429)
        assert told["message"]
