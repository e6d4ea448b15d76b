"""`floorbroker algo`: submit, list, show, pause, resume, cancel and replace parent orders."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from floorbroker.cli.root import (
    DONE,
    REFUSED,
    Json,
    say,
    say_json,
    warn,
    with_desk,
    with_desk_or_journal,
)
from floorbroker.domain.books.parents import ParentState
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.engine.parents.board import ParentStatus
    from floorbroker.publish.journaled import JournaledBook

app = App(name="algo", help="Large orders, worked by an algorithm over time.")
_PARAM = Annotated[
    tuple[str, ...], Parameter(name="--param", help="NAME=VALUE of the algorithm, again for more")
]
_BY = Annotated[str, Parameter(help="who says so, by default the user of this machine")]
_WHY = Annotated[str, Parameter(help="stands in the journal")]


@Parameter(name="*")
@dataclass(frozen=True)
class WorkOptions:
    """How it is worked.

    Parameters
    ----------
    algo
        twap, vwap, pov, is, iceberg, pegged, sniper, close or open
    end
        a while (90s, 5m, 2h), a time in New York (15:55), or RFC 3339
    start
        the same; now without it
    limit
        no child is priced worse than this
    curve
        how volume spreads over equal parts of that time, such as 3,2,1,2,3
    wait
        seconds to follow it; to its end without it
    """

    algo: str
    end: str
    start: str | None = None
    limit: str | None = None
    curve: str = ""
    wait: float | None = None


@app.command
def submit(
    side: str,
    qty: str,
    symbol: str,
    /,
    *,
    options: WorkOptions,
    param: _PARAM = (),
    json: Json = False,
) -> int:
    """Work an order and follow it. While no desk runs nothing is sent: whoever opens the desk next
    goes on with it. Exit 1 unless it is filled in full by the time that it ends.

    Examples: floorbroker algo submit buy 1000 AAPL --algo twap --end 5m --param slices=5
              floorbroker algo submit sell 500 MSFT --algo vwap --end 15:55 --curve 3,2,1,1,2
    """
    params = _params(param)

    async def work(desk: "Desk") -> "ParentStatus":
        from floorbroker.deskwork.parents import curve_numbers

        now = desk.clock.now()
        start = now if options.start is None else moment("start", options.start, now)
        status = await desk.parents.submit(
            side,
            qty,
            symbol,
            algo=options.algo,
            end=moment("end", options.end, start),
            start=start,
            limit=options.limit,
            params=params,
            curve=curve_numbers(options.curve),
        )
        if not json:
            say(line(status))
        try:
            return await desk.parents.wait(status.parent_id, timeout_s=options.wait)
        except TimeoutError:
            return await desk.parents.get(status.parent_id)

    return _shown(with_desk(work), json=json)


@app.command(name="list")
def list_parents(*, json: Json = False) -> int:
    """Parent orders that live, and those that ended lately.

    Example: floorbroker algo list
    """

    async def ask(desk: "Desk") -> "list[ParentStatus]":
        return await desk.parents.list()

    found = with_desk_or_journal(ask, _read)
    if json:
        say_json(found)
        return DONE
    for status in found:
        say(line(status))
    if not found:
        say("no parent orders")
    return DONE


@app.command
def show(parent_id: str, /, *, json: Json = False) -> int:
    """One parent order: its terms, its progress, and what it waits for.

    Example: floorbroker algo show o1a2b3c-01J9ZK...
    """
    from floorbroker.domain.errors import UnknownOrder

    async def ask(desk: "Desk") -> "ParentStatus":
        return await desk.parents.get(parent_id)

    def read(book: "JournaledBook") -> "ParentStatus":
        for one in _read(book):
            if one.parent_id == parent_id:
                return one
        raise UnknownOrder(f"parent_id: {parent_id} is no parent order of this desk")

    status = with_desk_or_journal(ask, read)
    _told(status, json=json)
    return DONE


@app.command
def pause(parent_id: str, /, *, reason: _WHY = "", by: _BY = "", json: Json = False) -> int:
    """Take its children back and send no new one.

    Example: floorbroker algo pause o1a2b3c-01J9ZK... --reason "news"
    """
    return _changed(lambda desk: desk.parents.pause(parent_id, by=by, reason=reason), json=json)


@app.command
def resume(parent_id: str, /, *, reason: _WHY = "", by: _BY = "", json: Json = False) -> int:
    """Go on with it, on schedule.

    Example: floorbroker algo resume o1a2b3c-01J9ZK...
    """
    return _changed(lambda desk: desk.parents.resume(parent_id, by=by, reason=reason), json=json)


@app.command
def cancel(
    parent_id: str,
    /,
    *,
    reason: _WHY = "",
    by: _BY = "",
    wait: Annotated[float, Parameter(help="seconds to wait for its end")] = 10.0,
    json: Json = False,
) -> int:
    """Take its children back and end it. Exit 1 if it has not ended in time.

    Example: floorbroker algo cancel o1a2b3c-01J9ZK...
    """

    async def end(desk: "Desk") -> "ParentStatus":
        await desk.parents.cancel(parent_id, by=by, reason=reason)
        try:
            return await desk.parents.wait(parent_id, timeout_s=wait)
        except TimeoutError:
            return await desk.parents.get(parent_id)

    status = with_desk(end)
    _told(status, json=json)
    return DONE if status.is_ended else REFUSED


@app.command
def replace(
    parent_id: str,
    /,
    *,
    qty: Annotated[str | None, Parameter(help="new total, fills included")] = None,
    limit: Annotated[str | None, Parameter(help="new limit")] = None,
    end: Annotated[str | None, Parameter(help="new end: 5m from now, 15:55, RFC 3339")] = None,
    param: _PARAM = (),
    json: Json = False,
) -> int:
    """Change a parent order; --param gives all parameters that it has from now on.

    Example: floorbroker algo replace o1a2b3c-01J9ZK... --qty 800 --end 15:30
    """
    params = _params(param) if param else None

    async def change(desk: "Desk") -> "ParentStatus":
        until = None if end is None else moment("end", end, desk.clock.now())
        return await desk.parents.replace(
            parent_id, qty=qty, limit=limit, end=until, params=params
        )

    return _changed(change, json=json)


def _changed(change: "Callable[[Desk], Awaitable[ParentStatus]]", *, json: bool) -> int:
    _told(with_desk(change), json=json)
    return DONE


def _read(book: "JournaledBook") -> "list[ParentStatus]":
    return book.parents()


def _params(given: tuple[str, ...]) -> dict[str, Any]:
    params = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ConfigError(f"--param: {text!r}: write NAME=VALUE, such as slices=5")
        params[name] = value
    return params


_UNITS = {"s": 1, "m": 60, "h": 3600}


def moment(field: str, text: str, after: datetime) -> datetime:
    """A time as people write it; a while counts from `after`. Raises ConfigError."""
    from floorbroker.exchange.reference.calendar import NEW_YORK

    count, unit = text[:-1], text[-1:]
    if unit in _UNITS and count.isdecimal():
        return after + timedelta(seconds=int(count) * _UNITS[unit])
    try:
        if len(text) <= len("00:00:00"):
            day = after.astimezone(NEW_YORK).date()
            return datetime.fromisoformat(f"{day} {text}").replace(tzinfo=NEW_YORK)
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigError(
            f"--{field}: {text!r}: write a while (90s, 5m, 2h), a time in New York (15:55), "
            "or RFC 3339"
        )
    return found


def _shown(status: "ParentStatus", *, json: bool) -> int:
    _told(status, json=json)
    if not status.is_ended:
        warn("it goes on as soon as a desk is open again; `floorbroker algo cancel` ends it")
    return REFUSED if status.is_ended and status.state is not ParentState.DONE else DONE


def _told(status: "ParentStatus", *, json: bool) -> None:
    if json:
        say_json(status)
        return
    say(line(status))
    say(f"  {status.start:%Y-%m-%d %H:%M:%S} to {status.end:%H:%M:%S} UTC, {status.children} sent")
    rest = {
        "open": f"{status.open_qty} ({status.unknown_qty} of it UNKNOWN)",
        "schedule": status.target,
        "participation": status.participation and f"{status.participation:.1%}",
        "does": status.why,
        "because": status.reason,
        "next look": status.next_wake and f"{status.next_wake:%H:%M:%S} UTC",
    }
    for name, value in rest.items():
        if value is not None and value != "":
            say(f"  {name}: {value}")
    for text in status.withheld:
        say(f"  kept back: {text}")


def line(status: "ParentStatus") -> str:
    """A parent order in one line."""
    px = "" if status.avg_px is None else f" at {status.avg_px:.4f}"
    limit = "" if status.limit is None else f" limit {status.limit}"
    return (
        f"{status.parent_id}  {status.state}  {status.side} {status.qty} {status.symbol}"
        f" {status.algo}{limit}  {status.filled} filled{px}"
    )
