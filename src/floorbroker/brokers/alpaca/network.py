"""A Transport over the network: one pool of kept-alive connections to one address.

What surely did not arrive and what may have
--------------------------------------------
Until a connection stands (name, TCP, TLS) no byte of the request has left: those failures are
NotDelivered. From the first byte on every failure is DeliveryUnknown, also that of a kept-alive
connection that the other side was just closing: it cannot be told from one that it closed after
reading the request.

aiohttp repeats some requests on its own after a kept-alive connection has died: GET, PUT and
DELETE, never POST and PATCH (`aiohttp.client.IDEMPOTENT_METHODS`). A cancel is a DELETE, and no
request may be repeated behind the engine's back, so a client middleware turns the two exceptions
that aiohttp repeats upon (ClientOSError and ServerDisconnectedError) into one that it does not
know. It sits inside aiohttp's loop of tries; nothing else in aiohttp sends twice, as redirects are
not followed and proxies are not used.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from floorbroker.brokers.alpaca.transport import (
    DeliveryUnknown,
    Frames,
    FramesClosed,
    NotDelivered,
    Response,
)

if TYPE_CHECKING:  # imported when first used: it takes 0.2 s
    from aiohttp import (
        ClientHandlerType,
        ClientRequest,
        ClientResponse,
        ClientSession,
        ClientWebSocketResponse,
    )

_ABNORMAL = 1006
_ANSWER_MAX = 64 << 20


class NetworkRules(Struct, frozen=True, kw_only=True):
    """Times in seconds, sizes in connections."""

    connect_timeout_s: float = 5.0  #: Name, TCP and TLS together.
    timeout_s: float = 15.0  #: A whole request, its connection included.
    keepalive_s: float = 30.0
    connections_max: int = 256
    heartbeat_s: float = 10.0  #: Between the pings of a WebSocket; a lost pong ends it.


class _LostAfterSending(Exception):
    """The connection failed when the request may already have been on it."""


class NetworkTransport:
    """HTTP and WebSocket to one address, such as https://paper-api.alpaca.markets.

    Certificates are verified; redirects are not followed; proxies and .netrc are ignored.
    """

    def __init__(self, base_url: str, rules: NetworkRules | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.rules = rules or NetworkRules()
        self._session: ClientSession | None = None
        self._is_closed = False

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        import aiohttp
        from yarl import URL

        session = self._open()
        url = URL(self.base_url + path, encoded=True)
        try:
            async with session.request(
                method, url, params=query, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return Response(answer.status, answer.headers, await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as problem:
            failure: ConnectionError = NotDelivered(_said(problem))
        except TimeoutError:
            failure = DeliveryUnknown(f"no answer within {self.rules.timeout_s} s")
        except (aiohttp.ClientError, _LostAfterSending, OSError) as problem:
            failure = DeliveryUnknown(_said(problem))
        # Raised here and not above, so that no chain leads to aiohttp's own exception, which
        # holds the request and with it the keys.
        raise failure

    async def connect(self, path: str, *, headers: Mapping[str, str] | None = None) -> Frames:
        import aiohttp

        session = self._open()
        failure: ConnectionError
        try:
            socket = await session.ws_connect(
                self.base_url + path,
                headers=headers,
                heartbeat=self.rules.heartbeat_s,
                max_msg_size=_ANSWER_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            )
            return _Socket(socket)
        except aiohttp.WSServerHandshakeError as problem:
            failure = FramesClosed(problem.status, "the handshake was refused")
        except (aiohttp.ClientError, _LostAfterSending, OSError) as problem:
            failure = NotDelivered(_said(problem))
        raise failure

    async def aclose(self) -> None:
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    def _open(self) -> "ClientSession":
        if self._is_closed:
            raise NotDelivered("the transport is closed")
        if self._session is None:
            self._session = self._make_session()
        return self._session

    def _make_session(self) -> "ClientSession":
        import aiohttp

        rules = self.rules
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=rules.connections_max, keepalive_timeout=rules.keepalive_s
            ),
            timeout=aiohttp.ClientTimeout(
                total=rules.timeout_s,
                connect=rules.connect_timeout_s,
                sock_connect=rules.connect_timeout_s,
            ),
            middlewares=(_send_once,),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=True,
        )


async def _send_once(request: "ClientRequest", handler: "ClientHandlerType") -> "ClientResponse":
    """Hide from aiohttp the failures that it would answer by sending again."""
    import aiohttp

    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # no connection stood; aiohttp does not try again
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as problem:
        text = _said(problem)
    raise _LostAfterSending(text)


class _Socket:
    """Frames over an aiohttp WebSocket."""

    def __init__(self, socket: "ClientWebSocketResponse") -> None:
        self._socket = socket

    async def send(self, payload: bytes | str) -> None:
        try:
            if isinstance(payload, str):
                await self._socket.send_str(payload)
            else:
                await self._socket.send_bytes(payload)
        except (ConnectionError, RuntimeError) as problem:
            raise FramesClosed(self._socket.close_code or _ABNORMAL, _said(problem)) from None

    async def receive(self) -> bytes | str:
        from aiohttp import WSMsgType

        message = await self._socket.receive()
        if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
            payload: bytes | str = message.data
            return payload
        code = self._socket.close_code
        raise FramesClosed(code or _ABNORMAL, str(message.extra or ""))

    async def aclose(self) -> None:
        await self._socket.close()


def _said(problem: BaseException) -> str:
    if isinstance(problem, _LostAfterSending):
        return str(problem)
    return f"{type(problem).__name__}: {problem}"
