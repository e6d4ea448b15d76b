"""Two desks and one key on one machine: the second is told whom to ask at once."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from floorbroker.testbed import AlpacaExchange

#: A desk that says "open" and stays.
DESK = """
import asyncio
from floorbroker import Desk

async def main():
    async with Desk.open():
        print("open", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def surroundings(url: str, tmp_path: Path, name: str) -> dict[str, str]:
    return {
        **os.environ,
        "APCA_API_KEY_ID": "PKOWNED",
        "APCA_API_SECRET_KEY": "secret",
        "APCA_API_BASE_URL": url,
        "APCA_API_DATA_URL": url,
        "FLOORBROKER_DATA_FEED": "off",
        "FLOORBROKER_HOME": str(tmp_path / name),
        "FLOORBROKER_RUN": str(tmp_path / "run"),
    }


async def command(environ: dict[str, str], *words: str) -> tuple[int | None, str]:
    """Exit code, and what was said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "floorbroker",
        *words,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


@pytest.mark.proves("S26", "C26")
async def test_a_second_desk_of_the_key_is_refused_until_the_first_has_died(
    alpaca_exchange: AlpacaExchange, tmp_path: Path
) -> None:
    first, second = (surroundings(alpaca_exchange.url, tmp_path, name) for name in "ab")
    desk = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DESK, env=first, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert desk.stdout is not None
        assert await asyncio.wait_for(desk.stdout.readline(), 60) == b"open\n"
        for stop in (False, True):  # a desk that is stopped will wake, and be the owner still
            if stop:
                os.kill(desk.pid, signal.SIGSTOP)
            code, said = await command(second, "account")
            assert code == 1
            assert f"process {desk.pid}" in said
            assert "one order stream" in said
            assert "PKOWNED" not in said
        code, said = await command(first, "positions", "--json")
        assert code == 0, said
    finally:
        os.kill(desk.pid, signal.SIGKILL)
        await desk.wait()
    code, said = await command(second, "account", "--json")
    assert code == 0, said
    assert json.loads(said)["status"]
    names = sorted(path.suffix for path in (tmp_path / "run").iterdir())
    assert names == [".budget", ".stream"]
