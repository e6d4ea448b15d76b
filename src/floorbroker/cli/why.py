"""`floorbroker order show ID --why`: the whole life of an order, read from the journal alone."""

from contextlib import closing
from datetime import timedelta

from rich.text import Text

from floorbroker import config
from floorbroker.cli.root import DONE, say, say_json
from floorbroker.cli.sheet import Column, Sheet, show
from floorbroker.cli.tables import order_line
from floorbroker.domain.errors import UnknownOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Order
from floorbroker.posttrade.why.story import Line, story
from floorbroker.posttrade.wording import DEFAULT_VIEW, View, age_text, moment_text
from floorbroker.publish.journaled import JournaledBook
from floorbroker.publish.views import order_view
from floorbroker.readers import open_journal_reader


def show_why(cl_ord_id: str, *, json: bool) -> int:
    """Print it; raises UnknownOrder if no record is about such an order."""
    name = ClOrdID(cl_ord_id)
    with closing(open_journal_reader(config.load().journal_path)) as journal:
        lines = story(journal, name)
        if not lines:
            raise UnknownOrder(f"no order {cl_ord_id} in this journal")
        book = JournaledBook(journal)
        order, legs = _found(book, name)
    if json:
        seen = None if order is None else order_view(order)
        say_json({"cl_ord_id": name, "order": seen, "legs": legs, "lines": lines})
        return DONE
    if order is None:
        say(f"{name}: there is no such order; what was asked of it was refused")
    else:
        say(order_line(order, book.time))
    for leg in legs:
        say(f"  {order_line(leg, book.time)}")
    show(why_sheet(lines))
    return DONE


def _found(book: JournaledBook, name: ClOrdID) -> tuple[Order | None, list[Order]]:
    try:
        order = book.order(name)
    except UnknownOrder:
        return None, []
    return order, book.legs(order)


def why_sheet(lines: tuple[Line, ...], view: View = DEFAULT_VIEW) -> Sheet:
    """One line a record."""
    columns = [
        Column(f"Time, {view.zone_name}"),
        Column("Gap", 2, is_number=True),
        Column("Who"),
        Column("Record", 3, is_number=True),
        Column("What", folds=True),
    ]
    return Sheet(columns, [_cells(line, view) for line in lines])


def _cells(line: Line, view: View) -> list[Text]:
    leg = "" if line.cl_ord_id is None else f"[{line.cl_ord_id.rpartition('/')[2]}] "
    return [
        Text(moment_text(line.time, view)),
        Text(_gap(line), style="dim"),
        Text(line.speaker),
        Text(f"#{line.seq:,}", style="dim"),
        Text(f"{leg}{line.text}"),
    ]


def _gap(line: Line) -> str:
    """Since the line before; a clock that was set back shows too."""
    if not line.gap_ms:
        return ""
    sign, ms = ("+" if line.gap_ms > 0 else "-"), abs(line.gap_ms)
    if 1000 <= ms < 60_000:
        return f"{sign}{ms // 1000}.{ms % 1000:03} s"
    return f"{sign}{age_text(timedelta(milliseconds=ms))}"
