"""The stage of stories itself: its deaths are deaths, and its truth notices what breaks."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from floorbroker.clock import run_virtual
from floorbroker.domain.messages import NewOrderSingle
from floorbroker.domain.order import OrderRequest, OrdStatus
from floorbroker.exchange.faults import FaultRule
from tests.sim import report
from tests.sim.swarm.play import Play
from tests.sim.swarm.shrink import failure, shrunk, told
from tests.sim.swarm.story import Caller, Death, Mishap, Story, drawn
from tests.sim.swarm.world import SwarmWorld
from tests.sim.world import KEYS

BUY = Caller(at_s=1, request=OrderRequest.market("buy", 3, "AAPL"))


def one_order(*deaths: Death, **more: Any) -> list[OrdStatus]:
    """How the journal's orders ended in a story of one caller."""
    ends: list[OrdStatus] = []

    async def acted() -> None:
        stage = Play(Story(seed=1, callers=(BUY,), deaths=deaths, **more))
        await stage.run()
        names = [m.cl_ord_id for m in stage.world.messages() if isinstance(m, NewOrderSingle)]
        ends.extend(stage.world.order(name).ord_status for name in names)

    run_virtual(acted, seed=1, limit_s=600)
    return ends


@pytest.mark.proves("C06")
def test_who_dies_before_the_request_has_placed_nothing() -> None:
    death = Death(place="request", about="POST /v2/orders")
    assert one_order(death) == [OrdStatus.NOT_PLACED]


@pytest.mark.proves("C10")
def test_who_dies_after_the_answer_has_placed_the_order() -> None:
    death = Death(place="answered", about="POST /v2/orders")
    assert one_order(death) == [OrdStatus.FILLED]


@pytest.mark.proves("C02", "C28")
@pytest.mark.parametrize(("place", "ends"), [("sync_lost", []), ("sync_kept", ["not_placed"])])
def test_a_batch_whose_sync_failed_is_there_or_not_and_nothing_was_sent(
    place: str, ends: list[str]
) -> None:
    """The third append is the order's: the desk opened, and compared."""
    assert one_order(Death(place=place, nth=3)) == ends


@pytest.mark.proves("C28")
def test_a_full_disk_ends_the_desk_and_the_next_start_goes_on() -> None:
    assert one_order(Death(place="full", nth=1)) == [OrdStatus.FILLED]


@pytest.mark.proves("C30")
def test_what_a_restored_journal_does_not_know_is_kept_apart() -> None:
    death = Death(place="after_s", after_s=5, is_restored=True)
    assert one_order(death, mishaps=(Mishap(at_s=0.5, kind="backup"),)) == []


@pytest.mark.proves("I01")
def test_a_request_without_its_send_is_noticed() -> None:
    async def acted() -> None:
        world = SwarmWorld(Story(seed=1, callers=()))
        await world.open()
        _, way = world.ports()
        body = {"symbol": "AAPL", "qty": "1", "side": "buy", "client_order_id": "sim-9"}
        body |= {"type": "market", "time_in_force": "day"}
        await way.request(
            "POST", "/v2/orders", body=msgspec.json.encode(body), headers=KEYS.headers()
        )
        assert world.truth.broken[0].startswith("I01")
        await world.close()

    run_virtual(acted, seed=1)


def test_a_failing_story_is_made_as_small_as_it_still_fails() -> None:
    story = next(
        one for one in map(drawn, range(1000)) if len(one.callers) > 3 and len(one.faults) > 3
    )
    wanted, culprit = story.faults[2], story.callers[1]

    def fails(one: Story) -> str:
        is_there = wanted in one.faults and any(c.request == culprit.request for c in one.callers)
        return "I99 planted: it broke" if is_there else ""

    small = shrunk(story, fails)
    assert (len(small.faults), len(small.callers)) == (1, 1)
    assert (small.deaths, small.mishaps, small.callers[0].changes) == ((), (), ())


def test_a_story_is_told_in_lines() -> None:
    story = replace(drawn(1), faults=(FaultRule(kind="stream_lose"),))
    lines = list(told(story))
    assert lines[-1] == "it holds"
    assert any(line.startswith("faults: kind=stream_lose") for line in lines)
    assert any("NewOrderSingle" in line for line in lines)
    assert failure(story) == ""


def test_the_report_tells_what_was_hit(capsys: pytest.CaptureFixture[str]) -> None:
    assert report.soak(0, 20, 1) == 0
    said = capsys.readouterr().out
    assert "never hit, crash points" in said
    assert "20 seeds from 0 on, 0 failures" in said
