"""An order: what is asked (`OrderRequest`) and what became of it (`Order`)."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self, TypedDict, TypeVar, Unpack

from msgspec import Struct

from floorbroker.domain.amounts import ZERO_QTY, Amount, Money, Number, Px, Qty, exact
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID, leg_id
from floorbroker.domain.lifecycle import ENDED as ENDED
from floorbroker.domain.lifecycle import OrdStatus as OrdStatus
from floorbroker.domain.terms import OrderClass as OrderClass
from floorbroker.domain.terms import OrderTerms as OrderTerms
from floorbroker.domain.terms import OrdType as OrdType
from floorbroker.domain.terms import Side as Side
from floorbroker.domain.terms import TimeInForce as TimeInForce
from floorbroker.domain.terms import leg_name, validate


class Pending(StrEnum):
    """What we have asked of a live order and not heard back about."""

    CANCEL = "cancel"
    REPLACE = "replace"


class Options(TypedDict, total=False):
    """What any order may say besides its type, side, size and prices."""

    time_in_force: TimeInForce | str
    extended_hours: bool
    cl_ord_id: str | None
    account: str | None
    strategy: str


class ExitOptions(Options, total=False):
    """What an OCO may say besides."""

    stop_loss_limit: Number | None


class EntryOptions(ExitOptions, total=False):
    """What a bracket or an OTO may say besides."""

    limit_price: Number | None


class OrderRequest(OrderTerms, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked. Each kind of order has a named constructor that checks all that can be known
    without the broker and raises InvalidOrder with the field, the value and what would be right.

    Sizes and prices are int, str or Decimal, never float: `OrderRequest.limit("buy", 10, "AAPL",
    limit_price="187.20")`.
    """

    @classmethod
    def market(
        cls,
        side: Side | str,
        qty: Number | None,
        symbol: str,
        *,
        notional: Number | None = None,
        **options: Unpack[Options],
    ) -> Self:
        """Buy or sell at the best price there is; `notional` (dollars) instead of `qty`."""
        terms = _common(side, qty, symbol, options)
        terms["notional"] = _amount(Money, "notional", notional)
        return cls(ord_type=OrdType.MARKET, **terms)._validated()

    @classmethod
    def limit(
        cls,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        limit_price: Number,
        **options: Unpack[Options],
    ) -> Self:
        """Buy at `limit_price` or lower, sell at it or higher."""
        terms = _common(side, qty, symbol, options)
        terms["price"] = _amount(Px, "limit_price", limit_price)
        return cls(ord_type=OrdType.LIMIT, **terms)._validated()

    @classmethod
    def stop(
        cls,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        stop_price: Number,
        **options: Unpack[Options],
    ) -> Self:
        """A market order once a trade touches `stop_price`."""
        terms = _common(side, qty, symbol, options)
        terms["stop_px"] = _amount(Px, "stop_price", stop_price)
        return cls(ord_type=OrdType.STOP, **terms)._validated()

    @classmethod
    def stop_limit(
        cls,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        stop_price: Number,
        limit_price: Number,
        **options: Unpack[Options],
    ) -> Self:
        """A limit order once a trade touches `stop_price`."""
        terms = _common(side, qty, symbol, options)
        terms["stop_px"] = _amount(Px, "stop_price", stop_price)
        terms["price"] = _amount(Px, "limit_price", limit_price)
        return cls(ord_type=OrdType.STOP_LIMIT, **terms)._validated()

    @classmethod
    def trailing_stop(
        cls,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        trail_price: Number | None = None,
        trail_percent: Number | None = None,
        **options: Unpack[Options],
    ) -> Self:
        """A stop that follows the market at a distance in dollars or in percent, never back."""
        terms = _common(side, qty, symbol, options)
        terms["trail_amount"] = _amount(Px, "trail_price", trail_price)
        terms["trail_percent"] = _number("trail_percent", trail_percent)
        return cls(ord_type=OrdType.TRAILING_STOP, **terms)._validated()

    @classmethod
    def bracket(
        cls,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        take_profit: Number,
        stop_loss: Number,
        **options: Unpack[EntryOptions],
    ) -> Self:
        """An entry, at the market or at `limit_price`, and the pair of orders that ends its
        position: a limit at `take_profit`, and a stop at `stop_loss` (with `stop_loss_limit` a
        stop-limit). The legs wait until the entry is filled; what ends one ends the other."""
        terms = _entry(side, qty, symbol, options)
        prices = (take_profit, stop_loss, options.get("stop_loss_limit"))
        legs = _legs(terms["side"].opposite, terms["symbol"], *prices)
        return cls(order_class=OrderClass.BRACKET, legs=legs, **terms)._validated()

    @classmethod
    def oco(
        cls,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        take_profit: Number,
        stop_loss: Number,
        **options: Unpack[ExitOptions],
    ) -> Self:
        """Ends a position that is there, at a profit or at a loss: a limit order at `take_profit`
        with a leg that is the stop. `side` is that of both: sell to end a long position."""
        prices = (None, stop_loss, options.pop("stop_loss_limit", None))
        terms = _common(side, qty, symbol, options)
        terms["price"] = _amount(Px, "take_profit", take_profit)
        legs = _legs(terms["side"], terms["symbol"], *prices)
        kind = OrderClass.OCO
        return cls(ord_type=OrdType.LIMIT, order_class=kind, legs=legs, **terms)._validated()

    @classmethod
    def oto(
        cls,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        take_profit: Number | None = None,
        stop_loss: Number | None = None,
        **options: Unpack[EntryOptions],
    ) -> Self:
        """An entry, at the market or at `limit_price`, and one order that ends its position and
        waits until the entry is filled: either the one at `take_profit` or the stop."""
        terms = _entry(side, qty, symbol, options)
        prices = (take_profit, stop_loss, options.get("stop_loss_limit"))
        legs = _legs(terms["side"].opposite, terms["symbol"], *prices)
        return cls(order_class=OrderClass.OTO, legs=legs, **terms)._validated()

    def _validated(self) -> Self:
        validate(self)
        return self


class Fill(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One execution of one order, as the venue reported it.

    `cum_qty` is the broker order's CumQty after this execution; with `order_id` it identifies the
    execution where two channels name it differently. A bust has the negative of its fill.
    """

    exec_id: ExecID
    order_id: OrderID
    cl_ord_id: ClOrdID
    symbol: str
    side: Side
    last_qty: Qty
    last_px: Px
    cum_qty: Qty
    transact_time: datetime
    account: Account = Account("")


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of a request. A value: every report makes a new one.

    `venue_status` is what the venue says, `pending` what we have asked and not heard about;
    `ord_status` is derived from both. `booked_cum_qty` holds the fills that were booked on earlier
    broker orders of the same lineage, before a replace.
    """

    cl_ord_id: ClOrdID
    account: Account
    request: OrderRequest
    created_time: datetime
    venue_status: OrdStatus = OrdStatus.CREATED
    pending: Pending | None = None
    order_id: OrderID | None = None
    wire_id: str = ""  #: The client order id now on the wire; differs after a replace.
    cum_qty: Qty = ZERO_QTY
    avg_px: Px | None = None
    booked_cum_qty: Qty = ZERO_QTY
    fills: tuple[Fill, ...] = ()
    attempt: int = 0
    sent_time: datetime | None = None
    acked_time: datetime | None = None
    ended_time: datetime | None = None
    updated_time: datetime | None = None
    text: str = ""  #: Why it was rejected, or what is unknown, in words.
    replaces: tuple[OrderID, ...] = ()  #: Earlier broker orders of this lineage, oldest first.
    is_external: bool = False  #: Not placed through this desk.
    replaces_asked: int = 0  #: How often a replace was asked for; numbers the wire ids.
    parent: ClOrdID | None = None  #: The order whose leg this is.
    ref_px: Px | None = None  #: The market's price when it was decided on, where it was known.

    @property
    def ord_status(self) -> OrdStatus:
        """FIX precedence: a pending cancel or replace shows over any live status."""
        if self.pending is None or self.venue_status in ENDED:
            return self.venue_status
        if self.venue_status is OrdStatus.UNKNOWN:
            return OrdStatus.UNKNOWN
        if self.pending is Pending.CANCEL:
            return OrdStatus.PENDING_CANCEL
        return OrdStatus.PENDING_REPLACE

    @property
    def legs(self) -> tuple[ClOrdID, ...]:
        """The ClOrdIDs of the order's legs, the take-profit first. The legs are orders of their
        own from the broker's first answer on."""
        return tuple(leg_id(self.cl_ord_id, leg_name(leg)) for leg in self.request.legs)

    @property
    def symbol(self) -> str:
        return self.request.symbol

    @property
    def side(self) -> Side:
        return self.request.side

    @property
    def ord_type(self) -> OrdType:
        return self.request.ord_type

    @property
    def order_qty(self) -> Qty | None:
        """None for a notional order: its shares are known only by its fills."""
        return self.request.order_qty

    @property
    def leaves_qty(self) -> Qty:
        """Shares still working: zero once ended, and zero while a notional order's are unknown."""
        if self.venue_status in ENDED or self.request.order_qty is None:
            return ZERO_QTY
        return max(self.request.order_qty - self.cum_qty, ZERO_QTY)

    @property
    def is_ended(self) -> bool:
        return self.venue_status in ENDED


_OPTIONS = frozenset(Options.__annotations__)
_ENTRY = frozenset(("stop_loss_limit", "limit_price"))

Kind = TypeVar("Kind", bound=Amount)
Word = TypeVar("Word", bound=StrEnum)


def _common(side: Side | str, qty: Number | None, symbol: str, options: Options) -> dict[str, Any]:
    """The fields that every kind of order has, parsed; raises InvalidOrder and TypeError."""
    if not _OPTIONS.issuperset(options):
        unknown = min(options.keys() - _OPTIONS)
        raise TypeError(f"{unknown} is no option of an order; {_listed(Options.__annotations__)}")
    if not isinstance(symbol, str):
        raise InvalidOrder("symbol", repr(symbol), 'give the ticker as text, such as "AAPL"')
    return {
        **options,
        "side": _word(Side, "side", side),
        "order_qty": _amount(Qty, "qty", qty),
        "symbol": symbol.strip().upper(),
        "time_in_force": _word(
            TimeInForce, "time_in_force", options.get("time_in_force", TimeInForce.DAY)
        ),
    }


def _entry(side: Side | str, qty: Number, symbol: str, options: EntryOptions) -> dict[str, Any]:
    """The fields of an order whose legs follow it: at the market, or at a limit."""
    price = _amount(Px, "limit_price", options.get("limit_price"))
    rest: Any = {name: value for name, value in options.items() if name not in _ENTRY}
    terms = _common(side, qty, symbol, rest)
    kind = OrdType.MARKET if price is None else OrdType.LIMIT
    return {**terms, "ord_type": kind, "price": price}


def _legs(side: Side, symbol: str, *prices: Number | None) -> tuple[OrderTerms, ...]:
    """The legs of these prices (take_profit, stop_loss, stop_loss_limit), the profit first."""
    fields = ("take_profit", "stop_loss", "stop_loss_limit")
    profit, stop, limit = (
        _amount(Px, field, price) for field, price in zip(fields, prices, strict=True)
    )
    if limit is not None and stop is None:
        raise InvalidOrder("stop_loss_limit", limit, "give it together with stop_loss")
    legs = []
    if profit is not None:
        kind = OrdType.LIMIT
        legs.append(OrderTerms(side=side, symbol=symbol, ord_type=kind, price=profit))
    if stop is not None:
        kind = OrdType.STOP if limit is None else OrdType.STOP_LIMIT
        legs.append(OrderTerms(side=side, symbol=symbol, ord_type=kind, price=limit, stop_px=stop))
    return tuple(legs)


def _amount(kind: type[Kind], field: str, value: Number | None) -> Kind | None:
    number = _number(field, value)
    return None if number is None else kind.of(number)


def _number(field: str, value: Number | None) -> Decimal | None:
    if value is None:
        return None
    try:
        return exact(value)
    except (TypeError, ValueError) as problem:
        raise InvalidOrder(
            field, repr(value), f'{problem}; an int, a Decimal or text such as "187.20" is right'
        ) from None


def _word(kind: type[Word], field: str, value: str) -> Word:
    if type(value) is kind:
        return value
    try:
        return kind(value.lower() if isinstance(value, str) else value)
    except ValueError:
        raise InvalidOrder(field, repr(value), f"choose one of {_listed(kind)}") from None


def _listed(words: Iterable[str]) -> str:
    return ", ".join(str(word) for word in words)
