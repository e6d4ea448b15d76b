"""Stopping and starting trading from inside the process that has the desk."""

import asyncio
import getpass
from contextlib import suppress
from datetime import datetime
from typing import TypedDict, Unpack

from msgspec import Struct

from floorbroker import app
from floorbroker.deskwork.words import word
from floorbroker.domain.messages import KillLevel
from floorbroker.engine.standing.kill import Trading


class TradingStatus(Struct, frozen=True, kw_only=True):
    """What new orders may do, who says so, and what is left to do."""

    trading: Trading
    level: KillLevel | None = None
    by: str = ""
    reason: str = ""
    since: datetime | None = None
    orders_left: int = 0  #: Still to be seen canceled.
    positions_left: int = 0  #: Still to be closed; counted for `flatten` alone.
    text: str = ""
    control: str = ""  #: Which control did it, where it was none of us.
    symbols: dict[str, str] = {}  #: Paused, and why.
    strategies: dict[str, str] = {}  #: Disabled, and why.


async def kill(
    parts: app.Parts,
    level: KillLevel | str,
    *,
    reason: str,
    by: str,
    may_reduce: bool,
    timeout_s: float,
) -> TradingStatus:
    """See `Desk.kill`."""
    wanted = word(KillLevel, "level", level)
    assert wanted is not None, "a level was given"
    switch = parts.engine.switch
    await switch.kill(wanted, reason=reason.strip(), by=by or user(), may_reduce=may_reduce)
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await switch.enforcer.quiet()
    return status(parts)


class Of(TypedDict, total=False):
    """What is resumed, where it is not the desk."""

    symbol: str
    strategy: str | None


async def resume(parts: app.Parts, *, reason: str, by: str, **of: Unpack[Of]) -> TradingStatus:
    """See `Desk.resume`."""
    symbol, strategy = of.get("symbol", "").upper(), of.get("strategy")
    await parts.engine.switch.resume(
        reason=reason, by=by or user(), symbol=symbol, strategy=strategy
    )
    return status(parts)


def status(parts: app.Parts) -> TradingStatus:
    """How it stands; asks nobody."""
    switch = parts.engine.switch
    found, guards = switch.stands, switch.guards
    symbols = {symbol: mark.in_words() for symbol, mark in guards.symbols.items()}
    strategies = {name or "-": mark.in_words() for name, mark in guards.strategies.items()}
    if found is None:
        desk = guards.desk
        return TradingStatus(
            trading=Trading.ACTIVE if desk is None else desk.state,
            by="" if desk is None else desk.by,
            reason="" if desk is None else desk.cause,
            since=None if desk is None else desk.since,
            text="" if desk is None else desk.in_words(),
            control="" if desk is None else desk.control,
            symbols=symbols,
            strategies=strategies,
        )
    held = [one for one in parts.engine.positions().values() if not one.is_flat]
    return TradingStatus(
        trading=found.trading,
        level=found.level,
        by=found.by,
        reason=found.reason,
        since=found.since,
        orders_left=len(switch.enforcer.left()),
        positions_left=len(held) if found.level is KillLevel.FLATTEN else 0,
        text=found.in_words(),
        symbols=symbols,
        strategies=strategies,
    )


def user() -> str:
    """Whoever runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
