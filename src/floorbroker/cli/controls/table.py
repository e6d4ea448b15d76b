"""The self-test on the screen: which controls fired, and what each said."""

from rich.text import Text

from floorbroker import app
from floorbroker.cli.controls.selftest import Fired, fire_all
from floorbroker.cli.root import DONE, REFUSED, say, say_json
from floorbroker.cli.sheet import Column, Sheet, show


def fire(*, json: bool) -> int:
    """Exit 1 if one did not fire."""
    found = app.run(fire_all())
    if json:
        say_json(found)
    else:
        silent = [one for one in found if not one.fired]
        told = f"; silent: {', '.join(one.control for one in silent)}" if silent else ""
        say(f"{len(found) - len(silent)} of {len(found)} controls fired{told}")
        show(_sheet(found))
    return DONE if all(one.fired for one in found) else REFUSED


def _sheet(found: list[Fired]) -> Sheet:
    columns = [
        Column("Control"),
        Column("Name", 1),
        Column("Fired"),
        Column("By", 2),
        Column("It said", 1, folds=True),
    ]
    rows = [
        [
            Text(one.control),
            Text(one.name),
            Text("fired")
            if one.fired
            else Text("ABSENT" if not one.how else "NOT", style="bold red"),
            Text(one.how),
            Text(one.text),
        ]
        for one in sorted(found, key=lambda one: one.fired)
    ]
    return Sheet(columns, rows)
