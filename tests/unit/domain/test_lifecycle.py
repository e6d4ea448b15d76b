"""The whole order state machine, cell by cell, and what must hold over any history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.lifecycle import TRANSITIONS, Report, is_surprise, next_status
from floorbroker.domain.order import ENDED, OrdStatus

S, R = OrdStatus, Report

CODES = {
    "CREA": S.CREATED,
    "SENT": S.SENT,
    "UNKN": S.UNKNOWN,
    "PEND": S.PENDING_NEW,
    "ACPT": S.ACCEPTED,
    "HELD": S.HELD,
    "NEW": S.NEW,
    "PART": S.PARTIALLY_FILLED,
    "STOP": S.STOPPED,
    "SUSP": S.SUSPENDED,
    "CALC": S.CALCULATED,
    "DONE": S.DONE_FOR_DAY,
    "PCXL": S.PENDING_CANCEL,
    "PREP": S.PENDING_REPLACE,
    "FILL": S.FILLED,
    "CNCL": S.CANCELED,
    "EXPD": S.EXPIRED,
    "RJCT": S.REJECTED,
    "REPL": S.REPLACED,
    "NOTP": S.NOT_PLACED,
    "UNSN": S.EXPIRED_UNSENT,
}

COLUMNS = [
    R.SENT,
    R.UNDELIVERED,
    R.UNANSWERED,
    R.NOT_PLACED,
    R.EXPIRED_UNSENT,
    R.PENDING_NEW,
    R.ACCEPTED,
    R.HELD,
    R.NEW,
    R.PARTIAL_FILL,
    R.FILL,
    R.STOPPED,
    R.SUSPENDED,
    R.CALCULATED,
    R.DONE_FOR_DAY,
    R.CANCELED,
    R.EXPIRED,
    R.REJECTED,
    R.REPLACED,
]

# A dot is an empty cell: the status stays and an alarm is raised. A bang is a cell that raises an
# alarm too, although it has an answer.
TABLE = """
from  sent undl unan notp unsn  pend  acpt  held  new   part  fill  stop  susp  calc  done  cncl  expd  rjct  repl
CREA  SENT .    .    .    UNSN  PEND! ACPT! HELD! NEW!  PART! FILL! STOP! SUSP! CALC! DONE! CNCL! EXPD! RJCT! .
SENT  .    CREA UNKN .    .     PEND  ACPT  HELD  NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  .
UNKN  UNKN UNKN UNKN NOTP .     PEND  ACPT  HELD  NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  NEW
PEND  .    .    PEND .    .     PEND  ACPT  HELD  NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  NEW
ACPT  .    .    ACPT .    .     PEND  ACPT  ACPT  NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  ACPT
HELD  .    .    HELD .    .     PEND  ACPT  HELD  NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  HELD
NEW   .    .    NEW  .    .     NEW   NEW   NEW   NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  NEW
PART  .    .    PART .    .     PART  PART  PART  PART  PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  PART
STOP  .    .    .    .    .     STOP  .     .     NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  NEW
SUSP  .    .    .    .    .     SUSP  .     .     NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  NEW
CALC  .    .    .    .    .     .     .     .     NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  .
DONE  .    .    .    .    .     PEND  ACPT  .     NEW   PART  FILL  STOP  SUSP  CALC  DONE  CNCL  EXPD  RJCT  NEW
PCXL  .    .    .    .    .     .     .     .     .     .     .     .     .     .     .     .     .     .     .
PREP  .    .    .    .    .     .     .     .     .     .     .     .     .     .     .     .     .     .     .
FILL  .    .    FILL .    .     FILL  FILL  FILL  FILL  FILL  FILL  .     .     FILL  FILL  .     .     .     .
CNCL  .    .    CNCL .    .     CNCL  CNCL  CNCL  CNCL  CNCL! FILL! .     .     .     .     CNCL  .     .     .
EXPD  .    .    EXPD .    .     EXPD  EXPD  EXPD  EXPD  EXPD! FILL! .     .     .     EXPD  .     EXPD  .     .
RJCT  .    .    RJCT .    .     RJCT  RJCT  RJCT  NEW!  PART! FILL! .     .     .     .     .     .     RJCT  .
REPL  .    .    .    .    .     REPL  REPL  REPL  REPL  REPL! FILL! .     .     .     .     .     .     .     REPL
NOTP  .    .    .    NOTP .     PEND! ACPT! HELD! NEW!  PART! FILL! STOP! SUSP! CALC! DONE! CNCL! EXPD! RJCT! .
UNSN  .    .    .    .    UNSN  PEND! ACPT! HELD! NEW!  PART! FILL! STOP! SUSP! CALC! DONE! CNCL! EXPD! RJCT! .
"""  # noqa: E501  (a row of the table is a row of the file)

ROWS = {row.split()[0]: row.split()[1:] for row in TABLE.strip().splitlines()[1:]}
#: What we say ourselves about an order, without having heard of it.
OURS = {R.SENT, R.UNDELIVERED, R.UNANSWERED, R.NOT_PLACED, R.EXPIRED_UNSENT}
FROM_THE_BROKER = set(Report) - OURS
SHOWN_ONLY = {S.PENDING_CANCEL, S.PENDING_REPLACE}
LIVE = set(OrdStatus) - ENDED - SHOWN_ONLY
statuses = st.sampled_from(sorted(set(OrdStatus) - SHOWN_ONLY))
histories = st.lists(st.sampled_from(list(Report)), max_size=30)


def after(status: OrdStatus, reports: list[Report]) -> OrdStatus:
    for report in reports:
        status = next_status(status, report) or status
    return status


def test_the_table_below_has_every_status_and_every_report() -> None:
    assert set(CODES.values()) == set(OrdStatus)
    assert set(ROWS) == set(CODES)
    assert set(COLUMNS) == set(Report)
    assert {len(cells) for cells in ROWS.values()} == {19}
    assert len(ROWS) == 21


@pytest.mark.parametrize("code", ROWS)
def test_the_row_is_as_written_cell_by_cell(code: str) -> None:
    written = dict(zip(COLUMNS, ROWS[code], strict=True))
    names = {status: name for name, status in CODES.items()}
    found = {}
    for report in Report:
        following = next_status(CODES[code], report)
        alarm = "!" if following and is_surprise(CODES[code], report) else ""
        found[report] = names[following] + alarm if following else "."
    assert found == written


def test_a_report_without_a_cell_is_a_surprise() -> None:
    for status in OrdStatus:
        for report in set(Report) - set(TRANSITIONS[status]):
            assert is_surprise(status, report)


def test_the_code_has_no_rows_or_columns_of_its_own() -> None:
    assert set(TRANSITIONS) == set(OrdStatus)
    assert all(isinstance(report, Report) for row in TRANSITIONS.values() for report in row)


def test_no_order_ever_stands_in_a_status_that_is_only_shown() -> None:
    reached = {following for row in TRANSITIONS.values() for following in row.values()}
    assert not reached & SHOWN_ONLY
    assert not any(TRANSITIONS[status] for status in SHOWN_ONLY)


def test_every_other_status_can_be_reached_from_created() -> None:
    reached = {S.CREATED}
    while True:
        wider = reached | {to for status in reached for to in TRANSITIONS[status].values()}
        if wider == reached:
            break
        reached = wider
    assert reached == set(OrdStatus) - SHOWN_ONLY - {S.REPLACED}


@pytest.mark.parametrize("status", sorted(LIVE))
@pytest.mark.parametrize(
    "report",
    [
        R.NEW,
        R.PARTIAL_FILL,
        R.FILL,
        R.STOPPED,
        R.SUSPENDED,
        R.CALCULATED,
        R.DONE_FOR_DAY,
        R.CANCELED,
        R.EXPIRED,
        R.REJECTED,
    ],
)
def test_a_live_order_loses_no_news_from_the_broker(status: OrdStatus, report: Report) -> None:
    assert next_status(status, report) is not None


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_live_order_ends_with_its_end(status: OrdStatus) -> None:
    assert next_status(status, R.FILL) is S.FILLED
    assert next_status(status, R.CANCELED) is S.CANCELED
    assert next_status(status, R.EXPIRED) is S.EXPIRED
    assert next_status(status, R.REJECTED) is S.REJECTED


@pytest.mark.parametrize("status", sorted(ENDED))
def test_an_end_is_left_only_by_facts_and_never_in_silence(status: OrdStatus) -> None:
    for report in Report:
        following = next_status(status, report)
        if following in (None, status):
            continue
        assert report in FROM_THE_BROKER
        assert is_surprise(status, report)


@given(histories)
def test_a_filled_order_stays_filled(reports: list[Report]) -> None:
    assert after(S.FILLED, reports) is S.FILLED


@pytest.mark.parametrize("status", sorted(set(OrdStatus) - SHOWN_ONLY))
def test_the_last_fill_makes_any_order_filled(status: OrdStatus) -> None:
    assert next_status(status, R.FILL) is S.FILLED


@given(st.lists(st.sampled_from(sorted(OURS - {R.NOT_PLACED})), max_size=20))
def test_unknown_is_not_left_without_evidence(reports: list[Report]) -> None:
    assert after(S.UNKNOWN, reports) is S.UNKNOWN


@pytest.mark.parametrize("report", sorted(FROM_THE_BROKER | {R.NOT_PLACED}))
def test_unknown_is_left_by_any_evidence(report: Report) -> None:
    assert next_status(S.UNKNOWN, report) not in (None, S.UNKNOWN)


def test_only_an_order_that_cannot_be_there_is_declared_not_placed() -> None:
    able = {status for status in OrdStatus if next_status(status, R.NOT_PLACED) is not None}
    assert able == {S.UNKNOWN, S.NOT_PLACED}


def test_only_an_unsent_or_unknown_order_is_sent() -> None:
    able = {status for status in OrdStatus if next_status(status, R.SENT) is not None}
    assert able == {S.CREATED, S.UNKNOWN}


@given(st.sampled_from(sorted(FROM_THE_BROKER)), histories)
def test_an_order_that_the_broker_had_is_never_created_again(
    first: Report, reports: list[Report]
) -> None:
    known = after(S.SENT, [first])
    if known is not S.SENT:  # REPLACED says nothing about an order that nobody had heard of
        assert after(known, reports) not in (S.CREATED, S.SENT, S.UNKNOWN)


@given(statuses, histories)
def test_every_history_ends_in_a_status_of_the_table(
    status: OrdStatus, reports: list[Report]
) -> None:
    assert after(status, reports) not in SHOWN_ONLY


@given(statuses, st.sampled_from(list(Report)))
def test_the_same_end_twice_is_no_news(status: OrdStatus, report: Report) -> None:
    once = next_status(status, report)
    if once in (S.CANCELED, S.EXPIRED, S.REJECTED) and report not in (R.FILL, R.PARTIAL_FILL):
        assert after(once, [report]) is once


@given(st.permutations([R.NEW, R.PARTIAL_FILL, R.FILL]))
def test_reports_that_race_end_the_same(reports: list[Report]) -> None:
    assert after(S.SENT, reports) is S.FILLED


def test_old_news_never_takes_a_working_order_back() -> None:
    for status in (S.NEW, S.PARTIALLY_FILLED):
        for report in (R.PENDING_NEW, R.ACCEPTED, R.NEW):
            assert next_status(status, report) is status
            assert not is_surprise(status, report)
