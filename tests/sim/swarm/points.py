"""Which crash point a fault, a mishap or a death is."""

import re
from collections.abc import Iterator

from tests.sim.swarm.census import Census
from tests.sim.swarm.fate import DISK, Fate
from tests.sim.swarm.story import Death

#: What a fault makes of a request, by its kind and the request's method.
_BY_FAULT = {
    "accept_then_504": {"POST": "C09", "DELETE": "C20", "PATCH": "C21"},
    "accept_then_hang": {"POST": "C09", "DELETE": "C20", "PATCH": "C21"},
    "reset_after_accept": {"POST": "C09", "DELETE": "C20", "PATCH": "C21"},
    "reset_before_accept": {"POST": "C07", "DELETE": "C20", "PATCH": "C21"},
    "delay": {"POST": "C08"},
    "late_visibility": {"POST": "C08"},
    "unauthorized": {"POST": "C33", "DELETE": "C33", "PATCH": "C33", "GET": "C33"},
}
_BY_STREAM = {
    "stream_duplicate": "C18",
    "stream_reorder": "C18",
    "stream_lose": "C19",
    "stream_mute": "C19",
    "stream_disconnect": "C19",
    "async_reject": "C13",
    "bust": "C31",
    "correct": "C31",
}
_BY_MISHAP = {"clock": "C29", "stranger": "C27"}
#: Where a death is what the specification has a number for: place, part of what it was about.
_BY_DEATH = (
    ("append", "NewOrderSingle", ("C01", "C02")),
    ("appended", "NewOrderSingle", ("C03",)),
    ("append", "RequestSent new", ("C05",)),
    ("appended", "RequestSent new", ("C06",)),
    ("request", "POST /v2/orders", ("C06",)),
    ("answered", "200 POST /v2/orders", ("C10",)),
    ("append", "answer", ("C12",)),
    ("frame", "", ("C15",)),
    ("append", " trade ", ("C15", "C16")),
    ("appended", " trade ", ("C17",)),
    ("append", "RequestSent cancel", ("C20",)),
    ("appended", "RequestSent cancel", ("C20",)),
    ("request", "DELETE", ("C20",)),
    ("answered", "DELETE", ("C20",)),
    ("append", "RequestSent replace", ("C21",)),
    ("appended", "RequestSent replace", ("C21",)),
    ("request", "PATCH", ("C21",)),
    ("answered", "PATCH", ("C21",)),
    ("append", "LegAdopted", ("C22",)),
    ("snapshot", "", ("C25",)),
)
#: By disk trouble, where the batch held this.
_BY_DISK = (
    ("NewOrderSingle", "C02"),
    ("RequestSent new", "C05"),
    (" answer", "C12"),
    (" trade ", "C16"),
)


def of_fault(kind: str, method: str) -> str:
    """The point that a fault is, or nothing."""
    return _BY_STREAM.get(kind) or _BY_FAULT.get(kind, {}).get(method, "")


def of_mishap(kind: str) -> str:
    return _BY_MISHAP.get(kind, "")


def died(fate: Fate, death: Death, census: Census, *, posts: int, is_canceling: bool) -> None:
    """Count a death. `posts` orders were on the wire when it struck."""
    where = fate.died_at or death.place
    census.deaths[where] += 1
    for point in dict.fromkeys(_points(fate, death, where, posts=posts, cancels=is_canceling)):
        census.points[point] += 1


def _points(fate: Fate, death: Death, where: str, *, posts: int, cancels: bool) -> Iterator[str]:
    place, _, about = where.partition(" ")
    if place in DISK:
        yield "C28"
        yield from (point for part, point in _BY_DISK if part in about)
    for at, part, points in _BY_DEATH:
        if place == at and part in about:
            yield from points
    yield from _meanwhile(place, about)
    if place == "stop":
        return
    happened = {
        "C07": posts > 0,
        "C23": cancels,
        "C24": not fate.is_open,
        "C25": death.loses_snapshot or place == "snapshotted",
        "C30": death.is_restored,
    }
    yield from (point for point, is_so in happened.items() if is_so)


def _meanwhile(place: str, about: str) -> Iterator[str]:
    """What follows from all that it was about."""
    if place == "appended" and "NewOrderSingle" in about and "RequestSent new" not in about:
        yield "C04"
    if place == "answered" and "POST" in about and re.search(r"\b4\d\d\b", about):
        yield "C11"
