"""Lives of orders as tables: each row is something that happens, and how everything stands after.

A row is `what happens | order | take-profit | stop-loss | position`, without the columns of legs
that the order does not have; a row without columns only happens. A cell is `status cum/qty`, with
`@ average` where there are executions, and `+n` where n broker orders came before by replaces.
Prices are those of a long life. A short one is its mirror at 100: buy for sell, 200 - p for p.
"""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from floorbroker.app import Parts
from floorbroker.brokers.alpaca.words import STATUSES
from floorbroker.clock import NS_PER_S, run_virtual
from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.domain.amounts import plain
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.engine.book.book import lineage_of
from floorbroker.exchange.faults import FaultPlan, FaultRule
from floorbroker.exchange.reference.calendar import NEW_YORK
from floorbroker.exchange.rules import VenueRules
from tests.sim.world import KEYS, World

CENT = Decimal("0.01")
SYMBOL = "AAPL"
_ALIVE = ("accepted", "held", "new", "partially_filled", "pending_replace")
_OPTIONS = {
    "limit": "limit_price",
    "tp": "take_profit",
    "sl": "stop_loss",
    "sll": "stop_loss_limit",
    "stop": "stop_price",
    "tif": "time_in_force",
    "px": "trail_price",
    "pct": "trail_percent",
    "usd": "notional",
    "ext": "extended_hours",
}
_PRICES = frozenset(("limit", "tp", "sl", "sll", "stop"))
_CHANGES = {"qty": "qty", "limit": "limit_price", "stop": "stop_price", "trail": "trail"}


class Stage:
    """A world in which the price of AAPL is what a life says, and a desk that may be killed after
    every step."""

    def __init__(self, world: World, *, is_short: bool = False, is_killed: bool = False) -> None:
        self.world = world
        self.name = ClOrdID("")
        self.desk: Desk
        self._is_short = is_short
        self._is_killed = is_killed
        self._last: dict[ClOrdID, Order] = {}
        self._acts: dict[str, Callable[[list[str]], Coroutine[Any, Any, None]]] = {
            "have": self._have,
            "submit": self._submit,
            "market": self._market,
            "quote": self._quote,
            "print": self._print,
            "bid": self._bid,
            "offer": self._offer,
            "replace": self._replace,
            "cancel": self._cancel,
            "cancel_all": self._cancel_all,
            "elsewhere": self._elsewhere,
            "close": self._close,
            "wait": self._wait,
            "to": self._to,
            "trails": self._trails,
            "fault": self._fault,
            "heal": self._heal,
            "slow": self._heal,
        }

    async def open(self) -> None:
        await self.world.open()
        self._sit_down()
        await self._market(["100"])
        await self.world.clock.sleep(1)

    def _sit_down(self) -> None:
        """The desk of the engine that runs now, and somebody who follows its updates."""
        world = self.world
        parts = Parts(AsyncExitStack(), world.clock)
        parts.engine, parts.broker, parts.journal = world.engine, world.client, world.journal
        self.desk = Desk(Settings(mode="embedded", home=Path(), journal_path=Path("desk.sqlite")))
        self.desk._parts = parts
        self._last = {}
        world.run(self._follow())

    async def _follow(self) -> None:
        last = self._last
        async for update in self.desk.updates():
            assert update.skipped == 0
            last[update.order.cl_ord_id] = update.order

    async def act(self, words: str) -> None:
        """Let this happen, and a second pass; kill the desk if it is to be killed."""
        verb, *rest = words.split()
        await self._acts[verb](rest)
        await self.world.clock.sleep(1)
        if self._is_killed:
            await self.world.crash()
            await self.world.open()
            self._sit_down()

    # What can happen

    def _px(self, text: str) -> Decimal:
        px = Decimal(text)
        return 200 - px if self._is_short else px

    def _side(self, side: str) -> str:
        return {"buy": "sell", "sell": "buy"}[side] if self._is_short else side

    async def _have(self, words: list[str]) -> None:
        """A position of so many shares, bought at the market."""
        request = OrderRequest.market(self._side("buy"), words[0], SYMBOL)
        await self.world.engine.submit(request)

    async def _submit(self, words: list[str]) -> None:
        kind, side, qty, *rest = words
        terms: dict[str, Any] = {}
        for option in rest:
            name, _, value = option.partition("=")
            terms[_OPTIONS[name]] = self._px(value) if name in _PRICES else value
        terms["extended_hours"] = terms.get("extended_hours") == "yes"
        size = None if qty == "-" else qty
        request = getattr(OrderRequest, kind)(self._side(side), size, SYMBOL, **terms)
        self.name = (await self.desk.submit_order(request)).cl_ord_id

    async def _market(self, words: list[str]) -> None:
        """A cent around the price, and a print of it, for stops."""
        px = self._px(words[0])
        self.world.quote(SYMBOL, px - CENT, px + CENT, 1000)
        await self.world.print_trade(SYMBOL, px)

    async def _quote(self, words: list[str]) -> None:
        """A hundred shares are wanted at one price, and offered at the other."""
        low, high = sorted(map(self._px, words))
        self.world.quote(SYMBOL, low, high, 100)

    async def _print(self, words: list[str]) -> None:
        """Somebody trades at this price, one share or so many; the quote stays."""
        await self.world.print_trade(SYMBOL, self._px(words[0]), *words[1:])

    async def _bid(self, words: list[str]) -> None:
        """So many shares are wanted at the price, and no more."""
        self._touch(self._px(words[0]), int(words[1]), is_bid=not self._is_short)

    async def _offer(self, words: list[str]) -> None:
        """So many shares are offered at the price, and no more."""
        self._touch(self._px(words[0]), int(words[1]), is_bid=self._is_short)

    def _touch(self, px: Decimal, size: int, *, is_bid: bool) -> None:
        bid, ask = (px, px + 2 * CENT) if is_bid else (px - 2 * CENT, px)
        self.world.quote(SYMBOL, bid, ask, size)

    async def _replace(self, words: list[str]) -> None:
        *leg, change = words
        name, _, value = change.partition("=")
        changes: dict[str, Any] = {
            _CHANGES[name]: self._px(value) if name in _PRICES else Decimal(value)
        }
        await self.desk.replace_order(self._named(leg), **changes)

    async def _cancel(self, words: list[str]) -> None:
        await self.desk.cancel_order(self._named(words))

    async def _cancel_all(self, _: list[str]) -> None:
        """Nobody is asked for an end that another cancel brings anyway, and refused."""
        await self.desk.cancel_all_orders()
        await self.world.clock.sleep(1)
        assert self.desk.errors() == []

    async def _elsewhere(self, words: list[str]) -> None:
        """Somebody else cancels or replaces the order on the same account."""
        verb, *rest = words
        legs = [word for word in rest if "=" not in word]
        changes = dict(word.split("=") for word in rest if "=" in word)
        order_id = self.order(*legs).order_id
        body = b""
        if verb == "replace":
            told = {f"{name}_price": str(self._px(value)) for name, value in changes.items()}
            body = msgspec.json.encode(told)
        answer = await self.world.way.request(
            {"cancel": "DELETE", "replace": "PATCH"}[verb],
            f"/v2/orders/{order_id}",
            body=body,
            headers=KEYS.headers(),
        )
        assert answer.status in (200, 204), answer.body

    async def _close(self, _: list[str]) -> None:
        await self.world.clock.sleep(6 * 3600 + 120)

    async def _wait(self, words: list[str]) -> None:
        await self.world.clock.sleep(float(words[0]))

    async def _to(self, words: list[str]) -> None:
        """The next time that it is so late in New York."""
        hour, minute = map(int, words[0].split(":"))
        now = self.world.clock.now().astimezone(NEW_YORK)
        due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        due += timedelta(days=due <= now)
        await self.world.clock.sleep((due - now).total_seconds())

    async def _trails(self, words: list[str]) -> None:
        """The exchange follows the market with the order: its best price, and the stop."""
        orders = {row["id"]: row for row in await self.world.orders()}
        row = orders[str(self.order().order_id)]
        found = [Decimal(row[name]) for name in ("hwm", "stop_price")]
        assert found == list(map(self._px, words)), found

    async def _fault(self, words: list[str]) -> None:
        kind, *rest = words
        terms: dict[str, Any] = dict(word.split("=") for word in rest)
        if "count" in terms:
            terms["count"] = int(terms["count"])
        self.world.front.server.faults = FaultPlan([FaultRule(kind=kind, **terms)], 1)

    async def _heal(self, _: list[str]) -> None:
        self.world.front.server.faults = FaultPlan()

    def _named(self, leg: list[str]) -> ClOrdID:
        return ClOrdID("/".join([self.name, *leg]))

    # How it stands

    def order(self, *leg: str) -> Order:
        return self.world.order(self._named(list(leg)))

    def stands(self) -> list[str]:
        """A cell for each order of the group, and the position."""
        cells = [self._cell(self.order())] if self.name else []
        if self.name:
            cells += [self._leg_cell(leg) for leg in self.order().legs]
        held = self.world.engine.positions().get(SYMBOL)
        qty = Decimal(0) if held is None else Decimal(held.qty)
        return [*cells, plain(-qty if self._is_short else qty)]

    def _leg_cell(self, leg: ClOrdID) -> str:
        found = self.world.engine.order(leg)
        return "-" if found is None else self._cell(found)

    def _cell(self, order: Order) -> str:
        size, notional = order.order_qty, order.request.notional
        asked = f"${plain(notional or Decimal(0))}" if size is None else plain(size)
        words = [f"{order.ord_status} {plain(order.cum_qty)}/{asked}"]
        if order.avg_px is not None:
            px = Decimal(order.avg_px)
            words.append(f"@{plain(200 - px if self._is_short else px)}")
        if order.replaces:
            words.append(f"+{len(order.replaces)}")
        return " ".join(words)

    async def check(self) -> None:
        """What the desk shows is one and the same everywhere, and what the exchange has."""
        assert self.world.replayed() == self.world.live()
        if not self.name:
            return
        there = {row["id"]: row for row in await self.world.orders()}
        group = [await self.desk.get_order(self.name), *await self.desk.get_legs(self.name)]
        names = [one.cl_ord_id for one in group]
        if len(group) > 1:
            assert names == [self.name, *group[0].legs]
            assert {leg.parent for leg in group[1:]} == {self.name}
        is_open = {one.cl_ord_id for one in await self.desk.get_all_orders("open")}
        closed = {one.cl_ord_id for one in await self.desk.get_all_orders("closed")}
        listed = {one.cl_ord_id: one for one in await self.desk.get_all_orders()}
        assert not is_open & closed
        assert not self.world.engine.external_orders()
        for order in group:
            assert listed[order.cl_ord_id] == order
            assert (order.cl_ord_id in closed) is order.is_ended
            assert self._last.get(order.cl_ord_id, order) == order, "the newest update shows it"
            _is_sound(order)
            _is_at(order, there)
            if order.is_ended:
                assert not [each for each in lineage_of(order) if there[each]["status"] in _ALIVE]


def _is_sound(order: Order) -> None:
    """An order's own figures agree with each other."""
    executed = sum(Decimal(fill.last_qty) for fill in order.fills)
    assert order.cum_qty == executed
    assert {fill.order_id for fill in order.fills} <= set(lineage_of(order))
    if order.order_qty is not None:
        left = 0 if order.is_ended else order.order_qty - order.cum_qty
        assert order.leaves_qty == left
    assert (order.ended_time is not None) is order.is_ended
    if order.is_ended:
        assert order.pending is None


def _is_at(order: Order, there: dict[str, dict[str, Any]]) -> None:
    """The exchange has the order as it is here: its lineage, terms, status and executions."""
    if order.order_id is None or order.pending is not None:
        return
    row = there[order.order_id]
    status = STATUSES[row["status"]]
    if order.replaces and status is OrdStatus.PENDING_NEW:
        return  # its predecessor still works
    if order.replaces and status is OrdStatus.PENDING_REPLACE:
        status = order.venue_status  # as it will be when the venue gets to its lost successor
    if order.replaces and order.cum_qty and status is OrdStatus.NEW:
        status = OrdStatus.PARTIALLY_FILLED  # by what came before the replace
    assert status is order.venue_status, row["status"]
    assert order.wire_id == row["client_order_id"] or order.replaces
    chain = [order.order_id]
    while (before := there[chain[0]]["replaces"]) is not None:
        chain.insert(0, before)
    undone = [each for each in order.replaces if each not in chain]
    assert tuple(chain) == tuple(each for each in lineage_of(order) if each not in undone)
    assert {there[each]["status"] for each in undone} <= {"rejected", "canceled", "pending_new"}
    for ours, theirs in (
        (order.order_qty, row["qty"]),
        (order.request.price, row["limit_price"]),
        (order.request.stop_px, row["stop_price"] if order.request.stop_px else None),
    ):
        assert ours is None or ours == Decimal(theirs or 0), row


#: A venue that takes its time over what is asked of it.
SLOW = VenueRules(cancel_latency_ns=5 * NS_PER_S, replace_latency_ns=5 * NS_PER_S)


def rows_of(life: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.split("|")]
        for line in life.strip().splitlines()
        if line.strip() and not line.startswith("!")
    ]


def told(life: str, **how: Any) -> tuple[list[list[str]], list[str]]:
    """Play a life; each row as it happened, and the alarms that it raised."""
    rows: list[list[str]] = []
    is_slow = life.strip().startswith("slow")
    alarms: list[str] = []

    async def play() -> None:
        world = World(1, rules=SLOW if is_slow else None)
        stage = Stage(world, **how)
        await stage.open()
        is_deaf = False
        for row in rows_of(life):
            await stage.act(row[0])
            is_deaf = is_deaf or row[0].startswith("fault")
            if len(row) > 1 or not is_deaf:  # who hears nothing finds out in time
                await stage.check()
            rows.append([row[0], *(stage.stands() if len(row) > 1 else ())])
        compared = await world.engine.reconcile()
        assert compared.breaks == ()
        # Of its stream, and a desk that was killed had another one.
        names = (one.name for one in world.messages() if isinstance(one, Alarm))
        alarms.extend(name for name in names if name != "stream_deaf")
        await world.close()

    run_virtual(play, seed=1, limit_s=100_000)
    return rows, alarms
