"""The account and its settings, and the assets that everyone may look up."""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.daytrades import PATTERN, is_in_force
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import Configuration, VenueError
from floorbroker.exchange.reference import calendar
from floorbroker.exchange.wire.orders import asset_view
from floorbroker.exchange.wire.words import (
    choice,
    encode,
    invalid,
    rounded,
    wire_time,
)

_CENTS = 2


class Accounts:
    """The handlers of /v2/account, its configurations, and /v2/assets."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/account", self.account),
            Route("GET", "/v2/account/configurations", self.configuration),
            Route("PATCH", "/v2/account/configurations", self.configure),
            Route("GET", "/v2/assets", self.assets),
            Route("GET", "/v2/assets/{}", self.asset),
            Route("GET", "/v2/assets/{}/{}", self.asset),  # a coin pair's unescaped slash
        ]

    def account(self, request: Request) -> Answer:
        account = self._server.venue.account(request.account)
        now_ns = self._server.now_ns
        view = _account_view(account, now_ns)
        if is_in_force(self._server.venue.rules.pdt, now_ns):
            view |= _day_trade_view(account, now_ns)
        return Answer(body=encode(view))

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


def _day_trade_view(account: VenueAccount, now_ns: int) -> dict[str, object]:
    """What went with the rule."""
    count = account.day_trades.count(now_ns)
    return {"daytrade_count": count, "pattern_day_trader": count >= PATTERN}


def _cents(value: Decimal) -> str:
    """Money of an account, shown in whole cents."""
    return rounded(value, _CENTS)


def _last_close(now_ns: int) -> date:
    """The last day whose regular session is over."""
    session = calendar.session_at(now_ns)
    if now_ns >= session.close_ns:
        return session.date
    return calendar.previous_session(session.date).date
