"""`floorbroker curve` tells a curve with its days, its source and its age."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from floorbroker.cli.root import run
from floorbroker.marketdata.port import NEW_YORK


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Three days of AAPL, twice as much in each first minute; the second is triple witching."""
    rows = ["symbol,timestamp,open,high,low,close,volume"]
    for day in (17, 18, 22):
        for minute in range(390):
            at = datetime(2026, 6, day, 9, 30, tzinfo=NEW_YORK) + timedelta(minutes=minute)
            volume = 100 * day if minute < 195 else 300 * day
            rows.append(f"AAPL,{at.isoformat()},10,10,10,10,{volume}")
    path = tmp_path / "bars.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert run(["curve", *words, "--json"]) == 0
    found: dict[str, object] = msgspec.json.decode(capsys.readouterr().out)
    return found


def test_a_curve_is_told_with_days_source_and_age(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "aapl", "--history", f"{bars}", "--bin", "195")
    assert found["shares"] == ["0.25000000", "0.75000000"]
    assert found["days"] == ["2026-06-17", "2026-06-22"]
    assert found["left_out"] == [{"day": "2026-06-18", "why": "triple witching"}]
    assert (found["source"], found["spread"]) == ("bars", None)
    assert str(found["as_of"]).startswith("2026-06-22T19:59")
    assert found["adv"] == f"{(17 + 22) / 2 * 195 * 400:.2f}"


def test_days_can_be_named_and_taken(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = ("AAPL", "--history", f"{bars}")
    assert told(capsys, *history, "--before", "2026-06-22")["days"] == ["2026-06-17"]
    assert told(capsys, *history, "--exclude", "2026-06-17")["days"] == ["2026-06-22"]
    assert len(told(capsys, *history, "--special")["days"]) == 3  # type: ignore[arg-type]  # JSON: a list
    assert told(capsys, *history, "--days", "1", "--median")["days"] == ["2026-06-22"]


def test_people_get_a_picture(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["curve", "AAPL", "--history", f"{bars}", "--bin", "195"]) == 0
    text = capsys.readouterr().out
    assert "09:30   25.00%" in text
    assert "12:45   75.00%" in text
    assert "left out  2026-06-18: triple witching" in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--days", "0"], 2, "--days: 0 found"),
        (["--bin", "7"], 2, "--bin: 7 found"),
        (["--before", "soon"], 2, "--before: 'soon'"),
        (["--before", "2026-06-01"], 2, "before 2026-06-01"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    bars: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert run(["curve", "AAPL", "--history", f"{bars}", *words]) == code
    assert said in capsys.readouterr().err
