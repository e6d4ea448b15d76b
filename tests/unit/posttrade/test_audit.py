"""The audit trail leaves the journal without losing a bit, and reads as one line a record."""

import asyncio
import io
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from floorbroker.clock import LoopClock, run_virtual
from floorbroker.domain.errors import JournalDamaged
from floorbroker.domain.messages import ENCODER, Alarm, JournalMessage
from floorbroker.journal.port import Record
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from floorbroker.posttrade.audit import _SAID, export_jsonl, export_parquet, line_of, tail
from floorbroker.posttrade.wording import View
from tests.unit.journal.samples import ID, NOON, fill, one_of_each, open_journal, order, timers


async def journal_with_everything() -> SqliteJournal:
    journal = open_journal(MemoryDisk())
    for message in one_of_each():
        await journal.append([message])
    await journal.append(timers(40))
    return journal


def line(message: JournalMessage) -> str:
    return line_of(Record(seq=7, epoch=1, message=message, hash=b""), View(utc=True))


def independent_check(text: bytes) -> bytes:
    """What an auditor writes: standard library, no knowledge of our types. The last hash."""
    previous = bytes(32)
    for number, raw in enumerate(text.splitlines(), 1):
        told = json.loads(raw)
        body = raw.split(b'"message":', 1)[1][:-1]
        place = number.to_bytes(8, "big") + told["epoch"].to_bytes(8, "big")
        previous = sha256(b"\x00" + place + previous + body).digest()
        assert (told["seq"], told["hash"]) == (number, previous.hex())
    return previous


async def test_exported_lines_prove_the_chain_without_us() -> None:
    journal = await journal_with_everything()
    out = io.BytesIO()
    assert export_jsonl(journal, out) == journal.head().seq
    assert independent_check(out.getvalue()) == journal.head().hash
    changed = out.getvalue().replace(b"187.185", b"187.186", 1)
    with pytest.raises(AssertionError):
        independent_check(changed)


async def test_an_export_can_go_on_where_the_last_one_ended() -> None:
    journal = await journal_with_everything()
    whole, first, rest = io.BytesIO(), io.BytesIO(), io.BytesIO()
    export_jsonl(journal, whole)
    export_jsonl(journal, first)
    await journal.append(timers(3))
    assert export_jsonl(journal, rest, after=len(first.getvalue().splitlines())) == 3
    assert first.getvalue() == whole.getvalue()
    independent_check(first.getvalue() + rest.getvalue())


async def test_parquet_holds_every_record(tmp_path: Path) -> None:
    journal = await journal_with_everything()
    assert export_parquet(journal, tmp_path / "audit.parquet") == journal.head().seq
    table = pl.read_parquet(tmp_path / "audit.parquet")
    assert table.columns == [
        *("seq", "epoch", "type", "transact_time", "cl_ord_id", "symbol", "body", "hash"),
    ]
    assert table["seq"].to_list() == list(range(1, journal.head().seq + 1))
    assert table["hash"][-1] == journal.head().hash.hex()
    for row, record in zip(table.iter_rows(named=True), journal.records(), strict=True):
        assert row["body"].encode() == ENCODER.encode(record.message)
        assert row["type"] == type(record.message).__name__
        assert row["transact_time"] == record.message.transact_time
    by_type = {row["type"]: row for row in table.iter_rows(named=True)}
    assert (by_type["NewOrderSingle"]["cl_ord_id"], by_type["NewOrderSingle"]["symbol"]) == (
        ID,
        "AAPL",
    )
    assert by_type["OrderReopened"]["symbol"] == "AAPL"
    assert by_type["OrderReopened"]["cl_ord_id"] == order(1).cl_ord_id
    assert by_type["TimerFired"]["symbol"] is None
    assert os.listdir(tmp_path) == ["audit.parquet"]


async def test_a_damaged_journal_makes_no_parquet_file(tmp_path: Path) -> None:
    disk = MemoryDisk()
    journal = open_journal(disk)
    await journal.append(timers(2))
    await journal.append(timers(2))
    await journal.append(timers(2))
    disk.connection.execute("DELETE FROM batches WHERE first_seq = 3")
    with pytest.raises(JournalDamaged, match="record 3 is missing"):
        export_parquet(journal, tmp_path / "audit.parquet")
    assert os.listdir(tmp_path) == []
    disk.close()


def test_an_empty_journal_exports_an_empty_table(tmp_path: Path) -> None:
    journal = open_journal(MemoryDisk())
    assert export_parquet(journal, tmp_path / "audit.parquet") == 0
    assert pl.read_parquet(tmp_path / "audit.parquet").height == 0


def test_a_record_reads_as_when_number_what_why_and_which() -> None:
    messages = {type(message).__name__: message for message in one_of_each()}
    assert line(messages["NewOrderSingle"]) == (
        "2026-03-12 16:00:00.123  #7  BUY 100 AAPL limit 187.20 day  ·  accepted and written down"
        f"  ·  {ID}"
    )
    assert line(fill()) == (
        "2026-03-12 16:00:00.123  #7  BUY AAPL filled 40 @ 187.185  ·"
        f"  40/100 @ 187.185 partially filled  ·  by stream  ·  {ID}"
    )
    assert line(messages["RequestUnanswered"]) == (
        "2026-03-12 16:00:00.123  #7  new request unanswered, outcome UNKNOWN (attempt 2)"
        f"  ·  time-out  ·  {ID}"
    )


def test_a_text_from_outside_stays_one_line_and_harmless() -> None:
    for message in one_of_each():
        assert line(message).isprintable()
    alarm = line(Alarm(transact_time=NOON, name="odd", text="a\nb\x1b[31mc\u202ed"))
    assert "a\\nb\\x1b[31mc\\u202ed" in alarm


def test_every_kind_of_message_has_words_of_its_own() -> None:
    assert set(_SAID) == set(get_args(JournalMessage))
    assert {type(message) for message in one_of_each()} == set(get_args(JournalMessage))


async def test_tail_shows_the_last_records() -> None:
    journal = await journal_with_everything()
    shown = [shown async for shown in tail(journal, 3)]
    assert [text.split("#")[1].split()[0] for text in shown] == ["63", "64", "65"]
    assert len([shown async for shown in tail(journal, 1000)]) == 65


def test_following_shows_records_as_they_come() -> None:
    async def main() -> list[str]:
        journal = open_journal(MemoryDisk())
        await journal.append(timers(5))
        seen: list[str] = []

        async def follow() -> None:
            async for shown in tail(journal, 2, clock=LoopClock(0)):
                seen.append(shown.rsplit(" ", 2)[-2])

        follower = asyncio.create_task(follow())
        await asyncio.sleep(1)
        await journal.append(timers(2, 5))
        await asyncio.sleep(1)
        follower.cancel()
        return seen

    assert run_virtual(main, seed=1) == ["t-3", "t-4", "t-5", "t-6"]
