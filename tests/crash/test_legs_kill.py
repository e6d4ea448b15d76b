"""kill -9 of a desk among its brackets: every leg that the exchange made is an order of the
desk's, once, and stands there as it does here."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from floorbroker import app, venues

COUNT = 24
KILLS = 4


async def live(words: list[str], kill_after: int | None, random: Random) -> list[str]:
    """Run one life, killed shortly after so many answers; what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.crash.legs_child",
        *words,
        stdout=asyncio.subprocess.PIPE,
        limit=2**22,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(90):
            while line := (await process.stdout.readline()).decode().strip():
                said.append(line)
                if kill_after is not None and len(said) > kill_after:
                    await asyncio.sleep(random.uniform(0.0, 0.01))
                    break
            if kill_after is None:
                assert await process.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    return said


async def test_a_desk_killed_among_its_brackets_has_every_leg_once(tmp_path: Path) -> None:
    seed = int(os.environ.get("DESK_KILL_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    sys.stdout.write(f"seed {seed}; the same kills again: DESK_KILL_SEED={seed}\n")
    random = Random(seed)
    market = venues.open_market(None, ("AAPL",), 5)
    async with venues.serve_exchange(market, speed=20.0, seed=5, cash="10000000") as served:
        words = [str(tmp_path), served.url, str(COUNT)]
        for number in range(KILLS):
            after = random.randint(0, (number + 1) * COUNT // KILLS)
            await live(words, after, random)
        said = await live(words, None, random)
        there = await app.get_json(f"{served.url}/_exchange/orders")
        async with app.open_broker(served.url) as broker:
            named = await broker.orders_since(datetime(2020, 1, 1, tzinfo=UTC))
    here: list[dict[str, Any]] = json.loads(said[-1])
    placed = [row["client_order_id"] for row in there if row["client_order_id"][:5] == "legs-"]
    absent = [row["cl_ord_id"] for row in here if row["ord_status"] == "not_placed"]
    assert sorted(placed + absent) == [f"legs-{number:03d}" for number in range(COUNT)]
    here = [row for row in here if row["ord_status"] != "not_placed"]
    assert len(here) == len(there) == 3 * len(placed)
    assert stands(here, "order_id", "ord_status", "cum_qty") == stands(
        there, "id", "status", "filled_qty"
    )
    legs = {row["order_id"]: row["parent"] for row in here if row["parent"]}
    assert legs == {row.order_id: row.parent for row in named if row.parent}


def stands(rows: list[dict[str, Any]], *fields: str) -> dict[str, tuple[str, ...]]:
    return {row[fields[0]]: tuple(row[name] for name in fields[1:]) for row in rows}
