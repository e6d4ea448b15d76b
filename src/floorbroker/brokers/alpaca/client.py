"""The Alpaca door: a Broker over any Transport."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from random import Random
from urllib.parse import quote

from msgspec import Struct, structs

from floorbroker.brokers.alpaca import codec, reference, words
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.executions import ActivityPage, activity_page
from floorbroker.brokers.alpaca.line import (
    Line,
    checked,
    foreign,
    is_no_such_thing,
    is_success,
    problem_of,
    readable,
    understood,
)
from floorbroker.brokers.alpaca.stream import AlpacaOrderStream, StreamRules
from floorbroker.brokers.alpaca.transport import Response, Transport
from floorbroker.brokers.answers import Command
from floorbroker.brokers.pacing import Lane, Pacer
from floorbroker.brokers.port import (
    AccountReport,
    Activity,
    ActivityKind,
    CalendarDay,
    Capabilities,
    ClockSkew,
    Dedupe,
    MarketPhase,
    OrderStream,
    PositionReport,
)
from floorbroker.clock import NS_PER_S, Clock, ns_of
from floorbroker.domain.errors import BrokerUnknown
from floorbroker.domain.ids import Account, ClOrdID, OrderID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import ExecutionReport, OrderCancelReplaceRequest, Source
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.quotes import Bar, Quote, Trade

ORDERS = "/v2/orders"
BY_CLIENT_ID = "/v2/orders:by_client_order_id"
ACTIVITIES = "/v2/account/activities"
FILLS = f"{ACTIVITIES}/FILL"
_ORDERS_PAGE = 500
_FILLS_PAGE = 100
_BARS_PAGE = 10_000
_NESTED = {"nested": "true"}
_STOCKS = "/v2/stocks"
_COINS = "/v1beta3/crypto/us"

ALPACA = Capabilities(
    name="alpaca",
    dedupe=Dedupe.ENFORCED,
    cl_ord_id_max=128,
    orders=words.ORDER_RULES,
)


class Endpoints(Struct, frozen=True, kw_only=True):
    """How Alpaca's three addresses are reached; in memory they are one."""

    trading: Transport
    market: Transport
    stream: Transport
    stream_path: str = "/stream"
    stream_rules: StreamRules = StreamRules()
    feed: str = "iex"  #: Whose quotes: iex is free, sip is paid for.
    market_pacer: Pacer | None = None  #: The turns of market data; its own where there is none.
    data_stream: Transport | None = None  #: The market data streams; `stream` if it is the same.


class AlpacaClient:
    """One Alpaca account. See `Broker` for what each method promises, `answers` for what each
    answer means and `line` for how Alpaca's are told apart.

    Every request takes its turn with the pacer; for `place`, `cancel` and `replace` the caller may
    have reserved it before with `pacer.try_take`. Market data has a budget of its own at Alpaca
    and never waits for orders; `market` is the line to it.
    """

    capabilities = ALPACA

    def __init__(
        self,
        account: Account,
        endpoints: Endpoints,
        credentials: Credentials,
        *,
        clock: Clock,
        random: Random,
        pacer: Pacer,
    ) -> None:
        self.account = account
        self.pacer = pacer
        self._clock = clock
        self._endpoints = endpoints
        self._market_pacer = endpoints.market_pacer or Pacer(clock, random)
        self._trading = Line(endpoints.trading, pacer, clock, credentials)
        self.market = Line(endpoints.market, self._market_pacer, clock, credentials)
        self._order_stream = AlpacaOrderStream(
            lambda: endpoints.stream.connect(endpoints.stream_path),
            credentials,
            clock=clock,
            random=random,
            newest_execution=self.newest_execution,
            rules=endpoints.stream_rules,
        )
        self.stream: OrderStream = self._order_stream

    async def place(self, cl_ord_id: ClOrdID, order: OrderRequest) -> ExecutionReport:
        body = words.order_body(cl_ord_id, order)
        answer = await self._trading.call(Lane.SUBMIT, "POST", ORDERS, body=body)
        if not is_success(answer):
            raise problem_of(Command.SUBMIT, answer)
        report = self._report(answer, Source.ANSWER, Command.SUBMIT)
        if report.cl_ord_id != cl_ord_id:
            text = f"order {cl_ord_id} was answered with client_order_id {report.cl_ord_id}"
            raise foreign(Command.SUBMIT, answer, text)
        return report

    async def cancel(self, order_id: OrderID) -> None:
        answer = await self._trading.call(Lane.CANCEL, "DELETE", _order_path(order_id))
        if not is_success(answer):
            raise problem_of(Command.CANCEL, answer)

    async def replace(
        self, order_id: OrderID, change: OrderCancelReplaceRequest
    ) -> ExecutionReport:
        body = words.replace_body(change)
        answer = await self._trading.call(Lane.REPLACE, "PATCH", _order_path(order_id), body=body)
        if not is_success(answer):
            raise problem_of(Command.REPLACE, answer)
        successor = self._report(answer, Source.ANSWER, Command.REPLACE)
        if successor.order_id == order_id:
            text = f"replacing order {order_id} was answered with the same order"
            raise foreign(Command.REPLACE, answer, text)
        return structs.replace(successor, prev_order_id=order_id)

    async def look_up(self, cl_ord_id: str) -> ExecutionReport | None:
        """This question folds legs away at Alpaca: they are asked for by the order's own id."""
        query = {"client_order_id": cl_ord_id}
        answer = await self._trading.call(Lane.RECONCILE, "GET", BY_CLIENT_ID, query=query)
        if is_no_such_thing(answer):
            return None
        report = self._report(checked(answer), Source.LOOKUP)
        if report.cl_ord_id != cl_ord_id:
            text = f"asked for {cl_ord_id}, answered with {report.cl_ord_id}"
            raise foreign(Command.ASK, answer, text)
        if not codec.hides_legs(answer.body):
            return report
        return await self.order(report.order_id) or report

    async def order(self, order_id: OrderID) -> ExecutionReport | None:
        path = _order_path(order_id)
        answer = await self._trading.call(Lane.RECONCILE, "GET", path, query=_NESTED)
        if is_no_such_thing(answer):
            return None
        report = self._report(checked(answer), Source.LOOKUP)
        if report.order_id != order_id:
            text = f"asked for order {order_id}, answered with {report.order_id}"
            raise foreign(Command.ASK, answer, text)
        return report

    async def open_orders(self) -> list[ExecutionReport]:
        found = await self._all_orders({"status": "open"})
        return [report for report in found if report.ord_status.is_open]

    async def orders_since(self, since: datetime) -> list[ExecutionReport]:
        return await self._all_orders({"status": "all", "after": _rfc3339(since)})

    async def executions(
        self, *, order_id: OrderID | None = None, since: datetime | None = None
    ) -> list[ExecutionReport]:
        query = {"direction": "asc", "page_size": str(_FILLS_PAGE)}
        if order_id is not None:
            query["order_id"] = order_id
        if since is not None:
            query["after"] = _rfc3339(since)
        found: dict[str, ExecutionReport] = {}
        while True:
            page = await self._fills(query)
            if page.last_id in found:
                raise BrokerUnknown(f"{FILLS} lists {page.last_id} on two pages")
            found.update(page.reports)
            if page.count < _FILLS_PAGE or page.last_id is None:
                break
            query["page_token"] = page.last_id
        # The filter by order is young; a server that does not know it lists everything.
        return [one for one in found.values() if order_id in (None, one.order_id)]

    async def newest_execution(self) -> ExecutionReport | None:
        """The last execution that the broker lists, of any order; one cheap request."""
        page = await self._fills({"direction": "desc", "page_size": "1"})
        return next(iter(page.reports.values()), None)

    async def positions(self) -> list[PositionReport]:
        answer = await self._read(Lane.RECONCILE, "/v2/positions")
        return understood(reference.position_reports, answer)

    async def account_report(self) -> AccountReport:
        answer = await self._read(Lane.QUERY, "/v2/account")
        return understood(reference.account_report, answer, self.account)

    async def market_phase(self) -> MarketPhase:
        return understood(reference.market_phase, await self._read(Lane.QUERY, "/v2/clock"))

    async def clock_skew(self, wall: Clock) -> ClockSkew:
        """By the `Date` of an answer, which is the machine's; else by the market's own clock."""
        before_ns, market_ns = wall.now_ns(), self._clock.now_ns()
        answer = await self._read(Lane.QUERY, "/v2/clock")
        took_s = (wall.now_ns() - before_ns) / NS_PER_S
        told = answer.headers.get("date")
        if told is not None:
            with suppress(ValueError):  # cut to the second, and servers renew it once a second
                theirs_s = parsedate_to_datetime(told).timestamp() + 1.0
                ours_s = before_ns / NS_PER_S + took_s / 2
                return ClockSkew(
                    ahead_s=ours_s - theirs_s, error_s=1.0 + took_s / 2, source="its Date header"
                )
        phase = understood(reference.market_phase, answer)
        ours_s = (market_ns - ns_of(phase.broker_time)) / NS_PER_S + took_s / 2
        return ClockSkew(ahead_s=ours_s, error_s=took_s / 2, source="its /v2/clock")

    async def calendar(self, start: date, end: date) -> list[CalendarDay]:
        query = {"start": start.isoformat(), "end": end.isoformat()}
        answer = await self._read(Lane.QUERY, "/v2/calendar", query)
        return understood(reference.calendar_days, answer)

    async def activities(
        self,
        kinds: Collection[ActivityKind] = (),
        *,
        since: datetime | None = None,
        after_id: str | None = None,
    ) -> list[Activity]:
        """Alpaca's list of types has grown before, so anything but fills is chosen here."""
        path = FILLS if set(kinds) == {ActivityKind.FILL} else ACTIVITIES
        query = {"direction": "asc", "page_size": str(_FILLS_PAGE)}
        if kinds and ActivityKind.FILL not in kinds:
            query["category"] = "non_trade_activity"
        if since is not None:
            query["after"] = _rfc3339(since)
        found: list[Activity] = []
        while True:
            if after_id is not None:
                query["page_token"] = after_id
            answer = await self._read(Lane.QUERY, path, query)
            page = understood(reference.activities, answer)
            found += page
            if len(page) < _FILLS_PAGE:
                return [one for one in found if not kinds or one.kind in kinds]
            if page[-1].activity_id == after_id:
                raise BrokerUnknown(f"{path} repeats its page after {after_id}")
            after_id = page[-1].activity_id

    async def instrument(self, symbol: str) -> Instrument | None:
        """None also where the symbol is of a kind that the desk does not know, such as options."""
        path = f"/v2/assets/{quote(symbol, safe='')}"
        answer = await self._trading.call(Lane.QUERY, "GET", path)
        if is_no_such_thing(answer):
            return None
        return understood(reference.instrument, checked(answer))

    async def instruments(self) -> list[Instrument]:
        found: list[Instrument] = []
        for asset_class in ("us_equity", "crypto"):
            query = {"status": "active", "asset_class": asset_class}
            answer = await self._read(Lane.QUERY, "/v2/assets", query)
            found += understood(reference.instruments, answer)
        return found

    async def latest_quote(self, symbol: str) -> Quote | None:
        return (await self.latest_quotes([symbol])).get(symbol)

    async def latest_quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        answer = await self._latest("quotes", ",".join(symbols))
        return {} if answer is None else understood(reference.latest_quotes, answer)

    def pace_s(self, questions: int) -> float:
        return self._market_pacer.pace_s(Lane.QUERY, questions)

    async def latest_trade(self, symbol: str) -> Trade | None:
        answer = await self._latest("trades", symbol)
        return None if answer is None else understood(reference.latest_trade, answer, symbol)

    async def bars(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Bar]]:
        found: dict[str, list[Bar]] = {symbol: [] for symbol in symbols}
        coins = [symbol for symbol in symbols if "/" in symbol]
        shares = [symbol for symbol in symbols if "/" not in symbol]
        span = {"start": _rfc3339(start), "end": _rfc3339(end)}
        for path, group in ((f"{_STOCKS}/bars", shares), (f"{_COINS}/bars", coins)):
            if group:
                query = {"symbols": ",".join(group), **span, "timeframe": "1Min"}
                if group is shares:
                    age = self._clock.now() - end
                    query["feed"] = words.history_feed(self._endpoints.feed, age)
                await self._bars(path, query, found)
        return found

    async def aclose(self) -> None:
        """Close the connections; whoever still waits for a turn is cancelled."""
        await self.pacer.aclose()
        await self._market_pacer.aclose()
        ways = self._endpoints
        all_ways = (ways.trading, ways.market, ways.stream, ways.data_stream)
        for way in {id(way): way for way in all_ways if way is not None}.values():
            await way.aclose()

    async def _all_orders(self, filters: Mapping[str, str]) -> list[ExecutionReport]:
        """The plain listing folds held legs away and tells no leg's parent, so where it shows a
        group of orders it is asked for once more, nested. The listings were true at two instants:
        of an order in both the later one counts."""
        found, has_groups = await self._orders(filters)
        if has_groups:
            nested, _ = await self._orders({**filters, **_NESTED})
            found = {**nested, **{key: one for key, one in found.items() if key not in nested}}
        return list(found.values())

    async def _orders(
        self, filters: Mapping[str, str]
    ) -> tuple[dict[OrderID, ExecutionReport], bool]:
        """All pages of a listing by order id, and whether it shows groups of orders.

        Pages follow each other by order id, not by time: orders of one instant would be lost.
        """
        query = {**filters, "direction": "asc", "limit": str(_ORDERS_PAGE)}
        found: dict[OrderID, ExecutionReport] = {}
        has_groups = False
        while True:
            answer = await self._read(Lane.RECONCILE, ORDERS, query)
            page = understood(codec.order_page, answer, Source.POLL, self._clock.now())
            for report in page.reports:
                found[report.order_id] = report
                self._order_stream.listed(report)
            has_groups = has_groups or page.has_groups
            if page.rows < _ORDERS_PAGE or page.last_id is None:
                return found, has_groups
            if page.last_id == query.get("after_order_id"):
                raise BrokerUnknown(f"{ORDERS} repeats its page after {page.last_id}")
            query.pop("after", None)
            query["after_order_id"] = page.last_id

    async def _fills(self, query: Mapping[str, str]) -> ActivityPage:
        answer = await self._read(Lane.RECONCILE, FILLS, query)
        return understood(activity_page, answer, self._clock.now())

    async def _latest(self, what: str, symbols: str) -> Response | None:
        """The latest of one symbol, or of several shares; None where Alpaca does not know them."""
        is_coin = "/" in symbols
        path = f"{_COINS}/latest/{what}" if is_coin else f"{_STOCKS}/{what}/latest"
        query = {"symbols": symbols} | ({} if is_coin else {"feed": self._endpoints.feed})
        answer = await self.market.call(Lane.QUERY, "GET", path, query=query)
        return None if is_no_such_thing(answer) else checked(answer)

    async def _bars(self, path: str, query: dict[str, str], found: dict[str, list[Bar]]) -> None:
        query["limit"] = str(_BARS_PAGE)
        while True:
            answer = checked(await self.market.call(Lane.QUERY, "GET", path, query=query))
            page, token = understood(reference.bar_page, answer)
            for symbol, rows in page.items():
                found.setdefault(symbol, []).extend(rows)
            if not token:
                return
            if token == query.get("page_token"):
                raise BrokerUnknown(f"{path} repeats its page {token}")
            query["page_token"] = token

    async def _read(
        self, lane: Lane, path: str, query: Mapping[str, str] | None = None
    ) -> Response:
        return checked(await self._trading.call(lane, "GET", path, query=query))

    def _report(
        self, answer: Response, source: Source, command: Command = Command.ASK
    ) -> ExecutionReport:
        now = self._clock.now()
        report = readable(command, answer, lambda: codec.order_report(answer.body, source, now))
        self._order_stream.listed(report)
        return report


def _order_path(order_id: OrderID) -> str:
    return f"{ORDERS}/{quote(order_id, safe='')}"


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
