"""What happened in random sessions, counted: checks of what never happens prove nothing."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from math import sqrt

from floorbroker.exchange.model import VenueEvent, VenueOrder
from floorbroker.exchange.reference.calendar import session_at

_WHOLE = Decimal(1)
#: What must have happened in so many of a thousand sessions.
LEAST_OF_1000 = {
    "a partial fill": 300,
    "a bracket's leg at work": 60,
    "a bracket ended by its profit": 40,
    "a bracket ended by its loss": 25,
    "an OCO ended by its profit": 80,
    "an OCO ended by its loss": 40,
    "an OTO's leg at work": 30,
    "a replace": 120,
    "a replace after a partial fill": 40,
    "a replace of a replace": 12,
    "a successor's fill": 60,
    "a cancel": 250,
    "a cancel after a partial fill": 120,
    "an expiry": 120,
    "an expiry after a partial fill": 50,
    "a fill at the opening": 120,
    "a fill at the close": 60,
    "a fill outside the hours": 120,
    "a fill of a stop": 60,
    "a fill of a trailing stop": 12,
    "a fill of an ioc order": 12,
    "a fill of a fok order": 12,
    "a fill in a coin": 120,
    "a fraction of a share": 120,
    "dollars": 90,
    "a short position": 60,
    "a rejection by the venue": 8,
    "a bust": 8,
    "a correction": 8,
    "a refusal with 403": 250,
    "a refusal with 422": 300,
    "a halt": 150,
    "a restart": 200,
    "several pages": 100,
}

_UNDONE = {"trade_bust": "a bust", "trade_correct": "a correction"}


def happenings(event: VenueEvent) -> Iterator[str]:
    """What an event shows to have happened."""
    order, name = event.order, event.event
    if event.execution is not None and name not in _UNDONE:
        yield from _of_fill(event, order, event.execution.qty)
    at_work = {"bracket": "a bracket's leg at work", "oto": "an OTO's leg at work"}
    if name == "new" and order.parent_id and order.order_class in at_work:
        yield at_work[order.order_class]
    ended = {"replaced": "a replace", "canceled": "a cancel", "expired": "an expiry"}
    if name in ended:
        yield ended[name]
        if order.filled_qty:
            yield f"{ended[name]} after a partial fill"
        if name == "replaced" and order.replaces:
            yield "a replace of a replace"
    if name == "rejected":
        yield "a rejection by the venue"
    if name in _UNDONE:
        yield _UNDONE[name]


def _of_fill(event: VenueEvent, order: VenueOrder, qty: Decimal) -> Iterator[str]:
    is_stock, fill = "/" not in order.symbol, event.execution
    claims = {
        "a partial fill": event.event == "partial_fill",
        "a successor's fill": order.replaces is not None,
        "a fill at the opening": order.time_in_force == "opg",
        "a fill at the close": order.time_in_force == "cls",
        "a fill of an ioc order": order.time_in_force == "ioc",
        "a fill of a fok order": order.time_in_force == "fok",
        "a fill of a stop": order.type in ("stop", "stop_limit"),
        "a fill of a trailing stop": order.type == "trailing_stop",
        "a fill in a coin": not is_stock,
        "a fraction of a share": is_stock and qty % _WHOLE != 0,
        "dollars": order.notional is not None,
        "a fill outside the hours": is_stock and not _is_open(event.time_ns),
        "a short position": fill is not None and fill.position_qty < 0,
    }
    yield from (name for name, is_so in claims.items() if is_so)
    if order.order_class == "bracket" and order.parent_id:
        yield f"a bracket ended by its {'profit' if order.type == 'limit' else 'loss'}"
    if order.order_class == "oco":
        yield f"an OCO ended by its {'loss' if order.parent_id else 'profit'}"


def _is_open(time_ns: int) -> bool:
    session = session_at(time_ns)
    return session.open_ns <= time_ns < session.close_ns


class Census:
    """In how many sessions each thing happened."""

    def __init__(self) -> None:
        self.sessions = 0
        self.steps = 0
        self.counts: Counter[str] = Counter()

    def add(self, happened: set[str], steps: int) -> None:
        self.sessions += 1
        self.steps += steps
        self.counts.update(happened)

    def told(self) -> str:
        lines = [f"{self.sessions} sessions, {self.steps} steps; of them had"]
        lines += [f"  {self.counts[name]:5} {name}" for name in LEAST_OF_1000]
        return "\n".join(lines)

    def too_rare(self) -> list[str]:
        """What happened too seldom for its checks to mean anything, chance allowed for: three
        times the deviation of a count that is expected to be the least."""
        expected = {name: least * self.sessions / 1000 for name, least in LEAST_OF_1000.items()}
        return [
            f"{name}: {self.counts[name]} of {self.sessions} sessions"
            for name, least in expected.items()
            if self.counts[name] < least - 3 * sqrt(least)
        ]
