"""`floorbroker doctor`: configuration, journal, connection, clock, stream, speed, books."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, with_desk

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.deskwork.errors import ErrorNote
    from floorbroker.deskwork.health import Health
    from floorbroker.engine.timing.stopwatch import SlowOrder, Spread

app = App(name="doctor", help="What is healthy and what is not.")

_MARKS = {"ok": "ok  ", "warn": "warn", "bad": "LOOK"}


_CONTROLS = Annotated[
    bool, Parameter(negative="", help="fire every control on an exchange of its own instead")
]


@app.default
def examine(*, controls: _CONTROLS = False, json: Json = False) -> int:
    """Open the desk and look at every part; exit 1 if anything is wrong, or if with --controls
    one of the 51 controls did not fire.

    Examples: floorbroker doctor
              floorbroker doctor --controls
    """
    if controls:
        from floorbroker.cli.controls.table import fire

        return fire(json=json)

    async def look(desk: "Desk") -> "Health":
        return await desk.health_check()

    health = with_desk(look)
    if json:
        say_json(health)
    else:
        _show(health)
    return DONE if health.is_healthy else REFUSED


def _show(health: "Health") -> None:
    say(f"{health.mode.upper()}  account {health.account}")
    by_need = sorted(health.checks, key=lambda check: check.level != "bad")
    for check in sorted(by_need, key=lambda check: check.level == "ok"):
        say(f"  {_MARKS[check.level]}  {check.name:<16}{check.text}")
    found = health.latencies
    if found.acknowledged.count:
        whose = "of this process" if found.source == "process" else "from the journal"
        say(f"Latency of the newest orders, {whose}")
        _line("call to wire", found.first_byte)
        _line("call to answer", found.acknowledged)
        _line("answer to fill", found.filled)
    if health.slow_orders:
        say("Slow orders")
        for one in health.slow_orders:
            say(f"  {_slow(one)}")
    if health.errors:
        say("Recent errors of the broker")
        for error in health.errors:
            say(f"  {_error(error)}")


def _line(name: str, spread: "Spread") -> None:
    if not spread.count:
        return
    figures = (spread.p50_us, spread.p95_us, spread.p99_us, spread.max_us)
    told = "  ".join(
        f"{which} {figure / 1000:,.2f} ms"
        for which, figure in zip(("p50", "p95", "p99", "max"), figures, strict=True)
        if figure is not None
    )
    say(f"  {name:<16}{told}  n = {spread.count:,}")


def _slow(one: "SlowOrder") -> str:
    stages = ", ".join(f"{name} {took} ms" for name, took in one.stages_ms.items() if took)
    mark = "DEGRADED" if one.is_degraded else "slow"
    return f"{one.time:%H:%M:%S} UTC  {mark}  {one.total_ms:,} ms  {one.cl_ord_id}: {stages}"


def _error(one: "ErrorNote") -> str:
    when = "" if one.time is None else f"{one.time:%H:%M:%S} UTC  "
    code = "" if one.code is None else f" (code {one.code})"
    return f"{when}{one.kind}  {one.request}  {one.text}{code}"
