"""docs/testing-bots.md followed word for word: its files are written down and its commands run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing-bots.md"
#: An interpreter that has alpaca-trade-api, whose libraries are older than ours.
LEGACY_PYTHON = os.environ.get("LEGACY_ALPACA_PYTHON", "")
#: A folder in which `npm install @alpacahq/alpaca-trade-api@4` was done.
NODE_FOLDER = os.environ.get("ALPACA_NODE_FOLDER", "")
OUR_BIN = Path(sys.executable).parent
TIMEOUT_S = 100


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}$\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S)
    assert found, f"{PAGE.name} has no section {title!r}"
    return found[1]


def written_down(title: str, folder: Path) -> list[str]:
    """The files of a section, written into the folder; their names."""
    files = re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", section(title), re.M | re.S)
    assert files, f"{PAGE.name}: {title} has no files"
    for name, text in files:
        (folder / name).write_text(text)
    return [name for name, _ in files]


def command_of(title: str) -> list[str]:
    found = re.search(r"^Run it:\n\n```\n(.+)\n```$", section(title), re.M)
    assert found, f"{PAGE.name}: {title} does not say how it is run"
    return shlex.split(found[1])


def venv(folder: Path, name: str, executable: Path) -> None:
    """What `python3 -m venv` and pip would make: the commands that the page uses."""
    (folder / name / "bin").mkdir(parents=True)
    for tool in ("python", "floorbroker"):
        if (executable.parent / tool).exists():
            script = folder / name / "bin" / tool
            script.write_text(f'#!/bin/sh\nexec "{executable.parent / tool}" "$@"\n')
            script.chmod(0o755)


def run(folder: Path, command: list[str]) -> str:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("APCA_", "PYTEST_", "COV_"))
    }
    outcome = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout
    return outcome.stdout


def test_the_page_of_alpaca_py_can_be_followed(tmp_path: Path) -> None:
    title = "Python with alpaca-py"
    assert written_down(title, tmp_path) == ["bot.py", "test_bot.py"]
    venv(tmp_path, "venv", OUR_BIN / "python")
    # The reader's folder has pytest and nothing else; ours has plugins with wishes of their own.
    ours = ["-p", "no:asyncio", "-p", "no:randomly"]
    told = run(tmp_path, [*command_of(title), *ours])
    assert "5 passed" in told


@pytest.mark.skipif(not LEGACY_PYTHON, reason="set LEGACY_ALPACA_PYTHON to have it followed")
def test_the_page_of_the_older_client_can_be_followed(tmp_path: Path) -> None:
    title = "Python with alpaca-trade-api"
    assert written_down(title, tmp_path) == ["conftest.py", "test_bot.py"]
    venv(tmp_path, "exchange", OUR_BIN / "python")
    venv(tmp_path, "bot", Path(LEGACY_PYTHON))
    assert "3 passed" in run(tmp_path, command_of(title))


@pytest.mark.skipif(not NODE_FOLDER, reason="set ALPACA_NODE_FOLDER to have it followed")
def test_the_page_of_javascript_can_be_followed(tmp_path: Path) -> None:
    assert written_down("JavaScript", tmp_path) == ["bot.test.mjs"]
    venv(tmp_path, "venv", OUR_BIN / "python")
    shutil.copytree(Path(NODE_FOLDER) / "node_modules", tmp_path / "node_modules")
    assert re.search(r"pass 3$", run(tmp_path, command_of("JavaScript")), re.M)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_page_of_plain_http_can_be_followed(tmp_path: Path) -> None:
    assert written_down("Plain HTTP", tmp_path) == ["session.sh"]
    venv(tmp_path, "venv", OUR_BIN / "python")
    told = run(tmp_path, command_of("Plain HTTP"))
    statuses = re.findall(r'"status":"(\w+)"', told)
    assert statuses == ["pending_new", "new", "filled", "pending_new", "expired"]
    assert '"qty":"10"' in told
