"""Positions and realised profit, folded from fills by average cost."""

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Money, Px, Qty
from floorbroker.domain.order import Side

#: Cost taken out with a part of a position is rounded here; the rest keeps the difference, so
#: that cost is conserved exactly.
COST_STEP = Decimal("0.000000001")


class Position(Struct, frozen=True, kw_only=True):
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
        signed = qty if side is Side.BUY else -qty
        if self.qty == 0 or (self.qty > 0) == (signed > 0):
            after = self._opened(signed, px)
        elif abs(signed) <= abs(self.qty):
            after = self._closed(signed, px)
        else:
            after = self._closed(-self.qty, px)._opened(signed + self.qty, px)
        if side is Side.BUY:
            return replace(after, bought_qty=self.bought_qty + qty)
        return replace(after, sold_qty=self.sold_qty + qty)

    def _opened(self, signed: Qty, px: Px) -> "Position":
        return replace(self, qty=self.qty + signed, cost=self.cost + signed * px)

    def _closed(self, signed: Qty, px: Px) -> "Position":
        """Close part or all: `signed` is opposite to the position and not larger."""
        if signed == -self.qty:
            released = self.cost
        else:
            share = Decimal(self.cost) * Decimal(-signed) / Decimal(self.qty)
            released = Money.of(share.quantize(COST_STEP, ROUND_HALF_EVEN))
        proceeds = Money.of(Decimal(-signed) * Decimal(px))
        return replace(
            self,
            qty=self.qty + signed,
            cost=self.cost - released,
            realized_pnl=self.realized_pnl + (proceeds - released),
        )
