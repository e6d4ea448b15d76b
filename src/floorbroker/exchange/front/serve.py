"""Serves the exchange over TCP with uvicorn, on a port of one's choice or any free one."""

import asyncio
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

from floorbroker.domain.errors import ConfigError
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.connection import RESET_EXTENSION

#: SO_LINGER with a wait of zero: closing sends a reset instead of an orderly end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
Outcome = TypeVar("Outcome")


@asynccontextmanager
async def serve(front: ExchangeFront, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port, which the system chose if `port` is 0.

    Raises ConfigError if the address cannot be had. A fault that refuses a connection shows as a
    reset here, because the connection was accepted before anyone could read the plan. Signals
    are the caller's business.
    """
    listener = _listener(host, port)
    server = _server(front)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if serving.done():
                await serving
            await front.server.setup.clock.sleep(0.005)
        yield listener.getsockname()[1]
    finally:
        front.server.is_ending = True
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
        listener.close()


async def serve_until_stopped(
    front: ExchangeFront, host: str, port: int, on_ready: Callable[[int], None]
) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` is told the port when it can be connected to.

    Raises what ended the market if it ends by itself.
    """
    async with serve(front, host, port) as bound_port:
        with _told_to_stop() as told:
            on_ready(bound_port)
            await while_it_lasts(front, told.wait())


async def stopped(front: ExchangeFront, on_ready: Callable[[], None]) -> None:
    """Returns when the process is told to stop (SIGTERM or SIGINT).

    `on_ready` is called once a signal means that. Raises what ended the market if it ends by
    itself.
    """
    with _told_to_stop() as told:
        on_ready()
        await while_it_lasts(front, told.wait())


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """Set by SIGTERM and SIGINT, which do nothing else while the block runs."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def while_it_lasts(
    front: ExchangeFront, work: Coroutine[object, object, Outcome]
) -> Outcome:
    """What the work comes to; if the market ends first it is cancelled, and that is raised."""
    working = asyncio.ensure_future(work)
    failing = asyncio.ensure_future(front.server.failed())
    try:
        await asyncio.wait({working, failing}, return_when=asyncio.FIRST_COMPLETED)
        if front.server.failure is not None:  # work that trips over it is not the cause
            raise front.server.failure
        return working.result()
    finally:
        working.cancel()
        failing.cancel()
        await asyncio.gather(working, failing, return_exceptions=True)


def _listener(host: str, port: int) -> socket.socket:
    """A bound socket; the front answers nobody before it listens."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; "
            "choose another port with --port (0 takes any free one), or stop what uses it"
        ) from None
    return listener


def _server(front: ExchangeFront) -> Any:
    """A uvicorn server that knows how to cut a connection when the fault plan says so.

    It is imported here because it takes longer to import than a command may take to start.
    """
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    class Http(HttpToolsProtocol):
        def on_message_begin(self) -> None:
            super().on_message_begin()
            extensions: Any = {RESET_EXTENSION: lambda how: _reset(self.transport)}
            self.scope["extensions"] = extensions

    class WebSocket(WebSocketsSansIOProtocol):
        def handle_connect(self, event: Any) -> None:
            super().handle_connect(event)
            if not self.close_sent:  # the handshake was one
                extensions: Any = self.scope["extensions"]
                extensions[RESET_EXTENSION] = lambda how: _reset(self.transport)

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Whoever opened the block decides what a signal does."""
            yield

    config = uvicorn.Config(
        front,
        http=Http,
        ws=WebSocket,
        loop="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    return Server(config)


def _reset(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
