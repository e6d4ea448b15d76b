"""From an algorithm's command to an order: past every gate and control, like anybody's. Pure.

A refusal is written down like every refusal, and its parent hears of it.
"""

from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.errors import Halted, Refused, RiskDenied
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import OrderRequest
from floorbroker.engine import decide
from floorbroker.engine.atrade import sentry
from floorbroker.engine.gates import conserved
from floorbroker.engine.gates.risk import Around
from floorbroker.engine.parents.step import Floor, Messages
from floorbroker.engine.standing.parents import Parent, leaves_of
from floorbroker.execution.algos.port import ChildCommand, NewChild, ReplaceChild
from floorbroker.execution.mechanics.slices import volume_between
from floorbroker.pretrade.risk import view

#: Parameters that say how much of the volume a parent may be.
_RATES = ("max_rate", "rate")


def carried(
    floor: Floor, parent: Parent, asked_of: tuple[ClOrdID, ChildCommand], around: Around
) -> Messages:
    """What the command leads to: an order, the wish for a replace or a cancel, or a refusal."""
    name, command = asked_of
    asked: Any = None
    try:
        if isinstance(command, NewChild):
            request = _request(parent, name, command)
            asked = decide.Submit(cl_ord_id=name, request=request, around=around)
            _conserve(floor, parent, command.qty)
            return decide.submit(floor.state, asked, floor.rules, floor.now)
        if isinstance(command, ReplaceChild):
            change = decide.Change(order_qty=command.order_qty, price=command.price)
            asked = decide.Replace(name, change, around)
            _conserve(floor, parent, _growth(floor, name, command))
            return decide.replacement(
                floor.state, name, change, rules=floor.rules, now=floor.now, around=around
            )
        asked = decide.Cancel(name)
        return decide.cancel(floor.state, name, floor.now)
    except _Exceeded as defect:
        return [*defect.messages, decide.refused(asked, Halted(str(defect)), floor.now)]
    except Refused as refusal:
        return _refused(floor, asked, refusal)


class _Exceeded(Exception):
    """The parent would be exceeded, which no algorithm can ask for."""

    def __init__(self, messages: Messages) -> None:
        super().__init__("its parent would be exceeded")
        self.messages = messages


def _conserve(floor: Floor, parent: Parent, more: Qty) -> None:
    over = conserved.breach(floor.state, parent, more, floor.now)
    if over:
        raise _Exceeded(over)


def _refused(floor: Floor, asked: Any, refusal: Refused) -> Messages:
    messages: Messages = [decide.refused(asked, refusal, floor.now)]
    if isinstance(refusal, RiskDenied):
        eye = sentry.Eye(floor.state.guards, floor.rules.settings.guards, floor.now)
        messages += sentry.denied(eye, refusal, getattr(asked, "request", None))
    return messages


def _request(parent: Parent, name: ClOrdID, command: NewChild) -> OrderRequest:
    order = parent.order
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        ord_type=command.ord_type,
        time_in_force=command.time_in_force,
        order_qty=command.qty,
        price=command.price,
        cl_ord_id=name,
        strategy=order.strategy,
    )


def _growth(floor: Floor, name: ClOrdID, command: ReplaceChild) -> Qty:
    """How much more may fill after the replace than may before."""
    if command.order_qty is None:
        return ZERO_QTY
    order = floor.state.book.orders.get(name)
    if order is None:
        return ZERO_QTY
    return max(command.order_qty - order.cum_qty - leaves_of(floor.state.book, name), ZERO_QTY)


def parent_seen(floor: Floor, parent: Parent, *, in_auctions: bool) -> view.Parent:
    """The parent as the controls see it. The interval of a child is its parent's time, and its
    volume what earlier days let expect in it; of auctions no curve tells."""
    order = parent.order
    return view.Parent(
        parent_id=order.parent_id,
        qty=order.qty.decimal,
        committed=(parent.filled + parent.leaves_of(floor.state.book)).decimal,
        interval_volume=None if in_auctions else _expected(parent),
        participation_max=_rate(order.params),
    )


def _rate(params: dict[str, Any]) -> Decimal | None:
    for name in _RATES:
        with suppress(InvalidOperation):
            rate = Decimal(str(params.get(name)))
            if 0 < rate < 1:
                return rate
    return None


def _expected(parent: Parent) -> Decimal | None:
    """The volume that is expected in the parent's time, where earlier days tell."""
    order = parent.order
    curve = order.curve
    if curve is None or curve.day_volume is None or not curve.edges_ns:
        return None
    whole = sum(curve.shares, Decimal(0))
    if not whole:
        return None
    within = volume_between(curve.edges_ns, curve.shares, order.start_ns, order.end_ns)
    return Decimal(within) * curve.day_volume / whole or None
