"""`floorbroker algo`: submit, watch, list, show, pause, resume, cancel, replace parent orders."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import (
    DONE,
    REFUSED,
    Json,
    say,
    say_json,
    with_desk,
    with_desk_or_journal,
)
from floorbroker.cli.working.asking import (
    PARAM,
    Asked,
    WorkOptions,
    followed,
    line,
    moment,
    params_of,
    told,
    worked,
)

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.engine.parents.board import ParentStatus
    from floorbroker.publish.journaled import JournaledBook

app = App(name="algo", help="Large orders, worked by an algorithm over time.")
_BY = Annotated[str, Parameter(help="who says so, by default the user of this machine")]
_WHY = Annotated[str, Parameter(help="stands in the journal")]


@app.command
def submit(
    side: str,
    qty: str,
    symbol: str,
    /,
    *,
    options: WorkOptions | None = None,
    json: Json = False,
) -> int:
    """Work an order and follow it. While no desk runs nothing is sent: whoever opens the desk next
    goes on with it. Exit 1 unless it is filled in full by the time that it ends.

    Examples: floorbroker algo submit buy 1000 AAPL --algo twap --end 5m --param slices=5
              floorbroker algo submit sell 500 MSFT --algo vwap --end 15:55 --curve 3,2,1,1,2
    """
    chosen = options or WorkOptions()
    asked = Asked(
        words=(side, qty, symbol),
        options=chosen,
        limit=chosen.limit,
        strategy=chosen.strategy,
        wait_s=chosen.wait,
    )
    return worked(asked, json=json)


@app.command
def watch(
    parent_id: str,
    /,
    *,
    timeout: Annotated[float, Parameter(help="seconds")] = 60.0,
    json: Json = False,
) -> int:
    """Follow a parent order until it has ended. Exit 1 if it has not by then.

    Example: floorbroker algo watch o1a2b3c-01J9ZK... --timeout 600
    """

    async def follow(desk: "Desk") -> "ParentStatus":
        return await followed(desk, parent_id, timeout, tell=not json)

    status = with_desk(follow)
    told(status, json=json)
    return DONE if status.is_ended else REFUSED


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
    told(status, json=json)
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
    told(status, json=json)
    return DONE if status.is_ended else REFUSED


@app.command
def replace(
    parent_id: str,
    /,
    *,
    qty: Annotated[str | None, Parameter(help="new total, fills included")] = None,
    limit: Annotated[str | None, Parameter(help="new limit")] = None,
    end: Annotated[str | None, Parameter(help="new end: 5m from now, 15:55, RFC 3339")] = None,
    param: PARAM = (),
    json: Json = False,
) -> int:
    """Change a parent order; --param gives all parameters that it has from now on.

    Example: floorbroker algo replace o1a2b3c-01J9ZK... --qty 800 --end 15:30
    """
    params = params_of(param) if param else None

    async def change(desk: "Desk") -> "ParentStatus":
        until = None if end is None else moment("end", end, desk.clock.now())
        return await desk.parents.replace(
            parent_id, qty=qty, limit=limit, end=until, params=params
        )

    return _changed(change, json=json)


def _changed(change: "Callable[[Desk], Awaitable[ParentStatus]]", *, json: bool) -> int:
    told(with_desk(change), json=json)
    return DONE


def _read(book: "JournaledBook") -> "list[ParentStatus]":
    return book.parents()
