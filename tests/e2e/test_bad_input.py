"""Typical mistakes at the prompt: what is wrong, what would be right, and no half order left.

Further down the same mistakes are tested where they are caught: order terms in
tests/unit/domain/test_order.py, tapes in tests/unit/marketdata, fault plans in
tests/unit/exchange/test_faults.py, settings in tests/unit/test_config.py, a full disk in
tests/unit/journal/test_sqlite.py.
"""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from floorbroker import Desk, JournalError, OrderRequest, app, venues
from floorbroker.config import Settings
from floorbroker.domain.messages import NewOrderSingle
from floorbroker.readers import open_journal_reader
from tests.e2e.prompt import Prompt

SUBMIT = ("order", "submit")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("hold 10 AAPL", 1, "SIDE: 'hold' is not valid; choose one of buy, sell"),
        ("buy 0 AAPL", 1, "QTY: 0 is not valid; it must be above 0"),
        ("buy -5 AAPL", 1, "QTY: -5 is not valid; it must be above 0"),
        ("buy NaN AAPL", 1, "QTY: 'NaN' is not valid; NaN is not a finite number"),
        ("buy inf AAPL", 1, "QTY: 'inf' is not valid; inf is not a finite number"),
        ("buy ten AAPL", 1, "QTY: 'ten' is not valid; 'ten' is not a number"),
        ("buy 1e400000 AAPL", 1, "1e400000 is too far from one to be an amount"),
        ("buy 1e20 AAPL", 1, "it must be below a trillion"),
        ("buy 0.0000000001 AAPL", 1, "use at most nine decimals"),
        ("buy 10 AA*L", 1, "SYMBOL: 'AA*L' is not valid; give it in capitals, such as AAPL"),
        ("buy 10 AAPL --limit 100.001", 1, "prices here move in steps of 0.01"),
        ("buy 10 AAPL --limit 0.00001", 1, "prices here move in steps of 0.0001"),
        ("buy 10 AAPL --limit -5", 1, "--limit: -5 is not valid; it must be above 0"),
        ("buy 10 AAPL --limit nan", 1, "--limit: 'nan' is not valid"),
        ("buy 10 AAPL --stop 0", 1, "--stop: 0 is not valid; it must be above 0"),
        ("buy 10 AAPL 187.20", 2, "Unused Tokens: ['187.20']"),
        ("buy 10 AAPL --limit", 2, "--limit requires an argument"),
        ("buy 10 AAPL --limit 10 --trail 1", 1, "--limit with --trail is not valid"),
        ("buy AAPL --limit 10 --notional 100", 1, "--limit with --notional is not valid"),
        ("buy 10 AAPL --trail 1 --trail-percent 1", 1, "--trail with --trail-percent is not"),
        ("buy 10 AAPL --notional 500", 1, "give a quantity or --notional, not both"),
        (
            "buy AAPL --notional 0.5",
            1,
            "--notional: 0.5 is not valid; it must be at least 1 dollar",
        ),
        ("buy AAPL", 1, "write SIDE QTY SYMBOL, such as: buy 10 AAPL"),
        ("buy AAPL 10", 1, "write SIDE QTY SYMBOL, such as: buy 10 AAPL"),
        ("buy", 2, "see `floorbroker order submit --help`"),
        (
            "buy 10 AAPL --tif forever",
            1,
            "--tif: 'forever' is not valid; choose one of day, gtc, ioc, fok, opg, cls",
        ),
        ("buy 10 AAPL --stop 100 --tif ioc", 1, "a stop order in AAPL takes day, gtc"),
        ("buy 10.5 AAPL --tif gtc", 1, "fractional or notional market order in AAPL takes day"),
        ("buy 1 BTC/USD", 1, "a market order in BTC/USD takes gtc, ioc"),
        ("buy 10 AAPL --extended-hours", 1, "extended hours take day or gtc limit orders"),
        ("buy 10 AAPL --wait soon", 2, 'unable to convert "soon" into float'),
        ("buy 10 AAPL --price 10", 2, "Unknown option: --price"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_before_anything_is_written(
    prompt: Prompt, words: str, code: int, message: str
) -> None:
    told = prompt.type(*SUBMIT, *words.split())
    assert told.code == code
    assert message in told.err
    assert told.err.startswith("floorbroker: ")
    assert told.out == ""
    assert not prompt.home.exists(), "nothing was opened, so nothing can be left behind"


def test_an_id_that_is_no_id_is_refused(prompt: Prompt) -> None:
    for bad in ("two words", "", "x" * 49):
        told = prompt.type(*SUBMIT, "buy", "10", "AAPL", "--id", bad)
        assert told.code == 1
        assert "--id: " in told.err
    assert prompt.orders_in_journal() == []


def test_an_id_is_never_used_twice(prompt: Prompt) -> None:
    first = prompt.type(
        *SUBMIT, "buy", "10", "AAPL", "--limit", "1", "--id", "mine", "--wait", "0"
    )
    assert first.code == 0
    again = prompt.type(*SUBMIT, "sell", "7", "AAPL", "--limit", "900", "--id", "mine")
    assert again.code == 1
    assert "cl_ord_id: mine was used before; ids are never reused" in again.err
    assert again.out == ""
    assert prompt.orders_in_journal() == ["mine"]
    assert prompt.orders_at_exchange() == ["mine"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("buy 10 NOPE", "SYMBOL: NOPE is not valid; the broker lists no such instrument"),
        ("buy 10 HALTD", "SYMBOL: HALTD is not valid; the broker does not trade it at present"),
        ("buy 0.5 WHOLE --limit 10", "QTY: 0.5 is not valid; WHOLE trades in whole shares"),
        ("buy WHOLE --notional 50", "--notional: 50 is not valid; WHOLE trades in whole shares"),
        ("sell 5 NOSHORT", "SIDE: sell is not valid; 0 NOSHORT are held, and the broker lends"),
        ("sell 0.5 AAPL", "SIDE: sell is not valid; 0 AAPL are held; a short sale takes whole"),
    ],
)
def test_what_the_instrument_does_not_take_does_not_leave(
    prompt: Prompt, words: str, reason: str
) -> None:
    told = prompt.type(*SUBMIT, *words.split(), "--id", "a")
    assert (told.code, told.out) == (1, "")
    assert reason in told.err
    assert prompt.orders_at_exchange() == prompt.orders_in_journal() == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("buy 1000000 AAPL --limit 100", "insufficient buying power"),
        ("sell 10 AAPL --stop 9999", "stop price must be less than current price"),
    ],
)
def test_what_the_exchange_refuses_is_rejected_with_its_reason_and_stands_nowhere(
    prompt: Prompt, words: str, reason: str
) -> None:
    told = prompt.type(*SUBMIT, *words.split(), "--id", "a")
    assert told.code == 1
    assert reason in told.err
    assert "rejected" in told.out
    assert prompt.orders_at_exchange() == []
    shown = prompt.type("order", "show", "a", "--json").document()
    assert (shown["ord_status"], shown["fills"]) == ("rejected", [])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("order show nope", 1, "no order nope in "),
        ("order watch nope", 1, "no order nope in "),
        ("order cancel nope", 1, "cl_ord_id: nope is no live order"),
        ("order replace nope --qty 3", 1, "cl_ord_id: nope is no live order"),
        ("order replace nope", 2, "give --qty, --limit, --stop, --trail or --tif"),
        (
            "order replace nope --tif soon",
            1,
            "--tif: 'soon' is not valid; choose one of day, gtc, ioc, fok, opg, cls",
        ),
        ("order replace nope --qty inf", 1, "--qty: 'inf' is not valid"),
        ("order list --status foo", 2, 'Choose from: "open", "closed", "all"'),
        ("order list --side long", 2, 'Choose from: "buy", "sell"'),
        ("order list --limit 0", 2, "--limit: 0 must be 1 or more"),
        ("order sumbit buy 10 AAPL", 2, 'Did you mean "submit"?'),
        ("oder", 2, 'Did you mean "order"?'),
        ("quote", 2, "name at least one symbol, such as: floorbroker quote AAPL"),
        ("quote NOPE", 1, "symbol: NOPE has no quote at this broker"),
        ("report trades --start soon", 2, "--start: 'soon' is no time; write 2026-06-01T14:00"),
        ("report trades --start 2026-06-02 --end 2026-06-01", 2, "must be later than --start"),
        ("report trades --html /nonexistent/r.html", 2, "name another file"),
        ("journal verify /nonexistent/j", 1, "there is no journal at /nonexistent/j"),
        ("journal tail -n 0", 2, "--lines: 0 must be 1 or more"),
        ("journal tail --json --follow", 2, "--json and --follow exclude each other"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_what_would(
    prompt: Prompt, words: str, code: int, message: str
) -> None:
    told = prompt.type(*words.split())
    assert told.code == code
    assert message in told.err
    assert told.out == ""
    assert prompt.orders_in_journal() == []


@pytest.mark.parametrize("change", ["--qty 0", "--limit 99.999", "--qty 1e30"])
def test_a_replace_that_makes_no_sense_leaves_the_order_as_it_is(
    prompt: Prompt, change: str
) -> None:
    order = ("buy", "10", "AAPL", "--limit", "1", "--id", "rest", "--wait", "0")
    assert prompt.type(*SUBMIT, *order).code == 0
    told = prompt.type("order", "replace", "rest", *change.split())
    assert told.code == 1
    option, typed = change.split()
    assert f"{option}: {typed.replace('1e30', '1000000000000000000000000000000')} is" in told.err
    shown = prompt.type("order", "show", "rest", "--json").document()
    assert (shown["order_qty"], shown["price"], shown["ord_status"]) == ("10", "1", "new")


def test_a_cancel_that_comes_too_late_says_so(prompt: Prompt) -> None:
    assert prompt.type(*SUBMIT, "buy", "10", "AAPL", "--id", "done").code == 0
    told = prompt.type("order", "cancel", "done")
    assert told.code == 1
    assert "done is filled; there was nothing left to cancel" in told.err


@pytest.mark.parametrize(
    ("setting", "value", "code", "message"),
    [
        ("FLOORBROKER_HOM", "x", 2, "no such setting; did you mean FLOORBROKER_HOME?"),
        ("FLOORBROKER_TAPE", "/nonexistent", 2, "FLOORBROKER_TAPE: '/nonexistent' does not exist"),
        ("FLOORBROKER_CASH", "much", 2, "FLOORBROKER_CASH: 'much' is no whole number"),
        ("FLOORBROKER_JOURNAL", "desk.sqlite", 2, "must be sqlite:///PATH"),
        ("FLOORBROKER_HOME", "/proc/nonexistent", 2, "set FLOORBROKER_HOME to another"),
        ("APCA_API_KEY_ID", "half", 2, "APCA_API_SECRET_KEY: is missing"),
    ],
)
def test_a_wrong_setting_is_named(
    prompt: Prompt,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    code: int,
    message: str,
) -> None:
    monkeypatch.setenv(setting, value)
    told = prompt.type(*SUBMIT, "buy", "10", "AAPL")
    assert told.code == code
    assert message in told.err
    assert told.out == ""
    assert prompt.orders_at_exchange() == []


def test_a_home_that_is_a_file_is_refused(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_way = prompt.folder / "file"
    in_the_way.write_text("mine")
    monkeypatch.setenv("FLOORBROKER_HOME", str(in_the_way))
    told = prompt.type("positions")
    assert told.code == 2
    assert f"{in_the_way} is not a folder" in told.err
    assert in_the_way.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_is_read_only_is_refused(prompt: Prompt) -> None:
    prompt.home.mkdir(mode=0o500)
    told = prompt.type("positions")
    assert told.code == 2
    assert "must be writable for the user who runs the desk" in told.err


@pytest.mark.parametrize("body", [b"hello\n" * 100, b"SQLite format 3\x00" + b"\x00" * 200])
def test_a_foreign_journal_file_is_left_alone(prompt: Prompt, body: bytes) -> None:
    prompt.home.mkdir()
    journal = prompt.home / "desk.sqlite"
    journal.write_bytes(body)
    for words in (("order", "list"), ("journal", "verify"), ("report", "trades")):
        told = prompt.type(*words)
        assert told.code == 1
        assert f"{journal}" in told.err
        assert told.out == ""
    assert journal.read_bytes() == body


def test_an_exchange_state_that_is_none_is_left_alone(prompt: Prompt) -> None:
    prompt.home.mkdir()
    state = prompt.home / "exchange.sqlite"
    state.write_bytes(b"hello\n" * 100)
    told = prompt.type("account")
    assert told.code == 2
    assert f"{state} cannot be used" in told.err
    assert "move the file away" in told.err
    assert state.read_bytes() == b"hello\n" * 100


def test_a_journal_that_another_desk_writes_is_refused_but_can_be_read(prompt: Prompt) -> None:
    other = prompt.start(*SUBMIT, "buy", "10", "AAPL", "--limit", "1", "--id", "o", "--wait", "60")
    try:
        _wait_for(lambda: prompt.orders_at_exchange() == ["o"])
        told = prompt.type(*SUBMIT, "buy", "1", "AAPL", "--id", "second")
        assert told.code == 1
        assert f"is being written by process {other.pid}" in told.err
        assert "or give this desk a journal of its own" in told.err
        assert prompt.type("journal", "verify").code == 0
        report = prompt.type("report", "trades")
        assert (report.code, report.err) == (0, "")
        assert "1 order, 0 fills" in report.out
        assert prompt.orders_in_journal() == ["o"]
    finally:
        other.send_signal(signal.SIGINT)
        out, err = other.communicate(timeout=20)
    assert (other.returncode, out) == (130, "")
    assert err == "floorbroker: interrupted; what was sent stays as it is\n"
    (order,) = prompt.type("order", "list", "--json").document()
    assert (order["cl_ord_id"], order["ord_status"]) == ("o", "new")
    tail = prompt.type("journal", "tail").out
    assert tail.count("desk closed in good order") == 2, "Ctrl-C closes the desk properly"


def test_a_disk_without_room_refuses_the_command_and_sends_nothing(prompt: Prompt) -> None:
    assert prompt.type(*SUBMIT, "buy", "1", "AAPL", "--limit", "1", "--id", "before").code == 0
    process = subprocess.run(
        [sys.executable, "-m", "floorbroker", *SUBMIT, "buy", "10", "AAPL", "--id", "full"],
        capture_output=True,
        text=True,
        timeout=30,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert f"journal {prompt.home / 'desk.sqlite'}: cannot " in process.stderr
    assert "Check the disk, then start again" in process.stderr
    assert "Traceback" not in process.stderr
    assert prompt.orders_in_journal() == ["before"]
    assert prompt.orders_at_exchange() == ["before"]
    assert prompt.type(*SUBMIT, "buy", "1", "AAPL", "--id", "after").code == 0


async def test_a_disk_that_fills_up_stops_the_desk_before_the_order_leaves(
    tmp_path: Path,
) -> None:
    market = venues.open_market(None, ("AAPL",), 7, is_quiet=True)
    async with venues.serve_exchange(market, speed=1.0, seed=7, cash="1000000") as served:
        settings = Settings(
            mode="embedded",
            home=tmp_path,
            journal_path=tmp_path / "desk.sqlite",
            exchange_url=served.url,
        )
        with pytest.raises(JournalError, match=f"{settings.journal_path}.*start again"):
            await _fill_the_disk(settings)
        there = await app.get_json(f"{served.url}/_exchange/orders")
        journal = open_journal_reader(settings.journal_path)
        try:
            messages = [record.message for record in journal.records()]
        finally:
            journal.close()
        written = {str(m.cl_ord_id) for m in messages if isinstance(m, NewOrderSingle)}
        assert there
        assert {order["client_order_id"] for order in there} == written
        async with Desk.open(settings) as desk:
            assert not (await desk.reconcile_positions()).open_breaks
            assert len(await desk.get_all_orders("open")) == len(written)


async def _fill_the_disk(settings: Settings) -> None:
    async with Desk.open(settings) as desk:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            for _ in range(1000):
                await desk.submit_order(OrderRequest.limit("buy", 1, "AAPL", limit_price="1"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--port 99999", "--port: 99999 must be 0 (a free one) to 65535"),
        ("--speed fast", "--speed: 'fast' must be 0 (time stands still), a number up to 100000"),
        ("--speed nan", "--speed: 'nan' must be 0 (time stands still), a number up to 100000"),
        ("--clock sun", 'Choose from: "session", "wall"'),
        ("--cash -1", "--cash: -1 must be 0 or more"),
        ("--symbols AAPL,*", "--symbols: '*' is no symbol; write AAPL,MSFT,BTC/USD"),
        ("--tape x --symbols AAPL", "write --tape PATH@SYMBOL,SYMBOL"),
        ("--tape x --quiet", "--quiet: has no tape"),
        ("--tape /nonexistent", "/nonexistent does not exist; a tape is a file or a folder"),
        ("--faults /nonexistent", "--faults: /nonexistent: No such file or directory"),
        ("--rules /nonexistent", "--rules: /nonexistent: No such file or directory"),
        ("--actions /nonexistent", "--actions: /nonexistent: No such file or directory"),
        ("--port 0 --state /nonexistent/x", "the exchange's state /nonexistent/x cannot be used"),
        ("8899", "Unused Tokens: ['8899']"),
    ],
)
def test_an_exchange_that_cannot_be_is_told_why(prompt: Prompt, words: str, message: str) -> None:
    told = prompt.type("exchange", *words.split())
    assert told.code == 2
    assert message in told.err
    assert told.out == ""


def test_a_port_in_use_is_named_with_the_way_out(prompt: Prompt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = prompt.type("exchange", "--quiet", "--port", port)
    assert told.code == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in told.err
    assert "0 takes any free one" in told.err


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("bars.csv", "hello\n", "columns hello found"),
        (
            "bars.csv",
            "symbol,timestamp,open,high,low,close,volume\nAAPL,soon,1,1,1,1,1\n",
            "line 2, timestamp: 'soon' found; right is a time",
        ),
        ("tape.txt", "hello\n", "the format of this file is unknown"),
        ("20131008_trade.zip", "hello\n", "20131008_trade.zip"),
    ],
)
def test_a_malformed_tape_is_told_with_file_line_and_field(
    prompt: Prompt, name: str, body: str, message: str
) -> None:
    tape = prompt.folder / name
    tape.write_text(body)
    for words in (("exchange", "--port", "0"), ("demo", "--out", str(prompt.folder / "out"))):
        told = prompt.type(*words, "--tape", str(tape))
        assert told.code == 2
        assert str(tape) in told.err
        assert message in told.err


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[[fault]]\nkind = "explode"\n', "fault 1: kind: 'explode' is not one of refuse,"),
        (b"[[fault]\n", "neither TOML nor JSON"),
        (b'[{"kind": "delay", "seconds": -1}]', "seconds: -1 is not a number of seconds"),
        (b'[{"kind": "correct", "seconds": 3}]', "lacks qty or price; one of them is what"),
        (b'[{"kind": "bust", "path": "/v2"}]', "unknown field 'path'; bust takes symbol, account"),
        (b"\xff\xfe", "is no text; a plan is TOML or JSON"),
    ],
)
def test_a_malformed_fault_plan_is_told_with_its_file(
    prompt: Prompt, body: bytes, message: str
) -> None:
    plan = prompt.folder / "faults.toml"
    plan.write_bytes(body)
    told = prompt.type("exchange", "--port", "0", "--faults", str(plan))
    assert told.code == 2
    assert str(plan) in told.err
    assert message in told.err


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[venue]\nday_end = 1\n", "venue.day_end: no such switch; did you mean day_end_status?"),
        (b"\xff\xfe", "is no text; rules are TOML"),
    ],
)
def test_rules_that_are_not_understood_are_told_with_their_file(
    prompt: Prompt, body: bytes, message: str
) -> None:
    rules = prompt.folder / "rules.toml"
    rules.write_bytes(body)
    told = prompt.type("exchange", "--port", "0", "--rules", str(rules))
    assert told.code == 2
    assert str(rules) in told.err
    assert message in told.err


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[[action]]\nkind = "gift"\n', "action 1: kind: 'gift' is not one of cash_dividend,"),
        (b"[[action]\n", "neither TOML nor JSON"),
        (
            b'[{"kind": "cash_dividend", "symbol": "AAPL", "rate": 1, "ex_date": "June"}]',
            "action 1 (cash_dividend): ex_date: 'June' is not valid; it must be a date",
        ),
        (
            b'[{"kind": "cash_dividend", "symbol": "AAPLE", "rate": 1, "ex_date": "2026-06-02"}]',
            "action 1 (cash_dividend): symbol: 'AAPLE' is not listed; it must be one of AAPL,",
        ),
        (b"\xff\xfe", "is no text; a list of actions is TOML or JSON"),
    ],
)
def test_a_malformed_corporate_action_is_told_with_its_file(
    prompt: Prompt, body: bytes, message: str
) -> None:
    actions = prompt.folder / "actions.toml"
    actions.write_bytes(body)
    told = prompt.type("exchange", "--port", "0", "--actions", str(actions))
    assert told.code == 2
    assert str(actions) in told.err
    assert message in told.err


def test_a_demonstration_that_cannot_write_says_so(prompt: Prompt) -> None:
    in_the_way = prompt.folder / "out"
    in_the_way.write_text("mine")
    told = prompt.type("demo", "--out", str(in_the_way))
    assert told.code == 2
    assert f"--out: {in_the_way} cannot be written" in told.err


def _wait_for(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


FILE = """side,qty,symbol,limit,tif,id
buy,1,AAPL,1.00,day,one
buy,1,HALTD,1.00,day,two
buy,2,MSFT,1.00,gtc,three
"""


def test_orders_of_a_file_are_told_line_by_line(prompt: Prompt) -> None:
    (prompt.folder / "orders.csv").write_text(FILE, "utf-8")
    words = ("order", "submit", "--file", str(prompt.folder / "orders.csv"), "--wait", "0")
    told = prompt.type(*words)
    assert told.code == 1
    lines = told.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["line 2", "line 3", "line 4"]
    assert "refused: symbol: HALTD" in lines[1]
    assert "1 of 3 orders were refused" in told.err
    assert sorted(prompt.orders_at_exchange()) == ["one", "three"]


def test_a_file_of_json_lines_is_answered_in_json(prompt: Prompt) -> None:
    path = prompt.folder / "orders.jsonl"
    path.write_text(
        '{"side": "buy", "qty": 1, "symbol": "AAPL", "limit": 1.05, "extended_hours": true}\n\n'
        '{"side": "buy", "notional": "50", "symbol": "MSFT", "id": "dollars"}\n',
        "utf-8",
    )
    told = prompt.type("order", "submit", "--file", str(path), "--json")
    first, second = told.document()
    assert told.code == 0
    assert (first["line"], second["line"]) == (1, 3)
    assert (first["order"]["price"], first["order"]["extended_hours"]) == ("1.05", True)
    assert (second["order"]["notional"], second["refused"]) == ("50", None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("buy,1,AAPL,10.001,day,a", "limit: 10.001 is not valid; prices here move in steps"),
        ("buy,x,AAPL,10,day,a", "qty: 'x' is not valid"),
        ("long,1,AAPL,10,day,a", "side: 'long' is not valid"),
        (",1,AAPL,10,day,a", "side: nothing is not valid; each order needs one"),
        ("buy,1,,10,day,a", "symbol: nothing is not valid; each order needs one"),
        ("buy,,AAPL,10,day,a", "qty: nothing is not valid; give one of qty and notional"),
        ("buy,1,AAPL,10,soon,a", "tif: 'soon' is not valid"),
        ("buy,1,AAPL", "3 cells under 6 columns"),
        ("buy,1,AAPL,10,day,one", "id: one stands in line 2, too"),
    ],
)
def test_a_wrong_line_of_a_file_is_named_before_anything_is_sent(
    prompt: Prompt, line: str, reason: str
) -> None:
    path = prompt.folder / "orders.csv"
    path.write_text(f"{FILE}{line}\n", "utf-8")
    told = prompt.type("order", "submit", "--file", str(path))
    assert (told.code, told.out) == (2, "")
    assert f"line 5: {reason}" in told.err
    assert "nothing was sent; 1 lines are wrong" in told.err
    assert prompt.orders_in_journal() == []


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.txt", FILE, "must end with .csv or .jsonl"),
        ("a.csv", "", "no orders in it"),
        ("a.csv", "side,qty,symbol,price\nbuy,1,F,2\n", "line 1: price is no column; right are"),
        ("a.jsonl", "{\n", "line 1: this is no JSON"),
        ("a.jsonl", "[1]\n", "line 1: an order is an object"),
        ("a.jsonl", '{"side": "buy", "size": 1}', "line 1: column: size is not valid"),
    ],
)
def test_a_file_without_orders_says_what_it_lacks(
    prompt: Prompt, name: str, text: str, reason: str
) -> None:
    path = prompt.folder / name
    path.write_text(text, "utf-8")
    told = prompt.type("order", "submit", "--file", str(path))
    assert (told.code, told.out) == (2, "")
    assert reason in told.err


def test_a_file_and_an_order_at_once_are_one_too_many(prompt: Prompt) -> None:
    told = prompt.type("order", "submit", "buy", "1", "AAPL", "--file", "orders.csv")
    assert told.code == 2
    assert "--file: the orders stand in the file" in told.err
