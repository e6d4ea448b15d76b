"""Limits, what-if, states, the arming and the self-test, as somebody types them."""

import os
import time

import pytest

from floorbroker.deskwork.risk.controls import register
from floorbroker.engine.vigil.heartbeat import BEAT
from tests.e2e.prompt import Prompt

ORDER = ("order", "submit", "buy", "10", "AAPL", "--limit", "187.00")


def test_every_one_of_the_51_controls_fires_and_says_so(prompt: Prompt) -> None:
    told = prompt.type("doctor", "--controls", "--json")
    found = told.document()
    assert [one["control"] for one in found if not one["fired"]] == []
    assert told.code == 0
    assert [one["control"] for one in found] == [row.id for row in register()]
    assert len(found) == 51
    for one in found:
        assert one["how"] in ("order", "view", "event")
        assert one["text"]
    texts = {one["control"]: one["text"] for one in found}
    for control in ("P06", "P12", "P25", "P31", "A03", "A07"):
        assert texts[control].startswith(f"{control}: ")
    assert not prompt.home.exists(), "it has a home of its own"


def test_the_self_test_is_shown_as_a_table_and_counts(prompt: Prompt) -> None:
    told = prompt.type("doctor", "--controls")
    assert told.code == 0
    assert told.out.startswith("51 of 51 controls fired\n")
    assert "P07" in told.out


def test_a_limit_is_shown_set_kept_and_what_it_denies_names_it(prompt: Prompt) -> None:
    assert prompt.type("limits", "set", "order_qty_max", "5").code == 0
    denied = prompt.type(*ORDER)
    assert denied.code == 1
    assert "P06: 10 AAPL, and the limit is 5 shares; 5 shares or fewer pass" in denied.err
    (row, _) = prompt.type("limits", "show", "P06", "--json").document()
    assert (row["name"], row["value"]) == ("order_qty_max", "5")
    assert " at 2026-" in row["source"]
    refused = prompt.type("limits", "set", "order_qty_max", "50")
    assert refused.code == 1
    assert "P30" in refused.err
    assert prompt.type("limits", "set", "order_qty_max", "50", "--reason", "basket").code == 0
    assert prompt.type(*ORDER).code == 0


def test_a_limit_of_one_symbol_leaves_the_others(prompt: Prompt) -> None:
    made = prompt.type("limits", "set", "order_qty_max", "5", "--of", "symbol", "--whose", "aapl")
    assert made.code == 0
    assert prompt.type(*ORDER).code == 1
    assert prompt.type("order", "submit", "buy", "10", "MSFT", "--limit", "1.00").code == 0
    assert prompt.type("limits", "set", "order_qty_max", "5", "--of", "symbol").code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("order_qty", "5"), "did you mean order_qty_max"),
        (("order_qty_max", "many"), "a number of 0 or more, in shares"),
        (("may_short", "1"), "true or false"),
    ],
)
def test_a_limit_with_a_typo_is_refused(prompt: Prompt, words: tuple[str, ...], told: str) -> None:
    found = prompt.type("limits", "set", *words)
    assert found.code == 1
    assert told in found.err


def test_what_if_asks_every_control_and_sends_nothing(prompt: Prompt) -> None:
    asked = ("risk", "what-if", "buy", "10", "AAPL", "--limit", "187.00", "--json")
    passes = prompt.type(*asked)
    assert passes.code == 0
    assert passes.document()["passes"] is True
    assert len(passes.document()["verdicts"]) == 31
    prompt.type("limits", "set", "order_value_max", "500")
    denied = prompt.type(*asked)
    assert denied.code == 1
    (verdict,) = [one for one in denied.document()["verdicts"] if not one["passes"]]
    assert verdict["control"] == "P07"
    assert verdict["value"] == "the order is worth $1,870.00"
    assert verdict["limit"] == "$500.00"
    assert verdict["would_pass"].startswith("$500.00")
    assert prompt.orders_in_journal() == []


def test_what_if_tells_of_a_kill_too(prompt: Prompt) -> None:
    prompt.type("kill", "--level", "block", "--reason", "drill", "--yes")
    found = prompt.type("risk", "what-if", "buy", "1", "AAPL", "--json")
    assert found.code == 1
    assert "HALTED" in found.document()["gates"]


def test_paper_needs_no_arming(prompt: Prompt) -> None:
    told = prompt.type("arm")
    assert told.code == 1
    assert "needs no arming" in told.err


def test_alerts_stand_until_they_are_acknowledged(prompt: Prompt) -> None:
    assert prompt.type("alerts", "list").code == 0
    prompt.type("kill", "--level", "block", "--reason", "drill", "--yes")
    prompt.type("resume", "--reason", "drill over")
    assert prompt.type("alerts", "list").code == 1
    day = prompt.type("report", "day", "--json")
    assert day.code == 1
    assert day.document()["unacknowledged"] == ["trading_killed"]
    assert prompt.type("alerts", "ack", "trading_killed", "--note", "drill").code == 0
    assert prompt.type("alerts", "list").code == 0


def test_a_desk_that_hangs_is_killed_by_the_watchdog_and_a_closed_one_is_not(
    prompt: Prompt,
) -> None:
    assert prompt.type(*ORDER).code == 0
    assert not (prompt.home / BEAT).exists(), "it was closed in good order"
    assert prompt.type("watchdog", "--once", "--cancel").code == 0
    beat = prompt.home / BEAT
    beat.touch()
    long_ago_s = time.time() - 61
    os.utime(beat, (long_ago_s, long_ago_s))
    told = prompt.type("watchdog", "--once", "--cancel")
    assert told.code == 1
    assert "A03: no sign of the desk for 61 s" in told.err
    assert "A03" in prompt.type(*ORDER).err
