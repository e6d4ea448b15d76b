"""Writes orders and the frames that tell of them as JSON, as little of them anew as possible.

Orders of a kind differ in a few places, and so do the states of one order. Each kind has a form:
its plain text with blanks. An order fills some of them once, and each of its states the rest.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter

from msgspec import Raw

from floorbroker.exchange.model import TERMINAL, VenueEvent, VenueOrder
from floorbroker.exchange.wire.orders import average_text, order_view
from floorbroker.exchange.wire.words import encode, number, wire_time

#: Kinds of orders whose forms are kept at a time.
FORMS_MAX = 512

#: What the blanks of a form hold in all states of an order; the other blanks differ in each.
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
        self._forms: dict[Values, bytes] = {}
        self._order: VenueOrder | None = None
        self._text = b""
        self._own: Values = ()
        self._own_texts: tuple[bytes, ...] = ()
        self._kind: Values = ()
        self._form = b""

    def text(self, order: VenueOrder) -> bytes:
        if order is self._order:
            return self._text
        if order.legs or order.status in _ENDED_UNFILLED:
            text = encode(order_view(order))
        else:
            kind, own = _kind_of(order), _own_of(order)
            if kind != self._kind:
                self._form, self._kind = self._form_of(order, kind), kind
            if own != self._own:
                self._own_texts, self._own = own_texts(order), own
            order_id, name, created_at, submitted_at, qty_text, limit_text = self._own_texts
            at_ns, qty = order.filled_ns, order.filled_qty
            text = self._form % (
                order_id,
                name,
                created_at,
                _time(order.updated_ns),
                submitted_at,
                _NULL if at_ns is None else b'"%b"' % _time(at_ns),
                qty_text,
                _amount(qty),
                _average(order.filled_notional, qty) if qty else _NULL,
                limit_text,
                order.status.encode(),
            )
        self._order, self._text = order, text
        return text

    def frames(self, events: Iterable[VenueEvent]) -> list[bytes]:
        """The `trade_updates` frame of each; price and quantities are of its own fill."""
        frames = []
        for event in events:
            fill = event.execution
            if fill is not None:
                tail = b',"execution_id":"%b","price":%b,"qty":%b,"position_qty":"%b"' % (
                    fill.execution_id.encode(),
                    _amount(fill.price),
                    _amount(fill.qty),
                    number(fill.position_qty).encode(),
                )
                if (undone := fill.previous_execution_id) is not None:
                    tail += b',"previous_execution_id":"%b"' % undone.encode()
            else:
                name = event.execution_id
                tail = b"" if name is None else b',"execution_id":"%b"' % name.encode()
            frames.append(
                b'{"stream":"trade_updates","data":{"event":"%b","timestamp":"%b","order":%b%b}}'
                % (event.event.encode(), _time(event.time_ns), self.text(event.order), tail)
            )
        return frames

    def _form_of(self, order: VenueOrder, kind: Values) -> bytes:
        forms = self._forms
        form = forms.get(kind)
        if form is None:
            if len(forms) >= FORMS_MAX:
                forms.clear()
            form = forms[kind] = form_of(order)
        return form


def form_of(order: VenueOrder) -> bytes:
    """The plain text of orders of its kind, ready for `%` to fill in its blanks."""
    view = order_view(order)
    for name in ("id", "created_at", "updated_at", "submitted_at", "status"):
        setattr(view, name, _QUOTED)
    for name in ("client_order_id", "filled_at", "qty", "filled_qty", "filled_avg_price"):
        setattr(view, name, _BARE)
    view.limit_price = _BARE  # type: ignore[assignment]  # a blank, as those above
    return encode(view).replace(b"%", b"%%").replace(_BLANK, b"%b")


def own_texts(order: VenueOrder) -> tuple[bytes, ...]:
    """What an order fills in whatever its state, in the order of the blanks."""
    qty, limit_px = order.qty, order.limit_price
    return (
        order.id.encode(),
        encode(order.client_order_id),
        _time(order.created_ns),
        _time(order.submitted_ns),
        _NULL if qty is None else _amount(qty),
        _NULL if limit_px is None else _amount(limit_px),
    )


@lru_cache(maxsize=1024)
def _time(time_ns: int) -> bytes:
    return wire_time(time_ns).encode()


@lru_cache(maxsize=4096)
def _amount(value: Decimal) -> bytes:
    return f'"{number(value)}"'.encode()


@lru_cache(maxsize=4096)
def _average(notional: Decimal, qty: Decimal) -> bytes:
    return f'"{average_text(notional, qty)}"'.encode()
