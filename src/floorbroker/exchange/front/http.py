"""What travels over HTTP: requests, answers, and the way from a path to its handler."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from floorbroker.exchange.model import VenueError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Header = tuple[bytes, bytes]

BODY_LIMIT = 1 << 20
JSON = (b"content-type", b"application/json; charset=UTF-8")
HTML = (b"content-type", b"text/html")
#: The headers that name the account and prove it.
KEY_ID, SECRET = b"apca-api-key-id", b"apca-api-secret-key"


class Request(Struct, gc=False):
    """One request: the account is its key id, `args` are the path's variable segments."""

    method: str
    path: str
    query_string: bytes
    headers: Iterable[tuple[bytes, bytes]]
    body: bytes
    account: str = ""
    is_right: bool = False  #: Whether the account's secret is.
    args: tuple[str, ...] = ()

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
    content_type: tuple[bytes, bytes] = JSON
    #: Sends the body in parts for as long as both sides want; `body` is not sent then.
    stream: Callable[[Receive, Send], Awaitable[None]] | None = None


Handler = Callable[[Request], Answer]
#: What is done for an account that sent a body, where nothing else of a request matters.
Deed = Callable[[str, bytes], Answer]


class Route(Struct, frozen=True):
    """A handler's place: `{}` stands for one variable segment of the path."""

    method: str
    path: str
    handler: Handler
    deed: Deed | None = None  #: Of a POST: the same for less, because it needs no `Request`.


class Router:
    """Finds a handler: exact paths in one look-up, the others segment by segment."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.exact: dict[tuple[str, str], Handler] = {}  #: By method and path.
        self.deeds: dict[str, Deed] = {}  #: What is posted, by path.
        self._tree: dict[str, Any] = {}
        for route in routes:
            if route.deed is not None:
                self.deeds[route.path] = route.deed
            if "{}" not in route.path:
                self.exact[route.method, route.path] = route.handler
                continue
            branch = self._tree.setdefault(route.method, {})
            for segment in route.path.split("/")[1:]:
                branch = branch.setdefault(segment, {})
            branch[""] = route.handler

    def find(self, request: Request) -> Handler:
        """Sets the request's `args`; raises VenueError 404 for a path that nobody serves."""
        handler: Handler | None = self.exact.get((request.method, request.path))
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


async def read_body(receive: Receive, message: Message) -> bytes | None:
    """The body that begins with a message; None if the other side hung up while sending it."""
    body = b""
    while True:
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= BODY_LIMIT:  # past the limit it is read, but no longer kept
            body += message.get("body", b"")
        if not message.get("more_body", False):
            return body
        message = await receive()


def credentials(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """Key id and secret of a request: the header pair, an OAuth token, or HTTP Basic."""
    given = dict(headers)
    key_id = given.get(KEY_ID, b"")
    if not key_id and b"authorization" in given:
        return _authorization(given[b"authorization"])
    return key_id.decode("latin-1"), given.get(SECRET, b"").decode("latin-1")


def _authorization(value: bytes) -> tuple[str, str]:
    scheme, _, text = value.partition(b" ")
    if scheme.lower() == b"bearer":
        return text.decode("latin-1"), ""
    try:
        key_id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key_id, secret
