"""A rebalance rehearsed on a recorded day, from one command: planned, asked, played, reported."""

import io
import re
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.prompt import Prompt
from tests.e2e.rehearsal import WEIGHTS, bars, rehearse, traded

CASH, CENT = Decimal(100_000), Decimal("0.01")


class Keyboard(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


class Impatient(io.StringIO):
    """A screen before which somebody presses Ctrl-C at the first sight of progress."""

    def write(self, text: str) -> int:
        if "New York" in text:
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return bars(tmp_path)


def test_shares_end_on_target_and_cash_to_the_cent(prompt: Prompt, tape: Path) -> None:
    told = rehearse(prompt, tape, "--yes", "--json")
    assert (told.code, told.err) == (0, "")
    found = told.document()
    targets = {row["symbol"]: Decimal(row["target"]) for row in found["plan"]["names"]}
    rehearsal = found["rehearsal"]
    shares, spent = traded(Path(rehearsal["journal"]))
    assert shares == targets
    assert all(targets.values())
    broker = rehearsal["broker"]
    assert {name: Decimal(qty) for name, qty in broker["positions"].items()} == shares
    assert Decimal(broker["cash"]) == Decimal(found["outcome"]["cash"]) == CASH - spent
    assert (rehearsal["open_breaks"], rehearsal["unfinished"]) == (0, [])
    assert rehearsal["journal_verified"] is True


def test_the_same_inputs_give_the_same_journal(prompt: Prompt, tape: Path) -> None:
    seeds = ("5", "5", "6")
    runs = [rehearse(prompt, tape, "--yes", "--json", "--seed", seed).document() for seed in seeds]
    first, second, third = (run["rehearsal"]["journal_head"] for run in runs)
    assert first == second != third


def test_what_it_cost_is_told_against_arrival_and_the_markets_vwap(
    prompt: Prompt, tape: Path
) -> None:
    found = rehearse(prompt, tape, "--yes", "--json").document()
    costs, orders = found["rehearsal"]["costs"], found["rehearsal"]["orders"]
    total = Decimal(0)
    for row in found["outcome"]["names"]:
        (order,) = [one for one in orders if one["symbol"] == row["symbol"]]
        (trade,) = row["trades"]
        filled, average = Decimal(trade["filled"]), Decimal(trade["avg_px"])
        for key, cost in (("arrival_px", "arrival"), ("interval_vwap", "vwap")):
            dollars = (average - Decimal(order[key])) * filled
            assert abs(Decimal(costs[row["symbol"]][cost]["dollars"]) - dollars) < CENT
            bps = (average / Decimal(order[key]) - 1) * 10_000
            assert abs(Decimal(costs[row["symbol"]][cost]["bps"]) - bps) < CENT
        total += (average - Decimal(order["arrival_px"])) * filled
    assert abs(Decimal(found["rehearsal"]["cost"]["arrival"]["dollars"]) - total) < CENT


def test_the_screen_shows_plan_progress_and_report_and_where_the_files_are(
    prompt: Prompt, tape: Path
) -> None:
    told = rehearse(prompt, tape, "--yes")
    assert told.code == 0
    assert told.out.startswith(" SIMULATED  rebalance\nNothing needs a decision.\n")
    assert re.search(r"1  BUY +\d+  AAPL +0 +\d+ .+ \d\.\d\d%", told.out)  # of the usual volume
    (line,) = told.err.splitlines()
    assert re.fullmatch(
        r"floorbroker: 10:00 New York: \d\d % done, \d\d % due; 0 of 2 names, [+-].+ bps so far",
        line,
    )
    assert "2 orders, 2 of 2 names as planned\n" in told.out
    assert re.search(r"cost [+-].+ bps\) against arrival, .+ against the market's VWAP", told.out)
    assert "0 open breaks between our book and the exchange's" in told.out
    out = prompt.folder / "out"
    assert f"report   {out / 'report.html'}\njournal  {out / 'journal.sqlite'}\n" in told.out
    assert sorted(path.name for path in out.iterdir()) == ["journal.sqlite", "report.html"]


def test_its_journal_can_be_read_afterwards_and_no_desk_goes_on_with_it(
    prompt: Prompt, tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse(prompt, tape, "--yes")
    journal = prompt.folder / "out" / "journal.sqlite"
    before = journal.read_bytes()
    monkeypatch.setenv("FLOORBROKER_JOURNAL", f"sqlite:///{journal}")
    shares, _ = traded(journal)
    rows = prompt.type("positions", "--json").document()
    assert {row["symbol"]: Decimal(row["qty"]) for row in rows} == shares
    parents = prompt.type("algo", "list", "--json").document()
    assert [(one["state"], one["algo"]) for one in parents] == [("done", "vwap")] * 2
    told = prompt.type("report", "trades")
    assert told.code == 0
    assert "0 breaks" in told.out
    assert "its desk lived in a simulation" in prompt.type("order", "list").err
    assert prompt.type("journal", "verify").code == 0
    refused = prompt.type("order", "submit", "buy", "1", "AAPL")
    assert refused.code == 1
    assert "it can be looked at, and no desk goes on with it" in refused.err
    assert journal.read_bytes() == before


def test_the_plan_knows_nothing_of_the_days_future(prompt: Prompt, tape: Path) -> None:
    other = bars(prompt.folder, until=6, name="other.csv")
    assert other.read_text("utf-8") != tape.read_text("utf-8")
    plans = [rehearse(prompt, one, "--dry-run", "--json").document() for one in (tape, other)]
    for plan in plans:
        for trade in plan["plan"]["trades"]:
            trade["stats_source"] = ""
    assert plans[0] == plans[1]
    assert plans[0]["outcome"] is None
    assert not (prompt.folder / "out").exists()


def test_what_the_market_did_not_print_is_told_by_name(prompt: Prompt, tmp_path: Path) -> None:
    thin = bars(tmp_path, volume=100)
    told = rehearse(prompt, thin, "--yes", "--param", "max_rate=0.1")
    assert told.code == 1
    (text,) = [line for line in told.err.splitlines() if "shares left" in line]
    printed = 100 * (2 * 15 + 35)  # from 09:35 to 10:25, twice as much before 09:50
    says = (
        rf"floorbroker: F: [\d,]+ of [\d,]+ shares left: the tape printed {printed:,} shares from"
    )
    assert re.match(says + r" 09:35 on, cap 10 %; expired", text)
    assert "names are not" not in told.err
    page = (prompt.folder / "out" / "report.html").read_text("utf-8")
    assert "1 of 2 names as planned by vwap" in page
    assert f"the tape printed {printed:,} shares" in page


def test_it_asks_and_a_no_leaves_the_earlier_run_in_its_place(
    prompt: Prompt, tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse(prompt, tape, "--yes")
    journal = prompt.folder / "out" / "journal.sqlite"
    before = journal.read_bytes()
    monkeypatch.setattr("sys.stdin", Keyboard("no\n"))
    told = rehearse(prompt, tape)
    assert told.code == 2
    assert "Send 2 orders worth 7" in told.err
    assert "(SIMULATED)? Type yes to go on: " in told.err
    assert "yes was not typed; nothing was sent" in told.err
    assert journal.read_bytes() == before
    monkeypatch.setattr("sys.stdin", Keyboard("yes\n"))
    assert rehearse(prompt, tape, "--seed", "7").code == 0
    assert journal.read_bytes() != before


def test_a_run_with_nothing_to_trade_leaves_the_earlier_one_in_its_place(
    prompt: Prompt, tape: Path
) -> None:
    told = rehearse(prompt, tape, "--yes", "--min-trade", "1000000")
    assert told.code == 0
    assert "nothing to trade" in told.out
    assert not (prompt.folder / "out").exists()
    rehearse(prompt, tape, "--yes")
    before = (prompt.folder / "out" / "journal.sqlite").read_bytes()
    rehearse(prompt, tape, "--yes", "--min-trade", "1000000")
    assert (prompt.folder / "out" / "journal.sqlite").read_bytes() == before


def test_an_interruption_leaves_nothing_behind_and_no_traceback(
    prompt: Prompt, tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Impatient()
    monkeypatch.setattr("sys.stderr", screen)
    before = signal.getsignal(signal.SIGINT)
    told = rehearse(prompt, tape, "--yes")
    assert told.code == 130
    first, last = screen.getvalue().splitlines()
    assert "10:00 New York" in first
    assert last == "floorbroker: interrupted; nothing of this rehearsal is kept"
    assert not (prompt.folder / "out").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_the_journal_of_a_desk_is_never_replaced(prompt: Prompt, tape: Path) -> None:
    out = prompt.folder / "out"
    out.mkdir()
    prompt.type("positions")  # a desk makes its journal
    (prompt.home / "desk.sqlite").rename(out / "journal.sqlite")
    told = rehearse(prompt, tape, "--yes")
    assert told.code == 2
    assert "is the journal of a desk (embedded); name another folder" in told.err


def test_a_control_that_would_refuse_is_told_before_it_asks(
    prompt: Prompt, tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = prompt.folder / "limits.toml"
    limits.write_text("[limits]\nposition_value_max = 25_000\n", "utf-8")
    monkeypatch.setenv("FLOORBROKER_LIMITS", f"{limits}")
    told = rehearse(prompt, tape, "--dry-run")
    assert "would be refused: BUY " in told.out
    (row, _) = re.findall(r"1  BUY .+ (P\d\d)", told.out)
    assert f": {row} " in told.out


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@pytest.mark.parametrize(
    ("weights", "more", "says"),
    [
        ("AAPL,60%\nF,60%", "", "sum of weights: 1.2 is not valid"),
        ("AAPL,nan\nF,1%", "", "line 2: weight: nan is not valid; write a number for AAPL"),
        ("AAPL,30%\nZZZZ,30%", "", "line 3: symbol: ZZZZ is not valid; the tape has nothing of"),
        ("", "--day 2026-06-02", "--day: 2026-06-02 is not on the tape; "),
        ("", "--day 1.6.", "--day: '1.6.' is no date; write 2026-03-23"),
        ("", "--start 10:30", "--end: 10:25 is over when it begins, 10:30:00 New York"),
        ("", "--start 16:00", "--start: 16:00 is not in the session of 2026-06-01; right is from"),
        ("", "--start 09:30", "right is from 09:31 on, and before the close, 16:00"),
        ("", "--end 16:30", "--end: 16:30 is after the close, 16:00; right is 16:00 or earlier"),
        ("", "--end noon", "--end: 'noon': write a while (90s, 5m, 2h), a time in New York"),
        (
            "",
            "--day 2026-05-28",
            "--algo: vwap needs a volume curve, and no usual day before 2026",
        ),
        ("", "--tape none.csv", "--tape: none.csv does not exist; a tape is a file or a folder"),
        ("", "--cash nan", "--cash: nan found; right are dollars, such as 1000000"),
        ("", "--history none", "--history: none does not exist; name files of days before"),
        ("", "--param intervall_s=60", 'intervall_s=60: did you mean "interval_s"?'),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(
    prompt: Prompt, tape: Path, weights: str, more: str, says: str
) -> None:
    file = prompt.folder / "w.csv"
    file.write_text(f"symbol,weight\n{weights}\n" if weights else WEIGHTS, "utf-8")
    given: dict[str, Any] = {"--algo": "vwap", "--end": "10:25", "--tape": f"{tape}"}
    given["--day"] = "2026-06-01"
    changed = iter(words(more))
    given.update(zip(changed, changed, strict=True))
    flat = [word for pair in given.items() for word in pair]
    told = prompt.type("rebalance", f"{file}", *flat, "--yes")
    assert (told.code, says in told.err) == (2, True), told.err
    assert list(prompt.folder.glob("rebalance-*")) == []


def test_a_name_without_bars_that_day_is_told_with_its_line(prompt: Prompt, tape: Path) -> None:
    kept = [
        row for row in tape.read_text("utf-8").splitlines() if not row.startswith("F,2026-06-01")
    ]
    tape.write_text("\n".join(kept) + "\n", "utf-8")
    told = rehearse(prompt, tape, "--yes")
    assert told.code == 2
    says = "line 3: symbol: F is not valid; the tape has it on other days, and nothing of it on"
    assert says in told.err


def test_a_tape_of_many_days_and_options_without_a_tape_are_asked_about(
    prompt: Prompt, tape: Path
) -> None:
    file = prompt.folder / "w.csv"
    file.write_text(WEIGHTS, "utf-8")
    told = prompt.type("rebalance", f"{file}", "--tape", f"{tape}", "--yes")
    assert told.code == 2
    assert "goes from 2026-05-28 to 2026-06-01; name one, such as 2026-06-01" in told.err
    told = prompt.type("rebalance", f"{file}", "--start", "10:00", "--yes")
    assert told.code == 2
    assert "--start: is for a rehearsal on a recorded day; give it with --tape" in told.err


def test_without_an_algorithm_the_orders_go_at_once(prompt: Prompt, tape: Path) -> None:
    file = prompt.folder / "w.csv"
    file.write_text(WEIGHTS, "utf-8")
    where = ("--tape", f"{tape}", "--day", "2026-06-01", "--out", f"{prompt.folder / 'out'}")
    told = prompt.type("rebalance", f"{file}", *where, "--cash", "10000", "--yes", "--json")
    assert told.code == 0
    found = told.document()
    shares, spent = traded(prompt.folder / "out" / "journal.sqlite")
    assert shares == {row["symbol"]: Decimal(row["target"]) for row in found["plan"]["names"]}
    assert Decimal(found["outcome"]["cash"]) == 10_000 - spent
    assert found["rehearsal"]["child_orders"] == 2
