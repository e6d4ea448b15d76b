"""Writes order-states.md from the order state machine: `python docs/order_states.py`."""

import inspect
import re
from enum import StrEnum
from pathlib import Path

from floorbroker.domain.lifecycle import TRANSITIONS, Report, is_surprise, next_status
from floorbroker.domain.messages import ExecType
from floorbroker.domain.order import ENDED, OrdStatus

PAGE = Path(__file__).with_name("order-states.md")
SHOWN_ONLY = [status for status in OrdStatus if not TRANSITIONS[status]]
BEFORE = [OrdStatus.CREATED, OrdStatus.SENT, OrdStatus.UNKNOWN]
ENDS = [status for status in OrdStatus if status in ENDED]
WORKING = [
    status
    for status in OrdStatus
    if status not in BEFORE and status not in ENDED and status not in SHOWN_ONLY
]

HEAD = """\
# Order states

<!-- Written by docs/order_states.py from src/floorbroker/domain/lifecycle.py. Do not edit. -->

What the venue says of an order is its `venue_status`; what we have asked for and not heard about
is its `pending`. People see `ord_status`, which is derived from both: a pending cancel or replace
shows over any live status but `unknown`. The table moves the first one only.

Executions are booked in every status, also after the end. The table only decides what the order
is called afterwards.
"""

DIAGRAM = """\
## The usual ways

The box holds what may happen while the broker has the order. An execution, an interruption or an
end is believed in every status of the box, in `sent` and in `unknown`; the arrows out of `new` and
out of the box stand for all of these. What raises an alarm is left out here, see the table.
"""

LIVES = """\
## Orders with legs, and replaced orders

The legs of a bracket, OCO or OTO are orders of their own and stand in the same statuses.

| what happens | the order | its legs |
| --- | --- | --- |
| the entry is filled in part | `partially_filled` | both `held` |
| the entry is filled | `filled` | the profit `new`, the stop `held`; alone, either is `new` |
| the profit is taken in part | `filled` | the profit `partially_filled`, the stop smaller |
| the profit is taken | `filled` | the profit `filled`, the stop `canceled` |
| the stop is touched | `filled` | the profit `canceled`, the stop `new`, then `filled` |
| the entry is canceled | `canceled`, what was filled stays | `canceled` ⚠ |
| a leg is canceled | `canceled`, or `filled` if it was | both `canceled` |
| the day ends before the entry is filled | `expired`, what was filled stays | `canceled` ⚠ |
| the day ends after it | `filled` | both `expired` ⚠ |
| the entry is rejected | `rejected` | none, or `canceled` |

An OCO is its own profit leg: it is `new` at once, and takes the stop along when it ends. ⚠ raises
the alarm `unprotected` where shares are left that nothing ends any more. A cancel of a leg that we
asked for ourselves does not.

A replace keeps the ClOrdID and makes a new broker order: `order_id` is the present one, `replaces`
names the others. Fills, `cum_qty` and `avg_px` are those of all of them.

| what becomes of a replace | the order |
| --- | --- |
| not answered yet | `pending_replace` |
| taken | its status, on the new terms, with one more in `replaces` |
| refused | as it was, `text` says why; in doubt, `pending_replace` for some seconds more |
| taken, and undone by the venue | as it was; `replaces` names the successor that came to nothing |
| taken, and the predecessor filled before | `filled`, on the terms on which it was filled |
| somebody else replaced it | its status, on the broker's terms, with one more in `replaces` |
"""

TABLE = """\
## Every status and every report

A row is the status before, a column is what was learned. An empty cell means that the report does
not fit: it is kept, the status stays, and an alarm is raised. A cell with ⚠ moves the status and
raises an alarm too.
"""


_ABOUT = {
    "Reports": ["What can be learned about an order: the columns of the table."],
    "Execution types": [
        "What an execution report in the journal is about (`exec_type`, FIX ExecType). The first",
        "status that follows from it is the report of the same name; `trade` is a `partial_fill`",
        "or a `fill`.",
    ],
}


def page() -> str:
    """The whole page as Markdown."""
    words = [_statuses(), _listed("Reports", Report), _listed("Execution types", ExecType)]
    parts = [HEAD, *words, DIAGRAM, _diagram(), LIVES, TABLE, _table()]
    return "\n".join(parts)


def meanings(words: type[StrEnum]) -> dict[str, str]:
    """The `#:` sentence beside each member of an enumeration."""
    found = re.findall(r'^    \w+ = "(\w+)"  #: (.+)$', inspect.getsource(words), re.MULTILINE)
    assert [name for name, _ in found] == [str(word) for word in words], words
    return dict(found)


def _statuses() -> str:
    said = meanings(OrdStatus)
    rows = ["## Statuses", "", "| status | means | ends the order |", "| --- | --- | --- |"]
    for status in OrdStatus:
        rows.append(f"| `{status}` | {said[status]} | {'yes' if status in ENDED else ''} |")
    return "\n".join([*rows, ""])


def _listed(title: str, words: type[StrEnum]) -> str:
    said = meanings(words)
    rows = [f"## {title}", "", *_ABOUT[title], "", "| word | means |", "| --- | --- |"]
    return "\n".join([*rows, *(f"| `{word}` | {said[word]} |" for word in words), ""])


def _diagram() -> str:
    inside = [
        f"        {status} --> {to}"
        for status in WORKING
        for to in _quiet_targets(status)
        if to in WORKING and (status is OrdStatus.NEW or not _is_common(to))
    ]
    ends = [f"    at_the_broker --> {to}" for to in ENDS if _is_common(to)]
    before = [
        f"    {status} --> {to}"
        for status in BEFORE
        for to in _quiet_targets(status)
        if to not in WORKING and not _is_common(to)
    ]
    known = [f"    {status} --> at_the_broker" for status in BEFORE if _has_news(status)]
    return "\n".join(
        [
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {OrdStatus.CREATED}",
            *before,
            *known,
            '    state "at the broker" as at_the_broker {',
            *inside,
            "    }",
            *ends,
            *(f"    {to} --> [*]" for to in ENDS if _is_drawn(to)),
            "```",
            "",
        ]
    )


def _quiet_targets(status: OrdStatus) -> list[OrdStatus]:
    """Where reports that raise no alarm lead, apart from where it stands."""
    reached = {to for report, to in TRANSITIONS[status].items() if not is_surprise(status, report)}
    return [to for to in OrdStatus if to in reached and to is not status]


def _is_common(to: OrdStatus) -> bool:
    """Whether every working status leads there."""
    return all(to is status or to in _quiet_targets(status) for status in WORKING)


def _has_news(status: OrdStatus) -> bool:
    return OrdStatus.NEW in _quiet_targets(status)


def _is_drawn(end: OrdStatus) -> bool:
    return _is_common(end) or any(end in _quiet_targets(status) for status in BEFORE)


def _table() -> str:
    head = " | ".join(f"`{report}`" for report in Report)
    rows = [f"| | {head} |", "| --- |" + " --- |" * len(Report)]
    for status in OrdStatus:
        cells = " | ".join(_cell(status, report) for report in Report)
        rows.append(f"| **`{status}`** | {cells} |")
    return "\n".join([*rows, ""])


def _cell(status: OrdStatus, report: Report) -> str:
    following = next_status(status, report)
    if following is None:
        return ""
    return f"{following} ⚠" if is_surprise(status, report) else str(following)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
