"""A proof convinces somebody who has only an anchor, and nothing else passes for one."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from random import Random
from typing import Any

import pytest

from floorbroker.journal.alone import proof_alone
from floorbroker.journal.merkle import Tree
from floorbroker.journal.notary.proof import prove
from floorbroker.journal.store import MemoryDisk
from floorbroker.posttrade.why.about import records_about
from floorbroker.publish.views import to_json
from tests.unit.journal.samples import ID, one_of_each, open_journal, timers
from tests.unit.journal_notary.test_notary import KEY, Office


class Case:
    """A proof of one order in a journal of many records, and what an auditor was given."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office = office
        self.folder = folder
        (folder / "key").write_text(KEY.hex())

    async def make(self) -> dict[str, Any]:
        office = self.office
        await office.notary.open()
        for number in range(20):
            await office.journal.append(timers(3, 3 * number))
        await office.journal.append(one_of_each())
        await office.journal.append(timers(5))
        await office.notary.anchor("close")
        lines = office.anchors().lines
        proof = prove(office.journal, ID, records_about(office.journal, ID), lines)
        made: dict[str, Any] = json.loads(to_json(proof))
        return made

    def check(self, proof: object, *words: str) -> tuple[int, str]:
        path = self.folder / "proof.json"
        path.write_text(json.dumps(proof))
        known = words or ("--anchors", str(self.office.path), "--key", str(self.folder / "key"))
        with redirect_stdout(io.StringIO()) as printed:
            code = proof_alone.main([str(path), *known])
        return code, printed.getvalue()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(Office(tmp_path), tmp_path)


async def test_a_proof_holds_against_the_anchor_and_shows_its_records(case: Case) -> None:
    proof = await case.make()
    code, text = case.check(proof)
    assert code == 0, text
    bodies = [record.body.decode() for record in records_about(case.office.journal, ID)]
    assert len(bodies) >= 15
    assert all(body in text for body in bodies)
    assert "written down at 2026-11-28T19:00:00Z" in text
    assert case.check(proof, "--root", proof["root"])[0] == 0


async def test_a_proof_against_the_head_needs_no_anchor(case: Case) -> None:
    await case.make()
    journal = case.office.journal
    await journal.append(timers(7, 100))
    tree = Tree()
    tree.extend(journal.hashes())
    proof = json.loads(to_json(prove(journal, ID, records_about(journal, ID))))
    assert proof["size"] == journal.head().seq
    assert case.check(proof, "--root", tree.root.hex())[0] == 0
    code, text = case.check(proof)
    assert (code, "no anchor of journal" in text) == (1, True)


def _flip(text: str, random: Random) -> str:
    place = random.randrange(len(text))
    other = "f" if text[place] != "f" else "0"
    return text[:place] + other + text[place + 1 :]


def _record(proof: dict[str, Any], random: Random) -> dict[str, Any]:
    chosen: dict[str, Any] = random.choice(proof["records"])
    return chosen


def _message(proof: dict[str, Any], random: Random) -> None:
    record = _record(proof, random)
    record["message"] = _flip(record["message"], random)


def _number(proof: dict[str, Any], random: Random) -> None:
    _record(proof, random)["seq"] += random.choice((-1, 1))


def _epoch(proof: dict[str, Any], random: Random) -> None:
    _record(proof, random)["epoch"] += 1


def _previous(proof: dict[str, Any], random: Random) -> None:
    record = _record(proof, random)
    record["previous"] = _flip(record["previous"], random)


def _path(proof: dict[str, Any], random: Random) -> None:
    record = _record(proof, random)
    place = random.randrange(len(record["path"]))
    record["path"][place] = _flip(record["path"][place], random)


def _shorter(proof: dict[str, Any], random: Random) -> None:
    _record(proof, random)["path"].pop()


def _longer(proof: dict[str, Any], random: Random) -> None:
    _record(proof, random)["path"].append("00" * 32)


def _other_journal(proof: dict[str, Any], random: Random) -> None:
    proof["journal_id"] = _flip(proof["journal_id"], random)


def _size(proof: dict[str, Any], _: Random) -> None:
    proof["size"] -= 1


def _nothing(proof: dict[str, Any], _: Random) -> None:
    proof["records"] = []


@pytest.mark.parametrize(
    "forge",
    [
        _message,
        _number,
        _epoch,
        _previous,
        _path,
        _shorter,
        _longer,
        _other_journal,
        _size,
        _nothing,
    ],
)
async def test_a_forged_proof_is_refused(
    case: Case, forge: Callable[[dict[str, Any], Random], None]
) -> None:
    proof = await case.make()
    for seed in range(20):
        forged = json.loads(json.dumps(proof))
        forge(forged, Random(seed))
        code, text = case.check(forged)
        assert (code, text.startswith("NOT PROVEN")) == (1, True), text


async def test_a_record_of_another_journal_is_not_proven(case: Case) -> None:
    """The proof is flawless in itself; its root is not the anchored one."""
    proof = await case.make()
    other = open_journal(MemoryDisk(), seed=1)
    for number in range(20):
        await other.append(timers(3, 3 * number + 1))
    await other.append(one_of_each())
    await other.append(timers(5))
    false = json.loads(to_json(prove(other, ID, records_about(other, ID))))
    assert (false["size"], false["journal_id"]) == (proof["size"], proof["journal_id"])
    assert case.check(false, "--root", false["root"])[0] == 0
    assert case.check(false)[0] == 1
    other.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 5}', "\x00"])
def test_what_is_no_proof_cannot_be_told(case: Case, text: str) -> None:
    path = case.folder / "proof.json"
    path.write_text(text)
    with redirect_stdout(io.StringIO()) as printed:
        assert proof_alone.main([str(path), "--root", "00"]) in (1, 2)
    assert printed.getvalue().startswith(("cannot tell", "NOT PROVEN"))
