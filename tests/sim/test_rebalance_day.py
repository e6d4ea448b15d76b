"""Forty names from cash to equal weights by VWAP on a recorded day, in virtual time.

The tolerance: a parent order is done, and its shares are those of the plan; a name whose parent
has not filled whole is told, and at most one in forty may be so (a tape without enough size).
"""

from contextlib import AsyncExitStack
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import polars
import pytest
from msgspec.structs import replace

from floorbroker import app
from floorbroker.clock import LoopClock, ns_of, run_virtual
from floorbroker.deskwork.portfolio.looking import How
from floorbroker.deskwork.portfolio.rebalance import Outcome, Portfolio, Rebalance
from floorbroker.deskwork.portfolio.working import Work
from floorbroker.domain.messages import Reconciliation
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from floorbroker.marketdata.port import NEW_YORK
from floorbroker.pretrade.allocation.targets import Rules
from floorbroker.simulation.desk import SETTINGS, Told, open_exchange, open_parts
from floorbroker.venues import open_market

DAY = date(2026, 3, 23)
CASH = Decimal(1_000_000)
#: What is not invested pays for prices that rise until the end.
PART = Decimal("0.98")
#: Forty names share the broker's 200 requests a minute.
PARAMS = {"interval_s": "900", "requote_s": "60", "patience_s": "120"}


@pytest.fixture(scope="session")
def minutes(recorded_data: Path) -> Path:
    folder = recorded_data / "us_1min_2026-03"
    if not folder.is_dir():
        pytest.skip(f"the minute bars of March 2026 are not here ({folder})")
    (path,) = folder.glob("*.parquet")
    return path


def forty(minutes: Path) -> list[str]:
    """The names that the day has, and the days around it."""
    frame = polars.read_parquet(minutes)
    days = frame.group_by("symbol").agg(polars.col("ts").dt.date().n_unique().alias("days"))
    return sorted(days.sort(["days", "symbol"], descending=[True, False])["symbol"][:40])


def at(hour: int, minute: int) -> datetime:
    return datetime.combine(DAY, time(hour, minute), NEW_YORK)


class Day:
    """What came of the day: the plan, where it led, and the comparison at its end."""

    plan: Rebalance
    outcome: Outcome
    compared: Reconciliation
    truth: dict[str, Decimal]
    cash: Decimal


async def lived(path: Path, names: list[str], hours: tuple[datetime, datetime]) -> Day:
    start, end = hours
    clock, found = LoopClock(ns_of(start)), Day()
    market = open_market(Path(f"{path}@{','.join(names)}:{DAY}"), (), 0)
    async with AsyncExitStack() as stack:
        front = open_exchange(market, clock, ns_of(start), stack, seed=1, cash=CASH)
        front.server.advance_to(ns_of(start))
        journal = SqliteJournal.open(
            MemoryDisk(),
            command="rebalance",
            started=start,
            journal_id_maker=Random(1),
        )
        stack.callback(journal.close)
        settings = replace(SETTINGS, parent_quote_s=5.0, parent_stale_s=15.0)
        told = Told(settings=settings, history=path)
        parts = await open_parts(front, journal, clock, stack, seed=1, told=told)
        await carried_out(parts, names, end, found)
        found.compared = await parts.engine.reconcile()
        await parts.engine.stop()
    return found


async def carried_out(parts: app.Parts, names: list[str], end: datetime, found: Day) -> None:
    portfolio = Portfolio(parts)
    weights = {name: f"{PART / len(names):.5f}" for name in names}
    rules = Rules(cash_back_part=Decimal("0.02"))
    how = How(slack_bps=Decimal(100))
    found.plan = await portfolio.plan(weights, rules, kind="weight", how=how)
    work = Work(algo="vwap", end=end, params=PARAMS)
    sender = portfolio.by_algo(found.plan, work)
    found.outcome = await portfolio.carry_out(found.plan, sender=sender)
    account = (await parts.engine.cache.account(max_age_s=0)).value
    found.cash = Decimal(account.cash)
    found.truth = {
        one.symbol: Decimal(one.qty) for one in await parts.broker.positions() if one.qty
    }


def check(found: Day, names: list[str]) -> None:
    rows = {row.symbol: row for row in found.outcome.rows}
    assert sorted(rows) == names
    missing = [f"{one.symbol}: {one.sent}" for one in rows.values() if not one.is_there]
    assert len(missing) <= len(names) // 40, missing
    for symbol, row in rows.items():
        assert row.held == found.truth.get(symbol, 0)
        assert row.held == row.target or not row.is_there
    spent = -found.outcome.traded_cash
    assert found.cash == CASH - spent.quantize(Decimal("0.01"))
    assert [one for one in found.compared.breaks if one.is_open] == []


def test_three_names_by_vwap_end_at_their_targets_to_the_cent(minutes: Path) -> None:
    names = ["DAL", "OXY", "SPY"]
    hours = (at(10, 0), at(10, 0) + timedelta(minutes=30))
    check(run_virtual(lambda: lived(minutes, names, hours), seed=1, limit_s=30_000.0), names)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_forty_names_by_vwap_end_at_their_targets_to_the_cent(minutes: Path) -> None:
    names = forty(minutes)
    hours = (at(9, 35), at(15, 55))
    check(run_virtual(lambda: lived(minutes, names, hours), seed=1, limit_s=30_000.0), names)
