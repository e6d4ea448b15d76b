"""Positions and realised profit, folded from fills by average cost."""

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Money, Px, Qty
from floorbroker.domain.order import Side

#: Cost taken out with a part of a position is rounded here; the rest keeps the difference, so
#: that cost is conserved exactly.
COST_STEP = Decimal("0.000000001")
_NOTHING = Decimal(0)


class Position(Struct, frozen=True, kw_only=True, gc=False):
    """Shares held in one symbol. `qty` is negative for a short.

    `cost` is what the open shares cost (negative for a short: what was received), exactly;
    `realized_pnl` is the profit of everything closed so far, fees apart.
    """

    symbol: str
    qty: Qty = ZERO_QTY
    cost: Money = ZERO_MONEY
    realized_pnl: Money = ZERO_MONEY
    bought_qty: Qty = ZERO_QTY
    sold_qty: Qty = ZERO_QTY

    @property
    def is_flat(self) -> bool:
        return self.qty == 0

    @property
    def avg_entry_px(self) -> Px | None:
        """Average cost per open share; None when flat."""
        return None if self.is_flat else Px.of(Decimal(self.cost) / Decimal(self.qty))

    def market_value(self, px: Px) -> Money:
        """Worth at this price; negative for a short."""
        return Money.of(Decimal(self.qty) * Decimal(px))

    def unrealized_pnl(self, px: Px) -> Money:
        return self.market_value(px) - self.cost

    def booked(self, side: Side, qty: Qty, px: Px) -> "Position":
        """This position after an execution of `qty` (positive) shares at `px`.

        A fill against the position closes at average cost first; what exceeds it opens the other
        way (a flip).
        """
        is_buy = side is Side.BUY
        held, price = Decimal(self.qty), Decimal(px)
        signed = Decimal(qty) if is_buy else -Decimal(qty)
        if not held or (held > 0) == (signed > 0):
            cost, gain = signed * price, _NOTHING
        elif abs(signed) <= abs(held):
            cost, gain = self._closed(signed, price)
        else:
            cost, gain = self._closed(-held, price)
            cost += (held + signed) * price
        realized = self.realized_pnl
        if gain:
            realized = Money.of(Decimal(realized) + gain)
        return Position(
            symbol=self.symbol,
            qty=Qty.of(held + signed),
            cost=Money.of(Decimal(self.cost) + cost),
            realized_pnl=realized,
            bought_qty=self.bought_qty + qty if is_buy else self.bought_qty,
            sold_qty=self.sold_qty if is_buy else self.sold_qty + qty,
        )

    def reshaped(self, qty: Qty, cost: Money) -> "Position":
        """This position after so many shares came, and its cost changed by so much, without a
        trade: a split brings shares and no cost. Nothing is realised."""
        return Position(
            symbol=self.symbol,
            qty=self.qty + qty,
            cost=self.cost + cost,
            realized_pnl=self.realized_pnl,
            bought_qty=self.bought_qty,
            sold_qty=self.sold_qty,
        )

    def _closed(self, signed: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
        """What closing part or all adds to the cost and to the profit: `signed` is opposite to
        the position and not larger."""
        held, released = Decimal(self.qty), Decimal(self.cost)
        if signed != -held:
            released = (released * -signed / held).quantize(COST_STEP, ROUND_HALF_EVEN)
        return -released, -signed * price - released
