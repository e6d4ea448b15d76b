"""Portfolios for tests: names, targets, and what fills make of them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from floorbroker.domain.terms import Side
from floorbroker.pretrade.allocation.targets import Kind, Rules, Targets
from floorbroker.pretrade.allocation.trades import Line, Name, TradeList, trade_list


def name(symbol: str, px: str, held: str = "0", **fields: object) -> Name:
    """A name whose three prices are one."""
    price = Decimal(px)
    changes = {
        key: Decimal(value) if isinstance(value, str) else value for key, value in fields.items()
    }
    plain = Name(symbol=symbol, px=price, buy_px=price, sell_px=price, held=Decimal(held))
    return replace(plain, **changes)


def targets(kind: str, **values: str) -> Targets:
    return Targets(kind=Kind(kind), values={key: Decimal(value) for key, value in values.items()})


def rules(**fields: object) -> Rules:
    return Rules(
        **{  # type: ignore[arg-type]  # text stands for numbers
            key: Decimal(value) if isinstance(value, str) else value
            for key, value in fields.items()
        }
    )


def planned(
    wanted: Targets, names: Sequence[Name], cash: str, chosen: Rules | None = None
) -> TradeList:
    return trade_list(wanted, names, Decimal(cash), chosen)


def told(plan: TradeList) -> list[str]:
    """`1 SELL 100 AAPL`, in order."""
    return [f"{one.phase} {one.side.upper()} {one.qty:f} {one.symbol}" for one in plan.trades]


def line_of(plan: TradeList, symbol: str) -> Line:
    return next(line for line in plan.lines if line.name.symbol == symbol)


def filled(names: Sequence[Name], cash: Decimal, plan: TradeList) -> tuple[list[Name], Decimal]:
    """Names and cash after everything filled: the open orders, and the plan's at its prices."""
    changes: Mapping[str, Decimal] = {line.name.symbol: line.change for line in plan.lines}
    after = []
    for one in names:
        bought = one.open_buys - one.open_sells
        cash -= bought * one.px + changes[one.symbol] * one.px
        after.append(
            replace(
                one,
                held=one.held + bought + changes[one.symbol],
                open_buys=Decimal(0),
                open_sells=Decimal(0),
                open_cost=Decimal(0),
            )
        )
    return after, cash


def cash_by_phase(plan: TradeList, names: Sequence[Name], cash: Decimal) -> list[Decimal]:
    """What is left after each phase at the worst prices, open buys paid first."""
    by_symbol = {one.symbol: one for one in names}
    left = cash - sum(one.open_cost for one in names)
    found = []
    for phase in range(1, plan.phases + 1):
        for trade in plan.trades:
            if trade.phase == phase:
                one = by_symbol[trade.symbol]
                is_buy = trade.side is Side.BUY
                left += -trade.qty * one.buy_px if is_buy else trade.qty * one.sell_px
        found.append(left)
    return found
