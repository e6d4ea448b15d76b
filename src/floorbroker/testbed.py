"""An exchange to test a bot on, and the strings to pull: its market, its time, its faults."""

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote as quoted
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

#: A price, a quantity or an amount. A float counts as it is printed: 187.1 is 187.1 exactly.
Amount = int | str | Decimal | float

_ANSWER_S, _LOOK_S = 60.0, 0.01
_FEEDS = {name: f"/v2/{name}" for name in ("iex", "sip", "delayed_sip", "test")}
_FEEDS |= {name: f"/v1beta1/{name}" for name in ("boats", "overnight")}
_FEEDS["crypto"] = "/v1beta3/crypto/us"


class AlpacaExchange:
    """An exchange of one test's own, and the strings to pull: its market, its time, its faults.

    Whatever a call makes happen has happened when it returns. A stream's frames are on their way
    then, so a test waits for them. Raises ValueError for what the exchange does not understand.
    """

    key_id = "TESTKEY"
    secret_key = "TESTSECRET"  # noqa: S105  (opens nothing: the exchange takes any pair)

    def __init__(self, url: str) -> None:
        self.url = url  #: The trading API.
        self.data_url = url  #: The market data API.
        self.stream_url = f"{self._stream_root}/stream"  #: The order stream, trade_updates.

    def __repr__(self) -> str:
        return f"<AlpacaExchange at {self.url}>"

    def data_stream_url(self, feed: str = "iex") -> str:
        """The stream of market data: iex, sip, delayed_sip, boats, overnight, test or crypto."""
        name = str(getattr(feed, "value", feed))  # alpaca-py has an enumeration of them
        if name not in _FEEDS:
            raise ValueError(f"feed: {name!r} is not one of {', '.join(_FEEDS)}")
        return self._stream_root + _FEEDS[name]

    def environment(self) -> dict[str, str]:
        """The variables that bots and Alpaca's SDKs read, APCA_API_*, for monkeypatch.setenv."""
        return {
            "APCA_API_KEY_ID": self.key_id,
            "APCA_API_SECRET_KEY": self.secret_key,
            "APCA_API_BASE_URL": self.url,
            "APCA_API_DATA_URL": self.data_url,
            "APCA_API_STREAM_URL": self.stream_url,
        }

    # The market.

    def quote(
        self,
        symbol: str,
        bid: Amount | None,
        ask: Amount | None,
        *,
        bid_size: Amount = 1000,
        ask_size: Amount = 1000,
    ) -> None:
        """From now on this is the market of the symbol; None is a side without anybody."""
        self._post(
            "quote",
            symbol=symbol,
            bid_price=amount_text("bid", 0 if bid is None else bid),
            bid_size=amount_text("bid_size", 0 if bid is None else bid_size),
            ask_price=amount_text("ask", 0 if ask is None else ask),
            ask_size=amount_text("ask_size", 0 if ask is None else ask_size),
        )

    def trade(self, symbol: str, price: Amount, size: Amount = 100) -> None:
        """Somebody else's trade is printed: it fills orders that rest at its price."""
        self._post(
            "trade",
            symbol=symbol,
            price=amount_text("price", price),
            size=amount_text("size", size),
        )

    # Time.

    @property
    def now(self) -> datetime:
        """The market's time, UTC."""
        return _moment(self._ask("GET", "clock"))

    def advance(self, seconds: Amount | timedelta) -> datetime:
        """Let time pass, with everything that comes due on the way; the time that it is then."""
        if isinstance(seconds, timedelta):
            seconds = Decimal(seconds // timedelta(microseconds=1)).scaleb(-6)
        return _moment(self._post("clock", advance=amount_text("seconds", seconds)))

    def advance_to(self, moment: datetime | str) -> datetime:
        """Let time pass until then; a time without a zone is New York's. It never goes back."""
        to = instant("moment", moment)
        return _moment(self._post("clock", to=to.astimezone(UTC).isoformat()))

    # What came of it.

    def orders(self) -> list[dict[str, Any]]:
        """Every order ever accepted, of all accounts, oldest first, as Alpaca's order objects."""
        orders: list[dict[str, Any]] = self._ask("GET", "orders")
        return orders

    def fills(self) -> list[dict[str, str]]:
        """Every execution, oldest first; one that was taken back comes again, negative."""
        fills: list[dict[str, str]] = self._ask("GET", "fills")
        return fills

    def account(self, key_id: str = key_id) -> dict[str, Any]:
        """The account of a key, as Alpaca's account object; its own cash, its own orders."""
        account: dict[str, Any] = self._ask("GET", f"account?key={quoted(key_id, safe='')}")
        return account

    def positions(self, key_id: str = key_id) -> list[dict[str, Any]]:
        """The positions of a key, as Alpaca's position objects."""
        positions: list[dict[str, Any]] = self._ask(
            "GET", f"positions?key={quoted(key_id, safe='')}"
        )
        return positions

    def wait_for_streams(self, orders: int = 1, data: int = 0, timeout_s: float = 15.0) -> None:
        """Returns when so many order and data streams listen; TimeoutError if they never do."""
        pause = threading.Event()
        for _ in range(max(1, round(timeout_s / _LOOK_S))):
            listening = self._ask("GET", "streams")
            if listening["orders"] >= orders and listening["data"] >= data:
                return
            pause.wait(_LOOK_S)
        wanted = {"orders": orders, "data": data}
        raise TimeoutError(f"only {listening} streams listen, not {wanted}")

    # What happens to shares and fills.

    def corporate_action(self, kind: str, symbol: str, **fields: object) -> dict[str, Any]:
        """A split, a dividend or the like is ahead; its fields as in a file of them."""
        body = json.dumps({"kind": kind, "symbol": symbol, **fields}, default=str)
        made: dict[str, Any] = self._ask("POST", "corporate-action", body)
        return made

    def bust(self, execution_id: str) -> None:
        """A fill never was."""
        self._post("bust", execution_id=execution_id)

    def correct_fill(
        self, execution_id: str, *, qty: Amount | None = None, price: Amount | None = None
    ) -> None:
        """A fill had another quantity or price."""
        given = {"qty": qty, "price": price}
        changes = {n: amount_text(n, value) for n, value in given.items() if value is not None}
        self._post("correct-fill", execution_id=execution_id, **changes)

    # What goes wrong.

    def faults(
        self, plan: str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> dict[str, Any]:
        """Follow this plan of faults from now on, and tell how often each has struck.

        A plan is TOML or JSON text, a mapping with `seed` and `fault`, a list of faults, or one.
        Without a plan it only tells; an empty list ends all faults.
        """
        told: dict[str, Any]
        told = self._ask("GET" if plan is None else "PUT", "faults", plan_text(plan))
        return told

    def reset(self) -> None:
        """Back to the start: no order, the first cash, the first time, unspent faults."""
        self._ask("POST", "reset")

    @property
    def _stream_root(self) -> str:
        return self.url.replace("http", "ws", 1)

    def _post(self, control: str, **body: str) -> Any:
        return self._ask("POST", control, json.dumps(body))

    def _ask(self, method: str, control: str, body: str | None = None) -> Any:
        """What a control of the exchange answers: straight, whatever proxy the machine has."""
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=_ANSWER_S)) as connection:
            connection.request(method, f"/_exchange/{control}", body)
            answer = connection.getresponse()
            raw = answer.read()
        told: Any = json.loads(raw) if raw else None
        if answer.status >= 500:
            raise RuntimeError(told["message"])
        if answer.status >= 400:
            raise ValueError(told["message"])
        return told


def amount_text(name: str, value: object) -> str:
    """An amount from 0 up as text, exactly as it was written or as a float is printed.

    Raises TypeError or ValueError that begins with the name.
    """
    wanted = 'write 187.1, "187.10" or Decimal("187.10")'
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal | float):
        raise TypeError(f"{name}: {value!r} is no number; {wanted}")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{name}: {value!r} is no number; {wanted}") from None
    if not number.is_finite() or number < 0:
        raise ValueError(f"{name}: {value!r} must be a number from 0 up")
    return f"{number:f}"


def instant(name: str, value: object) -> datetime:
    """A time as it was given; without a zone it is New York's. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        wanted = 'a datetime or text such as "2026-06-01 15:59"'
        raise ValueError(f"{name}: {value!r} must be {wanted}; New York's time without a zone")
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("America/New_York"))


def _moment(clock: dict[str, str]) -> datetime:
    return datetime.fromisoformat(clock["now"])


def plan_text(plan: object) -> str | None:
    """A fault plan as text that the exchange reads."""
    if plan is None or isinstance(plan, str):
        return plan
    if isinstance(plan, Mapping) and "kind" in plan:
        plan = [plan]
    return json.dumps(plan, default=str)
