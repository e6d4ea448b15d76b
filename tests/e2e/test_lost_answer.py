"""The example of an answer that is lost, run as a user runs it: alpaca-py beside the desk."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
#: Columns stand two spaces apart or more; no cell has two.
_GAP = re.compile(r" {2,}")


@pytest.mark.proves("S03", "C09")
def test_alpaca_py_places_an_order_again_whose_answer_is_lost_and_the_desk_does_not() -> None:
    script = REPOSITORY / "examples" / "lost_answer.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    _, bare, with_id, ours = [_GAP.split(line) for line in done.stdout.splitlines()]
    assert bare[0].startswith("alpaca-py ")
    assert bare[1] == "APIError 504"
    assert bare[3:] == ["4", "40"], "the first and three retries, each an order of its own"
    assert with_id[0].endswith(", own client_order_id")
    assert with_id[1] == "APIError 504"
    assert with_id[3:] == ["1", "10"]
    assert ours[:2] == ["floorbroker", "unknown, then filled"]
    assert ours[3:] == ["1", "10"]
