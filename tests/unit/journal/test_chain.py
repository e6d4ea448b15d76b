"""Whatever is done to a journal's batches, the walk finds it and names the first bad record."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.journal.chain import START, walk
from floorbroker.journal.codec import HASH_SIZE, Batch, encode_batch, hash_at
from floorbroker.journal.merkle import EMPTY_ROOT, Tree
from floorbroker.journal.port import GENESIS, Mark
from tests.unit.journal.samples import one_of_each, timers

MESSAGES = [*one_of_each(), *timers(20)]


def journal_of(sizes: list[int], messages: int = 0) -> list[Batch]:
    """Batches of these sizes; each is of the next epoch."""
    head, batches = START, []
    for epoch, size in enumerate(sizes, 1):
        start = (head.seq + messages) % 20
        batch, head = encode_batch(MESSAGES[start : start + size], head, epoch)
        batches.append(batch)
    return batches


def mark_at(batches: list[Batch], seq: int) -> Mark:
    (batch,) = (one for one in batches if one.first_seq <= seq <= one.last_seq)
    return Mark(seq=seq, hash=hash_at(batch, seq), origin="a friend")


def first_bad(batches: list[Batch], **hints: list[Mark]) -> int | None:
    damage = walk(batches, **hints).damage  # type: ignore[arg-type]  # only marks are passed
    return None if damage is None else damage.seq


def flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_an_untouched_journal_verifies() -> None:
    batches = journal_of([3, 1, 7])
    outcome = walk(batches, marks=[mark_at(batches, 4), mark_at(batches, 11)])
    assert outcome.damage is None
    assert outcome.records == outcome.head.seq == 11


SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=6)


@given(SIZES, st.randoms(use_true_random=False))
def test_a_flipped_bit_is_found_at_its_record(sizes: list[int], random: Random) -> None:
    batches = journal_of(sizes)
    index = random.randrange(len(batches))
    batch = batches[index]
    place = random.randrange(len(batch.records) * 8)
    seq = batch.first_seq + batch.records[: place // 8].count(b"\n")
    batches[index] = replace(batch, records=flipped(batch.records, place))
    assert first_bad(batches) == seq


@given(SIZES, st.randoms(use_true_random=False))
def test_a_flipped_bit_of_a_hash_is_found_at_its_record(sizes: list[int], random: Random) -> None:
    batches = journal_of(sizes)
    index = random.randrange(len(batches))
    batch = batches[index]
    place = random.randrange(len(batch.hashes) * 8)
    batches[index] = replace(batch, hashes=flipped(batch.hashes, place))
    assert first_bad(batches) == batch.first_seq + place // 8 // HASH_SIZE


@given(SIZES, st.sampled_from(["first_seq", "count", "epoch"]), st.data())
def test_a_wrong_number_is_found_in_its_batch(
    sizes: list[int], field: str, data: st.DataObject
) -> None:
    batches = journal_of(sizes)
    index = data.draw(st.integers(0, len(batches) - 1))
    old = getattr(batches[index], field)
    new = data.draw(st.integers(-(1 << 63), (1 << 63) - 1).filter(lambda number: number != old))
    batches[index] = replace(batches[index], **{field: new})
    bad = first_bad(batches)
    assert bad is not None
    assert journal_of(sizes)[index].first_seq <= bad <= journal_of(sizes)[index].last_seq + 1


@given(SIZES, st.randoms(use_true_random=False))
def test_a_missing_batch_is_found(sizes: list[int], random: Random) -> None:
    batches = journal_of(sizes)
    last = batches[-1].last_seq
    marks = [mark_at(batches, last)]
    gone = batches.pop(random.randrange(len(batches)))
    assert first_bad(batches, marks=marks) == gone.first_seq
    assert "missing" in str(walk(batches, marks=marks).damage) or gone.last_seq == last


@given(SIZES, st.randoms(use_true_random=False))
def test_a_record_cut_out_or_put_in_is_found_there(sizes: list[int], random: Random) -> None:
    batches = journal_of(sizes)
    index = random.randrange(len(batches))
    batch = batches[index]
    bodies = batch.records.split(b"\n")
    place = random.randrange(batch.count)
    hashes = [hash_at(batch, seq) for seq in range(batch.first_seq, batch.last_seq + 1)]
    if random.random() < 0.5:
        bodies.insert(place, bodies[place - 1])
        hashes.insert(place, hashes[place - 1])
    else:
        del bodies[place], hashes[place]
    changed = replace(
        batch, count=len(bodies), records=b"\n".join(bodies), hashes=b"".join(hashes)
    )
    batches[index] = changed
    bad = first_bad(batches, marks=[mark_at(journal_of(sizes), sum(sizes))])
    assert bad is not None
    assert bad >= batch.first_seq + place
    assert bad <= batch.last_seq + 1


@given(SIZES, st.randoms(use_true_random=False))
def test_batches_in_another_order_are_found(sizes: list[int], random: Random) -> None:
    batches = journal_of(sizes)
    one, other = sorted(random.sample(range(len(batches)), 2))
    first = batches[one].first_seq
    batches[one], batches[other] = batches[other], batches[one]
    assert first_bad(batches) == first
    renumbered = [
        replace(batch, first_seq=place)
        for batch, place in zip(batches, _starts(batches), strict=True)
    ]
    assert first_bad(renumbered) == first


def _starts(batches: list[Batch]) -> list[int]:
    return [1 + sum(one.count for one in batches[:place]) for place in range(len(batches))]


def test_records_swapped_within_a_batch_are_found() -> None:
    (batch,) = journal_of([4])
    one, two, three, four = batch.records.split(b"\n")
    assert first_bad([replace(batch, records=b"\n".join([one, three, two, four]))]) == 2


def test_history_written_anew_is_found_by_whoever_remembers_a_head() -> None:
    """A chain made again from some record on is flawless in itself."""
    batches, other = journal_of([2, 3]), journal_of([2, 3], messages=5)
    assert first_bad(other) is None
    assert first_bad(other, marks=[mark_at(batches, 4)]) == 4
    assert "written anew" in str(walk(other, marks=[mark_at(batches, 4)]).damage)


def test_a_cut_end_is_found_by_whoever_remembers_a_head() -> None:
    batches = journal_of([2, 3, 4])
    outcome = walk(batches[:2], marks=[mark_at(batches, 2), mark_at(batches, 7)])
    assert outcome.damage is not None
    assert outcome.damage.seq == 6
    assert "a friend remembers record 7" in outcome.damage.reason
    assert outcome.records == 5


def test_an_epoch_that_falls_or_runs_ahead_is_found() -> None:
    first, head = encode_batch(timers(1), START, 2)
    second, _ = encode_batch(timers(1), head, 1)
    assert first_bad([first, second]) == 2
    assert walk([first], epoch_max=1).damage is not None
    assert walk([first], epoch_max=2).damage is None


def test_a_good_head_comes_with_every_verdict() -> None:
    batches = journal_of([3, 3])
    broken = replace(
        batches[1], records=flipped(batches[1].records, len(batches[1].records) * 8 - 9)
    )
    outcome = walk([batches[0], broken])
    assert outcome.head.seq == outcome.records == 5
    assert outcome.head.hash == hash_at(batches[1], 5)


@pytest.mark.parametrize("seq", [-1, 0])
def test_a_mark_before_the_first_record_must_be_the_beginning(seq: int) -> None:
    assert first_bad(journal_of([1]), marks=[Mark(seq=seq, hash=b"x", origin="he")]) == 1


def test_a_root_that_the_records_do_not_have_is_found() -> None:
    batches = journal_of([3, 1, 4])
    tree = Tree()
    tree.extend(
        hash_at(batch, batch.first_seq + n) for batch in batches for n in range(batch.count)
    )
    good = replace(mark_at(batches, 8), root=tree.root)
    early = Tree()
    early.extend(hash_at(batches[0], seq) for seq in (1, 2))
    marks = [replace(mark_at(batches, 2), root=early.root), good]
    assert first_bad(batches, marks=marks) is None
    assert first_bad(batches, marks=[*marks, replace(mark_at(batches, 4), root=early.root)]) == 4
    assert first_bad(batches, marks=[Mark(seq=0, hash=GENESIS, origin="he", root=b"x")]) == 1
    assert (
        first_bad(batches, marks=[Mark(seq=0, hash=GENESIS, origin="he", root=EMPTY_ROOT)]) is None
    )
