"""The folder of a simulation: its journal, its report, and what may be replaced there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from floorbroker.domain.errors import ConfigError, JournalError
from floorbroker.journal.lock import holder_of
from floorbroker.readers import SIMULATED, mode_of

if TYPE_CHECKING:
    from floorbroker.simulation.results import Simulated

JOURNAL, REPORT = "journal.sqlite", "report.html"
_DRAFT = "journal.new.sqlite"
#: What belongs to a journal besides itself.
_ENDS = ("", "-wal", "-shm", ".lock")


def journal_in(out: Path) -> Path:
    """A new journal in the folder; one of an earlier simulation is taken away. Raises ConfigError
    where it is somebody else's."""
    path = out / JOURNAL
    _check_replaceable(path)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _clear(path)
    except OSError as problem:
        raise ConfigError(f"--out: {out} cannot be written: {problem.strerror}") from None
    return path


class Draft:
    """A journal that takes the place of the folder's own once it is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_kept = False

    def keep(self) -> None:
        self.is_kept = True


@contextmanager
def draft_in(out: Path) -> Iterator[Draft]:
    """A new journal in the folder, which replaces one of an earlier simulation if it is kept, and
    else leaves no trace. Raises ConfigError where the old one is somebody else's."""
    _check_replaceable(out / JOURNAL)
    draft, was_there = Draft(out / _DRAFT), out.is_dir()
    try:
        out.mkdir(parents=True, exist_ok=True)
        _clear(draft.path)
    except OSError as problem:
        raise ConfigError(f"--out: {out} cannot be written: {problem.strerror}") from None
    try:
        yield draft
        if draft.is_kept:
            _clear(out / JOURNAL)
            draft.path.rename(out / JOURNAL)
    finally:
        _clear(draft.path)
        if not draft.is_kept and not was_there:
            with suppress(OSError):
                out.rmdir()


def _clear(journal: Path) -> None:
    for end in _ENDS:
        journal.with_name(journal.name + end).unlink(missing_ok=True)


def write_report(outcome: "Simulated", out: Path) -> None:
    """The report's page beside the journal; raises ConfigError."""
    from floorbroker.deskwork import reports

    reports.write_report(outcome.report, outcome.bars, out / REPORT, outcome.verification)


def _check_replaceable(path: Path) -> None:
    if not path.exists():
        return
    if (holder := holder_of(path)) is not None:
        raise ConfigError(f"--out: {path} is being written by {holder}; name another folder")
    try:
        mode = mode_of(path)
    except JournalError as problem:
        raise ConfigError(f"--out: {path} would be replaced: {problem}; move it away") from None
    if mode not in ("", SIMULATED):
        raise ConfigError(f"--out: {path} is the journal of a desk ({mode}); name another folder")
