"""Watchlists: symbols that an account keeps together, addressed by id or by name.

The texts of a name that is too long, missing or taken are as recorded; those of a symbol that is
on the list already, or is not, are ours.
"""

from collections.abc import Callable
from uuid import UUID

import msgspec
from msgspec import Struct

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueError, Watchlist
from floorbroker.exchange.reference.assets import Asset, asset_for
from floorbroker.exchange.wire.orders import asset_view
from floorbroker.exchange.wire.words import encode, invalid, wire_time

NAME_MAX = 64
_BY_NAME = "/v2/watchlists:by_name"
#: Finds the list that a request means; raises VenueError 404.
Finder = Callable[[VenueAccount, Request], Watchlist]


class Watchlists:
    """The handlers of /v2/watchlists and /v2/watchlists:by_name."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        one = "/v2/watchlists/{}"
        routes = [
            Route("GET", "/v2/watchlists", self.every),
            Route("POST", "/v2/watchlists", self.create),
            Route("DELETE", f"{one}/{{}}", self.remove),
            Route("DELETE", f"{one}/{{}}/{{}}", self.remove),  # a coin pair's unescaped slash
        ]
        for path, find in ((one, _by_id), (_BY_NAME, _by_name)):
            routes += [
                Route("GET", path, self._with(find, self.show)),
                Route("PUT", path, self._with(find, self.change)),
                Route("POST", path, self._with(find, self.add)),
                Route("DELETE", path, self._with(find, self.delete)),
            ]
        return routes

    def every(self, request: Request) -> Answer:
        """All lists, without their assets."""
        account = self._server.venue.account(request.account)
        return Answer(body=encode([_view(account, each) for each in account.watchlists.values()]))

    def create(self, request: Request) -> Answer:
        account = self._server.venue.account(request.account)
        asked = _decoded(request.body)
        if asked.name is None:
            raise invalid("watchlist is required")
        now_ns = self._server.now_ns
        watchlist = Watchlist(
            id="",
            name=_checked_name(account, asked.name),
            created_ns=now_ns,
            updated_ns=now_ns,
            symbols=self._symbols(asked.symbols or []),
        )
        watchlist.id = self._server.venue.blotter.ids.make()  # only a list that came to be has one
        account.watchlists[watchlist.id] = watchlist
        return self._changed(account, watchlist)

    def show(self, request: Request, account: VenueAccount, watchlist: Watchlist) -> Answer:
        return Answer(body=encode(self._whole_view(account, watchlist)))

    def change(self, request: Request, account: VenueAccount, watchlist: Watchlist) -> Answer:
        """A new name, new symbols in place of the old ones, or both."""
        asked = _decoded(request.body)
        if asked.name is None and asked.symbols is None:
            raise invalid("name or symbols is required")
        name, symbols = watchlist.name, watchlist.symbols
        if asked.name is not None and asked.name != name:
            name = _checked_name(account, asked.name)
        if asked.symbols is not None:
            symbols = self._symbols(asked.symbols)
        watchlist.name, watchlist.symbols = name, symbols
        return self._changed(account, watchlist)

    def add(self, request: Request, account: VenueAccount, watchlist: Watchlist) -> Answer:
        asked = _decoded(request.body)
        if not asked.symbol:
            raise invalid("symbol is required")
        symbol = self._asset(asked.symbol).symbol
        if symbol in watchlist.symbols:
            raise invalid(f'asset "{symbol}" is on the watchlist already')
        watchlist.symbols = [*watchlist.symbols, symbol]
        return self._changed(account, watchlist)

    def remove(self, request: Request) -> Answer:
        account = self._server.venue.account(request.account)
        watchlist = _by_id(account, request)
        name = "/".join(request.args[1:])
        symbol = name if name in watchlist.symbols else self._server.venue.asset(name).symbol
        if symbol not in watchlist.symbols:
            raise VenueError(404, 40410000, f'asset "{symbol}" is not on the watchlist')
        watchlist.symbols = [each for each in watchlist.symbols if each != symbol]
        return self._changed(account, watchlist)

    def delete(self, request: Request, account: VenueAccount, watchlist: Watchlist) -> Answer:
        del account.watchlists[watchlist.id]
        self._keep(account)
        return Answer(204)

    def _with(
        self, find: Finder, act: Callable[[Request, VenueAccount, Watchlist], Answer]
    ) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            account = self._server.venue.account(request.account)
            return act(request, account, find(account, request))

        return answer

    def _changed(self, account: VenueAccount, watchlist: Watchlist) -> Answer:
        watchlist.updated_ns = self._server.now_ns
        self._keep(account)
        return Answer(body=encode(self._whole_view(account, watchlist)))

    def _keep(self, account: VenueAccount) -> None:
        self._server.venue.blotter.note(account)
        self._server.touch()

    def _symbols(self, names: list[str]) -> list[str]:
        """The symbols of known assets, each once."""
        symbols: dict[str, None] = {}
        for name in names:
            symbol = self._asset(name).symbol
            if symbol in symbols:
                raise invalid(f'asset "{symbol}" is on the watchlist already')
            symbols[symbol] = None
        return list(symbols)

    def _asset(self, name: str) -> Asset:
        try:
            return self._server.venue.asset(name)
        except VenueError:
            raise invalid(f'could not find asset "{name}"') from None

    def _whole_view(self, account: VenueAccount, watchlist: Watchlist) -> dict[str, object]:
        listed = self._server.venue.assets
        # Another tape may list fewer symbols than the one before the restart did.
        assets = [asset_view(listed.get(name) or asset_for(name)) for name in watchlist.symbols]
        return {**_view(account, watchlist), "assets": assets}


class _Asked(Struct):
    """A body; what was not given is None."""

    name: str | None = None
    symbols: list[str] | None = None
    symbol: str | None = None


def _decoded(body: bytes) -> _Asked:
    try:
        return msgspec.json.decode(body, type=_Asked)
    except (msgspec.DecodeError, RecursionError):
        raise VenueError(400, 40010000, "request body format is invalid") from None


def _checked_name(account: VenueAccount, name: str) -> str:
    if not name:
        raise invalid("watchlist is required")
    if len(name) > NAME_MAX:
        raise invalid(f"name must be no more than {NAME_MAX} characters")
    if any(each.name == name for each in account.watchlists.values()):
        raise invalid("watchlist name must be unique")
    return name


def _by_id(account: VenueAccount, request: Request) -> Watchlist:
    text = request.args[0]
    try:
        watchlist = account.watchlists.get(str(UUID(text)))
    except ValueError:
        raise invalid(f"invalid watchlist_id: {text}; must be the id of a watchlist") from None
    if watchlist is None:
        raise VenueError(404, 40410000, f"watchlist not found for {text}")
    return watchlist


def _by_name(account: VenueAccount, request: Request) -> Watchlist:
    name = request.query().get("name", "")
    if not name:
        raise invalid("name is required")
    for watchlist in account.watchlists.values():
        if watchlist.name == name:
            return watchlist
    raise VenueError(404, 40410000, f"watchlist not found for {name}")


def _view(account: VenueAccount, watchlist: Watchlist) -> dict[str, object]:
    return {
        "id": watchlist.id,
        "account_id": account.id,
        "created_at": wire_time(watchlist.created_ns),
        "updated_at": wire_time(watchlist.updated_ns),
        "name": watchlist.name,
    }
