"""The pre-trade controls, as a gate: what they look at is gathered here from the state.

It is called by the single writer, between the order before and the one after: what it lets pass
is reserved before anything else is decided.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from floorbroker.brokers.order_rules import Known
from floorbroker.clock import ns_of
from floorbroker.domain.amounts import Px
from floorbroker.domain.errors import RiskDenied
from floorbroker.domain.messages import RiskState
from floorbroker.domain.order import Order, OrderClass, OrderRequest, Side
from floorbroker.engine.exposure.facts import Facts
from floorbroker.engine.exposure.reserve import dearest_px
from floorbroker.engine.exposure.tally import REMEMBERED, Tally, micros
from floorbroker.engine.gates import laid
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State
from floorbroker.pretrade.risk import register
from floorbroker.pretrade.risk.control import Denial
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, Parent, RiskView

_ZERO = Decimal(0)
#: Brackets and OTOs begin with an entry.
_EXITS = (OrderClass.SIMPLE, OrderClass.OCO)


class Around(Struct, frozen=True, kw_only=True, gc=False):
    """What is known besides the state: of the market, the instrument, the caller, the parent."""

    facts: Facts | None = None
    known: Known | None = None
    parent: Parent | None = None
    is_human: bool = False
    may_repeat: bool = False


NOTHING_AROUND = Around()


class Sight(Struct, frozen=True, gc=False):
    """The desk as an order finds it: all that a view of it is made of."""

    state: State
    settings: EngineSettings
    around: Around
    now: datetime


def check(sight: Sight, request: OrderRequest) -> Px | None:
    """Return the market's price by which the order was judged, if there was one; raises
    RiskDenied."""
    ask, view, limits = seen(sight, request)
    _deny(register.check(ask, view, limits))
    return None if view.mid_px is None else Px.of(view.mid_px)


def check_change(sight: Sight, order: Order, request: OrderRequest) -> None:
    """Return if the order may go on with these terms; raises RiskDenied. A replace that adds no
    risk is not looked at."""
    if adds_risk(order.request, request):
        laid.check_change(sight.state, request)
        limits = _limits(sight, request)
        ask = _changed(sight, order, request)
        _deny(register.check(ask, _view(sight, ask, request, limits), limits))


def seen(sight: Sight, request: OrderRequest) -> tuple[Ask, RiskView, Limits]:
    """A new order, the desk as it finds it, and the limits that hold for it."""
    limits, ask = _limits(sight, request), _asked(sight, request)
    return ask, _view(sight, ask, request, limits), limits


def _limits(sight: Sight, request: OrderRequest) -> Limits:
    state = sight.state
    book = state.limits.at(sight.settings.limits, sight.now)
    return book.limits_for(state.book.account, request.strategy, request.symbol)


def adds_risk(before: OrderRequest, after: OrderRequest) -> bool:
    """Whether the terms after may do more than those before: any but a mere reduction may."""
    if after.order_qty is None or before.order_qty is None or after.order_qty > before.order_qty:
        return True
    return (after.price, after.stop_px, after.trail_amount, after.trail_percent) != (
        before.price,
        before.stop_px,
        before.trail_amount,
        before.trail_percent,
    )


def _deny(denial: Denial | None) -> None:
    if denial is not None:
        raise RiskDenied(denial.control, denial.limit, denial.value, denial.would_pass)


def _asked(sight: Sight, request: OrderRequest) -> Ask:
    around, account = sight.around, sight.state.book.account
    qty = None if request.order_qty is None else Decimal(request.order_qty)
    return Ask(
        symbol=request.symbol,
        side=request.side,
        ord_type=request.ord_type,
        time_in_force=request.time_in_force,
        qty=qty,
        new_qty=_ZERO if qty is None else qty,
        notional=None if request.notional is None else Decimal(request.notional),
        price=None if request.price is None else Decimal(request.price),
        stop_px=None if request.stop_px is None else Decimal(request.stop_px),
        extended_hours=request.extended_hours,
        account=account,
        strategy=request.strategy,
        is_human=around.is_human,
        may_repeat=around.may_repeat,
        is_keyed=request.cl_ord_id is not None,
        asked_ns=0 if around.facts is None else around.facts.at_ns,
    )


def _changed(sight: Sight, order: Order, request: OrderRequest) -> Ask:
    """The order as it would be: what it adds goes beyond the most that it may be already."""
    state, plain = sight.state, _asked(sight, request)
    most = state.book.most(order)
    qty = plain.qty or _ZERO
    new_qty = max(qty - Decimal(most or _ZERO), _ZERO)
    hold = state.ledger.reserve.holds.get(order.cl_ord_id)
    facts = sight.around.facts
    mid = None if facts is None or facts.reference is None else _mid(facts)
    prices = (dearest_px(state.book, order), plain.price, plain.stop_px, mid)
    px = max(price for price in prices if price is not None)
    shares = max(qty, Decimal(most or _ZERO)) - Decimal(order.cum_qty)
    reserved = _ZERO if hold is None else hold.value
    return Ask(
        symbol=plain.symbol,
        side=plain.side,
        ord_type=plain.ord_type,
        time_in_force=plain.time_in_force,
        qty=plain.qty,
        new_qty=new_qty,
        new_dollars=max(shares * px - reserved - new_qty * px, _ZERO),
        price=plain.price,
        stop_px=plain.stop_px,
        extended_hours=plain.extended_hours,
        account=plain.account,
        strategy=plain.strategy,
        is_replace=True,
        asked_ns=plain.asked_ns,
    )


def _mid(facts: Facts) -> Decimal | None:
    found = facts.reference
    if found is None:
        return None
    if found.bid_px is not None and found.ask_px is not None:
        return (found.bid_px + found.ask_px) / 2
    return found.last_px


def _view(sight: Sight, ask: Ask, request: OrderRequest, limits: Limits) -> RiskView:
    state, micro = sight.state, micros(sight.now)
    opened = state.opened
    window_s = limits.repeat_window_human_s if ask.is_human else limits.repeat_window_s
    return RiskView(
        now_ns=micro * 1000,
        is_live=sight.settings.is_live,
        version="" if opened is None else opened.version,
        state=standing(state).value,
        **_allowed(state),
        is_reducing=_reduces(state, ask, request),
        orders_since_change=state.ledger.tally.since_change,
        parent=sight.around.parent,
        **_told(sight.around, micro * 1000),
        **_held(state, ask, sight.around.facts),
        **_lately(state.ledger.tally, request, limits, micro),
        repeats=0
        if limits.repeats_max >= REMEMBERED
        else state.ledger.tally.repeats(request, micro, window_s),
    )


def standing(state: State) -> RiskState:
    """What the desk's state lets new orders do."""
    desk = state.guards.desk
    if state.kill is not None:
        return state.kill.trading
    return RiskState.ACTIVE if desk is None else desk.state


def _allowed(state: State) -> dict[str, Any]:
    """What people allowed, and what controls took away."""
    told: dict[str, Any] = {}
    if state.guards.strategies:
        told["disabled"] = frozenset(state.guards.strategies)
    armed = state.guards.armed
    if armed is not None and armed.expires_time is not None:
        told["is_armed"] = armed.account == state.book.account
        told["armed_until_ns"] = ns_of(armed.expires_time)
        told["armed_version"] = armed.version
    return told


def _reduces(state: State, ask: Ask, request: OrderRequest) -> bool:
    """Whether it can only make the position smaller, whatever else is open."""
    position = state.book.positions.get(ask.symbol)
    if position is None or ask.qty is None or request.order_class not in _EXITS:
        return False
    held, room = Decimal(position.qty), state.ledger.reserve.room(ask.symbol)
    if not held or (held > 0) is ask.is_buy:
        return False
    besides, dollars = (
        (room.buy, room.buy_dollars) if ask.is_buy else (room.sell, room.sell_dollars)
    )
    return not dollars and besides + ask.new_qty <= abs(held)


def _told(around: Around, now_ns: int) -> dict[str, Any]:
    """What others told: of the instrument, its market and the account."""
    known, facts = around.known, around.facts
    told: dict[str, Any] = {}
    if known is not None and known.instrument.value is not None:
        told["instrument"] = known.instrument.value
        told["asset_age_ns"] = max(now_ns - ns_of(known.instrument.as_of), 0)
    if facts is None:
        return told
    told |= {
        "is_open": facts.is_open,
        "today": facts.today,
        "adv": facts.adv,
        "equity": facts.equity,
        "first_equity": facts.first_equity,
        "peak_equity": facts.peak_equity,
        "broker_bp": facts.broker_bp,
        "multiplier": facts.multiplier,
    }
    found = facts.reference
    if found is not None:
        told |= {
            "bid_px": found.bid_px,
            "ask_px": found.ask_px,
            "last_px": found.last_px,
            "is_halted": found.is_halted,
            "ref_age_ns": max(now_ns - found.at_ns, 0),
        }
    return told


def _held(state: State, ask: Ask, facts: Facts | None) -> dict[str, Any]:
    """What is held and what is open."""
    reserve = state.ledger.reserve
    room, position = reserve.room(ask.symbol), state.book.positions.get(ask.symbol)
    gross = reserve.gross
    model_bp = None
    if facts is not None:
        gross += facts.drift
        if facts.equity is not None and facts.multiplier is not None:
            model_bp = facts.equity * facts.multiplier - gross
    return {
        "pos": _ZERO if position is None else Decimal(position.qty),
        "open_buy": room.buy,
        "open_sell": room.sell,
        "open_buy_dollars": room.buy_dollars,
        "open_sell_dollars": room.sell_dollars,
        "open_here": room.count,
        "open_all": len(reserve.holds),
        "open_value": reserve.value,
        "unseen_value": reserve.unseen,
        "gross": gross,
        "model_bp": model_bp,
        "best_own_buy": None if ask.is_buy else reserve.best_own(ask.symbol, Side.BUY),
        "best_own_sell": reserve.best_own(ask.symbol, Side.SELL) if ask.is_buy else None,
        "unknown_here": room.unknown,
        "unknown_all": reserve.unknown,
    }


def _lately(tally: Tally, request: OrderRequest, limits: Limits, now: int) -> dict[str, Any]:
    """What was done lately."""
    rate = tally.rates.get(request.strategy)
    turnover, orders = tally.today(now)
    return {
        "messages_minute": tally.requests.count(now),
        "mine_second": 0 if rate is None else rate.second.count(now),
        "mine_minute": 0 if rate is None else rate.minute.count(now),
        "orders_minute": tally.orders.count(now),
        "reentries": tally.reentries(request, now, limits.reentry_window_s),
        "messages_hour": tally.messages.count(now),
        "fills_hour": tally.fills.count(now),
        "turnover": turnover,
        "orders_today": orders,
    }
