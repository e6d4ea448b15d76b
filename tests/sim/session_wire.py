"""What the order stream of a random session says, added up from its frames alone."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from floorbroker.exchange.model import TERMINAL, ZERO

#: Events that may follow the end of an order.
AFTER_THE_END = frozenset(
    {"trade_bust", "trade_correct", "order_cancel_rejected", "order_replace_rejected"}
)
#: The average price of an order has twelve decimals.
_ROUNDING = Decimal("1e-12")


class Ear:
    """A listener who knows nothing but what was sent; asserts what must hold of each frame."""

    def __init__(self, *, carries: bool) -> None:
        self._carries = carries  #: A successor goes on with what its predecessor had filled.
        self._last: dict[str, Any] = {}  #: By order.
        self._filled: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._notional: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._position: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._executions: dict[str, Any] = {}
        self._busted: set[str] = set()

    def hear(self, frame: Any) -> None:
        assert frame["stream"] == "trade_updates"
        told = frame["data"]
        order = told["order"]
        before = self._last.get(order["id"], {"status": ""})
        if before["status"] in TERMINAL:
            assert told["event"] in AFTER_THE_END, f"{told['event']} after {before['status']}"
        self._last[order["id"]] = order
        if "qty" in told:
            self._add(told, order)
        else:
            assert told["event"] not in ("fill", "partial_fill", "trade_bust", "trade_correct")

    def _add(self, told: Any, order: Any) -> None:
        """One execution: it adds up to what the order says it has filled, and to the position."""
        assert told["execution_id"] not in self._executions
        self._executions[told["execution_id"]] = told
        self._book(told, order, 1)
        if told["event"] == "trade_correct":  # in the place of what it was before
            self._book(self._executions[told["previous_execution_id"]], order, -1)
        assert Decimal(told["position_qty"]) == self._position[order["symbol"]]
        if told["event"] in ("trade_bust", "trade_correct"):
            self._busted.add(order["id"])
        lineage = self._lineage(order)
        if self._busted.intersection(lineage):
            return  # a bust after the replace is booked on the old order alone
        filled = sum((self._filled[each] for each in lineage), ZERO)
        notional = sum((self._notional[each] for each in lineage), ZERO)
        assert Decimal(order["filled_qty"]) == filled
        assert abs(Decimal(order["filled_avg_price"]) - notional / filled) <= _ROUNDING
        assert (told["event"] == "fill") == (order["status"] == "filled")

    def _book(self, told: Any, order: Any, sign: int) -> None:
        qty, price = sign * Decimal(told["qty"]), Decimal(told["price"])
        self._position[order["symbol"]] += qty if order["side"] == "buy" else -qty
        self._filled[order["id"]] += qty
        self._notional[order["id"]] += qty * price

    def _lineage(self, order: Any) -> list[str]:
        """The order and those that it took the place of, as far as their fills count for it."""
        lineage = [order["id"]]
        while self._carries and order["replaces"] in self._last:
            order = self._last[order["replaces"]]
            lineage.append(order["id"])
        return lineage
