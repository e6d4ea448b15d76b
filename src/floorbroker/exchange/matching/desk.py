"""What a post needs of whoever keeps the orders."""

from decimal import Decimal
from typing import Protocol

from floorbroker.exchange.model import VenueOrder


class Desk(Protocol):
    """Who keeps the orders: told of fills, and of orders that cannot wait."""

    def fill(self, order: VenueOrder, qty: Decimal, px: Decimal, liquidity: str) -> Decimal:
        """Book up to `qty` and answer how much; an order that is complete leaves the post."""
        ...

    def cancel_rest(self, order: VenueOrder) -> None:
        """End an order whose time in force allows no waiting."""
        ...

    def release(self, order: VenueOrder) -> None:
        """The stop of a held leg was touched: it works from now on."""
        ...

    def touched(self, order: VenueOrder) -> None:
        """An order changed without an event: its stop moved, or was elected."""
        ...
