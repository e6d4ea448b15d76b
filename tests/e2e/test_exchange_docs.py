"""docs/exchange.md followed word for word: its commands, its requests, its Python, its files."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest

from floorbroker.exchange.faults import parse_fault_plan
from floorbroker.exchange.front.switches import Switches, parse_switches

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exchange.md"
#: An answer that has no end is listened to for so long.
LISTEN_S = 2
#: Stands for an execution of one's own.
SOME_FILL = "1715..."
TIMEOUT_S = 100


class Block(NamedTuple):
    """A fenced piece of the page."""

    language: str
    text: str


def blocks() -> list[Block]:
    found, inside, language = [], False, ""
    lines: list[str] = []
    for line in PAGE.read_text("utf-8").splitlines(keepends=True):
        if not line.startswith("```"):
            lines.append(line)
            continue
        if inside:
            found.append(Block(language, "".join(lines)))
        inside, language, lines = not inside, line[3:].strip(), []
    assert not inside, f"{PAGE.name} has a block without an end"
    return found


def pieces(language: str, word: str) -> list[str]:
    return [text for name, text in blocks() if name == language and word in text]


class Asked(NamedTuple):
    """A request of the page, as one types it, and what the page prints below it."""

    command: str
    sample: str


def requests_of_the_page() -> list[Asked]:
    asked = []
    for text in pieces("", "curl "):
        for part in re.split(r"^(?=curl )", text, flags=re.M):
            if not part:
                continue
            found = re.match(r"(curl (?:.*\\\n)*.*\n)", part)
            assert found, f"no request: {part}"
            asked.append(Asked(found[1].strip(), part[found.end() :].strip()))
    return asked


@contextmanager
def served(folder: Path, command: str = "floorbroker exchange") -> Iterator[str]:
    """The address of an exchange that a command of the page starts, on a port of our own."""
    words = shlex.split(command, comments=True)
    assert words.pop(0) == "floorbroker"
    if "--port" in words:
        at = words.index("--port")
        del words[at : at + 2]
    process = subprocess.Popen(
        [sys.executable, "-m", "floorbroker", *words, "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            assert said.startswith("exchange ready at http://"), said
            yield said.split()[-1]
        finally:
            process.terminate()
    assert process.returncode == 0


def told(url: str, command: str, folder: Path) -> tuple[int, str]:
    """HTTP status and body that the shell gets for a request of the page."""
    place = url.removeprefix("http://")
    typed = command.replace("127.0.0.1:8899", place).replace("localhost:8899", place)
    assert place in typed, f"not for the exchange of this page: {command}"
    if SOME_FILL in typed:
        typed = typed.replace(SOME_FILL, new_fill(url))
    more = r" -sS -w '\n%{http_code}' " + f"--max-time {LISTEN_S if ' -N ' in typed else 60}"
    done = subprocess.run(
        typed.replace("curl ", f"curl {more} ", 1),
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == (28 if " -N " in typed else 0), done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def new_fill(url: str) -> str:
    """The identifier of an execution that nobody has undone."""
    coins = {"symbol": "BTC/USD", "qty": "0.1", "side": "buy", "type": "market"}
    order = {**coins, "time_in_force": "gtc"}  # at every hour
    keys = {"APCA-API-KEY-ID": "KEY", "APCA-API-SECRET-KEY": "SECRET"}
    for request in (
        Request(f"{url}/_exchange/faults", method="DELETE"),  # the page has set some by then
        Request(f"{url}/v2/orders", json.dumps(order).encode(), keys),
    ):
        urlopen(request).close()
    with urlopen(f"{url}/_exchange/fills") as answer:
        return str(json.load(answer)[-1]["execution_id"])


def form(value: Any) -> Any:
    """The names in an answer, without what stands under them."""
    if isinstance(value, list):
        return [form(each) for each in value]
    return sorted(value) if isinstance(value, dict) else type(value).__name__


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_each_request_of_the_page_is_answered_as_it_says(tmp_path: Path) -> None:
    asked = requests_of_the_page()
    assert len(asked) >= 15
    samples = 0
    with served(tmp_path) as url:
        for command, sample in asked:
            status, body = told(url, command, tmp_path)
            assert status == 200, f"{command}\n{body}"
            if sample:
                assert form(json.loads(body)) == form(json.loads(sample)), command
                samples += 1
            if " -N " in command:
                assert body.startswith((":heartbeat", "id: ")), body
    assert samples == 2


@pytest.mark.filterwarnings("ignore:.*legacy.*:DeprecationWarning")
def test_the_official_client_is_connected_as_the_page_does_it(tmp_path: Path) -> None:
    (script,) = pieces("python", "TradingClient(")
    with served(tmp_path) as url:
        script = script.replace("127.0.0.1:8899", url.removeprefix("http://"))
        names: dict[str, Any] = {}
        exec(script, names)
        found = names["trading"].get_order_by_id(names["order"].id)
        assert (found.symbol, found.filled_qty) == ("AAPL", "10")
        names["trading"]._session.close()  # the SDK never does
        names["data"]._session.close()


def test_an_exchange_is_made_in_python_as_the_page_does_it(tmp_path: Path) -> None:
    (script,) = pieces("python", "build_exchange(")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert 0 < int(done.stdout) < 65_536


def test_the_files_of_the_page_are_understood() -> None:
    (plan,), (rules,) = pieces("toml", "[[fault]]"), pieces("toml", "[front]")
    assert len(parse_fault_plan(plan).rules) == 5
    told = parse_switches(rules)
    default = Switches()
    assert told.venue != default.venue
    assert told.fills != default.fills
    assert told.front != default.front


#: The recorded day of the other command is the reader's own.
COMMANDS = [
    line
    for line in pieces("", "floorbroker exchange")[0].splitlines()
    if line and "--tape" not in line
]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_page_starts(tmp_path: Path, command: str) -> None:
    (plan,), (rules,) = pieces("toml", "[[fault]]"), pieces("toml", "[front]")
    (tmp_path / "faults.toml").write_text(plan)
    (tmp_path / "rules.toml").write_text(rules)
    with served(tmp_path, command) as url:
        assert url.startswith("http://127.0.0.1:")
