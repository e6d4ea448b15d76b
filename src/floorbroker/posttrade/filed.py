"""Whether the ended orders on file are those that the records tell of: none missing, none older.

Each copy carries a seal, but a copy that is gone, or an older one put back, has none that is
wrong. The records decide: they are replayed as at a start of the desk.
"""

from datetime import datetime

from msgspec import Struct

from floorbroker.domain.amounts import Qty
from floorbroker.domain.ids import ClOrdID, OrderID
from floorbroker.domain.lifecycle import OrdStatus
from floorbroker.domain.messages import OrderReopened
from floorbroker.domain.order import Order
from floorbroker.engine.state import State
from floorbroker.journal.port import Damage, JournalReader, OrderFilter

_ALL = 1 << 60


class _End(Struct, frozen=True, gc=False):
    """How an order ended. Few facts, so that a later version that knows more does not differ."""

    status: OrdStatus
    cum_qty: Qty
    order_id: OrderID | None
    time: datetime | None


def wrongly_filed(reader: JournalReader) -> Damage | None:
    """The first ended order whose copy is not there or not as the records have it, or a copy of
    one that has not ended. The chain must have been verified; raises JournalDamaged."""
    ended = _ended(reader)
    for cl_ord_id, (seq, end) in ended.items():
        filed = reader.ended_order(cl_ord_id)
        if filed is None:
            return Damage(seq=seq, reason=f"ended order {cl_ord_id} is not on file")
        if _end_of(filed) != end:
            reason = f"ended order {cl_ord_id} is on file as {filed.ord_status}, not as it ended"
            return Damage(seq=seq, reason=reason)
    if reader.ended_count() == len(ended):
        return None
    strange = [
        order.cl_ord_id
        for order in reader.ended_orders(OrderFilter(limit=_ALL))
        if order.cl_ord_id not in ended
    ]
    return Damage(seq=0, reason=f"order {strange[0]} is on file and has not ended")


def _ended(reader: JournalReader) -> dict[ClOrdID, tuple[int, _End]]:
    """Every order that has ended, with the record that ended it."""
    state, ended = State(), dict[ClOrdID, tuple[int, _End]]()
    for record in reader.records():
        state.apply(record.message)
        if isinstance(record.message, OrderReopened):
            ended.pop(record.message.order.cl_ord_id, None)
        for order in state.book.ended.values():
            ended[order.cl_ord_id] = record.seq, _end_of(order)
        state.book.clear_batch()
    return ended


def _end_of(order: Order) -> _End:
    return _End(order.venue_status, order.cum_qty, order.order_id, order.ended_time)
