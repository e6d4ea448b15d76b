"""T05: what is kept of a day: breaks, denials, changes, doubts, alerts, and the journal's head."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct, field

from floorbroker.domain.messages import (
    Alarm,
    Armed,
    BusinessMessageReject,
    KillSwitched,
    LimitsChanged,
    NewOrderSingle,
    Reconciliation,
    RequestKind,
    RequestUnanswered,
    RiskStateChanged,
    TradingResumed,
)
from floorbroker.engine.standing.guards import Guards
from floorbroker.journal.port import Head, Record
from floorbroker.posttrade.fold import JournalFold
from floorbroker.posttrade.surveillance.patterns import Finding, surveyed


class Line(Struct, frozen=True, kw_only=True):
    """Something that happened."""

    time: datetime
    what: str
    text: str


class DayPack(Struct, frozen=True, kw_only=True):
    """One day, `[start, end)`."""

    start: datetime
    end: datetime
    orders: int
    denials: dict[str, int]  #: By control; refusals of no control under "other".
    breaks: tuple[str, ...]  #: Found that day, and how each stood last.
    open_breaks: int
    unknown: tuple[Line, ...]
    changes: tuple[Line, ...]  #: Of states, limits and the arming.
    alerts: tuple[Line, ...]
    unacknowledged: tuple[str, ...]
    review: tuple[Finding, ...]
    head_seq: int
    head_hash: str


class _Day(Struct):
    orders: int = 0
    denials: Counter[str] = field(default_factory=Counter)
    breaks: dict[str, str] = field(default_factory=dict)
    unknown: list[Line] = field(default_factory=list)
    changes: list[Line] = field(default_factory=list)
    alerts: list[Line] = field(default_factory=list)


def day_pack(
    records: Iterable[Record],
    head: Head,
    *,
    start: datetime,
    end: datetime,
    close: datetime | None = None,
) -> DayPack:
    """Fold the whole journal up to `head`; what came before the day only makes its orders known.
    `close` is when the day's regular session ended."""
    fold, day, guards, open_breaks = JournalFold(), _Day(), Guards(), 0
    for record in records:
        if record.seq > head.seq or record.message.transact_time >= end:
            break
        fold.take(record)
        message = record.message
        guards.take(message, None)
        if isinstance(message, Reconciliation):
            open_breaks = len(message.open_breaks)
        if message.transact_time >= start:
            _take(day, message)
    traded = [
        order
        for order in fold.orders.values()
        if start <= order.created_time < end or any(start <= f.transact_time for f in order.fills)
    ]
    return DayPack(
        start=start,
        end=end,
        orders=day.orders,
        denials=dict(day.denials),
        breaks=tuple(day.breaks.values()),
        open_breaks=open_breaks,
        unknown=tuple(day.unknown),
        changes=tuple(day.changes),
        alerts=tuple(day.alerts),
        unacknowledged=tuple(guards.alerts),
        review=tuple(surveyed(traded, close)),
        head_seq=head.seq,
        head_hash=head.hash.hex(),
    )


def _take(day: _Day, message: object) -> None:
    if isinstance(message, NewOrderSingle):
        day.orders += 1
    elif isinstance(message, BusinessMessageReject):
        day.denials[message.control or "other"] += 1
    elif isinstance(message, Reconciliation):
        for found in message.breaks:
            how = "open" if found.is_open else "explained"
            about = f"{found.kind} {found.subject}: {found.cause.replace('_', ' ')}, {how}"
            day.breaks[found.break_id or f"{found.key}"] = about
    elif isinstance(message, RequestUnanswered) and message.request is RequestKind.NEW:
        line = Line(time=message.transact_time, what=message.cl_ord_id, text=message.text)
        day.unknown.append(line)
    elif isinstance(message, Alarm):
        what = f"{message.name}{' is over' if message.is_over else ''}"
        day.alerts.append(Line(time=message.transact_time, what=what, text=message.text))
    else:
        _change(day, message)


def _change(day: _Day, message: object) -> None:
    if isinstance(message, LimitsChanged):
        whose = f" of {message.scope} {message.whose}" if message.whose else ""
        what = f"limit {message.name}{whose}"
        text = f"{message.old} -> {message.new} by {message.by}: {message.reason or 'tightened'}"
    elif isinstance(message, RiskStateChanged):
        about = message.symbol or ("desk" if message.strategy is None else message.strategy or "-")
        what, text = f"{about} {message.state.upper()}", f"{message.cause} ({message.by})"
    elif isinstance(message, KillSwitched):
        what, text = f"KILL {message.level}", f"{message.reason} ({message.by})"
    elif isinstance(message, TradingResumed):
        what, text = "resumed", f"{message.reason} ({message.by})"
    elif isinstance(message, Armed):
        until = message.expires_time
        what = "disarmed" if until is None else f"armed until {until:%H:%M:%S} UTC"
        text = message.cause or f"by {message.by}"
    else:
        return
    day.changes.append(Line(time=message.transact_time, what=what, text=text))
