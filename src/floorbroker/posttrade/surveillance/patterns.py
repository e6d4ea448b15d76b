"""T06: what a day's orders and executions look like to a surveillance desk; pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.order import Order, OrdStatus
from floorbroker.domain.terms import Side

#: Two executions of both sides of a symbol at one price, so close in time, may have met.
MEETING = timedelta(seconds=1)
CLOSE_WINDOW = timedelta(minutes=10)
CLOSE_SHARE_MAX = Decimal("0.30")
LAYERS_MAX = 10


class Finding(Struct, frozen=True, kw_only=True):
    """Something to review: `orders` are those that it is about."""

    pattern: str
    symbol: str
    text: str
    orders: tuple[str, ...] = ()


class _Trade(Struct, frozen=True):
    time: datetime
    side: Side
    qty: Decimal
    px: Decimal
    order: str


def surveyed(orders: Sequence[Order], close: datetime | None) -> list[Finding]:
    """All three patterns; without the time of the close, marking it cannot be told."""
    found = [*self_trades(orders), *layering(orders)]
    return found if close is None else [*found, *marking_the_close(orders, close)]


def self_trades(orders: Iterable[Order]) -> list[Finding]:
    """A buy and a sale of ours at one price within a second."""
    found = []
    for symbol, trades in _by_symbol(orders).items():
        buys = [one for one in trades if one.side is Side.BUY]
        for sale in (one for one in trades if one.side is not Side.BUY):
            for buy in buys:
                if buy.px == sale.px and abs(buy.time - sale.time) <= MEETING:
                    found.append(
                        Finding(
                            pattern="self_trade",
                            symbol=symbol,
                            text=f"bought {buy.qty} and sold {sale.qty} at {buy.px} within 1 s",
                            orders=(buy.order, sale.order),
                        )
                    )
    return found


def marking_the_close(orders: Iterable[Order], close: datetime) -> list[Finding]:
    """A large part of the day's shares of one side in the last ten minutes."""
    found = []
    for symbol, trades in _by_symbol(orders).items():
        for side in (Side.BUY, Side.SELL):
            mine = [one for one in trades if (one.side is Side.BUY) is (side is Side.BUY)]
            late = [one for one in mine if close - CLOSE_WINDOW <= one.time <= close]
            total = sum((one.qty for one in mine), Decimal(0))
            last = sum((one.qty for one in late), Decimal(0))
            if len(mine) > 1 and total and last > CLOSE_SHARE_MAX * total:
                share = (last / total * 100).quantize(Decimal("0.1"))
                found.append(
                    Finding(
                        pattern="marking_the_close",
                        symbol=symbol,
                        text=f"{share}% of the day's {side} shares in the last 10 minutes",
                        orders=tuple(dict.fromkeys(one.order for one in late)),
                    )
                )
    return found


def layering(orders: Iterable[Order]) -> list[Finding]:
    """On one side many orders that were canceled unfilled, while the other side filled."""
    canceled: dict[tuple[str, bool], list[str]] = defaultdict(list)
    filled: dict[tuple[str, bool], int] = defaultdict(int)
    for order in orders:
        key = (order.symbol, order.side is Side.BUY)
        if order.cum_qty:
            filled[key] += 1
        elif order.venue_status is OrdStatus.CANCELED:
            canceled[key].append(order.cl_ord_id)
    found = []
    for (symbol, is_buy), names in canceled.items():
        fills, other = filled[symbol, is_buy], filled[symbol, not is_buy]
        if other and len(names) >= LAYERS_MAX * max(fills, 1):
            side = "buys" if is_buy else "sales"
            text = f"{len(names)} {side} canceled for {fills} filled, while the other side filled"
            found.append(
                Finding(pattern="layering", symbol=symbol, text=text, orders=tuple(names))
            )
    return found


def _by_symbol(orders: Iterable[Order]) -> dict[str, list[_Trade]]:
    trades: dict[str, list[_Trade]] = defaultdict(list)
    for order in orders:
        for fill in order.fills:
            if fill.last_qty > 0:
                trades[order.symbol].append(
                    _Trade(
                        fill.transact_time,
                        order.side,
                        Decimal(fill.last_qty),
                        Decimal(fill.last_px),
                        str(order.cl_ord_id),
                    )
                )
    return trades
