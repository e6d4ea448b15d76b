"""Scenarios with limits drawn from the seed: whatever breaks, the exchange never has more.

`python -m tests.sim.limits --first 0 --seeds 20000` plays many; a failure prints its seed. What
is counted in shares and in orders is held to the limit exactly. What is counted in dollars may
exceed it by what the market has moved since the order was decided on: `MOVED` bounds that.
"""

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

from floorbroker.clock import run_virtual
from floorbroker.deskwork.batch import cancel_all
from floorbroker.domain.errors import JournalError, Refused
from floorbroker.domain.messages import BusinessMessageReject, NewOrderSingle
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.exposure.facts import Reference
from floorbroker.engine.recovery import Recovery
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import PAPER, Limits
from tests.sim.scenario import SWARM, _change, _price
from tests.sim.world import OPEN_GATE, SYMBOLS, World

MOVED = Decimal("1.15")
ORDERS = 24
#: An order that shows after its absence was proven is late, and known to be beyond every reserve.
FAULTS = tuple(rule for rule in SWARM if rule.kind != "late_visibility" or rule.wait_s < 60)
_ENDED = frozenset({"filled", "canceled", "expired", "rejected", "replaced", "done_for_day"})
Row = dict[str, Any]
Chain = tuple[str, str, Decimal, Decimal]


def drawn(dice: Random) -> Limits:
    """Some limits that such a scenario runs into; each is there more often than not."""
    tight: dict[str, Any] = {
        "order_qty_max": Decimal(dice.randint(5, 15)),
        "order_value_max": Decimal(dice.randint(500, 2000)),
        "position_qty_max": Decimal(dice.randint(8, 40)),
        "gross_value_max": Decimal(dice.randint(2000, 6000)),
        "open_symbol_max": dice.randint(1, 5),
        "open_account_max": dice.randint(2, 8),
        "open_value_max": Decimal(dice.randint(1000, 4000)),
    }
    return replace(PAPER, **{name: one for name, one in tight.items() if dice.random() < 0.7})


class Bounded(World):
    """A world whose exchange is looked at whenever something may have changed there."""

    def __init__(self, seed: int, limits: Limits, faults: Any) -> None:
        book = LimitBook(profile="paper", base=limits)
        super().__init__(seed, faults, replace(OPEN_GATE, limits=book))
        self.limits = limits
        self.mids: dict[str, Decimal] = dict.fromkeys(SYMBOLS, Decimal(100))
        self.looks = 0

    async def open(self) -> Recovery:
        recovery = await super().open()
        self.engine.briefing.prices = self._told
        return recovery

    def _told(self, symbol: str) -> Reference:
        mid = self.mids[symbol]
        return Reference(at_ns=self.clock.now_ns(), bid_px=mid, ask_px=mid)

    async def look(self) -> None:
        """Raises AssertionError where the exchange has more than a limit allows."""
        self.looks += 1
        orders, fills = await self.orders(), await self.fills()
        broken = list(breaches(self.limits, orders, fills, self._decided))
        assert not broken, "; ".join(broken)

    def _decided(self, name: str) -> str:
        """When the order, or the replace of this name on the wire, was decided on."""
        for one in self.messages():
            is_it = isinstance(one, NewOrderSingle) and one.cl_ord_id == name
            if is_it or getattr(one, "wire_id", "") == name:
                return one.transact_time.isoformat()
        raise AssertionError(f"{name} was never decided on")


def breaches(
    limits: Limits, orders: list[Row], fills: list[Row], decided: Callable[[str], str]
) -> Iterator[str]:
    """What the exchange has beyond the limits, from its own books; one larger order is right that
    could only make a position smaller when it was decided on."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for fill in fills:
        sign = 1 if fill["side"] == "buy" else -1
        held[fill["symbol"]] += sign * Decimal(fill["qty"])
    yield from _too_large(limits, orders, fills, decided)
    open_now = list(_chains(orders))
    value = sum((leaves * px for _, _, leaves, px in open_now), Decimal(0))
    if len(open_now) > limits.open_account_max:
        yield f"P16 {len(open_now)} orders open"
    if limits.open_value_max is not None and value > limits.open_value_max * MOVED:
        yield f"P16 open orders worth {value}"
    gross = sum((_worst(held[one], open_now, one) * 100 for one in SYMBOLS), Decimal(0))
    if limits.gross_value_max is not None and gross > limits.gross_value_max * MOVED:
        yield f"P13 gross {gross}"
    for symbol in SYMBOLS:
        here = [one for one in open_now if one[0] == symbol]
        if len(here) > limits.open_symbol_max:
            yield f"P16 {len(here)} orders open in {symbol}"
        for side, sign in (("buy", 1), ("sell", -1)):
            leaves = sum((one[2] for one in here if one[1] == side), Decimal(0))
            worst = sign * held[symbol] + leaves
            if leaves and limits.position_qty_max is not None and worst > limits.position_qty_max:
                yield f"P12 {symbol} may become {sign * worst}"


def _worst(held: Decimal, open_now: list[Chain], symbol: str) -> Decimal:
    """The largest position that may come of it."""
    here = [one for one in open_now if one[0] == symbol]
    buys = sum((one[2] for one in here if one[1] == "buy"), Decimal(0))
    sells = sum((one[2] for one in here if one[1] == "sell"), Decimal(0))
    return max(abs(held), abs(held + buys), abs(held - sells))


def _too_large(
    limits: Limits, orders: list[Row], fills: list[Row], decided: Callable[[str], str]
) -> Iterator[str]:
    for row in orders:
        qty, px = Decimal(row["qty"]), _px(row)
        if qty <= limits.order_qty_max and qty * px <= limits.order_value_max * MOVED:
            continue
        time = decided(row["client_order_id"])[:26]
        own = row["client_order_id"].partition(".")[0]  # what it executed itself counts not twice
        before = sum(
            (Decimal(one["qty"]) * (1 if one["side"] == "buy" else -1) for one in fills
             if one["symbol"] == row["symbol"] and one["time"][:26] < time
                and one["client_order_id"].partition(".")[0] != own),
            Decimal(0),
        )  # fmt: skip
        reduces = before >= qty if row["side"] == "sell" else -before >= qty
        if not reduces:
            yield f"P06 or P07 {row['side']} {qty} {row['symbol']} at {px}"


def _chains(orders: list[Row]) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    """Symbol, side, leaves and price of what may execute: an order and its successor, while both
    are there, as one."""
    root: dict[str, str] = {}
    chains: dict[str, tuple[str, str, Decimal, Decimal]] = {}
    for row in orders:
        first = str(root.get(row.get("replaces") or "", row["id"]))
        root[row["id"]] = first
        if row["status"] in _ENDED:
            continue
        leaves = Decimal(row["qty"]) - Decimal(row["filled_qty"])
        known = chains.get(first)
        if known is None or leaves > known[2]:
            chains[first] = (row["symbol"], row["side"], leaves, _px(row))
    yield from chains.values()


def _px(row: Row) -> Decimal:
    return Decimal(row["limit_price"] or row["stop_price"] or 100)


def play(seed: int) -> tuple[int, int]:
    """Run the scenario of this seed; returns how often an order was denied, and how often the
    exchange was looked at. Raises AssertionError at the first breach."""
    return run_virtual(lambda: _played(seed), seed=seed, limit_s=7200)


async def _played(seed: int) -> tuple[int, int]:
    dice = Random(f"limits {seed}")
    world = Bounded(seed, drawn(dice), [rule for rule in FAULTS if dice.random() < 0.25])
    looker = asyncio.create_task(_market(world, Random(f"market {seed}")))
    await world.open_at_last()
    crashes = dice.choice((0, 0, 1, 2, 4))
    for left in range(crashes + 1):
        share = ORDERS // (crashes + 1)
        callers = (_caller(world, Random(f"{seed} {left} {one}")) for one in range(share))
        desk = world.run(_all(callers))
        if left < crashes:
            await world.clock.sleep(dice.uniform(0, 15))
            await world.crash()
            await world.open_at_last()
        else:
            await desk
    world.heal()
    await world.clock.sleep(100)
    await cancel_all(world.engine)
    if looker.done():
        looker.result()
    looker.cancel()
    await asyncio.gather(looker, return_exceptions=True)
    await world.look()
    denied = sum(
        bool(one.control) for one in world.messages() if isinstance(one, BusinessMessageReject)
    )
    await world.close()
    return denied, world.looks


async def _all(callers: Any) -> None:
    await asyncio.gather(*callers)


async def _market(world: Bounded, dice: Random) -> None:
    """Quotes that wander between 95 and 105, and a look at the exchange after each."""
    while True:
        for symbol in SYMBOLS:
            moved = world.mids[symbol] + Decimal(dice.randint(-30, 30)) / 100
            world.mids[symbol] = min(max(moved, Decimal(95)), Decimal(105))
            half = Decimal(dice.randint(1, 5)) / 100
            size = dice.choice((1, 5, 100))
            world.quote(symbol, world.mids[symbol] - half, world.mids[symbol] + half, size)
        await world.look()
        await world.clock.sleep(dice.uniform(0.1, 1.0))


async def _caller(world: World, dice: Random) -> None:
    """One order, and perhaps a change of mind or two."""
    await world.clock.sleep(dice.uniform(0, 20))
    with suppress(Refused, JournalError):
        order = await world.engine.submit(_request(dice))
        for _ in range(dice.choice((0, 1, 2))):
            await world.clock.sleep(dice.uniform(0, 5))
            await _change(world, order.cl_ord_id, dice)


def _request(dice: Random) -> OrderRequest:
    side, symbol, qty = dice.choice(("buy", "sell")), dice.choice(SYMBOLS), dice.randint(1, 20)
    kind = dice.choice(("market", "limit", "limit", "limit", "stop"))
    if kind == "market":
        return OrderRequest.market(side, qty, symbol)
    if kind == "stop":
        price = 80 if side == "sell" else 120
        return OrderRequest.stop(side, qty, symbol, stop_price=price)
    tif = dice.choice(("day", "gtc", "ioc"))
    return OrderRequest.limit(side, qty, symbol, limit_price=_price(dice), time_in_force=tif)


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.sim.limits", description=__doc__)
    words.add_argument("--first", type=int, default=0)
    words.add_argument("--seeds", type=int, default=1000)
    chosen = words.parse_args()
    failed: list[int] = []
    denied = looks = 0
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        try:
            found = play(seed)
        except AssertionError as problem:
            failed.append(seed)
            sys.stdout.write(f"seed {seed}: {problem}\n")
        else:
            denied, looks = denied + found[0], looks + found[1]
    sys.stdout.write(
        f"{chosen.seeds} seeds from {chosen.first} on, {len(failed)} breaches;"
        f" {denied} orders denied, {looks} looks at the exchange\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
