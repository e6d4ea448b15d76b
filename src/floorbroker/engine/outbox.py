"""Requests to the broker, made only once they are durable, at most one at a time for each order.

Theory of operation
-------------------
The loop hands a request over after its SEND is on disk. Each request is one task and has one
outcome, which comes back to the loop as a message:

| the door                  | place              | cancel                 | replace            |
|---------------------------|--------------------|------------------------|--------------------|
| returns                   | ExecutionReport    | PENDING_CANCEL         | ExecutionReport    |
| raises BrokerRejected     | OrderReject        | OrderCancelReject      | see below          |
| raises BrokerUnreachable  | RequestUndelivered | RequestUndelivered     | RequestUndelivered |
| raises BrokerUnknown      | RequestUnanswered  | RequestUnanswered      | RequestUnanswered  |

"The order could not be replaced" has been said of orders that were, so a refused replace is
believed only after the order itself was asked for and names no successor. Where the words prove
nothing either (`BrokerUnknown.is_refusal`), its status may: a leg that is held, an order that is
not at the venue yet and one that has ended have no successor on its way. Else it is unanswered.

Whatever else a door raises is a defect, and ends the engine: the attempt is on disk, and recovery
asks what became of it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import count
from typing import Any, Final, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from floorbroker.brokers.pacing import Lane
from floorbroker.domain.errors import (
    BrokerError,
    BrokerRejected,
    BrokerUnknown,
    BrokerUnreachable,
)
from floorbroker.domain.ids import ClOrdID, OrderID
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderReject,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RequestUndelivered,
    Source,
)
from floorbroker.domain.order import ENDED, Order, OrdStatus
from floorbroker.engine.decide import Outcome
from floorbroker.engine.settings import Means
from floorbroker.engine.timing.stopwatch import Batch, Stopwatch
from floorbroker.engine.views import Finder


class Answer(Struct, frozen=True):
    """What became of a request."""

    sent: RequestSent
    found: ExecutionReport | Outcome


#: An order is placed by one request at a time; cancels and replaces are told apart by number.
Key = tuple[RequestKind, ClOrdID, int]
Request = Callable[[], Coroutine[Any, Any, ExecutionReport | Outcome]]

#: An order that stands there has no successor on its way.
_NOT_REPLACEABLE = ENDED - {OrdStatus.REPLACED} | {
    OrdStatus.PENDING_NEW,
    OrdStatus.ACCEPTED,
    OrdStatus.HELD,
}


def _stands(found: ExecutionReport) -> bool:
    """Whether the order has no successor on its way; a status that was guessed does not say."""
    return found.ord_status in _NOT_REPLACEABLE and not found.is_guessed


LANES = {
    RequestKind.NEW: Lane.SUBMIT,
    RequestKind.CANCEL: Lane.CANCEL,
    RequestKind.REPLACE: Lane.REPLACE,
}


class Pacer(Protocol):
    """One request budget for the account, as far as the engine uses it.

    `try_take` reserves a place that the door then uses; after a no, `on_capacity` is called when
    it is worth asking again.
    """

    on_capacity: Callable[[], None] | None

    def try_take(self, lane: Lane) -> bool: ...

    def give_back(self, lane: Lane) -> None: ...


class Pulse(Protocol):
    """Whether this process stood still; see `evidence.pulse`."""

    last_s: float | None

    def has_missed(self, since_s: float | None) -> bool: ...


class Asker(Protocol):
    """Asks the broker what became of things; see `evidence.resolve`."""

    def unanswered(
        self,
        kind: RequestKind,
        cl_ord_id: ClOrdID,
        change: OrderCancelReplaceRequest | None,
        refusal: str = "",
    ) -> None: ...

    def executions(self, cl_ord_id: ClOrdID, told: ExecutionReport) -> None: ...

    def standing(self, cl_ord_id: ClOrdID) -> None: ...

    def legs(self, cl_ord_id: ClOrdID) -> None: ...

    def ghost(self, cl_ord_id: ClOrdID) -> None: ...

    def identify(self, told: ExecutionReport) -> None: ...

    def retry(self, kind: RequestKind, cl_ord_id: ClOrdID, attempt: int) -> None: ...


# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_NEW: Final = RequestKind.NEW


class Outbox:
    """Makes requests and reports their outcomes through `deliver`."""

    def __init__(
        self,
        means: Means,
        *,
        deliver: Callable[[Answer], None],
        on_defect: Callable[[BaseException], None],
        pulse: Pulse | None = None,
    ) -> None:
        #: Returns the pacer's place of a request that does not leave.
        self.give_back: Callable[[Lane], None] = _nowhere
        self._pulse = pulse
        self._broker, self._clock, self._errors = means.broker, means.clock, means.errors
        self._times = means.times
        self._retries = means.retries
        self._deliver = deliver
        self._on_defect = on_defect
        self._live: dict[Key, asyncio.Task[None]] = {}
        self._cancels = count(1)

    def __len__(self) -> int:
        return len(self._live)

    def send(
        self, sent: RequestSent, order: Order, change: OrderCancelReplaceRequest | None
    ) -> None:
        """Make the request that `sent` announced; `sent` is durable."""
        is_new = sent.request is _NEW
        number = 0 if is_new else sent.attempt
        if not is_new and sent.request is RequestKind.CANCEL:  # its wish may come again
            number = next(self._cancels)
        key = (sent.request, sent.cl_ord_id, number)
        assert key not in self._live, f"{sent.request} of {sent.cl_ord_id} is on its way already"
        request: Request
        if is_new:
            decided_s = None if self._pulse is None else self._pulse.last_s
            request = partial(self._place, sent, order, decided_s)
        elif sent.request is RequestKind.CANCEL:
            request = partial(self._cancel, sent, order)
        else:
            assert change is not None, f"a replace of {sent.cl_ord_id} without its terms"
            request = partial(self._replace, sent, order, change)
        self._live[key] = asyncio.get_running_loop().create_task(
            self._run(key, sent, request, self._times.batch)
        )

    async def quiet(self, timeout_s: float) -> None:
        """Return when nothing is on the wire, or after `timeout_s`."""
        if self._live:
            await asyncio.wait(list(self._live.values()), timeout=timeout_s)

    async def aclose(self) -> None:
        """Give up what is on the wire; its outcome is unknown until the next start."""
        tasks = list(self._live.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self,
        key: Key,
        sent: RequestSent,
        request: Request,
        batch: Batch,
    ) -> None:
        is_new = sent.request is _NEW
        self._times.sent += 1
        way = self._times.leaves(sent.cl_ord_id, batch) if is_new else None
        try:
            found = await request()
        except Exception as defect:  # noqa: BLE001  (not ours to understand; recovery is)
            self._on_defect(defect)
            return
        finally:
            del self._live[key]
        if way is not None:
            way.answered_s = self._times.now_s()
        if not isinstance(found, RequestUndelivered):
            is_retry = sent.attempt > 1 and sent.request is not RequestKind.REPLACE
            self._retries.answered(is_retry=is_retry)
        self._deliver(Answer(sent, found))

    async def _place(
        self, sent: RequestSent, order: Order, decided_s: float | None
    ) -> ExecutionReport | Outcome:
        if self._pulse is not None and self._pulse.has_missed(decided_s):
            self.give_back(Lane.SUBMIT)
            text = "this desk stood still before it left"
            return self._failed(sent, BrokerUnreachable(text))
        try:
            return await self._broker.place(order.cl_ord_id, order.request)
        except BrokerRejected as refusal:
            self._errors.append(refusal)
            return OrderReject(
                cl_ord_id=order.cl_ord_id,
                text=refusal.text,
                code=refusal.code,
                transact_time=self._clock.now(),
            )
        except BrokerError as problem:
            return self._failed(sent, problem)

    async def _cancel(self, sent: RequestSent, order: Order) -> ExecutionReport | Outcome:
        order_id = _known(order)
        try:
            await self._broker.cancel(order_id)
        except BrokerRejected as refusal:
            return self._refused(sent, refusal)
        except BrokerError as problem:
            return self._failed(sent, problem)
        return ExecutionReport(
            cl_ord_id=order.cl_ord_id,
            order_id=order_id,
            exec_type=ExecType.PENDING_CANCEL,
            ord_status=OrdStatus.PENDING_CANCEL,
            symbol=order.symbol,
            side=order.side,
            source=Source.ANSWER,
            transact_time=order.updated_time or order.created_time,
            received_time=self._clock.now(),
            text="the broker took the request",
        )

    async def _replace(
        self, sent: RequestSent, order: Order, change: OrderCancelReplaceRequest
    ) -> ExecutionReport | Outcome:
        order_id = _known(order)
        try:
            return await self._broker.replace(order_id, change)
        except BrokerError as problem:
            is_no = isinstance(problem, BrokerRejected)
            if is_no or (isinstance(problem, BrokerUnknown) and problem.is_refusal):
                return await self._check_refused(sent, order_id, problem)
            return self._failed(sent, problem)

    async def _check_refused(
        self, sent: RequestSent, order_id: OrderID, refusal: BrokerError
    ) -> ExecutionReport | Outcome:
        """Believe a refused replace only if the order itself names no successor."""
        try:
            found = await self._broker.order(order_id)
        except BrokerError as problem:
            return self._failed(sent, problem, is_ambiguous=True)
        if found is not None and found.next_order_id is not None:
            self._errors.append(refusal)
            return found
        if isinstance(refusal, BrokerRejected) or (found is not None and _stands(found)):
            return self._refused(sent, refusal)
        return self._failed(sent, refusal)

    def _refused(self, sent: RequestSent, refusal: BrokerError) -> OrderCancelReject:
        self._errors.append(refusal)
        return OrderCancelReject(
            cl_ord_id=sent.cl_ord_id,
            request=sent.request,
            text=refusal.text,
            code=refusal.code,
            transact_time=self._clock.now(),
        )

    def _failed(
        self, sent: RequestSent, problem: BrokerError, *, is_ambiguous: bool = False
    ) -> RequestUndelivered | RequestUnanswered:
        self._errors.append(problem)
        told = RequestUndelivered(
            cl_ord_id=sent.cl_ord_id,
            request=sent.request,
            attempt=sent.attempt,
            text=problem.text,
            transact_time=self._clock.now(),
        )
        if isinstance(problem, BrokerUnreachable) and not is_ambiguous:
            return told
        is_refusal = isinstance(problem, BrokerUnknown) and problem.is_refusal
        return RequestUnanswered(**asdict(told), is_refusal=is_refusal)


class Hands(Struct, frozen=True, kw_only=True):
    """Those who act for the writer, once it is durable."""

    outbox: Outbox
    resolver: Asker
    pacer: Pacer
    finder: Finder
    timer_changed: Callable[[], None]
    switched: Callable[[], None]
    times: Stopwatch
    reopen: Callable[[list[ClOrdID]], None]


def _nowhere(_: Lane) -> None:
    """Nobody counts."""


def _known(order: Order) -> OrderID:
    assert order.order_id is not None, f"{order.cl_ord_id} has no broker order to ask about"
    return order.order_id
