"""A proof that some records stand in a journal, for somebody who may not see the others.

It holds the records, byte for byte, and for each the hashes beside its way to the root of the
Merkle tree over the first `size` records. Whoever knows that root from elsewhere, best from an
anchor, recomputes it from each record. See docs/journal.md for what that does not prove.
"""

from collections.abc import Sequence
from itertools import islice

from msgspec import Struct

from floorbroker.domain.ids import ClOrdID
from floorbroker.journal.merkle import paths
from floorbroker.journal.notary.anchors import Anchor
from floorbroker.journal.port import GENESIS, JournalReader, StoredRecord


class Proven(Struct, frozen=True, kw_only=True):
    """One record, and its way to the root; hashes are hexadecimal."""

    seq: int
    epoch: int
    previous: str  #: The hash of the record before.
    message: str  #: The record's exact bytes, as text in UTF-8.
    path: tuple[str, ...]  #: The hashes beside the way up, from below.


class Proof(Struct, frozen=True, kw_only=True):
    """What the file holds, as JSON."""

    format: str = "floorbroker proof 1"
    journal_id: str
    cl_ord_id: str
    size: int  #: The tree is over the records up to this one.
    root: str
    records: tuple[Proven, ...]


def prove(
    reader: JournalReader,
    cl_ord_id: ClOrdID,
    records: Sequence[StoredRecord],
    anchors: Sequence[Anchor] = (),
) -> Proof:
    """The proof of these records, against the last anchor if it covers them, else against the head
    as it is now. Raises JournalDamaged."""
    last = records[-1].seq
    size = reader.head().seq
    if anchors and last <= anchors[-1].seq <= size:
        size = anchors[-1].seq
    before = {record.seq: GENESIS for record in records}
    for record in records:
        before[record.seq] = reader.hash_of(record.seq - 1) or GENESIS
    root, ways = paths(islice(reader.hashes(), size), [record.seq - 1 for record in records])
    return Proof(
        journal_id=reader.journal_id,
        cl_ord_id=cl_ord_id,
        size=size,
        root=root.hex(),
        records=tuple(
            Proven(
                seq=record.seq,
                epoch=record.epoch,
                previous=before[record.seq].hex(),
                message=record.body.decode(),
                path=tuple(node.hex() for node in ways[record.seq - 1]),
            )
            for record in records
        ),
    )
