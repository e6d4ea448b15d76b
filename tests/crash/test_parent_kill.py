"""kill -9 of a desk that works a parent order: no child twice, and the quantity exact."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from floorbroker import app, venues
from floorbroker.brokers.alpaca.network import NetworkTransport
from tests.crash.parent_child import QTY

ALGOS = {
    "twap": {"slices": "8", "style": "cross"},
    "vwap": {"style": "cross"},
    "pov": {"rate": "0.2", "style": "cross"},
    "is": {"style": "cross"},
    "iceberg": {"display": "10", "stand": "near"},
    "pegged": {"display": "10", "to": "market"},
    "sniper": {"max_clip": "5"},
}
#: When a desk begins whose order is for an auction, and how long before that it is all over.
AUCTIONS = {
    "close": ("2026-06-01T19:48:30Z", "2026-06-01T19:59:40Z"),
    "open": ("2026-06-02T13:26:30Z", "2026-06-02T13:30:05Z"),
}
SPEED = 20.0
#: Of the market.
LENGTH_S, AUCTION_S = 160, 1200


async def live(words: list[str], kill_after_s: float | None) -> list[str]:
    """Run one life, killed so long after it was heard of first; what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.parent_child", *words, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(90):
            said.append((await process.stdout.readline()).decode().strip())
            if kill_after_s is not None:
                await asyncio.sleep(kill_after_s)
                return said
            while line := (await process.stdout.readline()).decode().strip():
                said.append(line)
            assert await process.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    return said


async def killed(
    home: Path, algo: str, kills: int, seed: int, *, length_s: int = LENGTH_S
) -> None:
    """Work a parent of the algorithm through so many kills, and hold it to the exchange."""
    sys.stdout.write(f"{algo}: seed {seed}; the same kills again: PARENT_KILL_SEED={seed}\n")
    random = Random(seed)
    market = venues.open_market(None, ("AAPL",), 5)
    async with venues.serve_exchange(market, speed=SPEED, seed=5, cash="10000000") as served:
        if algo in AUCTIONS:
            await turn(served.url, AUCTIONS[algo][0])
            words = [str(home), served.url, algo, "{}", str(AUCTION_S)]
            await live(words, random.uniform(0.1, 1.5))
            await live(words, random.uniform(1.0, 2.0))
            await turn(served.url, AUCTIONS[algo][1])
            await post(served.url, "trade", {"symbol": "AAPL", "price": "188", "size": 5000})
        else:
            words = [str(home), served.url, algo, json.dumps(ALGOS[algo]), str(length_s)]
            for _ in range(kills):
                await live(words, random.uniform(0.1, length_s / SPEED / kills))
        said = await live(words, None)
        there = await app.get_json(f"{served.url}/_exchange/orders")
        fills = await app.get_json(f"{served.url}/_exchange/fills")
    parent = json.loads(said[-1])
    names = [row["client_order_id"] for row in there]
    assert len(names) == len(set(names)), "no child twice"
    assert all(name.startswith(f"{parent['parent_id']}~") for name in names)
    bought = sum((Decimal(fill["qty"]) for fill in fills), Decimal(0))
    assert bought == Decimal(parent["filled"]) <= QTY
    assert parent["open_qty"] == parent["unknown_qty"] == "0"
    assert parent["state"] == ("done" if bought == QTY else "expired")
    if algo in ("twap", "vwap", "is", *AUCTIONS):
        assert bought == QTY, parent


async def turn(url: str, to: str) -> None:
    """It is later at the exchange."""
    await post(url, "clock", {"to": to})


async def post(url: str, control: str, body: dict[str, object]) -> None:
    """One of the exchange's own controls."""
    network = NetworkTransport(url)
    path = f"/_exchange/{control}"
    answer = await network.request("POST", path, body=json.dumps(body).encode())
    assert answer.status in (200, 201, 204), answer.body
    await network.aclose()


def _seed() -> int:
    return int(os.environ.get("PARENT_KILL_SEED", "0")) or int.from_bytes(os.urandom(4), "big")


@pytest.mark.proves("S25", "I12")
async def test_a_desk_killed_over_its_parent_order_goes_on_with_it(tmp_path: Path) -> None:
    await killed(tmp_path, "twap", 3, _seed(), length_s=60)


@pytest.mark.soak
@pytest.mark.parametrize("algo", [*ALGOS, *AUCTIONS])
async def test_a_parent_order_lives_through_twenty_kills(tmp_path: Path, algo: str) -> None:
    for number in range(20):
        home = tmp_path / str(number)
        home.mkdir()
        await killed(home, algo, 1, _seed() + number)
