"""The writer's lock: named, at once, and gone with its holder."""

import fcntl
import json
import os
import time
from pathlib import Path

import pytest

from floorbroker.domain.errors import JournalError, JournalLocked
from floorbroker.journal.lock import WriterLock, _bears_name
from tests.unit.journal.samples import NOON


def take(journal: Path) -> WriterLock:
    return WriterLock.take(journal, command="floorbroker run --desk main", started=NOON)


def test_the_refusal_names_holder_machine_time_journal_and_remedy(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    lock = take(journal)
    began = time.monotonic()
    with pytest.raises(JournalLocked) as refusal:
        take(journal)
    assert time.monotonic() - began < 1
    said = str(refusal.value)
    for word in (
        f"process {os.getpid()} on {os.uname().nodename}",
        "floorbroker run --desk main",
        "2026-03-12T16:00:00.123456+00:00",
        str(journal),
        "stop that process first",
    ):
        assert word in said
    lock.release()


def test_a_released_lock_can_be_taken_again_and_released_twice(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    lock = take(journal)
    lock.release()
    lock.release()
    take(journal).release()


def test_the_lock_file_is_ones_own_and_says_who_holds_it(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    lock = take(journal)
    file = tmp_path / "journal.sqlite.lock"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["pid"] == os.getpid()
    lock.release()


def test_a_holder_that_has_not_said_who_it_is_is_refused_too(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    file = os.open(tmp_path / "journal.sqlite.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    with pytest.raises(JournalLocked, match="has not said who it is"):
        take(journal)
    os.close(file)


def test_a_lock_on_a_file_that_was_removed_meanwhile_does_not_count(tmp_path: Path) -> None:
    """Two writers could else each lock a file of that name."""
    file = tmp_path / "journal.sqlite.lock"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    assert _bears_name(descriptor, file)
    file.unlink()
    assert not _bears_name(descriptor, file)
    file.touch()
    assert not _bears_name(descriptor, file)
    os.close(descriptor)


def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite.lock").mkdir()
    with pytest.raises(JournalError, match=r"journal\.sqlite\.lock"):
        take(tmp_path / "journal.sqlite")
