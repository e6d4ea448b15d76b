"""`floorbroker rebalance`: from a file of targets to orders, looked at before they are sent."""

import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from floorbroker.cli.portfolio.working import (
    ALGO_SLACK_BPS,
    by_algo,
    check_algo,
    follow_earlier,
)
from floorbroker.cli.root import DONE, REFUSED, Json, progress, say, say_json, warn, with_desk
from floorbroker.cli.working.asking import PARAM, moment, params_of
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.deskwork.portfolio.looking import How
    from floorbroker.deskwork.portfolio.outlook import Outlook
    from floorbroker.deskwork.portfolio.rebalance import Outcome, Rebalance
    from floorbroker.deskwork.portfolio.working import Work
    from floorbroker.pretrade.allocation.targets import Rules, Targets

app = App(name="rebalance", help="Bring the positions to targets.")

_PERCENT = Decimal(100)


@Parameter(name="*")
@dataclass(frozen=True)
class RebalanceOptions:
    """What is traded, how, and whether to ask.

    Parameters
    ----------
    dry_run
        show the plan and send nothing
    yes
        do not ask
    cash_back
        keep so much cash: dollars, or a part of the portfolio such as 2%
    band
        trade only what is further from its target than this part of the portfolio, such as 0.5%
    to
        trade what left its band to the target, or to the band's edge
    min_trade
        leave out trades of fewer dollars
    limit_bps
        limit orders no further than so many basis points beyond the quote, not market orders
    lot
        trade in multiples of so many shares
    fractional
        trade fractions of shares, where the instrument allows them
    long_short
        allow negative targets
    gross
        with --long-short: what weights may add up to without their signs, 2 by default
    close_others
        close what is held and not in the file
    algo
        work each trade by this algorithm instead of sending it at once
    end
        with --algo: a while (2h), a time in New York (15:55), or RFC 3339
    param
        with --algo: NAME=VALUE of the algorithm, again for more
    wait
        seconds that the orders of a phase get to fill
    """

    dry_run: Annotated[bool, Parameter(negative="")] = False
    yes: Annotated[bool, Parameter(negative="")] = False
    cash_back: str = "0"
    band: str = "0"
    to: Literal["target", "edge"] = "target"
    min_trade: str = "1"
    limit_bps: str | None = None
    lot: str = "1"
    fractional: Annotated[bool, Parameter(negative="")] = False
    long_short: Annotated[bool, Parameter(negative="")] = False
    gross: str | None = None
    close_others: Annotated[bool, Parameter(negative="")] = False
    algo: str | None = None
    end: str | None = None
    param: PARAM = ()
    wait: float = 60.0


@app.default
def rebalance(
    file: Path, /, *, options: RebalanceOptions | None = None, json: Json = False
) -> int:
    """Show what leads from the positions to the targets of a .csv, .json or .jsonl file, ask, and
    trade it: sells first, buys once their cash is there. Exit 1 if a trade did not fill.

    Examples: floorbroker rebalance weights.csv --dry-run
              floorbroker rebalance weights.csv --cash-back 2% --band 0.5%
              floorbroker rebalance weights.csv --limit-bps 10 --yes --json
              floorbroker rebalance weights.csv --algo vwap --end 15:55
    """
    chosen = options or RebalanceOptions()
    if not (chosen.dry_run or chosen.yes) and (json or not sys.stdin.isatty()):
        raise ConfigError(
            "--yes: nothing was done: there is no terminal to ask; add --yes to send the orders, "
            "or --dry-run to see them"
        )
    _check_way(chosen)
    from floorbroker.deskwork.portfolio.reading import read_targets
    from floorbroker.pretrade.allocation.targets import check_rules, check_targets

    targets, rules, how = read_targets(file), _rules(chosen), _how(chosen)
    check_rules(rules)
    check_targets(targets, rules)
    if chosen.algo is not None and not chosen.dry_run:
        with_desk(follow_earlier)
    return _worked(targets, rules, how, chosen=chosen, json=json)


def _worked(
    targets: "Targets", rules: "Rules", how: "How", *, chosen: RebalanceOptions, json: bool
) -> int:
    """Plan, show, ask, carry out. The desk is closed while somebody thinks about it."""

    async def make(desk: "Desk") -> "Planned":
        plan = await desk.portfolio.plan(targets, rules, how=how)
        ahead = await desk.portfolio.outlook(plan, is_worked=chosen.algo is not None)
        return Planned(plan=plan, ahead=ahead, mode=f"{desk.settings.mode}")

    async def send(desk: "Desk", plan: "Rebalance") -> "Outcome":
        if chosen.algo is not None:
            return await by_algo(desk, plan, _work(chosen, desk))
        trades = len(plan.trade_list.trades)
        with progress("trades", trades) as step:
            return await desk.portfolio.carry_out(plan, on_step=step, wait_s=chosen.wait)

    async def both(desk: "Desk") -> "tuple[Planned, Outcome | None]":
        made = await make(desk)
        if not json:
            _show_plan(made)
        return made, await send(desk, made.plan) if made.plan.trade_list.trades else None

    if chosen.yes and not chosen.dry_run:
        made, outcome = with_desk(both)
        return _told(made, outcome, json=json)
    made = with_desk(make)
    plan = made.plan
    if json:
        return _told(made, None, json=True)
    _show_plan(made)
    if chosen.dry_run or not plan.trade_list.trades:
        return DONE
    _ask(plan, made.mode)
    return _told(made, with_desk(lambda desk: send(desk, plan)), json=False)


@dataclass(frozen=True)
class Planned:
    """A plan, what it is expected to come to, and whose money it is."""

    plan: "Rebalance"
    ahead: "Outlook"
    mode: str


def _show_plan(made: Planned) -> None:
    from floorbroker.cli.portfolio.sheets import plan_view
    from floorbroker.cli.sheet import show

    show(plan_view(made.plan, made.ahead, made.mode))
    sys.stdout.flush()


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


def _ask(plan: "Rebalance", mode: str) -> None:
    """Raises ConfigError unless whoever typed it means it."""
    from floorbroker.posttrade.wording import counted, money_text

    trades = plan.trade_list.trades
    worth = money_text(sum((trade.value for trade in trades), Decimal(0)))
    sys.stderr.write(
        f"Send {counted(len(trades), 'order')} worth {worth} ({mode.upper()})? Type yes to go on: "
    )
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != "yes":
        raise ConfigError("yes was not typed; nothing was sent")


def _check_way(chosen: RebalanceOptions) -> None:
    """Raises ConfigError where the options ask for a way of trading that does not exist."""
    check_algo(chosen.algo, chosen.end, chosen.param)
    if chosen.wait <= 0:
        raise ConfigError(f"--wait: {chosen.wait:g} must be more than 0 seconds")
    if chosen.to == "edge" and not _number("--band", chosen.band, is_part=True):
        raise ConfigError("--to: edge is that of a band; give --band")
    if chosen.gross is not None and not chosen.long_short:
        raise ConfigError("--gross: is for --long-short; a long-only portfolio adds up to 1")


def _work(chosen: RebalanceOptions, desk: "Desk") -> "Work":
    from floorbroker.deskwork.portfolio.working import Work

    assert chosen.algo is not None, "it was checked"
    assert chosen.end is not None, "it was checked"
    now = desk.clock.now()
    end = moment("end", chosen.end, now)
    if end <= now:
        raise ConfigError(f"--end: {chosen.end} is over; at the market it is {now:%H:%M:%S} UTC")
    return Work(algo=chosen.algo, end=end, params=params_of(chosen.param))


def _rules(chosen: RebalanceOptions) -> "Rules":
    from floorbroker.pretrade.allocation.targets import Rules

    is_part = chosen.cash_back.rstrip().endswith("%")
    kept = _number("--cash-back", chosen.cash_back, is_part=True)
    gross = chosen.gross
    return Rules(
        is_long_short=chosen.long_short,
        gross=None if gross is None else _number("--gross", gross, is_part=True),
        cash_back=Decimal(0) if is_part else kept,
        cash_back_part=kept if is_part else Decimal(0),
        min_trade=_number("--min-trade", chosen.min_trade),
        band=_number("--band", chosen.band, is_part=True),
        is_to_edge=chosen.to == "edge",
        closes_others=chosen.close_others,
    )


def _how(chosen: RebalanceOptions) -> "How":
    from floorbroker.deskwork.portfolio.looking import How

    lot = _number("--lot", chosen.lot)
    if lot < 1 or lot % 1:
        raise ConfigError(f"--lot: {chosen.lot} must be a whole number of shares, 1 or more")
    if chosen.fractional and lot != 1:
        raise ConfigError("--fractional: has no lots; leave out --lot or --fractional")
    limit_bps = chosen.limit_bps
    return How(
        slack_bps=How().slack_bps if chosen.algo is None else ALGO_SLACK_BPS,
        limit_bps=None if limit_bps is None else _number("--limit-bps", limit_bps),
        lot=lot,
        is_fractional=chosen.fractional,
    )


def _number(option: str, text: str, *, is_part: bool = False) -> Decimal:
    """The number, 0 or more; of a part of the portfolio also in percent. Raises ConfigError."""
    from floorbroker.domain.amounts import exact

    bare = text.strip()
    is_percent = is_part and bare.endswith("%")
    try:
        number = exact(bare.removesuffix("%").rstrip() if is_percent else bare)
    except ValueError as problem:
        right = "a number such as 0.5%" if is_part else "a number such as 100"
        raise ConfigError(f"{option}: {problem}; {right} is right") from None
    if number < 0:
        raise ConfigError(f"{option}: {text} must be 0 or more")
    return number / _PERCENT if is_percent else number
