"""Whether the end of a bracket, OCO or OTO leaves shares behind that nothing ends any more."""

from collections.abc import Callable
from datetime import datetime

from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import Order, OrderClass, Side
from floorbroker.domain.position import Position

Named = Callable[[ClOrdID], Order | None]


class Groups:
    """Follows orders with legs to their end.

    An exit that we canceled ourselves surprises nobody, so whose it was is remembered until its
    group is over. A crash forgets it, and one alarm too many is the worst that follows.
    """

    def __init__(self) -> None:
        self._withdrawn: set[ClOrdID] = set()

    def cancel_asked(self, order: Order) -> None:
        if order.parent is not None or order.request.order_class is OrderClass.OCO:
            self._withdrawn.add(order.parent or order.cl_ord_id)

    def alarm(
        self, order: Order, named: Named, position: Position | None, now: datetime
    ) -> Alarm | None:
        """What to tell, now that this order has ended: that shares of its group are still held."""
        parent = order if order.parent is None else named(order.parent)
        if parent is None or not parent.legs:
            return None
        legs = [leg for leg in map(named, parent.legs) if leg is not None]
        if len(legs) < len(parent.legs) or not all(one.is_ended for one in (parent, *legs)):
            return None
        is_withdrawn = parent.cl_ord_id in self._withdrawn
        self._withdrawn.discard(parent.cl_ord_id)
        left = _left(parent, legs, position)
        if is_withdrawn or left <= 0:
            return None
        text = f"all of it has ended, and nothing ends the {left} {parent.symbol} that are left"
        name = "unprotected"
        return Alarm(name=name, text=text, cl_ord_id=parent.cl_ord_id, transact_time=now)


def _left(parent: Order, legs: list[Order], position: Position | None) -> Qty:
    """What the group's exits were for and did not end; no more than there is of it."""
    closed = sum((leg.cum_qty for leg in legs), ZERO_QTY)
    if parent.request.order_class is OrderClass.OCO:
        left = (parent.order_qty or ZERO_QTY) - parent.cum_qty - closed
        is_long = parent.side is Side.SELL
    else:
        left, is_long = parent.cum_qty - closed, parent.side is Side.BUY
    held = ZERO_QTY if position is None else position.qty
    return min(left, held if is_long else -held)
