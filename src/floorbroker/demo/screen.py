"""The live screen of the demonstration, and plain lines where there is no terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from floorbroker.demo.run import Event
from floorbroker.demo.scene import ENDED, Scene, order_words
from floorbroker.domain.errors import FloorbrokerError

_STATUS_STYLE = {
    "filled": "green",
    "partially_filled": "green",
    "unknown": "bold yellow",
    "rejected": "red",
    "not_placed": "magenta",
    "canceled": "dim",
    "expired": "dim",
}
#: Short forms, so that the column stays narrow.
_STATUS_WORDS = {"partially_filled": "part filled", "pending_replace": "pending rep."}
#: From this width on there is room for averages and wide positions.
WIDE = 100
HEAD_LINES = 5
BORDER = "grey37"


class Screen:
    """Takes events; shows them."""

    def __init__(self, console: Console | None = None, *, is_quiet: bool = False) -> None:
        self.scene = Scene()
        self._console = console or Console(file=sys.stdout)
        self._is_live = self._console.is_terminal and not is_quiet
        self._is_quiet = is_quiet

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the screen while the body runs; raises FloorbrokerError where it is interrupted."""
        try:
            if not self._is_live:
                yield
                return
            with Live(
                get_renderable=self.frame, console=self._console, refresh_per_second=8, screen=True
            ):
                yield
        except KeyboardInterrupt:
            raise FloorbrokerError(
                f"interrupted at {self.scene.market_time} of the market's day; the desk and its "
                "exchange are stopped, the journal is kept"
            ) from None

    def take(self, event: Event) -> None:
        line = self.scene.take(event)
        if line is None or self._is_live or self._is_quiet:
            return
        text = f"{self.scene.market_time}  {line}"
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def frame(self) -> RenderableType:
        """One picture of everything, made for the size that the terminal has now."""
        height, is_wide = self._console.height, self._console.width >= WIDE
        troubles = max(min(height // 3, 14), 6)
        room = max(height - HEAD_LINES - troubles - 3, 1)
        layout = Layout()
        layout.split_column(
            Layout(self._head(), size=HEAD_LINES),
            Layout(name="middle"),
            Layout(self._troubles(troubles - 2), size=troubles),
        )
        layout["middle"].split_row(
            Layout(self._orders(room, is_wide=is_wide)),
            Layout(self._positions(is_wide=is_wide), size=38 if is_wide else 26),
        )
        return layout

    def _head(self) -> RenderableType:
        scene = self.scene
        first = Table.grid(expand=True)
        first.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        first.add_column(justify="right", no_wrap=True)
        first.add_row(
            Text.assemble((" EMBEDDED ", "black on grey70"), f"  {scene.market_name}"),
            Text.assemble((scene.market_time, "bold"), f" New York, {scene.speed} x"),
        )
        second = Table.grid(expand=True, padding=(0, 1))
        second.add_column(ratio=1)
        second.add_column(justify="right", no_wrap=True)
        second.add_row(
            ProgressBar(total=1.0, completed=scene.progress, complete_style="cyan"), scene.left
        )
        return Panel(Group(first, second, self._attention()), border_style=BORDER, box=ROUNDED)

    def _attention(self) -> Text:
        scene = self.scene
        if scene.is_down:
            return Text("ATTENTION  the desk is down; it is started again", "bold red")
        if scene.unknown:
            number = len(scene.unknown)
            words = "order is" if number == 1 else "orders are"
            return Text(f"ATTENTION  {number} {words} UNKNOWN: asking the broker", "bold yellow")
        counts = (
            (scene.resolved, "UNKNOWN resolved"),
            (scene.repaired, "missed fills booked"),
            (scene.restarts, "restart"),
        )
        past = ", ".join(f"{count} {what}" for count, what in counts if count)
        words = "all outcomes known" + (f": {past}" if past else "")
        return Text(words, "green", no_wrap=True, overflow="ellipsis")

    def _orders(self, room: int, *, is_wide: bool) -> RenderableType:
        table = Table(expand=True, box=None, pad_edge=False, header_style="dim")
        table.add_column("order", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("filled", justify="right", no_wrap=True)
        if is_wide:
            table.add_column("average", justify="right", no_wrap=True)
        table.add_column("status", no_wrap=True, min_width=11)
        for order in self._chosen(room):
            average = f"{Decimal(order['avg_px']):,.4f}" if order["avg_px"] else ""
            status = order["ord_status"]
            words = _STATUS_WORDS.get(status, status.replace("_", " "))
            cells = [order_words(order, is_short=not is_wide), filled(order), average]
            table.add_row(
                *(cells if is_wide else cells[:2]), Text(words, _STATUS_STYLE.get(status, ""))
            )
        ended = sum(order["ord_status"] in ENDED for order in self.scene.orders.values())
        title = f"{len(self.scene.orders)} orders, {ended} ended, {self.scene.fills} fills"
        return Panel(table, title=title, border_style=BORDER)

    def _chosen(self, room: int) -> list[dict[str, Any]]:
        """The newest orders; those that still work come before those that ended."""
        orders = list(self.scene.orders.values())
        working = [order for order in orders if order["ord_status"] not in ENDED][-room:]
        ended = [order for order in orders if order["ord_status"] in ENDED]
        chosen = {order["cl_ord_id"] for order in working}
        if len(working) < room:
            chosen |= {order["cl_ord_id"] for order in ended[len(working) - room :]}
        return [order for order in orders if order["cl_ord_id"] in chosen]

    def _positions(self, *, is_wide: bool) -> RenderableType:
        table = Table(expand=True, box=None, pad_edge=False, header_style="dim")
        table.add_column("symbol", no_wrap=True)
        table.add_column("shares", justify="right", no_wrap=True)
        table.add_column("P&L", justify="right", no_wrap=True)
        places = 2 if is_wide else 0
        for symbol, (shares, pnl) in sorted(self.scene.holdings().items()):
            table.add_row(
                symbol, _shares(shares, places=4 if is_wide else 2), _signed(pnl, places)
            )
        table.add_row("", "", "")
        table.add_row("all", "", _signed(self.scene.pnl, places))
        return Panel(table, title="positions", border_style=BORDER)

    def _troubles(self, room: int) -> RenderableType:
        lines = [
            Text.assemble((f"{time}  ", "dim"), text, no_wrap=True, overflow="ellipsis")
            for time, text in self.scene.troubles[-room:]
        ]
        return Panel(
            Group(*lines), title="what broke, and how it was resolved", border_style=BORDER
        )


def filled(order: dict[str, Any]) -> str:
    """Shares done of those asked; of a notional order only those done are known."""
    done = _shares(Decimal(order["cum_qty"]), places=2)
    return f"{done}/{order['order_qty']}" if order["order_qty"] else done


def _shares(qty: Decimal, places: int) -> str:
    """Cut to so many places, without zeros at the end."""
    text = f"{qty:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _signed(amount: Decimal, places: int) -> Text:
    style = "green" if amount > 0 else "red" if amount < 0 else ""
    return Text(f"{amount:+,.{places}f}" if amount else "-", style)
