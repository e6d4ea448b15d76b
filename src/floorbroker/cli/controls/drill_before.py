"""How each pre-trade control is made to fire: the limits that are tightened, and the order."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.desk import Desk
from floorbroker.domain.errors import Refused, RiskDenied
from floorbroker.domain.order import OrderRequest
from floorbroker.pretrade.risk.register import BY_ID, judged
from floorbroker.pretrade.risk.view import Ask, Parent, RiskView

_S = 1_000_000_000
#: It rests far below the market, so that it changes nothing.
REST = OrderRequest.limit("buy", 2, "F", limit_price="1.00")
SALE = OrderRequest.limit("sell", 2, "F", limit_price="1.00")
BUY = OrderRequest.market("buy", 2, "F")
_BY = "self-test"


class OrderDrill(Struct, frozen=True):
    """Limits, as they are typed; orders that go before; the order; whether Halted is its no."""

    tight: dict[str, str]
    order: OrderRequest = REST
    first: tuple[OrderRequest, ...] = ()
    enables: bool = False  #: Whether it disables the strategy, which is enabled again.


ORDERS: dict[str, OrderDrill] = {
    "P02": OrderDrill({}),
    "P04": OrderDrill({"restricted": "F"}),
    "P06": OrderDrill({"order_qty_max": "1"}),
    "P07": OrderDrill({"order_value_max": "1"}),
    "P08": OrderDrill(
        {"reference_required": "true", "reference_age_s_max": "1000000", "collar": "0"},
        OrderRequest.limit("buy", 2, "F", limit_price="999.00"),
    ),
    "P09": OrderDrill({"reference_required": "true", "reference_age_s_max": "0"}),
    "P10": OrderDrill({"key_required": "true"}),
    "P11": OrderDrill({"repeats_max": "0"}, first=(REST,)),
    "P12": OrderDrill({"position_qty_max": "1"}),
    "P13": OrderDrill({"gross_value_max": "1"}),
    "P14": OrderDrill({"buying_power_share_max": "0", "equity_required": "true"}),
    "P15": OrderDrill({"may_short": "false"}, OrderRequest.limit("sell", 2, "F", limit_price=999)),
    "P16": OrderDrill({"open_symbol_max": "0"}),
    "P17": OrderDrill({"messages_per_min": "0"}),
    "P18": OrderDrill({"orders_per_s": "0"}),
    "P19": OrderDrill({"reentries_max": "0"}, first=(BUY,), order=BUY, enables=True),
    "P20": OrderDrill(
        {"messages_per_fill_max": "0", "messages_per_fill_from": "0"}, first=(REST,), enables=True
    ),
    "P21": OrderDrill({"may_cross_own": "false"}, first=(REST,), order=SALE),
    "P25": OrderDrill({"orders_per_day": "0"}),
    "P30": OrderDrill({}),
    "P31": OrderDrill({"canary_share": "0.1", "order_qty_max": "10"}),
}


async def by_order(desk: Desk, control: str) -> str:
    """Tighten, submit, put back; what the refusal said, if it was this control's."""
    drill = ORDERS[control]
    if control == "P30":
        return await _loosened(desk)
    for order in drill.first:
        placed = await desk.submit_order(order)
        if order.price is None:
            await desk.wait(placed.cl_ord_id, timeout_s=10)
    before = {row.name: row.value for row in desk.guards.limits() if row.scope == "desk"}
    for name, value in drill.tight.items():
        await desk.guards.set_limit(name, value, reason=_BY, by=_BY)
    if control == "P02":
        await desk.kill("block", reason=_BY, by=_BY)
    try:
        return await _refusal(desk, control, drill.order)
    finally:
        if control == "P02":
            await desk.resume(reason=_BY, by=_BY)
        if drill.enables and "-" in desk.trading().strategies:
            await desk.resume(reason=_BY, by=_BY, strategy="")
        for name in drill.tight:
            await _put_back(desk, name, before[name])
        await desk.cancel_all_orders()


async def _refusal(desk: Desk, control: str, order: OrderRequest) -> str:
    try:
        await desk.submit_order(order)
    except RiskDenied as denial:
        return str(denial) if denial.control == control else ""
    except Refused as refusal:
        return str(refusal) if control == "P02" else ""
    return ""


async def _loosened(desk: Desk) -> str:
    await desk.guards.set_limit("order_qty_max", "5", by=_BY)
    try:
        await desk.guards.set_limit("order_qty_max", "6", by=_BY)
    except RiskDenied as denial:
        return str(denial) if denial.control == "P30" else ""
    finally:
        await _put_back(desk, "order_qty_max", "1000000000")
    return ""


async def _put_back(desk: Desk, name: str, value: str) -> None:
    """One that had no bound gets one that is as good; nothing is loosened to none."""
    wanted = "1000000000" if value in ("null", "none") else value.strip("[]").replace('"', "")
    now = {row.name: row.value for row in desk.guards.limits() if row.scope == "desk"}
    if now[name] != value:
        await desk.guards.set_limit(name, wanted, reason=_BY, by=_BY)


#: What is changed in the desk's own view of an order, and in the limits.
Change = Callable[[Ask, RiskView], tuple[Ask, RiskView, dict[str, Any]]]
_TEN = Decimal(10)


def _view(limits: dict[str, Any] | None = None, **facts: Any) -> Change:
    return lambda ask, view: (ask, replace(view, **facts), limits or {})


def _ask(limits: dict[str, Any] | None = None, **terms: Any) -> Change:
    return lambda ask, view: (replace(ask, **terms), view, limits or {})


VIEWS: dict[str, Change] = {
    "P01": _view({"must_arm": True}, is_live=True),
    "P03": _ask(qty=Decimal("-2")),
    "P05": _view(is_halted=True),
    "P22": _view(multiplier=1, settled_cash=Decimal(0), today="2026-07-01"),
    "P23": _view({"loss_reducing_share": Decimal("0.02")}, first_equity=_TEN, equity=Decimal(9)),
    "P24": _view(
        {"drawdown_share_max": Decimal("0.03")},
        first_equity=_TEN,
        peak_equity=_TEN,
        equity=Decimal(9),
    ),
    "P26": _view(parent=Parent(parent_id="p-1", qty=_TEN, committed=Decimal(9))),
    "P27": _view(
        {"participation_max": Decimal("0.1")},
        parent=Parent(
            parent_id="p-1", qty=_TEN, committed=Decimal(0), interval_volume=Decimal(10)
        ),
    ),
    "P28": lambda ask, view: (
        replace(ask, asked_ns=view.now_ns - 301 * _S),
        view,
        {"lifetime_s": 300},
    ),
    "P29": _view({"unknown_symbol_max": 0}, unknown_here=1),
}


async def by_view(desk: Desk, control: str) -> str:
    """What the control says of the resting order, with one fact changed; it must have passed it
    before."""
    engine = desk.guards.parts.engine
    ask, view, limits = engine.switch.seen(REST, await engine.briefing.about(REST))
    if judged(BY_ID[control], ask, view, limits) is not None:
        return ""
    ask, view, tight = VIEWS[control](ask, view)
    denial = judged(BY_ID[control], ask, view, replace(limits, **tight))
    return denial.text if denial is not None and denial.control == control else ""
