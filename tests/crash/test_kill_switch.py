"""The kill switch against a real desk process: one that hangs, one that runs, one that starts."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from floorbroker.testbed import AlpacaExchange

ENDED = {"canceled", "filled", "rejected", "expired"}


class Child:
    """A desk at work; see `switch_child`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.switch_child"], stdout=subprocess.PIPE, text=True
        )
        self.placed: list[str] = []

    def hear(self, orders: int = 0) -> str:
        """Listen until it has placed so many orders more, or says something else."""
        assert self.process.stdout is not None
        while True:
            word, _, rest = self.process.stdout.readline().strip().partition(" ")
            if word != "placed":
                return f"{word} {rest}".strip()
            self.placed.append(rest)
            orders -= 1
            if not orders:
                return ""

    def end(self) -> Any:
        """What it found out when it was refused."""
        assert self.process.stdout is not None
        found = json.loads(self.process.stdout.readline())
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return found

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alpaca_exchange: AlpacaExchange) -> Path:
    for key in os.environ:
        if key.startswith(("FLOORBROKER_", "APCA_", "ALPACA_")):
            monkeypatch.delenv(key)
    for key, value in alpaca_exchange.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("FLOORBROKER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FLOORBROKER_DATA_FEED", "off")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]), prepend=os.pathsep)
    return tmp_path / "home"


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "floorbroker", *words], capture_output=True, text=True, timeout=60
    )


def open_at(exchange: AlpacaExchange) -> list[str]:
    return [one["client_order_id"] for one in exchange.orders() if one["status"] not in ENDED]


@pytest.mark.proves("C26", "C23", "I13")
def test_a_desk_that_hangs_is_stopped_without_it(
    home: Path, alpaca_exchange: AlpacaExchange
) -> None:
    with Child() as child:
        _kill_while_it_hangs(child, alpaca_exchange)


def _kill_while_it_hangs(child: Child, alpaca_exchange: AlpacaExchange) -> None:
    assert child.hear() == "open"
    assert child.hear(orders=5) == ""
    os.kill(child.process.pid, signal.SIGSTOP)
    try:
        told = command("kill", "--yes", "--reason", "it hangs", "--by", "risk")
        assert open_at(alpaca_exchange) == [], told.stdout + told.stderr
        there = len(alpaca_exchange.orders())
    finally:
        os.kill(child.process.pid, signal.SIGCONT)
    assert told.returncode == 1
    assert f"process {child.process.pid}" in told.stderr
    assert "has not taken note" in told.stdout
    assert re.search(r"cancels +\d+ asked for, first answer after \d+ ms", told.stdout)
    assert re.search(r"shows no open order after \d+ ms", told.stdout)
    assert "it hangs" in child.hear(orders=3000), "the first order after it went on is refused"
    assert child.end() == {"open": 0, "breaks": 0}
    # One may have been on its way, durable, when the process was stopped: it is canceled.
    assert len(alpaca_exchange.orders()) <= there + 1
    assert open_at(alpaca_exchange) == []


@pytest.mark.proves("I13", "S29")
def test_a_desk_that_runs_is_stopped_and_stays_so(
    home: Path, alpaca_exchange: AlpacaExchange
) -> None:
    with Child() as child:
        assert child.hear() == "open"
        assert child.hear(orders=5) == ""
        told = command("kill", "--level", "block", "--yes", "--reason", "limits")
        assert told.returncode == 0, told.stdout + told.stderr
        noted = re.search(r"took note after (\d+) ms", told.stdout)
        assert noted is not None
        sys.stderr.write(f"\na running desk took note after {noted[1]} ms\n")
        assert "limits" in child.hear(orders=3000)
        assert open_at(alpaca_exchange) != [], "what was there works on"
        assert json.loads(command("kill", "--yes", "--json").stdout)["is_done"] is True
        assert child.end() == {"open": 0, "breaks": 0}
    with Child() as again:
        assert again.hear() == "open"
        assert "resume --reason" in again.hear(orders=1)
        assert again.end() == {"open": 0, "breaks": 0}


def test_a_resume_reaches_a_desk_that_runs_and_one_that_is_to_come(
    home: Path, alpaca_exchange: AlpacaExchange
) -> None:
    assert command("kill", "--level", "block", "--yes").returncode == 0
    done = command("resume", "--reason", "limits checked")
    assert (done.returncode, done.stdout) == (0, "trading is ACTIVE\n")
    assert not (home / "kill.latch").exists()
    with Child() as child:
        assert child.hear() == "open"
        assert child.hear(orders=1) == ""
        nothing = command("resume", "--reason", "twice")
        assert nothing.returncode == 1
        assert f"process {child.process.pid}" in nothing.stderr
        command("kill", "--level", "block", "--yes")
        assert child.hear(orders=3000).startswith("refused")
        done = command("resume", "--reason", "really checked", "--by", "ops")
        assert (done.returncode, "trading is ACTIVE" in done.stdout) == (0, True), done.stderr
        assert not (home / "kill.latch").exists()


@pytest.mark.proves("C23")
def test_positions_are_closed_by_the_command_and_booked_by_the_desk(
    home: Path, alpaca_exchange: AlpacaExchange
) -> None:
    alpaca_exchange.quote("AAPL", "187.00", "187.10")
    assert command("order", "submit", "buy", "10", "AAPL").returncode == 0
    assert command("order", "submit", "sell", "4", "AAPL", "--limit", "900").returncode == 0
    alpaca_exchange.advance(5)
    told = command("kill", "--level", "flatten", "--yes", "--flatten-too")
    assert told.returncode == 0, told.stdout + told.stderr
    assert alpaca_exchange.positions() == []
    assert open_at(alpaca_exchange) == []
    assert command("positions", "--json").stdout.strip() == "[]"
    assert command("reconcile").returncode == 0


def test_a_broker_that_cannot_be_reached_is_told_and_the_latch_is_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APCA_API_BASE_URL", "http://127.0.0.1:9")
    told = command("kill", "--yes")
    assert told.returncode == 1
    assert "was not sent" in told.stderr
    assert (home / "kill.latch").exists()
    assert (home / "kill.latch").stat().st_mode & 0o777 == 0o600


def test_a_wrong_setting_does_not_keep_the_latch_away(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORBROKER_SEED", "seven")
    told = command("kill", "--yes")
    assert told.returncode == 2
    assert "FLOORBROKER_SEED" in told.stderr
    assert "new orders are stopped all the same" in told.stderr
    assert (home / "kill.latch").exists()
