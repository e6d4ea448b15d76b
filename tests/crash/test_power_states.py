"""Thousands of states in which a power cut can leave a journal's files, each opened and judged.

A workload opens a journal some times over, appends batches, files ended orders and takes them
back, and saves snapshots; the recorder (`tests.crash.power`) lists what that does to the files. At
every step of the list the power is cut, and each write that was not synced is kept, torn or
dropped. The journal that is opened then must hold all that was acknowledged, end with a whole
batch, verify, know the orders that were filed by then, and never take an epoch twice. Every fifth
cut is followed by another one while the journal is opened.
"""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from msgspec import Struct, field

from floorbroker.domain.errors import JournalDamaged
from floorbroker.domain.ids import ClOrdID
from floorbroker.journal.port import OrderFilter, Snapshot
from floorbroker.journal.sqlite import SqliteJournal
from tests.crash.power import Promise, Recorder, Step, after_a_cut, promised
from tests.crash.test_journal_power import NAME, laid_out, opened
from tests.unit.journal.samples import order, timers

STATES = int(os.environ.get("FLOORBROKER_POWER_STATES", "20000"))
#: A second cut, while the journal is opened after the first.
AGAIN = 5
_ALL = OrderFilter(limit=10_000)


class Workload(Struct, kw_only=True):
    """What was done to a journal, and what it must know at each end of a batch.

    `filed` has the ended orders by the number of the last record, `bodies` the snapshots by
    theirs; `epochs` says after which step each opening was over.
    """

    steps: list[Step]
    filed: dict[int, frozenset[ClOrdID]] = field(default_factory=lambda: {0: frozenset()})
    bodies: dict[int, bytes] = field(default_factory=dict)
    epochs: list[tuple[int, int]] = field(default_factory=list)

    def epoch_after(self, steps: int) -> int:
        return max((epoch for at, epoch in self.epochs if at <= steps), default=0)


async def work(path: Path, seed: int, synchronous: str = "FULL") -> Workload:
    random = Random(seed)
    with Recorder() as recorder:
        done, filed = Workload(steps=recorder.steps), set[ClOrdID]()
        for _ in range(random.randint(2, 4)):
            journal = opened(path)
            journal._db.execute(f"PRAGMA synchronous = {synchronous}")
            done.epochs.append((len(recorder.steps), journal.epoch))
            for _ in range(random.randint(3, 8)):
                await _batch(journal, random, filed)
                seq = journal.head().seq
                recorder.promise(seq)
                done.filed[seq] = frozenset(filed)
                if random.random() < 0.2:
                    head, body = journal.head(), random.randbytes(random.choice((100, 9000)))
                    journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=body))
                    done.bodies[head.seq] = body
            journal.close()
        return done


async def _batch(journal: SqliteJournal, random: Random, filed: set[ClOrdID]) -> None:
    """Some records, with orders that ended and orders that came back."""
    number = journal.head().seq
    ended = [order(number * 10 + place) for place in range(random.choice((0, 0, 1, 3)))]
    back = [random.choice(sorted(filed))] if filed and random.random() < 0.2 else []
    journal.reopen(back)
    await journal.append(timers(random.choice((1, 2, 8, 60)), number), ended)
    filed.difference_update(back)
    filed.update(one.cl_ord_id for one in ended)


def cuts(done: Workload, seed: int) -> Iterator[tuple[list[Step], dict[str, bytes], Random]]:
    """A state for each step, as a cut just after it may leave it."""
    for count in range(len(done.steps) + 1):
        random = Random(seed * 100_003 + count)
        steps = done.steps[:count]
        yield steps, after_a_cut(steps, random), random


def cut_again(files: dict[str, bytes], folder: Path, random: Random) -> dict[str, bytes]:
    """The power goes a second time while the journal is opened."""
    path = laid_out(files, folder)
    with Recorder() as recorder, suppress(JournalDamaged):  # that is found again, and judged
        opened(path).close()
    steps = recorder.steps[: random.randrange(len(recorder.steps) + 1)]
    shutil.rmtree(folder)
    return after_a_cut(steps, random, files)


def judge(done: Workload, steps: list[Step], path: Path) -> str:
    """What is wrong with the journal that is opened then; empty where nothing is."""
    try:
        journal = opened(path)
    except JournalDamaged as damage:
        return f"unreadable: {damage}"
    try:
        outcome, snapshot = journal.verify(), journal.snapshot()
        seq = outcome.head.seq
        known = frozenset(one.cl_ord_id for one in journal.ended_orders(_ALL))
        findings = {
            f"damaged: {outcome.damage}": outcome.damage is not None,
            "lost": seq < promised(steps),
            "not a whole batch": seq not in done.filed,
            "other orders are filed": known != done.filed.get(seq),
            "an epoch is taken twice": journal.epoch <= done.epoch_after(len(steps)),
            "another snapshot": snapshot is not None
            and snapshot.body != done.bodies.get(snapshot.seq),
        }
        return "; ".join(text for text, is_so in findings.items() if is_so)
    finally:
        journal.close()


def folder_of(tmp_path: Path) -> Path:
    """Memory, where there is such a disk: nothing here needs a real one."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        return tmp_path
    return memory / f"floorbroker-{os.getpid()}-{tmp_path.name}"


async def found(tmp_path: Path, states: int, synchronous: str = "FULL") -> Counter[str]:
    """How many states had which fault, "" for none."""
    folder, findings, seed = folder_of(tmp_path), Counter[str](), 0
    folder.mkdir(exist_ok=True)
    try:
        while findings.total() < states:
            seed += 1
            (folder / "work").mkdir()
            done = await work(folder / "work" / NAME, seed, synchronous)
            shutil.rmtree(folder / "work")
            for steps, files, random in cuts(done, seed):
                if synchronous == "FULL" and random.randrange(AGAIN) == 0:
                    files = cut_again(files, folder / "again", random)
                findings[judge(done, steps, laid_out(files, folder / "cut"))] += 1
                shutil.rmtree(folder / "cut")
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)
    told = ", ".join(f"{count} {text or 'without a fault'}" for text, count in findings.items())
    sys.stdout.write(f"{findings.total()} states after a power cut: {told}\n")
    return findings


@pytest.mark.proves("C02", "C05", "C12", "C16", "C25", "I14")
async def test_no_state_after_a_power_cut_loses_or_damages_anything(tmp_path: Path) -> None:
    assert set(await found(tmp_path, 400)) == {""}


async def test_a_journal_whose_making_was_cut_short_can_be_opened(tmp_path: Path) -> None:
    """Its first page is written under SQLite's rollback journal, before there is a log."""
    done, folder = await work(tmp_path / NAME, 1), folder_of(tmp_path)
    folder.mkdir(exist_ok=True)
    try:
        for number in range(300):
            steps = done.steps[: number % 15]
            files = after_a_cut(steps, Random(number))
            assert not judge(done, steps, laid_out(files, folder / "cut")), f"cut {number}"
            shutil.rmtree(folder / "cut")
    finally:
        shutil.rmtree(folder)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.proves("C02", "C05", "C12", "C16", "C25", "I14")
async def test_none_of_thousands_of_states_loses_or_damages_anything(tmp_path: Path) -> None:
    assert set(await found(tmp_path, STATES)) == {""}


async def test_the_same_states_of_a_journal_that_syncs_less_show_losses(tmp_path: Path) -> None:
    """So the oracle would see them."""
    findings = await found(tmp_path, 200, "NORMAL")
    assert sum(count for text, count in findings.items() if "lost" in text) > 20


async def test_the_oracle_sees_a_batch_without_its_orders(tmp_path: Path) -> None:
    done = await work(tmp_path / NAME, 1)
    files = {NAME: (tmp_path / NAME).read_bytes()}
    last = max(done.filed)
    done.filed[last] = done.filed[last] | {ClOrdID("fb-forgotten")}
    steps = [*done.steps, Promise(last)]
    assert judge(done, steps, laid_out(files, tmp_path / "cut")) == "other orders are filed"
