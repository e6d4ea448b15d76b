"""What was found out of the market and the account before an order is decided on."""

from decimal import Decimal

from msgspec import Struct


class Reference(Struct, frozen=True, kw_only=True, gc=False):
    """The market of a symbol as somebody told it; `at_ns` is how old it is, as an instant."""

    at_ns: int
    bid_px: Decimal | None = None
    ask_px: Decimal | None = None
    last_px: Decimal | None = None
    is_halted: bool | None = None


class Facts(Struct, frozen=True, kw_only=True, gc=False):
    """Found at `at_ns`; None is what nobody told in time. The rest is in the book."""

    at_ns: int
    reference: Reference | None = None
    is_open: bool | None = None
    today: str = ""
    adv: Decimal | None = None
    equity: Decimal | None = None
    first_equity: Decimal | None = None
    peak_equity: Decimal | None = None
    broker_bp: Decimal | None = None
    multiplier: int | None = None
    drift: Decimal = Decimal(0)  #: What positions are worth beyond their cost, each absolutely.
