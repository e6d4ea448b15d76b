"""Orders of a file are worked by algorithms, through the engine and the exchange, in time."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from floorbroker.cli.root import run
from floorbroker.domain.books.parents import ParentOrder
from floorbroker.domain.messages import NewOrderSingle
from floorbroker.marketdata.port import NEW_YORK
from floorbroker.readers import open_journal_reader

HEADER = "time,side,qty,symbol,limit,algo\n"


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Two days of AAPL: flat at 100 dollars, and twice as busy from 09:45 on."""
    rows = ["symbol,timestamp,open,high,low,close,volume"]
    for month, day in ((5, 29), (6, 1)):
        for minute in range(31):
            at = datetime(2026, month, day, 9, 30, tzinfo=NEW_YORK) + timedelta(minutes=minute)
            volume = 1000 if minute < 15 else 2000
            rows.append(f"AAPL,{at.isoformat()},100,100,100,100,{volume}")
    path = tmp_path / "bars.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def played(
    bars: Path, capsys: pytest.CaptureFixture[str], *rows: str, code: int = 0
) -> dict[str, Any]:
    folder = bars.parent
    (folder / "orders.csv").write_text(HEADER + "\n".join(rows) + "\n")
    words = ["--orders", f"{folder / 'orders.csv'}", "--tape", f"{bars}@AAPL:2026-06-01"]
    assert run(["simulate", *words, "--out", f"{folder / 'out'}", "--json"]) == code
    told: dict[str, Any] = msgspec.json.decode(capsys.readouterr().out)
    return told


def messages_in(bars: Path) -> list[object]:
    journal = open_journal_reader(bars.parent / "out" / "journal.sqlite")
    found: list[object] = [record.message for record in journal.records()]
    journal.close()
    return found


def test_an_order_is_worked_to_its_end_and_reported_beside_the_market(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = played(bars, capsys, "09:35,buy,120,AAPL,,twap end=09:55 slices=4 style=cross")
    (one,) = told["orders"]
    assert (one["ord_type"], one["ord_status"], one["filled"]) == ("twap", "done", "120")
    assert one["text"] == "4 child orders"
    assert Decimal(one["arrival_slippage_bps"]) > 0  # it crossed half a spread each time
    assert 0 < Decimal(one["participation"]) < Decimal("0.01")
    children = [each for each in messages_in(bars) if isinstance(each, NewOrderSingle)]
    assert [f"{each.transact_time.astimezone(NEW_YORK):%H:%M}" for each in children] == [
        "09:35",
        "09:40",
        "09:45",
        "09:50",
    ]


def test_vwap_follows_the_curve_of_the_tapes_earlier_days(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = "09:30,buy,300,AAPL,,vwap end=10:00 interval_s=900 style=cross"
    told = played(bars, capsys, row)
    assert told["orders"][0]["ord_status"] == "done"
    children = [each for each in messages_in(bars) if isinstance(each, NewOrderSingle)]
    assert [f"{each.order.order_qty}" for each in children] == ["100", "200"]
    (parent,) = [each for each in messages_in(bars) if isinstance(each, ParentOrder)]
    assert parent.curve is not None
    assert (parent.curve.days, parent.curve.source) == (1, "mean of bars")


@pytest.mark.parametrize(
    "terms",
    [
        "twap slices=2 style=cross max_rate=0.05",
        "pov rate=0.05",
    ],
)
def test_a_bound_to_a_part_of_the_volume_is_kept_and_does_not_stop_the_order(
    bars: Path, capsys: pytest.CaptureFixture[str], terms: str
) -> None:
    told = played(bars, capsys, f"09:35,buy,3000,AAPL,,{terms} end=09:43")
    (one,) = told["orders"]
    assert one["ord_status"] == "expired"
    assert Decimal("0.02") < Decimal(one["participation"]) <= Decimal("0.05")


def test_a_limit_is_the_parents_and_what_is_over_is_told(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = played(bars, capsys, "09:35,buy,100,AAPL,99.50,twap end=09:45")
    (one,) = told["orders"]
    assert (one["ord_status"], one["filled"], one["average_px"]) == ("expired", "0", None)


def test_what_the_desk_refuses_of_an_algorithm_is_a_result(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = played(bars, capsys, "09:35,buy,100,AAPL,,twap end=16:30", code=1)
    (one,) = told["orders"]
    assert one["ord_status"] == "refused"
    assert "the session ends" in one["text"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("09:35,buy,1,AAPL,,twap", "line 2: algo: twap is not valid; say until when"),
        ("09:35,buy,1,AAPL,,twop end=10:00", "did you mean"),
        ("09:35,buy,1,AAPL,,twap end=10:00 slice=3", "params.slice"),
        ("09:35,buy,1,AAPL,,twap end=noon", "line 2: algo end: noon is not valid"),
        ("09:35,buy,1,AAPL,,twap end=09:30", "line 2: end: "),
        ("09:35,buy,1,AAPL,,twap until 10:00", "algo: until is not valid; write its name and"),
    ],
)
def test_an_algorithm_that_cannot_be_meant_is_told_by_its_line(
    bars: Path, capsys: pytest.CaptureFixture[str], row: str, said: str
) -> None:
    (bars.parent / "orders.csv").write_text(f"{HEADER}{row}\n")
    words = ["--orders", f"{bars.parent / 'orders.csv'}", "--tape", f"{bars}@AAPL:2026-06-01"]
    assert run(["simulate", *words]) == 2
    assert said in capsys.readouterr().err
