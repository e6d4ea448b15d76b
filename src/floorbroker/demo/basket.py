"""A day's basket: what is to be done at which minute, in every kind of order there is.

Prices are written relative to the market, because a recorded day and a seeded one stand at
different levels; they become exact limits, on the tick, when the step's time comes. The morning
buys and the afternoon sells, because a broker refuses orders that could trade with each other.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.instrument import tick_of
from floorbroker.domain.order import OrderRequest, OrdType, Side, TimeInForce

Action = Literal["place", "replace", "cancel"]


class Step(Struct, frozen=True, kw_only=True):
    """One thing to do `minute` minutes after the open (before it if negative).

    `limit_bps` and `stop_bps` are distances from the mid price, positive is above it. `of` names
    the step whose order a replace or a cancel is about.
    """

    number: int
    minute: int
    symbol: str
    action: Action = "place"
    side: Side = Side.BUY
    ord_type: OrdType = OrdType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    qty: str | None = None
    notional: str | None = None
    limit_bps: int | None = None
    stop_bps: int | None = None
    trail_bps: int | None = None
    trail_percent: str | None = None
    extended_hours: bool = False
    of: int | None = None
    says: str = ""


_BUY, _SELL = Side.BUY, Side.SELL
_TIF = TimeInForce


class Planned(NamedTuple):
    """A step before the symbols are known: which of them, and the words of the order."""

    minute: int
    which: int
    side: Side
    says: str
    words: dict[str, Any]


#: The first half buys, the second sells. Symbol numbers wrap around where a tape has fewer.
_PLAN = (
    Planned(-50, 0, _BUY, "market on open", {"tif": _TIF.AT_THE_OPENING, "qty": "40"}),
    Planned(
        -45, 1, _BUY, "limit on open", {"tif": _TIF.AT_THE_OPENING, "qty": "20", "limit": 150}
    ),
    Planned(4, 0, _BUY, "market", {"qty": "100"}),
    Planned(9, 1, _BUY, "marketable limit", {"qty": "60", "limit": 3}),
    Planned(14, 2, _BUY, "resting gtc", {"qty": "80", "limit": -4, "tif": _TIF.GOOD_TILL_CANCEL}),
    Planned(22, 3, _BUY, "2,500 dollars' worth", {"notional": "2500"}),
    Planned(31, 4, _BUY, "fractional", {"qty": "12.5"}),
    Planned(40, 5, _BUY, "buy stop", {"qty": "80", "stop": 10}),
    Planned(50, 2, _BUY, "market", {"qty": "50"}),
    Planned(60, 3, _BUY, "ioc", {"qty": "150", "limit": 2, "tif": _TIF.IMMEDIATE_OR_CANCEL}),
    Planned(70, 4, _BUY, "fok", {"qty": "40", "limit": 6, "tif": _TIF.FILL_OR_KILL}),
    Planned(80, 0, _BUY, "resting limit", {"qty": "200", "limit": -9}),
    Planned(92, 3, _BUY, "far limit, replaced later", {"qty": "90", "limit": -30}),
    Planned(100, 4, _BUY, "far limit, replaced and canceled later", {"qty": "70", "limit": -300}),
    Planned(112, 5, _BUY, "larger than the touch", {"qty": "300"}),
    Planned(122, 1, _BUY, "resting limit", {"qty": "40", "limit": -2}),
    Planned(190, 0, _SELL, "market", {"qty": "60"}),
    Planned(200, 0, _SELL, "protective stop", {"qty": "30", "stop": -25}),
    Planned(210, 1, _SELL, "protective stop-limit", {"qty": "25", "stop": -20, "limit": -45}),
    Planned(211, 1, _BUY, "could trade with ourselves: to be rejected", {"qty": "10"}),
    Planned(220, 2, _SELL, "trailing stop in percent", {"qty": "20", "trail_percent": "0.4"}),
    Planned(228, 1, _SELL, "trailing stop in dollars", {"qty": "15", "trail": 30}),
    Planned(236, 2, _SELL, "takes profit", {"qty": "40", "limit": 2}),
    Planned(250, 5, _SELL, "resting sell", {"qty": "120", "limit": 1}),
    Planned(262, 3, _SELL, "market", {"qty": "4"}),
    Planned(282, 1, _SELL, "may trade after hours", {"qty": "20", "limit": -3, "ext": True}),
    Planned(290, 3, _SELL, "far limit, expires at the close", {"qty": "3", "limit": 400}),
    Planned(295, 5, _SELL, "far stop, expires at the close", {"qty": "10", "stop": -900}),
    Planned(310, 4, _SELL, "fractional sale", {"qty": "5.5"}),
    Planned(340, 5, _SELL, "market", {"qty": "100"}),
    Planned(362, 0, _SELL, "market on close", {"tif": _TIF.AT_THE_CLOSE, "qty": "25"}),
    Planned(
        365, 2, _SELL, "limit on close", {"tif": _TIF.AT_THE_CLOSE, "qty": "10", "limit": -80}
    ),
)

#: (minute, action, the planned step's place in the list, new distance of the limit).
_CHANGES: tuple[tuple[int, Action, int, int | None], ...] = (
    (110, "replace", 12, -2),
    (120, "replace", 13, -280),
    (130, "cancel", 13, None),
    (175, "cancel", 4, None),
    (176, "cancel", 7, None),
    (177, "cancel", 11, None),
    (178, "cancel", 12, None),
    (179, "cancel", 15, None),
)


def basket(symbols: Sequence[str]) -> list[Step]:
    """The day's steps for these symbols, by time; the same list for the same symbols."""
    steps = [_placed(number, symbols, planned) for number, planned in enumerate(_PLAN, start=1)]
    for number, (minute, action, place, limit_bps) in enumerate(_CHANGES, start=len(steps) + 1):
        about = steps[place]
        steps.append(
            Step(
                number=number,
                minute=minute,
                symbol=about.symbol,
                side=about.side,
                action=action,
                of=about.number,
                limit_bps=limit_bps,
                says=f"{action} of {about.number}",
            )
        )
    return sorted(steps, key=lambda step: (step.minute, step.number))


def _placed(number: int, symbols: Sequence[str], planned: Planned) -> Step:
    words = planned.words
    return Step(
        number=number,
        minute=planned.minute,
        symbol=symbols[planned.which % len(symbols)],
        side=planned.side,
        ord_type=_type_of(words),
        time_in_force=words.get("tif", _TIF.DAY),
        qty=words.get("qty"),
        notional=words.get("notional"),
        limit_bps=words.get("limit"),
        stop_bps=words.get("stop"),
        trail_bps=words.get("trail"),
        trail_percent=words.get("trail_percent"),
        extended_hours=words.get("ext", False),
        says=planned.says,
    )


def _type_of(words: dict[str, Any]) -> OrdType:
    if "trail" in words or "trail_percent" in words:
        return OrdType.TRAILING_STOP
    if "stop" in words:
        return OrdType.STOP_LIMIT if "limit" in words else OrdType.STOP
    return OrdType.LIMIT if "limit" in words else OrdType.MARKET


def request_of(step: Step, mid: Decimal, cl_ord_id: str) -> OrderRequest:
    """The step's order at this mid price; raises InvalidOrder like any order."""
    options: dict[str, Any] = {
        "time_in_force": step.time_in_force,
        "extended_hours": step.extended_hours,
        "cl_ord_id": cl_ord_id,
    }
    if step.limit_bps is not None:
        options["limit_price"] = near(mid, step.limit_bps)
    if step.stop_bps is not None:
        options["stop_price"] = near(mid, step.stop_bps)
    if step.trail_bps is not None:
        options["trail_price"] = max(near(mid, step.trail_bps) - near(mid, 0), Px("0.01"))
    if step.trail_percent is not None:
        options["trail_percent"] = step.trail_percent
    if step.notional is not None:
        options["notional"] = step.notional
    make: Any = getattr(OrderRequest, step.ord_type.value)
    request: OrderRequest = make(step.side, step.qty and Qty(step.qty), step.symbol, **options)
    return request


def near(mid: Decimal, bps: int) -> Px:
    """The price this many basis points above the mid, rounded half up to the tick."""
    px = mid * (Decimal(1) + Decimal(bps) / 10_000)
    return Px.of(px.quantize(tick_of(Px.of(px)), ROUND_HALF_UP))
