"""From the start of a process until it takes orders, on a journal of a million records: told, not
judged, because machines differ."""

import asyncio
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    JournalMessage,
    NewOrderSingle,
    RequestKind,
    RequestSent,
    Source,
)
from floorbroker.domain.order import OrderRequest, OrdStatus
from floorbroker.engine import recovery
from floorbroker.journal.port import Snapshot
from floorbroker.journal.sqlite import SqliteJournal
from tests.crash.stage import Desk, Market
from tests.crash.test_points import submit

RECORDS = 1_000_000
#: Records after the newest snapshot: on the average there are 25,000 of them.
TAIL = 25_000
BATCH = 400
OPEN = 200
STARTS = 7


def life_of(number: int, now: datetime) -> Iterator[JournalMessage]:
    """An order that was placed, acknowledged and filled; every second one sells again."""
    name, order_id = ClOrdID(f"past-{number:07}"), OrderID(f"past-order-{number:07}")
    side = "sell" if number % 2 else "buy"
    request = OrderRequest.limit(side, 10, "AAPL", limit_price="99")
    yield NewOrderSingle(cl_ord_id=name, account=Account("main"), order=request, transact_time=now)
    yield RequestSent(cl_ord_id=name, request=RequestKind.NEW, attempt=1, transact_time=now)
    report = ExecutionReport(
        cl_ord_id=name,
        order_id=order_id,
        exec_type=ExecType.NEW,
        ord_status=OrdStatus.NEW,
        symbol="AAPL",
        side=request.side,
        source=Source.STREAM,
        order_qty=Qty(10),
        price=Px("99"),
        transact_time=now,
    )
    yield report
    yield ExecutionReport(
        cl_ord_id=name,
        order_id=order_id,
        exec_type=ExecType.TRADE,
        ord_status=OrdStatus.FILLED,
        symbol="AAPL",
        side=request.side,
        source=Source.STREAM,
        order_qty=Qty(10),
        price=Px("99"),
        exec_id=ExecID(f"past-x-{number:07}"),
        last_qty=Qty(10),
        last_px=Px("99"),
        cum_qty=Qty(10),
        transact_time=now,
    )


async def grow(path: Path) -> None:
    """Append a busy past to the journal, as an engine would have, with a snapshot on the way."""
    journal = SqliteJournal.open(
        path, command="a test", started=datetime.now(UTC), journal_id_maker=Random(1)
    )
    state = recovery.replay(journal).state
    now = state.safe_time or datetime.now(UTC)
    number, is_kept = 0, False
    while (seq := journal.head().seq) < RECORDS:
        if not is_kept and seq >= RECORDS - TAIL:
            head, body = journal.head(), state.encode()
            journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=body))
            is_kept = True
        batch: list[JournalMessage] = []
        for _ in range(BATCH // 4):
            batch += life_of(number, now - timedelta(hours=1))
            number += 1
        for message in batch:
            state.apply(message)
        await journal.append(batch, list(state.book.ended.values()))
        state.book.clear_batch()
    journal.close()


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def starts(home: Path, url: str) -> tuple[list[float], list[float]]:
    """Wall and processor seconds of each start."""
    waits, used = [], []
    for _ in range(STARTS):
        before, began = cpu_s(), time.monotonic()
        desk = await Desk.open(home, url)
        waits.append(time.monotonic() - began)
        await desk.kill()
        used.append(cpu_s() - before)
    return waits, used


async def imports() -> float:
    before = cpu_s()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import floorbroker.desk")
    assert await process.wait() == 0
    return cpu_s() - before


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_how_long_a_start_takes_after_a_million_records(tmp_path: Path, url: str) -> None:
    market = Market(url)
    await market.begin()
    desk = await Desk.open(tmp_path, url)
    for number in range(OPEN):
        desk.tell(submit("limit", limit_price="1").replace("life-1", f"open-{number}"))
    orders = await desk.told("stands")
    assert len(orders) == OPEN
    await desk.close()
    small, _ = await starts(tmp_path, url)
    await grow(tmp_path / "desk.sqlite")
    waits, used = await starts(tmp_path, url)
    desk = await Desk.open(tmp_path, url)
    rows = await desk.told("stands")
    assert {name for name in rows if name.startswith("open-")} <= set(orders)
    await desk.close()
    await market.aclose()
    sys.stdout.write(
        f"{RECORDS:,} records, {TAIL:,} after the snapshot, {OPEN} open orders: from the start of"
        f" the process to open {statistics.median(waits):.2f} s (each:"
        f" {' '.join(f'{wait:.2f}' for wait in waits)}),"
        f" {statistics.median(used):.2f} s of processor; the imports alone"
        f" {await imports():.2f} s; before the million {statistics.median(small):.2f} s\n"
    )
