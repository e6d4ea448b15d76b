"""The page of algorithms tells every one with its parameters, and its example runs as printed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from floorbroker.execution.algos.working import Working
from floorbroker.execution.catalog import SHIPPED

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = (REPOSITORY / "docs" / "algorithms.md").read_text("utf-8")
EXAMPLE = REPOSITORY / "examples" / "own_algo.py"
COMMON = {part.name for part in structs.fields(Working)}


def rows(heading: str) -> list[tuple[str, str]]:
    section = PAGE.partition(f"\n{heading}\n")[2]
    section = re.split(r"^#{2,3} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)


def shown(part: structs.FieldInfo) -> str:
    if part.required:
        return "must be given"
    if part.default is None:
        return "none"
    return str(part.default).lower() if isinstance(part.default, bool) else str(part.default)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_algorithm_has_a_section_with_its_own_parameters(name: str) -> None:
    kind = SHIPPED[name].params
    own = [
        (part.name, shown(part))
        for part in structs.fields(kind)
        if not (issubclass(kind, Working) and part.name in COMMON)
    ]
    assert sorted(rows(f"## {name}")) == sorted(own)
    assert f"| [{name}](#{name}) |" in PAGE


def test_the_parameters_of_all_schedules_are_told() -> None:
    told = [(part.name, shown(part)) for part in structs.fields(Working)]
    assert rows("### How a schedule is worked") == told


def test_the_page_prints_the_example_as_it_is() -> None:
    source = EXAMPLE.read_text("utf-8")
    heart = source[source.index("class DipParams") : source.index("def waves(")].rstrip()
    assert heart in PAGE


def test_the_example_of_an_own_algorithm_prints_what_the_page_says() -> None:
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "filled 500 of 500 at 100.04, 5 children" in done.stdout
    assert done.stdout in PAGE


def test_the_own_algorithm_is_short() -> None:
    source = EXAMPLE.read_text("utf-8")
    function = source[source.index("def dips(") : source.index("DIPS = ")].strip()
    assert len(function.splitlines()) <= 30
