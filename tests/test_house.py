"""The house is kept: sizes, names, exact money, pure rooms; and each rule bites when broken."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import house
from tests.house import RULES, Module, crowded_rooms

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "src" / "floorbroker"

#: Paths of one machine, hosts of registries, and who helped to write: none of it is ours to tell.
#: The classes of one letter keep the patterns from finding themselves.
TOLD_TALES = re.compile(
    r"/wor[k]/|/far[m]/|\.librar[y]\b|/roo[t]/|/hom[e]/[a-z]+/|pythonhost[e]d|py[p]i\.or[g]"
    r"|npm[j]s|deb\.deb[i]an|chatgp[t]|clau[d]e\b|anthropi[c]|copilo[t]",
    re.IGNORECASE,
)


def modules() -> list[Module]:
    paths = sorted(PACKAGE.rglob("*.py"))
    assert paths, f"no modules under {PACKAGE}"
    return [
        Module(str(path.relative_to(PACKAGE).as_posix()), path.read_text("utf-8"))
        for path in paths
    ]


def our_files() -> list[Path]:
    """Every file that is tracked, or would be; without git, every file in the usual places."""
    git = shutil.which("git")
    if git and (REPOSITORY / ".git").exists():
        listing = subprocess.run(
            [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=REPOSITORY,
            capture_output=True,
            check=False,
        )
        if listing.returncode == 0:
            names = listing.stdout.decode().split("\0")
            return [path for name in names if name and (path := REPOSITORY / name).is_file()]
    places = (REPOSITORY / name for name in ("src", "tests", "docs", "bench", "requirements"))
    inside = [path for place in places for path in place.rglob("*") if path.is_file()]
    top = [path for path in REPOSITORY.iterdir() if path.is_file()]
    return [path for path in (*top, *inside) if "__pycache__" not in path.parts]


def report(findings: list[str]) -> None:
    assert not findings, "\n" + "\n".join(findings)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_rule_is_kept(rule: Callable[[Module], Iterator[str]]) -> None:
    report([finding for module in modules() for finding in rule(module)])


def test_rooms_are_small_and_shallow() -> None:
    report(list(crowded_rooms([module.path for module in modules()])))


def test_every_room_has_an_init() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    missing = [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()]
    report([f"{folder}: no __init__.py; add one with a docstring" for folder in missing])


def test_the_rules_name_only_what_exists() -> None:
    named = {*house.PURE, *house.MAY_USE_FLOATS} - house.PLANNED
    missing = [name for name in sorted(named) if not (PACKAGE / name).exists()]
    report([f"tests/house.py names {name}, which is not there" for name in missing])


def test_no_file_tells_where_or_by_whom_it_was_written() -> None:
    findings = []
    for path in our_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # pictures and other bytes
        for number, line in enumerate(text.splitlines(), 1):
            for found in TOLD_TALES.finditer(line):
                place = f"{path.relative_to(REPOSITORY)}:{number}"
                findings.append(f'{place}: "{found.group()}" must not be told; take it out')
    report(findings)


def test_excuses_in_tests_and_benchmarks_have_reasons() -> None:
    findings: list[str] = []
    for folder in ("tests", "bench"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if path == Path(__file__):
                continue  # the bad examples below
            name = path.relative_to(REPOSITORY).as_posix()
            found = house.bare_excuses(Module(name, path.read_text("utf-8")))
            findings.extend(line.removeprefix("src/floorbroker/") for line in found)
    report(findings)


LONG_BODY = "\n".join(f"    line_{number} = {number}" for number in range(51))
SHORT_BODY = "\n".join(f"    line_{number} = {number}" for number in range(50))

BAD: list[tuple[Callable[[Module], Iterator[str]], str, str]] = [
    (house.long_functions, "engine/loop.py", f"def run():\n{LONG_BODY}\n"),
    (house.long_functions, "engine/loop.py", f'async def run():\n    """Why."""\n{LONG_BODY}\n'),
    (house.long_modules, "engine/loop.py", "pass\n" * 401),
    (house.long_lines, "engine/loop.py", "#" * 100),
    (house.many_parameters, "engine/loop.py", "def run(a, b, c, d, e): ..."),
    (house.many_parameters, "engine/loop.py", "def run(a, b, *, c, d, e, f, g): ..."),
    (house.many_parameters, "engine/loop.py", "class A:\n    def run(self, a, b, c, d, e): ..."),
    (house.missing_docstring, "engine/loop.py", "import ast"),
    (house.busy_init, "engine/__init__.py", '"""The engine."""\nfrom a import b'),
    (house.empty_names, "engine/utils.py", ""),
    (house.empty_names, "engine/order_manager.py", ""),
    (house.empty_names, "core/loop.py", ""),
    (house.relative_imports, "engine/loop.py", "from .state import State"),
    (house.worldly_imports, "domain/order.py", "import time"),
    (house.worldly_imports, "domain/order.py", "from random import shuffle"),
    (house.worldly_imports, "domain/order.py", "import random"),
    (house.worldly_imports, "pretrade/risk.py", "def f():\n    import os.path"),
    (house.worldly_imports, "execution/algos/twap.py", "from floorbroker.clock import Clock"),
    (house.worldly_imports, "exchange/matching/book.py", "import asyncio"),
    (house.floats, "domain/order.py", "class Order:\n    price: float"),
    (house.floats, "domain/order.py", "def avg(px: float | None) -> None: ..."),
    (house.floats, "domain/order.py", "def avg(px) -> list[float]: ..."),
    (house.floats, "engine/state.py", "fee = 0.01"),
    (house.floats, "engine/state.py", "def f(fee=0.01): ..."),
    (house.floats, "exchange/accounts.py", "cash = float(text)"),
    (house.floats, "exchange/front/orders.py", "book(px=1.5)"),
    (house.floats, "pretrade/allocation/cash.py", "weight: float"),
    (house.bare_excuses, "engine/loop.py", "x = 1  # noqa"),
    (house.bare_excuses, "engine/loop.py", "x = 1  # noqa: S311, E501"),
    (house.bare_excuses, "engine/loop.py", "x = 1  # type: ignore[attr-defined]"),
]

GOOD: list[tuple[Callable[[Module], Iterator[str]], str, str]] = [
    (house.long_functions, "engine/loop.py", f'def run():\n    """Why."""\n{SHORT_BODY}\n'),
    (house.long_modules, "engine/loop.py", "pass\n" * 400),
    (house.long_lines, "engine/loop.py", "#" * 99),
    (house.many_parameters, "engine/loop.py", "def run(a, b, c, d, *, e, f): ..."),
    (house.many_parameters, "engine/loop.py", "class A:\n    def run(self, a, b, c, d): ..."),
    (house.missing_docstring, "engine/loop.py", '"""The single writer."""'),
    (house.busy_init, "engine/__init__.py", '"""The engine."""'),
    (house.busy_init, "__init__.py", '"""The package."""\nfrom a import b'),
    (house.empty_names, "engine/commons.py", ""),
    (house.worldly_imports, "domain/ids.py", "from random import Random"),
    (house.worldly_imports, "engine/loop.py", "import asyncio"),
    (house.floats, "domain/order.py", "timeout_s: float = 1.5"),
    (house.floats, "engine/loop.py", "RETRY_S = 0.5 * 2.0"),
    (house.floats, "engine/loop.py", "def f(*, wait_s: float = 0.5) -> None: ..."),
    (house.floats, "engine/loop.py", "clock.sleep(0.5)"),
    (house.floats, "exchange/faults.py", "chance: float = 0.5"),
    (house.floats, "pretrade/costs/frontier.py", "kappa: float = 0.5"),
    (house.floats, "web/page.py", "width: float = 0.5"),
    (house.bare_excuses, "engine/loop.py", "x = 1  # noqa: S311  (schedules, not secrets)"),
    (house.bare_excuses, "engine/loop.py", "# asyncio keeps it private\nx  # type: ignore[a]"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BAD)
def test_the_rule_bites(rule: Callable[[Module], Iterator[str]], path: str, text: str) -> None:
    findings = list(rule(Module(path, text)))
    assert len(findings) == 1
    assert findings[0].startswith(f"src/floorbroker/{path}:")


@pytest.mark.parametrize(("rule", "path", "text"), GOOD)
def test_the_rule_lets_good_code_pass(
    rule: Callable[[Module], Iterator[str]], path: str, text: str
) -> None:
    assert list(rule(Module(path, text))) == []


def test_crowded_and_deep_rooms_are_found() -> None:
    crowd = [f"engine/m{number}.py" for number in range(11)]
    assert len(list(crowded_rooms([*crowd, "engine/__init__.py"]))) == 1
    assert len(list(crowded_rooms(["a/b/c/d.py"]))) == 1
    assert list(crowded_rooms([*crowd[:10], "a/b/c.py"])) == []
