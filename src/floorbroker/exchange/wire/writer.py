"""Writes orders and the frames that tell of them as JSON, as little of them anew as possible.

Orders of a kind differ in a few places, and so do the states of one order. Each kind has a form:
its plain text with blanks. An order fills some of them once, and each of its states the rest.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import astuple

from floorbroker.exchange.model import TERMINAL, ZERO, Execution, VenueEvent, VenueOrder
from floorbroker.exchange.wire.forms import (
    FORMS_MAX,
    NULL,
    ORDER,
    ZERO_TEXT,
    amount,
    form_of,
    head_of,
)
from floorbroker.exchange.wire.lives import LifeWriter
from floorbroker.exchange.wire.orders import average_text, order_view
from floorbroker.exchange.wire.words import encode, time_bytes

_TIMES_MAX = 1024

_place_of = VenueOrder.__struct_fields__.index

#: Of an order's values, those that all its states mostly share; and among these, what others of
#: its kind say too.
_LASTING = slice(_place_of("limit_price") + 1)
_KIND = slice(_place_of("asset_id"), _place_of("qty"))
#: Orders that ended so are hardly told again: a form for each moment would be of no use.
_ENDED_UNFILLED = TERMINAL - {"filled"}
_BLANKS = slice(1, None, 2)  # among the parts of a form

Values = tuple[object, ...]


class OrderWriter:
    """Writes orders as `encode(order_view(order))` does, and `trade_updates` frames.

    It is given copies, which never change. The copy written last is known by its identity: an
    answer and the frame beside it show the same one. Of the next state of the same order, only
    what an order's states differ in is written anew.
    """

    def __init__(self) -> None:
        self.lives = LifeWriter()
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
        self._qty_text = self._limit_text = NULL
        self._average_px, self._average_text = ZERO, ZERO_TEXT
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
            filled_at, filled_qty, average = NULL, ZERO_TEXT, NULL
            if order.filled_ns is not None:
                filled_at = b'"%b"' % self._moment(order.filled_ns)
            if qty := order.filled_qty:
                filled_qty = self._qty_text if qty == self._qty else amount(qty)
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

    def frames(self, events: Sequence[VenueEvent], account: str | None = None) -> Sequence[bytes]:
        """The `trade_updates` frame of each, or of an account's.

        Price and quantities are of its own fill.
        """
        if (of_life := self.lives.frames(events, account)) is not None:
            return of_life
        frames: list[bytes] = []
        for event in events:
            if account is not None and event.account != account:
                continue
            if event.new_id:
                frames += self.lives.frames((event,)) or ()
                continue
            order, fill, event_id = event.order, event.execution, event.execution_id
            text = self._text if order is self._order else self.text(order)
            time = self._moment(event.time_ns)
            head = _HEADS.get(event.event) or head_of(event.event)
            if fill is not None:
                frame = self._fill_frame(head, time, text, fill)
            elif event_id is not None:
                tail = b',"execution_id":"', event_id.encode(), b'"}}'
                frame = b"".join((head, time, ORDER, text, *tail))
            else:
                frame = b"".join((head, time, ORDER, text, b"}}"))
            frames.append(frame)
        return frames

    def _begin(self, order: VenueOrder, values: Values) -> None:
        """Write what stays as it is in all states of an order."""
        kind = values[_KIND]
        if kind != self._kind:
            self._parts, self._kind = list(self._form_of(order, kind)), kind
        if order.qty != self._qty:
            self._qty, self._qty_text = order.qty, amount(order.qty)
        if order.limit_price != self._limit_px:
            self._limit_px, self._limit_text = order.limit_price, amount(order.limit_price)
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
            head, time, ORDER, text,
            b',"execution_id":"', fill.execution_id.encode(),
            b'","price":', self._limit_text if px == self._limit_px else amount(px),
            b',"qty":', self._qty_text if qty == self._qty else amount(qty),
            b',"position_qty":', amount(fill.position_qty),
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


_HEADS = {event: head_of(event) for event in ("pending_new", "new", "partial_fill", "fill")}
#: The latest times as text: what happens at once is told often.
_times: dict[int, bytes] = {}
