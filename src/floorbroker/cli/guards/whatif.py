"""`floorbroker risk`: what the controls would say of an order."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, with_desk
from floorbroker.cli.typed.request import SUBMITTED, SubmitOptions, as_typed, requested

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.deskwork.risk.whatif import WhatIf

app = App(name="risk", help="What the controls would say of an order.")


@app.command(name="what-if")
def what_if(
    side: str,
    qty: Annotated[str, Parameter(help="shares; left out with --notional")],
    symbol: str | None = None,
    /,
    *,
    options: SubmitOptions | None = None,
    json: Json = False,
) -> int:
    """Ask every control about an order, and send nothing; exit 1 if one would deny it.

    Example: floorbroker risk what-if buy 10 AAPL --limit 187.20
    """
    with as_typed(SUBMITTED):
        request = requested((side, qty, symbol), options or SubmitOptions())

        async def ask(desk: "Desk") -> "WhatIf":
            return await desk.guards.what_if(request)

        found = with_desk(ask)
    if json:
        say_json(found)
    else:
        _show(found)
    return DONE if found.passes else REFUSED


def _show(found: "WhatIf") -> None:
    from rich.text import Text

    from floorbroker.cli.sheet import Column, Sheet, show

    denials = [verdict for verdict in found.verdicts if not verdict.passes]
    said = [text for text in (found.gates, found.broker) if text]
    outcome = "passes" if found.passes else f"is denied by {len(denials) + len(said)}"
    say(
        f"{found.order}  ·  {outcome} of {len(found.verdicts)} controls"
        if denials
        else f"{found.order}  ·  {outcome}"
    )
    for text in said:
        say(f"  {text}")
    ranked = sorted(found.verdicts, key=lambda verdict: verdict.passes)
    columns = [
        Column("Control"),
        Column("Name"),
        Column("Says"),
        Column("Value", 1, folds=True),
        Column("Limit", 1, folds=True),
        Column("Would pass", 2, folds=True),
    ]
    rows = [
        [
            Text(one.control),
            Text(one.name),
            Text("passes") if one.passes else Text("DENIES", style="bold red"),
            Text(one.value),
            Text(one.limit),
            Text(one.would_pass),
        ]
        for one in ranked
    ]
    show(Sheet(columns, rows))
