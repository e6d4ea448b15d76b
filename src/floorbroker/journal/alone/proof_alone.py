"""Checks the proof of one order with nothing but Python itself, and shows what it proves.

    python proof_alone.py PROOF --anchors FILE [--key FILE]
    python proof_alone.py PROOF --root HEX

It shares no code with the desk: it follows docs/journal.md, and is short enough to be read. Exit
0: every record of the proof stands in the journal that the anchor, or the root, is of. 1: one does
not. 2: it cannot tell.
"""

import argparse
import hashlib
import hmac
import json
import re
import sys
from pathlib import Path
from struct import error, pack
from typing import Any

ANCHOR = re.compile(
    r"1 ([0-9a-f]{32}) ([0-9]{1,18}) ([0-9]{1,18}) ([0-9a-f]{64}) ([0-9a-f]{64})"
    r" ([0-9T:.Z-]{20,27}) (?:open|regular|close) ([0-9a-f]{64})"
)


class Bad(Exception):
    """What does not hold."""


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def root_by(path: list[bytes], leaf: bytes, place: int, size: int) -> bytes:
    """Where the path leads from the leaf at `place` of `size`, as RFC 6962 has it."""
    node, last = leaf, size - 1
    if not 0 <= place <= last:
        raise Bad("its number is not one of the tree's")
    while last:
        if place & 1 or place < last:  # else it has no neighbour and goes up as it is
            if not path:
                raise Bad("its path is too short")
            other, *path = path
            node = sha(b"\1", other, node) if place & 1 else sha(b"\1", node, other)
        place, last = place >> 1, last >> 1
    if path:
        raise Bad("its path is too long")
    return node


def anchored_root(path: Path, key: bytes | None, journal_id: str, size: int) -> tuple[bytes, str]:
    """The root that an anchor of this journal holds for so many records, and since when."""
    before, found = "0" * 64, None
    for number, raw in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        said = ANCHOR.fullmatch(line := raw.decode(errors="replace"))
        if said is None:
            raise Bad(f"anchors, line {number}: is no anchor")
        name, _, seq, _, root, time, mac = said.groups()
        if key and hmac.digest(key, f"{before}\n{line[:-65]}".encode(), "sha256").hex() != mac:
            raise Bad(f"anchors, line {number}: it, the line before or the key is wrong")
        before = mac
        if name == journal_id and int(seq) == size and found is None:
            found = bytes.fromhex(root), f"written down at {time}"
    if found is None:
        raise Bad(f"no anchor of journal {journal_id} is of record {size}")
    return found


def check_record(record: dict[str, Any], size: int, root: bytes) -> None:
    """The record, its number, its epoch and what it follows must lead to the root."""
    seq, previous = record["seq"], bytes.fromhex(record["previous"])
    if len(previous) != 32:
        raise Bad(f"record {seq}: the hash before it is no hash")
    head = pack(">BQQ32s", 0, seq, record["epoch"], previous)
    path = [bytes.fromhex(node) for node in record["path"]]
    try:
        reached = root_by(path, sha(head, record["message"].encode()), seq - 1, size)
    except Bad as bad:
        raise Bad(f"record {seq}: {bad}") from None
    if reached != root:
        raise Bad(f"record {seq}: it does not lead to the root")


def check(given: argparse.Namespace) -> str:
    proof = json.loads(given.proof.read_text("utf-8"))
    if proof["format"] != "floorbroker proof 1" or not proof["records"]:
        raise Bad("this is no proof, or one in another format, or one of nothing")
    size, since = proof["size"], "given by you"
    if given.root:
        root = bytes.fromhex(given.root)
    else:
        key = bytes.fromhex(given.key.read_text().strip()) if given.key else None
        root, since = anchored_root(given.anchors, key, proof["journal_id"], size)
    for record in proof["records"]:
        check_record(record, size, root)
    lines = [f"#{record['seq']}  {record['message']}" for record in proof["records"]]
    count = f"{len(lines)} records stand among the first {size} of journal {proof['journal_id']}"
    return "\n".join([*lines, f"{count}, whose root is {root.hex()}, {since}"])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Checks a proof made by floorbroker.")
    parser.add_argument("proof", type=Path)
    known = parser.add_mutually_exclusive_group(required=True)
    known.add_argument("--root", help="the root as you know it from elsewhere")
    known.add_argument("--anchors", type=Path, help="the file of the journal's anchors")
    parser.add_argument("--key", type=Path, help="the file of the key that signed them")
    given = parser.parse_args(arguments)
    try:
        text, code = check(given), 0
    except Bad as bad:
        text, code = f"NOT PROVEN: {bad}", 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError, error) as problem:
        text, code = f"cannot tell: {type(problem).__name__}: {problem}", 2
    sys.stdout.write(text + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
