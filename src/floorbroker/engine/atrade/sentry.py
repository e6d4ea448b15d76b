"""What follows at once from a message that was just applied: breakers, and alarms on executions.

The writer asks after each message, so that nothing is decided in between.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from floorbroker.domain.errors import RiskDenied
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
from floorbroker.domain.order import ENDED, Order, OrderRequest, OrdStatus
from floorbroker.engine.atrade.breach import Breach, Then
from floorbroker.engine.atrade.broker import Reject, broker_health, rejects
from floorbroker.engine.atrade.market import Execution, fill_sanity
from floorbroker.engine.atrade.settings import GuardLimits
from floorbroker.engine.standing.guards import Guards

Messages = list[JournalMessage]
#: By whom states are changed that no person changed.
BY = "the desk"
#: An execution leaves an order here, or it had ended before.
_LIVE_OR_FILLED = frozenset({*OrdStatus} - ENDED | {OrdStatus.FILLED})


# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_TRADE: Final = ExecType.TRADE
_REJECTED: Final = ExecType.REJECTED


class Eye(Struct, frozen=True):
    """What the sentry sees by."""

    guards: Guards
    limits: GuardLimits
    now: datetime


def after(eye: Eye, message: JournalMessage, order: Order | None) -> Messages:
    """The messages that this one leads to; `order` is the one that it is about, after it."""
    look = _LOOKS.get(type(message))
    return [] if look is None or order is None or order.is_external else look(eye, message, order)


def _reported(eye: Eye, report: ExecutionReport, order: Order) -> Messages:
    if report.exec_type is _REJECTED:
        return _rejected(eye, report, order)
    if report.exec_type is not _TRADE or report.last_px is None:
        return []
    if order.symbol in eye.guards.symbols:
        return []
    qty, ref = order.request.order_qty, order.ref_px
    found = Execution(
        symbol=order.symbol,
        px=Decimal(report.last_px),
        ref_px=None if ref is None else Decimal(ref),
        cum_qty=Decimal(order.cum_qty),
        order_qty=None if qty is None else Decimal(qty),
        was_ended=order.venue_status not in _LIVE_OR_FILLED,
    )
    breach = fill_sanity(found, eye.limits)
    if breach is None or breach.then is not Then.PAUSE:
        return []  # an alarm of the book's own tells of it
    alarm = Alarm(
        name="fill_insane", text=breach.text, cl_ord_id=order.cl_ord_id, transact_time=eye.now
    )
    return [alarm, paused(breach, order.symbol, eye.now)]


def _rejected(eye: Eye, _: ExecutionReport | OrderReject, order: Order) -> Messages:
    strategy = order.request.strategy
    trouble = eye.guards.troubles.get(strategy)
    if trouble is None or strategy in eye.guards.strategies:
        return []
    found = [Reject(reason=text, at_s=at.timestamp()) for at, text in trouble.rejects]
    breach = rejects(found, in_row=trouble.in_row, now_s=eye.now.timestamp(), limits=eye.limits)
    if breach is None:
        return []
    return [
        RiskStateChanged(
            state=RiskState.HALTED,
            cause=breach.text,
            by=BY,
            control=breach.control,
            strategy=strategy,
            transact_time=eye.now,
        )
    ]


def _unanswered(eye: Eye, message: RequestUnanswered, _: Order) -> Messages:
    if message.request is not RequestKind.NEW or eye.guards.desk is not None:
        return []
    doubts_s = [at.timestamp() for at in eye.guards.doubts]
    breach = broker_health(doubts_s, (), eye.now.timestamp(), eye.limits)
    return [] if breach is None else [reducing(breach, eye.now)]


def reducing(breach: Breach, now: datetime) -> RiskStateChanged:
    """The desk takes only what makes a position smaller."""
    return RiskStateChanged(
        state=RiskState.REDUCING,
        cause=breach.text,
        by=BY,
        control=breach.control,
        transact_time=now,
    )


def paused(breach: Breach, symbol: str, now: datetime) -> RiskStateChanged:
    """The symbol takes nothing."""
    return RiskStateChanged(
        state=RiskState.HALTED,
        cause=breach.text,
        by=BY,
        control=breach.control,
        symbol=symbol,
        transact_time=now,
    )


_LOOKS: dict[type, Callable[[Eye, Any, Order], Messages]] = {
    ExecutionReport: _reported,
    OrderReject: _rejected,
    RequestUnanswered: _unanswered,
}

#: What a denial means beyond its order.
_REDUCES = frozenset({"P23", "P24"})
_DISABLES = frozenset({"P19", "P20"})


def denied(eye: Eye, denial: RiskDenied, request: OrderRequest | None) -> Messages:
    """What a denial leads to: a day that lost too much is REDUCING, a strategy that repeats itself
    is disabled. Limits that are wide deny nothing, and so lead to nothing."""
    guards = eye.guards
    if denial.control in _REDUCES and guards.desk is None:
        state, strategy = RiskState.REDUCING, None
    elif denial.control in _DISABLES and request and request.strategy not in guards.strategies:
        state, strategy = RiskState.HALTED, request.strategy
    else:
        return []
    return [
        RiskStateChanged(
            state=state,
            cause=str(denial),
            by=BY,
            control=denial.control,
            strategy=strategy,
            transact_time=eye.now,
        )
    ]
