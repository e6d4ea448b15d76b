"""How each at-trade control is made to fire: by canned events, on the running desk."""

import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from floorbroker.cli.controls.drill_before import REST
from floorbroker.clock import SystemClock
from floorbroker.desk import Desk
from floorbroker.deskwork import emergency
from floorbroker.domain.errors import Refused
from floorbroker.domain.messages import KillLevel
from floorbroker.engine.atrade import broker, house, market
from floorbroker.engine.atrade.breach import Breach
from floorbroker.engine.atrade.settings import LIVE
from floorbroker.engine.timing.stopwatch import Stopwatch
from floorbroker.engine.vigil.heartbeat import Heartbeat
from floorbroker.engine.vigil.watchman import Eyes, Quoted, Watchman

Drill = Callable[[Desk], Awaitable[str]]
_BY = "self-test"


async def _refused(desk: Desk, word: str) -> str:
    try:
        await desk.submit_order(REST)
    except Refused as refusal:
        return str(refusal) if word in str(refusal) else ""
    return ""


async def kill_switch(desk: Desk) -> str:
    await desk.kill("cancel", reason="A01", by=_BY)
    try:
        return await _refused(desk, "A01")
    finally:
        await desk.resume(reason=_BY, by=_BY)


async def out_of_band(desk: Desk) -> str:
    """As `floorbroker kill` does it: by the latch, past the desk."""
    latch = emergency.new_latch(KillLevel.BLOCK, reason="A02", by=_BY)
    await emergency.latch_only(desk.settings.home, latch)
    clock = SystemClock()
    for _ in range(100):
        if desk.trading().reason == "A02":
            break
        await clock.sleep(0.02)
    try:
        return await _refused(desk, "A02")
    finally:
        await desk.resume(reason=_BY, by=_BY)


async def dead_man(_: Desk) -> str:
    with TemporaryDirectory() as folder:
        heartbeat = Heartbeat(Path(folder))
        heartbeat.beat()
        now_s = SystemClock().now().timestamp()
        is_quiet = house.dead_man(heartbeat.age_s(now_s), LIVE) is None
        os.utime(heartbeat.path, (now_s - 61, now_s - 61))
        breach = house.dead_man(heartbeat.age_s(now_s), LIVE)
    return _said(breach) if is_quiet else ""


async def stream_ready(_: Desk) -> str:
    return _said(broker.stream_ready(is_whole=False, waited_s=2, wait_max_s=2))


async def data_sanity(desk: Desk) -> str:
    """A locked market for longer than is borne, as the watchman sees it."""
    eyes = _eyes(desk, quotes=[Quoted("F", Decimal(10), Decimal(11), 31.0)])
    await _watch(desk, eyes)
    try:
        return await _refused(desk, "A05")
    finally:
        if "F" in desk.trading().symbols:
            await desk.resume(reason=_BY, by=_BY, symbol="F")


async def rejects(_: Desk) -> str:
    found = [broker.Reject(reason="insufficient buying power", at_s=at_s) for at_s in (1, 2, 3)]
    return _said(broker.rejects(found, in_row=3, now_s=3, limits=LIVE))


async def broker_health(_: Desk) -> str:
    return _said(broker.broker_health([1.0, 2.0], (), 3.0, LIVE))


async def wire(desk: Desk) -> str:
    times = Stopwatch(SystemClock(), slow_s=1, degraded_s=1, most=1)
    times.sent = 1_000_000
    return await _halted(desk, _eyes(desk, times=times), "A08")


async def fill_sanity(_: Desk) -> str:
    found = market.Execution(
        symbol="F", px=Decimal(12), ref_px=Decimal(10), cum_qty=Decimal(1), order_qty=Decimal(1)
    )
    return _said(market.fill_sanity(found, LIVE))


async def clock(desk: Desk) -> str:
    eyes = _eyes(desk, skew_s=6.0)
    await _watch(desk, eyes)
    try:
        return await _refused(desk, "A10")
    finally:
        if desk.trading().control == "A10":
            await desk.resume(reason=_BY, by=_BY)


async def disk(desk: Desk) -> str:
    return await _halted(desk, _eyes(desk, free_bytes=0), "A11")


async def build(_: Desk) -> str:
    return _said(house.build_identity(armed="aaaa", here="bbbb", is_live=True, limits=LIVE))


async def alerts(_: Desk) -> str:
    return _said(house.alerts([61.0], LIVE))


DURING: dict[str, Drill] = {
    "A01": kill_switch,
    "A02": out_of_band,
    "A03": dead_man,
    "A04": stream_ready,
    "A05": data_sanity,
    "A06": rejects,
    "A07": broker_health,
    "A08": wire,
    "A09": fill_sanity,
    "A10": clock,
    "A11": disk,
    "A12": build,
    "A13": alerts,
}


def _said(breach: Breach | None) -> str:
    return "" if breach is None else breach.text


def _eyes(
    desk: Desk,
    *,
    times: Stopwatch | None = None,
    free_bytes: int = 1 << 40,
    skew_s: float = 0.0,
    quotes: list[Quoted] | None = None,
) -> Eyes:
    async def skew() -> float:
        return skew_s

    return Eyes(
        times=times or Stopwatch(SystemClock(), slow_s=1, degraded_s=1, most=1),
        heartbeat=Heartbeat(desk.settings.home / "drill"),
        free_bytes=lambda: free_bytes,
        skew_s=skew,
        quotes=lambda: quotes or [],
    )


async def _watch(desk: Desk, eyes: Eyes) -> None:
    """One round of a watchman that bears what the profile `live` bears."""
    await Watchman(
        desk.guards.parts.engine.switch, eyes, SystemClock(), replace(LIVE, skew_every_s=0)
    ).look()


async def _halted(desk: Desk, eyes: Eyes, word: str) -> str:
    await _watch(desk, eyes)
    try:
        return await _refused(desk, word)
    finally:
        if word in desk.trading().reason:
            await desk.resume(reason=_BY, by=_BY)
