"""T07: every control is made to fire, on a desk and an exchange of its own, and says so itself.

Most pre-trade controls are fired by an order: a limit is tightened on the running desk, the order
is submitted, and the refusal that comes back must be this control's. What cannot be brought about
on a market that is not real (live trading, a halt, an order of unknown fate) is fired by the same
desk's own view of an order, with that one fact changed. The rest is fired by canned events, on the
running desk where there is one to fire on.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from floorbroker.cli.controls.drill_after import AFTER
from floorbroker.cli.controls.drill_before import ORDERS, VIEWS, by_order, by_view
from floorbroker.cli.controls.drill_during import DURING
from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.deskwork.risk.controls import register


class Fired(Struct, frozen=True, kw_only=True):
    """What became of one control; `how` is order, view or event, and empty where there is no way
    to fire it here."""

    control: str
    name: str
    fired: bool
    how: str
    text: str


async def fire_all() -> list[Fired]:
    """All fifty-one, one after the other; raises BrokerError, JournalError."""
    with TemporaryDirectory(prefix="floorbroker-controls-") as folder:
        home = Path(folder)
        settings = Settings(
            mode="embedded", home=home, journal_path=home / "desk.sqlite", run_path=home / "run"
        )
        async with Desk.open(settings) as desk:
            await desk.get_account()
            found: list[Fired] = []
            for row in register():
                failed = ""
                try:
                    how, text = await _fired(desk, row.id)
                except Exception as problem:  # noqa: BLE001  (the others are to be fired, too)
                    how, text = "event", ""
                    failed = f"the drill failed: {type(problem).__name__}: {problem}"
                if row.id == "T07":
                    how, text = "event", f"{sum(one.fired for one in found)} of 50 fired"
                found.append(
                    Fired(
                        control=row.id,
                        name=row.name,
                        fired=bool(text),
                        how=how,
                        text=text or failed,
                    )
                )
    return found


async def _fired(desk: Desk, control: str) -> tuple[str, str]:
    """How it was fired and what it said; no text where it did not."""
    if control in ORDERS:
        return "order", await by_order(desk, control)
    if control in VIEWS:
        return "view", await by_view(desk, control)
    drill = DURING.get(control) or AFTER.get(control)
    return ("", "") if drill is None else ("event", await drill(desk))
