"""What broke and how it was resolved, read from the journal in order."""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from floorbroker.domain.ids import Account
from floorbroker.domain.messages import (
    Alarm,
    Break,
    BreakApproved,
    BusinessMessageReject,
    DeskClosed,
    DeskOpened,
    ExecType,
    ExecutionReport,
    MessageQuarantined,
    OrderCancelReject,
    OrderExpiredUnsent,
    OrderNotPlaced,
    OrderReject,
    PositionAdjusted,
    Reconciliation,
    RequestKind,
    RequestUnanswered,
    RequestUndelivered,
)
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.journal.port import Record
from floorbroker.posttrade.fold import JournalFold
from floorbroker.posttrade.wording import age_text, counted, px_text, qty_text, words


class Trouble(StrEnum):
    """The kinds of incident."""

    CRASH = "crash"  #: A desk ended without closing.
    UNKNOWN = "unknown"  #: A request whose outcome was not known.
    UNDELIVERED = "undelivered"  #: A request that surely did not arrive.
    REJECTED = "rejected"  #: The broker or venue said no to an order.
    CANCEL_REJECTED = "cancel_rejected"  #: The broker refused a cancel or replace.
    REFUSED = "refused"  #: We said no to a command.
    NOT_PLACED = "not_placed"  #: The broker never had the order.
    EXPIRED_UNSENT = "expired_unsent"  #: The order grew too old to send.
    BREAK = "break"  #: Our book and the broker's differed.
    ADJUSTMENT = "adjustment"  #: Shares were taken into the book without a fill.
    CORRECTION = "correction"  #: An execution was corrected.
    BUST = "bust"  #: An execution was busted.
    ALARM = "alarm"  #: A fact that surprised us.
    QUARANTINED = "quarantined"  #: Bytes that could not be read.


class Incident(Struct, kw_only=True):
    """One thing that broke. It is open until `settled_time` is set."""

    time: datetime
    trouble: Trouble
    subject: str  #: A ClOrdID, a symbol, or what else it is about.
    text: str
    outcome: str = ""
    settled_time: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.settled_time is None

    def settle(self, when: datetime, outcome: str) -> None:
        self.settled_time = when
        self.outcome = outcome


class Session(Struct, kw_only=True):
    """One opening of the journal for writing; `closed_time` stays None after a crash."""

    epoch: int
    opened_time: datetime
    version: str
    mode: str
    broker: str
    accounts: tuple[Account, ...]
    closed_time: datetime | None = None
    crashed: bool = False


class IncidentLog:
    """Feed it every record after the fold has taken it."""

    def __init__(self, fold: JournalFold) -> None:
        self.incidents: list[Incident] = []
        self.sessions: list[Session] = []
        self._fold = fold
        self._last_time: datetime | None = None
        self._crash: Incident | None = None
        self._unknown: dict[tuple[str, RequestKind], Incident] = {}
        self._breaks: dict[tuple[str, str, str], Incident] = {}
        self._readers: dict[type, Callable[[Any], None]] = {
            DeskOpened: self._opened,
            DeskClosed: self._closed,
            RequestUnanswered: self._unanswered,
            RequestUndelivered: self._undelivered,
            ExecutionReport: self._reported,
            OrderReject: self._rejected,
            OrderCancelReject: self._cancel_rejected,
            OrderNotPlaced: self._not_placed,
            OrderExpiredUnsent: self._expired_unsent,
            BusinessMessageReject: self._refused,
            MessageQuarantined: self._quarantined,
            Alarm: self._alarmed,
            PositionAdjusted: self._adjusted,
            Reconciliation: self._reconciled,
            BreakApproved: self._break_approved,
        }

    def take(self, record: Record) -> None:
        message = record.message
        if (reader := self._readers.get(type(message))) is not None:
            reader(message)
        self._last_time = message.transact_time

    def _opened(self, message: DeskOpened) -> None:
        last = self.sessions[-1] if self.sessions else None
        if last is not None and last.epoch == message.epoch:
            last.accounts = (*last.accounts, message.account)
            return
        if last is not None and last.closed_time is None:
            self._crashed(last, message.transact_time)
        self.sessions.append(
            Session(
                epoch=message.epoch,
                opened_time=message.transact_time,
                version=message.version,
                mode=message.mode,
                broker=message.broker,
                accounts=(message.account,),
            )
        )

    def _crashed(self, session: Session, reopened: datetime) -> None:
        session.crashed = True
        gap = age_text(reopened - (self._last_time or session.opened_time))
        self._crash = self._note(
            reopened,
            Trouble.CRASH,
            f"epoch {session.epoch}",
            f"the desk ended without closing; opened again {gap} after its last record",
        )

    def _closed(self, message: DeskClosed) -> None:
        for session in self.sessions:
            if session.epoch == message.epoch:
                session.closed_time = message.transact_time

    def _unanswered(self, message: RequestUnanswered) -> None:
        key = (message.cl_ord_id, message.request)
        if key in self._unknown:
            return
        text = f"{message.request} request unanswered: {message.text}"
        found = self._note(message.transact_time, Trouble.UNKNOWN, message.cl_ord_id, text)
        order = self._fold.find(message.cl_ord_id)
        is_new = message.request is RequestKind.NEW
        if is_new and order is not None and order.venue_status is not OrdStatus.UNKNOWN:
            found.settle(message.transact_time, f"known already: {words(order.venue_status)}")
        else:
            self._unknown[key] = found

    def _undelivered(self, message: RequestUndelivered) -> None:
        text = f"{message.request} request, attempt {message.attempt}: {message.text}"
        found = self._note(message.transact_time, Trouble.UNDELIVERED, message.cl_ord_id, text)
        found.settle(message.transact_time, "surely did not arrive; free to be sent again")

    def _reported(self, message: ExecutionReport) -> None:
        order = self._fold.find(message.cl_ord_id, message.order_id)
        if order is None:
            return
        self._maybe_settle(order, message)
        if message.exec_type is ExecType.REJECTED:
            self._fact(message, Trouble.REJECTED, message.text, "final; nothing was traded")
        elif message.exec_type is ExecType.TRADE_CANCEL:
            text = f"execution {message.ref_exec_id} of {message.symbol} was busted"
            known = self._fold.execution(message.ref_exec_id or message.exec_id) is not None
            outcome = "taken out of position and profit" if known else "no such execution here"
            self._fact(message, Trouble.BUST, f"{text}. {message.text}".strip(), outcome)
        elif message.exec_type is ExecType.TRADE_CORRECT:
            text = (
                f"execution {message.ref_exec_id} of {message.symbol} is now "
                f"{qty_text(message.last_qty)} @ {px_text(message.last_px)}"
            )
            self._fact(message, Trouble.CORRECTION, text, "position and profit follow it")

    def _maybe_settle(self, order: Order, message: ExecutionReport) -> None:
        """Evidence about an order ends its unknowns, as far as it answers them."""
        how = f"by {message.source}: the order is {words(order.ord_status)}"
        if order.venue_status is not OrdStatus.UNKNOWN:
            self._answer(order, RequestKind.NEW, message.transact_time, how)
        if order.is_ended or message.exec_type is ExecType.CANCELED:
            self._answer(order, RequestKind.CANCEL, message.transact_time, how)
        if order.is_ended or message.exec_type is ExecType.REPLACED:
            self._answer(order, RequestKind.REPLACE, message.transact_time, how)

    def _answer(self, order: Order, request: RequestKind, when: datetime, how: str) -> None:
        found = self._unknown.pop((order.cl_ord_id, request), None)
        if found is not None:
            found.settle(when, f"resolved after {age_text(when - found.time)} {how}")

    def _rejected(self, message: OrderReject) -> None:
        self._fact(message, Trouble.REJECTED, message.text, "final; nothing was traded")

    def _cancel_rejected(self, message: OrderCancelReject) -> None:
        order = self._fold.find(message.cl_ord_id)
        if order is not None:
            how = "by the broker's refusal"
            self._answer(order, message.request, message.transact_time, how)
        text = f"{message.request} refused: {message.text}"
        self._fact(message, Trouble.CANCEL_REJECTED, text, "the order itself is unchanged")

    def _not_placed(self, message: OrderNotPlaced) -> None:
        order = self._fold.find(message.cl_ord_id)
        if order is not None:
            how = "by complete evidence: never placed"
            self._answer(order, RequestKind.NEW, message.transact_time, how)
        self._fact(message, Trouble.NOT_PLACED, message.text, "closed; nothing was traded")

    def _expired_unsent(self, message: OrderExpiredUnsent) -> None:
        self._fact(message, Trouble.EXPIRED_UNSENT, message.text, "closed; it was never sent")

    def _refused(self, message: BusinessMessageReject) -> None:
        subject = message.cl_ord_id or message.symbol or message.command
        text = f"{message.command}: {message.text}"
        found = self._note(message.transact_time, Trouble.REFUSED, subject, text)
        found.settle(message.transact_time, "nothing left the desk")

    def _quarantined(self, message: MessageQuarantined) -> None:
        text = f"unreadable bytes from the {message.source}: {message.text}"
        found = self._note(message.transact_time, Trouble.QUARANTINED, message.source, text)
        found.settle(message.transact_time, "kept as received; the stream went on")

    def _alarmed(self, message: Alarm) -> None:
        if message.name == "quarantined":
            return  # the bytes themselves are told of
        subject = message.cl_ord_id or message.name
        text = f"{words(message.name)}: {message.text}"
        found = self._note(message.transact_time, Trouble.ALARM, subject, text)
        found.settle(message.transact_time, "the fact was booked")

    def _adjusted(self, message: PositionAdjusted) -> None:
        text = (
            f"{qty_text(message.qty)} {message.symbol} @ {px_text(message.px)}, "
            f"{words(message.cause)}. {message.text}"
        )
        found = self._note(message.transact_time, Trouble.ADJUSTMENT, message.symbol, text)
        found.settle(message.transact_time, "taken into the book")

    def _reconciled(self, message: Reconciliation) -> None:
        now, count = message.transact_time, len(message.open_breaks)
        if self._crash is not None:
            took = age_text(now - self._crash.time)
            left = counted(count, "open break")
            self._crash.settle(now, f"recovered in {took}: replayed, reconciled, {left}")
            self._crash = None
        seen = {(message.account, found.cause, found.subject) for found in message.breaks}
        for key in [key for key in self._breaks if key[0] == message.account and key not in seen]:
            self._breaks.pop(key).settle(now, "gone at the next reconciliation")
        for found in message.breaks:
            self._broke(found, message.account, now)

    def _break_approved(self, message: BreakApproved) -> None:
        found = message.found
        incident = self._breaks.pop((message.account, found.cause, found.subject), None)
        if incident is not None:
            incident.outcome = f"{found.repair}. {message.note}".rstrip(". ")
            incident.settle(message.transact_time, incident.outcome)

    def _broke(self, found: Break, account: Account, now: datetime) -> None:
        key = (account, found.cause, found.subject)
        text = f"{words(found.cause)}: ours {found.ours}, theirs {found.theirs}. {found.evidence}"
        incident = self._breaks.pop(key, None) or self._note(
            now, Trouble.BREAK, found.subject, text
        )
        incident.outcome = found.repair
        if found.is_open:
            self._breaks[key] = incident
        else:
            incident.settle(now, found.repair)

    def _fact(self, message: Any, trouble: Trouble, text: str, outcome: str) -> None:
        found = self._note(message.transact_time, trouble, message.cl_ord_id, text)
        found.settle(message.transact_time, outcome)

    def _note(self, when: datetime, trouble: Trouble, subject: str, text: str) -> Incident:
        found = Incident(time=when, trouble=trouble, subject=subject, text=text)
        self.incidents.append(found)
        return found


def during(
    incidents: Iterable[Incident], start: datetime | None, end: datetime | None
) -> tuple[Incident, ...]:
    """Those that happened or were settled in the period, and those open at its end."""

    def is_inside(moment: datetime) -> bool:
        return (start is None or moment >= start) and (end is None or moment < end)

    return tuple(
        found
        for found in incidents
        if found.settled_time is None or is_inside(found.time) or is_inside(found.settled_time)
    )
