"""A position: how much of a symbol an account has, and what that cost."""

from dataclasses import dataclass
from decimal import Decimal

from floorbroker.exchange.model import ZERO


@dataclass(slots=True, kw_only=True)  # no Struct, whose fields are slow to change
class Holding:
    """A position: signed quantity and signed cost (average entry price times quantity)."""

    symbol: str
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    held_qty: Decimal = ZERO  #: Shares, unsigned, tied up by open orders that reduce it.
    lastday_qty: Decimal = ZERO  #: Signed, at the last close.
    today_cost: Decimal = ZERO  #: Signed notional of the fills since the last close.

    @property
    def avg_entry_price(self) -> Decimal:
        return self.cost / self.qty if self.qty else ZERO

    @property
    def qty_available(self) -> Decimal:
        """What may still be closed; signed like qty."""
        return self.qty - self.held_qty if self.qty > 0 else self.qty + self.held_qty

    def add(self, signed_qty: Decimal, px: Decimal, cost: Decimal) -> Decimal:
        """Book a fill, which cost its signed quantity times its price; answers the quantity after.

        What reduces the position leaves its average entry price alone.
        """
        before = self.qty
        self.qty = after = before + signed_qty
        self.today_cost += cost
        if before.is_signed() == signed_qty.is_signed() or not before or not signed_qty:
            self.cost += cost
        elif before * after > ZERO:
            self.cost = self.cost * after / before
        else:
            self.cost = after * px
        return after
