"""What can be done to an account when no desk answers: end its orders, end its positions."""

from typing import Protocol

from msgspec import Struct

from floorbroker.domain.amounts import Qty
from floorbroker.domain.ids import OrderID


class Refusal(Struct, frozen=True, kw_only=True):
    """What the broker would not end, and what it said."""

    subject: str  #: The broker's order id, or the symbol.
    text: str


class Asked(Struct, frozen=True, kw_only=True):
    """What the broker made of one request to end everything."""

    taken: int  #: So many were taken; that is not yet their end.
    refused: tuple[Refusal, ...] = ()


class Standing(Struct, frozen=True, kw_only=True):
    """An order that is open at the broker."""

    order_id: OrderID
    cl_ord_id: str
    symbol: str
    side: str


class Brake(Protocol):
    """Acts at once and asks no budget. Every method raises BrokerError, and may be called again:
    none of them can do harm twice, but `close_positions` while its own orders are still open."""

    async def cancel_all(self) -> Asked:
        """Ask for a cancel of every open order, whoever placed it."""
        ...

    async def cancel(self, order_id: OrderID) -> None:
        """Ask for a cancel of one."""
        ...

    async def open_orders(self) -> list[Standing]: ...

    async def close_positions(self) -> Asked:
        """Sell or buy back everything at the market."""
        ...

    async def positions(self) -> dict[str, Qty]:
        """What the broker counts, by symbol; flat ones apart."""
        ...

    async def aclose(self) -> None: ...
