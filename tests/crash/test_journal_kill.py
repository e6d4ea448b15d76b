"""A process is killed while it appends; what it had acknowledged is there, whole and chained."""

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from floorbroker.domain.errors import JournalLocked
from floorbroker.journal.reader import SqliteJournalReader
from floorbroker.journal.sqlite import SqliteJournal
from tests.unit.journal.samples import NOON

KILLS = int(os.environ.get("FLOORBROKER_KILLS", "12"))
LIVES = 12
HERE = Path(__file__).parents[2]


def child(path: Path, seed: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.journal_child", str(path), str(seed)],
        cwd=HERE,
        stdout=subprocess.PIPE,
    )


def killed(process: "subprocess.Popen[bytes]", after_s: float) -> list[int]:
    """Kill the child some time after its first acknowledgement; everything that it had said."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after_s)
    process.kill()
    said = first + process.stdout.read()
    process.wait()
    process.stdout.close()
    return [int(line) for line in said.splitlines(keepends=True) if line.endswith(b"\n")]


@pytest.mark.proves("C02", "C05", "C12", "C16", "C25", "I14")
def test_every_acknowledged_record_survives_kill_nine(tmp_path: Path) -> None:
    random = Random()
    for seed in range(KILLS):
        path = tmp_path / f"{seed // LIVES}.sqlite"  # a new one now and then, to stay quick
        said = killed(child(path, seed), random.uniform(0, 0.1))
        acknowledged = said[-1]
        reader = SqliteJournalReader.open(path)
        outcome = reader.verify()
        assert outcome.damage is None, f"seed {seed}"
        assert outcome.head.seq >= acknowledged, f"seed {seed}"
        assert [one.seq for one in reader.records()] == list(range(1, outcome.records + 1))
        reader.close()
    journal = SqliteJournal.open(path, command="a test", started=NOON, journal_id_maker=Random(1))
    assert journal.epoch == (KILLS - 1) % LIVES + 2
    assert journal.head().seq >= acknowledged
    journal.close()


@pytest.mark.proves("C26", "S26")
def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    process = child(path, 1)
    assert process.stdout is not None
    process.stdout.readline()
    began = time.monotonic()
    with pytest.raises(JournalLocked, match=f"process {process.pid} on"):
        SqliteJournal.open(path, command="b", started=NOON, journal_id_maker=Random(1))
    assert time.monotonic() - began < 1
    reader = SqliteJournalReader.open(path)
    assert reader.verify().damage is None
    reader.close()
    killed(process, 0)
    SqliteJournal.open(path, command="b", started=NOON, journal_id_maker=Random(1)).close()
