"""The account's day: what it lost, and what regulators ask of it, each rule with its dates."""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from floorbroker.pretrade.risk.control import Denial, new_value, no_equity, percent, usd
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, RiskView


class Rule(Struct, frozen=True, kw_only=True):
    """A regulatory rule and when it holds: from `since`, before `until`; dates in New York.

    `broken` says how the order breaks it, and what would pass; None where it does not.
    """

    name: str
    text: str
    since: str = ""
    until: str = ""
    broken: Callable[[Ask, RiskView], tuple[str, str] | None]

    def holds(self, today: str) -> bool:
        """Whether it holds on this date; on one that nobody knows, whether it has no end."""
        if not today:
            return not self.until
        return self.since <= today and (not self.until or today < self.until)


DAY_TRADE_EQUITY = Decimal(25_000)
DAY_TRADES_MAX = 3


def _day_trades(ask: Ask, view: RiskView) -> tuple[str, str] | None:
    is_small = view.equity is not None and view.equity < DAY_TRADE_EQUITY
    if not (is_small and view.would_day_trade and (view.day_trades or 0) >= DAY_TRADES_MAX):
        return None
    return f"{view.day_trades} day trades in five days, below $25,000", "hold it over night"


def _settled_cash(ask: Ask, view: RiskView) -> tuple[str, str] | None:
    value = new_value(ask, view)
    is_cash = view.multiplier == 1 and ask.is_buy
    if not is_cash or view.settled_cash is None or value is None or value <= view.settled_cash:
        return None
    return f"it costs {usd(value)}", f"{usd(max(view.settled_cash, Decimal(0)))} are settled"


def _short_sale(ask: Ask, view: RiskView) -> tuple[str, str] | None:
    if ask.is_buy or not view.is_short_restricted or ask.new_qty <= view.pos - view.open_sell:
        return None
    bid = view.bid_px
    if ask.price is not None and bid is not None and ask.price > bid:
        return None
    return "a short sale at the bid or below", "a limit above the bid passes"


def _halts(ask: Ask, view: RiskView) -> tuple[str, str] | None:
    is_urgent = ask.price is None and view.is_halted
    return (f"{ask.symbol} is halted", "ask again once it trades") if is_urgent else None


REGULATORY: tuple[Rule, ...] = (
    Rule(
        name="day_trades",
        text="FINRA 4210(f)(8)(B), pattern day trading: below $25,000 no fourth day trade in five"
        " days. It ended on 2026-06-04.",
        until="2026-06-04",
        broken=_day_trades,
    ),
    Rule(
        name="settled_cash",
        text="Regulation T, free-riding: a cash account buys with settled money.",
        broken=_settled_cash,
    ),
    Rule(
        name="short_sale",
        text="Regulation SHO, rule 201: while the circuit breaker is on, no short sale at or below"
        " the national best bid.",
        since="2011-02-28",
        broken=_short_sale,
    ),
    Rule(
        name="halts",
        text="Nothing goes to the market in a symbol while its trading is halted.",
        broken=_halts,
    ),
)


def regulatory(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P22: every dated rule that holds today and is switched on."""
    for rule in _in_force(limits.regulatory, view.today):
        found = rule.broken(ask, view)
        if found is not None:
            value, hint = found
            return Denial(control="P22", limit=rule.name, value=value, would_pass=hint)
    return None


@lru_cache(maxsize=64)
def _in_force(names: frozenset[str], today: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in REGULATORY if rule.name in names and rule.holds(today))


def daily_loss(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P23: realised + unrealised - fees >= -l * E0: beyond the first l only what reduces passes,
    beyond the second nothing."""
    equity, first = view.equity, view.first_equity
    if equity is None or first is None or first <= 0:
        return no_equity("P23") if limits.equity_required else None
    lost = (first - equity) / first
    if lost > limits.loss_halt_share:
        share, hint = limits.loss_halt_share, "no order passes today"
    elif lost > limits.loss_reducing_share and not view.is_reducing:
        share, hint = limits.loss_reducing_share, "what only makes a position smaller passes"
    else:
        return None
    return Denial(
        control="P23",
        limit=percent(share),
        value=f"the day has lost {usd(first - equity)}, {percent(lost)}",
        would_pass=hint,
    )


def drawdown(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """P24: the day's peak of equity - equity <= d * E0."""
    equity, first, peak = view.equity, view.first_equity, view.peak_equity
    if equity is None or first is None or peak is None or first <= 0:
        return None  # P23 says what follows from that
    fallen = (peak - equity) / first
    if fallen <= limits.drawdown_share_max or view.is_reducing:
        return None
    return Denial(
        control="P24",
        limit=percent(limits.drawdown_share_max),
        value=f"equity is {usd(peak - equity)} below the day's peak, {percent(fallen)}",
        would_pass="what only makes a position smaller passes",
    )
