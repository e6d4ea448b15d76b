"""Whether this account may place this order now, and what the order ties up."""

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal

from floorbroker.domain.amounts import plain
from floorbroker.exchange.accounts import VenueAccount, tied_dollars
from floorbroker.exchange.daytrades import OFF, PATTERN, PATTERN_EQUITY, is_in_force
from floorbroker.exchange.matching.fills import FRACTION, WHOLE
from floorbroker.exchange.matching.post import TradingPost
from floorbroker.exchange.model import ZERO, OrderPatch, OrderTicket, VenueError, VenueOrder
from floorbroker.exchange.reference.assets import Asset
from floorbroker.exchange.reference.calendar import NIGHT, POST, PRE, REGULAR
from floorbroker.exchange.rules import VenueRules, forbidden, malformed, unprocessable
from floorbroker.exchange.tickets import OCO

#: The least dollars of an order for a fraction, or for a coin.
_LEAST_FRACTION = Decimal(1)
_LEAST_COIN = Decimal(10)
_SHORT_MARGIN = Decimal("1.03")
_NO_ORDERS: "Orders" = {}
_CLOSING = ("buy_to_close", "sell_to_close")
_OTHER = {"buy": "sell", "sell": "buy"}
#: An account's open orders of one side of a symbol, by id.
Orders = Mapping[str, VenueOrder]


class Acceptance:
    """The checks that need the account and the market, in the order in which Alpaca answers."""

    def __init__(self, rules: VenueRules) -> None:
        self._rules = rules

    def finds_nothing(self, order: VenueOrder, account: VenueAccount) -> bool:
        """Whether `judge` surely has nothing to say against a plain order, as against most.

        That is one to buy, below a limit and for money that is there, where nothing is short nor
        for sale. Sets what the order ties up and its intent, or leaves all that to `judge`.
        """
        qty, limit_px, holding = order.qty, order.limit_price, account.positions.get(order.symbol)
        if (
            qty is None
            or limit_px is None
            or order.side != "buy"
            or account.trading_blocked
            or account.account_blocked
            or account.configuration.suspend_trade
            or self._rules.pdt != OFF
            or (holding is not None and holding.qty.is_signed())
            or account.open_by_side.get((order.symbol, "sell"))
            or not account.has_cash_for(qty * limit_px)
        ):
            return False
        order.position_intent, order.reserve_px = "buy_to_open", limit_px
        return True

    def judge(
        self,
        order: VenueOrder,
        account: VenueAccount,
        asset: Asset,
        *,
        post: TradingPost,
        replaces: VenueOrder | None = None,
        is_plain: bool = False,
    ) -> None:
        """Set what the order ties up and its intent; raises VenueError if it may not be placed.

        `replaces` is the order whose successor it would be: what that one ties up is free again.
        """
        rules, qty = self._rules, order.qty
        is_fractional = not is_plain and (qty is None or bool(qty % WHOLE))
        is_crypto = order.asset_class == "crypto"
        if (
            is_fractional
            or account.trading_blocked
            or account.account_blocked
            or account.configuration.suspend_trade
        ):
            _check_account(account, is_fractional=is_fractional and not is_crypto)
        if order.stop_price is not None and rules.checks_stop_direction:
            _check_stop_direction(order, post)
        order.position_intent = _intent(order, account)
        opposite = account.open_by_side.get((order.symbol, _OTHER[order.side])) or _NO_ORDERS
        if opposite and rules.checks_wash_trades:
            self._check_wash_trade(order, opposite, replaces)
        if rules.pdt != OFF:
            self._check_day_trades(order, account)
        if is_fractional or is_crypto:
            self._check_cost_floor(order, asset, post)
        if replaces is None or replaces.status != "held":  # else its partner holds the shares
            self._tie(order, account, asset, post=post, replaces=replaces, opposite=opposite)

    def _tie(
        self,
        order: VenueOrder,
        account: VenueAccount,
        asset: Asset,
        *,
        post: TradingPost,
        replaces: VenueOrder | None,
        opposite: Orders,
    ) -> None:
        """Find what the order ties up: shares or dollars. VenueError if there is not so much."""
        if order.position_intent in _CLOSING:
            if post.phase != REGULAR and not asset.is_crypto:
                _check_closing_dollars(order, account, replaces)
            _hold_shares(order, account, post, replaces)
            return
        if order.side == "sell":
            _check_short(order, account, asset)
        if opposite:
            _check_other_side(order, opposite)
        order.reserve_px = px = self._reserve_px(order, post)
        if self._rules.checks_buying_power:
            qty = None if replaces is not None else order.qty
            cost = tied_dollars(order) if qty is None else qty * px
            if not account.has_cash_for(cost):
                _check_buying_power(cost, account, asset, replaces)

    def _check_wash_trade(
        self, order: VenueOrder, opposite: Orders, replaces: VenueOrder | None
    ) -> None:
        """No order of an account may meet another of its own, open on the opposite side."""
        if _is_exempt(order):
            return
        for other in opposite.values():
            if other is not replaces and (reason := _wash_reason(order, other)):
                extra = {"existing_order_id": other.id, "reject_reason": reason}
                refuse = forbidden if self._rules.wash_trade_status == 403 else unprocessable
                raise refuse("potential wash trade detected. use complex orders", **extra)

    def _check_day_trades(self, order: VenueOrder, account: VenueAccount) -> None:
        """Small accounts may not day trade as a pattern; open orders count as if filled today."""
        now_ns = order.submitted_ns
        if not is_in_force(self._rules.pdt, now_ns):
            return
        if min(account.equity, account.last_equity) >= PATTERN_EQUITY:
            return
        standing = account.open_orders.values()
        if account.day_trades.count_with(order, standing, now_ns) >= PATTERN:
            text = "trade denied due to pattern day trading protection"
            raise VenueError(403, 40310100, text)

    def _check_cost_floor(self, order: VenueOrder, asset: Asset, post: TradingPost) -> None:
        """Fractions and coins are sold by the dollar, and not below the least amount."""
        least = _LEAST_COIN if asset.is_crypto else _LEAST_FRACTION
        cost = order.notional
        if cost is None:
            assert order.qty is not None, "an order has a quantity or a notional"
            px = order.limit_price or order.stop_price or _price_basis(order, post)
            cost = None if px is None else order.qty * px
        closes_all = order.position_intent.endswith("_to_close")  # any crumb that is left
        if cost is not None and cost < least and not closes_all:
            raise forbidden(
                f"cost basis must be >= minimal amount of order {least}", cost_basis=plain(cost)
            )

    def _reserve_px(self, order: VenueOrder, post: TradingPost) -> Decimal:
        """Estimated cost of a share, or of a dollar of a notional order."""
        if order.qty is None:
            return WHOLE
        if order.side == "sell":
            basis = _price_basis(order, post) or ZERO
            return max(order.limit_price or ZERO, basis * _SHORT_MARGIN)
        if order.limit_price is not None:
            return order.limit_price
        basis = order.stop_price or _price_basis(order, post) or ZERO
        return basis * (1 + self._rules.market_buy_margin)


def check_replaceable(order: VenueOrder, *, is_active: bool = True) -> None:
    """Raises VenueError for an order that cannot have a successor, by its status first.

    `is_active` tells of a held leg whether its parent is filled.
    """
    match order.status:
        case "held" if is_active:
            pass
        case "accepted":
            raise malformed("unable to replace order, order isn't sent to exchange yet")
        case "held":
            raise malformed("unable to replace order, order is not open")
        case "filled" | "canceled" | "expired" | "rejected":
            raise malformed("only open orders can be replaced")
        case "replaced":
            raise unprocessable("order already replaced")
        case "pending_replace":
            raise unprocessable("order chain not fully replaced")
        case "pending_new" | "pending_cancel":
            raise unprocessable(f"cannot replace order in {order.status} status")
    if order.qty is None:
        raise unprocessable("notional orders cannot be replaced")


def patched(order: VenueOrder, patch: OrderPatch) -> OrderTicket:
    """The ticket of an order's successor; raises VenueError for a patch that makes none."""
    if patch.trail is not None and order.type != "trailing_stop":
        raise malformed("trail is for trailing stop orders only")
    if patch.qty is not None and patch.qty % 1 and order.asset_class != "crypto":
        raise unprocessable("qty must be an integer")
    if patch.qty is not None and order.parent_id is not None:
        raise unprocessable("qty of a leg cannot be replaced; replace that of its parent")
    if patch.qty is not None and patch.qty <= order.base_qty + order.filled_qty:
        raise unprocessable("qty must be > filled_qty")
    trails_by_price = order.trail_price is not None
    ticket = OrderTicket(
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=patch.time_in_force or order.time_in_force,
        qty=_or(patch.qty, order.qty),
        limit_price=_or(patch.limit_price, order.limit_price),
        stop_price=_or(
            patch.stop_price, None if order.type == "trailing_stop" else order.stop_price
        ),
        trail_price=_or(patch.trail, order.trail_price) if trails_by_price else None,
        trail_percent=None if trails_by_price else _or(patch.trail, order.trail_percent),
        extended_hours=order.extended_hours,
        client_order_id=patch.client_order_id,
    )
    if _says_the_same(order, ticket):
        raise unprocessable("order parameters are not changed")
    return ticket


def _or(new: Decimal | None, old: Decimal | None) -> Decimal | None:
    return old if new is None else new


def _says_the_same(order: VenueOrder, ticket: OrderTicket) -> bool:
    stop_price = None if order.type == "trailing_stop" else order.stop_price
    return (
        ticket.client_order_id is None
        and (ticket.qty, ticket.time_in_force) == (order.qty, order.time_in_force)
        and (ticket.limit_price, ticket.stop_price) == (order.limit_price, stop_price)
        and (ticket.trail_price, ticket.trail_percent) == (order.trail_price, order.trail_percent)
    )


def _tied(order: VenueOrder) -> Decimal:
    return order.leaves_qty * order.reserve_px


def _check_buying_power(
    cost: Decimal, account: VenueAccount, asset: Asset, replaces: VenueOrder | None
) -> None:
    power = account.credit("4" if asset.marginable else "1")
    if replaces is not None:
        power += _tied(replaces)
    if cost > power:
        extra = {} if replaces else {"buying_power": plain(power), "cost_basis": plain(cost)}
        raise forbidden("insufficient buying power", **extra)


def _check_account(account: VenueAccount, *, is_fractional: bool) -> None:
    if account.trading_blocked or account.account_blocked:
        raise forbidden("account is not authorized to trade")
    if account.configuration.suspend_trade:
        raise forbidden("new orders are rejected by user request")
    if is_fractional and not account.configuration.fractional_trading:
        raise forbidden("fractional trading is not enabled for this account")


def _check_stop_direction(order: VenueOrder, post: TradingPost) -> None:
    last_px = post.last_px
    if order.type == "trailing_stop" or last_px is None:
        return
    if order.is_elected:
        return  # the successor of one whose stop was touched
    assert order.stop_price is not None, "whoever asks has looked"
    extra = {"market_price": plain(last_px), "stop_price": plain(order.stop_price)}
    if order.side == "sell" and order.stop_price >= last_px:
        raise unprocessable("stop price must be less than current price", **extra)
    if order.side == "buy" and order.stop_price <= last_px:
        raise unprocessable("stop price must be greater than current price", **extra)


def _intent(order: VenueOrder, account: VenueAccount) -> str:
    """What the order does to the position; raises VenueError where the ticket says otherwise."""
    holding = account.positions.get(order.symbol)
    position = ZERO if holding is None else holding.qty
    if order.side == "buy":
        intent = "buy_to_close" if position < ZERO else "buy_to_open"
    else:
        intent = "sell_to_close" if position > ZERO else "sell_to_open"
    if order.position_intent and order.position_intent != intent:
        raise unprocessable(
            f"position intent mismatch, inferred: {intent}, specified: {order.position_intent}"
        )
    if order.order_class == OCO and intent not in _CLOSING:
        raise unprocessable("oco orders must be exit orders")
    return intent


def _is_exempt(order: VenueOrder) -> bool:
    """Trailing stops and the exits of complex orders may stand opposite anything."""
    return order.type == "trailing_stop" or order.parent_id is not None or order.order_class == OCO


def _wash_reason(order: VenueOrder, other: VenueOrder) -> str:
    """Why the two could trade with each other; empty if they cannot."""
    if _is_exempt(other):
        return ""
    if order.limit_price is None or other.limit_price is None:
        word = "limit" if other.limit_price is not None else "market or stop"
        return f"opposite side {word} order exists"
    buy, sell = (order, other) if order.side == "buy" else (other, order)
    assert buy.limit_price is not None
    assert sell.limit_price is not None
    return "opposite side limit order exists" if buy.limit_price >= sell.limit_price else ""


def _hold_shares(
    order: VenueOrder, account: VenueAccount, post: TradingPost, replaces: VenueOrder | None
) -> None:
    """The order reduces a position: it ties up as many shares, and may not turn it around."""
    holding = account.positions[order.symbol]
    freed = replaces.held_qty if replaces is not None else ZERO
    available = abs(holding.qty_available) + freed
    held = holding.held_qty - freed
    requested = _shares_asked(order, post, available)
    if requested > available:
        raise _insufficient_qty(order.symbol, requested, held=held, existing=abs(holding.qty))
    order.held_qty = requested


def _check_closing_dollars(
    order: VenueOrder, account: VenueAccount, replaces: VenueOrder | None
) -> None:
    """Outside the hours nobody knows how many shares dollars will be: they close alone."""
    others = [
        other
        for other in account.open_in(order.symbol, order.side).values()
        if other is not replaces and other.position_intent.endswith("_to_close")
    ]
    if others and any(each.notional is not None for each in (order, *others)):
        raise forbidden(
            "unable to open new notional orders while having open closing position orders"
        )


def _insufficient_qty(
    symbol: str, requested: Decimal, *, held: Decimal = ZERO, existing: Decimal = ZERO
) -> VenueError:
    available = plain(existing - held)
    text = f"(requested: {plain(requested)}, available: {available})"
    return forbidden(
        f"insufficient qty available for order {text}",
        symbol=symbol,
        existing_qty=plain(existing),
        held_for_orders=plain(held),
        available=available,
    )


def _shares_asked(order: VenueOrder, post: TradingPost, available: Decimal) -> Decimal:
    if order.qty is not None:
        return order.unfilled(order.qty)
    assert order.notional is not None, "an order has a quantity or a notional"
    px = order.limit_price or order.stop_price or _price_basis(order, post)
    return available if px is None else (order.notional / px).quantize(FRACTION, ROUND_UP)


def _check_short(order: VenueOrder, account: VenueAccount, asset: Asset) -> None:
    if asset.is_crypto:
        raise _insufficient_qty(order.symbol, order.qty or ZERO)
    if order.qty is None or order.qty % 1:
        raise unprocessable("fractional orders cannot be sold short")
    if not account.shorting_enabled:
        raise forbidden("account is not allowed to short")
    if not (asset.shortable and asset.easy_to_borrow):
        raise forbidden(f'asset "{asset.symbol}" cannot be sold short')


def _check_other_side(order: VenueOrder, opposite: Orders) -> None:
    """An account is either about to be long or about to be short."""
    for other in opposite.values():
        if other.position_intent.endswith("_to_open"):
            if order.side == "sell":
                raise forbidden("cannot open a short sell while a long buy order is open")
            raise forbidden("cannot open a long buy while a short sell order is open")


def base_px(order: VenueOrder, post: TradingPost) -> Decimal | None:
    """What the position of an entry, or of an OCO's exit, is taken to cost; None if unknown."""
    if order.limit_price is not None:
        return order.limit_price
    return order.stop_price or (post.ask_px if order.side == "buy" else post.bid_px)


def _price_basis(order: VenueOrder, post: TradingPost) -> Decimal | None:
    """What a share costs now: far side in regular hours, middle outside, last when closed."""
    bid, ask, last = post.bid_px, post.ask_px, post.last_px
    if post.phase == REGULAR:
        far = ask if order.side == "buy" else bid
        return last if far is None else far
    if post.phase in (NIGHT, PRE, POST) and bid is not None and ask is not None:
        return (bid + ask) / 2
    return last
