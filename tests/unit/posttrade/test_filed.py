"""The ended orders on file are held against the records."""

import sqlite3

import pytest

from floorbroker.journal.codec import seal_ended
from floorbroker.journal.port import Damage
from floorbroker.journal.store import MemoryDisk
from floorbroker.posttrade.filed import wrongly_filed
from tests.unit.engine.scripted import TestDesk, desk, filled

INSERT = "INSERT OR REPLACE INTO ended_orders VALUES (?, ?, ?, ?, ?, ?, ?)"


def found(made: TestDesk) -> Damage:
    damage = wrongly_filed(made.journal)
    assert damage is not None
    assert made.journal.verify().damage is None, "nothing else finds it"
    return damage


def rows(db: sqlite3.Connection) -> list[tuple[object, ...]]:
    return db.execute("SELECT * FROM ended_orders ORDER BY cl_ord_id").fetchall()


@pytest.mark.proves("I14")
async def test_a_copy_that_is_gone_is_missed_at_the_record_that_ended_its_order() -> None:
    disk = MemoryDisk()
    async with desk(disk=disk) as made:
        for _ in range(3):
            await filled(made)
        assert wrongly_filed(made.journal) is None
        name, *_, seq, _, _ = row = rows(disk.connection)[1]
        disk.connection.execute("DELETE FROM ended_orders WHERE cl_ord_id = ?", (name,))
        damage = found(made)
        assert (damage.seq, damage.reason) == (seq, f"ended order {name} is not on file")
        disk.connection.execute(INSERT, row)
        assert wrongly_filed(made.journal) is None


@pytest.mark.proves("I14")
async def test_a_copy_with_a_seal_that_somebody_made_is_found() -> None:
    disk = MemoryDisk()
    async with desk(disk=disk) as made:
        await filled(made)
        (name, *columns, seq, body, _) = rows(disk.connection)[0]
        assert isinstance(body, bytes)
        assert isinstance(seq, int)
        forged = body.replace(b'"cum_qty":"10"', b'"cum_qty":"11"')
        assert forged != body
        row = (name, *columns, seq, forged, seal_ended(seq, forged))
        disk.connection.execute(INSERT, row)
        assert "not as it ended" in found(made).reason


@pytest.mark.proves("I14")
async def test_a_copy_of_an_order_that_has_not_ended_is_found() -> None:
    disk = MemoryDisk()
    async with desk(disk=disk) as made:
        await filled(made)
        (name, *columns, seq, body, _) = rows(disk.connection)[0]
        assert isinstance(body, bytes)
        assert isinstance(seq, int)
        assert isinstance(name, str)
        other = body.replace(name.encode(), b"invented")
        row = ("invented", *columns, seq, other, seal_ended(seq, other))
        disk.connection.execute(INSERT, row)
        assert found(made).reason == "order invented is on file and has not ended"
