"""Plants each bug in a copy of the sources and lets the tests look for it: `make mutants`.

First the simulation plays seeds until one fails. What it cannot see in so many seeds, the named
suites must: unit tests, contracts, journal and power. A bug that nobody finds is a hole in the
tests, and the exit code is 1. A bug in a control is for that control's own tests to find.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from tests.mutants.mutant import Mutant, plant
from tests.mutants.planted import MUTANTS

REPOSITORY = Path(__file__).parents[2]
SUITES = (
    "tests/unit/pretrade_risk",
    "tests/unit/engine",
    "tests/unit/domain",
    "tests/unit/journal",
    "tests/unit/brokers",
    "tests/contract",
    "tests/crash/test_journal_power.py",
)
HUNT_S, SUITES_S = 300, 600


class Finding(Struct, frozen=True):
    """How a bug was found: after so many seeds, or by a test; `by` is empty if it was not."""

    mutant: Mutant
    by: str
    seeds: int | None = None


def look_for(mutant: Mutant, seeds: int) -> Finding:
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = plant(mutant, Path(folder))
        environment = {**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{REPOSITORY}"}
        if mutant.suites:
            return Finding(mutant, _by_suites(environment, mutant.suites))
        said = _run(["-m", "tests.mutants.hunt", str(seeds)], environment, HUNT_S)
        if said is None:
            return Finding(mutant, f"a seed did not end within {HUNT_S} s")
        last = said.splitlines()[-1] if said.strip() else "1 it did not start"
        if last != "nothing":
            number, _, words = last.partition(" ")
            return Finding(mutant, words, int(number))
        return Finding(mutant, _by_suites(environment, SUITES))


def _by_suites(environment: dict[str, str], suites: Sequence[str]) -> str:
    """The first test that fails, suite by suite."""
    for suite in suites:
        words = ["-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
        said = _run([*words, "-m", "not soak", suite], environment, SUITES_S)
        if said is None:
            return f"{suite} did not end within {SUITES_S} s"
        failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
        if failed:
            return failed[0].split(" - ")[0].split(" ", 1)[1]
    return ""


def _run(words: Sequence[str], environment: dict[str, str], limit_s: float) -> str | None:
    """What it printed; None where it did not end."""
    try:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="bugs whose name has this in it")
    parser.add_argument("--seeds", type=int, default=400, help="how many to play for each")
    parser.add_argument("--processes", type=int, default=2)
    wanted = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if wanted.only in mutant.name]
    found: list[Finding] = []
    with ThreadPoolExecutor(wanted.processes) as pool:
        for finding in pool.map(lambda mutant: look_for(mutant, wanted.seeds), chosen):
            found.append(finding)
            when = "" if finding.seeds is None else f"{finding.seeds}"
            by = finding.by or "NOT FOUND"
            sys.stdout.write(f"{len(found):3} {when:>5}  {finding.mutant.name}: {by}\n")
            sys.stdout.flush()
    return _summed_up(found)


def _summed_up(found: list[Finding]) -> int:
    seeds = [finding.seeds for finding in found if finding.seeds is not None]
    holes = [finding for finding in found if not finding.by]
    median = f", after a median of {statistics.median(seeds):g} seeds" if seeds else ""
    by_tests = len(found) - len(holes) - len(seeds)
    sys.stdout.write(
        f"{len(found)} bugs planted, {len(found) - len(holes)} found: {len(seeds)} by seeds"
        f"{median}, {by_tests} by other tests\n"
    )
    for hole in holes:
        sys.stdout.write(f"not found: {hole.mutant.name} ({hole.mutant.module})\n")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
