"""What is held and what may still come of it: positions, all of them, money, open orders."""

from decimal import Decimal

from floorbroker.pretrade.risk.control import (
    Denial,
    cap,
    count,
    new_value,
    no_equity,
    unit_price,
    unpriced,
    usd,
)
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, RiskView

_ZERO = Decimal(0)


def position(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P12: the position that this order and all that are open on its side may lead to, times ref,
    is at most p * E. The other side's orders count for the other direction, where they matter."""
    held = view.pos + view.open_buy if ask.is_buy else view.open_sell - view.pos
    dollars = view.open_buy_dollars if ask.is_buy else view.open_sell_dollars
    qty_max, qty = limits.position_qty_max, held + ask.new_qty
    px = unit_price(ask, view)
    if qty_max is not None:
        if px is not None and (dollars or ask.notional):
            qty += (dollars + (ask.notional or _ZERO)) / px
        if qty > qty_max:
            return _too_much(f"{count(qty_max)} shares", f"{count(qty)} {ask.symbol}", "")
    if px is None:
        return unpriced("P12", ask) if limits.reference_required else None
    most = cap(limits.position_equity_share_max, limits.position_value_max, view)
    if view.equity is None and limits.equity_required:
        return no_equity("P12")
    worst = (held + ask.new_qty) * px + dollars + (ask.notional or _ZERO)
    if most is None or worst <= most:
        return None
    free = most - held * px - dollars
    hint = f"{count(free // px)} shares pass" if free >= px else ""
    return _too_much(usd(most), f"{usd(worst)} of {ask.symbol}", hint)


def _too_much(limit: str, value: str, hint: str) -> Denial:
    return Denial(
        control="P12",
        limit=limit,
        value=f"position and open orders could become {value}",
        would_pass=hint or "cancel open orders of this side, or make the position smaller",
    )


def gross(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P13: sum(abs(market value)) + sum(open notional) + qty * ref <= g * E."""
    value = new_value(ask, view)
    if value is None:
        return unpriced("P13", ask) if limits.reference_required else None
    if view.equity is None and limits.equity_required:
        return no_equity("P13")
    most = cap(limits.gross_equity_share_max, limits.gross_value_max, view)
    total = view.gross + view.open_value + value
    if most is None or total <= most:
        return None
    free = max(most - view.gross - view.open_value, _ZERO)
    return Denial(
        control="P13",
        limit=usd(most),
        value=f"positions and open orders would be worth {usd(total)}",
        would_pass=f"{usd(free)} passes" if free else "make positions smaller first",
    )


def buying_power(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P14: what is reserved + cost * (1 + buffer) <= min(the broker's, our model's) buying power,
    or the share of it that may be used."""
    value = new_value(ask, view)
    if value is None:
        return unpriced("P14", ask) if limits.reference_required else None
    bounds = [
        limits.buying_power_share_max * power - reserved
        for power, reserved in (
            (view.broker_bp, view.unseen_value),
            (view.model_bp, view.open_value),
        )
        if power is not None
    ]
    if not bounds:
        return no_equity("P14") if limits.equity_required else None
    free = max(min(bounds), _ZERO)
    cost = value * (1 + limits.buying_power_buffer)
    if cost <= free:
        return None
    most = free / (1 + limits.buying_power_buffer)
    return Denial(
        control="P14",
        limit=usd(free),
        value=f"the order costs {usd(cost)} with its buffer",
        would_pass=f"an order of {usd(most)} passes",
    )


def oversell(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P15: a sale is at most what is held and not offered yet; else shorting is on, and the
    instrument can be borrowed."""
    if ask.is_buy:
        return None
    free = view.pos - view.open_sell
    px = unit_price(ask, view)
    size = ask.new_qty
    if ask.notional is not None and px:
        size = ask.notional / px
    if size <= free and not view.open_sell_dollars:
        return None
    instrument = view.instrument
    if limits.may_short:
        if instrument is None or view.is_locate_held or instrument.is_easy_to_borrow:
            return None
        limit, value = "a locate", f"{ask.symbol} is hard to borrow"
    else:
        limit = f"{count(max(free, _ZERO))} held and not offered yet"
        value = f"a sale of {count(size)} {ask.symbol}"
    hint = f"{count(free)} pass" if free > 0 else "buy first"
    return Denial(control="P15", limit=limit, value=value, would_pass=hint)


def open_orders(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P16: open(symbol) <= n1, open(account) <= n2, open notional <= u * E."""
    one = 0 if ask.is_replace else 1
    if view.open_here + one > limits.open_symbol_max:
        most, found, where = limits.open_symbol_max, view.open_here + one, f" in {ask.symbol}"
        return _too_many(f"{most} orders", f"{found} orders would be open{where}")
    if view.open_all + one > limits.open_account_max:
        most, found = limits.open_account_max, view.open_all + one
        return _too_many(f"{most} orders", f"{found} orders would be open")
    value = new_value(ask, view)
    if value is None:
        return unpriced("P16", ask) if limits.reference_required else None
    if view.equity is None and limits.equity_required:
        return no_equity("P16")
    bound = cap(limits.open_equity_share_max, limits.open_value_max, view)
    if bound is None or view.open_value + value <= bound:
        return None
    worth = usd(view.open_value + value)
    return _too_many(usd(bound), f"open orders would be worth {worth}")


def _too_many(limit: str, value: str) -> Denial:
    hint = "cancel open orders, or wait for their end"
    return Denial(control="P16", limit=limit, value=value, would_pass=hint)


def self_trade(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P21: no own resting order on the other side that the new one would meet."""
    resting = view.best_own_sell if ask.is_buy else view.best_own_buy
    if limits.may_cross_own or resting is None:
        return None
    if ask.stop_px is not None and ask.price is None:
        return None  # nobody knows yet when, and what will rest there then
    if ask.price is not None:
        meets = ask.price >= resting if ask.is_buy else ask.price <= resting
    else:
        far = view.ask_px if ask.is_buy else view.bid_px
        meets = far is None or (resting <= far if ask.is_buy else resting >= far)
    if not meets:
        return None
    other = "sale" if ask.is_buy else "buy"
    at = count(resting) if resting.is_finite() and resting > 0 else "the market"
    return Denial(
        control="P21",
        limit="no own order on the other side",
        value=f"it would meet our own {other} at {at}",
        would_pass=f"cancel that {other} first, or stay on your side of it",
    )
