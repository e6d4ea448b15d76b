"""Orders and positions as a journal tells them, for a look while another process writes it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from floorbroker.domain.errors import UnknownOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.domain.position import Position
from floorbroker.engine.parents.board import ParentStatus, status_of
from floorbroker.engine.recovery import replay
from floorbroker.journal.port import JournalReader, OrderFilter

Status = Literal["open", "closed", "all"]
_NEVER = datetime.min.replace(tzinfo=UTC)


class JournaledBook:
    """The book after the journal's last record at the time of asking; it does not go on."""

    def __init__(self, journal: JournalReader) -> None:
        """Raises JournalDamaged."""
        replayed = replay(journal)
        self.seq = replayed.snapshot_seq + replayed.records
        last = next(journal.records(after=max(self.seq - 1, 0)), None)
        #: The time of the last record; the beginning of time for an empty journal.
        self.time = _NEVER if last is None else last.message.transact_time
        self._journal = journal
        self._book, self._state = replayed.state.book, replayed.state

    def order(self, cl_ord_id: ClOrdID) -> Order:
        """The order, live or ended; raises UnknownOrder."""
        order = self._book.orders.get(cl_ord_id) or self._journal.ended_order(cl_ord_id)
        if order is None:
            raise UnknownOrder(f"no order {cl_ord_id} in this journal")
        return order

    def legs(self, order: Order) -> list[Order]:
        """Its legs, as far as the broker has told of them, the take-profit first."""
        live, ended = self._book.orders, self._journal.ended_order
        legs = (live.get(name) or ended(name) for name in order.legs)
        return [leg for leg in legs if leg is not None]

    def orders(self, status: Status, wanted: OrderFilter) -> list[Order]:
        """Orders of this journal, newest first."""
        return listed(self._book.orders.values(), self._journal, status, wanted)

    def of_status(self, status: OrdStatus) -> list[str]:
        """The ids of live orders of which this is the last that the broker told."""
        return [one.cl_ord_id for one in self._book.orders.values() if one.venue_status is status]

    def parents(self) -> list[ParentStatus]:
        """Parent orders that live, behind those that ended lately."""
        return [status_of(one, self._state, None) for one in self._state.parents.all()]

    def positions(self) -> list[Position]:
        """By symbol, flat positions apart."""
        return held(self._book.positions.values())


def listed(
    live: Iterable[Order], journal: JournalReader, status: Status, wanted: OrderFilter
) -> list[Order]:
    """A desk's own orders, newest first: those that live, and those that the journal has ended."""
    found: dict[ClOrdID, Order] = {}
    if status != "closed":
        found = {order.cl_ord_id: order for order in live if _fits(order, wanted)}
    if status != "open":
        # One may have ended since the live ones were read: then its end is what counts.
        found |= {order.cl_ord_id: order for order in journal.ended_orders(wanted)}
    newest = sorted(
        found.values(), key=lambda order: (order.created_time, order.cl_ord_id), reverse=True
    )
    return newest[: wanted.limit]


def held(positions: Iterable[Position]) -> list[Position]:
    """By symbol, flat positions apart."""
    return sorted(
        (position for position in positions if not position.is_flat),
        key=lambda position: position.symbol,
    )


def _fits(order: Order, wanted: OrderFilter) -> bool:
    if order.is_external:
        return False
    if wanted.after is not None and order.created_time <= wanted.after:
        return False
    if wanted.until is not None and order.created_time >= wanted.until:
        return False
    if wanted.symbols and order.symbol not in wanted.symbols:
        return False
    return wanted.side is None or order.side.value == wanted.side
