"""kill -9 of a desk at each numbered point of an order's way, and what must be true afterwards.

A row says where the desk dies, what happens while it is dead, and how the order stands once it is
back: `-` where nobody has heard of it, else `status cum/qty`, and `+n` after n replaces. Then the
desk's book, its journal and the exchange's own lists are held against each other, nothing may have
been sent twice, and a second start may change nothing.

The points are those of the order's way: it is checked and decided (C01), INTENT is written (C02
to C04), SEND is written (C05), the request is on the wire (C06 to C09), its answer is here and not
yet on the disk (C10 to C12), executions come (C14 to C19); then a cancel (C20), a replace (C21),
legs (C22), a cancel of everything (C23), the start itself (C24) and snapshots (C25).
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from floorbroker.readers import open_journal_reader
from tests.crash.stage import NAME, Desk, Market, agree, cells

TERMS: dict[str, dict[str, str]] = {
    "market": {},
    "limit": {"limit_price": "99"},
    "bracket": {"limit_price": "99", "take_profit": "110", "stop_loss": "90"},
}
KINDS = tuple(TERMS)
#: Soak runs show each point for each kind of order; `make test` for this one.
USUAL = "limit"


def submit(kind: str, **more: str) -> str:
    return f"submit {kind} {json.dumps({**TERMS[kind], **more, 'cl_ord_id': NAME})}"


class Point(Struct, frozen=True, kw_only=True):
    """One death. `before` has happened and settled, `doing` is going on as it dies at `dies`, or
    is killed once the exchange shows `shows` and the desk `sees` it ("ID STATUS")."""

    before: tuple[str, ...] = ()
    faults: str = ""
    doing: tuple[str, ...] = ()
    dies: str = ""
    shows: str = ""
    sees: str = ""
    dead: tuple[str, ...] = ()
    back: str


NOTHING, LOST = "-", "not_placed 0/100"
WORKS = {
    "market": "filled 100/100",
    "limit": "new 0/100",
    "bracket": "new 0/100 | held 0/100 | held 0/100",
}
FILLED = {
    "market": "filled 100/100",
    "limit": "filled 100/100",
    "bracket": "filled 100/100 | new 0/100 | held 0/100",
}
UNPLACED = {kind: LOST for kind in KINDS}
UNHEARD = {kind: NOTHING for kind in KINDS}
FILL = ("offer 99 100",)
SLOW = ("warm", "slow 0.4")


def fault(kind: str, **terms: Any) -> str:
    return json.dumps({"fault": [{"kind": kind, **terms}]})


LATE = fault("late_answer", method="POST", seconds=90)

#: Where a new order's desk dies, and how the order stands afterwards, by kind.
NEW: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "C01 while it is checked": ({"dies": "request GET /v2/assets"}, UNHEARD),
    "C01 decided, not written": ({"dies": "append NewOrderSingle"}, UNHEARD),
    "C02 in the middle of writing INTENT": (
        {"before": SLOW, "dies": "torn NewOrderSingle"},
        UNHEARD,
    ),
    "C03 INTENT is written, SEND is not": (
        {"before": SLOW, "dies": "appended NewOrderSingle"},
        WORKS,
    ),
    "C04 before SEND is written": ({"before": SLOW, "dies": "append RequestSent new"}, WORKS),
    "C05 in the middle of writing SEND": (
        {"before": SLOW, "dies": "torn RequestSent new"},
        WORKS,
    ),
    "C05 in the middle of writing INTENT and SEND": ({"dies": "torn RequestSent new"}, UNHEARD),
    "C06 SEND is written, no byte has left": ({"dies": "request POST /v2/orders"}, UNPLACED),
    "C08 sent, the broker is slow": (
        {"faults": fault("delay", method="POST", seconds=1.0), "shows": "POST delay"},
        WORKS,
    ),
    "C09 placed, the answer never comes": ({"faults": LATE, "shows": NAME}, WORKS),
    "C10 answered, not taken in": ({"dies": "answered POST /v2/orders"}, WORKS),
    "C10 taken in, not written": ({"dies": "append ExecutionReport"}, WORKS),
    "C12 in the middle of writing the answer": ({"dies": "torn ExecutionReport"}, WORKS),
    "C13 before a later refusal is written": (
        {"faults": fault("async_reject"), "dies": "append ExecutionReport rejected"},
        {"market": "rejected 0/100", "limit": "rejected 0/100"},
    ),
    "C14 filled before the answer": (
        {"faults": LATE, "sees": f"{NAME} filled"},
        {"market": FILLED["market"]},
    ),
}

#: The same for an execution of an order that works; a market order's comes by itself.
EXECUTION: dict[str, dict[str, Any]] = {
    "C15 an execution came, not written": {"dies": "append ExecutionReport trade"},
    "C16 in the middle of writing an execution": {"dies": "torn ExecutionReport trade"},
    "C17 an execution is written, nobody was told": {"dies": "appended ExecutionReport trade"},
    "C18 an execution was told twice": {
        "faults": fault("stream_duplicate", event="fill"),
        "dies": "appended ExecutionReport trade",
    },
    "C19 an execution was not told": {
        "faults": fault("stream_lose", event="fill"),
        "shows": f"{NAME} filled",
    },
}

CANCELED, CANCEL = "canceled 0/100", (f"cancel {NAME}",)
CHANGED, REPLACE = "new 0/60 +1", (f'replace {NAME} {{"qty": "60", "limit_price": "98"}}',)
WORKING = (submit("limit"),)
GONE = fault("late_answer", method="DELETE", seconds=90)
MOVED = fault("late_answer", method="PATCH", seconds=90)

#: Each row: its number and words; where the desk dies; how the order stands.
CHANGES: dict[str, Point] = {
    "C20 a cancel is not written": Point(
        before=WORKING, doing=CANCEL, dies="append OrderCancelRequest", back=WORKS["limit"]
    ),
    "C20 in the middle of writing a cancel": Point(
        before=WORKING, doing=CANCEL, dies="torn OrderCancelRequest", back=WORKS["limit"]
    ),
    "C20 a cancel is written": Point(
        before=WORKING, doing=CANCEL, dies="appended OrderCancelRequest", back=CANCELED
    ),
    "C20 a cancel, no byte has left": Point(
        before=WORKING, doing=CANCEL, dies="request DELETE", back=CANCELED
    ),
    "C20 a cancel, no byte has left, filled meanwhile": Point(
        before=WORKING, doing=CANCEL, dies="request DELETE", dead=FILL, back=FILLED["limit"]
    ),
    "C20 a cancel, the answer never comes": Point(
        before=WORKING, faults=GONE, doing=CANCEL, shows=f"{NAME} canceled", back=CANCELED
    ),
    "C20 a cancel is answered, not taken in": Point(
        before=WORKING, doing=CANCEL, dies="answered DELETE", back=CANCELED
    ),
    "C20 canceled, not written": Point(
        before=WORKING, doing=CANCEL, dies="append ExecutionReport canceled", back=CANCELED
    ),
    "C20 in the middle of writing that it is canceled": Point(
        before=WORKING, doing=CANCEL, dies="torn ExecutionReport canceled", back=CANCELED
    ),
    "C21 a replace is not written": Point(
        before=WORKING, doing=REPLACE, dies="append OrderCancelReplace", back=WORKS["limit"]
    ),
    "C21 in the middle of writing a replace": Point(
        before=WORKING, doing=REPLACE, dies="torn OrderCancelReplace", back=WORKS["limit"]
    ),
    "C21 a replace, no byte has left": Point(
        before=WORKING, doing=REPLACE, dies="request PATCH", back=WORKS["limit"]
    ),
    "C21 a replace, no byte has left, filled meanwhile": Point(
        before=WORKING, doing=REPLACE, dies="request PATCH", dead=FILL, back=FILLED["limit"]
    ),
    "C21 a replace, the answer never comes": Point(
        before=WORKING, faults=MOVED, doing=REPLACE, shows=f"{NAME}.1 new", back=CHANGED
    ),
    "C21 a replace, the answer never comes, filled meanwhile": Point(
        before=WORKING,
        faults=MOVED,
        doing=REPLACE,
        shows=f"{NAME}.1 new",
        dead=("offer 98 60",),
        back="filled 60/60 +1",
    ),
    "C21 a replace is answered, not taken in": Point(
        before=WORKING, doing=REPLACE, dies="answered PATCH", back=CHANGED
    ),
    "C21 a replace is taken in, not written": Point(
        before=WORKING, doing=REPLACE, dies="append ExecutionReport", back=CHANGED
    ),
    "C21 in the middle of writing a replace's answer": Point(
        before=WORKING, doing=REPLACE, dies="torn ExecutionReport", back=CHANGED
    ),
    "C22 legs are not written": Point(
        doing=(submit("bracket"),), dies="append LegAdopted", back=WORKS["bracket"]
    ),
    "C22 in the middle of writing legs": Point(
        doing=(submit("bracket"),), dies="torn LegAdopted", back=WORKS["bracket"]
    ),
    "C22 legs are written, filled meanwhile": Point(
        doing=(submit("bracket"),),
        dies="appended LegAdopted",
        dead=FILL,
        back=FILLED["bracket"],
    ),
    "C11 refused, not taken in": Point(
        doing=(submit("limit", limit_price="99000000"),),
        dies="answered POST /v2/orders",
        back=LOST,
    ),
    "C25 before a snapshot": Point(
        before=WORKING, doing=("end",), dies="snapshot", back=WORKS["limit"]
    ),
    "C25 in the middle of a snapshot": Point(
        before=WORKING, doing=("end",), dies="torn snapshot", back=WORKS["limit"]
    ),
    "C25 after a snapshot, filled meanwhile": Point(
        before=WORKING, doing=("end",), dies="snapshotted", dead=FILL, back=FILLED["limit"]
    ),
}


def every_point() -> dict[str, Point]:
    points = dict(CHANGES)
    for name, (how, backs) in NEW.items():
        for kind, back in backs.items():
            points[f"{name}: {kind}"] = Point(doing=(submit(kind),), back=back, **how)
    for name, how in EXECUTION.items():
        points[f"{name}: market"] = Point(doing=(submit("market"),), back=FILLED["market"], **how)
        for kind in ("limit", "bracket"):
            points[f"{name}: {kind}"] = Point(
                before=(submit(kind),), doing=FILL, back=FILLED[kind], **how
            )
    return points


POINTS = every_point()


def shown(name: str) -> Any:
    """A row as a test, a long one where it is another kind's."""
    kind = name.rpartition(": ")[2]
    is_usual = kind in (name, USUAL) or f"{name.removesuffix(kind)}{USUAL}" not in POINTS
    marks = [] if is_usual else [pytest.mark.soak]
    return pytest.param(POINTS[name], id=name, marks=marks)


def test_every_row_is_about_a_crash_point_that_the_mark_names() -> None:
    marks = test_a_desk_that_dies_there_comes_back_whole.pytestmark  # type: ignore[attr-defined]  # pytest put it there
    (named,) = [set(mark.args) for mark in marks if mark.name == "proves"]
    assert named == {name[:3] for name in POINTS}


async def act(desk: Desk, market: Market, words: str) -> None:
    verb = words.split()[0]
    if verb == "end":
        desk.end()
    elif verb == "warm":
        await desk.told("warm")
    elif verb in ("submit", "replace", "cancel", "cancel_all", "slow"):
        desk.tell(words)
    else:
        await market.act(words)


async def prepare(desk: Desk, market: Market, point: Point) -> None:
    for words in point.before:
        await act(desk, market, words)
        if words not in SLOW:
            await desk.told("stands")


async def dies(desk: Desk, market: Market, point: Point) -> None:
    if point.dies:
        await desk.died()
        return
    if point.shows == "POST delay":
        await market.struck()
    elif point.shows:
        await market.shows(point.shows)
    if point.sees:
        await desk.sees(point.sees)
    await desk.kill()


def journaled(home: Path) -> list[str]:
    with closing(open_journal_reader(home / "desk.sqlite")) as journal:
        assert journal.verify().damage is None
        return [type(record.message).__name__ for record in journal.records()]


async def is_as_it_must_be(home: Path, url: str, market: Market, back: str) -> None:
    """Twice: a second start finds nothing left to repair."""
    for _ in range(2):
        desk = await Desk.open(home, url)
        orders = await desk.told("stands")
        assert (cells(orders) or NOTHING) == back
        await agree(home, market, orders)
        await desk.kill()
        before, told = journaled(home), {"DeskOpened", "Reconciliation"}
    last_start = len(before) - before[::-1].index("DeskOpened")
    assert set(before[last_start:]) <= told, before[last_start:]


async def die_and_come_back(point: Point, home: Path, url: str) -> None:
    market = Market(url)
    try:
        await market.begin()
        desk = await Desk.open(home, url, f"later {point.dies}" if point.dies else "")
        await prepare(desk, market, point)
        desk.tell("arm")
        if point.faults:
            await market.ask("PUT", "faults", point.faults)
        for words in point.doing:
            await act(desk, market, words)
        await dies(desk, market, point)
        journaled(home)
        await market.ask("DELETE", "faults")
        for words in point.dead:
            await market.act(words)
        await is_as_it_must_be(home, url, market, point.back)
    finally:
        await market.aclose()


@pytest.mark.proves(
    "C01",
    "C02",
    "C03",
    "C04",
    "C05",
    "C06",
    "C08",
    "C09",
    "C10",
    "C11",
    "C12",
    "C13",
    "C14",
    "C15",
    "C16",
    "C17",
    "C18",
    "C19",
    "C20",
    "C21",
    "C22",
    "C25",
)
@pytest.mark.parametrize("point", [shown(name) for name in POINTS])
async def test_a_desk_that_dies_there_comes_back_whole(
    point: Point, tmp_path: Path, url: str
) -> None:
    await die_and_come_back(point, tmp_path, url)


def numbers() -> Iterator[str]:
    yield from {name[:3] for name in POINTS}


def test_every_point_where_a_process_or_its_disk_can_die_has_a_row() -> None:
    """Of the others C07, C23, C24, C26, C28 and C30 have tests of their own."""
    ways = {*range(1, 7), *range(8, 23), 25}
    assert {int(name[1:]) for name in numbers()} == ways
