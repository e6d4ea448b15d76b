"""Sessions of twins: an exchange that keeps few orders in memory answers as one that keeps all."""

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import MarketEvent
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.wire.words import wire_time
from tests.sim.session import START_NS, SYMBOLS, Session
from tests.sim.test_sessions import CENTS, PICK, SIDES, SIZES, Sessions

FEW = 3
EVENTS = "/v2beta1/events/activities"


class Twins(Session):
    """A session whose exchange keeps few in memory, beside another that is asked the same."""

    def __init__(self, rules: VenueRules, fill_rules: FillRules, path: Path | None) -> None:
        self.other = Session(rules, fill_rules)
        super().__init__(rules, fill_rules, FEW, path)

    def close(self) -> None:
        super().close()
        self.other.close()

    def ask(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        """Both are asked, and say the same."""
        ours = super().ask(method, path, body, **query)
        assert ours == self.other.ask(method, path, body, **query)
        return ours

    def text(self, path: str, **query: str) -> bytes:
        ours = super().text(path, **query)
        assert ours == self.other.text(path, **query)
        return ours

    def force_fill(self, order_id: str, qty: Decimal | None) -> None:
        super().force_fill(order_id, qty)
        self.other.force_fill(order_id, qty)

    def bust(self, execution_id: str) -> None:
        super().bust(execution_id)
        self.other.bust(execution_id)

    def correct(self, execution_id: str, qty: Decimal | None, price: Decimal) -> None:
        super().correct(execution_id, qty, price)
        self.other.correct(execution_id, qty, price)

    def wait_until(self, to_ns: int) -> None:
        super().wait_until(to_ns)
        self.other.wait_until(to_ns)

    def restart(self) -> None:
        super().restart()
        self.other.restart()

    def _apply(self, event: MarketEvent) -> None:
        super()._apply(event)
        self.other._apply(event)


class TwinSessions(Sessions):
    """Random sessions of twins without a file."""

    def new_session(self, rules: VenueRules, fill_rules: FillRules) -> Session:
        return Twins(rules, fill_rules, None)

    @rule(name=st.integers(1, 12), side=SIDES, size=SIZES)
    def place_by_name(self, name: int, side: str, size: int) -> None:
        """Names are used again and again: each is taken once and refused ever after."""
        self._send(
            side=side,
            qty=str(size),
            type="market",
            time_in_force="day",
            client_order_id=f"n{name}",
        )

    @rule(
        status=st.sampled_from(("open", "closed", "all")),
        limit=st.integers(1, 20),
        is_ascending=st.booleans(),
        nested=st.booleans(),
        narrows=st.sampled_from(("", "symbols", "side", "asset_class")),
        bound=st.sampled_from(("", "after", "until", "after_order_id", "before_order_id")),
        pick=PICK,
    )
    def list_orders(
        self,
        status: str,
        limit: int,
        is_ascending: bool,
        nested: bool,
        narrows: str,
        bound: str,
        pick: int,
    ) -> None:
        query = {"status": status, "limit": str(limit), "nested": str(nested).lower()}
        query["direction"] = "asc" if is_ascending else "desc"
        names = {"symbols": SYMBOLS[pick % 2], "side": "sell", "asset_class": "crypto"}
        if narrows:
            query[narrows] = names[narrows]
        order = self._any(pick)
        if bound and order is not None:
            submitted = wire_time(order.submitted_ns)
            query[bound] = order.id if bound.endswith("_id") else submitted
        self.on.get("/v2/orders", **query)

    @rule(pick=PICK, nested=st.booleans())
    def find_an_order(self, pick: int, nested: bool) -> None:
        if (order := self._any(pick)) is not None:
            by_id = self.on.get(f"/v2/orders/{order.id}", nested=str(nested).lower())
            name = order.client_order_id
            by_name = self.on.get("/v2/orders:by_client_order_id", client_order_id=name)
            assert by_id["id"] == by_name["id"] == order.id
            self._send(
                qty="1", side="buy", type="market", client_order_id=name, time_in_force="day"
            )

    @rule(
        kind=st.sampled_from(("", "/FILL", "/FEE")),
        bound=st.sampled_from(("", "after", "until", "order_id")),
        is_ascending=st.booleans(),
        pick=PICK,
    )
    def list_activities(self, kind: str, bound: str, is_ascending: bool, pick: int) -> None:
        query = {"direction": "asc" if is_ascending else "desc", "page_size": str(pick % 9 + 1)}
        order = self._any(pick)
        if bound and order is not None:
            query[bound] = order.id if bound == "order_id" else wire_time(order.updated_ns)
        path = f"/v2/account/activities{kind}"
        for _ in range(3):
            page = self.on.get(path, **query)
            if page:
                query["page_token"] = page[-1]["id"]

    @rule(pick=PICK)
    def follow_events(self, pick: int) -> None:
        """The past of the stream of activities, from its beginning or behind an event of it."""
        now_ns = self.on.venue.now_ns
        if now_ns < START_NS + 10 * NS_PER_S:
            return
        bounds = {"since": wire_time(START_NS), "until": wire_time(now_ns - NS_PER_S)}
        ids = [
            line[4:].decode()
            for line in self.on.text(EVENTS, **bounds).splitlines()
            if line.startswith(b"id: ")
        ]
        if ids:
            self.on.text(EVENTS, since_id=ids[pick % len(ids)], until_id=ids[-1])

    @rule(timeframe=st.sampled_from(("1Min", "15Min", "1D")))
    def look_at_everything(self, timeframe: str) -> None:
        self.on.text("/_exchange/orders")
        self.on.text("/_exchange/fills")
        self.on.get("/v2/account")
        self.on.get("/v2/positions")
        history = "/v2/account/portfolio/history"
        self.on.ask("GET", history, period="3D", timeframe=timeframe, cashflow_types="ALL")

    @rule(pick=PICK, cents=CENTS)
    def bust_an_old_one(self, pick: int, cents: int) -> None:
        venue = self.on.venue
        if cents > 10_005 and len(venue.executions):
            self.on.bust(venue.executions[pick % len(venue.executions)].execution_id)

    def _any(self, pick: int) -> Any:
        orders = list(self.on.venue.orders.values())
        return orders[pick * 7 % len(orders)] if orders else None


class FiledTwinSessions(TwinSessions):
    """The same where the exchange that keeps few has a state file and restarts from it."""

    def new_session(self, rules: VenueRules, fill_rules: FillRules) -> Session:
        self._folder = tempfile.TemporaryDirectory()
        return Twins(rules, fill_rules, Path(self._folder.name) / "exchange.sqlite")

    def teardown(self) -> None:
        super().teardown()
        if self.session is not None:
            self._folder.cleanup()


@pytest.mark.timeout(100)
@pytest.mark.parametrize("machine", [TwinSessions, FiledTwinSessions])
def test_who_keeps_few_answers_as_who_keeps_all(machine: type[TwinSessions]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            phases=(Phase.generate,),
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )
