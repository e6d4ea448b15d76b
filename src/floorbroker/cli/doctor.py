"""`floorbroker doctor`: configuration, journal, connection, stream, books."""

from typing import TYPE_CHECKING

from cyclopts import App

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, with_desk

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.deskwork.health import Health

app = App(name="doctor", help="What is healthy and what is not.")


@app.default
def examine(*, json: Json = False) -> int:
    """Open the desk and look at every part; exit 1 if anything is wrong.

    Example: floorbroker doctor
    """

    async def look(desk: "Desk") -> "Health":
        return await desk.health_check()

    health = with_desk(look)
    if json:
        say_json(health)
    else:
        say(f"{health.mode.upper()}  account {health.account}")
        for check in health.checks:
            say(f"  {'ok  ' if check.is_ok else 'LOOK'}  {check.name:<16}{check.text}")
    return DONE if health.is_healthy else REFUSED
