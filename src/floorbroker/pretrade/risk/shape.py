"""The order by itself: well-formed, not too large, not too far from the market, true to its
parent."""

from decimal import Decimal

from msgspec.structs import replace

from floorbroker.domain.amounts import SHARE_STEP, Px
from floorbroker.domain.instrument import AssetClass, is_on_tick, tick_of
from floorbroker.domain.terms import OrdType
from floorbroker.pretrade.risk.control import (
    Denial,
    cap,
    count,
    no_equity,
    percent,
    unit_price,
    unpriced,
    usd,
    value_of,
)
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.rates import order_rate
from floorbroker.pretrade.risk.view import Ask, RiskView

_NS = 1_000_000_000
_ONE = Decimal(1)
_TAKES_PRICE = (OrdType.LIMIT, OrdType.STOP_LIMIT)


def well_formed(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P03: one size, finite and above zero, on its lot; prices finite, above zero, on their tick;
    a limit price where the type takes one, and nowhere else."""
    size = ask.qty if ask.notional is None else ask.notional
    lot = SHARE_STEP if view.instrument is None else view.instrument.lot
    is_coin = view.instrument is not None and view.instrument.asset_class is AssetClass.CRYPTO
    limit, value, hint = "", "", "correct the order"
    if (ask.qty is None) == (ask.notional is None) or size is None:
        limit, value = "one size", "it has shares and dollars, or neither"
    elif not size.is_finite() or size <= 0:
        limit, value = "a size above zero", f"its size is {size}"
    elif ask.notional is None and not is_coin and size % lot:
        limit, value = f"lots of {count(lot)}", f"its size is {count(size)}"
        hint = f"{count(size - size % lot)} passes" if size >= lot else f"{count(lot)} passes"
    elif (ask.price is not None) != (ask.ord_type in _TAKES_PRICE):
        limit, value = "a limit price for limit orders", f"a {ask.ord_type} order, {ask.price}"
    else:
        for px in (ask.price, ask.stop_px):
            if px is not None and not (px.is_finite() and px > 0):
                limit, value = "a price above zero", f"its price is {px}"
            elif px is not None and "/" not in ask.symbol and not is_on_tick(Px.of(px)):
                limit, value = f"ticks of {tick_of(Px.of(px))}", f"its price is {count(px)}"
    if not limit:
        return None
    return Denial(control="P03", limit=limit, value=value, would_pass=hint)


def max_qty(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P06: qty <= min(Qmax, k * ADV20)."""
    qty, most = ask.qty, limits.order_qty_max
    if view.adv is not None:
        most = min(most, limits.order_adv_share_max * view.adv)
    if qty is None:
        px = unit_price(ask, view)
        if px is None or ask.notional is None:
            return unpriced("P06", ask) if limits.reference_required else None
        qty = ask.notional / px
    if qty <= most:
        return None
    limit = f"{count(most)} shares"
    value = f"{count(qty.quantize(SHARE_STEP))} {ask.symbol}"
    return Denial(control="P06", limit=limit, value=value, would_pass=f"{limit} or fewer pass")


def max_value(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P07: qty * ref <= min(Vmax, v * E)."""
    value = value_of(ask, view)
    if value is None:
        return unpriced("P07", ask) if limits.reference_required else None
    if view.equity is None and limits.equity_required:
        return no_equity("P07")
    most = cap(limits.order_equity_share_max, limits.order_value_max, view)
    if most is None or value <= most:
        return None
    px = unit_price(ask, view)
    shares = "" if px is None or not px else f", {count(most // px)} shares"
    return Denial(
        control="P07",
        limit=usd(most),
        value=f"the order is worth {usd(value)}",
        would_pass=f"{usd(most)}{shares} or less passes",
    )


def collar(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P08: a buy's limit <= ref * (1 + c), a sale's >= ref * (1 - c); at the market, the spread
    is at most s of ref. An order with a trigger is held against that, where it lies beyond."""
    mid = view.mid_px
    if mid is None or mid <= 0:
        return None  # P09 says what follows from that
    spread = Decimal(0)
    if view.bid_px is not None and view.ask_px is not None:
        spread = (view.ask_px - view.bid_px) / mid
    if ask.price is None:
        if spread <= limits.spread_share_max or view.is_reducing:
            return None
        return Denial(
            control="P08",
            limit=f"a spread of {percent(limits.spread_share_max)}",
            value=f"a {ask.ord_type} order where it is {percent(spread)}",
            would_pass="a limit order passes",
        )
    width = max(limits.collar, limits.collar_spreads * spread)
    ref = mid
    if ask.stop_px is not None:
        ref = max(mid, ask.stop_px) if ask.is_buy else min(mid, ask.stop_px)
    bound = ref * (_ONE + width) if ask.is_buy else ref * (_ONE - width)
    if (ask.price <= bound) if ask.is_buy else (ask.price >= bound):
        return None
    tick = tick_of(Px.of(bound))
    best = bound - bound % tick if ask.is_buy else bound + (-bound % tick)
    return Denial(
        control="P08",
        limit=f"{percent(width)} from {count(ref)}",
        value=f"a limit of {count(ask.price)}",
        would_pass=f"{count(best)} or {'lower' if ask.is_buy else 'higher'} passes",
    )


def fresh_reference(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P09: age(ref) <= a; one that is missing, zero or crossed denies."""
    if not limits.reference_required:
        return None
    is_extended = view.is_open is False
    most_s = limits.reference_age_extended_s_max if is_extended else limits.reference_age_s_max
    mid, age_ns, hint = view.mid_px, view.ref_age_ns, "ask again once it has a fresh quote"
    if mid is None or not mid.is_finite() or mid <= 0 or age_ns is None:
        value = f"no live price of {ask.symbol} is known"
    elif view.bid_px is not None and view.ask_px is not None and view.bid_px > view.ask_px:
        value = f"its market is crossed, {count(view.bid_px)} over {count(view.ask_px)}"
    elif ask.price is None and ask.stop_px is None and (view.bid_px is None or not view.ask_px):
        value, hint = f"{ask.symbol} has no quote with two sides", "a limit order passes"
    elif age_ns > most_s * _NS:
        value = f"its price is {Decimal(age_ns) / _NS:.1f} s old"
    else:
        return None
    return Denial(control="P09", limit=f"{most_s} s", value=value, would_pass=hint)


def conserved(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P26: sum(child filled + leaves + UNKNOWN) <= the parent's quantity. Nothing overrides it."""
    parent = view.parent
    if parent is None or parent.committed + ask.new_qty <= parent.qty:
        return None
    left = max(parent.qty - parent.committed, Decimal(0))
    return Denial(
        control="P26",
        limit=f"{count(parent.qty)} of {parent.parent_id}",
        value=f"its children would have {count(parent.committed + ask.new_qty)}",
        would_pass=f"{count(left)} pass" if left else "nothing is left of it",
    )


def participation(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P27: child qty <= x * the interval's volume; where that is not known, the algorithm's own
    cap is all there is."""
    parent = view.parent
    if parent is None or parent.interval_volume is None or ask.qty is None:
        return None
    share = limits.participation_max
    if parent.participation_max is not None:
        share = min(share, parent.participation_max)
    most = share * parent.interval_volume
    if ask.qty <= most:
        return None
    return Denial(
        control="P27",
        limit=f"{percent(share)} of {count(parent.interval_volume)}",
        value=f"a child of {count(ask.qty)}",
        would_pass=f"{count(most // 1)} shares pass",
    )


def canary(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P31: the first n orders after a change of version or limits use a part of P06, P07, P18."""
    share = limits.canary_share
    if view.orders_since_change >= limits.canary_orders or share >= 1:
        return None
    few = replace(
        limits,
        order_qty_max=limits.order_qty_max * share,
        order_adv_share_max=limits.order_adv_share_max * share,
        order_value_max=limits.order_value_max * share,
        order_equity_share_max=limits.order_equity_share_max * share,
        orders_per_s=int(limits.orders_per_s * share) or 1,
        orders_per_min=int(limits.orders_per_min * share) or 1,
        account_orders_per_min=int(limits.account_orders_per_min * share) or 1,
    )
    found = max_qty(ask, view, few) or max_value(ask, view, few) or order_rate(ask, view, few)
    if found is None:
        return None
    left = limits.canary_orders - view.orders_since_change
    about = f"{found.would_pass}; {left} more orders go before the full limits hold"
    return replace(found, control="P31", would_pass=about)
