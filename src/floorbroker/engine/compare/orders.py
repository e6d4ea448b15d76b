"""Orders, ours and the broker's: how each stands on both sides."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.books.breaks import Break, BreakCause, Proposal
from floorbroker.domain.lifecycle import next_status
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book import booking, counts, news

#: How an order stands that was just sent, and one that was just taken.
_ON_THE_WAY = (OrdStatus.SENT, OrdStatus.PENDING_NEW)
_TAKEN = (OrdStatus.PENDING_NEW, OrdStatus.NEW)


class Theirs(Struct, frozen=True, kw_only=True):
    """How one order stands at the broker: a report, or None where the broker knows none.

    `ours` is the order that it was found to be about, as we know it.
    """

    ours: Order | None
    found: ExecutionReport | None


def order_breaks(pairs: Iterable[Theirs]) -> list[Break]:
    """The difference of each order that has one."""
    found = (_order_break(pair) for pair in pairs)
    return [one for one in found if one is not None]


def _order_break(pair: Theirs) -> Break | None:
    ours, found = pair.ours, pair.found
    if found is None:
        return None if ours is None else _missing(ours)
    if ours is None or ours.is_external:
        return _external(ours, found)
    differing = news.terms_differ(ours, found)
    if differing:
        return Break(
            cause=BreakCause.TERMS_DIFFER,
            subject=ours.cl_ord_id,
            ours=_terms(ours),
            theirs=f"{found.side} {found.order_qty} {found.symbol}",
            evidence=differing,
            repair="stop and look: another order carries the same id",
            is_open=True,
            symbol=ours.symbol,
            proposal=Proposal(symbol=ours.symbol),
        )
    if counts.is_behind(ours, found):
        return _behind(ours, found)
    return _status_break(ours, found)


def _behind(ours: Order, found: ExecutionReport) -> Break:
    return Break(
        cause=BreakCause.MISSED_FILL,
        subject=ours.cl_ord_id,
        ours=f"{ours.cum_qty} filled",
        theirs=f"{found.cum_qty} filled",
        evidence=f"the broker's order {found.order_id} says so",
        repair="fetch its executions from the broker and book them",
        is_open=True,
        symbol=ours.symbol,
        proposal=Proposal(symbol=ours.symbol),
    )


def _status_break(ours: Order, found: ExecutionReport) -> Break | None:
    """What we had not heard; that the broker has an order, and news of it are on their way, is
    no difference."""
    if ours.venue_status in _ON_THE_WAY and found.ord_status in _TAKEN:
        return None
    column = booking.column(ours, found, ours.order_qty)
    following = None if column is None else next_status(ours.venue_status, column)
    if following in (None, ours.venue_status):
        return None
    return Break(
        cause=BreakCause.LATE_ACK,
        subject=ours.cl_ord_id,
        ours=ours.venue_status.value,
        theirs=found.ord_status.value,
        evidence=f"the broker's order {found.order_id} says so",
        repair="take the broker's word",
        is_open=True,
        symbol=ours.symbol,
        proposal=Proposal(symbol=ours.symbol),
    )


def _missing(ours: Order) -> Break:
    is_unknown = ours.venue_status is OrdStatus.UNKNOWN
    return Break(
        cause=BreakCause.MISSING_ORDER,
        subject=ours.cl_ord_id,
        ours=ours.venue_status.value,
        theirs="none",
        evidence="asked by id, the broker knows no such order",
        repair="it is still being looked up" if is_unknown else "ask the broker what became of it",
        is_open=True,
        symbol=ours.symbol,
        proposal=None if is_unknown else Proposal(symbol=ours.symbol),
    )


def _external(ours: Order | None, found: ExecutionReport) -> Break:
    return Break(
        cause=BreakCause.EXTERNAL_ORDER,
        subject=found.cl_ord_id or found.order_id,
        symbol=found.symbol,
        ours="none" if ours is None else "kept apart",
        theirs=f"{found.side} {found.order_qty} {found.symbol}, {found.ord_status}",
        evidence=f"no order of this desk has the broker's order {found.order_id}",
        repair="kept apart; its executions are booked",
        is_open=False,
    )


def stranger_break(order: Order) -> Break:
    """An order from elsewhere that is kept already."""
    return Break(
        cause=BreakCause.EXTERNAL_ORDER,
        subject=order.cl_ord_id,
        symbol=order.symbol,
        ours="kept apart",
        theirs=f"{_terms(order)}, {order.venue_status}",
        evidence=f"no order of this desk has the broker's order {order.order_id}",
        repair="kept apart; its executions are booked",
        is_open=False,
    )


def is_the_brokers(cl_ord_id: str, origin: str, marks: Sequence[str]) -> bool:
    """Whether the broker placed the order on its own: it says so, or gave it a name of its own."""
    return bool(origin) or cl_ord_id.startswith(tuple(marks))


def by_the_broker(found: Break, origin: str) -> Break:
    """The order from elsewhere, as one that the broker placed on its own: somebody should look
    before more is done in its symbol."""
    mark = f"its source, {origin}" if origin else "how it is called"
    return replace(
        found,
        cause=BreakCause.BROKER_ACTION,
        evidence=f"{found.evidence}; {mark} marks it as the broker's",
        repair="its executions are booked; ask the broker why it traded, then approve",
        is_open=True,
        proposal=Proposal(symbol=found.symbol),
    )


def _terms(order: Order) -> str:
    size = order.order_qty if order.order_qty is not None else f"${order.request.notional}"
    return f"{order.side} {size} {order.symbol}"
