"""Writes orders and the frames that tell of them as JSON, as little of them anew as possible.

Orders of a kind differ in a few places, and so do the states of one order. Each kind has a form:
its plain text with blanks. An order fills some of them once, and each of its states the rest.
"""

from collections.abc import Iterable
from decimal import Decimal
from operator import itemgetter

from msgspec import Raw
from msgspec.structs import astuple

from floorbroker.exchange.model import TERMINAL, Execution, VenueEvent, VenueOrder
from floorbroker.exchange.wire.orders import average_text, order_view
from floorbroker.exchange.wire.words import encode, number, time_text

#: Kinds of orders whose forms are kept at a time.
FORMS_MAX = 512
_TIMES_MAX = 1024

_place_of = VenueOrder.__struct_fields__.index


def _getter(*names: str) -> "itemgetter[tuple[object, ...]]":
    """Takes these fields out of an order's values: a tuple is read faster than an object."""
    return itemgetter(*map(_place_of, names))


#: What the blanks of a form hold in all states of an order; the other blanks differ in each.
_own_of = _getter("id", "client_order_id", "created_ns", "submitted_ns", "qty", "limit_price")
#: Everything else on the wire but for legs.
_kind_of = _getter(
    *("expired_ns", "expires_ns", "canceled_ns", "failed_ns", "replaced_ns"),
    *("replaced_by", "replaces", "asset_id", "symbol", "asset_class", "notional"),
    *("order_class", "type", "side", "time_in_force", "stop_price", "extended_hours"),
    *("trail_percent", "trail_price", "hwm", "position_intent"),
)
#: Of an order's values, those before its status and those after it.
_BEFORE, _AFTER = slice(_place_of("status")), slice(_place_of("status") + 1, None)
#: No JSON text holds this letter, so a form can be cut at its blanks.
_BLANK = b"\0"
_BARE, _QUOTED = Raw(_BLANK), Raw(b'"%b"' % _BLANK)
#: Orders that ended so are hardly told again: a form for each moment would be of no use.
_ENDED_UNFILLED = TERMINAL - {"filled"}
_NULL, _ZERO = b"null", b'"0"'

Values = tuple[object, ...]


class _Times(dict[int, bytes]):
    """Times as text, the latest of them remembered: what happens at once is told often."""

    def __missing__(self, time_ns: int) -> bytes:
        if len(self) >= _TIMES_MAX:
            self.clear()
        text = self[time_ns] = time_text(time_ns).encode()
        return text


_times = _Times()


class OrderWriter:
    """Writes orders as `encode(order_view(order))` does, and `trade_updates` frames.

    It is given copies, which never change. The copy written last is known by its identity: an
    answer and the frame beside it show the same one. Where another differs from it in the status
    alone, only that is written anew.
    """

    def __init__(self) -> None:
        self._forms: dict[Values, list[bytes]] = {}
        self._order: VenueOrder | None = None
        self._text = b""
        self._values: Values = ()  # of the order whose text is kept in two parts
        self._to_status = self._to_end = b""
        self._own: Values = ()
        self._own_texts: tuple[bytes, ...] = ()
        self._kind: Values = ()
        self._form: list[bytes] = []

    def text(self, order: VenueOrder) -> bytes:
        if order is self._order:
            return self._text
        values, last = astuple(order), self._values
        if order.legs or order.status in _ENDED_UNFILLED:
            text = encode(order_view(order))
        else:
            if values[_AFTER] != last[_AFTER] or values[_BEFORE] != last[_BEFORE]:
                self._fill_in(order, values)
            text = b"".join((self._to_status, order.status.encode(), self._to_end))
        self._order, self._text = order, text
        return text

    def frames(self, events: Iterable[VenueEvent]) -> list[bytes]:
        """The `trade_updates` frame of each; price and quantities are of its own fill."""
        frames = []
        for event in events:
            fill = event.execution
            if fill is not None:
                tail = _fill_tail(fill)
            elif event.execution_id is None:
                tail = b"}}"
            else:
                tail = f',"execution_id":"{event.execution_id}"}}}}'.encode()
            text, time = self.text(event.order), _times[event.time_ns]
            head = b'{"stream":"trade_updates","data":{"event":"'
            name = event.event.encode()
            parts = (head, name, b'","timestamp":"', time, b'","order":', text, tail)
            frames.append(b"".join(parts))
        return frames

    def _fill_in(self, order: VenueOrder, values: Values) -> None:
        """Write the order's text in two parts: what stands before its status, and after it."""
        kind, own = _kind_of(values), _own_of(values)
        if kind != self._kind:
            self._form, self._kind = self._form_of(order, kind), kind
        if own != self._own:
            self._own_texts, self._own = own_texts(order), own
        name, order_id, created_at, submitted_at, qty_text, limit_text = self._own_texts
        # fmt: off
        (
            to_id, to_name, to_created, to_updated, to_submitted, to_filled_at,
            to_qty, to_filled_qty, to_average, to_limit, to_status, self._to_end,
        ) = self._form
        # fmt: on
        filled_at, filled_qty, average = _NULL, _ZERO, _NULL
        if order.filled_ns is not None:
            filled_at = b'"%b"' % _times[order.filled_ns]
        if qty := order.filled_qty:
            filled_qty, average = _amount(qty), _average(order)
        # fmt: off
        parts = (
            to_id, order_id, to_name, name, to_created, created_at,
            to_updated, _times[order.updated_ns], to_submitted, submitted_at,
            to_filled_at, filled_at, to_qty, qty_text, to_filled_qty, filled_qty,
            to_average, average, to_limit, limit_text, to_status,
        )
        # fmt: on
        self._to_status = b"".join(parts)
        self._values = values

    def _form_of(self, order: VenueOrder, kind: Values) -> list[bytes]:
        forms = self._forms
        form = forms.get(kind)
        if form is None:
            if len(forms) >= FORMS_MAX:
                forms.clear()
            form = forms[kind] = form_of(order)
        return form


def form_of(order: VenueOrder) -> list[bytes]:
    """The plain text of orders of its kind, cut at the blanks."""
    view = order_view(order)
    for name in ("id", "created_at", "updated_at", "submitted_at", "status"):
        setattr(view, name, _QUOTED)
    for name in ("client_order_id", "filled_at", "qty", "filled_qty", "filled_avg_price"):
        setattr(view, name, _BARE)
    view.limit_price = _BARE  # type: ignore[assignment]  # a blank, as those above
    return encode(view).split(_BLANK)


def own_texts(order: VenueOrder) -> tuple[bytes, ...]:
    """What an order fills in whatever its state."""
    qty, limit_px, created_at = order.qty, order.limit_price, _times[order.created_ns]
    return (
        encode(order.client_order_id),
        order.id.encode(),
        created_at,
        created_at if order.submitted_ns == order.created_ns else _times[order.submitted_ns],
        _NULL if qty is None else _amount(qty),
        _NULL if limit_px is None else _amount(limit_px),
    )


def _fill_tail(fill: Execution) -> bytes:
    undone = fill.previous_execution_id
    more = "" if undone is None else f',"previous_execution_id":"{undone}"'
    return (
        f',"execution_id":"{fill.execution_id}","price":"{number(fill.price)}",'
        f'"qty":"{number(fill.qty)}","position_qty":"{number(fill.position_qty)}"{more}}}}}'
    ).encode()


def _amount(value: Decimal) -> bytes:
    return f'"{number(value)}"'.encode()


def _average(order: VenueOrder) -> bytes:
    return f'"{average_text(order.filled_notional, order.filled_qty)}"'.encode()
