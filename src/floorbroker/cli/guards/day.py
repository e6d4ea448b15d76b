"""The day-end pack: built from the journal alone, with the desk open, at work or gone."""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from floorbroker.cli.root import DONE, REFUSED, say, say_json
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from floorbroker.journal.port import Record
    from floorbroker.posttrade.surveillance.pack import DayPack

_NEW_YORK = ZoneInfo("America/New_York")


def pack_of(text: str | None, *, json: bool) -> int:
    """Print the pack of this day in New York; exit 1 if something of it is to be reviewed."""
    from floorbroker import config
    from floorbroker.posttrade.surveillance.pack import day_pack
    from floorbroker.readers import open_journal_reader

    journal = open_journal_reader(config.load().journal_path)
    try:
        head = journal.head()
        day = _day(text) if text else _last_day(journal.records(after=max(head.seq - 1, 0)))
        start = datetime.combine(day, time(), _NEW_YORK).astimezone(UTC)
        # Half days end earlier: then what comes after is not the close's.
        close = datetime.combine(day, time(16), _NEW_YORK).astimezone(UTC)
        found = day_pack(
            journal.records(), head, start=start, end=start + timedelta(days=1), close=close
        )
    finally:
        journal.close()
    if json:
        say_json(found)
    else:
        _show(found, day)
    return REFUSED if found.open_breaks or found.unacknowledged or found.review else DONE


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--date: {text!r} is no date; write 2026-06-01") from None


def _last_day(newest: "Iterable[Record]") -> date:
    for record in newest:
        return record.message.transact_time.astimezone(_NEW_YORK).date()
    raise ConfigError("the journal is empty: there is no day to tell of")


def _show(found: "DayPack", day: date) -> None:
    say(
        f"{day}  {found.orders:,} orders, {sum(found.denials.values()):,} refused, "
        f"{found.open_breaks} open breaks, {len(found.unknown)} times UNKNOWN, "
        f"{len(found.review)} to review"
    )
    for one in found.review:
        say(f"  REVIEW    {one.pattern.replace('_', ' ')} in {one.symbol}: {one.text}")
    for name in found.unacknowledged:
        say(f"  ALERT     {name} is not acknowledged; `floorbroker alerts ack {name}`")
    for text in found.breaks:
        say(f"  break     {text}")
    for control, count in sorted(found.denials.items()):
        say(f"  refused   {count:,} by {control}")
    for kind, lines in (
        ("unknown", found.unknown),
        ("changed", found.changes),
        ("alert", found.alerts),
    ):
        for line in lines:
            say(f"  {kind:<10}{line.time:%H:%M:%S} UTC  {line.what}: {line.text}")
    say(f"  journal   record {found.head_seq}, head {found.head_hash}")
