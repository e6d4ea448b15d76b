"""Whether an order may exist at all: armed, active, listed, tradable, young, of known company."""

from decimal import Decimal

from floorbroker.domain.terms import TimeInForce
from floorbroker.pretrade.risk.control import Denial, count
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, RiskView

_NS = 1_000_000_000
#: They trade at once or not at all, so the session must be on.
URGENT = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


def armed(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P01: no real money; or armed, not expired, and armed for this very version."""
    if not limits.must_arm or not view.is_live:
        return None
    if not view.is_armed:
        why = "live trading is disarmed"
    elif view.now_ns >= view.armed_until_ns:
        why = "the arming has expired"
    elif view.armed_version != view.version:
        why = f"{view.armed_version} was armed, and this is {view.version}"
    else:
        return None
    hint = "arm this version in its two steps: `floorbroker arm`"
    return Denial(control="P01", limit="an armed desk", value=why, would_pass=hint)


def active(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P02: the state is active, or reducing and the order only makes the position smaller."""
    if view.state == "active" or (view.state == "reducing" and view.is_reducing):
        return None
    hint = "what only makes a position smaller passes" if view.state == "reducing" else ""
    return Denial(
        control="P02",
        limit="active",
        value=f"trading is {view.state}",
        would_pass=hint or "trading must be resumed by somebody",
    )


def listed(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P04: the symbol is allowed and not restricted."""
    if ask.symbol in limits.restricted:
        limit, value = "not restricted", f"{ask.symbol} is restricted"
        hint = f"take {ask.symbol} out of `restricted`"
    elif limits.allow is not None and ask.symbol not in limits.allow:
        limit, value = f"{len(limits.allow)} allowed symbols", f"{ask.symbol} is none of them"
        hint = f"put {ask.symbol} into `allow`"
    else:
        return None
    return Denial(control="P04", limit=limit, value=value, would_pass=hint)


def tradable(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P05: the instrument is active and not halted, its session takes the order, and what is
    known of it is young enough."""
    age_ns, hint = view.asset_age_ns, "ask again once it trades"
    if view.instrument is not None and not view.instrument.is_tradable:
        limit, value = "tradable", f"{ask.symbol} is not traded at present"
    elif view.is_halted:
        limit, value = "no halt", f"{ask.symbol} is halted"
    elif view.is_open is False and ask.time_in_force in URGENT and not ask.extended_hours:
        limit, value = "an open session", f"an {ask.time_in_force} order while it is closed"
        hint = "ask again in the session, or give day or gtc"
    elif limits.asset_required and (view.instrument is None or age_ns is None):
        limit, value = "a known instrument", f"the broker has not told of {ask.symbol}"
    elif limits.asset_required and age_ns is not None and age_ns > limits.asset_age_s_max * _NS:
        limit, value = f"{limits.asset_age_s_max} s", f"its data is {age_ns // _NS} s old"
        hint = "ask again once the broker has told anew"
    else:
        return None
    return Denial(control="P05", limit=limit, value=value, would_pass=hint)


def keyed(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P10: one key, one order. A key that was used stands for what it stood for first."""
    if ask.is_replace:
        return None
    if view.key_used == "other":
        value, hint = "this ClOrdID names an order with other terms", "use a new ClOrdID"
    elif view.key_used:
        value, hint = "this very order was asked for before", "read it, or use a new ClOrdID"
    elif limits.key_required and not ask.is_keyed:
        value, hint = "the order has no ClOrdID of its caller's", "give one, new for each order"
    else:
        return None
    return Denial(control="P10", limit="one ClOrdID an order", value=value, would_pass=hint)


def young(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P28: the order is decided on before its lifetime is over; the same is looked at again
    before each attempt to send it."""
    most_s = limits.lifetime_s
    if ask.price is None or ask.time_in_force in URGENT:
        most_s = min(most_s, limits.urgent_lifetime_s)
    age_ns = view.now_ns - ask.asked_ns if ask.asked_ns else 0
    if age_ns <= most_s * _NS:
        return None
    return Denial(
        control="P28",
        limit=f"{most_s} s",
        value=f"it was asked for {Decimal(age_ns) / _NS:.1f} s ago",
        would_pass="ask anew, if it is still wanted",
    )


def known_company(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P29: not too many orders of unknown fate in the symbol, nor in the account."""
    if view.unknown_here > limits.unknown_symbol_max:
        found, most, where = view.unknown_here, limits.unknown_symbol_max, f"in {ask.symbol}"
    elif view.unknown_all > limits.unknown_account_max:
        found, most, where = view.unknown_all, limits.unknown_account_max, "in the account"
    else:
        return None
    return Denial(
        control="P29",
        limit=count(most),
        value=f"the fate of {found} orders {where} is not known",
        would_pass="what only makes a position smaller passes; the rest once their fate is known",
    )


def changed_slowly(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P30: a looser limit is at most so many times the old one, has a reason, and waits; a
    tighter one passes at once. Looks at the change alone."""
    change = view.change
    if change is None or not change.is_looser:
        return None
    most, wait_ns = limits.loosen_factor_max, limits.cool_off_s * _NS
    limit, hint = f"{count(most)} times the old limit", "loosen it in steps"
    if change.old > 0 and change.new > change.old * most:
        value = f"{change.name} from {count(change.old)} to {count(change.new)}"
        hint = f"{count(change.old * most)} passes now"
    elif change.old <= 0 and change.new > most:
        value = f"{change.name} from nothing to {count(change.new)}"
        hint = f"{count(most)} passes now"
    elif not change.reason.strip():
        limit, value, hint = "a reason", f"{change.name} is loosened without one", "give a reason"
    elif change.effective_ns - change.asked_ns < wait_ns:
        waited_s = (change.effective_ns - change.asked_ns) // _NS
        limit, value = f"{limits.cool_off_s} s", f"{change.name} would hold after {waited_s} s"
        hint = f"let it hold {limits.cool_off_s} s after it was asked for"
    else:
        return None
    return Denial(control="P30", limit=limit, value=value, would_pass=hint)
