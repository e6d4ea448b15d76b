"""Writes orders and the frames that tell of them as JSON, as little of them anew as possible.

Orders of a kind differ in a few places, and so do the states of one order. Each kind has a form:
its plain text with blanks. An order fills some of them once, and each of its states the rest.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Raw
from msgspec.structs import astuple

from floorbroker.exchange.model import TERMINAL, ZERO, Execution, VenueEvent, VenueOrder
from floorbroker.exchange.wire.orders import average_text, order_view
from floorbroker.exchange.wire.words import encode, number, time_bytes

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
_CUT = re.compile(b"(\0)")
_BARE, _QUOTED = Raw(_BLANK), Raw(b'"%b"' % _BLANK)
#: Orders that ended so are hardly told again: a form for each moment would be of no use.
_ENDED_UNFILLED = TERMINAL - {"filled"}
_NULL, _ZERO = b"null", b'"0"'
#: The blanks among the parts of a form; those that a life ends with differ from where it began.
_BLANKS = slice(1, None, 2)
_FILLED_AT, _FILLED_QTY, _AVERAGE, _STATUS = 11, 15, 17, 21

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
        self._values: Values = ("",)  # of the last order, its identifier first
        self._kind: Values = ()
        #: The last order's form with its blanks filled, and what fills them in all its states.
        self._parts: list[bytes] = []
        self._id = self._name = self._created_at = self._submitted_at = b""
        #: Amounts that the next order, and its fills, mostly repeat.
        self._qty: Decimal | None = None
        self._limit_px: Decimal | None = None
        self._qty_text = self._limit_text = _NULL
        self._average_px, self._average_text = ZERO, _ZERO
        self._time_ns, self._time = -1, b""

    def text(self, order: VenueOrder) -> bytes:
        if order is self._order:
            return self._text
        if order.legs or order.status in _ENDED_UNFILLED:
            text = encode(order_view(order))
        else:
            values = astuple(order)
            if values[0] != self._values[0] or values[_LASTING] != self._values[_LASTING]:
                self._begin(order, values)
            filled_at, filled_qty, average = _NULL, _ZERO, _NULL
            if order.filled_ns is not None:
                filled_at = b'"%b"' % self._moment(order.filled_ns)
            if qty := order.filled_qty:
                filled_qty = self._qty_text if qty == self._qty else _amount(qty)
                average = self._average(order.filled_notional, qty)
            updated_ns = order.updated_ns
            self._parts[_BLANKS] = (
                self._id,
                self._name,
                self._created_at,
                self._time if updated_ns == self._time_ns else self._moment(updated_ns),
                self._submitted_at,
                filled_at,
                self._qty_text,
                filled_qty,
                average,
                self._limit_text,
                order.status.encode(),
            )
            text = b"".join(self._parts)
        self._order, self._text = order, text
        return text

    def frames(self, events: Sequence[VenueEvent], account: str | None = None) -> list[bytes]:
        """The `trade_updates` frame of each, or of an account's.

        Price and quantities are of its own fill.
        """
        frames = []
        for event in events:
            if account is not None and event.account != account:
                continue
            if event.new_id:
                frames += self._life(event.steps())
                continue
            order, fill, event_id = event.order, event.execution, event.execution_id
            text = self._text if order is self._order else self.text(order)
            time = self._moment(event.time_ns)
            head = _HEADS.get(event.event) or _head_of(event.event)
            if fill is not None:
                frame = self._fill_frame(head, time, text, fill)
            elif event_id is not None:
                tail = b',"execution_id":"', event_id.encode(), b'"}}'
                frame = b"".join((head, time, _ORDER, text, *tail))
            else:
                frame = b"".join((head, time, _ORDER, text, b"}}"))
            frames.append(frame)
        return frames

    def _life(self, events: Sequence[VenueEvent]) -> list[bytes]:
        """The frames of a life that ended as it began.

        What differs in the order's text from one to the next is its status, and what its one fill
        made of it.
        """
        pending, new, filled = events
        order, fill, text = filled.order, filled.execution, self.text(pending.order)
        assert fill is not None, "a fill ends the life"
        assert new.execution_id is not None, "a routed order's event has a name"
        now = self._time if filled.time_ns == self._time_ns else self._moment(filled.time_ns)
        parts, px, limit_text = self._parts, fill.price, self._limit_text
        end = parts[-1]
        parts[_FILLED_AT], parts[_FILLED_QTY] = b'"%b"' % now, self._qty_text
        parts[_AVERAGE] = (
            self._average_text
            if px == self._average_px
            else self._average(order.filled_notional, order.filled_qty)
        )
        parts[_STATUS] = b"filled"
        px_text = limit_text if px == self._limit_px else _amount(px)
        # fmt: off
        return [
            b"".join((_PENDING_HEAD, now, _ORDER, text, b"}}")),
            b"".join((
                _NEW_HEAD, now, _ORDER, text[: -len(_PENDING) - len(end)], b"new", end,
                b',"execution_id":"', new.execution_id.encode(), b'"}}',
            )),
            b"".join((
                _FILL_HEAD, now, _ORDER, *parts,
                b',"execution_id":"', fill.execution_id.encode(),
                b'","price":', px_text, b',"qty":', self._qty_text,
                b',"position_qty":', _amount(fill.position_qty), b"}}",
            )),
        ]
        # fmt: on

    def _begin(self, order: VenueOrder, values: Values) -> None:
        """Write what stays as it is in all states of an order."""
        kind = values[_KIND]
        if kind != self._kind:
            self._parts, self._kind = list(self._form_of(order, kind)), kind
        if order.qty != self._qty:
            self._qty, self._qty_text = order.qty, _amount(order.qty)
        if order.limit_price != self._limit_px:
            self._limit_px, self._limit_text = order.limit_price, _amount(order.limit_price)
        self._id, self._name = order.id.encode(), encode(order.client_order_id)
        created_ns, submitted_ns = order.created_ns, order.submitted_ns
        self._created_at = created_at = self._moment(created_ns)
        is_same = submitted_ns == created_ns
        self._submitted_at = created_at if is_same else self._moment(submitted_ns)
        self._values = values

    def _average(self, notional: Decimal, qty: Decimal) -> bytes:
        """The average price of fills; mostly the price at which the last order was filled too."""
        if notional != qty * self._average_px:
            self._average_px = notional / qty
            self._average_text = b'"' + average_text(notional, qty).encode() + b'"'
        return self._average_text

    def _fill_frame(self, head: bytes, time: bytes, text: bytes, fill: Execution) -> bytes:
        qty, px, undone = fill.qty, fill.price, fill.previous_execution_id
        # fmt: off
        return b"".join((
            head, time, _ORDER, text,
            b',"execution_id":"', fill.execution_id.encode(),
            b'","price":', self._limit_text if px == self._limit_px else _amount(px),
            b',"qty":', self._qty_text if qty == self._qty else _amount(qty),
            b',"position_qty":', _amount(fill.position_qty),
            b"}}" if undone is None else b',"previous_execution_id":"%b"}}' % undone.encode(),
        ))
        # fmt: on

    def _form_of(self, order: VenueOrder, kind: Values) -> tuple[bytes, ...]:
        forms = self._forms
        form = forms.get(kind)
        if form is None:
            if len(forms) >= FORMS_MAX:
                forms.clear()
            form = forms[kind] = form_of(order)
        return form

    def _moment(self, time_ns: int) -> bytes:
        """A time's text; the latest are remembered."""
        text = _times.get(time_ns)
        if text is None:
            if len(_times) >= _TIMES_MAX:
                _times.clear()
            text = _times[time_ns] = time_bytes(time_ns)
        self._time_ns, self._time = time_ns, text
        return text


def form_of(order: VenueOrder) -> tuple[bytes, ...]:
    """The plain text of orders of its kind, cut at the blanks, each of which is a part."""
    view = order_view(order)
    for name in ("id", "created_at", "updated_at", "submitted_at", "status"):
        setattr(view, name, _QUOTED)
    for name in ("client_order_id", "filled_at", "qty", "filled_qty", "filled_avg_price"):
        setattr(view, name, _BARE)
    view.limit_price = _BARE  # type: ignore[assignment]  # a blank, as those above
    return tuple(_CUT.split(encode(view)))


def _head_of(event: str) -> bytes:
    return b'{"stream":"trade_updates","data":{"event":"%b","timestamp":"' % event.encode()


_HEADS = {event: _head_of(event) for event in ("pending_new", "new", "partial_fill", "fill")}
_PENDING_HEAD, _NEW_HEAD, _FILL_HEAD = (_HEADS[name] for name in ("pending_new", "new", "fill"))
_ORDER, _PENDING = b'","order":', b"pending_new"
#: The latest times as text: what happens at once is told often.
_times: dict[int, bytes] = {}


def _amount(value: Decimal | None) -> bytes:
    return _NULL if value is None else f'"{number(value)}"'.encode()
