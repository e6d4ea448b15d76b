"""Decisions that need no broker: what is refused, what is sent, what an outcome amounts to."""

from datetime import timedelta

import pytest

from floorbroker.brokers.port import Capabilities, Dedupe
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import DuplicateClOrdID, InvalidOrder, UnknownOrder
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import (
    NewOrderSingle,
    OrderExpiredUnsent,
    OrderReject,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RequestUndelivered,
)
from floorbroker.domain.order import OrderRequest
from floorbroker.engine import aftermath, decide
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State
from tests.unit.engine.book.test_booking import report, trade
from tests.unit.engine.scripted import START, limit

NAME = ClOrdID("fb-1")
RULES = decide.Rules(
    account=Account("A"),
    capabilities=Capabilities(name="narrow", dedupe=Dedupe.ENFORCED, cl_ord_id_max=12),
    settings=EngineSettings(),
)


def created(request: OrderRequest | None = None) -> State:
    state = State()
    for message in decide.submit(
        state, decide.Submit(cl_ord_id=NAME, request=request or limit(10)), RULES, START
    ):
        state.apply(message)
    return state


def sent(attempt: int = 1) -> RequestSent:
    return RequestSent(
        cl_ord_id=NAME, request=RequestKind.NEW, attempt=attempt, transact_time=START
    )


def refusal() -> OrderReject:
    return OrderReject(cl_ord_id=NAME, text="insufficient buying power", transact_time=START)


def test_an_intent_holds_the_whole_request() -> None:
    (intent,) = decide.submit(
        State(), decide.Submit(cl_ord_id=NAME, request=limit(10)), RULES, START
    )
    assert isinstance(intent, NewOrderSingle)
    assert (intent.cl_ord_id, intent.order, intent.account) == (NAME, limit(10), Account("A"))


def test_an_id_is_never_used_twice() -> None:
    command = decide.Submit(cl_ord_id=NAME, request=limit(10))
    with pytest.raises(DuplicateClOrdID):
        decide.submit(created(), command, RULES, START)
    used = decide.Submit(cl_ord_id=NAME, request=limit(10), was_used=True)
    with pytest.raises(DuplicateClOrdID):
        decide.submit(State(), used, RULES, START)


def test_an_id_that_the_broker_cannot_take_is_refused() -> None:
    command = decide.Submit(cl_ord_id=ClOrdID("fb-much-too-long"), request=limit(10))
    with pytest.raises(InvalidOrder, match="12 characters"):
        decide.submit(State(), command, RULES, START)


def test_an_intent_that_is_too_old_is_not_sent() -> None:
    state, late = created(), START + timedelta(seconds=301)
    (young,) = decide.send(state, RequestKind.NEW, NAME, settings=EngineSettings(), now=START)
    assert isinstance(young, RequestSent)
    (old,) = decide.send(state, RequestKind.NEW, NAME, settings=EngineSettings(), now=late)
    assert isinstance(old, OrderExpiredUnsent)


@pytest.mark.proves("C04")
@pytest.mark.parametrize("time_in_force", ["ioc", "fok", None])
def test_an_order_that_takes_the_market_as_it_is_waits_a_shorter_time(
    time_in_force: str | None,
) -> None:
    market = OrderRequest.market("buy", 10, "AAPL")
    request = limit(10, time_in_force=time_in_force) if time_in_force else market
    state, late = created(request), START + timedelta(seconds=31)
    (old,) = decide.send(state, RequestKind.NEW, NAME, settings=EngineSettings(), now=late)
    assert isinstance(old, OrderExpiredUnsent)


def test_what_is_on_its_way_is_not_sent_again() -> None:
    state = created()
    state.apply(sent())
    assert decide.send(state, RequestKind.NEW, NAME, settings=EngineSettings(), now=START) == []


def test_a_refusal_of_the_only_attempt_is_final() -> None:
    state = created()
    state.apply(sent())
    assert decide.outcome(state, sent(), refusal()) == [refusal()]


def test_a_refusal_after_an_ambiguous_attempt_proves_nothing() -> None:
    state = created()
    state.apply(sent())
    state.apply(
        RequestUnanswered(
            cl_ord_id=NAME, request=RequestKind.NEW, attempt=1, text="?", transact_time=START
        )
    )
    (found,) = decide.outcome(state, sent(2), refusal())
    assert isinstance(found, RequestUnanswered)
    assert "earlier attempt" in found.text


def test_a_refusal_of_an_order_that_is_reported_alive_is_not_believed() -> None:
    state = created()
    state.apply(sent())
    state.apply(report())
    assert decide.outcome(state, sent(), refusal()) == []


def test_an_outcome_that_better_news_overtook_changes_nothing() -> None:
    state = created()
    state.apply(sent())
    lost = RequestUndelivered(
        cl_ord_id=NAME, request=RequestKind.NEW, attempt=1, text="?", transact_time=START
    )
    assert decide.outcome(state, sent(), lost) == [lost]
    state.apply(report())
    assert decide.outcome(state, sent(), lost) == []


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (decide.Change(), "nothing would change"),
        (decide.Change(price=Px("10.001")), "price"),
        (decide.Change(order_qty=Qty(4)), "are filled"),
        (decide.Change(stop_px=Px("9.00")), "stop_px"),
        (decide.Change(trail=Px("1.00")), "trail"),
    ],
)
def test_a_replace_that_cannot_be_had_says_why(change: decide.Change, hint: str) -> None:
    state = created()
    state.apply(report())
    state.apply(trade(4, 4, "x1"))
    with pytest.raises(InvalidOrder, match=hint):
        decide.replacement(state, NAME, change, rules=RULES, now=START)


def test_an_order_that_nobody_has_reported_cannot_be_replaced() -> None:
    state = created()
    change = decide.Change(price=Px("11.00"))
    with pytest.raises(InvalidOrder, match="once the broker has reported it"):
        decide.replacement(state, NAME, change, rules=RULES, now=START)
    with pytest.raises(UnknownOrder):
        decide.replacement(state, ClOrdID("other"), change, rules=RULES, now=START)


def test_each_replacement_has_its_own_id_on_the_wire() -> None:
    state, names = created(), []
    state.apply(report())
    for price in ("11.00", "12.00"):
        (wanted,) = decide.replacement(
            state, NAME, decide.Change(price=Px(price)), rules=RULES, now=START
        )
        state.apply(wanted)
        state.book.replaces.clear()
        order = state.book.orders[NAME]
        state.book.orders[NAME] = type(order)(
            **{name: getattr(order, name) for name in order.__struct_fields__ if name != "pending"}
        )
        names.append(wanted.wire_id)  # type: ignore[union-attr]  # it is a replace request
    assert names == ["fb-1.1", "fb-1.2"]


def test_a_cancel_is_wished_for_once() -> None:
    state = created()
    state.apply(report())
    (wish,) = decide.cancel(state, NAME, START)
    state.apply(wish)
    assert decide.cancel(state, NAME, START) == []


def test_after_a_crash_what_was_on_the_wire_may_have_arrived() -> None:
    state = created()
    assert aftermath.interrupted(state.book, START) == []
    state.apply(sent())
    (found,) = aftermath.interrupted(state.book, START)
    assert isinstance(found, RequestUnanswered)
