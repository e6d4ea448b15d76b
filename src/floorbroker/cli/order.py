"""`floorbroker order`: submit, show, list, watch, replace, cancel, cancel-all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
from floorbroker.domain.errors import ConfigError, InvalidOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Order, OrderRequest, OrdStatus

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.publish.journaled import JournaledBook

app = App(name="order", help="Submit, show, list, watch, replace and cancel orders.")

#: An order, or orders, as they stood at this time of the market.
Seen = tuple[Order, datetime]
AllSeen = tuple[list[Order], datetime]

_BAD_ENDS = frozenset({OrdStatus.REJECTED, OrdStatus.NOT_PLACED, OrdStatus.EXPIRED_UNSENT})


@Parameter(name="*")
@dataclass(frozen=True)
class SubmitOptions:
    """Prices and conditions of a new order.

    Parameters
    ----------
    limit
        limit price
    stop
        stop price: the order sleeps until a trade touches it
    trail
        trailing stop, distance in dollars
    trail_percent
        trailing stop, distance in percent
    notional
        dollars instead of a quantity, on a market order
    tif
        day, gtc, ioc, fok, opg or cls
    extended_hours
        also trade before and after the regular session
    id
        your own ClOrdID; never reused
    wait
        seconds to wait for the order to end
    """

    limit: str | None = None
    stop: str | None = None
    trail: str | None = None
    trail_percent: str | None = None
    notional: str | None = None
    tif: str = "day"
    extended_hours: Annotated[bool, Parameter(negative="")] = False
    id: str | None = None
    wait: float = 2.0


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
    side: str,
    qty: Annotated[str, Parameter(help="shares; left out with --notional")],
    symbol: str | None = None,
    /,
    *,
    options: SubmitOptions | None = None,
    json: Json = False,
) -> int:
    """Place an order, and wait a moment for its end.

    Examples: floorbroker order submit buy 10 AAPL --limit 187.20 --tif day
              floorbroker order submit sell 5 MSFT --trail-percent 1.5
              floorbroker order submit buy SPY --notional 500
    """
    chosen = options or SubmitOptions()
    with _as_typed(_SUBMITTED):
        request = _request((side, qty, symbol), chosen)

        async def place(desk: "Desk") -> Seen:
            order = await desk.submit_order(request)
            return await _settled(desk, order, chosen.wait), desk.clock.now()

        seen = with_desk(place)
    return _shown(seen, json=json)


@app.command
def show(cl_ord_id: str, /, *, json: Json = False) -> int:
    """One order and its life so far.

    Example: floorbroker order show o-01J9ZK...
    """

    async def find(desk: "Desk") -> Seen:
        return await desk.get_order(cl_ord_id), desk.clock.now()

    def read(book: "JournaledBook") -> Seen:
        return book.order(ClOrdID(cl_ord_id)), book.time

    order, now = with_desk_or_journal(find, read)
    if json:
        say_json(order)
        return DONE
    from floorbroker.cli.tables import order_line, show_life

    say(order_line(order, now))
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

    with _as_typed(_OPTIONS):
        seen = with_desk(change)
    return _shown(seen, json=json)


@app.command
def cancel(cl_ord_id: str, /, *, json: Json = False) -> int:
    """Cancel an order and wait a moment for the confirmation.

    Example: floorbroker order cancel o-01J9ZK...
    """

    async def withdraw(desk: "Desk") -> Seen:
        asked = await desk.cancel_order(cl_ord_id)
        return await _settled(desk, asked), desk.clock.now()

    order, now = with_desk(withdraw)
    code = _shown((order, now), json=json)
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

    async def withdraw(desk: "Desk") -> AllSeen:
        asked = await desk.cancel_all_orders()
        return [await _settled(desk, order) for order in asked], desk.clock.now()

    return _all_shown(with_desk(withdraw), json=json)


#: What the fields of an order are called on the command line.
_OPTIONS = {
    "qty": "--qty",
    "order_qty": "--qty",
    "limit_price": "--limit",
    "price": "--limit",
    "stop_price": "--stop",
    "stop_px": "--stop",
    "trail": "--trail",
    "trail_price": "--trail",
    "trail_amount": "--trail",
    "trail_percent": "--trail-percent",
    "notional": "--notional",
    "time_in_force": "--tif",
    "extended_hours": "--extended-hours",
}
_SUBMITTED = {
    **_OPTIONS,
    "cl_ord_id": "--id",
    "side": "SIDE",
    "qty": "QTY",
    "order_qty": "QTY",
    "symbol": "SYMBOL",
}


@contextmanager
def _as_typed(words: Mapping[str, str]) -> Iterator[None]:
    """Have an error name what was typed, not the field that it became."""
    try:
        yield
    except InvalidOrder as problem:
        typed = words.get(problem.field, problem.field)
        raise InvalidOrder(typed, problem.value, problem.hint) from None


async def _settled(desk: "Desk", order: Order, timeout_s: float = 2.0) -> Order:
    """The order at its end, or as it stands when the time is up."""
    if order.is_ended or timeout_s <= 0:
        return order
    try:
        return await desk.wait(order.cl_ord_id, timeout_s=timeout_s)
    except TimeoutError:
        return await desk.get_order(order.cl_ord_id)


def _request(words: tuple[str, str, str | None], chosen: SubmitOptions) -> OrderRequest:
    """The order that these words ask for; raises InvalidOrder."""
    side, qty, symbol = _placed(*words, is_notional=chosen.notional is not None)
    common: dict[str, Any] = {
        "time_in_force": chosen.tif,
        "extended_hours": chosen.extended_hours,
        "cl_ord_id": chosen.id,
    }
    prices = {
        name: price
        for name, price in (
            ("limit_price", chosen.limit),
            ("stop_price", chosen.stop),
            ("trail_price", chosen.trail),
            ("trail_percent", chosen.trail_percent),
            ("notional", chosen.notional),
        )
        if price is not None
    }
    kind = _KINDS.get(frozenset(prices))
    if kind is None:
        given = " with ".join(_OPTIONS[name] for name in prices)
        raise InvalidOrder("options", given, f"right are {_RIGHT}")
    make: Any = getattr(OrderRequest, kind)  # the options decide which arguments it takes
    request: OrderRequest = make(side, qty, symbol, **prices, **common)
    return request


#: Which options ask for which kind of order; any other combination would drop one unseen.
_KINDS = {
    frozenset[str](): "market",
    frozenset(["notional"]): "market",
    frozenset(["limit_price"]): "limit",
    frozenset(["stop_price"]): "stop",
    frozenset(["limit_price", "stop_price"]): "stop_limit",
    frozenset(["trail_price"]): "trailing_stop",
    frozenset(["trail_percent"]): "trailing_stop",
}
_RIGHT = "--limit, --stop, both of these, or one of --trail, --trail-percent and --notional alone"
_SHAPE = "write SIDE QTY SYMBOL, such as: buy 10 AAPL"


def _placed(
    side: str, qty: str, symbol: str | None, *, is_notional: bool
) -> tuple[str, str | None, str]:
    """Side, quantity and symbol; with --notional the one word after the side is the symbol."""
    if is_notional:
        if symbol is not None:
            raise InvalidOrder("qty", qty, "give a quantity or --notional, not both")
        return side, None, qty
    if symbol is None:
        raise InvalidOrder("qty", "nothing", _SHAPE)
    if not any(letter.isalpha() for letter in symbol):
        raise InvalidOrder("symbol", repr(symbol), _SHAPE)
    return side, qty, symbol


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
