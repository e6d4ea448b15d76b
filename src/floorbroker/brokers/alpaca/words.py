"""Alpaca's vocabulary: its words beside ours, how its numbers are read, and what we send."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import Meta, Struct

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.order_rules import OrderRules
from floorbroker.brokers.port import ActivityKind
from floorbroker.domain.amounts import Px, Qty, plain
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecType, OrderCancelReplaceRequest
from floorbroker.domain.order import (
    OrderClass,
    OrderRequest,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)

#: The consolidated tape is free once it is a quarter of an hour old.
FREE_AFTER = timedelta(minutes=16)
#: RFC 3339 with a zone; finer digits than microseconds are rounded.
Instant = Annotated[datetime, Meta(tz=True)]


class Unreadable(ValueError):
    """An answer or a row in it lacks something, or holds something that cannot be."""


STATUSES: dict[str, OrdStatus] = {
    "pending_new": OrdStatus.PENDING_NEW,
    "accepted": OrdStatus.ACCEPTED,
    "accepted_for_bidding": OrdStatus.ACCEPTED,
    "pending_review": OrdStatus.ACCEPTED,
    "held": OrdStatus.HELD,
    "new": OrdStatus.NEW,
    "partially_filled": OrdStatus.PARTIALLY_FILLED,
    "stopped": OrdStatus.STOPPED,
    "suspended": OrdStatus.SUSPENDED,
    "calculated": OrdStatus.CALCULATED,
    "done_for_day": OrdStatus.DONE_FOR_DAY,
    "pending_cancel": OrdStatus.PENDING_CANCEL,
    "pending_replace": OrdStatus.PENDING_REPLACE,
    "filled": OrdStatus.FILLED,
    "canceled": OrdStatus.CANCELED,
    "expired": OrdStatus.EXPIRED,
    "rejected": OrdStatus.REJECTED,
    "replaced": OrdStatus.REPLACED,
}

EVENTS: dict[str, ExecType] = {
    "pending_new": ExecType.PENDING_NEW,
    "accepted": ExecType.ACCEPTED,
    "pending_review": ExecType.ACCEPTED,
    "held": ExecType.HELD,
    "new": ExecType.NEW,
    "fill": ExecType.TRADE,
    "partial_fill": ExecType.TRADE,
    "trade_correct": ExecType.TRADE_CORRECT,
    "trade_bust": ExecType.TRADE_CANCEL,
    "pending_cancel": ExecType.PENDING_CANCEL,
    "canceled": ExecType.CANCELED,
    "pending_replace": ExecType.PENDING_REPLACE,
    "replaced": ExecType.REPLACED,
    "rejected": ExecType.REJECTED,
    "expired": ExecType.EXPIRED,
    "done_for_day": ExecType.DONE_FOR_DAY,
    "stopped": ExecType.STOPPED,
    "suspended": ExecType.SUSPENDED,
    "calculated": ExecType.CALCULATED,
    "restated": ExecType.RESTATED,
    # The venue refused our request and the order stands as it did; `text` says which request.
    "order_cancel_rejected": ExecType.ORDER_STATUS,
    "order_replace_rejected": ExecType.ORDER_STATUS,
}

EVENT_TEXTS = {
    "order_cancel_rejected": "the venue refused the cancel",
    "order_replace_rejected": "the venue refused the replace",
}
#: What moved the account; the families are beginnings, as in DIVNRA.
ACTIVITY_KINDS = {
    "FILL": ActivityKind.FILL,
    "FEE": ActivityKind.FEE,
    "CFEE": ActivityKind.FEE,
    "PTC": ActivityKind.FEE,
    "DIV": ActivityKind.DIVIDEND,
    "INT": ActivityKind.INTEREST,
    "CSD": ActivityKind.CASH,
    "CSW": ActivityKind.CASH,
    "JNL": ActivityKind.CASH,
    "FXTRD": ActivityKind.CASH,
    "MA": ActivityKind.CORPORATE,
    "NC": ActivityKind.CORPORATE,
    "REORG": ActivityKind.CORPORATE,
    "SPIN": ActivityKind.CORPORATE,
    "SPLIT": ActivityKind.CORPORATE,
}
ACTIVITY_FAMILIES = ("DIV", "INT", "JNL")
#: Activities whose quantity came to the position, or left it, without a trade.
SHARE_ACTIVITIES = frozenset({"SPLIT", "SPIN", "NC", "MA", "REO", "REORG", "JNLS", "ACATS"})
EXECUTIONS = frozenset({ExecType.TRADE, ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL})
SIDES = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}


def read(decode: Callable[[bytes | str], Any], what: str, raw: bytes | str) -> Any:
    """Decode, or raise Unreadable that says what it was and which field is at fault."""
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Unreadable(f"{what}: {problem}") from None


def bad(field: str, value: object, right: str) -> NoReturn:
    """Raise Unreadable: this field holds this value, and that would be right."""
    raise Unreadable(f"{field}: {value} is no {right}")


_DIGITS_MAX = 24  # before or behind the point
#: Of a frame that cannot be read, as much as this is kept.
RAW_MAX = 1 << 16


def is_amount(value: Decimal) -> bool:
    """Whether it is a number that our sums can bear."""
    return value.is_finite() and abs(value.adjusted()) <= _DIGITS_MAX


def qty_of(field: str, value: Decimal) -> Qty:
    """A size from zero up."""
    if not is_amount(value) or value < 0:
        bad(field, value, "quantity; a finite number from zero up is right")
    return Qty.of(value)


def px_of(field: str, value: Decimal | None) -> Px | None:
    """A price, or None where none is stated."""
    if value is None:
        return None
    if not is_amount(value):
        bad(field, value, "price; a finite number is right")
    return Px.of(value)


def side_of(side: str | None) -> Side:
    found = SIDES.get(side or "")
    if found is None:
        bad("side", repr(side), "side that we know; buy, sell or sell_short is right")
    return found


def activity_kind(code: str) -> ActivityKind:
    family = next((name for name in ACTIVITY_FAMILIES if code.startswith(name)), code)
    return ACTIVITY_KINDS.get(code) or ACTIVITY_KINDS.get(family, ActivityKind.OTHER)


def moves_shares(code: str, sub_code: str | None) -> bool:
    """Of a dividend in shares as well; the quantity of one in cash is what it was paid for."""
    return code in SHARE_ACTIVITIES or (code, sub_code) == ("DIV", "SDIV")


def in_utc(moment: datetime) -> datetime:
    """The same instant in UTC."""
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


_ENCODE = msgspec.json.Encoder().encode


class _TakeProfit(Struct):
    limit_price: str | None


class _StopLoss(Struct, omit_defaults=True):
    stop_price: str | None
    limit_price: str | None = None


class _OrderBody(Struct, omit_defaults=True):
    symbol: str
    side: str
    type: str
    time_in_force: str
    client_order_id: str
    qty: str | None = None
    notional: str | None = None
    limit_price: str | None = None
    stop_price: str | None = None
    trail_price: str | None = None
    trail_percent: str | None = None
    extended_hours: bool = False
    order_class: str | None = None
    take_profit: _TakeProfit | None = None
    stop_loss: _StopLoss | None = None


class _ReplaceBody(Struct, omit_defaults=True):
    client_order_id: str
    qty: str | None = None
    limit_price: str | None = None
    stop_price: str | None = None
    trail: str | None = None
    time_in_force: str | None = None


def history_feed(feed: str, age: timedelta) -> str:
    """Whose history to ask for: what ended so long ago is told of the whole market on every plan.

    A volume of one venue alone would be a few percent of what a symbol trades.
    """
    return "sip" if age >= FREE_AFTER else feed


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def order_body(cl_ord_id: ClOrdID, order: OrderRequest) -> bytes:
    """The order as Alpaca takes it, its legs with it."""
    is_pair = order.order_class is OrderClass.OCO  # its limit is the profit that it takes
    is_simple = order.order_class is OrderClass.SIMPLE
    profit, loss = (_TakeProfit(_text(order.price)) if is_pair else None), None
    for leg in order.legs:
        if leg.ord_type is OrdType.LIMIT:
            profit = _TakeProfit(_text(leg.price))
        else:
            loss = _StopLoss(_text(leg.stop_px), _text(leg.price))
    body = _OrderBody(
        symbol=order.symbol,
        side=order.side,
        type=order.ord_type,
        time_in_force=order.time_in_force,
        client_order_id=cl_ord_id,
        qty=_text(order.order_qty),
        notional=_text(order.notional),
        limit_price=None if is_pair else _text(order.price),
        stop_price=_text(order.stop_px),
        trail_price=_text(order.trail_amount),
        trail_percent=_text(order.trail_percent),
        extended_hours=order.extended_hours,
        order_class=None if is_simple else order.order_class,
        take_profit=profit,
        stop_loss=loss,
    )
    return _ENCODE(body)


def replace_body(change: OrderCancelReplaceRequest) -> bytes:
    """The change as Alpaca takes it; the successor gets the wire id as its client order id."""
    body = _ReplaceBody(
        client_order_id=change.wire_id,
        qty=_text(change.order_qty),
        limit_price=_text(change.price),
        stop_price=_text(change.stop_px),
        trail=_text(change.trail),
        time_in_force=change.time_in_force,
    )
    return _ENCODE(body)


def authorize_frame(credentials: Credentials) -> bytes:
    """What asks for the order stream. Holds the keys in the clear."""
    keys = {
        "key_id": credentials.key_id.reveal(),
        "secret_key": credentials.secret_key.reveal(),
    }
    return _ENCODE({"action": "authenticate", "data": keys})


#: Subscribes to the order stream; said again, it changes nothing and is answered again.
LISTEN_FRAME = _ENCODE({"action": "listen", "data": {"streams": ["trade_updates"]}})


_DAY, _GTC = TimeInForce.DAY, TimeInForce.GOOD_TILL_CANCEL
_ALL_DAY = (_DAY, _GTC)
_LIVE = (OrdType.MARKET, OrdType.LIMIT)
_SLEEPING = (OrdType.STOP, OrdType.STOP_LIMIT)
_COIN_TIMES = (_GTC, TimeInForce.IMMEDIATE_OR_CANCEL)
_ENTRY = dict.fromkeys(_LIVE, _ALL_DAY)

#: What Alpaca takes, as its pages on placing orders and on fractional trading have it. Cut-off
#: times of auctions, buying power and prices against the market are Alpaca's to judge.
ORDER_RULES = OrderRules(
    whole={
        **dict.fromkeys(_LIVE, tuple(TimeInForce)),
        **dict.fromkeys((*_SLEEPING, OrdType.TRAILING_STOP), _ALL_DAY),
    },
    fractional=dict.fromkeys((*_LIVE, *_SLEEPING), (_DAY,)),
    coins=dict.fromkeys((*_LIVE, OrdType.STOP_LIMIT), _COIN_TIMES),
    extended_hours={OrdType.LIMIT: _ALL_DAY},
    classes={
        OrderClass.BRACKET: _ENTRY,
        OrderClass.OTO: _ENTRY,
        OrderClass.OCO: {OrdType.LIMIT: _ALL_DAY},
    },
    over_the_counter=_ALL_DAY,
    qty_places=9,
    notional_places=2,
    px_places=((Decimal(1), 2), (Decimal(0), 4)),
    can_replace_with_fractions=False,
    can_short_fractions=False,
    can_short_hard_to_borrow=False,
)
