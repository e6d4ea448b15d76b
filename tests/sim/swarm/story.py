"""A story as data, drawn from its seed before anything happens, so that it can be made smaller."""

from decimal import Decimal
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.clock import NS_PER_S
from floorbroker.domain.order import OrderRequest
from floorbroker.exchange.faults import FaultRule
from tests.sim.world import ORIGIN_NS, SYMBOLS

POST, ORDER, ANY = "/v2/orders", "/v2/orders/*", "/v2/*"
#: How long callers go on placing orders, in seconds.
ACTIVE_S = 8.0
#: When the market closes, counted from the origin.
_TO_CLOSE_S = 6 * 3600


class Change(Struct, frozen=True, kw_only=True):
    """What a caller wants changed, so long after the answer to what it asked before."""

    after_s: float
    what: str  #: cancel, price, qty
    leg: int = 0  #: Which of the order and its legs; taken modulo their number.
    value: str = ""


class Caller(Struct, frozen=True, kw_only=True):
    """Somebody who places an order."""

    at_s: float
    request: OrderRequest
    changes: tuple[Change, ...] = ()
    gives_up_s: float | None = None  #: It is cancelled so long after it asked.
    is_double: bool = False  #: It asks twice at once, under one id of its own.


class Death(Struct, frozen=True, kw_only=True):
    """How a life of the desk ends: the `nth` time that it comes to a place, or by the clock.

    | place | what happens there |
    | --- | --- |
    | append ... frame | as in `tests.boundaries`: it is killed |
    | after_s | it is killed at that second of its life |
    | stop | it is told to stop, at that second |
    | full | the disk is full at the nth append |
    | sync_lost, sync_kept | the sync of the nth append fails; the batch is lost, or there |

    `about` narrows the place to what was about to happen, or had: one of `kind_of`'s words.
    """

    place: str
    nth: int = 1
    about: str = ""
    lacks: str = ""  #: The nth time that this was not among it.
    after_s: float = 0.0
    down_s: float = 0.0  #: How long until the next start.
    loses_snapshot: bool = False
    is_restored: bool = (
        False  #: The next start finds the disk as it was at the end of a life before.
    )


class Mishap(Struct, frozen=True, kw_only=True):
    """Something that happens to the world at a time."""

    at_s: float
    kind: str  #: clock, halt, stranger, cancel_all, backup
    value: str = ""


class Story(Struct, frozen=True, kw_only=True):
    """Everything that is drawn; the schedule and each fault's dice follow from the seed."""

    seed: int
    callers: tuple[Caller, ...]
    faults: tuple[FaultRule, ...] = ()
    deaths: tuple[Death, ...] = ()
    mishaps: tuple[Mishap, ...] = ()
    start_ns: int = ORIGIN_NS
    snapshot_every: int = 50_000
    latency_s: float = 0.0  #: Of the venue, for acknowledgements, cancels and replaces.
    has_one_stream: bool = False  #: The exchange lets the account have one order stream.

    @property
    def has_busts(self) -> bool:
        return any(rule.kind in ("bust", "correct") for rule in self.faults)

    @property
    def is_restored(self) -> bool:
        return any(death.is_restored for death in self.deaths)


#: One line a fault, with the chance with which it strikes where it is enabled.
FAULTS = (
    FaultRule(kind="refuse", path=ANY, probability=0.2),
    FaultRule(kind="refuse", path=POST, method="POST", probability=0.5),
    FaultRule(kind="reset_before_accept", path=ANY, probability=0.2),
    FaultRule(kind="reset_before_accept", path=POST, method="POST", probability=0.5),
    FaultRule(kind="rate_limit", path=ANY, probability=0.3, retry_after_s=1),
    FaultRule(kind="server_error", path=ANY, probability=0.2, status=502),
    FaultRule(kind="server_error", path=ORDER, probability=0.4, status=500),
    FaultRule(kind="unauthorized", path=ANY, probability=0.1),
    FaultRule(kind="unauthorized", path=POST, method="POST", probability=0.4),
    FaultRule(kind="delay", path=ANY, probability=0.2, seconds=3),
    FaultRule(kind="delay", path=POST, method="POST", probability=0.4, seconds=20),
    FaultRule(kind="late_answer", path=ANY, probability=0.3, seconds=5),
    FaultRule(kind="accept_then_504", path=POST, method="POST", probability=0.5),
    FaultRule(kind="accept_then_504", path=ORDER, probability=0.4),
    FaultRule(kind="accept_then_hang", path=POST, method="POST", probability=0.3, seconds=60),
    FaultRule(kind="accept_then_hang", path=ORDER, probability=0.2, seconds=60),
    FaultRule(kind="reset_after_accept", path=ANY, probability=0.3),
    FaultRule(kind="reset_after_accept", path=ORDER, probability=0.6),
    FaultRule(kind="reset_before_accept", path=ORDER, probability=0.6),
    FaultRule(kind="truncated_body", path=ORDER, probability=0.6),
    FaultRule(kind="delay", path=ORDER, probability=0.6, seconds=2),
    FaultRule(kind="garbage_body", path=ANY, probability=0.2),
    FaultRule(kind="truncated_body", path=ANY, probability=0.2),
    FaultRule(kind="unheard_of", path=ANY, probability=0.2),
    FaultRule(kind="stale_answer", path=ANY, probability=0.5, seconds=4),
    FaultRule(kind="deliver_twice", path=POST, method="POST", probability=0.5),
    FaultRule(kind="deliver_twice", path=ORDER, probability=0.5),
    FaultRule(kind="late_visibility", path=POST, method="POST", probability=0.4, seconds=5),
    FaultRule(kind="late_visibility", path=POST, method="POST", probability=0.2, seconds=25),
    FaultRule(kind="stream_refuse", probability=0.5),
    FaultRule(kind="stream_lose", probability=0.4),
    FaultRule(kind="stream_duplicate", probability=0.5),
    FaultRule(kind="stream_reorder", probability=0.4),
    FaultRule(kind="stream_delay", probability=0.4, seconds=4),
    FaultRule(kind="stream_garbage", probability=0.1),
    FaultRule(kind="stream_unknown_event", probability=0.1),
    FaultRule(kind="stream_mute", probability=0.1, seconds=60),
    FaultRule(kind="stream_disconnect", probability=0.2),
    FaultRule(kind="partial_fills", probability=0.7, max_qty="1"),
    FaultRule(kind="fill_during_cancel", probability=0.5),
    FaultRule(kind="async_reject", probability=0.2),
    FaultRule(kind="bust", probability=0.3, seconds=3),
    FaultRule(kind="correct", probability=0.3, seconds=3, price="99.5"),
)
_BUSY = next(rule for rule in FAULTS if rule.kind == "rate_limit")
#: Most stories have a few kinds of fault, some none.
_HOW_MANY = (0, 1, 1, 2, 2, 3, 3, 4, 5, 8)

#: A correction of a price alone that the stream loses is found by no comparison of today.
LOSES = ("stream_lose", "stream_garbage", "stream_unknown_event", "stream_mute")

#: Where a desk may die, and about what.
_PLACES: tuple[tuple[str, ...], ...] = (
    ("append", ""),
    ("appended", ""),
    ("append", "NewOrderSingle"),
    ("appended", "NewOrderSingle"),
    ("appended", "NewOrderSingle", "RequestSent new"),
    ("appended", "NewOrderSingle", "RequestSent new"),
    ("append", "RequestSent new"),
    ("appended", "RequestSent new"),
    ("append", "RequestSent cancel"),
    ("appended", "RequestSent cancel"),
    ("append", "RequestSent replace"),
    ("appended", "RequestSent replace"),
    ("append", "ExecutionReport trade stream"),
    ("appended", "ExecutionReport trade stream"),
    ("append", "DeskClosed"),
    ("request", ""),
    ("answered", ""),
    ("request", "POST /v2/orders"),
    ("answered", "POST /v2/orders"),
    ("request", "PATCH /v2/orders/{id}"),
    ("answered", "PATCH /v2/orders/{id}"),
    ("request", "DELETE /v2/orders/{id}"),
    ("answered", "DELETE /v2/orders/{id}"),
    ("connect", ""),
    ("connected", ""),
    ("frame", ""),
    ("snapshot", ""),
    ("snapshotted", ""),
    ("full", ""),
    ("sync_lost", ""),
    ("sync_kept", ""),
    ("after_s", ""),
    ("stop", ""),
)
#: What batches hold beside those, rarely enough to be gone through one by one.
_KINDS = (
    "Alarm",
    "BusinessMessageReject",
    "DeskOpened",
    "ExecutionReport canceled stream",
    "ExecutionReport expired stream",
    "ExecutionReport new stream",
    "ExecutionReport order_status answer",
    "ExecutionReport order_status lookup",
    "ExecutionReport order_status poll",
    "ExecutionReport order_status stream",
    "ExecutionReport pending_cancel answer",
    "ExecutionReport pending_new stream",
    "ExecutionReport rejected stream",
    "ExecutionReport replaced stream",
    "ExecutionReport trade activity",
    "ExecutionReport trade_cancel activity",
    "ExecutionReport trade_cancel stream",
    "ExecutionReport trade_correct activity",
    "ExecutionReport trade_correct stream",
    "LegAdopted",
    "MessageQuarantined",
    "OrderCancelReject cancel",
    "OrderCancelReject replace",
    "OrderCancelRequest",
    "OrderCancelReplaceRequest",
    "OrderExpiredUnsent",
    "OrderNotPlaced",
    "OrderReject",
    "OrderReopened",
    "PositionAdjusted",
    "Reconciliation",
    "RequestUnanswered cancel",
    "RequestUnanswered new",
    "RequestUnanswered replace",
    "RequestUndelivered cancel",
    "RequestUndelivered new",
    "RequestUndelivered replace",
    "TimerFired",
    "TimerSet",
)
_QUESTIONS = (
    "GET /v2/account/activities/FILL",
    "GET /v2/assets/AAPL",
    "GET /v2/assets/MSFT",
    "GET /v2/clock",
    "GET /v2/orders",
    "GET /v2/orders/{id}",
    "GET /v2/orders:by_client_order_id",
    "GET /v2/positions",
)
_RARE_PLACES = (
    *((place, kind) for kind in _KINDS for place in ("append", "appended")),
    *((place, asked) for asked in _QUESTIONS for place in ("request", "answered")),
    *(("answered", status) for status in ("401", "403", "404", "422", "429", "500", "502", "504")),
)
#: How many lives end before the last one.
_LIVES = (0, 0, 1, 1, 1, 1, 2, 2, 3)


def drawn(seed: int) -> Story:
    """The story of this seed."""
    dice = Random(f"story {seed}")
    deaths = tuple(_death(dice) for _ in range(dice.choice(_LIVES)))
    faults = dice.sample(FAULTS, dice.choice(_HOW_MANY))
    if any(death.lacks for death in deaths):
        faults.append(_BUSY)  # so that orders wait to be sent
    if any(rule.kind in LOSES for rule in faults):
        faults = [rule for rule in faults if rule.kind != "correct"]
    mishaps = _mishaps(dice)
    if deaths and dice.random() < 0.05:
        backup = Mishap(at_s=round(dice.uniform(0, 6), 3), kind="backup")
        deaths = (*deaths[:-1], replace(deaths[-1], is_restored=True))
        mishaps = (*mishaps, backup)
        # What is taken over at the very first start is taken for what it is told to be.
        faults = [rule for rule in faults if rule.kind != "stale_answer"]
    return Story(
        seed=seed,
        callers=_callers(dice),
        faults=tuple(sorted(set(faults), key=FAULTS.index)),
        deaths=deaths,
        mishaps=mishaps,
        start_ns=ORIGIN_NS + dice.choice((0, 0, 0, 0, 0, 0, 0, _TO_CLOSE_S - 6)) * NS_PER_S,
        snapshot_every=dice.choice((50_000, 12, 4)),
        latency_s=dice.choice((0, 0, 0, 0, 0, 0.3)),
        has_one_stream=dice.random() < 0.2,
    )


def _death(dice: Random) -> Death:
    place, about, *lacks = dice.choice(_PLACES if dice.random() < 0.6 else _RARE_PLACES)
    is_rare = about or place in ("snapshot", "snapshotted")
    return Death(
        place=place,
        about=about,
        lacks="".join(lacks),
        nth=dice.choice((1, 1, 1, 2, 3) if is_rare else (1, 1, 2, 2, 3, 4, 6, 9, 14)),
        after_s=round(dice.uniform(0.001, 8), 3),
        down_s=dice.choice((0, 0, 0.5, 5, 20)),
        loses_snapshot=dice.random() < 0.1,
    )


def _mishaps(dice: Random) -> tuple[Mishap, ...]:
    found = []
    if dice.random() < 0.1:
        jump = dice.choice(("3600", "-3600", "30", "-30"))
        found.append(Mishap(at_s=round(dice.uniform(0, 10), 3), kind="clock", value=jump))
    if dice.random() < 0.1:
        at_s = round(dice.uniform(0, 8), 3)
        found.append(Mishap(at_s=at_s, kind="halt", value=dice.choice(SYMBOLS)))
    if dice.random() < 0.15:
        at_s = round(dice.uniform(0, 10), 3)
        found.append(Mishap(at_s=at_s, kind="stranger", value=dice.choice(SYMBOLS)))
    if dice.random() < 0.15:
        found.append(Mishap(at_s=round(dice.uniform(2, 8), 3), kind="cancel_all"))
    return tuple(found)


def _callers(dice: Random) -> tuple[Caller, ...]:
    count = dice.choice((1, 2, 2, 3, 3, 4, 5, 6, 8, 10))
    draw = dice.choice((simple, simple, grouped, _either))
    is_burst = dice.random() < 0.1
    at_s = round(dice.uniform(0, 3), 3)
    return tuple(_caller(dice, draw(dice), at_s if is_burst else None) for _ in range(count))


def _caller(dice: Random, request: OrderRequest, at_s: float | None) -> Caller:
    return Caller(
        at_s=round(dice.uniform(0, ACTIVE_S - 2), 3) if at_s is None else at_s,
        request=request,
        changes=tuple(_change(dice) for _ in range(dice.choice((0, 1, 1, 2, 3)))),
        gives_up_s=dice.choice((0, 0.5, 3)) if dice.random() < 0.08 else None,
        is_double=dice.random() < 0.05,
    )


def _change(dice: Random) -> Change:
    what = dice.choice(("cancel", "price", "qty"))
    value = str(dice.randint(1, 20)) if what == "qty" else str(_price(dice))
    after_s = round(dice.uniform(0, 3), 3)
    return Change(after_s=after_s, what=what, leg=dice.randint(0, 2), value=value)


def _price(dice: Random) -> Decimal:
    return Decimal(10_000 + dice.randint(-80, 80)) / 100


def _either(dice: Random) -> OrderRequest:
    return dice.choice((simple, grouped))(dice)


def simple(dice: Random) -> OrderRequest:
    """An order of any kind that has no legs."""
    side, symbol = dice.choice(("buy", "sell")), dice.choice(SYMBOLS)
    kind = dice.choice(("market", "limit", "limit", "limit", "fraction", "notional", "stop"))
    qty = dice.randint(1, 12)
    if kind == "market":
        return OrderRequest.market(side, qty, symbol)
    if kind == "fraction":
        return OrderRequest.market("buy", f"{qty}.5", symbol)
    if kind == "notional":
        return OrderRequest.market("buy", None, symbol, notional=qty * 100)
    if kind == "stop":
        return OrderRequest.stop(side, qty, symbol, stop_price=80 if side == "sell" else 120)
    tif = dice.choice(("day", "gtc", "ioc"))
    return OrderRequest.limit(side, qty, symbol, limit_price=_price(dice), time_in_force=tif)


def grouped(dice: Random) -> OrderRequest:
    """A bracket or an OTO around the market, an OCO for shares that may be there, or a simple
    order that makes some."""
    side, symbol, qty = dice.choice(("buy", "sell")), dice.choice(SYMBOLS), dice.randint(2, 12)
    kind = dice.choice(("bracket", "bracket", "oto", "oco", "market"))
    near, far = Decimal(100 + dice.randint(1, 2)), Decimal(100 - dice.randint(1, 2))
    profit, loss = (near, far) if side == "buy" else (far, near)
    entry = dice.choice((None, None, Decimal(100)))
    if kind == "bracket":
        return OrderRequest.bracket(
            side, qty, symbol, take_profit=profit, stop_loss=loss, limit_price=entry
        )
    if kind == "oto" and dice.random() < 0.5:
        return OrderRequest.oto(side, qty, symbol, take_profit=profit, limit_price=entry)
    if kind == "oto":
        return OrderRequest.oto(side, qty, symbol, stop_loss=loss, limit_price=entry)
    if kind == "oco":
        return OrderRequest.oco(side, qty, symbol, take_profit=loss, stop_loss=profit)
    return OrderRequest.market(side, qty, symbol)
