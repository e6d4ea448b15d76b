"""Stopping and starting trading from inside the process that has the desk."""

import asyncio
import getpass
from contextlib import suppress
from datetime import datetime

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


async def resume(parts: app.Parts, *, reason: str, by: str) -> TradingStatus:
    """See `Desk.resume`."""
    await parts.engine.switch.resume(reason=reason, by=by or user())
    return status(parts)


def status(parts: app.Parts) -> TradingStatus:
    """How it stands; asks nobody."""
    switch = parts.engine.switch
    found = switch.stands
    if found is None:
        return TradingStatus(trading=Trading.ACTIVE)
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
    )


def user() -> str:
    """Whoever runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
