"""What came of a rehearsed rebalance, on the screen: names, costs, cash, breaks, files."""

from rich.console import Group, RenderableType
from rich.text import Text

from floorbroker.cli.portfolio.sheets import (
    outcome_columns,
    outcome_lines,
    part_text,
    reached_cells,
)
from floorbroker.cli.portfolio.showing import Rehearsed
from floorbroker.cli.root import say
from floorbroker.cli.sheet import Column, Sheet, show
from floorbroker.cli.tapes.folder import JOURNAL, REPORT
from floorbroker.posttrade.wording import NOTHING, bps_text, counted, signed_money_text
from floorbroker.simulation.costs import Cost, Costs, costs_by_symbol, costs_of


def show_result(found: Rehearsed) -> None:
    say()
    show(result_view(found))
    journal = found.out / JOURNAL
    say(f"report   {found.out / REPORT}")
    say(f"journal  {journal}")
    say(f"         FLOORBROKER_JOURNAL=sqlite:///{journal} floorbroker algo list")


def result_view(found: Rehearsed) -> RenderableType:
    played = found.played
    verdict, money = outcome_lines(played.plan, played.outcome)
    style = "bold" if found.is_good else "bold yellow"
    texts = [Text(verdict, style=style), Text(money), *map(Text, _summary(found))]
    return Group(_sheet(found), Text(), *texts)


def _sheet(found: Rehearsed) -> Sheet:
    costs = costs_by_symbol(found.played.simulated.orders)
    names, what = outcome_columns()[:-1], outcome_columns()[-1]
    columns = [
        *names,
        Column("Arrival, bps", 1, is_number=True),
        Column("VWAP, bps", 1, is_number=True),
        Column("Part", 3, is_number=True),
        what,
    ]
    rows = []
    for row in found.played.outcome.rows:
        *cells, told = reached_cells(row)
        rows.append([*cells, *_measured(costs.get(row.symbol)), told])
    return Sheet(columns, rows)


def _measured(costs: Costs | None) -> list[Text]:
    if costs is None:
        return [Text(NOTHING)] * 3
    return [
        Text(bps_text(costs.arrival.bps)),
        Text(bps_text(costs.vwap.bps)),
        Text(part_text(costs.participation)),
    ]


def _summary(found: Rehearsed) -> list[str]:
    played, report = found.played, found.played.simulated.report
    costs = costs_of(played.simulated.orders)
    open_breaks = sum(one.is_open for one in played.compared.breaks)
    is_whole = played.simulated.verification.damage is None
    chain = "its chain verifies" if is_whole else "its chain does NOT verify"
    return [
        f"cost {cost_text(costs.arrival)} against arrival, {cost_text(costs.vwap)} against the "
        f"market's VWAP, with {part_text(costs.participation)} of the volume",
        f"{counted(report.totals.orders, 'child order')}, {counted(report.totals.fills, 'fill')}; "
        f"{counted(open_breaks, 'open break')} between our book and the exchange's; journal of "
        f"{report.head_seq:,} records, {chain}",
    ]


def cost_text(cost: Cost) -> str:
    return f"{signed_money_text(cost.dollars)} ({bps_text(cost.bps)} bps)"
