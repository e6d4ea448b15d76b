"""`floorbroker plan` as it is typed: its numbers, its refusals, its page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from floorbroker.cli.planning.charts import above
from floorbroker.cli.root import run
from floorbroker.pretrade.costs.frontier import Point

PROGRAM = (
    "plan is --x0 1000000 --horizon 5 --intervals 5 --sigma 0.95 --eta 2.5e-6 --gamma 2.5e-7 "
    "--epsilon 0.0625 --lambda 1e-6"
)
ORDER = "--side buy --qty 100000 --symbol IBM"
MARKET = "--adv 5000000 --daily-vol 1.6%"
IMPACT = (
    "plan impact --qty 656100 --adv 6561000 --shares-outstanding 1728000000 --daily-vol 0.0157 "
    "--duration 0.1"
)


class Typed:
    """A person at a prompt who only plans."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture

    def tell(self, words: str) -> tuple[int, str, str]:
        code = run(words.split())
        printed = self.capture.readouterr()
        return code, printed.out, printed.err

    def document(self, words: str) -> Any:
        code, out, err = self.tell(f"{words} --json")
        assert (code, err) == (0, ""), err
        (line,) = out.splitlines()
        return json.loads(line)

    def refusal(self, words: str) -> str:
        code, out, err = self.tell(words)
        assert (code, out) == (2, "")
        return err


@pytest.fixture
def prompt(capsys: pytest.CaptureFixture[str]) -> Typed:
    return Typed(capsys)


def test_a_program_is_solved_to_the_printed_digits(prompt: Typed) -> None:
    told = prompt.document(PROGRAM)
    assert f"{told['kappa']:.6f}" == "0.607076"
    assert [round(x, 1) for x in told["holdings"]] == [
        1_000_000, 541_955.6, 289_854.2, 147_897.5, 62_141.8, 0
    ]  # fmt: skip
    assert round(told["trades"][0]) == 458_044
    assert sum(told["trades"]) == pytest.approx(1_000_000)
    assert f"{told['expected_cost']:.1f}" == "911227.0"
    assert f"{told['std_dev']:.1f}" == "603430.7"
    code, out, _ = prompt.tell(PROGRAM)
    assert code == 0
    assert "$911,226.99" in out
    assert re.search(r"458,044\.4 +458,044\.4 +541,955\.6", out)


def test_impact_is_told_to_the_printed_digits(prompt: Typed) -> None:
    told = prompt.document(IMPACT)
    assert set(told) == {"permanent_bps", "temporary_bps", "realized_bps"}
    assert f"{told['permanent_bps']:.2f}" == "19.86"
    assert f"{told['temporary_bps']:.0f}" == "22"
    assert f"{told['realized_bps']:.2f}" == "32.22"
    code, out, _ = prompt.tell(IMPACT)
    assert code == 0
    assert "32.22 bps" in out


def test_twap_is_a_table_of_slices_with_what_they_cost(prompt: Typed) -> None:
    told = prompt.document(f"plan twap {ORDER} {MARKET} --price 180 --spread 0.03 --slices 6")
    assert [row["shares"] for row in told["schedule"]] == [16_667] * 4 + [16_666] * 2
    assert told["schedule"][-1]["cumulative"] == 100_000
    assert told["schedule"][1]["time"] == "10:35"
    models = [found["model"] for found in told["estimates"]]
    assert models == ["almgren_2005", "square_root", "i_star", "almgren_chriss"]
    for found in told["estimates"]:
        assert found["cost"] == pytest.approx(found["cost_bps"] * 100_000 * 180 / 1e4)
    assert "kappa" not in told
    code, out, _ = prompt.tell(f"plan twap {ORDER} {MARKET} --slices 6")
    assert code == 0
    assert "16,667" in out
    assert "16:00" in out


def test_the_start_and_the_end_are_new_york_s(prompt: Typed) -> None:
    told = prompt.document(f"plan twap {ORDER} {MARKET} --start 10:00 --end 11:00 --lot 100")
    assert [row["time"] for row in told["schedule"]] == ["10:00", "10:15", "10:30", "10:45"]
    assert [row["shares"] for row in told["schedule"]] == [25_000] * 4


def test_vwap_follows_the_file_s_curve(prompt: Typed, tmp_path: Path) -> None:
    curve = tmp_path / "curve.csv"
    curve.write_text("time,volume\n09:30,300\n12:45,100\n", encoding="utf-8")
    told = prompt.document(f"plan vwap {ORDER} {MARKET} --slices 2 --curve {curve}")
    assert [row["shares"] for row in told["schedule"]] == [75_000, 25_000]
    assert told["parameters"]["curve"]["source"] == f"file {curve}"


def test_pov_says_what_it_leaves(prompt: Typed) -> None:
    words = f"plan pov {ORDER} {MARKET} --rate 10% --end 10:30 --slices 4"
    told = prompt.document(words)
    assert told["schedule"][-1]["cumulative"] == 85_470
    assert all(row["rate"] == pytest.approx(0.1, abs=1e-4) for row in told["schedule"])
    (note,) = told["notes"]
    assert note.startswith("14,530 of 100,000 shares are left")
    out = prompt.tell(words)[1]
    assert note in out
    assert re.search(r"10:15 to 10:30 +21,36[78] +85,470 +14,530 +10\.0%", out)


def test_more_urgency_trades_earlier(prompt: Typed) -> None:
    first = []
    for words in ("--urgency low", "", "--urgency high"):
        told = prompt.document(f"plan is {ORDER} {MARKET} {words}")
        assert sum(told["trades"]) == pytest.approx(100_000)
        assert sum(row["shares"] for row in told["schedule"]) == 100_000
        first.append(told["schedule"][0]["shares"])
    assert first == sorted(first)
    assert first[0] > 100_000 / 26


def test_urgency_is_the_risk_aversion_that_it_names(prompt: Typed) -> None:
    words = f"plan is {ORDER} {MARKET} --price 180"
    by_name = prompt.document(words)
    by_number = prompt.document(f"{words} --risk-aversion {by_name['risk_aversion']!r}")
    assert by_number["kappa"] == pytest.approx(3)  # kappa*T of medium, one day
    assert by_number["schedule"] == by_name["schedule"]


def test_every_parameter_says_where_it_is_from(prompt: Typed) -> None:
    told = prompt.document(f"plan is {ORDER} {MARKET} --price 180 --eta 4e-7")["parameters"]
    assert told["adv"] == {"value": 5_000_000, "unit": "shares a day", "source": "given"}
    assert told["shares_outstanding"]["source"].startswith("assumed: 200 x adv")
    assert told["curve"]["source"].startswith("assumed")
    assert told["eta"] == {"value": 4e-7, "unit": "($/share)/(share/day)", "source": "given"}
    assert told["gamma"]["source"].startswith("estimated: Almgren et al. 2005")
    assert told["risk_aversion"]["source"] == "urgency medium: kappa*T = 3"


def test_without_a_price_there_are_no_dollars(prompt: Typed) -> None:
    told = prompt.document(f"plan twap {ORDER} {MARKET}")
    assert told["expected_cost"] is None
    assert told["estimates"][0]["cost"] is None
    assert told["frontier"][0]["expected_cost"] is None
    assert told["frontier"][0]["cost_bps"] > 0
    assert "$" not in prompt.tell(f"plan twap {ORDER} {MARKET}")[1].split("Parameter")[0]


def test_a_plan_for_a_half_day_ends_at_one(prompt: Typed) -> None:
    told = prompt.document(f"plan twap {ORDER} {MARKET} --date 2026-11-27")
    assert told["schedule"][-1]["until"] == "13:00"
    said = prompt.refusal(f"plan twap {ORDER} {MARKET} --date 2026-11-27 --end 15:55")
    assert "--end: 15:55 is not valid; the session closes 13:00" in said


REFUSED = [
    (PROGRAM.replace("--sigma 0.95", "--sigma nan"), "--sigma: nan", "finite"),
    (PROGRAM.replace("--horizon 5", "--horizon 0"), "--horizon: 0.0", "greater than 0"),
    (PROGRAM.replace("--x0 1000000", "--x0 -1"), "--x0: -1.0", "greater than 0"),
    (PROGRAM.replace("--eta 2.5e-6", "--eta 1e-7"), "--eta: 1e-07", "gamma*tau/2 = 1.25e-07"),
    (PROGRAM.replace("--lambda 1e-6", "--lambda inf"), "--lambda: inf", "finite"),
    (PROGRAM.replace("--lambda 1e-6", "--lambda -1e-5"), "--lambda: -1e-05", "waiting always"),
    (PROGRAM.replace("--lambda 1e-6", ""), "--lambda: nothing", "0 trades evenly"),
    (PROGRAM.replace("--intervals 5", "--intervals 2.5"), "--intervals: 2.5", "whole number"),
    (PROGRAM.replace("--intervals 5", "--intervals 1e9"), "--intervals: 1e9", "or fewer"),
    (PROGRAM.replace("--gamma 2.5e-7", "--gamma x"), "--gamma: 'x'", "write a number"),
    (PROGRAM.replace("--x0 1000000", "--x0 1e300"), "--x0: 1e300", "too far from 1"),
    (f"{PROGRAM} --symbol IBM", "--x0:", "leave out what describes an order"),
    (f"{PROGRAM} --urgency high", "--urgency: high", "give --lambda"),
    ("plan is", "--side: nothing", "--side buy"),
    (f"plan twap --side hold --qty 1 --symbol IBM {MARKET}", "--side: 'hold'", "--side sell"),
    (f"plan twap --side buy --qty nan --symbol IBM {MARKET}", "--qty: nan", "finite"),
    (f"plan twap --side buy --qty -5 --symbol IBM {MARKET}", "--qty: -5", "greater than 0"),
    (f"plan twap --side buy --qty 1.5 --symbol IBM {MARKET}", "--qty: 1.5", "whole number"),
    (f"plan twap --side buy --qty 5 --symbol I=M {MARKET}", "--symbol: 'I=M'", "such as IBM"),
    (f"plan twap {ORDER} --daily-vol 2%", "--adv: nothing", "average daily volume"),
    (f"plan twap {ORDER} --adv 0 --daily-vol 2%", "--adv: 0", "greater than 0"),
    (f"plan twap {ORDER} --adv 1e6 --daily-vol 2", "--daily-vol: 2", "0.02 or 2%"),
    (f"plan twap {ORDER} {MARKET} --spread 0.01", "--price: nothing", "give the price"),
    (f"plan twap {ORDER} {MARKET} --start 11:00 --end 10:00", "--end: 10:00", "later than"),
    (f"plan twap {ORDER} {MARKET} --start 9:00", "--start: '9:00'", "such as 09:45"),
    (f"plan twap {ORDER} {MARKET} --start 09:00", "--start: 09:00", "opens 09:30"),
    (f"plan twap {ORDER} {MARKET} --end 16:01", "--end: 16:01", "closes 16:00"),
    (f"plan twap {ORDER} {MARKET} --end noon", "--end: 'noon'", "such as 09:45"),
    (f"plan twap {ORDER} {MARKET} --slices 0", "--slices: 0", "greater than 0"),
    (f"plan twap {ORDER} {MARKET} --lot 200000", "--lot: 200000", "--qty 100000"),
    (f"plan twap {ORDER} {MARKET} --date 2026-11-28", "--date: 2026-11-28", "no session"),
    (f"plan twap {ORDER} {MARKET} --date soon", "--date: 'soon'", "write a date"),
    (f"plan vwap {ORDER} {MARKET}", "--curve: nothing", "time, volume"),
    (f"plan pov {ORDER} {MARKET}", "--rate: nothing", "such as 0.1"),
    (f"plan pov {ORDER} {MARKET} --rate 10", "--rate: 10", "0.1 for 10 %"),
    (f"plan pov {ORDER} {MARKET} --rate 1% --lot 100000", "--qty: 100000", "less than one lot"),
    (f"plan is {ORDER} {MARKET} --risk-aversion 1e-6", "--price: nothing", "or --urgency"),
    (f"plan is {ORDER} {MARKET} --price 1 --risk-aversion 1 --urgency low", "--urgency", "or --"),
    (f"plan is {ORDER} {MARKET} --price 180 --alpha 100", "--alpha: 100", "both ways"),
    (f"plan is {ORDER} {MARKET} --slices 1 --gamma 1", "--eta", "more intervals"),
    (IMPACT.replace("--qty 656100", "--qty 0"), "--qty: 0", "greater than 0"),
    (IMPACT.replace("--duration 0.1", ""), "--duration: nothing", "impact needs it"),
    (IMPACT.replace("--daily-vol 0.0157", "--daily-vol 1.57"), "--daily-vol: 1.57", "0 and 1"),
    (f"{IMPACT} --price 5", "--price: 5", "does not depend on it"),
    (f"plan twap {ORDER} {MARKET} --html /nowhere/at/all.html", "--html: /nowhere", "another"),
]


@pytest.mark.parametrize(("words", "what", "right"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_cannot_be_meant_is_refused_with_what_would_be_right(
    prompt: Typed, words: str, what: str, right: str
) -> None:
    said = prompt.refusal(words)
    assert said.startswith(f"floorbroker: {what}")
    assert right in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: write the header"),
        ("hour,volume\n09:30,1\n", ":1: write the header"),
        ("time,volume\n", "no volume at all"),
        ("time,volume\n09:30,0\n10:00,0\n", "no volume at all"),
        ("time,volume\n09:30,1\n10:00,nan\n", ":3: volume: nan"),
        ("time,volume\n09:30,1\n10:00,-5\n", ":3: volume: -5"),
        ("time,volume\n10:00,1\n09:30,1\n", ":3: time: 09:30"),
        ("time,volume\n09:30,1\n\nlunch,1\n", ":4: time: 'lunch'"),
        ("time,volume\n09:30,1,2\n", ":2: line: 09:30,1,2"),
        ("time,volume\n09:30,1\n17:00,1\n", ":3: the last bin begins after the close"),
        ("time,volume\n10:00,1\n10:30,1\n", "--curve: a curve from 10:00 to 11:00"),
    ],
)
def test_a_curve_file_is_refused_with_its_line(
    prompt: Typed, tmp_path: Path, text: str, said: str
) -> None:
    curve = tmp_path / "curve.csv"
    curve.write_text(text, encoding="utf-8")
    assert said in prompt.refusal(f"plan vwap {ORDER} {MARKET} --curve {curve}")


def test_a_curve_that_is_not_there_is_refused(prompt: Typed, tmp_path: Path) -> None:
    said = prompt.refusal(f"plan vwap {ORDER} {MARKET} --curve {tmp_path / 'none.csv'}")
    assert "cannot be read" in said


@pytest.mark.parametrize(
    "words",
    [
        PROGRAM,
        PROGRAM.replace("--sigma 0.95", "--sigma 0"),
        PROGRAM + " --alpha 0.02",
        PROGRAM.replace("1e-6", "-2e-7"),
        f"plan twap {ORDER} {MARKET}",
        f"plan twap {ORDER} {MARKET} --slices 1",
        f"plan pov {ORDER} {MARKET} --rate 1% --price 180",
        f"plan is {ORDER} {MARKET} --price 180 --spread 0.03",
    ],
)
def test_the_page_says_what_the_plan_says(prompt: Typed, tmp_path: Path, words: str) -> None:
    page = tmp_path / "plan.html"
    told = prompt.document(f"{words} --html {page}")
    text = page.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert re.search(r"expected to cost", text)
    found = re.search(r'id="charts">(.*?)</script>', text, re.DOTALL)
    assert found
    charts = json.loads(found[1])
    assert ("frontier" in charts) is bool(told["frontier"])
    bars, left = charts["schedule"]["data"]
    shares = [row["shares"] for row in told["schedule"]] or told["trades"]
    assert bars["y"] == pytest.approx(shares)
    assert left["y"][-1] == pytest.approx(told["qty"] - sum(shares), abs=1e-3)
    if "frontier" in charts:
        plan = next(line for line in charts["frontier"]["data"] if "plan" in line["name"])
        assert len(plan["x"]) == 1


def test_what_lies_above_the_frontier_is_measured_at_its_own_risk() -> None:
    line = [point(10, 100), point(20, 60), point(60, 20)]
    assert above(line, point(25, 80)) == pytest.approx(10)
    assert above(line, point(20, 60)) == pytest.approx(0)
    assert above(line, point(12, 130)) == pytest.approx(2)


def point(cost: float, risk: float) -> Point:
    return Point(risk_aversion=0, kappa=0, expected_cost=cost, std_dev=risk)


def test_a_plan_off_the_frontier_says_by_how_much(prompt: Typed, tmp_path: Path) -> None:
    curve, page = tmp_path / "curve.csv", tmp_path / "plan.html"
    curve.write_text("time,volume\n09:30,100\n12:45,300\n", encoding="utf-8")
    prompt.document(f"plan vwap {ORDER} {MARKET} --curve {curve} --html {page}")
    assert re.search(r"VWAP pays [\d.]+ bps for [\d.]+ bps of risk, [\d.]+ bps above the frontier",
                     page.read_text("utf-8"))  # fmt: skip
    prompt.document(f"plan is {ORDER} {MARKET} --html {page}")
    assert "of risk, on the frontier" in page.read_text("utf-8")
