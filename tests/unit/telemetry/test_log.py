"""A warning is one line of key=value, whatever is in it."""

import logging

import pytest

from floorbroker.telemetry import log


def test_a_warning_is_one_line_of_pairs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="floorbroker"):
        log.warn("alarm", name="odd", text='two\nlines "quoted" a=b', order=None, count=0)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("floorbroker", "WARNING")
    assert record.getMessage() == (
        'event=alarm name=odd text="two\\nlines \\"quoted\\" a=b" count=0'
    )


def test_what_looks_like_a_command_to_a_terminal_is_written_out() -> None:
    assert log.line("x", {"text": "\x1b[31mred\u202e"}) == 'event=x text="\\u001b[31mred\\u202e"'
