"""The account, its settings and activities, and what everyone may look up: assets and hours."""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from floorbroker.clock import ns_of
from floorbroker.exchange.accounts import Configuration, FeeCharge, VenueAccount
from floorbroker.exchange.front.app import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import Execution, VenueError
from floorbroker.exchange.reference import calendar
from floorbroker.exchange.wire.orders import activity_id, asset_view, fill_activity
from floorbroker.exchange.wire.words import (
    NEW_YORK,
    choice,
    encode,
    invalid,
    maybe_moment,
    new_york_digits,
    new_york_time,
    number,
    rounded,
    whole,
    wire_time,
)

_ACTIVITY_WORDS = """
FILL ACATC ACATS CFEE CIL CSD CSW DIV DIVCGL DIVCGS DIVNRA DIVROC DIVTXEX DIVWH EXTRD FEE FXTRD INT
INTPNL JNLC JNLS MA MEM NC OCT OPASN OPCSH OPEXC OPEXP OPTRD PTC REORG SPIN SPLIT SWP VOF WH
"""
_ACTIVITY_TYPES = frozenset(_ACTIVITY_WORDS.split())
_CENTS = 2
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2035, 12, 31)


class Accounts:
    """The handlers of everything that is neither order nor position nor market data."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/account", self.account),
            Route("GET", "/v2/account/configurations", self.configuration),
            Route("PATCH", "/v2/account/configurations", self.configure),
            Route("GET", "/v2/account/activities", self.activities),
            Route("GET", "/v2/account/activities/{}", self.activities),
            Route("GET", "/v2/assets", self.assets),
            Route("GET", "/v2/assets/{}", self.asset),
            Route("GET", "/v2/assets/{}/{}", self.asset),  # a coin pair's unescaped slash
            Route("GET", "/v2/clock", self.clock),
            Route("GET", "/v2/calendar", self.calendar),
        ]

    def account(self, request: Request) -> Answer:
        account = self._server.venue.account(request.account)
        return Answer(body=encode(_account_view(account, self._server.now_ns)))

    def configuration(self, request: Request) -> Answer:
        account = self._server.venue.account(request.account)
        return Answer(body=encode(_configuration_view(account.configuration)))

    def configure(self, request: Request) -> Answer:
        venue = self._server.venue
        try:
            changes = msgspec.json.decode(request.body, type=_ConfigurationPatch)
        except msgspec.DecodeError:
            raise VenueError(400, 40010000, "request body format is invalid") from None
        given = {name: value for name, value in _given(changes) if value is not None}
        if given.get("max_margin_multiplier", "4") not in ("1", "2", "4"):
            raise invalid("max_margin_multiplier must be one of 1, 2, 4")
        if given.get("trade_confirm_email", "all") not in ("all", "none"):
            raise invalid("trade_confirm_email must be one of all, none")
        configuration = replace(venue.account(request.account).configuration, **given)
        venue.configure(request.account, configuration)
        self._server.touch()
        return Answer(body=encode(_configuration_view(configuration)))

    def activities(self, request: Request) -> Answer:
        query = request.query()
        wanted = _wanted_types(request, query)
        account = self._server.venue.account(request.account)
        rows: list[tuple[str, Any]] = []
        if "FILL" in wanted:
            rows += self._fills(account, query)
        if "FEE" in wanted:
            rows += _fees(account, query)
        if "FEE" in wanted and "FILL" in wanted:
            rows.sort(key=lambda row: row[0][:17])
        page = _page(rows, query)
        return Answer(
            body=encode(
                [fill_activity(row) if isinstance(row, Execution) else row for row in page]
            )
        )

    def _fills(self, account: VenueAccount, query: dict[str, str]) -> list[tuple[str, Any]]:
        """(identifier, execution) within the query's bounds, oldest first.

        Where a page continues another, only what can be on it: an account may have many. A bust
        is no fill and is not listed.
        """
        executions = self._server.venue.executions
        places = account.executions
        first, last = _bounds(query)
        low = bisect_right(places, first, key=lambda place: executions[place].time_ns)
        high = bisect_left(places, last, key=lambda place: executions[place].time_ns)
        if token := query.get("page_token"):
            prefix = token.partition("::")[0]

            def prefix_of(place: int) -> str:
                return new_york_digits(executions[place].time_ns)

            if query.get("direction") == "asc":
                low = max(low, bisect_left(places, prefix, key=prefix_of))
            else:
                high = min(high, bisect_right(places, prefix, key=prefix_of))
        order_id = query.get("order_id")
        return [
            (activity_id(fill), fill)
            for fill in (executions[place] for place in places[low:high])
            if fill.previous_execution_id is None and (not order_id or fill.order_id == order_id)
        ]

    def assets(self, request: Request) -> Answer:
        query = request.query()
        status = choice(query, "status", ("", "active", "inactive"))
        asset_class = query.get("asset_class") or "us_equity"
        exchange = query.get("exchange")
        attributes = set(filter(None, query.get("attributes", "").split(",")))
        return Answer(
            body=encode(
                [
                    asset_view(asset)
                    for asset in self._server.venue.assets.values()
                    if asset.asset_class == asset_class
                    and (not status or asset.status == status)
                    and (not exchange or asset.exchange == exchange)
                    and (not attributes or attributes.intersection(asset.attributes))
                ]
            )
        )

    def asset(self, request: Request) -> Answer:
        asset = self._server.venue.asset("/".join(request.args))
        return Answer(body=encode(asset_view(asset)))

    def clock(self, request: Request) -> Answer:
        now_ns = self._server.now_ns
        session = calendar.session_at(now_ns)
        if now_ns >= session.close_ns:
            session = calendar.next_session(session.date)
        is_open = session.open_ns <= now_ns
        following = calendar.next_session(session.date) if is_open else session
        return Answer(
            body=encode(
                {
                    "timestamp": new_york_time(now_ns, has_fraction=True),
                    "is_open": is_open,
                    "next_open": new_york_time(following.open_ns),
                    "next_close": new_york_time(session.close_ns),
                }
            )
        )

    def calendar(self, request: Request) -> Answer:
        query = request.query()
        start = max(_day(query, "start", _FIRST_DAY), _FIRST_DAY)
        end = min(_day(query, "end", _LAST_DAY), _LAST_DAY)
        dates = calendar.session_dates()
        within = dates[bisect_left(dates, start) : bisect_right(dates, end)]
        return Answer(body=encode([_calendar_view(day) for day in within]))


class _ConfigurationPatch(Struct, forbid_unknown_fields=False):
    fractional_trading: bool | None = None
    max_margin_multiplier: str | None = None
    no_shorting: bool | None = None
    suspend_trade: bool | None = None
    trade_confirm_email: str | None = None
    ptp_no_exception_entry: bool | None = None
    max_options_trading_level: int | None = None
    disable_overnight_trading: bool | None = None


def _configuration_view(configuration: Configuration) -> dict[str, Any]:
    """What is not set is absent: a null is no trading level."""
    settings: dict[str, Any] = msgspec.to_builtins(configuration)
    return {name: value for name, value in settings.items() if value is not None}


def _given(changes: _ConfigurationPatch) -> list[tuple[str, Any]]:
    return [(name, getattr(changes, name)) for name in changes.__struct_fields__]


def _account_view(account: VenueAccount, now_ns: int) -> dict[str, object]:
    long_value, short_value = account.long_market_value, account.short_market_value
    configuration: Configuration = account.configuration
    options_power = account.non_marginable_buying_power
    return {
        "id": account.id,
        "admin_configurations": {},
        "user_configurations": None,
        "account_number": account.account_number,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "options_approved_level": 0,
        "options_trading_level": 0,
        "currency": "USD",
        "buying_power": _cents(account.buying_power),
        "regt_buying_power": _cents(account.regt_buying_power),
        "effective_buying_power": _cents(account.buying_power),
        "non_marginable_buying_power": _cents(options_power),
        "options_buying_power": _cents(options_power),
        "cash": _cents(account.cash),
        "accrued_fees": "0",
        "portfolio_value": _cents(account.equity),
        "trading_blocked": account.trading_blocked,
        "transfers_blocked": False,
        "account_blocked": account.account_blocked,
        "created_at": wire_time(account.created_ns),
        "trade_suspended_by_user": configuration.suspend_trade,
        "multiplier": account.multiplier,
        "shorting_enabled": account.shorting_enabled,
        "equity": _cents(account.equity),
        "last_equity": _cents(account.last_equity),
        "long_market_value": _cents(long_value),
        "short_market_value": _cents(short_value),
        "position_market_value": _cents(long_value + abs(short_value)),
        "initial_margin": _cents(account.initial_margin),
        "maintenance_margin": _cents(account.maintenance_margin),
        "last_maintenance_margin": "0",
        "sma": "0",
        "balance_asof": _last_close(now_ns).isoformat(),
        "crypto_tier": 1,
        "intraday_adjustments": "0",
        "pending_reg_taf_fees": "0",
    }


def _cents(value: Decimal) -> str:
    """Money of an account, shown in whole cents."""
    return rounded(value, _CENTS)


def _last_close(now_ns: int) -> date:
    """The last day whose regular session is over."""
    session = calendar.session_at(now_ns)
    if now_ns >= session.close_ns:
        return session.date
    return calendar.previous_session(session.date).date


def _wanted_types(request: Request, query: dict[str, str]) -> frozenset[str]:
    """The activity types asked for; raises VenueError 422 for one that does not exist."""
    names = request.args[0] if request.args else query.get("activity_types", "")
    category = choice(query, "category", ("", "trade_activity", "non_trade_activity"))
    if not names:
        fills, others = frozenset({"FILL"}), _ACTIVITY_TYPES - {"FILL"}
        chosen = {"trade_activity": fills, "non_trade_activity": others}
        return chosen.get(category, _ACTIVITY_TYPES)
    if category:
        raise invalid("only one of category and activity_types is accepted")
    wanted = frozenset(names.upper().split(","))
    if unknown := wanted - _ACTIVITY_TYPES:
        raise invalid(f"invalid activity type: {min(unknown)}")
    return wanted


def _bounds(query: dict[str, str]) -> tuple[int, int]:
    """Exclusive bounds in nanoseconds of the query's `date`, `after` and `until`."""
    if query.get("date"):
        day = _day(query, "date", _FIRST_DAY)
        start_ns = ns_of(datetime.combine(day, time(), NEW_YORK))
        return start_ns - 1, ns_of(datetime.combine(day + timedelta(days=1), time(), NEW_YORK))
    after, until = maybe_moment(query, "after"), maybe_moment(query, "until")
    return -1 if after is None else after, 1 << 63 if until is None else until


def _fees(account: VenueAccount, query: dict[str, str]) -> list[tuple[str, Any]]:
    """(identifier, FEE row) within the query's bounds, oldest first."""
    first, last = _bounds(query)
    if query.get("order_id"):
        return []
    return [
        (f"{new_york_digits(fee.time_ns)}::{fee.id}", _fee_view(fee))
        for fee in account.fees
        if first < fee.time_ns < last
    ]


def _fee_view(fee: FeeCharge) -> dict[str, object]:
    return {
        "id": f"{new_york_digits(fee.time_ns)}::{fee.id}",
        "activity_type": "FEE",
        "activity_sub_type": fee.kind,
        "date": fee.date,
        "created_at": wire_time(fee.time_ns),
        "net_amount": number(-fee.amount),
        "description": fee.description,
        "currency": "USD",
        "status": "executed",
    }


def _page(rows: list[tuple[str, Any]], query: dict[str, str]) -> list[Any]:
    """One page; it begins after the row that `page_token` names."""
    size = whole(query, "page_size", 100, 100)
    if choice(query, "direction", ("desc", "asc")) == "desc":
        rows.reverse()
    start = 0
    if token := query.get("page_token"):
        places = [place for place, (name, _) in enumerate(rows) if name == token]
        if not places:
            raise invalid(f"invalid page_token: {token}; must be the id of an activity")
        start = places[0] + 1
    return [row for _, row in rows[start : start + size]]


def _day(query: dict[str, str], name: str, default: date) -> date:
    text = query.get(name)
    if not text:
        return default
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise invalid(f"invalid {name}: {text}; must be YYYY-MM-DD") from None


@cache
def _calendar_view(day: date) -> dict[str, str]:
    session = calendar.session_of(day)
    assert session is not None
    settlement = calendar.next_session(day).date if day < _LAST_DAY else day
    return {
        "date": day.isoformat(),
        "open": "09:30",
        "close": "13:00" if session.is_early else "16:00",
        "session_open": "0400",
        "session_close": "1700" if session.is_early else "2000",
        "settlement_date": settlement.isoformat(),
    }
