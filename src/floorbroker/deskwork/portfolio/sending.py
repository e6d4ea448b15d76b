"""How a plan's trades leave: as orders through the desk, and followed to their ends."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from floorbroker import app
from floorbroker.deskwork.batch import submit_all
from floorbroker.deskwork.portfolio.looking import How, Price
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import Refused
from floorbroker.domain.order import Order, OrderRequest, TimeInForce
from floorbroker.domain.terms import is_coin_pair
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.pretrade.allocation.trades import Trade

#: Called for each trade that has left, or was refused.
OnStep = Callable[[int, object], None]
_NOTHING = Decimal(0)
#: Averages of many fills have endless digits; prices and shares have at most nine together.
_EXACT = Decimal("1e-9")


class Sent(Struct, frozen=True, kw_only=True):
    """What became of one trade; without an `order_id` it never left, and `text` says why.
    `parent` is the parent order at its end, where an algorithm worked it."""

    trade: Trade
    order_id: str = ""
    filled: Decimal = _NOTHING
    avg_px: Decimal | None = None
    is_ended: bool = True
    text: str = ""
    parent: ParentStatus | None = None

    @property
    def is_filled(self) -> bool:
        return self.filled == self.trade.qty

    @property
    def cash(self) -> Decimal:
        """What it brought, or, negative, cost; fees apart."""
        value = (self.filled * (self.avg_px or _NOTHING)).quantize(_EXACT)
        return -value if self.trade.side.value == "buy" else value


class Sender(Protocol):
    """A way for the trades of one phase to become orders. One that `takes_long` is not stopped by
    how far prices have moved since the plan."""

    takes_long: bool

    async def send(
        self, trades: Sequence[Trade], prices: Mapping[str, Price], on_step: OnStep
    ) -> list[Sent]:
        """Place them all and return once each has ended, or it has waited long enough; one
        result each, in their order. What was placed by then stays placed if the process dies."""
        ...


def request_of(trade: Trade, price: Price, how: How) -> OrderRequest:
    """The trade as one order: at the market, or with a collar."""
    is_coin = is_coin_pair(trade.symbol)
    tif = TimeInForce.GOOD_TILL_CANCEL if is_coin else TimeInForce.DAY
    size = Qty.of(trade.qty)
    if how.limit_bps is None:
        return OrderRequest.market(trade.side, size, trade.symbol, time_in_force=tif)
    limit = price.worst(trade.side, how)
    return OrderRequest.limit(
        trade.side, size, trade.symbol, limit_price=Px.of(limit), time_in_force=tif
    )


class DirectSender:
    """Market orders, or limit orders with a collar, each followed for at most `wait_s`."""

    takes_long = False

    def __init__(self, parts: app.Parts, how: How, wait_s: float) -> None:
        self._engine, self._how, self._wait_s = parts.engine, how, wait_s

    async def send(
        self, trades: Sequence[Trade], prices: Mapping[str, Price], on_step: OnStep
    ) -> list[Sent]:
        requests = [request_of(trade, prices[trade.symbol], self._how) for trade in trades]
        placed = await submit_all(self._engine, requests)

        async def follow(place: int) -> Sent:
            sent = await self._followed(trades[place], placed[place])
            on_step(place, sent)
            return sent

        return list(await asyncio.gather(*map(follow, range(len(trades)))))

    async def _followed(self, trade: Trade, placed: Order | Refused) -> Sent:
        if isinstance(placed, Refused):
            return Sent(trade=trade, text=f"refused: {placed}")
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                await self._engine.wait(placed.cl_ord_id)
        order = self._engine.order(placed.cl_ord_id) or placed
        status = order.ord_status.value.replace("_", " ")
        return Sent(
            trade=trade,
            order_id=order.cl_ord_id,
            filled=Decimal(order.cum_qty),
            avg_px=None if order.avg_px is None else Decimal(order.avg_px),
            is_ended=order.is_ended,
            text=f"{status}: {order.text}" if order.text else status,
        )
