"""The latch: there whole or not at all, and only its own resume takes it away."""

import fcntl
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from floorbroker.clock import LoopClock, run_virtual
from floorbroker.domain.errors import JournalError
from floorbroker.domain.messages import KillLevel
from floorbroker.journal.latch import Latched, LatchFile, ResumeRequest


def latched(name: str) -> Latched:
    return Latched(latch_id=name, level=KillLevel.CANCEL, reason="a\nb", by="risk")


def write(latch: LatchFile, name: str) -> None:
    in_virtual(lambda: latch.write(latched(name), LoopClock(0)))


def in_virtual(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(work, seed=1)


def test_what_is_written_is_read_and_nobody_else_may(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path / "deep" / "home")
    assert latch.read() is None
    assert latch.mark() is None
    write(latch, "one")
    assert latch.read() == latched("one")
    assert latch.path.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(latch.path.parent)) == ["kill.latch", "kill.lock"]


def test_another_kill_is_another_mark(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)
    write(latch, "one")
    first = latch.mark()
    assert latch.mark() == first
    write(latch, "two")
    assert latch.mark() != first


def test_a_resume_does_not_lift_a_kill_that_came_after_it_was_decided(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)
    write(latch, "one")
    write(latch, "two")
    assert not latch.remove("one")
    assert latch.read() == latched("two")
    assert latch.remove("two")
    assert latch.read() is None


def test_a_kill_takes_a_request_to_resume_along(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)
    latch.ask_to_resume(ResumeRequest(reason="go on", by="ops"))
    write(latch, "one")
    assert latch.taken_request() is None


def test_a_request_is_taken_once_and_may_be_withdrawn(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)
    latch.ask_to_resume(ResumeRequest(reason="go on", by="ops"))
    assert latch.taken_request() == ResumeRequest(reason="go on", by="ops")
    assert latch.taken_request() is None
    assert not latch.withdraw()
    latch.ask_to_resume(ResumeRequest(reason="go on", by="ops"))
    assert latch.withdraw()
    assert latch.taken_request() is None


def test_a_kill_waits_for_nobody_for_long(tmp_path: Path) -> None:
    latch = LatchFile(tmp_path)
    with open(tmp_path / "kill.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write(latch, "one")
        assert latch.read() == latched("one")
        assert not latch.remove("one"), "but a resume does not go ahead"


@pytest.mark.parametrize("body", [b"", b"{", b"null", b'{"latch_id": 1}', b"\xff"])
def test_what_cannot_be_read_is_no_permission(tmp_path: Path, body: bytes) -> None:
    latch = LatchFile(tmp_path)
    latch.path.write_bytes(body)
    found = latch.read()
    assert found is not None
    assert found.level is KillLevel.BLOCK
    assert latch.mark() is not None
    assert latch.remove(found.latch_id)
    assert latch.read() is None


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(JournalError, match="cannot write"):
        write(LatchFile(tmp_path / "home"), "one")
