"""`floorbroker report`: what was done, and where it stands."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, Json, say, say_json, with_desk
from floorbroker.domain.errors import ConfigError, JournalLocked, JournalSimulated

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.domain.quotes import Bar
    from floorbroker.posttrade.trades import TradeReport

app = App(name="report", help="Trade reports.")


@app.command
def trades(
    *,
    start: Annotated[str | None, Parameter(help="from this UTC time, ISO 8601")] = None,
    end: Annotated[str | None, Parameter(help="up to this UTC time, ISO 8601")] = None,
    html: Annotated[Path | None, Parameter(help="also write a self-contained page")] = None,
    json: Json = False,
) -> int:
    """Orders, fills and profit of a period.

    Example: floorbroker report trades --start 2026-06-01 --html report.html
    """
    since, until = _time("--start", start), _time("--end", end)
    if since is not None and until is not None and since >= until:
        raise ConfigError(f"--end: {end} must be later than --start {start}")

    async def make(desk: "Desk") -> "TradeReport":
        report = await desk.generate_trade_report(since, until)
        if html is not None:
            await _write_page(desk, report, html)
        return report

    try:
        report = with_desk(make)
    except (JournalLocked, JournalSimulated):
        report = _from_journal(since, until, html)
    if json:
        say_json(report)
        return DONE
    from floorbroker.cli.tables import show_report

    show_report(report)
    if html is not None:
        say(f"report  {html}")
    return DONE


@app.command
def day(
    *,
    date: Annotated[
        str | None, Parameter(help="in New York, by default the journal's last")
    ] = None,
    json: Json = False,
) -> int:
    """The day-end pack: breaks, refusals by control, limit changes, UNKNOWN history, alerts, what
    to review, and the journal's head; exit 1 if anything is open or to be reviewed.

    Example: floorbroker report day --date 2026-06-01
    """
    from floorbroker.cli.guards.day import pack_of

    return pack_of(date, json=json)


def _from_journal(
    since: datetime | None, until: datetime | None, html: Path | None
) -> "TradeReport":
    """The report of a desk that cannot be opened, because it is at work or was simulated: from its
    journal alone, so its charts have no prices."""
    from floorbroker import config
    from floorbroker.deskwork.reports import report_of, write_report
    from floorbroker.readers import open_journal_reader

    journal = open_journal_reader(config.load().journal_path)
    try:
        report = report_of(journal, since, until)
        if html is not None:
            write_report(report, {}, html, journal.verify())
    finally:
        journal.close()
    return report


async def _write_page(desk: "Desk", report: "TradeReport", path: Path) -> None:
    from floorbroker.deskwork.reports import write_report

    bars: dict[str, list[Bar]] = {}
    if report.fills:
        times = [fill.transact_time for fill in report.fills]
        symbols = sorted({fill.symbol for fill in report.fills})
        bars = await desk.get_bars(symbols, min(times), max(times))
    write_report(report, bars, path, await desk.verify_journal())


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option}: {text!r} is no time; write 2026-06-01T14:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
