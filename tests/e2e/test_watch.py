"""`floorbroker quote --watch`: lines that a program reads, until it is told to stop."""

import json
import signal
from decimal import Decimal

import pytest

from tests.e2e.prompt import Prompt


def test_quotes_are_told_one_object_a_line_until_ctrl_c(prompt: Prompt) -> None:
    with prompt.start("quote", "aapl", "MSFT", "--watch", "--json") as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(6)]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
    assert (process.returncode, err) == (0, "")
    live = [line for line in lines if line["state"] == "live"]
    assert {line["symbol"] for line in live} == {"AAPL", "MSFT"}
    for line in live:
        assert Decimal(line["bid_px"]) < Decimal(line["ask_px"])
        assert 0 <= line["age_s"] < 60


def test_a_pipe_gets_plain_lines(prompt: Prompt) -> None:
    with prompt.start("quote", "AAPL", "--watch") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert lines[-1].startswith("AAPL  ")
    assert lines[-1].endswith("  live\n")


def test_without_a_feed_it_says_so(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORBROKER_DATA_FEED", "off")
    told = prompt.type("quote", "AAPL", "--watch")
    assert told.code == 1
    assert "switched off; see FLOORBROKER_DATA_FEED" in told.err
    assert "market data     switched off" in prompt.type("doctor").out


def test_positions_are_marked_with_the_age_of_the_price(prompt: Prompt) -> None:
    assert prompt.type("order", "submit", "buy", "10", "AAPL").code == 0
    (held,) = prompt.type("positions", "--json").document()
    assert held["mark_source"] == "asked mid"
    assert 0 <= held["mark_age_s"] < 60
    value = Decimal(held["last_px"]) * 10
    assert Decimal(held["market_value"]) == value
    assert Decimal(held["unrealized_pnl"]) == value - Decimal(held["cost"])
    assert held["realized_today"] == "0"
    table = prompt.type("positions").out
    assert "Age" in table
