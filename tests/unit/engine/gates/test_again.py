"""Sending again, with the same id, what was proven never placed: only where somebody wants it."""

from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.brokers.port import Dedupe
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import RequestSent, RequestUndelivered
from floorbroker.domain.order import OrdStatus
from tests.unit.engine.scripted import ScriptedBroker, TestDesk, desk, limit, virtual

NAME = ClOrdID("fb-1")


def places(made: TestDesk) -> int:
    return made.broker.asked.count(("place", NAME))


@pytest.mark.proves("S01", "C06")
@virtual
async def test_an_order_that_was_proven_never_placed_goes_again_under_its_id_if_wanted() -> None:
    async with desk(resend_unknown=True) as made:
        made.broker.script = ["lost"]
        await made.engine.submit(limit(cl_ord_id=NAME))
        order = await made.engine.wait(NAME, until=lambda o: o.ord_status is OrdStatus.NEW)
        assert (order.attempt, places(made)) == (2, 2)
        kinds = [type(m) for m in made.messages() if getattr(m, "cl_ord_id", "") == NAME]
        assert kinds.index(RequestUndelivered) < len(kinds) - kinds[::-1].index(RequestSent) - 1


@virtual
async def test_a_ghost_that_turns_up_after_all_is_the_only_order() -> None:
    async with desk(resend_unknown=True) as made:
        made.broker.script, made.broker.is_silent = ["taken"], True
        made.broker.hidden.add(NAME)
        await made.engine.submit(limit(cl_ord_id=NAME))
        await made.engine.wait(NAME, until=lambda o: o.attempt == 2)
        made.broker.hidden.clear()
        order = await made.engine.wait(NAME, until=lambda o: o.ord_status is OrdStatus.NEW)
        assert order.attempt == 2
        assert [one.cl_ord_id for one in made.broker.book.values()] == [NAME]


@virtual
async def test_a_second_attempt_that_is_lost_too_needs_evidence_of_its_own() -> None:
    async with desk(resend_unknown=True, intent_ttl_s=3600) as made:
        made.broker.script = ["lost", "lost"]
        await made.engine.submit(limit(cl_ord_id=NAME))
        first = await made.engine.wait(NAME, until=lambda o: o.attempt == 2)
        second = await made.engine.wait(NAME, until=lambda o: o.attempt == 3)
        assert first.updated_time is not None
        assert second.updated_time is not None
        assert (second.updated_time - first.updated_time).total_seconds() >= 60


@pytest.mark.parametrize(
    "why_not", [{"resend_unknown": False}, {"intent_ttl_s": 30}, {"dedupe": Dedupe.CORRELATION}]
)
def test_otherwise_it_ends_as_never_placed(why_not: dict[str, Any]) -> None:
    @virtual
    async def story() -> None:
        settings, broker = {"resend_unknown": True, **why_not}, ScriptedBroker()
        dedupe = settings.pop("dedupe", Dedupe.ENFORCED)
        broker.capabilities = replace(broker.capabilities, dedupe=dedupe)
        async with desk(broker, **settings) as made:
            broker.script = ["lost"]
            await made.engine.submit(limit(cl_ord_id=NAME))
            assert (await made.engine.wait(NAME)).ord_status is OrdStatus.NOT_PLACED
            assert places(made) == 1

    story()
