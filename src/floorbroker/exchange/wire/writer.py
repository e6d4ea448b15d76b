"""Writes orders and the frames that tell of them as JSON, as little of them anew as possible.

Orders of a kind differ in a few places, and so do the states of one order. Each kind has a form:
its plain text with blanks. An order fills some of them once, which makes its draft; each of its
states fills the rest.
"""

from decimal import Decimal
from functools import lru_cache
from operator import attrgetter

from msgspec import Raw, Struct

from floorbroker.exchange.model import TERMINAL, VenueEvent, VenueOrder
from floorbroker.exchange.wire.orders import average_text, order_view
from floorbroker.exchange.wire.words import encode, number, wire_time

#: Kinds of orders whose forms are kept at a time.
FORMS_MAX = 512

#: The blanks that one order fills, and those that each of its states fills: see `Draft`.
_own_of = attrgetter(
    *("id", "client_order_id", "created_ns", "submitted_ns", "qty", "limit_price")
)
#: Everything else on the wire but for legs.
_kind_of = attrgetter(
    *("expired_ns", "expires_ns", "canceled_ns", "failed_ns", "replaced_ns"),
    *("replaced_by", "replaces", "asset_id", "symbol", "asset_class", "notional"),
    *("order_class", "type", "side", "time_in_force", "stop_price", "extended_hours"),
    *("trail_percent", "trail_price", "hwm", "position_intent"),
)
#: No JSON text holds this letter, so a form can be cut at its blanks.
_BLANK = b"\0"
_BARE, _QUOTED = Raw(_BLANK), Raw(b'"%b"' % _BLANK)
#: Orders that ended so are hardly told again: a form for each moment would be of no use.
_ENDED_UNFILLED = TERMINAL - {"filled"}
_NULL = b"null"

Values = tuple[object, ...]


class OrderWriter:
    """Writes orders as `encode(order_view(order))` does, and `trade_updates` frames.

    It is given copies, which never change. The copy written last is known by its identity: an
    answer and the frame beside it show the same one.
    """

    def __init__(self) -> None:
        self._forms: dict[Values, list[bytes]] = {}
        self._order: VenueOrder | None = None
        self._parts: tuple[bytes, ...] = ()
        self._own: Values = ()
        self._kind: Values = ()
        self._form: list[bytes]
        self._draft: Draft

    def text(self, order: VenueOrder) -> bytes:
        return b"".join(self._written(order))

    def frame(self, event: VenueEvent) -> bytes:
        """The `trade_updates` frame of a venue's event; price and quantities are of this fill."""
        order = self._written(event.order)
        head, time = _frame_head(event.event), _time(event.time_ns)
        fill = event.execution
        if fill is not None:
            tail = (
                f',"execution_id":"{fill.execution_id}","price":"{number(fill.price)}",'
                f'"qty":"{number(fill.qty)}","position_qty":"{number(fill.position_qty)}"'
            )
            if (undone := fill.previous_execution_id) is not None:
                tail += f',"previous_execution_id":"{undone}"'
        else:
            name = event.execution_id
            tail = "" if name is None else f',"execution_id":"{name}"'
        return b"".join((head, time, b'","order":', *order, tail.encode(), b"}}"))

    def _written(self, order: VenueOrder) -> tuple[bytes, ...]:
        """The order's text in parts, ready to be joined with what goes around it."""
        if order is self._order:
            return self._parts
        if order.legs or order.status in _ENDED_UNFILLED:
            parts: tuple[bytes, ...] = (encode(order_view(order)),)
        else:
            own, kind = _own_of(order), _kind_of(order)
            if kind != self._kind:
                self._form = self._form_of(order, kind)
                self._own, self._kind = (), kind
            if own != self._own:
                self._draft = draft_of(order, self._form)
                self._own = own
            parts = filled_in(self._draft, order)
        self._order, self._parts = order, parts
        return parts

    def _form_of(self, order: VenueOrder, kind: Values) -> list[bytes]:
        forms = self._forms
        form = forms.get(kind)
        if form is None:
            if len(forms) >= FORMS_MAX:
                forms.clear()
            form = forms[kind] = form_of(order)
        return form


class Draft(Struct, frozen=True, gc=False):
    """An order's text but for what usually changes: each part leads up to one such value."""

    to_updated_at: bytes
    to_filled_at: bytes
    to_filled_qty: bytes
    to_average: bytes
    to_status: bytes
    to_end: bytes


def form_of(order: VenueOrder) -> list[bytes]:
    """The plain text of orders of its kind, cut at the blanks."""
    view = order_view(order)
    for name in ("id", "created_at", "updated_at", "submitted_at", "filled_qty", "status"):
        setattr(view, name, _QUOTED)
    for name in ("client_order_id", "filled_at", "qty", "filled_avg_price", "limit_price"):
        setattr(view, name, _BARE)
    return encode(view).split(_BLANK)


def draft_of(order: VenueOrder, form: list[bytes]) -> Draft:
    """The form with the order's own values."""
    to_id, to_name, to_created, to_updated, to_submitted, to_filled_at, *rest = form
    to_qty, to_filled_qty, to_average, to_limit, to_status, to_end = rest
    name, created_at = encode(order.client_order_id), _time(order.created_ns)
    qty, limit_px = order.qty, order.limit_price
    return Draft(
        b"".join((to_id, order.id.encode(), to_name, name, to_created, created_at, to_updated)),
        b"".join((to_submitted, _time(order.submitted_ns), to_filled_at)),
        b"".join((to_qty, _NULL if qty is None else _amount(qty), to_filled_qty)),
        to_average,
        b"".join((to_limit, _NULL if limit_px is None else _amount(limit_px), to_status)),
        to_end,
    )


def filled_in(draft: Draft, order: VenueOrder) -> tuple[bytes, ...]:
    """The draft with the values of the order's present state."""
    at_ns, qty = order.filled_ns, order.filled_qty
    return (
        draft.to_updated_at,
        _time(order.updated_ns),
        draft.to_filled_at,
        _NULL if at_ns is None else b'"%b"' % _time(at_ns),
        draft.to_filled_qty,
        number(qty).encode(),
        draft.to_average,
        b'"%b"' % average_text(order.filled_notional, qty).encode() if qty else _NULL,
        draft.to_status,
        order.status.encode(),
        draft.to_end,
    )


@lru_cache(maxsize=1024)
def _time(time_ns: int) -> bytes:
    return wire_time(time_ns).encode()


@lru_cache(maxsize=4096)
def _amount(value: Decimal) -> bytes:
    return f'"{number(value)}"'.encode()


@lru_cache(maxsize=64)
def _frame_head(event: str) -> bytes:
    head = f'{{"stream":"trade_updates","data":{{"event":"{event}","timestamp":"'
    return head.encode()
