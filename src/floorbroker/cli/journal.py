"""`floorbroker journal`: verify, follow and export the audit trail, accept a restored one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, with_desk
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.journal.port import JournalReader

app = App(name="journal", help="Verify, follow and export the audit trail.")

Where = Annotated[
    Path | None, Parameter(help="a journal file, by default the one of the settings")
]


@app.command
def verify(path: Where = None, *, json: Json = False) -> int:
    """Walk the whole chain; exit 1 and the first bad record if it does not hold.

    Example: floorbroker journal verify
    """
    with _opened(path) as journal:
        outcome = journal.verify()
    if json:
        say_json(outcome)
    elif outcome.damage is None:
        say(f"{outcome.records:,} records verified, head {outcome.head.hash.hex()}")
    else:
        say(f"DAMAGED at record {outcome.damage.seq:,}: {outcome.damage.reason}")
    return DONE if outcome.damage is None else REFUSED


@app.command
def tail(
    path: Where = None,
    *,
    lines: Annotated[int, Parameter(name=["--lines", "-n"], help="so many records")] = 20,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], negative="", help="go on until Ctrl-C")
    ] = False,
    json: Json = False,
) -> int:
    """The newest records, one line each; `--follow` goes on as they come.

    Example: floorbroker journal tail -n 50 --follow
    """
    if lines < 1:
        raise ConfigError(f"--lines: {lines} must be 1 or more")
    if json and follow:
        raise ConfigError("--json and --follow exclude each other; follow without --json")
    with _opened(path) as journal:
        if json:
            for record in journal.records(max(journal.head().seq - lines, 0)):
                say_json(record)
        else:
            from floorbroker import app as composition

            with suppress(KeyboardInterrupt):  # the way to end --follow
                composition.run(_print_tail(journal, lines, follow=follow))
    return DONE


@app.command
def export(
    path: Where = None,
    *,
    out: Annotated[
        Path | None, Parameter(help=".jsonl or .parquet; standard output if absent")
    ] = None,
) -> int:
    """Every record as JSON lines or Parquet.

    Example: floorbroker journal export --out journal.parquet
    """
    from floorbroker.posttrade import audit

    with _opened(path) as journal:
        if out is None:
            audit.export_jsonl(journal, sys.stdout.buffer)
            return DONE
        try:
            if out.suffix == ".parquet":
                count = audit.export_parquet(journal, out)
            else:
                with out.open("wb") as target:
                    count = audit.export_jsonl(journal, target)
        except OSError as problem:
            raise ConfigError(f"--out: {out}: {problem.strerror}; name another file") from None
    say(f"{count:,} records exported to {out}")
    return DONE


@app.command
def accept(*, json: Json = False) -> int:
    """Open for new orders again on a journal that was restored from a backup.

    Example: floorbroker journal accept
    """
    forgotten = with_desk(lambda desk: desk.accept_journal())
    if json:
        say_json({"forgotten": forgotten})
    elif forgotten:
        say(f"{len(forgotten):,} orders that the journal did not know are accepted:")
        say("\n".join(forgotten))
    else:
        say("nothing to accept: the journal knows every order of its own at the broker")
    return DONE


async def _print_tail(journal: "JournalReader", lines: int, *, follow: bool) -> None:
    from floorbroker.clock import SystemClock
    from floorbroker.posttrade import audit

    async for line in audit.tail(journal, lines, clock=SystemClock() if follow else None):
        say(line)
        if follow:
            sys.stdout.flush()  # also through a pipe, each record shows when it comes


@contextmanager
def _opened(path: Path | None) -> "Iterator[JournalReader]":
    from floorbroker import config
    from floorbroker.readers import open_journal_reader

    journal = open_journal_reader(path or config.load().journal_path)
    try:
        yield journal
    finally:
        journal.close()
