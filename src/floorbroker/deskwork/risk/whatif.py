"""What the controls would say of an order, without placing it."""

from collections.abc import Callable

from msgspec import Struct

from floorbroker import app
from floorbroker.brokers import order_rules
from floorbroker.domain.errors import Halted, InvalidOrder
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.terms import validate
from floorbroker.pretrade.risk.register import CONTROLS, judged


class Verdict(Struct, frozen=True, kw_only=True):
    """What one control says: `limit`, `value` and `would_pass` stand where it says no."""

    control: str
    name: str
    passes: bool
    limit: str = ""
    value: str = ""
    would_pass: str = ""


class WhatIf(Struct, frozen=True, kw_only=True):
    """What would become of the order now."""

    order: str
    passes: bool
    verdicts: tuple[Verdict, ...]
    gates: str = ""  #: What a state, a kill or an open break says, if that says no.
    broker: str = ""  #: What the broker is known to refuse about it.


async def what_if(parts: app.Parts, request: OrderRequest) -> WhatIf:
    """Raises InvalidOrder where it is no order at all."""
    validate(request)
    engine = parts.engine
    around = await engine.briefing.about(request)
    ask, view, limits = engine.switch.seen(request, around)
    verdicts: list[Verdict] = []
    for control in CONTROLS:
        is_met = control.on_reduce or not view.is_reducing
        denial = judged(control, ask, view, limits) if is_met and control.id != "P30" else None
        verdicts.append(
            Verdict(
                control=control.id,
                name=control.name,
                passes=denial is None,
                limit="" if denial is None else denial.limit,
                value="" if denial is None else denial.value,
                would_pass="" if denial is None else denial.would_pass,
            )
        )
    gates = _told(lambda: engine.switch.passes_gates(request))
    rules, known = parts.broker.capabilities.orders, around.known
    broker = "" if rules is None else _told(lambda: order_rules.check(request, rules))
    if not broker and rules is not None and known is not None:
        now = parts.clock.now()
        broker = _told(lambda: order_rules.check_known(request, rules, known, now))
    is_fine = not gates and not broker and all(verdict.passes for verdict in verdicts)
    return WhatIf(
        order=in_words(request),
        passes=is_fine,
        verdicts=tuple(verdicts),
        gates=gates,
        broker=broker,
    )


def in_words(request: OrderRequest) -> str:
    """The order in one line, as it is typed."""
    size = f"${request.notional}" if request.order_qty is None else f"{request.order_qty}"
    prices = [f"{px}" for px in (request.price, request.stop_px) if px is not None]
    parts = (request.side.upper(), size, request.symbol, request.ord_type, *prices)
    return " ".join((*parts, request.time_in_force))


def _told(check: Callable[[], None]) -> str:
    try:
        check()
    except (Halted, InvalidOrder) as refusal:
        return f"{refusal}"
    return ""
