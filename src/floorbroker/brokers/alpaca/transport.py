"""The bytes between the Alpaca client and whatever speaks its protocol: network or memory."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class Response(Struct, frozen=True):
    """One HTTP answer: status, headers to be looked up by lower-case name, body as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotDelivered(ConnectionError):
    """The request surely did not reach the other side: refused, no name, no TLS."""


class DeliveryUnknown(ConnectionError):
    """The request may have reached the other side: reset, time-out, broken answer."""


class FramesClosed(ConnectionError):
    """The frame stream ended; `code` is the WebSocket close code, 1006 for a plain loss."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(f"closed with code {code} {text}".rstrip())
        self.code = code


class Frames(Protocol):
    """A WebSocket: messages in, messages out."""

    async def send(self, payload: bytes | str) -> None:
        """Raises FramesClosed once the other side is gone."""
        ...

    async def receive(self) -> bytes | str:
        """The next message; raises FramesClosed at the end."""
        ...

    async def aclose(self) -> None: ...


class Transport(Protocol):
    """Carries one request, or opens one stream of frames."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request and its answer, within the transport's time-out.

        Raises NotDelivered when no byte of the request can have been acted upon, DeliveryUnknown
        for everything else that goes wrong. Never retries, follows no redirect.
        """
        ...

    async def connect(self, path: str, *, headers: Mapping[str, str] | None = None) -> Frames:
        """Open a WebSocket; raises NotDelivered, or FramesClosed with the HTTP status as code."""
        ...

    async def aclose(self) -> None: ...
