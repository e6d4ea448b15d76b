"""The tables of `floorbroker exchange look`: what needs attention first, then the rest."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from floorbroker.cli.sheet import Column, Sheet
from floorbroker.posttrade.wording import (
    NEW_YORK,
    age_text,
    average_text,
    counted,
    money_text,
    pnl_direction,
    pnl_text,
    px_text,
    qty_text,
    words,
)

_PHASES = {"pre": "pre-market", "regular": "regular session", "post": "after hours"}
Row = dict[str, Any]


def truth_view(truth: Row) -> RenderableType:
    """Everything, with what is empty in one line."""
    truth = _printable(truth)
    counts = truth["counts"]
    parts: list[RenderableType] = [_headline(truth["clock"]), *_attention(truth["attention"])]
    orders = f"{counts['open_orders']:,} open, {counts['orders']:,} ever"
    parts += _section("Open orders", orders, _orders(truth))
    parts += _section("Symbols", f"{counts['symbols']:,} with a market", _symbols(truth))
    parts += _section("Accounts", f"{counts['accounts']:,}", _accounts(truth))
    parts += _section("Positions", "", _positions(truth))
    parts += _section("Newest fills", f"{counts['fills']:,} in all", _fills(truth))
    parts += _section("Streams", counted(len(truth["streams"]), "connection"), _streams(truth))
    parts += _section("Faults", f"{len(truth['faults']['fault']):,} planned", _faults(truth))
    limit = truth["rate_limit"]
    told = f"{limit:,} requests a minute" if limit else "none"
    return Group(*parts, *_section("Rate limits", told, _limits(truth)))


def _printable(told: Any) -> Any:
    """The same without control characters: what clients said must not steer the terminal."""
    if isinstance(told, str):
        return "".join(each if each.isprintable() else "?" for each in told)
    if isinstance(told, list):
        return [_printable(each) for each in told]
    if isinstance(told, dict):
        return {name: _printable(each) for name, each in told.items()}
    return told


def _headline(clock: Row) -> Text:
    now, then = _moment(clock["now"]), _moment(clock["next_phase_at"])
    ahead = f"{then:%H:%M}" if then.date() == now.date() else f"{then:%a %H:%M}"
    speed = {"0": "time stands still", "max": "as fast as it can"}.get(clock["speed"])
    return Text.assemble(
        (" EMBEDDED ", "black on grey70"),
        (f" {now:%a %Y-%m-%d %H:%M:%S}", "bold"),
        f" New York  ·  {_phase(clock['phase'])}, {_phase(clock['next_phase'])} at {ahead}",
        f" (in {age_text(then - now)})  ·  {speed or 'speed x' + clock['speed']}",
    )


def _attention(notices: Sequence[Row]) -> Iterable[RenderableType]:
    if not notices:
        return [Text("nothing needs attention", style="dim")]
    return [
        Text.assemble((f"! {each['what']}", "bold yellow"), f" {each['why']}") for each in notices
    ]


def _section(name: str, told: str, sheet: Sheet) -> list[RenderableType]:
    title = Text.assemble("\n", (name, "bold"), f"  {told}" if told else "")
    return [title, sheet] if sheet.rows else [title if told else Text(f"\n{name}  none")]


def _orders(truth: Row) -> Sheet:
    columns = [
        Column("Side"),
        Column("Quantity", is_number=True),
        Column("Symbol"),
        Column("Terms", 1),
        Column("Filled", 2, is_number=True),
        Column("Status", folds=True),
        Column("Age", 5, is_number=True),
        Column("Account", 3, folds=True),
        Column("Client order id", 4, folds=True),
    ]
    now = _moment(truth["clock"]["now"])
    rows = [
        [
            _side(order["side"]),
            Text(_size(order)),
            Text(order["symbol"], style="bold"),
            Text(_terms(order)),
            Text(_filled(order)),
            Text(f"{words(order['status'])}: {order['state']}"),
            Text(age_text(now - _moment(order["submitted_at"]))),
            Text(order["account"]),
            Text(order["client_order_id"]),
        ]
        for order in truth["orders"]
    ]
    return Sheet(columns, rows)


def _symbols(truth: Row) -> Sheet:
    names = ("Bid size", "Bid", "Ask", "Ask size", "Last", "At", "Open orders")
    ranks = (3, 0, 0, 3, 0, 4, 2)
    columns = [
        Column("Symbol"),
        *(Column(name, rank, is_number=True) for name, rank in zip(names, ranks, strict=True)),
        Column("Remark", 1),
    ]
    rows = [
        [
            Text(one["symbol"], style="bold"),
            Text(qty_text(_number(one["bid_size"]))),
            Text(px_text(_number(one["bid"]))),
            Text(px_text(_number(one["ask"]))),
            Text(qty_text(_number(one["ask_size"]))),
            Text(px_text(_number(one["last"]))),
            Text(_time(one["last_time"])),
            Text(f"{one['open_orders']:,}" if one["open_orders"] else ""),
            _remark(one),
        ]
        for one in truth["symbols"]
    ]
    return Sheet(columns, rows)


def _remark(symbol: Row) -> Text:
    if symbol["is_halted"] or symbol["is_overnight_halted"]:
        return Text("halted" if symbol["is_halted"] else "halted overnight", style="bold yellow")
    if symbol["is_scripted"]:
        return Text("scripted")
    return Text("" if symbol["trades_now"] else "does not trade now")


def _accounts(truth: Row) -> Sheet:
    columns = [
        Column("Account", folds=True),
        Column("Equity", is_number=True),
        Column("Today", 1, is_number=True),
        Column("Cash", is_number=True),
        Column("Buying power", is_number=True),
        Column("Open orders", 2, is_number=True),
        Column("Orders", 3, is_number=True),
    ]
    rows = [
        [
            Text(one["key"], style="bold"),
            Text(money_text(Decimal(one["equity"]))),
            _gain(Decimal(one["day_pl"])),
            Text(money_text(Decimal(one["cash"]))),
            Text(money_text(Decimal(one["buying_power"]))),
            Text(f"{one['open_orders']:,}"),
            Text(f"{one['orders']:,}"),
        ]
        for one in truth["accounts"]
    ]
    return Sheet(columns, rows)


def _positions(truth: Row) -> Sheet:
    names = ("Quantity", "Average", "Mark", "Value")
    columns = [
        Column("Account", 1, folds=True),
        Column("Symbol"),
        *(Column(name, is_number=True) for name in names),
    ]
    rows = [
        [
            Text(account["key"]),
            Text(one["symbol"], style="bold"),
            Text(qty_text(Decimal(one["qty"]))),
            Text(average_text(Decimal(one["avg_entry_price"]))),
            Text(px_text(Decimal(one["mark"]))),
            Text(money_text(Decimal(one["market_value"]))),
        ]
        for account in truth["accounts"]
        for one in account["positions"]
    ]
    return Sheet(columns, rows)


def _fills(truth: Row) -> Sheet:
    columns = [
        Column("Time"),
        Column("Side"),
        Column("Quantity", is_number=True),
        Column("Symbol"),
        Column("Price", is_number=True),
        Column("Liquidity", 2),
        Column("Account", 1, folds=True),
        Column("Client order id", 3, folds=True),
    ]
    rows = [
        [
            Text(_time(fill["time"])),
            _side(fill["side"]),
            Text(qty_text(Decimal(fill["qty"]))),
            Text(fill["symbol"], style="bold"),
            Text(px_text(Decimal(fill["price"]))),
            Text("taken back" if fill["is_bust"] else fill["liquidity"]),
            Text(fill["account"]),
            Text(fill["client_order_id"]),
        ]
        for fill in truth["fills"]
    ]
    return Sheet(columns, rows)


def _streams(truth: Row) -> Sheet:
    rows = [
        [
            Text(one["path"]),
            Text(one["account"] or "not authenticated"),
            Text("listens" if one["is_listening"] else "connected"),
        ]
        for one in truth["streams"]
    ]
    return Sheet([Column("Path"), Column("Account", folds=True), Column("State")], rows)


def _faults(truth: Row) -> Sheet:
    columns = [Column("Fault"), Column("Strikes at", folds=True), Column("Struck", is_number=True)]
    filters = ("method", "path", "event", "symbol", "account")
    rows = [
        [
            Text(one["kind"]),
            Text(" ".join(one[name] for name in filters if one.get(name)) or "everything"),
            Text(f"{one['fired']:,} of {one['matched']:,}"),
        ]
        for one in truth["faults"]["fault"]
    ]
    return Sheet(columns, rows)


def _limits(truth: Row) -> Sheet:
    columns = [
        Column("Account", folds=True),
        Column("Requests left", is_number=True),
        Column("Renewed in", is_number=True),
    ]
    rows = [
        [
            Text(one["account"]),
            Text(f"{one['remaining']:,} of {one['limit']:,}"),
            Text(f"{one['resets_in_s']} s"),
        ]
        for one in truth["rate_limits"]
    ]
    return Sheet(columns, rows)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:19] + "+00:00").astimezone(NEW_YORK)


def _time(text: str | None) -> str:
    return f"{_moment(text):%H:%M:%S}" if text else ""


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _phase(phase: str) -> str:
    return _PHASES.get(phase, phase)


def _side(side: str) -> Text:
    return Text(side.upper(), style="blue" if side == "buy" else "dark_orange")


def _size(order: Row) -> str:
    if order["qty"] is None:
        return f"$ {money_text(Decimal(order['notional']))}"
    return qty_text(Decimal(order["qty"]))


def _filled(order: Row) -> str:
    filled = qty_text(Decimal(order["filled_qty"]))
    average = order["filled_avg_price"]
    return filled if average is None else f"{filled} @ {average_text(Decimal(average))}"


def _terms(order: Row) -> str:
    stop, limit = _number(order["stop_price"]), _number(order["limit_price"])
    parts = [words(order["type"])]
    if stop is not None:
        parts.append(px_text(stop))
    if limit is not None:
        parts.append(f"limit {px_text(limit)}" if stop is not None else px_text(limit))
    parts.append(order["time_in_force"])
    told = " ".join(parts) + (", extended hours" if order["extended_hours"] else "")
    if order["order_class"] in ("", "simple"):
        return told
    return f"{told}, {'leg of ' if order['parent_id'] else ''}{order['order_class']}"


def _gain(money: Decimal) -> Text:
    style = {"up": "green", "down": "red"}.get(pnl_direction(money), "")
    return Text(pnl_text(money), style=style)
