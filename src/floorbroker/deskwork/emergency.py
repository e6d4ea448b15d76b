"""Stopping from outside: the latch for whatever desk there is, the cancels straight to the broker.

Theory of operation
-------------------
The desk may run, hang, be dead or never have been. So nothing here relies on it: the latch is
written first, then the broker is asked to cancel everything, and asked what it still shows until
that is nothing. Whether a desk has taken note is then read from its journal, where it writes it.
Positions are closed by this process alone: the desk, which sees the latch, does not do it as well.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec import Struct, field

from floorbroker import app
from floorbroker.brokers.brake import Asked, Brake, Standing
from floorbroker.clock import SystemClock
from floorbroker.config import Settings
from floorbroker.domain.errors import BrokerError, FloorbrokerError
from floorbroker.domain.messages import JournalMessage, KillLevel, KillSwitched, TradingResumed
from floorbroker.domain.order import OrdStatus
from floorbroker.journal.latch import Latched, LatchFile, ResumeRequest
from floorbroker.journal.lock import holder_of
from floorbroker.publish.journaled import JournaledBook
from floorbroker.readers import open_journal_reader

#: How long a running desk may take to write down what it was told.
NOTED_S = 2.0
_LOOK_S = 0.05
#: An order that is still there is asked about once more after this long.
_AGAIN_S = 1.0


class Stopped(Struct, kw_only=True):
    """What was done, and what is left. `is_done`: nothing is left to do by hand."""

    level: KillLevel
    latch: str
    desk: str | None = None  #: Who writes the journal; None where no desk runs.
    noted_ms: int | None = None  #: From the latch to the desk's own record of it.
    cancels_asked: int = 0
    orders_left: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  #: Canceled by the desk once they show.
    closes_asked: int = 0
    positions_left: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return not (self.problems or self.orders_left or self.positions_left)


Tell = Callable[[str], None]


def new_latch(level: KillLevel, *, reason: str, by: str, may_reduce: bool = False) -> Latched:
    return Latched(
        latch_id=secrets.token_hex(8),
        level=level,
        reason=reason,
        by=by,
        may_reduce=may_reduce,
        time=SystemClock().now(),
    )


async def latch_only(home: Path, latched: Latched) -> None:
    """Where the settings are wrong this much can still be done; raises JournalError."""
    await LatchFile(home).write(latched, SystemClock())


async def stop(settings: Settings, latched: Latched, *, wait_s: float, tell: Tell) -> Stopped:
    """Stop every desk of the home folder; raises JournalError if the latch cannot be written."""
    clock = SystemClock()
    latch = LatchFile(settings.home)
    before = _head(settings)
    started = clock.monotonic()
    await latch.write(latched, clock)
    done = Stopped(level=latched.level, latch=str(latch.path))
    done.desk = holder_of(settings.journal_path)
    tell(f"latched  {latch.path}: no desk of this folder takes a new order")
    noted = asyncio.ensure_future(_noted(settings, before, latched.latch_id, started))
    if latched.level is not KillLevel.BLOCK:
        await _at_the_broker(settings, done, wait_s, tell)
    if done.desk is None:
        noted.cancel()
        tell("desk     none runs; the next one opens halted")
    else:
        await _tell_noted(done, await noted, tell)
    if latched.level is not KillLevel.BLOCK:
        done.unknown = _unknown(settings)
        for name in done.unknown:
            tell(f"UNKNOWN  {name}: the desk cancels it as soon as the broker shows it")
    return done


async def _tell_noted(done: Stopped, noted_s: float | None, tell: Tell) -> None:
    if noted_s is None:
        done.problems.append(f"{done.desk} has not taken note within {NOTED_S:g} s")
        tell(f"desk     {done.desk}")
        tell(
            f"         has not taken note within {NOTED_S:g} s: it hangs. It sends nothing while"
            " it hangs, and looks at the latch before it decides anything when it goes on"
        )
    else:
        done.noted_ms = round(noted_s * 1000)
        tell(f"desk     {done.desk}: took note after {done.noted_ms} ms")


async def _at_the_broker(settings: Settings, done: Stopped, wait_s: float, tell: Tell) -> None:
    if settings.mode == "embedded" and not settings.exchange_url and done.desk is not None:
        tell("broker   the embedded exchange lives in the desk's process, which cancels there")
        if done.level is KillLevel.FLATTEN:
            done.problems.append(
                "positions: only the desk can close them; use desk.kill('flatten')"
            )
            tell(f"positions {done.problems[-1]}")
        return
    try:
        async with app.open_brake(settings) as brake:
            await _cancel(brake, done, wait_s, tell)
            if done.level is KillLevel.FLATTEN:
                await _close(brake, done, wait_s, tell)
    except BrokerError as problem:
        done.problems.append(f"the broker: {problem}")
        tell(f"broker   {problem}")
        tell("         what it still holds is not known; run the command again")


async def _cancel(brake: Brake, done: Stopped, wait_s: float, tell: Tell) -> None:
    clock = SystemClock()
    started = clock.monotonic()
    asked = await brake.cancel_all()
    done.cancels_asked = asked.taken
    first_s, again_at = clock.monotonic() - started, started + _AGAIN_S
    tell(f"cancels  {asked.taken} asked for, first answer after {first_s * 1000:.0f} ms")
    _refused(asked, tell)
    while left := await brake.open_orders():
        now = clock.monotonic()
        if now - started > wait_s:
            break
        if now > again_at:
            again_at = now + _AGAIN_S
            await _again(brake, left)
        await clock.sleep(_LOOK_S)
    done.orders_left = [one.cl_ord_id or one.order_id for one in left]
    if left:
        tell(f"LEFT     {len(left)} orders are open at the broker after {wait_s:g} s:")
        for one in left:
            tell(f"         {one.side} {one.symbol} {one.cl_ord_id or one.order_id}")
    else:
        took_s = clock.monotonic() - started
        tell(f"broker   shows no open order after {took_s * 1000:.0f} ms")


def _refused(asked: Asked, tell: Tell) -> None:
    for one in asked.refused:
        tell(f"         {one.subject}: {one.text}")


async def _again(brake: Brake, left: list[Standing]) -> None:
    """One by one: what the broker refuses may have ended, and the next look tells."""
    for one in left:
        try:
            await brake.cancel(one.order_id)
        except BrokerError:
            continue


async def _close(brake: Brake, done: Stopped, wait_s: float, tell: Tell) -> None:
    clock = SystemClock()
    started = clock.monotonic()
    if done.orders_left:
        tell("positions not closed: the orders that are left may hold them; run the command again")
        done.problems.append("positions were not closed, because orders are left")
        return
    if not await brake.positions():
        tell("positions none")
        return
    asked = await brake.close_positions()
    done.closes_asked = asked.taken
    tell(f"closes   {asked.taken} asked for")
    _refused(asked, tell)
    while left := await brake.positions():
        if clock.monotonic() - started > wait_s:
            break
        await clock.sleep(_LOOK_S)
    done.positions_left = {symbol: f"{qty}" for symbol, qty in left.items()}
    if left:
        tell(f"LEFT     positions after {wait_s:g} s; their closing orders may be at work:")
        for symbol, qty in left.items():
            tell(f"         {qty} {symbol}")
    else:
        tell("broker   shows no position")


async def ask_to_resume(settings: Settings, *, reason: str, by: str) -> bool:
    """Ask the desk that runs to take orders again; whether it has written that down in time."""
    clock, latch, before = SystemClock(), LatchFile(settings.home), _head(settings)
    latch.ask_to_resume(ResumeRequest(reason=reason, by=by))
    started = clock.monotonic()
    while clock.monotonic() - started < NOTED_S:
        if any(isinstance(one, TradingResumed) for one in _since(settings, before)):
            return True
        await clock.sleep(_LOOK_S)
    latch.withdraw()
    return any(isinstance(one, TradingResumed) for one in _since(settings, before))


# What the journal tells


async def _noted(settings: Settings, before: int, latch_id: str, started: float) -> float | None:
    clock = SystemClock()
    while clock.monotonic() - started < NOTED_S:
        for message in _since(settings, before):
            if isinstance(message, KillSwitched) and message.latch_id == latch_id:
                return clock.monotonic() - started
        await clock.sleep(_LOOK_S / 10)
    return None


def _head(settings: Settings) -> int:
    try:
        with closing(open_journal_reader(settings.journal_path)) as journal:
            return journal.head().seq
    except FloorbrokerError:
        return 0


def _since(settings: Settings, before: int) -> list[JournalMessage]:
    try:
        with closing(open_journal_reader(settings.journal_path)) as journal:
            return [record.message for record in journal.records(after=before)]
    except FloorbrokerError:
        return []


def _unknown(settings: Settings) -> list[str]:
    try:
        with closing(open_journal_reader(settings.journal_path)) as journal:
            return JournaledBook(journal).of_status(OrdStatus.UNKNOWN)
    except FloorbrokerError:
        return []
