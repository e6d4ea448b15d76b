"""Walking the chain: is every record as it was written, and if not, which is the first?"""

from collections.abc import Iterable

from msgspec import DecodeError

from floorbroker.domain.errors import JournalDamaged
from floorbroker.domain.messages import MESSAGE_DECODER
from floorbroker.journal.codec import HASH_SIZE, Batch, Cover, decode_message, hash_at, links
from floorbroker.journal.merkle import EMPTY_ROOT, Tree
from floorbroker.journal.port import GENESIS, Damage, Head, Mark, Verification

START = Head(0, GENESIS)


def anchor_of(cover: Cover) -> Mark:
    """The head that the journal's cover remembers."""
    return Mark(seq=cover.anchor_seq, hash=cover.anchor_hash, origin="the journal's cover")


class _Broken(Exception):
    """The record after `head` does not verify."""

    def __init__(self, head: Head, reason: str) -> None:
        super().__init__(reason)
        self.head = head
        self.reason = reason


def walk(
    batches: Iterable[Batch],
    *,
    start: Head = START,
    marks: Iterable[Mark] = (),
    epoch_max: int | None = None,
) -> Verification:
    """Check every batch after `start`; stops at the first record that does not verify.

    `records` counts the good ones and `head` is the last of them. Damage that the source of the
    batches raises as JournalDamaged is reported like any other.
    """
    head, epoch = start, 1
    remembered = sorted(marks, key=lambda mark: mark.seq)
    tree = Tree() if any(mark.root for mark in remembered) else None
    try:
        _check_early_marks(remembered, start)
        for batch in batches:
            _check_place(batch, head, epoch, epoch_max)
            before, head = head, _follow(batch, head)
            _check_marks(remembered, batch, before, tree)
            epoch = batch.epoch
        _check_end(remembered, head)
    except _Broken as broken:
        return _verdict(start, broken.head, broken.reason)
    except JournalDamaged as damage:
        return _verdict(start, head, str(damage))
    return Verification(records=head.seq - start.seq, head=head)


def _verdict(start: Head, good: Head, reason: str) -> Verification:
    damage = Damage(seq=good.seq + 1, reason=reason)
    return Verification(records=good.seq - start.seq, head=good, damage=damage)


def _check_place(batch: Batch, head: Head, epoch: int, epoch_max: int | None) -> None:
    """This batch must be the one that comes next."""
    due = head.seq + 1
    if batch.first_seq > due:
        raise _Broken(head, f"records {due} to {batch.first_seq - 1} are missing")
    if batch.first_seq < due:
        raise _Broken(
            head, f"a batch that begins with {batch.first_seq} stands where {due} is due"
        )
    if batch.count < 1:
        raise _Broken(head, f"its batch says that it holds {batch.count} records")
    if batch.epoch < epoch:
        raise _Broken(head, f"its epoch is {batch.epoch}, the record before had {epoch}")
    if epoch_max is not None and batch.epoch > epoch_max:
        raise _Broken(
            head, f"its epoch is {batch.epoch}, the journal has only reached {epoch_max}"
        )


def _follow(batch: Batch, head: Head) -> Head:
    """The head after the batch, every record checked."""
    bodies = batch.records.split(b"\n")
    hashes = links(bodies[: batch.count], head, batch.epoch)
    if b"".join(hashes) != batch.hashes:
        _find_mismatch(batch, hashes, head)
    good = Head(head.seq + len(hashes), hashes[-1])
    if len(bodies) != batch.count or len(batch.hashes) != batch.count * HASH_SIZE:
        raise _Broken(
            good,
            f"its batch is cut: {batch.count} records are due, {len(bodies)} records and"
            f" {len(batch.hashes)} bytes of hashes are there",
        )
    _check_messages(bodies, batch, head)
    return good


def _find_mismatch(batch: Batch, hashes: list[bytes], head: Head) -> None:
    """Raise for the first record whose hash is not the stored one, if there is one."""
    for place, digest in enumerate(hashes):
        seq = batch.first_seq + place
        if digest != hash_at(batch, seq):
            raise _Broken(_head_before(batch, seq, head), _mismatch(batch, place))


def _mismatch(batch: Batch, place: int) -> str:
    if len(batch.hashes) < (place + 1) * HASH_SIZE:
        return f"its batch is cut: no hash is stored for record {batch.first_seq + place}"
    return "its hash does not match: the record, its epoch or its hash is not as it was written"


def _check_messages(bodies: list[bytes], batch: Batch, head: Head) -> None:
    """The chain holds; the messages must decode too."""
    try:
        MESSAGE_DECODER.decode_lines(batch.records)
    except DecodeError:
        for place, body in enumerate(bodies):
            seq = batch.first_seq + place
            try:
                decode_message(seq, body)
            except JournalDamaged as damage:
                raise _Broken(_head_before(batch, seq, head), str(damage)) from None


def _head_before(batch: Batch, seq: int, before: Head) -> Head:
    """The head just before record `seq` of a batch that follows `before`."""
    return before if seq == batch.first_seq else Head(seq - 1, hash_at(batch, seq - 1))


def _check_early_marks(remembered: list[Mark], start: Head) -> None:
    """Drop the marks up to `start`; the one at `start` must agree."""
    while remembered and remembered[0].seq <= start.seq:
        mark = remembered.pop(0)
        if mark.seq < 0 or (mark.seq == start.seq and mark.hash != start.hash):
            raise _Broken(start, f"{mark.origin} remembers record {mark.seq} otherwise")
        if mark.root and mark.seq == 0 and mark.root != EMPTY_ROOT:
            raise _Broken(start, f"{mark.origin} holds a root that an empty journal has not")


def _check_marks(remembered: list[Mark], batch: Batch, before: Head, tree: Tree | None) -> None:
    """Drop the marks within the batch; each must agree."""
    while remembered and remembered[0].seq <= batch.last_seq:
        mark = remembered.pop(0)
        if hash_at(batch, mark.seq) != mark.hash:
            raise _Broken(
                _head_before(batch, mark.seq, before),
                f"{mark.origin} remembers another hash for it: history was written anew",
            )
        if tree is not None and mark.root:
            tree.extend(_hashes(batch, tree.size, mark.seq))
            if tree.root != mark.root:
                raise _Broken(
                    _head_before(batch, mark.seq, before),
                    f"{mark.origin} holds a root that the records up to it do not have",
                )
    if tree is not None:
        tree.extend(_hashes(batch, tree.size, batch.last_seq))


def _hashes(batch: Batch, after: int, upto: int) -> list[bytes]:
    return [hash_at(batch, seq) for seq in range(after + 1, upto + 1)]


def _check_end(remembered: list[Mark], head: Head) -> None:
    if remembered:
        last = remembered[-1]
        raise _Broken(
            head,
            f"the chain ends at record {head.seq}, but {last.origin} remembers record {last.seq}:"
            " the end was cut off",
        )
