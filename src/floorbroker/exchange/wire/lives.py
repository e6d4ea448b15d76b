"""Writes lives in one go: the answer and the three frames of an order that is filled as it comes.

All four tell the same order, and orders of a kind tell much alike. So a text is put together from
few pieces: how the order begins, which is its own and the same in all four, and how it goes on in
each, which it shares with others of its kind that ask for as many at that price.
"""

from collections.abc import Sequence
from decimal import Decimal
from json.encoder import encode_basestring

from floorbroker.clock import NS_PER_S
from floorbroker.exchange.model import VenueEvent, VenueOrder
from floorbroker.exchange.wire.forms import (
    FORMS_MAX,
    NULL,
    ORDER,
    ZERO_TEXT,
    amount,
    form_of,
    head_of,
)
from floorbroker.exchange.wire.orders import average_text
from floorbroker.exchange.wire.words import number, time_text

_PENDING, _NEW, _FILL = (head_of(name) for name in ("pending_new", "new", "fill"))
_TENTH_NS = NS_PER_S // 10
_NAMED = b',"execution_id":"'

Words = tuple[object, ...]


class LifeWriter:
    """Writes what the event of a life in one go stands for.

    Their order was plain, so beside its name, its times and its amounts few words differ.
    """

    def __init__(self) -> None:
        self._forms: dict[Words, _Form] = {}
        self._words: Words = ()  # of the last order, and its form
        self._form: _Form
        #: The last life, how the text of its order begins, all of that, and its time.
        self._life: VenueEvent | None = None
        self._start = self._text = self._time = b""
        self._second_ns, self._second = 0, time_text(0)[:-1] + "."  # the latest, and its text

    def answer(self, life: VenueEvent) -> bytes:
        """The order while it was pending, as `encode(order_view(order))` has it."""
        self._life, order, fill = life, life.order, life.execution
        assert fill is not None, "a fill ends the life"
        words = (
            order.symbol,
            order.side,
            order.type,
            order.time_in_force,
            order.position_intent,
            order.expires_ns,
            order.asset_id,
            order.asset_class,
        )
        if words == self._words:
            form = self._form
        else:
            self._words, self._form = words, (form := self._form_of(order, words))
        if (order.qty, order.limit_price, fill.price) != form.amounts:
            form.fill_in(order, fill.price)
        fraction = life.time_ns - self._second_ns
        if _TENTH_NS <= fraction < NS_PER_S and fraction % 10:
            time = f"{self._second}{fraction}Z"  # nine digits, and none at their ends is a zero
        else:
            time = self._moment(life.time_ns)
        self._time = time.encode()
        self._start = start = (
            f'{{"id":"{order.id}","client_order_id":{encode_basestring(order.client_order_id)},'
            f'"created_at":"{time}","updated_at":"{time}","submitted_at":"{time}","filled_at":'
        ).encode()
        self._text = text = start + form.pending
        return text

    def frames(
        self, events: Sequence[VenueEvent], account: str | None = None
    ) -> Sequence[bytes] | None:
        """The `trade_updates` frames of a life, if that is all that the events tell.

        Only an account's, if one is named. Mostly the answer was written before.
        """
        if len(events) != 1 or not (life := events[0]).new_id:
            return None
        if account is not None and life.account != account:
            return ()
        if life is not self._life:
            self.answer(life)
        fill, now, start, form = life.execution, self._time, self._start, self._form
        assert fill is not None, "a fill ends the life"
        name, fill_name = life.new_id.encode(), fill.execution_id.encode()
        position = str(fill.position_qty)
        if not position.isdigit():  # as most are, and then no more is to be asked
            position = number(fill.position_qty)
        # fmt: off
        return [
            b"".join((_PENDING, now, ORDER, self._text, b"}}")),
            b"".join((_NEW, now, ORDER, start, form.new, name, b'"}}')),
            b"".join((
                _FILL, now, ORDER, start, b'"', now, form.filled, fill_name,
                form.traded, position.encode(), b'"}}',
            )),
        ]
        # fmt: on

    def _form_of(self, order: VenueOrder, words: Words) -> "_Form":
        forms = self._forms
        form = forms.get(words)
        if form is None:
            if len(forms) >= FORMS_MAX:
                forms.clear()
            form = forms[words] = _Form(form_of(order))
        return form

    def _moment(self, time_ns: int) -> str:
        """A time's text; what of it all times of a second share is remembered."""
        second_ns = time_ns - time_ns % NS_PER_S
        if second_ns != self._second_ns:
            self._second_ns, self._second = second_ns, time_text(second_ns)[:-1] + "."
        digits = f"{time_ns - second_ns:09d}".rstrip("0")
        return f"{self._second}{digits}Z" if digits else time_text(time_ns)


class _Form:
    """How the text of an order goes on behind `filled_at` in each of its states."""

    __slots__ = ("_parts", "amounts", "filled", "new", "pending", "traded")

    def __init__(self, parts: tuple[bytes, ...]) -> None:
        self._parts = parts
        #: The blanks are filled in for this quantity, limit and price of the fill.
        self.amounts: tuple[Decimal | None, Decimal | None, Decimal | None] = (None, None, None)
        self.pending = self.new = self.filled = self.traded = b""

    def fill_in(self, order: VenueOrder, px: Decimal) -> None:
        """Write the amounts; the order is one of these that was filled at that price."""
        qty = amount(order.qty)
        average = b'"%b"' % average_text(order.filled_notional, order.filled_qty).encode()
        self.amounts = order.qty, order.limit_price, px
        self.pending = NULL + self._rest(order, b"pending_new", ZERO_TEXT, NULL)
        self.new = NULL + self._rest(order, b"new", ZERO_TEXT, NULL) + _NAMED
        self.filled = b'"' + self._rest(order, b"filled", qty, average) + _NAMED
        self.traded = b'","price":%b,"qty":%b,"position_qty":"' % (amount(px), qty)

    def _rest(self, order: VenueOrder, status: bytes, filled_qty: bytes, average: bytes) -> bytes:
        blanks = amount(order.qty), filled_qty, average, amount(order.limit_price), status
        rest = list(self._parts[_REST:])
        rest[1::2] = blanks
        return b"".join(rest)


#: Where a form goes on after the blank of `filled_at`.
_REST = 12
