"""Writes orders and the frames that tell of them as JSON, as little of them anew as possible.

Orders of a kind differ in a few places, and so do the states of one order. Each kind has a form:
its plain text with blanks. An order fills some of them once, and each of its states the rest.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Raw
from msgspec.structs import astuple

from floorbroker.exchange.model import TERMINAL, ZERO, Execution, VenueEvent, VenueOrder
from floorbroker.exchange.wire.orders import average_text, order_view
from floorbroker.exchange.wire.words import encode, number, time_text

#: Kinds of orders whose forms are kept at a time.
FORMS_MAX = 512
_TIMES_MAX = 1024

_place_of = VenueOrder.__struct_fields__.index

#: Of an order's values, those that all its states mostly share; and among these, what others of
#: its kind say too.
_LASTING = slice(_place_of("limit_price") + 1)
_KIND = slice(_place_of("asset_id"), _place_of("qty"))
#: No JSON text holds this letter, so a form can be cut at its blanks.
_BLANK = b"\0"
_BARE, _QUOTED = Raw(_BLANK), Raw(b'"%b"' % _BLANK)
#: Orders that ended so are hardly told again: a form for each moment would be of no use.
_ENDED_UNFILLED = TERMINAL - {"filled"}
_NULL, _ZERO = b"null", b'"0"'

Values = tuple[object, ...]


class OrderWriter:
    """Writes orders as `encode(order_view(order))` does, and `trade_updates` frames.

    It is given copies, which never change. The copy written last is known by its identity: an
    answer and the frame beside it show the same one. Of the next state of the same order, only
    what an order's states differ in is written anew.
    """

    def __init__(self) -> None:
        self._forms: dict[Values, tuple[bytes, ...]] = {}
        self._order: VenueOrder | None = None
        self._text = b""
        self._lasting: Values = ()
        self._kind: Values = ()
        self._form: tuple[bytes, ...] = ()
        #: The order's text between the blanks that differ in each state.
        self._parts: tuple[bytes, ...] = ()
        #: Amounts that the next order, and its fills, mostly repeat.
        self._qty: Decimal | None = None
        self._limit_px: Decimal | None = None
        self._qty_text = self._limit_text = _NULL
        self._average_px, self._average_text = ZERO, _ZERO

    def text(self, order: VenueOrder) -> bytes:
        if order is self._order:
            return self._text
        if order.legs or order.status in _ENDED_UNFILLED:
            text = encode(order_view(order))
        else:
            lasting = astuple(order)[_LASTING]
            if lasting != self._lasting:
                self._begin(order, lasting)
            to_updated, to_filled_at, to_filled_qty, to_average, to_status, to_end = self._parts
            updated_at = _times.get(order.updated_ns) or _moment(order.updated_ns)
            filled_at, filled_qty, average = _NULL, _ZERO, _NULL
            if (filled_ns := order.filled_ns) is not None:
                filled_at = b'"' + (_times.get(filled_ns) or _moment(filled_ns)) + b'"'
            if qty := order.filled_qty:
                filled_qty = self._qty_text if qty == self._qty else _amount(qty)
                average = self._average(order.filled_notional, qty)
            # fmt: off
            text = b"".join((
                to_updated, updated_at, to_filled_at, filled_at, to_filled_qty, filled_qty,
                to_average, average, to_status, order.status.encode(), to_end,
            ))
            # fmt: on
        self._order, self._text = order, text
        return text

    def frames(self, events: Iterable[VenueEvent]) -> list[bytes]:
        """The `trade_updates` frame of each; price and quantities are of its own fill."""
        frames = []
        for event in events:
            order, fill, event_id = event.order, event.execution, event.execution_id
            text = self._text if order is self._order else self.text(order)
            time = _times.get(event.time_ns) or _moment(event.time_ns)
            head = _HEADS.get(event.event) or _head_of(event.event)
            if fill is not None:
                frame = (head, time, b'","order":', text, *self._fill_tail(fill))
            elif event_id is not None:
                own = b',"execution_id":"', event_id.encode(), b'"}}'
                frame = (head, time, b'","order":', text, *own)
            else:
                frame = (head, time, b'","order":', text, b"}}")
            frames.append(b"".join(frame))
        return frames

    def _begin(self, order: VenueOrder, lasting: Values) -> None:
        """Write what stays as it is in all states of an order."""
        kind = lasting[_KIND]
        if kind != self._kind:
            self._form, self._kind = self._form_of(order, kind), kind
        if order.qty != self._qty:
            self._qty, self._qty_text = order.qty, _amount(order.qty)
        if order.limit_price != self._limit_px:
            self._limit_px, self._limit_text = order.limit_price, _amount(order.limit_price)
        created_ns, submitted_ns = order.created_ns, order.submitted_ns
        created_at = _times.get(created_ns) or _moment(created_ns)
        submitted_at = _times.get(submitted_ns) or _moment(submitted_ns)
        order_id, name = order.id.encode(), encode(order.client_order_id)
        # fmt: off
        (
            to_id, to_name, to_created, to_updated, to_submitted, to_filled_at,
            to_qty, to_filled_qty, to_average, to_limit, to_status, to_end,
        ) = self._form
        # fmt: on
        self._parts = (
            b"".join((to_id, order_id, to_name, name, to_created, created_at, to_updated)),
            to_submitted + submitted_at + to_filled_at,
            to_qty + self._qty_text + to_filled_qty,
            to_average,
            to_limit + self._limit_text + to_status,
            to_end,
        )
        self._lasting = lasting

    def _average(self, notional: Decimal, qty: Decimal) -> bytes:
        """The average price of fills; mostly the price at which the last order was filled too."""
        if notional != qty * self._average_px:
            self._average_px = notional / qty
            self._average_text = b'"' + average_text(notional, qty).encode() + b'"'
        return self._average_text

    def _fill_tail(self, fill: Execution) -> tuple[bytes, ...]:
        qty, px, undone = fill.qty, fill.price, fill.previous_execution_id
        return (
            b',"execution_id":"',
            fill.execution_id.encode(),
            b'","price":',
            self._limit_text if px == self._limit_px else _amount(px),
            b',"qty":',
            self._qty_text if qty == self._qty else _amount(qty),
            b',"position_qty":',
            _amount(fill.position_qty),
            b"}}" if undone is None else f',"previous_execution_id":"{undone}"}}}}'.encode(),
        )

    def _form_of(self, order: VenueOrder, kind: Values) -> tuple[bytes, ...]:
        forms = self._forms
        form = forms.get(kind)
        if form is None:
            if len(forms) >= FORMS_MAX:
                forms.clear()
            form = forms[kind] = form_of(order)
        return form


def form_of(order: VenueOrder) -> tuple[bytes, ...]:
    """The plain text of orders of its kind, cut at the blanks."""
    view = order_view(order)
    for name in ("id", "created_at", "updated_at", "submitted_at", "status"):
        setattr(view, name, _QUOTED)
    for name in ("client_order_id", "filled_at", "qty", "filled_qty", "filled_avg_price"):
        setattr(view, name, _BARE)
    view.limit_price = _BARE  # type: ignore[assignment]  # a blank, as those above
    return tuple(encode(view).split(_BLANK))


def _head_of(event: str) -> bytes:
    return b'{"stream":"trade_updates","data":{"event":"%b","timestamp":"' % event.encode()


_HEADS = {event: _head_of(event) for event in ("pending_new", "new", "partial_fill", "fill")}
#: The latest times as text: what happens at once is told often.
_times: dict[int, bytes] = {}


def _moment(time_ns: int) -> bytes:
    """A time's text, remembered."""
    if len(_times) >= _TIMES_MAX:
        _times.clear()
    text = _times[time_ns] = time_text(time_ns).encode()
    return text


def _amount(value: Decimal | None) -> bytes:
    return _NULL if value is None else f'"{number(value)}"'.encode()
