"""Anchors: when they are written, what they betray, and what their own file betrays."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Event

import pytest

from floorbroker.domain.errors import ConfigError, JournalDamaged, JournalError
from floorbroker.journal.merkle import EMPTY_ROOT, Tree
from floorbroker.journal.notary.anchors import Anchors, read_anchors
from floorbroker.journal.notary.keys import key_of, make_key, read_key
from floorbroker.journal.notary.notary import Notary
from floorbroker.journal.port import Head
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from tests.unit.journal.samples import open_journal, timers

KEY = bytes(range(32))


class Dial:
    """A clock whose long waits end when the test says so."""

    def __init__(self) -> None:
        self.turned = asyncio.Event()
        self.waiting = asyncio.Event()

    async def turn(self) -> None:
        """The wait is over; return when the next one has begun."""
        await self.waiting.wait()
        self.waiting.clear()
        self.turned.set()
        await self.waiting.wait()

    def now(self) -> datetime:
        return datetime(2026, 11, 28, 19, 0, tzinfo=UTC)

    def now_ns(self) -> int:
        raise NotImplementedError

    def monotonic(self) -> float:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        if seconds:
            self.waiting.set()
            await self.turned.wait()
            self.turned.clear()


class Office:
    """A journal on a disk of memory, and its anchors in a file."""

    def __init__(self, folder: Path, key: bytes = KEY) -> None:
        self.disk = MemoryDisk()
        self.path = folder / "desk.anchors"
        self.key = key
        self.dial = Dial()
        self.open()

    def open(self, disk: MemoryDisk | None = None) -> None:
        self.journal = open_journal(disk or self.disk)
        self.notary = Notary(self.journal, self.path, self.key, self.dial)

    async def session(self, records: int, *, start: int = 0) -> None:
        """Open, append, close in good order."""
        await self.notary.open()
        for number in range(records):
            await self.journal.append(timers(1, start + number))
        await self.notary.anchor("close")
        self.journal.close()

    def anchors(self, key: bytes | None = KEY) -> Anchors:
        return read_anchors(self.path, key, self.journal.journal_id)

    def told(self) -> list[tuple[int, int, str]]:
        return [(line.epoch, line.seq, line.occasion) for line in self.anchors().lines]

    def damage(self, key: bytes | None = KEY) -> str:
        """Of the journal as its anchors know it."""
        found = self.journal.verify(self.anchors(key).marks()).damage
        return "" if found is None else found.reason


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_an_anchor_is_written_at_the_opening_and_at_the_close(office: Office) -> None:
    await office.session(3)
    office.open()
    await office.session(2, start=3)
    office.open()
    assert office.told() == [(1, 0, "open"), (1, 3, "close"), (2, 3, "open"), (2, 5, "close")]
    assert office.path.stat().st_mode & 0o777 == 0o600
    first, *_, last = office.anchors().lines
    tree = Tree()
    tree.extend(office.journal.hashes())
    assert (first.root, last.root) == (EMPTY_ROOT, tree.root)
    assert last.hash == office.journal.head().hash
    assert last.time == "2026-11-28T19:00:00Z"
    assert office.damage() == ""


async def test_while_records_come_an_anchor_is_written_now_and_then(office: Office) -> None:
    await office.notary.open()
    watching = asyncio.create_task(office.notary.watch(300))
    for records in (0, 4, 0, 1):
        if records:
            await office.journal.append(timers(records))
        await office.dial.turn()
    watching.cancel()
    assert office.told() == [(1, 0, "open"), (1, 4, "regular"), (1, 5, "regular")]


class SlowNotary(Notary):
    """Its disk takes as long as the test says."""

    begun, go_on = Event(), Event()

    def _write(self, head: Head, occasion: str, now: datetime) -> None:
        if occasion == "regular":
            self.begun.set()
            self.go_on.wait()
        super()._write(head, occasion, now)


async def test_a_close_waits_for_the_line_that_is_being_written(office: Office) -> None:
    """Else two lines would follow the same one, and the chain of anchors be broken."""
    notary = office.notary = SlowNotary(office.journal, office.path, KEY, office.dial)
    await notary.open()
    watching = asyncio.create_task(notary.watch(300))
    await office.journal.append(timers(2))
    office.dial.turned.set()
    await asyncio.to_thread(notary.begun.wait)
    watching.cancel()
    closing = asyncio.create_task(notary.anchor("close"))
    await asyncio.sleep(0)
    notary.go_on.set()
    await closing
    assert office.told() == [(1, 0, "open"), (1, 2, "regular"), (1, 2, "close")]


async def test_a_root_is_the_same_from_its_kept_peaks_and_from_all_hashes(office: Office) -> None:
    await office.session(1300)
    peaks = office.path.with_name("desk.anchors.peaks")
    spoil: list[Callable[[bytes], bytes]] = [
        lambda kept: kept,
        lambda _: b"",
        lambda kept: b"x" * len(kept),
        lambda kept: kept[:-1],
    ]
    for number, spoiled in enumerate(spoil):
        kept = peaks.read_bytes()
        assert len(kept) == 32 * (1300 + number).bit_count()
        peaks.write_bytes(spoiled(kept))
        office.open()
        await office.session(1, start=9)
    office.open()
    assert office.damage() == ""
    tree = Tree()
    tree.extend(office.journal.hashes())
    assert office.anchors().lines[-1].root == tree.root


async def test_a_journal_that_does_not_reach_its_anchor_is_not_opened(office: Office) -> None:
    await office.session(3)
    shorter = Office(office.path.parent / "elsewhere", KEY)
    office.path.parent.joinpath("elsewhere").mkdir()
    await shorter.session(2)
    office.open(shorter.disk)
    with pytest.raises(JournalDamaged, match=r"remember record 3 .* it is not there.*cut off"):
        await office.notary.open()
    assert "the end was cut off" in office.damage()


async def test_a_journal_with_another_history_is_not_opened(office: Office) -> None:
    await office.session(3)
    office.path.parent.joinpath("elsewhere").mkdir()
    other = Office(office.path.parent / "elsewhere", KEY)
    await other.session(4, start=50)
    office.open(other.disk)
    with pytest.raises(JournalDamaged, match=r"remember record 3 .* it is another one"):
        await office.notary.open()
    assert "history was written anew" in office.damage()


async def test_anchors_of_another_journal_are_refused(office: Office) -> None:
    await office.session(3)
    disk = MemoryDisk()
    office.journal = open_journal(disk, seed=2)
    office.notary = Notary(office.journal, office.path, KEY, office.dial)
    with pytest.raises(JournalDamaged, match="are about another journal"):
        await office.notary.open()
    assert "is about another journal" in office.anchors().damage


async def test_anchors_that_cannot_be_written_are_a_problem_and_not_the_end(
    office: Office,
) -> None:
    office.path.mkdir()
    await office.notary.open()
    assert "Is a directory" in office.notary.problem
    await office.journal.append(timers(2))
    await office.notary.anchor("regular")
    assert "Is a directory" in office.notary.problem
    office.path.rmdir()
    await office.notary.anchor("regular")
    assert office.notary.problem == ""
    assert office.told() == [(1, 2, "regular")]


async def test_a_line_cut_short_by_a_crash_is_taken_away_at_the_next_opening(
    office: Office,
) -> None:
    await office.session(3)
    whole = office.path.read_bytes()
    office.path.write_bytes(whole + whole.splitlines()[0][:77])
    office.open()
    told = office.anchors()
    assert (told.is_torn, told.damage, len(told.lines)) == (True, "", 2)
    await office.session(1)
    office.open()
    assert office.told() == [(1, 0, "open"), (1, 3, "close"), (2, 3, "open"), (2, 4, "close")]
    assert office.path.read_bytes().startswith(whole)


async def test_nothing_is_signed_after_a_line_that_another_key_signed(office: Office) -> None:
    await office.session(3)
    before = office.path.read_bytes()
    office.key = bytes(32)
    office.open()
    await office.session(1)
    assert "signed with another key" in office.notary.problem
    assert office.path.read_bytes() == before


@pytest.mark.proves("I14")
async def test_any_edit_of_the_anchors_is_found_but_for_a_cut_tail(office: Office) -> None:
    for number in range(4):
        await office.session(2, start=2 * number)
        office.open()
    whole, random = office.path.read_bytes(), Random(20261128)
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 8
    for _ in range(2000):
        spoiled = _edited(lines, random)
        office.path.write_bytes(spoiled)
        told = office.anchors()
        is_only_cut = whole.startswith(spoiled[: spoiled.rfind(b"\n") + 1])
        assert bool(told.damage) != is_only_cut, (spoiled, told.damage)
    for kept in range(8):
        office.path.write_bytes(b"".join(lines[:kept]))
        assert (office.anchors().damage, office.damage()) == ("", "")


def _edited(lines: list[bytes], random: Random) -> bytes:
    """Some damage to the bytes of a file, or to its lines."""
    raw, some = bytearray(b"".join(lines)), list(lines)
    place, kind = random.randrange(len(raw)), random.randrange(6)
    if kind == 0:
        raw[place] ^= 1 << random.randrange(8)
    elif kind == 1:
        del raw[place]
    elif kind == 2:
        raw.insert(place, random.randrange(256))
    else:
        one, other = random.sample(range(len(some)), 2)
        if kind == 3:
            some[one], some[other] = some[other], some[one]
        elif kind == 4:
            some.insert(other, some[one])
        else:
            del some[one]
        return b"".join(some)
    return bytes(raw)


async def test_without_the_key_a_forged_line_passes_and_with_it_not(office: Office) -> None:
    await office.session(2)
    text = office.path.read_text()
    office.path.write_text(text.replace(" close ", " regular "))
    office.open()
    assert office.anchors(None).damage == ""
    assert "wrong MAC" in office.anchors().damage


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "anchor.key"
    assert read_key(path) is None
    key = make_key(path)
    assert len(key) == 32
    assert make_key(path) == read_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["anchor.key"]
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_key(path)


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "a" * 63, "\xff" * 64])
def test_what_is_no_key_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "anchor.key"
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        read_key(path)
    with pytest.raises(ConfigError, match="SETTING"):
        key_of(text, "SETTING")


def test_anchors_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        read_anchors(tmp_path / "none", None, "")


async def test_hashes_are_those_of_the_records_from_any_number_on() -> None:
    journal: SqliteJournal = open_journal(MemoryDisk())
    for size in (1, 5, 2, 40, 1):
        await journal.append(timers(size))
    expected = [record.hash for record in journal.stored_records()]
    for after in range(51):
        assert list(journal.hashes(after)) == expected[after:]
    journal.close()
