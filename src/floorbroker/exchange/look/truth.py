"""Everything that the exchange knows at this moment, as one bounded JSON value."""

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from heapq import nlargest
from itertools import islice

from floorbroker.domain.amounts import plain
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.floor import hours
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.look.attention import notices
from floorbroker.exchange.look.state import state_of
from floorbroker.exchange.matching.book import BUY, SELL
from floorbroker.exchange.model import Execution, VenueOrder
from floorbroker.exchange.reference.assets import OVERNIGHT_HALTED, OVERNIGHT_TRADABLE
from floorbroker.exchange.reference.calendar import NIGHT
from floorbroker.exchange.wire.words import new_york_time, rounded, wire_time

#: Rows of one table at most; the counts beside them tell how many there are.
ROWS_MAX, FILLS_MAX, STRIKES_MAX = 200, 50, 10
_NEXT = {
    hours.NIGHT_OPEN: "overnight",
    hours.PRE_OPEN: "pre",
    hours.OPEN: "regular",
    hours.CLOSE: "post",
    hours.POST_CLOSE: "closed",
}

View = dict[str, object]
#: Who is connected: path, account, and whether it listens.
Connections = Callable[[], Sequence[View]]


class Truth:
    """Reads the server; changes nothing, meets no fault and spends no rate limit."""

    def __init__(self, server: ExchangeServer, connections: Connections) -> None:
        self._server = server
        self._connections = connections

    def view(self) -> View:
        server, venue = self._server, self._server.venue
        open_orders = [
            order for account in venue.accounts.values() for order in account.open_orders.values()
        ]
        newest = nlargest(
            ROWS_MAX, open_orders, key=lambda order: (order.submitted_ns, order.number)
        )
        by_symbol = Counter(order.symbol for order in open_orders)
        accounts = list(venue.accounts.values())
        fills = list(islice(reversed(venue.executions), FILLS_MAX))
        symbols = sorted(venue.blotter.posts)
        return {
            "clock": self._clock(),
            "attention": [
                {"what": what, "why": why} for what, why in notices(server, open_orders)
            ][:ROWS_MAX],
            "symbols": [self._symbol(each, by_symbol[each]) for each in symbols[:ROWS_MAX]],
            "accounts": [self._account(each) for each in accounts[:ROWS_MAX]],
            "orders": [self._order(order) for order in newest],
            "fills": [_fill(each) for each in fills],
            "streams": self._connections()[:ROWS_MAX],
            "faults": self._faults(),
            "rate_limit": server.setup.front.rate_limit,
            "rate_limits": self._rate_limits(),
            "counts": {
                "symbols": len(symbols),
                "accounts": len(accounts),
                "open_orders": len(open_orders),
                "orders": len(venue.orders),
                "fills": len(venue.executions),
            },
            "failure": None if server.failure is None else str(server.failure),
        }

    def _clock(self) -> View:
        server, routing = self._server, self._server.venue.routing
        now_ns, speed = server.now_ns, server.setup.speed
        bells = [bell for bell in routing.hours.ahead() if bell[1] in _NEXT]
        next_ns, bell = bells[0] if bells else (routing.hours.next_ns, hours.POST_CLOSE)
        return {
            "now": wire_time(now_ns),
            "new_york": new_york_time(now_ns),
            "phase": routing.phase,
            "trade_date": routing.hours.session.date.isoformat(),
            "next_phase": _NEXT[bell],
            "next_phase_at": wire_time(next_ns),
            "next_phase_new_york": new_york_time(next_ns),
            "speed": speed if isinstance(speed, str) else f"{speed:g}",
            "is_slowed": server.clock.is_slowed,
        }

    def _symbol(self, symbol: str, open_orders: int) -> View:
        venue = self._server.venue
        post, market, asset = (
            venue.blotter.posts[symbol],
            venue.market_of(symbol),
            venue.assets[symbol],
        )
        quote, last = market.quotes.get(symbol), market.last_trade.get(symbol)
        bid, ask = post.touch(BUY), post.touch(SELL)
        is_night = venue.routing.phase == NIGHT and not asset.is_crypto
        return {
            "symbol": symbol,
            "bid": None if bid is None else plain(bid.px),
            "bid_size": None if bid is None else plain(bid.left),
            "ask": None if ask is None else plain(ask.px),
            "ask_size": None if ask is None else plain(ask.left),
            "quoted": None if quote is None else wire_time(quote.time_ns),
            "last": _text(last.px if last is not None else None),
            "last_time": None if last is None else wire_time(last.time_ns),
            "mark": _text(post.last_px),
            "is_halted": post.is_halted,
            "is_overnight_halted": OVERNIGHT_HALTED in asset.attributes,
            "trades_now": post.phase != "closed"
            and not post.is_halted
            and (not is_night or OVERNIGHT_TRADABLE in asset.attributes),
            "is_scripted": symbol in venue.routing.scripted,
            "open_orders": open_orders,
        }

    def _account(self, account: VenueAccount) -> View:
        positions = [
            {
                "symbol": holding.symbol,
                "qty": plain(holding.qty),
                "avg_entry_price": rounded(holding.avg_entry_price, 4),
                "mark": plain(account.mark(holding.symbol)),
                "market_value": _cents(holding.qty * account.mark(holding.symbol)),
            }
            for holding in islice(account.positions.values(), ROWS_MAX)
        ]
        return {
            "key": account.key_id,
            "account_number": account.account_number,
            "equity": _cents(account.equity),
            "cash": _cents(account.cash),
            "buying_power": _cents(account.buying_power),
            "day_pl": _cents(account.equity - account.last_equity),
            "open_orders": len(account.open_orders),
            "orders": account.orders_taken,
            "is_blocked": account.trading_blocked or account.account_blocked,
            "is_suspended": account.configuration.suspend_trade,
            "positions": positions,
        }

    def _order(self, order: VenueOrder) -> View:
        average = order.filled_avg_price
        return {
            "id": order.id,
            "client_order_id": order.client_order_id,
            "account": order.account,
            "symbol": order.symbol,
            "side": order.side,
            "type": order.type,
            "qty": _text(order.qty),
            "notional": _text(order.notional),
            "filled_qty": plain(order.filled_qty),
            "filled_avg_price": None if average is None else rounded(average, 4),
            "limit_price": _text(order.limit_price),
            "stop_price": _text(order.stop_price),
            "time_in_force": order.time_in_force,
            "extended_hours": order.extended_hours,
            "order_class": order.order_class,
            "parent_id": order.parent_id,
            "status": order.status,
            "state": state_of(order, self._server.venue),
            "queue_ahead": _text(order.queue_ahead),
            "is_elected": order.is_elected,
            "submitted_at": wire_time(order.submitted_ns),
            "expires_at": None if order.expires_ns is None else wire_time(order.expires_ns),
        }

    def _faults(self) -> View:
        plan = self._server.faults
        strikes = list(plan.fired)[: -STRIKES_MAX - 1 : -1]
        return {
            "seed": plan.seed,
            "fault": plan.counts()[:ROWS_MAX],
            "fired": [
                {"kind": one.kind, "time": wire_time(one.time_ns), "at": one.where}
                for one in strikes
            ],
        }

    def _rate_limits(self) -> list[View]:
        limit = self._server.rate_limit
        return [] if limit is None else [dict(row) for row in limit.windows()[:ROWS_MAX]]


def _fill(fill: Execution) -> View:
    return {
        "time": wire_time(fill.time_ns),
        "account": fill.account,
        "symbol": fill.symbol,
        "side": fill.side,
        "qty": plain(fill.qty),
        "price": plain(fill.price),
        "liquidity": fill.liquidity,
        "client_order_id": fill.client_order_id,
        "is_bust": fill.previous_execution_id is not None,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _cents(value: Decimal) -> str:
    return f"{value:.2f}"
