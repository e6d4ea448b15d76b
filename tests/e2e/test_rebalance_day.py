"""Names from cash to equal weights by VWAP on a recorded day, from one command, in virtual time.

What is held, spent and left is added up from the executions in the journal alone.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars
import pytest

from tests.e2e.prompt import Prompt, Told
from tests.e2e.rehearsal import traded

DAY = date(2026, 3, 23)
CASH = Decimal(1_000_000)
#: What is not invested pays for prices that rise until the end.
PART = Decimal("0.98")


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


def rehearse(prompt: Prompt, minutes: Path, names: list[str], start: str, end: str) -> Told:
    file = prompt.folder / "equal.csv"
    rows = [f"{name},{PART / len(names):.5f}" for name in names]
    file.write_text("\n".join(["symbol,weight", *rows]) + "\n", "utf-8")
    how = ("--cash-back", "2%", "--algo", "vwap", "--start", start, "--end", end)
    where = ("--tape", f"{minutes}", "--day", f"{DAY}", "--out", f"{prompt.folder / 'out'}")
    return prompt.type("rebalance", f"{file}", *how, *where, "--yes", "--json")


def check(told: Told, names: list[str]) -> None:
    """Everybody's shares, and the cash, against the sum of the executions."""
    found = told.document()
    rehearsal = found["rehearsal"]
    assert rehearsal["unfinished"] == []
    assert (told.code, told.err) == (0, "")
    targets = {row["symbol"]: Decimal(row["target"]) for row in found["plan"]["names"]}
    assert sorted(targets) == names
    shares, spent = traded(Path(rehearsal["journal"]))
    assert shares == targets
    held = rehearsal["broker"]["positions"]
    assert {name: Decimal(qty) for name, qty in held.items()} == targets
    left = (CASH - spent).quantize(Decimal("0.01"))
    assert Decimal(rehearsal["broker"]["cash"]).quantize(Decimal("0.01")) == left
    assert Decimal(found["outcome"]["cash"]).quantize(Decimal("0.01")) == left
    assert rehearsal["open_breaks"] == 0
    assert rehearsal["journal_verified"] is True
    worth = Decimal(rehearsal["cost"]["vwap"]["worth"])
    assert abs(worth + Decimal(rehearsal["cost"]["vwap"]["dollars"]) - spent) < Decimal("0.01")


def test_three_names_by_vwap_end_at_their_targets_to_the_cent(
    prompt: Prompt, minutes: Path
) -> None:
    names = ["DAL", "OXY", "SPY"]
    check(rehearse(prompt, minutes, names, "10:00", "10:30"), names)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_forty_names_by_vwap_end_at_their_targets_to_the_cent(
    prompt: Prompt, minutes: Path
) -> None:
    names = forty(minutes)
    check(rehearse(prompt, minutes, names, "09:35", "15:55"), names)
