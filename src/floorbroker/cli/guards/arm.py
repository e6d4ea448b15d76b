"""`floorbroker arm`: live trading, in two steps; `alerts`: what somebody has to look at."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, with_desk
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from floorbroker.desk import Desk
    from floorbroker.deskwork.risk.arming import Arming
    from floorbroker.engine.standing.guards import Alert

arm_app = App(name="arm", help="Allow live trading, in two steps; paper trading needs none.")
alerts_app = App(name="alerts", help="What somebody has to look at, and that he has.")

_BY = Annotated[str, Parameter(help="who says so, by default the user of this machine")]


@arm_app.default
def arm(
    *,
    code: Annotated[str | None, Parameter(help="the code that the first step showed")] = None,
    hours: Annotated[int, Parameter(help="for how long, 8 at most")] = 8,
    off: Annotated[bool, Parameter(negative="", help="disarm")] = False,
    by: _BY = "",
    json: Json = False,
) -> int:
    """Show account, limits and a code; with that code, allow live trading for 8 hours.

    It holds for this version, these settings and these limits alone.

    Examples: floorbroker arm
              floorbroker arm --code 7KQ2MX
              floorbroker arm --off
    """
    if off and code is not None:
        raise ConfigError("--off: disarming needs no --code")
    if off:
        return _off(by, json=json)
    if code is None:
        return _first(json=json)
    if not 1 <= hours <= 8:
        raise ConfigError(f"--hours: {hours} must be 1 to 8")

    async def redeem(desk: "Desk") -> "datetime":
        return await desk.guards.arm(code, by=by, for_s=hours * 3600)

    until = with_desk(redeem)
    if json:
        say_json({"armed": True, "until": until})
    else:
        say(f"LIVE trading is armed until {until:%Y-%m-%d %H:%M:%S} UTC; `arm --off` ends it")
    return DONE


def _off(by: str, *, json: bool) -> int:
    async def disarm(desk: "Desk") -> None:
        await desk.guards.disarm(by=by)

    with_desk(disarm)
    if json:
        say_json({"armed": False, "until": None})
    else:
        say("live trading is disarmed")
    return DONE


def _first(*, json: bool) -> int:
    async def propose(desk: "Desk") -> "Arming":
        return await desk.guards.arming()

    found = with_desk(propose)
    if json:
        say_json(found)
        return DONE
    say(f"LIVE  account {found.account} at {found.url}, equity {found.equity:,.2f}")
    say(f"  version {found.version}, build {found.build}")
    for name, value in found.limits.items():
        say(f"  {name:<28}{value}")
    say(f"To allow live trading, type within 5 minutes:  floorbroker arm --code {found.code}")
    return DONE


@alerts_app.command(name="list")
def list_alerts(*, json: Json = False) -> int:
    """What nobody has acknowledged yet; exit 1 if there is anything.

    Example: floorbroker alerts list
    """

    async def ask(desk: "Desk") -> "list[Alert]":
        return desk.guards.alerts()

    found = with_desk(ask)
    if json:
        say_json(found)
    else:
        for one in found:
            times = "" if one.count == 1 else f" ({one.count} times)"
            say(f"{one.since:%Y-%m-%d %H:%M:%S} UTC  {one.name}{times}: {one.text}")
        if not found:
            say("no alert is open")
    return REFUSED if found else DONE


@alerts_app.command
def ack(
    name: str,
    /,
    *,
    note: Annotated[str, Parameter(help="what was found")] = "",
    by: _BY = "",
    json: Json = False,
) -> int:
    """Say that somebody has looked at an alert.

    Example: floorbroker alerts ack quarantined --note "broker sent a new field"
    """

    async def tell(desk: "Desk") -> None:
        await desk.guards.acknowledge(name, by=by, note=note)

    with_desk(tell)
    if json:
        say_json({"acknowledged": name})
    else:
        say(f"{name} is acknowledged")
    return DONE
