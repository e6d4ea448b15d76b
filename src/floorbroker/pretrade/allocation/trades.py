"""The trade list: what to buy and sell, and in which phases, to come from what is held to targets.

Theory of operation
-------------------
A name stands at what it holds and what its open orders will add, as if they had filled. Targets
become shares at today's prices and are rounded to lots; what has drifted out of its band, is worth
the trouble, and has no order against it is traded. Sells are as they are; buys are cut to the cash
that the sells leave beyond what is kept back. After fills at the prices that were given a second
look finds nothing to do.

A phase begins when the one before has ended. Buys wait for sells only where they need their cash;
a trade through zero is two orders, because a broker takes no sell of more than is held.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.amounts import plain
from floorbroker.domain.terms import Side
from floorbroker.pretrade.allocation.cash import Buy, fitted
from floorbroker.pretrade.allocation.rounding import (
    Wanted,
    edge_of,
    is_within,
    rounded,
    truncated,
)
from floorbroker.pretrade.allocation.targets import (
    Kind,
    Problem,
    Rules,
    Targets,
    check_rules,
    check_targets,
    refuse,
    weights_of,
)

_NOTHING, _ONE = Decimal(0), Decimal(1)


class Name(Struct, frozen=True, kw_only=True):
    """A symbol: its prices, its steps, what is held of it and what is on its way.

    `px` values it, `buy_px` and `sell_px` are what a share costs and brings at worst. `lot` is the
    step of a trade, `share_step` that of what may be closed. `exits` are shares that stops and
    legs hold, which are not expected to trade. `open_cost` is what open buys will cost.
    """

    symbol: str
    px: Decimal
    buy_px: Decimal
    sell_px: Decimal
    lot: Decimal = _ONE
    share_step: Decimal = _ONE
    held: Decimal = _NOTHING
    open_buys: Decimal = _NOTHING
    open_sells: Decimal = _NOTHING
    exits: Decimal = _NOTHING
    open_cost: Decimal = _NOTHING
    is_shortable: bool = True

    @property
    def stands(self) -> Decimal:
        """Shares once the open orders have filled."""
        return self.held + self.open_buys - self.open_sells

    @property
    def buy_step(self) -> Decimal:
        """The step of a buy: shorts are bought back in whole shares."""
        return _step(self, self.stands)


class Why(StrEnum):
    """Why a name is not traded, or not all the way."""

    AT_TARGET = "at target"
    NOT_NAMED = "not named"  #: Held, not in the targets, and left alone.
    WITHIN_BAND = "within band"
    BELOW_MINIMUM = "below minimum"
    ORDER_AGAINST = "order against it"  #: The broker refuses a trade against one's own order.
    HELD_BY_ORDERS = "held by orders"  #: Stops or legs hold the shares.
    NO_SHORT = "no short"
    NO_CASH = "no cash"


class Line(Struct, frozen=True, kw_only=True):
    """One name: where it stands, where it shall be in whole lots, and the trade that is planned,
    signed. `why` tells why that does not lead all the way."""

    name: Name
    target: Decimal
    change: Decimal = _NOTHING
    wanted: Decimal = _NOTHING  #: The change before the cash was counted.
    why: Why | None = None
    text: str = ""


class Trade(Struct, frozen=True, kw_only=True):
    """One order to place, in its phase; 1 is the first."""

    phase: int
    side: Side
    qty: Decimal
    symbol: str
    px: Decimal

    @property
    def value(self) -> Decimal:
        return self.qty * self.px


class TradeList(Struct, frozen=True, kw_only=True):
    """What is to be done, name by name and order by order, and the cash before and after.

    `cash_after` is at the worst prices of the names, open buys paid.
    """

    nav: Decimal
    cash: Decimal
    kept_back: Decimal
    cash_after: Decimal
    lines: tuple[Line, ...]
    trades: tuple[Trade, ...]

    @property
    def phases(self) -> int:
        return max((trade.phase for trade in self.trades), default=0)

    @property
    def short_of_cash(self) -> Decimal:
        """What the shares are worth that the cash does not pay for."""
        cut = (line for line in self.lines if line.why is Why.NO_CASH)
        return sum(((one.wanted - one.change) * one.name.px for one in cut), _NOTHING)


def trade_list(
    targets: Targets, names: Iterable[Name], cash: Decimal, rules: Rules | None = None
) -> TradeList:
    """The orders that lead to these targets. `names` are all that are held or named.

    Raises TargetsError that names what is wrong, and where it was read.
    """
    chosen = rules or Rules()
    check_rules(chosen)
    check_targets(targets, chosen)
    by_symbol = {name.symbol: name for name in names}
    _check_names(targets, by_symbol, chosen)
    nav = cash + sum((name.held * name.px for name in by_symbol.values()), _NOTHING)
    kept_back = chosen.cash_back + chosen.cash_back_part * nav
    wanted = _wanted(targets, by_symbol, nav - kept_back, chosen)
    lots = rounded(wanted)
    lines = [
        _line(name, wanted[symbol], lots[symbol], rules=chosen, nav=nav)
        if symbol in wanted
        else Line(name=name, target=name.stands, why=Why.NOT_NAMED)
        for symbol, name in by_symbol.items()
    ]
    return _paid(lines, nav=nav, cash=cash, kept_back=kept_back, min_trade=chosen.min_trade)


def _check_names(targets: Targets, names: Mapping[str, Name], rules: Rules) -> None:
    problems = []
    for symbol, value in targets.values.items():
        place, name = targets.places.get(symbol, ""), names.get(symbol)
        if name is None or min(name.px, name.buy_px, name.sell_px) <= 0:
            hint = "it has no price"
            problems.append(Problem(field="symbol", value=symbol, hint=hint, place=place))
        elif targets.kind is Kind.SHARES and value % _step(name, value):
            hint = f"{symbol} is held in multiples of {plain(_step(name, value))}"
            if name.share_step < name.lot:
                hint += " unless fractions are asked for"
            problems.append(
                Problem(field=targets.kind, value=plain(value), hint=hint, place=place)
            )
    refuse(targets.source, problems)


def _step(name: Name, shares: Decimal) -> Decimal:
    return Wanted(shares=shares, px=name.px, lot=name.lot).step


def _wanted(
    targets: Targets, names: Mapping[str, Name], base: Decimal, rules: Rules
) -> dict[str, Wanted]:
    """Shares of each name as computed, not yet rounded."""
    values: Mapping[str, Decimal] = targets.values
    if targets.kind in (Kind.WEIGHT, Kind.SIGNAL):
        if base <= 0:
            hint = "nothing is left to invest; keep less back"
            refuse("rules", [Problem(field="cash_back", value=f"leaves {base:.2f}", hint=hint)])
        weights = values if targets.kind is Kind.WEIGHT else weights_of(targets, rules)
        values = {symbol: weight * base for symbol, weight in weights.items()}
    found = {}
    for symbol, value in values.items():
        name = names[symbol]
        shares = value if targets.kind is Kind.SHARES else value / name.px
        found[symbol] = Wanted(shares=shares, px=name.px, lot=name.lot)
    if rules.closes_others:
        for symbol in names.keys() - found.keys():
            name = names[symbol]
            found[symbol] = Wanted(shares=_NOTHING, px=name.px, lot=name.lot)
    return found


def _line(name: Name, wanted: Wanted, target: Decimal, *, rules: Rules, nav: Decimal) -> Line:
    """What is to be done about one name, whatever the cash."""
    stands, width = name.stands, rules.band * nav
    line = Line(name=name, target=target)
    if width and is_within(wanted, stands, width):
        return replace(line, why=Why.AT_TARGET if stands == target else Why.WITHIN_BAND)
    aim = edge_of(wanted, target, stands, width) if width and rules.is_to_edge else target
    no_short = "" if aim >= 0 or stands <= aim or name.is_shortable else "it cannot be borrowed"
    if no_short:
        aim = min(stands, _NOTHING)
    change = _change(name, aim, wanted.step)
    if abs(change) * name.px < rules.min_trade or not change:
        why = Why.BELOW_MINIMUM if change else Why.AT_TARGET
        return replace(line, why=Why.NO_SHORT if no_short else why, text=no_short)
    why_not, text = _against(name, change)
    if why_not is not None:
        return replace(line, why=why_not, text=text)
    return replace(
        line, change=change, wanted=change, why=Why.NO_SHORT if no_short else None, text=no_short
    )


def _change(name: Name, aim: Decimal, step: Decimal) -> Decimal:
    """The trade from where it stands: whole steps, but what is closed is closed whole."""
    stands = name.stands
    if not aim or stands * aim < 0:
        return aim - truncated(stands, name.share_step)
    return truncated(aim - stands, step)


def _against(name: Name, change: Decimal) -> tuple[Why | None, str]:
    """Which open orders forbid this trade, and in words."""
    other, facing = ("SELL", name.open_sells) if change > 0 else ("BUY", name.open_buys)
    if facing:
        return Why.ORDER_AGAINST, f"an open {other} of {plain(facing)} stands against it"
    if not name.exits:
        return None, ""
    if change * name.held > 0:
        return Why.ORDER_AGAINST, f"exits of {plain(name.exits)} stand against it"
    if min(abs(change), abs(name.stands)) > abs(name.stands) - name.exits:
        return Why.HELD_BY_ORDERS, f"stops or legs hold {plain(name.exits)} of it"
    return None, ""


def _paid(
    lines: list[Line], *, nav: Decimal, cash: Decimal, kept_back: Decimal, min_trade: Decimal
) -> TradeList:
    """The lines with their buys cut to the cash, and the orders in their phases."""
    open_cost = sum((line.name.open_cost for line in lines), _NOTHING)
    proceeds = sum((-one.change * one.name.sell_px for one in lines if one.change < 0), _NOTHING)
    at_hand = cash - open_cost - kept_back
    buys = {
        line.name.symbol: Buy(
            qty=line.change,
            lot=line.name.buy_step,
            cost_px=line.name.buy_px,
            px=line.name.px,
        )
        for line in lines
        if line.change > 0
    }
    got = fitted(buys, at_hand + proceeds, min_trade)
    cost = sum((qty * buys[symbol].cost_px for symbol, qty in got.items()), _NOTHING)
    lines = [_cut(line, got.get(line.name.symbol)) for line in lines]
    return TradeList(
        nav=nav,
        cash=cash,
        kept_back=kept_back,
        cash_after=cash - open_cost + proceeds - cost,
        lines=tuple(lines),
        trades=tuple(_phased(lines, needs_proceeds=cost > at_hand)),
    )


def _cut(line: Line, qty: Decimal | None) -> Line:
    if qty is None or qty == line.change:
        return line
    text = f"the cash pays for {plain(qty)} of {plain(line.change)}"
    return replace(line, change=qty, why=Why.NO_CASH, text=text)


def _phased(lines: list[Line], *, needs_proceeds: bool) -> list[Trade]:
    """Every order, the sells of a phase before its buys."""
    sells = [trade for line in lines if line.change < 0 for trade in _legs(line, 1)]
    last = max((trade.phase for trade in sells), default=0)
    first = last + 1 if needs_proceeds else 1
    buys = [trade for line in lines if line.change > 0 for trade in _legs(line, first)]
    return sorted([*sells, *buys], key=lambda trade: trade.phase)


def _legs(line: Line, phase: int) -> Iterator[Trade]:
    """One order, or two where the trade goes through zero."""
    name, change = line.name, line.change
    closing = -truncated(name.stands, name.share_step)
    is_through = closing * change > 0 and abs(change) > abs(closing)
    parts = (closing, change - closing) if is_through else (change,)
    for number, part in enumerate(parts):
        yield Trade(
            phase=phase + number,
            side=Side.BUY if part > 0 else Side.SELL,
            qty=abs(part),
            symbol=name.symbol,
            px=name.px,
        )
