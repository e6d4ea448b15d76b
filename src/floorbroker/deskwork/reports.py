"""Trade reports of a journal, and the page that shows one."""

from datetime import datetime
from pathlib import Path

from floorbroker import app
from floorbroker.domain.quotes import Bar
from floorbroker.journal.port import JournalReader, Verification
from floorbroker.posttrade.trades import TradeReport, build_report


def report_of(
    journal: JournalReader, start: datetime | None = None, end: datetime | None = None
) -> TradeReport:
    """The trade report of any journal, also one that another process is writing."""
    return build_report(
        journal.records(),
        start=start,
        end=end,
        head=journal.head(),
    )


def write_report(
    report: TradeReport,
    bars: dict[str, list[Bar]],
    path: Path,
    verification: Verification | None = None,
) -> None:
    """Write the report as one HTML file; raises ConfigError where it cannot be written."""
    app.write_report(report, bars, path, verification)
