"""What a control is, how it says no, and what an order is worth to it."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.amounts import plain
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, RiskView


class Denial(Struct, frozen=True, kw_only=True):
    """A no: which control, the limit, what the order would make of it, and what would pass."""

    control: str
    limit: str
    value: str
    would_pass: str

    @property
    def text(self) -> str:
        """One sentence for people, and one that helps."""
        return f"{self.control}: {self.value}, and the limit is {self.limit}; {self.would_pass}"


#: Pure: None lets the order pass this control.
Check = Callable[[Ask, RiskView, Limits], Denial | None]


class Control(Struct, frozen=True, kw_only=True):
    """One control. `on_replace`: a replace that adds risk must pass it too; `on_reduce`: so must
    an order that can only make a position smaller."""

    id: str
    name: str
    why: str
    check: Check
    on_replace: bool = True
    on_reduce: bool = True


def unit_price(ask: Ask, view: RiskView) -> Decimal | None:
    """What a share of the order may be worth: the market's price, or the order's own where that
    is higher; None where there is neither."""
    mid, own = view.mid_px, ask.own_px
    if mid is None or own is None:
        return own if mid is None else mid
    return max(mid, own)


def value_of(ask: Ask, view: RiskView) -> Decimal | None:
    """What the whole order is worth; None where nobody knows."""
    if ask.notional is not None:
        return ask.notional
    px = unit_price(ask, view)
    return None if px is None or ask.qty is None else ask.qty * px


def new_value(ask: Ask, view: RiskView) -> Decimal | None:
    """What the order adds to that which is reserved already; None where nobody knows."""
    if ask.notional is not None:
        return ask.notional
    px = unit_price(ask, view)
    return None if px is None else ask.new_qty * px + ask.new_dollars


def cap(share: Decimal, most: Decimal | None, view: RiskView) -> Decimal | None:
    """The smaller of an amount and a share of equity; None where neither is known."""
    if view.equity is None:
        return most
    part = share * view.equity
    return part if most is None or part < most else most


def usd(amount: Decimal) -> str:
    """Dollars as people read them."""
    return f"${amount:,.2f}"


def count(amount: Decimal | int) -> str:
    """A number as people read it."""
    return plain(Decimal(amount))


def percent(share: Decimal) -> str:
    """A share as people read it."""
    return f"{plain((share * 100).quantize(Decimal('0.01')))}%"


def unpriced(control: str, ask: Ask) -> Denial:
    """No price says what the order is worth."""
    return Denial(
        control=control,
        limit="a known price",
        value=f"nobody knows what {ask.symbol} is worth",
        would_pass="ask again once it has a quote, or give a limit price",
    )


def no_equity(control: str) -> Denial:
    """Nobody has told how large the account is."""
    return Denial(
        control=control,
        limit="a share of equity",
        value="the account's equity is not known",
        would_pass="ask again once the broker has told of the account",
    )
