"""A seeded plan of what the exchange does wrong, to whom and when."""

import re
import tomllib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from floorbroker.domain.errors import TapeError

#: A brace, or a list of objects; a TOML plan may begin with "[[fault]]".
_JSON_START = re.compile(r"\s*(\{|\[\s*[{\]])")
REQUEST, CONNECT, STREAM = "request", "connect", "stream"
MARKET, VENUE = "market", "venue"
DATA, DATA_CONNECT = "data", "data_connect"
_LOG_LIMIT = 1000
_TRIGGERS = ("probability", "nth", "after", "count")
_FILTERS = {
    REQUEST: ("method", "path", "account"),
    CONNECT: (),
    STREAM: ("event", "symbol", "account"),
    DATA_CONNECT: (),
    DATA: ("event", "symbol", "account"),
    MARKET: ("symbol",),
    VENUE: ("symbol", "account"),
}


class Kind(Struct, frozen=True):
    """Where a kind of fault strikes, and which parameters it takes."""

    layer: str
    parameters: tuple[str, ...] = ()


#: Every kind of fault there is.
KINDS: dict[str, Kind] = {
    # The request never reaches the exchange.
    "refuse": Kind(REQUEST),
    "reset_before_accept": Kind(REQUEST),
    "rate_limit": Kind(REQUEST, ("retry_after_s",)),
    "server_error": Kind(REQUEST, ("status",)),
    "unauthorized": Kind(REQUEST),  # as with a key that was revoked
    # The request is acted upon, but its answer is late, lost or wrong.
    "delay": Kind(REQUEST, ("seconds",)),  # waits, then acts and answers
    "late_answer": Kind(REQUEST, ("seconds",)),  # acts, then waits, then answers
    "accept_then_504": Kind(REQUEST),
    "accept_then_hang": Kind(REQUEST, ("seconds",)),
    "reset_after_accept": Kind(REQUEST),
    "garbage_body": Kind(REQUEST),
    "truncated_body": Kind(REQUEST),
    "unheard_of": Kind(REQUEST),  # 2xx with a status and a field that nobody knows
    "stale_answer": Kind(REQUEST, ("seconds",)),  # to a GET: what such a fault let through before
    "deliver_twice": Kind(REQUEST),  # as a proxy does that repeats; the second answer is given
    "late_visibility": Kind(REQUEST, ("seconds",)),  # the order placed is not found for a while
    # The handshake of the order stream is answered 429.
    "stream_refuse": Kind(CONNECT),
    # Frames of the order stream.
    "stream_lose": Kind(STREAM),
    "stream_duplicate": Kind(STREAM),
    "stream_reorder": Kind(STREAM),  # the frame leaves after the next one
    "stream_delay": Kind(STREAM, ("seconds",)),
    "stream_garbage": Kind(STREAM),
    "stream_unknown_event": Kind(STREAM),
    "stream_mute": Kind(STREAM, ("seconds",)),  # the socket stays open and says nothing
    "stream_disconnect": Kind(STREAM, ("code",)),
    # The same of market data streams; their events are channels: quotes, trades, bars, statuses.
    "data_refuse": Kind(DATA_CONNECT),
    "data_lose": Kind(DATA),
    "data_duplicate": Kind(DATA),
    "data_reorder": Kind(DATA),  # the message leaves after the next one
    "data_garbage": Kind(DATA),
    "data_mute": Kind(DATA, ("seconds",)),  # answers are not given either
    "data_disconnect": Kind(DATA, ("code",)),
    # The market offers `max_qty` at most at a time, so that orders fill in parts.
    "partial_fills": Kind(MARKET, ("max_qty",)),
    # What the venue does with orders.
    "bust": Kind(VENUE, ("seconds",)),  # a fill is taken back that much later
    "correct": Kind(VENUE, ("seconds", "qty", "price")),  # and corrected to these
    "fill_during_cancel": Kind(VENUE),
    "async_reject": Kind(VENUE, ("reason",)),
}


#: Seconds of the kinds that wait, where a plan does not say: one, unless it is here.
_WAITS = {"accept_then_hang": 600.0, "late_visibility": 5.0, "stream_mute": 86_400.0}
_WAITS |= {"data_mute": 86_400.0, "stale_answer": 5.0}


class FaultRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of fault, which requests, frames or orders it may hit, and how often.

    An empty filter matches everything; `path` may hold `*`. Without a trigger the fault strikes
    at every match. `nth` counts matches from 1; `after` lets the first matches pass; `count` is
    the most often it strikes.
    """

    kind: str
    method: str = ""
    path: str = ""
    event: str = ""
    symbol: str = ""
    account: str = ""
    probability: float = 1.0
    nth: tuple[int, ...] = ()
    after: int = 0
    count: int | None = None
    seconds: float | None = None
    retry_after_s: float | None = None
    status: int = 503
    code: int = 1006
    max_qty: str = "1"
    qty: str | None = None
    price: str | None = None
    reason: str = "rejected by the fault plan"

    @property
    def layer(self) -> str:
        return KINDS[self.kind].layer

    @property
    def wait_s(self) -> float:
        """`seconds`, or what is meant where a plan says nothing."""
        return _WAITS.get(self.kind, 1.0) if self.seconds is None else self.seconds


class FiredFault(Struct, frozen=True):
    """One fault that struck: the rule's number (from 1), when by market time, and at what."""

    rule: int
    kind: str
    time_ns: int
    where: str


class FaultPlan:
    """The rules, each with its own random numbers, so that one rule never shifts another's."""

    def __init__(self, rules: Sequence[FaultRule] = (), seed: int = 0) -> None:
        self.rules = tuple(rules)
        self.seed = seed
        self.fired: deque[FiredFault] = deque(maxlen=_LOG_LIMIT)
        self.restart()

    def restart(self) -> None:
        """Forget what was matched and fired; the same faults will strike again."""
        self.fired.clear()
        armed = [_Armed(n, rule, self.seed) for n, rule in enumerate(self.rules, 1)]
        self._layers = {
            layer: tuple(one for one in armed if one.rule.layer == layer) for layer in _FILTERS
        }

    def on_request(
        self, method: str, path: str, account: str, now_ns: int
    ) -> tuple[FaultRule, ...]:
        """The faults that strike this request, in the order of the plan."""
        armed = self._layers[REQUEST]
        if not armed:
            return ()
        seen = {"method": method, "path": path, "account": account}
        return self._strike(armed, seen, f"{method} {path}", now_ns)

    def on_connect(self, now_ns: int, layer: str = CONNECT) -> bool:
        """Whether a handshake of the order stream, or of a market data stream, is refused."""
        return bool(self._strike(self._layers[layer], {}, layer, now_ns))

    def on_frame(
        self, event: str, symbol: str, account: str, now_ns: int, *, layer: str = STREAM
    ) -> tuple[FaultRule, ...]:
        """The faults that strike this frame of the order stream, or message of market data."""
        armed = self._layers[layer]
        if not armed:
            return ()
        seen = {"event": event, "symbol": symbol, "account": account}
        return self._strike(armed, seen, f"{event} {symbol}".rstrip(), now_ns)

    def on_market(self, symbol: str, now_ns: int) -> FaultRule | None:
        """The first rule that thins this quote or print; None if none does."""
        armed = self._layers[MARKET]
        if not armed:
            return None
        struck = self._strike(armed, {"symbol": symbol}, symbol, now_ns)
        return struck[0] if struck else None

    def on_order(self, kind: str, symbol: str, account: str, now_ns: int) -> FaultRule | None:
        """The first rule of this venue kind that strikes an order; None if none does."""
        armed = self._layers[VENUE]
        if not armed:
            return None
        armed = tuple(one for one in armed if one.rule.kind == kind)
        seen = {"symbol": symbol, "account": account}
        struck = self._strike(armed, seen, symbol, now_ns)
        return struck[0] if struck else None

    def strikes_at(self, layer: str) -> bool:
        """Whether any rule is of that layer."""
        return bool(self._layers[layer])

    def counts(self) -> list[dict[str, Any]]:
        """Each rule as it was written, with how often it matched and struck."""
        armed = [one for layer in self._layers.values() for one in layer]
        armed.sort(key=lambda one: one.number)
        return [
            {**msgspec.to_builtins(one.rule), "matched": one.matched, "fired": one.fired}
            for one in armed
        ]

    def _strike(
        self,
        armed: tuple["_Armed", ...],
        seen: Mapping[str, str],
        where: str,
        now_ns: int,
    ) -> tuple[FaultRule, ...]:
        struck = [one for one in armed if one.matches(seen) and one.strikes()]
        for one in struck:
            self.fired.append(FiredFault(one.number, one.rule.kind, now_ns, where))
        return tuple(one.rule for one in struck)


class _Armed:
    """A rule at work: what it matched, how often it struck, and its dice."""

    def __init__(self, number: int, rule: FaultRule, seed: int) -> None:
        self.number = number
        self.rule = rule
        self.matched = 0
        self.fired = 0
        self._random = Random(f"{seed}:{number}")  # noqa: S311  (faults, not secrets)
        self._filters = [
            (name, wanted)
            for name in _FILTERS[rule.layer]
            if (wanted := getattr(rule, name)) not in ("", "*")
        ]

    def matches(self, seen: Mapping[str, str]) -> bool:
        return all(fnmatchcase(seen[name], wanted) for name, wanted in self._filters)

    def strikes(self) -> bool:
        """Count one match and say whether the fault strikes now."""
        rule = self.rule
        self.matched += 1
        if rule.count is not None and self.fired >= rule.count:
            return False
        if self.matched <= rule.after or (rule.nth and self.matched not in rule.nth):
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        self.fired += 1
        return True


def parse_fault_plan(text: str, source: str = "fault plan") -> FaultPlan:
    """Read a plan from TOML or JSON: `seed`, and a list of rules under `fault` (or `faults`).

    Raises TapeError naming the source, the entry, the field and what would be right.
    """
    document = _document(text, source)
    unknown = set(document) - {"seed", "fault", "faults"}
    if unknown:
        raise TapeError(
            f"{source}: unknown field {min(unknown)!r}; a plan has 'seed' and a list 'fault'"
        )
    seed = document.get("seed", 0)
    if type(seed) is not int:
        raise TapeError(f"{source}: seed: {seed!r} is not a whole number")
    entries = document.get("fault", document.get("faults", []))
    if not isinstance(entries, list):
        raise TapeError(f"{source}: 'fault' must be a list of tables ([[fault]] in TOML)")
    rules = [_rule(entry, f"{source}: fault {n}") for n, entry in enumerate(entries, 1)]
    return FaultPlan(rules, seed)


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(text) if _JSON_START.match(text) else tomllib.loads(text)
    except (msgspec.DecodeError, tomllib.TOMLDecodeError) as error:
        raise TapeError(f"{source}: neither TOML nor JSON: {error}") from None
    if isinstance(document, list):
        return {"fault": document}
    assert isinstance(document, dict)
    return document


def _rule(entry: object, where: str) -> FaultRule:
    if not isinstance(entry, dict):
        raise TapeError(f"{where}: {entry!r} is not a table with a field 'kind'")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise TapeError(f"{where}: kind: {kind!r} is not one of {', '.join(KINDS)}")
    where = f"{where} ({kind})"
    layer = KINDS[kind].layer
    allowed = (*_FILTERS[layer], *_TRIGGERS, *KINDS[kind].parameters)
    for field in entry:
        if field != "kind" and field not in allowed:
            raise TapeError(f"{where}: unknown field {field!r}; {kind} takes {', '.join(allowed)}")
    checked = {
        field: _CHECKS[field](value, f"{where}: {field}")
        for field, value in entry.items()
        if field != "kind"
    }
    if kind == "correct" and not {"qty", "price"} & set(checked):
        raise TapeError(f"{where}: lacks qty or price; one of them is what a fill is corrected to")
    return FaultRule(kind=kind, **checked)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise TapeError(f"{where}: {value!r} is not text")
    return value


def _method(value: object, where: str) -> str:
    method = _text(value, where).upper()
    if method not in ("GET", "POST", "PUT", "PATCH", "DELETE", "*", ""):
        raise TapeError(f"{where}: {value!r} is not one of GET, POST, PUT, PATCH, DELETE, *")
    return method


def _path(value: object, where: str) -> str:
    path = _text(value, where)
    if path and path[0] not in "/*":
        raise TapeError(f"{where}: {value!r} does not begin with '/'; for example /v2/orders*")
    return path


def _probability(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise TapeError(f"{where}: {value!r} is not a number above 0 and up to 1")
    return float(value)


def _seconds(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
        raise TapeError(f"{where}: {value!r} is not a number of seconds from 0 to 86400")
    return float(value)


def _nth(value: object, where: str) -> tuple[int, ...]:
    numbers = value if isinstance(value, list) else [value]
    return tuple(_whole(number, where, least=1) for number in numbers)


def _whole(value: object, where: str, least: int = 0) -> int:
    if type(value) is not int or value < least:
        raise TapeError(f"{where}: {value!r} is not a whole number from {least} up")
    return value


def _status(value: object, where: str) -> int:
    if type(value) is not int or value not in (500, 502, 503, 504):
        raise TapeError(f"{where}: {value!r} is not one of 500, 502, 503, 504")
    return value


def _code(value: object, where: str) -> int:
    if type(value) is not int or value not in (1000, 1001, 1006, 1011, 1012, 1013):
        raise TapeError(
            f"{where}: {value!r} is not one of 1000, 1001, 1011, 1012, 1013, "
            "or 1006 for a loss without a close frame"
        )
    return value


def _quantity(value: object, where: str) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not text.replace(".", "", 1).isdigit() or not text.strip("0."):
        raise TapeError(f"{where}: {value!r} is not a positive number; write it as text")
    return text


_CHECKS: dict[str, Callable[[object, str], Any]] = {
    "method": _method,
    "path": _path,
    "event": _text,
    "symbol": _text,
    "account": _text,
    "probability": _probability,
    "nth": _nth,
    "after": _whole,
    "count": _whole,
    "seconds": _seconds,
    "retry_after_s": _seconds,
    "status": _status,
    "code": _code,
    "max_qty": _quantity,
    "qty": _quantity,
    "price": _quantity,
    "reason": _text,
}
