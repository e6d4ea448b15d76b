"""`floorbroker watchdog`: looks whether the desk lives, from another process (control A03)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, warn
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.config import Settings
    from floorbroker.engine.atrade.breach import Breach

app = App(name="watchdog", help="Look whether the desk lives; tell, or cancel, if it does not.")

_LOOK_S = 1.0


@Parameter(name="*")
@dataclass(frozen=True)
class WatchdogOptions:
    """How long it bears silence, and what it does then.

    Parameters
    ----------
    after
        seconds without a sign of the desk
    cancel
        kill then: latch, and cancel every open order at the broker
    once
        look once and end
    """

    after: int = 60
    cancel: Annotated[bool, Parameter(negative="")] = False
    once: Annotated[bool, Parameter(negative="")] = False


@app.default
def watchdog(*, options: WatchdogOptions | None = None, json: Json = False) -> int:
    """Wait until an open desk of the home folder gives no sign of life, then exit 1; with --cancel
    it is killed before. A desk that was closed in good order is no dead one.

    Example: floorbroker watchdog --after 60 --cancel
    """
    from floorbroker import app as composition
    from floorbroker import config

    chosen = options or WatchdogOptions()
    if chosen.after < 1:
        raise ConfigError(f"--after: {chosen.after} must be 1 or more")
    settings = config.load()
    breach = composition.run(_silence(settings, chosen))
    done = None
    if breach is not None and chosen.cancel:
        done = composition.run(_kill(settings, breach.text, json=json))
    if json:
        said = "" if breach is None else breach.text
        say_json({"is_alive": breach is None, "text": said, "killed": done})
    elif breach is None:
        say("the desk lives, or none is open")
    else:
        warn(breach.text)
    return DONE if breach is None else REFUSED


async def _silence(settings: "Settings", chosen: WatchdogOptions) -> "Breach | None":
    from msgspec.structs import replace

    from floorbroker.clock import SystemClock
    from floorbroker.engine.atrade.house import dead_man
    from floorbroker.engine.atrade.settings import LIVE
    from floorbroker.engine.vigil.heartbeat import Heartbeat

    clock, heartbeat = SystemClock(), Heartbeat(settings.home)
    limits = replace(LIVE, heartbeat_max_s=float(chosen.after))
    while True:
        breach = dead_man(heartbeat.age_s(clock.now().timestamp()), limits)
        if breach is not None or chosen.once:
            return breach
        await clock.sleep(_LOOK_S)


async def _kill(settings: "Settings", reason: str, *, json: bool) -> bool:
    from floorbroker.deskwork import emergency
    from floorbroker.domain.messages import KillLevel

    latched = emergency.new_latch(KillLevel.CANCEL, reason=reason, by="the watchdog")
    tell = (lambda _: None) if json else say
    return (await emergency.stop(settings, latched, wait_s=10.0, tell=tell)).is_done
