"""What controls and people have laid over the desk: states, limits, the arming, alerts.

A fold over the journal, so that a breaker that opened stays open over a restart, and none forgets
what it has counted.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from floorbroker.domain.messages import (
    Alarm,
    Armed,
    DeskOpened,
    ExecType,
    ExecutionReport,
    JournalMessage,
    KillSwitched,
    LimitsChanged,
    OrderReject,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RiskState,
    RiskStateChanged,
    TradingResumed,
)
from floorbroker.domain.order import Order

#: So many of each kind are remembered.
REMEMBERED = 16
ALERTS_MAX = 64
STRATEGIES_MAX = 256
#: Its end is somebody's look at the orders; see `gates.stale`.
_ENDS_BY_ITSELF = frozenset({"stale_journal"})


class Mark(Struct, frozen=True, kw_only=True):
    """A state that is not ACTIVE: since when, why, and who says so."""

    state: RiskState
    cause: str
    by: str
    control: str
    since: datetime

    def in_words(self) -> str:
        who = f"{self.control}, {self.by}" if self.control else self.by
        return f"{self.cause} ({who} at {self.since:%Y-%m-%d %H:%M:%S} UTC)"


class Alert(Struct, frozen=True, kw_only=True):
    """Something that somebody has to look at, and how often it came."""

    name: str
    text: str
    since: datetime
    count: int = 1


class Trouble(Struct):
    """A strategy's rejections: when and why, and how many of the newest reason in a row."""

    rejects: list[tuple[datetime, str]] = field(default_factory=list)
    in_row: int = 0


class Guards(Struct, kw_only=True):
    """`strategies` that are disabled take nothing until somebody enables them again."""

    desk: Mark | None = None
    symbols: dict[str, Mark] = field(default_factory=dict)
    strategies: dict[str, Mark] = field(default_factory=dict)
    changes: list[LimitsChanged] = field(default_factory=list)
    armed: Armed | None = None
    alerts: dict[str, Alert] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    sends: int = 0  #: SEND records since the desk was opened.
    doubts: list[datetime] = field(default_factory=list)  #: Submits without a clear answer.

    def take(self, message: JournalMessage, order: Order | None) -> None:
        """The message was applied; `order` is the one that it is about, as it stands after."""
        taker = _TAKERS.get(type(message))
        if taker is not None:
            taker(self, message, order)

    def is_disabled(self, strategy: str) -> bool:
        return strategy in self.strategies

    def changed(self, message: RiskStateChanged, _: Order | None) -> None:
        mark = Mark(
            state=message.state,
            cause=message.cause,
            by=message.by,
            control=message.control,
            since=message.transact_time,
        )
        is_active = message.state is RiskState.ACTIVE
        if message.symbol:
            _lay(self.symbols, message.symbol, None if is_active else mark)
        elif message.strategy is not None:
            _lay(self.strategies, message.strategy, None if is_active else mark)
            self.troubles.pop(message.strategy, None)
        else:
            self.desk = None if is_active else mark
            self.doubts.clear()
        if not is_active and message.control:
            self._alert(message.control, message.cause, message.transact_time)

    def resumed(self, _: TradingResumed, __: Order | None) -> None:
        self.desk = None
        self.doubts.clear()

    def limited(self, message: LimitsChanged, _: Order | None) -> None:
        same = (message.scope, message.whose, message.name)
        now = message.transact_time
        # What holds already is overruled at once, what waits only by what comes after it.
        self.changes = [
            one
            for one in self.changes
            if (one.scope, one.whose, one.name) != same
            or (one.effective_time <= now < message.effective_time)
        ]
        self.changes.append(message)

    def arm(self, message: Armed, _: Order | None) -> None:
        self.armed = None if message.expires_time is None else message

    def alarmed(self, message: Alarm, _: Order | None) -> None:
        if message.is_over:
            self.alerts.pop(message.name, None)
        else:
            self._alert(message.name, message.text, message.transact_time)

    def killed(self, message: KillSwitched, _: Order | None) -> None:
        self._alert("trading_killed", f"{message.level} by {message.by}", message.transact_time)

    def reported(self, report: ExecutionReport, order: Order | None) -> None:
        if report.exec_type is ExecType.REJECTED:
            self.rejected(report, order)
        elif self.troubles and order is not None and report.exec_type in _TAKEN:
            trouble = self.troubles.get(_strategy(order))
            if trouble is not None:
                trouble.in_row = 0

    def rejected(self, message: ExecutionReport | OrderReject, order: Order | None) -> None:
        if order is None or order.is_external:
            return
        trouble = self.troubles.setdefault(_strategy(order), Trouble())
        last = trouble.rejects[-1][1] if trouble.rejects else None
        trouble.in_row = trouble.in_row + 1 if message.text == last else 1
        trouble.rejects.append((message.transact_time, message.text))
        del trouble.rejects[:-REMEMBERED]
        while len(self.troubles) > STRATEGIES_MAX:
            self.troubles.pop(next(iter(self.troubles)))

    def unanswered(self, message: RequestUnanswered, _: Order | None) -> None:
        if message.request is RequestKind.NEW:
            self.doubts.append(message.transact_time)
            del self.doubts[:-REMEMBERED]

    def opened(self, _: DeskOpened, __: Order | None) -> None:
        self.sends = 0

    def sent(self, _: RequestSent, __: Order | None) -> None:
        self.sends += 1

    def _alert(self, name: str, text: str, now: datetime) -> None:
        before = self.alerts.get(name)
        count, since = (1, now) if before is None else (before.count + 1, before.since)
        self.alerts[name] = Alert(name=name, text=text, since=since, count=count)
        while len(self.alerts) > ALERTS_MAX:
            self.alerts.pop(next(iter(self.alerts)))


def may_acknowledge(name: str) -> bool:
    """Whether saying that one has looked is enough to settle it."""
    return name not in _ENDS_BY_ITSELF


_TAKEN = frozenset({ExecType.NEW, ExecType.PENDING_NEW, ExecType.ACCEPTED, ExecType.TRADE})
_TAKERS: dict[type, Callable[[Guards, Any, Order | None], None]] = {
    DeskOpened: Guards.opened,
    RequestSent: Guards.sent,
    RiskStateChanged: Guards.changed,
    TradingResumed: Guards.resumed,
    LimitsChanged: Guards.limited,
    Armed: Guards.arm,
    Alarm: Guards.alarmed,
    KillSwitched: Guards.killed,
    ExecutionReport: Guards.reported,
    OrderReject: Guards.rejected,
    RequestUnanswered: Guards.unanswered,
}


def _strategy(order: Order) -> str:
    return order.request.strategy


def _lay(marks: dict[str, Mark], name: str, mark: Mark | None) -> None:
    if mark is None:
        marks.pop(name, None)
    else:
        marks[name] = mark
