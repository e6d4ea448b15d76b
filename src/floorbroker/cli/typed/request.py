"""A new order as it is typed: its options, and the request that they ask for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.order import OrderRequest


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
    take_profit
        limit price of the leg that takes the profit
    stop_loss
        stop price of the leg that bounds the loss
    stop_loss_limit
        makes that leg a stop limit order
    order_class
        bracket, oco or oto; without it both legs make a bracket and one makes an OTO
    notional
        dollars instead of a quantity, on a market order
    tif
        day, gtc, ioc, fok, opg or cls
    extended_hours
        also trade before and after the regular session
    id
        your own ClOrdID; never reused
    wait
        seconds to wait for the order to end, 2 by default; with --algo to its end
    """

    limit: str | None = None
    stop: str | None = None
    trail: str | None = None
    trail_percent: str | None = None
    take_profit: str | None = None
    stop_loss: str | None = None
    stop_loss_limit: str | None = None
    order_class: Annotated[Literal["bracket", "oco", "oto"] | None, Parameter(name="--class")] = (
        None
    )
    notional: str | None = None
    tif: str = "day"
    extended_hours: Annotated[bool, Parameter(negative="")] = False
    id: str | None = None
    wait: float | None = None

    @property
    def wait_s(self) -> float:
        return 2.0 if self.wait is None else self.wait


#: What the fields of an order are called on the command line.
OPTIONS = {
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
    "take_profit": "--take-profit",
    "stop_loss": "--stop-loss",
    "stop_loss_limit": "--stop-loss-limit",
    "order_class": "--class",
    "notional": "--notional",
    "time_in_force": "--tif",
    "extended_hours": "--extended-hours",
}
SUBMITTED = {
    **OPTIONS,
    "cl_ord_id": "--id",
    "side": "SIDE",
    "qty": "QTY",
    "order_qty": "QTY",
    "symbol": "SYMBOL",
}


@contextmanager
def as_typed(words: Mapping[str, str]) -> Iterator[None]:
    """Have an error name what was typed, not the field that it became."""
    try:
        yield
    except InvalidOrder as problem:
        typed = words.get(problem.field, problem.field)
        raise InvalidOrder(typed, problem.value, problem.hint) from None


def requested(words: tuple[str, str, str | None], chosen: SubmitOptions) -> OrderRequest:
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
            ("take_profit", chosen.take_profit),
            ("stop_loss", chosen.stop_loss),
            ("stop_loss_limit", chosen.stop_loss_limit),
            ("notional", chosen.notional),
        )
        if price is not None
    }
    kind = _kind(frozenset(prices), chosen.order_class)
    if kind is None:
        given = " with ".join(OPTIONS[name] for name in prices)
        raise InvalidOrder("options", given, f"right are {_RIGHT}")
    make: Any = getattr(OrderRequest, kind)  # the options decide which arguments it takes
    request: OrderRequest = make(side, qty, symbol, **prices, **common)
    return request


def _kind(given: frozenset[str], order_class: str | None) -> str | None:
    """The kind of order that these prices ask for; None if there is no such kind."""
    legs = given & _LEGS
    if not legs and order_class is None:
        return _KINDS.get(given)
    both = frozenset(["take_profit", "stop_loss"])
    is_pair = both <= legs
    kind = order_class or ("bracket" if is_pair else "oto")
    if is_pair is (kind == "oto"):
        right = (
            "one of --take-profit and --stop-loss"
            if kind == "oto"
            else "both --take-profit and --stop-loss"
        )
        raise InvalidOrder("order_class", kind, f"for {kind} give {right}")
    if legs == {"stop_loss_limit"}:
        raise InvalidOrder("stop_loss_limit", "alone", "give it together with --stop-loss")
    entries: frozenset[str] = frozenset() if kind == "oco" else frozenset(["limit_price"])
    return kind if given - legs <= entries else None


_LEGS = frozenset(["take_profit", "stop_loss", "stop_loss_limit"])
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
_RIGHT = (
    "--limit, --stop, both of these, or one of --trail, --trail-percent and --notional alone;"
    " with --take-profit or --stop-loss an entry with --limit or at the market"
)
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
