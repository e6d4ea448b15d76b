"""A person at a prompt in a fresh home folder: what a command prints, and what it left behind."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from floorbroker.cli.root import run
from floorbroker.domain.messages import NewOrderSingle
from floorbroker.readers import open_journal_reader

OURS = ("FLOORBROKER_", "APCA_", "ALPACA_")


class Told(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """The one JSON document on the one line of standard output."""
        (line,) = self.out.splitlines()
        return json.loads(line)


class Prompt:
    """Runs commands in this process, or in one of their own; the home folder is under `folder`."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._capture = capture

    def type(self, *words: str) -> Told:
        """Run `floorbroker WORDS` here."""
        self._capture.readouterr()
        code = run(words)
        printed = self._capture.readouterr()
        return Told(code, printed.out, printed.err)

    def start(self, *words: str, **changes: str) -> "subprocess.Popen[str]":
        """Start `floorbroker WORDS` as a process."""
        return subprocess.Popen(
            [sys.executable, "-m", "floorbroker", *words],
            env={**os.environ, "PYTHONUNBUFFERED": "", **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def orders_in_journal(self) -> list[str]:
        """The ClOrdIDs that were ever written down."""
        path = self.home / "desk.sqlite"
        if not path.exists():
            return []
        journal = open_journal_reader(path)
        try:
            messages = [record.message for record in journal.records()]
        finally:
            journal.close()
        return [str(m.cl_ord_id) for m in messages if isinstance(m, NewOrderSingle)]

    def orders_at_exchange(self) -> list[str]:
        """The client order ids that the exchange ever accepted."""
        path = self.home / "exchange.sqlite"
        if not path.exists():
            return []
        database = sqlite3.connect(path)
        try:
            bodies = [row[0] for row in database.execute("SELECT body FROM orders")]
        except sqlite3.OperationalError:  # it is just being made
            return []
        finally:
            database.close()
        return [json.loads(body)["client_order_id"] for body in bodies]


def leave_no_settings(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """No setting of this machine reaches the test, nor a `.env` of its folder."""
    for key in os.environ:
        if key.startswith(OURS):
            monkeypatch.delenv(key)
    monkeypatch.setenv("FLOORBROKER_HOME", str(home))
    monkeypatch.chdir(home.parent)
