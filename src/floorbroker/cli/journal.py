"""`floorbroker journal`: verify, prove, follow and export the audit trail, accept an old one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, warn, with_desk, write_file
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.journal.notary.anchors import Anchors
    from floorbroker.journal.port import JournalReader

app = App(name="journal", help="Verify, follow and export the audit trail.")

AnchorFile = Annotated[Path | None, Parameter(help="its anchors, by default as the desk has them")]
KeyFile = Annotated[Path | None, Parameter(help="the key that signed them, by default the desk's")]
Where = Annotated[
    Path | None, Parameter(help="a journal file, by default the one of the settings")
]


@app.command
def verify(
    path: Where = None,
    *,
    anchors: AnchorFile = None,
    key: KeyFile = None,
    json: Json = False,
) -> int:
    """Walk the whole chain, through every anchor; exit 1 and the first bad record if it does not
    hold.

    Example: floorbroker journal verify
    """
    from floorbroker.posttrade.filed import wrongly_filed

    with _opened(path) as journal:
        told = _anchors(journal, path, anchors, key)
        marks = [] if told is None else told.marks()
        outcome = journal.verify(marks, lambda: wrongly_filed(journal))
    is_good = outcome.damage is None and (told is None or not told.damage)
    if json:
        from msgspec import structs

        say_json({**structs.asdict(outcome), "anchors": told and told.summary()})
        return DONE if is_good else REFUSED
    if outcome.damage is None:
        say(f"{outcome.records:,} records verified, head {outcome.head.hash.hex()}")
    else:
        say(f"DAMAGED at record {outcome.damage.seq:,}: {outcome.damage.reason}")
    if told is None:
        say("no anchors: a cut end or a chain made anew would not show")
    else:
        say(f"{told}{_beyond(told, outcome.records)}")
    return DONE if is_good else REFUSED


@app.command
def prove(
    cl_ord_id: str,
    path: Where = None,
    /,
    *,
    anchors: AnchorFile = None,
    key: KeyFile = None,
    out: Annotated[Path | None, Parameter(help="a file; standard output if absent")] = None,
) -> int:
    """The records about one order, and a proof that they stand in the journal, as JSON.

    Example: floorbroker journal prove o-01J9ZK... --out proof.json
    """
    from floorbroker.domain.errors import UnknownOrder
    from floorbroker.domain.ids import ClOrdID
    from floorbroker.journal.notary.proof import prove as proof_of
    from floorbroker.posttrade.why.about import records_about
    from floorbroker.publish.views import to_json

    name = ClOrdID(cl_ord_id)
    with _opened(path) as journal:
        told = _anchors(journal, path, anchors, key)
        records = records_about(journal, name)
        if not records:
            raise UnknownOrder(f"no order {cl_ord_id} in this journal")
        proof = proof_of(journal, name, records, () if told is None else told.lines)
    text = to_json(proof)
    if out is None:
        say(text)
    else:
        write_file(out, text + "\n", "--out")
    place = f"root of the first {proof.size:,} records: {proof.root}"
    line = None if told is None else told.line_of(proof.size)
    where = "no anchor holds it yet" if line is None else f"line {line} of the anchors holds it"
    warn(f"{len(records)} records about {cl_ord_id}; {place}; {where}")
    return DONE


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


def _beyond(told: "Anchors", records: int) -> str:
    """What an anchor does not cover could have been cut off."""
    beyond = records - told.lines[-1].seq if told.lines else records
    return f"; the {beyond:,} records after it stand on the chain alone" if beyond > 0 else ""


def _anchors(
    journal: "JournalReader", path: Path | None, anchors: Path | None, key: Path | None
) -> "Anchors | None":
    """The journal's anchors, None if it has none. A journal that is not the one of the settings
    has them, and the key, beside it."""
    from floorbroker import config

    settings = config.load()
    is_ours = path is None or path.absolute() == settings.journal_path.absolute()
    if path is None or is_ours:
        place, key_place = settings.anchors_path, settings.anchor_key_path
    else:
        place, key_place = config.anchors_beside(path), path.parent / settings.anchor_key_path.name
    if anchors is None and not place.exists():
        return None
    from floorbroker.journal.notary.anchors import read_anchors
    from floorbroker.journal.notary.keys import key_of, read_key

    if key is None and is_ours and settings.anchor_key is not None:
        secret: bytes | None = key_of(settings.anchor_key.reveal(), "FLOORBROKER_ANCHOR_KEY")
    else:
        secret = read_key(key or key_place)
    if key is not None and secret is None:
        raise ConfigError(f"--key: {key} is not there")
    return read_anchors(anchors or place, secret, journal.journal_id)


@contextmanager
def _opened(path: Path | None) -> "Iterator[JournalReader]":
    from floorbroker import config
    from floorbroker.readers import open_journal_reader

    journal = open_journal_reader(path or config.load().journal_path)
    try:
        yield journal
    finally:
        journal.close()
