"""What follows at once from a message that was just applied: breakers, and alarms on executions.

The writer asks after each message, so that nothing is decided in between.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from floorbroker.domain.messages import (
    Alarm,
    ExecType,
    ExecutionReport,
    JournalMessage,
    OrderReject,
    RequestKind,
    RequestUnanswered,
    RiskState,
    RiskStateChanged,
)
from floorbroker.domain.order import Order
from floorbroker.engine.atrade import broker, market
from floorbroker.engine.atrade.breach import Breach, Then
from floorbroker.engine.atrade.settings import GuardLimits
from floorbroker.engine.standing.guards import Guards

Messages = list[JournalMessage]
#: By whom states are changed that no person changed.
BY = "the desk"
UNNAMED = "-"  #: Orders that name no strategy are one.


def after(
    guards: Guards,
    message: JournalMessage,
    order: Order | None,
    *,
    was_ended: bool,
    limits: GuardLimits,
    now: datetime,
) -> Messages:
    """The messages that this one leads to; `order` is as it stands after it."""
    look = _LOOKS.get(type(message))
    return [] if look is None or order is None else look(guards, message, order, was_ended, limits, now)


def _reported(
    guards: Guards,
    report: ExecutionReport,
    order: Order,
    was_ended: bool,  # noqa: FBT001  (a table of looks)
    limits: GuardLimits,
    now: datetime,
) -> Messages:
    if report.exec_type is ExecType.REJECTED:
        return _rejected(guards, report, order, was_ended, limits, now)
    if report.exec_type is not ExecType.TRADE or report.last_px is None or order.is_external:
        return []
    qty, ref = order.request.order_qty, order.request.price
    found = market.Execution(
        symbol=order.symbol,
        px=Decimal(report.last_px),
        ref_px=None if ref is None else Decimal(ref),
        cum_qty=Decimal(order.cum_qty),
        order_qty=None if qty is None else Decimal(qty),
        was_ended=was_ended,
    )
    breach = market.fill_sanity(found, limits)
    if breach is None or breach.then is Then.WARN:
        return []  # the books' own alarms tell of it
    return paused(guards, breach, order.symbol, now)
