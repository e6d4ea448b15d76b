"""`floorbroker quote --watch`: quotes as they come, each with its age, until Ctrl-C."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from floorbroker.cli.root import say, say_json
from floorbroker.cli.sheet import Column, Sheet
from floorbroker.clock import datetime_of
from floorbroker.domain.quotes import Quote
from floorbroker.marketdata.live.view import Age, LiveHalt, LiveQuote, MarketView, Stale, Why
from floorbroker.posttrade.wording import age_text, px_text, qty_text

if TYPE_CHECKING:
    from floorbroker.desk import Desk

#: How often the screen is looked at, in seconds, when nothing comes.
LOOK_S = 0.25
_BADGES = {"live": "bold white on red", "paper": "bold white on blue"}
#: Not yet told is no alarm; a lost feed is.
_CALM = frozenset({Why.NEVER_TOLD})


class QuoteRow(Struct, frozen=True, kw_only=True):
    """One symbol as it stands: its quote with its age, or why there is none."""

    symbol: str
    quote: Quote | None
    age: Age | None
    why: Why | None
    is_halted: bool | None


def rows_of(view: MarketView, symbols: Sequence[str]) -> list[QuoteRow]:
    return [_row(symbol, view.quote(symbol), view.halt(symbol)) for symbol in symbols]


def _row(symbol: str, found: LiveQuote | Stale, halt: LiveHalt) -> QuoteRow:
    is_live = isinstance(found, LiveQuote)
    return QuoteRow(
        symbol=symbol,
        quote=found.quote if isinstance(found, LiveQuote) else None,
        age=found.age,
        why=None if is_live else found.why if isinstance(found, Stale) else None,
        is_halted=halt.is_halted,
    )


def quotes_sheet(rows: Sequence[QuoteRow]) -> Sheet:
    """A row a symbol. A price that may not be relied on is not shown."""
    columns = [
        Column("Symbol"),
        Column("Bid size", 2, is_number=True),
        Column("Bid", is_number=True),
        Column("Ask", is_number=True),
        Column("Ask size", 2, is_number=True),
        Column("Spread", 3, is_number=True),
        Column("Age", is_number=True),
        Column("State"),
    ]
    return Sheet(columns, map(_cells, rows))


def _cells(row: QuoteRow) -> list[Text]:
    quote = row.quote
    has_bid = quote is not None and quote.bid_size > 0
    has_ask = quote is not None and quote.ask_size > 0
    spread = quote.ask_px - quote.bid_px if quote is not None and has_bid and has_ask else None
    state, style = state_of(row)
    return [
        Text(row.symbol, style="bold"),
        Text(qty_text(quote.bid_size if quote is not None and has_bid else None)),
        Text(px_text(quote.bid_px if quote is not None and has_bid else None)),
        Text(px_text(quote.ask_px if quote is not None and has_ask else None)),
        Text(qty_text(quote.ask_size if quote is not None and has_ask else None)),
        Text(px_text(spread)),
        Text("-" if row.age is None else age_text(timedelta(seconds=row.age.s))),
        Text(state, style=style),
    ]


def state_of(row: QuoteRow) -> tuple[str, str]:
    """The state in a word or two, and its style."""
    if row.why is not None:
        return f"{row.why}", "dim" if row.why in _CALM else "bold red"
    return ("HALTED", "bold yellow") if row.is_halted else ("live", "")


def row_view(row: QuoteRow) -> dict[str, object]:
    """A row for machines; prices are null where they may not be relied on."""
    quote, age = row.quote, row.age
    return {
        "symbol": row.symbol,
        "state": "live" if row.why is None else str(row.why),
        "bid_px": None if quote is None else quote.bid_px,
        "bid_size": None if quote is None else quote.bid_size,
        "ask_px": None if quote is None else quote.ask_px,
        "ask_size": None if quote is None else quote.ask_size,
        "time": None if quote is None else datetime_of(quote.time_ns),
        "age_s": None if age is None else round(age.s, 3),
        "is_halted": row.is_halted,
    }


async def watch(desk: "Desk", symbols: Sequence[str], *, json: bool) -> None:
    """Show the symbols until cancelled: a table that renews itself, lines to a pipe or as JSON."""
    console = Console(file=sys.stdout, highlight=False)
    if json or not console.is_terminal:
        await _follow(desk, symbols, _lines(json=json))
        return
    with Live(console=console, auto_refresh=False, transient=False) as live:
        await _follow(desk, symbols, lambda rows: live.update(_screen(desk, rows), refresh=True))


async def _follow(
    desk: "Desk", symbols: Sequence[str], show: Callable[[list[QuoteRow]], None]
) -> None:
    async with aclosing(desk.quotes(symbols)) as told:
        coming = asyncio.ensure_future(anext(told))
        try:
            while True:
                show(rows_of(desk.market, symbols))
                # A screen is renewed in steps; whatever came meanwhile is seen with the next.
                await asyncio.wait({coming}, timeout=LOOK_S)
                await desk.clock.sleep(LOOK_S / 5)
                if coming.done():
                    coming.result()
                    coming = asyncio.ensure_future(anext(told))
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


def _screen(desk: "Desk", rows: Sequence[QuoteRow]) -> RenderableType:
    mode = desk.settings.mode
    head = Text.assemble((f" {mode.upper()} ", _BADGES.get(mode, "white on grey37")), "  ")
    head.append(desk.market.about())
    return Group(head, quotes_sheet(rows), Text("Ctrl-C ends", style="dim"))


def _lines(*, json: bool) -> Callable[[list[QuoteRow]], None]:
    """Says each row that is news."""
    said: dict[str, tuple[object, ...]] = {}

    def show(rows: list[QuoteRow]) -> None:
        for row in rows:
            news = (row.quote, row.why, row.is_halted)
            if said.get(row.symbol) == news:
                continue
            said[row.symbol] = news
            if json:
                say_json(row_view(row))
            else:
                say("  ".join(cell.plain for cell in _cells(row)))
        sys.stdout.flush()

    return show
