"""The exchange's face: an ASGI application with a router of its own and no server inside.

Faults of the connection itself need the server's help. Where `scope["extensions"]` holds
"floorbroker.reset", it is called with "refuse" or "reset" and ends the connection without an
answer; elsewhere FaultInjected is raised out of the application, which means the same.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from random import Random
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.wire.words import error_body

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

RESET_EXTENSION = "floorbroker.reset"
BODY_LIMIT = 1 << 20
_JSON = (b"content-type", b"application/json; charset=UTF-8")
_HTML = (b"content-type", b"text/html")
_GARBAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class FaultInjected(Exception):
    """The fault plan cut the connection; `delivered` says whether the request may have arrived."""

    def __init__(self, text: str, *, delivered: bool) -> None:
        super().__init__(text)
        self.delivered = delivered


class Request:
    """One request: the account is its key id, `args` are the path's variable segments."""

    __slots__ = ("account", "args", "body", "headers", "method", "path", "query_string")

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope.get("query_string", b"")
        self.headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        self.body = body
        self.account = ""
        self.args: tuple[str, ...] = ()

    def query(self) -> dict[str, str]:
        """The query's parameters; one that is repeated becomes a comma-separated list."""
        query: dict[str, str] = {}
        for name, value in parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True):
            query[name] = f"{query[name]},{value}" if name in query else value
        return query


class Answer(Struct, gc=False):
    """What is sent back; an empty body stays empty."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: tuple[bytes, bytes] = _JSON


Handler = Callable[[Request], Answer]


class Route(Struct, frozen=True):
    """A handler's place: `{}` stands for one variable segment of the path."""

    method: str
    path: str
    handler: Handler


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
        self._router = _Router(routes)
        self._web_sockets = web_sockets
        # Their own dice: the number of requests must not change the venue's identifiers.
        self._random = Random(server.setup.seed)  # noqa: S311  (request ids, not secrets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.server.start()
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
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

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        request = Request(scope, body)
        server = self.server
        if request.path.startswith("/_exchange"):
            await self._reply(send, self._act(request))
            return
        account, secret = credentials(request.headers)
        request.account = account
        faults = server.faults.on_request(request.method, request.path, account, server.now_ns)
        if faults:
            await self._misbehave(request, secret, faults, _Wire(scope, receive, send))
        else:
            await self._reply(send, self._answer(request, secret))

    def _answer(self, request: Request, secret: str) -> Answer:
        if not self.rules.accepts(request.account, secret):
            return self._unauthorized()
        limit = self.server.rate_limit
        if limit is None:
            return self._act(request)
        is_allowed, headers = limit.spend(request.account)
        answer = self._act(request) if is_allowed else _too_many()
        answer.headers += headers
        return answer

    def _act(self, request: Request) -> Answer:
        """Have the request done at the market's present time; what it did is saved on return."""
        self.server.catch_up()
        try:
            return self._router.find(request)(request)
        except VenueError as error:
            return Answer(error.http_status, error_body(error.code, error.message, error.extra))
        finally:
            self.server.commit()

    async def _misbehave(
        self, request: Request, secret: str, faults: tuple[FaultRule, ...], wire: "_Wire"
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
            await self._reply(wire.send, _too_many(rule.retry_after_s))
            return
        if (rule := struck.get("server_error")) is not None:
            await self._reply(wire.send, _server_error(rule.status))
            return
        answer = self._answer(request, secret)
        if "deliver_twice" in struck:
            answer = self._answer(request, secret)
        if (rule := struck.get("late_visibility")) is not None and answer.status == 200:
            self.server.hide_latest_order(request.account, rule.wait_s)
        if (rule := struck.get("late_answer")) is not None:
            await sleep(rule.wait_s)
        await self._spoil(answer, struck, wire)

    async def _spoil(self, answer: Answer, struck: Mapping[str, FaultRule], wire: "_Wire") -> None:
        """The request was acted upon; its answer is lost, broken, or leaves as it is."""
        if (rule := struck.get("accept_then_hang")) is not None:
            if await wire.is_gone_within(rule.wait_s):
                return
            await wire.drop(has_arrived=True)
        elif "reset_after_accept" in struck:
            await wire.drop(has_arrived=True)
        elif "accept_then_504" in struck:
            await self._reply(wire.send, _server_error(504))
        elif "garbage_body" in struck:
            await self._reply(wire.send, Answer(answer.status, _GARBAGE, (), _HTML))
        else:
            if "truncated_body" in struck:
                answer.body = answer.body[: len(answer.body) // 2]
            await self._reply(wire.send, answer)

    async def _reply(self, send: Send, answer: Answer) -> None:
        request_id = b"%032x" % self._random.getrandbits(128)
        headers: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id), *answer.headers]
        if answer.status != 204:
            headers.append(answer.content_type)
            headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _unauthorized(self) -> Answer:
        if self.rules.is_forbidden_403:
            return Answer(403, b'{"message":"forbidden."}')
        return Answer(401, error_body(40110000, "request is not authorized"))


def credentials(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """Key id and secret of a request: the header pair, an OAuth token, or HTTP Basic."""
    key_id = secret = ""
    for name, value in headers:
        if name == b"apca-api-key-id":
            key_id = value.decode("latin-1")
        elif name == b"apca-api-secret-key":
            secret = value.decode("latin-1")
        elif name == b"authorization" and not key_id:
            key_id, secret = _authorization(value)
    return key_id, secret


def _authorization(value: bytes) -> tuple[str, str]:
    scheme, _, text = value.partition(b" ")
    if scheme.lower() == b"bearer":
        return text.decode("latin-1"), ""
    try:
        key_id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key_id, secret


class _Wire:
    """The connection of one request, for faults that misuse it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self.send = send

    async def drop(self, *, has_arrived: bool) -> None:
        """End the connection without an answer."""
        await drop_connection(self._scope, has_arrived=has_arrived)
        await self.is_gone_within(5)

    async def is_gone_within(self, seconds: float) -> bool:
        """Whether the other side hangs up before that."""
        try:
            async with asyncio.timeout(seconds):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        return True


async def drop_connection(scope: Scope, *, has_arrived: bool) -> None:
    """Have the server cut the connection; raises FaultInjected where it cannot be told to."""
    reset = (scope.get("extensions") or {}).get(RESET_EXTENSION)
    if reset is None:
        how = "reset" if has_arrived else "refused"
        raise FaultInjected(f"connection {how} by the fault plan", delivered=has_arrived)
    outcome = reset("reset" if has_arrived else "refuse")
    if outcome is not None:
        await outcome


class _Router:
    """Finds a handler: exact paths in one look-up, the others segment by segment."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[tuple[str, str], Handler] = {}
        self._tree: dict[str, Any] = {}
        for route in routes:
            if "{}" not in route.path:
                self._exact[route.method, route.path] = route.handler
                continue
            branch = self._tree.setdefault(route.method, {})
            for segment in route.path.split("/")[1:]:
                branch = branch.setdefault(segment, {})
            branch[""] = route.handler

    def find(self, request: Request) -> Handler:
        """Sets the request's `args`; raises VenueError 404 for a path that nobody serves."""
        handler: Handler | None = self._exact.get((request.method, request.path))
        if handler is not None:
            return handler
        branch: Any = self._tree.get(request.method)
        args: list[str] = []
        for segment in request.path.split("/")[1:]:
            if branch is None:
                break
            if segment in branch and segment:
                branch = branch[segment]
            else:
                branch = branch.get("{}")
                args.append(unquote(segment))
        handler = branch.get("") if branch else None
        if handler is None:
            text = f"endpoint not found: {request.method} {request.path}"
            raise VenueError(404, 40410000, text)
        request.args = tuple(args)
        found: Handler = handler
        return found


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None if the other side hung up while sending it."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= BODY_LIMIT:  # past the limit it is read, but no longer kept
            body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


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
    return Answer(status, _GARBAGE, (), _HTML)
