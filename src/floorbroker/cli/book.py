"""`floorbroker positions`, `account`, `assets`, `quote` and `reconcile`: what we hold."""

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import (
    DONE,
    REFUSED,
    Json,
    say,
    say_json,
    with_desk,
    with_desk_or_journal,
)
from floorbroker.domain.amounts import Px
from floorbroker.domain.errors import ConfigError
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import Reconciliation
from floorbroker.domain.position import Position
from floorbroker.domain.quotes import Quote

if TYPE_CHECKING:
    from floorbroker.brokers.port import AccountReport, Activity, PositionReport
    from floorbroker.desk import Desk
    from floorbroker.watch.pnl import PnlRow

positions = App(name="positions", help="What we hold and what it is worth.")
account = App(name="account", help="The account as the broker states it.")
assets = App(name="assets", help="What can be traded.")
quote = App(name="quote", help="The newest quote of some symbols.")
reconcile = App(name="reconcile", help="Our book against the broker's.")


@positions.default
def show_positions(*, json: Json = False) -> int:
    """Our own book at live prices, each with its age; at the broker's where none is young enough,
    without prices while another desk is at work.

    Example: floorbroker positions
    """

    async def look(desk: "Desk") -> "tuple[list[Position], list[PositionReport], list[PnlRow]]":
        return await desk.get_positions(), await desk.get_broker_positions(), await desk.get_pnl()

    ours, theirs, marks = with_desk_or_journal(look, lambda book: (book.positions(), [], []))
    prices = Prices(theirs, marks)
    if json:
        say_json([prices.view(position) for position in ours])
        return DONE
    from floorbroker.cli.tables import show_positions as show

    show(ours, prices.px, ages=prices.ages())
    return DONE


class Prices:
    """What positions are worth: at our own mark, else at the broker's price."""

    def __init__(self, theirs: "list[PositionReport]", marks: "list[PnlRow]") -> None:
        self._marks = {row.symbol: row for row in marks}
        self.px: dict[str, Px | None] = {row.symbol: row.current_px for row in theirs}
        self.px.update({row.symbol: row.mark_px for row in marks if row.mark_px is not None})

    def ages(self) -> dict[str, str]:
        """The age of each mark; the broker's price tells none."""
        from floorbroker.posttrade.wording import age_text

        ages = {symbol: "broker's" for symbol, px in self.px.items() if px is not None}
        for row in self._marks.values():
            if row.mark_age_s is not None:
                ages[row.symbol] = age_text(timedelta(seconds=row.mark_age_s))
        return ages

    def view(self, position: Position) -> dict[str, object]:
        """A position and what it is worth; None where there is no price."""
        from floorbroker.publish.views import position_view

        px, row = self.px.get(position.symbol), self._marks.get(position.symbol)
        age_s = None if row is None else row.mark_age_s
        return {
            **position_view(position),
            "last_px": px,
            "market_value": None if px is None else position.market_value(px),
            "unrealized_pnl": None if px is None else position.unrealized_pnl(px),
            "mark_source": row.mark_source if row is not None and row.mark_source else None,
            "mark_age_s": None if age_s is None else round(age_s, 3),
            "realized_today": None if row is None else row.realized_today,
        }


@account.default
def show_account(
    *,
    activities: Annotated[
        bool, Parameter(negative="", help="what moved the account: fills, fees, cash")
    ] = False,
    json: Json = False,
) -> int:
    """Equity, cash and buying power, or what moved them.

    Examples: floorbroker account --json
              floorbroker account --activities
    """
    return _show_activities(json=json) if activities else _show_state(json=json)


def _show_state(*, json: bool) -> int:
    async def look(desk: "Desk") -> "tuple[AccountReport, str]":
        return await desk.get_account(), desk.settings.mode

    report, mode = with_desk(look)
    if json:
        from floorbroker.publish.views import view

        say_json({"mode": mode, **view(report)})
        return DONE
    for label, value in (
        ("mode", mode.upper()),
        ("account", report.account),
        ("status", report.status),
        ("equity", f"{report.equity:,.2f}"),
        ("day P&L", f"{report.equity - report.last_equity:+,.2f}"),
        ("cash", f"{report.cash:,.2f}"),
        ("buying power", f"{report.buying_power:,.2f}"),
        ("initial margin", f"{report.initial_margin:,.2f}"),
        ("multiplier", f"{report.multiplier}x"),
    ):
        say(f"{label:<16}{value:>18}")
    return DONE


def _show_activities(*, json: bool) -> int:
    async def look(desk: "Desk") -> "list[Activity]":
        return await desk.get_activities()

    found = with_desk(look)
    if json:
        say_json(found)
        return DONE
    from floorbroker.posttrade.wording import px_text, qty_text

    for one in found:
        if one.qty is not None and one.px is not None:
            text = f"{one.side or '':<5}{qty_text(one.qty):>10} {one.symbol} at {px_text(one.px)}"
        else:
            amount = "" if one.net_amount is None else f"{one.net_amount:+,.2f}"
            text = f"{amount:>15} {one.symbol or ''} {one.text}".rstrip()
        say(f"{one.time:%Y-%m-%d %H:%M:%S}  {one.kind:<10}{text}")
    if not found:
        say("nothing has moved the account yet")
    return DONE


@assets.default
def show_assets(*symbols: str, json: Json = False) -> int:
    """Every symbol that the broker lists, or those named, and what may be done with it.

    Examples: floorbroker assets
              floorbroker assets AAPL BTC/USD
    """

    async def look(desk: "Desk") -> list[Instrument]:
        if symbols:
            return [await desk.get_instrument(symbol) for symbol in symbols]
        return await desk.get_instruments()

    found = with_desk(look)
    if json:
        say_json(found)
        return DONE
    for item in found:
        say(f"{item.symbol:<10}{item.name:<44}{', '.join(_marks(item))}".rstrip())
    return DONE


def _marks(item: Instrument) -> list[str]:
    return [
        word
        for word, holds in (
            ("not tradable", not item.is_tradable),
            ("whole shares only", not item.is_fractionable),
            ("no shorts", not item.is_shortable),
            ("hard to borrow", item.is_shortable and not item.is_easy_to_borrow),
            ("over the counter", item.is_otc),
        )
        if holds
    ]


@quote.default
def show_quote(
    *symbols: str,
    watch: Annotated[
        bool, Parameter(name="--watch", negative="", help="go on until Ctrl-C")
    ] = False,
    json: Json = False,
) -> int:
    """Best bid and offer; `--watch` shows them as they come, each with its age.

    Example: floorbroker quote AAPL MSFT --watch
    """
    if not symbols:
        raise ConfigError("name at least one symbol, such as: floorbroker quote AAPL")
    if watch:
        from floorbroker.cli.live.quotes import watch as watch_quotes

        wanted = list(dict.fromkeys(symbol.upper() for symbol in symbols))
        with suppress(KeyboardInterrupt):  # the way to end it
            with_desk(lambda desk: watch_quotes(desk, wanted, json=json))
        return DONE

    async def look(desk: "Desk") -> list[Quote]:
        return [await desk.get_quote(symbol) for symbol in symbols]

    found = with_desk(look)
    if json:
        say_json(found)
        return DONE
    from floorbroker.posttrade.wording import px_text, qty_text

    for item in found:
        say(
            f"{item.symbol:<8}{px_text(item.bid_px):>12} x {qty_text(item.bid_size):<8}"
            f"{px_text(item.ask_px):>12} x {qty_text(item.ask_size)}"
        )
    return DONE


@reconcile.default
def show_reconciliation(
    *,
    approve: Annotated[str, Parameter(help="the id of an open break: carry out its repair")] = "",
    by: Annotated[str, Parameter(help="who approves it")] = "",
    note: Annotated[str, Parameter(help="why, for the journal")] = "",
    json: Json = False,
) -> int:
    """Every difference, with its cause, evidence and repair; exit 1 if any is open.

    Examples: floorbroker reconcile
              floorbroker reconcile --approve position-4be1c09a --by "Jane Doe" --note "ticket 12"
    """
    if bool(approve) != bool(by.strip()) or (note and not approve):
        raise ConfigError("--approve BREAK_ID and --by NAME belong together")

    async def compare(desk: "Desk") -> Reconciliation:
        if approve:
            return await desk.approve_break(approve, by=by, note=note)
        return await desk.reconcile_positions()

    outcome = with_desk(compare)
    if json:
        say_json(outcome)
    else:
        from floorbroker.cli.books.breaks import show_reconciliation as show

        show(outcome)
    return REFUSED if outcome.open_breaks else DONE
