"""The exchange's face: an ASGI application with a router of its own and no server inside.

Faults of the connection itself need the server's help. Where `scope["extensions"]` holds
"floorbroker.reset", it is called with "refuse" or "reset" and ends the connection without an
answer; elsewhere FaultInjected is raised out of the application, which means the same.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, repeat
from random import Random
from typing import Any, Protocol

from msgspec.structs import replace

from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.front.connection import Wire
from floorbroker.exchange.front.http import (
    HTML,
    JSON,
    KEY_ID,
    SECRET,
    Answer,
    Deed,
    Header,
    Receive,
    Request,
    Route,
    Router,
    Scope,
    Send,
    credentials,
    read_body,
)
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.records.identifiers import made_after
from floorbroker.exchange.wire.words import error_body

_FOREIGN = error_body(40310000, "controls are not for pages of other sites")
#: Questions whose answers are kept to be given again.
_TOLD_MAX = 1000
_STATUS = re.compile(rb'("status":)"[a-z_]+"')
_GARBAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


#: Pairs of key and secret that are remembered, right or wrong.
_KNOWN_MAX = 1000


class WebSockets(Protocol):
    """Whoever serves the WebSocket paths."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class ExchangeFront:
    """Routes requests to handlers, lets the fault plan spoil them, and answers."""

    def __init__(
        self,
        server: ExchangeServer,
        routes: Iterable[Route],
        web_sockets: WebSockets,
    ) -> None:
        self.server = server
        self.rules = server.setup.front
        self._router = Router(routes)
        self._deeds = self._router.deeds
        self._web_sockets = web_sockets
        # Their own dice: the number of requests must not change the venue's identifiers.
        dice = Random(server.setup.seed)  # noqa: S311  (no secrets)
        #: Makes a request's name; without a frame of Python, because each order asks.
        self._name: Callable[[], Header] = chain.from_iterable(_names(dice)).__next__
        self._known: dict[tuple[bytes | None, bytes | None], tuple[str, bool]] = {}
        #: The latest headers, and whose they were.
        self._seen: list[Any] | None = None
        self._caller = "", False
        #: By question: what `stale_answer` let through last, and when.
        self._told: dict[tuple[str, str, bytes], Answer] = {}
        self._told_at_s: dict[tuple[str, str, bytes], float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one WebSocket, or the server's lifespan.

        What is asked often is served right here: each coroutine further down would be one more
        for every order.
        """
        if scope["type"] != "http":
            await self._serve_other(scope, receive, send)
            return
        server = self.server
        if not server.is_moving:
            server.start()
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body = message.get("body", b"")
        elif (body := await read_body(receive, message)) is None:
            return
        headers = scope["headers"]
        # Whoever asks again mostly says the same of himself.
        account, is_right = self._caller if headers == self._seen else self._recognized(headers)
        method, path = scope["method"], scope["path"]
        deed = self._deeds.get(path) if method == "POST" else None
        if deed is None or not is_right or server.mischief.plan.rules:
            query_string = scope.get("query_string", b"")
            request = Request(method, path, query_string, headers, body, account, is_right)
            await self._serve(request, Wire(scope, receive, send))
            return
        is_allowed, limits = server.rate_limit.spend(account)
        answer = self._act(deed, account, body) if is_allowed else _too_many()
        told = answer.body
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    self._name(),
                    JSON,
                    _LENGTHS[len(told)],
                    *limits,
                ],
            }
        )
        await send({"type": "http.response.body", "body": told})

    async def _serve(self, request: Request, wire: Wire) -> None:
        """Answer any request, unless the fault plan has it otherwise."""
        server = self.server
        if request.path.startswith("/_exchange"):
            answer = self._control(request)
        else:
            plan = server.mischief.plan
            if plan.rules and (
                faults := plan.on_request(
                    request.method, request.path, request.account, server.now_ns
                )
            ):
                await self._misbehave(request, faults, wire)
                return
            answer = self._answer(request)
        await self._reply(wire, answer)

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            self.server.start()
            await self._web_sockets.serve(scope, receive, send)
        else:
            await self._follow_lifespan(receive, send)

    async def aclose(self) -> None:
        """Stop the market; for whoever uses the application without a server's lifespan."""
        await self.server.aclose()

    async def _follow_lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.server.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _recognized(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bool]:
        """The account of a request, and whether its secret is right."""
        seen: list[Any] = [*map(tuple, headers)]
        given = dict(seen)
        pair = given.get(KEY_ID), given.get(SECRET)
        known = self._known.get(pair)
        if known is None:
            account, secret = credentials(given.items())
            known = account, self.rules.accepts(account, secret)
            if pair[0] and len(self._known) < _KNOWN_MAX:
                self._known[pair] = known
        self._seen, self._caller = seen, known  # a copy, in case that somebody changes his own
        return known

    def _control(self, request: Request) -> Answer:
        is_ours = request.method == "GET" or not _is_of_another_site(request)
        return self._handle(request) if is_ours else Answer(403, _FOREIGN)

    def _answer(self, request: Request) -> Answer:
        if not request.is_right and not _is_open(request):
            return self._unauthorized()
        is_allowed, headers = self.server.rate_limit.spend(request.account)
        answer = self._handle(request) if is_allowed else _too_many()
        answer.headers = answer.headers + headers if answer.headers else headers
        return answer

    def _handle(self, request: Request) -> Answer:
        def handle(account: str, body: bytes) -> Answer:
            return self._router.find(request)(request)

        return self._act(handle, request.account, request.body)

    def _act(self, deed: Deed, account: str, body: bytes) -> Answer:
        """Have it done at the market's present time; what it did is saved on return."""
        server = self.server
        try:
            try:
                server.catch_up()
                return deed(account, body)
            except VenueError as error:
                body = error_body(error.code, error.message, error.extra)
                return Answer(error.http_status, body)
            finally:
                server.commit()
        except Exception:
            if server.failure is None:
                raise
            return Answer(500, error_body(50010000, f"the market has ended: {server.failure}"))

    async def _misbehave(
        self, request: Request, faults: tuple[FaultRule, ...], wire: Wire
    ) -> None:
        """Answer, or do not, as the faults have it: first those before the act, then the rest."""
        struck = {rule.kind: rule for rule in faults}
        sleep = self.server.setup.clock.sleep
        if (rule := struck.get("delay")) is not None:
            await sleep(rule.wait_s)
        if "refuse" in struck or "reset_before_accept" in struck:
            await wire.drop(has_arrived="refuse" not in struck)
            return
        if (rule := struck.get("rate_limit")) is not None:
            await self._reply(wire, _too_many(rule.retry_after_s))
            return
        if (rule := struck.get("server_error")) is not None:
            await self._reply(wire, _server_error(rule.status))
            return
        if "unauthorized" in struck:
            await self._reply(wire, self._unauthorized())
            return
        answer = self._answer(request)
        if (rule := struck.get("stale_answer")) is not None and request.method == "GET":
            answer = self._seen_before(request, answer, rule.wait_s)
        if "deliver_twice" in struck:
            answer = self._answer(request)
        if (rule := struck.get("late_visibility")) is not None and answer.status == 200:
            self.server.hide_latest_order(request.account, rule.wait_s)
        if (rule := struck.get("late_answer")) is not None:
            await sleep(rule.wait_s)
        await self._spoil(answer, struck, wire)

    def _seen_before(self, request: Request, answer: Answer, seconds: float) -> Answer:
        """What a replica that lags says: the answer of up to so many seconds ago."""
        question = (request.account, request.path, request.query_string)
        now_s = self.server.setup.clock.monotonic()
        if question in self._told and now_s - self._told_at_s[question] < seconds:
            return replace(self._told[question])
        if len(self._told) >= _TOLD_MAX:
            self._told.clear()
        self._told[question], self._told_at_s[question] = replace(answer), now_s
        return answer

    async def _spoil(self, answer: Answer, struck: Mapping[str, FaultRule], wire: Wire) -> None:
        """The request was acted upon; its answer is lost, broken, or leaves as it is."""
        if (rule := struck.get("accept_then_hang")) is not None:
            if await wire.is_gone_within(rule.wait_s):
                return
            await wire.drop(has_arrived=True)
        elif "reset_after_accept" in struck:
            await wire.drop(has_arrived=True)
        elif "accept_then_504" in struck:
            await self._reply(wire, _server_error(504))
        elif "garbage_body" in struck:
            await self._reply(wire, Answer(answer.status, _GARBAGE, (), HTML))
        else:
            if "unheard_of" in struck and 200 <= answer.status < 300:
                answer.body = _STATUS.sub(rb'\1"unheard_of","heard_of":[]', answer.body)
            if "truncated_body" in struck:
                answer.body = answer.body[: len(answer.body) // 2]
            await self._reply(wire, answer)

    async def _reply(self, wire: Wire, answer: Answer) -> None:
        headers = self._headers(answer)
        await wire.send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        if answer.stream is None:
            await wire.send({"type": "http.response.body", "body": answer.body})
        else:
            await answer.stream(wire.receive, wire.send)

    def _headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        headers = [
            self._name(),
            answer.content_type,
            _LENGTHS[len(answer.body)],
            *answer.headers,
        ]
        if answer.status == 204:
            del headers[1:3]
        if answer.stream is not None:
            del headers[2]  # nobody knows how long it gets
        return headers

    def _unauthorized(self) -> Answer:
        if self.rules.is_forbidden_403:
            return Answer(403, b'{"message":"forbidden."}')
        return Answer(401, error_body(40110000, "request is not authorized"))


def _names(random: Random) -> Iterator[Iterator[Header]]:
    """Headers of 32 hexadecimal digits each, no two alike; made many at a time."""
    tail, count = f"{random.getrandbits(96):024x}", 0
    while True:
        ready = made_after(count, tail).encode().split(b" ")
        count += len(ready)
        yield zip(repeat(b"x-request-id"), reversed(ready))


class _Lengths(dict[int, Header]):
    """The headers that tell the lengths of bodies; those of short ones are remembered."""

    def __missing__(self, length: int) -> Header:
        header = b"content-length", b"%d" % length
        if length < _REMEMBERED_MAX:
            self[length] = header
        return header


_REMEMBERED_MAX = 4096
_LENGTHS = _Lengths()


def _is_of_another_site(request: Request) -> bool:
    """The controls need no key, but no page that a browser has open elsewhere may move them."""
    given = dict(request.headers)
    origin, host = given.get(b"origin", b""), given.get(b"host", b"")
    return bool(origin) and origin.partition(b"://")[2] != host


def _is_open(request: Request) -> bool:
    """Prices of coins are for everybody; a key that is given must be right all the same."""
    return not request.account and request.path.startswith("/v1beta3/crypto/")


def _too_many(retry_after_s: float | None = None) -> Answer:
    answer = Answer(429, error_body(42910000, "rate limit exceeded"))
    if retry_after_s is not None:
        answer.headers = ((b"retry-after", b"%g" % retry_after_s),)
    return answer


def _server_error(status: int) -> Answer:
    if status == 500:
        return Answer(500, error_body(50010000, "internal server error occurred"))
    if status == 504:
        return Answer(504, error_body(50410000, "request timed out"))
    return Answer(status, _GARBAGE, (), HTML)
