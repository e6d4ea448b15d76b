"""Trade reports of a journal, and the page that shows one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from floorbroker.domain.errors import ConfigError
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
    bars: Mapping[str, Sequence[Bar]],
    path: Path,
    verification: Verification | None = None,
) -> None:
    """Write the report as one HTML file; raises ConfigError where it cannot be written."""
    from floorbroker.posttrade.report_html import render_report  # templates: seldom needed

    page = render_report(report, bars=bars, verification=verification)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as problem:
        raise ConfigError(
            f"the report cannot be written to {path}: {problem.strerror}; name another file"
        ) from None
