"""The journal's bytes: canonical JSON, one hash a record, one row a batch.

What an auditor needs, and needs nothing of ours for
----------------------------------------------------
A record is one message as JSON in UTF-8: no spaces, fields in declaration order, amounts as
strings, times in RFC 3339. It contains no raw line feed. Record n has the hash

    h(n) = SHA-256( 0x00 | n | epoch | h(n-1) | JSON bytes )

where n and epoch are 8 bytes each, most significant first, h(n-1) is the 32 bytes of the hash
before, and h(0) is 32 zero bytes. The numbers run from 1 without a gap and the epoch never falls.

Records are stored in batches, one row each: the number of the first record, how many there are,
their epoch, the version of this format, the JSON of all of them joined by single line feeds
(0x0A), and their hashes one after the other. To check a journal: read the batches in the order of
their first number, split, hash, compare. Whoever keeps a head (a number and its hash) somewhere
else can also tell that nothing before it was cut off or written anew.

Three things beside the chain carry a seal of their own, so that a flipped bit does not pass there
either: an ended order has SHA-256( 0x01 | n | its JSON ), where n is the last record at the time
it ended, and the snapshot has SHA-256( 0x02 | n | h(n) | body ). The cover, which names the
journal and remembers its last epoch and a head of the chain (the anchor: as of the last opening,
snapshot or closing), has SHA-256( 0x03 | epoch | n | h(n) | name | 0x0A | birth ).
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any, TypeVar

from msgspec import DecodeError, Struct

from floorbroker.domain.errors import JournalDamaged
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ENCODER, MESSAGE_DECODER, ORDER_DECODER, JournalMessage
from floorbroker.domain.order import Order
from floorbroker.journal.port import Head, Record, Snapshot, StoredRecord

#: An ended order as it is filed: id, creation, symbol, side, record, JSON, seal.
EndedRow = tuple[str, int, str, str, int, bytes, bytes]
Part = TypeVar("Part")

#: The version of everything described above; each batch says which one it was written in.
FORMAT = 1
HASH_SIZE = 32

_RECORD = struct.Struct(">BQQ32s")
_ENDED = struct.Struct(">Bq")  # signed, so that a spoiled number is told and does not raise
_SNAPSHOT = struct.Struct(">BQ32s")
_COVER = struct.Struct(">BQQ32s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Batch(Struct, frozen=True):
    """What one append wrote, as it is stored: `records` are JSON lines, `hashes` 32 bytes each."""

    first_seq: int
    count: int
    epoch: int
    format: int
    records: bytes
    hashes: bytes

    @property
    def last_seq(self) -> int:
        return self.first_seq + self.count - 1


class Cover(Struct, frozen=True):
    """What stands on the journal's first page: its name, its birth, the last epoch, the anchor."""

    journal_id: str
    created_time: str
    epoch: int
    anchor_seq: int
    anchor_hash: bytes


def link(seq: int, epoch: int, previous: bytes, body: bytes) -> bytes:
    """The hash of record `seq`."""
    return sha256(_RECORD.pack(0, seq, epoch, previous) + body).digest()


def links(bodies: Iterable[bytes], head: Head, epoch: int) -> list[bytes]:
    """The hashes of the records that follow `head`; `link`, written out for the hot path."""
    seq, previous, pack = head.seq, head.hash, _RECORD.pack
    hashes: list[bytes] = []
    for body in bodies:
        seq += 1
        previous = sha256(pack(0, seq, epoch, previous) + body).digest()
        hashes.append(previous)
    return hashes


def seal_ended(seq: int, body: bytes) -> bytes:
    """The seal of an ended order that was filed together with record `seq`."""
    return sha256(_ENDED.pack(1, seq) + body).digest()


def ended_rows(orders: Sequence[Order], seq: int) -> list[EndedRow]:
    """Orders that ended with record `seq`, as they are filed."""
    numbers = _ENDED.pack(1, seq)
    rows: list[EndedRow] = []
    for order in orders:  # written out rather than calling `seal_ended`: this is the hot path
        body, request = ENCODER.encode(order), order.request
        seal = sha256(numbers + body).digest()
        created_us = microseconds(order.created_time)
        side = request.side.value
        rows.append((order.cl_ord_id, created_us, request.symbol, side, seq, body, seal))
    return rows


def microseconds(moment: datetime) -> int:
    """Since 1970, as listings are sorted by."""
    return (moment - _EPOCH) // _MICROSECOND


def seal_snapshot(snapshot: Snapshot) -> bytes:
    """The seal of a snapshot: over its place in the chain and its body."""
    return sha256(_SNAPSHOT.pack(2, snapshot.seq, snapshot.hash) + snapshot.body).digest()


def seal_cover(cover: Cover) -> bytes:
    """The seal of a journal's cover."""
    name = f"{cover.journal_id}\n{cover.created_time}".encode()
    numbers = _COVER.pack(3, cover.epoch, cover.anchor_seq, cover.anchor_hash)
    return sha256(numbers + name).digest()


def cover_of(row: Sequence[Any]) -> Cover:
    """The cover from its stored columns; raises JournalDamaged if it is not as it was written."""
    try:
        *columns, seal = row
        cover = Cover(*columns)
        intact = seal == seal_cover(cover)
    except (TypeError, ValueError, struct.error):
        intact = False
    if not intact:
        raise JournalDamaged(
            "the journal's cover (name, birth, epoch, anchor) is not as it was written"
        )
    return cover


def encode_batch(messages: Sequence[JournalMessage], head: Head, epoch: int) -> tuple[Batch, Head]:
    """Messages, at least one, as the batch that follows `head`, and the head after it."""
    records = ENCODER.encode_lines(messages)[:-1]  # it ends the last line too
    hashes = links(records.split(b"\n"), head, epoch)
    batch = Batch(head.seq + 1, len(hashes), epoch, FORMAT, records, b"".join(hashes))
    return batch, Head(head.seq + len(hashes), hashes[-1])


def batch_of(row: Sequence[object]) -> Batch:
    """A batch from its stored columns; raises JournalDamaged where they are not of their types."""
    first_seq, count, epoch, version, records, hashes = row
    if not (isinstance(first_seq, int) and isinstance(count, int) and isinstance(epoch, int)):
        raise JournalDamaged(f"batch {first_seq!r}: number, count and epoch must be integers")
    if not (isinstance(records, bytes) and isinstance(hashes, bytes)):
        raise JournalDamaged(f"record {first_seq}: its batch must hold bytes, and does not")
    if version != FORMAT or not isinstance(version, int):
        raise JournalDamaged(
            f"record {first_seq}: its batch is in format {version!r}, this version of floorbroker"
            f" reads format {FORMAT}"
        )
    return Batch(first_seq, count, epoch, version, records, hashes)


def hash_at(batch: Batch, seq: int) -> bytes:
    """The stored hash of one record of the batch."""
    start = (seq - batch.first_seq) * HASH_SIZE
    return batch.hashes[start : start + HASH_SIZE]


def split_batch(batch: Batch, after: int = 0) -> Iterator[StoredRecord]:
    """The records of a batch above number `after` as bytes; JournalDamaged if it is cut."""
    for seq, body, digest in _numbered(batch, batch.records.split(b"\n"), after):
        yield StoredRecord(seq=seq, epoch=batch.epoch, body=body, hash=digest)


def decode_batch(batch: Batch, after: int = 0) -> Iterator[Record]:
    """The records of a batch above number `after`; raises JournalDamaged, naming the first record
    that does not decode."""
    try:
        messages = MESSAGE_DECODER.decode_lines(batch.records)
    except DecodeError:
        messages = [decode_message(stored.seq, stored.body) for stored in split_batch(batch)]
    for seq, message, digest in _numbered(batch, messages, after):
        yield Record(seq=seq, epoch=batch.epoch, message=message, hash=digest)


def _numbered(batch: Batch, parts: list[Part], after: int) -> Iterable[tuple[int, Part, bytes]]:
    """The batch's records above number `after`, each with its number and its hash."""
    _check_count(batch, len(parts))
    start = max(after + 1 - batch.first_seq, 0)
    hashes = struct.iter_unpack(f"{HASH_SIZE}s", batch.hashes[start * HASH_SIZE :])
    return zip(count(batch.first_seq + start), parts[start:], (digest for (digest,) in hashes))


def decode_message(seq: int, body: bytes) -> JournalMessage:
    """The message of record `seq`; raises JournalDamaged with the number and what is wrong."""
    try:
        return MESSAGE_DECODER.decode(body)
    except DecodeError as problem:
        start = body[:80].decode(errors="replace")
        raise JournalDamaged(
            f"record {seq} does not decode: {problem}; it begins with {start!r}."
            " A newer floorbroker may have written it, or the file was changed"
        ) from None


def decode_ended(cl_ord_id: ClOrdID, seq: int, body: bytes, seal: bytes) -> Order:
    """An ended order from its row; raises JournalDamaged if the row is not as it was written."""
    if not (isinstance(seq, int) and isinstance(body, bytes)) or seal != seal_ended(seq, body):
        raise JournalDamaged(
            f"ended order {cl_ord_id}, filed with record {seq}, is not as it was written:"
            " its seal does not match"
        )
    try:
        order = ORDER_DECODER.decode(body)
    except DecodeError as problem:
        raise JournalDamaged(f"ended order {cl_ord_id} does not decode: {problem}") from None
    if order.cl_ord_id != cl_ord_id:
        raise JournalDamaged(f"ended order {order.cl_ord_id} is filed under {cl_ord_id}")
    return order


def _check_count(batch: Batch, found: int) -> None:
    if found != batch.count or len(batch.hashes) != batch.count * HASH_SIZE:
        raise JournalDamaged(
            f"record {batch.first_seq}: its batch should hold {batch.count} records and hashes,"
            f" it holds {found} records and {len(batch.hashes) / HASH_SIZE:g} hashes"
        )
