"""`floorbroker order`: submit, show, list, watch, replace, cancel, cancel-all."""

from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from floorbroker.cli.root import (
    DONE,
    REFUSED,
    Json,
    progress,
    say,
    say_json,
    warn,
    with_desk,
    with_desk_or_journal,
)
from floorbroker.cli.typed.request import (
    OPTIONS,
    SUBMITTED,
    as_typed,
    requested,
)
from floorbroker.cli.working.asking import Asked, OrderOptions, worked
from floorbroker.domain.errors import ConfigError, Refused
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Order, OrdStatus

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.publish.journaled import JournaledBook

app = App(name="order", help="Submit, show, list, watch, replace and cancel orders.")

#: An order, or orders, as they stood at this time of the market.
Seen = tuple[Order, datetime]
AllSeen = tuple[list[Order], datetime]
#: What became of each order of many.
Outcomes = tuple[list[Order | Refused], datetime]

_BAD_ENDS = frozenset({OrdStatus.REJECTED, OrdStatus.NOT_PLACED, OrdStatus.EXPIRED_UNSENT})


@Parameter(name="*")
@dataclass(frozen=True)
class ReplaceOptions:
    """What changes of a live order.

    Parameters
    ----------
    qty
        new total quantity, fills included
    limit
        new limit price
    stop
        new stop price
    trail
        new distance of a trailing stop, in dollars or percent as it was
    tif
        new time in force
    """

    qty: str | None = None
    limit: str | None = None
    stop: str | None = None
    trail: str | None = None
    tif: str | None = None


@app.command
def submit(
    side: str | None = None,
    qty: Annotated[str | None, Parameter(help="shares; left out with --notional")] = None,
    symbol: str | None = None,
    /,
    *,
    options: OrderOptions | None = None,
    file: Annotated[Path | None, Parameter(help="orders from a .csv or .jsonl file")] = None,
    json: Json = False,
) -> int:
    """Place an order, or those of a file, and wait a moment for its end.

    Examples: floorbroker order submit buy 10 AAPL --limit 187.20 --tif day
              floorbroker order submit sell 5 MSFT --trail-percent 1.5
              floorbroker order submit buy SPY --notional 500
              floorbroker order submit buy 10 AAPL --take-profit 200 --stop-loss 180
              floorbroker order submit sell 10 AAPL --class oco --take-profit 200 --stop-loss 180
              floorbroker order submit buy 5000 AAPL --algo vwap --end 15:55 --limit 190
              floorbroker order submit --file orders.csv
    """
    chosen = options or OrderOptions()
    if file is not None:
        if side is not None or replace_fields(chosen, wait=None) != OrderOptions():
            raise ConfigError("--file: the orders stand in the file; give --wait and --json alone")
        return _submit_file(file, chosen.wait_s, json=json)
    if side is None or qty is None:
        raise ConfigError(
            "give SIDE QTY SYMBOL, such as: buy 10 AAPL; or --file FILE\n"
            "  see `floorbroker order submit --help`"
        )
    if chosen.is_worked:
        return _work((side, qty, symbol), chosen, json=json)
    with as_typed(SUBMITTED):
        request = requested((side, qty, symbol), chosen)

        async def place(desk: "Desk") -> Seen:
            order = await desk.submit_order(request)
            return await _settled(desk, order, chosen.wait_s), desk.clock.now()

        seen = with_desk(place)
    return _shown(seen, json=json)


def _work(words: tuple[str, str, str | None], chosen: OrderOptions, *, json: bool) -> int:
    """An order that an algorithm works: it has a limit, and no other price or condition."""
    side, qty, symbol = words
    if symbol is None or not chosen.is_plain:
        raise ConfigError("--algo: right is SIDE QTY SYMBOL with --limit, --wait and --json alone")
    asked = Asked(
        words=(side, qty, symbol), options=chosen, limit=chosen.limit, wait_s=chosen.wait
    )
    return worked(asked, json=json)


def _submit_file(path: Path, wait_s: float, *, json: bool) -> int:
    """Every order of the file, each with its result; exit 1 if any was refused."""
    from floorbroker.cli.typed.batch import orders_in

    lines, requests = zip(*orders_in(path), strict=True)

    async def place(desk: "Desk") -> Outcomes:
        with progress("orders", len(requests)) as step:
            results = await desk.submit_orders(requests, on_result=step)
        return await _all_settled(desk, results, wait_s), desk.clock.now()

    results, now = with_desk(place)
    if json:
        say_json([_outcome(line, one) for line, one in zip(lines, results, strict=True)])
        return REFUSED if any(_is_bad(one) for one in results) else DONE
    from floorbroker.cli.tables import order_line

    for line, one in zip(lines, results, strict=True):
        if isinstance(one, Refused):
            say(f"line {line}: refused: {one}")
        else:
            say(f"line {line}: {order_line(one, now)}")
    bad = sum(_is_bad(one) for one in results)
    if bad:
        warn(f"{bad} of {len(results)} orders were refused")
    return REFUSED if bad else DONE


def _outcome(line: int, one: "Order | Refused") -> dict[str, object]:
    if isinstance(one, Refused):
        return {"line": line, "order": None, "refused": str(one)}
    from floorbroker.publish.views import order_view

    return {"line": line, "order": order_view(one), "refused": None}


def _is_bad(one: "Order | Refused") -> bool:
    return isinstance(one, Refused) or one.ord_status in _BAD_ENDS


@app.command
def show(
    cl_ord_id: str,
    /,
    *,
    why: Annotated[bool, Parameter(negative="", help="every record about it, in words")] = False,
    json: Json = False,
) -> int:
    """One order, its legs, and its life so far; with `--why` all that the journal knows of it,
    refused commands too, without opening a desk.

    Examples: floorbroker order show o-01J9ZK...
              floorbroker order show o-01J9ZK... --why
    """
    if why:
        from floorbroker.cli.why import show_why

        return show_why(cl_ord_id, json=json)

    async def find(desk: "Desk") -> AllSeen:
        order = await desk.get_order(cl_ord_id)
        return [order, *await desk.get_legs(cl_ord_id)], desk.clock.now()

    def read(book: "JournaledBook") -> AllSeen:
        order = book.order(ClOrdID(cl_ord_id))
        return [order, *book.legs(order)], book.time

    (order, *legs), now = with_desk_or_journal(find, read)
    if json:
        say_json(order)
        return DONE
    from floorbroker.cli.tables import order_line, show_life

    say(order_line(order, now))
    for leg in legs:
        say(f"  {order_line(leg, now)}")
    show_life(order)
    return DONE


@app.command(name="list")
def list_orders(
    *,
    status: Annotated[Literal["open", "closed", "all"], Parameter(help="which")] = "all",
    symbol: Annotated[str | None, Parameter(help="only this symbol")] = None,
    side: Annotated[Literal["buy", "sell"] | None, Parameter(help="only this side")] = None,
    limit: Annotated[int, Parameter(help="at most so many")] = 50,
    json: Json = False,
) -> int:
    """Orders of this journal, newest first.

    Example: floorbroker order list --status open --symbol AAPL
    """

    if limit < 1:
        raise ConfigError(f"--limit: {limit} must be 1 or more")
    symbols = (symbol.upper(),) if symbol else ()

    async def find(desk: "Desk") -> AllSeen:
        orders = await desk.get_all_orders(status, symbols=symbols, side=side, limit=limit)
        return orders, desk.clock.now()

    def read(book: "JournaledBook") -> AllSeen:
        from floorbroker.journal.port import OrderFilter

        wanted = OrderFilter(symbols=symbols, side=side, limit=limit)
        return book.orders(status, wanted), book.time

    return _all_shown(with_desk_or_journal(find, read), json=json)


@app.command
def watch(
    cl_ord_id: str,
    /,
    *,
    timeout: Annotated[float, Parameter(help="give up after so many seconds")] = 60.0,
    json: Json = False,
) -> int:
    """Follow an order until it has ended; exit 1 if it has not by then.

    Example: floorbroker order watch o-01J9ZK... --timeout 300
    """

    async def follow(desk: "Desk") -> Seen:
        order = await _settled(desk, await desk.get_order(cl_ord_id), timeout)
        return order, desk.clock.now()

    order, now = with_desk(follow)
    code = _shown((order, now), json=json)
    if order.is_ended:
        return code
    warn(f"{cl_ord_id} has not ended within {timeout:g} s; it goes on")
    return REFUSED


@app.command
def replace(
    cl_ord_id: str, /, *, changes: ReplaceOptions | None = None, json: Json = False
) -> int:
    """Change a live order; it keeps its id.

    Example: floorbroker order replace o-01J9ZK... --limit 187.50
    """
    if changes is None or changes == ReplaceOptions():
        raise ConfigError("nothing to replace; give --qty, --limit, --stop, --trail or --tif")

    async def change(desk: "Desk") -> Seen:
        order = await desk.replace_order(
            cl_ord_id,
            qty=changes.qty,
            limit_price=changes.limit,
            stop_price=changes.stop,
            trail=changes.trail,
            time_in_force=changes.tif,
        )
        return order, desk.clock.now()

    with as_typed(OPTIONS):
        seen = with_desk(change)
    return _shown(seen, json=json)


@app.command
def cancel(cl_ord_id: str, /, *, json: Json = False) -> int:
    """Cancel an order and wait a moment for the confirmation.

    Example: floorbroker order cancel o-01J9ZK...
    """

    async def withdraw(desk: "Desk") -> AllSeen:
        asked = await desk.cancel_order(cl_ord_id)
        order = await _settled(desk, asked)
        return [order, *await desk.get_legs(cl_ord_id)], desk.clock.now()

    (order, *legs), now = with_desk(withdraw)
    code = _shown((order, now), json=json)
    working = [leg.cl_ord_id for leg in legs if order.is_ended and not leg.is_ended]
    if working:
        warn(f"its legs go on; `floorbroker order cancel {working[0]}` ends them")
    elif legs and order.ord_status is OrdStatus.CANCELED and order.cum_qty:
        warn(f"its legs ended with it: nothing ends the {order.cum_qty} that were filled")
    if order.ord_status is OrdStatus.CANCELED:
        return code
    if order.is_ended:
        warn(f"{cl_ord_id} is {order.ord_status}; there was nothing left to cancel")
    else:
        warn(f"the cancel of {cl_ord_id} is not confirmed yet; see `floorbroker order watch`")
    return REFUSED


@app.command(name="cancel-all")
def cancel_all(*, json: Json = False) -> int:
    """Cancel every order that is not ended.

    Example: floorbroker order cancel-all
    """

    async def withdraw(desk: "Desk") -> Outcomes:
        total = len(await desk.get_all_orders("open", limit=1_000_000))
        with progress("cancels", total) as step:
            results = await desk.cancel_all_orders(on_result=step)
        return await _all_settled(desk, results, 2.0), desk.clock.now()

    results, now = with_desk(withdraw)
    refused = [one for one in results if isinstance(one, Refused)]
    for one in refused:
        warn(str(one))
    orders = [one for one in results if isinstance(one, Order)]
    return max(_all_shown((orders, now), json=json), REFUSED if refused else DONE)


async def _all_settled(
    desk: "Desk", results: "list[Order | Refused]", wait_s: float
) -> "list[Order | Refused]":
    """The orders at their ends, or as they stand when the time for all of them is up."""
    deadline = desk.clock.monotonic() + wait_s
    return [
        one
        if isinstance(one, Refused)
        else await _settled(desk, one, deadline - desk.clock.monotonic())
        for one in results
    ]


async def _settled(desk: "Desk", order: Order, timeout_s: float = 2.0) -> Order:
    """The order at its end, or as it stands when the time is up."""
    if order.is_ended or timeout_s <= 0:
        return await desk.get_order(order.cl_ord_id)
    try:
        return await desk.wait(order.cl_ord_id, timeout_s=timeout_s)
    except TimeoutError:
        return await desk.get_order(order.cl_ord_id)


def _shown(seen: Seen, *, json: bool) -> int:
    """The order on one line; why it ended badly goes to standard error."""
    order, now = seen
    if json:
        say_json(order)
    else:
        from floorbroker.cli.tables import order_line

        say(order_line(order, now))
    if order.ord_status not in _BAD_ENDS:
        return DONE
    warn(f"{order.cl_ord_id} {order.ord_status}: {order.text or 'no reason was given'}")
    return REFUSED


def _all_shown(seen: AllSeen, *, json: bool) -> int:
    orders, now = seen
    if json:
        say_json(orders)
        return DONE
    from floorbroker.cli.tables import show_orders

    show_orders(orders, now)
    return DONE
