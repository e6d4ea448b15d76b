"""What a planted bug is, and how it is planted in a copy of the sources."""

import shutil
from pathlib import Path

from msgspec import Struct

SOURCES = Path(__file__).parents[2] / "src"


class Mutant(Struct, frozen=True, kw_only=True):
    """One small change of one module: `before` stands in it exactly once."""

    name: str  #: What goes wrong, as a sentence would say it.
    module: str  #: Its path below the package.
    before: str
    after: str
    suites: tuple[str, ...] = ()  #: The tests that are to find it; without, seeds, then all.

    @property
    def path(self) -> Path:
        return Path("floorbroker") / self.module


def check(mutant: Mutant) -> str:
    """The changed module; raises AssertionError where the change has nothing to hold on to."""
    text = (SOURCES / mutant.path).read_text("utf-8")
    count = text.count(mutant.before)
    assert count == 1, f"{mutant.name}: its text stands {count} times in {mutant.module}"
    return text.replace(mutant.before, mutant.after)


def plant(mutant: Mutant, folder: Path) -> Path:
    """A copy of the sources with the bug in it; returns what to put on PYTHONPATH."""
    copy = folder / "src"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / mutant.path).write_text(check(mutant), "utf-8")
    return copy
