"""What an auditor, and a user who wonders, gets out of a journal at a prompt."""

import ast
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from floorbroker.journal.alone import proof_alone, verify_alone
from tests.e2e.prompt import Prompt

SCRIPTS = [Path(str(module.__file__)) for module in (verify_alone, proof_alone)]
ORDER = ("order", "submit", "buy", "10", "AAPL")


def alone(script: Path, *words: object) -> tuple[int, str]:
    """The script in a Python of its own, without any package that is installed here."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_are_short_and_need_nothing_but_python(script: Path) -> None:
    text = script.read_text("utf-8")
    assert len(text.splitlines()) < 200
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            assert {name.name for name in node.names} <= sys.stdlib_module_names
        elif isinstance(node, ast.ImportFrom):
            assert (node.level, node.module in sys.stdlib_module_names) == (0, True)


def test_the_whole_life_of_an_order_is_told_when_no_desk_is_open(prompt: Prompt) -> None:
    legs = ("--take-profit", "900", "--stop-loss", "10")
    assert prompt.type(*ORDER, *legs, "--id", "b-1").code == 0
    assert (
        prompt.type("order", "submit", "buy", "1", "MSFT", "--limit", "1", "--id", "l-1").code == 0
    )
    assert prompt.type("order", "replace", "l-1", "--limit", "1.10").code == 0
    assert prompt.type("order", "cancel", "l-1").code == 0
    (lock,) = prompt.home.glob("*.lock")
    before = lock.read_bytes()

    told = prompt.type("order", "show", "b-1", "--why")
    assert told.code == 0
    assert "caller" in told.out
    assert "asks to BUY 10 AAPL market day bracket" in told.out
    assert "[tp] finds that the broker's order" in told.out
    assert "broker, answer" in told.out
    assert "broker, stream" in told.out

    told = prompt.type("order", "show", "l-1", "--why")
    steps = [
        "asks to BUY 1 MSFT limit 1.00 day",
        "sends the order to the broker, attempt 1",
        "the desk closes in good order",
        "the desk opens, for the 3rd time",
        "asks to replace it: limit 1.10",
        "sends the replace to the broker",
        "asks to cancel it",
        "has canceled it; canceled, 0 of 1 filled",
    ]
    places = [told.out.find(step) for step in steps]
    assert places == sorted(places)
    assert -1 not in places
    assert lock.read_bytes() == before, "no desk was opened"

    document = prompt.type("order", "show", "l-1", "--why", "--json").document()
    assert document["order"]["ord_status"] == "canceled"
    seqs = [line["seq"] for line in document["lines"]]
    assert seqs == sorted(seqs)
    assert document["lines"][0]["message"]["type"] == "NewOrderSingle"
    assert document["lines"][0]["gap_ms"] is None


def test_a_refused_order_has_a_story_too(prompt: Prompt) -> None:
    assert prompt.type("order", "submit", "buy", "1", "NOSUCH", "--id", "bad-1").code == 1
    told = prompt.type("order", "show", "bad-1", "--why")
    assert told.code == 0
    assert "there is no such order; what was asked of it was refused" in told.out
    assert "refuses the caller's submit: symbol: NOSUCH" in told.out
    assert prompt.type("order", "show", "bad-1", "--why", "--json").document()["order"] is None
    told = prompt.type("order", "show", "nobody", "--why")
    assert (told.code, told.out) == (1, "")
    assert "no order nobody in this journal" in told.err


def test_an_order_is_proven_to_somebody_who_has_an_anchor_and_no_journal(prompt: Prompt) -> None:
    assert prompt.type(*ORDER, "--id", "p-1").code == 0
    assert prompt.type(*ORDER, "--id", "p-2").code == 0
    proof = prompt.folder / "proof.json"
    told = prompt.type("journal", "prove", "p-1", "--out", str(proof))
    assert (told.code, told.out) == (0, "")
    assert "line 4 of the anchors holds it" in told.err
    anchors, key = prompt.home / "desk.sqlite.anchors", prompt.home / "anchor.key"
    code, text = alone(proof_alone_path(), proof, "--anchors", anchors, "--key", key)
    assert code == 0
    assert '"cl_ord_id":"p-1"' in text
    assert "p-2" not in proof.read_text()
    spoiled = proof.read_text().replace('\\"order_qty\\":\\"10\\"', '\\"order_qty\\":\\"90\\"')
    proof.write_text(spoiled)
    code, text = alone(proof_alone_path(), proof, "--anchors", anchors, "--key", key)
    assert (code, text.startswith("NOT PROVEN: record ")) == (1, True)
    assert prompt.type("journal", "prove", "nobody").code == 1


def proof_alone_path() -> Path:
    return SCRIPTS[1]


def test_both_verifiers_tell_of_the_anchors(prompt: Prompt) -> None:
    assert prompt.type(*ORDER).code == 0
    journal = prompt.home / "desk.sqlite"
    told = prompt.type("journal", "verify")
    assert "2 anchors (signed with the key), the last of record" in told.out
    document = prompt.type("journal", "verify", "--json").document()
    assert document["anchors"]["last_seq"] == document["records"]
    anchors = prompt.home / "desk.sqlite.anchors"
    code, text = alone(
        SCRIPTS[0], journal, "--anchors", anchors, "--key", prompt.home / "anchor.key"
    )
    assert (code, text) == (
        0,
        f"{document['records']} records and 2 anchors hold, the last at record"
        f" {document['records']} (their MACs too)\n",
    )
    copy = prompt.folder / "copy.sqlite"
    shutil.copy(journal, copy)
    assert "no anchors: a cut end" in prompt.type("journal", "verify", str(copy)).out
    told = prompt.type("journal", "verify", str(copy), "--anchors", str(anchors))
    assert "MACs NOT checked" in told.out
    code, text = alone(SCRIPTS[0], prompt.folder / "none.sqlite")
    assert (code, text.startswith("cannot tell")) == (2, True)

    lines = anchors.read_text().splitlines(keepends=True)
    anchors.write_text(lines[1] + lines[0])
    told = prompt.type("journal", "verify")
    assert told.code == 1
    assert "DAMAGED anchors: line 1 of" in told.out


@pytest.mark.proves("I14")
def test_a_desk_does_not_open_on_a_journal_whose_end_is_gone(prompt: Prompt) -> None:
    assert prompt.type(*ORDER, "--id", "a-1").code == 0
    journal = prompt.home / "desk.sqlite"
    older = prompt.folder / "older.sqlite"
    shutil.copy(journal, older)
    assert prompt.type(*ORDER, "--id", "a-2").code == 0
    shutil.copy(older, journal)
    told = prompt.type("journal", "verify")
    assert (told.code, "the end was cut off" in told.out) == (1, True)
    told = prompt.type(*ORDER, "--id", "a-3")
    assert told.code == 1
    assert "remember record" in told.err
    assert "a-3" not in prompt.orders_at_exchange()
    (prompt.home / "desk.sqlite.anchors").rename(prompt.folder / "kept.anchors")
    assert prompt.type(*ORDER, "--id", "a-3").code == 0


def test_anchors_that_cannot_be_written_are_shown_and_stop_nobody(prompt: Prompt) -> None:
    (prompt.home / "desk.sqlite.anchors").mkdir(parents=True)
    assert prompt.type(*ORDER).code == 0
    told = prompt.type("doctor", "--json")
    (check,) = (one for one in told.document()["checks"] if one["name"] == "anchors")
    assert check["is_ok"] is False
    assert "Is a directory" in check["text"]


def test_settings_say_where_anchors_and_key_are(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = prompt.folder / "away.anchors"
    monkeypatch.setenv("FLOORBROKER_ANCHORS", str(away))
    monkeypatch.setenv("FLOORBROKER_ANCHOR_KEY", "ab" * 32)
    assert prompt.type(*ORDER).code == 0
    assert len(away.read_text().splitlines()) == 2
    assert not (prompt.home / "anchor.key").exists()
    assert "2 anchors (signed with the key)" in prompt.type("journal", "verify").out
    monkeypatch.setenv("FLOORBROKER_ANCHOR_KEY", "cd" * 32)
    told = prompt.type("journal", "verify")
    assert (told.code, "wrong MAC" in told.out) == (1, True)
    monkeypatch.setenv("FLOORBROKER_ANCHOR_KEY", "none")
    assert prompt.type("journal", "verify").code == 2


def test_a_missing_copy_of_an_ended_order_is_found_at_the_prompt(prompt: Prompt) -> None:
    assert prompt.type(*ORDER, "--id", "e-1").code == 0
    with closing(sqlite3.connect(prompt.home / "desk.sqlite")) as db:
        db.execute("DELETE FROM ended_orders")
        db.commit()
    told = prompt.type("journal", "verify", "--json")
    assert told.code == 1
    assert json.loads(told.out)["damage"]["reason"] == "ended order e-1 is not on file"
