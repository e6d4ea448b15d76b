"""A parent order as it is typed: its options, its work, and how it is told of."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter
from msgspec import Struct

from floorbroker.cli.root import DONE, REFUSED, say, say_json, warn, with_desk
from floorbroker.cli.typed.request import SUBMITTED, SubmitOptions, as_typed
from floorbroker.domain.books.parents import ParentState
from floorbroker.domain.errors import ConfigError, InvalidOrder

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.engine.parents.board import ParentStatus

Kind = TypeVar("Kind", "AlgoOptions", SubmitOptions)
PARAM = Annotated[
    tuple[str, ...], Parameter(name="--param", help="NAME=VALUE of the algorithm, again for more")
]


@Parameter(name="*")
@dataclass(frozen=True)
class AlgoOptions:
    """How an order is worked over time.

    Parameters
    ----------
    algo
        work it by twap, vwap, pov, is, iceberg, pegged, sniper, close or open
    end
        with --algo: a while (90s, 5m, 2h), a time in New York (15:55), or RFC 3339
    start
        with --algo: the same; now without it
    curve
        with --algo: how volume spreads over equal parts of that time, such as 3,2,1,2,3
    param
        with --algo: NAME=VALUE of the algorithm, again for more
    """

    algo: str | None = None
    end: str | None = None
    start: str | None = None
    curve: str = ""
    param: PARAM = ()


@Parameter(name="*")
@dataclass(frozen=True)
class WorkOptions(AlgoOptions):
    """All that a parent order may have.

    Parameters
    ----------
    limit
        no child is priced worse than this
    strategy
        whose idea it is, for limits and counts
    wait
        seconds to follow it; to its end without it
    """

    limit: str | None = None
    strategy: str = ""
    wait: float | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class OrderOptions(SubmitOptions, AlgoOptions):
    """Of an order that goes to the market at once, or that an algorithm works."""

    @property
    def is_worked(self) -> bool:
        """Whether anything is said of an algorithm."""
        return self._of(AlgoOptions) != AlgoOptions()

    @property
    def is_plain(self) -> bool:
        """Whether nothing else is said than what an algorithm may have, too."""
        return replace(self._of(SubmitOptions), limit=None, wait=None) == SubmitOptions()

    def _of(self, kind: type[Kind]) -> Kind:
        return kind(**{part.name: getattr(self, part.name) for part in fields(kind)})


class Asked(Struct, frozen=True, kw_only=True):
    """A parent order as it was typed. `wait_s`: how long to follow it, None to its end."""

    words: tuple[str, str, str]
    options: AlgoOptions
    limit: str | None = None
    strategy: str = ""
    wait_s: float | None = None


#: What the fields of a parent order are called on the command line.
_TYPED = {
    **SUBMITTED,
    **{name: f"--{name}" for name in ("algo", "end", "start", "limit", "curve")},
}


def worked(asked: Asked, *, json: bool) -> int:
    """Submit it, follow it and tell of it."""
    options, params = asked.options, params_of(asked.options.param)
    if options.algo is None or options.end is None:
        missing = "--algo" if options.algo is None else "--end"
        raise ConfigError(f"{missing}: missing; write --algo vwap --end 15:55")
    algo, until = options.algo, options.end
    side, qty, symbol = asked.words

    async def work(desk: "Desk") -> "ParentStatus":
        from floorbroker.deskwork.parents import curve_numbers

        now = desk.clock.now()
        start = now if options.start is None else moment("start", options.start, now)
        with _as_typed():
            status = await desk.parents.submit(
                side,
                qty,
                symbol,
                algo=algo,
                end=moment("end", until, start),
                start=start,
                limit=asked.limit,
                params=params,
                curve=curve_numbers(options.curve) or None,
                strategy=asked.strategy,
            )
        if not json:
            say(line(status))
        return await followed(desk, status.parent_id, asked.wait_s, tell=not json)

    return _shown(with_desk(work), json=json)


@contextmanager
def _as_typed() -> Iterator[None]:
    """Have an error name what was typed, parameters of the algorithm, too."""
    with as_typed(_TYPED):
        try:
            yield
        except InvalidOrder as problem:
            field = problem.field.replace("params.", "--param ", 1)
            raise InvalidOrder(field, problem.value, problem.hint) from None


async def followed(
    desk: "Desk", parent_id: str, timeout_s: float | None, *, tell: bool
) -> "ParentStatus":
    """The parent order at its end, or after so long; where somebody looks on, each fill is told
    meanwhile."""
    if not tell or not sys.stderr.isatty():
        try:
            return await desk.parents.wait(parent_id, timeout_s=timeout_s)
        except TimeoutError:
            return await desk.parents.get(parent_id)
    import asyncio
    from contextlib import suppress

    status = await desk.parents.get(parent_id)
    news = desk.parents.updates()
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while not status.is_ended:
                before, status = status, await desk.parents.get(parent_id)
                if status.filled != before.filled or status.state is not before.state:
                    warn(progress_line(status))
                if not status.is_ended:
                    await anext(news)
    return status


def progress_line(status: "ParentStatus") -> str:
    """How far it is, against its schedule."""
    done = status.filled.decimal / status.qty.decimal
    schedule = "" if status.target is None else f", schedule {status.target}"
    return f"{status.state} {status.filled} of {status.qty} ({done:.1%}{schedule}): {status.why}"


def params_of(given: tuple[str, ...]) -> dict[str, Any]:
    params = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ConfigError(f"--param: {text!r}: write NAME=VALUE, such as slices=5")
        params[name] = value
    return params


_UNITS = {"s": 1, "m": 60, "h": 3600}


def moment(field: str, text: str, after: datetime) -> datetime:
    """A time as people write it; a while counts from `after`. Raises ConfigError."""
    from floorbroker.exchange.reference.calendar import NEW_YORK

    count, unit = text[:-1], text[-1:]
    if unit in _UNITS and count.isdecimal():
        return after + timedelta(seconds=int(count) * _UNITS[unit])
    try:
        if len(text) <= len("00:00:00"):
            day = after.astimezone(NEW_YORK).date()
            return datetime.fromisoformat(f"{day} {text}").replace(tzinfo=NEW_YORK)
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigError(
            f"--{field}: {text!r}: write a while (90s, 5m, 2h), a time in New York (15:55), "
            "or RFC 3339"
        )
    return found


def _shown(status: "ParentStatus", *, json: bool) -> int:
    told(status, json=json)
    if not status.is_ended:
        warn("it goes on as soon as a desk is open again; `floorbroker algo cancel` ends it")
    return REFUSED if status.is_ended and status.state is not ParentState.DONE else DONE


def told(status: "ParentStatus", *, json: bool) -> None:
    if json:
        say_json(status)
        return
    say(line(status))
    say(f"  {status.start:%Y-%m-%d %H:%M:%S} to {status.end:%H:%M:%S} UTC, {status.children} sent")
    rest = {
        "open": f"{status.open_qty} ({status.unknown_qty} of it UNKNOWN)",
        "schedule": status.target,
        "participation": status.participation and f"{status.participation:.1%}",
        "does": status.why,
        "because": status.reason,
        "last refusal": status.refusal,
        "next look": status.next_wake and f"{status.next_wake:%H:%M:%S} UTC",
    }
    for name, value in rest.items():
        if value is not None and value != "":
            say(f"  {name}: {value}")
    for text in status.withheld:
        say(f"  kept back: {text}")


def line(status: "ParentStatus") -> str:
    """A parent order in one line."""
    px = "" if status.avg_px is None else f" at {status.avg_px:.4f}"
    limit = "" if status.limit is None else f" limit {status.limit}"
    return (
        f"{status.parent_id}  {status.state}  {status.side} {status.qty} {status.symbol}"
        f" {status.algo}{limit}  {status.filled} filled{px}"
    )
