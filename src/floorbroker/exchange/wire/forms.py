"""Forms: plain texts of kinds of orders, with blanks, and the words around them in frames."""

import re
from decimal import Decimal

from msgspec import Raw

from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.wire.orders import order_view
from floorbroker.exchange.wire.words import encode, number

#: Kinds of orders whose forms are kept at a time.
FORMS_MAX = 512
NULL, ZERO_TEXT = b"null", b'"0"'
#: What stands between a frame's time and its order.
ORDER = b'","order":'
#: No JSON text holds this letter, so a form can be cut at its blanks.
_BLANK = b"\0"
_CUT = re.compile(b"(\0)")
_BARE, _QUOTED = Raw(_BLANK), Raw(b'"%b"' % _BLANK)


def form_of(order: VenueOrder) -> tuple[bytes, ...]:
    """The plain text of orders of its kind, cut at the blanks, each of which is a part."""
    view = order_view(order)
    for name in ("id", "created_at", "updated_at", "submitted_at", "status"):
        setattr(view, name, _QUOTED)
    for name in ("client_order_id", "filled_at", "qty", "filled_qty", "filled_avg_price"):
        setattr(view, name, _BARE)
    view.limit_price = _BARE  # type: ignore[assignment]  # a blank, as those above
    return tuple(_CUT.split(encode(view)))


def head_of(event: str) -> bytes:
    """How an event's frame begins, up to its time."""
    return b'{"stream":"trade_updates","data":{"event":"%b","timestamp":"' % event.encode()


def amount(value: Decimal | None) -> bytes:
    return NULL if value is None else f'"{number(value)}"'.encode()
