"""Each way in which a request can end becomes one message."""

import asyncio
from collections import deque
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.brokers.cache import BrokerCache
from floorbroker.brokers.pace.retries import Retries
from floorbroker.domain.errors import BrokerUnknown
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecutionReport, RequestKind, RequestSent
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.outbox import Answer, Outbox
from floorbroker.engine.settings import EngineSettings, Means
from floorbroker.engine.timing.stopwatch import Stopwatch
from tests.unit.engine.book.test_booking import state
from tests.unit.engine.scripted import START, ScriptedBroker, limit, virtual

NAME = ClOrdID("fb-1")


class Tray:
    """An outbox and what came of its requests."""

    def __init__(self, broker: ScriptedBroker) -> None:
        self.answers: list[Answer] = []
        self.defects: list[BaseException] = []
        means = Means(
            broker=broker,
            clock=broker.clock,
            settings=EngineSettings(),
            errors=deque(maxlen=9),
            cache=BrokerCache(broker, broker.clock),
            times=Stopwatch(broker.clock, slow_s=1, degraded_s=2, most=9),
            retries=Retries(broker.clock, Random(1)),
        )
        self.outbox = Outbox(means, deliver=self.answers.append, on_defect=self.defects.append)

    async def outcome(self, kind: RequestKind, order: Order, change: Any = None) -> str:
        self.outbox.send(sent(kind), order, change)
        await self.outbox.quiet(60)
        found = self.answers.pop().found
        name = type(found).__name__
        return f"{name} {found.exec_type}" if isinstance(found, ExecutionReport) else name


def sent(kind: RequestKind) -> RequestSent:
    return RequestSent(cl_ord_id=NAME, request=kind, attempt=1, transact_time=START)


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        ("ok", "ExecutionReport order_status"),
        ("reject", "OrderReject"),
        ("unreachable", "RequestUndelivered"),
        ("lost", "RequestUnanswered"),
        ("taken", "RequestUnanswered"),
    ],
)
def test_what_becomes_of_a_new_order(step: str, outcome: str) -> None:
    @virtual
    async def story() -> None:
        broker = ScriptedBroker()
        broker.script = [step]
        order = state().book.orders[NAME]
        assert await Tray(broker).outcome(RequestKind.NEW, order) == outcome

    story()


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        ("ok", "ExecutionReport pending_cancel"),
        ("reject", "OrderCancelReject"),
        ("unreachable", "RequestUndelivered"),
        ("lost", "RequestUnanswered"),
    ],
)
def test_what_becomes_of_a_cancel(step: str, outcome: str) -> None:
    @virtual
    async def story() -> None:
        broker = ScriptedBroker()
        await broker.place(NAME, limit(10))
        broker.script = [step]
        order = state().book.orders[NAME]
        assert await Tray(broker).outcome(RequestKind.CANCEL, order) == outcome

    story()


@virtual
async def test_that_the_id_is_taken_is_not_believed_to_be_a_refusal() -> None:
    broker = ScriptedBroker()
    await broker.place(NAME, limit(10))
    order = state().book.orders[NAME]
    assert await Tray(broker).outcome(RequestKind.NEW, order) == "RequestUnanswered"


@virtual
async def test_one_order_is_placed_by_one_request_at_a_time() -> None:
    broker = ScriptedBroker()
    broker.script = ["hang"]
    tray, order = Tray(broker), state().book.orders[NAME]
    tray.outbox.send(sent(RequestKind.NEW), order, None)
    with pytest.raises(AssertionError, match="on its way already"):
        tray.outbox.send(sent(RequestKind.NEW), order, None)
    await tray.outbox.aclose()


@virtual
async def test_a_defect_of_the_door_is_not_an_outcome() -> None:
    broker = ScriptedBroker()

    async def broken(*_: object) -> ExecutionReport:
        raise KeyError("status")

    broker.place = broken  # type: ignore[assignment, method-assign]  # a broken door
    tray = Tray(broker)
    tray.outbox.send(sent(RequestKind.NEW), state().book.orders[NAME], None)
    await tray.outbox.quiet(1)
    assert tray.answers == []
    assert isinstance(tray.defects[0], KeyError)


@virtual
async def test_a_refused_replace_that_cannot_be_checked_stays_open() -> None:
    broker = ScriptedBroker()
    await broker.place(NAME, limit(10))
    broker.script = ["reject"]
    broker.is_failing = True
    order = state().book.orders[NAME]
    with pytest.raises(BrokerUnknown):
        await broker.look_up(NAME)
    change: Any = object()
    assert await Tray(broker).outcome(RequestKind.REPLACE, order, change) == "RequestUnanswered"
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (OrdStatus.HELD, "OrderCancelReject"),
        (OrdStatus.ACCEPTED, "OrderCancelReject"),
        (OrdStatus.FILLED, "OrderCancelReject"),
        (OrdStatus.NEW, "RequestUnanswered"),
        (OrdStatus.PENDING_REPLACE, "RequestUnanswered"),
        (OrdStatus.REPLACED, "RequestUnanswered"),
    ],
)
def test_a_doubtful_refusal_of_a_replace_is_settled_by_the_order_itself(
    status: OrdStatus, kind: str
) -> None:
    assert _outcome_of_doubt(status) == kind


def test_a_status_whose_word_is_not_known_settles_no_refusal() -> None:
    """It may be that of an order that is being replaced."""
    assert _outcome_of_doubt(OrdStatus.ACCEPTED, is_guessed=True) == "RequestUnanswered"


def _outcome_of_doubt(status: OrdStatus, *, is_guessed: bool = False) -> str:
    """What comes of a replace that is refused in doubt, of an order that is so at the broker."""
    outcomes = []

    @virtual
    async def story() -> None:
        broker = ScriptedBroker()
        placed = await broker.place(NAME, limit(10))
        broker.book[placed.order_id] = replace(placed, ord_status=status, is_guessed=is_guessed)
        broker.script = ["doubtful"]
        order = replace(state().book.orders[NAME], order_id=placed.order_id)
        change: Any = object()
        outcomes.append(await Tray(broker).outcome(RequestKind.REPLACE, order, change))

    story()
    return outcomes[0]
