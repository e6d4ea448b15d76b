"""The power goes while the journal is written: what was acknowledged is there all the same."""

import os
import sqlite3
from pathlib import Path
from random import Random

import pytest

from floorbroker.domain.errors import JournalError
from floorbroker.journal.port import Snapshot
from floorbroker.journal.sqlite import SqliteJournal
from tests.crash.power import Recorder, Step, Sync, after_a_cut, promised
from tests.unit.journal.samples import NOON, order, timers

CUTS = int(os.environ.get("FLOORBROKER_POWER_CUTS", "60"))
NAME = "journal.sqlite"


def opened(path: Path) -> SqliteJournal:
    return SqliteJournal.open(path, command="a test", started=NOON, journal_id_maker=Random(1))


async def workload(path: Path, recorder: Recorder) -> None:
    """Two openings, batches of many sizes, ended orders, snapshots, and enough of them for SQLite
    to copy its log into the file in between."""
    random = Random(7)
    for _ in range(2):
        journal = opened(path)
        for turn in range(30):
            number = journal.head().seq
            ended = [order(number)] if turn % 3 == 0 else []
            head = await journal.append(timers(random.choice((1, 2, 30, 600)), number), ended)
            recorder.promise(head.seq)
            if turn % 10 == 9:
                body = bytes(random.choice((1000, 2_000_000)))
                journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=body))
        journal.close()


def laid_out(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / NAME


@pytest.mark.proves("C02", "C05", "C12", "C16", "C25", "I14")
async def test_no_power_cut_loses_an_acknowledged_record(tmp_path: Path) -> None:
    with Recorder() as recorder:
        await workload(tmp_path / NAME, recorder)
    assert sum(isinstance(step, Sync) for step in recorder.steps) > 60
    for cut in range(CUTS):
        random = Random(cut)
        steps = recorder.steps[: random.randrange(len(recorder.steps) + 1)]
        path = laid_out(after_a_cut(steps, random), tmp_path / str(cut))
        journal = opened(path)
        outcome = journal.verify()
        assert outcome.damage is None, f"cut {cut}"
        assert outcome.head.seq >= promised(steps), f"cut {cut}"
        journal.close()
        for file in path.parent.iterdir():
            file.unlink()


def test_the_disk_would_catch_a_weaker_setting(tmp_path: Path) -> None:
    """The same cuts, and a database that syncs its log only now and then: promises are lost."""
    with Recorder() as recorder:
        connection = sqlite3.connect(tmp_path / NAME, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
        for number in range(1, 50):
            connection.execute("INSERT INTO numbers VALUES (?)", (number,))
            recorder.promise(number)
        connection.close()
    lost = sum(_is_lost(recorder.steps, tmp_path, seed) for seed in range(20))
    assert lost > 10


def _is_lost(steps: list[Step], folder: Path, seed: int) -> bool:
    random = Random(seed)
    before = steps[: random.randrange(len(steps) // 2, len(steps) - 20)]
    path = laid_out(after_a_cut(before, random), folder / str(seed))
    connection = sqlite3.connect(path)
    try:
        (last,) = connection.execute("SELECT max(number) FROM numbers").fetchone()
    except sqlite3.OperationalError:
        last = None
    finally:
        connection.close()
    return (last or 0) < promised(before)


@pytest.mark.proves("C28")
async def test_a_failed_sync_ends_the_journal_and_is_never_tried_again(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with Recorder() as recorder:
        journal = opened(path)
        head = await journal.append(timers(2))
        recorder.sync_fails = True
        with pytest.raises(JournalError, match="trying again would prove nothing"):
            await journal.append(timers(2))
        recorder.sync_fails = False
        steps = len(recorder.steps)
        with pytest.raises(JournalError, match="takes no more records"):
            await journal.append(timers(2))
        assert [record.seq for record in journal.records()] == [1, 2]
        journal.close()
        assert recorder.steps[steps:] == []
    again = opened(path)
    assert again.head().seq in (head.seq, 4)  # both are lawful: the batch was not acknowledged
    assert again.verify().damage is None
    again.close()
