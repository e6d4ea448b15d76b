"""Two desks where there should be one, and one that was asleep: real processes.

A stopped process (SIGSTOP) is what a suspended machine or a long swap looks like. It keeps its
lock, so nobody takes over; when it goes on, its book is old.
"""

import asyncio
import os
import signal
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from floorbroker.domain.errors import JournalLocked
from floorbroker.domain.messages import Alarm, ExecType, ExecutionReport, RequestSent
from floorbroker.engine.settings import EngineSettings
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.readers import open_journal_reader
from tests.crash.stage import NAME, Desk, Market, agree, until
from tests.crash.test_points import fault, submit

SECOND = submit("limit", limit_price="98").replace(NAME, "life-2")
NAMELESS = 'submit limit {"limit_price": "99"}'


async def is_refused(home: Path, url: str, pid: int) -> None:
    """A second start finds the lock held, at once, and says by whom."""
    began = time.monotonic()
    with pytest.raises(JournalLocked, match=f"process {pid} on"):
        SqliteJournal.open(
            home / "desk.sqlite",
            command="a test",
            started=datetime.now(UTC),
            journal_id_maker=Random(1),
        )
    assert time.monotonic() - began < 1
    second = await Desk.begin(home, url)
    assert await second.ended() == 1
    assert f"process {pid} on" in second.complaints


@pytest.mark.proves("C26", "S26")
async def test_a_stopped_desk_keeps_its_place_and_asks_before_it_sends(
    tmp_path: Path, url: str
) -> None:
    """While it is stopped its order fills, the stream loses the news, and a new order is wished:
    the fill is booked before the new order leaves."""
    market = Market(url)
    await market.begin()
    desk = await Desk.open(tmp_path, url)
    desk.tell(submit("limit"))
    await desk.told("stands")
    os.kill(desk.pid, signal.SIGSTOP)
    await is_refused(tmp_path, url, desk.pid)
    await market.ask("PUT", "faults", fault("stream_lose", event="fill"))
    await market.act("offer 99 100")
    await market.ask("DELETE", "faults")
    desk.tell(SECOND)
    await asyncio.sleep(EngineSettings().pause_max_s + 1)
    os.kill(desk.pid, signal.SIGCONT)
    await desk.sees("life-2 new")
    await agree(tmp_path, market, await desk.told("stands"))
    await desk.close()
    await market.aclose()
    with closing(open_journal_reader(tmp_path / "desk.sqlite")) as journal:
        told = [record.message for record in journal.records()]
    stood_still = [isinstance(one, Alarm) and one.name == "stood_still" for one in told]
    fill = [isinstance(one, ExecutionReport) and one.exec_type is ExecType.TRADE for one in told]
    sent = [isinstance(one, RequestSent) and one.cl_ord_id == "life-2" for one in told]
    assert stood_still.index(True) < fill.index(True) < sent.index(True)


@pytest.mark.proves("C26", "S26")
async def test_a_desk_whose_lock_was_taken_away_is_fenced_out_by_the_next_one(
    tmp_path: Path, url: str
) -> None:
    """Somebody removes the lock file while a desk is stopped, and starts another: the first one
    can write nothing any more, so it sends nothing, says why and ends."""
    market = Market(url)
    await market.begin()
    first = await Desk.open(tmp_path, url)
    os.kill(first.pid, signal.SIGSTOP)
    (tmp_path / "desk.sqlite.lock").unlink()
    second = await Desk.open(tmp_path, url)
    second.tell(submit("limit"))
    first.tell(SECOND)
    await second.sees(f"{NAME} new")
    os.kill(first.pid, signal.SIGCONT)
    assert await first.ended() == 1
    assert "another desk has opened it since" in first.complaints
    assert [row["client_order_id"] for row in await market.orders()] == [NAME]
    await agree(tmp_path, market, await second.told("stands"))
    await second.close()
    await market.aclose()


async def placed(desk: Desk) -> list[str]:
    """The name that the desk gives a new order."""
    desk.tell(NAMELESS)

    async def is_there() -> bool:
        return bool(await desk.told("look"))

    await until(is_there)
    return list(await desk.told("stands"))


@pytest.mark.proves("C27", "S26")
async def test_two_journals_of_one_account_never_share_an_id_and_see_each_other(
    tmp_path: Path, url: str
) -> None:
    market = Market(url)
    await market.begin()
    homes = [tmp_path / "first", tmp_path / "second"]
    for home in homes:
        home.mkdir()
    first, second = [await Desk.open(home, url) for home in homes]
    ours, theirs = await placed(first), await placed(second)
    ids = [*ours, *theirs]
    assert len({name.split("-")[0] for name in ids}) == len(ids) == 2, "each has its namespace"

    async def are_strangers() -> bool:
        seen = [await first.told("strangers"), await second.told("strangers")]
        return [list(each) for each in seen] == [theirs, ours]

    await until(are_strangers)
    await market.act("offer 99 200")
    for desk in (first, second):
        await desk.told("stands")  # not before the positions agree with the account's
        rows = await desk.told("look")
        assert {name: row["ord_status"] for name, row in rows.items()} == dict.fromkeys(
            ids, "filled"
        ), "the other's is filed as a stranger's"
        await desk.close()
    await market.aclose()
