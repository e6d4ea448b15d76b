"""The library as a script uses it: yesterday's positions are there today, also after kill -9."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from floorbroker import InvalidOrder, OrderRequest, OrdStatus, Refused
from floorbroker.config import Settings
from floorbroker.sync import Desk
from tests.e2e.prompt import Prompt

REPOSITORY = Path(__file__).resolve().parents[2]
THERE = {
    "positions": {"AAPL": "10"},
    "orders": {"bought": "filled", "rests": "new"},
    "compared": [1, 1],
    "breaks": 0,
}


@pytest.fixture
def prompt(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> Prompt:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY), prepend=os.pathsep)
    return prompt


def child(kind: str, errand: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.desk_user", kind, errand],
        stdout=subprocess.PIPE,
        text=True,
    )


def run_child(kind: str, errand: str) -> str:
    process = child(kind, errand)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


def look(kind: str) -> Any:
    return json.loads(run_child(kind, "look"))


def code_blocks(page: str, language: str) -> list[str]:
    text = (REPOSITORY / page).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_lines_of_the_readme_run_as_written(prompt: Prompt) -> None:
    (lines,) = code_blocks("README.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"filled 10 1\d\d\.\d+\n", done.stdout)


def test_the_page_about_the_exchange_shows_python_that_runs(prompt: Prompt) -> None:
    blocks = [block for block in code_blocks("docs/exchange.md", "python") if "Setup(" in block]
    (lines,) = blocks
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().isdigit()


@pytest.mark.parametrize(("first", "second"), [("async", "sync"), ("sync", "async")])
def test_a_second_process_sees_what_the_first_one_left(
    prompt: Prompt, first: str, second: str
) -> None:
    assert run_child(first, "buy") == "done\n"
    assert look(second) == THERE


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_kill_9_loses_neither_positions_nor_orders(prompt: Prompt, kind: str) -> None:
    process = child(kind, "hold")
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert look(kind) == THERE
    assert prompt.type("journal", "verify").code == 0


def test_kill_9_of_a_command_loses_nothing_either(prompt: Prompt) -> None:
    assert run_child("sync", "buy") == "done\n"
    words = ("order", "submit", "buy", "1", "F", "--limit", "1", "--id", "killed", "--wait", "60")
    process = prompt.start(*words)
    while "killed" not in prompt.orders_at_exchange():
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=20)
    found = look("async")
    assert found["orders"] == {"bought": "filled", "rests": "new", "killed": "new"}
    assert (found["positions"], found["breaks"]) == ({"AAPL": "10"}, 0)


def test_the_desk_without_await_does_all_that_the_other_does(prompt: Prompt) -> None:
    with Desk.open() as desk:
        bought = desk.submit_order(OrderRequest.market("buy", 10, "AAPL"))
        assert desk.wait(bought.cl_ord_id, timeout_s=20).ord_status is OrdStatus.FILLED
        rest = OrderRequest.limit("buy", 5, "MSFT", limit_price="1.00", cl_ord_id="rest")
        again = OrderRequest.limit("buy", 6, "MSFT", limit_price="1.00", cl_ord_id="rest")
        placed, refused = desk.submit_orders([rest, again])
        assert not isinstance(placed, Refused)
        assert isinstance(refused, Refused)
        assert desk.get_order("rest").symbol == "MSFT"
        assert [order.cl_ord_id for order in desk.get_all_orders("open")] == ["rest"]
        assert [order.symbol for order in desk.get_all_orders(side="buy", symbols=["aapl"])] == [
            "AAPL"
        ]
        assert desk.replace_order("rest", limit_price="1.01", qty=7).order_qty == 7
        canceled = desk.cancel_all_orders()
        assert [one.cl_ord_id for one in canceled if not isinstance(one, Refused)] == ["rest"]
        assert desk.wait("rest", timeout_s=20).ord_status is OrdStatus.CANCELED
        assert [position.qty for position in desk.get_positions()] == [10]
        assert desk.get_position("aapl").qty == desk.get_broker_positions()[0].qty == 10
        assert desk.get_quote("AAPL").ask_px > 0
        closed = desk.close_position("AAPL", 4)
        desk.wait(closed.cl_ord_id, timeout_s=20)
        assert desk.get_position("AAPL").qty == 6
        assert desk.get_account().equity > 0
        assert desk.get_instrument("aapl").is_fractionable
        assert desk.get_instruments()[0].symbol
        assert desk.get_market_phase().is_open
        assert [one.symbol for one in desk.get_activities(["fill"])] == ["AAPL", "AAPL"]
        today = desk.get_market_phase().broker_time.date()
        assert [day.day for day in desk.get_calendar(today, today)] == [today]
        assert {stats.kind for stats in desk.cache_stats() if stats.misses} >= {"account"}
        (left,) = desk.close_all_positions(cancel_orders=True).values()
        assert not isinstance(left, Refused)
        desk.wait(left.cl_ord_id, timeout_s=20)
        assert desk.get_positions() == []
        assert desk.reconcile_positions().breaks == ()
        assert len(desk.generate_trade_report().fills) == 3
        assert desk.health_check().is_healthy
        assert desk.errors() == []
    with pytest.raises(Refused, match="the desk is not open; use it inside"):
        desk.get_positions()


def test_wrong_words_are_refused_by_name(prompt: Prompt) -> None:
    with Desk.open() as desk:
        with pytest.raises(InvalidOrder, match="side: 'long' is not valid; choose one of buy, "):
            desk.get_all_orders(side="long")
        with pytest.raises(InvalidOrder, match="time_in_force: 'soon' is not valid; choose one"):
            desk.replace_order("x", time_in_force="soon")
        with pytest.raises(InvalidOrder, match=r'qty: 1\.5 is not valid; .* write "1.5" instead'):
            desk.replace_order("x", qty=1.5)  # type: ignore[arg-type]  # the mistake in question
        with pytest.raises(Refused, match="there is no position in AAPL to close"):
            desk.close_position("aapl")


def test_a_desk_that_cannot_open_leaves_no_thread_and_no_lock(
    prompt: Prompt, tmp_path: Path
) -> None:
    """A port where nobody listens."""
    settings = Settings(
        mode="embedded",
        home=tmp_path,
        journal_path=tmp_path / "desk.sqlite",
        exchange_url="http://127.0.0.1:9",
    )
    for _ in range(2):
        with pytest.raises(Exception, match=r"127\.0\.0\.1:9"), Desk.open(settings):
            pass
    with Desk.open(Settings(mode="embedded", home=tmp_path, journal_path=settings.journal_path)):
        pass
