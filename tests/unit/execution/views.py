"""Short ways to write what an algorithm is told: the day begins at 0, a second is S."""

from decimal import Decimal
from typing import Any

from msgspec import structs

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.terms import Side
from floorbroker.execution.algos.port import (
    CancelChild,
    Decision,
    MarketView,
    NewChild,
    OpenChild,
    ParentRequest,
    ParentView,
    ReplaceChild,
    Touch,
    VolumeCurve,
)
from floorbroker.execution.catalog import SHIPPED, checked
from floorbroker.execution.rails import step

S = 1_000_000_000
BUY, SELL = Side.BUY, Side.SELL


def asked(algo: str, qty: int | str = 1000, *, until_s: int = 600, **more: Any) -> ParentRequest:
    """A buy from 0 to `until_s`; `side` and `limit` go to the order, the rest are parameters."""
    side = more.pop("side", BUY)
    limit = more.pop("limit", None)
    start_s = more.pop("start_s", 0)
    return ParentRequest(
        side=side,
        symbol="AAPL",
        qty=Qty(qty),
        algo=algo,
        start_ns=start_s * S,
        end_ns=until_s * S,
        limit=None if limit is None else Px(limit),
        params=more,
    )


def parent(
    request: ParentRequest, *children: OpenChild, filled: int | str = 0, **more: Any
) -> ParentView[Any]:
    params = checked(SHIPPED, request)
    return ParentView(
        request=request, params=params, children=children, filled=Qty(filled), **more
    )


def child(number: int, qty: int | str, price: str | None = None, **more: Any) -> OpenChild:
    order_qty, done = Qty(qty), Qty(more.pop("cum_qty", 0))
    return OpenChild(
        cl_ord_id=ClOrdID(str(number)),
        order_qty=order_qty,
        cum_qty=done,
        leaves_qty=order_qty - done,
        price=None if price is None else Px(price),
        **more,
    )


def market(bid: str = "99.99", ask: str = "100.01", qty: int = 1000, **more: Any) -> MarketView:
    touch = Touch(
        time_ns=0,
        bid_px=Px(bid),
        bid_qty=Qty(more.pop("bid_qty", qty)),
        ask_px=Px(ask),
        ask_qty=Qty(more.pop("ask_qty", qty)),
        includes_own=more.pop("includes_own", True),
    )
    for name in ("volume", "own_volume"):
        if name in more:
            more[name] = Qty(more[name])
    return MarketView(touch=touch, **more)


def curve(*shares: str | int, bin_s: int = 120, day_volume: int | None = None) -> VolumeCurve:
    edges = tuple(place * bin_s * S for place in range(len(shares) + 1))
    volume = None if day_volume is None else Decimal(day_volume)
    return VolumeCurve(edges_ns=edges, shares=tuple(map(Decimal, shares)), day_volume=volume)


def answer(view: ParentView[Any], shown: MarketView, now_s: int | str) -> Decision:
    """What the algorithm that the view names does, between its rails."""
    return step(SHIPPED[view.request.algo], view, shown, int(Decimal(now_s) * S))


def again(view: ParentView[Any], decision: Decision, **changes: Any) -> ParentView[Any]:
    """The view after the decision's memo was kept."""
    memo = view.memo if decision.memo is None else decision.memo
    return structs.replace(view, memo=memo, **changes)


def news(decision: Decision) -> list[tuple[str, str | None]]:
    """Sizes and prices of the new children."""
    return [
        (str(command.qty), None if command.price is None else str(command.price))
        for command in decision.commands
        if isinstance(command, NewChild)
    ]


def replaces(decision: Decision) -> list[tuple[str, str]]:
    return [
        (command.cl_ord_id, str(command.price))
        for command in decision.commands
        if isinstance(command, ReplaceChild)
    ]


def cancels(decision: Decision) -> list[str]:
    return [command.cl_ord_id for command in decision.commands if isinstance(command, CancelChild)]
