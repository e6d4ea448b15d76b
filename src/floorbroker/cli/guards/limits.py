"""`floorbroker limits`: what bounds an order, who says so, and another bound."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, Json, say, say_json, with_desk
from floorbroker.domain.errors import InvalidOrder

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.deskwork.risk.guarding import LimitRow
    from floorbroker.domain.messages import LimitsChanged

app = App(name="limits", help="Show and set what bounds orders.")


@app.command
def show(
    name: Annotated[str | None, Parameter(help="one limit, or a control such as P07")] = None,
    /,
    *,
    json: Json = False,
) -> int:
    """The limits that hold, where each comes from, and what waits to hold.

    Examples: floorbroker limits show
              floorbroker limits show P07
    """

    async def ask(desk: "Desk") -> "list[LimitRow]":
        return desk.guards.limits()

    rows = with_desk(ask)
    wanted = [row for row in rows if name in (None, row.name, row.control)]
    if not wanted:
        hint = "give one of `floorbroker limits show`, or a control such as P07"
        raise InvalidOrder("limit", name, hint)
    if json:
        say_json(wanted)
    else:
        _show(wanted)
    return DONE


@Parameter(name="*")
@dataclass(frozen=True)
class SetOptions:
    """Why, whose, and who says so.

    Parameters
    ----------
    reason
        why it is loosened; stands in the journal
    of
        not the desk's limit, but that of an account, a strategy or a symbol
    whose
        which of these
    by
        who says so, by default the user of this machine
    """

    reason: str = ""
    of: Literal["account", "strategy", "symbol"] | None = None
    whose: str = ""
    by: str = ""


@app.command(name="set")
def set_limit(
    name: str, value: str, /, *, options: SetOptions | None = None, json: Json = False
) -> int:
    """Change a limit: a tighter one holds at once, a looser one needs --reason and waits.

    Examples: floorbroker limits set order_value_max 5000
              floorbroker limits set order_qty_max 200 --of symbol --whose AAPL
              floorbroker limits set order_value_max 8000 --reason "larger basket today"
    """

    chosen = options or SetOptions()

    async def change(desk: "Desk") -> "LimitsChanged":
        return await desk.guards.set_limit(
            name,
            value,
            scope=chosen.of or "desk",
            whose=chosen.whose,
            reason=chosen.reason,
            by=chosen.by,
        )

    done = with_desk(change)
    if json:
        say_json(done)
        return DONE
    waits_s = (done.effective_time - done.transact_time).total_seconds()
    when = "now" if not waits_s else f"in {waits_s:.0f} s, at {done.effective_time:%H:%M:%S} UTC"
    about = f" of {done.scope} {done.whose}" if done.whose else ""
    say(f"{done.name}{about}: {_plain(done.old)} -> {_plain(done.new)}, holds {when}")
    return DONE


def _plain(value: str) -> str:
    """For people: a bound that nothing comes near is none."""
    return _UNBOUNDED.get(value, value.strip('"'))


#: What the wide profile says where it bounds nothing in practice.
_UNBOUNDED = {str(10**18): "wide open", str(10**9): "wide open"}


def _show(rows: "list[LimitRow]") -> None:
    from rich.text import Text

    from floorbroker.cli.sheet import Column, Sheet, show

    columns = [
        Column("Control"),
        Column("Limit"),
        Column("Value", is_number=True),
        Column("Unit", 1),
        Column("Whose", 2),
        Column("Meaning", 4, folds=True),
        Column("Source", 3, folds=True),
        Column("Waiting", 1),
    ]
    cells = [
        [
            Text(row.control),
            Text(row.name, style="bold"),
            Text(_plain(row.value)),
            Text(row.unit),
            Text(f"{row.scope} {row.whose}".strip()),
            Text(row.text),
            Text(row.source),
            Text(
                "" if row.waits_until is None else f"{row.waiting} from {row.waits_until:%H:%M:%S}"
            ),
        ]
        for row in rows
    ]
    show(Sheet(columns, cells))
