"""What became of requests that were never answered: asking, until there is evidence.

Theory of operation
-------------------
An order whose outcome is UNKNOWN is looked up again and again. Any report of it settles the
question. That it was never placed is concluded only when everything says so: at least five
well-formed answers "no such order", the last one not before the broker had all the time it could
need to show it, two listings without it, an order stream that would have told, no execution
whose order is unknown and no shares that nothing explains. A look-up that fails proves nothing,
however often.

A cancel that was never answered is made again after asking, which is harmless. A replace is not;
it is settled by the order's own record and by the successor's id, with the same evidence. One that
was answered with a no cannot arrive later any more, so its evidence needs less time.

Executions that the broker counts and we have not booked are asked for by order, never made up.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace

from floorbroker.domain.errors import BrokerError
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    ExecutionReport,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    RequestKind,
)
from floorbroker.domain.order import Order, OrdStatus, Pending
from floorbroker.engine.book import counts, news
from floorbroker.engine.book.book import lineage_of
from floorbroker.engine.book.counts import REVISIONS
from floorbroker.engine.decide import Missing, NotPlaced, Resend
from floorbroker.engine.evidence.proof import Evidence, Pace, World
from floorbroker.engine.settings import Means

#: Listings are dear; the first few look-ups go without.
LISTING_AFTER_S = 4.0


Inquiry = Callable[[ClOrdID], Coroutine[Any, Any, None]]


class Resolver:
    """Runs one inquiry for each open question."""

    def __init__(self, means: Means, world: World) -> None:
        self._broker, self._clock = means.broker, means.clock
        self._settings, self._errors = means.settings, means.errors
        self._retries = means.retries
        self._world = world
        self._inquiries: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._wanted: dict[ClOrdID, ExecutionReport] = {}

    # Questions

    def unanswered(
        self,
        kind: RequestKind,
        cl_ord_id: ClOrdID,
        change: OrderCancelReplaceRequest | None,
        refusal: str = "",
    ) -> None:
        """Find out what became of a request; `refusal`: the broker's words, if they were a no."""
        if kind is RequestKind.NEW:
            self._inquire(kind, cl_ord_id, self._find_order)
        elif kind is RequestKind.CANCEL:
            self._inquire(kind, cl_ord_id, self._repeat_cancel)
        elif change is not None:
            wire_id = change.wire_id
            ask = partial(self._find_successor, wire_id=wire_id, refusal=refusal)
            self._inquire(f"{kind} {wire_id}", cl_ord_id, ask)

    def executions(self, cl_ord_id: ClOrdID, told: ExecutionReport) -> None:
        """Fetch the executions that `told` counts and we lack, then take `told` in again; all of
        them, if it revises one that we never heard of."""
        if told.exec_type in REVISIONS:
            self._inquire("trail", cl_ord_id, self._fetch_trail)
            return
        self._wanted[cl_ord_id] = told
        self._inquire("executions", cl_ord_id, self._fetch_executions)

    def standing(self, cl_ord_id: ClOrdID) -> None:
        """Ask once how an order stands."""
        self._inquire("standing", cl_ord_id, self._ask_standing)

    def legs(self, cl_ord_id: ClOrdID) -> None:
        """Ask how an order stands until there is an answer: it brings the order's legs."""
        self._inquire("legs", cl_ord_id, self._ask_legs)

    def ghost(self, cl_ord_id: ClOrdID) -> None:
        """Ask once whether an order that was not placed has turned up."""
        self._inquire("ghost", cl_ord_id, self._ask_ghost)

    def identify(self, told: ExecutionReport) -> None:
        """Find the client order id of a report that came without."""
        self._inquire("identify", _named(told), lambda _: self._ask_identity(told))

    def is_identifying(self, told: ExecutionReport) -> bool:
        """Whether somebody is still finding out whose report it is."""
        return ("identify", _named(told)) in self._inquiries

    def retry(self, kind: RequestKind, cl_ord_id: ClOrdID, attempt: int) -> None:
        """Make a request that surely did not arrive again, after a while."""
        delays_s = self._settings.retry_delays_s
        delay_s = delays_s[min(attempt, len(delays_s)) - 1]
        self._inquire(f"retry {kind}", cl_ord_id, lambda _: self._resend(kind, cl_ord_id, delay_s))

    @property
    def open_questions(self) -> int:
        """How many inquiries are under way."""
        return len(self._inquiries)

    async def fetched(self) -> None:
        """Return when no inquiry for executions or identities is under way, or after a while."""
        tasks = [task for (what, _), task in self._inquiries.items() if what in _QUICK]
        if tasks:
            await asyncio.wait(tasks, timeout=_QUICK_S)

    async def aclose(self) -> None:
        tasks = list(self._inquiries.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _inquire(self, what: str, subject: str, ask: Inquiry) -> None:
        key = (what, subject)
        if key not in self._inquiries:
            inquiry = self._run(key, ask)
            self._inquiries[key] = asyncio.get_running_loop().create_task(inquiry)

    async def _run(self, key: tuple[str, str], ask: Inquiry) -> None:
        try:
            await ask(ClOrdID(key[1]))
        except Exception as defect:  # noqa: BLE001  (a defect of ours or of the door ends us)
            self._world.fail(defect)
        finally:
            del self._inquiries[key]

    # An order

    async def _find_order(self, cl_ord_id: ClOrdID) -> None:
        evidence, pace = Evidence(since_s=self._clock.monotonic()), Pace(self._settings)
        listed_since = self._world.since()
        async for order in self._while(cl_ord_id, pace, _is_unknown):
            pace.note(is_answered=await self._look_up(cl_ord_id, evidence))
            if self._clock.monotonic() - evidence.since_s >= LISTING_AFTER_S:
                await self._list(order, evidence, listed_since)
            if self._is_proven(order, evidence):
                self._world.deliver(NotPlaced(cl_ord_id, evidence.in_words()))
                evidence = Evidence(since_s=self._clock.monotonic())  # it may go again

    async def _look_up(self, wire_id: str, evidence: Evidence) -> bool:
        """Whether the broker has answered; what it said is evidence, or delivered."""
        try:
            found = await self._broker.look_up(wire_id)
        except BrokerError as problem:
            self._errors.append(problem)
            return False
        if found is None:
            evidence.absent(self._clock.monotonic())
        else:
            evidence.refuted()
            self._world.deliver(found)
        return True

    async def _list(self, order: Order, evidence: Evidence, since: datetime | None) -> None:
        """The order among those placed since; our clock and the broker's may differ."""
        sent = (order.sent_time or order.created_time) - self._overlap
        try:
            listed = await self._broker.orders_since(sent if since is None else min(sent, since))
        except BrokerError as problem:
            self._errors.append(problem)
            return
        name = order.cl_ord_id
        found = [report for report in listed if name in (report.cl_ord_id, report.parent)]
        if found:
            evidence.refuted()
            for report in found:
                self._world.deliver(report)
        else:
            evidence.listings += 1

    def _is_proven(self, order: Order, evidence: Evidence, *, is_answered: bool = False) -> bool:
        """An execution that is nobody's yet might be this order's, and so might shares that
        nothing explains."""
        is_anybodys = any(what == "identify" for what, _ in self._inquiries)
        if is_anybodys or not self._world.is_explained(order.symbol):
            return False
        is_ready, settings = self._world.is_whole(), self._settings
        grace_s = settings.refusal_grace_s if is_answered else settings.ghost_grace_s
        return evidence.is_complete(grace_s, is_stream_ready=is_ready)

    @property
    def _overlap(self) -> timedelta:
        return timedelta(seconds=self._settings.overlap_s)

    async def _ask_ghost(self, cl_ord_id: ClOrdID) -> None:
        await self._look_up(cl_ord_id, Evidence(since_s=self._clock.monotonic()))

    # A cancel, a replace

    async def _repeat_cancel(self, cl_ord_id: ClOrdID) -> None:
        pace = Pace(self._settings)
        async for order in self._while(cl_ord_id, pace, _is_to_be_canceled):
            pace.note(is_answered=await self._record_of(order) is not None)
            self._world.deliver(Resend(RequestKind.CANCEL, cl_ord_id))

    async def _find_successor(self, cl_ord_id: ClOrdID, *, wire_id: str, refusal: str) -> None:
        evidence, pace = Evidence(since_s=self._clock.monotonic()), Pace(self._settings)

        def is_open(order: Order) -> bool:
            return wire_id == self._world.open_replace(cl_ord_id) != order.wire_id

        async for order in self._while(cl_ord_id, pace, is_open):
            pace.note(is_answered=await self._look_up(wire_id, evidence))
            words = await self._predecessor_says(order, evidence)
            if self._is_proven(order, evidence, is_answered=bool(refusal)):
                words = evidence.in_words()
            if words:
                self._world.deliver(
                    OrderCancelReject(
                        cl_ord_id=cl_ord_id,
                        request=RequestKind.REPLACE,
                        text=refusal or f"it never took effect: {words}",
                        transact_time=self._clock.now(),
                    )
                )

    async def _predecessor_says(self, order: Order, evidence: Evidence) -> str:
        """Deliver the record of the order that was to be replaced. In words, why it settles the
        question: an order that ended on its own has no successor."""
        found = await self._record_of(order)
        if found is None:
            return ""
        if found.next_order_id is not None or found.ord_status in _BEING_REPLACED:
            evidence.refuted()
            return ""
        evidence.listings += 1
        return f"{found.order_id} ended {found.ord_status}" if found.ord_status.is_ended else ""

    async def _record_of(self, order: Order) -> ExecutionReport | None:
        """The broker's own record of the order, delivered."""
        if order.order_id is None:
            return None
        try:
            found = await self._broker.order(order.order_id)
        except BrokerError as problem:
            self._errors.append(problem)
            return None
        if found is not None:
            self._world.deliver(found)
        return found

    async def _ask_standing(self, cl_ord_id: ClOrdID) -> None:
        order = self._world.order(cl_ord_id)
        if order is not None:
            await self._record_of(order)

    async def _ask_legs(self, cl_ord_id: ClOrdID) -> None:
        """Questions that fail are made up for soon: a leg may trade, and end, meanwhile."""
        pace = Pace(self._settings)
        for _ in range(_TRIES):
            order = self._world.order(cl_ord_id)
            if order is not None and await self._record_of(order) is not None:
                return
            pace.note(is_answered=False)
            await self._clock.sleep(pace.delay_s())

    async def _resend(self, kind: RequestKind, cl_ord_id: ClOrdID, delay_s: float) -> None:
        await self._retries.turn(delay_s, is_urgent=kind is RequestKind.CANCEL)
        self._world.deliver(Resend(kind, cl_ord_id))

    # Executions

    async def _fetch_executions(self, cl_ord_id: ClOrdID) -> None:
        """The stream usually brings them in a moment; else the broker's list has them. One that
        cannot be had proves nothing."""
        pace, asked, delay_s = Pace(self._settings), 0, self._settings.fills_delay_s
        while True:
            await self._clock.sleep(delay_s)
            order = self._world.order(cl_ord_id)
            told = self._wanted[cl_ord_id]
            if order is None or not counts.is_behind(order, told):
                self._world.deliver(news.as_status(told))
                break
            if asked > len(self._settings.lookup_delays_s):
                text = f"the broker counts {told.cum_qty} for {told.order_id}, does not list all"
                self._world.deliver(Missing(cl_ord_id, text))
                break
            is_answered = await self._deliver_executions(order)
            self._world.deliver(news.as_status(told))
            pace.note(is_answered=is_answered)
            asked += is_answered
            delay_s = pace.delay_s()
        del self._wanted[cl_ord_id]

    async def _fetch_trail(self, cl_ord_id: ClOrdID) -> None:
        pace = Pace(self._settings)
        for _ in range(_TRIES):
            order = self._world.order(cl_ord_id)
            if order is None or await self._deliver_executions(order):
                return
            pace.note(is_answered=False)
            await self._clock.sleep(pace.delay_s())

    async def _deliver_executions(self, order: Order) -> bool:
        """Whether the broker has answered."""
        for order_id in lineage_of(order):
            try:
                found = await self._broker.executions(order_id=order_id)
            except BrokerError as problem:
                self._errors.append(problem)
                return False
            for report in found:
                self._world.deliver(replace(report, cl_ord_id=order.cl_ord_id))
        return True

    async def _ask_identity(self, told: ExecutionReport) -> None:
        """Whose execution it is. An order may be visible later than its executions; one that
        stays unknown is from elsewhere only if it cannot be one of ours that we look for."""
        pace, asked = Pace(self._settings), 0
        while True:
            try:
                found = await self._broker.order(told.order_id)
            except BrokerError as problem:
                self._errors.append(problem)
                pace.note(is_answered=False)
            else:
                if found is not None and found.cl_ord_id:
                    name = found.cl_ord_id
                    break
                pace.note(is_answered=True)
                asked += 1
            if asked > len(self._settings.lookup_delays_s) and not self._world.has_doubts():
                name = ClOrdID(told.order_id)
                break
            await self._clock.sleep(pace.delay_s())
        self._world.deliver(replace(told, cl_ord_id=name))

    # Waiting

    async def _while(
        self, cl_ord_id: ClOrdID, pace: Pace, is_open: Callable[[Order], bool]
    ) -> AsyncIterator[Order]:
        """The order after each wait, for as long as the question is open."""
        while True:
            await self._clock.sleep(pace.delay_s())
            order = self._world.order(cl_ord_id)
            if order is None or order.is_ended or not is_open(order):
                return
            yield order


_BEING_REPLACED = (OrdStatus.REPLACED, OrdStatus.PENDING_REPLACE)
_QUICK = ("executions", "identify")
_QUICK_S = 5.0
#: How often an order is asked for its legs or executions: some minutes, then the comparisons
#: must tell.
_TRIES = 20


def _named(told: ExecutionReport) -> str:
    return told.exec_id or told.order_id


def _is_unknown(order: Order) -> bool:
    return order.venue_status is OrdStatus.UNKNOWN


def _is_to_be_canceled(order: Order) -> bool:
    return order.pending is Pending.CANCEL
