"""How often and how much lately: look-alikes, requests, orders, re-entries, the day's turnover."""

from decimal import Decimal

from floorbroker.pretrade.risk.control import (
    Denial,
    cap,
    count,
    new_value,
    no_equity,
    unpriced,
    usd,
)
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, RiskView


def look_alike(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P11: count(same account, side, symbol, size, price and strategy within W) = 0, unless the
    caller says that it is meant."""
    if ask.is_replace or ask.may_repeat or view.repeats <= limits.repeats_max:
        return None
    window_s = limits.repeat_window_human_s if ask.is_human else limits.repeat_window_s
    return Denial(
        control="P11",
        limit=f"{limits.repeats_max} in {window_s} s",
        value=f"{view.repeats} orders like it were placed in that time",
        would_pass=f"wait {window_s} s, or say that it is meant",
    )


def messages(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P17: orders and replaces use at most so many of the broker's requests a minute; cancels and
    questions have the rest to themselves."""
    if view.messages_minute < limits.messages_per_min:
        return None
    return Denial(
        control="P17",
        limit=f"{limits.messages_per_min} a minute",
        value=f"{view.messages_minute} requests were sent in the last minute",
        would_pass="wait until the minute is over; cancels pass",
    )


def order_rate(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P18: new orders of a strategy in a second and in a minute, of the account in a minute."""
    if ask.is_replace:
        return None
    whose = f"of strategy {ask.strategy}" if ask.strategy else "without a strategy"
    for done, most, what in (
        (view.mine_second, limits.orders_per_s, f"{whose} in a second"),
        (view.mine_minute, limits.orders_per_min, f"{whose} in a minute"),
        (view.orders_minute, limits.account_orders_per_min, "of the account in a minute"),
    ):
        if done >= most:
            return Denial(
                control="P18",
                limit=f"{most} orders {what}",
                value=f"{done} were placed already",
                would_pass="wait, and place fewer",
            )
    return None


def reentry(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P19: orders on the side that has just been filled, of a strategy in a symbol, are at most n
    within W; more disable the strategy until somebody enables it again."""
    if ask.strategy in view.disabled:
        found = f"strategy {ask.strategy or 'without a name'} is disabled"
    elif not ask.is_replace and view.reentries > limits.reentries_max:
        found = f"it would enter {ask.symbol} for the {view.reentries}th time after a fill"
    else:
        return None
    return Denial(
        control="P19",
        limit=f"{limits.reentries_max} in {limits.reentry_window_s} s",
        value=found,
        would_pass="look why it repeats itself, and enable it again",
    )


def order_to_fill(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P20: (new + replace + cancel) / max(fills, 1) <= x over an hour, once there are enough."""
    asked, fills = view.messages_hour, max(view.fills_hour, 1)
    if asked < limits.messages_per_fill_from or asked <= limits.messages_per_fill_max * fills:
        return None
    return Denial(
        control="P20",
        limit=f"{count(limits.messages_per_fill_max)} requests a fill",
        value=f"{asked} requests and {view.fills_hour} fills in the last hour",
        would_pass="wait for fills, or for the hour to pass",
    )


def turnover(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P25: the day's sum of submitted notional <= t * E, and its orders <= m."""
    if not ask.is_replace and view.orders_today >= limits.orders_per_day:
        return Denial(
            control="P25",
            limit=f"{limits.orders_per_day} orders a day",
            value=f"{view.orders_today} were placed today",
            would_pass="tomorrow's count begins at zero",
        )
    value = new_value(ask, view)
    if value is None:
        return unpriced("P25", ask) if limits.reference_required else None
    if view.equity is None and limits.equity_required:
        return no_equity("P25")
    most = cap(limits.turnover_equity_share_max, limits.turnover_value_max, view)
    if most is None or view.turnover + value <= most:
        return None
    free = max(most - view.turnover, Decimal(0))
    return Denial(
        control="P25",
        limit=f"{usd(most)} a day",
        value=f"orders worth {usd(view.turnover + value)} would be asked for today",
        would_pass=f"{usd(free)} passes today",
    )
