"""What must hold at every step, held against what is durable and what the exchange has."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from floorbroker.brokers.alpaca.transport import Frames
from floorbroker.domain.amounts import Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    Alarm,
    ExecType,
    ExecutionReport,
    JournalMessage,
    OrderCancelReplaceRequest,
    Reconciliation,
    RequestKind,
    RequestSent,
)
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book.book import Book
from floorbroker.engine.state import State
from floorbroker.exchange.model import VenueEvent, VenueOrder
from tests.sim.world import KEYS, NAMESPACE

if TYPE_CHECKING:
    from tests.sim.swarm.world import SwarmWorld

#: What the request is about on whose behalf the exchange acts.
SUBJECT: ContextVar[str] = ContextVar("subject", default="")
Asked = tuple[str, str, Token[str]]  # method, name, and what the subject was before
_REVISIONS = (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)


class Truth:
    """Follows one story over all lives of its desk. Whatever it finds broken it raises at the end
    of the step in which it broke, out of the desk or out of the exchange."""

    def __init__(self, world: "SwarmWorld", *, has_busts: bool, is_restored: bool) -> None:
        self.world = world
        self.in_flight: Counter[str] = Counter()
        self.broken: list[str] = []
        self.sockets: list[Frames] = []  #: A dead process leaves none open.
        #: The first comparison took over what was there. An execution of somebody else that is
        #: older, and that the stream tells of later, would count twice.
        self.is_adopted = False
        self.is_blind = False  #: There is no desk whose book could be looked at.
        self._has_busts = has_busts
        self._is_restored = is_restored
        self._sends: Counter[str] = Counter()  # durable SENDs, by what the wire will show of them
        self._used: Counter[str] = Counter()
        self._placing: Counter[str] = Counter()  # orders whose first request is not answered
        self._wires: dict[ClOrdID, str] = {}
        self._stands: dict[ClOrdID, tuple[Qty, OrdStatus]] = {}
        self._booked: set[str] = set()
        #: What was told of orders since they were looked at last; a desk that closes shows none.
        self._alarmed: set[ClOrdID | None] = set()
        self._revised: set[ClOrdID] = set()
        world.front.server.event_listeners.append(self._happened)

    def forget(self) -> None:
        """The journal was restored from a backup: what is durable now is less."""
        self._stands.clear()
        self._booked.clear()

    # What is durable

    def appended(self, messages: Sequence[JournalMessage]) -> None:
        """The batch is on the disk, and nothing of it has left."""
        for message in messages:
            if isinstance(message, OrderCancelReplaceRequest):
                self._wires[message.cl_ord_id] = message.wire_id
            elif isinstance(message, Reconciliation):
                self.is_adopted = True
            elif isinstance(message, RequestSent):
                self._sends[self._announced(message)] += 1
            elif isinstance(message, ExecutionReport) and message.exec_type is ExecType.TRADE:
                self._booked_once(message)
            elif isinstance(message, ExecutionReport) and message.exec_type in _REVISIONS:
                self._revised.add(message.cl_ord_id)
            elif isinstance(message, Alarm):
                self._alarmed.add(message.cl_ord_id)
        state = self._state()
        if state is not None:
            self._check_orders(state.book, messages)
            self._check_reserves(state.book)

    def _announced(self, sent: RequestSent) -> str:
        if sent.request is RequestKind.NEW:
            return f"POST {sent.cl_ord_id}"
        if sent.request is RequestKind.REPLACE:
            return f"PATCH {self._wires[sent.cl_ord_id]}"
        return "DELETE"

    def _booked_once(self, report: ExecutionReport) -> None:
        key = f"{report.exec_id}"
        if key in self._booked:
            self._break(f"I09 execution {key} of {report.cl_ord_id} is booked twice")
        self._booked.add(key)
        if self._placing[report.cl_ord_id]:
            self.world.census.came_to("C14")

    def _check_orders(self, book: Book, messages: Sequence[JournalMessage]) -> None:
        names = {name: None for m in messages if (name := getattr(m, "cl_ord_id", None))}
        for name in names:
            order = book.find(name) or book.ended.get(name)
            if order is None:
                continue
            before = self._stands.get(name)
            self._stands[name] = (order.cum_qty, order.venue_status)
            was_alarmed, was_revised = name in self._alarmed, name in self._revised
            self._alarmed.discard(name)
            self._revised.discard(name)
            if before is None:
                continue
            cum_qty, status = before
            if order.cum_qty < cum_qty and not was_revised:
                self._break(f"I05 {name} had {cum_qty} filled and now {order.cum_qty}")
            if status.is_ended and order.venue_status is not status and not was_alarmed:
                self._break(f"I06 {name} was {status} and is {order.venue_status}, unalarmed")

    # What the exchange has

    def _happened(self, events: list[VenueEvent]) -> None:
        state = self._state()
        if state is not None:
            self._check_reserves(state.book)

    def _check_reserves(self, book: Book) -> None:
        """I10: no order of ours can do more at the exchange than is reserved for it here."""
        if self._has_busts or self._is_restored:
            return
        account = self.world.front.server.venue.accounts.get(KEYS.key_id.reveal())
        if account is None:
            return
        for theirs in account.open_orders.values():
            name = theirs.client_order_id.partition(".")[0]
            if theirs.parent_id or not name.startswith(f"{NAMESPACE}-"):
                continue
            self._check_reserve(book, ClOrdID(name), theirs)

    def _check_reserve(self, book: Book, name: ClOrdID, theirs: VenueOrder) -> None:
        ours = book.orders.get(name)
        if ours is None:
            ended = self._ended(book, name)
            is_excused = ended is not None and ended.venue_status is OrdStatus.NOT_PLACED
            if not (is_excused and "late_order" in self.world.expected_alarms):
                what = "unknown" if ended is None else ended.venue_status
                self._break(f"I10 {name} is {theirs.status} at the exchange and {what} here")
            return
        most = book.most(ours)
        if most is None or theirs.qty is None:
            return
        held, true = Decimal(most - ours.cum_qty), theirs.qty - theirs.filled_qty
        if held < true:
            text = f"{true} of {name} ({theirs.status}) are open at the exchange, {held} here"
            self._break(f"I10 {text} ({ours.ord_status})")

    def _ended(self, book: Book, name: ClOrdID) -> Order | None:
        return book.ended.get(name) or self.world.engine.order(name)

    # What is on the wire

    def asked(
        self, method: str, path: str, body: bytes | None, query: Mapping[str, str] | None
    ) -> Asked:
        """A request of the desk, from its first byte; `answered` ends it."""
        kind, name = self._announcement(method, body)
        if kind:
            announced = f"{kind} {name}".strip()
            self._used[announced] += 1
            if self._used[announced] > self._sends[announced]:
                self._break(f"I01 {method} {path} of {name} is on the wire without its SEND")
        self.in_flight[method] += 1
        self._placing[name] += method == "POST"
        return method, name, SUBJECT.set(self._subject(method, path, name, query or {}))

    def answered(self, asked: Asked) -> None:
        """The answer came, or nobody waits for it."""
        method, name, token = asked
        SUBJECT.reset(token)
        self.in_flight[method] -= 1
        self._placing[name] -= method == "POST"

    def _announcement(self, method: str, body: bytes | None) -> tuple[str, str]:
        if method in ("POST", "PATCH") and body is not None:
            return method, str(msgspec.json.decode(body).get("client_order_id"))
        return (method, "") if method == "DELETE" else ("", "")

    def _subject(self, method: str, path: str, name: str, query: Mapping[str, str]) -> str:
        """What the request is, and how the order stands that it is about."""
        what = _ASKED.get(method)
        if what is None:
            what = "look-up" if "by_client" in path else "question"
            if not path.startswith("/v2/orders") or path == "/v2/orders":
                return f"list {path.rpartition('/')[2]}"
            name = query.get("client_order_id", "")
        state = self._state()
        if state is None:
            return what
        order = state.book.find(ClOrdID(name.partition(".")[0]))
        if order is None:
            order = state.book.find_by_order_id(path.rpartition("/")[2])  # type: ignore[arg-type]  # any text
        return what if order is None else f"{what} {order.venue_status}"

    def statuses(self, symbol: str) -> list[str]:
        """How the open orders in a symbol stand at the exchange."""
        account = self.world.front.server.venue.accounts.get(KEYS.key_id.reveal())
        orders = () if account is None else account.open_orders.values()
        return sorted({order.status for order in orders if order.symbol == symbol})

    def _state(self) -> State | None:
        """The book of a desk that is alive and has read its journal."""
        engine = getattr(self.world, "engine", None)
        if engine is None or self.is_blind or engine._crew is None or engine.failed.done():
            return None
        state: State = engine._crew.state
        return state

    def _break(self, text: str) -> None:
        self.broken.append(text)


_ASKED = {"POST": "place", "PATCH": "replace", "DELETE": "cancel"}
