"""Plays a story: the desk lives, dies and comes back, the faults end, and the truth is told."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.brokers.alpaca.transport import DeliveryUnknown, NotDelivered
from floorbroker.clock import run_virtual
from floorbroker.deskwork.batch import cancel_all
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import JournalError, Refused
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Order
from floorbroker.domain.quotes import Halt
from tests.sim.swarm.census import Census
from tests.sim.swarm.ending import tell_the_truth
from tests.sim.swarm.fate import DISK
from tests.sim.swarm.points import of_mishap
from tests.sim.swarm.story import ACTIVE_S, Caller, Change, Death, Mishap, Story, drawn
from tests.sim.swarm.world import SwarmWorld
from tests.sim.world import NAMESPACE, SYMBOLS

#: The longest story; more is a desk that never ends.
LIMIT_S = 600
#: I20: with the faults over, nothing stays open for longer.
BOUND_S = 90.0
#: Faults are over by then at the latest, however often they cut off a start.
FAULTY_S = 60.0
_STEP_S = 2.0
#: Longer than the time between two looks at the open orders.
_QUIET_S = 6.0


class Played(Struct, frozen=True, kw_only=True):
    """What a story came to."""

    head: bytes  #: Of the journal.
    census: Census


def play(story: Story | int) -> Played:
    """Play the story, or that of the seed; raises AssertionError naming what was broken."""
    told = drawn(story) if isinstance(story, int) else story
    return run_virtual(lambda: _played(told), seed=told.seed, limit_s=LIMIT_S)


async def _played(story: Story) -> Played:
    return await Play(story).run()


class Play:
    """One story on its stage."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.world = SwarmWorld(story)
        self._dice = Random(f"market {story.seed}")
        self._waiting: list[Caller] = sorted(story.callers, key=lambda caller: caller.at_s)
        self._stop = asyncio.Event()
        self._ended = ""

    async def run(self) -> Played:
        world = self.world
        others = [asyncio.create_task(self._market()), asyncio.create_task(self._happen())]
        for death in (*self.story.deaths, None):
            await self._live(death)
            if self._ended == "over":
                break
        await self._heal()
        await self._end_all()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await tell_the_truth(world, self.story)
        await world.close()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, f"I19 {len(left)} tasks are left: {left[0]}"
        world.census.stories["stories"] += 1
        return Played(head=world.journal.head().hash, census=world.census)

    # Lives

    async def _live(self, death: Death | None) -> None:
        """One life of the desk, to its end or to the end of what callers want."""
        world, fate = self.world, self.world.begin(death)
        self._stop.clear()
        self._ended = ""
        life = world.run(self._work())
        alarm = self._alarm(death)
        struck = asyncio.ensure_future(fate.struck.wait())
        await asyncio.wait([life, struck], return_when=asyncio.FIRST_COMPLETED)
        alarm.cancel()
        struck.cancel()
        fate.spare()
        world.disk.free()
        if fate.struck.is_set():
            self._ended = "died"
        else:
            await life
        if death is None:
            assert self._ended == "over", f"the desk {self._ended} without a reason"
        elif self._ended != "over":
            world.died(death)
            await self._bury(death)

    def _alarm(self, death: Death | None) -> asyncio.TimerHandle:
        """Goes off when a life ends by the clock."""
        call_later = asyncio.get_running_loop().call_later
        if death is not None and death.place == "after_s":
            return call_later(death.after_s, self.world.fate.strike, "after_s")
        if death is not None and "stop" in (death.place, _STOPPED.get(death.about)):
            return call_later(death.after_s, self._stop.set)
        return call_later(1e6, self._stop.set)

    async def _work(self) -> None:
        """What the process does: start, serve callers, and end."""
        world = self.world
        try:
            await world.open_at_last()
        except JournalError:
            self._failed()
            return
        world.fate.is_open = True
        stop, work = world.run(self._stopped()), world.run(self._serve())
        ends: list[asyncio.Future[Any]] = [stop, work, world.engine.failed]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if world.engine.failed.done():
            work.cancel()
            self._failed()
        elif work.done():
            work.result()
            self._ended = "over"
            if (world.fate.died_at or "").partition(" ")[0] in DISK:
                await asyncio.wait([world.engine.failed], timeout=1.0)  # about to notice
                if world.engine.failed.done():
                    self._failed()
        else:
            work.cancel()
            await self._close()

    async def _stopped(self) -> None:
        await self._stop.wait()

    async def _close(self) -> None:
        """An orderly end."""
        world = self.world
        await world.engine.stop()
        await world.client.aclose()
        world.journal.close()
        self._ended = "stopped"

    def _failed(self) -> None:
        """The engine gave up: only its disk may be the reason."""
        problem = self.world.engine.failed
        why = problem.result() if problem.done() else None
        is_disk = (self.world.fate.died_at or "").partition(" ")[0] in DISK
        assert is_disk, f"the engine ended without a reason: {why!r}"
        assert why is None or isinstance(why, JournalError), f"C28 ended by {why!r}"
        self._ended = "failed"

    async def _bury(self, death: Death) -> None:
        world = self.world
        await world.crash()
        world.disk.free()
        if death.loses_snapshot:
            world.lose_snapshot()
        if death.is_restored:
            world.restore()
        await world.clock.sleep(death.down_s)

    # Callers

    async def _serve(self) -> None:
        """Callers come when it is their time; those who came while there was no desk come now."""
        clock = self.world.clock
        await clock.sleep(0.001)  # nobody is answered before the comparison that opened the desk
        tasks = []
        while self._waiting:
            await clock.sleep(max(0, self._waiting[0].at_s - clock.monotonic()))
            caller = self._waiting.pop(0)
            tasks.append(self.world.run(self._call(caller)))
        await asyncio.gather(*tasks)
        await clock.sleep(max(0, ACTIVE_S - clock.monotonic()))

    async def _call(self, caller: Caller) -> None:
        with suppress(Refused, JournalError, TimeoutError):
            async with asyncio.timeout(caller.gives_up_s):
                order = await self._submit(caller)
            for change in caller.changes:
                await self.world.clock.sleep(change.after_s)
                await self._change(order, change)

    async def _submit(self, caller: Caller) -> Order:
        engine = self.world.engine
        if not caller.is_double:
            return await engine.submit(caller.request)
        name = ClOrdID(f"{NAMESPACE}-double-{self.story.callers.index(caller)}")
        twice = replace(caller.request, cl_ord_id=name)
        first, second = await asyncio.gather(
            engine.submit(twice), engine.submit(twice), return_exceptions=True
        )
        taken = [one for one in (first, second) if isinstance(one, Order)]
        assert len(taken) <= 1, f"one id, two orders: {first} {second}"
        for one in (first, second):
            if isinstance(one, BaseException) and not taken:
                raise one
        return taken[0]

    async def _change(self, order: Order, change: Change) -> None:
        engine = self.world.engine
        names = (order.cl_ord_id, *order.legs)
        name = names[change.leg % len(names)]
        if change.what == "cancel":
            await engine.cancel(name)
        elif change.what == "price":
            await engine.replace(name, price=Px(change.value))
        else:
            await engine.replace(name, order_qty=Qty(change.value))

    # The world

    async def _market(self) -> None:
        """Quotes that wander, so that resting orders fill now and then."""
        dice, world = self._dice, self.world
        mid = {symbol: Decimal(100) for symbol in SYMBOLS}
        while True:
            stride = 3 if world.is_healed else 1
            for symbol in SYMBOLS:
                mid[symbol] += stride * Decimal(dice.randint(-40, 40)) / 100
                half = Decimal(dice.randint(1, 5)) / 100
                size = dice.choice((1, 5, 100))
                world.quote(symbol, mid[symbol] - half, mid[symbol] + half, size)
            await world.clock.sleep(stride * dice.uniform(0.4, 1.2))

    async def _happen(self) -> None:
        for mishap in sorted(self.story.mishaps, key=lambda mishap: mishap.at_s):
            await self.world.clock.sleep(max(0, mishap.at_s - self.world.clock.monotonic()))
            await self._mishap(mishap)
        await self.world.clock.sleep(max(0, FAULTY_S - self.world.clock.monotonic()))
        self.world.heal()

    async def _mishap(self, mishap: Mishap) -> None:
        world = self.world
        world.census.came_to(of_mishap(mishap.kind))
        if mishap.kind == "clock":
            world.skewed.jump(int(mishap.value))
        elif mishap.kind == "halt":
            self._halt(mishap.value, is_halted=True)
        elif mishap.kind == "backup":
            world.back_up()
        elif mishap.kind == "stranger" and world.truth.is_adopted:
            with suppress(AssertionError, NotDelivered, DeliveryUnknown):  # faults hit anybody
                await world.place_elsewhere("buy", 3, mishap.value)
        elif mishap.kind == "cancel_all" and world.fate.is_open and not world.fate.struck.is_set():
            world.run(self._cancel_all())

    async def _cancel_all(self) -> None:
        self.world.is_canceling = True
        with suppress(Refused, JournalError):
            await cancel_all(self.world.engine)
        self.world.is_canceling = False

    def _halt(self, symbol: str, *, is_halted: bool) -> None:
        server = self.world.front.server
        server.catch_up()
        server.apply(Halt(symbol=symbol, time_ns=server.now_ns, halted=is_halted))
        server.commit()

    # The end

    async def _heal(self) -> None:
        """The faults are over; I20: what they left open settles in bounded time."""
        world, clock = self.world, self.world.clock
        world.heal()
        for symbol in SYMBOLS:
            self._halt(symbol, is_halted=False)
        since_s = clock.monotonic()
        over_s = min(max(world.plan.last_effect_s, since_s) + _STEP_S, since_s + 60)
        if world.may_find_late:  # the waits of whoever looks for them double
            over_s = max(over_s, 2 * world.plan.last_effect_s + _STEP_S)
        while (is_open := not self._is_settled()) or clock.monotonic() < over_s:
            waited_s = clock.monotonic() - since_s
            told = f"I20 not settled {waited_s} s after the faults: {world.engine.health()}"
            assert not is_open or waited_s <= BOUND_S, told
            if self.story.is_restored:
                await world.engine.accept_journal()
            await clock.sleep(_STEP_S)

    def _is_settled(self) -> bool:
        assert not self.world.engine.failed.done(), f"ended: {self.world.engine.failed.result()!r}"
        health = self.world.engine.health()
        is_quiet = not any(self.world.truth.in_flight[method] for method in ("POST", "PATCH"))
        is_known = health.unknown_orders == 0 and health.questions == 0
        return is_quiet and health.is_open and is_known

    async def _end_all(self) -> None:
        """Cancel until nothing is open, as somebody who goes home would; then let it be quiet."""
        world = self.world
        for _ in range(45):
            if world.engine.open_orders():
                await cancel_all(world.engine)
            await world.clock.sleep(_STEP_S)
            if not world.engine.open_orders():
                await world.clock.sleep(_QUIET_S)
                if not world.engine.open_orders():
                    return


#: What is only ever about to happen at an orderly end.
_STOPPED = {"DeskClosed": "stop"}
Work = Coroutine[Any, Any, None]
