"""The bytes of the journal: canonical, chained, and readable by later versions."""

from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.errors import JournalDamaged
from floorbroker.domain.messages import ENCODER, Alarm
from floorbroker.journal.chain import START, walk
from floorbroker.journal.codec import (
    FORMAT,
    Batch,
    batch_of,
    decode_batch,
    decode_ended,
    encode_batch,
    ended_rows,
    link,
    split_batch,
)
from floorbroker.journal.port import GENESIS, Head
from tests.unit.journal.samples import NOON, one_of_each, order, timers


def batch_with(*bodies: bytes) -> Batch:
    """A well-chained batch of these bytes, whatever they say."""
    previous, hashes = GENESIS, []
    for seq, body in enumerate(bodies, 1):
        previous = link(seq, 1, previous, body)
        hashes.append(previous)
    return Batch(1, len(bodies), 1, FORMAT, b"\n".join(bodies), b"".join(hashes))


def test_a_batch_holds_lines_and_hashes_as_described() -> None:
    messages = timers(2)
    batch, head = encode_batch(messages, Head(7, b"h" * 32), epoch=3)
    first, second = map(ENCODER.encode, messages)
    assert batch.records == first + b"\n" + second
    one = sha256(b"\0" + bytes([0] * 7 + [8]) + bytes([0] * 7 + [3]) + b"h" * 32 + first).digest()
    two = sha256(b"\0" + bytes([0] * 7 + [9]) + bytes([0] * 7 + [3]) + one + second).digest()
    assert batch.hashes == one + two
    assert (batch.first_seq, batch.count, batch.epoch, batch.last_seq) == (8, 2, 3, 9)
    assert head == Head(9, two)


def test_no_text_can_break_a_line() -> None:
    text = "".join(map(chr, range(0x20))) + "\x7f\x85\u2028\u2029"
    batch, _ = encode_batch([Alarm(transact_time=NOON, name="a", text=text)], START, 1)
    assert b"\n" not in batch.records
    assert [record.message for record in decode_batch(batch)] == [
        Alarm(transact_time=NOON, name="a", text=text)
    ]


def test_encoding_is_canonical() -> None:
    """Decoding and encoding again gives the same bytes, so a hash can be checked anywhere."""
    batch, _ = encode_batch(one_of_each(), START, 1)
    for stored, record in zip(split_batch(batch), decode_batch(batch), strict=True):
        assert ENCODER.encode(record.message) == stored.body
        assert (stored.seq, stored.hash) == (record.seq, record.hash)


def test_both_ways_of_reading_skip_to_the_number_asked_for() -> None:
    batch, _ = encode_batch(timers(5), Head(10, GENESIS), 1)
    for after, seqs in ((0, [11, 12, 13, 14, 15]), (12, [13, 14, 15]), (15, []), (99, [])):
        assert [record.seq for record in decode_batch(batch, after)] == seqs
        assert [record.seq for record in split_batch(batch, after)] == seqs


def test_a_message_of_a_kind_not_known_here_is_named() -> None:
    known = ENCODER.encode(timers(1)[0])
    batch = batch_with(known, b'{"type":"OrderTeleported","transact_time":"2026-03-12T16:00:00Z"}')
    with pytest.raises(JournalDamaged, match=r"record 2 .*OrderTeleported"):
        list(decode_batch(batch))
    outcome = walk([batch])
    assert outcome.damage is not None
    assert outcome.damage.seq == 2
    assert "OrderTeleported" in outcome.damage.reason


def test_a_message_written_before_a_field_existed_takes_its_default() -> None:
    raw = msgspec.json.decode(ENCODER.encode(Alarm(transact_time=NOON, name="a", text="b")))
    raw.pop("cl_ord_id", None)
    batch = batch_with(msgspec.json.encode(raw))
    (record,) = decode_batch(batch)
    assert isinstance(record.message, Alarm)
    assert record.message.cl_ord_id is None
    assert walk([batch]).damage is None


def test_a_batch_in_a_format_not_known_here_is_refused() -> None:
    with pytest.raises(JournalDamaged, match="format 2"):
        batch_of((1, 1, 1, 2, b"{}", bytes(32)))


def test_filed_orders_carry_the_seal_as_described() -> None:
    early = order(1, created=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    rows = ended_rows([early, order(2, side="sell", symbol="F")], 7)
    for row, one in zip(rows, [early, order(2, side="sell", symbol="F")], strict=True):
        body = ENCODER.encode(one)
        seal = sha256(b"\x01" + bytes([0] * 7 + [7]) + body).digest()
        assert row == (
            one.cl_ord_id,
            ns_of(one.created_time) // 1000,
            one.symbol,
            one.side,
            7,
            body,
            seal,
        )
        assert decode_ended(one.cl_ord_id, 7, body, seal) == one
    assert rows[0][1] == -1


@pytest.mark.parametrize(
    "row",
    [
        ("1", 1, 1, FORMAT, b"{}", bytes(32)),
        (1, None, 1, FORMAT, b"{}", bytes(32)),
        (1, 1, 1, FORMAT, "{}", bytes(32)),
        (1, 1, 1, FORMAT, b"{}", 32),
        (1, 1, 1, None, b"{}", bytes(32)),
    ],
)
def test_a_row_of_wrong_types_is_damage_and_not_a_crash(row: tuple[object, ...]) -> None:
    with pytest.raises(JournalDamaged):
        batch_of(row)
