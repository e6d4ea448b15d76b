"""The demonstration does what it says: every kind of order, broken, killed, recovered, equal.

Both books are held against each other by `tests.e2e.ledger`, from the journal's records and from
what the exchange itself answered to GET /_exchange/orders and /_exchange/fills.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from floorbroker.demo.run import Demonstration, Event, Options, Outcome
from floorbroker.domain.order import OrdType, TimeInForce
from tests.e2e.ledger import (
    exchange_fills,
    exchange_positions,
    exchange_rows,
    ledger_of,
)

#: What `--json` promises.
CONTRACT = {
    "orders",
    "orders_by_type",
    "fills",
    "rejected",
    "unknown_resolved",
    "restarts",
    "breaks",
    "journal_records",
    "journal_verified",
    "report",
}
PLAY_S = 16.0


def exchange_says(out: Path, name: str) -> Any:
    return json.loads((out / f"exchange-{name}.json").read_bytes())


def assert_the_books_are_the_same(out: Path) -> None:
    ledger = ledger_of(out / "desk.sqlite")
    orders, fills = exchange_says(out, "orders"), exchange_says(out, "fills")
    assert ledger.rows() == exchange_rows(orders)
    assert ledger.fills() == exchange_fills(fills)
    assert ledger.positions() == exchange_positions(fills)
    assert set(ledger.asked) == set(ledger.asked.elements()), "an order was written down twice"
    there = {order["client_order_id"] for order in orders}
    ends = ledger.absent | ledger.turned_down
    assert {name for name in ledger.asked if name not in there} == ends


def assert_it_is_a_whole_day(out: Path, *, symbols: int) -> None:
    orders = exchange_says(out, "orders")
    assert len(orders) >= 20
    assert len({order["symbol"] for order in orders}) >= symbols
    assert {order["type"] for order in orders} == {kind.value for kind in OrdType}
    assert {order["time_in_force"] for order in orders} == {tif.value for tif in TimeInForce}
    assert any(order["notional"] for order in orders)
    assert any(order["qty"] and "." in order["qty"] for order in orders)
    assert {"filled", "canceled", "expired", "replaced"} <= {o["status"] for o in orders}


def assert_the_killed_order_lives_once(out: Path, events: list[Event]) -> None:
    """The desk died with a request on its way: whether it arrived or not, it was sent once."""
    recovery = next(event.facts["recovery"] for event in events if event.facts.get("epoch") == 2)
    ledger = ledger_of(out / "desk.sqlite")
    lost = ledger.last_sent_in[1]
    assert set(recovery["unknown"]) <= {lost}
    placed = [order["client_order_id"] for order in exchange_says(out, "orders")]
    assert ledger.attempts[lost] == 1
    assert placed.count(lost) == (0 if lost in ledger.absent else 1)


async def play(options: Options) -> tuple[Outcome, list[Event]]:
    events: list[Event] = []
    outcome = await Demonstration(options, events.append).run()
    return outcome, events


@pytest.mark.timeout(100)
async def test_a_day_is_worked_broken_and_recovered_and_both_books_agree(tmp_path: Path) -> None:
    outcome, events = await play(Options(out=tmp_path, play_s=PLAY_S))
    assert outcome.is_good, (outcome.differences, outcome.open_orders, outcome.breaks)
    assert_it_is_a_whole_day(tmp_path, symbols=5)
    assert_the_books_are_the_same(tmp_path)
    assert outcome.orders == len(ledger_of(tmp_path / "desk.sqlite").asked)
    assert outcome.restarts == 1
    assert outcome.unknown_resolved >= 1
    assert {kind for kind, count in outcome.orders_by_type.items() if count} == set(OrdType)
    assert_the_killed_order_lives_once(tmp_path, events)
    kinds = [event.kind for event in events]
    assert kinds.count("opened") == 2
    assert kinds.index("killed") < kinds.index("finished")
    assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    return [sys.executable, "-m", "floorbroker", "demo", "--out", str(tmp_path / "out")]


@pytest.mark.timeout(150)
def test_the_command_prints_one_json_object_and_keeps_its_contract(
    tmp_path: Path, command: list[str]
) -> None:
    ran = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert ran.stdout.count("\n") == 1
    summary = json.loads(ran.stdout)
    assert set(summary) == CONTRACT
    assert summary["orders"] >= 20
    assert sum(summary["orders_by_type"].values()) == summary["orders"]
    assert set(summary["orders_by_type"]) == {kind.value for kind in OrdType}
    assert summary["restarts"] == 1
    assert summary["breaks"] == 0
    assert summary["unknown_resolved"] >= 1
    assert summary["journal_verified"] is True
    ledger = ledger_of(tmp_path / "out" / "desk.sqlite")
    assert summary["orders"] == len(ledger.asked)
    assert summary["fills"] == sum(ledger.fills().values())
    assert summary["rejected"] == len(ledger.turned_down)
    assert Path(summary["report"]).read_text().startswith("<!")
    assert_the_books_are_the_same(tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "says"), [("absent", "does not exist"), ("malformed.csv", "malformed.csv")]
)
def test_a_tape_that_cannot_be_read_is_a_usage_error(
    tmp_path: Path, command: list[str], name: str, says: str
) -> None:
    (tmp_path / "malformed.csv").write_text("nothing,of,the,kind\n1,2,3,4\n")
    ran = subprocess.run(
        [*command, "--tape", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_tape_that_is_malformed_deep_inside_is_a_usage_error(
    tmp_path: Path, command: list[str]
) -> None:
    """Minute bars whose sixtieth row is no row any more."""
    rows = [f"XYZ,2026-06-01T{13 + n // 60}:{n % 60:02d}:00Z,10,10,10,10,100" for n in range(90)]
    rows[60] = "XYZ,2026-06-01T14:00:00Z,ten,10,10,10,100"
    tape = tmp_path / "bars.csv"
    tape.write_text("\n".join(["symbol,timestamp,open,high,low,close,volume", *rows]) + "\n")
    ran = subprocess.run(
        [*command, "--tape", str(tape)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2, ran.stderr
    assert "bars.csv" in ran.stderr
    assert "ten" in ran.stderr


def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "out"
    ran = subprocess.run(
        [sys.executable, "-m", "floorbroker", "demo", "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert str(out) in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.timeout(60)
async def test_ctrl_c_ends_it_with_a_word_and_leaves_no_process(command: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while b"desk open" not in await process.stdout.readline():
        pass
    workers = children_of(process.pid)
    assert workers
    ended = asyncio.ensure_future(process.communicate())
    while not ended.done():  # a press may fall where Python loses it: people press again
        os.kill(process.pid, signal.SIGINT)
        await asyncio.wait([ended], timeout=5)
    _, told = await ended
    assert process.returncode != 0
    assert b"interrupted" in told
    assert b"Traceback" not in told
    assert not [pid for pid in workers if is_running(pid)]


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    if not tasks.exists():
        pytest.skip("only Linux tells who the children of a process are")
    return [int(child) for child in tasks.read_text().split()]


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1, 9))
async def test_every_seeded_day_ends_with_equal_books(tmp_path: Path, seed: int) -> None:
    outcome, _ = await play(Options(out=tmp_path, seed=seed))
    assert outcome.is_good, (outcome.differences, outcome.open_orders, outcome.breaks)
    assert outcome.restarts == 1
    assert_the_books_are_the_same(tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "tape",
    [
        "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip",
        "algoseek_lean/tick/ibm/20131008_trade.zip",
    ],
)
async def test_every_recorded_day_ends_with_equal_books(
    tmp_path: Path, recorded_data: Path, tape: str
) -> None:
    outcome, _ = await play(Options(out=tmp_path, tape=recorded_data / tape))
    assert outcome.is_good, (outcome.differences, outcome.open_orders, outcome.breaks)
    assert outcome.restarts == 1
    assert_the_books_are_the_same(tmp_path)
