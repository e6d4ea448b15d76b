"""A plan takes from earlier days what its options leave out, and says whose numbers they are."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from floorbroker.cli.root import run
from floorbroker.marketdata.port import NEW_YORK
from tests.e2e.prompt import leave_no_settings

ORDER = "--side buy --qty 1000 --symbol AAPL --date 2026-06-24"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    leave_no_settings(monkeypatch, tmp_path / "home")


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Three usual days: three times as much before 13:00 as after it; and a day that is later."""
    rows = ["symbol,timestamp,open,high,low,close,volume"]
    for day, px in ((17, "10"), (22, "10.2"), (23, "10"), (24, "99")):
        for minute in range(390):
            at = datetime(2026, 6, day, 9, 30, tzinfo=NEW_YORK) + timedelta(minutes=minute)
            volume = 300 if minute < 210 else 100
            rows.append(f"AAPL,{at.isoformat()},{px},{px},{px},{px},{volume}")
    path = tmp_path / "bars.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def document(capsys: pytest.CaptureFixture[str], words: str) -> Any:
    assert run([*words.split(), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_what_is_not_given_is_of_earlier_days_with_source_and_age(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = document(capsys, f"plan vwap {ORDER} --history {bars}")["parameters"]
    assert told["adv"]["value"] == 210 * 300 + 180 * 100
    assert told["daily_vol"]["value"] == pytest.approx(0.0280, abs=1e-4)
    assert told["curve"]["value"] == "26 bins"
    for name, by in (("adv", "bars"), ("daily_vol", "bars"), ("curve", "mean of bars")):
        assert told[name]["source"].startswith(f"{by}, 3 days to 2026-06-23 19:59 UTC, ")
        assert told[name]["source"].endswith(" days ago")


def test_the_schedule_follows_the_curve_of_earlier_days(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = document(capsys, f"plan vwap {ORDER} --history {bars} --slices 26")
    shares = [part["shares"] for part in told["schedule"]]
    assert shares == [56] * 14 + [18] * 12  # 55.6 and 18.5, in whole shares that sum to 1,000


def test_an_option_wins_over_earlier_days(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"plan twap {ORDER} --history {bars} --adv 5000000"
    told = document(capsys, words)["parameters"]
    assert told["adv"] == {"value": 5e6, "unit": "shares a day", "source": "given"}
    assert told["daily_vol"]["source"].startswith("bars, 3 days")


def test_a_setting_names_the_files_for_every_plan(
    bars: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLOORBROKER_HISTORY", f"{bars}")
    assert document(capsys, f"plan twap {ORDER}")["parameters"]["adv"]["value"] == 81_000


@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ("--date 2026-09-24", "--adv", "none of AAPL in the 40 days before 2026-09-24"),
        ("--history {bars} --date 2026-06-22", "--daily-vol", "too few to tell"),
        ("--history {bars} --date 2026-06-17", "--adv", "no session of AAPL before 2026-06-17"),
        ("--adv 9e6 --daily-vol 2% --date 2026-09-24", "--curve", "VWAP follows a curve"),
    ],
)
def test_what_nobody_knows_is_refused_by_its_name(
    bars: Path, capsys: pytest.CaptureFixture[str], more: str, field: str, says: str
) -> None:
    order = ORDER.replace(" --date 2026-06-24", "") if "--date" in more else ORDER
    assert run(f"plan vwap {order} {more.format(bars=bars)}".split()) == 2
    told = capsys.readouterr().err
    assert field in told
    assert says in told
