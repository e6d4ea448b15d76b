"""Real processes with one key at an exchange with a limit: they share it, and cancels pass."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.serve import serve
from floorbroker.exchange.front.server import FrontRules, Setup
from floorbroker.exchange.reference.assets import listing
from tests.crash.sibling_child import FastClock
from tests.sim.world import ORIGIN_NS

LIMIT = 60
SECONDS = 7.0  # the market is past two minutes and their windows
#: Without sharing far more than this share of all requests is turned away.
MANY = 0.2


def refused(found: list[dict[str, Any]]) -> float:
    """The share of all requests that was answered with 429."""
    turned_away: float = sum(each["refused"] for each in found)
    answered: float = sum(each["answered"] for each in found)
    return turned_away / answered


async def siblings(folder: str, kinds: tuple[str, ...], *, kill: int = 0) -> list[dict[str, Any]]:
    """Run them side by side; the first `kill` are killed half way and tell nothing."""
    origin_ns = time.time_ns()
    setup = Setup(
        clock=FastClock(origin_ns),
        assets=listing(("AAPL",)),
        start_ns=ORIGIN_NS,
        front=FrontRules(rate_limit=LIMIT),
    )
    async with serve(build_exchange(setup), "127.0.0.1", 0) as port:
        words = (f"http://127.0.0.1:{port}", folder)
        started = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.crash.sibling_child", *words, kind, str(SECONDS), str(origin_ns)),
                stdout=asyncio.subprocess.PIPE,
            )
            for kind in kinds
        ]
        if kill:
            await asyncio.sleep(SECONDS / 2)
        for process in started[:kill]:
            os.kill(process.pid, signal.SIGKILL)
        said = [(await process.communicate())[0] for process in started]
    return [json.loads(line) for line in said[kill:]]


@pytest.mark.proves("S27")
async def test_siblings_that_share_a_budget_are_never_turned_away(tmp_path: Path) -> None:
    found = await siblings(str(tmp_path), ("flood", "flood", "cancel"))
    assert refused(found) == 0, found
    assert sum(each["answered"] for each in found[:2]) >= LIMIT, "nobody went beyond a window"
    assert found[2]["answered"] >= 2
    assert found[2]["wait_s"] < 3.0, "a cancel waited for a window"


async def test_siblings_that_share_nothing_are_turned_away() -> None:
    """So the test above can fail."""
    found = await siblings("", ("flood", "flood"))
    assert refused(found) > MANY


@pytest.mark.proves("S27")
async def test_a_sibling_that_is_killed_takes_no_budget_with_it(tmp_path: Path) -> None:
    found = await siblings(str(tmp_path), ("flood", "flood", "cancel"), kill=1)
    assert refused(found) == 0, found
    assert found[0]["answered"] >= LIMIT // 4
    assert found[1]["answered"] >= 1
