"""The folder of a simulation: its journal, its report, and what may be replaced there."""

from pathlib import Path
from typing import TYPE_CHECKING

from floorbroker.domain.errors import ConfigError, JournalError
from floorbroker.domain.messages import DeskOpened
from floorbroker.journal.lock import holder_of
from floorbroker.readers import open_journal_reader

if TYPE_CHECKING:
    from floorbroker.simulation.results import Simulated

JOURNAL, REPORT = "journal.sqlite", "report.html"
_FILES = (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm", f"{JOURNAL}.lock")
#: What a desk in virtual time calls its mode.
SIMULATED = "simulated"


def journal_in(out: Path) -> Path:
    """A new journal in the folder; one of an earlier simulation is taken away. Raises ConfigError
    where it is somebody else's."""
    path = out / JOURNAL
    _check_replaceable(path)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (out / name).unlink(missing_ok=True)
    except OSError as problem:
        raise ConfigError(f"--out: {out} cannot be written: {problem.strerror}") from None
    return path


def write_report(outcome: "Simulated", out: Path) -> None:
    """The report's page beside the journal; raises ConfigError."""
    from floorbroker import app as composition

    composition.write_report(outcome.report, outcome.bars, out / REPORT, outcome.verification)


def _check_replaceable(path: Path) -> None:
    if not path.exists():
        return
    if (holder := holder_of(path)) is not None:
        raise ConfigError(f"--out: {path} is being written by {holder}; name another folder")
    mode = _mode_of(path)
    if mode not in ("", SIMULATED):
        raise ConfigError(f"--out: {path} is the journal of a desk ({mode}); name another folder")


def _mode_of(path: Path) -> str:
    """Whose journal it is; empty where no desk has opened it yet."""
    try:
        journal = open_journal_reader(path)
    except JournalError as problem:
        raise ConfigError(f"--out: {path} would be replaced: {problem}; move it away") from None
    try:
        for record in journal.records():
            if isinstance(record.message, DeskOpened):
                return record.message.mode
    finally:
        journal.close()
    return ""
