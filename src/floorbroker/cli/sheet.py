"""A table that fits the window it is shown in.

A pipe gets plain text, never cut. A window that is too narrow loses the columns that matter least,
and says so; a number is never cut short.
"""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

#: Wide enough for every table; a pipe has no window to fit.
PIPE_WIDTH = 400


#: Room for the label of a line that is no row of a table.
LABEL_WIDTH = 20
#: A column that may fold is useful down to this width.
FOLDED_MIN = 15
#: What a column takes beside its text: padding and the space between.
SPACING = 3


class Column(Struct, frozen=True):
    """A column: the highest `rank` goes first when room is short, rank 0 never goes.

    Numbers are right-aligned; only columns that `folds` may break their text over lines.
    """

    name: str
    rank: int = 0
    is_number: bool = False
    folds: bool = False


class Sheet:
    """Rows under columns; where not even rank 0 fits, each row becomes a paragraph."""

    def __init__(self, columns: Sequence[Column], rows: Iterable[Sequence[Text]]) -> None:
        self.columns = columns
        self.rows = list(rows)
        self._widths = [
            max([len(column.name), *(row[place].cell_len for row in self.rows)])
            for place, column in enumerate(columns)
        ]

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        kept = self._fitting(options.max_width)
        if kept is None:
            yield from map(self._paragraph, self.rows)
            return
        yield self._table(kept, is_terminal=console.is_terminal)
        hidden = [c.name for place, c in enumerate(self.columns) if place not in kept]
        if hidden:
            yield Text(f"hidden for want of room: {'; '.join(hidden)}", style="dim")

    def _fitting(self, width: int) -> list[int] | None:
        """The columns that fit, in their order; None if those of rank 0 do not."""
        kept = list(range(len(self.columns)))
        while sum(map(self._least_width, kept)) - SPACING > width:
            least = max(kept, key=lambda place: (self.columns[place].rank, place))
            if self.columns[least].rank == 0:
                return None
            kept.remove(least)
        return kept

    def _least_width(self, place: int) -> int:
        width = self._widths[place]
        return SPACING + (min(width, FOLDED_MIN) if self.columns[place].folds else width)

    def _table(self, kept: Sequence[int], *, is_terminal: bool) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD if is_terminal else None,
            pad_edge=False,
            padding=(0, 1),
            show_edge=False,
        )
        for column in (self.columns[place] for place in kept):
            table.add_column(
                column.name,
                justify="right" if column.is_number else "left",
                no_wrap=not column.folds,
                overflow="fold",
            )
        for row in self.rows:
            table.add_row(*(row[place] for place in kept))
        return table

    def _paragraph(self, row: Sequence[Text]) -> Text:
        """Every cell with its column's name."""
        told = (
            Text.assemble((f"{column.name} ", "dim"), cell)
            for column, cell in zip(self.columns, row, strict=True)
            if cell.plain
        )
        return Text("  ·  ").join(told)


def labelled(label: str, text: str, width: int) -> str:
    """A label and its text, which goes on below itself where the window is too narrow."""
    first = f"{label:<{LABEL_WIDTH}}"
    return textwrap.fill(
        text,
        max(width, 2 * LABEL_WIDTH),
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
        break_long_words=False,
    )


def window_width() -> int:
    """Columns of the terminal; of a pipe as many as anything needs."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH


def show(what: RenderableType) -> None:
    """Print to standard output: in colour to a terminal, as plain text to a pipe."""
    screen = Console(file=sys.stdout, highlight=False, soft_wrap=False)
    if screen.is_terminal:
        screen.print(what)
        return
    plain = Console(file=sys.stdout, width=PIPE_WIDTH, no_color=True, highlight=False)
    with plain.capture() as capture:
        plain.print(what)
    for line in capture.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")
