"""Server-sent events of an account's activities: its past from a chosen point, then live.

An event's identifier is a ULID made of the activity's time and of the venue's own count, so it is
the same at each replay and after a restart, and a later activity always sorts behind.
"""

import asyncio
import heapq
import re
from collections.abc import Iterator
from contextlib import suppress

from msgspec import Struct

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.front.http import Answer, Receive, Request, Route, Send
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import Entry, Execution, VenueError, VenueEvent
from floorbroker.exchange.records.identifiers import Identifiers
from floorbroker.exchange.reference.calendar import new_york_date, settlement_of
from floorbroker.exchange.venue import Venue
from floorbroker.exchange.wire.entries import entry_event
from floorbroker.exchange.wire.words import encode, maybe_moment, number, wire_time

PATH = "/v2beta1/events/activities"
#: Silence after which a comment tells that the connection lives.
HEARTBEAT_S = 15.0
#: How soon what was no trade, the end of a bounded stream or of the exchange is noticed; no event
#: tells them.
POLL_S = 0.5
BATCH = 500
_HEARTBEAT = b":heartbeat\n\n"
_FAILED = b": internal server error\n\n"
_CONTENT_TYPE = (b"content-type", b"text/event-stream")
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = re.compile(f"[0-7][{_LETTERS}]{{25}}")
_RANDOM_BITS = 80
_NS_PER_MS = 1_000_000
_NEVER = 1 << 130

#: What became of a trade, by the type of the execution.
_TRADE_STATUS = {"fill": "executed", "trade_bust": "canceled", "trade_correct": "correct"}

Activity = Execution | Entry


class Span(Struct, frozen=True, kw_only=True):
    """What is wanted: identifiers behind `after` up to `until`, times from `since_ns` on.

    Without a past, `has_past` is false and the rest bounds only what comes.
    """

    has_past: bool
    after: int = -1
    until: int = _NEVER
    since_ns: int = 0

    def begins_at(self) -> int:
        """No activity before that time is wanted."""
        return max(self.since_ns, (self.after >> _RANDOM_BITS) * _NS_PER_MS)


class ActivityStreams:
    """The handler of /v2beta1/events/activities, and who listens there."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server
        self._waiting: set[asyncio.Event] = set()

    def routes(self) -> list[Route]:
        return [Route("GET", PATH, self.subscribe)]

    def subscribe(self, request: Request) -> Answer:
        span = span_of(request.query())
        self._server.venue.account(request.account)  # it exists from now on
        reader = Reader(self._server, request.account, span)

        async def stream(receive: Receive, send: Send) -> None:
            await self._stream(reader, receive, send)

        no_cache = (b"cache-control", b"no-cache")
        return Answer(headers=(no_cache,), content_type=_CONTENT_TYPE, stream=stream)

    async def _stream(self, reader: "Reader", receive: Receive, send: Send) -> None:
        """Until the client leaves, the span is over, or the exchange ends."""
        woken, listeners = asyncio.Event(), self._server.event_listeners
        if not self._waiting:  # else nobody is to be woken
            listeners.append(self._wake)
        self._waiting.add(woken)
        leaving = asyncio.ensure_future(_until_gone(receive))
        leaving.add_done_callback(lambda _: woken.set())
        try:
            await self._tell(reader, woken, leaving, send)
        finally:
            self._waiting.discard(woken)
            if not self._waiting:
                listeners.remove(self._wake)
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(
        self, reader: "Reader", woken: asyncio.Event, leaving: "asyncio.Future[None]", send: Send
    ) -> None:
        monotonic = self._server.setup.clock.monotonic
        said_s = monotonic() - HEARTBEAT_S  # the first comment comes at once
        while not leaving.done() and not self._server.is_ending:
            woken.clear()
            said = b"".join(frame_of(each) for each in reader.take(BATCH))
            if self._server.failure is not None:
                await _send(send, _FAILED)
                return
            if not said and reader.is_done:
                return
            if not said and monotonic() - said_s >= HEARTBEAT_S:
                said = _HEARTBEAT
            if said:
                await _send(send, said)
                said_s = monotonic()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await woken.wait()

    def _wake(self, events: list[VenueEvent]) -> None:
        for woken in self._waiting:
            woken.set()


class Reader:
    """One client's place in the activities of its account; starts afresh after a reset."""

    def __init__(self, server: ExchangeServer, key_id: str, span: Span) -> None:
        self._server = server
        self._key_id = key_id
        self._span = span
        self._is_past_end = False
        self._venue: Venue = server.venue
        # All executions up to that number are told, and so many entries.
        self._fills_told = server.venue.blotter.ids.count
        self._entries_told = len(self._account.entries)
        if span.has_past:
            self._entries_told = 0
            executions = server.venue.executions
            self._fills_told = executions.first_at(key_id, span.begins_at()) - 1

    @property
    def _account(self) -> VenueAccount:
        return self._venue.account(self._key_id)

    @property
    def is_done(self) -> bool:
        """Whether nothing that is wanted can come any more, once `take` had nothing."""
        end_ms = self._span.until >> _RANDOM_BITS
        return self._is_past_end or self._server.now_ns // _NS_PER_MS > end_ms

    def take(self, most: int) -> "list[Told]":
        """The next events, oldest first."""
        if self._venue is not self._server.venue:
            self._venue = self._server.venue
            self._fills_told = self._entries_told = 0
        taken: list[Told] = []
        account = self._account
        begins_ns = self._span.begins_at()
        for activity in self._rest(account):
            event_id = event_number(activity)
            if event_id > self._span.until:
                self._is_past_end = True
                break
            self._note(activity)
            is_told = isinstance(activity, Entry) or activity.corrected_by is None
            if is_told and activity.time_ns >= begins_ns and event_id > self._span.after:
                taken.append(Told(account=account, venue=self._venue, activity=activity))
                if len(taken) == most:
                    break
        else:
            self._fills_told = self._venue.blotter.ids.count  # those of others are passed too
        return taken

    def _rest(self, account: VenueAccount) -> Iterator[Activity]:
        """What was not told yet, in the order in which it came about."""
        fills = self._venue.executions.of(account.key_id, self._fills_told + 1)
        return heapq.merge(fills, account.entries[self._entries_told :], key=event_number)

    def _note(self, activity: Activity) -> None:
        if isinstance(activity, Execution):
            self._fills_told = Identifiers.number_of(activity.execution_id)
        else:
            self._entries_told += 1


class Told(Struct, frozen=True):
    """An activity with what is needed to tell it."""

    account: VenueAccount
    venue: Venue
    activity: Activity


def span_of(query: dict[str, str]) -> Span:
    """The bounds of a query; raises VenueError 400 for some that do not go together."""
    for end, start in (("until", "since"), ("until_id", "since_id")):
        if query.get(end) and not query.get(start):
            raise _bad(f"{start} is required if {end} is specified")
    if query.get("since") and query.get("since_id"):
        raise _bad("since and since_id can't be used at the same time")
    if query.get("since_id"):
        until_id = query.get("until_id")
        return Span(
            has_past=True,
            after=_number(query["since_id"], "since_id"),
            until=_NEVER if until_id is None else _number(until_id, "until_id"),
        )
    try:
        since_ns, until_ns = maybe_moment(query, "since"), maybe_moment(query, "until")
    except VenueError as refusal:
        raise _bad(refusal.message) from None
    if since_ns is None:
        return Span(has_past=False)
    # The last identifier of the millisecond in which it ends.
    until = _NEVER if until_ns is None else ((until_ns // _NS_PER_MS + 1) << _RANDOM_BITS) - 1
    return Span(has_past=True, since_ns=since_ns, until=until)


def event_number(activity: Activity) -> int:
    """The activity's ULID as a number: 48 bits of milliseconds, then the venue's count."""
    identifier = activity.execution_id if isinstance(activity, Execution) else activity.id
    milliseconds = activity.time_ns // _NS_PER_MS
    return milliseconds << _RANDOM_BITS | Identifiers.number_of(identifier)


def ulid(value: int) -> str:
    """26 letters that sort like the number."""
    return "".join(_LETTERS[value >> shift & 31] for shift in range(125, -1, -5))


def frame_of(told: Told) -> bytes:
    """One event on the wire."""
    activity = told.activity
    event_id = ulid(event_number(activity))
    if isinstance(activity, Execution):
        view = _trade_view(activity, told.venue)
    else:
        view = entry_event(activity)
    at = wire_time(activity.time_ns)
    day = new_york_date(activity.time_ns)
    envelope = {
        "account_id": told.account.id,
        "at": at,
        "event_id": event_id,
        "executed_at": at,
        "settle_date": settlement_of(day).isoformat(),
        "currency": "USD",
    }
    return b"id: %s\ndata: %s\n\n" % (event_id.encode(), encode({**envelope, **view}))


def _trade_view(fill: Execution, venue: Venue) -> dict[str, object]:
    """A bust has a negative quantity; it and a correction name the fill that they undo."""
    how = "fill" if fill.is_fill else "trade_bust" if fill.is_bust else "trade_correct"
    signed = fill.qty if fill.side == "buy" else -fill.qty
    view: dict[str, object] = {
        "activity_type": "TRD",
        "ref_id": fill.execution_id,
        "status": _TRADE_STATUS[how],
        "qty": number(fill.qty),
        "price": number(fill.price),
        "net_amount": number(-signed * fill.price),
        "details": {
            "order_id": fill.order_id,
            "client_order_id": fill.client_order_id,
            "asset_id": venue.asset(fill.symbol).id,
            "symbol": fill.symbol,
            "side": fill.side,
            "cum_qty": number(fill.cum_qty),
            "leaves_qty": number(fill.leaves_qty),
            "order_status": "partially_filled" if fill.leaves_qty else "filled",
            "execution_type": how,
        },
    }
    if not fill.is_fill:
        view["previous_id"] = fill.previous_execution_id
    return view


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _number(text: str, name: str) -> int:
    if not _ULID.fullmatch(text.upper()):
        raise _bad(f"invalid {name}: {text}; must be a ULID")
    value = 0
    for letter in text.upper():
        value = value << 5 | _LETTERS.index(letter)
    return value


def _bad(text: str) -> VenueError:
    return VenueError(400, 40010001, text)
