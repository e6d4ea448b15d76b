"""Health: the levels at which somebody should look, and a kill through the library."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from floorbroker import Desk, OrderRequest
from floorbroker.brokers.pacing import PacingStatus
from floorbroker.brokers.port import ClockSkew
from floorbroker.config import Settings
from floorbroker.deskwork.health import Check, Level
from floorbroker.domain.errors import BrokerUnknown, Halted, InvalidOrder
from floorbroker.sync import Desk as SyncDesk


def settings_for(home: Path) -> Settings:
    return Settings(mode="embedded", home=home, journal_path=home / "desk.sqlite", data_feed="off")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Desk.open(settings_for(tmp_path)) as opened:
        yield opened


async def check(desk: Desk, name: str) -> Check:
    (found,) = [one for one in (await desk.health_check()).checks if one.name == name]
    return found


@pytest.mark.parametrize(
    ("ahead_s", "level"),
    [(0.0, "ok"), (1.4, "ok"), (-1.6, "warn"), (5.4, "warn"), (5.6, "bad"), (-3600.0, "bad")],
)
async def test_clocks_that_differ(desk: Desk, ahead_s: float, level: str) -> None:
    async def skew() -> ClockSkew:
        return ClockSkew(ahead_s=ahead_s, error_s=0.5, source="its Date header")

    desk._open.skew = skew
    found = await check(desk, "clock")
    assert found.level == level
    assert found.is_ok is (level != "bad")
    assert ("NTP" in found.text) is (level != "ok")


async def test_a_clock_that_cannot_be_compared(desk: Desk) -> None:
    async def skew() -> ClockSkew:
        raise BrokerUnknown("no answer")

    desk._open.skew = skew
    assert (await check(desk, "clock")).level is Level.WARN


@pytest.mark.parametrize(("remaining", "level"), [(150, "ok"), (20, "warn"), (0, "warn")])
async def test_a_budget_that_runs_out(desk: Desk, remaining: int, level: str) -> None:
    status = PacingStatus(
        in_flight=1, waiting=0, penalty_s=0, limit=200, remaining=remaining, reset_in_s=9
    )
    desk._open.pacing = lambda: status
    found = await check(desk, "budget")
    assert found.level == level
    assert found.text.startswith(f"{remaining} of 200 requests left, new ones in 9 s")


async def test_figures_and_errors_of_this_process(desk: Desk) -> None:
    order = await desk.submit_order(OrderRequest.market("buy", 1, "AAPL"))
    await desk.wait(order.cl_ord_id, timeout_s=10)
    await desk.submit_order(OrderRequest.market("buy", 99_999_999, "AAPL"))
    health = await desk.health_check()
    assert health.is_healthy
    assert health.latencies.source == "process"
    assert (health.latencies.acknowledged.count, health.latencies.filled.count) == (2, 1)
    assert health.latencies.append.count > 2
    (problem,) = health.errors
    assert (problem.kind, problem.status, problem.request) == ("rejected", 403, "POST /v2/orders")
    assert problem.time is not None
    (kept,) = desk.errors()
    assert (kept.kind, kept.request, kept.time) == ("rejected", "POST /v2/orders", problem.time)


async def test_a_kill_through_the_library(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(InvalidOrder, match="level"):
        await desk.kill("panic")
    bought = await desk.submit_order(OrderRequest.market("buy", 4, "AAPL"))
    await desk.wait(bought.cl_ord_id, timeout_s=10)
    rest = await desk.submit_order(OrderRequest.limit("buy", 1, "MSFT", limit_price="1"))
    status = await desk.kill("cancel", reason="drill", by="risk")
    assert (status.trading, status.orders_left, status.by) == ("halted", 0, "risk")
    assert (await desk.get_order(rest.cl_ord_id)).ord_status == "canceled"
    with pytest.raises(Halted, match="drill"):
        await desk.submit_order(OrderRequest.market("sell", 4, "AAPL"))
    status = await desk.kill("flatten", reason="drill")
    assert (status.trading, status.positions_left) == ("reducing", 0)
    assert await desk.get_positions() == []
    assert not (await check(desk, "trading")).is_ok
    assert (await desk.resume(reason="over")).trading == "active"
    assert desk.trading().trading == "active"
    assert not (tmp_path / "kill.latch").exists()


def test_a_kill_without_await(tmp_path: Path) -> None:
    with SyncDesk.open(settings_for(tmp_path)) as desk:
        assert desk.kill("block", reason="drill", by="risk").trading == "halted"
        with pytest.raises(Halted):
            desk.submit_order(OrderRequest.market("buy", 1, "AAPL"))
    with SyncDesk.open(settings_for(tmp_path)) as desk:
        assert desk.trading().by == "risk"
        assert desk.resume(reason="over").trading == "active"
        desk.submit_order(OrderRequest.market("buy", 1, "AAPL"))
