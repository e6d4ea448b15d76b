"""The stage of the tests that kill: an exchange as a process of its own, a desk as another, and
what must be true of both when the desk is back."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from floorbroker.brokers.alpaca.network import NetworkTransport
from floorbroker.domain.messages import RequestKind, RequestSent
from floorbroker.readers import open_journal_reader

#: The order that a life is about.
NAME = "life-1"
CENT = Decimal("0.01")
#: A desk that says nothing for so long is stuck.
LIFE_S = 60.0
_NUMBERS = count()


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIFE_S):
        while True:
            if await is_so():
                return
            await asyncio.sleep(0.01)


class Market:
    """The exchange's own controls: its market and its time move when a life says so."""

    def __init__(self, url: str) -> None:
        self._way = NetworkTransport(url)

    async def ask(self, method: str, path: str, body: str | bytes = b"") -> Any:
        raw = body.encode() if isinstance(body, str) else body
        answer = await self._way.request(method, f"/_exchange/{path}", body=raw, headers={})
        assert answer.status < 300, answer.body
        return json.loads(answer.body or b"null")

    async def begin(self) -> None:
        await self.ask("POST", "reset")
        await self.ask("DELETE", "faults")
        await self.act("market 100")

    async def act(self, words: str) -> None:
        verb, *rest = words.split()
        if verb == "close":
            await self.ask("POST", "clock", json.dumps({"advance": 6 * 3600 + 120}))
            return
        px = Decimal(rest[0])
        if verb == "market":
            await self._quote(px - CENT, px + CENT, 1000)
        elif verb == "offer":
            await self._quote(px - 2 * CENT, px, int(rest[1]))
        elif verb == "bid":
            await self._quote(px, px + 2 * CENT, int(rest[1]))
        elif verb == "quote":
            await self._quote(px, Decimal(rest[1]), 100)
        if verb in ("market", "print"):
            trade = {"symbol": "AAPL", "price": str(px), "size": "1"}
            await self.ask("POST", "trade", json.dumps(trade))
        await self.ask("POST", "clock", json.dumps({"advance": 1}))

    async def _quote(self, bid: Decimal, ask: Decimal, size: int) -> None:
        quote = {"symbol": "AAPL", "bid_price": str(bid), "ask_price": str(ask)}
        sizes = {"bid_size": str(size), "ask_size": str(size)}
        await self.ask("POST", "quote", json.dumps({**quote, **sizes}))

    async def orders(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.ask("GET", "orders")
        return found

    async def shows(self, wanted: str) -> None:
        """Wait until the exchange has an order of this client order id, in this status or any."""
        name, _, status = wanted.partition(" ")

        async def is_there() -> bool:
            rows = await self.orders()
            found = [row["status"] for row in rows if row["client_order_id"] == name]
            return status in found if status else bool(found)

        await until(is_there)

    async def struck(self) -> None:
        """Wait until a fault has struck."""

        async def has_struck() -> bool:
            return bool((await self.ask("GET", "faults"))["fired"])

        await until(has_struck)

    async def aclose(self) -> None:
        await self._way.aclose()


class Desk:
    """A desk's process."""

    def __init__(self, process: asyncio.subprocess.Process, complaints: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._complaints = complaints
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout

    @classmethod
    async def open(cls, home: Path, url: str, dies: str = "") -> "Desk":
        desk = await cls.begin(home, url, dies)
        assert await desk.heard() == "open"
        return desk

    @classmethod
    async def begin(cls, home: Path, url: str, dies: str = "") -> "Desk":
        """Start the process; it may die before it is open."""
        complaints = home.with_name(f"{home.name}.{next(_NUMBERS)}.stderr")
        with complaints.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.crash.life_child", str(home), url, dies),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                limit=2**22,
            )
        return cls(process, complaints)

    @property
    def complaints(self) -> str:
        """What it said to standard error."""
        return self._complaints.read_text()

    async def heard(self) -> str:
        async with asyncio.timeout(LIFE_S):
            line = (await self._stdout.readline()).decode().strip()
        assert line, f"it ended: {self.complaints}"
        return line

    async def is_open(self) -> bool:
        """Wait until it takes orders, or has died before."""
        async with asyncio.timeout(LIFE_S):
            return (await self._stdout.readline()).strip() == b"open"

    def tell(self, words: str) -> None:
        self._stdin.write(f"{words}\n".encode())

    async def told(self, words: str) -> dict[str, dict[str, Any]]:
        self.tell(words)
        return {row["cl_ord_id"]: row for row in json.loads(await self.heard())}

    async def sees(self, wanted: str) -> None:
        """Wait until the desk shows the order in this status."""
        name, status = wanted.split()

        async def is_seen() -> bool:
            return (await self.told("look")).get(name, {}).get("ord_status") == status

        await until(is_seen)

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        await self.died()

    async def died(self) -> None:
        assert await self.ended() == -signal.SIGKILL, self.complaints

    async def ended(self) -> int:
        """Wait for its end; its exit code."""
        async with asyncio.timeout(LIFE_S):
            return await self._process.wait()

    def end(self) -> None:
        """Let it end in good order."""
        self._stdin.close()

    async def close(self) -> None:
        self.end()
        assert await self.ended() == 0, self.complaints


def cells(orders: dict[str, dict[str, Any]]) -> str:
    shown = []
    for name in (NAME, f"{NAME}/tp", f"{NAME}/sl"):
        if (row := orders.get(name)) is not None:
            text = f"{row['ord_status']} {row['cum_qty']}/{row['order_qty']}"
            shown.append(text + (f" +{len(row['replaces'])}" if row["replaces"] else ""))
    return " | ".join(shown)


def requests_of(journal: Path) -> Iterator[tuple[str, RequestKind, int]]:
    """Every request that left or may have left; a cancel may be repeated."""
    with closing(open_journal_reader(journal)) as reader:
        for record in reader.records():
            sent = record.message
            if isinstance(sent, RequestSent) and sent.request is not RequestKind.CANCEL:
                is_new = sent.request is RequestKind.NEW
                yield sent.cl_ord_id, sent.request, 1 if is_new else sent.attempt


async def agree(home: Path, market: Market, orders: dict[str, dict[str, Any]]) -> None:
    """One bracket at most at the exchange, the same there and here, and nothing sent twice."""
    there = {row["id"]: row for row in await market.orders()}
    first = Counter(row["client_order_id"] for row in there.values() if not row["replaces"])
    assert set(first.values()) <= {1}
    placed = {name: row for name, row in orders.items() if row["ord_status"] != "not_placed"}
    assert len([row for row in there.values() if not row["replaces"]]) == len(placed)
    for name, row in placed.items():
        parent, slash, _ = name.partition("/")
        assert row["parent"] == (parent if slash else None)
        theirs = there[row["order_id"]]
        assert (row["ord_status"], row["cum_qty"]) == (theirs["status"], theirs["filled_qty"])
        assert row["order_qty"] == theirs["qty"]
        ids = [*row["replaces"], row["order_id"]]
        assert [there[each]["replaced_by"] for each in ids] == [*ids[1:], None]
        assert all(fill["order_id"] in ids for fill in row["fills"])
    fills = await market.ask("GET", "fills")
    ours = Counter(
        (fill["order_id"], fill["last_qty"], fill["last_px"])
        for row in orders.values()
        for fill in row["fills"]
    )
    assert ours == Counter((fill["order_id"], fill["qty"], fill["price"]) for fill in fills)
    sent = Counter(requests_of(home / "desk.sqlite"))
    assert set(sent.values()) <= {1}, sent
