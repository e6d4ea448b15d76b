"""Everything the engine knows; `apply` is total, deterministic and the only thing that changes it.

Replay uses `apply` and nothing else, so whatever the engine will need after a crash must follow
from the messages alone. Reports carry the ClOrdID of the order that they were found to be about
(see `news.report`), so applying them needs no look-up outside.

Orders that end leave the book at once and are filed in the journal with the batch that ended
them. News of a filed order comes as `OrderReopened`, which brings the order back, followed by the
news itself.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.lifecycle import Report, next_status
from floorbroker.domain.messages import (
    ENCODER,
    Alarm,
    BreakApproved,
    CashAdjusted,
    DeskClosed,
    DeskOpened,
    ExecutionReport,
    JournalMessage,
    KillSwitched,
    LegAdopted,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderExpiredUnsent,
    OrderNotPlaced,
    OrderReject,
    OrderReopened,
    PositionAdjusted,
    Reconciliation,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RequestUndelivered,
    Source,
    TimerFired,
    TimerSet,
    TradingResumed,
)
from floorbroker.domain.order import Order, Pending, Side
from floorbroker.domain.position import Position
from floorbroker.engine.book import legs, reported
from floorbroker.engine.book.book import Asked, Book, Phase
from floorbroker.engine.book.news import STALE_JOURNAL
from floorbroker.engine.exposure.ledger import Ledger
from floorbroker.engine.standing.guards import Guards
from floorbroker.engine.standing.image import IMAGE, Image
from floorbroker.engine.standing.kill import Kill, killed
from floorbroker.engine.standing.limits import LimitsInForce
from floorbroker.engine.standing.parents import ParentBook

# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_NEW: Final = RequestKind.NEW
_SENT: Final = Report.SENT
_STREAM: Final = Source.STREAM


class State:
    """The book, and what is known beside it: the desk's epochs, timers and comparisons.

    Three instants are on the broker's own clock: `adopted_time` is when its positions were first
    taken over, up to `safe_time` nothing was missed, and `seen_time` is the newest that its stream
    has told of, which may lie beyond a gap. `strangers` have ids of ours and were not written down
    here; they keep the desk closed for new orders until somebody has looked.
    """

    def __init__(self) -> None:
        self.book = Book()
        self.opened: DeskOpened | None = None
        self.is_closed = True
        self.timers: dict[str, datetime] = {}
        self.adopted_time: datetime | None = None
        self.safe_time: datetime | None = None
        self.seen_time: datetime | None = None
        self.reconciliation: Reconciliation | None = None
        self.alarms = 0
        self.kill: Kill | None = None  #: None while trading is ACTIVE.
        self.strangers: dict[ClOrdID, None] = {}
        self.parents = ParentBook(self.timers)
        self.ledger = Ledger()  #: What orders reserve, and what was done lately.
        self.guard(Guards())
        self._appliers: dict[type, Callable[[Any], Order | None]] = {
            DeskOpened: self._opened,
            DeskClosed: self._closed,
            NewOrderSingle: self._created,
            OrderCancelRequest: self._cancel_asked,
            OrderCancelReplaceRequest: self._replace_asked,
            RequestSent: self._sent,
            RequestUndelivered: self._undelivered,
            RequestUnanswered: self._unanswered,
            ExecutionReport: self._reported,
            OrderCancelReject: self._cancel_rejected,
            OrderReject: self._rejected,
            OrderNotPlaced: self._not_placed,
            OrderExpiredUnsent: self._expired_unsent,
            OrderReopened: self._reopened,
            LegAdopted: self._adopted,
            TimerSet: self._timer_set,
            TimerFired: self._timer_fired,
            PositionAdjusted: self._position_adjusted,
            Reconciliation: self._reconciled,
            BreakApproved: self._approved,
            CashAdjusted: lambda message: self.book.cash.adjust(message.amount),
            Alarm: self._alarmed,
            KillSwitched: self._killed,
            TradingResumed: self._resumed,
            **self.parents.takers,
        }

    def apply(self, message: JournalMessage) -> Order | None:
        """Take a fact in; returns the order that it is about, as it stands after, if there is
        one. Never raises for anything a message may say: what fits nowhere changes nothing."""
        applier = self._appliers.get(type(message))
        order = None if applier is None else applier(message)
        if order is not None:
            self.parents.follow(order, message.transact_time)
        self.ledger.take(self.book, message, order)
        self.guards.take(message, order)
        return order

    def guard(self, guards: Guards) -> None:
        """What was laid over the desk stands like this."""
        self.guards, self.limits = guards, LimitsInForce(guards)

    # The desk

    def _opened(self, message: DeskOpened) -> None:
        self.opened = message
        self.is_closed = False
        self.book.account = message.account

    def _closed(self, message: DeskClosed) -> None:
        if self.opened is not None and message.epoch == self.opened.epoch:
            self.is_closed = True

    def _timer_set(self, message: TimerSet) -> None:
        self.timers[message.timer_id] = message.due_time

    def _timer_fired(self, message: TimerFired) -> None:
        self.timers.pop(message.timer_id, None)

    def _reconciled(self, message: Reconciliation) -> None:
        if self.reconciliation is None:
            self.adopted_time = self.book.adopted_time = message.broker_time
        if message.broker_time is not None:
            self.safe_time = message.broker_time
        if message.cash is not None:
            self.book.cash.take(message.cash)
        self.reconciliation = message

    def _approved(self, message: BreakApproved) -> None:
        """The break is closed until it is found again, as another one if its books changed."""
        compared, name = self.reconciliation, message.found.break_id
        if compared is not None:
            breaks = (message.found if one.break_id == name else one for one in compared.breaks)
            self.reconciliation = replace(compared, breaks=tuple(breaks))

    def _alarmed(self, message: Alarm) -> None:
        self.parents.alarmed(message)
        if message.name == STALE_JOURNAL and message.is_over:
            self.strangers.clear()
        elif message.name == STALE_JOURNAL and message.cl_ord_id is not None:
            self.strangers[message.cl_ord_id] = None
        self.alarms += not message.is_over
        asked = self.book.cancels.get(message.cl_ord_id) if message.cl_ord_id else None
        is_stuck = message.name == "cancel_stuck"
        if is_stuck and asked is not None and message.cl_ord_id is not None:
            self.book.cancels[message.cl_ord_id] = replace(asked, has_alarmed=True)

    def _killed(self, message: KillSwitched) -> None:
        self.kill = killed(self.kill, message)

    def _resumed(self, _: TradingResumed) -> None:
        self.kill = None

    def _position_adjusted(self, message: PositionAdjusted) -> None:
        side = Side.BUY if message.qty > 0 else Side.SELL
        before = self.book.positions.get(message.symbol) or Position(symbol=message.symbol)
        if message.cost is None:
            after = before.booked(side, abs(message.qty), message.px)
        else:
            after = before.reshaped(message.qty, message.cost)
        # Shares that came or went without a trade were neither bought nor sold here.
        self.book.adjusted(replace(after, bought_qty=before.bought_qty, sold_qty=before.sold_qty))

    # What we decide and send

    def _created(self, message: NewOrderSingle) -> Order:
        order = Order(
            cl_ord_id=message.cl_ord_id,
            account=message.account,
            request=message.order,
            created_time=message.transact_time,
            wire_id=message.cl_ord_id,
            updated_time=message.transact_time,
            ref_px=message.ref_px,
        )
        if self.kill is not None:
            self.kill = replace(self.kill, passed=self.kill.passed | {order.cl_ord_id})
        return self.book.keep(order)

    def _cancel_asked(self, message: OrderCancelRequest) -> Order | None:
        order = self.book.find(message.cl_ord_id)
        if order is None:
            return None
        asked = self.book.cancels.get(order.cl_ord_id)
        if asked is None:
            self.book.cancels[order.cl_ord_id] = Asked(since=message.transact_time)
        elif asked.phase is Phase.TAKEN:  # nothing came of it: it is to be asked for again
            self.book.cancels[order.cl_ord_id] = replace(asked, phase=Phase.WANTED)
        return self.book.keep(replace(order, pending=Pending.CANCEL))

    def _replace_asked(self, message: OrderCancelReplaceRequest) -> Order | None:
        order = self.book.orders.get(message.cl_ord_id)
        if order is None:
            return None
        asked = self.book.replaces.get(order.cl_ord_id)
        self.book.replaces[order.cl_ord_id] = Asked(
            since=message.transact_time,
            change=message,
            before=order.request,
            earlier=None if asked is None else asked.unconfirmed,
        )
        pending = self.book.pending(order.cl_ord_id)
        number = order.replaces_asked + 1
        return self.book.keep(replace(order, pending=pending, replaces_asked=number))

    def _sent(self, message: RequestSent) -> Order | None:
        if message.request is not _NEW:
            return self._phase(message.cl_ord_id, message.request, Phase.SENT, message.attempt)
        order = self.book.orders.get(message.cl_ord_id)
        status = None if order is None else next_status(order.venue_status, _SENT)
        if order is None or status is None:
            return order
        now = message.transact_time
        return self.book.keep(
            replace(
                order,
                venue_status=status,
                attempt=message.attempt,
                sent_time=order.sent_time or now,
                updated_time=now,
            )
        )

    def _undelivered(self, message: RequestUndelivered) -> Order | None:
        if message.request is not RequestKind.NEW:
            return self._phase(message.cl_ord_id, message.request, Phase.WANTED, None)
        return self._step(message.cl_ord_id, Report.UNDELIVERED, message.transact_time)

    def _unanswered(self, message: RequestUnanswered) -> Order | None:
        if message.request is not RequestKind.NEW:
            order = self._phase(message.cl_ord_id, message.request, Phase.UNANSWERED, None)
            asked = self.book.replaces.get(message.cl_ord_id)
            if message.is_refusal and asked is not None:
                self.book.replaces[message.cl_ord_id] = replace(asked, refusal=message.text)
            return order
        now, text = message.transact_time, message.text
        return self._step(message.cl_ord_id, Report.UNANSWERED, now, text)

    def _phase(
        self, cl_ord_id: ClOrdID, kind: RequestKind, phase: Phase, attempt: int | None
    ) -> Order | None:
        table = self.book.cancels if kind is RequestKind.CANCEL else self.book.replaces
        asked = table.get(cl_ord_id)
        if asked is not None:
            number = asked.attempt if attempt is None else attempt
            table[cl_ord_id] = replace(asked, phase=phase, attempt=number)
        return self.book.touched(cl_ord_id)

    def _rejected(self, message: OrderReject) -> Order | None:
        return self._step(message.cl_ord_id, Report.REJECTED, message.transact_time, message.text)

    def _not_placed(self, message: OrderNotPlaced) -> Order | None:
        return self._step(
            message.cl_ord_id, Report.NOT_PLACED, message.transact_time, message.text
        )

    def _expired_unsent(self, message: OrderExpiredUnsent) -> Order | None:
        return self._step(
            message.cl_ord_id, Report.EXPIRED_UNSENT, message.transact_time, message.text
        )

    def _step(
        self, cl_ord_id: ClOrdID, report: Report, now: datetime, text: str = ""
    ) -> Order | None:
        order = self.book.orders.get(cl_ord_id)
        status = None if order is None else next_status(order.venue_status, report)
        if order is None or status is None:
            return order
        text = text or order.text
        return self.book.keep(replace(order, venue_status=status, text=text, updated_time=now))

    def _cancel_rejected(self, message: OrderCancelReject) -> Order | None:
        return reported.take_refusal(self.book, message)

    # What the broker reports

    def _reported(self, report: ExecutionReport) -> Order:
        if report.source is _STREAM and (
            self.seen_time is None or report.transact_time > self.seen_time
        ):
            self.seen_time = report.transact_time
        return reported.take(self.book, report)

    def _reopened(self, message: OrderReopened) -> Order:
        return self.book.reopen(replace(message.order, ended_time=None))

    def _adopted(self, message: LegAdopted) -> Order:
        return legs.adopt(self.book, message)

    # Snapshots

    def encode(self) -> bytes:
        """The state between two batches, for a snapshot."""
        assert not self.book.ended, "a snapshot is taken between batches"
        return ENCODER.encode(
            Image(
                opened=self.opened,
                is_closed=self.is_closed,
                orders=list(self.book.orders.values()),
                external=list(self.book.external.values()),
                lineage=self.book.lineage,
                cancels=self.book.cancels,
                replaces=self.book.replaces,
                positions=list(self.book.positions.values()),
                timers=self.timers,
                adopted_time=self.adopted_time,
                safe_time=self.safe_time,
                seen_time=self.seen_time,
                reconciliation=self.reconciliation,
                alarms=self.alarms,
                trails=self.book.trails,
                ended_legs=dict(self.book.ended_legs),
                kill=self.kill,
                strangers=list(self.strangers),
                cash=self.book.cash,
                tally=self.ledger.tally,
                guards=self.guards,
                parents=self.parents.all(),
            )
        )

    @classmethod
    def decode(cls, body: bytes) -> "State":
        """The state that was encoded; raises ValueError where the bytes are none."""
        image: Image = IMAGE.decode(body)
        state = cls()
        state.opened, state.is_closed = image.opened, image.is_closed
        state.book.account = image.opened.account if image.opened else state.book.account
        state.book.restore(image.orders, image.external)
        state.book.lineage = image.lineage
        state.book.cancels, state.book.replaces = image.cancels, image.replaces
        state.book.positions = {position.symbol: position for position in image.positions}
        state.book.trails = image.trails
        state.book.ended_legs = OrderedDict(image.ended_legs)
        state.book.cash = image.cash
        state.timers.update(image.timers)
        state.parents.restore(image.parents)
        state.adopted_time = state.book.adopted_time = image.adopted_time
        state.safe_time, state.seen_time = image.safe_time, image.seen_time
        state.reconciliation = image.reconciliation
        state.alarms = image.alarms
        state.kill = image.kill
        state.strangers = dict.fromkeys(image.strangers)
        state.ledger.restore(state.book, image.tally)
        state.guard(image.guards)
        return state
