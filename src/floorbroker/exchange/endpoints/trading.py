"""Orders and positions over HTTP: requests into tickets, the venue's orders into answers."""

from decimal import Decimal, InvalidOperation
from typing import Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.matching.positions import Holding
from floorbroker.exchange.model import (
    OrderPatch,
    OrderQuery,
    OrderTicket,
    PlainTicket,
    VenueError,
    VenueOrder,
)
from floorbroker.exchange.reference.calendar import new_york_date, night_ns_of
from floorbroker.exchange.wire.orders import order_view
from floorbroker.exchange.wire.words import (
    choice,
    encode,
    flag,
    invalid,
    maybe_moment,
    number,
    rounded,
    whole,
)

#: Larger or finer numbers are no amounts; they would only cost memory.
_FINEST, _LARGEST = -24, 24
_LIST_MAX = 500
_PLACES = 6
Body = TypeVar("Body", OrderTicket, OrderPatch)


class Trading:
    """The handlers of /v2/orders and /v2/positions."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v2/orders", self.submit, self.place),
            Route("GET", "/v2/orders", self.list_orders),
            Route("DELETE", "/v2/orders", self.cancel_all),
            Route("GET", "/v2/orders:by_client_order_id", self.by_client_order_id),
            Route("GET", "/v2/orders/{}", self.order),
            Route("PATCH", "/v2/orders/{}", self.replace),
            Route("DELETE", "/v2/orders/{}", self.cancel),
            Route("GET", "/v2/positions", self.positions),
            Route("DELETE", "/v2/positions", self.close_all),
            Route("GET", "/v2/positions/{}", self.position),
            Route("DELETE", "/v2/positions/{}", self.close),
            # A coin pair's slash may come unescaped.
            Route("GET", "/v2/positions/{}/{}", self.position),
            Route("DELETE", "/v2/positions/{}/{}", self.close),
        ]

    def submit(self, request: Request) -> Answer:
        return self.place(request.account, request.body)

    def place(self, account: str, body: bytes) -> Answer:
        server = self._server
        road, ticket = server.venue.short_road, None
        try:
            plain = _read_plain(body)
        except (msgspec.DecodeError, RecursionError):
            pass  # whatever else it is
        else:
            if (told := road.take(account, plain)) is not None:
                return Answer(200, server.writer.lives.answer(told))
            ticket = road.widened(plain)
        ticket = ticket or _tickets.read(body)
        if ticket.take_profit is not None or ticket.stop_loss is not None:
            _check_legs(ticket)
        return Answer(200, server.text_of_new(server.venue.submit(account, ticket)))

    def list_orders(self, request: Request) -> Answer:
        query = order_query(request.query())
        server = self._server
        orders = server.venue.list_orders(request.account, query)
        return Answer(
            body=encode(
                [order_view(order) for order in orders if not server.mischief.is_hidden(order.id)]
            )
        )

    def by_client_order_id(self, request: Request) -> Answer:
        client_order_id = request.query().get("client_order_id", "")
        order = self._server.venue.order_by_client_id(request.account, client_order_id)
        return self._shown(order, client_order_id)

    def order(self, request: Request) -> Answer:
        is_nested = flag(request.query(), "nested")
        order = self._server.venue.order(request.account, _order_id(request), nested=is_nested)
        return self._shown(order, order.id)

    def replace(self, request: Request) -> Answer:
        order_id = _order_id(request)
        patch = _patches.read(request.body)
        return self._told(self._server.venue.replace(request.account, order_id, patch))

    def cancel(self, request: Request) -> Answer:
        server = self._server
        order = server.venue.order(request.account, _order_id(request))
        if order.is_open and server.faults.on_order(
            "fill_during_cancel", order.symbol, order.account, server.now_ns
        ):
            server.venue.fill_before_cancel(order.id)
        else:
            server.venue.cancel(request.account, order.id)
        return Answer(204)

    def cancel_all(self, request: Request) -> Answer:
        has_body = self._server.setup.rules.cancel_all_body
        rows: list[dict[str, object]] = []
        for order_id, status, order in self._server.venue.cancel_all(request.account):
            row: dict[str, object] = {"id": order_id, "status": status}
            if has_body:
                row["body"] = order_view(order)
            rows.append(row)
        return Answer(207, encode(rows))

    def positions(self, request: Request) -> Answer:
        account = self._server.venue.account(request.account)
        views = [self._position(account, holding) for holding in account.positions.values()]
        return Answer(body=encode(views))

    def position(self, request: Request) -> Answer:
        venue = self._server.venue
        account = venue.account(request.account)
        name = "/".join(request.args)
        holding = account.positions.get(venue.asset(name).symbol)
        if holding is None:
            raise VenueError(404, 40410000, "position does not exist")
        return Answer(body=encode(self._position(account, holding)))

    def close(self, request: Request) -> Answer:
        query = request.query()
        qty, percentage = (
            None if name not in query else _amount(query[name], name)
            for name in ("qty", "percentage")
        )
        if qty is not None and percentage is not None:
            raise VenueError(422, 40010001, "only one of qty or percentage is accepted")
        name = "/".join(request.args)
        return self._told(
            self._server.venue.close_position(
                request.account, name, qty=qty, percentage=percentage
            )
        )

    def close_all(self, request: Request) -> Answer:
        cancels = flag(request.query(), "cancel_orders")
        rows: list[dict[str, object]] = []
        for symbol, outcome in self._server.venue.close_all_positions(
            request.account, cancel_orders=cancels
        ):
            if isinstance(outcome, VenueError):
                body: object = {
                    "code": outcome.code,
                    "message": outcome.message,
                    **outcome.extra,
                }
                rows.append({"symbol": symbol, "status": outcome.http_status, "body": body})
            else:
                rows.append({"symbol": symbol, "status": 200, "body": order_view(outcome)})
        return Answer(207, encode(rows))

    def _told(self, order: VenueOrder) -> Answer:
        return Answer(body=self._server.writer.text(order))

    def _shown(self, order: VenueOrder, asked: str) -> Answer:
        if self._server.mischief.is_hidden(order.id):
            raise VenueError(404, 40410000, f"order not found for {asked}")
        return self._told(order)

    def _position(self, account: VenueAccount, holding: Holding) -> "PositionView":
        venue = self._server.venue
        asset = venue.asset(holding.symbol)
        session = venue.market.session(holding.symbol)
        mark = account.mark(holding.symbol)
        lastday = mark
        if session is not None and session.prev_close_px:
            eve_ns = night_ns_of(new_york_date(session.day.start_ns)) - 1
            splits = self._server.actions.factor_since(holding.symbol, eve_ns)
            lastday = session.prev_close_px / splits
        value = holding.qty * mark
        gain = value - holding.cost
        basis = holding.lastday_qty * lastday + holding.today_cost
        today = value - basis
        return PositionView(
            asset_id=asset.id,
            symbol=asset.symbol,
            exchange=asset.exchange,
            asset_class=asset.asset_class,
            asset_marginable=asset.marginable,
            qty=number(holding.qty),
            qty_available=number(holding.qty_available),
            side="short" if holding.qty < 0 else "long",
            avg_entry_price=rounded(holding.avg_entry_price, 12),
            market_value=rounded(value, _PLACES),
            cost_basis=rounded(holding.cost, _PLACES),
            unrealized_pl=rounded(gain, _PLACES),
            unrealized_plpc=_share(gain, holding.cost),
            unrealized_intraday_pl=rounded(today, _PLACES),
            unrealized_intraday_plpc=_share(today, basis),
            current_price=number(mark),
            lastday_price=rounded(lastday, 9),
            change_today=_share(mark - lastday, lastday),
        )


class PositionView(Struct, kw_only=True):
    """A position on the wire."""

    asset_id: str
    symbol: str
    exchange: str
    asset_class: str
    asset_marginable: bool
    qty: str
    avg_entry_price: str
    side: str
    market_value: str
    cost_basis: str
    unrealized_pl: str
    unrealized_plpc: str
    unrealized_intraday_pl: str
    unrealized_intraday_plpc: str
    current_price: str
    lastday_price: str
    change_today: str
    qty_available: str


def order_query(query: dict[str, str]) -> OrderQuery:
    """The filters of GET /v2/orders; raises VenueError 422 naming what is wrong."""
    by_id = [name for name in ("before_order_id", "after_order_id") if query.get(name)]
    if len(by_id) == 2 or (by_id and (query.get("after") or query.get("until"))):
        raise invalid("before_order_id and after_order_id exclude each other, after and until")
    symbols = query.get("symbols")
    classes = query.get("asset_class")
    return OrderQuery(
        status=choice(query, "status", ("open", "closed", "all")),
        limit=whole(query, "limit", 50, _LIST_MAX),
        after_ns=maybe_moment(query, "after"),
        until_ns=maybe_moment(query, "until"),
        is_ascending=choice(query, "direction", ("desc", "asc")) == "asc",
        nested=flag(query, "nested"),
        symbols=frozenset(symbols.split(",")) if symbols else None,
        side=choice(query, "side", ("", "buy", "sell")) or None,
        asset_classes=frozenset(classes.split(",")) if classes and classes != "all" else None,
        before_order_id=query.get("before_order_id") or None,
        after_order_id=query.get("after_order_id") or None,
    )


class _Reader(Generic[Body]):
    """Reads bodies of one kind, whose amounts may be JSON numbers or text, exactly as written."""

    def __init__(self, kind: type[Body], first: str, last: str) -> None:
        """The amounts are the fields from the first to the last."""
        self._decoder: msgspec.json.Decoder[Body] = msgspec.json.Decoder(kind)
        place_of = kind.__struct_fields__.index
        self._amounts = slice(place_of(first), place_of(last) + 1)

    def read(self, body: bytes) -> Body:
        """Raises VenueError for what is no such body."""
        try:
            decoded = self._decoder.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise VenueError(400, 40010000, "request body format is invalid") from None
        amounts = astuple(decoded)[self._amounts]
        for value in amounts:
            # As `_is_amount`, which would be called several times for every order.
            if value is not None and not (
                _FINEST <= value.adjusted() <= _LARGEST and value.is_finite()
            ):
                names = decoded.__struct_fields__[self._amounts]
                raise invalid(f"invalid {names[amounts.index(value)]}")
        return decoded


_PRICES = ("limit_price", "stop_price")
_LEGS = {"take_profit": ("limit_price",), "stop_loss": _PRICES}
_tickets = _Reader(OrderTicket, "qty", "trail_percent")
_read_plain = msgspec.json.Decoder(PlainTicket, float_hook=str).decode
_patches = _Reader(OrderPatch, "qty", "trail")


def _check_legs(ticket: OrderTicket) -> None:
    for part, names in _LEGS.items():
        for name in names if (leg := getattr(ticket, part)) is not None else ():
            if (value := getattr(leg, name)) is not None and not _is_amount(value):
                raise invalid(f"invalid {part}.{name}")


def _is_amount(value: Decimal) -> bool:
    return _FINEST <= value.adjusted() <= _LARGEST and value.is_finite()


def _amount(text: str, name: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise invalid(f"invalid {name}: {text}; must be a number") from None
    if not _is_amount(value) or value <= 0:
        raise invalid(f"invalid {name}: {text}; must be above zero")
    return value


def _order_id(request: Request) -> str:
    try:
        return str(UUID(request.args[0]))
    except ValueError:
        raise VenueError(422, 40010001, "order_id is missing") from None


def _share(part: Decimal, whole_amount: Decimal) -> str:
    """A fraction of an amount; zero of nothing."""
    return rounded(part / abs(whole_amount), 12) if whole_amount else "0"
