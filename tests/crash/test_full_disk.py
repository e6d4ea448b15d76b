"""The journal's disk is full while a real desk works: nothing leaves that is not written down.

The desk ends with the reason, and comes back once there is space. A small file system of its own
is tried where one may be mounted; a limit on the size of its files works everywhere.
"""

import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import Struct

from floorbroker.readers import open_journal_reader
from tests.crash.stage import NAME, Desk, Market, agree, cells, until
from tests.crash.test_points import SLOW, submit


class Full(Struct, frozen=True, kw_only=True):
    """What happens before and on the full disk, what the exchange has then, and how the order
    stands once the desk is back."""

    before: tuple[str, ...] = ()
    then: str
    there: str = ""
    back: str


CASES = {
    "INTENT cannot be written": Full(then=submit("limit"), back=""),
    "SEND cannot be written": Full(before=(*SLOW, submit("limit")), then="", back="new 0/100"),
    "a cancel cannot be written": Full(
        before=(submit("limit"),), then=f"cancel {NAME}", there="new", back="new 0/100"
    ),
    "an execution cannot be written": Full(
        before=(submit("limit"),), then="offer 99 100", there="filled", back="filled 100/100"
    ),
}


def intent_is_written(home: Path) -> Callable[[], Awaitable[bool]]:
    async def is_it() -> bool:
        with closing(open_journal_reader(home / "desk.sqlite")) as journal:
            names = [type(record.message).__name__ for record in journal.records()]
        return "NewOrderSingle" in names

    return is_it


async def prepare(desk: Desk, home: Path, case: Full) -> None:
    for words in case.before:
        if words == "warm":
            await desk.told(words)
        else:
            desk.tell(words)
    if case.before[:1] == ("warm",):
        await until(intent_is_written(home))
    elif case.before:
        await desk.told("stands")


async def runs_out(
    case: Full, home: Path, url: str, fill: Callable[[Desk], None], free: Callable[[], None]
) -> str:
    """Let the disk run full; returns what the desk said as it ended."""
    market = Market(url)
    await market.begin()
    desk = await Desk.open(home, url)
    await prepare(desk, home, case)
    fill(desk)
    if case.then.startswith(("submit", "cancel")):
        desk.tell(case.then)
    elif case.then:
        await market.act(case.then)
    assert await desk.ended() == 1
    there = [row["status"] for row in await market.orders()]
    assert there == ([case.there] if case.there else []), "nothing leaves that is not written"
    free()
    again = await Desk.open(home, url)
    orders = await again.told("stands")
    assert cells(orders) == case.back
    await agree(home, market, orders)
    await again.close()
    await market.aclose()
    return desk.complaints


@pytest.mark.proves("C28")
@pytest.mark.parametrize("name", CASES)
async def test_a_file_that_may_not_grow_ends_the_desk(name: str, tmp_path: Path, url: str) -> None:
    told = await runs_out(
        CASES[name], tmp_path, url, fill=lambda desk: desk.tell("full"), free=lambda: None
    )
    assert "cannot append record" in told
    assert "start again: recovery finds out" in told


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place))
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(("umount", str(place)), check=True)


@pytest.mark.proves("C28")
@pytest.mark.parametrize("name", CASES)
async def test_a_full_disk_ends_the_desk_and_space_brings_it_back(
    name: str, small_disk: Path, url: str
) -> None:
    filler = small_disk / "filler"

    def fill(_: Desk) -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    told = await runs_out(CASES[name], small_disk, url, fill=fill, free=filler.unlink)
    assert "the disk is full: free some space and start again" in told
