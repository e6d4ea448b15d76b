"""A made-up market of three days in minute bars, and a rehearsal on its last, at the prompt."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorbroker.domain.messages import ExecType, ExecutionReport
from floorbroker.marketdata.port import NEW_YORK
from floorbroker.readers import open_journal_reader
from tests.e2e.prompt import Prompt, Told

DAYS = ((5, 28), (5, 29), (6, 1))
LAST = "2026-06-01"
WEIGHTS = "symbol,weight\nAAPL,40%\nF,40%\n"
#: How prices walk, in hundredths of their start, minute by minute, over and over.
WALK = (0, 1, 3, 2, 4, 1, -1, -2, 0, 2)


def bars(folder: Path, *, until: int = 60, volume: int = 20_000, name: str = "bars.csv") -> Path:
    """Three days from 09:30 on; what the last one does after `until` minutes is another story."""
    rows = ["symbol,timestamp,open,high,low,close,volume"]
    for number, (month, day) in enumerate(DAYS):
        for minute in range(60):
            is_other = number == len(DAYS) - 1 and minute >= until
            moment = datetime(2026, month, day, 9, 30, tzinfo=NEW_YORK)
            at = (moment + timedelta(minutes=minute)).isoformat()
            for symbol, start in (("AAPL", 100), ("F", 10)):
                step = WALK[minute % len(WALK)] + number + (25 if is_other else 0)
                px = start + Decimal(start * step) / 1000
                size = volume * (3 if is_other else 1) * (2 if minute < 20 else 1)
                rows.append(f"{symbol},{at},{px},{px},{px},{px},{size}")
    path = folder / name
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def rehearse(prompt: Prompt, tape: Path, *words: str) -> Told:
    """Rebalance from 100,000 dollars to `w.csv` by VWAP from 09:35 to 10:25."""
    (prompt.folder / "w.csv").write_text(WEIGHTS, "utf-8")
    hours = ("--algo", "vwap", "--end", "10:25", "--cash", "100000")
    where = ("--tape", f"{tape}", "--day", LAST, "--out", f"{prompt.folder / 'out'}")
    return prompt.type("rebalance", f"{prompt.folder / 'w.csv'}", *hours, *where, *words)


def traded(journal: Path) -> tuple[dict[str, Decimal], Decimal]:
    """Shares by symbol and dollars spent, added up from nothing but the executions."""
    shares: dict[str, Decimal] = {}
    spent = Decimal(0)
    reader = open_journal_reader(journal)
    seen = set()
    for record in reader.records():
        one = record.message
        if not isinstance(one, ExecutionReport) or one.exec_type is not ExecType.TRADE:
            continue
        assert one.exec_id not in seen
        seen.add(one.exec_id)
        assert one.last_qty is not None
        assert one.last_px is not None
        sign = one.side.sign
        shares[one.symbol] = shares.get(one.symbol, Decimal(0)) + sign * one.last_qty.decimal
        spent += sign * one.last_qty.decimal * one.last_px.decimal
    reader.close()
    return shares, spent
