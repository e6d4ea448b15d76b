"""What the demonstration has shown so far, folded from its events; no terminal in here."""

import re
from decimal import Decimal
from pathlib import PurePath
from typing import Any, NamedTuple

from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.demo.run import Event
from floorbroker.marketdata.port import NEW_YORK

ZERO = Decimal(0)
ENDED = frozenset({"filled", "canceled", "expired", "rejected", "not_placed", "expired_unsent"})
_ENDS = {
    "not_placed": "proven never placed; nothing was traded",
    "expired_unsent": "too old to be sent; nothing was traded",
}
#: What narrow screens call the kinds of orders; a price alone is a limit.
_SHORT = {"market": "mkt", "limit": "", "trailing-stop": "trail", "stop-limit": "stop"}


class Holding(NamedTuple):
    """Shares of a symbol, and what was made or lost with it, the shares marked to the market."""

    shares: Decimal
    pnl: Decimal


class Scene:
    """The state behind one frame of the screen."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.troubles: list[tuple[str, str]] = []
        self.market_ns = 0
        self.market_name = ""
        self.speed = 0
        self.is_down = False
        self.is_over = False
        self.restarts = 0
        self.resolved = 0
        self.repaired = 0
        self._open_ns = self._close_ns = 0
        self._unknown: set[str] = set()
        self._marks: dict[str, Decimal] = {}

    def take(self, event: Event) -> str | None:
        """Fold one event in; returns a line worth printing where there is no live screen."""
        self.market_ns = event.market_ns
        take = getattr(self, f"_take_{event.kind}", None)
        return take(event.facts) if take is not None else None

    @property
    def market_time(self) -> str:
        """New York time of the market, HH:MM."""
        if not self.market_ns:
            return "--:--"
        return datetime_of(self.market_ns).astimezone(NEW_YORK).strftime("%H:%M")

    @property
    def progress(self) -> float:
        """How much of the session is over, 0 to 1."""
        span = max(self._close_ns - self._open_ns, NS_PER_S)
        return min(max((self.market_ns - self._open_ns) / span, 0.0), 1.0)

    @property
    def left(self) -> str:
        """How long the market's day still is, and how long that takes here."""
        if self.is_over:
            return "the day is over"
        if not self._open_ns:
            return "starting"
        bell_ns = self._open_ns if self.market_ns < self._open_ns else self._close_ns
        name = "the open" if bell_ns == self._open_ns else "the close"
        minutes = (bell_ns - self.market_ns) // NS_PER_S // 60
        if minutes < 0:
            return "after the close: settling and reconciling"
        seconds = (self._close_ns - self.market_ns) // NS_PER_S // max(self.speed, 1)
        return f"{minutes // 60}:{minutes % 60:02d} to {name}, {seconds} s here"

    @property
    def fills(self) -> int:
        return sum(len(order["fills"]) for order in self.orders.values())

    @property
    def unknown(self) -> list[str]:
        return sorted(self._unknown)

    @property
    def pnl(self) -> Decimal:
        """Realised and not, of all symbols."""
        return sum((holding.pnl for holding in self.holdings().values()), ZERO)

    def holdings(self) -> dict[str, Holding]:
        """Shares and gain per symbol from the fills seen so far, at the last known prices."""
        book: dict[str, tuple[Decimal, Decimal]] = {}
        marks = {}
        for order in self.orders.values():
            sign = 1 if order["side"] == "buy" else -1
            for fill in order["fills"]:
                qty, px = Decimal(fill["last_qty"]), Decimal(fill["last_px"])
                shares, cash = book.get(order["symbol"], (ZERO, ZERO))
                book[order["symbol"]] = (shares + sign * qty, cash - sign * qty * px)
                marks[order["symbol"]] = px
        marks.update(self._marks)
        return {
            symbol: Holding(shares, cash + shares * marks[symbol])
            for symbol, (shares, cash) in book.items()
        }

    def _take_exchange(self, facts: dict[str, Any]) -> str:
        path, comma, day = facts["market"].rpartition(", ")
        self.market_name = f"{PurePath(path).name}{comma}{day}" if "/" in path else facts["market"]
        self.speed = facts["speed"]
        self._open_ns, self._close_ns = facts["open_ns"], facts["close_ns"]
        return f"exchange up at {facts['url']}: {self.market_name}, {self.speed} x real time"

    def _take_opened(self, facts: dict[str, Any]) -> str:
        self.is_down = False
        for order in facts["orders"]:
            self._keep(order)
        recovery = facts["recovery"]
        if facts["epoch"] == 1:
            return "desk open: empty journal, reconciled with the broker"
        self.resolved += recovery["unknown_resolved"]
        text = f"desk back, {recovery['records']} records replayed"
        for cl_ord_id in recovery["unknown"]:
            order = self.orders[cl_ord_id]
            status = order["ord_status"]
            found = "UNKNOWN" if status == "unknown" else f"UNKNOWN, now {_words(status)}"
            text += f"; {name_of(order)}: {found}"
        return self._trouble(text)

    def _take_killed(self, facts: dict[str, Any]) -> str:
        self.is_down = True
        self.restarts += 1
        return self._trouble(f"desk killed ({facts['signal']}) while an order was on its way")

    def _take_update(self, facts: dict[str, Any]) -> str | None:
        order, message = facts["order"], facts["message"]
        before = self.orders.get(order["cl_ord_id"])
        was_unknown = order["cl_ord_id"] in self._unknown
        self._keep(order)
        told = self._news(order, message)
        if was_unknown and order["ord_status"] != "unknown":
            self.resolved += 1
            told = self._trouble(f"{name_of(order)}: {_resolution(order, message)}")
        if told is None and order["ord_status"] in ENDED:
            is_new = before is None or before["ord_status"] != order["ord_status"]
            return f"{name_of(order)}: {end_of(order)}" if is_new else None
        return told

    def _news(self, order: dict[str, Any], message: dict[str, Any]) -> str | None:
        """What a message says that is out of the ordinary."""
        match message["type"]:
            case "RequestUnanswered":
                text = "no answer, outcome UNKNOWN; asking the broker"
            case "RequestUndelivered":
                text = f"not taken, to be sent again: {short(message['text'])}"
            case "OrderReject" | "OrderCancelReject":
                text = f"refused: {short(message['text'])}"
            case "ExecutionReport" if message["source"] == "activity" and message["last_qty"]:
                self.repaired += 1
                fill = f"{message['last_qty']} at {Decimal(message['last_px']):,.2f}"
                text = f"missed fill of {fill} found and booked"
            case "OrderReopened":
                text = "news of an order that had ended; it is booked"
            case _:
                return None
        return self._trouble(f"{name_of(order)}: {text}")

    def _keep(self, order: dict[str, Any]) -> None:
        self.orders[order["cl_ord_id"]] = order
        if order["ord_status"] == "unknown":
            self._unknown.add(order["cl_ord_id"])
        else:
            self._unknown.discard(order["cl_ord_id"])

    def _take_marks(self, facts: dict[str, Any]) -> None:
        self._marks.update({symbol: Decimal(px) for symbol, px in facts["marks"].items()})

    def _take_refused(self, facts: dict[str, Any]) -> str:
        return self._trouble(f"refused here, nothing left the desk: {facts['text']}")

    def _take_trouble(self, facts: dict[str, Any]) -> str:
        return self._trouble(f"#{facts['step']:02d} {facts['symbol']}: {facts['text']}")

    def _take_left_out(self, facts: dict[str, Any]) -> str:
        return f"#{facts['step']:02d} {facts['symbol']} left out: {facts['says']}"

    def _take_stuck(self, facts: dict[str, Any]) -> str:
        return self._trouble(f"still not ended: {', '.join(facts['orders'])}")

    def _take_finished(self, facts: dict[str, Any]) -> str:
        self.is_over = True
        left = sum(found["is_open"] for found in facts["reconciliation"]["breaks"])
        return self._trouble(f"reconciled with the broker: {left} open breaks")

    def _trouble(self, text: str) -> str:
        self.troubles.append((self.market_time, text))
        return text


def _resolution(order: dict[str, Any], message: dict[str, Any]) -> str:
    """How an UNKNOWN order's outcome came out."""
    status = order["ord_status"]
    if status in _ENDS:
        return _ENDS[status]
    if message["type"] == "RequestSent":
        return "proven absent, sent again under the same id"
    channels = {
        "answer": "in its late answer",
        "stream": "on the order stream",
        "lookup": "by its id",
        "poll": "in the list of orders",
        "activity": "in the list of fills",
    }
    where = channels.get(message.get("source", ""), "by evidence")
    return f"found {where}; it is {_words(status)}"


def _words(status: str) -> str:
    return status.replace("_", " ")


def name_of(order: dict[str, Any]) -> str:
    """The order's number in the basket, and what it is: #09 BUY 50 NVDA."""
    number = order["cl_ord_id"].rpartition("-")[2]
    size = order["order_qty"] or f"${order['notional']}"
    return f"#{number} {order['side'].upper()} {size} {order['symbol']}"


def end_of(order: dict[str, Any]) -> str:
    """How an order ended: filled 100 at 185.40."""
    status = order["ord_status"]
    if status in _ENDS:
        return _ENDS[status]
    if order["avg_px"] is None:
        return str(status)
    done = f"{order['cum_qty']} at {Decimal(order['avg_px']):,.4f}"
    return f"filled {done}" if status == "filled" else f"{status} after {done}"


def order_words(order: dict[str, Any], *, is_short: bool = False) -> str:
    """An order as people say it: BUY 100 AAPL limit 187.20 day; in short BUY 100 AAPL 187.20."""
    size = order["order_qty"] or f"${order['notional']}"
    kind = order["ord_type"].replace("_", "-")
    words = [order["side"].upper(), size, order["symbol"], _SHORT.get(kind, kind)]
    if not is_short:
        words[-1] = kind
    if order["stop_px"]:
        words.append(order["stop_px"])
    if order["price"]:
        words.append(order["price"])
    if order["trail_percent"]:
        words.append(f"{order['trail_percent']}%")
    if order["trail_amount"]:
        words.append(f"${order['trail_amount']}")
    if not is_short or order["time_in_force"] != "day":
        words.append(order["time_in_force"])
    return " ".join(word for word in words if word)


def short(text: str, most: int = 60) -> str:
    """The first words of a long explanation, without the status of HTTP."""
    head = re.sub(r"^HTTP \d+: ", "", text).partition(" (")[0].partition(". ")[0]
    return head if len(head) <= most else head[: most - 1].rstrip() + "…"
