"""`floorbroker kill` and `floorbroker resume`: stop and start trading, whatever the desk does."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, warn, with_desk
from floorbroker.domain.errors import ConfigError, JournalLocked
from floorbroker.domain.messages import KillLevel

if TYPE_CHECKING:
    from floorbroker.config import Settings
    from floorbroker.desk import Desk
    from floorbroker.deskwork.halting import TradingStatus

kill_app = App(name="kill", help="Stop trading, with the desk running, hung or dead.")
resume_app = App(name="resume", help="Take orders again after a kill.")

_BY = Annotated[str, Parameter(help="who says so, by default the user of this machine")]
_DOES = {
    KillLevel.BLOCK: "refuses every new order",
    KillLevel.CANCEL: "refuses every new order and cancels every open one of the account",
    KillLevel.FLATTEN: "refuses every new order, cancels every open one of the account, and sells "
    "or buys back every position of it at the market",
}


@Parameter(name="*")
@dataclass(frozen=True)
class KillOptions:
    """How far, why, and whether to ask.

    Parameters
    ----------
    level
        block refuses new orders, cancel also cancels the open ones, flatten also closes positions
    reason
        stands in the journal and in every refusal
    by
        who says so, by default the user of this machine
    may_reduce
        take orders that only make a position smaller
    wait
        seconds until what is left is told
    yes
        do not ask; flatten needs --flatten-too as well
    flatten_too
        do not ask about closing positions either
    """

    level: KillLevel = KillLevel.CANCEL
    reason: str = ""
    by: str = ""
    may_reduce: Annotated[bool, Parameter(negative="")] = False
    wait: float = 10.0
    yes: Annotated[bool, Parameter(negative="")] = False
    flatten_too: Annotated[bool, Parameter(negative="")] = False


@kill_app.default
def kill(*, options: KillOptions | None = None, json: Json = False) -> int:
    """Stop trading: a latch in the home folder stops every desk of it, and the cancels go straight
    to the broker. Exit 1 if anything is left.

    Examples: floorbroker kill --reason "fat finger"
              floorbroker kill --level block --yes
              floorbroker kill --level flatten --yes --flatten-too
    """
    chosen = options or KillOptions()
    _confirm(chosen)
    from floorbroker import app
    from floorbroker.deskwork import emergency
    from floorbroker.deskwork.halting import user

    settings, problem = _settings()
    latched = emergency.new_latch(
        chosen.level,
        reason=chosen.reason.strip(),
        by=chosen.by or user(),
        may_reduce=chosen.may_reduce,
    )
    if problem is not None:
        app.run(emergency.latch_only(settings.home, latched))
        raise ConfigError(
            f"{problem}\n  new orders are stopped all the same by the latch in {settings.home}, "
            "but the broker was not asked to cancel anything"
        )
    tell = (lambda _: None) if json else say
    done = app.run(emergency.stop(settings, latched, wait_s=chosen.wait, tell=tell))
    if json:
        say_json({**_fields(done), "is_done": done.is_done})
    elif done.is_done:
        say("stopped  `floorbroker resume --reason TEXT` starts again")
    for text in done.problems if not json else ():
        warn(text)
    return DONE if done.is_done else REFUSED


@resume_app.default
def resume(
    *,
    reason: Annotated[str, Parameter(help="why trading may go on; stands in the journal")],
    symbol: Annotated[str, Parameter(help="a symbol that was paused, not the desk")] = "",
    strategy: Annotated[
        str | None, Parameter(help="a strategy that was disabled; - is orders that name none")
    ] = None,
    by: _BY = "",
    json: Json = False,
) -> int:
    """Lift a kill, or what a control laid over the desk: take orders again.

    Examples: floorbroker resume --reason "cause found, limits checked"
              floorbroker resume --strategy mean-reversion --reason "price feed mended"
    """
    if not reason.strip():
        raise ConfigError("--reason: say why trading may go on")
    whose = "" if strategy == "-" else strategy

    async def lift(desk: "Desk") -> "TradingStatus":
        return await desk.resume(reason=reason, by=by, symbol=symbol, strategy=whose)

    try:
        found = with_desk(lift)
    except JournalLocked:
        if symbol or strategy is not None:
            raise
        return _ask_desk(reason.strip(), by, json=json)
    if json:
        say_json(found)
    else:
        say(f"trading is {found.trading.upper()}")
        for name, why in found.symbols.items():
            say(f"  {name} is paused: {why}")
        for name, why in found.strategies.items():
            say(f"  strategy {name} is disabled: {why}")
    return DONE


def _ask_desk(reason: str, by: str, *, json: bool) -> int:
    from floorbroker import app, config
    from floorbroker.deskwork import emergency
    from floorbroker.deskwork.halting import user
    from floorbroker.journal.lock import holder_of

    settings = config.load()
    is_taken = app.run(emergency.ask_to_resume(settings, reason=reason, by=by or user()))
    holder = holder_of(settings.journal_path) or "the desk, which has just ended,"
    if json:
        say_json({"trading": "active" if is_taken else None, "desk": holder})
    elif is_taken:
        say(f"trading is ACTIVE in {holder}")
    if is_taken:
        return DONE
    warn(
        f"{holder} has not resumed: either nothing is halted there, or it hangs, or another kill "
        "came\n  see `floorbroker journal tail`"
    )
    return REFUSED


def _confirm(chosen: KillOptions) -> None:
    """Raises ConfigError unless whoever typed it means it."""
    if not chosen.yes:
        _ask(f"This {_DOES[chosen.level]}.", "yes", "--yes")
    if chosen.level is KillLevel.FLATTEN and not chosen.flatten_too:
        _ask("Closing every position at the market cannot be undone.", "flatten", "--flatten-too")


def _ask(text: str, word: str, option: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError(f"{text} Nothing was done: there is no terminal to ask; add {option}")
    sys.stderr.write(f"{text} Type {word} to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != word:
        raise ConfigError(f"{word} was not typed; nothing was done")


def _settings() -> "tuple[Settings, ConfigError | None]":
    """The settings; where they are wrong, at least the home folder, and what is wrong."""
    from floorbroker import config

    try:
        return config.load(), None
    except ConfigError as problem:
        home = Path(os.environ.get("FLOORBROKER_HOME") or "~/.floorbroker").expanduser()
        journal = home / "desk.sqlite"
        return config.Settings(mode="embedded", home=home, journal_path=journal), problem


def _fields(done: object) -> dict[str, object]:
    from msgspec.structs import asdict

    return asdict(done)  # type: ignore[arg-type]  # a Struct
