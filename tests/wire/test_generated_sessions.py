"""Sessions that schemathesis makes: what one answer gives, the next request uses.

Most links from an answer to another operation it infers from the published specification; `LINKS`
declares what it cannot see. Each session has an exchange of its own, and every answer is checked
as those of `test_generated_requests` are.
"""

import asyncio
import re
import sys
from collections import Counter
from copy import deepcopy
from random import Random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from floorbroker.exchange.endpoints import absent
from tests.wire.test_generated_requests import Door, document, refusals_are_alpacas, told

ORDER, LIST = "/v2/orders/{order_id}", "/v2/watchlists/{watchlist_id}"
NAMED, POSITION = "/v2/watchlists:by_name", "/v2/positions/{symbol_or_asset_id}"
#: (an operation that is served, one that follows, the name of its parameter, where in the answer
#: its value stands).
LINKS = (
    ("post /v2/orders", "get /v2/orders:by_client_order_id", "client_order_id", "client_order_id"),
    ("post /v2/orders", f"get {POSITION}", "symbol_or_asset_id", "symbol"),
    ("post /v2/orders", f"delete {POSITION}", "symbol_or_asset_id", "symbol"),
    ("get /v2/positions", f"delete {POSITION}", "symbol_or_asset_id", "1/symbol"),
    (f"patch {ORDER}", f"get {POSITION}", "symbol_or_asset_id", "asset_id"),
    ("get /v2/orders", "get /v2/orders", "before_order_id", "0/id"),
    ("get /v2/account/activities", "get /v2/account/activities", "page_token", "0/id"),
    ("post /v2/watchlists", f"get {NAMED}", "name", "name"),
    ("post /v2/watchlists", f"put {NAMED}", "name", "name"),
    ("post /v2/watchlists", f"post {NAMED}", "name", "name"),
    ("post /v2/watchlists", f"delete {NAMED}", "name", "name"),
    ("get /v2/watchlists", f"delete {LIST}", "watchlist_id", "0/id"),
    ("get /v2/assets", "get /v2/assets/{symbol_or_asset_id}", "symbol_or_asset_id", "7/id"),
)
#: Beside what is generated: an order that is taken, so that there is something to go on with.
TICKETS: tuple[dict[str, object], ...] = (
    {"type": "market", "time_in_force": "day", "qty": "3"},
    {"type": "limit", "time_in_force": "day", "qty": "3", "limit_price": "180"},
    {"type": "limit", "time_in_force": "gtc", "qty": "9", "limit_price": "181.5"},
    {"type": "stop", "time_in_force": "gtc", "qty": "2", "stop_price": "190"},
    {"type": "trailing_stop", "time_in_force": "day", "qty": "1", "trail_percent": "3"},
    {"type": "market", "time_in_force": "day", "notional": "75.5"},
    {
        "type": "limit",
        "time_in_force": "day",
        "qty": "4",
        "limit_price": "182",
        "order_class": "bracket",
        "take_profit": {"limit_price": "190"},
        "stop_loss": {"stop_price": "170"},
    },
)
#: How often a request is one that makes sense; the others stay as they were made up.
SENSE = 0.7
CHECKS: list[Any] = [not_a_server_error, response_schema_conformance, refusals_are_alpacas]


def linked() -> Any:
    """The specification with our links in it."""
    published = deepcopy(document("trading-api"))
    published["paths"].pop("/v2beta1/events/activities")  # an answer without an end
    for path in list(published["paths"]):
        unnamed = re.sub(r"\{\w+\}", "{}", path)
        if any(unnamed == each.path for each in absent.OPERATIONS):
            del published["paths"][path]  # nothing is made there, so nothing follows
    for number, (source, target, parameter, place) in enumerate(LINKS):
        method, path = source.split(" ")
        to_method, to_path = target.split(" ")
        reference = to_path.replace("~", "~0").replace("/", "~1")
        links = published["paths"][path][method]["responses"]["200"].setdefault("links", {})
        links[f"ours{number}"] = {
            "operationRef": f"#/paths/{reference}/{to_method}",
            "parameters": {parameter: f"$response.body#/{place}"},
        }
    return published


class Known:
    """What a session has made: it is found as long as nobody deleted it, and then no more."""

    def __init__(self) -> None:
        self.orders: set[str] = set()
        self.lists: dict[str, str] = {}  #: The names of watchlists by id.
        self.deleted: set[str] = set()

    def check(self, context: Any, response: Any, case: Any) -> None:
        method, _, path = case.operation.label.partition(" ")
        is_served, is_missing = response.status_code < 400, response.status_code == 404
        found = case.path_parameters or {}
        if path == ORDER and found.get("order_id") in self.orders:
            assert not is_missing, "an order is forgotten"
        if path == LIST and found.get("watchlist_id") in self.lists:
            assert not is_missing, "a watchlist is forgotten"
        if path.startswith(LIST) and found.get("watchlist_id") in self.deleted:
            assert not is_served, "a watchlist that was deleted is still there"
        if is_served:
            self._learn(method, path, response, case)

    def _learn(self, method: str, path: str, response: Any, case: Any) -> None:
        if method in ("POST", "PATCH") and path in ("/v2/orders", ORDER):
            self.orders.add(response.json()["id"])
        if not path.startswith("/v2/watchlists") or (path == "/v2/watchlists" and method == "GET"):
            return
        if response.status_code != 204:
            told = response.json()
            self.lists[told["id"]] = told["name"]
            return
        name = (case.query or {}).get("name")
        gone = {
            each for each, its in self.lists.items() if path.endswith("by_name") and its == name
        }
        gone |= {(case.path_parameters or {}).get("watchlist_id", "")}
        self.deleted |= gone
        self.lists = {each: name for each, name in self.lists.items() if each not in gone}


class Followed:
    """Which links were followed, and how the request was answered."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.requests = 0
        self.links: set[tuple[str, str]] = set()  #: Those there are.

    def served(self) -> set[tuple[str, str]]:
        """Links that led to a request which was served."""
        return {(link, target) for link, target, status in self.answers if status < 400}

    def told(self) -> str:
        followed = {(link, target) for link, target, _ in self.answers}
        served = sum(n for (_, _, status), n in self.answers.items() if status < 400)
        return (
            f"{self.requests} requests, {self.answers.total()} of them by {len(followed)} of "
            f"{len(self.links)} links; {served} of those were served, by {len(self.served())}"
        )


def sessions(followed: Followed, runner: asyncio.Runner) -> Any:
    """The state machine of the specification, with an exchange for each of its sessions."""
    machine: Any = schemathesis.openapi.from_dict(linked()).as_state_machine()

    class Sessions(machine):  # type: ignore[misc]  # made at run time
        def setup(self) -> None:
            self.door = Door(runner)
            self.known = Known()
            quote = {"symbol": "MSFT", "bid_price": 400, "ask_price": 401}
            self.door.ask("POST", "/_exchange/quote", {**quote, "bid_size": 99, "ask_size": 99})
            bought = {"symbol": "MSFT", "side": "buy", "qty": 6, "type": "market"}
            self.door.ask("POST", "/v2/orders", {**bought, "time_in_force": "day"})

        def teardown(self) -> None:
            self.door.close()

        def before_call(self, case: Any) -> None:
            dice = Random(repr((case.body, case.query, case.path_parameters)))
            if dice.random() < SENSE:  # the same for the same session
                make_sense(case, dice)

        def call(self, case: Any, **more: Any) -> Any:
            return told(self.door, case, set())

        def step(self, input: Any) -> Any:
            output = super().step(input)
            followed.requests += 1
            if input.transition is not None and input.applied_parameters:
                source = input.transition.id
                target = input.case.operation.label
                followed.answers[source, target, output.response.status_code] += 1
            return output

        def validate_response(self, response: Any, case: Any, *more: Any, **named: Any) -> None:
            case.validate_response(response, checks=[*CHECKS, self.known.check])

    return Sessions


def make_sense(case: Any, dice: Random) -> None:
    """Replace what is made up by what the exchange takes, and leave the rest."""
    label = case.operation.label
    if label == "POST /v2/orders":
        own_id = case.body.get("client_order_id") if isinstance(case.body, dict) else None
        ticket = {"symbol": "AAPL", "side": "buy", **dice.choice(TICKETS)}
        case.body = {**ticket, "client_order_id": own_id} if own_id else ticket
    elif label == f"PATCH {ORDER}":
        case.body = dice.choice(({"qty": "7"}, {"limit_price": "179"}, {"stop_price": "191"}))
    elif label in ("POST /v2/watchlists", f"PUT {LIST}", "PUT /v2/watchlists:by_name"):
        name = f"list {dice.randrange(9)}"
        case.body = {"name": name, "symbols": dice.sample(("AAPL", "F", "BTC/USD"), 2)}
    elif label in (f"POST {LIST}", "POST /v2/watchlists:by_name"):
        case.body = {"symbol": dice.choice(("SPY", "QQQ"))}
    elif label == f"DELETE {LIST}/{{symbol}}":
        case.path_parameters["symbol"] = dice.choice(("AAPL", "F", "BTC/USD"))
    elif label == "GET /v2/account/activities/{activity_type}":
        case.path_parameters["activity_type"] = "FILL"
        case.query = {
            key: case.query[key] for key in ("order_id", "page_token") if key in case.query
        }
    elif label.startswith("GET /v2/"):
        kept = ("order_id", "before_order_id", "client_order_id", "name", "page_token")
        case.query = {key: case.query[key] for key in kept if key in (case.query or {})}


def run(count: int, **more: Any) -> Followed:
    followed = Followed()
    with asyncio.Runner() as runner:
        machine = sessions(followed, runner)
        machine.run(
            settings=settings(
                max_examples=count,
                stateful_step_count=12,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                database=None,
                deadline=None,
                **more,
            )
        )
    followed.links = {
        (link.full_name, link.target.label)
        for operation in machine._transitions.operations.values()
        for link in operation.outgoing
    }
    return followed


def test_generated_sessions_are_answered_as_published() -> None:
    followed = run(20, derandomize=True)
    assert len(followed.served()) >= 4
    assert followed.answers.total() >= 10


@pytest.mark.soak
def test_many_generated_sessions_are_answered_as_published(
    capsys: pytest.CaptureFixture[str],
) -> None:
    followed = run(1500, derandomize=False, print_blob=True)
    with capsys.disabled():
        sys.stdout.write(f"\n{followed.told()}\n")
    assert len(followed.served()) >= len(followed.links) // 2
