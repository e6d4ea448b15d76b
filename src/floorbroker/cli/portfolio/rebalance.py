"""`floorbroker rebalance`: from a file of targets to orders, looked at before they are sent."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from floorbroker.cli.portfolio.options import (
    RebalanceOptions,
    RehearsalOptions,
    check_rehearsal,
    check_way,
    how_of,
    rules_of,
)
from floorbroker.cli.portfolio.showing import Planned, ask_first, show_plan
from floorbroker.cli.portfolio.working import by_algo, follow_earlier, work_of
from floorbroker.cli.root import DONE, REFUSED, Json, progress, say, say_json, warn, with_desk
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.deskwork.portfolio.rebalance import Outcome, Rebalance
    from floorbroker.pretrade.allocation.targets import Targets

app = App(name="rebalance", help="Bring the positions to targets.")


@app.default
def rebalance(
    file: Path,
    /,
    *,
    options: RebalanceOptions | None = None,
    rehearsal: RehearsalOptions | None = None,
    json: Json = False,
) -> int:
    """Show what leads from the positions to the targets of a .csv, .json or .jsonl file, ask, and
    trade it: sells first, buys once their cash is there. With --tape the same on a recorded day,
    from cash, in virtual time. Exit 1 if a trade did not fill.

    Examples: floorbroker rebalance weights.csv --dry-run
              floorbroker rebalance weights.csv --cash-back 2% --band 0.5%
              floorbroker rebalance weights.csv --limit-bps 10 --yes --json
              floorbroker rebalance weights.csv --algo vwap --end 15:55
              floorbroker rebalance w.csv --algo vwap --end 15:55 --tape bars.csv --day 2026-03-23
    """
    chosen, played = options or RebalanceOptions(), rehearsal or RehearsalOptions()
    if not (chosen.dry_run or chosen.yes) and (json or not sys.stdin.isatty()):
        raise ConfigError(
            "--yes: nothing was done: there is no terminal to ask; add --yes to send the orders, "
            "or --dry-run to see them"
        )
    check_way(chosen)
    check_rehearsal(played)
    from floorbroker.deskwork.portfolio.reading import read_targets
    from floorbroker.pretrade.allocation.targets import check_rules, check_targets

    targets, rules = read_targets(file), rules_of(chosen)
    check_rules(rules)
    check_targets(targets, rules)
    if played.tape is not None:
        from floorbroker.cli.portfolio.rehearse import rehearsed

        return rehearsed(targets, chosen, played, json=json)
    if chosen.algo is not None and not chosen.dry_run:
        with_desk(follow_earlier)
    return _worked(targets, chosen, json=json)


def _worked(targets: "Targets", chosen: RebalanceOptions, *, json: bool) -> int:
    """Plan, show, ask, carry out. The desk is closed while somebody thinks about it."""
    rules, how = rules_of(chosen), how_of(chosen)

    async def make(desk: "Desk") -> Planned:
        if chosen.algo is not None:
            work_of(chosen, desk.clock.now())  # what cannot be meant is told before it asks
        plan = await desk.portfolio.plan(targets, rules, how=how)
        ahead = await desk.portfolio.outlook(plan, algo=chosen.algo)
        return Planned(plan=plan, ahead=ahead, mode=f"{desk.settings.mode}")

    async def send(desk: "Desk", plan: "Rebalance") -> "Outcome":
        if chosen.algo is not None:
            work = work_of(chosen, desk.clock.now())
            outcome, _ = await by_algo(desk.portfolio, plan, work, clock=desk.clock, is_quiet=json)
            return outcome
        trades = len(plan.trade_list.trades)
        with progress("trades", trades) as step:
            return await desk.portfolio.carry_out(plan, on_step=step, wait_s=chosen.wait)

    async def both(desk: "Desk") -> "tuple[Planned, Outcome | None]":
        made = await make(desk)
        if not json:
            show_plan(made)
        return made, await send(desk, made.plan) if made.trades else None

    if chosen.yes and not chosen.dry_run:
        made, outcome = with_desk(both)
        return _told(made, outcome, json=json)
    made = with_desk(make)
    plan = made.plan
    if json:
        return _told(made, None, json=True)
    show_plan(made)
    if chosen.dry_run or not made.trades:
        return DONE
    ask_first(made)
    return _told(made, with_desk(lambda desk: send(desk, plan)), json=False)


def _told(made: Planned, outcome: "Outcome | None", *, json: bool) -> int:
    plan = made.plan
    if json:
        from floorbroker.cli.portfolio.document import document

        say_json(document(plan, made.ahead, outcome, made.mode))
    elif outcome is not None:
        from floorbroker.cli.portfolio.sheets import outcome_view
        from floorbroker.cli.sheet import show

        say()
        show(outcome_view(plan, outcome))
    if outcome is None or outcome.is_done:
        return DONE
    missed = sum(not row.is_there for row in outcome.rows)
    warn(f"{missed} of {len(outcome.rows)} names are not where the plan leads; run it again later")
    return REFUSED
