"""What each item of the inbox leads to: messages applied in order, and effects for afterwards.

Nothing here waits and nothing here leaves: a batch collects what happened, and the loop acts on
it once it is durable.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from floorbroker.domain.errors import Refused, RiskDenied
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    Alarm,
    ExecType,
    ExecutionReport,
    JournalMessage,
    MessageQuarantined,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderReopened,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RequestUndelivered,
    TimerSet,
)
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine import aftermath, decide
from floorbroker.engine.atrade import sentry
from floorbroker.engine.book import counts, legs, news, questions
from floorbroker.engine.book.book import Asked, Phase
from floorbroker.engine.book.groups import Groups
from floorbroker.engine.compare.approve import Approve, approved
from floorbroker.engine.gates import halted, laying
from floorbroker.engine.outbox import LANES, Answer, Hands
from floorbroker.engine.parents.steward import Steward
from floorbroker.engine.state import State
from floorbroker.engine.views import Views
from floorbroker.telemetry import log

#: In the order in which waiting requests go once there is room.
_BY_URGENCY = (RequestKind.CANCEL, RequestKind.REPLACE, RequestKind.NEW)


class Writer:
    """Decides and applies; `batch`, `effects` and `replies` are the loop's to carry out."""

    def __init__(
        self, state: State, rules: decide.Rules, views: Views, hands: Hands, *, namespace: str
    ) -> None:
        self.state = state
        self.is_open = self.has_sends = False
        self.now: datetime
        self.batch: list[tuple[JournalMessage, Order | None]] = []
        self.effects: list[Callable[[], None]] = []
        self.replies: list[tuple[Any, Refused | None]] = []
        self._rules, self._settings = rules, rules.settings
        self._finder, self._hands = hands.finder, hands
        self._views, self._namespace = views, namespace
        self._waiting: dict[RequestKind, deque[ClOrdID]] = {kind: deque() for kind in _BY_URGENCY}
        self._raised = news.Raised()
        self._groups = Groups()
        self._takers: dict[type, Callable[[Any, Any], None]] = {
            decide.Submit: self._submit,
            decide.Cancel: self._cancel,
            decide.Replace: self._replace,
            Answer: self._answer,
            ExecutionReport: self._report,
            MessageQuarantined: self._quarantine,
            OrderCancelReject: self._replace_failed,
            decide.NotPlaced: self._not_placed,
            decide.Resend: self._resend,
            decide.Missing: self._missing,
            decide.Due: self._due,
            decide.LookForStuck: self._stuck,
            decide.Release: self._release,
            decide.Barrier: self._barrier,
            decide.Resume: self._resume,
            halted.Halt: self._switch,
            halted.Lift: self._switch,
            **dict.fromkeys((decide.Record, Approve, *laying.COMMANDS), self._settle),
        }
        self._follow: dict[type, Callable[[Any, Order | None], None]] = {
            NewOrderSingle: self._after_intent,
            OrderCancelRequest: self._after_cancel,
            OrderCancelReplaceRequest: self._after_replace,
            RequestSent: self._after_send,
            RequestUndelivered: self._after_undelivered,
            RequestUnanswered: self._after_unanswered,
            ExecutionReport: self._after_report,
            OrderCancelReject: self._after_cancel_reject,
            TimerSet: self._after_timer,
            Alarm: self._after_alarm,
        }

    def employ(self, steward: Steward) -> None:
        """Who works parent orders here."""
        self._steward = steward
        self._takers |= steward.takers

    def begin(self, now: datetime) -> None:
        """A new batch; everything in it is decided at one instant."""
        self.now, self.has_sends = now, False
        self.batch, self.effects, self.replies = [], [], []
        self._eye = sentry.Eye(self.state.guards, self._settings.guards, now)
        self.state.book.clear_batch()

    def take(self, item: Any, reply: Any) -> None:
        """Decide one item and apply what follows."""
        try:
            self._takers[type(item)](item, reply)
        except Refused as refusal:
            self._put(decide.refused(item, refusal, self.now))
            if isinstance(refusal, RiskDenied):
                self.put(sentry.denied(self._eye, refusal, getattr(item, "request", None)))
            self.replies.append((reply, refusal))
        self._steward.settle()

    def fail(self, problem: BaseException) -> None:
        """The batch will not be written: those who wait for it hear why."""
        for reply, _ in self.replies:
            if not reply.done():
                reply.set_exception(problem)

    def _put(self, message: JournalMessage) -> Order | None:
        """Apply the message; returns the order that it is about, as it stands after."""
        order = self.state.apply(message)
        self.batch.append((message, order))
        self._steward.saw(message, order)
        follow = self._follow.get(type(message))
        if follow is not None:
            follow(message, order)
        self.put(sentry.after(self._eye, message, order))
        return order

    def put(self, messages: Iterable[JournalMessage]) -> None:
        for message in messages:
            self._put(message)

    # Commands

    def _submit(self, item: decide.Submit, reply: Any) -> None:
        self.put(decide.submit(self.state, item, self._rules, self.now))
        self._views.when(item.cl_ord_id, questions.is_answered, reply)

    def _cancel(self, item: decide.Cancel, reply: Any) -> None:
        self.put(decide.cancel(self.state, item.cl_ord_id, self.now))
        self._steward.by_hand(item.cl_ord_id)
        self._await(item.cl_ord_id, self.state.book.cancels, reply)

    def _replace(self, item: decide.Replace, reply: Any) -> None:
        self._steward.check_change(item.cl_ord_id)
        judge = partial(decide.replacement, rules=self._rules, now=self.now, around=item.around)
        self.put(judge(self.state, item.cl_ord_id, item.change))
        self._await(item.cl_ord_id, self.state.book.replaces, reply)

    def _await(self, cl_ord_id: ClOrdID, table: dict[ClOrdID, Asked], reply: Any) -> None:
        """Answer the caller once the broker has answered, or cannot be expected to."""

        def is_answered(order: Order) -> bool:
            return questions.is_settled(order, table.get(cl_ord_id))

        self.state.book.touched(cl_ord_id)
        self._views.when(cl_ord_id, is_answered, reply)

    def _settle(self, item: decide.Record | Approve | laying.Command, reply: Any) -> None:
        if isinstance(item, decide.Record):
            self.put(item.messages)
        elif isinstance(item, Approve):
            self.put(approved(self.state.reconciliation, item, self.now))
        else:
            self.put(laying.laid(self.state, item, self._settings, self.now))
        self._barrier(None, reply)

    def _barrier(self, _: Any, reply: Any) -> None:
        if reply is not None:
            self.replies.append((reply, None))

    # Requests and their turns

    def _want(self, kind: RequestKind, cl_ord_id: ClOrdID) -> None:
        """Send the request now if it may go, else when its turn comes."""
        waiting = self._waiting[kind]
        is_held = kind is RequestKind.NEW and not self.is_open
        if is_held or waiting or not self._hands.pacer.try_take(LANES[kind]):
            waiting.append(cl_ord_id)
            self._hands.times.held(cl_ord_id)
        else:
            self._send(kind, cl_ord_id)

    def _release(self, item: decide.Release, reply: Any) -> None:
        if item.is_open is not None:
            self.is_open = item.is_open
        for kind in _BY_URGENCY:
            waiting = self._waiting[kind]
            if kind is RequestKind.NEW and not self.is_open:
                continue
            while waiting and self._hands.pacer.try_take(LANES[kind]):
                self._send(kind, waiting.popleft())
        self._barrier(None, reply)

    def _send(self, kind: RequestKind, cl_ord_id: ClOrdID) -> None:
        """The pacer has a place for it."""
        messages = decide.send(self.state, kind, cl_ord_id, settings=self._settings, now=self.now)
        if not messages or type(messages[0]) is not RequestSent:
            self._hands.pacer.give_back(LANES[kind])
        self.put(messages)

    def _resend(self, item: decide.Resend, _: Any) -> None:
        self._want(item.kind, item.cl_ord_id)

    def _after_intent(self, message: NewOrderSingle, _: Order | None) -> None:
        self._want(RequestKind.NEW, message.cl_ord_id)

    def _after_cancel(self, message: OrderCancelRequest, order: Order | None) -> None:
        if order is not None:
            self._groups.cancel_asked(order)
            if order.order_id is not None:
                self._want(RequestKind.CANCEL, message.cl_ord_id)

    def _after_replace(self, message: OrderCancelReplaceRequest, _: Order | None) -> None:
        self._want(RequestKind.REPLACE, message.cl_ord_id)

    def _after_send(self, message: RequestSent, order: Order | None) -> None:
        if order is not None:
            self.has_sends = True
            change = self.state.book.change_of(message.request, message.cl_ord_id)
            self.effects.append(partial(self._hands.outbox.send, message, order, change))

    def _after_undelivered(self, message: RequestUndelivered, _: Order | None) -> None:
        retry = self._hands.resolver.retry
        self.effects.append(partial(retry, message.request, message.cl_ord_id, message.attempt))

    def _after_unanswered(self, message: RequestUnanswered, _: Order | None) -> None:
        ask = self._hands.resolver.unanswered
        change = self.state.book.change_of(message.request, message.cl_ord_id)
        refusal = message.text if message.is_refusal else ""
        self.effects.append(partial(ask, message.request, message.cl_ord_id, change, refusal))

    def _after_cancel_reject(self, message: OrderCancelReject, order: Order | None) -> None:
        """It may have been refused because the order has filled: ask."""
        if order is not None and not order.is_ended:
            self.effects.append(partial(self._hands.resolver.standing, message.cl_ord_id))
            if message.request is RequestKind.REPLACE and order.pending is not None:
                self._want(RequestKind.CANCEL, message.cl_ord_id)

    def _after_timer(self, _: TimerSet, __: Order | None) -> None:
        self.effects.append(self._hands.timer_changed)

    def _after_alarm(self, alarm: Alarm, _: Order | None) -> None:
        told = partial(log.warn, "alarm", name=alarm.name, order=alarm.cl_ord_id, text=alarm.text)
        self.effects.append(told)

    # Answers and reports

    def _answer(self, item: Answer, reply: Any) -> None:
        if isinstance(item.found, ExecutionReport):
            self._report(item.found, reply)
            return
        self.put(decide.outcome(self.state, item.sent, item.found))
        if item.sent.request is RequestKind.NEW:  # the stream may have been faster
            self._ask_legs(self._finder.named(self.state.book, item.sent.cl_ord_id))

    def _report(self, found: ExecutionReport, _: Any) -> None:
        for each in legs.apart(found):
            self._take(each)

    def _take(self, found: ExecutionReport) -> None:
        book = self.state.book
        order = about = self._adopted(self._finder.about(book, found), found)
        found = self._finder.untangled(book, about, found)
        if about is None and not found.cl_ord_id:
            self.effects.append(partial(self._hands.resolver.identify, found))
            return
        for message in news.report(book, about, found, namespace=self._namespace, now=self.now):
            if type(message) is Alarm and self._raised.has(message):
                break
            order = self._put(message) or order
            if type(message) is OrderReopened:
                self._hands.reopen([message.order.cl_ord_id])
        if order is not None:
            if self.state.kill is not None:
                self.put(halted.sighted(self.state, about, order, self.now))
            if about is not None and order.is_ended and not about.is_ended:
                self._look_back(order)
            self._ask_more(about, order, found)
            if questions.may_lack_legs(about, found):
                self._ask_legs(order)

    def _adopted(self, about: Order | None, found: ExecutionReport) -> Order | None:
        """The order that the report is about; if that is a leg that was not ours, it is now."""
        if not found.parent or (about is not None and not about.is_external):
            return about
        parent = self._finder.parent_of(self.state.book, found)
        if parent is None:
            return about
        for message in legs.adoption(parent, about, found, self.now):
            about = self._put(message)
            if type(message) is OrderReopened:
                self._hands.reopen([message.order.cl_ord_id])
        return about

    def _ask_legs(self, order: Order | None) -> None:
        """No answer brought the legs of this order: ask how it stands, unless it is looked up."""
        if order is None or order.order_id is None or order.venue_status is OrdStatus.UNKNOWN:
            return
        if any(self._finder.named(self.state.book, leg) is None for leg in order.legs):
            self.effects.append(partial(self._hands.resolver.legs, order.cl_ord_id))

    def _ask_more(self, before: Order | None, order: Order, found: ExecutionReport) -> None:
        """The report tells of something that it does not bring."""
        ask = self._hands.resolver
        if counts.lacks(order, found, before):
            self.effects.append(partial(ask.executions, order.cl_ord_id, found))
        for name in questions.whose_standing(self.state.book, before, order, found):
            self.effects.append(partial(ask.standing, name))

    def _look_back(self, ended: Order) -> None:
        named = partial(self._finder.named, self.state.book)
        position = self.state.book.positions.get(ended.symbol)
        alarm = self._groups.alarm(ended, named, position, self.now)
        if alarm is not None:
            self._put(alarm)

    def _after_report(self, report: ExecutionReport, order: Order | None) -> None:
        """A cancel that was wished while the order's fate was open can go now."""
        if report.exec_type is ExecType.TRADE:
            self._hands.times.filled(report.cl_ord_id)
        cancels = self.state.book.cancels
        if not cancels or order is None:
            return
        asked = cancels.get(order.cl_ord_id)
        if asked is not None and asked.phase is Phase.WANTED:
            self._want(RequestKind.CANCEL, order.cl_ord_id)

    def _quarantine(self, item: MessageQuarantined, _: Any) -> None:
        self.put((item, Alarm(name="quarantined", text=item.text, transact_time=self.now)))

    # Findings

    def _replace_failed(self, item: OrderCancelReject, _: Any) -> None:
        self.put(decide.replace_failed(self.state, item))

    def _not_placed(self, item: decide.NotPlaced, _: Any) -> None:
        self.put(decide.not_placed(self.state, item, self._rules, self.now))

    def _missing(self, item: decide.Missing, _: Any) -> None:
        if not self._raised.has(alarm := decide.missing(item, self.now)):
            self._put(alarm)

    def _due(self, item: decide.Due, _: Any) -> None:
        if self._steward.due(item.timer_id):
            return
        cl_ord_id = ClOrdID(item.timer_id.removeprefix(decide.GHOST))
        order = self._finder.filed(self.state.book, cl_ord_id)
        is_gone = order is not None and order.venue_status is OrdStatus.NOT_PLACED
        ended = order.ended_time if order is not None and is_gone else None
        for_s = self._settings.ghost_watch_s
        self.put(decide.watch_ghost(item.timer_id, ended, watch_s=for_s, now=self.now))
        if is_gone:
            self.effects.append(partial(self._hands.resolver.ghost, cl_ord_id))

    def _stuck(self, _: decide.LookForStuck, __: Any) -> None:
        after_s = self._settings.stuck_cancel_s
        self.put(aftermath.stuck_cancels(self.state.book, after_s=after_s, now=self.now))
        self.put(halted.wanted(self.state, self.now))

    def _switch(self, item: halted.Halt | halted.Lift, reply: Any) -> None:
        self.put(halted.switched(self.state, item, self.now))
        self.put(halted.wanted(self.state, self.now))
        self.effects += (self._hands.switched, partial(halted.tell, item))
        self._barrier(None, reply)

    def _resume(self, _: decide.Resume, reply: Any) -> None:
        book, ask = self.state.book, self._hands.resolver.unanswered
        for order in tuple(book.orders.values()):
            if order.venue_status is OrdStatus.UNKNOWN:
                self.effects.append(partial(ask, RequestKind.NEW, order.cl_ord_id, None))
            elif order.venue_status is OrdStatus.CREATED:
                self._want(RequestKind.NEW, order.cl_ord_id)
        for kind, table in book.asked():
            for cl_ord_id, asked in tuple(table.items()):
                self._resume_request(kind, cl_ord_id, asked)
        self._barrier(None, reply)

    def _resume_request(self, kind: RequestKind, cl_ord_id: ClOrdID, asked: Asked) -> None:
        if asked.phase is Phase.UNANSWERED:
            ask = self._hands.resolver.unanswered
            self.effects.append(partial(ask, kind, cl_ord_id, asked.change, asked.refusal))
        elif asked.phase is Phase.WANTED and kind is RequestKind.CANCEL:
            order = self.state.book.find(cl_ord_id)
            if order is not None and order.order_id is not None:
                self._want(kind, cl_ord_id)
        elif asked.phase is Phase.WANTED:
            self._put(decide.given_up(cl_ord_id, "the desk ended before it was sent", self.now))
