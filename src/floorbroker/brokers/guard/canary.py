"""The canary of an order stream: orders that the broker's own lists saw end, told or not.

A stream that still answers can have stopped telling. What shows it is an order that worked while
the stream was connected, that the broker's list or record says is filled or canceled, and whose
end the stream does not tell within a grace. No clock of the broker's is needed for that, and
nothing has to be bought. Only ends are judged, and of orders that were seen to work: the broker
tells of those for sure, while held legs, for one, come and go without a word.
"""

from floorbroker.domain.ids import OrderID
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import OrdStatus

#: Orders that are kept in mind; of more, the oldest are forgotten and prove nothing.
_KEPT = 4096
#: A list that was asked for before the connection stood comes within this, or not at all.
_ON_THE_WAY_S = 20.0
_WORKS = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})
_IS_TOLD = frozenset({OrdStatus.FILLED, OrdStatus.CANCELED})


class Canary:
    """Of one connection at a time; times are monotonic seconds."""

    def __init__(self) -> None:
        self._since_s = 0.0
        self._working: dict[OrderID, None] = {}
        self._ends_told: dict[OrderID, None] = {}
        self._ends_untold: dict[OrderID, float] = {}

    def connected(self, now_s: float) -> None:
        """What was before this connection says nothing of it."""
        self._since_s = now_s
        for known in (self._working, self._ends_told, self._ends_untold):
            known.clear()

    def told(self, report: ExecutionReport) -> None:
        """The stream has told this."""
        if report.ord_status in _WORKS:
            _keep(self._working, report.order_id)
        elif report.ord_status.is_ended:
            _keep(self._ends_told, report.order_id)
            self._ends_untold.pop(report.order_id, None)

    def listed(self, report: ExecutionReport, now_s: float) -> bool:
        """The broker's books say this; whether it is an end that the stream has yet to tell."""
        order_id = report.order_id
        if report.ord_status in _WORKS:
            if now_s - self._since_s >= _ON_THE_WAY_S:
                _keep(self._working, order_id)
            return False
        if report.ord_status not in _IS_TOLD or order_id not in self._working:
            return False
        if order_id in self._ends_told or order_id in self._ends_untold:
            return False
        if len(self._ends_untold) >= _KEPT:
            return False
        self._ends_untold[order_id] = now_s
        return True

    def untold(self, now_s: float, grace_s: float) -> OrderID | None:
        """An order whose end the stream should have told by now."""
        for order_id, listed_s in self._ends_untold.items():
            if now_s - listed_s >= grace_s:
                return order_id
        return None

    @property
    def is_uneasy(self) -> bool:
        """Whether the stream has an end to tell."""
        return bool(self._ends_untold)


def _keep(known: dict[OrderID, None], order_id: OrderID) -> None:
    known[order_id] = None
    if len(known) > _KEPT:
        del known[next(iter(known))]
