"""The command line as people and programs use it: help, JSON, exit codes, a day's errands."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from floorbroker.cli.root import app
from tests.e2e.prompt import Prompt
from tests.test_docs import commands

COMMANDS = [command.split()[1:] for command in commands(app, ("floorbroker",))]
#: What takes long to import and has no business in a command that does not need it.
HEAVY = ("aiohttp", "plotly", "polars", "uvicorn", "uvloop", "websockets")
ORDER = ("order", "submit")
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(prompt: Prompt, command: list[str]) -> None:
    told = prompt.type(*command, "--help")
    assert (told.code, told.err) == (0, "")
    assert re.search(rf"Examples?: floorbroker {re.escape(' '.join(command))}\b", told.out)
    assert not prompt.home.exists(), "asking for help opens nothing"


def test_the_examples_of_the_help_are_commands_that_exist(prompt: Prompt) -> None:
    examples = 0
    for command in COMMANDS:
        for line in prompt.type(*command, "--help").out.splitlines():
            if (found := re.search(r"floorbroker ((?:[a-z][a-z-]*\s?)+)", line)) is None:
                continue
            words = found[1].split()
            assert words[0] in {known[0] for known in COMMANDS}, line
            examples += 1
    assert examples >= len(COMMANDS)


PLAN = "plan is --x0 1e6 --horizon 5 --intervals 5 --sigma 0.95 --eta 2.5e-6 --lambda 1e-6 --json"


@pytest.mark.parametrize(
    "words", ["--help", "order submit --help", "--version", "journal verify", PLAN]
)
def test_nothing_heavy_is_imported_for_little(prompt: Prompt, words: str) -> None:
    assert prompt.type("positions").code == 0  # so that there is a journal
    code = (
        "import sys; from floorbroker.cli.root import run; code = run(sys.argv[1:]);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words.split()],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_a_day_of_errands(prompt: Prompt) -> None:
    bought = prompt.type(*ORDER, "buy", "10", "AAPL", "--id", "first")
    assert (bought.code, bought.err) == (0, "")
    assert re.fullmatch(
        r"BUY 10 AAPL market day  ·  10/10 @ \d+\.\d+  ·  filled after \d+ ms  ·  first\n",
        bought.out,
    )
    rest = prompt.type(
        *ORDER, "buy", "10", "AAPL", "--limit", "100", "--id", "rest", "--wait", "0"
    )
    assert "BUY 10 AAPL limit 100.00 day  ·  0/10" in rest.out
    assert prompt.type("order", "replace", "rest", "--limit", "99", "--qty", "12").code == 0
    assert "BUY 12 AAPL limit 99.00 day" in prompt.type("order", "show", "rest").out
    assert prompt.type("order", "watch", "rest", "--timeout", "0.1").code == 1
    listed = prompt.type("order", "list", "--status", "open").out
    assert ("rest" in listed, "first" in listed) == (True, False)
    assert "canceled after" in prompt.type("order", "cancel", "rest").out
    assert "AAPL" in prompt.type("positions").out
    assert "EMBEDDED" in prompt.type("account").out
    assert prompt.type("reconcile").out.startswith("0 open breaks")
    assert "LOOK" not in prompt.type("doctor").out
    assert "2 orders, 1 fill, 0 breaks" in prompt.type("report", "trades").out
    verified = prompt.type("journal", "verify")
    said = (
        r"[\d,]+ records verified, head [0-9a-f]{64}\n[\d,]+ anchors \(signed with the key\), .*\n"
    )
    assert re.fullmatch(said, verified.out)


def test_a_break_is_approved_by_name_or_not_at_all(prompt: Prompt) -> None:
    alone = prompt.type("reconcile", "--approve", "cash-12345678")
    assert (alone.code, "--by NAME belong together" in alone.err) == (2, True)
    absent = prompt.type("reconcile", "--approve", "cash-12345678", "--by", "Jane Doe")
    assert absent.code == 1
    assert "cash-12345678 is no open break; there are: none is open" in absent.err


def test_legs_are_orders_with_the_same_verbs(prompt: Prompt) -> None:
    legs = ("--take-profit", "400", "--stop-loss", "100")
    bought = prompt.type(*ORDER, "buy", "10", "AAPL", *legs, "--id", "b")
    assert "BUY 10 AAPL market day bracket  ·  10/10" in bought.out
    shown = prompt.type("order", "show", "b").out
    assert re.search(r"SELL 10 AAPL limit 400.00 day  ·  0/10  ·  working .*  ·  b/tp\n", shown)
    assert re.search(r"SELL 10 AAPL stop 100.00 day  ·  0/10  ·  held .*  ·  b/sl\n", shown)
    assert prompt.type("order", "show", "b", "--json").document()["legs"] == ["b/tp", "b/sl"]
    assert prompt.type("order", "replace", "b/tp", "--limit", "390").code == 0
    assert "canceled after" in prompt.type("order", "cancel", "b/sl").out
    assert "SELL 10 AAPL limit 390.00 day  ·  0/10  ·  canceled" in (
        prompt.type("order", "show", "b/tp").out
    )
    pair = prompt.type(*ORDER, "sell", "10", "AAPL", "--class", "oco", *legs, "--wait", "0")
    assert (pair.code, "SELL 10 AAPL limit 400.00 day oco" in pair.out) == (0, True)
    assert prompt.type("reconcile").out.startswith("0 open breaks")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--take-profit 180 --stop-loss 190", "--take-profit: 180 is not valid; to end a long"),
        ("--take-profit 200 --class oco", "--class: oco is not valid; for oco give both"),
        ("--take-profit 200 --stop-loss 180 --class oto", "for oto give one of"),
        ("--stop-loss-limit 180", "give it together with --stop-loss"),
        ("--take-profit 200 --stop-loss 180 --stop 190", "with --take-profit or --stop-loss an"),
    ],
)
def test_legs_that_make_no_sense_are_told_as_typed(prompt: Prompt, words: str, said: str) -> None:
    refused = prompt.type(*ORDER, "buy", "10", "AAPL", *words.split())
    assert refused.code == 1
    assert said in refused.err


@contextmanager
def desk_at_work() -> Iterator[None]:
    """Another process whose desk holds 10 AAPL and has an order at rest."""
    words = [sys.executable, "-m", "tests.e2e.desk_user", "async", "hold"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "done\n"
            yield
        finally:
            other.kill()


def test_questions_are_answered_from_the_journal_while_another_desk_is_at_work(
    prompt: Prompt,
) -> None:
    with desk_at_work():
        listed = prompt.type("order", "list")
        shown = prompt.type("order", "show", "bought", "--json")
        missing = prompt.type("order", "show", "nope")
        held = prompt.type("positions", "--json")
        open_only = prompt.type("order", "list", "--status", "open", "--json").document()
        others = prompt.type("order", "list", "--symbol", "msft", "--json").document()
        refused = prompt.type(*ORDER, "buy", "1", "AAPL")
    assert (listed.code, "bought" in listed.out, "rests" in listed.out) == (0, True, True)
    said = (
        r"a desk is at work; read from its journal \S+desk\.sqlite, as of record \d+ of 2026-06-01"
    )
    assert re.search(said, listed.err), listed.err
    assert (shown.document()["ord_status"], "as of record" in shown.err) == ("filled", True)
    assert (missing.code, "no order nope in" in missing.err) == (1, True)
    (position,) = held.document()
    assert (position["symbol"], position["qty"], position["last_px"]) == ("AAPL", "10", None)
    assert [order["cl_ord_id"] for order in open_only] == ["rests"]
    assert [order["cl_ord_id"] for order in others] == ["rests"]
    assert (refused.code, "is being written by process" in refused.err) == (1, True)


def test_the_market_s_time_goes_on_from_command_to_command(prompt: Prompt) -> None:
    """Each command is a start of its own; nothing may be dated before what came earlier."""
    for name in "abc":
        told = prompt.type(*ORDER, "buy", "1", "AAPL", "--limit", "1", "--id", name, "--wait", "0")
        assert told.code == 0
        prompt.type("order", "watch", name, "--timeout", "0.2")
    orders = prompt.type("order", "list", "--json").document()
    assert [order["cl_ord_id"] for order in orders] == ["c", "b", "a"]
    records = [
        json.loads(line)["message"]
        for line in prompt.type("journal", "tail", "-n", "1000", "--json").out.splitlines()
    ]
    starts = [r["transact_time"] for r in records if r["type"] in ("DeskOpened", "DeskClosed")]
    assert len(starts) == 14
    assert starts == sorted(starts)


def test_an_order_for_dollars_leaves_the_quantity_out(prompt: Prompt) -> None:
    told = prompt.type(*ORDER, "buy", "SPY", "--notional", "500", "--json")
    order = told.document()
    assert (order["notional"], order["order_qty"], order["ord_status"]) == ("500", None, "filled")


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("order submit buy 1 AAPL", {"cl_ord_id", "ord_status", "cum_qty", "avg_px", "fills"}),
        ("order show held", {"cl_ord_id", "ord_status", "cum_qty", "text"}),
        ("order watch held", {"cl_ord_id", "ord_status"}),
        ("order cancel-all", None),
        ("order list", {"cl_ord_id", "ord_status", "created_time"}),
        ("positions", {"symbol", "qty", "cost", "last_px", "market_value", "unrealized_pnl"}),
        ("account", {"mode", "equity", "cash", "buying_power"}),
        ("assets", {"symbol", "is_tradable", "is_fractionable"}),
        ("quote AAPL MSFT", {"symbol", "bid_px", "ask_px"}),
        ("reconcile", {"type", "breaks", "orders_compared"}),
        ("report trades", {"orders", "fills", "symbols", "totals"}),
        ("journal verify", {"records", "head", "damage", "anchors"}),
        ("doctor", {"mode", "account", "checks"}),
    ],
)
def test_json_is_one_document_on_one_line(
    prompt: Prompt, words: str, fields: set[str] | None
) -> None:
    assert prompt.type(*ORDER, "buy", "3", "AAPL", "--id", "held").code == 0
    told = prompt.type(*words.split(), "--json")
    assert (told.code, told.err) == (0, "")
    document = told.document()
    if fields is None:
        assert document == []
    else:
        assert fields <= set(document[0] if isinstance(document, list) else document)


def test_a_refusal_is_told_on_standard_error_also_with_json(prompt: Prompt) -> None:
    told = prompt.type(*ORDER, "buy", "1000000", "AAPL", "--limit", "100", "--json")
    assert told.code == 1
    assert told.document()["ord_status"] == "rejected"
    assert "insufficient buying power" in told.err
    nothing = prompt.type(*ORDER, "buy", "0", "AAPL", "--json")
    assert (nothing.code, nothing.out) == (1, "")


def test_the_journal_is_exported_as_json_lines_and_parquet(prompt: Prompt) -> None:
    assert prompt.type(*ORDER, "buy", "3", "AAPL").code == 0
    records = prompt.type("journal", "verify", "--json").document()["records"]
    lines, parquet = prompt.folder / "j.jsonl", prompt.folder / "j.parquet"
    for path in (lines, parquet):
        told = prompt.type("journal", "export", "--out", str(path))
        assert told.out == f"{records:,} records exported to {path}\n"
    exported = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [record["seq"] for record in exported] == list(range(1, records + 1))
    tail = prompt.type("journal", "tail", "-n", "2", "--json").out.splitlines()
    assert [json.loads(line)["seq"] for line in tail] == [records - 1, records]


def test_damage_is_found_and_named(prompt: Prompt) -> None:
    assert prompt.type(*ORDER, "buy", "3", "AAPL").code == 0
    journal = prompt.home / "desk.sqlite"
    body = journal.read_bytes()
    assert body.count(b'"symbol":"AAPL"') >= 1
    journal.write_bytes(body.replace(b'"symbol":"AAPL"', b'"symbol":"AAPX"', 1))
    told = prompt.type("journal", "verify")
    assert told.code == 1
    assert told.out.startswith("DAMAGED at record ")


def test_whoever_reads_only_the_beginning_gets_no_error(prompt: Prompt) -> None:
    for _ in range(3):
        assert prompt.type("positions").code == 0
    process = prompt.start("journal", "export")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=20) == 0
    process.stderr.close()


def test_following_the_journal_ends_quietly(prompt: Prompt) -> None:
    assert prompt.type("positions").code == 0
    process = prompt.start("journal", "tail", "--follow")
    assert process.stdout is not None
    assert "desk opened, embedded" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


# The exchange


@contextmanager
def exchange(prompt: Prompt, *words: str) -> Iterator[tuple[str, str]]:
    """A served exchange: its URL, and all that it said when it was ready."""
    process = prompt.start("exchange", "--port", "0", *words)
    assert process.stdout is not None
    said = ""
    try:
        while "stops it" not in said:
            line = process.stdout.readline()
            assert line, f"it ended: {process.communicate()}"
            said += line
        url = re.search(r"ready at (\S+)", said)
        assert url is not None
        yield url[1], said
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "exchange stopped\n", "")


def asked(url: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    keys = {"APCA-API-KEY-ID": "KEY", "APCA-API-SECRET-KEY": "SECRET"}
    request = urllib.request.Request(url + path, data, keys)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or "null")


def market_order(symbol: str, qty: int) -> dict[str, str]:
    return {
        "symbol": symbol,
        "qty": str(qty),
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
    }


@pytest.mark.filterwarnings("ignore:.*legacy.*:DeprecationWarning")
def test_the_exchange_prints_lines_that_work_as_they_stand(prompt: Prompt) -> None:
    with exchange(prompt, "--symbols", "AAPL") as (url, said):
        names: dict[str, Any] = {}
        for line in said.splitlines():
            if line.startswith("  ") and ("import" in line or "Client(" in line):
                exec(line.strip(), names)
        assert names["trading"].get_account().cash == "100000"
        shell = said[said.index("  APCA_API_BASE_URL") : said.index("\n\nCtrl-C")]
        shell = shell.replace("floorbroker order", f"{sys.executable} -m floorbroker order")
        done = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("BUY 10 AAPL market day  ·  10/10 @")
        (fill,) = asked(url, "/_exchange/fills")
        assert (fill["account"], fill["symbol"], fill["qty"]) == ("KEY", "AAPL", "10")


def test_a_running_exchange_can_be_looked_into(prompt: Prompt) -> None:
    with exchange(prompt, "--quiet") as (url, said):
        assert f"{url}/_exchange in a browser, or floorbroker exchange look --url {url}" in said
        quote = {"bid_price": "11.00", "bid_size": 5, "ask_price": "11.01", "ask_size": 5}
        asked(url, "/_exchange/quote", {"symbol": "F", **quote})
        told = prompt.type("exchange", "look", "--url", url)
        assert (told.code, told.err) == (0, "")
        assert "EMBEDDED" in told.out
        assert "nothing needs attention" in told.out
        assert "11.01" in told.out
        shown = prompt.type("exchange", "look", "--url", url, "--json").document()
        assert shown == {**asked(url, "/_exchange/look"), "clock": shown["clock"]}
    told = prompt.type("exchange", "look", "--url", url)
    assert told.code == 1
    assert f"no exchange answers at {url}" in told.err


def test_a_quiet_exchange_trades_at_the_quote_it_was_given(prompt: Prompt) -> None:
    with exchange(prompt, "--quiet", "--cash", "5000") as (url, _):
        quote = {"bid_price": "9.98", "bid_size": 50, "ask_price": "10.02", "ask_size": 50}
        asked(url, "/_exchange/quote", {"symbol": "F", **quote})
        order = asked(url, "/v2/orders", market_order("F", 10))
        assert asked(url, f"/v2/orders/{order['id']}")["filled_avg_price"] == "10.02"
        assert asked(url, "/v2/account")["cash"] == "4899.8"


def test_the_state_of_an_exchange_survives_its_end(prompt: Prompt) -> None:
    state = str(prompt.folder / "exchange.sqlite")
    with exchange(prompt, "--state", state, "--symbols", "F") as (url, _):
        asked(url, "/v2/orders", market_order("F", 10))
        before = asked(url, "/_exchange/fills")
        then = asked(url, "/_exchange/clock", {"advance": 600})["now"]
    with exchange(prompt, "--state", state, "--symbols", "F") as (url, _):
        assert asked(url, "/_exchange/fills") == before != []
        assert asked(url, "/_exchange/clock")["now"] > then
        (position,) = asked(url, "/v2/positions")
        assert (position["symbol"], position["qty"]) == ("F", "10")


def test_faults_are_read_from_a_file(prompt: Prompt) -> None:
    plan = prompt.folder / "faults.toml"
    plan.write_text('[[fault]]\nkind = "accept_then_504"\nmethod = "POST"\nnth = 1\n')
    with exchange(prompt, "--quiet", "--faults", str(plan)) as (url, _):
        with pytest.raises(urllib.error.HTTPError, match="504"):
            asked(url, "/v2/orders", market_order("AAPL", 1))
        assert len(asked(url, "/_exchange/orders")) == 1
        assert asked(url, "/_exchange/faults")["fired"][0]["kind"] == "accept_then_504"


def test_switches_are_read_from_a_file(prompt: Prompt) -> None:
    rules = prompt.folder / "rules.toml"
    rules.write_text('[venue]\nday_end_status = "canceled"\n\n[front]\nrate_limit = 2\n')
    order = {**market_order("AAPL", 1), "type": "limit", "limit_price": "1"}
    with exchange(prompt, "--quiet", "--rules", str(rules)) as (url, _):
        asked(url, "/v2/orders", order)
        asked(url, "/_exchange/clock", {"to": "2026-06-01T20:01:00Z"})
        assert asked(url, "/_exchange/orders")[0]["status"] == "canceled"
        asked(url, "/v2/clock")
        with pytest.raises(urllib.error.HTTPError, match="429"):
            asked(url, "/v2/clock")


def test_an_unpaced_market_runs_to_its_close(prompt: Prompt) -> None:
    with exchange(prompt, "--speed", "max", "--symbols", "F") as (url, _):
        deadline = time.monotonic() + 30
        while asked(url, "/_exchange/clock")["now"] < "2026-06-01T19:59":
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_the_wall_clock_is_followed(prompt: Prompt) -> None:
    with exchange(prompt, "--clock", "wall", "--quiet") as (url, _):
        now = asked(url, "/_exchange/clock")["now"]
        assert now[:13] in {
            time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() - age)) for age in (0, 30)
        }


def test_the_module_is_the_command(prompt: Prompt) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "floorbroker", "--version"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ},
    )
    assert (done.returncode, done.stdout) == (0, "0.1.0\n")


def test_one_asset_and_what_moved_the_account(prompt: Prompt) -> None:
    told = prompt.type("assets", "btc/usd", "WHOLE", "--json")
    assert [asset["symbol"] for asset in told.document()] == ["BTC/USD", "WHOLE"]
    unknown = prompt.type("assets", "NOPE")
    assert (unknown.code, unknown.out) == (1, "")
    assert "NOPE is not listed" in unknown.err
    assert "the account's first cash" in prompt.type("account", "--activities").out
    assert prompt.type(*ORDER, "buy", "3", "AAPL").code == 0
    _, fill = prompt.type("account", "--activities", "--json").document()
    assert (fill["kind"], fill["symbol"], fill["qty"], fill["side"]) == (
        "fill",
        "AAPL",
        "3",
        "buy",
    )
    assert "buy           3 AAPL at" in prompt.type("account", "--activities").out


def test_the_doctor_tells_how_often_answers_were_at_hand(prompt: Prompt) -> None:
    found = prompt.type("doctor", "--json").document()["cache"]
    account = next(kind for kind in found if kind["kind"] == "account")
    assert (account["misses"], account["stale_refused"]) == (1, 0)
