"""Opens journals to look at. A module of its own, because a look should not import a desk."""

from pathlib import Path

from floorbroker.journal.reader import SqliteJournalReader


def open_journal_reader(path: Path) -> SqliteJournalReader:
    """A journal to look at, also while a desk writes it; raises JournalError."""
    return SqliteJournalReader.open(path)
