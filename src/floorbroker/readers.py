"""Opens journals to look at. A module of its own, because a look should not import a desk."""

from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from floorbroker.domain.errors import JournalError, JournalSimulated
from floorbroker.domain.messages import DeskOpened
from floorbroker.journal.reader import SqliteJournalReader

#: What a desk in virtual time calls its mode.
SIMULATED = "simulated"
#: A desk that opens a new journal says so in one of the first so many records.
_FIRST = 4


def open_journal_reader(path: Path) -> SqliteJournalReader:
    """A journal to look at, also while a desk writes it; raises JournalError."""
    return SqliteJournalReader.open(path)


def mode_of(path: Path) -> str:
    """The mode of the first desk that opened this journal; empty where none has. Raises
    JournalError."""
    with closing(open_journal_reader(path)) as journal:
        first = (record.message for record in islice(journal.records(), _FIRST))
        return next((one.mode for one in first if isinstance(one, DeskOpened)), "")


def check_real(path: Path) -> None:
    """Raises JournalSimulated where the journal is of a simulation: what it tells of is at no
    broker. What else may be wrong with it, or that there is none, is for whoever opens it."""
    mode = ""
    with suppress(JournalError):
        mode = mode_of(path)
    if mode == SIMULATED:
        raise JournalSimulated(
            f"the journal {path} is of a simulation; it can be looked at, and no desk goes on with"
            " it"
        )
