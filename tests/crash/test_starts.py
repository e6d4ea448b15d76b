"""Deaths that need a stage of their own: in the start, in the middle of a request, in the middle
of a cancel of everything; and a start on a journal that was restored from a backup."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.crash.stage import NAME, Desk, Market, agree
from tests.crash.test_points import LOST, is_as_it_must_be, journaled, submit

SECOND = submit("bracket").replace(NAME, "life-2")
#: A start takes fewer steps than this.
STEPS_MAX = 200


async def a_start_dies_at_every_step(home: Path, url: str, stride: int) -> int:
    """The desk before left two orders that were filled since, one of them in part, and a cancel
    whose answer nobody heard; each start goes on where the last one was killed. How many were."""
    market = Market(url)
    await market.begin()
    desk = await Desk.open(home, url, "later answered DELETE")
    desk.tell(submit("limit"))
    desk.tell(SECOND)
    desk.tell(submit("limit", limit_price="97").replace(NAME, "life-3"))
    await desk.told("stands")
    desk.tell("arm")
    desk.tell("cancel life-3")
    await desk.died()
    await market.act("offer 99 150")
    number, deaths = 1, 0
    while True:
        desk = await Desk.begin(home, url, f"step#{number}")
        if await desk.is_open():
            break
        await desk.died()
        journaled(home)
        number, deaths = number + stride, deaths + 1
        assert number < STEPS_MAX, "a start without an end"
    await desk.kill()
    desk = await Desk.open(home, url)
    orders = await desk.told("stands")
    await agree(home, market, orders)
    filled = sorted(row["ord_status"] for row in orders.values() if "/" not in row["cl_ord_id"])
    assert filled == ["canceled", "filled", "partially_filled"]
    await desk.close()
    before = journaled(home)
    desk = await Desk.open(home, url)
    await desk.kill()
    assert set(journaled(home)[len(before) :]) <= {"DeskOpened", "Reconciliation"}
    await market.aclose()
    return deaths


@pytest.mark.timeout(300)
@pytest.mark.proves("C24")
async def test_starts_that_are_killed_come_to_the_same_end(tmp_path: Path, url: str) -> None:
    assert await a_start_dies_at_every_step(tmp_path, url, stride=7) >= 3


@pytest.mark.soak
@pytest.mark.proves("C24")
@pytest.mark.timeout(600)
async def test_starts_killed_at_each_single_step_come_to_the_same_end(
    tmp_path: Path, url: str
) -> None:
    deaths = await a_start_dies_at_every_step(tmp_path, url, stride=1)
    sys.stdout.write(f"{deaths} starts were killed, each a step later than the one before\n")
    assert deaths >= 20


class Wire:
    """Stands between desk and exchange; `holds` says what to let through only in part."""

    def __init__(self, port: int) -> None:
        self.holds = b""
        self.is_held = asyncio.Event()
        self._port = port
        self._ways: list[asyncio.StreamWriter] = []
        self._carried: set[asyncio.Task[None]] = set()

    async def carry(self, near: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        far, ask = await asyncio.open_connection("127.0.0.1", self._port)
        self._ways += (ask, answer)
        both = [asyncio.create_task(self._copy(far, answer))]
        both.append(asyncio.create_task(self._copy(near, ask)))
        self._carried.update(both)
        await asyncio.wait(both)

    async def aclose(self) -> None:
        for way in self._ways:
            way.close()
        await asyncio.gather(*self._carried, return_exceptions=True)
        for way in self._ways:
            with suppress(ConnectionError):
                await way.wait_closed()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65536):
                if self.holds and self.holds in piece:
                    self.is_held.set()
                    piece = piece[:-20]
                sink.write(piece)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[tuple[Wire, str]]:
    wire = Wire(int(url.rpartition(":")[2]))
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    async with server:
        try:
            yield wire, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            await wire.aclose()


@pytest.mark.proves("C07")
@pytest.mark.parametrize("kind", ["market", "bracket"])
async def test_a_death_in_the_middle_of_a_request_places_nothing(
    kind: str, tmp_path: Path, url: str
) -> None:
    market = Market(url)
    await market.begin()
    async with wired(url) as (wire, through):
        desk = await Desk.open(tmp_path, through)
        wire.holds = b"POST /v2/orders "
        desk.tell(submit(kind))
        await asyncio.wait_for(wire.is_held.wait(), 30)
        await desk.kill()
        wire.holds = b""
    await is_as_it_must_be(tmp_path, url, market, LOST)
    assert await market.orders() == []
    await market.aclose()


@pytest.mark.proves("C23")
@pytest.mark.parametrize("dies", ["request#3 DELETE", "answered#2 DELETE"])
async def test_a_cancel_of_everything_goes_on_after_a_death_in_the_middle(
    dies: str, tmp_path: Path, url: str
) -> None:
    market = Market(url)
    await market.begin()
    desk = await Desk.open(tmp_path, url, f"later {dies}")
    for number in range(5):
        desk.tell(submit("limit").replace(NAME, f"life-{number}"))
    await desk.told("stands")
    desk.tell("arm")
    desk.tell("cancel_all")
    await desk.died()
    again = await Desk.open(tmp_path, url)
    orders = await again.told("stands")
    assert [row["ord_status"] for row in orders.values()] == ["canceled"] * 5
    await agree(tmp_path, market, orders)
    await again.close()
    await market.aclose()


async def floorbroker(home: Path, url: str, *words: str) -> tuple[int, Any, str]:
    """Run the command; its exit code, what it printed as JSON, and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "floorbroker", *words, "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=home,
        env={
            **os.environ,
            "FLOORBROKER_HOME": str(home),
            "FLOORBROKER_DATA_FEED": "off",
            "APCA_API_KEY_ID": "EMBEDDED",
            "APCA_API_SECRET_KEY": "embedded",
            "APCA_API_BASE_URL": url,
            "APCA_API_DATA_URL": url,
        },
    )
    out, complaints = await process.communicate()
    code = process.returncode
    assert code is not None
    return code, json.loads(out) if out else None, complaints.decode()


@pytest.mark.proves("C30")
async def test_a_journal_from_a_backup_takes_no_orders_until_somebody_has_looked(
    tmp_path: Path, url: str
) -> None:
    market = Market(url)
    await market.begin()
    home, buy = tmp_path / "home", ("order", "submit", "buy", "1", "AAPL", "--limit", "99")
    home.mkdir()
    assert (await floorbroker(home, url, *buy))[0] == 0
    shutil.copytree(home, tmp_path / "backup")
    code, forgotten, _ = await floorbroker(home, url, *buy)
    assert code == 0
    shutil.rmtree(home)
    (tmp_path / "backup").rename(home)

    code, _, complaint = await floorbroker(home, url, *buy)
    assert (code, len(await market.orders())) == (1, 2)
    assert forgotten["cl_ord_id"] in complaint
    assert "floorbroker journal accept" in complaint
    code, accepted, _ = await floorbroker(home, url, "journal", "accept")
    assert (code, accepted) == (0, {"forgotten": [forgotten["cl_ord_id"]]})
    assert (await floorbroker(home, url, *buy))[0] == 0
    ids = [row["client_order_id"] for row in await market.orders()]
    assert len(set(ids)) == len(ids) == 3, "no id is used again"
    assert (await floorbroker(home, url, "reconcile"))[0] == 0
    await market.aclose()
