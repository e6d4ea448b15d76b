"""Which orders the venue takes: its switches, and the refusals that need no account.

Each refusal is what Alpaca answers: HTTP status, code and text. Texts that no source gives are
ours, under the code of their kind: 40010001 for a malformed request, 42210000 for one that is well
formed and not allowed, 40310000 for what this account may not do now.
"""

from decimal import ROUND_DOWN, Decimal
from typing import NoReturn

from msgspec import Struct, structs

from floorbroker.domain.amounts import plain
from floorbroker.exchange.daytrades import DATED, OFF, ON
from floorbroker.exchange.model import ZERO, OrderTicket, VenueError
from floorbroker.exchange.reference.assets import FRACTIONAL_EXTENDED, Asset

SIDES = ("buy", "sell")
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES_IN_FORCE = ("day", "gtc", "opg", "cls", "ioc", "fok")
ORDER_CLASSES = ("", "simple", "bracket", "oco", "oto", "mleg")
POSITION_INTENTS = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
CLIENT_ORDER_ID_MAX = 128

#: What each time in force of an equity order may be combined with.
_EQUITY_TYPES = {
    "day": TYPES,
    "gtc": TYPES,
    "opg": ("market", "limit"),
    "cls": ("market", "limit"),
    "ioc": ("market", "limit"),
    "fok": ("market", "limit"),
}
#: By type: whether it has a limit, whether a stop, and what is said of a stray or missing one.
_PRICES = {
    "market": (False, False, "market orders require no stop or limit price", ""),
    "limit": (True, False, "limit orders require only limit price", "limit price is required"),
    "stop": (False, True, "stop orders require only stop price", "stop price is required"),
    "stop_limit": (True, True, "", "stop limit orders require both stop and limit price"),
    "trailing_stop": (False, False, "trailing stop orders require no stop or limit price", ""),
}
#: What an ordinary ticket says: its type, whether it has a limit, its side and its time in force.
_PLAIN = frozenset(
    (kind, kind == "limit", side, time)
    for kind in ("limit", "market")
    for side in SIDES
    for time in ("day", "gtc")
)
#: What it does not say.
_EXTRAS = slice(OrderTicket.__struct_fields__.index("notional"), None)
_NO_EXTRAS = structs.astuple(OrderTicket())[_EXTRAS]
_CRYPTO_TYPES = ("market", "limit", "stop_limit")
_FRACTIONAL_TYPES = ("market", "limit", "stop", "stop_limit")
_PLACES_MAX = 9
#: The switches that are nanoseconds of the market.
LATENCIES = ("ack_latency_ns", "cancel_latency_ns", "replace_latency_ns")
_WHOLE = Decimal(1)
_CENT = Decimal("0.01")
_FINE = Decimal("0.0001")


#: What becomes of the open orders of a symbol at a corporate action.
ADJUSTED, CANCELED, KEPT = "adjusted", "canceled", "kept"
_TREATMENTS = (ADJUSTED, CANCELED, KEPT)


class VenueRules(Struct, frozen=True, kw_only=True):
    """Where sources disagree about Alpaca, or Alpaca has changed: one switch each."""

    initial_status: str = "pending_new"  #: Of a new order in its hours; "accepted" as in 2020.
    accepted_event: str = "dated"  #: "on", "off", or "dated": from 2026-07-30 on.
    has_pending_cancel_event: bool = False
    has_pending_replace_event: bool = False
    day_end_status: str = "expired"  #: Or "canceled".
    auction_end_status: str = "canceled"  #: Of opg and cls orders that their auction left over.
    wash_trade_status: int = 403  #: Or 422, with its code.
    cancel_all_body: bool = True  #: DELETE /orders tells the orders, not only their ids.
    truncates_sub_penny: bool = False  #: As in 2021; the default refuses.
    replace_resets_created_at: bool = False
    replace_restarts_filled: bool = False  #: The successor starts at filled_qty 0.
    replace_keeps_priority: bool = True  #: Only where nothing but the quantity shrinks.
    replace_keeps_hwm: bool = True
    collars_buy_stops: bool = True  #: A buy stop turns into a limit 4 % (2.5 % from $50) above.
    collars_market_buys: bool = False
    market_buy_margin: Decimal = Decimal("0.03")  #: Added to the ask where a cost is estimated.
    checks_stop_direction: bool = True
    checks_buying_power: bool = True
    checks_wash_trades: bool = True
    pdt: str = OFF  #: Four day trades in five sessions; "dated" for days before 2026-06-04, "on".
    charges_fees: bool = False  #: Paper charges none.
    has_overnight: bool = True  #: Off as before 24/5: nothing trades from 20:00 to 04:00.
    overnight_takes_gtc: bool = False  #: On request there; else gtc orders sleep at night.
    overnight_disabled: str = "hold"  #: Until 04:00, for an account that wants no nights.
    overnight_untradable: str = "hold"  #: The same for assets that do not trade overnight.
    split_orders: str = ADJUSTED  #: At a forward split or a dividend in shares.
    reverse_split_orders: str = CANCELED
    split_class_orders: str = KEPT  #: Bracket, OCO and OTO travel "do not cancel"; or "canceled".
    dividend_orders: str = ADJUSTED  #: Buy limits and sell stops follow a cash dividend down.
    dividends_paid: str = "payable_date"  #: Or "ex_date", at once.
    lists_busts: bool = True  #: Busts and corrections are FILL rows of the activities too.
    journals_first_cash: bool = True  #: What an account begins with is its first activity, JNLC.
    ack_latency_ns: int = 0  #: From the answer to the venue's acknowledgement.
    cancel_latency_ns: int = 0
    replace_latency_ns: int = 0

    def __post_init__(self) -> None:
        for field, allowed in (
            ("initial_status", ("pending_new", "accepted")),
            ("accepted_event", ("on", "off", "dated")),
            ("day_end_status", ("expired", "canceled")),
            ("auction_end_status", ("expired", "canceled")),
            ("overnight_disabled", ("hold", "refuse")),
            ("overnight_untradable", ("hold", "refuse")),
            ("wash_trade_status", (403, 422)),
            ("pdt", (OFF, DATED, ON)),
            ("split_orders", _TREATMENTS),
            ("reverse_split_orders", _TREATMENTS),
            ("split_class_orders", (KEPT, CANCELED)),
            ("dividend_orders", _TREATMENTS),
            ("dividends_paid", ("payable_date", "ex_date")),
        ):
            if (value := getattr(self, field)) not in allowed:
                words = ", ".join(map(str, allowed))
                raise ValueError(f"{field} is {value!r}; it must be one of {words}")
        for field in ("market_buy_margin", *LATENCIES):
            if not 0 <= getattr(self, field) < 1 << 63:
                raise ValueError(f"{field} is {getattr(self, field)}; it must be 0 or more")


def malformed(message: str, **extra: str) -> VenueError:
    return VenueError(422, 40010001, message, extra)


def unprocessable(message: str, **extra: str) -> VenueError:
    return VenueError(422, 42210000, message, extra)


def forbidden(message: str, **extra: str) -> VenueError:
    return VenueError(403, 40310000, message, extra)


def not_found(message: str) -> VenueError:
    return VenueError(404, 40410000, message)


def check_ticket(ticket: OrderTicket, asset: Asset, rules: VenueRules) -> OrderTicket:
    """The ticket as it will be worked; raises VenueError for one that no account may place."""
    check_all(ticket, asset)
    return ticket if asset.is_crypto else _on_tick(ticket, rules)


def check_all(ticket: OrderTicket, asset: Asset) -> None:
    """All but the price's step, in the order in which Alpaca answers; may raise VenueError."""
    _check_words(ticket)
    _check_size(ticket)
    _check_asset(asset)
    _check_fields(ticket)
    _check_time_in_force(ticket, asset)
    if is_fractional(ticket) and not asset.is_crypto:
        _check_fraction(ticket, asset)
    if ticket.extended_hours:
        _check_extended_hours(ticket, asset)


def is_plain(ticket: OrderTicket, asset: Asset) -> bool:
    """Whether no check of a ticket alone has anything to say, as of most: told apart in one go.

    A market or limit order for whole shares, for the day or until canceled, without extras.
    """
    qty, limit = ticket.qty, ticket.limit_price
    if qty is None or structs.astuple(ticket)[_EXTRAS] != _NO_EXTRAS:
        return False
    words = ticket.type, limit is not None, ticket.side, ticket.time_in_force
    return (
        words in _PLAIN
        and qty > ZERO
        and (qty.same_quantum(_WHOLE) or not qty % _WHOLE)
        and (
            limit is None
            or (not limit % _CENT if limit >= _WHOLE else limit > ZERO and not limit % _FINE)
        )
        and len(ticket.client_order_id or "") <= CLIENT_ORDER_ID_MAX
        and asset.status == "active"
        and asset.tradable
        and asset.asset_class != "crypto"
    )


def is_fractional(ticket: OrderTicket) -> bool:
    """Whether the size is in dollars or not in whole shares."""
    return ticket.qty is None or ticket.qty % _WHOLE != 0


def _check_words(ticket: OrderTicket) -> None:
    if not ticket.symbol:
        raise malformed("symbol is required")
    _check_word("side", ticket.side, SIDES)
    _check_word("type", ticket.type, TYPES)
    _check_word("time_in_force", ticket.time_in_force, TIMES_IN_FORCE)
    order_class = ticket.order_class or ""
    if order_class not in ORDER_CLASSES:
        raise malformed(f"invalid order_class {order_class}")
    if order_class == "mleg":
        raise unprocessable(f"{order_class} orders are not supported by this exchange")
    if ticket.position_intent and ticket.position_intent not in POSITION_INTENTS:
        raise malformed(f"invalid position_intent {ticket.position_intent}")
    if ticket.client_order_id and len(ticket.client_order_id) > CLIENT_ORDER_ID_MAX:
        raise malformed(f"client_order_id must be no more than {CLIENT_ORDER_ID_MAX} characters")


def _check_word(field: str, word: str | None, allowed: tuple[str, ...]) -> None:
    if word in allowed:
        return
    raise malformed(f"invalid {field} {word}" if word else f"{field} is required")


def _check_size(ticket: OrderTicket) -> None:
    qty, notional = ticket.qty, ticket.notional
    if qty is None and notional is None:
        raise malformed("qty or notional is required")
    if qty is not None and notional is not None:
        raise malformed("only one of qty or notional is accepted")
    if qty is not None:
        if qty <= ZERO:
            raise malformed("qty must be > 0")
        if qty % _WHOLE and _places(qty) > _PLACES_MAX:
            raise unprocessable("qty must be limited to 9 decimal places")
    if notional is not None:
        if notional <= 0:
            raise malformed("notional must be > 0")
        if _places(notional) > 2:
            raise unprocessable("notional amount must be limited to 2 decimal places")


def _check_asset(asset: Asset) -> None:
    if asset.status != "active":
        raise unprocessable(f"asset {asset.symbol} is not active")
    if not asset.tradable:
        raise unprocessable(f'asset "{asset.symbol}" is not tradable')


def _check_fields(ticket: OrderTicket) -> None:
    """Exactly the prices that the type needs, each above zero."""
    limit, stop = ticket.limit_price, ticket.stop_price
    needs_limit, needs_stop, stray, missing = _PRICES[ticket.type or ""]
    if (limit is not None and not needs_limit) or (stop is not None and not needs_stop):
        raise malformed(stray)
    if (limit is None and needs_limit) or (stop is None and needs_stop):
        raise malformed(missing)
    if ticket.type == "trailing_stop":
        _check_trail(ticket)
    elif ticket.trail_price is not None or ticket.trail_percent is not None:
        raise malformed("trail_price and trail_percent are for trailing stop orders only")
    for name, price in (("limit", limit), ("stop", stop)):
        if price is not None and price <= ZERO:
            raise malformed(f"{name} price must be > 0")


def _check_trail(ticket: OrderTicket) -> None:
    if (ticket.trail_price is None) == (ticket.trail_percent is None):
        raise malformed("trailing stop orders must specify one of trail_price or trail_percent")
    for name in ("trail_price", "trail_percent"):
        value = getattr(ticket, name)
        if value is not None and value <= 0:
            raise malformed(f"{name} must be > 0")
    if ticket.trail_percent is not None and ticket.trail_percent >= 100:
        raise malformed("trail_percent must be < 100")


def _check_time_in_force(ticket: OrderTicket, asset: Asset) -> None:
    kind, tif = ticket.type or "", ticket.time_in_force or ""
    if asset.is_crypto:
        if tif not in ("gtc", "ioc"):
            raise unprocessable("invalid crypto time_in_force")
        if kind not in _CRYPTO_TYPES:
            raise unprocessable(f"invalid order type for crypto order: {kind}")
    elif kind not in _EQUITY_TYPES[tif]:
        raise unprocessable(f"time_in_force {tif} is not supported for {kind} orders")
    elif asset.exchange == "OTC" and tif not in ("day", "gtc"):
        raise unprocessable(f"time_in_force {tif} is not supported for OTC assets")


def _check_fraction(ticket: OrderTicket, asset: Asset) -> None:
    if not asset.fractionable:
        raise forbidden(f'asset "{asset.symbol}" is not fractionable')
    if ticket.time_in_force != "day":
        raise unprocessable("fractional orders must be DAY orders")
    if ticket.type not in _FRACTIONAL_TYPES:
        raise unprocessable("fractional orders must be market, limit, stop, or stop_limit orders")


def _check_extended_hours(ticket: OrderTicket, asset: Asset) -> None:
    if ticket.type != "limit" or ticket.time_in_force not in ("day", "gtc"):
        raise unprocessable("extended hours order must be DAY limit orders")
    if is_fractional(ticket) and FRACTIONAL_EXTENDED not in asset.attributes:
        _refuse_fractional_extended_hours(asset)


def _refuse_fractional_extended_hours(asset: Asset) -> NoReturn:
    raise unprocessable(
        f"asset {asset.symbol} cannot be traded in fractions outside regular hours"
    )


def _on_tick(ticket: OrderTicket, rules: VenueRules) -> OrderTicket:
    """Prices on their tick, or cut to it; raises VenueError where they are refused."""
    for field, price in (("limit_price", ticket.limit_price), ("stop_price", ticket.stop_price)):
        if price is None:
            continue
        if is_on_tick(price):
            continue
        if not rules.truncates_sub_penny:
            raise unprocessable(
                f"invalid {field} {plain(price)}. sub-penny increment does not fulfill minimum "
                "pricing criteria"
            )
        step = _CENT if price >= _WHOLE else _FINE
        ticket = structs.replace(ticket, **{field: price.quantize(step, ROUND_DOWN)})
    return ticket


def is_on_tick(px: Decimal) -> bool:
    """Rule 612: cents from a dollar up, hundredths of a cent below."""
    return not px % (_CENT if px >= _WHOLE else _FINE)


def _places(number: Decimal) -> int:
    """Decimals that matter."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= 0:
        return 0
    exponent = number.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0
