"""`floorbroker demo`: the main job, end to end, broken on purpose."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json

if TYPE_CHECKING:
    from floorbroker.demo.run import Outcome

app = App(name="demo", help="A day's basket, broken on purpose and recovered.")


@Parameter(name="*")
@dataclass(frozen=True)
class DemoOptions:
    """What to play.

    Parameters
    ----------
    tape
        recorded market instead of the synthetic one: LOBSTER, AlgoSeek/LEAN, bars, Alpaca dump
    seed
        seed of the synthetic market
    out
        folder for the journal and the report
    """

    tape: Path | None = None
    seed: int = 7
    out: Path = Path("floorbroker-demo")


@app.default
def demo(*, options: DemoOptions | None = None, json: Json = False) -> int:
    """Work a day's basket through every order type while the exchange misbehaves.

    The desk is killed once and started again. Exit 0 only if every order ended, our book is the
    exchange's, and the journal verifies.

    Example: floorbroker demo --out /tmp/demo
    """
    from floorbroker import app as composition
    from floorbroker.demo.run import Demonstration, Options
    from floorbroker.demo.screen import Screen

    chosen = options or DemoOptions()
    screen = Screen(is_quiet=json)
    wanted = Options(out=chosen.out, tape=chosen.tape, seed=chosen.seed)
    with screen.shown():
        outcome = composition.run(Demonstration(wanted, screen.take).run())
    if json:
        say_json(_summary(outcome))
    else:
        _tell(outcome)
    return DONE if outcome.is_good else REFUSED


def _summary(outcome: "Outcome") -> dict[str, object]:
    """The contract of `--json`."""
    return {
        "orders": outcome.orders,
        "orders_by_type": outcome.orders_by_type,
        "fills": outcome.fills,
        "rejected": outcome.rejected,
        "unknown_resolved": outcome.unknown_resolved,
        "restarts": outcome.restarts,
        "breaks": outcome.breaks,
        "journal_records": outcome.journal_records,
        "journal_verified": outcome.journal_verified,
        "report": outcome.report,
    }


def _tell(outcome: "Outcome") -> None:
    from floorbroker.cli.sheet import labelled, window_width
    from floorbroker.cli.tables import show_report

    show_report(outcome.trade_report)
    broke = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.faults.items()))
    state = "verified" if outcome.journal_verified else "DAMAGED"
    for label, text in (
        ("broken on purpose", f"{broke or 'nothing'}; desk killed {outcome.restarts} time"),
        ("resolved", f"{outcome.unknown_resolved} UNKNOWN orders, by evidence"),
        ("reconciliation", f"{outcome.breaks} open breaks"),
        ("our book", _equal(outcome)),
        ("journal", f"{outcome.journal_records} records, {state}"),
        ("report", f"{outcome.report}"),
    ):
        say(labelled(label, text, window_width()))
    for difference in outcome.differences:
        say(f"  LOOK: {difference}")


def _equal(outcome: "Outcome") -> str:
    if outcome.differences:
        return f"{len(outcome.differences)} differences from the exchange's own record"
    return "equals the exchange's own record: ids, quantities, prices"
