"""A rebalance over a recorded day: the same plan, question and algorithms, and nothing leaves."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from floorbroker import config
from floorbroker.cli.portfolio.options import (
    RebalanceOptions,
    RehearsalOptions,
    how_of,
    rules_of,
)
from floorbroker.cli.portfolio.showing import Planned, Rehearsed, ask_first, show_plan
from floorbroker.cli.portfolio.working import by_algo, waiting_shown, work_of
from floorbroker.cli.root import DONE, INTERRUPTED, REFUSED, progress, say_json, warn, write_file
from floorbroker.cli.tapes.folder import REPORT, draft_in
from floorbroker.cli.tapes.simulate import cash_of, days_of
from floorbroker.cli.working.asking import moment
from floorbroker.clock import NS_PER_S, datetime_of, ns_of
from floorbroker.domain.errors import ConfigError, TapeError
from floorbroker.engine.atrade.settings import guard_limits
from floorbroker.marketdata.detect import open_tape, parse_choice
from floorbroker.marketdata.port import NEW_YORK, Selection, TapeInfo, new_york_date
from floorbroker.posttrade.wording import counted
from floorbroker.pretrade.allocation.targets import Problem, Targets, refuse
from floorbroker.readers import SIMULATED
from floorbroker.simulation.desk import SETTINGS
from floorbroker.simulation.rehearsal import Scene, Stage, rehearse
from floorbroker.venues import MarketPlan, open_market

if TYPE_CHECKING:
    from floorbroker.cli.portfolio.working import Standing
    from floorbroker.deskwork.portfolio.rebalance import Outcome, Rebalance

#: The plan is made so long after the bell, unless a time is given; and no sooner than the second:
#: the first quotes come with it.
USUAL_NS, SOONEST_NS = 300 * NS_PER_S, 60 * NS_PER_S


def rehearsed(
    targets: Targets, chosen: RebalanceOptions, options: RehearsalOptions, *, json: bool
) -> int:
    """Play it, show it, and leave journal and page behind; the exit code."""
    assert options.tape is not None, "it was checked"
    cash = cash_of(options.cash)
    market = _market(targets, options.tape, options.day, options.seed)
    start = _start(market, options.start)
    if chosen.algo is not None:
        _check_close(market, chosen, work_of(chosen, start).end)
    if options.history is not None and not options.history.exists():
        raise ConfigError(
            f"--history: {options.history} does not exist; name files of days before"
        )
    settings = config.load()
    scene = Scene(
        market=market,
        start_ns=ns_of(start),
        seed=options.seed,
        cash=cash,
        history=options.history or days_of(options.tape),
        settings=replace(
            SETTINGS, limits=settings.limits, guards=guard_limits(settings.limits.profile)
        ),
    )
    play = _Play(targets, chosen, is_quiet=json)
    if chosen.dry_run:
        rehearse(scene, play.on)
        return _told_plan(play.planned, json=json)
    out = options.out or Path(f"rebalance-{new_york_date(market.open_ns)}")
    with draft_in(out) as draft:
        try:
            found = rehearse(replace(scene, journal_path=draft.path), play.on)
        except asyncio.CancelledError:
            warn("interrupted; nothing of this rehearsal is kept")
            return INTERRUPTED
        if found is None:
            return _told_plan(play.planned, json=json)
        draft.keep()
    ended = Rehearsed(play.planned, found, play.standings, market, chosen.algo or "", out)
    return _told(ended, json=json)


class _Play:
    """What is done on the stage, and what it leaves to be told."""

    def __init__(self, targets: Targets, chosen: RebalanceOptions, *, is_quiet: bool) -> None:
        self._targets, self._chosen, self._is_quiet = targets, chosen, is_quiet
        self.planned: Planned
        self.standings: Sequence[Standing] = ()

    async def on(self, stage: Stage) -> "tuple[Rebalance, Outcome | None]":
        chosen, portfolio = self._chosen, stage.portfolio
        names = counted(len(self._targets.values), "name")
        with waiting_shown(f"plans, with earlier days of {names}", is_quiet=self._is_quiet):
            plan = await portfolio.plan(self._targets, rules_of(chosen), how=how_of(chosen))
            ahead = await portfolio.outlook(plan, algo=chosen.algo)
        self.planned = Planned(plan=plan, ahead=ahead, mode=SIMULATED)
        if ahead.has_no_curve:
            day = new_york_date(ns_of(plan.made_at))
            raise ConfigError(
                f"--algo: {chosen.algo} needs a volume curve, and no usual day before {day} is "
                f"known of any of the names; give --history with such days, or take an algorithm "
                "that needs none, such as twap or pov"
            )
        if not self._is_quiet:
            show_plan(self.planned)
        if chosen.dry_run or not self.planned.trades:
            return plan, None
        if not chosen.yes:
            ask_first(self.planned)
        with _interruptible():
            return plan, await self._carried_out(stage, plan)

    async def _carried_out(self, stage: Stage, plan: "Rebalance") -> "Outcome":
        chosen, portfolio = self._chosen, stage.portfolio
        if chosen.algo is None:
            with progress("trades", self.planned.trades) as step:
                return await portfolio.carry_out(plan, on_step=step, wait_s=chosen.wait)
        outcome, self.standings = await by_algo(
            portfolio,
            plan,
            work_of(chosen, stage.clock.now()),
            clock=stage.clock,
            every_s=60,
            is_quiet=self._is_quiet,
        )
        return outcome


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C cancels the task that runs this, so that everything is closed in virtual time; where
    a question waits for an answer it does what it always does."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None, "it runs in one"
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon(task.cancel))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _market(targets: Targets, tape: Path, day_text: str | None, seed: int) -> MarketPlan:
    """The recorded day of the targets' symbols; raises ConfigError, TargetsError with the lines of
    those that the tape does not have."""
    try:
        place, choice = parse_choice(str(tape))
    except TapeError as problem:
        raise ConfigError(f"--tape: {problem}") from None
    day = choice.day if day_text is None else _day(day_text)
    if choice.day is not None and day != choice.day:
        raise ConfigError(f"--day: {day} is not the day of --tape, {choice.day}; leave one out")
    infos = _infos(place, Selection(choice.symbols, day))
    first, last = (new_york_date(at) for at in _span(infos))
    if day is None and first != last:
        raise ConfigError(
            f"--day: missing; {place} goes from {first} to {last}; name one, such as {last}"
        )
    _check_listed(targets, infos, (place, choice.symbols), first)
    names = ",".join(sorted(targets.values))
    return open_market(Path(f"{place}@{names}:{first}"), (), seed)


def _infos(place: Path, selection: Selection) -> list[TapeInfo]:
    try:
        return [source.info for source in open_tape(place, selection)]
    except TapeError as problem:
        told = f"{problem}"
    if selection.day is not None:
        with suppress(TapeError):
            infos = [one.info for one in open_tape(place, replace(selection, day=None))]
            first, last = (new_york_date(at) for at in _span(infos))
            goes = f"{place} goes from {first} to {last}, and has trading days only"
            has = told if first == last else goes  # of dated files one is opened
            raise ConfigError(f"--day: {selection.day} is not on the tape; {has}")
    raise ConfigError(f"--tape: {told}")


def _span(infos: Sequence[TapeInfo]) -> tuple[int, int]:
    return min(one.first_ns for one in infos), max(one.last_ns for one in infos)


def _check_listed(
    targets: Targets, infos: Sequence[TapeInfo], tape: tuple[Path, frozenset[str]], day: date
) -> None:
    known = {symbol for info in infos for symbol in info.symbols}
    missing = [symbol for symbol in targets.values if symbol not in known]
    if not missing:
        return
    others: set[str] = set()
    with suppress(TapeError):
        place, chosen = tape
        others = {name for one in open_tape(place, Selection(chosen)) for name in one.info.symbols}
    problems = [
        Problem(
            field="symbol",
            value=symbol,
            hint=f"the tape has it on other days, and nothing of it on {day}; leave it out"
            if symbol in others
            else f"the tape has nothing of it; it has {_some(known)}",
            place=targets.places.get(symbol, ""),
        )
        for symbol in missing
    ]
    refuse(targets.source, problems)


def _some(names: set[str]) -> str:
    shown = sorted(names)[:10]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--day: {text!r} is no date; write 2026-03-23") from None


def _start(market: MarketPlan, text: str | None) -> datetime:
    """When the plan is made; raises ConfigError where nothing is traded then."""
    opens, day = datetime_of(market.open_ns), new_york_date(market.open_ns)
    if text is None:
        return datetime_of(market.open_ns + USUAL_NS)
    start = moment("start", text, opens)
    if new_york_date(ns_of(start)) != day:
        raise ConfigError(f"--start: {text} is not on the tape's day, {day}")
    first, last = market.open_ns + SOONEST_NS, market.close_ns
    if not first <= ns_of(start) < last:
        right = f"right is from {_clock(first)} on, and before the close, {_clock(last)}"
        raise ConfigError(f"--start: {text} is not in the session of {day}; {right}")
    return start


def _check_close(market: MarketPlan, chosen: RebalanceOptions, end: datetime) -> None:
    from floorbroker.execution.catalog import SHIPPED, named

    assert chosen.algo is not None, "it was checked"
    if ns_of(end) > market.close_ns and not named(SHIPPED, chosen.algo).in_auctions:
        close = _clock(market.close_ns)
        raise ConfigError(
            f"--end: {chosen.end} is after the close, {close}; right is {close} or earlier"
        )


def _clock(time_ns: int) -> str:
    return f"{datetime_of(time_ns).astimezone(NEW_YORK):%H:%M}"


def _told_plan(made: Planned, *, json: bool) -> int:
    if json:
        from floorbroker.cli.portfolio.document import document

        say_json(document(made.plan, made.ahead, None, made.mode))
    return DONE


def _told(found: Rehearsed, *, json: bool) -> int:
    from floorbroker.cli.portfolio.page import render
    from floorbroker.simulation.costs import unfinished

    write_file(found.out / REPORT, render(found), "--out")
    if json:
        from floorbroker.cli.portfolio.document import rehearsal_document

        say_json(rehearsal_document(found))
    else:
        from floorbroker.cli.portfolio.result import show_result

        show_result(found)
    for text in unfinished(found.played):
        warn(text)
    return DONE if found.is_good else REFUSED
