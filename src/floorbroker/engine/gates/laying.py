"""What people and controls lay over the desk, decided: states, limits, the arming.

Tightening a limit holds at once. Loosening one is a change that control P30 looks at: by how much,
with what reason, and only after the cool-off. A change of limits disarms.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from floorbroker.clock import ns_of
from floorbroker.domain.errors import Refused, RiskDenied
from floorbroker.domain.ids import Account
from floorbroker.domain.messages import (
    Alarm,
    Armed,
    JournalMessage,
    LimitsChanged,
    RiskState,
    RiskStateChanged,
)
from floorbroker.domain.order import OrdType, Side
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.standing.guards import may_acknowledge
from floorbroker.engine.standing.limits import encoded, own_value
from floorbroker.engine.state import State
from floorbroker.pretrade.risk.layers import Scope, is_looser
from floorbroker.pretrade.risk.limits import ABOUT
from floorbroker.pretrade.risk.register import BY_ID, judged
from floorbroker.pretrade.risk.view import Ask, LimitChange, RiskView

Messages = list[JournalMessage]
#: The longest that live trading is allowed at once.
ARMED_S_MAX = 8 * 3600
_ONE = Decimal(1)


class SetLimit(Struct, frozen=True, kw_only=True):
    """Change one limit; `value` has the field's type."""

    name: str
    value: Any
    by: str
    scope: Scope = "desk"
    whose: str = ""
    reason: str = ""


class Lay(Struct, frozen=True, kw_only=True):
    """Change what new orders may do: of the desk, in a symbol, of a strategy."""

    state: RiskState
    cause: str
    by: str
    control: str = ""
    symbol: str = ""
    strategy: str | None = None


class Arm(Struct, frozen=True, kw_only=True):
    """Allow live trading for so long, or no longer where `for_s` is zero."""

    account: Account
    by: str
    for_s: int = 0
    identity: str = ""
    cause: str = ""


class Acknowledge(Struct, frozen=True, kw_only=True):
    """Somebody has looked at an alert."""

    name: str
    by: str
    note: str = ""


Command = SetLimit | Lay | Arm | Acknowledge
COMMANDS = (SetLimit, Lay, Arm, Acknowledge)


def laid(state: State, item: Command, settings: EngineSettings, now: datetime) -> Messages:
    """What is written down; raises Refused, RiskDenied."""
    if isinstance(item, SetLimit):
        return _limited(state, item, settings, now)
    if isinstance(item, Lay):
        return _stated(state, item, now)
    if isinstance(item, Arm):
        return _armed(state, item, settings, now)
    return _seen(state, item, now)


def _limited(state: State, item: SetLimit, settings: EngineSettings, now: datetime) -> Messages:
    book = state.limits.at(settings.limits, now)
    old = own_value(book, item.scope, item.whose, item.name)
    if old == item.value:
        raise Refused(f"{item.name}: it is {encoded(old)} already; nothing would change")
    wait_s = 0
    if is_looser(item.name, old, item.value):
        wait_s = book.base.cool_off_s
        change = _change(item, old, ns_of(now), wait_s)
        denial = judged(BY_ID["P30"], _NO_ASK, RiskView(change=change), book.base)
        if denial is not None:
            raise RiskDenied(denial.control, denial.limit, denial.value, denial.would_pass)
    changed = LimitsChanged(
        name=item.name,
        old=encoded(old),
        new=encoded(item.value),
        by=item.by,
        effective_time=now + timedelta(seconds=wait_s),
        scope=item.scope,
        whose=item.whose,
        reason=item.reason.strip(),
        transact_time=now,
    )
    return [changed, *_disarmed(state, f"{item.name} was changed", now)]


def _change(item: SetLimit, old: Any, now_ns: int, wait_s: int) -> LimitChange:
    """As P30 sees it: by how much, where that is a number; a limit that goes the other way has
    been so many times what it will be."""
    before, after = _number(old), _number(item.value)
    if before is None or after is None:
        is_lifted = item.value is None and before is not None
        before, after = _ONE, Decimal("Infinity") if is_lifted else _ONE
    elif ABOUT[item.name].looser == "down":
        before, after = after, before
    return LimitChange(
        name=item.name,
        old=before,
        new=after,
        is_looser=True,
        reason=item.reason,
        asked_ns=now_ns,
        effective_ns=now_ns + wait_s * 1_000_000_000,
    )


def _number(value: Any) -> Decimal | None:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return Decimal(value) if is_number else None


_NO_ASK = Ask(symbol="", side=Side.BUY, ord_type=OrdType.MARKET)


def _stated(state: State, item: Lay, now: datetime) -> Messages:
    guards, is_active = state.guards, item.state is RiskState.ACTIVE
    if is_active and not item.cause.strip():
        raise Refused("reason: say why trading goes on; it stands in the journal")
    if item.symbol:
        before, what = guards.symbols.get(item.symbol), f"trading in {item.symbol}"
    elif item.strategy is not None:
        before, what = guards.strategies.get(item.strategy), f"strategy {item.strategy or '-'}"
    else:
        before, what = guards.desk, "trading"
    if before is None and is_active:
        raise Refused(f"{what} is active; there is nothing to resume")
    if before is not None and before.state is item.state:
        return []
    return [
        RiskStateChanged(
            state=item.state,
            cause=item.cause.strip(),
            by=item.by,
            control=item.control,
            symbol=item.symbol,
            strategy=item.strategy,
            transact_time=now,
        )
    ]


def _armed(state: State, item: Arm, settings: EngineSettings, now: datetime) -> Messages:
    if not item.for_s:
        return _disarmed(state, item.cause or f"by {item.by}", now)
    if not settings.is_live:
        raise Refused("arm: this desk does not trade with real money; there is nothing to arm")
    if item.account != state.book.account:
        raise Refused(f"account: {item.account} is not this desk's {state.book.account}")
    if not 0 < item.for_s <= ARMED_S_MAX:
        raise Refused(f"for: {item.for_s} s must be 1 to {ARMED_S_MAX} s")
    opened = state.opened
    return [
        Armed(
            account=item.account,
            by=item.by,
            version="" if opened is None else opened.version,
            identity=item.identity,
            expires_time=now + timedelta(seconds=item.for_s),
            transact_time=now,
        )
    ]


def _disarmed(state: State, cause: str, now: datetime) -> Messages:
    if state.guards.armed is None:
        return []
    account = state.guards.armed.account
    return [Armed(account=account, by="the desk", cause=cause, transact_time=now)]


def _seen(state: State, item: Acknowledge, now: datetime) -> Messages:
    if item.name not in state.guards.alerts:
        known = ", ".join(state.guards.alerts) or "none is open"
        raise Refused(f"alert: {item.name} is not open; {known}")
    if not may_acknowledge(item.name):
        raise Refused(f"alert: {item.name} is settled by `floorbroker journal accept`")
    note = f": {item.note.strip()}" if item.note.strip() else ""
    text = f"acknowledged by {item.by}{note}"
    return [Alarm(name=item.name, text=text, is_over=True, transact_time=now)]
