"""The command itself: its nouns, its exit codes, and how errors are told."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import App, CycloptsError, Parameter

from floorbroker.domain.errors import (
    ConfigError,
    FloorbrokerError,
    JournalLocked,
    JournalSimulated,
)

if TYPE_CHECKING:
    from pathlib import Path

    from floorbroker.desk import Desk
    from floorbroker.publish.journaled import JournaledBook

Result = TypeVar("Result")

DONE = 0
REFUSED = 1
USAGE = 2
INTERRUPTED = 130  #: As shells have it.

#: The `--json` flag that every command has.
Json = Annotated[bool, Parameter(name="--json", negative="", help="print JSON for machines")]

app = App(
    name="floorbroker",
    help="An order-execution engine that writes before it sends.\n\nTry: floorbroker demo",
    version="0.1.0",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,  # `run` tells what an interruption leaves behind
)
#: Name, where it is, what it is for, an example. The modules are imported when they are used.
for _name, _where, _about, _example in (
    ("demo", "demo:app", "a day's basket, broken on purpose and recovered", "demo --out demo"),
    (
        "exchange",
        "exchange.serve:app",
        "serve the embedded exchange over Alpaca's wire protocol, or look into one",
        "exchange --port 8899 --speed 10",
    ),
    (
        "order",
        "order:app",
        "submit, show, list, watch, replace and cancel orders",
        "order submit buy 10 AAPL --limit 187.20",
    ),
    (
        "algo",
        "working.algo:app",
        "large orders, worked by an algorithm over time",
        "algo submit buy 1000 AAPL --algo twap --end 5m",
    ),
    (
        "plan",
        "planning.commands:app",
        "schedule, expected cost and risk of an order before it exists",
        "plan twap --side buy --qty 100000 --symbol IBM --adv 5000000 --daily-vol 1.6%",
    ),
    (
        "rebalance",
        "portfolio.rebalance:app",
        "bring the positions to the targets of a file",
        "rebalance weights.csv --dry-run",
    ),
    ("positions", "book:positions", "what we hold and what it is worth", "positions"),
    ("account", "book:account", "the account as the broker states it", "account --json"),
    ("assets", "book:assets", "what can be traded, and how", "assets"),
    ("quote", "book:quote", "the newest quote of some symbols", "quote AAPL MSFT"),
    (
        "curve",
        "tapes.curve:app",
        "how a symbol's volume spreads over the day, from earlier days",
        "curve SPY --history bars.parquet",
    ),
    (
        "simulate",
        "tapes.simulate:app",
        "the same desk and exchange over a recorded day, as fast as the machine can",
        "simulate --orders orders.csv --tape ticks/ibm@2013-10-08",
    ),
    (
        "reconcile",
        "book:reconcile",
        "our book against the broker's; exit 1 if a difference is open",
        "reconcile",
    ),
    ("report", "report:app", "trade reports", "report trades --html report.html"),
    ("journal", "journal:app", "verify, follow and export the audit trail", "journal verify"),
    (
        "kill",
        "stopping.kill:kill_app",
        "stop trading, with the desk running, hung or dead; exit 1 if anything is left",
        'kill --reason "fat finger"',
    ),
    ("resume", "stopping.kill:resume_app", "take orders again", 'resume --reason "cause found"'),
    (
        "limits",
        "guards.limits:app",
        "what bounds orders: show it, and set it",
        "limits set order_value_max 5000",
    ),
    (
        "risk",
        "guards.whatif:app",
        "what the controls would say of an order; exit 1 if one denies it",
        "risk what-if buy 10 AAPL",
    ),
    ("arm", "guards.arm:arm_app", "allow live trading, in two steps", "arm"),
    (
        "watchdog",
        "guards.watchdog:app",
        "look whether the desk lives; exit 1 if it does not",
        "watchdog --after 60",
    ),
    ("alerts", "guards.arm:alerts_app", "what somebody has to look at", "alerts list"),
    ("doctor", "doctor:app", "what is healthy and what is not; exit 1 if anything is", "doctor"),
):
    app.command(
        f"floorbroker.cli.{_where}",
        name=_name,
        help=f"{_about}\n\nExample: floorbroker {_example}",
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code is 0 done, 1 refused or something wrong, 2 usage."""
    try:
        outcome = app(
            list(arguments), exit_on_error=False, print_error=False, result_action="return_value"
        )
        sys.stdout.flush()
    except CycloptsError as problem:
        command = " ".join(("floorbroker", *(problem.command_chain or ())))
        return _told(f"{problem}", USAGE, f"see `{command} --help`")
    except ConfigError as problem:
        return _told(f"{problem}", USAGE)
    except FloorbrokerError as problem:
        return _told(f"{problem}", REFUSED)
    except BrokenPipeError:
        # Whoever read has seen enough; what is left must not be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _told("interrupted; what was sent stays as it is", INTERRUPTED)
    return outcome if isinstance(outcome, int) else DONE


def with_desk(body: "Callable[[Desk], Awaitable[Result]]") -> Result:
    """Open the desk of the environment's settings, do this, close it in good order."""
    from floorbroker import app as composition
    from floorbroker.desk import Desk

    async def opened() -> Result:
        async with Desk.open() as desk:
            return await body(desk)

    return composition.run(opened())


def with_desk_or_journal(
    ask: "Callable[[Desk], Awaitable[Result]]", read: "Callable[[JournaledBook], Result]"
) -> Result:
    """Ask the desk; where another process has it, or it lived in a simulation, read what it has
    written down, and say so."""
    try:
        return with_desk(ask)
    except JournalLocked:
        why = "a desk is at work"
    except JournalSimulated:
        why = "its desk lived in a simulation"
    from floorbroker import config
    from floorbroker.publish.journaled import JournaledBook
    from floorbroker.readers import open_journal_reader

    path = config.load().journal_path
    journal = open_journal_reader(path)
    try:
        book = JournaledBook(journal)
        warn(f"{why}; read from its journal {path}, {_as_of(book)}")
        return read(book)
    finally:
        journal.close()


def _as_of(book: "JournaledBook") -> str:
    if not book.seq:
        return "which is empty so far"
    return f"as of record {book.seq:,} of {book.time:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int, object], None]]:
    """A bar on standard error where somebody looks at it; call what it gives for each step."""
    if not sys.stderr.isatty():
        yield lambda _place, _result: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda _place, _result: bar.advance(task)


def say(text: str = "") -> None:
    """One line to standard output."""
    sys.stdout.write(text + "\n")


def say_json(value: object) -> None:
    from floorbroker.publish.views import to_json

    say(to_json(value))


def warn(text: str) -> None:
    """One line to standard error."""
    sys.stderr.write(f"floorbroker: {text}\n")


def write_file(path: "Path", text: str, option: str) -> None:
    """Raises ConfigError, which names the option, where the file cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise ConfigError(
            f"{option}: {path} cannot be written: {problem.strerror}; name another place"
        ) from None


def _told(text: str, code: int, next_step: str = "") -> int:
    warn(text + (f"\n  {next_step}" if next_step else ""))
    return code
