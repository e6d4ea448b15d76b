"""Account, positions, assets, sessions and market facts in Alpaca's JSON, translated; pure."""

from datetime import UTC, datetime, time
from datetime import date as Date  # noqa: N812  (a field of the wire is called date)
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from floorbroker.brokers.alpaca.words import (
    SIDES,
    Instant,
    activity_kind,
    bad,
    in_utc,
    moves_shares,
    px_of,
    read,
)
from floorbroker.brokers.port import (
    AccountReport,
    Activity,
    CalendarDay,
    MarketPhase,
    PositionReport,
)
from floorbroker.clock import ns_of
from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.ids import Account, OrderID
from floorbroker.domain.instrument import AssetClass, Instrument
from floorbroker.domain.quotes import Bar, Quote, Trade

_MINUTE_S = 60
_NEW_YORK = ZoneInfo("America/New_York")
_CLASSES = {"us_equity": AssetClass.US_EQUITY, "crypto": AssetClass.CRYPTO}


class _Account(Struct):
    status: str
    cash: Decimal
    equity: Decimal
    last_equity: Decimal
    buying_power: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    multiplier: Decimal = Decimal(1)
    currency: str = "USD"
    trading_blocked: bool = False
    account_blocked: bool = False
    trade_suspended_by_user: bool = False
    shorting_enabled: bool = False
    account_number: str = ""


class _Position(Struct):
    symbol: str
    qty: Decimal
    avg_entry_price: Decimal
    side: str | None = None
    qty_available: Decimal | None = None
    current_price: Decimal | None = None
    market_value: Decimal | None = None
    unrealized_pl: Decimal | None = None


class _Asset(Struct):
    symbol: str
    asset_class: str = field(name="class", default="us_equity")
    name: str | None = None
    status: str = "active"
    tradable: bool = False
    fractionable: bool = False
    shortable: bool = False
    easy_to_borrow: bool | None = None
    borrow_status: str | None = None
    exchange: str = ""
    attributes: list[str] | None = None


class _Day(Struct):
    date: Date
    open: str
    close: str
    session_open: str = "0400"
    session_close: str = "2000"
    settlement_date: Date | None = None


class _Activity(Struct):
    id: str
    activity_type: str
    activity_sub_type: str | None = None
    transaction_time: Instant | None = None
    created_at: Instant | None = None
    date: Date | None = None
    symbol: str | None = None
    side: str | None = None
    qty: Decimal | None = None
    price: Decimal | None = None
    net_amount: Decimal | None = None
    order_id: str | None = None
    description: str | None = None


class _Clock(Struct):
    timestamp: Instant
    is_open: bool
    next_open: Instant
    next_close: Instant


class _Quote(Struct):
    t: str
    bp: Decimal = Decimal(0)
    bs: Decimal = Decimal(0)
    ap: Decimal = Decimal(0)
    as_: Decimal = field(name="as", default=Decimal(0))
    bx: str | None = None
    ax: str | None = None
    c: list[str] | None = None


class _Trade(Struct):
    t: str
    p: Decimal
    s: Decimal
    i: int | str = 0
    x: str | None = None
    c: list[str] | None = None


class _Bar(Struct):
    t: str
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741  (the wire's name)
    c: Decimal
    v: Decimal
    n: int | None = None
    vw: Decimal | None = None


class _Quotes(Struct):
    quotes: dict[str, _Quote]


class _Trades(Struct):
    trades: dict[str, _Trade]


class _Bars(Struct):
    bars: dict[str, list[_Bar]] | None = None
    next_page_token: str | None = None


_ACCOUNT = msgspec.json.Decoder(_Account)
_POSITIONS = msgspec.json.Decoder(list[_Position])
_ASSET = msgspec.json.Decoder(_Asset)
_ASSETS = msgspec.json.Decoder(list[_Asset])
_DAYS = msgspec.json.Decoder(list[_Day])
_ACTIVITIES = msgspec.json.Decoder(list[_Activity])
_CLOCK = msgspec.json.Decoder(_Clock)
_QUOTES = msgspec.json.Decoder(_Quotes)
_TRADES = msgspec.json.Decoder(_Trades)
_BARS = msgspec.json.Decoder(_Bars)


def _number(name: str, value: Decimal) -> Decimal:
    if not value.is_finite():
        bad(name, value, "finite number")
    return value


def _money(name: str, value: Decimal) -> Money:
    return Money.of(_number(name, value))


def account_report(raw: bytes, account: Account) -> AccountReport:
    """The account's sheet, named as we name the account. Raises Unreadable."""
    found: _Account = read(_ACCOUNT.decode, "account", raw)
    return AccountReport(
        account=account,
        status=found.status,
        currency=found.currency,
        cash=_money("cash", found.cash),
        equity=_money("equity", found.equity),
        last_equity=_money("last_equity", found.last_equity),
        buying_power=_money("buying_power", found.buying_power),
        initial_margin=_money("initial_margin", found.initial_margin),
        maintenance_margin=_money("maintenance_margin", found.maintenance_margin),
        multiplier=int(_number("multiplier", found.multiplier)),
        is_trading_blocked=(
            found.trading_blocked or found.account_blocked or found.trade_suspended_by_user
        ),
        is_shorting_enabled=found.shorting_enabled,
        number=found.account_number,
    )


def position_reports(raw: bytes) -> list[PositionReport]:
    """Every position, shorts negative. Raises Unreadable."""
    return [_position(row) for row in read(_POSITIONS.decode, "positions", raw)]


def _position(row: _Position) -> PositionReport:
    sign = -1 if row.side == "short" and _number("qty", row.qty) > 0 else 1
    qty = Qty.of(_number("qty", row.qty) * sign)
    available = row.qty if row.qty_available is None else row.qty_available
    entry = px_of("avg_entry_price", row.avg_entry_price)
    return PositionReport(
        symbol=row.symbol,
        qty=qty,
        qty_available=Qty.of(_number("qty_available", available) * sign),
        avg_entry_px=Px.of(row.avg_entry_price) if entry is None else entry,
        current_px=px_of("current_price", row.current_price),
        market_value=None
        if row.market_value is None
        else _money("market_value", row.market_value),
        unrealized_pnl=(
            None if row.unrealized_pl is None else _money("unrealized_pl", row.unrealized_pl)
        ),
    )


def instrument(raw: bytes) -> Instrument | None:
    """One asset, or None where it is of a kind that the desk does not know (an option)."""
    return _instrument(read(_ASSET.decode, "asset", raw))


def instruments(raw: bytes) -> list[Instrument]:
    """Every asset of a kind that the desk knows. Raises Unreadable."""
    known = (_instrument(row) for row in read(_ASSETS.decode, "assets", raw))
    return [found for found in known if found is not None]


def _instrument(row: _Asset) -> Instrument | None:
    kind = _CLASSES.get(row.asset_class)
    if kind is None:
        return None
    base, _, quoted_in = row.symbol.partition("/")
    return Instrument(
        symbol=row.symbol,
        asset_class=kind,
        currency=quoted_in if base and quoted_in else "USD",
        is_tradable=row.tradable and row.status == "active",
        is_fractionable=row.fractionable,
        is_shortable=row.shortable,
        is_easy_to_borrow=_is_easy_to_borrow(row),
        is_otc=row.exchange == "OTC",
        has_fractional_extended_hours=(
            row.attributes is None or "fractional_eh_enabled" in row.attributes
        ),
        name=row.name or "",
    )


def _is_easy_to_borrow(row: _Asset) -> bool:
    """The older flag is on its way out; what says neither is left to the broker."""
    if row.borrow_status is not None:
        return row.borrow_status == "easy_to_borrow"
    return row.easy_to_borrow is not False


def calendar_days(raw: bytes) -> list[CalendarDay]:
    """Trading days in UTC; the wire tells New York's hours. Raises Unreadable."""
    return [
        CalendarDay(
            day=row.date,
            opens=_hour("open", row.date, row.open),
            closes=_hour("close", row.date, row.close),
            extended_opens=_hour("session_open", row.date, row.session_open),
            extended_closes=_hour("session_close", row.date, row.session_close),
            settles=row.settlement_date,
        )
        for row in read(_DAYS.decode, "calendar", raw)
    ]


def _hour(name: str, day: Date, text: str) -> datetime:
    try:
        hour = time.fromisoformat(text)
    except ValueError:
        bad(name, repr(text), "time of day; 09:30 or 0930 is right")
    return datetime.combine(day, hour, _NEW_YORK).astimezone(UTC)


def activities(raw: bytes) -> list[Activity]:
    """One page, in the wire's order. Raises Unreadable."""
    return [_activity(row) for row in read(_ACTIVITIES.decode, "activities", raw)]


def _activity(row: _Activity) -> Activity:
    moment = row.transaction_time or row.created_at
    if moment is None:
        if row.date is None:
            bad("transaction_time", "null", "time; this activity has neither time nor date")
        moment = datetime.combine(row.date, time(), _NEW_YORK)
    code = row.activity_type
    qty = None if row.qty is None else Qty.of(_number("qty", row.qty))
    return Activity(
        activity_id=row.id,
        kind=activity_kind(code),
        code=code,
        time=moment.astimezone(UTC),
        symbol=row.symbol,
        side=SIDES.get(row.side or ""),
        qty=qty,
        share_qty=qty if moves_shares(code, row.activity_sub_type) else None,
        px=px_of("price", row.price),
        net_amount=None if row.net_amount is None else _money("net_amount", row.net_amount),
        order_id=OrderID(row.order_id) if row.order_id else None,
        text=row.description or "",
    )


def market_phase(raw: bytes) -> MarketPhase:
    """The broker's clock, in UTC. Raises Unreadable."""
    found: _Clock = read(_CLOCK.decode, "clock", raw)
    return MarketPhase(
        broker_time=in_utc(found.timestamp),
        is_open=found.is_open,
        next_open=in_utc(found.next_open),
        next_close=in_utc(found.next_close),
    )


def time_ns(name: str, text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time with up to nine digits, none of them lost."""
    try:
        moment = datetime.fromisoformat(text)  # cuts the fraction to microseconds
    except ValueError:
        bad(name, repr(text), "time; RFC 3339 is right")
    if moment.tzinfo is None:
        bad(name, repr(text), "time with a zone")
    fraction = text.partition(".")[2]
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    return ns_of(moment) + int(digits[6:9].ljust(3, "0"))


def latest_quotes(raw: bytes) -> dict[str, Quote]:
    """The quote of each symbol that has one. Raises Unreadable."""
    found: _Quotes = read(_QUOTES.decode, "quotes", raw)
    return {symbol: _quote(symbol, row) for symbol, row in found.quotes.items()}


def _quote(symbol: str, row: _Quote) -> Quote:
    bid_px, ask_px = _number("bp", row.bp), _number("ap", row.ap)
    return Quote(
        symbol=symbol,
        time_ns=time_ns("t", row.t),
        bid_px=bid_px,
        bid_size=_number("bs", row.bs) if bid_px > 0 else Decimal(0),
        ask_px=ask_px,
        ask_size=_number("as", row.as_) if ask_px > 0 else Decimal(0),
        bid_exchange=row.bx or "",
        ask_exchange=row.ax or "",
        conditions="".join(row.c or ()),
    )


def latest_trade(raw: bytes, symbol: str) -> Trade | None:
    """The symbol's last print, or None where there is none. Raises Unreadable."""
    found: _Trades = read(_TRADES.decode, "trades", raw)
    row = found.trades.get(symbol)
    if row is None:
        return None
    return Trade(
        symbol=symbol,
        time_ns=time_ns("t", row.t),
        px=_number("p", row.p),
        size=_number("s", row.s),
        trade_id=row.i if isinstance(row.i, int) else 0,
        exchange=row.x or "",
        conditions="".join(row.c or ()),
    )


def bar_page(raw: bytes) -> tuple[dict[str, list[Bar]], str | None]:
    """One page of one-minute bars by symbol, and the token of the next page."""
    found: _Bars = read(_BARS.decode, "bars", raw)
    page = {
        symbol: [_bar(symbol, row) for row in rows] for symbol, rows in (found.bars or {}).items()
    }
    return page, found.next_page_token


def _bar(symbol: str, row: _Bar) -> Bar:
    return Bar(
        symbol=symbol,
        time_ns=time_ns("t", row.t),
        duration_s=_MINUTE_S,
        open_px=_number("o", row.o),
        high_px=_number("h", row.h),
        low_px=_number("l", row.l),
        close_px=_number("c", row.c),
        volume=_number("v", row.v),
        trade_count=row.n or 0,
        vwap=None if row.vw is None else _number("vw", row.vw),
    )
