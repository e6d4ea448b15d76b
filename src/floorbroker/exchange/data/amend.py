"""Controls that halt a symbol and take prints back, and what of the past was taken back."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.quotes import Halt, Trade
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.reference.assets import OVERNIGHT_HALTED, OVERNIGHT_TRADABLE
from floorbroker.exchange.wire.words import encode, wire_time

#: Told of each print that is taken back: the print, what stands in its place, and when.
Listener = Callable[[Trade, Trade | None, int], None]
_AMOUNT_MAX = 10**12
Kind = TypeVar("Kind")


class _Halt(Struct, forbid_unknown_fields=True):
    symbol: str
    halted: bool = True
    overnight: bool = False


class _Correction(Struct, forbid_unknown_fields=True):
    symbol: str
    trade_id: int | None = None
    price: Decimal | None = None
    size: Decimal | None = None


class _Cancellation(Struct, forbid_unknown_fields=True):
    symbol: str
    trade_id: int | None = None


class Amendments:
    """Prints of the current day that were corrected or canceled, and the handlers that do so."""

    def __init__(self, server: ExchangeServer) -> None:
        self.listeners: list[Listener] = []
        self._server = server
        self._venue = server.venue
        self._flags: dict[str, dict[Trade, str]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/_exchange/halt", self.halt),
            Route("POST", "/_exchange/correction", self.correct),
            Route("POST", "/_exchange/cancellation", self.cancel),
        ]

    def flags(self, symbol: str) -> dict[Trade, str]:
        """Prints that are not what they were: "canceled", "incorrect", or "corrected"."""
        self._notice_reset()
        return self._flags.get(symbol, {})

    def halt(self, request: Request) -> Answer:
        """Trading in a symbol stops, or goes on; or it does so in overnight sessions alone."""
        said = _decoded(request.body, _Halt)
        self._check_listed(said.symbol)
        if said.overnight:
            self._halt_overnight(said)
            return self._now()
        now_ns = self._server.now_ns
        self._server.apply(Halt(symbol=said.symbol, time_ns=now_ns, halted=said.halted))
        return self._now()

    def _halt_overnight(self, said: _Halt) -> None:
        """The asset says it: it is `overnight_halted` from now on, or no longer."""
        venue = self._server.venue
        asset = venue.assets[said.symbol]
        if OVERNIGHT_TRADABLE not in asset.attributes:
            raise _wrong("symbol", said.symbol, "one whose asset is overnight_tradable")
        others = tuple(each for each in asset.attributes if each != OVERNIGHT_HALTED)
        halted = (OVERNIGHT_HALTED,) if said.halted else ()
        venue.list_asset(replace(asset, attributes=(*others, *halted)))

    def correct(self, request: Request) -> Answer:
        """A print had the wrong price or size; orders that it filled stay filled."""
        said = _decoded(request.body, _Correction)
        if said.price is None and said.size is None:
            raise _wrong("price", "nothing", "a new price, or size a new size")
        for name, value in (("price", said.price), ("size", said.size)):
            if value is not None and not (value.is_finite() and 0 < value < _AMOUNT_MAX):
                raise _wrong(name, value, "a number above zero, below a trillion")
        old = self._print(said.symbol, said.trade_id)
        new = replace(old, px=said.price or old.px, size=said.size or old.size)
        if new == old:
            raise _wrong("price", old.px, "another price or size than the print has")
        self._amend(old, new)
        return self._now()

    def cancel(self, request: Request) -> Answer:
        """A print never was; orders that it filled stay filled."""
        said = _decoded(request.body, _Cancellation)
        self._amend(self._print(said.symbol, said.trade_id), None)
        return self._now()

    def _amend(self, old: Trade, new: Trade | None) -> None:
        self._notice_reset()
        venue = self._server.venue
        try:
            is_night = venue.routing.overnight.has_seen(old)
            (venue.night_market if is_night else venue.market).amend(old, new)
        except ValueError as error:
            raise VenueError(422, 42210000, str(error)) from None
        flags = self._flags.setdefault(old.symbol, {})
        flags[old] = "canceled" if new is None else "incorrect"
        if new is not None:
            flags[new] = "corrected"
        for tell in self.listeners:
            tell(old, new, self._server.now_ns)

    def _print(self, symbol: str, trade_id: int | None) -> Trade:
        """The print of that id, or the last one."""
        self._check_listed(symbol)
        for trade in self._prints(symbol):
            if trade_id is None or trade.trade_id == trade_id:
                return trade
        known = "that of a print which is remembered; GET /v2/stocks/trades tells them"
        raise _wrong("trade_id", trade_id, known)

    def _prints(self, symbol: str) -> list[Trade]:
        """What is remembered of the day's market and the night's, the latest first."""
        venue = self._server.venue
        markets = (venue.market, venue.night_market)
        prints = [each for market in markets for each in market.trades_between(symbol, 0, 1 << 63)]
        return sorted(prints, key=lambda each: each.time_ns)[::-1]

    def _check_listed(self, symbol: str) -> None:
        if symbol not in self._server.venue.assets:
            raise _wrong("symbol", symbol, "a listed symbol; GET /v2/assets lists them")

    def _notice_reset(self) -> None:
        if self._server.venue is not self._venue:
            self._venue = self._server.venue
            self._flags.clear()

    def _now(self) -> Answer:
        return Answer(body=encode({"now": wire_time(self._server.now_ns)}))


def _decoded(body: bytes, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except msgspec.DecodeError as error:
        raise VenueError(422, 42210000, f"the body is not as it must be: {error}") from None


def _wrong(field: str, value: object, wanted: str) -> VenueError:
    return VenueError(422, 42210000, f"{field}: {value} is not valid; it must be {wanted}")
