"""A comparison on the screen: every break with its evidence and repair, and how to approve it."""

from rich.console import Group, RenderableType
from rich.text import Text

from floorbroker.cli.sheet import Column, Sheet, show
from floorbroker.domain.messages import Break, Reconciliation
from floorbroker.posttrade.wording import DEFAULT_VIEW, View, counted, moment_text, words


def show_reconciliation(found: Reconciliation, view: View = DEFAULT_VIEW) -> None:
    show(reconciliation_view(found, view))


def reconciliation_view(found: Reconciliation, view: View = DEFAULT_VIEW) -> RenderableType:
    """The outcome in one line, every break with its evidence and repair, and how to approve."""
    counts = [
        counted(found.orders_compared, "order"),
        counted(found.positions_compared, "position"),
    ]
    if found.fills_compared:
        counts.append(counted(found.fills_compared, "execution"))
    cash = "" if found.cash is None else " and the cash"
    compared = (
        f"{', '.join(counts)}{cash} compared for {found.account} at "
        f"{moment_text(found.transact_time, view)} {view.zone_name}"
    )
    opened = len(found.open_breaks)
    style = "bold yellow" if opened else "bold"
    outcome = Text.assemble((counted(opened, "open break"), style), f", {compared}")
    if not found.breaks:
        return outcome
    ranked = sorted(found.breaks, key=lambda each: not each.is_open)
    columns = [
        Column("State"),
        Column("Cause"),
        Column("About", folds=True),
        Column("Ours", 1, folds=True),
        Column("Theirs", 1, folds=True),
        Column("Evidence", 2, folds=True),
        Column("Repair", folds=True),
    ]
    sheet = Sheet(columns, (_break_cells(each) for each in ranked))
    return Group(outcome, Text(), sheet, *_approvals(found))


def _approvals(found: Reconciliation) -> list[Text]:
    """How each open break is approved, if it is right; one that is looked up needs nobody."""
    asked = [each for each in found.open_breaks if each.proposal is not None]
    if not asked:
        return []
    lines = [Text(), Text("If a repair is right, approve it; it is written down with your name:")]
    lines += [
        Text(f"  floorbroker reconcile --approve {each.break_id} --by NAME    # {each.subject}")
        for each in asked
    ]
    return lines


def _break_cells(found: Break) -> list[Text]:
    if found.is_open:
        state = Text("OPEN", style="bold yellow")
    elif found.approved_by:
        state = Text("approved", style="green")
    else:
        state = Text("explained", style="green")
    return [
        state,
        Text(words(found.cause)),
        Text(found.subject),
        Text(found.ours),
        Text(found.theirs),
        Text(found.evidence),
        Text(found.repair),
    ]
