"""A rebalance as it is shown: the plan before it is sent, and where it led."""

from datetime import timedelta
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.text import Text

from floorbroker.cli.sheet import Column, Sheet
from floorbroker.clock import datetime_of
from floorbroker.deskwork.portfolio.looking import Price
from floorbroker.deskwork.portfolio.outlook import Outlook, TradeOutlook
from floorbroker.deskwork.portfolio.rebalance import Outcome, Reached, Rebalance
from floorbroker.domain.order import Side
from floorbroker.posttrade.wording import (
    NOTHING,
    age_text,
    average_text,
    bps_text,
    counted,
    money_text,
    px_text,
    qty_text,
    signed_money_text,
)
from floorbroker.pretrade.allocation.trades import Line, Trade, Why

_BADGES = {"live": "bold white on red", "paper": "bold white on blue"}
_ZERO = Decimal(0)
_SIDES = {Side.BUY: "blue", Side.SELL: "dark_orange3"}
_BPS = Decimal(10_000)
_SMALL = Decimal("0.0001")


def plan_view(plan: Rebalance, ahead: Outlook, mode: str) -> RenderableType:
    """What needs a decision, the money, what the controls say, the orders."""
    parts: list[RenderableType] = [
        Text.assemble((f" {mode.upper()} ", _BADGES.get(mode, "white on grey37")), " rebalance")
    ]
    parts += [Text(note, style="bold yellow") for note in plan.notes]
    parts += [Text(line, style="bold red") for line in _denied(ahead)]
    if not plan.notes and not ahead.denied:
        parts.append(Text("Nothing needs a decision.", style="dim"))
    parts += [Text(line) for line in _money(plan)]
    if not plan.trade_list.trades:
        return Group(*parts, Text("nothing to trade", style="bold"))
    parts += [Text(line) for line in _cost(ahead)]
    return Group(*parts, Text(), trades_sheet(plan, ahead))


def _money(plan: Rebalance) -> list[str]:
    found = plan.trade_list
    told = []
    for side, word in ((Side.SELL, "sell"), (Side.BUY, "buy")):
        values = [trade.value for trade in found.trades if trade.side is side]
        if values:
            told.append(f"{counted(len(values), word)} worth {money_text(sum(values, _ZERO))}")
    kept = f", {money_text(found.kept_back)} kept back" if found.kept_back else ""
    lines = [
        f"value {money_text(found.nav)}, cash {money_text(found.cash)} "
        f"-> {money_text(found.cash_after)}{kept}"
    ]
    if told:
        lines.append("; ".join(told))
    quiet = []
    for why in (Why.AT_TARGET, Why.WITHIN_BAND, Why.BELOW_MINIMUM):
        count = sum(line.why is why for line in found.lines)
        if count:
            quiet.append(f"{count} {why}")
    if quiet:
        lines.append(f"not traded: {', '.join(quiet)}")
    return lines


def _denied(ahead: Outlook) -> list[str]:
    """The trades that would be refused, each with its control."""
    lines = []
    for one in ahead.denied:
        trade = one.trade
        what = f"{trade.side.upper()} {qty_text(trade.qty)} {trade.symbol}"
        lines.append(f"would be refused: {what}: {'; '.join(one.denials)}")
    return lines


def _cost(ahead: Outlook) -> list[str]:
    """Half the spreads and the impact of all trades, and what is not known of it."""
    worth = sum((one.trade.value for one in ahead.trades), _ZERO)
    known = [one for one in ahead.trades if one.impact is not None]

    def part(cost: Decimal) -> str:
        return f"{money_text(cost)} ({bps_text(cost / worth * _BPS)} bps)"

    text = f"half the spread costs {part(ahead.half_spread)}"
    if known:
        text += f", impact {part(ahead.impact)} by the square root law"
    lines = [f"expected: {text}"]
    if known:
        oldest = min(known, key=lambda one: one.stats.as_of_ns)
        sources = ", ".join(dict.fromkeys(one.stats.source for one in known))
        newest = f"{datetime_of(oldest.stats.as_of_ns):%Y-%m-%d}"
        lines.append(f"volume and volatility of {sources}, of {newest} or later")
    if ahead.unknown:
        names = counted(len(ahead.unknown), "trade")
        lines.append(f"impact not known of {names}: {ahead.unknown[0].why}")
    if not ahead.denied:
        lines.append("every trade passes every control, each on its own, as things stand")
    return lines


def _half(price: Price) -> Decimal:
    return (price.ask_px - price.bid_px) / 2


def trades_sheet(plan: Rebalance, ahead: Outlook) -> Sheet:
    """The orders in their phases, each with where it starts and leads."""
    lines = {line.name.symbol: line for line in plan.trade_list.lines}
    columns = [
        Column("Phase", 3, is_number=True),
        Column("Side"),
        Column("Shares", is_number=True),
        Column("Symbol"),
        Column("Now", 1, is_number=True),
        Column("Target", 1, is_number=True),
        Column("Price", 2, is_number=True),
        Column("Age", 4, is_number=True),
        Column("Value", is_number=True),
        Column("1/2 spread, bps", 5, is_number=True),
    ]
    rows = [
        _trade_cells(one.trade, lines[one.trade.symbol], plan.prices[one.trade.symbol])
        for one in ahead.trades
    ]
    for column, cells in _looked_ahead(ahead):
        columns.append(column)
        rows = [[*row, cell] for row, cell in zip(rows, cells, strict=True)]
    remarks = [Text(lines[one.trade.symbol].text) for one in ahead.trades]
    columns.append(Column("Remark", 6, folds=True))
    return Sheet(columns, [[*row, cell] for row, cell in zip(rows, remarks, strict=True)])


def _looked_ahead(ahead: Outlook) -> list[tuple[Column, list[Text]]]:
    """What each trade is expected to cost where that is known of any, its part of a usual day,
    and whose no it would get."""
    found = []
    if any(one.impact is not None for one in ahead.trades):
        costs = [NOTHING if c is None else money_text(c) for c in map(_cost_of, ahead.trades)]
        found.append((Column("Cost", 2, is_number=True), [Text(cost) for cost in costs]))
    advs = [(one.trade.qty, one.stats.adv) for one in ahead.trades]
    if any(adv for _, adv in advs):
        parts = [part_text(qty / adv) if adv else NOTHING for qty, adv in advs]
        found.append((Column("Of ADV", 2, is_number=True), [Text(part) for part in parts]))
    if ahead.denied:
        noes = [", ".join(map(_whose, one.denials)) for one in ahead.trades]
        found.append((Column("Refused by", 1), [Text(no, style="bold red") for no in noes]))
    return found


def part_text(part: Decimal | None) -> str:
    """A part of a volume in percent; what is tiny is told as such."""
    if part is None:
        return NOTHING
    return f"{part:.2%}" if part >= _SMALL or not part else "<0.01%"


def _cost_of(one: TradeOutlook) -> Decimal | None:
    return None if one.impact is None else one.half_spread + one.impact


def _whose(denial: str) -> str:
    """The control that says no; what is none stands above in words."""
    first = denial.partition(" ")[0]
    return first if first[:1] == "P" and first[1:].isdigit() else "see above"


def _trade_cells(trade: Trade, line: Line, price: Price) -> list[Text]:
    is_last = price.source == "last"
    return [
        Text(f"{trade.phase}"),
        Text(trade.side.value.upper(), style=_SIDES[trade.side]),
        Text(qty_text(trade.qty)),
        Text(trade.symbol, style="bold"),
        Text(qty_text(line.name.stands)),
        Text(qty_text(line.target)),
        Text(_price_text(trade.px)),
        Text(age_text(timedelta(seconds=price.age_s))),
        Text(money_text(trade.value)),
        Text(NOTHING if is_last else bps_text(_half(price) / price.px * _BPS).lstrip("+")),
    ]


def _price_text(px: Decimal) -> str:
    """A middle of two prices may have a digit more than they."""
    return average_text(px) if px.as_tuple().exponent != -2 else px_text(px)


def outcome_view(plan: Rebalance, outcome: Outcome) -> RenderableType:
    """Where it led, name by name, and the cash to the cent."""
    verdict, money = outcome_lines(plan, outcome)
    style = "bold" if outcome.is_done else "bold yellow"
    rows = map(reached_cells, outcome.rows)
    return Group(Sheet(outcome_columns(), rows), Text(), Text(verdict, style=style), Text(money))


def outcome_lines(plan: Rebalance, outcome: Outcome) -> tuple[str, str]:
    """The verdict, and the cash to the cent."""
    there = sum(row.is_there for row in outcome.rows)
    sent = sum(1 for row in outcome.rows for one in row.sent if one.order_id)
    names = counted(len(outcome.rows), "name")
    before = plan.trade_list.cash
    fees = outcome.cash - before - outcome.traded_cash
    money = f"cash {money_text(outcome.cash)}: {money_text(before)} before"
    money += f", {signed_money_text(outcome.traded_cash)} traded"
    if fees:
        money += f", {signed_money_text(fees)} fees and anything else"
    verdict = f"{counted(sent, 'order')}, {there} of {names} as planned"
    cut = sum(line.why is Why.NO_CASH for line in plan.trade_list.lines)
    return verdict + (f", {cut} of them cut to the cash" if cut else ""), money


def outcome_columns() -> list[Column]:
    return [
        Column("Symbol"),
        Column("Target", is_number=True),
        Column("Reached", is_number=True),
        Column("Missing", 1, is_number=True),
        Column("Traded", 2, is_number=True),
        Column("Average", 2, is_number=True),
        Column("Money", 3, is_number=True),
        Column("What", 4, folds=True),
    ]


def reached_cells(row: Reached) -> list[Text]:
    traded = sum((_signed(one.filled, one.trade) for one in row.sent), _ZERO)
    filled = sum((one.filled for one in row.sent), _ZERO)
    money = sum((one.cash for one in row.sent), _ZERO)
    worth = sum((one.filled * (one.avg_px or _ZERO) for one in row.sent), _ZERO)
    missing = row.target - row.held
    return [
        Text(row.symbol, style="bold"),
        Text(qty_text(row.target)),
        Text(qty_text(row.held)),
        Text(qty_text(missing) if missing else NOTHING, style="" if row.is_there else "bold red"),
        Text(qty_text(traded) if row.sent else NOTHING),
        Text(average_text(worth / filled) if filled else NOTHING),
        Text(signed_money_text(money) if row.sent else NOTHING),
        Text("; ".join(one.text for one in row.sent)),
    ]


def _signed(qty: Decimal, trade: Trade) -> Decimal:
    return qty if trade.side is Side.BUY else -qty
