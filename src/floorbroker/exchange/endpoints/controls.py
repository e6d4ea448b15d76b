"""The exchange's own controls, so that a script can set the market, the time and the faults."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import TypeVar

import msgspec

from floorbroker.clock import NS_PER_S
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import Quote, Trade
from floorbroker.exchange.actions.overrule import Change, adjust, liquidate
from floorbroker.exchange.actions.reading import action_text, parse_action
from floorbroker.exchange.endpoints.account import Accounts
from floorbroker.exchange.endpoints.activities import TYPES
from floorbroker.exchange.endpoints.trading import Trading
from floorbroker.exchange.faults import FaultPlan, parse_fault_plan
from floorbroker.exchange.front.http import Answer, Receive, Request, Route, Send
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import Execution, VenueError
from floorbroker.exchange.wire.orders import order_view
from floorbroker.exchange.wire.words import encode, moment_ns, number, wire_time

#: How many orders or fills leave at a time.
_PART = 500
_ADVANCE_MAX_S = 400 * 86_400
_Value = TypeVar("_Value", str, Decimal)


class Controls:
    """The handlers of /_exchange/*. They need no key and meet no fault."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server
        self._accounts = Accounts(server)
        self._trading = Trading(server)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/_exchange/orders", self.orders),
            Route("GET", "/_exchange/fills", self.fills),
            Route("GET", "/_exchange/account", self.account),
            Route("GET", "/_exchange/positions", self.positions),
            Route("POST", "/_exchange/quote", self.quote),
            Route("POST", "/_exchange/trade", self.trade),
            Route("GET", "/_exchange/clock", self.clock),
            Route("POST", "/_exchange/clock", self.set_clock),
            Route("GET", "/_exchange/faults", self.faults),
            Route("PUT", "/_exchange/faults", self.set_faults),
            Route("DELETE", "/_exchange/faults", self.clear_faults),
            Route("POST", "/_exchange/bust", self.bust),
            Route("POST", "/_exchange/correct-fill", self.correct),
            Route("GET", "/_exchange/corporate-actions", self.corporate_actions),
            Route("POST", "/_exchange/corporate-action", self.announce),
            Route("POST", "/_exchange/liquidate", self.liquidate),
            Route("POST", "/_exchange/adjust", self.adjust),
            Route("POST", "/_exchange/reset", self.reset),
        ]

    def orders(self, request: Request) -> Answer:
        """Every order ever accepted, oldest first."""
        return self._listed(map(order_view, self._server.venue.orders.values()))

    def fills(self, request: Request) -> Answer:
        """Every execution, oldest first; a bust has a negative quantity."""
        return self._listed(map(_fill_view, self._server.venue.executions))

    def account(self, request: Request) -> Answer:
        """The account of a `key`, as it is told itself."""
        request.account = _key(request)
        return self._accounts.account(request)

    def positions(self, request: Request) -> Answer:
        """The positions of a `key`, as it is told itself."""
        request.account = _key(request)
        return self._trading.positions(request)

    def quote(self, request: Request) -> Answer:
        fields = _Fields(request.body)
        bid_px, ask_px = fields.amount("bid_price"), fields.amount("ask_price")
        bid_size, ask_size = fields.amount("bid_size"), fields.amount("ask_size")
        for side, px, size in (("bid", bid_px, bid_size), ("ask", ask_px, ask_size)):
            if size and not px:
                raise _wrong(f"{side}_price", px, f"a price above zero, or {side}_size 0")
        if bid_size and ask_size and bid_px > ask_px:
            raise _wrong("bid_price", bid_px, f"at most the ask_price {number(ask_px)}")
        self._server.script(
            Quote(
                symbol=self._symbol(fields),
                time_ns=self._server.now_ns,
                bid_px=bid_px,
                bid_size=bid_size,
                ask_px=ask_px,
                ask_size=ask_size,
            )
        )
        return self.clock(request)

    def trade(self, request: Request) -> Answer:
        fields = _Fields(request.body)
        px, size = fields.amount("price"), fields.amount("size")
        if not px or not size:
            raise _wrong("price" if not px else "size", 0, "a number above zero")
        symbol = self._symbol(fields)
        self._server.apply(Trade(symbol=symbol, time_ns=self._server.now_ns, px=px, size=size))
        return self.clock(request)

    def clock(self, request: Request) -> Answer:
        return Answer(body=encode({"now": wire_time(self._server.now_ns)}))

    def set_clock(self, request: Request) -> Answer:
        fields = _Fields(request.body)
        now_ns = self._server.now_ns
        if fields.has("advance") == fields.has("to"):
            raise _wrong("clock", fields.names(), '{"advance": seconds} or {"to": RFC 3339 time}')
        if fields.has("advance"):
            seconds = fields.amount("advance")
            to_ns = now_ns + int(seconds * NS_PER_S)
        else:
            to_ns = moment_ns(fields.text("to"), "to")
        if not now_ns <= to_ns <= now_ns + _ADVANCE_MAX_S * NS_PER_S:
            wanted = f"a time from {wire_time(now_ns)} on, at most 400 days ahead"
            raise _wrong("advance" if fields.has("advance") else "to", wire_time(to_ns), wanted)
        self._server.advance_to(to_ns)
        return self.clock(request)

    def faults(self, request: Request) -> Answer:
        """The plan, what of it struck how often, and the latest strikes."""
        plan = self._server.faults
        fired = [
            {"fault": one.rule, "kind": one.kind, "time": wire_time(one.time_ns), "at": one.where}
            for one in plan.fired
        ]
        return Answer(body=encode({"seed": plan.seed, "fault": plan.counts(), "fired": fired}))

    def set_faults(self, request: Request) -> Answer:
        try:
            text = request.body.decode()
        except UnicodeDecodeError:
            raise _wrong("body", "bytes that are no UTF-8", "a fault plan") from None
        try:
            self._server.faults = parse_fault_plan(text)
        except TapeError as error:
            raise VenueError(422, 42210000, str(error)) from None
        return self.faults(request)

    def clear_faults(self, request: Request) -> Answer:
        self._server.faults = FaultPlan()
        return Answer(204)

    def bust(self, request: Request) -> Answer:
        """A fill never was."""
        self._server.venue.bust(_Fields(request.body).text("execution_id"))
        return self.clock(request)

    def correct(self, request: Request) -> Answer:
        """A fill had another quantity or price."""
        fields = _Fields(request.body)
        if not fields.has("qty") and not fields.has("price"):
            raise _wrong("correct-fill", fields.names(), "execution_id with qty, price or both")
        changes = {name: fields.amount(name) for name in ("qty", "price") if fields.has(name)}
        for name, value in changes.items():
            if not value:
                raise _wrong(name, 0, "a number above zero; a bust is for what never was")
        self._server.venue.correct(fields.text("execution_id"), **changes)
        return self.clock(request)

    def corporate_actions(self, request: Request) -> Answer:
        """Every corporate action that the exchange knows of, as it can be announced."""
        texts = [msgspec.Raw(action_text(each)) for each in self._server.actions.listed]
        return Answer(body=encode(texts))

    def announce(self, request: Request) -> Answer:
        """A corporate action that is ahead; answers it with its id."""
        try:
            action = parse_action(request.body.decode(errors="replace"))
            self._check_listed(action.symbol)
            self._server.actions.announce(action)
        except (TapeError, ValueError) as error:
            raise VenueError(422, 42210000, str(error)) from None
        return Answer(body=action_text(action).encode())

    def liquidate(self, request: Request) -> Answer:
        """The broker ends a position of its own accord; answers its order, which has its mark."""
        fields = _Fields(request.body)
        key_id, symbol = fields.text("key"), self._symbol(fields)
        return Answer(body=encode(order_view(liquidate(self._server.venue, key_id, symbol))))

    def adjust(self, request: Request) -> Answer:
        """Cash or shares of an account change without a trade; with a type its activities say."""
        fields = _Fields(request.body)
        change = Change(
            cash=fields.signed("cash"),
            qty=fields.signed("qty"),
            symbol=self._symbol(fields) if fields.has("symbol") else "",
            kind=fields.text("type") if fields.has("type") else "",
            sub_kind=fields.text("sub_type") if fields.has("sub_type") else "",
        )
        if change.kind and change.kind not in TYPES - {"FILL"}:
            raise _wrong("type", change.kind, "an activity type that is no trade")
        if not change.cash and not (change.qty and change.symbol):
            raise _wrong("adjust", fields.names(), "cash, or symbol with qty, other than zero")
        adjust(self._server.venue, fields.text("key"), change)
        return self.clock(request)

    def reset(self, request: Request) -> Answer:
        self._server.reset()
        return self.clock(request)

    def _listed(self, views: Iterator[object]) -> Answer:
        """All of them at once; where some are read from the archive, bit by bit."""
        if self._server.venue.blotter.archive.is_empty:
            return Answer(body=encode(list(views)))

        async def stream(receive: Receive, send: Send) -> None:
            said = b"["
            while part := list(islice(views, _PART)):
                said += encode(part)[1:-1]
                await send({"type": "http.response.body", "body": said, "more_body": True})
                said = b","
            said = b"]" if said == b"," else b"[]"
            await send({"type": "http.response.body", "body": said, "more_body": False})

        return Answer(stream=stream)

    def _symbol(self, fields: "_Fields") -> str:
        symbol = fields.text("symbol")
        self._check_listed(symbol)
        return symbol

    def _check_listed(self, symbol: str) -> None:
        if symbol not in self._server.venue.assets:
            raise _wrong("symbol", symbol, "a listed symbol; GET /v2/assets lists them")


class _Fields:
    """A control's JSON body, whose numbers may be JSON numbers or text."""

    def __init__(self, body: bytes) -> None:
        try:
            self._fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except msgspec.DecodeError as error:
            raise VenueError(400, 40010000, f"the body is no JSON object: {error}") from None

    def has(self, name: str) -> bool:
        return name in self._fields

    def names(self) -> str:
        return ", ".join(self._fields) or "nothing"

    def text(self, name: str) -> str:
        value = self._decoded(name, str, "text")
        if not value:
            raise _wrong(name, '""', "text")
        return value

    def amount(self, name: str) -> Decimal:
        """Zero or more, exactly as written."""
        value = self._decoded(name, Decimal, "a number")
        if not value.is_finite() or not 0 <= value < 10**12:
            raise _wrong(name, value, "a number from 0 to a trillion")
        return value

    def signed(self, name: str) -> Decimal:
        """Of either sign, and zero where it is not given."""
        if not self.has(name):
            return Decimal(0)
        value = self._decoded(name, Decimal, "a number")
        if not value.is_finite() or abs(value) >= 10**12:
            raise _wrong(name, value, "a number below a trillion, of either sign")
        return value

    def _decoded(self, name: str, kind: type[_Value], wanted: str) -> _Value:
        raw = self._fields.get(name)
        if raw is None:
            raise _wrong(name, "nothing", wanted)
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.DecodeError:
            raise _wrong(name, bytes(raw).decode(errors="replace"), wanted) from None


def _key(request: Request) -> str:
    """The key id that the query names."""
    key_id = request.query().get("key", "")
    if not key_id:
        raise _wrong("key", "nothing", "a key id, as in ?key=KEY")
    return key_id


def _wrong(field: str, value: object, wanted: str) -> VenueError:
    return VenueError(422, 42210000, f"{field}: {value} is not valid; it must be {wanted}")


def _fill_view(fill: Execution) -> dict[str, str]:
    undone = fill.previous_execution_id
    return ({} if undone is None else {"previous_execution_id": undone}) | {
        "execution_id": fill.execution_id,
        "order_id": fill.order_id,
        "client_order_id": fill.client_order_id,
        "account": fill.account,
        "symbol": fill.symbol,
        "side": fill.side,
        "qty": number(fill.qty),
        "price": number(fill.price),
        "time": wire_time(fill.time_ns),
        "liquidity": fill.liquidity,
    }
